//! Time limits (`-w` and its parts). A bare number is seconds.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use crate::deadline::{Bound, DEFAULT_CONNECT, Limit, Timeouts};

/// Limits of every run.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Time limits")]
pub struct LimitArgs {
    /// Give up when connecting takes longer, or when nothing has moved for this long
    #[arg(short = 'w', long, value_name = "DUR", value_parser = duration)]
    timeout: Option<Duration>,
    /// Give up when nothing has moved for this long, whatever -w says
    #[arg(long, value_name = "DUR", value_parser = duration)]
    idle_timeout: Option<Duration>,
    /// Give up when the whole run takes longer
    #[arg(long, value_name = "DUR", value_parser = duration)]
    deadline: Option<Duration>,
}

impl LimitArgs {
    /// The limits without those that only some verbs have.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.timeout.map(|length| Bound { length, limit: Limit::Timeout }),
            idle: named(self.idle_timeout, Limit::Idle).or(named(self.timeout, Limit::Timeout)),
            accept: None,
            deadline: named(self.deadline, Limit::Deadline),
        }
    }
}

/// The limit of verbs that connect.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Time limits")]
pub struct ConnectLimitArgs {
    /// Give up when lookup and connecting take longer [default: -w, else 30 s]
    #[arg(long, value_name = "DUR", value_parser = duration)]
    connect_timeout: Option<Duration>,
}

impl ConnectLimitArgs {
    /// Adds this limit to `timeouts`.
    pub fn with(&self, timeouts: Timeouts) -> Timeouts {
        let default = Bound { length: DEFAULT_CONNECT, limit: Limit::DefaultConnect };
        let connect = named(self.connect_timeout, Limit::Connect).or(timeouts.connect);
        Timeouts { connect: connect.or(Some(default)), ..timeouts }
    }
}

/// The limit of verbs that wait for a client.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Time limits")]
pub struct AcceptLimitArgs {
    /// Give up when no client has come for this long; -w does not bound that
    #[arg(long, value_name = "DUR", value_parser = duration)]
    accept_timeout: Option<Duration>,
}

impl AcceptLimitArgs {
    /// Adds this limit to `timeouts`.
    pub fn with(&self, timeouts: Timeouts) -> Timeouts {
        Timeouts { accept: named(self.accept_timeout, Limit::Accept), ..timeouts }
    }
}

/// The quiet end.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Time limits")]
pub struct UntilIdleArgs {
    /// End well (0) once stdin is done and the peer has been quiet for this long
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub until_idle: Option<Duration>,
}

fn named(length: Option<Duration>, limit: Limit) -> Option<Bound> {
    length.map(|length| Bound { length, limit })
}
