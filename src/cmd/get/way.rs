//! The way to the origin of a URL: straight, or through a proxy, which then reads the requests or opens a tunnel.
//!
//! Owns which of them it is, and what a request looks like there. As in curl, a proxy reads the requests of http:// URLs,
//! unless --connect-to sends them to somebody whom their lines do not name. Refuses to go the way.

use super::plan::Plan;
use crate::address::Endpoint;
use crate::error::Error;
use crate::event::{Event, proxy as told};
use crate::net::Context;
use crate::proto::http::{Request, ResponseHead, Scheme, Url, connect};
use crate::stream::proxy::{Service, Through};

impl Plan {
    /// Refuses proxies that one of the URLs needs and that can't be used.
    pub(super) fn check_ways(&self) -> Result<(), Error> {
        self.urls.iter().try_for_each(|url| self.through(url).map(drop))
    }

    /// Whom to connect to for `url`, and the proxy on the way.
    pub(super) fn way(&self, ctx: &Context<'_>, url: &Url) -> Result<(Endpoint, Option<Through>), Error> {
        let Some(through) = self.through(url)? else {
            if self.proxies.bypasses(url) {
                ctx.tell(&Event::Proxy(told::Proxy::Bypassed(&self.routes.target(url).map_err(Error::usage)?)));
            }
            return Ok((self.routes.endpoint(url).map_err(Error::usage)?, None));
        };
        if self.routes.resolved(&through.target).is_some() {
            ctx.warn(format_args!("--resolve has no say about {}: the proxy looks that name up", through.target));
        }
        Ok((Endpoint::Inet(through.target.clone()), Some(through)))
    }

    /// The bytes of `request` for whoever reads it: its origin, or the proxy before that.
    pub(super) fn encode(&self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let through = self.through(request.url)?.filter(|through| through.service == Service::Forward);
        Ok(through.map_or_else(|| request.encode(), |through| request.encode_for(&through.proxy)))
    }

    /// Says whose answer it is if it is a proxy that wants credentials: it is delivered like that of the origin.
    pub(super) fn tell_whose(&self, ctx: &Context<'_>, url: &Url, head: &ResponseHead) -> Result<(), Error> {
        let Some(through) = self.through(url)?.filter(|through| through.service == Service::Forward) else {
            return Ok(());
        };
        let had_credentials = through.proxy.authorization().is_some();
        if let Some(advice) = connect::advice(head, had_credentials) {
            ctx.warn(format_args!("407 is the answer of the proxy {}; {advice}", through.proxy));
        }
        Ok(())
    }

    fn through(&self, url: &Url) -> Result<Option<Through>, Error> {
        let Some((proxy, named_by)) = self.proxies.for_url(url).map_err(Error::usage)? else { return Ok(None) };
        let is_read = url.scheme() == Scheme::Http && !self.routes.is_detour(url);
        let service = if is_read { Service::Forward } else { Service::Tunnel };
        let target = self.routes.target(url).map_err(Error::usage)?;
        let at = self.routes.resolved(proxy.address()).unwrap_or_else(|| proxy.address().clone());
        Ok(Some(Through { proxy: proxy.clone(), named_by, service, at, target }))
    }
}
