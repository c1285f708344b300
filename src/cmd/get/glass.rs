//! What is asked for the sake of the figures: the body goes nowhere, and a table is the result.
//!
//! Owns which survey it is, and what ends one early. Refuses to measure: the glass that looks on has done that.

use super::fetch::Fetch;
use super::repeat::Repeat;
use super::{addresses, repeat};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::opts::http::GlassArgs;
use crate::report::waterfall::Glass;

/// A run whose result is a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Survey {
    /// Everything is asked again and again.
    Repeat(Repeat),
    /// Each address of a name is asked.
    Addresses,
}

impl Survey {
    /// The one that is asked for, if any is.
    pub(super) fn of(args: GlassArgs) -> Option<Self> {
        if args.all() {
            return Some(Survey::Addresses);
        }
        args.repeat().map(Repeat::of).map(Survey::Repeat)
    }

    /// Why a body is needed a second time, if it is.
    pub(super) fn asks_again(self) -> Option<&'static str> {
        match self {
            Survey::Repeat(repeat) => repeat.is_more_than_once().then_some("for --repeat"),
            Survey::Addresses => Some("for --all"),
        }
    }

    /// Whether the last connection is asked again too.
    pub(super) fn keeps_connections(self) -> bool {
        matches!(self, Survey::Repeat(_))
    }

    /// Asks, and tells what came of it however it ended.
    pub(super) fn run(self, glass: &Glass<'_>, fetch: Fetch<'_>) -> Result<(), Error> {
        match self {
            Survey::Repeat(repeat) => repeat::run(repeat, glass, fetch),
            Survey::Addresses => addresses::run(glass, fetch),
        }
    }
}

/// Whether the next request would fail in the same way, or nobody wants it any more.
pub(super) fn ends_the_run(ctx: &Context<'_>, error: &Error) -> bool {
    let is_ours = matches!(error.kind, Kind::Usage | Kind::ReadLocal | Kind::WriteLocal | Kind::OutputGone);
    is_ours || matches!(error.kind, Kind::Signal(_)) || ctx.deadline.expired().is_some()
}
