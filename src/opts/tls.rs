//! TLS as a client: what is demanded of the peer.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::proto::starttls::Protocol;
use crate::stream::starttls::StartTls;
use crate::stream::tls::Client;

/// The group of the options each of which asks for TLS: what the others are about.
const TLS: &str = "tls";

/// TLS as a client.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS", group = ArgGroup::new(TLS).multiple(true))]
pub struct TlsClientArgs {
    /// Encrypt with TLS; the peer's certificate must be trusted here and be for HOST
    #[arg(id = "tls-at-once", long = "tls", group = TLS)]
    tls: bool,
    /// The same once PROTO's own way in plain text has been gone: the peer is asked for TLS, and must agree
    #[arg(long, value_name = "PROTO", group = TLS, value_parser = protocol())]
    starttls: Option<Protocol>,
    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca: Option<PathBuf>,
    /// The name that the certificate must be for, and that the server is told (SNI) [default: HOST]
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Option<String>,
    /// Offer these application protocols (ALPN), such as h2,http/1.1
    #[arg(long, value_name = "LIST", requires = "tls", value_delimiter = ',')]
    tls_alpn: Vec<String>,
    /// Go on whatever certificate the peer shows: whoever is on the way can read and change everything
    #[arg(long, requires = "tls")]
    insecure: bool,
}

impl TlsClientArgs {
    /// What is asked for; `None` without --tls and --starttls.
    pub fn client(&self) -> Option<Client> {
        (self.tls || self.starttls.is_some()).then(|| Client {
            ca: self.tls_ca.clone(),
            name: self.tls_name.clone(),
            insecure: self.insecure,
            alpn: protocols(&self.tls_alpn),
        })
    }

    /// How the peer is asked for it first. What the certificate must be for is what the peer is asked for too.
    pub fn starttls(&self) -> Option<StartTls> {
        self.starttls.map(|protocol| StartTls { protocol, name: self.tls_name.clone() })
    }
}

/// A protocol by its name.
fn protocol() -> impl TypedValueParser<Value = Protocol> {
    PossibleValuesParser::new(Protocol::ALL.map(Protocol::name)).try_map(|name| name.parse::<Protocol>())
}

/// Names of application protocols as they travel (RFC 7301 §3.1).
pub(super) fn protocols(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}
