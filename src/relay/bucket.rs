//! A token bucket: how many bytes may leave now, and how long until more may (`--rate`).
//!
//! Owns the arithmetic; the clock is the caller's. The bucket holds at most a tenth of a second's worth, so that a pause
//! is not made up for by a burst that the link can't take; it begins full, so that a keystroke never waits for it.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Tokens are counted in billionths of a byte: what a nanosecond adds is then a whole number, and nothing is lost to
/// rounding over any number of looks.
const UNIT: u128 = 1_000_000_000;

/// The allowance of one direction.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Bytes a second; also what a nanosecond adds to the tokens.
    rate: u128,
    tokens: u128,
    filled: Instant,
}

impl Bucket {
    /// A full bucket at `now`.
    pub(super) fn new(rate: NonZeroU64, now: Instant) -> Self {
        let rate = u128::from(rate.get());
        Bucket { rate, tokens: most(rate), filled: now }
    }

    /// How many of `pending` bytes may leave now: none, or enough to be worth a call.
    pub(super) fn allows(&self, pending: usize, now: Instant) -> usize {
        let tokens = self.tokens_at(now);
        if tokens < self.worth_a_call(pending) {
            return 0;
        }
        usize::try_from(tokens / UNIT).unwrap_or(usize::MAX).min(pending)
    }

    /// How long until some of `pending` bytes may leave; `None` if they may now.
    pub(super) fn wait(&self, pending: usize, now: Instant) -> Option<Duration> {
        let missing = self.worth_a_call(pending).saturating_sub(self.tokens_at(now));
        let nanos = u64::try_from(missing.div_ceil(self.rate)).unwrap_or(u64::MAX);
        (nanos > 0).then_some(Duration::from_nanos(nanos))
    }

    /// `n` bytes have left.
    pub(super) fn take(&mut self, n: usize, now: Instant) {
        self.tokens = self.tokens_at(now).saturating_sub(n as u128 * UNIT);
        self.filled = now;
    }

    fn tokens_at(&self, now: Instant) -> u128 {
        let nanos = now.saturating_duration_since(self.filled).as_nanos();
        nanos.saturating_mul(self.rate).saturating_add(self.tokens).min(most(self.rate))
    }

    /// A hundredth of a second's worth: fewer bytes at a time would cost a call each and make nothing smoother.
    fn worth_a_call(&self, pending: usize) -> u128 {
        (self.rate / 100).clamp(1, pending.max(1) as u128) * UNIT
    }
}

fn most(rate: u128) -> u128 {
    (rate / 10).max(1) * UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn bucket(rate: u64, now: Instant) -> Bucket {
        Bucket::new(NonZeroU64::new(rate).expect("the tests use none"), now)
    }

    /// Moves as much as is allowed at every millisecond; the bytes that left within `time`.
    fn moved(rate: u64, time: Duration, piece: usize) -> u64 {
        let start = Instant::now();
        let mut bucket = bucket(rate, start);
        let mut total = 0;
        for tick in 0..u32::try_from(time.as_millis()).expect("short") {
            let now = start + MS * tick;
            let n = bucket.allows(piece, now);
            bucket.take(n, now);
            total += n as u64;
        }
        total
    }

    #[test]
    fn over_seconds_it_is_the_rate_and_at_most_a_tenth_of_a_second_more() {
        for rate in [1, 7, 10, 999, 64 << 10, 1 << 20, 1 << 30] {
            let total = moved(rate, Duration::from_secs(10), usize::MAX);
            assert!(total >= rate * 99 / 10 && total <= rate * 10 + (rate / 10).max(1), "{rate}: {total}");
        }
    }

    #[test]
    fn a_pause_earns_no_more_than_the_bucket_holds() {
        let start = Instant::now();
        let mut bucket = bucket(1000, start);
        assert_eq!(bucket.allows(5000, start), 100);
        bucket.take(100, start);
        assert_eq!(bucket.allows(5000, start), 0);
        assert_eq!(bucket.allows(5000, start + Duration::from_secs(3600)), 100);
    }

    #[test]
    fn a_keystroke_leaves_as_long_as_there_is_one_token() {
        let start = Instant::now();
        let mut bucket = bucket(1000, start);
        bucket.take(99, start);
        assert_eq!(bucket.allows(1, start), 1);
        assert_eq!(bucket.wait(1, start), None);
        // A longer piece waits until there is a hundredth of a second's worth.
        assert_eq!((bucket.allows(500, start), bucket.wait(500, start)), (0, Some(MS * 9)));
    }

    #[test]
    fn after_the_wait_that_it_names_something_may_leave() {
        for rate in [1, 3, 1000, 1 << 20, u64::MAX] {
            let start = Instant::now();
            let mut bucket = bucket(rate, start);
            bucket.take(usize::MAX, start);
            let wait = bucket.wait(usize::MAX, start).unwrap_or_default();
            assert!(bucket.allows(usize::MAX, start + wait) > 0, "{rate} after {wait:?}");
        }
    }
}
