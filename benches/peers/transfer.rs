//! One transfer between two processes of a tool, from the start of the connecting one to the end of both.
//!
//! Each one is verified. All of stdin was read: the file's position, which the sender shares with us, is at its end.
//! What went into a file or a pipe has the payload's size. What /dev/null took nobody can count: for that there is
//! [`check`], which sends the same transfer into a pipe and compares every byte, and the exit codes of both ends.

use std::time::Duration;

use crate::Bench;
use crate::child::{Account, start};
use crate::ends::{Input, Output, Ways};
use crate::place::{Medium, Place, listen};
use crate::sample::Sample;
use crate::tools::{Flow, Tool};

/// Ends and medium of a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    pub input: Input,
    pub output: Output,
    pub medium: Medium,
    pub both_ways: bool,
}

impl Transfer {
    fn flow(self) -> Flow {
        if self.both_ways { Flow::BothWays } else { Flow::OneWay }
    }
}

/// A transfer that is compared byte for byte.
pub fn check(bench: &Bench, tool: &Tool, transfer: Transfer) -> Result<(), String> {
    let output = match transfer.output {
        Output::File => Output::File,
        _ => Output::Compare,
    };
    measure(bench, tool, Transfer { output, ..transfer }, true).map(drop)
}

pub fn run(bench: &Bench, tool: &Tool, transfer: Transfer) -> Result<Sample, String> {
    measure(bench, tool, transfer, false)
}

fn measure(bench: &Bench, tool: &Tool, transfer: Transfer, compare: bool) -> Result<Sample, String> {
    let ways = Ways::open(bench, transfer)?;
    let listening = |place: &Place| ways.of_listener(tool.listen(place, transfer.flow()));
    let (place, listener) = listen(&bench.scratch, transfer.medium, limit(bench), listening)?;
    let command = ways.of_connector(tool.connect(&place, transfer.flow()))?;
    let ways = ways.close_pipes();
    let connector = start(command, limit(bench))?;
    let started = connector.started;
    let (connector, listener) = (connector.end()?, listener.end()?);
    let seconds = started.elapsed().as_secs_f64();
    place.clear();
    ways.verify(bench, compare)?;
    let bytes = bench.options.size * if transfer.both_ways { 2 } else { 1 };
    Ok(sample(seconds, bytes, [connector, listener]))
}

fn sample(seconds: f64, bytes: u64, [a, b]: [Account; 2]) -> Sample {
    Sample { seconds, bytes, cpu: a.cpu + b.cpu, peak: a.peak.max(b.peak), ..Sample::default() }
}

/// Twenty times slower than nc on a small machine is no measurement any more.
pub fn limit(bench: &Bench) -> Duration {
    Duration::from_secs(30 + (bench.options.size >> 20) / 25)
}
