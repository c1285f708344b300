//! TLS as a server: what is shown to clients, what is demanded of them, and how long they may take for it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::tls::{TlsProtocolArgs, protocol_name, protocols};
use super::values::duration;
use crate::deadline::{Bound, DEFAULT_HANDSHAKE, Limit, Timeouts};
use crate::error::Error;
use crate::stream::tls::{Identity, Server, Shows};

/// What a server shows: one of these, and of the first any number.
const SHOWN: &str = "shown";

/// TLS as a server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct TlsServerArgs {
    /// Encrypt with TLS; needs --tls-cert or --tls-self-signed
    #[arg(long, requires = SHOWN)]
    tls: bool,
    /// A certificate with its chain, in a PEM file; of several, the one for the name that the client asks for (SNI), else
    /// the first
    #[arg(long, value_name = "FILE", requires = "tls", group = SHOWN)]
    tls_cert: Vec<PathBuf>,
    /// The private key of it: PKCS#8, PKCS#1 or SEC1; one for each --tls-cert, in their order [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Vec<PathBuf>,
    /// Make a certificate for this run, and say how a client can trust it
    #[arg(long, requires = "tls", group = SHOWN)]
    tls_self_signed: bool,
    /// Demand a certificate of each client that one of those in this PEM file has signed
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_client_ca: Option<PathBuf>,
    /// Choose among these application protocols (ALPN), the preferred one first
    #[arg(long, value_name = "LIST", requires = "tls", value_delimiter = ',', value_parser = protocol_name)]
    tls_alpn: Vec<String>,
    #[command(flatten)]
    protocol: TlsProtocolArgs,
    /// Let go a client whose handshake takes longer [default: -w, else 10 s]
    #[arg(long, value_name = "DUR", requires = "tls", value_parser = duration)]
    handshake_timeout: Option<Duration>,
}

impl TlsServerArgs {
    /// What is asked for; `None` without --tls.
    pub fn server(&self) -> Result<Option<Server>, Error> {
        if !self.tls {
            return Ok(None);
        }
        let shows = if self.tls_self_signed { Shows::SelfSigned } else { Shows::Files(self.identities()?) };
        Ok(Some(Server {
            shows,
            client_ca: self.tls_client_ca.clone(),
            protocol: self.protocol.protocol(),
            alpn: protocols(&self.tls_alpn),
        }))
    }

    /// Whether --tls was given.
    pub fn is_asked_for(&self) -> bool {
        self.tls
    }

    /// How long a client may take for its handshake.
    pub fn handshake_limit(&self, timeouts: Timeouts) -> Bound {
        let own = self.handshake_timeout.map(|length| Bound { length, limit: Limit::Handshake });
        let default = Bound { length: DEFAULT_HANDSHAKE, limit: Limit::DefaultHandshake };
        own.or(timeouts.connect).unwrap_or(default)
    }

    fn identities(&self) -> Result<Vec<Identity>, Error> {
        let keys = if self.tls_key.is_empty() { &self.tls_cert } else { &self.tls_key };
        if keys.len() != self.tls_cert.len() {
            let (certificates, keys) = (self.tls_cert.len(), keys.len());
            return Err(Error::usage(format!("{certificates} --tls-cert and {keys} --tls-key: each needs its own")));
        }
        let pairs = self.tls_cert.iter().cloned().zip(keys.iter().cloned());
        Ok(pairs.map(|(chain, key)| Identity { chain, key }).collect())
    }
}
