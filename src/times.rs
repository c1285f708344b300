//! Measured times and their distribution, in a space that does not grow with the run.
//!
//! The first times are kept, and percentiles are exact as long as that is all of them. Beyond that they come from a
//! log-linear histogram: 128 equal steps an octave, so that the middle of a step is off by 1/256 at the most.
//! Owns what a percentile is. Refuses to measure and to word.

use std::time::Duration;

/// So many times are kept: half a mebibyte of them.
const KEPT: usize = 1 << 16;

/// The binary logarithm of the steps an octave.
const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;

/// Values below [`STEPS`] have a bucket each, and every octave above them has [`STEPS`].
const BUCKETS: usize = (u64::BITS - STEP_BITS + 1) as usize * STEPS;

/// The distribution of measured times. A percentile is the nearest-rank one: the smallest time that was measured
/// such that at least so many percent of all are not longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The shortest.
    pub min: Duration,
    /// The median.
    pub p50: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// The mean of how much a time differs from the one before it, in order of arrival: plain, where RFC 3550 §6.4.1
    /// smooths it, so that the whole run counts and not its last few times. `None` of a single one.
    pub jitter: Option<Duration>,
    /// Whether the percentiles are exact. Those of very long runs are off by 0.4 % at the most; the rest always is exact.
    pub exact: bool,
}

/// All times of a run, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Times {
    count: u64,
    kept: Vec<u64>,
    /// All of them once they are too many to be kept; empty before.
    buckets: Vec<u64>,
    min: u64,
    max: u64,
    last: u64,
    /// The sum of how much each differs from the one before it.
    wander: u128,
}

impl Default for Times {
    fn default() -> Self {
        Times::new()
    }
}

impl Times {
    /// None yet.
    pub fn new() -> Self {
        Times { count: 0, kept: Vec::new(), buckets: Vec::new(), min: u64::MAX, max: 0, last: 0, wander: 0 }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Another time, in order of arrival.
    pub fn add(&mut self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if self.count > 0 {
            self.wander += u128::from(time.abs_diff(self.last));
        }
        if self.kept.len() < KEPT {
            self.kept.push(time);
        } else {
            self.put_into_bucket(time);
        }
        self.min = self.min.min(time);
        self.max = self.max.max(time);
        self.last = time;
        self.count += 1;
    }

    /// Their distribution; `None` of no time at all.
    pub fn distribution(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let exact = self.count == sorted.len() as u64;
        let percentile = |percent: u128| {
            let rank = (u128::from(self.count) * percent).div_ceil(100);
            Duration::from_nanos(if exact { nth(&sorted, rank) } else { self.nth_bucket(rank) })
        };
        Some(Distribution {
            min: Duration::from_nanos(self.min),
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
            max: Duration::from_nanos(self.max),
            jitter: self.jitter(),
            exact,
        })
    }

    fn put_into_bucket(&mut self, time: u64) {
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
            self.kept.iter().for_each(|&kept| self.buckets[bucket(kept)] += 1);
        }
        self.buckets[bucket(time)] += 1;
    }

    fn jitter(&self) -> Option<Duration> {
        let pairs = self.count.checked_sub(1).filter(|&pairs| pairs > 0)?;
        // A mean of u64 values is one.
        Some(Duration::from_nanos(u64::try_from(self.wander / u128::from(pairs)).unwrap_or(u64::MAX)))
    }

    /// The middle of the bucket in which the value of this rank is; the extremes are known better than that.
    fn nth_bucket(&self, rank: u128) -> u64 {
        let mut seen = 0;
        let holds = |&count: &u64| {
            seen += u128::from(count);
            seen >= rank
        };
        let found = self.buckets.iter().position(holds);
        found.map_or(self.max, middle).clamp(self.min, self.max)
    }
}

/// The value of this rank, counted from 1, of a sorted list that has as many.
fn nth(sorted: &[u64], rank: u128) -> u64 {
    let place = usize::try_from(rank).unwrap_or(usize::MAX).saturating_sub(1);
    sorted[place.min(sorted.len() - 1)]
}

fn bucket(value: u64) -> usize {
    let octave = value.checked_ilog2().unwrap_or(0).saturating_sub(STEP_BITS) as usize;
    // Shifted like this it is below twice STEPS.
    let step = usize::try_from(value >> octave).unwrap_or(usize::MAX);
    if step < STEPS { step } else { octave * STEPS + step }
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let octave = bucket / STEPS - 1;
    let step = (bucket - octave * STEPS) as u64;
    (step << octave) + (1 << (octave - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(values: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::new();
        values.into_iter().for_each(|value| times.add(Duration::from_nanos(value)));
        times
    }

    fn percentiles(values: impl IntoIterator<Item = u64>) -> [u128; 5] {
        let found = times(values).distribution().expect("there is at least one");
        assert!(found.exact);
        [found.min, found.p50, found.p90, found.p99, found.max].map(|time| time.as_nanos())
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        assert_eq!(times([]).distribution(), None);
        assert_eq!(percentiles([7]), [7; 5]);
        assert_eq!(percentiles([9, 1]), [1, 1, 9, 9, 9]);
        assert_eq!(percentiles([3, 1, 2]), [1, 2, 3, 3, 3]);
        assert_eq!(percentiles((1..=10).rev()), [1, 5, 9, 10, 10]);
        assert_eq!(percentiles(1..=11), [1, 6, 10, 11, 11]);
        assert_eq!(percentiles(1..=100), [1, 50, 90, 99, 100]);
        assert_eq!(percentiles(1..=200), [1, 100, 180, 198, 200]);
        assert_eq!(percentiles([5; 1000]), [5; 5]);
    }

    #[test]
    fn jitter_is_the_mean_of_the_steps_in_order_of_arrival() {
        let jitter = |values: &[u64]| times(values.iter().copied()).distribution().and_then(|found| found.jitter);
        assert_eq!(jitter(&[5]), None);
        assert_eq!(jitter(&[5, 5]), Some(Duration::ZERO));
        assert_eq!(jitter(&[10, 20, 0, 0]), Some(Duration::from_nanos(10)));
        assert_eq!(jitter(&[0, 10, 20, 30]), Some(Duration::from_nanos(10)));
    }

    #[test]
    fn every_value_is_near_the_middle_of_its_bucket() {
        let edges = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + (1 << bit) / 3]);
        for value in edges.chain([u64::MAX, 1_000_000, 123_456_789]) {
            let near = middle(bucket(value));
            assert!(bucket(value) < BUCKETS, "{value}");
            assert!(near.abs_diff(value) <= value / 256, "{value}: {near}");
        }
    }

    #[test]
    fn a_long_run_needs_no_more_room_and_says_that_it_is_not_exact() {
        let values = (0..3 * KEPT as u64).map(|n| 1_000_000 + (n * 7919) % 1_000_003);
        let all = times(values.clone());
        let found = all.distribution().expect("there are many");
        let mut sorted: Vec<_> = values.collect();
        sorted.sort_unstable();
        assert!(!found.exact && all.kept.len() == KEPT);
        assert_eq!(
            (found.min.as_nanos(), found.max.as_nanos()),
            (u128::from(sorted[0]), u128::from(sorted[sorted.len() - 1]))
        );
        for (found, percent) in [(found.p50, 50), (found.p90, 90), (found.p99, 99)] {
            let wanted = nth(&sorted, (sorted.len() as u128 * percent).div_ceil(100));
            let found = u64::try_from(found.as_nanos()).expect("it is short");
            assert!(found.abs_diff(wanted) <= wanted / 256, "p{percent}: {found}, not {wanted}");
        }
    }
}
