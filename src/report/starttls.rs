//! The agreement in plain text to go on with TLS, in words and as JSON fields.

use serde_json::json;

use super::voice::words;
use super::wording::Worded;
use crate::event::starttls::StartTls;

/// The line for `event`.
pub(super) fn line(event: &StartTls<'_>) -> Worded {
    match event {
        StartTls::Began(peer, protocol) => {
            let text = format!("asking {peer} for TLS in the way of {protocol}");
            ("starttls", text, json!({ "peer": peer.to_string(), "protocol": protocol.to_string() }))
        }
        StartTls::Said(line) => ("starttls-sent", format!("> {line}"), json!({ "line": line })),
        StartTls::Heard(line) => ("starttls-received", format!("< {line}"), json!({ "line": line })),
        StartTls::Agreed(took) => (
            "starttls-agreed",
            format!("TLS may begin, after {}", words(*took)),
            json!({ "seconds": took.as_secs_f64() }),
        ),
    }
}
