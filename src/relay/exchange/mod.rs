//! One HTTP exchange over a connection: the request goes out, the response comes through its decoder, the body goes to
//! the output.
//!
//! ```text
//!   Outgoing ─────────────▶ Connection ── buffer ──▶ Response ──▶ Taking ──▶ Delivery
//!                                     └───── the kernel's path, once only plain bytes are left ──▶
//! ```
//! The response is taken strictly one thing at a time, so a slow output is back-pressure by itself: while it is waited
//! for, nothing is read, and the one buffer is all that is held. A request with a body goes out beside it, since a
//! server may answer before it has read everything. Owns what each end of the connection means at each point, and the
//! phase that a time limit names. Refuses to judge the status and to follow redirects: the caller does, between
//! [`Exchange::head`] and [`Exchange::body`] or [`Exchange::skip`].

mod connection;
mod glimpse;
mod outgoing;
mod passing;
mod taking;
#[cfg(test)]
mod tests;
mod wanted;

use std::time::{Duration, Instant};

use super::delivery::Delivery;
use super::direction::is_nothing_yet;
use crate::deadline::{Bound, Deadline, Limit};
use crate::error::{Error, Kind};
use crate::event::http::{Marks, Timing};
use crate::event::{Event, Figures, Http, Move, Side};
use crate::net::{Context, Cut};
use crate::proto::http::lint::BodyEnd;
use crate::proto::http::{self, Framing, HttpError, Method, Response, ResponseHead};
use crate::stream::Readiness;

pub use connection::{Connection, Spent};
use glimpse::Watch;
pub use glimpse::{Glimpse, Onlooker};
pub use outgoing::{Body, Outgoing};
use passing::Passed;
pub use taking::Taking;
pub use wanted::Wanted;

/// Whoever watches the body grow looks at it this often although nothing comes.
const TICK: Duration = Duration::from_secs(1);

/// A body that nobody wants is read to its end, for the sake of its connection, if it has no more than this. Another
/// connection over loopback costs less than 64 KiB, over a real network more.
const SHORT: u64 = 64 * 1024;

/// ... and comes within this time.
const SKIP: Bound = Bound { length: Duration::from_millis(500), limit: Limit::Drain };

/// What the decoder made of the front of the buffer.
enum Step {
    Head(ResponseHead),
    /// So many bytes at the front of the buffer are body.
    Data(usize),
    NeedMore,
    Done,
}

/// What is being waited for; a time limit that passes names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The source of the request's body.
    Source,
    Send,
    Head,
    Body,
}

impl Phase {
    fn operation(self) -> &'static str {
        match self {
            Phase::Source => "wait for the request body from",
            Phase::Send => "send the request to",
            Phase::Head => "wait for the response head of",
            Phase::Body => "receive the body from",
        }
    }
}

/// What an exchange has to know beside its request.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The request's, which decides whether its response has a body.
    pub method: Method,
    /// Whether the request lets the connection be kept.
    pub keep: bool,
    /// It is given up when nothing moves for this long.
    pub idle: Option<Bound>,
    /// When the URL's turn came, before the connection was opened.
    pub begun: Instant,
}

/// A request and its response.
pub struct Exchange<'a> {
    ctx: &'a Context<'a>,
    connection: &'a mut Connection,
    outgoing: Outgoing<'a>,
    terms: Terms,
    response: Response,
    /// Both sides let the connection be kept, as far as their heads say.
    keep: bool,
    /// The response has come to the end that it announced.
    complete: bool,
    /// When the idle limit passes unless something moves.
    limit: Deadline,
    /// The connection stood.
    start: Instant,
    sent: Option<Instant>,
    first_byte: Option<Instant>,
    figures: Figures,
    /// A reset met while sending: what the peer sent before it can still be read.
    failure: Option<Error>,
    /// The kernel does not move these bytes.
    declined: bool,
    /// What its time went into, once that has been told.
    timed: Option<Timing>,
    /// Who looks on.
    watch: Option<Watch<'a>>,
}

impl<'a> Exchange<'a> {
    /// An exchange of `outgoing` over `connection`.
    pub fn new(ctx: &'a Context<'a>, connection: &'a mut Connection, outgoing: Outgoing<'a>, terms: Terms) -> Self {
        connection.exchanges += 1;
        Exchange {
            ctx,
            connection,
            outgoing,
            terms,
            response: Response::new(terms.method),
            keep: terms.keep,
            complete: false,
            limit: Deadline::starting_now(terms.idle),
            start: Instant::now(),
            sent: None,
            first_byte: None,
            figures: Figures::default(),
            failure: None,
            declined: false,
            timed: None,
            watch: None,
        }
    }

