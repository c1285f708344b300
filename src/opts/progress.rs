//! `--progress`.

use clap::{Args, ValueEnum};

use crate::report::bar::When;

/// Whether to show how far a transfer is.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Session")]
pub struct ProgressArgs {
    /// Show progress on stderr: a bar on a terminal; with always, elsewhere a line a second [auto: where get -o writes a file, on a terminal]
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_value = "auto", default_missing_value = "always")]
    progress: ProgressArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProgressArg {
    Auto,
    Always,
    Never,
}

impl ProgressArgs {
    /// When it is shown, for a transfer `to_file` or to standard output.
    pub fn when(self, to_file: bool) -> When {
        match self.progress {
            ProgressArg::Always => When::Always,
            ProgressArg::Auto if to_file => When::OnTerminal,
            ProgressArg::Auto | ProgressArg::Never => When::Never,
        }
    }
}
