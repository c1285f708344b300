//! When the next datagrams may leave (`--rate`, `--pps`, `--burst`).
//!
//! Owns the arithmetic; the clock is the caller's. Each datagram is due at a time that follows from those before it and not
//! from when they left, so that nothing drifts. Refuses to make up for a long stall by a burst that the path can't take.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Times are counted in billionths of a nanosecond: the share of a second that a datagram takes is then as good as exact.
const SECOND: u128 = 1_000_000_000 * NANOSECOND;

const NANOSECOND: u128 = 1_000_000_000;

/// A longer delay, by the scheduler or by a full buffer, is not made up for.
const MADE_UP: u128 = SECOND / 100;

/// How fast at the most; the slower of both limits counts for each datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// Bytes of payload a second.
    pub rate: Option<NonZeroU64>,
    /// Datagrams a second.
    pub pps: Option<NonZeroU64>,
    /// How many leave at once; then the pause is as long as all of them take.
    pub burst: NonZeroU64,
}

impl Pacing {
    /// How long the next datagram has to wait after one of `size` bytes: rounded up, so that a rate is never exceeded.
    fn cost(&self, size: usize) -> u128 {
        let of_bytes = self.rate.map(|rate| (size as u128 * SECOND).div_ceil(rate.get().into()));
        let of_one = self.pps.map(|pps| SECOND.div_ceil(pps.get().into()));
        of_bytes.max(of_one).unwrap_or(0)
    }
}

/// A sender's schedule.
#[derive(Debug)]
pub(super) struct Pace {
    pacing: Pacing,
    start: Instant,
    /// When the next burst may begin, since `start`.
    due: u128,
    /// How many of a burst have left; zero is between two.
    begun: u64,
    /// Nothing has been there to be sent.
    starved: bool,
}

impl Pace {
    /// The first burst may leave at `now`.
    pub(super) fn new(pacing: Pacing, now: Instant) -> Self {
        Pace { pacing, start: now, due: 0, begun: 0, starved: true }
    }

    /// There is nothing to send: what follows is not late for that.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    /// How many datagrams of these sizes may leave at `now`.
    pub(super) fn allows(&mut self, sizes: impl Iterator<Item = usize>, now: Instant) -> usize {
        let now = self.since_start(now);
        let lateness = if std::mem::take(&mut self.starved) { 0 } else { MADE_UP };
        self.due = self.due.max(now.saturating_sub(lateness));
        let (due, begun) = (self.due, self.begun);
        let allowed = sizes.take_while(|&size| {
            let allowed = self.begun > 0 || self.due <= now;
            if allowed {
                self.left(size);
            }
            allowed
        });
        let count = allowed.count();
        (self.due, self.begun) = (due, begun);
        count
    }

    /// A datagram of `size` bytes has left.
    pub(super) fn left(&mut self, size: usize) {
        self.due = self.due.saturating_add(self.pacing.cost(size));
        self.begun = (self.begun + 1) % self.pacing.burst;
    }

    /// How long after `now` the next one may leave.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let missing = if self.begun > 0 { 0 } else { self.due.saturating_sub(self.since_start(now)) };
        Duration::from_nanos(u64::try_from(missing.div_ceil(NANOSECOND)).unwrap_or(u64::MAX))
    }

    fn since_start(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.start).as_nanos() * NANOSECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pacing(rate: Option<u64>, pps: Option<u64>, burst: u64) -> Pacing {
        let some = |n| NonZeroU64::new(n).expect("the tests use none");
        Pacing { rate: rate.map(some), pps: pps.map(some), burst: some(burst) }
    }

    /// When each of `sizes` leaves if the sender looks again after each wait.
    fn leaving(pacing: Pacing, sizes: &[usize]) -> Vec<Duration> {
        let start = Instant::now();
        let (mut pace, mut now, mut times) = (Pace::new(pacing, start), start, Vec::new());
        while times.len() < sizes.len() {
            let count = pace.allows(sizes[times.len()..].iter().copied(), now);
            for &size in &sizes[times.len()..][..count] {
                pace.left(size);
                times.push(now - start);
            }
            now += pace.wait(now);
        }
        times
    }

    #[test]
    fn datagrams_are_evenly_spaced_and_never_too_early() {
        for pps in [1, 3, 7, 1000, 999_999, 1_000_000_000] {
            let times = leaving(pacing(None, Some(pps), 1), &[9; 1000]);
            for (n, time) in (0_u64..).zip(&times) {
                let wanted = Duration::from_nanos(
                    u64::try_from((u128::from(n) * 1_000_000_000).div_ceil(pps.into())).expect("hours"),
                );
                assert!(
                    *time >= wanted && *time <= wanted + Duration::from_nanos(2),
                    "{pps}: {n} at {time:?}, not {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn a_rate_counts_bytes_and_the_slower_limit_holds() {
        let times = leaving(pacing(Some(1000), None, 1), &[10, 0, 500, 1]);
        assert_eq!(times, [0, 10, 10, 510].map(|n| MS * n));
        let times = leaving(pacing(Some(1000), Some(10), 1), &[10, 0, 500, 1]);
        assert_eq!(times, [0, 100, 200, 700].map(|n| MS * n));
    }

    #[test]
    fn a_burst_leaves_at_once_and_pays_for_all_of_it() {
        let times = leaving(pacing(None, Some(1000), 3), &[1; 8]);
        assert_eq!(times, [0, 0, 0, 3, 3, 3, 6, 6].map(|n| MS * n));
    }

    #[test]
    fn a_short_delay_is_made_up_for_and_a_long_one_is_not() {
        let start = Instant::now();
        let mut pace = Pace::new(pacing(None, Some(1000), 1), start);
        assert_eq!(pace.allows([1; 100].into_iter(), start), 1);
        pace.left(1);
        assert_eq!(pace.allows([1; 100].into_iter(), start + MS * 5), 5);
        assert_eq!(pace.allows([1; 100].into_iter(), start + MS * 5000), 11);
    }

    #[test]
    fn an_input_that_pauses_is_not_late() {
        let start = Instant::now();
        let mut pace = Pace::new(pacing(None, Some(1000), 1), start);
        pace.left(1);
        pace.starve();
        assert_eq!(pace.allows([1; 100].into_iter(), start + MS * 500), 1);
    }
}
