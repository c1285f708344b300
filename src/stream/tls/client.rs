//! The client's side: what was asked for → a configuration, and a stream → an encrypted stream.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection};

use super::options::Client;
use super::session::Tls;
use super::{facts, trust};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::Event;
use crate::event::tls::{self, Verdict};
use crate::net::Context;
use crate::stream::{Stream, buffer};

/// A client that has read all its files: wraps one stream after the other.
#[derive(Clone, Debug)]
pub struct ReadyClient {
    config: Arc<ClientConfig>,
    name: Option<String>,
    insecure: bool,
}

impl Client {
    /// Reads what is to be read.
    pub fn prepare(&self) -> Result<ReadyClient, Error> {
        let provider = Arc::new(super::provider());
        let judge = trust::strict(trust::roots(self.ca.as_deref())?, &provider)?;
        let judge = if self.insecure { Arc::new(trust::Lenient(judge)) } else { judge };
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(|e| Error::new(Kind::Usage, "set up", "TLS", e))?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(judge).with_no_client_auth();
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(ReadyClient { config: Arc::new(config), name: self.name.clone(), insecure: self.insecure })
    }
}

impl ReadyClient {
    /// Encrypts `under`, whose peer was reached by the name `host`; the handshake must be over by `limit`.
    pub fn wrap(&self, ctx: &Context<'_>, under: Stream, host: &str, limit: Deadline) -> Result<Stream, Error> {
        let name = self.name.as_deref().unwrap_or(host);
        let server_name = server_name(name)?;
        let told = matches!(server_name, ServerName::DnsName(_)).then_some(name);
        ctx.tell(&Event::Tls(tls::Tls::Started(&under.name(), told)));
        let connection = ClientConnection::new(Arc::clone(&self.config), server_name)
            .map_err(|e| Error::new(Kind::Tls, "shake hands with", under.name(), e))?;
        let mut tls = Tls::over(under, Connection::Client(connection), buffer::USUAL);
        tls.shake_hands(ctx, limit)?;
        let verdict = if self.insecure { Verdict::Unchecked(None) } else { Verdict::Trusted };
        ctx.tell(&Event::Tls(tls::Tls::Agreed(&facts::handshake(&tls, told, verdict))));
        Ok(Stream::Tls(Box::new(tls)))
    }
}

/// The final dot of a name is the resolver's, not the certificate's (RFC 6066 §3).
fn server_name(name: &str) -> Result<ServerName<'static>, Error> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(plain.to_owned())
        .map_err(|_| Error::usage(format!("{name} is no name that a certificate could be for")).hint("--tls-name NAME"))
}
