//! Many peers at once.
//!
//! Owns the loops in which nobody can make the others wait: the hub behind `listen --keep-open` and the echo
//! server. A client's misbehaviour ends that client and nothing else. Refuses to open the listening sockets.

pub mod echo;
pub mod hub;
