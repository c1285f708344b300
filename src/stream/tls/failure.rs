//! What goes wrong in TLS, in plain words with a hint.
//!
//! Owns the sentences. Refuses to judge: what broke a connection was decided by rustls, by `trust` or by `session`. What
//! is the peer's is escaped.

use std::fmt;
use std::io;

use rustls::{AlertDescription as Alert, Error as Rustls, PeerIncompatible};

use super::objection;
use super::trust::{Demand, Seen, Trial};
use crate::error::{Error, Kind};
use crate::event::tls::Own;
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

/// Where a fault was met.
pub(super) struct Scene<'a> {
    pub(super) peer: String,
    /// What was done then: `shake hands with` until that is over.
    pub(super) operation: &'static str,
    /// The first bytes of the peer.
    pub(super) first_bytes: &'a [u8],
    /// How many came in the handshake.
    pub(super) received: u64,
    /// A client's view of its server.
    pub(super) trial: Option<&'a Trial>,
}

/// What a client asked for, as far as an error has to say it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The name that the certificate is to be for.
    pub(super) name: String,
    /// The versions that were offered, in words.
    pub(super) versions: String,
    /// The application protocols that were offered.
    pub(super) alpn: Vec<Vec<u8>>,
    /// Whether the user chose the cipher suites.
    pub(super) chose_suites: bool,
}

/// A reason and what to try.
struct Words(Kind, String, Option<String>);

impl Words {
    fn new(reason: impl Into<String>) -> Self {
        Words(Kind::Tls, reason.into(), None)
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Words(self.0, self.1, Some(hint.into()))
    }
}

impl Fault {
    /// The fault that travels in `error`, if one does.
    pub(super) fn within(error: &io::Error) -> Option<&Fault> {
        error.get_ref()?.downcast_ref()
    }

    /// The error for the user.
    pub(super) fn explain(&self, scene: &Scene<'_>) -> Error {
        let Words(kind, reason, hint) = match self {
            Fault::Cut => {
                let reason = "the connection was cut without close_notify: what came may be truncated";
                return Error::new(Kind::Reset, "receive from", &scene.peer, reason);
            }
            Fault::CutInHandshake => scene.cut(),
            Fault::Protocol(error) => scene.protocol(error),
        };
        Error { hint, ..Error::new(kind, scene.operation, &scene.peer, reason) }
    }
}

