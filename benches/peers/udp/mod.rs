//! Datagrams: how fast they go out of a file, and how many of them a receiver keeps at a rate that it does not choose.

pub mod bare;
mod calls;
mod pace;
mod receive;
mod send;
mod sink;
pub mod tools;

pub use pace::{TRAIN, offer};
pub use receive::{check as check_receive, run as receive};
pub use send::{check as check_send, run as send};

/// What a datagram of all these scenarios holds: it fits the path of a tunnel over Ethernet.
pub const DATAGRAM: usize = 1200;
