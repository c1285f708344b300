//! What is to be done, as plain values: nothing is opened yet.
//!
//! Owns the conversion from options, and which of them contradict one another.

use super::Args;
use super::judge::{Beside, Judge};
use crate::deadline::Timeouts;
use crate::error::Error;
use crate::net::SocketConfig;
use crate::opts::http::{AnswerArgs, Data};
use crate::proto::http::retry::Backoff;
use crate::proto::http::{Header, Method, Routes, Url, Version};
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
    pub(super) ask: Ask,
    pub(super) answer: Answer,
    pub(super) judge: Judge,
    /// Those of each URL.
    pub(super) retries: Backoff,
    pub(super) routes: Routes,
    pub(super) dial: Dial,
    pub(super) tls: Client,
    pub(super) limits: Timeouts,
}

/// What is asked of each URL.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) headers: Vec<Header>,
    pub(super) version: Version,
    pub(super) data: Data,
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

impl Args {
    pub(super) fn plan(&self) -> Result<Plan, Error> {
        let urls = self.urls.iter().map(|url| Url::parse(url)).collect::<Result<Vec<_>, _>>().map_err(Error::usage)?;
        self.route.refuse_for_unix(self.inet_only())?;
        let limits = self.connect_limit.with(self.limits.timeouts());
        let method = self.request.method()?;
        let beside = Beside { method, urls: urls.len(), fails: self.answer.fails() };
        Ok(Plan {
            urls,
            ask: Ask {
                method,
                headers: self.judge.headers(self.request.headers()?),
                version: self.request.version(),
                data: self.request.data(),
            },
            answer: self.answer(self.answer),
            judge: Judge::new(&self.judge, &beside)?,
            retries: self.judge.retries(),
            routes: self.route.routes(),
            dial: Dial {
                lookup: self.family.lookup(false),
                config: self.config(),
                limit: limits.connect,
                retry_for: None,
            },
            tls: self.tls.client(vec![HTTP_1_1.to_vec()]),
            limits,
        })
    }

    fn answer(&self, args: AnswerArgs) -> Answer {
        Answer {
            heads: args.shows_heads() || self.request.is_head(),
            body: args.takes_body(),
            fail: args.fails(),
            max_redirects: args.max_redirects().into(),
            progress: self.progress.when(self.output.path().is_some()),
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
