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
use crate::net::{Context, Cut};
use crate::proto::starttls::{self as machine, Protocol, StartTlsError, Step};

/// One read; a dialogue is a few lines.
const PIECE: usize = 4096;

/// The operation as a whole.
const ASK: &str = "ask for TLS at";

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
        let mut dialogue = self.begin(ctx, stream, host);
        while !dialogue.advance(ctx, stream)? {
            let interest = dialogue.waits_for(stream).interest();
            let waited = interest.map_or(Ok(()), |interest| ctx.wait(&mut [interest], limit));
            waited.map_err(|cut| dialogue.cut_short(stream, cut))?;
        }
        Ok(())
    }

    /// The same for whoever has others to wait for: [`Dialogue::advance`] goes on with it.
    pub fn begin(&self, ctx: &Context<'_>, stream: &Stream, host: &str) -> Dialogue {
        ctx.tell(&Event::StartTls(told::StartTls::Began(&stream.name(), &self.protocol)));
        Dialogue {
            machine: machine::StartTls::new(self.protocol, self.name.as_deref().unwrap_or(host)),
            protocol: self.protocol,
            start: Instant::now(),
            unsent: Vec::new(),
            unread: Vec::new(),
            has_heard: false,
        }
    }
}

/// A dialogue that is under way.
#[derive(Debug)]
pub struct Dialogue {
    machine: machine::StartTls,
    protocol: Protocol,
    start: Instant,
    /// What we have said and the socket has not taken.
    unsent: Vec<u8>,
    /// What the peer has said and the machine has not taken: it waits until our answer to what stood before is out.
    unread: Vec<u8>,
    /// Whether the peer has said anything at all.
    has_heard: bool,
}

impl Dialogue {
    /// Goes on as far as it can; tells whether the peer has agreed.
    pub fn advance(&mut self, ctx: &Context<'_>, stream: &mut Stream) -> Result<bool, Error> {
        loop {
            if !self.unsent.is_empty() && !self.send(stream)? {
                return Ok(false);
            }
            match self.feed().map_err(|error| self.failed(stream, &error))? {
                Step::Heard(words) => ctx.tell(&Event::StartTls(told::StartTls::Heard(&words))),
                Step::Send(message) => {
                    ctx.tell(&Event::StartTls(told::StartTls::Said(&message.words)));
                    self.unsent = message.bytes;
                }
                Step::NeedMore => {
                    if !self.receive(stream)? {
                        return Ok(false);
                    }
                }
                Step::Ready => {
                    ctx.tell(&Event::StartTls(told::StartTls::Agreed(self.start.elapsed())));
                    return Ok(true);
                }
            }
        }
    }

    /// What to wait for before it can go on.
    pub fn waits_for<'s>(&self, stream: &'s Stream) -> Readiness<'s> {
        if self.unsent.is_empty() { stream.read_interest() } else { stream.write_interest() }
    }

    /// The error of one that nobody waits for any longer.
    pub fn cut_short(&self, stream: &Stream, cut: Cut) -> Error {
        let operation = if self.unsent.is_empty() { self.machine.awaits() } else { ASK };
        let error = cut.during(operation, stream.name());
        match error.kind {
            Kind::TimedOut if !self.has_heard => {
                error.hint("a server that speaks TLS from the first byte says nothing either: it wants no --starttls")
            }
            _ => error,
        }
    }

    /// Gives the machine what has come.
    fn feed(&mut self) -> Result<Step, StartTlsError> {
        let mut rest = self.unread.as_slice();
        let step = self.machine.feed(&mut rest);
        let used = self.unread.len() - rest.len();
        self.unread.drain(..used);
        step
    }

    /// Sends what there is room for; tells whether that is all.
    fn send(&mut self, stream: &mut Stream) -> Result<bool, Error> {
        while !self.unsent.is_empty() {
            match stream.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(stream.write_error(&e)),
            }
        }
        Ok(true)
    }

    /// Reads once; tells whether something has come.
    fn receive(&mut self, stream: &mut Stream) -> Result<bool, Error> {
        let mut buffer = [0; PIECE];
        match stream.read(&mut buffer) {
            Ok(0) => {
                let reason = "the server ended the connection";
                Err(Error::new(Kind::Tls, self.machine.awaits(), stream.name(), reason))
            }
            Ok(n) => {
                self.has_heard = true;
                self.unread.extend_from_slice(&buffer[..n]);
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(e) => Err(stream.read_error(&e)),
        }
    }

    fn failed(&self, stream: &Stream, error: &StartTlsError) -> Error {
        let kind = match error {
            StartTlsError::NotOffered(_) | StartTlsError::Refused(..) | StartTlsError::Glued(_) => Kind::Tls,
            StartTlsError::Malformed(_) => Kind::Malformed,
            StartTlsError::TooLarge => Kind::TooLarge,
        };
        let worded = Error::new(kind, ASK, stream.name(), error);
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
