//! When which client goes on by itself.
//!
//! A client that has a new time leaves its old one behind: whoever asks finds out that it is not due, and no harm done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Times and the places of clients.
#[derive(Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Instant, usize)>>);

impl Timers {
    pub(super) fn add(&mut self, due: Instant, place: usize) {
        self.0.push(Reverse((due, place)));
    }

    /// The next time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }

    /// A client whose time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        self.next().filter(|&due| due <= now)?;
        self.0.pop().map(|Reverse((_, place))| place)
    }
}
