//! Moving bytes between the two streams of a session.
//!
//! ```text
//!            outgoing: Running → ShuttingDown → Done
//!   local  ─────────────── buffer ───────────────▶  remote
//!          ◀────────────── buffer ────────────────
//!            incoming: Running → ShuttingDown → Done
//! ```
//! One thread polls at most four ends and keeps one bounded buffer a direction. The end of one side half-closes
//! the other and kills nothing; the session is over when both directions are done, or when the [`Policy`] says
//! so. Owns these rules and the account of what moved. Refuses to know what the streams are.

mod book;
mod bucket;
mod clock;
mod delivery;
mod direction;
mod exchange;
mod fast;
mod pattern;
mod session;
mod taps;
#[cfg(test)]
mod tests;

pub use delivery::Delivery;
pub use exchange::{
    Body, Connection, Exchange, Glimpse, Heads, Onlooker, Outgoing, Over, Spent, Taking, Terms, Wanted,
};
pub use taps::Taps;

use std::time::Duration;

use crate::deadline::Bound;
use crate::error::Error;
use crate::event::Account;
use crate::net::Context;
use crate::stream::Stream;

/// Which end's end is the end of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOn {
    /// Both.
    Both,
    /// The peer's.
    Peer,
    /// Local input's.
    Local,
}

/// What the two streams are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "one independent rule each")]
pub struct Policy {
    /// Send FIN when local input ends; otherwise only once the peer has ended.
    pub half_close: bool,
    /// When the session is over.
    pub end_on: EndOn,
    /// The longest time in which nothing moves.
    pub idle: Option<Bound>,
    /// End well once local input is done and the peer has been quiet for this long.
    pub until_idle: Option<Duration>,
    /// Send LF as CR LF.
    pub crlf: bool,
    /// Let the kernel move the bytes where it can (splice(2)).
    pub splice: bool,
    /// Once the peer has ended and we have not, ask its kernel whether its program is still there.
    pub probe: bool,
    /// Somebody will read the account: wait until our end is acknowledged too, which costs a round trip.
    pub account: bool,
    /// Somebody shows how far it has come: tell it after every step, and once a second although nothing moves.
    pub progress: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            half_close: true,
            end_on: EndOn::Both,
            idle: None,
            until_idle: None,
            crlf: false,
            splice: true,
            probe: true,
            account: false,
            progress: false,
        }
    }
}

/// What came of a session: the account is true however it ended.
#[derive(Debug)]
pub struct Transfer {
    /// What is known of it.
    pub account: Account,
    /// Whether it ended well.
    pub outcome: Result<(), Error>,
}

/// Moves bytes both ways between `local` and `remote` until the session is over, as `taps` allow.
pub fn duplex<'a>(
    ctx: &'a Context<'a>,
    local: &'a mut Stream,
    remote: &'a mut Stream,
    policy: &'a Policy,
    taps: &'a Taps<'a>,
) -> Transfer {
    session::Session::new(ctx, local, remote, policy, taps).run()
}
