//! What a check found of one port, in words and as JSON.

use std::time::Duration;

use serde_json::json;

use super::voice::{Voice, words};
use crate::error::{Error, Kind};

/// The answer of one port.
#[derive(Clone, Debug)]
pub struct PortAnswer {
    pub(super) line: String,
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
        PortAnswer { line, fields, kind: None }
    }

    /// It did not.
    pub fn closed(subject: &str, error: &Error) -> Self {
        let state = match error.kind {
            Kind::Refused => "refused",
            Kind::TimedOut => "timed out",
            _ => "failed",
        };
        let line = format!("{subject}: {state} ({})", error.reason);
        let fields = json!({ "event": "check", "target": subject, "state": state, "reason": error.reason });
        PortAnswer { line, fields, kind: Some(error.kind) }
    }
}

impl Voice {
    /// Tells the answer of one port on standard output.
    pub fn port_checked(&self, answer: &PortAnswer) -> Result<(), Error> {
        self.result(&answer.line, &answer.fields)
    }
}
