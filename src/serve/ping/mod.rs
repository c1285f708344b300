//! `--ping`: probes to an echo service, and the measure of what comes back.
//!
//! One loop over the schedule, the socket and standard output, in which none waits for another: a missing answer does
//! not hold up the next probe, and an output that takes nothing does not hold up the clock. What is sent and what came
//! back is judged without a socket or a clock (`probe`, `frames`, `tally`, `times`, `schedule`); `over_stream` and
//! `over_datagrams` carry it. Refuses to word: `event::ping::Phrase` does.

mod carrier;
mod frames;
mod over_datagrams;
mod over_stream;
mod probe;
mod results;
mod run;
mod schedule;
mod tally;

use std::time::Duration;

use super::place::Target;
use crate::deadline::Bound;
use crate::error::Error;
use crate::net::Context;
use crate::stream::Stream;
use over_datagrams::OverDatagrams;
use over_stream::OverStream;
use probe::Probes;
use run::Run;

pub use results::Results;

/// A datagram must have room for a probe's header, which alone tells which one it is.
pub const SMALLEST_DATAGRAM: usize = probe::HEADER;

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many probes; without a number, until a signal.
    pub count: Option<u64>,
    /// From one probe to the next; zero is: once the last one has come back, or has had its time to.
    pub interval: Duration,
    /// Bytes of a probe, at least one.
    pub size: usize,
    /// How long an answer may take, and whose limit that is.
    pub limit: Bound,
}

/// Measures through `stream`, which is ended then.
pub fn over_stream(ctx: &Context<'_>, plan: Plan, stream: Stream, results: Results<'_>) -> Result<(), Error> {
    let carrier = OverStream::new(stream, Probes::new(plan.size));
    Run::new(ctx, plan, carrier, results).run()
}

/// Measures with datagrams to `target`, of at least [`SMALLEST_DATAGRAM`] bytes.
pub fn over_datagrams(ctx: &Context<'_>, plan: Plan, target: &Target, results: Results<'_>) -> Result<(), Error> {
    let carrier = OverDatagrams::new(target, Probes::new(plan.size))?;
    Run::new(ctx, plan, carrier, results).run()
}
