//! TLS as values: what a handshake agreed on, who the peer says it is, and whether we believe it.
//!
//! Owns the meaning and the unit of each fact. Refuses to judge (`stream::tls` does) and to word (`report`). Every text
//! that came from the peer is as it came: escape it before printing.

use std::time::Duration;

use super::Shown;

/// The way to an encrypted stream.
pub enum Tls<'a> {
    /// The handshake with this peer begins, under this name if the peer is told one.
    Started(Shown<'a>, Option<&'a str>),
    /// It is over.
    Agreed(&'a Handshake),
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The address of the peer.
    pub peer: String,
    /// Which side we are.
    pub role: Role,
    /// The name that the client asked for (SNI, RFC 6066 §3).
    pub server_name: Option<String>,
    /// The protocol version, such as `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher_suite: String,
    /// The group of the key exchange by its IANA name; none was needed where an old session went on.
    pub group: Option<String>,
    /// The application protocol (ALPN, RFC 7301).
    pub alpn: Option<Vec<u8>>,
    /// Whether an old session went on.
    pub resumed: bool,
    /// From our first byte, or the client's, to the end of the handshake.
    pub took: Duration,
    /// What the peer showed, its own certificate first.
    pub chain: Vec<Certificate>,
    /// What we made of it.
    pub verdict: Verdict,
}

/// A certificate that a server has made for one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
}

/// Which side of a handshake one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// What is made of the peer's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its chain ends at a root that is known here, and it is for the name that was asked.
    Trusted,
    /// It, or its key, is the one that the user named; chain and name were not looked at. With what would have been
    /// said of it otherwise, if anything.
    Pinned(Option<String>),
    /// Nothing was demanded of it (`--insecure`): with what would have been refused, if anything.
    Unchecked(Option<String>),
    /// The peer was not asked for one.
    NotAsked,
}

/// A certificate in its own words (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is: a distinguished name.
    pub subject: String,
    /// The names and addresses that it is for (`subjectAltName`).
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// Its number, in hexadecimal digits.
    pub serial: String,
    /// The first second at which it is valid, counted from 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// Whole days from now until then; negative once that is past.
    pub days_left: i64,
    /// Algorithm and size of its key, such as `ECDSA P-256`.
    pub key: String,
    /// SHA-256 of the whole certificate, in hexadecimal digits.
    pub fingerprint: String,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`), in hexadecimal digits.
    pub key_fingerprint: String,
}
