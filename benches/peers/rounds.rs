//! The rounds of one scenario: every tool once a round, the bare loop twice, in a random order.
//!
//! Neighbours on the machine come and go over minutes; two runs of one round lie seconds apart. That is why
//! everything that is said rests on ratios within a round.

use std::hash::{BuildHasher, RandomState};

use crate::Bench;
use crate::sample::{Measure, Sample};
use crate::scenarios::Scenario;
use crate::tools::{Rank, Tool};

/// What a scenario gave.
pub struct Results {
    pub scenario: &'static Scenario,
    pub rows: Vec<Row>,
    /// The bare loop's first and second run of each round.
    bare: [Vec<Sample>; 2],
}

/// What one tool gave: a sample a round, or the reason why there are none.
pub struct Row {
    pub tool: &'static Tool,
    pub samples: Vec<Sample>,
    pub failure: Option<Failure>,
}

pub enum Failure {
    Absent(String),
    Failed(String),
}

pub fn run(bench: &Bench, scenario: &'static Scenario) -> Results {
    let mut rows: Vec<_> = scenario.tools.iter().map(|tool| check(bench, scenario, tool)).collect();
    let mut bare = [Vec::new(), Vec::new()];
    for round in 1..=bench.options.rounds {
        eprintln!("{}: round {round} of {}", scenario.name, bench.options.rounds);
        let mut again = None;
        for (at, is_again) in order(&rows) {
            let row = &mut rows[at];
            if row.failure.is_some() {
                continue;
            }
            match (scenario.run)(bench, row.tool) {
                Err(error) => row.fail(scenario, Failure::Failed(error)),
                Ok(sample) if is_again => again = Some(sample),
                Ok(sample) => row.samples.push(sample),
            }
        }
        if let (Some(row), Some(again)) = (rows.iter_mut().find(|row| row.is_bare()), again) {
            row.merge(again, &mut bare);
        }
    }
    Results { scenario, rows, bare }
}

/// Whether the tool is there and moves every byte: only then is it measured.
fn check(bench: &Bench, scenario: &Scenario, tool: &'static Tool) -> Row {
    eprintln!("{}: {}", scenario.name, tool.name);
    let mut row = Row { tool, samples: Vec::new(), failure: None };
    if let Some(reason) = tool.missing() {
        row.fail(scenario, Failure::Absent(reason));
    } else if let Err(error) = (scenario.check)(bench, tool) {
        row.fail(scenario, Failure::Failed(error));
    }
    row
}

/// The rows that are still in, the bare loop's twice, shuffled; whether it is its second place.
fn order(rows: &[Row]) -> Vec<(usize, bool)> {
    let places = rows.iter().enumerate().filter(|(_, row)| row.failure.is_none());
    let mut order: Vec<_> =
        places.flat_map(|(at, row)| [Some((at, false)), row.is_bare().then_some((at, true))]).flatten().collect();
    // A fresh hasher's keys are random: no crate is needed for a shuffle.
    order.sort_by_cached_key(|place| RandomState::new().hash_one(place));
    order
}

impl Row {
    fn is_bare(&self) -> bool {
        self.tool.rank == Rank::Bare
    }

    fn fail(&mut self, scenario: &Scenario, failure: Failure) {
        let (Failure::Absent(reason) | Failure::Failed(reason)) = &failure;
        eprintln!("{}: {} is left out: {reason}", scenario.name, self.tool.name);
        self.samples.clear();
        self.failure = Some(failure);
    }

    /// The row keeps the mean of both runs, so that a ratio to it carries less of its noise.
    fn merge(&mut self, again: Sample, bare: &mut [Vec<Sample>; 2]) {
        if let Some(first) = self.samples.pop() {
            self.samples.push(Sample::mean(first, again));
            bare[0].push(first);
            bare[1].push(again);
        }
    }
}

impl Results {
    /// Whether nothing failed that is ours; a peer may.
    pub fn is_sound(&self) -> bool {
        !self.rows.iter().any(|row| row.tool.rank != Rank::Peer && matches!(row.failure, Some(Failure::Failed(_))))
    }

    pub fn samples(&self, name: &str) -> Option<&[Sample]> {
        self.rows.iter().find(|row| row.tool.name == name && !row.samples.is_empty()).map(|row| row.samples.as_slice())
    }

    pub fn bare_row(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_bare() && !row.samples.is_empty())
    }

    /// The peer with the best median.
    pub fn best_peer(&self, measure: Measure) -> Option<&Row> {
        self.best(measure, |row| row.tool.rank == Rank::Peer)
    }

    /// Of these the one with the best median.
    pub fn best_of(&self, measure: Measure, names: &[&str]) -> Option<&Row> {
        self.best(measure, |row| names.contains(&row.tool.name))
    }

    fn best(&self, measure: Measure, among: impl Fn(&Row) -> bool) -> Option<&Row> {
        self.rows.iter().filter(|row| !row.samples.is_empty() && among(row)).reduce(|best, row| {
            let is_better = measure.better(measure.median(&row.samples), measure.median(&best.samples));
            if is_better { row } else { best }
        })
    }

    /// The 10–90 % band of the bare loop's ratio to itself.
    pub fn noise(&self, measure: Measure) -> (f64, f64) {
        measure.band(&self.bare[0], &self.bare[1])
    }
}
