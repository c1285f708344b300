//! What is to be done, as plain values: nothing is opened yet.
//!
//! Owns the conversion from options, and which of them contradict one another.

use super::Args;
use super::glass::Survey;
use super::judge::{Beside, Judge};
use super::who;
use crate::deadline::Timeouts;
use crate::error::Error;
use crate::net::SocketConfig;
use crate::opts::http::{AnswerArgs, Condition, Data, Files};
use crate::proto::http::retry::Backoff;
use crate::proto::http::{Header, Method, Proxies, Routes, Url, UrlError, UserInfo, Version};
use crate::report::bar::When;
use crate::stream::dial::Dial;
use crate::stream::tls::Client;

/// The application protocol that is offered to https servers (RFC 7301 §6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// Everything that the requests of a run have in common.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// At least one.
    pub(super) urls: Vec<Url>,
    /// Who asks, where a URL says it; in the order of the URLs.
    pub(super) user_infos: Vec<Option<UserInfo>>,
    pub(super) ask: Ask,
    pub(super) answer: Answer,
    /// A redirect may lead from https to http.
    pub(super) downgrade: bool,
    pub(super) files: Files,
    pub(super) judge: Judge,
    /// Those of each URL.
    pub(super) retries: Backoff,
    pub(super) routes: Routes,
    pub(super) proxies: Proxies,
    pub(super) dial: Dial,
    pub(super) tls: Client,
    pub(super) limits: Timeouts,
    /// What is asked for the sake of the figures.
    pub(super) survey: Option<Survey>,
}

/// What is asked of each URL.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) headers: Vec<Header>,
    pub(super) version: Version,
    pub(super) data: Data,
    pub(super) condition: Option<Condition>,
}

/// Which answers are taken, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// The heads are written to the output.
    pub(super) heads: bool,
    /// The body is.
    pub(super) body: bool,
    /// A status of 400 or more is a failure.
    pub(super) fail: bool,
    /// With 0, a redirect is an answer.
    pub(super) max_redirects: usize,
    /// When the body's progress is shown.
    pub(super) progress: When,
}

impl Plan {
    /// Whether what is written is the bodies of GET requests, as they come, and nothing else.
    pub(super) fn is_plain_get(&self) -> bool {
        self.ask.method == Method::Get && self.answer.body && !self.answer.heads && !self.judge.decodes()
    }
}

impl Args {
    pub(super) fn plan(&self) -> Result<Plan, Error> {
        let targets = self.urls.iter().map(|typed| target(typed)).collect::<Result<Vec<_>, _>>();
        let (urls, user_infos): (Vec<_>, Vec<_>) = targets.map_err(Error::usage)?.into_iter().unzip();
        let mut headers = self.request.headers()?;
        who::refuse_twice(&self.credentials, &headers, &user_infos)?;
        headers.extend(self.credentials.user_agent()?);
        self.route.refuse_for_unix(self.inet_only())?;
        let routes = self.route.routes();
        let mut proxies = self.proxy.proxies(routes.unix.is_some())?;
        proxies.take_authorization(&mut headers);
        let limits = self.connect_limit.with(self.limits.timeouts());
        let method = self.request.method()?;
        let files = self.files.files(&urls, method, &headers)?;
        let beside = Beside { method, urls: urls.len(), fails: self.answer.fails() };
        let plan = Plan {
            urls,
            user_infos,
            files,
            ask: Ask {
                method,
                headers: self.judge.headers(headers),
                version: self.request.version(),
                data: self.request.data(),
                condition: self.credentials.condition()?,
            },
            answer: self.answer(self.answer),
            judge: Judge::new(&self.judge, &beside)?,
            retries: self.judge.retries(),
            downgrade: self.answer.may_downgrade(),
            routes,
            proxies,
            dial: Dial {
                lookup: self.family.lookup(false),
                config: self.config(),
                limit: limits.connect,
                retry_for: None,
            },
            tls: self.tls.client(vec![HTTP_1_1.to_vec()]),
            limits,
            survey: Survey::of(self.glass),
        };
        plan.check_ways()?;
        Ok(plan)
    }

    fn answer(&self, args: AnswerArgs) -> Answer {
        Answer {
            heads: args.shows_heads() || self.request.is_head(),
            body: args.takes_body(),
            fail: args.fails(),
            max_redirects: args.max_redirects().into(),
            progress: self.progress.when(self.files.has_file()),
        }
    }

    fn config(&self) -> SocketConfig {
        self.reuse.with(self.stream.with(self.source.with(self.socket.config())))
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let addresses = self.family.inet_only().chain(self.source.inet_only());
        addresses.chain(self.socket.inet_only()).chain(self.stream.inet_only())
    }
}

/// A URL as it was typed, and who asks, if it says so.
fn target(typed: &str) -> Result<(Url, Option<UserInfo>), UrlError> {
    let (url, info) = UserInfo::cut(typed)?;
    Url::parse(&url).map(|url| (url, info))
}
