//! The results on their way to standard output.
//!
//! A reader that takes nothing must not stop the clock, and what waits for it must not grow: single answers are left
//! out then, and counted. The summary never is.

use crate::deadline::Deadline;
use crate::error::Error;
use crate::event::ping::{Outcome, Phrase};
use crate::net::Context;
use crate::serve::local::Local;
use crate::stream::stdio::Stdio;

/// The words for the results, and where they go.
pub struct Results<'a> {
    pub(super) local: Local,
    phrase: &'a dyn Phrase,
    left_out: u64,
}

impl<'a> Results<'a> {
    /// In the words of `phrase`, to the output of `local`.
    pub fn new(local: Stdio, phrase: &'a dyn Phrase) -> Self {
        Results { local: Local::new(local), phrase, left_out: 0 }
    }

    /// Another result.
    pub(super) fn put(&mut self, outcome: &Outcome<'_>) {
        if self.local.has_room() || matches!(outcome, Outcome::Summary(..)) {
            self.local.put(self.phrase.phrase(outcome).as_bytes());
        } else {
            self.left_out += 1;
        }
    }

    /// Writes the rest: at the reader's pace, or `soon` at the expense of one that takes nothing.
    pub(super) fn finish(&mut self, ctx: &Context<'_>, soon: bool) -> Result<(), Error> {
        if self.left_out > 0 {
            let n = self.left_out;
            ctx.warn(format_args!("{n} answers were counted but not shown: standard output took nothing meanwhile"));
        }
        if soon { self.local.finish_soon() } else { self.local.finish(ctx, Deadline::NEVER) }
    }
}