impl Scene<'_> {
    fn is_handshaking(&self) -> bool {
        self.operation == HANDSHAKE
    }

    fn cut(&self) -> Words {
        let seen = self.trial.map(Trial::seen).unwrap_or_default();
        match self.received {
            0 => Words::new("the peer ended the connection in the handshake, without a byte").hint(NOT_TLS),
            _ if !is_tls(self.first_bytes) => self.not_tls(),
            _ if seen.own == Own::Missing => wants_certificate("the peer ended the connection"),
            n => Words::new(format!("the peer ended the connection in the handshake, after {n} bytes")),
        }
    }

    fn protocol(&self, error: &Rustls) -> Words {
        match error {
            Rustls::InvalidCertificate(_) => self.certificate(error),
            Rustls::AlertReceived(alert) => self.alert(*alert),
            _ if self.is_handshaking() && !is_tls(self.first_bytes) => self.not_tls(),
            Rustls::PeerIncompatible(why) => self.incompatible(why),
            Rustls::NoApplicationProtocol => self.no_application_protocol(),
            Rustls::NoCertificatesPresented => Words::new("the peer showed no certificate"),
            Rustls::PeerMisbehaved(_)
            | Rustls::InvalidMessage(_)
            | Rustls::InappropriateMessage { .. }
            | Rustls::InappropriateHandshakeMessage { .. } => {
                self.broken(format!("the peer breaks the protocol: {error}"))
            }
            Rustls::DecryptError => {
                self.broken("what came can't be decrypted: it was changed on the way, or is not the peer's".into())
            }
            error => self.broken(error.to_string()),
        }
    }

    /// In the handshake it failed; later the connection is broken, like one that was reset.
    fn broken(&self, reason: String) -> Words {
        let kind = if self.is_handshaking() { Kind::Tls } else { Kind::Reset };
        Words(kind, reason, None)
    }

    fn certificate(&self, error: &Rustls) -> Words {
        let Some(trial) = self.trial else {
            return Words(Kind::Untrusted, format!("its certificate is not trusted: {error}"), None);
        };
        let Seen { chain, .. } = trial.seen();
        let (reason, hint) = match trial.judge().demand() {
            Demand::Pin(_) => objection::wrong_pin(&chain),
            _ => objection::words(error, &chain, &trial.asked().name),
        };
        Words(Kind::Untrusted, reason, hint)
    }

    fn incompatible(&self, why: &PeerIncompatible) -> Words {
        match why {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired => self.no_version(""),
            PeerIncompatible::NoCipherSuitesInCommon => Words::new("no cipher suite in common"),
            PeerIncompatible::NoKxGroupsInCommon => Words::new("no group for the key exchange in common"),
            PeerIncompatible::NoSignatureSchemesInCommon => Words::new("no way to sign in common"),
            other => Words::new(format!("the peer can't do what is needed here: {other:?}")),
        }
    }

    fn no_version(&self, said: &str) -> Words {
        let ours = self.trial.map_or_else(|| "TLS 1.2-1.3".to_owned(), |trial| trial.asked().versions.clone());
        let words = Words::new(format!("no protocol version in common: we speak {ours}{said}"));
        match ours.as_str() {
            "TLS 1.2-1.3" if self.trial.is_some() => {
                words.hint("the peer may know only TLS 1.1 or older, which is not safe")
            }
            "TLS 1.2-1.3" => words,
            _ => words.hint("--tls-min and --tls-max say which ones"),
        }
    }

    fn no_application_protocol(&self) -> Words {
        let offered = self.trial.map(|trial| protocols(&trial.asked().alpn)).filter(|names| !names.is_empty());
        match offered {
            Some(names) => Words::new(format!("the peer speaks none of the application protocols offered ({names})"))
                .hint("try other names for --tls-alpn, or none"),
            None => Words::new("no application protocol (ALPN) in common"),
        }
    }

    /// An alert of the peer. Those about our certificate may come after a handshake of TLS 1.3 (RFC 8446 §4.4.2).
    fn alert(&self, alert: Alert) -> Words {
        let said = format!(" (its alert: {})", alert_name(alert));
        let seen = self.trial.map(Trial::seen).unwrap_or_default();
        match alert {
            Alert::ProtocolVersion => {
                self.no_version(&format!(", and the peer's alert says \"{}\"", alert_name(alert)))
            }
            Alert::NoApplicationProtocol => self.no_application_protocol(),
            Alert::CertificateRequired => wants_certificate("the peer refuses"),
            Alert::HandshakeFailure if seen.own == Own::Missing => wants_certificate("the peer refuses"),
            Alert::HandshakeFailure | Alert::InsufficientSecurity if self.is_handshaking() => self.no_suite(&said),
            Alert::UnrecognisedName => self.unknown_name(&said),
            _ if is_about_a_certificate(alert) => self.own_certificate(seen.own, alert),
            _ => self.broken(format!("the peer broke off: {}", alert_words(alert))),
        }
    }

    fn no_suite(&self, said: &str) -> Words {
        let words = Words::new(format!("no cipher suite, group or kind of certificate in common{said}"));
        match self.trial.map(|trial| trial.asked().chose_suites) {
            Some(true) => words.hint("try more of --tls-suites, or none"),
            Some(false) => {
                words.hint("perhaps it wants another name (--tls-name), or a client certificate (--tls-cert)")
            }
            None => words,
        }
    }

    fn unknown_name(&self, said: &str) -> Words {
        let name = self.trial.map(|trial| trial.asked().name.clone()).unwrap_or_default();
        Words::new(format!("the peer does not serve the name {name}{said}")).hint("--tls-name asks for another")
    }

    /// A server speaks of our certificate; a client of ours would speak of the server's.
    fn own_certificate(&self, own: Own, alert: Alert) -> Words {
        let words = alert_words(alert);
        match (own, self.trial) {
            (Own::Missing, _) => wants_certificate(&format!("the peer refuses: {words}")),
            (Own::Shown, _) => Words::new(format!("the peer refuses our certificate: {words}"))
                .hint("--tls-cert and --tls-key name the one to show"),
            (Own::NotAsked, None) => Words::new(format!("the client does not trust our certificate: {words}")),
            (Own::NotAsked, Some(_)) => Words::new(format!("the peer refuses: {words}")),
        }
    }

    fn not_tls(&self) -> Words {
        let shown = escape(self.first_bytes);
        let Some((protocol, starttls)) = speaks(self.first_bytes) else {
            return self.without_tls(Words::new(format!("the peer does not speak TLS: \"{shown}\"")));
        };
        let words = Words::new(format!("the peer speaks {protocol}, not TLS: \"{shown}\""));
        match starttls.filter(|_| self.trial.is_some()) {
            Some(name) => words.hint(format!("--starttls {name} asks it for TLS first")),
            None => self.without_tls(words),
        }
    }

    /// What a client can try; a server has no choice.
    fn without_tls(&self, words: Words) -> Words {
        if self.trial.is_some() { words.hint("try it without --tls") } else { words }
    }
}

