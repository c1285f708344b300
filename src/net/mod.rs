//! Sockets before they are streams: options, names, stream sockets, datagrams, and how a run waits.
//!
//! Owns everything that socket2 is used for. It refuses to move a session's bytes (that is `relay`) and
//! to know which end of a session a socket is (that is `stream`).

pub mod batch;
pub mod context;
pub mod datagram;
mod multicast;
pub mod name;
pub mod options;
pub mod prober;
pub mod resolve;
pub mod socket;
pub mod unix_path;

pub use context::{Context, Cut};
pub use name::SocketName;
pub use options::SocketConfig;
pub use socket::Socket;
