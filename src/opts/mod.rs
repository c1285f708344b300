//! The groups of options that subcommands share, and what each becomes.
//!
//! Owns spelling, help text and conversion into the plain configurations of the rooms below. Opens nothing. A verb
//! flattens exactly the groups that it honours: an option that it would ignore is a usage error.

pub mod account;
pub mod address;
pub mod announce;
pub mod answers;
pub mod chat;
pub mod dialogue;
pub mod faults;
pub mod http;
pub mod intake;
pub mod limits;
pub mod multicast;
pub mod pace;
pub mod ping;
pub mod prefix;
pub mod probe;
pub mod progress;
pub mod proxy;
pub mod relay;
pub mod service;
pub mod socket;
pub mod taps;
pub mod tls;
pub mod tls_server;
pub mod values;
pub mod verdict;
pub mod voice;
