//! sockkit
pub mod address;
pub mod cli;
pub mod cmd;
pub mod deadline;
pub mod error;
pub mod event;
pub mod net;
pub mod opts;
pub mod proto;
pub mod relay;
pub mod report;
pub mod serve;
pub mod stream;
pub mod sys;