    /// The same before the eyes of `onlooker`, if there is one.
    #[must_use]
    pub fn seen_by(mut self, onlooker: Option<Onlooker<'a>>) -> Self {
        self.watch = onlooker.map(Watch::new);
        self
    }

    /// Sends the request and gives the heads of the interim responses and of the final one, which is the last.
    /// A server may answer before it has read everything; one that refuses what it was sent gets no more of it.
    /// `output` is only watched: when nobody reads it any more, there is nothing to wait for.
    pub fn head(&mut self, output: &Delivery<'_>) -> Result<Heads, Error> {
        let mut interim = Vec::new();
        self.tell_lines(&self.outgoing.head, |line| Http::RequestLine(line));
        loop {
            self.send()?;
            let step = self.step();
            for head in self.response.take_interim() {
                self.watch.iter_mut().for_each(|watch| watch.was_interim(&head));
                self.tell_lines(&head.raw, |line| Http::ResponseLine(line));
                interim.push(head);
            }
            if let Step::Head(last) = step.inspect_err(|_| self.read_refused_head())? {
                self.tell_lines(&last.raw, |line| Http::ResponseLine(line));
                if let Some(framing) = self.response.framing() {
                    self.ctx.tell(&Event::Http(Http::Answered(&last, framing)));
                }
                self.keep &= last.keeps_connection();
                if last.status >= 300 {
                    // What it has not taken by now it does not want.
                    self.outgoing.stop();
                }
                return Ok(Heads { interim, last });
            }
            // Before the head is complete, the end of input is always an error.
            self.wait_and_receive(output, &|_| {})?;
        }
    }

    /// Has the body taken, and checks that it is complete and what was wanted.
    pub fn body(&mut self, mut taking: Taking<'_, '_>) -> Result<(), Error> {
        let outcome = self.take_body(&mut taking);
        // What came before an error is handed over too.
        let flushed = taking.flush();
        outcome.and(flushed)?;
        self.ctx.tell(&Event::Http(Http::Body(self.response.received(), self.start.elapsed())));
        taking.judge()
    }

    /// Gives the body up. A short one is read to its end all the same, so that the connection can be used again.
    pub fn skip(&mut self, output: &Delivery<'_>) {
        if self.keep && self.sent.is_some() && self.length().is_none_or(|length| length <= SHORT) {
            // What goes wrong now concerns a body that nobody wants: it costs the connection, and nothing else.
            let _ = self.skip_short(output);
        }
    }

    /// The length of the body, where it was announced.
    pub fn length(&self) -> Option<u64> {
        self.response.framing().and_then(Framing::length)
    }

    /// The size of the body, once it has come to the end that it announced.
    pub fn whole(&self) -> Option<u64> {
        self.complete.then(|| self.response.received())
    }

    /// Whether `error` means that not one byte of a response has come over a connection that had worked before: then the server has most
    /// likely closed it while it was idle, and never seen the request.
    pub fn is_stale(&self, error: &Error) -> bool {
        let is_gone = matches!(error.kind, Kind::Empty | Kind::Reset);
        self.connection.is_kept() && self.first_byte.is_none() && is_gone
    }

    /// Ends the exchange; tells whether the connection can carry another one.
    pub fn end(mut self) -> Over {
        let timing = self.timing();
        self.timed = Some(timing);
        self.look_behind();
        self.ctx.tell(&Event::Http(Http::Timed(&timing)));
        if self.sent.is_none() {
            self.ctx.warn("the server answered before it had taken the whole request; the rest of that was not sent");
        }
        let framed = !matches!(self.response.framing(), None | Some(Framing::UntilClose));
        let keep = self.keep && self.complete && framed && self.sent.is_some();
        Over { keep, timing }
    }

    /// What its time went into up to now.
    fn timing(&self) -> Timing {
        let over = Instant::now();
        let first_byte = self.first_byte.unwrap_or(over);
        let marks = Marks { begun: self.terms.begun, opened: self.start, sent: self.sent, first_byte, over };
        let opening = (!self.connection.is_kept()).then(|| self.connection.remote.opening());
        Timing::between(&marks, opening)
    }

