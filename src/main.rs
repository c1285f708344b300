//! sockkit: parse, dispatch, print the error once, end as the exit table says.

use std::process::ExitCode;

use clap::Parser;

use sockkit::cli::Cli;
use sockkit::cmd::{self, usage};
use sockkit::report::Voice;
use sockkit::report::exit::end;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return end(usage::explain(error)),
    };
    let voice = Voice::new(cli.voice.into());
    match cmd::run(&cli, &voice) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(usage::failed(&voice, &error)),
    }
}
