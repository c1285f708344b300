//! URL after URL, redirect after redirect: request, answer, and what follows from it.
//!
//! Owns what is asked next (RFC 9110 §15.4) and what may be asked once more because a kept connection had gone
//! (RFC 9112 §9.3.1). Refuses to open connections and to move bytes.

use std::time::Instant;

use super::connections::Connections;
use super::glass::Survey;
use super::lint::Linter;
use super::places::{Answer, Place, Places};
use super::plan::Plan;
use super::retry::{Came, Retries};
use super::upload::Upload;
use crate::address::Host;
use crate::error::{Error, Kind};
use crate::event::{Event, Http};
use crate::net::Context;
use crate::proto::escape;
use crate::proto::http::auth::Secrets;
use crate::proto::http::{Content, Header, Method, RedirectError, Request, ResponseHead, Scheme, Url};
use crate::relay::{Body, Connection, Exchange, Outgoing, Taking, Terms};
use crate::report::Voice;

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
    /// Who judges how each response is made.
    pub(super) linter: Option<&'a Linter<'a>>,
    /// Of the URL whose turn it is.
    pub(super) retries: Retries,
}

/// One request: that of the user, or what a redirect has made of it.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What the user asked for.
    asked: Url,
    /// What its origin alone may see.
    secrets: Secrets,
    headers: Vec<Header>,
    /// The body goes along.
    pub(super) uploads: bool,
    /// The URLs so far, this one included.
    chain: Vec<Url>,
    /// Another URL follows.
    more: bool,
}

/// An exchange that failed, and whether that may have been the fault of the connection alone.
pub(super) struct Failed {
    pub(super) error: Error,
    is_stale: bool,
    /// Not one byte of the request has left.
    pub(super) is_unsent: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, is_stale: false, is_unsent: false }
    }
}

/// An exchange that is over: whether its connection can be kept, and what it came to.
struct Answered {
    keep: bool,
    came: Came,
}

impl Fetch<'_> {
    /// Fetches every URL of the plan; the first that fails is the last.
    pub(super) fn all(&mut self, places: &mut Places<'_>) -> Result<(), Error> {
        let last = self.plan.urls.len() - 1;
        for (n, url) in self.plan.urls.iter().enumerate() {
            let more = n < last || self.plan.survey.is_some_and(Survey::keeps_connections);
            let place = places.turn(n);
            let mut next = Some(self.first(url, &self.secrets[n], place, more));
            self.retries = Retries(self.plan.retries.clone());
            while let Some(asking) = next {
                next = self.insist(&asking, place)?;
                if let Some(asking) = &next {
                    self.tell_redirect(asking);
                }
            }
            places.over(n)?;
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

    fn first(&self, url: &Url, secrets: &Secrets, place: &Place<'_>, more: bool) -> Asking {
        let ask = &self.plan.ask;
        Asking {
            method: ask.method,
            url: url.clone(),
            asked: url.clone(),
            secrets: secrets.clone(),
            headers: ask.headers.iter().chain(&self.condition).chain(&place.kept.headers()).cloned().collect(),
            uploads: self.upload.content() != Content::None,
            chain: vec![url.clone()],
            more,
        }
    }

    /// One attempt at a request. Gives the one that its response redirects to, or delivers the response.
    pub(super) fn ask(&mut self, asking: &Asking, place: &mut Place<'_>) -> Result<Came, Failed> {
        self.ctx.tell(&Event::Http(Http::Asked(&asking.method, &shown(&asking.url))));
        let begun = Instant::now();
        let opened = self.connections.get(&asking.url);
        let mut connection = opened.map_err(|error| Failed { error, is_stale: false, is_unsent: true })?;
        let answered = match self.exchange(asking, &mut connection, begun, place) {
            Err(failed) if failed.is_stale && self.may_repeat(asking) => {
                self.ctx.tell(&Event::Http(Http::Dropped(&connection.name(), &failed.error.reason)));
                connection = self.connections.open(&asking.url)?;
                self.exchange(asking, &mut connection, begun, place)
            }
            answered => answered,
        };
        let Answered { keep, came } = answered?;
        if keep {
            self.connections.keep(&asking.url, connection);
        }
        Ok(came)
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
        place: &mut Place<'_>,
    ) -> Result<Answered, Failed> {
        let plan = self.plan;
        let desk = Desk { ctx: self.ctx, voice: self.voice, plan };
        let request = self.request(asking);
        let terms = Terms { method: asking.method, keep: request.keeps_connection(), idle: plan.limits.idle, begun };
        let head = plan.encode(&request)?;
        let has_body_again = !asking.uploads || self.upload.can_begin_again();
        let body = if asking.uploads { self.upload.body()? } else { Body::None };
        let mut exchange = Exchange::new(self.ctx, connection, Outgoing::new(head, body), terms)
            .seen_by(self.linter.map(|linter| linter.onlooker(&request)));
        let failed = |error, is_stale| Failed { error, is_stale, is_unsent: false };
        let heads = exchange.head(&place.output).map_err(|error| failed(error.clone(), exchange.is_stale(&error)))?;
        plan.tell_whose(self.ctx, &asking.url, &heads.last)?;
        let is_open = has_body_again && !plan.judge.expects(heads.last.status);
        if is_open && let Some(again) = self.retries.again_after(self.ctx, asking, &heads.last) {
            exchange.skip(&place.output);
            return Ok(Answered { keep: exchange.end().keep, came: Came::Again(again) });
        }
        if plan.answer.heads {
            place.output.write(&heads.raw())?;
        }
        let next = next(plan, asking, &heads.last)?;
        let is_taken = next.is_none() && desk.deliver(&mut exchange, (&asking.url, &heads.last), place)?;
        if !is_taken && asking.is_followed_by(next.as_ref()) {
            exchange.skip(&place.output);
        }
        let keep = exchange.end().keep;
        if next.is_none() {
            plan.judge.verdict(&asking.url, &heads.last)?;
        }
        if let Some(next) = next.as_ref().filter(|next| next.uploads && !self.upload.can_begin_again()) {
            return Err(self.upload.spent(&format!("for {}", shown(&next.url))).into());
        }
        Ok(Answered { keep, came: Came::Answer(next.map(Box::new)) })
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

/// Where an answer that is not followed is taken.
struct Desk<'a> {
    ctx: &'a Context<'a>,
    voice: &'a Voice,
    plan: &'a Plan,
}

impl Desk<'_> {
    /// Has the body behind `head` taken, if it is one that is wanted; tells whether it was.
    fn deliver(
        &self,
        exchange: &mut Exchange<'_>,
        (url, head): (&Url, &ResponseHead),
        place: &mut Place<'_>,
    ) -> Result<bool, Error> {
        let Place { output, kept, .. } = place;
        let answer = &self.plan.answer;
        if answer.fail && head.status >= 400 {
            return Err(refused(url, head));
        }
        if !answer.body {
            return Ok(false);
        }
        let (name, length) = (shown(url), exchange.length());
        let wanted = self.plan.judge.wanted(url, head, length)?;
        let takes = kept.takes(self.ctx, Answer { url: &name, head, length })?;
        let wanted = kept.behind(wanted)?;
        if !takes {
            return wanted.is_there().map(|()| false);
        }
        let bar = kept.bar(self.voice, answer.progress, length);
        exchange.body(Taking::to(output, &|size| bar.at(size)).wanting(wanted))?;
        drop(bar);
        kept.came();
        Ok(true)
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
pub(super) fn refused(url: &Url, head: &ResponseHead) -> Error {
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
