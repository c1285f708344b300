//! `--probe`: which question a server is asked.

use clap::{ArgGroup, Args};

use super::pace::PACED;
use super::values::Bytes;
use crate::proto::probe::Probe;

/// The group of the options that are a question.
const QUESTION: &str = "question";

/// The group of the options under which something is asked again: --tries is about each.
const REPEATABLE: &str = "repeatable";

/// The question, and how often it is sent.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Probes", group = ArgGroup::new(QUESTION).args(["probe", "probe_data"]))]
#[command(group = ArgGroup::new(REPEATABLE).args(["probe", "probe_data", "check", "mtu"]).multiple(true))]
pub struct ProbeArgs {
    /// Ask a question of dns[=NAME[/TYPE]], ntp, stun, snmp[=COMMUNITY], snmpv1[=COMMUNITY] or echo, and print what the
    /// answer says; PORT may be left out
    #[arg(long, value_name = "PROTOCOL", conflicts_with_all = PAYLOAD)]
    probe: Option<Probe>,
    /// Ask another protocol: send TEXT, in which \n \r \t \0 \xNN \\ are bytes, and print the first answer
    #[arg(long, value_name = "TEXT", conflicts_with_all = PAYLOAD)]
    probe_data: Option<Bytes>,
    /// Ask at most N times, each wait twice the one before: in all -w, else 1 s and more [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10), requires = REPEATABLE)]
    tries: Option<u32>,
}

/// What else would be sent, and what becomes of it.
pub(super) const PAYLOAD: [&str; 13] = [
    "lines",
    "size",
    "separator",
    "length_prefix",
    PACED,
    "count",
    "interval",
    "ping",
    "interactive",
    "wait",
    "replies",
    "output",
    "force",
];

impl ProbeArgs {
    /// What is asked, if anything is.
    pub fn probe(&self) -> Option<Probe> {
        self.probe.clone().or_else(|| self.probe_data.clone().map(|data| Probe::Data(data.0)))
    }

    /// How often it is sent at most.
    pub fn tries(&self) -> u32 {
        self.tries.unwrap_or(3)
    }
}
