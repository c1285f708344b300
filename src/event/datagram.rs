//! What is known of single datagrams, and of all that a receiver got, as values.
//!
//! Owns the meaning and the unit of each figure. Refuses to measure (`sys` and `serve` do) and to word (`report`).

use std::net::IpAddr;
use std::time::Duration;

use super::Shown;
use crate::error::Error;

/// What the kernel tells of a datagram beside its bytes and its sender. `None` is unknown: not asked for, or a system
/// that does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The address in its header: one of ours, a group, a broadcast.
    pub local: Option<IpAddr>,
    /// Its TTL or hop limit when it came.
    pub ttl: Option<u8>,
    /// Its TOS or traffic class: DSCP, and ECN in the lowest two bits (RFC 2474, RFC 3168).
    pub tos: Option<u8>,
    /// When the kernel received it, since the beginning of 1970 (UTC).
    pub kernel_time: Option<Duration>,
}

/// What a receiver got. Each datagram that was sent and not lost on the way is received, ignored, unread or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// Datagrams that were taken.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From the first to the last of them.
    pub took: Duration,
    /// The size of the largest; `None` if there was none.
    pub largest: Option<usize>,
    /// The size of the smallest.
    pub smallest: Option<usize>,
    /// Those without a byte.
    pub empty: u64,
    /// Those that came cut.
    pub cut: u64,
    /// Datagrams of senders that are not allowed; not among those taken.
    pub ignored: u64,
    /// Datagrams that were still in the queue at the end, beyond --count or because the output took no more.
    pub unread: u64,
    /// Those that the kernel had no room for; `None` where it does not tell.
    pub dropped: Option<u64>,
    /// Whether those were counted by trains (`--gro`): then there may be more.
    pub dropped_at_least: bool,
}

impl Intake {
    /// One more, of `size` bytes.
    pub fn count(&mut self, size: usize) {
        self.datagrams += 1;
        self.bytes += size as u64;
        self.largest = Some(self.largest.map_or(size, |largest| largest.max(size)));
        self.smallest = Some(self.smallest.map_or(size, |smallest| smallest.min(size)));
        self.empty += u64::from(size == 0);
    }
}

/// Looks at each datagram that is taken. `serve` knows the dump by this trait alone.
pub trait Inspect {
    /// This one came from there.
    fn datagram(&self, from: Shown<'_>, bytes: &[u8]) -> Result<(), Error>;

    /// There will be no more: what is held back must be written now.
    fn ended(&self) -> Result<(), Error>;
}
