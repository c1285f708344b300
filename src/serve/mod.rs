//! Many peers at once.
//!
//! Owns the loops in which nobody can make the others wait: the hub behind `listen --keep-open`, the echo server,
//! those that send and receive datagrams, the chat by hand over them, the probes of `--ping`, and the verdicts on ports
//! and paths. A client's misbehaviour ends that client and nothing else. Refuses to open the listening sockets.

pub mod answers;
pub mod asker;
mod attempt;
pub mod chat;
pub mod cutter;
pub mod echo;
pub mod exec;
pub mod hub;
mod local;
pub mod mtu;
pub mod pace;
pub mod partner;
pub mod ping;
pub mod place;
pub mod receiver;
pub mod sender;
mod source;
pub mod verdict;
