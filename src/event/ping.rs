//! What `--ping` finds, as values: single answers, and the summary of a run.
//!
//! Owns the meaning and the unit of each figure. Refuses to measure (`serve::ping` does) and to word (`report`).

use std::time::Duration;

use super::Shown;
use crate::times::Distribution;

/// Puts an outcome into the words for standard output. `serve` knows the report by this trait alone, since it must
/// write them itself: an output that takes nothing must not hold up the measuring.
pub trait Phrase {
    /// Whole lines, or nothing where nobody wants to read it.
    fn phrase(&self, outcome: &Outcome<'_>) -> String;
}

/// What is a result of the run.
pub enum Outcome<'a> {
    /// A probe came back.
    Answer(Answer<'a>),
    /// So many bytes came from there that belong to no probe of this run.
    Foreign(Shown<'a>, usize),
    /// The figures of the probes to there: at the end of the run, or because somebody asked.
    Summary(Shown<'a>, &'a Summary),
}

/// One probe that came back.
pub struct Answer<'a> {
    /// Who sent it back.
    pub from: Shown<'a>,
    /// Its size.
    pub bytes: usize,
    /// Its sequence number; the first probe is 1.
    pub seq: u64,
    /// From its first byte's way into our kernel to its last byte's way out.
    pub round_trip: Duration,
    /// What was not as it should be.
    pub marks: Marks,
}

/// What is remarkable of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The same probe had come back before.
    pub duplicate: bool,
    /// It came after this later one: it is reordered in the sense of RFC 4737 §3.3.
    pub after: Option<u64>,
    /// Its bytes are not those that were sent.
    pub corrupted: bool,
}

/// The figures of a run. Each probe that was sent is received, under way or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Probes that went out whole.
    pub sent: u64,
    /// Probes that came back, corrupted ones included.
    pub received: u64,
    /// Probes that still had time to come back when the run was cut short.
    pub under_way: u64,
    /// Answers beyond a probe's first.
    pub duplicated: u64,
    /// First answers that came after that of a later probe.
    pub reordered: u64,
    /// Answers whose bytes were not those that were sent.
    pub corrupted: u64,
    /// Bytes that came and belong to no probe of this run.
    pub foreign_bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// The times of all first answers; `None` if there was none.
    pub round_trips: Option<Distribution>,
    /// Whether the run is over.
    pub over: bool,
}

impl Summary {
    /// Probes that will not come back.
    pub fn lost(&self) -> u64 {
        self.sent - self.received - self.under_way
    }
}
