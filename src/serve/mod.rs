//! Many peers at once.
//!
//! Owns the loops in which nobody can make the others wait: the hub behind `listen --keep-open`, the echo server,
//! and those that send and receive datagrams. A client's misbehaviour ends that client and nothing else. Refuses to
//! open the listening sockets.

pub mod cutter;
pub mod echo;
pub mod hub;
mod local;
pub mod mtu;
pub mod partner;
pub mod place;
pub mod receiver;
pub mod sender;
mod source;
pub mod verdict;
