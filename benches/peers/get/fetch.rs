//! One run of a client, from the start of its process to its end and that of whoever reads its output.

use std::path::Path;

use super::output::{Goal, Output};
use super::tools::without_proxies;
use crate::Bench;
use crate::child::start;
use crate::payload::words;
use crate::place::Place;
use crate::sample::Sample;
use crate::tools::{Flow, Tool};
use crate::transfer::limit;

/// What is asked for, and by whom.
pub struct Fetch<'a> {
    pub bench: &'a Bench,
    pub tool: &'a Tool,
    pub url: &'a str,
    /// What has to come.
    pub body: &'a Path,
}

impl Fetch<'_> {
    /// Every run is verified: what went into a file or a pipe has the body's size, and under [`Goal::compared`] it is
    /// the body, byte for byte. What /dev/null took nobody can count.
    pub fn run(&self, goal: Goal) -> Result<Sample, String> {
        let mut command = self.tool.connect(&Place::Tcp(0), Flow::OneWay);
        without_proxies(&mut command).arg(self.url);
        let output = Output::open(self, goal, &mut command)?;
        let child = start(command, limit(self.bench))?;
        let started = child.started;
        let account = child.end()?;
        let got = output.end()?;
        let seconds = started.elapsed().as_secs_f64();
        let bytes = self.body.metadata().map_err(words)?.len();
        if got.is_some_and(|got| got != bytes) {
            return Err(format!("{} bytes came out instead of {bytes}", got.unwrap_or_default()));
        }
        Ok(Sample { seconds, bytes, ..account.sample() })
    }
}
