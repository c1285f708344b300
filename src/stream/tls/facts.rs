//! What a finished handshake agreed on, as values.

use rustls::{Connection, HandshakeKind, ProtocolVersion};

use super::session::Tls;
use crate::event::tls::{Handshake, Role, Verdict};

/// The facts of `tls`, whose handshake is over; `verdict` is what was made of the peer's certificate.
pub(super) fn handshake(tls: &Tls, server_name: Option<&str>, verdict: Verdict) -> Handshake {
    let connection = tls.connection();
    Handshake {
        peer: tls.under().name(),
        role: if matches!(connection, Connection::Client(_)) { Role::Client } else { Role::Server },
        server_name: server_name.map(str::to_owned),
        version: connection.protocol_version().map_or_else(String::new, version),
        cipher_suite: connection.negotiated_cipher_suite().map_or_else(String::new, |suite| {
            // rustls calls those of TLS 1.3 by names of its own; IANA's have no version.
            format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
        }),
        group: connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        took: tls.start.elapsed(),
        chain: Vec::new(),
        verdict,
    }
}

fn version(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3".into(),
        ProtocolVersion::TLSv1_2 => "TLS 1.2".into(),
        other => format!("{other:?}"),
    }
}
