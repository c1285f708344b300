//! The server's side: what was asked for → a configuration, and a client's stream → an encrypted stream.

use std::sync::Arc;

use rustls::{Connection, ServerConfig, ServerConnection};

use super::options::Server;
use super::session::Tls;
use super::{facts, identity};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::Event;
use crate::event::tls::{self, Verdict};
use crate::net::Context;
use crate::stream::{Stream, buffer};

/// A server that has read all its files: wraps one client after the other.
#[derive(Clone, Debug)]
pub struct ReadyServer {
    config: Arc<ServerConfig>,
}

impl Server {
    /// Reads what is to be read.
    pub fn prepare(&self) -> Result<ReadyServer, Error> {
        let [identity] = self.identities.as_slice() else {
            return Err(Error::usage("a TLS server needs a certificate and its key"));
        };
        let versions = ServerConfig::builder_with_provider(Arc::new(super::provider()));
        let builder = versions.with_safe_default_protocol_versions();
        let builder = builder.map_err(|e| Error::new(Kind::Usage, "set up", "TLS", e))?;
        let (chain, key) = (identity::certificates(&identity.chain)?, identity::private_key(&identity.key)?);
        let mut config = builder
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| Error::new(Kind::Usage, "use", identity.key.display(), e))?;
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(ReadyServer { config: Arc::new(config) })
    }
}

impl ReadyServer {
    /// Encrypts the stream of a client, whose handshake must be over by `limit`.
    pub fn wrap(&self, ctx: &Context<'_>, under: Stream, limit: Deadline) -> Result<Stream, Error> {
        ctx.tell(&Event::Tls(tls::Tls::Started(&under.name(), None)));
        let mut tls = self.begin(under, buffer::USUAL)?;
        tls.shake_hands(ctx, limit)?;
        ctx.tell(&Event::Tls(tls::Tls::Agreed(&facts::handshake(&tls, None, Verdict::NotAsked))));
        Ok(Stream::Tls(Box::new(tls)))
    }

    /// The same without the handshake, for a loop that has others to serve; with a buffer of `capacity` bytes for what
    /// comes.
    pub fn begin(&self, under: Stream, capacity: usize) -> Result<Tls, Error> {
        let connection = ServerConnection::new(Arc::clone(&self.config))
            .map_err(|e| Error::new(Kind::Tls, "shake hands with", under.name(), e))?;
        Ok(Tls::over(under, Connection::Server(connection), capacity))
    }
}
