//! The client's side: what was asked for → a configuration, and a stream → an encrypted stream.
//!
//! Owns the order of things: all files are read and all names checked before anything is opened. Every handshake is a
//! whole one, with a judge of its own connection: an old session that goes on would show no certificate.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, Connection, KeyLogFile};

use super::failure::{Asked, protocols};
use super::options::Client;
use super::session::Tls;
use super::trust::{Demand, Judge, Roots, Seen, Trial};
use super::{Failed, facts, identity, objection};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, plain};
use crate::event::Event;
use crate::event::tls::{self, Verdict};
use crate::net::{Context, Cut};
use crate::stream::{Stream, buffer};

/// A client that has read all its files: wraps one stream after the other.
#[derive(Clone, Debug)]
pub struct ReadyClient {
    /// The pattern: each connection has a copy with a trial of its own.
    config: ClientConfig,
    judge: Arc<Judge>,
    identity: Option<Arc<CertifiedKey>>,
    asked: Asked,
    /// The name that replaces the host's.
    name: Option<String>,
    notes: Arc<Notes>,
}

/// What is told with the first connection, and then no more.
#[derive(Debug)]
struct Notes {
    roots: tls::Roots,
    secrets: Option<Result<PathBuf, Error>>,
    are_told: AtomicBool,
}

impl Client {
    /// Reads what is to be read.
    pub fn prepare(&self) -> Result<ReadyClient, Error> {
        let versions = self.protocol.versions()?;
        let provider = Arc::new(self.protocol.provider()?);
        self.name.as_deref().map(server_name).transpose()?;
        let identity = self.identity.as_ref().map(|files| identity::certified(files, &provider)).transpose()?;
        let roots = Roots::load(self.ca.as_deref())?;
        let notes = Notes { roots: roots.told.clone(), secrets: secrets(), are_told: AtomicBool::new(false) };
        let judge = Arc::new(Judge::new(roots, self.demand(), &provider)?);
        let asked = self.asked();
        let trial = Arc::new(Trial::new(Arc::clone(&judge), None, asked.clone()));
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let builder = builder.map_err(|e| Error::new(Kind::Usage, "set up", "TLS", e))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::clone(&trial) as _);
        let mut config = builder.with_client_cert_resolver(trial);
        config.alpn_protocols.clone_from(&self.alpn);
        config.resumption = Resumption::disabled();
        if matches!(notes.secrets, Some(Ok(_))) {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(ReadyClient { config, judge, identity, asked, name: self.name.clone(), notes: Arc::new(notes) })
    }

    fn demand(&self) -> Demand {
        match self.pins.as_slice() {
            _ if self.insecure => Demand::Nothing,
            [] => Demand::Chain,
            pins => Demand::Pin(pins.to_vec()),
        }
    }

    fn asked(&self) -> Asked {
        Asked {
            name: String::new(),
            versions: self.protocol.range(),
            alpn: self.alpn.clone(),
            chose_suites: !self.protocol.suites.is_empty(),
        }
    }
}

impl ReadyClient {
    /// Whether there can be a certificate for `host`, by which a peer is about to be reached.
    pub fn can_ask_for(&self, host: &str) -> Result<(), Error> {
        server_name(self.name.as_deref().unwrap_or(host)).map(drop)
    }

    /// Encrypts `under`, whose peer was reached by the name `host`; the handshake must be over by `limit`.
    pub fn wrap(&self, ctx: &Context<'_>, under: Stream, host: &str, limit: Deadline) -> Result<Stream, Error> {
        let mut tls = self.begin(ctx, under, host)?;
        tls.shake_hands(ctx, limit).map_err(|error| failed(ctx, &tls, error).error)?;
        agree(ctx, &mut tls);
        Ok(Stream::Tls(tls))
    }

    /// The same without the handshake, for whoever has others to wait for: [`ReadyClient::advance`] goes on with it.
    pub fn begin(&self, ctx: &Context<'_>, under: Stream, host: &str) -> Result<Box<Tls>, Error> {
        self.notes.tell_once(ctx);
        let name = self.name.as_deref().unwrap_or(host);
        let server_name = server_name(name)?;
        ctx.tell(&Event::Tls(tls::Tls::Started(&under.name(), told_name(name))));
        let asked = Asked { name: name.to_owned(), ..self.asked.clone() };
        let trial = Arc::new(Trial::new(Arc::clone(&self.judge), self.identity.clone(), asked));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&trial) as _);
        config.client_auth_cert_resolver = Arc::clone(&trial) as _;
        let connection = ClientConnection::new(Arc::new(config), server_name)
            .map_err(|e| Error::new(Kind::Tls, "shake hands with", under.name(), e))?;
        let mut tls = Tls::over(under, Connection::Client(connection), buffer::USUAL);
        tls.trial = Some(trial);
        Ok(Box::new(tls))
    }

    /// Goes on with the handshake of `tls` as far as it can; tells whether it is over.
    pub fn advance(&self, ctx: &Context<'_>, tls: &mut Tls) -> Result<bool, Failed> {
        match tls.advance() {
            Ok(true) => agree(ctx, tls),
            Ok(false) => return Ok(false),
            Err(error) => return Err(failed(ctx, tls, tls.read_error(&error))),
        }
        Ok(true)
    }

    /// What a handshake has come to that nobody waits for any longer.
    pub fn cut_short(&self, ctx: &Context<'_>, tls: &Tls, cut: Cut) -> Failed {
        failed(ctx, tls, tls.cut_short(cut))
    }
}

