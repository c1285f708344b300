//! Through an HTTP proxy: it is either asked by CONNECT to connect us to the target (RFC 9110 §9.3.6), or it reads the
//! requests for the target itself.
//!
//! Owns the waiting for a CONNECT's answer, and what a silence, an end and a refusal mean there; its bytes are
//! `proto::http::connect`'s business. Refuses to take a byte that is not the proxy's: only the head of its reply is taken
//! out of the socket, and what is glued behind that is found there by whoever reads next.

use std::io;
use std::time::Instant;

use super::{Readiness, Stream};
use crate::address::HostPort;
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::{Event, Http, proxy as told};
use crate::net::{Context, Cut};
use crate::proto::http::connect::{self, Reply, Step};
use crate::proto::http::{self, HttpError, Proxy, ResponseHead};

/// One look at the socket; most replies are shorter.
const PIECE: usize = 4096;

/// The operations: on the proxy, and on the proxy and the target.
const SEND: &str = "send CONNECT to the proxy";
const WAIT: &str = "wait for the proxy";
const CONNECT: &str = "connect through the proxy";

/// What a proxy does for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It reads the requests, in their absolute-form, and asks the target itself.
    Forward,
    /// It connects us to the target, and reads nothing that goes there.
    Tunnel,
}

/// The way through a proxy to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Who is asked.
    pub proxy: Proxy,
    /// The option or variable that names it.
    pub named_by: &'static str,
    /// For what.
    pub service: Service,
    /// Where it is found.
    pub at: HostPort,
    /// Whom it is to reach.
    pub target: HostPort,
}

impl Through {
    /// Makes of a connection to the proxy one to the target, before `limit`.
    pub fn lead(&self, ctx: &Context<'_>, stream: &mut Stream, limit: Deadline) -> Result<(), Error> {
        let start = Instant::now();
        match self.service {
            Service::Forward => ctx.tell(&Event::Proxy(told::Proxy::Forwards(self.told()))),
            Service::Tunnel => {
                ctx.tell(&Event::Proxy(told::Proxy::Asked(self.told())));
                Asking { through: self, ctx, limit, lost: None }.agree(stream)?;
                ctx.tell(&Event::Proxy(told::Proxy::Opened(&self.target, start.elapsed())));
            }
        }
        stream.leads_to(&self.target, start.elapsed());
        Ok(())
    }

    fn told(&self) -> told::Way<'_> {
        told::Way { proxy: &self.proxy, named_by: self.named_by, target: &self.target }
    }

    /// The error of a proxy that was not reached: it is not the target that is missing.
    pub fn unreached(&self, error: Error) -> Error {
        match error.kind {
            Kind::NameUnknown => Error { kind: Kind::ProxyUnknown, operation: "resolve the proxy", ..error },
            Kind::Refused | Kind::TimedOut if error.hint.is_none() => {
                error.hint(format_args!("that is the proxy on the way to {}, as {} says", self.target, self.named_by))
            }
            _ => error,
        }
    }
}

/// A CONNECT that is under way.
struct Asking<'a> {
    through: &'a Through,
    ctx: &'a Context<'a>,
    limit: Deadline,
    /// The reset that has met the request: what the proxy said before it can still be read.
    lost: Option<Error>,
}