/// The operation until the handshake is over.
pub(super) const HANDSHAKE: &str = "shake hands with";

/// What to think of when nothing came.
pub(super) const NOT_TLS: &str = "perhaps it does not speak TLS on this port";

/// Names of application protocols, for reading.
pub(super) fn protocols(names: &[Vec<u8>]) -> String {
    names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ")
}

fn wants_certificate(what: &str) -> Words {
    Words::new(format!("{what}: it wants a client certificate")).hint("--tls-cert FILE --tls-key FILE show one")
}

/// A handshake record or an alert (RFC 8446 §5.1).
fn is_tls(first_bytes: &[u8]) -> bool {
    matches!(first_bytes, [20..=23, 3, ..] | [20..=23] | [])
}

/// The protocol that begins so, and its name for `--starttls` if it can change over.
fn speaks(first_bytes: &[u8]) -> Option<(&'static str, Option<&'static str>)> {
    let text = String::from_utf8_lossy(first_bytes).to_ascii_lowercase();
    let begins = |with: &str| text.starts_with(with);
    Some(match first_bytes {
        _ if begins("http/") || begins("<!doctype html") || begins("<html") => ("HTTP", None),
        _ if ["get ", "head ", "post ", "put ", "options ", "connect "].into_iter().any(begins) => ("HTTP", None),
        _ if begins("ssh-") => ("SSH", None),
        _ if begins("220") && text.contains("ftp") => ("FTP", Some("ftp")),
        _ if begins("220") => ("SMTP", Some("smtp")),
        _ if begins("* ok") || begins("* preauth") => ("IMAP", Some("imap")),
        _ if begins("+ok") => ("POP3", Some("pop3")),
        _ if begins("rfb ") => ("VNC", None),
        _ if begins("<?xml") || begins("<stream") => ("XMPP", Some("xmpp")),
        // The first packet of a server: three bytes of length, number 0, version 10 of the protocol.
        [_, _, 0, 0, 10, ..] => ("MySQL", Some("mysql")),
        _ => return None,
    })
}

/// Whether `alert` is about the certificate of whoever gets it.
fn is_about_a_certificate(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}

/// The alert as RFC 8446 §6 calls it.
fn alert_name(alert: Alert) -> &'static str {
    match alert {
        Alert::ProtocolVersion => "protocol version",
        Alert::HandshakeFailure => "handshake failure",
        Alert::InsufficientSecurity => "insufficient security",
        Alert::UnrecognisedName => "unrecognized name",
        _ => "another",
    }
}