impl Notes {
    fn tell_once(&self, ctx: &Context<'_>) {
        if self.are_told.swap(true, Ordering::Relaxed) {
            return;
        }
        ctx.tell(&Event::Tls(tls::Tls::Roots(&self.roots)));
        match &self.secrets {
            Some(Ok(path)) => ctx.tell(&Event::Tls(tls::Tls::Secrets(&path.display()))),
            Some(Err(error)) => ctx.warn(error),
            None => {}
        }
    }
}

/// The handshake is over: says so, and what the user should know of it.
fn agree(ctx: &Context<'_>, tls: &mut Tls) {
    let Some(trial) = tls.trial.clone() else { return };
    let (seen, asked, peer) = (trial.seen(), trial.asked(), tls.under().name());
    let objection = objection(&seen, asked);
    let verdict = match trial.judge().demand() {
        Demand::Chain => Verdict::Trusted,
        Demand::Pin(_) => Verdict::Pinned(objection),
        Demand::Nothing => Verdict::Unchecked(objection),
    };
    let handshake = facts::handshake(tls, told_name(&asked.name), verdict);
    ctx.tell(&Event::Tls(tls::Tls::Agreed(&handshake)));
    match &handshake.verdict {
        Verdict::Unchecked(Some(why)) => {
            ctx.warn(format_args!("--insecure: {peer} is not who it should be, as far as is known here: {why}"));
        }
        Verdict::Unchecked(None) => {
            ctx.warn(format_args!("--insecure: nothing was demanded of {peer}, though its certificate would do"));
        }
        Verdict::Pinned(_) => {
            if let Some(why) = objection::dates(&seen.chain) {
                ctx.warn(format_args!("{peer} is pinned, but {why}"));
            }
        }
        _ => {}
    }
    if handshake.alpn.is_none() && !asked.alpn.is_empty() {
        // As curl and `openssl s_client` do: a server that does not know of ALPN may speak the protocol all the same.
        let names = protocols(&asked.alpn);
        ctx.warn(format_args!(
            "{peer} agrees to no application protocol (ALPN), offered were {names}: going on without"
        ));
    }
    tls.agreed = Some(Box::new(handshake));
}

fn objection(seen: &Seen, asked: &Asked) -> Option<String> {
    seen.objection.as_ref().map(|error| objection::words(error, &seen.chain, &asked.name).0)
}

/// The handshake came to nothing: tells what the peer had shown, if it had.
fn failed(ctx: &Context<'_>, tls: &Tls, error: Error) -> Failed {
    let trial = tls.trial.as_ref().filter(|trial| !trial.seen().chain.is_empty());
    let handshake = trial.map(|trial| {
        let verdict = Verdict::Refused(error.reason.clone());
        Box::new(facts::handshake(tls, told_name(&trial.asked().name), verdict))
    });
    if let Some(handshake) = &handshake {
        ctx.tell(&Event::Tls(tls::Tls::Refused(handshake)));
    }
    Failed { error, handshake }
}

/// The final dot of a name is the resolver's, not the certificate's (RFC 6066 §3).
fn server_name(name: &str) -> Result<ServerName<'static>, Error> {
    let plain = name.strip_suffix('.').unwrap_or(name);
    let wrong =
        |_| Error::usage(format!("\"{name}\" is no name that a certificate could be for")).hint("--tls-name NAME");
    ServerName::try_from(plain.to_owned()).map_err(wrong)
}

/// Only a name is told to the server, an address is not (RFC 6066 §3).
fn told_name(name: &str) -> Option<&str> {
    matches!(server_name(name), Ok(ServerName::DnsName(_))).then_some(name)
}

/// What the client shows of itself: a key that is not that of its certificate is found now.
/// The file that `SSLKEYLOGFILE` names, if it can be written; rustls says nothing when it can't.
fn secrets() -> Option<Result<PathBuf, Error>> {
    let path = PathBuf::from(std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty())?);
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let failed = |e| Error::new(Kind::WriteLocal, "write the secrets to", path.display(), plain(&e));
    Some(opened.map_err(failed).map(|_| path.clone()))
}
