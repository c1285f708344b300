//! `cargo bench --bench peers`: sockkit beside nc, ncat, socat and bare loops, side by side in one run.
//!
//! Owns the order of things: options, the payload, the scenarios one after the other, and the Markdown on stdout.
//! It refuses to pass a verdict by its exit code: a speed is never a test. It ends with 1 only if sockkit or a
//! bare loop lost bytes of a stream, told an untrue account of datagrams, or failed.
//!
//! ```text
//! cargo bench --bench peers                         everything, 11 rounds of 1 GiB
//! cargo bench --bench peers -- ping-pong start-up   these scenarios
//! cargo bench --bench peers -- echo                 those whose name contains that
//! cargo bench --bench peers -- --quick              does it run? 1 round of 16 MiB
//! ```
//! stdout is the page that `benches/RESULTS.md` keeps; progress goes to stderr.
//!
//! # How to add a scenario
//! A line in [`scenarios::ALL`], and in [`bars::ALL`] what it has to reach. If it needs other peers or other
//! command lines, a [`tools::Tool`] is a value too.
//!
//! Linux only: whether a peer listens already is read in /proc/net, since a connection to find out would be its client.

#![expect(unreachable_pub, reason = "one program in several files: `pub` is what the other files may use")]

mod bare;
mod bars;
mod child;
mod echo;
mod ends;
mod exchange;
mod get;
mod options;
mod page;
mod payload;
mod place;
mod rounds;
mod sample;
mod scenarios;
mod tls;
mod tools;
mod transfer;
mod udp;

use std::process::ExitCode;

use options::{Asked, Options};
use payload::Scratch;

/// What every scenario is given.
pub struct Bench {
    pub options: Options,
    pub scratch: Scratch,
}

fn main() -> ExitCode {
    if let Some(code) = bare::run_if_asked() {
        return code;
    }
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Say(text)) => return say(&text),
        Err(error) => return fail(&error),
    };
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

/// Whether everything that must not fail worked.
fn run(options: Options) -> Result<bool, String> {
    child::guard()?;
    let scratch = Scratch::with_payload(options.size)?;
    let bench = Bench { options, scratch };
    let results: Vec<_> = bench.options.scenarios.iter().map(|scenario| rounds::run(&bench, scenario)).collect();
    print!("{}", page::page(&bench, &results));
    Ok(results.iter().all(rounds::Results::is_sound))
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn fail(error: &str) -> ExitCode {
    eprintln!("peers: {error}");
    ExitCode::FAILURE
}
