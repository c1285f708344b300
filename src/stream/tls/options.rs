//! What a user may ask of TLS, as plain values: nothing is read or checked yet.

use std::path::PathBuf;

/// What is asked of the client's side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Trust the certificates in this PEM file instead of the system's roots.
    pub ca: Option<PathBuf>,
    /// The name that the certificate must be for, and that the server is told.
    pub name: Option<String>,
    /// Demand nothing of the certificate.
    pub insecure: bool,
    /// The application protocols to offer (ALPN), the preferred one first.
    pub alpn: Vec<Vec<u8>>,
}

/// What is asked of the server's side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// What the server shows of itself.
    pub identities: Vec<Identity>,
    /// The application protocols to choose from (ALPN), the preferred one first.
    pub alpn: Vec<Vec<u8>>,
}

/// A certificate chain and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, the own certificate first.
    pub chain: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}
