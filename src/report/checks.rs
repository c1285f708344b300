//! What a check found of one port, in words and as JSON.

use std::time::Duration;

use serde_json::json;

use super::tls;
use super::voice::{Voice, words};
use crate::error::{Error, Kind};
use crate::event::tls::Handshake;

/// The answer of one port.
#[derive(Clone, Debug)]
pub struct PortAnswer {
    pub(super) line: String,
    /// What is told below the line.
    pub(super) more: Vec<String>,
    pub(super) fields: serde_json::Value,
    /// Why it is not open; `None` if it is.
    pub kind: Option<Kind>,
}

impl PortAnswer {
    /// It took a connection.
    pub fn open(subject: &str, peer: &str, took: Duration) -> Self {
        let at = if peer == subject { String::new() } else { format!(" at {peer}") };
        let line = format!("{subject}: open{at}, {}", words(took));
        let seconds = took.as_secs_f64();
        let fields = json!({ "event": "check", "target": subject, "state": "open", "peer": peer, "seconds": seconds });
        PortAnswer { line, more: Vec::new(), fields, kind: None }
    }

    /// It did not.
    pub fn closed(subject: &str, error: &Error) -> Self {
        let state = match error.kind {
            Kind::Refused => "refused",
            Kind::TimedOut => "timed out",
            Kind::Untrusted => "not trusted",
            Kind::Tls => "no TLS",
            _ => "failed",
        };
        // A limit says of itself only that it passed.
        let phase =
            if error.operation == "shake hands with" && error.kind == Kind::TimedOut { "TLS handshake: " } else { "" };
        let reason = format!("{phase}{}", error.reason);
        let line = format!("{subject}: {state} ({reason})");
        let fields = json!({ "event": "check", "target": subject, "state": state, "reason": reason });
        PortAnswer { line, more: Vec::new(), fields, kind: Some(error.kind) }
    }

    /// The same with what was agreed in the handshake of an open port. What ends within `min_days` is a negative answer.
    #[must_use]
    pub fn encrypted(mut self, handshake: &Handshake, min_days: Option<u32>) -> Self {
        let verdict = tls::short_verdict(&handshake.verdict);
        let first = handshake.ends_first();
        let left = first.map_or_else(|| "unreadable".into(), tls::days);
        let took = words(handshake.took);
        self.line = format!("{}; {} in {took}, {verdict}, {left}", self.line, handshake.version);
        self.fields["tls"] = tls::summary(handshake);
        let Some(min_days) = min_days else { return self };
        let ends_soon = first.is_none_or(|content| content.days_left < i64::from(min_days));
        self.fields["ends_soon"] = json!(ends_soon);
        if ends_soon {
            self.line = format!("{}, fewer than the {min_days} of --min-days", self.line);
            self.kind = Some(Kind::Verdict);
        }
        self
    }

    /// The same with the certificates that the peer showed.
    #[must_use]
    pub fn with_certificates(mut self, handshake: &Handshake) -> Self {
        let lines = tls::certificate_lines(&handshake.chain);
        self.more = lines.into_iter().map(|line| format!("  {line}")).collect();
        self.fields["chain"] = tls::chain(&handshake.chain);
        self
    }
}

impl Voice {
    /// Tells the answer of one port on standard output.
    pub fn port_checked(&self, answer: &PortAnswer) -> Result<(), Error> {
        let lines: Vec<_> = [&answer.line].into_iter().chain(&answer.more).cloned().collect();
        self.results(&lines, &answer.fields)
    }
}
