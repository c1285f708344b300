//! `udp-send --check` and `--mtu`: verdicts on ports and paths, one line each on standard output.

use std::time::{Duration, SystemTime};

use super::check::{Board, addresses, subjects};
use super::probe::nonce;
use super::{check, too_many};
use crate::address::{CheckTarget, Endpoint, HostPort, Role, Targets};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::net::resolve::resolve;
use crate::opts::probe::ProbeArgs;
use crate::opts::verdict::{Wanted, patience};
use crate::proto::probe::{Probe, Times};
use crate::report::Voice;
use crate::report::checks::PortAnswer;
use crate::serve::mtu::{Found, Hunt};
use crate::serve::place::How;
use crate::serve::verdict::{Question, Survey};
use crate::stream::dial::of_source_family;

/// What is to be found out, and of whom.
#[derive(Debug)]
pub(super) enum Errand {
    /// What becomes of a question to each of these.
    Check(Targets),
    /// How large a datagram to this one may be.
    Mtu(HostPort),
}

/// The errand that the words of the command line name. A UNIX socket tells its state by itself.
pub(super) fn errand(words: &[String], wanted: Wanted) -> Result<Errand, Error> {
    let refused = |name: &dyn std::fmt::Display| {
        Error::usage(format!("--check and --mtu mean nothing for {name}: sending tells at once"))
    };
    match wanted {
        Wanted::Check => match check::target(words, std::iter::empty())? {
            CheckTarget::Ports(targets) => Ok(Errand::Check(targets)),
            CheckTarget::Unix(name) => Err(refused(&name)),
        },
        Wanted::Mtu => match Endpoint::from_words(words, Role::Connects).map_err(Error::usage)? {
            (Endpoint::Inet(target), rest) => too_many(rest, "udp-send --mtu").map(|()| Errand::Mtu(target)),
            (Endpoint::Unix(name), _) => Err(refused(&name)),
        },
    }
}

/// Finds it out, and tells; an error says which exit code the negative verdicts make.
pub(super) fn run(ctx: &Context<'_>, voice: &Voice, errand: &Errand, how: &How, args: &ProbeArgs) -> Result<(), Error> {
    match errand {
        Errand::Check(targets) => check_ports(ctx, voice, targets, how, args),
        Errand::Mtu(target) => find_mtu(ctx, voice, target, how, args),
    }
}

fn check_ports(ctx: &Context<'_>, voice: &Voice, targets: &Targets, how: &How, args: &ProbeArgs) -> Result<(), Error> {
    let subjects = subjects(targets);
    let found = addresses(ctx, &subjects.iter().collect::<Vec<_>>(), how.lookup, how.limit)?;
    let places: Vec<_> = found.iter().map(|all| of_source_family(all, &how.config)).collect::<Result<_, _>>()?;
    let survey = Survey {
        question: question(args),
        tries: args.tries(),
        limit: patience(how.limit),
        config: how.config.clone(),
    };
    let mut board = Board::new(voice, subjects.len());
    survey.run(ctx, &places, &mut |place, verdicts| {
        board.record(place, PortAnswer::of_verdicts(&subjects[place].to_string(), verdicts))
    })?;
    board.verdict()
}

/// What --probe and --probe-data say, else an empty datagram. An answer to a probe is read for its form alone: of
/// several ports nobody notes when each question left.
fn question(args: &ProbeArgs) -> Question {
    let Some(probe) = args.probe() else { return Question::plain(Vec::new()) };
    let nonce = nonce();
    let bytes = probe.question(nonce).bytes().to_vec();
    if let Probe::Data(_) = probe {
        return Question::plain(bytes);
    }
    let read = move |answer: &[u8]| {
        let times = Times { sent: SystemTime::now(), took: Duration::ZERO };
        Some(match probe.question(nonce).read(answer, times) {
            Ok(_) => format!("well-formed {}", probe.name()),
            Err(reason) => format!("no {}: {reason}", probe.name()),
        })
    };
    Question { bytes, read: Box::new(read) }
}

fn find_mtu(ctx: &Context<'_>, voice: &Voice, target: &HostPort, how: &How, args: &ProbeArgs) -> Result<(), Error> {
    let found = resolve(ctx, target, how.lookup, Deadline::starting_now(how.limit))?;
    let addresses = of_source_family(&found, &how.config)?;
    let hunt = Hunt { tries: args.tries(), limit: patience(how.limit), config: how.config.clone() };
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
