//! What a handshake agreed on, as values; of one that failed, what it had come to.

use rustls::{Connection, HandshakeKind, ProtocolVersion};

use super::session::Tls;
use super::{certificate, protocol};
use crate::event::tls::{Handshake, Own, Role, Verdict};

/// The facts of `tls`; `verdict` is what was made of the peer's certificate.
pub(super) fn handshake(tls: &Tls, server_name: Option<&str>, verdict: Verdict) -> Handshake {
    let connection = tls.connection();
    let seen = tls.trial.as_ref().map(|trial| trial.seen());
    // rustls has the chain only of those that were let in.
    let chain = seen.as_ref().map(|seen| seen.chain.as_slice()).or_else(|| connection.peer_certificates());
    Handshake {
        peer: tls.under().name(),
        role: if matches!(connection, Connection::Client(_)) { Role::Client } else { Role::Server },
        server_name: server_name.map(str::to_owned),
        version: connection.protocol_version().map_or_else(String::new, version),
        cipher_suite: connection.negotiated_cipher_suite().map_or_else(String::new, protocol::iana_name),
        group: connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        took: tls.start.elapsed(),
        chain: chain.map_or_else(Vec::new, certificate::describe_all),
        verdict,
        own: seen.map_or(Own::NotAsked, |seen| seen.own),
    }
}

fn version(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3".into(),
        ProtocolVersion::TLSv1_2 => "TLS 1.2".into(),
        other => format!("{other:?}"),
    }
}
