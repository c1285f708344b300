//! What sockkit has to reach, and whether it did in this run.
//!
//! A bar counts as met if what was got lies within half the noise band of it: the bare loop is told from itself
//! no better than that.

use crate::rounds::Results;
use crate::sample::Measure;
use crate::tools::{BARE, SOCKKIT};

/// One promise.
pub struct Bar {
    /// The name of its scenario.
    pub scenario: &'static str,
    pub says: &'static str,
    measure: Measure,
    wanted: Wanted,
    against: Against,
}

#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

enum Against {
    Tool(&'static str),
    /// Whichever of these has the best median.
    BestOf(&'static [&'static str]),
    BestPeer,
    Bare,
    /// The number itself: memory has no noise to divide away.
    Nothing,
}

/// How a bar came out.
pub struct Verdict {
    pub wanted: Wanted,
    /// `None` if one side was not measured.
    pub got: Option<f64>,
    /// Half the noise band.
    pub tolerance: f64,
}

pub static ALL: &[Bar] = &[
    Bar {
        scenario: "file-tcp-null",
        says: "speed to the better of nc and ncat",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(2.2),
        against: Against::BestOf(&["nc.openbsd", "ncat"]),
    },
    Bar {
        scenario: "file-tcp-null",
        says: "speed to socat -b 1048576",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.0),
        against: Against::Tool("socat -b 1048576"),
    },
    Bar {
        scenario: "file-tcp-null",
        says: "speed to the bare loop",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(0.95),
        against: Against::Bare,
    },
    Bar {
        scenario: "file-tcp-null",
        says: "CPU seconds per GB to the bare loop's",
        measure: Measure::Cpu,
        wanted: Wanted::AtMost(1.1),
        against: Against::Bare,
    },
    Bar {
        scenario: "file-tcp-null",
        says: "peak memory, MiB (the bar names 10 GiB: --size 10240)",
        measure: Measure::Peak,
        wanted: Wanted::AtMost(16.0),
        against: Against::Nothing,
    },
    Bar {
        scenario: "pipe-tcp-pipe",
        says: "speed to the best peer",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.7),
        against: Against::BestPeer,
    },
    Bar {
        scenario: "full-duplex",
        says: "speed to the best peer",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.5),
        against: Against::BestPeer,
    },
    Bar {
        scenario: "ping-pong",
        says: "median latency to nc.openbsd's",
        measure: Measure::Time,
        wanted: Wanted::AtMost(1.1),
        against: Against::Tool("nc.openbsd"),
    },
];

impl Bar {
    pub fn verdict(&self, results: &Results) -> Verdict {
        let tolerance = match self.against {
            Against::Nothing => 0.0,
            _ => half(results.noise(self.measure)),
        };
        Verdict { wanted: self.wanted, got: self.got(results), tolerance }
    }

    fn got(&self, results: &Results) -> Option<f64> {
        let ours = results.samples(SOCKKIT)?;
        let theirs = match self.against {
            Against::Nothing => return Some(self.measure.median(ours)),
            Against::Tool(name) => results.samples(name)?,
            Against::Bare => results.samples(BARE)?,
            Against::BestOf(names) => &results.best_peer(self.measure, Some(names))?.samples,
            Against::BestPeer => &results.best_peer(self.measure, None)?.samples,
        };
        Some(self.measure.ratio(ours, theirs))
    }
}

impl Verdict {
    pub fn is_met(&self) -> Option<bool> {
        let got = self.got?;
        Some(match self.wanted {
            Wanted::AtLeast(wanted) => got >= wanted * (1.0 - self.tolerance),
            Wanted::AtMost(wanted) => got <= wanted * (1.0 + self.tolerance),
        })
    }
}

fn half((low, high): (f64, f64)) -> f64 {
    (high - low) / 2.0
}
