//! One HTTP exchange over a connected stream: the request goes out, the response comes through its decoder, the body
//! goes to the output.
//!
//! ```text
//!   request ───────────────▶ remote ── buffer ──▶ Response ──▶ Delivery
//! ```
//! Strictly one thing at a time, so a slow output is back-pressure by itself: while it is waited for, nothing is
//! read, and the one buffer is all that is held. Owns what each end of the connection means at each point, and the
//! phase that a time limit names. Refuses to judge the status and to follow redirects: the caller does, between
//! [`Exchange::head`] and [`Exchange::body`].

use std::time::{Duration, Instant};

use super::delivery::Delivery;
use super::direction::is_nothing_yet;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Event, Figures, Http, Move, Side};
use crate::net::{Context, Cut};
use crate::proto::http::{self, HttpError, Method, Response, ResponseHead};
use crate::stream::buffer::Buffer;
use crate::stream::{Readiness, Stream};

/// Whoever watches the body grow looks at it this often although nothing comes.
const TICK: Duration = Duration::from_secs(1);

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
    Send,
    Head,
    Body,
}

impl Phase {
    fn operation(self) -> &'static str {
        match self {
            Phase::Send => "send the request to",
            Phase::Head => "wait for the response head of",
            Phase::Body => "receive the body from",
        }
    }
}

/// A request and its response.
pub struct Exchange<'a> {
    ctx: &'a Context<'a>,
    remote: &'a mut Stream,
    response: Response,
    buffer: Buffer,
    idle: Option<Bound>,
    /// When the idle limit passes unless something moves.
    limit: Deadline,
    start: Instant,
    figures: Figures,
    /// A reset met while sending: what the peer sent before it can still be read.
    failure: Option<Error>,
}

impl<'a> Exchange<'a> {
    /// An exchange on `remote` by a request with `method`, given up when nothing moves for as long as `idle`.
    pub fn new(ctx: &'a Context<'a>, remote: &'a mut Stream, method: Method, idle: Option<Bound>) -> Self {
        Exchange {
            ctx,
            remote,
            response: Response::new(method),
            buffer: Buffer::default(),
            idle,
            limit: Deadline::starting_now(idle),
            start: Instant::now(),
            figures: Figures::default(),
            failure: None,
        }
    }

    /// Sends `request` and gives the head of the final response. A server may answer before it has read everything.
    /// `output` is only watched: when nobody reads it any more, there is nothing to wait for.
    pub fn head(&mut self, request: &[u8], output: &Delivery<'_>) -> Result<ResponseHead, Error> {
        self.tell_lines(request, |line| Http::RequestLine(line));
        let mut unsent = request;
        loop {
            unsent = self.send(unsent)?;
            if let Step::Head(head) = self.step()? {
                self.tell_lines(&head.raw, |line| Http::ResponseLine(line));
                return Ok(head);
            }
            let phase = if unsent.is_empty() { Phase::Head } else { Phase::Send };
            self.wait(phase, output, &|| {})?;
            // Before the head is complete, the end of input is always an error.
            self.receive()?;
        }
    }

    /// Writes the body to `output` and checks that it is complete. `watch` gets its size so far, at least once a
    /// second.
    pub fn body(&mut self, output: &mut Delivery<'_>, watch: &dyn Fn(u64)) -> Result<(), Error> {
        loop {
            match self.step()? {
                Step::Data(n) => {
                    output.write(&self.buffer.data()[..n])?;
                    self.buffer.consume(n);
                    self.moved();
                    watch(self.response.received());
                }
                Step::NeedMore => {
                    self.wait(Phase::Body, output, &|| watch(self.response.received()))?;
                    if !self.receive()? {
                        break;
                    }
                }
                Step::Head(_) | Step::Done => break,
            }
        }
        self.ctx.tell(&Event::Http(Http::Body(self.response.received(), self.start.elapsed())));
        Ok(())
    }

    /// The length of the body, where it was announced.
    pub fn length(&self) -> Option<u64> {
        self.response.framing().and_then(http::Framing::length)
    }

