//! What was sent and when, and what came back of it. Reads no clock: it is told the times.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::event::ping::{Marks, Summary};
use crate::times::Times;

/// So many of the newest probes can be answered. One that is older has been lost, and what comes for it still is
/// nobody's: an endless run must not grow.
const WINDOW: usize = 1 << 16;

/// The counts of a run.
#[derive(Debug)]
pub(super) struct Tally {
    sent: u64,
    received: u64,
    duplicated: u64,
    reordered: u64,
    corrupted: u64,
    /// Arrivals that belong to no probe, and their bytes.
    foreign: (u64, u64),
    /// The newest probe that has come back.
    highest: u64,
    /// The newest probes, the last one at the back.
    window: VecDeque<Probe>,
    times: Times,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    at: Instant,
    answered: bool,
}

/// An answer that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) round_trip: Duration,
    pub(super) marks: Marks,
}

impl Tally {
    pub(super) fn new() -> Self {
        Tally {
            sent: 0,
            received: 0,
            duplicated: 0,
            reordered: 0,
            corrupted: 0,
            foreign: (0, 0),
            highest: 0,
            window: VecDeque::new(),
            times: Times::new(),
        }
    }

    /// The next probe has gone out, from `at` on.
    pub(super) fn sent(&mut self, at: Instant) {
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(Probe { at, answered: false });
        self.sent += 1;
    }

