//! TLS in words: what a handshake agreed on.

use serde_json::json;

use super::voice::words;
use super::wording::Worded;
use crate::event::tls::{Handshake, Tls};
use crate::proto::escape;

/// The line for `event`.
pub(super) fn line(event: &Tls<'_>) -> Worded {
    match event {
        Tls::Started(peer, name) => {
            let told = name.map_or_else(String::new, |name| format!(", asking for {name}"));
            let text = format!("TLS handshake with {peer}{told}");
            ("tls-started", text, json!({ "peer": peer.to_string(), "server_name": name }))
        }
        Tls::Agreed(handshake) => agreed(handshake),
    }
}

fn agreed(handshake: &Handshake) -> Worded {
    let alpn = handshake.alpn.as_ref().map(|name| escape(name));
    let parts = [
        Some(handshake.version.clone()),
        Some(handshake.cipher_suite.clone()),
        handshake.group.clone(),
        alpn.as_ref().map(|name| format!("ALPN {name}")),
        handshake.resumed.then(|| "resumed".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let text = format!("{} with {} in {}", parts.join(", "), handshake.peer, words(handshake.took));
    let fields = json!({
        "peer": handshake.peer,
        "version": handshake.version,
        "cipher_suite": handshake.cipher_suite,
        "group": handshake.group,
        "alpn": alpn,
        "resumed": handshake.resumed,
        "seconds": handshake.took.as_secs_f64(),
    });
    ("tls", text, fields)
}
