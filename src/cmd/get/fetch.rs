//! URL after URL, redirect after redirect: request, answer, and what follows from it.
//!
//! Owns what is asked next (RFC 9110 §15.4) and what may be asked once more because a kept connection had gone
//! (RFC 9112 §9.3.1). Refuses to open connections and to move bytes.

use std::time::Instant;

use super::connections::Connections;
use super::plan::Plan;
use super::upload::Upload;
use crate::address::Host;
use crate::error::{Error, Kind};
use crate::event::{Event, Http};
use crate::net::Context;
use crate::proto::escape;
use crate::proto::http::auth::Secrets;
use crate::proto::http::{Content, Header, Method, RedirectError, Request, ResponseHead, Scheme, Url};
use crate::relay::{Body, Connection, Delivery, Exchange, Outgoing, Taking, Terms};
use crate::report::Voice;
use crate::report::bar::Bar;

/// So much of each URL is shown where a chain of them is told.
const SHOWN: usize = 100;

/// A run of `get`.
pub(super) struct Fetch<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) voice: &'a Voice,
    pub(super) plan: &'a Plan,
    /// Of each URL of the plan, in their order.
    pub(super) secrets: Vec<Secrets>,
    pub(super) condition: Option<Header>,
    pub(super) connections: Connections<'a>,
    pub(super) upload: Upload,
}

/// One request: that of the user, or what a redirect has made of it.
#[derive(Clone)]
struct Asking {
    method: Method,
    url: Url,
    /// What the user asked for.
    asked: Url,
    /// What its origin alone may see.
    secrets: Secrets,
    headers: Vec<Header>,
    /// The body goes along.
    uploads: bool,
    /// The URLs so far, this one included.
    chain: Vec<Url>,
    /// Another URL follows.
    more: bool,
}

/// An exchange that failed, and whether that may have been the fault of the connection alone.
struct Failed {
    error: Error,
    is_stale: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, is_stale: false }
    }
}

/// What an exchange came to: whether its connection can be kept, and what is asked next.
struct Answered {
    keep: bool,
    next: Option<Asking>,
}

