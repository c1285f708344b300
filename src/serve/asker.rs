//! `udp-send --probe`: one question, asked again while nothing comes, and the answer to it.
//!
//! Owns the tries and which question an answer is to: each try has a nonce of its own, so that a late answer is
//! measured from the try that it belongs to. Refuses to know the protocol, and to take the answer to somebody else's
//! question for the server's last word.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use super::place::Target;
use crate::deadline::{Bound, Deadline, Expired, FIRST_ANSWER, Limit};
use crate::error::{Error, Kind};
use crate::event::{Datagram, Event};
use crate::net::datagram::Sender;
use crate::net::{Context, SocketName};
use crate::proto::probe::{Answer, Nonce, Probe, Question, Reason, Times};
use crate::sys::fd::{is_out_of_resources, is_too_large};
use crate::sys::poll::Interest;

/// So many datagrams are looked at before the signals and the limits have their turn.
const TURN: usize = 64;

/// A full send buffer, a full queue or a kernel without buffers is tried again this often.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(5);

/// What is asked, and for how long.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The question.
    pub probe: Probe,
    /// How often it is sent at most.
    pub tries: u32,
    /// How long an answer is waited for, over all tries.
    pub limit: Bound,
    /// Where the nonces come from.
    pub nonce: fn() -> Nonce,
}

/// The answer that came.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What it says.
    pub answer: Answer,
    /// Who sent it.
    pub from: SocketName,
    /// Since the question that it answers.
    pub took: Duration,
    /// How often the question was sent.
    pub asked: usize,
}

impl Asker {
    /// Asks until an answer comes. One that breaks its protocol is an error at once, unless it may be anybody's.
    pub fn run(&self, ctx: &Context<'_>, target: &Target) -> Result<Answered, Error> {
        let mut state = State { ctx, target, asker: self, asked: Vec::new(), buffer: Vec::new(), refused: None };
        for wait in waits(self.tries, self.limit.length) {
            let asked = state.ask();
            // The error may be of an earlier question, whose answer is there all the same.
            let wait = if asked.is_ok() { wait } else { Duration::ZERO };
            if let Some(answered) = state.listen(wait)? {
                return Ok(answered);
            }
            asked?;
        }
        Err(state.silence())
    }
}

/// The lengths of the waits for an answer: each twice the one before it, `total` in all.
pub(super) fn waits(tries: u32, total: Duration) -> impl Iterator<Item = Duration> {
    (0..tries).map(move |nth| total / parts(tries) * 2_u32.saturating_pow(nth))
}

/// How many times the first wait all of them are.
fn parts(tries: u32) -> u32 {
    2_u32.saturating_pow(tries).saturating_sub(1).max(1)
}

/// How long an answer is waited for where the user does not say.
pub fn default_limit(tries: u32) -> Bound {
    Bound { length: FIRST_ANSWER.saturating_mul(parts(tries)), limit: Limit::DefaultAnswer }
}

struct State<'a> {
    ctx: &'a Context<'a>,
    target: &'a Target,
    asker: &'a Asker,
    asked: Vec<Asked<'a>>,
    buffer: Vec<u8>,
    /// Why what came so far is no answer.
    refused: Option<Reason>,
}

/// A question that was sent, and when, on both clocks.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) question: Question<'a>,
    pub(super) at: Instant,
    pub(super) clock: SystemTime,
}

