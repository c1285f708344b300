//! Requests that are sent once more, after a while.
//!
//! Owns which ones: the attempt has failed in a way that passes, nothing of an answer is written, the request's body is
//! there again, and the wait fits into the deadline of the run. One request is repeated, not the redirects before it:
//! what they have done is done. Refuses to know which failures pass: [`Outcome`] does.

use std::time::{Duration, SystemTime};

use super::fetch::{Asking, Failed, Fetch, refused, shown};
use super::places::Place;
use crate::deadline::Seconds;
use crate::error::Error;
use crate::event::{Event, Http};
use crate::net::Context;
use crate::proto::http::ResponseHead;
use crate::proto::http::retry::{Backoff, Outcome, retry_after};

/// What an attempt came to.
pub(super) enum Came {
    /// To the answer, which redirects to this, if it does.
    Answer(Option<Box<Asking>>),
    /// To nothing yet.
    Again(Again),
}

/// A request is sent again.
pub(super) struct Again {
    /// What came of it so far.
    why: Error,
    wait: Duration,
}

/// The retries that are left for a URL.
#[derive(Debug)]
pub(super) struct Retries(pub(super) Backoff);

impl Fetch<'_> {
    /// One request, sent as often as it takes and is allowed: gives the one that its response redirects to, or delivers
    /// the response.
    pub(super) fn insist(&mut self, asking: &Asking, place: &mut Place<'_>) -> Result<Option<Asking>, Error> {
        loop {
            let written = place.output.written();
            let again = match self.ask(asking, place) {
                Ok(Came::Answer(next)) => return Ok(next.map(|next| *next)),
                Ok(Came::Again(again)) => again,
                Err(failed) if place.output.written() > written => return Err(failed.error),
                Err(failed) => self.again_after(asking, failed)?,
            };
            self.ctx.tell(&Event::Http(Http::Retrying(&again.why, again.wait)));
            place.output.pause(again.wait, "wait to ask again for", &shown(&asking.url))?;
        }
    }

    /// The same request after it has failed, or the failure.
    fn again_after(&mut self, asking: &Asking, failed: Failed) -> Result<Again, Error> {
        let Failed { error, is_unsent, .. } = failed;
        let outcome = Outcome::Failed(error.kind);
        let is_worth_it = outcome.is_worth_a_retry(is_unsent || asking.method.is_idempotent());
        let has_body = !asking.uploads || self.upload.can_begin();
        let wait = (is_worth_it && has_body).then(|| self.retries.wait(self.ctx, None)).flatten();
        wait.map(|wait| Again { why: error.clone(), wait }).ok_or(error)
    }
}

impl Retries {
    /// The same request after the answer `head`, which is not taken then.
    pub(super) fn again_after(&mut self, ctx: &Context<'_>, asking: &Asking, head: &ResponseHead) -> Option<Again> {
        if !Outcome::Status(head.status).is_worth_a_retry(asking.method.is_idempotent()) {
            return None;
        }
        let asked = head.get("retry-after").and_then(|value| retry_after(value, SystemTime::now().into()));
        self.wait(ctx, asked).map(|wait| Again { why: refused(&asking.url, head), wait })
    }

    /// The next wait, if there is one and it leaves time for more.
    fn wait(&mut self, ctx: &Context<'_>, asked: Option<Duration>) -> Option<Duration> {
        let wait = self.0.next_asked(asked)?;
        match ctx.deadline.left() {
            Some(left) if left <= wait => {
                if !left.is_zero() {
                    ctx.warn(format_args!("not tried again: after {} --deadline would have passed", Seconds(wait)));
                }
                None
            }
            _ => Some(wait),
        }
    }
}
