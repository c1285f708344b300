//! `connect --check`: connects and closes, and tells of each port whether it is open.
//!
//! Ports are tried side by side, since a silent one costs its whole time limit; the lines come in the order of the
//! ports. Under --retry-for, whatever is not open yet is tried again.

use std::net::SocketAddr;
use std::time::Instant;

use crate::address::{CheckTarget, Endpoint, HostPort, Port, Targets};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::net::resolve::{Lookup, resolve};
use crate::opts::tls::CertificateArgs;
use crate::report::Voice;
use crate::report::checks::PortAnswer;
use crate::stream::dial::{BACKOFF, Lost, Outcome, Race, Won, may_come_up, run_all};
use crate::stream::route::Route;

/// How a port is checked.
#[derive(Debug)]
pub(super) struct Check {
    /// The way to it; a handshake is part of the check.
    pub(super) route: Route,
    /// What is wanted of the certificate.
    pub(super) asked: CertificateArgs,
}

/// Checks every port of `target`; an error says which exit code the negative answers make.
pub(super) fn run(ctx: &Context<'_>, voice: &Voice, target: &CheckTarget, how: &Check) -> Result<(), Error> {
    match target {
        CheckTarget::Unix(name) => {
            let endpoint = Endpoint::Unix(name.clone());
            let mut board = Board::new(voice, 1);
            let start = Instant::now();
            let opened = how.route.open(ctx, &endpoint);
            let outcome = opened.map(|stream| Won { stream, took: start.elapsed() }).map_err(Lost::from);
            board.record(0, how.answer(&endpoint.to_string(), &outcome))?;
            board.verdict()
        }
        CheckTarget::Ports(targets) => {
            let subjects: Vec<_> = subjects(targets);
            let mut board = Board::new(voice, subjects.len());
            check_ports(ctx, &subjects, how, &mut board)?;
            board.verdict()
        }
    }
}

/// One subject a port.
pub(super) fn subjects(targets: &Targets) -> Vec<HostPort> {
    targets.ports.iter().map(|port| HostPort { host: targets.host.clone(), port }).collect()
}

/// Rounds over all that is not open yet, until it is or the time of --retry-for is over.
fn check_ports(ctx: &Context<'_>, subjects: &[HostPort], how: &Check, board: &mut Board<'_>) -> Result<(), Error> {
    let start = Instant::now();
    let mut closed: Vec<usize> = (0..subjects.len()).collect();
    let mut pause = BACKOFF.0;
    loop {
        let left = how.route.dial.retry_for.unwrap_or_default().saturating_sub(start.elapsed());
        closed = one_round(ctx, subjects, &closed, how, board, left.is_zero())?;
        if closed.is_empty() {
            return Ok(());
        }
        ctx.pause(pause.min(left), Deadline::NEVER).map_err(|cut| cut.during("check", &subjects[closed[0]].host))?;
        pause = (pause * 2).min(BACKOFF.1);
    }
}

/// One try at each of `places`. Gives those to try again; in the last round there are none.
fn one_round(
    ctx: &Context<'_>,
    subjects: &[HostPort],
    places: &[usize],
    how: &Check,
    board: &mut Board<'_>,
    is_last: bool,
) -> Result<Vec<usize>, Error> {
    let again = |error: &Error| !is_last && may_come_up(error);
    let races = match races(ctx, subjects, places, &how.route) {
        Ok(races) => races,
        Err(error) if again(&error) => return Ok(places.to_vec()),
        Err(error) => return Err(error),
    };
    let mut closed = Vec::new();
    run_all(ctx, races, &mut |nth, outcome| match &outcome {
        Err(lost) if again(&lost.error) => {
            closed.push(places[nth]);
            Ok(())
        }
        _ => {
            let answer = how.answer(&subjects[places[nth]].to_string(), &outcome);
            take_leave(outcome);
            board.record(places[nth], answer)
        }
    })?;
    Ok(closed)
}

/// Whoever was told `close_notify` need not wonder whether something is missing. A peer that does not take it has been
/// checked all the same.
fn take_leave(outcome: Outcome) {
    let stream = outcome.ok().map(|won| won.stream).filter(|stream| stream.handshake().is_some());
    if let Some(mut stream) = stream {
        let _ = stream.close_write();
    }
}

