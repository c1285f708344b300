//! `--check`, `--mtu` and what goes with them: what becomes of a question by datagram.

use std::time::Duration;

use clap::Args;

use super::values::{Bytes, escapes};
use crate::deadline::{Bound, Limit};
use crate::serve::verdict::Question;

/// The options of `udp-send` that are about datagrams to be sent, and not about verdicts.
const OF_DATA: [&str; 9] =
    ["lines", "size", "count", "interval", "wait", "broadcast", "output", "force", "idle_timeout"];

/// Verdicts on ports and paths.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Verdicts")]
pub struct VerdictArgs {
    /// Only check: ask each port and tell on stdout what came back; PORT may be a list such as 53,123,5000-5010
    #[arg(short = 'z', long, group = "verdict", conflicts_with_all = OF_DATA)]
    check: bool,
    /// Find the largest datagram that goes through unfragmented, of a peer that answers
    #[arg(long, group = "verdict", conflicts_with_all = OF_DATA)]
    mtu: bool,
    /// Ask N times before a port counts as silent; each wait is twice the last, all of them -w [default: 3; 1, 2 and 4 s]
    #[arg(long, value_name = "N", requires = "verdict", value_parser = clap::value_parser!(u32).range(1..=10))]
    tries: Option<u32>,
    /// What --check asks, with escapes such as \x00 [default: an empty datagram]
    #[arg(long, value_name = "TEXT", requires = "check", conflicts_with = "mtu", value_parser = escapes_of)]
    probe_data: Option<Bytes>,
}

/// What is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What becomes of a question to each port.
    Check,
    /// How large a datagram may be.
    Mtu,
}

impl VerdictArgs {
    /// What is to be found out, if anything.
    pub fn wanted(&self) -> Option<Wanted> {
        match (self.check, self.mtu) {
            (true, _) => Some(Wanted::Check),
            (_, true) => Some(Wanted::Mtu),
            _ => None,
        }
    }

    /// How often a port is asked.
    pub fn tries(&self) -> u32 {
        self.tries.unwrap_or(3)
    }

    /// What a port is asked.
    pub fn question(&self) -> Question {
        Question::plain(self.probe_data.clone().map(|Bytes(bytes)| bytes).unwrap_or_default())
    }
}

/// The time that a port is given, from the limit of connections: their default is for those alone.
pub fn patience(limit: Option<Bound>) -> Option<Duration> {
    limit.filter(|bound| bound.limit != Limit::DefaultConnect).map(|bound| bound.length)
}

fn escapes_of(text: &str) -> Result<Bytes, String> {
    escapes(text).map(Bytes)
}
