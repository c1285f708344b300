//! The subcommands, one file each: its options, its `run`. A run reads like a sentence of the four verbs.
//!
//! Owns what ties the rooms together: the context of a run, the announcement, old habits. Refuses to do any of the
//! rooms' work itself.

mod announce;
pub mod check;
pub mod connect;
pub mod generate;
pub mod listen;
pub mod udp_recv;
pub mod udp_send;
pub mod usage;

use crate::cli::{Cli, Command};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::report::Voice;
use crate::sys::signals::Signals;

/// Runs the verb of the command line.
pub fn run(cli: &Cli, voice: &Voice) -> anyhow::Result<()> {
    match (&cli.generate, &cli.command) {
        (Some(kind), _) => generate::run(*kind),
        (None, Some(Command::Listen(args))) => listen::run(args, voice),
        (None, Some(Command::Connect(args))) => connect::run(args, voice),
        (None, Some(Command::UdpSend(args))) => udp_send::run(args, voice),
        (None, Some(Command::UdpRecv(args))) => udp_recv::run(args, voice),
        (None, None) => Err(Error::usage("a verb is needed; sockkit --help lists them").into()),
    }
}

/// Runs `work` with the context of a run that starts now.
fn in_context<T>(voice: &Voice, deadline: Option<Bound>, work: impl FnOnce(&Context<'_>) -> Result<T, Error>) -> anyhow::Result<T> {
    let signals = Signals::install().map_err(|e| Error::io(Kind::Usage, "install", "the signal handlers", &e))?;
    let ctx = Context { tell: voice, signals: &signals, deadline: Deadline::starting_now(deadline) };
    Ok(work(&ctx)?)
}

/// The error of words that the command line has no place for.
fn too_many(words: &[String], verb: &str) -> Result<(), Error> {
    let Some(first) = words.first() else { return Ok(()) };
    Err(Error::usage(format!("{verb} takes one address; {:?} is too much", crate::proto::escape(first.as_bytes()))))
}
