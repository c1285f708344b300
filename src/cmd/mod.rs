//! The subcommands, one file each: its options, its `run`. A run reads like a sentence of the four verbs.
//!
//! Owns what ties the rooms together: the context of a run, the announcement, old habits. Refuses to do any of the
//! rooms' work itself.

mod announce;
pub mod check;
pub mod connect;
pub mod echo_server;
mod encryption;
pub mod examples;
pub mod generate;
pub mod get;
pub mod listen;
mod ping;
mod probe;
mod session;
mod taps;
mod udp_check;
pub mod udp_recv;
pub mod udp_send;
pub mod usage;
pub mod verb;

use crate::cli::{Cli, Command};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::opts::relay::{OutputArgs, SessionArgs};
use crate::report::Voice;
use crate::stream::output::OutputFile;
use crate::stream::stdio::{Output, Stdio};
use crate::sys::signals::Signals;

/// Runs the verb of the command line.
pub fn run(cli: &Cli, voice: &Voice) -> anyhow::Result<()> {
    match (&cli.generate, &cli.command) {
        (Some(kind), _) => generate::run(kind),
        (None, Some(Command::Listen(args))) => listen::run(args, voice),
        (None, Some(Command::Connect(args))) => connect::run(args, voice),
        (None, Some(Command::Get(args))) => get::run(args, voice),
        (None, Some(Command::EchoServer(args))) => echo_server::run(args, voice),
        (None, Some(Command::UdpSend(args))) => udp_send::run(args, voice),
        (None, Some(Command::UdpRecv(args))) => udp_recv::run(args, voice),
        (None, None) => Err(Error::usage("a verb is needed; sockkit --help lists them").into()),
    }
}

/// Runs `work` with the context of a run that starts now.
fn in_context<T>(
    voice: &Voice,
    deadline: Option<Bound>,
    work: impl FnOnce(&Context<'_>) -> Result<T, Error>,
) -> anyhow::Result<T> {
    let signals = Signals::install().map_err(|e| Error::io(Kind::Usage, "install", "the signal handlers", &e))?;
    let ctx = Context { tell: voice, signals: &signals, deadline: Deadline::starting_now(deadline) };
    Ok(work(&ctx)?)
}

/// Opens what --output names, or standard output, before anything is sent to anybody.
fn open_output(ctx: &Context<'_>, args: &OutputArgs) -> Result<Output, Error> {
    match args.path() {
        Some(path) => OutputFile::open(ctx, path, args.may_overwrite()).map(Output::File),
        None => Ok(Output::Stdout),
    }
}

/// Opens the local end of a session.
fn open_local(ctx: &Context<'_>, session: &SessionArgs, output: &OutputArgs) -> Result<Stdio, Error> {
    let output = if session.is_send_only() { Output::Discard } else { open_output(ctx, output)? };
    Stdio::open(session.input(), output)
}

/// The error of words that the command line has no place for.
fn too_many(words: &[String], verb: &str) -> Result<(), Error> {
    let Some(first) = words.first() else { return Ok(()) };
    Err(Error::usage(format!("{verb} takes one address; {:?} is too much", crate::proto::escape(first.as_bytes()))))
}