    /// Sends what can be sent of `request` and gives the rest.
    fn send<'r>(&mut self, request: &'r [u8]) -> Result<&'r [u8], Error> {
        if request.is_empty() {
            return Ok(request);
        }
        match self.remote.write(request) {
            Ok(n) => {
                self.ctx.tell(&Event::Move(Move::Wrote(Side::Peer, n)));
                self.figures.sent += n as u64;
                self.moved();
                Ok(&request[n..])
            }
            Err(e) if is_nothing_yet(&e) => Ok(request),
            Err(e) => self.send_failed(self.remote.write_error(&e)),
        }
    }

    fn send_failed<'r>(&mut self, error: Error) -> Result<&'r [u8], Error> {
        if error.kind != Kind::Reset {
            return Err(error);
        }
        self.failure = Some(error);
        Ok(&[])
    }

    /// Decodes what comes next in the buffer. Framing is used up; body stays until it is written.
    fn step(&mut self) -> Result<Step, Error> {
        let mut rest = self.buffer.data();
        let offered = rest.len();
        let event = self.response.feed(&mut rest);
        let used = offered - rest.len();
        let (step, body) = match event {
            Ok(http::Event::Head(head)) => (Step::Head(head), 0),
            Ok(http::Event::Data(data)) => (Step::Data(data.len()), data.len()),
            Ok(http::Event::NeedMore) => (Step::NeedMore, 0),
            Ok(http::Event::Done) => (Step::Done, 0),
            Err(error) => return Err(self.broken(&error)),
        };
        // Data is the last thing that was used up, so it is now at the front.
        self.buffer.consume(used - body);
        Ok(step)
    }

    /// Reads once; `false` is a good end of the response by the end of the connection.
    fn receive(&mut self) -> Result<bool, Error> {
        match self.remote.read(self.buffer.space()) {
            Ok(0) => self.ended().map(|()| false),
            Ok(n) => {
                self.ctx.tell(&Event::Move(Move::Read(Side::Peer, n)));
                self.buffer.filled(n);
                self.figures.received += n as u64;
                self.moved();
                Ok(true)
            }
            Err(e) if is_nothing_yet(&e) => Ok(true),
            Err(e) => Err(self.failure.take().unwrap_or_else(|| self.remote.read_error(&e))),
        }
    }

    /// After a reset that a send has met, the end is no end but that reset.
    fn ended(&mut self) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.ctx.tell(&Event::Move(Move::PeerEnded));
        self.response.end_of_input().map(|_| ()).map_err(|error| self.broken(&error))
    }

    fn moved(&mut self) {
        self.limit = Deadline::starting_now(self.idle);
    }

    fn broken(&self, error: &HttpError) -> Error {
        let kind = match error {
            HttpError::Malformed(_) => Kind::Malformed,
            HttpError::TooLarge(_) => Kind::TooLarge,
            HttpError::Short { .. } => Kind::Short,
            HttpError::Empty => Kind::Empty,
        };
        Error::new(kind, "receive from", self.remote.name(), error)
    }

    /// Waits until the peer can be read from, or in [`Phase::Send`] written to.
    fn wait(&self, phase: Phase, output: &Delivery<'_>, tick: &dyn Fn()) -> Result<(), Error> {
        let write = (phase == Phase::Send).then(|| self.remote.write_interest());
        let wanted: Vec<_> = [Some(self.remote.read_interest()), write].into_iter().flatten().collect();
        if wanted.iter().any(|readiness| matches!(readiness, Readiness::Always)) {
            return Ok(());
        }
        let peer = wanted.into_iter().filter_map(Readiness::interest);
        let mut interests: Vec<_> = output.reader_watch().into_iter().chain(peer).collect();
        let cut_short = |cut: Cut| cut.during(phase.operation(), self.remote.name());
        while !self.ctx.wait_at_most(&mut interests, self.limit, TICK).map_err(cut_short)? {
            tick();
        }
        let reader_gone = output.reader_watch().is_some() && interests[0].ready.any();
        if reader_gone { Err(output.reader_gone()) } else { Ok(()) }
    }

    /// Tells each line of a head, with what is secret in it masked.
    fn tell_lines(&self, head: &[u8], event: impl Fn(&[u8]) -> Http<'_>) {
        for line in http::lines(head).filter(|line| !line.is_empty()) {
            self.ctx.tell(&Event::Http(event(&http::masked(line))));
        }
    }
}

impl Drop for Exchange<'_> {
    /// The account is told however the exchange ended.
    fn drop(&mut self) {
        self.figures.took = self.start.elapsed();
        self.ctx.tell(&Event::Move(Move::Closed(&self.remote.name(), self.figures)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tell;
    use crate::stream::scripted::{Read, Scripted, Write};
    use crate::sys::signals::Signals;

    struct Silent;

    impl Tell for Silent {
        fn tell(&self, _: &Event<'_>) {}
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    /// What an exchange with a scripted peer and output came to: the outcome, what the peer got, what the output got.
    fn play(remote: Scripted, local: Scripted) -> (Result<(), Kind>, Vec<u8>, Vec<u8>) {
        let signals = Signals::install().expect("handlers can be installed");
        let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
        let mut remote = Stream::Scripted(remote);
        let mut output = Delivery::new(&ctx, Stream::Scripted(local), None);
        let mut exchange = Exchange::new(&ctx, &mut remote, Method::Get, None);
        let outcome = exchange.head(REQUEST, &output).and_then(|_| exchange.body(&mut output, &|_| {}));
        drop(exchange);
        let (Stream::Scripted(remote), Stream::Scripted(local)) = (remote, output.local) else {
            unreachable!("made above")
        };
        (outcome.map_err(|error| error.kind), remote.taken, local.taken)
    }

    fn bytes(text: &str) -> Read {
        Read::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn every_cut_of_the_response_and_slow_ends_give_the_same() {
        let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
        for cut in 0..reply.len() {
            let (first, second) = reply.split_at(cut);
            let reads = [first, second].into_iter().filter(|part| !part.is_empty()).map(bytes);
            let while_sending = std::iter::repeat_n(Read::Block, 5);
            let remote = Scripted::giving(while_sending.chain(reads.flat_map(|read| [Read::Block, read])));
            let remote = remote.taking([Write::Take(1), Write::Block, Write::Take(5)]);
            let slow = Scripted::default().taking([Write::Block, Write::Take(1), Write::Block]);
            assert_eq!(play(remote, slow), (Ok(()), REQUEST.to_vec(), b"abcdefg".to_vec()), "cut at {cut}");
        }
    }

    #[test]
    fn a_server_may_answer_before_it_has_read_the_request() {
        let reply = bytes("HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n");
        let remote = Scripted::giving([reply]).taking([Write::Take(3), Write::Block]);
        assert_eq!(play(remote, Scripted::default()), (Ok(()), REQUEST[..3].to_vec(), vec![]));
    }

    #[test]
    fn an_end_after_a_failed_send_is_that_reset_unless_the_response_is_whole() {
        let gone = [Write::Fail(std::io::ErrorKind::ConnectionReset)];
        let cut = Scripted::giving([bytes("HTTP/1.1 200 OK\r\n\r\nhal")]).taking(gone);
        assert_eq!(play(cut, Scripted::default()), (Err(Kind::Reset), vec![], b"hal".to_vec()));
        let whole = bytes("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno");
        assert!(play(Scripted::giving([whole]).taking(gone), Scripted::default()).0.is_ok());
    }
}