impl Fetch<'_> {
    /// Fetches every URL of the plan; the first that fails is the last.
    pub(super) fn all(&mut self, output: &mut Delivery<'_>) -> Result<(), Error> {
        let last = self.plan.urls.len() - 1;
        for (n, url) in self.plan.urls.iter().enumerate() {
            let mut next = Some(self.first(url, &self.secrets[n], n < last));
            while let Some(asking) = next {
                next = self.ask(&asking, output)?;
                if let Some(asking) = &next {
                    self.tell_redirect(asking);
                }
            }
        }
        Ok(())
    }

    fn tell_redirect(&self, asking: &Asking) {
        self.ctx.tell(&Event::Http(Http::Redirect(&asking.url)));
        if asking.secrets.withholds(&asking.url, &asking.headers) {
            self.ctx.tell(&Event::Http(Http::Withheld(&asking.asked)));
        }
        if let [.., before, now] = &asking.chain[..]
            && (before.scheme(), now.scheme()) == (Scheme::Https, Scheme::Http)
        {
            self.ctx.warn("redirected from https to http: anybody on the way can read and change what comes now");
        }
    }

    fn first(&self, url: &Url, secrets: &Secrets, more: bool) -> Asking {
        let ask = &self.plan.ask;
        Asking {
            method: ask.method,
            url: url.clone(),
            asked: url.clone(),
            secrets: secrets.clone(),
            headers: ask.headers.iter().chain(&self.condition).cloned().collect(),
            uploads: self.upload.content() != Content::None,
            chain: vec![url.clone()],
            more,
        }
    }

    /// One request. Gives the one that its response redirects to, or delivers the response.
    fn ask(&mut self, asking: &Asking, output: &mut Delivery<'_>) -> Result<Option<Asking>, Error> {
        let begun = Instant::now();
        let mut connection = self.connections.get(&asking.url)?;
        let answered = match self.exchange(asking, &mut connection, begun, output) {
            Err(failed) if failed.is_stale && self.may_repeat(asking) => {
                self.ctx.tell(&Event::Http(Http::Dropped(&connection.name(), &failed.error.reason)));
                connection = self.connections.open(&asking.url)?;
                self.exchange(asking, &mut connection, begun, output)
            }
            answered => answered,
        };
        let Answered { keep, next } = answered.map_err(|failed| failed.error)?;
        if keep {
            self.connections.keep(&asking.url, connection);
        }
        Ok(next)
    }

    /// Whether a request of which nobody knows whether it has arrived may be sent again.
    fn may_repeat(&self, asking: &Asking) -> bool {
        asking.method.is_idempotent() && (!asking.uploads || self.upload.can_begin_again())
    }

    fn exchange(
        &mut self,
        asking: &Asking,
        connection: &mut Connection,
        begun: Instant,
        output: &mut Delivery<'_>,
    ) -> Result<Answered, Failed> {
        let (plan, voice) = (self.plan, self.voice);
        let request = self.request(asking);
        let terms = Terms { method: asking.method, keep: request.keeps_connection(), idle: plan.limits.idle, begun };
        let head = request.encode();
        let body = if asking.uploads { self.upload.body()? } else { Body::None };
        let mut exchange = Exchange::new(self.ctx, connection, Outgoing::new(head, body), terms);
        let heads = exchange.head(output).map_err(|error| Failed { is_stale: exchange.is_stale(&error), error })?;
        if plan.answer.heads {
            output.write(&heads.raw())?;
        }
        let next = next(plan, asking, &heads.last)?;
        if next.is_none() && plan.answer.fail && heads.last.status >= 400 {
            return Err(refused(&asking.url, &heads.last).into());
        }
        if next.is_none() && plan.answer.body {
            if heads.last.status == 304 {
                output.spare();
            }
            let bar = Bar::new(voice, plan.answer.progress, exchange.length());
            exchange.body(Taking::to(output, &|size| bar.at(size)))?;
        } else if asking.is_followed_by(next.as_ref()) {
            exchange.skip(output);
        }
        let keep = exchange.end().keep;
        if let Some(next) = next.as_ref().filter(|next| next.uploads && !self.upload.can_begin_again()) {
            return Err(self.upload.spent(&format!("for {}", shown(&next.url))).into());
        }
        Ok(Answered { keep, next })
    }

    fn request<'r>(&self, asking: &'r Asking) -> Request<'r> {
        Request {
            method: asking.method,
            url: &asking.url,
            secrets: &asking.secrets,
            headers: &asking.headers,
            content: if asking.uploads { self.upload.content() } else { Content::None },
            version: self.plan.ask.version,
            // After the last one nothing is asked, unless a redirect is followed.
            keep: asking.more || self.plan.answer.max_redirects > 0,
            agent: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What the answer to `asking` redirects to; `None` if it is the answer.
fn next(plan: &Plan, asking: &Asking, head: &ResponseHead) -> Result<Option<Asking>, Error> {
    let most = plan.answer.max_redirects;
    let Some(location) = head.redirect().filter(|_| most > 0) else { return Ok(None) };
    if asking.chain.len() > most {
        let all: Vec<_> = asking.chain.iter().map(shown).collect();
        let reason = format!("more than {most} redirects: {}", all.join(" -> "));
        return Err(Error::new(Kind::Redirects, "get", shown(&asking.asked), reason));
    }
    let url = target(plan, asking, location)?;
    // A name that the address grammar refuses is the server's mistake here, not the user's.
    let unusable = |e| Error::new(Kind::Malformed, "get", shown(&asking.url), format_args!("redirect refused: {e}"));
    url.host().parse::<Host>().map_err(unusable)?;
    Ok(Some(asking.redirected(url, head.status)))
}

/// Where a redirect leads.
fn target(plan: &Plan, asking: &Asking, location: &[u8]) -> Result<Url, Error> {
    let url = &asking.url;
    let target = if plan.downgrade { url.redirect_even_down(location) } else { url.redirect(location) };
    target.map_err(|why| {
        let refused = Error::new(Kind::Malformed, "get", shown(url), &why);
        if why == RedirectError::Downgrade { refused.hint("--allow-downgrade follows it") } else { refused }
    })
}

impl Asking {
    /// Whether its connection has a use after it, if `next` is what its answer redirects to.
    fn is_followed_by(&self, next: Option<&Asking>) -> bool {
        next.map_or(self.more, |next| next.url.origin() == self.url.origin())
    }

    /// The request that follows a redirect by `status` to `url`. A method that changes leaves the body behind, and what
    /// the headers say of it.
    fn redirected(&self, url: Url, status: u16) -> Asking {
        let method = self.method.redirected(status);
        let uploads = self.uploads && method == self.method;
        let mut headers = self.headers.clone();
        headers.retain(|header| method == self.method || !header.describes_content());
        let chain = self.chain.iter().chain([&url]).cloned().collect();
        Asking { method, url, headers, uploads, chain, ..self.clone() }
    }
}

/// The error of a status under --fail.
fn refused(url: &Url, head: &ResponseHead) -> Error {
    let reason = format!("the server answered {} {}", head.status, escape(&head.reason));
    Error::new(Kind::HttpStatus, "get", shown(url), reason.trim_end())
}

/// A URL for people: a server can make it longer than any screen. It is ASCII.
pub(super) fn shown(url: &Url) -> String {
    let text = url.to_string();
    match text.get(..SHOWN) {
        Some(start) if text.len() > SHOWN => format!("{start}..."),
        _ => text,
    }
}
