//! `--lint`: what is wrong with each response, the refused ones included.
//!
//! Owns what is known of the request, the GET that tells how long the body behind an answer to HEAD is, and the verdict.
//! Refuses to know the rules: `proto::http::lint` does.

use std::cell::{Cell, RefCell};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::fetch::{Fetch, shown};
use super::glass::discarding;
use crate::error::{Error, Kind};
use crate::proto::http::date::HttpDate;
use crate::proto::http::lint::{Asked, Body as Came, Seen, Severity, lint};
use crate::proto::http::{Content, Method, Request, Url, Version};
use crate::relay::{Body, Exchange, Glimpse, Onlooker, Outgoing, Terms};
use crate::report::Voice;

/// So many answers to HEAD are compared with what GET brings; nobody follows more redirects by default.
const MOST_HEADS: usize = 16;

/// Judges each response of a run.
pub(super) struct Linter<'a> {
    voice: &'a Voice,
    found_errors: Cell<bool>,
    /// Answers to HEAD, which wait to be compared.
    heads: RefCell<Vec<(Case, Glimpse)>>,
}

/// A request, as far as its response is judged by it.
struct Case {
    method: Method,
    url: Url,
    http10: bool,
    close: bool,
    range: bool,
}

impl Case {
    fn of(request: &Request<'_>) -> Self {
        let http10 = request.version == Version::Http10;
        Case {
            method: request.method,
            url: request.url.clone(),
            http10,
            close: !http10 && !request.keeps_connection(),
            range: request.headers.iter().any(|header| header.name().eq_ignore_ascii_case("range")),
        }
    }
}

impl<'a> Linter<'a> {
    /// Tells `voice` what is wrong.
    pub(super) fn new(voice: &'a Voice) -> Self {
        Linter { voice, found_errors: Cell::new(false), heads: RefCell::default() }
    }

    /// Who looks at the response to `request`.
    pub(super) fn onlooker(&'a self, request: &Request<'_>) -> Onlooker<'a> {
        let case = Case::of(request);
        Box::new(move |glimpse| {
            let waits = case.method == Method::Head && self.heads.borrow().len() < MOST_HEADS;
            if waits && !glimpse.head.is_empty() {
                self.heads.borrow_mut().push((case, glimpse.clone()));
            } else {
                self.judge(&case, glimpse, None);
            }
        })
    }

    /// The verdict over a run; in one that went `well` answers to HEAD are compared with what GET brings.
    pub(super) fn end(&self, fetch: &mut Fetch<'_>, well: bool) -> Result<(), Error> {
        for (case, glimpse) in self.heads.take() {
            let length = if well { length_of_get(fetch, &case) } else { None };
            self.judge(&case, &glimpse, length);
        }
        if self.found_errors.get() { Err(Error::said(Kind::Verdict)) } else { Ok(()) }
    }

    fn judge(&self, case: &Case, glimpse: &Glimpse, get_length: Option<u64>) {
        if glimpse.head.is_empty() {
            return;
        }
        let method = case.method.to_string();
        let Case { url, http10, close, range, .. } = case;
        let asked = Asked { method: &method, url, http10: *http10, close: *close, range: *range, now: now() };
        let body = Came {
            received: glimpse.received,
            end: glimpse.end,
            chunks: glimpse.chunks.as_ref(),
            surplus: glimpse.surplus,
            afterwards: glimpse.afterwards,
            get_length,
        };
        let findings = lint(&Seen { asked, head: &glimpse.head, body });
        self.voice.linted(&method, &shown(url), &findings);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            self.found_errors.set(true);
        }
    }
}

fn now() -> HttpDate {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    HttpDate::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// How long the body of a GET is, by its own word or, if it is short, by count; `None` if that can't be known.
fn length_of_get(fetch: &mut Fetch<'_>, case: &Case) -> Option<u64> {
    // As the user's own request to there would be, or as one that a redirect has led there.
    let asked = fetch.plan.urls.iter().find(|url| url.origin() == case.url.origin()).or(fetch.plan.urls.first())?;
    let request = Request {
        method: Method::Get,
        url: &case.url,
        asked,
        headers: &fetch.plan.ask.headers,
        content: Content::None,
        version: fetch.plan.ask.version,
        keep: true,
        agent: env!("CARGO_PKG_VERSION"),
    };
    let output = discarding(fetch).ok()?;
    let mut connection = fetch.connections.open(&case.url).ok()?;
    let terms = Terms { method: Method::Get, keep: true, idle: fetch.plan.limits.idle, begun: Instant::now() };
    let outgoing = Outgoing::new(request.encode(), Body::None);
    let mut exchange = Exchange::new(fetch.ctx, &mut connection, outgoing, terms);
    let heads = exchange.head(&output).ok().filter(|heads| (200..300).contains(&heads.last.status))?;
    let announced = exchange.length().filter(|_| heads.last.status != 204);
    if announced.is_none() {
        exchange.skip(&output);
    }
    let counted = exchange.whole();
    exchange.end();
    announced.or(counted)
}