/// What `answer` says to whichever question it is to. If it is to none, how it breaks its protocol is the better reason.
pub(super) fn read(all: &[Asked<'_>], answer: &[u8], came: Instant) -> Result<(Answer, Duration), Reason> {
    let mut best = None;
    for asked in all.iter().rev() {
        let took = came.saturating_duration_since(asked.at);
        match asked.question.read(answer, Times { sent: asked.clock, took }) {
            Ok(answer) => return Ok((answer, took)),
            Err(Reason::Stray(_)) if best.is_some() => {}
            Err(reason) => best = Some(reason),
        }
    }
    Err(best.unwrap_or(Reason::Stray("nothing was asked")))
}

impl State<'_> {
    fn ask(&mut self) -> Result<(), Error> {
        let question = self.asker.probe.question((self.asker.nonce)());
        let limit = Deadline::starting_now(Some(self.asker.limit));
        loop {
            let (at, clock) = (Instant::now(), SystemTime::now());
            match self.target.socket.send(question.bytes()) {
                Ok(()) => {
                    self.ctx.tell(&Event::Datagram(Datagram::Sent(&self.target.name, question.bytes().len())));
                    self.asked.push(Asked { question, at, clock });
                    return Ok(());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock || is_out_of_resources(&e) => {
                    let paused = self.ctx.pause(NO_ROOM_PAUSE, limit);
                    paused.map_err(|cut| cut.during("send to", &self.target.name))?;
                }
                Err(e) if is_too_large(&e) => {
                    let reason = format!("{} bytes are too many for one datagram", question.bytes().len());
                    return Err(Error::new(Kind::Send, "send to", &self.target.name, reason));
                }
                Err(e) => return Err(self.target.send_failed(&e)),
            }
        }
    }

    /// Takes what comes for so long, or until the answer is there. The last look is after that time, however late it is.
    fn listen(&mut self, wait: Duration) -> Result<Option<Answered>, Error> {
        let start = Instant::now();
        loop {
            let left = wait.saturating_sub(start.elapsed());
            if let Some(answered) = self.take()? {
                return Ok(Some(answered));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let mut interests = [Interest::read(self.target.socket.as_fd())];
            let waited = self.ctx.wait_at_most(&mut interests, Deadline::NEVER, left);
            waited.map_err(|cut| cut.during(WAIT_FOR, &self.target.name))?;
        }
    }

    /// The kernel tells an error before what has come earlier: the answer counts more.
    fn take(&mut self) -> Result<Option<Answered>, Error> {
        let mut failed = None;
        for _ in 0..TURN {
            match self.target.socket.receive(&mut self.buffer) {
                Ok((size, from)) => {
                    let came = Instant::now();
                    self.ctx.tell(&Event::Datagram(Datagram::Received(&from.name(), size)));
                    match read(&self.asked, &self.buffer[..size], came) {
                        Ok((answer, took)) => {
                            let (from, asked) = (self.answerer(&from), self.asked.len());
                            return Ok(Some(Answered { answer, from, took, asked }));
                        }
                        Err(reason) => self.refuse(&from, reason)?,
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => failed = Some(self.target.send_failed(&e)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// A stray may be a forgery, and in a group somebody else may do better: both are waited out.
    fn refuse(&mut self, from: &Sender, reason: Reason) -> Result<(), Error> {
        if !self.target.socket.is_group() && matches!(reason, Reason::Malformed(_)) {
            return Err(self.refused(&reason));
        }
        if self.refused.is_none() {
            self.ctx.warn(format_args!("{}: {reason}; waiting for another one", self.answerer(from)));
        }
        self.refused.get_or_insert(reason);
        Ok(())
    }

    /// One peer is known by its name; a UNIX one may answer from a socket without any.
    fn answerer(&self, from: &Sender) -> SocketName {
        if self.target.socket.is_group() { from.name() } else { self.target.name.clone() }
    }

    fn refused(&self, reason: &Reason) -> Error {
        Error::new(Kind::Malformed, "ask", &self.target.name, reason)
    }

    fn silence(&self) -> Error {
        if let Some(reason) = &self.refused {
            return self.refused(reason);
        }
        let expired = Error::expired(WAIT_FOR, &self.target.name, Expired(self.asker.limit));
        match self.asker.probe.silence() {
            Some(hint) => expired.hint(hint),
            None => expired,
        }
    }
}

const WAIT_FOR: &str = "wait for an answer from";

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::address::Family;
    use crate::event::Tell;
    use crate::net::SocketConfig;
    use crate::net::resolve::Lookup;
    use crate::serve::place::{How, send_to};
    use crate::sys::signals::Signals;

    struct Silent;

    impl Tell for Silent {
        fn tell(&self, _: &Event<'_>) {}
    }

    #[test]
    fn an_answer_counts_more_than_the_refusal_that_came_after_it() {
        let signals = Signals::install().expect("handlers can be installed");
        let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
        let server = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let endpoint = server.local_addr().expect("it is bound").to_string().parse().expect("it is an address");
        let lookup = Lookup { family: Family::Any, numeric_only: true, datagram: true };
        let how = How { lookup, config: SocketConfig::default(), limit: None };
        let target = send_to(&ctx, &endpoint, &how, true).expect("it is there");
        let asker = Asker { probe: Probe::Echo, tries: 1, limit: default_limit(1), nonce: || Nonce([7; 16]) };
        let mut state =
            State { ctx: &ctx, target: &target, asker: &asker, asked: Vec::new(), buffer: Vec::new(), refused: None };
        state.ask().expect("it is sent");
        let mut question = [0; 99];
        let (size, from) = server.recv_from(&mut question).expect("it comes");
        server.send_to(&question[..size], from).expect("it is sent");
        drop(server);
        target.socket.send(b"to nobody").expect("the last datagram got there");
        assert!(state.listen(Duration::ZERO).is_ok_and(|answered| answered.is_some()));
    }

    #[test]
    fn the_waits_double_and_fill_the_limit() {
        let seconds =
            |tries, total| waits(tries, Duration::from_secs(total)).map(|wait| wait.as_secs()).collect::<Vec<_>>();
        assert_eq!((default_limit(1).length.as_secs(), default_limit(3).length.as_secs()), (1, 7));
        assert_eq!((seconds(3, 7), seconds(1, 7), seconds(2, 0)), (vec![1, 2, 4], vec![7], vec![0, 0]));
    }
}
