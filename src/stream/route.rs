//! The way to a peer as a list of wraps: connect, a proxy, STARTTLS, then TLS.
//!
//! Owns their order and the one time limit over all of them. Refuses to know how any of them works.

use super::Stream;
use super::dial::{self, Dial};
use super::proxy::Through;
use super::starttls::StartTls;
use super::tls::ReadyClient;
use crate::address::{Endpoint, Host};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::net::Context;

/// How to reach a peer.
#[derive(Clone, Debug)]
pub struct Route {
    /// The connection itself. Its limit holds for the whole way.
    pub dial: Dial,
    /// The proxy on the way: it is connected to in place of the endpoint.
    pub proxy: Option<Through>,
    /// How the peer is asked for TLS first, in plain text.
    pub starttls: Option<StartTls>,
    /// What to encrypt it by.
    pub tls: Option<ReadyClient>,
}

impl Route {
    /// Goes the whole way to `endpoint`.
    pub fn open(&self, ctx: &Context<'_>, endpoint: &Endpoint) -> Result<Stream, Error> {
        self.open_as(ctx, endpoint, &name_of(endpoint))
    }

    /// The same to a peer whose certificate is to be for `name`, whatever it is reached by.
    pub fn open_as(&self, ctx: &Context<'_>, endpoint: &Endpoint, name: &str) -> Result<Stream, Error> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.can_ask_for(name))?;
        dial::retrying(ctx, &self.dial, |limit| {
            let mut stream = self.connect(ctx, endpoint, limit)?;
            if let Some(starttls) = &self.starttls {
                starttls.agree(ctx, &mut stream, name, limit)?;
            }
            match &self.tls {
                Some(tls) => tls.wrap(ctx, stream, name, limit),
                None => Ok(stream),
            }
        })
    }

    /// A connection to the endpoint, or through the proxy.
    fn connect(&self, ctx: &Context<'_>, endpoint: &Endpoint, limit: Deadline) -> Result<Stream, Error> {
        let Some(through) = &self.proxy else { return dial::once(ctx, endpoint, &self.dial, limit) };
        let proxy = Endpoint::Inet(through.at.clone());
        let mut stream = dial::once(ctx, &proxy, &self.dial, limit).map_err(|error| through.unreached(error))?;
        through.lead(ctx, &mut stream, limit)?;
        Ok(stream)
    }
}

/// What the peer's certificate is to be for.
fn name_of(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Inet(target) => name_of_host(&target.host),
        // Whoever shares the machine is no name: `--tls-name` gives one.
        Endpoint::Unix(_) => String::new(),
    }
}

/// A zone means something to this machine alone (RFC 4007 §11.2).
pub(super) fn name_of_host(host: &Host) -> String {
    host.to_string().split('%').next().unwrap_or_default().to_owned()
}
