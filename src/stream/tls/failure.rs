//! What goes wrong in TLS, in plain words with a hint.
//!
//! Owns the sentences. Refuses to judge: what broke a connection was decided by rustls, by `trust` or by `session`.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as Rustls};

use crate::error::{Error, Kind};
use crate::proto::escape;

/// Why a connection can't go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// rustls refuses what came, or the peer what we sent.
    Protocol(Rustls),
    /// The peer's FIN came without `close_notify`.
    Cut,
    /// The peer's end came before that of the handshake.
    CutInHandshake,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Protocol(error) => error.fmt(f),
            Fault::Cut => f.write_str("cut without close_notify"),
            Fault::CutInHandshake => f.write_str("cut in the handshake"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }
}

impl Fault {
    /// The fault that travels in `error`, if one does.
    pub(super) fn within(error: &io::Error) -> Option<&Fault> {
        error.get_ref()?.downcast_ref()
    }

    /// The error for the user. `first_bytes` are those of the peer.
    pub(super) fn explain(&self, peer: &str, first_bytes: &[u8]) -> Error {
        let in_handshake = |kind, reason: String| Error::new(kind, "shake hands with", peer, reason);
        match self {
            Fault::Cut => {
                let reason = "the connection was cut without close_notify: what came may be truncated";
                Error::new(Kind::Reset, "receive from", peer, reason)
            }
            Fault::CutInHandshake => in_handshake(Kind::Tls, "the peer ended the connection in the handshake".into()),
            Fault::Protocol(Rustls::InvalidCertificate(why)) => {
                in_handshake(Kind::Untrusted, format!("the certificate is not trusted: {}", certificate(why)))
                    .hint("--insecure goes on without a check")
            }
            Fault::Protocol(Rustls::InvalidMessage(_)) if !is_tls(first_bytes) => {
                in_handshake(Kind::Tls, format!("the peer does not speak TLS: \"{}\"", escape(first_bytes)))
            }
            Fault::Protocol(Rustls::AlertReceived(alert)) => {
                in_handshake(Kind::Tls, format!("the peer refuses: {}", self::alert(*alert)))
            }
            Fault::Protocol(error) => in_handshake(Kind::Tls, error.to_string()),
        }
    }
}

/// A handshake record or an alert (RFC 8446 §5.1).
fn is_tls(first_bytes: &[u8]) -> bool {
    matches!(first_bytes, [20..=23, 3, ..] | [20..=23] | [])
}

fn certificate(error: &CertificateError) -> String {
    error.to_string()
}

fn alert(alert: AlertDescription) -> String {
    format!("{alert:?}")
}
