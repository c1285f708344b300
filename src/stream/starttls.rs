//! STARTTLS over a connected stream: the peer is asked in plain text to go on with TLS (RFC 3207 and its like).
//!
//! Owns the waiting, and what a silence, an end and a refusal mean there. What is said is `proto::starttls`'s business,
//! the handshake `stream::tls`'s. Nothing that was read here reaches anybody behind it: bytes that come glued to the
//! go-ahead are an error, and later ones are still in the socket.

use std::io;
use std::time::Instant;

use super::{Readiness, Stream};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::{Event, starttls as told};
use crate::net::Context;
use crate::proto::starttls::{self as machine, Protocol, StartTlsError, Step};

/// One read; a dialogue is a few lines.
const PIECE: usize = 4096;

/// How a peer is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartTls {
    /// In which protocol.
    pub protocol: Protocol,
    /// The name that it is asked for, where the protocol has a place for one; else the one by which it was reached.
    pub name: Option<String>,
}

impl StartTls {
    /// Has the peer behind `stream`, which was reached by the name `host`, agree to TLS before `limit`.
    pub fn agree(&self, ctx: &Context<'_>, stream: &mut Stream, host: &str, limit: Deadline) -> Result<(), Error> {
        let start = Instant::now();
        ctx.tell(&Event::StartTls(told::StartTls::Began(&stream.name(), &self.protocol)));
        let machine = machine::StartTls::new(self.protocol, self.name.as_deref().unwrap_or(host));
        Dialogue { ctx, stream, limit, machine, protocol: self.protocol, has_heard: false }.hold()?;
        ctx.tell(&Event::StartTls(told::StartTls::Agreed(start.elapsed())));
        Ok(())
    }
}

struct Dialogue<'a> {
    ctx: &'a Context<'a>,
    stream: &'a mut Stream,
    limit: Deadline,
    machine: machine::StartTls,
    protocol: Protocol,
    /// Whether the peer has said anything at all.
    has_heard: bool,
}

