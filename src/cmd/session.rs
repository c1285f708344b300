//! The last two verbs of `connect` and `listen`: move the bytes, tell what came of it.
//!
//! Owns what is shown of a session while it runs and at its end. Refuses to open anything.

use crate::error::{Error, Kind};
use crate::event::Event;
use crate::net::Context;
use crate::opts::account::AccountArgs;
use crate::opts::progress::ProgressArgs;
use crate::relay::{Policy, Taps, Transfer, duplex};
use crate::report::Voice;
use crate::report::bar::{Bar, When};
use crate::report::watch::Watched;
use crate::stream::Stream;
use crate::stream::stdio::Stdio;

/// What is shown of a session, and by whom.
pub(super) struct Shown<'a> {
    pub(super) voice: &'a Voice,
    pub(super) account: AccountArgs,
    pub(super) progress: ProgressArgs,
    pub(super) taps: &'a Taps<'a>,
}

/// From now on SIGUSR1 asks for the account; one that comes before the session is answered when that begins.
pub(super) fn answer_report_requests(ctx: &Context<'_>) -> Result<(), Error> {
    let answered = ctx.signals.answer_report_requests();
    answered.map_err(|e| Error::io(Kind::Usage, "install", "the handler of SIGUSR1", &e))
}

/// Moves bytes until the session is over. The account is told however it ended, before the error is.
pub(super) fn run(
    ctx: &Context<'_>,
    shown: &Shown<'_>,
    local: Stdio,
    remote: Stream,
    policy: Policy,
) -> Result<(), Error> {
    let asked = shown.account.stats;
    let policy = Policy {
        account: asked || shown.voice.settings().verbose > 0,
        progress: shown.progress.when(false) != When::Never,
        ..policy
    };
    let Transfer { account, outcome } = shown.transfer(ctx, local, remote, &policy);
    ctx.tell(&Event::Account { account: &account, asked });
    outcome
}

impl Shown<'_> {
    /// Both streams are closed and the bar is gone when this is over: nobody has to wait for our words.
    fn transfer(&self, ctx: &Context<'_>, local: Stdio, mut remote: Stream, policy: &Policy) -> Transfer {
        // Translated line ends make more bytes than the file has.
        let total = local.input_left().filter(|_| !policy.crlf);
        let bar = Bar::new(self.voice, self.progress.when(false), total);
        let watched = Watched::new(self.voice, bar, total.is_some());
        let ctx = Context { tell: &watched, ..*ctx };
        duplex(&ctx, &mut Stream::Stdio(local), &mut remote, policy, self.taps)
    }
}
