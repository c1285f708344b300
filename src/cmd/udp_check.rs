//! `udp-send --check` and `--mtu`: verdicts on ports and paths, one line each on standard output.

use super::check::{Board, addresses, subjects};
use super::probe::nonce;
use super::{check, too_many};
use crate::address::{CheckTarget, Endpoint, HostPort, Role, Targets};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::net::resolve::resolve;
use crate::opts::probe::ProbeArgs;
use crate::opts::verdict::Wanted;
use crate::proto::probe::Probe;
use crate::report::Voice;
use crate::report::checks::PortAnswer;
use crate::serve::mtu::{Found, Hunt};
use crate::serve::place::How;
use crate::serve::verdict::Survey;
use crate::stream::dial::of_source_family;

/// What is to be found out, of whom, and in how many tries.
#[derive(Debug)]
pub(super) enum Errand {
    /// What becomes of a question to each of these.
    Check(Targets, Probe, u32),
    /// How large a datagram to this one may be.
    Mtu(HostPort, u32),
}

/// The errand that the words of the command line name.
pub(super) fn errand(words: &[String], wanted: Wanted, asked: &ProbeArgs) -> Result<Errand, Error> {
    match wanted {
        Wanted::Check => {
            let probe = asked.probe().unwrap_or(Probe::Data(Vec::new()));
            match target(words, &probe)? {
                CheckTarget::Ports(targets) => Ok(Errand::Check(targets, probe, asked.tries())),
                CheckTarget::Unix(name) => Err(not_for(&name)),
            }
        }
        Wanted::Mtu => match Endpoint::from_words(words, Role::Connects).map_err(Error::usage)? {
            (Endpoint::Inet(target), rest) => {
                too_many(rest, "udp-send --mtu").map(|()| Errand::Mtu(target, asked.tries()))
            }
            (Endpoint::Unix(name), _) => Err(not_for(&name)),
        },
    }
}

/// A UNIX socket tells its state by itself.
fn not_for(name: &dyn std::fmt::Display) -> Error {
    Error::usage(format!("--check and --mtu mean nothing for {name}: sending tells at once"))
}

/// The ports of one host; one that is left out is the protocol's own.
fn target(words: &[String], probe: &Probe) -> Result<CheckTarget, Error> {
    check::target(words, std::iter::empty()).or_else(|error| {
        let alone = probe.port().and_then(|port| Endpoint::from_words_or_port(words, port).ok());
        match alone {
            Some((Endpoint::Inet(HostPort { host, port }), [])) => {
                let ports = port.to_string().parse().map_err(Error::usage)?;
                Ok(CheckTarget::Ports(Targets { host, ports }))
            }
            _ => Err(error),
        }
    })
}

/// Finds it out, and tells; an error says which exit code the negative verdicts make. `limit` is for the answers.
pub(super) fn run(
    ctx: &Context<'_>,
    voice: &Voice,
    errand: &Errand,
    how: &How,
    limit: Option<Bound>,
) -> Result<(), Error> {
    let (limit, config) = (limit.map(|bound| bound.length), how.config.clone());
    match errand {
        Errand::Check(targets, probe, tries) => {
            let survey = Survey { probe: probe.clone(), nonce, tries: *tries, limit, config };
            check_ports(ctx, voice, targets, how, &survey)
        }
        Errand::Mtu(target, tries) => find_mtu(ctx, voice, target, how, &Hunt { tries: *tries, limit, config }),
    }
}

fn check_ports(ctx: &Context<'_>, voice: &Voice, targets: &Targets, how: &How, survey: &Survey) -> Result<(), Error> {
    let subjects = subjects(targets);
    let found = addresses(ctx, &subjects.iter().collect::<Vec<_>>(), how.lookup, how.limit)?;
    let places: Vec<_> = found.iter().map(|all| of_source_family(all, &how.config)).collect::<Result<_, _>>()?;
    let mut board = Board::new(voice, subjects.len());
    survey.run(ctx, &places, &mut |place, verdicts| {
        board.record(place, PortAnswer::of_verdicts(&subjects[place].to_string(), verdicts))
    })?;
    board.verdict()
}

fn find_mtu(ctx: &Context<'_>, voice: &Voice, target: &HostPort, how: &How, hunt: &Hunt) -> Result<(), Error> {
    let found = resolve(ctx, target, how.lookup, Deadline::starting_now(how.limit))?;
    let addresses = of_source_family(&found, &how.config)?;
    let subject = target.to_string();
    let verdicts = match hunt.run(ctx, &addresses)? {
        Found::Largest(largest) => return voice.largest_found(&subject, &largest),
        Found::Nobody(verdicts) => verdicts,
    };
    let answer = PortAnswer::of_verdicts(&subject, &verdicts);
    voice.port_checked(&answer)?;
    let reason = "nothing came back; --mtu needs a peer that answers, such as an echo service";
    Err(match answer.kind {
        Some(kind @ Kind::TimedOut) => Error::new(kind, "find the MTU to", subject, reason),
        kind => Error::said(kind.unwrap_or(Kind::Refused)),
    })
}