impl Dialogue<'_> {
    fn hold(mut self) -> Result<(), Error> {
        let mut buffer = [0; PIECE];
        let mut unread = 0..0;
        loop {
            let mut input = &buffer[unread.clone()];
            let step = self.machine.feed(&mut input);
            unread.start = unread.end - input.len();
            match step.map_err(|error| self.failed(&error))? {
                Step::Heard(words) => self.ctx.tell(&Event::StartTls(told::StartTls::Heard(&words))),
                Step::Send(message) => {
                    self.ctx.tell(&Event::StartTls(told::StartTls::Said(&message.words)));
                    self.send(&message.bytes)?;
                }
                Step::NeedMore => unread = 0..self.receive(&mut buffer)?,
                Step::Ready => return Ok(()),
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut unsent = bytes;
        while !unsent.is_empty() {
            match self.stream.write(unsent) {
                Ok(n) => unsent = &unsent[n..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(self.stream.write_interest(), "ask for TLS at")?;
                }
                Err(e) => return Err(self.stream.write_error(&e)),
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    let reason = "the server ended the connection";
                    return Err(Error::new(Kind::Tls, self.machine.awaits(), self.stream.name(), reason));
                }
                Ok(n) => {
                    self.has_heard = true;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(self.stream.read_interest(), self.machine.awaits())?;
                }
                Err(e) => return Err(self.stream.read_error(&e)),
            }
        }
    }

    fn wait(&self, readiness: Readiness<'_>, operation: &'static str) -> Result<(), Error> {
        let Some(interest) = readiness.interest() else { return Ok(()) };
        let silent = |error: Error| match error.kind {
            Kind::TimedOut if !self.has_heard => {
                error.hint("a server that speaks TLS from the first byte says nothing either: it wants no --starttls")
            }
            _ => error,
        };
        self.ctx.wait(&mut [interest], self.limit).map_err(|cut| silent(cut.during(operation, self.stream.name())))
    }

    fn failed(&self, error: &StartTlsError) -> Error {
        let kind = match error {
            StartTlsError::NotOffered(_) | StartTlsError::Refused(..) | StartTlsError::Glued(_) => Kind::Tls,
            StartTlsError::Malformed(_) => Kind::Malformed,
            StartTlsError::TooLarge => Kind::TooLarge,
        };
        let worded = Error::new(kind, "ask for TLS at", self.stream.name(), error);
        match (error, self.protocol.implicit_port()) {
            (StartTlsError::NotOffered(_), Some(port)) => {
                worded.hint(format!("TLS from the first byte, without --starttls, is at port {port} if anywhere"))
            }
            _ => worded,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::Tell;
    use crate::stream::scripted::{Read, Scripted, Write};
    use crate::sys::signals::Signals;

    /// Keeps what is told.
    #[derive(Default)]
    struct Listener(Mutex<Vec<String>>);

    impl Tell for Listener {
        fn tell(&self, event: &Event<'_>) {
            let line = match event {
                Event::StartTls(told::StartTls::Began(peer, protocol)) => format!("{protocol} with {peer}"),
                Event::StartTls(told::StartTls::Said(words)) => format!("> {words}"),
                Event::StartTls(told::StartTls::Heard(words)) => format!("< {words}"),
                Event::StartTls(told::StartTls::Agreed(_)) => "agreed".into(),
                _ => return,
            };
            self.0.lock().expect("no panic while it is held").push(line);
        }
    }

    const SMTP: &[u8] = b"220 mail.example\r\n250-mail.example\r\n250 STARTTLS\r\n220 go\r\n";

    /// What came of asking a scripted peer: the outcome, what it got, what was told.
    fn ask(protocol: Protocol, peer: Scripted) -> (Result<(), Error>, Vec<u8>, Vec<String>) {
        let signals = Signals::install().expect("handlers can be installed");
        let listener = Listener::default();
        let ctx = Context { tell: &listener, signals: &signals, deadline: Deadline::NEVER };
        let mut stream = Stream::Scripted(peer);
        let outcome = StartTls { protocol, name: None }.agree(&ctx, &mut stream, "host", Deadline::NEVER);
        let Stream::Scripted(peer) = stream else { unreachable!("made above") };
        (outcome, peer.taken, listener.0.into_inner().expect("no panic while it was held"))
    }

    fn kind(peer: Scripted) -> Option<Kind> {
        ask(Protocol::Smtp, peer).0.err().map(|error| error.kind)
    }

    fn bytes(bytes: &[u8]) -> Read {
        Read::Bytes(bytes.to_vec())
    }

    #[test]
    fn every_cut_and_a_slow_peer_give_the_same() {
        let told = [
            "SMTP with script",
            "< 220 mail.example",
            "> EHLO localhost",
            "< 250-mail.example",
            "< 250 STARTTLS",
            "> STARTTLS",
            "< 220 go",
            "agreed",
        ];
        let want = (Ok(()), b"EHLO localhost\r\nSTARTTLS\r\n".to_vec(), told.map(str::to_owned).to_vec());
        for size in 1..=SMTP.len() {
            let reads = SMTP.chunks(size).flat_map(|piece| [Read::Block, bytes(piece)]);
            let writes = [Write::Take(1), Write::Block, Write::Take(3), Write::Take(20), Write::Block];
            assert_eq!(ask(Protocol::Smtp, Scripted::giving(reads).taking(writes)), want, "{size}");
        }
    }

    #[test]
    fn what_comes_later_stays_in_the_stream() {
        let reads = [bytes(SMTP), bytes(b"hello")];
        let signals = Signals::install().expect("handlers can be installed");
        let ctx = Context { tell: &Listener::default(), signals: &signals, deadline: Deadline::NEVER };
        let mut stream = Stream::Scripted(Scripted::giving(reads));
        let asked = StartTls { protocol: Protocol::Smtp, name: None };
        assert_eq!(asked.agree(&ctx, &mut stream, "host", Deadline::NEVER), Ok(()));
        let mut buffer = [0; 8];
        assert!(matches!(stream.read(&mut buffer), Ok(5)));
    }

    #[test]
    fn each_bad_end_has_its_code_and_says_no_more() {
        let glued = [SMTP, b"250 injected\r\n"].concat();
        let (outcome, taken, told) = ask(Protocol::Smtp, Scripted::giving([bytes(&glued)]));
        let error = outcome.expect_err("it was glued");
        assert_eq!(error.kind, Kind::Tls);
        assert!(error.to_string().starts_with("ask for TLS at script: plain text came behind"), "{error}");
        assert_eq!(
            (taken.as_slice(), told.last()),
            (&b"EHLO localhost\r\nSTARTTLS\r\n"[..], Some(&"< 220 go".to_owned()))
        );
        assert_eq!(kind(Scripted::giving([bytes(b"554 no\r\n")])), Some(Kind::Tls));
        assert_eq!(kind(Scripted::giving([bytes(b"SSH-2.0-x\r\n")])), Some(Kind::Malformed));
        assert_eq!(kind(Scripted::giving([bytes(&b"2".repeat(70_000))])), Some(Kind::TooLarge));
        assert_eq!(kind(Scripted::giving([Read::Fail(io::ErrorKind::ConnectionReset)])), Some(Kind::Reset));
        let gone = [Write::Fail(io::ErrorKind::ConnectionReset)];
        assert_eq!(kind(Scripted::giving([bytes(b"220 x\r\n")]).taking(gone)), Some(Kind::Reset));
    }

    #[test]
    fn an_end_names_the_step_that_it_cut_short() {
        let end = |reads: &[&[u8]]| {
            let outcome = ask(Protocol::Smtp, Scripted::giving(reads.iter().map(|piece| bytes(piece)))).0;
            outcome.expect_err("it ends").to_string()
        };
        let ended = "script: the server ended the connection";
        assert_eq!(end(&[]), format!("wait for the SMTP greeting of {ended}"));
        assert_eq!(end(&[b"220 x\r\n", b"250-x\r\n"]), format!("wait for the answer to EHLO of {ended}"));
    }

    #[test]
    fn a_server_that_does_not_offer_it_may_have_another_port() {
        let said =
            |protocol, server: &[u8]| ask(protocol, Scripted::giving([bytes(server)])).0.expect_err("not offered");
        let error = said(Protocol::Smtp, b"220 x\r\n250 x\r\n");
        assert!(error.hint.is_some_and(|hint| hint.contains("465")));
        assert_eq!(said(Protocol::Postgres, b"N").hint, None);
    }
}
