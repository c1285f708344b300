//! When something last moved, and what follows from that: the idle limit, the quiet end, the last bytes.

use std::time::{Duration, Instant};

use crate::deadline::{Bound, Deadline, Limit};
use crate::event::account::{Opening, Phases};

/// How long the end of a session waits without progress for the peer to take the last bytes.
const DRAIN: Bound = Bound { length: Duration::from_secs(10), limit: Limit::Drain };

/// The times of a session.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) start: Instant,
    /// How many bytes had come from the peer by the last look, and when the first and the last of them did.
    came: u64,
    first_byte: Option<Duration>,
    last_byte: Option<Duration>,
    /// Anything moved, acknowledgements included.
    last_moved: Instant,
    /// The peer said something, or our own last bytes were still on their way.
    last_heard: Instant,
    /// The last look at what the peer has not acknowledged.
    unacknowledged: Option<u64>,
}

impl Clock {
    pub(super) fn starting_now() -> Self {
        let now = Instant::now();
        Clock {
            start: now,
            came: 0,
            first_byte: None,
            last_byte: None,
            last_moved: now,
            last_heard: now,
            unacknowledged: None,
        }
    }

    /// Bytes moved in some direction.
    pub(super) fn moved(&mut self) {
        self.last_moved = Instant::now();
    }

    /// How long ago that was.
    pub(super) fn since_moved(&self) -> Duration {
        self.last_moved.elapsed()
    }

    /// The quiet time begins anew: the peer was heard, or local input has just ended.
    pub(super) fn heard(&mut self) {
        self.last_heard = Instant::now();
    }

    /// So many bytes have come from the peer by now.
    pub(super) fn came(&mut self, bytes: u64) {
        if bytes > self.came {
            self.came = bytes;
            self.last_byte = Some(self.start.elapsed());
            self.first_byte = self.first_byte.or(self.last_byte);
        }
    }

    /// The phases of a session that took `close`, if it is over.
    pub(super) fn phases(&self, opening: Opening, close: Option<Duration>) -> Phases {
        Phases { opening, first_byte: self.first_byte, last_byte: self.last_byte, close }
    }

    /// Takes note of what is unacknowledged; a change is a movement, and our bytes in flight are no quiet. That nothing is
    /// unacknowledged at the first look is no change.
    pub(super) fn saw_unacknowledged(&mut self, bytes: Option<u64>) {
        if bytes.unwrap_or(0) != self.unacknowledged.unwrap_or(0) {
            self.moved();
        }
        if bytes.is_some_and(|n| n > 0) {
            self.heard();
        }
        self.unacknowledged = bytes;
    }

    /// When the idle limit passes.
    pub(super) fn idle(&self, bound: Option<Bound>) -> Deadline {
        Deadline::since(self.last_moved, bound)
    }

    /// When the last bytes count as stuck.
    pub(super) fn drain(&self) -> Deadline {
        Deadline::since(self.last_moved, Some(DRAIN))
    }

    /// How long the peer must still be quiet until it has been for `quiet`.
    pub(super) fn quiet_left(&self, quiet: Duration) -> Duration {
        quiet.saturating_sub(self.last_heard.elapsed())
    }
}
