//! Many peers at once.
//!
//! Owns the loops in which nobody can make the others wait: the hub behind `listen --keep-open`, the echo server, those
//! that send and receive datagrams, the probes of `--ping`, the questions and verdicts by datagram, and the chat by
//! hand. A client's misbehaviour ends that client and nothing else. Refuses to open the listening sockets.

pub mod answers;
pub mod asker;
mod attempt;
pub mod chat;
pub mod cutter;
pub mod echo;
pub mod encryption;
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