impl Asking<'_> {
    fn agree(&mut self, stream: &mut Stream) -> Result<(), Error> {
        self.send(stream)?;
        let head = self.hear(stream)?;
        head.map_or(Ok(()), |refusal| Err(self.refused(&refusal)))
    }

    fn send(&mut self, stream: &mut Stream) -> Result<(), Error> {
        let (proxy, target) = (&self.through.proxy, &self.through.target);
        let request = connect::request(target, proxy.authorization(), env!("CARGO_PKG_VERSION"));
        self.tell_lines(&request, |line| Http::RequestLine(line));
        let mut rest = request.as_slice();
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(n) => rest = &rest[n..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(stream.write_interest()).map_err(|cut| cut.during(SEND, stream.name()))?;
                }
                Err(e) => {
                    let error = Error { operation: SEND, ..stream.write_error(&e) };
                    if error.kind != Kind::Reset {
                        return Err(error);
                    }
                    self.lost = Some(error);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads the reply; gives the head of one that refuses.
    fn hear(&mut self, stream: &mut Stream) -> Result<Option<ResponseHead>, Error> {
        let (mut reply, mut piece) = (Reply::default(), [0; PIECE]);
        loop {
            let there = match stream.look_ahead(&mut piece) {
                Ok(0) => return Err(self.lost.take().unwrap_or_else(|| self.failed(stream, &reply.end_of_input()))),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(stream.read_interest()).map_err(|cut| cut.during(WAIT, stream.name()))?;
                    continue;
                }
                Err(e) => {
                    let error = Error { operation: WAIT, ..stream.read_error(&e) };
                    return Err(self.lost.take().unwrap_or(error));
                }
            };
            let mut behind = &piece[..there];
            let step = reply.feed(&mut behind).map_err(|error| self.failed(stream, &error))?;
            take(stream, there - behind.len())?;
            let (head, is_last) = match &step {
                Step::NeedMore => continue,
                Step::Interim(head) => (head, false),
                Step::Open(head) | Step::Refused(head) => (head, true),
            };
            self.tell_lines(&head.raw, |line| Http::ResponseLine(line));
            if is_last {
                return Ok(if let Step::Refused(head) = step { Some(head) } else { None });
            }
        }
    }

    fn wait(&self, readiness: Readiness<'_>) -> Result<(), Cut> {
        readiness.interest().map_or(Ok(()), |interest| self.ctx.wait(&mut [interest], self.limit))
    }

    fn refused(&self, head: &ResponseHead) -> Error {
        let Through { proxy, target, .. } = self.through;
        let reason = format!("it refuses: {}", connect::refusal(head));
        let error = Error::new(Kind::Proxy, CONNECT, format_args!("{proxy} to {target}"), reason);
        Error { hint: connect::advice(head, proxy.authorization().is_some()), ..error }
    }

    fn failed(&self, stream: &Stream, error: &HttpError) -> Error {
        let (kind, reason) = match error {
            HttpError::Malformed(why) => (Kind::Malformed, format!("its reply is malformed: {why}")),
            HttpError::TooLarge(what) => (Kind::TooLarge, format!("its reply is too large: {what}")),
            HttpError::Empty | HttpError::Short { .. } => (
                Kind::Proxy,
                format!("it ended the connection instead of an answer to CONNECT {}", self.through.target),
            ),
        };
        Error::new(kind, WAIT, stream.name(), reason)
    }

    /// Tells each line of a head, with what is secret in it masked.
    fn tell_lines(&self, head: &[u8], event: impl Fn(&[u8]) -> Http<'_>) {
        http::masked_lines(head).for_each(|line| self.ctx.tell(&Event::Http(event(&line))));
    }
}