    /// The newest probe; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.sent
    }

    /// Probe `seq` has come back. `None`: too late to know whether it had already; it counts as foreign.
    pub(super) fn answered(&mut self, seq: u64, intact: bool, now: Instant) -> Option<Counted> {
        let oldest = self.sent + 1 - self.window.len() as u64;
        let place = seq.checked_sub(oldest).and_then(|place| usize::try_from(place).ok());
        let probe = place.and_then(|place| self.window.get_mut(place))?;
        let round_trip = now.saturating_duration_since(probe.at);
        let duplicate = std::mem::replace(&mut probe.answered, true);
        let after = (!duplicate && seq < self.highest).then_some(self.highest);
        self.highest = self.highest.max(seq);
        self.duplicated += u64::from(duplicate);
        self.reordered += u64::from(after.is_some());
        self.corrupted += u64::from(!intact);
        if !duplicate {
            self.received += 1;
            self.times.add(round_trip);
        }
        Some(Counted { round_trip, marks: Marks { duplicate, after, corrupted: !intact } })
    }

    /// Something came that is no probe of this run; tells whether it is the first.
    pub(super) fn foreign(&mut self, bytes: usize) -> bool {
        self.foreign.0 += 1;
        self.foreign.1 += bytes as u64;
        self.foreign.0 == 1
    }

    /// Probes that have not come back.
    pub(super) fn missing(&self) -> u64 {
        self.sent - self.received
    }

    /// Whether nothing came back at all.
    pub(super) fn is_without_answer(&self) -> bool {
        self.received == 0
    }

    /// Bytes that came although they are no probe of this run; `None` if nothing did.
    pub(super) fn foreign_bytes(&self) -> Option<u64> {
        (self.foreign.0 > 0).then_some(self.foreign.1)
    }

    /// Whether every probe came back as it was sent.
    pub(super) fn is_clean(&self) -> bool {
        self.missing() == 0 && self.corrupted == 0
    }

    /// The figures at `now`, of a run that has taken `took`. What went out less than `patience` ago is not lost yet.
    pub(super) fn summary(&self, now: Instant, took: Duration, patience: Duration) -> Summary {
        let is_young = |probe: &&Probe| now.saturating_duration_since(probe.at) < patience;
        let under_way = self.window.iter().rev().take_while(is_young).filter(|probe| !probe.answered).count();
        Summary {
            sent: self.sent,
            received: self.received,
            under_way: under_way as u64,
            duplicated: self.duplicated,
            reordered: self.reordered,
            corrupted: self.corrupted,
            foreign_bytes: self.foreign.1,
            took,
            round_trips: self.times.distribution(),
            over: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Ten probes, 10 ms apart from `start` on; the answers, in their order, come 100 ms after it and 1 ms apart.
    fn after(start: Instant, answers: &[u64]) -> (Tally, Vec<Marks>) {
        let mut tally = Tally::new();
        (0..10).for_each(|n| tally.sent(start + ms(10 * n)));
        let counted = |(n, &seq): (usize, &u64)| {
            let counted = tally.answered(seq, true, start + ms(100 + n as u64)).expect("it was sent");
            assert_eq!(counted.round_trip, ms(100 + n as u64 - 10 * (seq - 1)));
            counted.marks
        };
        let marks = answers.iter().enumerate().map(counted).collect();
        (tally, marks)
    }

    /// Received, lost, duplicated and reordered.
    fn figures(answers: &[u64]) -> [u64; 4] {
        let start = Instant::now();
        let summary = after(start, answers).0.summary(start + ms(200), ms(200), Duration::ZERO);
        assert_eq!(summary.sent, 10);
        [summary.received, summary.lost(), summary.duplicated, summary.reordered]
    }

    #[test]
    fn each_kind_of_trouble_is_counted_once() {
        assert_eq!(figures(&[]), [0, 10, 0, 0]);
        assert_eq!(figures(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), [10, 0, 0, 0]);
        assert_eq!(figures(&[1, 2, 4, 5, 7, 8, 10]), [7, 3, 0, 0]);
        assert_eq!(figures(&[1, 1, 2, 2, 2]), [2, 8, 3, 0]);
        assert_eq!(figures(&[2, 1, 4, 3, 6, 5]), [6, 4, 0, 3]);
        assert_eq!(figures(&[10, 1, 2, 3]), [4, 6, 0, 3]);
        assert_eq!(figures(&[2, 1, 1, 2]), [2, 8, 2, 1]);
    }

    #[test]
    fn each_answer_is_marked() {
        let (_, marks) = after(Instant::now(), &[1, 3, 2, 2]);
        let none = Marks::default();
        let late = Marks { after: Some(3), ..none };
        assert_eq!(marks, [none, none, late, Marks { duplicate: true, ..none }]);
    }

    #[test]
    fn a_corrupted_answer_has_come_back_all_the_same() {
        let start = Instant::now();
        let (mut tally, _) = after(start, &[1]);
        let counted = tally.answered(2, false, start + ms(110)).expect("it was sent");
        assert_eq!(counted.marks, Marks { corrupted: true, ..Marks::default() });
        tally.answered(2, false, start + ms(111));
        let summary = tally.summary(start + ms(200), ms(200), Duration::ZERO);
        assert_eq!((summary.received, summary.corrupted, summary.duplicated), (2, 2, 1));
        assert!(!tally.is_clean());
    }

    #[test]
    fn what_was_never_sent_is_not_counted() {
        let (mut tally, _) = after(Instant::now(), &[]);
        assert_eq!(tally.answered(0, true, Instant::now()), None);
        assert_eq!(tally.answered(11, true, Instant::now()), None);
        assert!(tally.is_without_answer());
        assert_eq!(tally.foreign_bytes(), None);
        assert!(tally.foreign(0) && !tally.foreign(5));
        assert_eq!(tally.foreign_bytes(), Some(5));
    }

    #[test]
    fn what_is_young_is_under_way_and_not_lost() {
        let start = Instant::now();
        let (tally, _) = after(start, &[1, 10]);
        let at = |patience| {
            let summary = tally.summary(start + ms(100), ms(100), patience);
            (summary.under_way, summary.lost())
        };
        assert_eq!(at(Duration::ZERO), (0, 8));
        assert_eq!(at(ms(11)), (0, 8), "only the tenth is that young, and it has come back");
        assert_eq!(at(ms(31)), (2, 6));
        assert_eq!(at(ms(2000)), (8, 0));
    }

    #[test]
    fn an_endless_run_does_not_grow() {
        let start = Instant::now();
        let mut tally = Tally::new();
        let all = 3 * WINDOW as u64;
        (0..all).for_each(|_| tally.sent(start));
        assert_eq!(tally.window.len(), WINDOW);
        assert_eq!(tally.answered(all - WINDOW as u64, true, start), None, "too old to know");
        assert!(tally.answered(all - WINDOW as u64 + 1, true, start).is_some());
        assert!(tally.answered(all, true, start).is_some());
        assert_eq!(tally.missing(), all - 2);
    }
}
