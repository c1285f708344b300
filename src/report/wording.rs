//! Events in words and as JSON fields: one table, so that both always say the same.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::account::account_line;
use super::intake::{arrived, intake_fields, intake_text, lost};
use super::own_certificate;
use super::voice::words;
use crate::deadline::Seconds;
use crate::event::http::Timing;
use crate::event::{Datagram, Event, Http, Move, Open, Ping, Serve, Side, Totals};
use crate::proto::escape;
use crate::proto::http::{self, Framing, ResponseHead};

/// Who wants to read a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Importance {
    /// Everybody: errors.
    Always,
    /// Whoever asked for it by name, and everybody then: -q silences what comes unasked.
    Asked,
    /// Everybody but -q: announcements, warnings.
    Announcement,
    /// `-v`.
    Step,
    /// `-vv`.
    Detail,
}

/// A line that sockkit writes about itself.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) importance: Importance,
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) fields: Map<String, Value>,
    /// Further lines of the words; the object is one.
    pub(super) more: Vec<String>,
}

impl Line {
    pub(super) fn new(importance: Importance, name: &'static str, text: String, fields: Value) -> Self {
        let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
        Line { importance, name, text, fields, more: Vec::new() }
    }

    /// The same line with `more` below it.
    pub(super) fn with(self, more: Vec<String>) -> Self {
        Line { more, ..self }
    }
}

/// Who wants to know of `event`; asked before anything is put into words.
pub(super) fn importance(event: &Event<'_>) -> Importance {
    match event {
        Event::Warning(_)
        | Event::OwnCertificate { .. }
        | Event::Http(Http::Retrying(..))
        | Event::Serve(
            Serve::Listening(_) | Serve::Paused(_) | Serve::Seeded(_) | Serve::Totals(_) | Serve::Failed(..),
        )
        | Event::Datagram(Datagram::Lost(..) | Datagram::Reply(..)) => Importance::Announcement,
        Event::Account { asked: true, .. }
        | Event::Datagram(Datagram::ReceivedTotal { asked: true, .. })
        | Event::Serve(Serve::Status(_))
        | Event::Move(Move::Summed(_)) => Importance::Asked,
        Event::Open(Open::OptionSet(..)) | Event::Move(Move::Read(..) | Move::Wrote(..) | Move::Progress(_)) => {
            Importance::Detail
        }
        Event::Ping(Ping::Sent(..)) => Importance::Detail,
        _ => Importance::Step,
    }
}

/// Whether `event` tells who came, who left, or from whom a datagram is.
pub(super) fn is_about_a_guest(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Serve(Serve::Accepted(_) | Serve::Left(..))
            | Event::Datagram(Datagram::Received(..) | Datagram::Arrived(..))
    )
}

/// The line for `event`.
pub(super) fn line(event: &Event<'_>) -> Line {
    let importance = importance(event);
    let (name, text, fields) = match event {
        Event::Account { account, .. } => return account_line(importance, account),
        Event::OwnCertificate { certificate, ways } => return own_certificate::line(importance, certificate, ways),
        Event::Open(open) => self::open(open),
        Event::Serve(serve) => self::serve(serve),
        Event::Move(moved) => self::moved(moved),
        Event::Datagram(datagram) => self::datagram(datagram),
        Event::Proxy(proxy) => super::proxy::line(proxy),
        Event::StartTls(starttls) => super::starttls::line(starttls),
        Event::Tls(tls) => return super::tls::line(importance, tls),
        Event::Http(http) => self::http(http),
        Event::Ping(ping) => self::ping(ping),
        Event::Warning(text) => ("warning", format!("warning: {text}"), json!({ "text": text.to_string() })),
    };
    Line::new(importance, name, text, fields)
}