/// One race a port.
fn races<'a>(
    ctx: &Context<'_>,
    subjects: &[HostPort],
    places: &[usize],
    how: &'a Route,
) -> Result<Vec<Race<'a>>, Error> {
    let chosen: Vec<_> = places.iter().map(|&place| &subjects[place]).collect();
    let addressed = addresses(ctx, &chosen, how.dial.lookup, how.dial.limit)?;
    let race = |(&subject, addresses): (&&HostPort, &Vec<SocketAddr>)| {
        Race::new(subject.clone(), addresses, &how.dial).map(|race| race.wrapped_by(how))
    };
    chosen.iter().zip(&addressed).map(race).collect()
}

/// The addresses of each of `subjects`, which are ports of one host: its name is looked up once for all numbers.
pub(super) fn addresses(
    ctx: &Context<'_>,
    subjects: &[&HostPort],
    lookup: Lookup,
    limit: Option<Bound>,
) -> Result<Vec<Vec<SocketAddr>>, Error> {
    let mut known: Option<Vec<SocketAddr>> = None;
    let addresses_of = |subject: &&HostPort| match (&subject.port, &mut known) {
        (Port::Number(port), Some(known)) => Ok(at_port(known, *port)),
        (Port::Number(port), known) => {
            let found = resolve(ctx, subject, lookup, Deadline::starting_now(limit))?;
            Ok(at_port(known.insert(found), *port))
        }
        (Port::Service(_), _) => resolve(ctx, subject, lookup, Deadline::starting_now(limit)),
    };
    subjects.iter().map(addresses_of).collect()
}

fn at_port(addresses: &[SocketAddr], port: u16) -> Vec<SocketAddr> {
    let at = |mut address: SocketAddr| {
        address.set_port(port);
        address
    };
    addresses.iter().copied().map(at).collect()
}

/// The lines, told in the order of the ports whatever the order of the answers.
pub(super) struct Board<'a> {
    voice: &'a Voice,
    answers: Vec<Option<PortAnswer>>,
    told: usize,
}

impl<'a> Board<'a> {
    /// A board for so many ports.
    pub(super) fn new(voice: &'a Voice, ports: usize) -> Self {
        Board { voice, answers: vec![None; ports], told: 0 }
    }

    /// The answer of the port at `place`.
    pub(super) fn record(&mut self, place: usize, answer: PortAnswer) -> Result<(), Error> {
        self.answers[place] = Some(answer);
        while let Some(Some(answer)) = self.answers.get(self.told) {
            self.voice.port_checked(answer)?;
            self.told += 1;
        }
        Ok(())
    }

    /// All open: good. The only one is not: its own kind. Some of several are not: a negative verdict.
    pub(super) fn verdict(&self) -> Result<(), Error> {
        let kinds: Vec<_> = self.answers.iter().flatten().map(|answer| answer.kind).collect();
        match kinds.as_slice() {
            [Some(only)] => Err(Error::said(*only)),
            kinds if kinds.iter().any(Option::is_some) => Err(Error::said(Kind::Verdict)),
            _ => Ok(()),
        }
    }
}

impl Check {
    fn answer(&self, subject: &str, outcome: &Outcome) -> PortAnswer {
        let (answer, shown) = match outcome {
            Ok(won) => {
                let answer = PortAnswer::open(subject, &won.stream.name(), won.took);
                match won.stream.handshake() {
                    Some(handshake) => (answer.encrypted(handshake, self.asked.min_days), Some(handshake)),
                    None => (answer, None),
                }
            }
            Err(lost) => (PortAnswer::closed(subject, &lost.error), lost.handshake.as_deref()),
        };
        match shown {
            Some(handshake) if self.asked.cert => answer.with_certificates(handshake),
            _ => answer,
        }
    }
}

/// The target of a check; options that it can't honour are refused.
pub(super) fn target(
    words: &[String],
    mut inet_only: impl Iterator<Item = &'static str>,
) -> Result<CheckTarget, Error> {
    let target = CheckTarget::from_words(words).map_err(Error::usage)?;
    match (&target, inet_only.next()) {
        (CheckTarget::Unix(name), Some(option)) => Err(Error::usage(format!("{option} means nothing for {name}"))),
        _ => Ok(target),
    }
}