/// Takes so many bytes that were looked at out of the stream.
fn take(stream: &mut Stream, mut n: usize) -> Result<(), Error> {
    let mut waste = [0; PIECE];
    while n > 0 {
        match stream.read(&mut waste[..n]).map_err(|e| stream.read_error(&e))? {
            0 => return Err(stream.read_error(&io::ErrorKind::UnexpectedEof.into())),
            taken => n -= taken,
        }
    }
    Ok(())
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
                Event::Proxy(told::Proxy::Asked(way)) => format!("{} to {}", way.proxy, way.target),
                Event::Proxy(told::Proxy::Forwards(way)) => format!("{} for {}", way.proxy, way.target),
                Event::Proxy(told::Proxy::Opened(..)) => "opened".into(),
                Event::Http(Http::RequestLine(line)) => format!("> {}", String::from_utf8_lossy(line)),
                Event::Http(Http::ResponseLine(line)) => format!("< {}", String::from_utf8_lossy(line)),
                _ => return,
            };
            self.0.lock().expect("no panic while it is held").push(line);
        }
    }

    /// What came of asking a scripted proxy: the outcome, the script, what was told.
    fn lead(service: Service, script: Scripted) -> (Result<(), Error>, Scripted, Vec<String>) {
        let signals = Signals::install().expect("handlers can be installed");
        let listener = Listener::default();
        let ctx = Context { tell: &listener, signals: &signals, deadline: Deadline::NEVER };
        let proxy = Proxy::parse("u:p@proxy:3128", None).expect("a proxy");
        let target = HostPort { host: "h".parse().expect("a host"), port: crate::address::Port::Number(443) };
        let mut stream = Stream::Scripted(script);
        let at = proxy.address().clone();
        let outcome = Through { proxy, named_by: "x", service, at, target }.lead(&ctx, &mut stream, Deadline::NEVER);
        let Stream::Scripted(script) = stream else { unreachable!("made above") };
        (outcome, script, listener.0.into_inner().expect("no panic while it was held"))
    }

    fn error(reads: impl IntoIterator<Item = Read>) -> Error {
        lead(Service::Tunnel, Scripted::giving(reads)).0.expect_err("no way leads there")
    }

    fn bytes(bytes: &[u8]) -> Read {
        Read::Bytes(bytes.to_vec())
    }

    const OPEN: &[u8] = b"HTTP/1.1 100 -\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

    #[test]
    fn every_cut_and_a_slow_proxy_give_the_same_and_the_rest_stays_in_the_stream() {
        let told = [
            "proxy:3128 to h:443",
            "> CONNECT h:443 HTTP/1.1",
            "> Host: h:443",
            concat!("> User-Agent: sockkit/", env!("CARGO_PKG_VERSION")),
            "> Proxy-Authorization: ***",
            "< HTTP/1.1 100 -",
            "< HTTP/1.1 200 OK",
            "< Content-Length: 9",
            "opened",
        ];
        let whole = [OPEN, b"the target's own"].concat();
        for size in 1..=whole.len() {
            let reads = whole.chunks(size).flat_map(|piece| [Read::Block, bytes(piece)]);
            let writes = [Write::Take(1), Write::Block, Write::Take(3), Write::Block];
            let (outcome, script, lines) = lead(Service::Tunnel, Scripted::giving(reads).taking(writes));
            assert_eq!((outcome, lines), (Ok(()), told.map(str::to_owned).to_vec()), "{size}");
            let request = String::from_utf8(script.taken).expect("a request is text");
            assert!(request.ends_with("\r\nProxy-Authorization: Basic dTpw\r\n\r\n"), "{request}");
            let rest = script.reads.into_iter().filter_map(|read| match read {
                Read::Bytes(bytes) => Some(bytes),
                _ => None,
            });
            assert_eq!(rest.collect::<Vec<_>>().concat(), b"the target's own", "{size}");
        }
    }

    #[test]
    fn one_that_reads_the_requests_is_not_asked_before() {
        let (outcome, script, lines) = lead(Service::Forward, Scripted::giving([Read::Block]));
        assert_eq!((outcome, script.taken.len(), lines), (Ok(()), 0, vec!["proxy:3128 for h:443".to_owned()]));
    }

    #[test]
    fn each_bad_end_has_its_code_and_says_why() {
        let table: [(&[u8], Kind, &str); 6] = [
            (b"HTTP/1.1 403 No\x1b\r\n\r\n", Kind::Malformed, "malformed"),
            (b"HTTP/1.1 403 No\xe2\x80\xae\r\n\r\n", Kind::Proxy, "it refuses: 403 No\\u{202e}"),
            (b"HTTP/1.1 407 -\r\n\r\n", Kind::Proxy, "does not accept the credentials"),
            (b"HTTP/1.1 200 OK\r\n", Kind::Malformed, "inside its head"),
            (b"SSH-2.0-x\r\n", Kind::Malformed, "begins with"),
            (b"", Kind::Proxy, "ended the connection"),
        ];
        for (reply, kind, words) in table {
            let error = error((!reply.is_empty()).then(|| bytes(reply)));
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; http::MAX_HEAD]].concat();
        assert_eq!(error([bytes(&endless)]).kind, Kind::TooLarge);
        assert_eq!(error([Read::Fail(io::ErrorKind::ConnectionReset)]).kind, Kind::Reset);
    }

    #[test]
    fn what_a_proxy_said_before_a_reset_counts() {
        let gone = [Write::Fail(io::ErrorKind::ConnectionReset)];
        let said = Scripted::giving([bytes(b"HTTP/1.1 403 No\r\n\r\n")]).taking(gone);
        assert_eq!(lead(Service::Tunnel, said).0.expect_err("refused").kind, Kind::Proxy);
        let mute = Scripted::giving([]).taking(gone);
        assert_eq!(lead(Service::Tunnel, mute).0.expect_err("reset").kind, Kind::Reset);
    }

    #[test]
    fn who_is_missing_is_the_proxy() {
        let target = HostPort { host: "h".parse().expect("a host"), port: crate::address::Port::Number(443) };
        let proxy = Proxy::parse("proxy", None).expect("a proxy");
        let at = proxy.address().clone();
        let through = Through { proxy, named_by: "http_proxy", service: Service::Tunnel, at, target };
        let unknown = through.unreached(Error::new(Kind::NameUnknown, "resolve", "proxy", "unknown"));
        assert_eq!(
            (unknown.kind, unknown.to_string().as_str()),
            (Kind::ProxyUnknown, "resolve the proxy proxy: unknown")
        );
        let refused = through.unreached(Error::new(Kind::Refused, "connect to", "proxy", "refused"));
        assert_eq!(
            refused.to_string(),
            "connect to proxy: refused; that is the proxy on the way to h:443, as http_proxy says"
        );
    }
}
