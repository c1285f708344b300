//! The server's side: what was asked for → a configuration, and a client's stream → an encrypted stream.
//!
//! ```text
//!  Server ─prepare─▶ PreparedServer ─for_names─▶ ReadyServer      all files are read before anything is bound; the names
//!                                                                 that a certificate of our own needs are known after
//! ```

use std::path::Path;
use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{Connection, RootCertStore, ServerConfig, ServerConnection};

use super::choice::Choice;
use super::options::{Server, Shows};
use super::session::Tls;
use super::{facts, identity};
use crate::deadline::{Bound, Deadline, Limit};
use crate::error::{Error, Kind};
use crate::event::tls::{self, Verdict};
use crate::event::{Event, Tell};
use crate::net::Context;
use crate::stream::{Readiness, Stream, buffer};

/// So many sessions are remembered, for clients that can't keep a ticket.
const SESSIONS: usize = 256;

/// How long a client that was refused may take to hear why.
const LAST_WORDS: Bound = Bound { length: std::time::Duration::from_secs(1), limit: Limit::Drain };

/// A server that has read all its files.
#[derive(Debug)]
pub struct PreparedServer {
    config: ServerConfig,
    is_self_signed: bool,
    asks_clients: bool,
}

/// A server: wraps one client after the other.
#[derive(Clone, Debug)]
pub struct ReadyServer {
    config: Arc<ServerConfig>,
    asks_clients: bool,
}

impl Server {
    /// Reads and checks what is to be read. What the user should know of it is told.
    pub fn prepare(&self, tell: &dyn Tell) -> Result<PreparedServer, Error> {
        let versions = self.protocol.versions()?;
        let provider = Arc::new(self.protocol.provider()?);
        let shown = match &self.shows {
            Shows::Files(identities) => {
                identities.iter().map(|files| identity::load(files, &provider, tell)).collect::<Result<Vec<_>, _>>()?
            }
            Shows::SelfSigned => Vec::new(),
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions);
        let builder = builder.map_err(|e| unusable(&e))?;
        let builder = match &self.client_ca {
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                let verifier = verifier.map_err(|e| Error::new(Kind::Usage, "use", path.display(), e))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Choice(shown)));
        config.alpn_protocols.clone_from(&self.alpn);
        config.ticketer = super::ticketer().map_err(|e| unusable(&e))?;
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        let (is_self_signed, asks_clients) = (self.shows == Shows::SelfSigned, self.client_ca.is_some());
        Ok(PreparedServer { config, is_self_signed, asks_clients })
    }
}

/// Whose signature makes a client's certificate a good one.
fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in identity::certificates(path)? {
        roots.add(certificate).map_err(|e| Error::new(Kind::Usage, "use", path.display(), e))?;
    }
    Ok(roots)
}

fn unusable(error: &rustls::Error) -> Error {
    Error::new(Kind::Usage, "set up", "TLS", error)
}

impl PreparedServer {
    /// The server for clients that reach it by `names`: host names and addresses. If it makes a certificate of its own,
    /// that is for them and is given too; nobody else is asked for them.
    pub fn for_names(
        mut self,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<(ReadyServer, Option<tls::OwnCertificate>), Error> {
        let made = self.is_self_signed.then(|| identity::self_signed(names())).transpose()?;
        let told = made.map(|(shown, told)| {
            self.config.cert_resolver = Arc::new(Choice(vec![shown]));
            told
        });
        Ok((ReadyServer { config: Arc::new(self.config), asks_clients: self.asks_clients }, told))
    }
}

impl ReadyServer {
    /// Encrypts the stream of a client, whose handshake must be over by `limit`.
    pub fn wrap(&self, ctx: &Context<'_>, under: Stream, limit: Deadline) -> Result<Stream, Error> {
        let mut tls = self.begin(ctx, under, buffer::USUAL)?;
        if let Err(error) = tls.shake_hands(ctx, limit) {
            if matches!(error.kind, Kind::Tls | Kind::Untrusted) {
                let_it_hear_why(ctx, &mut tls);
            }
            return Err(error);
        }
        self.tell_agreed(ctx, &tls);
        Ok(Stream::Tls(Box::new(tls)))
    }

    /// The same without the handshake, for a loop that has others to serve; with a buffer of `capacity` bytes for what
    /// comes.
    pub fn begin(&self, ctx: &Context<'_>, under: Stream, capacity: usize) -> Result<Tls, Error> {
        if ctx.tell.wants_steps() {
            ctx.tell(&Event::Tls(tls::Tls::Started(&under.name(), None)));
        }
        let connection = ServerConnection::new(Arc::clone(&self.config))
            .map_err(|e| Error::new(Kind::Tls, "shake hands with", under.name(), e))?;
        Ok(Tls::over(under, Connection::Server(connection), capacity))
    }

    /// Tells what the finished handshake of `tls` agreed on.
    pub fn tell_agreed(&self, ctx: &Context<'_>, tls: &Tls) {
        if !ctx.tell.wants_steps() {
            return;
        }
        let asked = match tls.connection() {
            Connection::Server(connection) => connection.server_name(),
            Connection::Client(_) => None,
        };
        let verdict = if self.asks_clients { Verdict::Trusted } else { Verdict::NotAsked };
        ctx.tell(&Event::Tls(tls::Tls::Agreed(&facts::handshake(tls, asked, verdict))));
    }
}

/// Closed with bytes that nobody has read, a socket sends a reset, which can destroy the alert on its way.
fn let_it_hear_why(ctx: &Context<'_>, tls: &mut Tls) {
    let limit = Deadline::starting_now(Some(LAST_WORDS));
    let mut waste = [0; 4096];
    if tls.close_write().is_err() {
        return;
    }
    while limit.expired().is_none() {
        match tls.under_mut().read(&mut waste) {
            Ok(n) if n > 0 => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                let readable = tls.under().read_interest();
                let mut interests: Vec<_> = Some(readable).and_then(Readiness::interest).into_iter().collect();
                if ctx.wait(&mut interests, limit).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
