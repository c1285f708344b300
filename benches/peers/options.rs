//! The words after `cargo bench --bench peers --`.
//!
//! Parsed by hand: four options are not worth the time that clap takes in each re-execution as a bare loop.

use std::time::Duration;

use crate::scenarios::{self, Scenario};

/// Fewer rounds carry no claim: below that, the 10–90 % band is two or three numbers.
pub const ROUNDS: usize = 11;

const MIB: u64 = 1 << 20;

const USAGE: &str = "\
cargo bench --bench peers -- [--rounds N] [--size MIB] [--quick] [--list] [NAME...]

  NAME       scenarios whose name contains this; all without one
  --rounds   rounds a scenario [11]
  --size     MiB of each transfer, each way [1024]
  --quick    1 round of 16 MiB or 0.3 s: whether it works, not how fast
  --list     the scenarios";

/// What to measure.
pub struct Options {
    pub rounds: usize,
    /// Bytes of each transfer, each way.
    pub size: u64,
    /// Round trips of one ping-pong.
    pub round_trips: usize,
    /// Processes of one start-up sample.
    pub starts: usize,
    /// How long an echo server is under load in one sample.
    pub load: Duration,
    /// How long datagrams are offered to a receiver in one sample.
    pub offer: Duration,
    /// Connections of one churn, if it does not take longer than that. Half of the ports that clients get, 14,000, is
    /// found at once; the rest is searched for, and it would be the search that is measured.
    pub connections: usize,
    pub scenarios: Vec<&'static Scenario>,
}

pub enum Asked {
    Run(Options),
    Say(String),
}

pub fn parse(words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut options = full();
    let (mut names, mut rounds, mut size, mut is_bench) = (Vec::new(), None, None, false);
    let mut words = words;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => is_bench = true,
            "--quick" => options = quick(options),
            "--rounds" => rounds = Some(number(&word, words.next())?),
            "--size" => size = Some(number(&word, words.next())?),
            "--list" => return Ok(Asked::Say(list())),
            "-h" | "--help" => return Ok(Asked::Say(USAGE.to_owned())),
            _ if word.starts_with('-') => return Err(format!("{word}: no such option\n{USAGE}")),
            _ => names.push(word),
        }
    }
    if !is_bench {
        return Ok(Asked::Say("not measured: run it by `cargo bench --bench peers`".to_owned()));
    }
    options.rounds = rounds.map_or(Ok(options.rounds), |n| usize::try_from(n).map_err(|e| e.to_string()))?;
    options.size = size.map_or(options.size, |mib| mib.saturating_mul(MIB));
    options.scenarios = chosen(&names)?;
    Ok(Asked::Run(options))
}

fn full() -> Options {
    Options {
        rounds: ROUNDS,
        size: 1024 * MIB,
        round_trips: 2000,
        starts: 20,
        load: Duration::from_secs(2),
        offer: Duration::from_secs(3),
        connections: 10_000,
        scenarios: Vec::new(),
    }
}

fn quick(options: Options) -> Options {
    let (load, offer) = (Duration::from_millis(200), Duration::from_millis(300));
    Options { rounds: 1, size: 16 * MIB, round_trips: 200, starts: 3, load, offer, connections: 1000, ..options }
}

fn number(option: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number"))?;
    value.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("{option}: {value:?} is no positive number"))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if let Some(unknown) = names.iter().find(|name| !scenarios::ALL.iter().any(|s| s.name.contains(name.as_str()))) {
        return Err(format!("no scenario is called {unknown:?}; there are:\n{}", list()));
    }
    let is_chosen = |s: &&Scenario| names.is_empty() || names.iter().any(|name| s.name.contains(name.as_str()));
    Ok(scenarios::ALL.iter().filter(is_chosen).collect())
}

fn list() -> String {
    scenarios::ALL.iter().map(|s| format!("{:16}  {}", s.name, s.title)).collect::<Vec<_>>().join("\n")
}
