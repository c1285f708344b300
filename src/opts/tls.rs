//! TLS: what a client demands, what a server shows.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::error::Error;
use crate::proto::starttls::Protocol;
use crate::stream::starttls::StartTls;
use crate::stream::tls::{Client, Identity, Server};

/// The group of the options each of which asks for TLS: what the others are about.
const TLS: &str = "tls";

/// TLS as a client.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS", group = ArgGroup::new(TLS).multiple(true))]
pub struct TlsClientArgs {
    /// Encrypt with TLS; the peer's certificate must be trusted here and be for HOST
    #[arg(id = "tls-at-once", long = "tls", group = TLS)]
    tls: bool,
    /// Ask the peer for TLS in the plain text of PROTO first, then encrypt as --tls does
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

/// TLS as a server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct TlsServerArgs {
    /// Encrypt with TLS; needs a certificate and its key
    #[arg(long, requires = "tls_cert")]
    tls: bool,
    /// The certificate, with its chain, in a PEM file
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert: Option<PathBuf>,
    /// The private key of it [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Choose among these application protocols (ALPN), the preferred one first
    #[arg(long, value_name = "LIST", requires = "tls", value_delimiter = ',')]
    tls_alpn: Vec<String>,
}

impl TlsServerArgs {
    /// What is asked for; `None` without --tls.
    pub fn server(&self) -> Result<Option<Server>, Error> {
        if !self.tls {
            return Ok(None);
        }
        let identity = |chain: &PathBuf| Identity {
            chain: chain.clone(),
            key: self.tls_key.clone().unwrap_or_else(|| chain.clone()),
        };
        Ok(Some(Server { identities: self.tls_cert.iter().map(identity).collect(), alpn: protocols(&self.tls_alpn) }))
    }
}

fn protocols(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}
