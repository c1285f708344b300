//! One measurement, and the statistics over the rounds: medians, ratios of the same round, the band of the noise.

use std::time::Duration;

/// What one run of one tool took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Wall time: of a whole transfer, or of one exchange.
    pub seconds: f64,
    /// Moved, both ways together.
    pub bytes: u64,
    /// User and system time of the tool's processes together.
    pub cpu: f64,
    /// The largest resident set of one of its processes, in MiB.
    pub peak: f64,
    /// Messages, connections or round trips.
    pub count: u64,
    /// Seconds within which 99 of 100 of them were through.
    pub p99: f64,
    /// Datagrams that were sent again.
    pub resent: u64,
    /// CPU time a second of the load itself: near 1 it may be what limits the rate.
    pub busy: f64,
    /// CPU time a second while nobody says anything.
    pub idle: f64,
    /// What is left of the rate when others misbehave, as a share of the rate without them; the share of the datagrams
    /// that were kept of those that were sent.
    pub kept: f64,
    /// Datagrams a second that were really offered.
    pub offered: f64,
    /// By how many MiB the resident set grew meanwhile.
    pub growth: f64,
}

impl Sample {
    /// Of two runs of the same tool in the same round.
    pub fn mean(a: Self, b: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self {
            seconds: mean(a.seconds, b.seconds),
            bytes: u64::midpoint(a.bytes, b.bytes),
            cpu: mean(a.cpu, b.cpu),
            peak: a.peak.max(b.peak),
            count: u64::midpoint(a.count, b.count),
            p99: mean(a.p99, b.p99),
            resent: u64::midpoint(a.resent, b.resent),
            busy: mean(a.busy, b.busy),
            idle: mean(a.idle, b.idle),
            kept: mean(a.kept, b.kept),
            offered: mean(a.offered, b.offered),
            growth: a.growth.max(b.growth),
        }
    }
}

/// A number that a sample is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// GB/s, 10⁹ bytes.
    Rate,
    /// Seconds.
    Time,
    /// CPU seconds per GB.
    Cpu,
    /// MiB.
    Peak,
    /// Messages, connections or round trips a second.
    PerSecond,
    /// CPU seconds for each of them.
    CpuEach,
    /// Seconds.
    P99,
    /// A number of datagrams.
    Resent,
    /// The share of a core.
    Busy,
    /// The share of a core.
    Idle,
    /// A ratio.
    Kept,
    /// Datagrams a second.
    Offered,
    /// MiB.
    Growth,
}

impl Measure {
    pub fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Rate => gigabytes(sample.bytes) / sample.seconds,
            Self::Time => sample.seconds,
            Self::Cpu => sample.cpu / gigabytes(sample.bytes),
            Self::Peak => sample.peak,
            Self::PerSecond => float(sample.count) / sample.seconds,
            Self::CpuEach => sample.cpu / float(sample.count),
            Self::P99 => sample.p99,
            Self::Resent => float(sample.resent),
            Self::Busy => sample.busy,
            Self::Idle => sample.idle,
            Self::Kept => sample.kept,
            Self::Offered => sample.offered,
            Self::Growth => sample.growth,
        }
    }

    /// Of a rate more is better, of all else less.
    pub fn better(self, a: f64, b: f64) -> bool {
        if matches!(self, Self::Rate | Self::PerSecond | Self::Kept | Self::Offered) { a > b } else { a < b }
    }

    /// What the CPU time of a scenario is divided by, if it is measured by what gets through.
    pub fn cpu(self) -> Option<Self> {
        match self {
            Self::Rate => Some(Self::Cpu),
            Self::PerSecond | Self::Kept => Some(Self::CpuEach),
            _ => None,
        }
    }

    pub fn median(self, samples: &[Sample]) -> f64 {
        median(samples.iter().map(|sample| self.of(sample)).collect())
    }

    /// The median of each round's ratio.
    pub fn ratio(self, samples: &[Sample], to: &[Sample]) -> f64 {
        median(self.ratios(samples, to))
    }

    /// Where the 10th and the 90th percentile of each round's ratio lie.
    pub fn band(self, samples: &[Sample], to: &[Sample]) -> (f64, f64) {
        let ratios = self.ratios(samples, to);
        (percentile(ratios.clone(), 0.1), percentile(ratios, 0.9))
    }

    fn ratios(self, samples: &[Sample], to: &[Sample]) -> Vec<f64> {
        samples.iter().zip(to).map(|(a, b)| self.of(a) / self.of(b)).collect()
    }
}

pub fn median_time(times: &[Duration]) -> f64 {
    median(times.iter().map(Duration::as_secs_f64).collect())
}

/// The time that 1 of 100 takes longer than. NaN of no times.
pub fn p99(mut times: Vec<Duration>) -> f64 {
    let place = times.len() * 99 / 100;
    if times.is_empty() { f64::NAN } else { times.select_nth_unstable(place).1.as_secs_f64() }
}

fn median(values: Vec<f64>) -> f64 {
    percentile(values, 0.5)
}

/// Between two values: linearly interpolated. NaN of no values.
fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let place = share * float(last as u64);
    let above = values.iter().enumerate().find(|(i, _)| float(*i as u64) >= place).map_or(last, |(i, _)| i);
    let below = above.saturating_sub(1);
    let step = (place - float(below as u64)).min(1.0);
    values[below] + (values[above] - values[below]) * step
}

fn gigabytes(bytes: u64) -> f64 {
    float(bytes) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts stay far below 2^53")]
pub fn float(n: u64) -> f64 {
    n as f64
}
