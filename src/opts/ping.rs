//! `--ping` and what it measures.

use std::time::Duration;

use clap::Args;

use super::values::{amount, duration};
use crate::deadline::{Bound, DEFAULT_ANSWER, Limit, Timeouts};
use crate::serve::ping::Plan;

/// From one probe to the next when no option says else, as in ping(8).
const INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of a probe when no option says else: ping(8)'s 56 and its header of 8.
const SIZE: usize = 64;

/// The largest probe; one is held in memory each way.
const LARGEST: u64 = 1 << 20;

/// `--ping` for a connection.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Measuring an echo service")]
pub struct PingArgs {
    /// Send probes, print the round trip of each answer and then a summary; with -q the summary alone
    ///
    /// Ends with 0 if every probe came back as it was sent, or at ctrl-C without --count once one has; 1 if some were
    /// lost or corrupted; 28 if none came back within -w (2 s without it), 8 if something else did; 18 if the peer ends
    /// the connection first, 52 without a byte. Percentiles are nearest-rank; jitter is the mean difference between
    /// one round trip and the next. SIGUSR1 asks for the summary so far.
    #[arg(long)]
    pub ping: bool,
    /// End after N probes; without it ctrl-C is the normal end
    #[arg(long, value_name = "N", requires = "ping", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// From one probe to the next [1 s]; with 0, one goes out once the last has come back or has had its time
    #[arg(long, value_name = "DUR", requires = "ping", value_parser = duration)]
    interval: Option<Duration>,
    /// Bytes of a probe [64]
    #[arg(long, value_name = "N", requires = "ping", value_parser = probe_size)]
    size: Option<usize>,
}

impl PingArgs {
    /// What is to be measured, if anything is.
    pub fn plan(&self, timeouts: Timeouts) -> Option<Plan> {
        self.ping.then(|| plan(self.count, self.interval, self.size, timeouts))
    }
}

/// What is to be measured where these options are given. An answer has the time of -w or --idle-timeout.
pub fn plan(count: Option<u64>, interval: Option<Duration>, size: Option<usize>, timeouts: Timeouts) -> Plan {
    Plan {
        count,
        interval: interval.unwrap_or(INTERVAL),
        size: size.unwrap_or(SIZE),
        limit: timeouts.idle.unwrap_or(Bound { length: DEFAULT_ANSWER, limit: Limit::DefaultAnswer }),
    }
}

fn probe_size(text: &str) -> Result<usize, String> {
    let size = Some(amount(text)?).filter(|size| (1..=LARGEST).contains(size));
    size.and_then(|size| usize::try_from(size).ok()).ok_or_else(|| "from 1 byte to 1M".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_sizes() {
        for (text, size) in [("1", 1), ("64", 64), ("64k", 65_536), ("1M", 1 << 20)] {
            assert_eq!(probe_size(text), Ok(size), "{text}");
        }
        for text in ["0", "1048577", "2M", "1G", "-1", "x", ""] {
            assert!(probe_size(text).is_err(), "{text}");
        }
    }
}