/// What the alert means (RFC 8446 §6.2, RFC 5246 §7.2.2).
fn alert_words(alert: Alert) -> String {
    let known = match alert {
        Alert::UnexpectedMessage => "it got a message that it did not expect",
        Alert::BadRecordMac => "it could not decrypt what it got",
        Alert::DecryptionFailed => "decryption failed",
        Alert::RecordOverflow => "it got a record that is too long",
        Alert::DecompressionFailure => "decompression failed",
        Alert::HandshakeFailure => "it can't agree to what was offered",
        Alert::NoCertificate => "there is no certificate",
        Alert::BadCertificate => "the certificate is bad",
        Alert::UnsupportedCertificate => "it can't use that kind of certificate",
        Alert::CertificateRevoked => "the certificate is revoked",
        Alert::CertificateExpired => "the certificate has expired",
        Alert::CertificateUnknown => "the certificate won't do",
        Alert::IllegalParameter => "it got a value that is not allowed",
        Alert::UnknownCA => "the authority that issued the certificate is unknown to it",
        Alert::AccessDenied => "access denied",
        Alert::DecodeError => "it could not read a message",
        Alert::DecryptError => "a signature or a check sum was wrong",
        Alert::ExportRestriction => "export restriction",
        Alert::ProtocolVersion => "it does not speak this version of the protocol",
        Alert::InsufficientSecurity => "what was offered is not safe enough",
        Alert::InternalError => "an internal error",
        Alert::InappropriateFallback => "an inappropriate fallback",
        Alert::UserCanceled => "somebody there cancelled it",
        Alert::NoRenegotiation => "it does not renegotiate",
        Alert::MissingExtension => "an extension is missing",
        Alert::UnsupportedExtension => "it got an extension that it did not ask for",
        Alert::CertificateUnobtainable => "it could not fetch the certificate",
        Alert::UnrecognisedName => "it does not serve that name",
        Alert::BadCertificateStatusResponse => "the certificate's status is bad",
        Alert::BadCertificateHashValue => "the certificate's hash is wrong",
        Alert::UnknownPSKIdentity => "it does not know the key",
        Alert::CertificateRequired => "it wants a certificate",
        Alert::NoApplicationProtocol => "it speaks none of the application protocols offered",
        Alert::EncryptedClientHelloRequired => "it wants an encrypted hello",
        other => return format!("alert {}", u8::from(other)),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server's side says; a client's needs a judge, and is tested with the real binary.
    fn said(fault: &Fault, operation: &'static str, first_bytes: &[u8]) -> (Kind, String) {
        let peer = "p".to_owned();
        let scene = Scene { peer, operation, first_bytes, received: first_bytes.len() as u64, trial: None };
        let error = fault.explain(&scene);
        (error.kind, error.to_string())
    }

    #[test]
    fn a_peer_that_speaks_something_else_is_named() {
        for (bytes, wanted) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], r#"the peer speaks HTTP, not TLS: "HTTP/1.1 400 Bad Request\r\n""#),
            (b"220 mx ESMTP\r\n", r#"the peer speaks SMTP, not TLS: "220 mx ESMTP\r\n""#),
            (b"220 (vsFTPd 3.0)", r#"the peer speaks FTP, not TLS: "220 (vsFTPd 3.0)""#),
            (b"SSH-2.0-x\x1b[2J", r#"the peer speaks SSH, not TLS: "SSH-2.0-x\x1b[2J""#),
            (b"* OK ready", r#"the peer speaks IMAP, not TLS: "* OK ready""#),
            (b"+OK ready", r#"the peer speaks POP3, not TLS: "+OK ready""#),
            (b"GET / HTTP/1.1", r#"the peer speaks HTTP, not TLS: "GET / HTTP/1.1""#),
            (b"\x4a\0\0\0\x0a8.0", r#"the peer speaks MySQL, not TLS: "J\x00\x00\x00\n8.0""#),
            (b"hello?", r#"the peer does not speak TLS: "hello?""#),
        ] {
            let broken = Rustls::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
            for fault in [Fault::Protocol(broken), Fault::CutInHandshake] {
                assert_eq!(said(&fault, HANDSHAKE, bytes), (Kind::Tls, format!("shake hands with p: {wanted}")));
            }
        }
    }

    #[test]
    fn a_cut_says_how_far_it_got() {
        let (kind, text) = said(&Fault::CutInHandshake, HANDSHAKE, b"");
        assert_eq!(kind, Kind::Tls);
        assert!(text.contains("in the handshake, without a byte; perhaps it does not speak TLS"), "{text}");
        let (_, text) = said(&Fault::CutInHandshake, HANDSHAKE, b"\x16\x03\x03");
        assert!(text.ends_with("in the handshake, after 3 bytes"), "{text}");
        let (kind, text) = said(&Fault::Cut, "receive from", b"");
        assert_eq!(kind, Kind::Reset);
        assert!(text.starts_with("receive from p: ") && text.contains("may be truncated"), "{text}");
    }

    #[test]
    fn an_alert_is_said_in_words_and_an_alert_in_the_session_is_a_broken_connection() {
        let alert = |alert, operation| said(&Fault::Protocol(Rustls::AlertReceived(alert)), operation, b"\x15\x03");
        let (kind, text) = alert(Alert::ProtocolVersion, HANDSHAKE);
        assert_eq!(kind, Kind::Tls);
        assert!(text.contains("we speak TLS 1.2-1.3, and the peer's alert says \"protocol version\""), "{text}");
        let (kind, text) = alert(Alert::InternalError, "send to");
        assert_eq!((kind, text.as_str()), (Kind::Reset, "send to p: the peer broke off: an internal error"));
        let (kind, text) = alert(Alert::UnknownCA, "receive from");
        assert_eq!(kind, Kind::Tls);
        assert!(text.contains("does not trust our certificate: the authority that issued"), "{text}");
        let all = (0..=255).map(|code| alert_words(Alert::from(code)));
        assert!(all.into_iter().all(|words| !words.is_empty()));
    }
}
