//! `--check`, `--mtu` and what goes with them: what becomes of a question by datagram.

use std::time::Duration;

use clap::Args;

use super::pace::PACED;
use crate::deadline::{Bound, Limit};

/// The options of `udp-send` that are about datagrams to be sent, and not about verdicts.
const OF_DATA: [&str; 15] = [
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
    "broadcast",
    "output",
    "force",
    "idle_timeout",
];

/// Verdicts on ports and paths.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Verdicts")]
pub struct VerdictArgs {
    /// Only check: ask each port and tell on stdout what came back; PORT may be a list such as 53,123,5000-5010
    #[arg(short = 'z', long, group = "verdict", conflicts_with_all = OF_DATA)]
    check: bool,
    /// Find the largest datagram that goes through unfragmented, of a peer that answers
    #[arg(long, group = "verdict", conflicts_with_all = OF_DATA, conflicts_with_all = ["probe", "probe_data"])]
    mtu: bool,
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
}

/// The time that a port is given, from the limit of connections: their default is for those alone.
pub fn patience(limit: Option<Bound>) -> Option<Duration> {
    limit.filter(|bound| bound.limit != Limit::DefaultConnect).map(|bound| bound.length)
}
