//! What carries the probes, as far as the loop over both kinds is concerned.

use std::io;
use std::time::Instant;

use crate::error::Error;
use crate::net::SocketName;
use crate::sys::poll::Interest;

/// A connection or a datagram socket. No call waits.
pub(super) trait Carrier {
    /// Sends probe `seq`, or goes on with it.
    fn send(&mut self, seq: u64) -> Result<Sending, Error>;

    /// The next thing that has come; `None` if nothing more is there. `last` is the newest probe that was sent.
    fn receive(&mut self, last: u64) -> Result<Option<Arrival>, Error>;

    /// Bytes that have come, belong to no probe and wait for more that will not come.
    fn rest(&mut self, last: u64) -> usize;

    /// The question for poll, where there is one; with `blocked`, also whether a send can go on.
    fn interest(&self, blocked: bool) -> Option<Interest<'_>>;

    /// Who is at the other end.
    fn name(&self) -> String;

    /// Whether several may answer one probe.
    fn is_group(&self) -> bool;

    /// Ends a conversation in which answers may still be under way.
    fn end(&mut self) -> io::Result<()>;
}

/// What became of a probe that was to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The kernel has all of it, since this time its first byte.
    Done(Instant),
    /// There is no room for the rest of it; with `moved`, there was for some.
    Blocked { moved: bool },
    /// The kernel has no buffers, and tells nobody when it has some again.
    NoBuffers,
}

/// What has come.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A probe, whole.
    Probe(Came),
    /// More of a probe.
    Part,
    /// So many bytes that belong to no probe, and who sent them where that is not clear.
    Foreign(usize, Option<SocketName>),
    /// The answer of the network that a probe did not get there; whether it may be about the newest one.
    Refused { error: Error, is_newest: bool },
    /// The peer's end.
    End,
}

/// A probe that has come back.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) seq: u64,
    pub(super) intact: bool,
    pub(super) bytes: usize,
    pub(super) at: Instant,
    /// Who sent it back, where that is not clear.
    pub(super) from: Option<SocketName>,
}
