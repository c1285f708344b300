//! What a user may ask of TLS, as plain values: nothing is read or checked yet.

use std::path::PathBuf;

/// What is asked of the client's side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Trust the certificates in this PEM file instead of the system's roots.
    pub ca: Option<PathBuf>,
    /// Trust whoever has one of these, and nobody else: SHA-256 of a certificate or of its public key.
    pub pins: Vec<[u8; 32]>,
    /// The name that the certificate must be for, and that the server is told.
    pub name: Option<String>,
    /// Demand nothing of the certificate.
    pub insecure: bool,
    /// What the client shows of itself where it is asked.
    pub identity: Option<Identity>,
    /// The application protocols to offer (ALPN), the preferred one first.
    pub alpn: Vec<Vec<u8>>,
    /// The protocol itself.
    pub protocol: Protocol,
}

/// What is asked of the server's side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// What the server shows of itself.
    pub shows: Shows,
    /// Demand a certificate of each client, signed by one of those in this PEM file.
    pub client_ca: Option<PathBuf>,
    /// The protocol itself.
    pub protocol: Protocol,
    /// The application protocols to choose from (ALPN), the preferred one first.
    pub alpn: Vec<Vec<u8>>,
}

/// What a server shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Whichever of these is for the name that a client asks for (SNI), else the first.
    Files(Vec<Identity>),
    /// A certificate that is made for this run and lives in memory.
    SelfSigned,
}

impl Default for Shows {
    fn default() -> Self {
        Shows::Files(Vec::new())
    }
}

/// A certificate chain and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, the own certificate first.
    pub chain: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Which versions and cipher suites will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// The oldest version; without one, TLS 1.2.
    pub min: Option<Version>,
    /// The newest version; without one, TLS 1.3.
    pub max: Option<Version>,
    /// The cipher suites by their IANA or OpenSSL names, the preferred one first; all that are known where there is none.
    pub suites: Vec<String>,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
