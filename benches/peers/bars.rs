//! What sockkit has to reach, and whether it did in this run.
//!
//! A bar counts as met if what was got lies within half the noise band of it: the bare loop is told from itself
//! no better than that.

use crate::get::tools::{CLIENTS, CURL, WGET};
use crate::rounds::Results;
use crate::sample::Measure;
use crate::tools::SOCKKIT;
use crate::udp::tools::{LOOPS, TO_THE_BYTE};

/// One promise.
pub struct Bar {
    /// The name of its scenario.
    pub scenario: &'static str,
    pub says: &'static str,
    pub measure: Measure,
    wanted: Wanted,
    against: Against,
}

#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// A ratio, or so much of the measure itself: of what is nearly all, nobody can have much more.
    Either {
        ratio: f64,
        enough: f64,
    },
}

enum Against {
    Tool(&'static str),
    /// Whichever of these has the best median.
    BestOf(&'static [&'static str]),
    BestPeer,
    Bare,
    /// The number itself: memory has no noise to divide away, and what is a ratio already has it divided.
    Nothing,
}

/// How a bar came out.
pub struct Verdict {
    pub wanted: Wanted,
    /// `None` if one side was not measured.
    pub got: Option<f64>,
    /// The measure itself, if that alone may do.
    pub own: Option<f64>,
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
    Bar {
        scenario: "get-null",
        says: "speed to the bare splice loop",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(0.9),
        against: Against::Bare,
    },
    Bar {
        scenario: "get-null",
        says: "speed to curl",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.0),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "get-null",
        says: "CPU seconds per GB to the better of curl's and wget's",
        measure: Measure::Cpu,
        wanted: Wanted::AtMost(0.65),
        against: Against::BestOf(CLIENTS),
    },
    Bar {
        scenario: "get-file",
        says: "speed to the bare splice loop",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(0.9),
        against: Against::Bare,
    },
    Bar {
        scenario: "get-file",
        says: "speed to curl",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.0),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "get-pipe",
        says: "speed to the bare splice loop",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(0.9),
        against: Against::Bare,
    },
    Bar {
        scenario: "get-pipe",
        says: "speed to curl",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.0),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "get-pipe",
        says: "CPU seconds per GB to the better of curl's and wget's",
        measure: Measure::Cpu,
        wanted: Wanted::AtMost(0.65),
        against: Against::BestOf(CLIENTS),
    },
    Bar {
        scenario: "get-startup",
        says: "time to wget's",
        measure: Measure::Time,
        wanted: Wanted::AtMost(1.0),
        against: Against::Tool(WGET),
    },
    Bar {
        scenario: "get-startup",
        says: "time to curl's",
        measure: Measure::Time,
        wanted: Wanted::AtMost(0.5),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "get-chunked",
        says: "time to curl's",
        measure: Measure::Time,
        wanted: Wanted::AtMost(1.0),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "get-chunked-pieces",
        says: "time to curl's",
        measure: Measure::Time,
        wanted: Wanted::AtMost(1.0),
        against: Against::Tool(CURL),
    },
    Bar {
        scenario: "echo-messages",
        says: "messages a second to socat",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(2.0),
        against: Against::Tool("socat"),
    },
    Bar {
        scenario: "echo-messages",
        says: "messages a second to the bare loop",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(0.95),
        against: Against::Bare,
    },
    Bar {
        scenario: "echo-messages",
        says: "p99 to the bare loop's",
        measure: Measure::P99,
        wanted: Wanted::AtMost(1.5),
        against: Against::Bare,
    },
    Bar {
        scenario: "echo-churn",
        says: "connections a second to socat",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(7.0),
        against: Against::Tool("socat"),
    },
    Bar {
        scenario: "echo-churn",
        says: "connections a second to the bare loop",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(0.9),
        against: Against::Bare,
    },
    Bar {
        scenario: "echo-crowd",
        says: "messages a second to the bare loop",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(0.9),
        against: Against::Bare,
    },
    Bar {
        scenario: "echo-crowd",
        says: "peak memory, MiB",
        measure: Measure::Peak,
        wanted: Wanted::AtMost(40.0),
        against: Against::Nothing,
    },
    Bar {
        scenario: "echo-crowd",
        says: "CPU while all are idle, share of a core",
        measure: Measure::Idle,
        wanted: Wanted::AtMost(0.01),
        against: Against::Nothing,
    },
    Bar {
        scenario: "echo-bullies",
        says: "messages a second to itself without the bullies",
        measure: Measure::Kept,
        wanted: Wanted::AtLeast(0.8),
        against: Against::Nothing,
    },
    Bar {
        scenario: "echo-bullies",
        says: "growth of its memory, MiB",
        measure: Measure::Growth,
        wanted: Wanted::AtMost(2.0),
        against: Against::Nothing,
    },
    Bar {
        scenario: "echo-udp",
        says: "round trips a second to socat",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(3.0),
        against: Against::Tool("socat"),
    },
    Bar {
        scenario: "tls-file-null",
        says: "speed to the best peer",
        measure: Measure::Rate,
        wanted: Wanted::AtLeast(1.0),
        against: Against::BestPeer,
    },
    Bar {
        scenario: "tls-handshakes",
        says: "handshakes a second to socat",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(2.0),
        against: Against::Tool("socat"),
    },
    Bar {
        scenario: "udp-send",
        says: "datagrams a second to the best peer of that size",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(8.0),
        against: Against::BestOf(TO_THE_BYTE),
    },
    Bar {
        scenario: "udp-send",
        says: "datagrams a second to the faster bare GSO loop",
        measure: Measure::PerSecond,
        wanted: Wanted::AtLeast(0.8),
        against: Against::BestOf(LOOPS),
    },
    Bar {
        scenario: "udp-recv-400k",
        says: "share kept, to the best peer's",
        measure: Measure::Kept,
        wanted: KEPT,
        against: Against::BestPeer,
    },
    Bar {
        scenario: "udp-recv-1m",
        says: "share kept, to the best peer's",
        measure: Measure::Kept,
        wanted: KEPT,
        against: Against::BestPeer,
    },
];