pub(super) type Worded = (&'static str, String, Value);

fn open(event: &Open<'_>) -> Worded {
    match event {
        Open::Resolving(target) => {
            ("resolving", format!("looking up {target}"), json!({ "target": target.to_string() }))
        }
        Open::Resolved(addresses, took) => resolved(addresses, *took),
        Open::Connecting(peer) => ("connecting", format!("connecting to {peer}"), json!({ "peer": peer.to_string() })),
        Open::AttemptFailed(peer, reason) => (
            "attempt-failed",
            format!("{peer}: {reason}"),
            json!({ "peer": peer.to_string(), "reason": reason.to_string() }),
        ),
        Open::Connected(local, peer, took) => (
            "connected",
            format!("connected to {peer} from {local} in {}", words(*took)),
            json!({ "peer": peer.to_string(), "local": local.to_string(), "seconds": took.as_secs_f64() }),
        ),
        Open::Retrying(error, pause) => (
            "retrying",
            format!("{error}; trying again in {}", words(*pause)),
            json!({ "reason": error.to_string(), "seconds": pause.as_secs_f64() }),
        ),
        Open::OptionSet(name, value) => {
            ("option", format!("{name} = {value}"), json!({ "name": name, "value": value.to_string() }))
        }
    }
}

fn resolved(addresses: &[SocketAddr], took: Duration) -> Worded {
    let ips: Vec<_> = addresses.iter().map(|a| a.ip().to_string()).collect();
    let text = format!("found {} in {}", ips.join(", "), words(took));
    ("resolved", text, json!({ "addresses": ips, "seconds": took.as_secs_f64() }))
}

fn serve(event: &Serve<'_>) -> Worded {
    match event {
        Serve::Listening(address) => {
            ("listening", format!("listening on {address}"), json!({ "address": address.to_string() }))
        }
        Serve::Accepted(peer) => {
            ("accepted", format!("accepted a connection from {peer}"), json!({ "peer": peer.to_string() }))
        }
        Serve::Ignored(peer) => {
            ("ignored", format!("{peer} left without a byte and does not count"), json!({ "peer": peer.to_string() }))
        }
        Serve::Heard(peer, n) => {
            ("heard", format!("received {n} bytes from {peer}"), json!({ "peer": peer.to_string(), "bytes": n }))
        }
        Serve::Said(peer, n) => {
            ("said", format!("sent {n} bytes to {peer}"), json!({ "peer": peer.to_string(), "bytes": n }))
        }
        Serve::ClientEnded(peer) => {
            ("client-ended", format!("{peer} has ended (its FIN came)"), json!({ "peer": peer.to_string() }))
        }
        Serve::Dismissed(peer) => {
            ("dismissed", format!("sent our end (FIN) to {peer}"), json!({ "peer": peer.to_string() }))
        }
        Serve::Left(peer, received, sent) => (
            "left",
            format!("{peer} has left: {received} bytes from it, {sent} bytes to it"),
            json!({ "peer": peer.to_string(), "received": received, "sent": sent }),
        ),
        Serve::Failed(peer, error) => (
            "client-failed",
            format!("{error}; {peer} is dropped, the others go on"),
            json!({ "peer": peer.to_string(), "reason": error.to_string() }),
        ),
        Serve::Paused(reason) => (
            "paused",
            format!("no client can be taken for now: {reason}; trying again until it works"),
            json!({ "reason": reason.to_string() }),
        ),
        Serve::Seeded(seed) => {
            let text = format!("--seed {seed} has the same things go wrong again");
            ("seed", text, json!({ "seed": seed }))
        }
        Serve::Totals(totals) => ("totals", totals_text(totals), totals_fields(totals)),
        Serve::Status(totals) => {
            let text = format!("{} clients here now; so far {}", totals.present, totals_text(totals));
            ("status", text, totals_fields(totals))
        }
    }
}

fn totals_text(totals: &Totals) -> String {
    let Totals { clients, peak, failed, rejected, messages, received, sent, datagrams, .. } = totals;
    format!(
        "{clients} clients, {peak} at once at most, {failed} failed, no room {rejected} times; {messages} \
         messages, {received} bytes received, {sent} bytes sent, {datagrams} datagrams answered"
    )
}

fn totals_fields(totals: &Totals) -> Value {
    let Totals { clients, present, peak, failed, rejected, messages, received, sent, datagrams } = totals;
    json!({
        "clients": clients, "present": present, "peak": peak, "failed": failed, "rejected": rejected,
        "messages": messages, "received": received, "sent": sent, "datagrams": datagrams,
    })
}

fn moved(event: &Move<'_>) -> Worded {
    let side = |side: &Side| if *side == Side::Peer { "the peer" } else { "the local end" };
    match event {
        Move::Read(from, n) => {
            ("read", format!("read {n} bytes from {}", side(from)), json!({ "from": side(from), "bytes": n }))
        }
        Move::Wrote(to, n) => {
            ("wrote", format!("wrote {n} bytes to {}", side(to)), json!({ "to": side(to), "bytes": n }))
        }
        Move::InputEnded => ("input-ended", "local input has ended".into(), json!({})),
        Move::HalfClosed => ("half-closed", "sent our end (FIN); the peer may still send".into(), json!({})),
        Move::PeerEnded => ("peer-ended", "the peer has ended (its FIN came)".into(), json!({})),
        Move::Satisfied => {
            ("satisfied", "the peer has sent what was waited for: nothing more is read".into(), json!({}))
        }
        Move::Summed(sum) => {
            let direction = if sum.from == Side::Peer { "received" } else { "sent" };
            (
                "sum",
                format!("sha256 {}  {direction}, {} bytes", sum.sha256, sum.bytes),
                json!({ "direction": direction, "sha256": sum.sha256, "bytes": sum.bytes }),
            )
        }
        Move::Closed(peer, figures) => (
            "closed",
            format!(
                "session with {peer} over after {}: {} bytes sent, {} bytes received",
                words(figures.took),
                figures.sent,
                figures.received
            ),
            json!({
                "peer": peer.to_string(), "sent": figures.sent, "received": figures.received,
                "seconds": figures.took.as_secs_f64(),
            }),
        ),
        Move::Progress(figures) => (
            "progress",
            format!("{} bytes sent, {} bytes received", figures.sent, figures.received),
            json!({ "sent": figures.sent, "received": figures.received }),
        ),
    }
}

fn datagram(event: &Datagram<'_>) -> Worded {
    match event {
        Datagram::Towards(from, to) => (
            "towards",
            format!("datagrams go to {to} from {from}; nothing tells whether they arrive"),
            json!({ "to": to.to_string(), "from": from.to_string() }),
        ),
        Datagram::Sent(to, size) => (
            "datagram-sent",
            format!("sent a datagram of {size} bytes to {to}"),
            json!({ "to": to.to_string(), "bytes": size }),
        ),
        Datagram::SentTotal(datagrams, bytes, took) => (
            "sent-total",
            format!("{datagrams} datagrams sent, {bytes} bytes in {}", Seconds(*took)),
            json!({ "datagrams": datagrams, "bytes": bytes, "seconds": took.as_secs_f64() }),
        ),
        Datagram::Received(from, size) => (
            "datagram",
            format!("a datagram of {size} bytes from {from}"),
            json!({ "from": from.to_string(), "bytes": size }),
        ),
        Datagram::Arrived(from, size, facts) => arrived(*from, *size, facts),
        Datagram::Reply(from, size) => (
            "reply",
            format!("a reply of {size} bytes from {from}"),
            json!({ "from": from.to_string(), "bytes": size }),
        ),
        Datagram::LeftUnanswered(from) => (
            "left-unanswered",
            format!("{from} gets no answer; waiting for the next datagram"),
            json!({ "from": from.to_string() }),
        ),
        Datagram::Awaiting(n, at_most) => (
            "awaiting",
            format!("waiting at most {} for answers that are missing: {n}", words(*at_most)),
            json!({ "count": n, "seconds": at_most.as_secs_f64() }),
        ),
        Datagram::Lost(n, at_least) => lost(*n, *at_least),
        Datagram::ReceivedTotal { intake, .. } => ("totals", intake_text(intake), intake_fields(intake)),
    }
}

fn http(event: &Http<'_>) -> Worded {
    match event {
        Http::Asked(method, url) => (
            "request",
            format!("asking {method} {url}"),
            json!({ "method": method.to_string(), "url": url.to_string() }),
        ),
        Http::Reused(peer) => {
            ("reused", format!("using the connection to {peer} once more"), json!({ "peer": peer.to_string() }))
        }
        Http::Dropped(peer, why) => (
            "dropped",
            format!("the connection to {peer} is not used again: {why}"),
            json!({ "peer": peer.to_string(), "reason": why.to_string() }),
        ),
        Http::RequestLine(line) => ("request-line", format!("> {}", escape(line)), json!({ "line": escape(line) })),
        Http::ResponseLine(line) => ("response-line", format!("< {}", escape(line)), json!({ "line": escape(line) })),
        Http::Answered(head, framing) => answered(head, *framing),
        Http::Continued(file, have, validator) => continued(file, *have, *validator),
        Http::Saved(file) => ("saved", format!("saved as {file}"), json!({ "file": file.to_string() })),
        Http::Retrying(why, wait) => (
            "retrying",
            format!("{why}; trying again in {}", words(*wait)),
            json!({ "reason": why.to_string(), "seconds": wait.as_secs_f64() }),
        ),
        Http::Redirect(url) => ("redirect", format!("redirected to {url}"), json!({ "url": url.to_string() })),
        Http::Withheld(url) => (
            "withheld",
            format!("credentials and cookies are not sent there: they are for the origin of {url} alone"),
            json!({ "url": url.to_string() }),
        ),
        Http::Body(bytes, took) => (
            "body",
            format!("body complete: {bytes} bytes in {}", words(*took)),
            json!({ "bytes": bytes, "seconds": took.as_secs_f64() }),
        ),
        Http::Timed(timing) => ("timing", format!("took {}", timing_text(timing)), timing_fields(timing, true)),
        Http::Failed(timing) => {
            ("timing", format!("failed after {}", timing_text(timing)), timing_fields(timing, false))
        }
    }
}

fn answered(head: &ResponseHead, framing: Framing) -> Worded {
    let (body, length) = match framing {
        Framing::NoBody => ("there is no body".into(), Some(0)),
        Framing::Length(length) => (format!("the body has {length} bytes"), Some(length)),
        Framing::Chunked => ("the body comes in chunks".into(), None),
        Framing::UntilClose => ("the body ends with the connection".into(), None),
    };
    let lines: Vec<_> = http::masked_lines(&head.raw).map(|line| escape(&line)).collect();
    let fields = json!({ "status": head.status, "reason": escape(&head.reason), "length": length, "head": lines });
    ("response", format!("answered {}: {body}", head.status), fields)
}

fn continued(file: &dyn Display, have: u64, validator: Option<&str>) -> Worded {
    let version = match validator {
        Some(validator) => format!("of the version {validator}"),
        None => "and nothing is known of their version: only the sizes are checked".into(),
    };
    let text = format!("{file} has {have} bytes, {version}");
    ("continued", text, json!({ "file": file.to_string(), "bytes": have, "validator": validator }))
}

/// The phases of an exchange in their order, with their names.
pub(super) fn phases(timing: &Timing) -> [(&'static str, Option<Duration>); 6] {
    let Timing { resolve, connect, tls, send, first_byte, body, .. } = *timing;
    [
        ("resolve", resolve),
        ("connect", connect),
        ("tls", tls),
        ("send", Some(send)),
        ("first_byte", Some(first_byte)),
        ("body", Some(body)),
    ]
}

fn timing_text(timing: &Timing) -> String {
    let connection = if timing.kept { "a kept" } else { "a new" };
    let taken = phases(timing).into_iter().filter_map(|(name, took)| Some((name, took?)));
    let taken: Vec<_> = taken.map(|(name, took)| format!("{} {}", name.replace('_', " "), words(took))).collect();
    format!("{} over {connection} connection: {}", words(timing.total()), taken.join(", "))
}

pub(super) fn timing_fields(timing: &Timing, complete: bool) -> Value {
    let mut fields = Map::new();
    fields.insert("complete".into(), json!(complete));
    fields.insert("kept".into(), json!(timing.kept));
    fields.extend(phases(timing).map(|(name, took)| (name.into(), json!(took.map(|took| took.as_secs_f64())))));
    fields.insert("total".into(), json!(timing.total().as_secs_f64()));
    Value::Object(fields)
}

fn ping(event: &Ping<'_>) -> Worded {
    match event {
        Ping::Started(peer, size, interval) => {
            let pace = if interval.is_zero() {
                "the next one as soon as the last has come back".into()
            } else {
                format!("one every {}", words(*interval))
            };
            (
                "ping",
                format!("probes of {size} bytes go to {peer}, {pace}"),
                json!({ "peer": peer.to_string(), "bytes": size, "interval": interval.as_secs_f64() }),
            )
        }
        Ping::Sent(peer, seq) => {
            ("probe-sent", format!("sent probe {seq} to {peer}"), json!({ "peer": peer.to_string(), "seq": seq }))
        }
    }
}