    fn take_body(&mut self, taking: &mut Taking<'_, '_>) -> Result<(), Error> {
        loop {
            self.send()?;
            match self.step()? {
                Step::Data(n) => {
                    taking.take(&self.connection.buffer.data()[..n])?;
                    self.connection.buffer.consume(n);
                    self.moved();
                    taking.watch(self.response.received());
                }
                Step::NeedMore => {
                    // The server pauses: what it has said is not held back.
                    taking.flush()?;
                    if !self.take_more(taking)? {
                        return Ok(());
                    }
                }
                Step::Head(_) | Step::Done => {
                    self.complete = true;
                    self.outgoing.stop();
                    return Ok(());
                }
            }
        }
    }

    /// Lets the kernel move what it can, else waits and reads; `false` is a good end of the body by the end of the
    /// connection.
    fn take_more(&mut self, taking: &mut Taking<'_, '_>) -> Result<bool, Error> {
        match self.pass(taking)? {
            Passed::Complete => Ok(true),
            Passed::Ended => Ok(false),
            Passed::Declined => self.wait_and_receive(taking.output(), &|size| taking.watch(size)),
        }
    }

    /// The limit is one of waiting: what has come by then is taken, however late it is looked at.
    fn skip_short(&mut self, output: &Delivery<'_>) -> Result<(), Error> {
        let until = Deadline::starting_now(Some(SKIP));
        while self.response.received() <= SHORT {
            match self.step()? {
                Step::Data(n) => self.connection.buffer.consume(n),
                Step::NeedMore => {
                    let before = self.figures.received;
                    self.limit = until;
                    let goes_on = self.wait_and_receive(output, &|_| {})?;
                    let is_late = until.expired().is_some() && self.figures.received == before;
                    if !goes_on || is_late {
                        break;
                    }
                }
                Step::Head(_) | Step::Done => {
                    self.complete = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends what can be sent of the request without waiting.
    fn send(&mut self) -> Result<(), Error> {
        if self.outgoing.is_finished() {
            return Ok(());
        }
        let bytes = self.outgoing.next().inspect_err(|_| self.connection.remote.reset_on_close())?;
        if bytes.is_empty() {
            return Ok(());
        }
        match self.connection.remote.write(bytes) {
            Ok(n) => {
                self.outgoing.wrote(n);
                self.ctx.tell(&Event::Move(Move::Wrote(Side::Peer, n)));
                self.figures.sent += n as u64;
                self.moved();
                if self.outgoing.is_finished() {
                    self.sent = Some(Instant::now());
                }
                Ok(())
            }
            Err(e) if is_nothing_yet(&e) => Ok(()),
            Err(e) => self.send_failed(self.connection.remote.write_error(&e)),
        }
    }

    fn send_failed(&mut self, error: Error) -> Result<(), Error> {
        if error.kind != Kind::Reset {
            return Err(error);
        }
        self.outgoing.stop();
        self.failure = Some(error);
        Ok(())
    }

    /// Decodes what comes next in the buffer. Framing is used up; body stays until it is written.
    fn step(&mut self) -> Result<Step, Error> {
        let buffer = &mut self.connection.buffer;
        let mut rest = buffer.data();
        let (offered, framing) = (rest, self.response.framing());
        let event = self.response.feed(&mut rest);
        let used = offered.len() - rest.len();
        if let Some(watch) = &mut self.watch {
            watch.fed(framing, if event.is_err() { offered } else { &offered[..used] });
        }
        let (step, body) = match event {
            Ok(http::Event::Head(head)) => (Step::Head(head), 0),
            Ok(http::Event::Data(data)) => (Step::Data(data.len()), data.len()),
            Ok(http::Event::NeedMore) => (Step::NeedMore, 0),
            Ok(http::Event::Done) => (Step::Done, 0),
            Err(error) => return Err(self.broken(&error)),
        };
        // Data is the last thing that was used up, so it is now at the front.
        buffer.consume(used - body);
        Ok(step)
    }

    /// Reads once; `false` is a good end of the response by the end of the connection.
    fn receive(&mut self) -> Result<bool, Error> {
        match self.connection.remote.read(self.connection.buffer.space()) {
            Ok(0) => self.ended().map(|()| false),
            Ok(n) => {
                self.connection.buffer.filled(n);
                self.came(n);
                Ok(true)
            }
            Err(e) if is_nothing_yet(&e) => Ok(true),
            Err(e) => Err(self.receive_failed(&e)),
        }
    }

    /// So many bytes have come from the peer.
    fn came(&mut self, n: usize) {
        self.ctx.tell(&Event::Move(Move::Read(Side::Peer, n)));
        self.figures.received += n as u64;
        self.first_byte.get_or_insert_with(Instant::now);
        self.moved();
    }

    fn receive_failed(&mut self, error: &std::io::Error) -> Error {
        self.failure.take().unwrap_or_else(|| self.connection.remote.read_error(error))
    }

    /// After a reset that a send has met, the end is no end but that reset.
    fn ended(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.ctx.tell(&Event::Move(Move::PeerEnded));
        let end = self.response.end_of_input();
        if let Some(watch) = self.watch.as_mut().filter(|_| self.response.framing().is_some()) {
            watch.ended(if end.is_ok() { BodyEnd::Closed } else { BodyEnd::Cut });
        }
        end.map(|_| ()).map_err(|error| self.broken(&error))
    }

    fn moved(&mut self) {
        self.limit = Deadline::starting_now(self.terms.idle);
    }

    fn broken(&self, error: &HttpError) -> Error {
        let kind = match error {
            HttpError::Malformed(_) => Kind::Malformed,
            HttpError::TooLarge(_) => Kind::TooLarge,
            HttpError::Short { .. } => Kind::Short,
            HttpError::Empty => Kind::Empty,
        };
        Error::new(kind, "receive from", self.connection.remote.name(), error)
    }

    fn phase(&self) -> Phase {
        match self.response.framing() {
            _ if self.outgoing.is_pending() => Phase::Send,
            _ if self.outgoing.source_interest().is_some() => Phase::Source,
            None => Phase::Head,
            Some(_) => Phase::Body,
        }
    }

    /// Waits for the peer, and for whatever the rest of the request waits for; reads what has come then. `false` is a
    /// good end of the response by the end of the connection.
    fn wait_and_receive(&mut self, output: &Delivery<'_>, watch: &dyn Fn(u64)) -> Result<bool, Error> {
        if self.wait(output, watch)? { self.receive() } else { Ok(true) }
    }

    /// Waits until something can go on; tells whether there is something to read.
    fn wait(&self, output: &Delivery<'_>, watch: &dyn Fn(u64)) -> Result<bool, Error> {
        let (phase, remote) = (self.phase(), &self.connection.remote);
        let write = (phase == Phase::Send).then(|| remote.write_interest());
        let wanted = [Some(remote.read_interest()), write, self.outgoing.source_interest()];
        if wanted.iter().flatten().any(|readiness| matches!(readiness, Readiness::Always)) {
            return Ok(true);
        }
        let peer = wanted.into_iter().flatten().filter_map(Readiness::interest);
        let mut interests: Vec<_> = peer.chain(output.reader_watch()).collect();
        let cut_short = |cut: Cut| cut.during(phase.operation(), self.subject(phase));
        while !self.ctx.wait_at_most(&mut interests, self.limit, TICK).map_err(cut_short)? {
            watch(self.response.received());
        }
        let reader_gone = output.reader_watch().is_some() && interests.last().is_some_and(|last| last.ready.any());
        if reader_gone { Err(output.reader_gone()) } else { Ok(interests[0].ready.any()) }
    }

    /// Whom a time limit in `phase` is about.
    fn subject(&self, phase: Phase) -> String {
        if phase == Phase::Source { self.outgoing.source_name() } else { self.connection.remote.name() }
    }

    /// Tells each line of a head, with what is secret in it masked.
    fn tell_lines(&self, head: &[u8], event: impl Fn(&[u8]) -> Http<'_>) {
        http::masked_lines(head).for_each(|line| self.ctx.tell(&Event::Http(event(&line))));
    }
}

impl Drop for Exchange<'_> {
    /// The account is told however the exchange ended.
    fn drop(&mut self) {
        if self.timed.is_none() {
            self.ctx.tell(&Event::Http(Http::Failed(&self.timing())));
        }
        if let Some(mut watch) = self.watch.take() {
            if self.complete {
                watch.ended(BodyEnd::Framed);
            }
            watch.over(self.response.received());
        }
        self.figures.took = self.start.elapsed();
        self.ctx.tell(&Event::Move(Move::Closed(&self.connection.remote.name(), self.figures)));
    }
}

/// The heads of a response.
#[derive(Clone, Debug)]
pub struct Heads {
    /// Those of the interim responses (1xx), in their order.
    pub interim: Vec<ResponseHead>,
    /// That of the final response.
    pub last: ResponseHead,
}

impl Heads {
    /// Their bytes, as received.
    pub fn raw(&self) -> Vec<u8> {
        self.interim.iter().chain([&self.last]).flat_map(|head| &head.raw).copied().collect()
    }
}

/// What is known of an exchange that is over.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// The connection can carry another exchange.
    pub keep: bool,
    /// What its time went into.
    pub timing: Timing,
}
