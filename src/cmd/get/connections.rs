//! The connections of a run: made where there is none, kept for the next request to the same origin.
//!
//! Owns that a connection serves its own origin alone (scheme, host and port), also where several lead to the same
//! address: what TLS has proved of one it has not of another.

use super::plan::Plan;
use crate::error::Error;
use crate::event::{Event, Http};
use crate::net::Context;
use crate::proto::http::{Origin, Scheme, Url};
use crate::relay::{Connection, Spent};
use crate::stream::Stream;
use crate::stream::route::Route;
use crate::stream::tls::ReadyClient;

/// More origins than this are not kept waiting; the one that has waited longest goes.
const MOST: usize = 8;

/// Connections that wait for their next request.
pub(super) struct Connections<'a> {
    ctx: &'a Context<'a>,
    plan: &'a Plan,
    idle: Vec<(Origin, Connection)>,
    /// Ready once the first URL has needed it.
    tls: Option<ReadyClient>,
}

impl<'a> Connections<'a> {
    /// None yet; `tls` is ready if one of the URLs needs it.
    pub(super) fn new(ctx: &'a Context<'a>, plan: &'a Plan, tls: Option<ReadyClient>) -> Self {
        Connections { ctx, plan, idle: Vec::new(), tls }
    }

    /// A connection for `url`: one that is kept and well, or a new one.
    pub(super) fn get(&mut self, url: &Url) -> Result<Connection, Error> {
        let kept = self.idle.iter().position(|(origin, _)| *origin == url.origin());
        match kept.map(|at| self.idle.remove(at).1) {
            Some(connection) => self.checked(connection).map_or_else(|| self.open(url), Ok),
            None => self.open(url),
        }
    }

    /// A new connection for `url`.
    pub(super) fn open(&mut self, url: &Url) -> Result<Connection, Error> {
        self.stream(url).map(Connection::new)
    }

    /// Keeps `connection` for the next request to the origin of `url`.
    pub(super) fn keep(&mut self, url: &Url, connection: Connection) {
        if self.idle.len() == MOST {
            self.idle.remove(0);
        }
        self.idle.push((url.origin(), connection));
    }

    /// What TLS needs, where it has been made ready.
    pub(super) fn ready(&self) -> Option<ReadyClient> {
        self.tls.clone()
    }

    /// Closes what is kept: the next request has a new connection.
    pub(super) fn forget(&mut self) {
        self.idle.clear();
    }

    /// The kept connection if it can be used, which is told either way.
    fn checked(&self, mut connection: Connection) -> Option<Connection> {
        let why = match connection.check_idle() {
            Ok(()) => {
                self.ctx.tell(&Event::Http(Http::Reused(&connection.name())));
                return Some(connection);
            }
            Err(Spent::Closed) => "the server has closed it",
            Err(Spent::Unasked) => "the server has sent what nobody asked for",
        };
        self.ctx.tell(&Event::Http(Http::Dropped(&connection.name(), &why)));
        None
    }

    /// The stream to the origin of `url`, ready for its requests: the one place where a proxy and TLS come in. An origin is always
    /// reached in the same way, so that a kept connection to a proxy is only asked for what it was made for.
    /// However the origin is reached, its certificate is to be for the host of the URL (RFC 9110 §4.3.4).
    fn stream(&mut self, url: &Url) -> Result<Stream, Error> {
        let (endpoint, proxy) = self.plan.way(self.ctx, url)?;
        let tls = match url.scheme() {
            Scheme::Https => Some(self.tls()?),
            Scheme::Http => None,
        };
        let route = Route { dial: self.plan.dial.clone(), proxy, starttls: None, tls };
        route.open_as(self.ctx, &endpoint, url.host())
    }

    /// The roots are read for the first URL that needs them, and once.
    fn tls(&mut self) -> Result<ReadyClient, Error> {
        let ready = self.tls.take().map_or_else(|| self.plan.tls.prepare(), Ok);
        ready.map(|ready| self.tls.insert(ready).clone())
    }
}
