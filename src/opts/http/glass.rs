//! What is looked at more closely than the body.

use std::time::Duration;

use clap::Args;

use crate::opts::relay::FILES;
use crate::opts::values::duration;

/// `--timing --repeat --interval --all --lint`.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Magnifying glass")]
pub struct GlassArgs {
    /// Show on stderr what the time of each request went into, as bars on a terminal
    #[arg(long)]
    timing: bool,
    /// Ask N times, over a new connection and the same one again by turns, and print percentiles of each phase
    ///
    /// Bodies are received, counted and thrown away; the table on stdout is the result. Each request that fails is
    /// counted, the rest are asked all the same, and the first failure's code is the exit code. Ctrl-C gives the table
    /// so far.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = DELIVERY)]
    repeat: Option<u64>,
    /// Ask each address of the name once, and print a table of what each has answered
    ///
    /// A redirect is an answer, and bodies are received, counted and thrown away. Ends with 0 if all have answered with
    /// the same status, with 1 if not; if some failed, with the first failure's code.
    #[arg(long, conflicts_with_all = DELIVERY, conflicts_with_all = ["repeat", "follow", "max_redirects", "unix_socket"])]
    all: bool,
    /// Tell on stderr what is wrong with each response, by the section of its RFC
    ///
    /// Ends with 1 if an error was found, with 0 if only warnings and notes were. A response that is refused is told of
    /// too, before the failure that ends the run. After HEAD, a GET tells whether the length is right. Each response is
    /// watched for 0.2 s more: does the server close, does it send what nobody asked for?
    #[arg(long, conflicts_with_all = ["repeat", "all"])]
    lint: bool,
    /// From one request of --repeat to the next [0: as soon as it is over]
    #[arg(long, value_name = "DUR", requires = "repeat", value_parser = duration)]
    interval: Option<Duration>,
}

/// The options that say where bodies and heads go, where they go nowhere.
const DELIVERY: [&str; 5] = [FILES, "include", "raw_head", "head", "progress"];

impl GlassArgs {
    /// Whether each request is drawn.
    pub fn timing(&self) -> bool {
        self.timing
    }

    /// Whether each address is asked.
    pub fn all(&self) -> bool {
        self.all
    }

    /// Whether each response is judged.
    pub fn lint(&self) -> bool {
        self.lint
    }

    /// How often everything is asked, and how far apart, where that is asked for.
    pub fn repeat(&self) -> Option<(u64, Duration)> {
        self.repeat.map(|times| (times, self.interval.unwrap_or_default()))
    }
}
