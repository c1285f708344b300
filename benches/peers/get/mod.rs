//! HTTP: a body from nginx to /dev/null, a file and a pipe; a small one for what a process costs; many small chunks.
//!
//! CPU time and memory are the client's alone. Each client writes as its own manual says; who reads its pipe is a
//! thread of the bench, the same for all. Of the small ones a sample is the median of several processes.

pub mod bare;
mod chunks;
mod fetch;
pub mod nginx;
mod output;
pub mod tools;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Bench;
use crate::payload::{remove, words};
use crate::sample::{Measure, Sample, float};
use crate::tools::Tool;

use chunks::Chunks;
use fetch::Fetch;
use nginx::Nginx;

pub use chunks::Manner;
pub use output::Goal;

/// What a start-up is measured with.
const SMALL: u64 = 1000;
/// Processes that are looked at before they are measured.
const LOOKED_AT: usize = 1;

/// The payload, compared byte for byte.
pub fn check(bench: &Bench, tool: &Tool, goal: Goal) -> Result<(), String> {
    transfer(bench, tool, goal.compared()).map(drop)
}

/// The payload.
pub fn run(bench: &Bench, tool: &Tool, goal: Goal) -> Result<Sample, String> {
    transfer(bench, tool, goal)
}

fn transfer(bench: &Bench, tool: &Tool, goal: Goal) -> Result<Sample, String> {
    let nginx = Nginx::start(bench)?;
    let sample = Fetch { bench, tool, url: &nginx.url(&bench.scratch.payload), body: &bench.scratch.payload }.run(goal);
    nginx.stop()?;
    sample
}

pub fn check_start_up(bench: &Bench, tool: &Tool) -> Result<(), String> {
    starts(bench, tool, LOOKED_AT).map(drop)
}

/// The median of a small body's time, the whole process; every body is compared.
pub fn start_up(bench: &Bench, tool: &Tool) -> Result<Sample, String> {
    starts(bench, tool, bench.options.starts)
}

fn starts(bench: &Bench, tool: &Tool, count: usize) -> Result<Sample, String> {
    let (nginx, body) = (Nginx::start(bench)?, Front::of_payload(bench, SMALL)?);
    let sample = Fetch { bench, tool, url: &nginx.url(&body.0), body: &body.0 }.median(Goal::Compare, count);
    nginx.stop()?;
    sample
}

pub fn check_chunks(bench: &Bench, tool: &Tool, manner: Manner) -> Result<(), String> {
    chunked(bench, tool, manner, Goal::Compare, LOOKED_AT).map(drop)
}

/// The median of a chunked body's time, the whole process.
pub fn chunks(bench: &Bench, tool: &Tool, manner: Manner) -> Result<Sample, String> {
    chunked(bench, tool, manner, Goal::Null, bench.options.starts)
}

fn chunked(bench: &Bench, tool: &Tool, manner: Manner, goal: Goal, count: usize) -> Result<Sample, String> {
    let body = Front::of_payload(bench, Chunks::LENGTH)?;
    let server = Chunks::of(&body.0)?.serve(manner, count)?;
    Fetch { bench, tool, url: &server, body: &body.0 }.median(goal, count)
}

impl Fetch<'_> {
    fn median(&self, goal: Goal, count: usize) -> Result<Sample, String> {
        let runs = (0..count).map(|_| self.run(goal)).collect::<Result<Vec<_>, _>>()?;
        let cpu = runs.iter().map(|run| run.cpu).sum::<f64>() / float(runs.len() as u64);
        let peak = Measure::Peak.median(&runs);
        Ok(Sample { seconds: Measure::Time.median(&runs), bytes: runs[0].bytes, cpu, peak, ..Sample::default() })
    }
}

/// The first bytes of the payload as a file of their own, gone with this value.
struct Front(PathBuf);

impl Front {
    fn of_payload(bench: &Bench, length: u64) -> Result<Self, String> {
        let front = Self(bench.scratch.path("front"));
        let copied = copy(&bench.scratch.payload, length, &front.0).map_err(words)?;
        if copied == length { Ok(front) } else { Err(format!("the payload has only {copied} bytes")) }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn copy(from: &Path, length: u64, to: &Path) -> std::io::Result<u64> {
    std::io::copy(&mut File::open(from)?.take(length), &mut File::create(to)?)
}
