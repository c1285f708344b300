//! TLS as values: what a handshake agreed on, who the peer says it is, and whether we believe it.
//!
//! Owns the meaning and the unit of each fact. Refuses to judge (`stream::tls` does) and to word (`report`). Every text
//! that came from the peer is as it came: escape it before printing.

use std::path::PathBuf;
use std::time::Duration;

use super::Shown;

/// The way to an encrypted stream.
pub enum Tls<'a> {
    /// These certificates are trusted from now on.
    Roots(&'a Roots),
    /// The secrets of every connection go into this file, for whoever is to decrypt a recording.
    Secrets(Shown<'a>),
    /// The handshake with this peer begins, under this name if the peer is told one.
    Started(Shown<'a>, Option<&'a str>),
    /// It is over.
    Agreed(&'a Handshake),
    /// We broke it off: what was agreed and shown until then.
    Refused(&'a Handshake),
}

/// Whom a client believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Where they are from.
    pub source: RootSource,
    /// How many there are.
    pub certificates: usize,
    /// What of the source could not be read.
    pub problems: Vec<String>,
}

/// Where roots are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSource {
    /// A file that the user named.
    File(PathBuf),
    /// The system's store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name in its place.
    System,
    /// The system has none: those that were built in (Mozilla's).
    Bundled,
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
    /// The protocol version, such as `TLS 1.3`; empty where it did not come to that.
    pub version: String,
    /// The cipher suite by its IANA name; empty where it did not come to that.
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
    /// What became of a client's own certificate.
    pub own: Own,
}

impl Handshake {
    /// Of all that the peer showed, what ends first.
    pub fn ends_first(&self) -> Option<&Content> {
        self.chain.iter().filter_map(|certificate| certificate.content.as_ref()).min_by_key(|content| content.not_after)
    }
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

/// Whether a client showed a certificate of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Own {
    /// It was not asked for one.
    #[default]
    NotAsked,
    /// It was, and has none that would do.
    Missing,
    /// It was, and showed one.
    Shown,
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
    /// It was refused, for this reason.
    Refused(String),
    /// The peer was not asked for one.
    NotAsked,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the whole certificate, in hexadecimal digits.
    pub fingerprint: String,
    /// What it says; `None` where it can't be read.
    pub content: Option<Content>,
}

/// A certificate in its own words (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Whose it is: a distinguished name.
    pub subject: String,
    /// The names and addresses that it is for (`subjectAltName`).
    pub names: Vec<Name>,
    /// Who signed it.
    pub issuer: String,
    /// Whether that is itself, by name.
    pub is_self_issued: bool,
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
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`), in hexadecimal digits.
    pub key_fingerprint: String,
    /// What it may be used for (extended key usage), in words; empty where it does not say.
    pub usages: Vec<String>,
}

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A host's name, or a wildcard.
    Dns(String),
    /// An address.
    Ip(String),
    /// A mail address.
    Email(String),
    /// A resource.
    Uri(String),
    /// Anything else, by the name of its kind.
    Other(String),
}

impl Name {
    /// The name alone.
    pub fn text(&self) -> &str {
        match self {
            Name::Dns(text) | Name::Ip(text) | Name::Email(text) | Name::Uri(text) | Name::Other(text) => text,
        }
    }
}
