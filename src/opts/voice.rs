//! `-v -q --json --color`: the only options that every verb honours, before or after it.

use clap::{ArgAction, Args, ValueEnum};

use crate::report::{Color, Settings};

/// How much sockkit says about itself.
#[derive(Args, Clone, Copy, Debug)]
pub struct VoiceArgs {
    /// Narrate each step of the socket's life with times; -vv adds socket options, reads and writes
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Write every line about itself as a JSON object
    #[arg(long, global = true)]
    json: bool,
    /// When to use colour on stderr
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorArg {
    Auto,
    Always,
    Never,
}

impl From<VoiceArgs> for Settings {
    fn from(args: VoiceArgs) -> Self {
        let color = match args.color {
            ColorArg::Auto => Color::Auto,
            ColorArg::Always => Color::Always,
            ColorArg::Never => Color::Never,
        };
        Settings { verbose: args.verbose, quiet: args.quiet, json: args.json, color }
    }
}