const KEPT: Wanted = Wanted::Either { ratio: 1.5, enough: 0.99 };

impl Bar {
    pub fn verdict(&self, results: &Results) -> Verdict {
        let tolerance = match self.against {
            Against::Nothing => 0.0,
            _ => half(results.noise(self.measure)),
        };
        let may_do = matches!(self.wanted, Wanted::Either { .. });
        let own = results.samples(SOCKKIT).filter(|_| may_do).map(|ours| self.measure.median(ours));
        Verdict { wanted: self.wanted, got: self.got(results), own, tolerance }
    }

    fn got(&self, results: &Results) -> Option<f64> {
        let ours = results.samples(SOCKKIT)?;
        let theirs = match self.against {
            Against::Nothing => return Some(self.measure.median(ours)).filter(|got| !got.is_nan()),
            Against::Tool(name) => results.samples(name)?,
            Against::Bare => &results.bare_row()?.samples,
            Against::BestOf(names) => &results.best_of(self.measure, names)?.samples,
            Against::BestPeer => &results.best_peer(self.measure)?.samples,
        };
        Some(self.measure.ratio(ours, theirs))
    }
}

impl Verdict {
    pub fn is_met(&self) -> Option<bool> {
        if let (Wanted::Either { enough, .. }, Some(own)) = (self.wanted, self.own)
            && own >= enough
        {
            return Some(true);
        }
        let got = self.got?;
        Some(match self.wanted {
            Wanted::AtLeast(wanted) | Wanted::Either { ratio: wanted, .. } => got >= wanted * (1.0 - self.tolerance),
            Wanted::AtMost(wanted) => got <= wanted * (1.0 + self.tolerance),
        })
    }
}

/// Without a bare loop there is no band, and no tolerance.
fn half((low, high): (f64, f64)) -> f64 {
    ((high - low) / 2.0).max(0.0)
}
