//! `--ping` of `connect` and `udp-send`: standard output for the results, and SIGUSR1 for those so far.

use super::session::answer_report_requests;
use crate::error::Error;
use crate::net::Context;
use crate::report::Voice;
use crate::serve::ping::{Plan, Results, SMALLEST_DATAGRAM, over_datagrams, over_stream};
use crate::serve::place::Target;
use crate::stream::Stream;
use crate::stream::stdio::{Input, Output, Stdio};

/// Through the connection that `open` makes.
pub(super) fn through(
    ctx: &Context<'_>,
    voice: &Voice,
    plan: Plan,
    open: impl FnOnce() -> Result<Stream, Error>,
) -> Result<(), Error> {
    let results = results(ctx, voice)?;
    over_stream(ctx, plan, open()?, results)
}

/// With datagrams to the target that `open` finds.
pub(super) fn with_datagrams(
    ctx: &Context<'_>,
    voice: &Voice,
    plan: Plan,
    open: impl FnOnce() -> Result<Target, Error>,
) -> Result<(), Error> {
    if plan.size < SMALLEST_DATAGRAM {
        let reason = format!("--size {}: a probe of fewer than {SMALLEST_DATAGRAM} bytes can't be numbered", plan.size);
        return Err(Error::usage(reason));
    }
    let results = results(ctx, voice)?;
    over_datagrams(ctx, plan, &open()?, results)
}

fn results<'a>(ctx: &Context<'_>, voice: &'a Voice) -> Result<Results<'a>, Error> {
    answer_report_requests(ctx)?;
    Ok(Results::new(Stdio::open(Input::Nothing, Output::Stdout)?, voice))
}
