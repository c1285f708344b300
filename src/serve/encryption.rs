//! The clients of a loop that are encrypted: their handshakes, as far as each goes in one turn.
//!
//! Owns what a loop keeps of each for that. Refuses to wait: the loop does, and lets go whoever takes too long.

use std::time::{Duration, Instant};

use crate::deadline::{Bound, Expired};
use crate::error::Error;
use crate::net::Context;
use crate::stream::Stream;
use crate::stream::tls::ReadyServer;

/// One record (RFC 8446 §5.2: 16 KiB, 5 bytes before and 256 behind it) and what comes glued to it. A loop has many
/// clients, and none of them is bulk alone.
const CAPACITY: usize = 18 * 1024;

/// Nobody waits that long.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How the clients of a loop are encrypted.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// What the server shows, and what it demands.
    pub server: ReadyServer,
    /// How long a client may take for its handshake.
    pub limit: Bound,
}

impl Encryption {
    /// Wraps the stream of a client, whose handshake is still to come.
    pub(super) fn begin(&self, ctx: &Context<'_>, under: Stream) -> Result<Stream, Error> {
        Ok(Stream::Tls(Box::new(self.server.begin(ctx, under, CAPACITY)?)))
    }

    /// When the handshake of a client that has come at `now` must be over.
    pub(super) fn until(&self, now: Instant) -> Instant {
        // A limit past the end of time is none.
        now.checked_add(self.limit.length).unwrap_or_else(|| now + FAR)
    }

    /// Goes on with the handshake as far as it can; tells whether it is over.
    pub(super) fn advance(&self, ctx: &Context<'_>, stream: &mut Stream) -> Result<bool, Error> {
        let Stream::Tls(tls) = stream else { return Ok(true) };
        if !tls.advance().map_err(|e| tls.read_error(&e))? {
            return Ok(false);
        }
        self.server.tell_agreed(ctx, tls);
        Ok(true)
    }

    /// The error of a client that takes too long.
    pub(super) fn expired(&self, stream: &Stream) -> Error {
        Error::expired("shake hands with", stream.name(), Expired(self.limit))
    }
}
