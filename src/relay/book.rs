//! What a session remembers for its account beside the bytes: the addresses, whose end was first, what a reset cost.
//!
//! Owns the order of the two ends. Refuses to look at the clock and to move bytes.

use crate::event::Side;
use crate::event::account::{Acknowledged, Opening};
use crate::stream::Stream;

/// The notes of one session.
#[derive(Debug)]
pub(super) struct Book {
    /// Taken at the start: a socket that was reset may have lost its name.
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) opening: Opening,
    pub(super) closed_first: Option<Side>,
    /// Whether our end (FIN) went out.
    ended: bool,
    /// Bytes of ours that were not acknowledged when the network failed.
    lost: Option<u64>,
}

impl Book {
    /// Nothing has happened yet.
    pub(super) fn open(remote: &Stream) -> Self {
        Book {
            local: remote.local_name(),
            peer: remote.name(),
            opening: remote.opening(),
            closed_first: None,
            ended: false,
            lost: None,
        }
    }

    /// Our end went out; the peer's may have come before it, although nobody has read it yet.
    pub(super) fn we_ended(&mut self, remote: &Stream) {
        let first = if remote.peer_ended_first() { Side::Peer } else { Side::Local };
        self.closed_first.get_or_insert(first);
        self.ended = true;
    }

    /// The peer's end, or its reset, has come.
    pub(super) fn peer_ended(&mut self) {
        self.closed_first.get_or_insert(Side::Peer);
    }

    /// The network failed, and took so many of our bytes with it.
    pub(super) fn network_failed(&mut self, lost: u64) {
        self.lost.get_or_insert(lost);
    }

    /// The session is over: if nobody has ended it, that is what we do by leaving.
    pub(super) fn close(&mut self) {
        self.closed_first.get_or_insert(Side::Local);
    }

    /// What is confirmed, where `buffered` bytes have not even left. The kernel counts our end as one.
    pub(super) fn acknowledged(&self, remote: &Stream, buffered: u64) -> Acknowledged {
        let Some(queue) = remote.unacknowledged() else { return Acknowledged::Unknown };
        let missing = self.lost.unwrap_or_else(|| queue.saturating_sub(self.ended.into()) + buffered);
        match (missing, queue) {
            (0, 0) if self.ended => Acknowledged::Everything,
            (0, _) => Acknowledged::Bytes,
            (missing, _) => Acknowledged::AllBut(missing),
        }
    }
}
