//! TLS as a wrap: any connected stream goes in, an encrypted one comes out (RFC 8446, RFC 5246).
//!
//! ```text
//!  Client ─prepare─▶ ReadyClient ─wrap─▶ Stream::Tls      files and roots are read before anything is opened
//!  Server ─prepare─▶ PreparedServer ─for_names─▶ ReadyServer ─wrap─▶ Stream::Tls
//! ```
//! [`Tls`] keeps the contract of every [`Stream`](super::Stream): a call that can't go on gives `WouldBlock`. Owns
//! handshakes, trust and the two ends (`close_notify`, then FIN). Refuses to open sockets and to know what is said through
//! it. rustls stays behind this door; without the cargo feature `tls` the door is there and says so.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod choice;
#[cfg(feature = "tls")]
mod client;
#[cfg(feature = "tls")]
mod facts;
#[cfg(feature = "tls")]
mod failure;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod objection;
mod options;
#[cfg(feature = "tls")]
mod protocol;
#[cfg(feature = "tls")]
mod server;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod trust;

pub use options::{Client, Identity, Protocol, Server, Shows, Version};

use crate::error::Error;
use crate::event::tls::Handshake;

#[cfg(not(feature = "tls"))]
pub use absent::{PreparedServer, ReadyClient, ReadyServer, Tls};
#[cfg(feature = "tls")]
pub use {client::ReadyClient, server::PreparedServer, server::ReadyServer, session::Tls};

/// Why a handshake came to nothing, and what the peer showed until then.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// What was agreed and shown; `None` where the peer had not shown a certificate yet.
    pub handshake: Option<Box<Handshake>>,
}

/// The cryptography: ring, or with the cargo feature `aws-lc` that library, which has post-quantum key exchange.
#[cfg(feature = "tls")]
fn provider() -> rustls::crypto::CryptoProvider {
    #[cfg(feature = "aws-lc")]
    return rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc"))]
    rustls::crypto::ring::default_provider()
}

/// Encrypts what a client may come back with to go on with its session, by keys that change every few hours.
#[cfg(feature = "tls")]
fn ticketer() -> Result<std::sync::Arc<dyn rustls::server::ProducesTickets>, rustls::Error> {
    #[cfg(feature = "aws-lc")]
    return rustls::crypto::aws_lc_rs::Ticketer::new();
    #[cfg(not(feature = "aws-lc"))]
    rustls::crypto::ring::Ticketer::new()
}
