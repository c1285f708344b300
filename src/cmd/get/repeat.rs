//! `--repeat`: everything is asked again and again, over a new connection and the same one again by turns.
//!
//! Owns the turns and the pace, and which failure ends the run. Refuses to measure: the glass has looked on.

use std::time::{Duration, Instant};

use super::fetch::Fetch;
use super::glass::ends_the_run;
use super::places::Places;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::report::repeats::Repeats;
use crate::report::waterfall::Glass;

/// Nobody waits longer, and no clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often everything is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    times: u64,
    /// From the beginning of a turn to that of the next.
    interval: Duration,
}

/// Asks, and tells what came of it however it ended. The first failure is that of the run.
pub(super) fn run(repeat: Repeat, glass: &Glass<'_>, mut fetch: Fetch<'_>) -> Result<(), Error> {
    let mut repeats = Repeats::default();
    let end = repeat.turns(glass, &mut fetch, &mut repeats);
    fetch.ctx.signals.next_one_kills();
    let told = fetch.voice.repeated(&repeats);
    end.and(told)
}

impl Repeat {
    /// So many times, so far apart.
    pub(super) fn of((times, interval): (u64, Duration)) -> Self {
        Repeat { times, interval: interval.min(LONGEST) }
    }

    /// Whether anything is asked a second time.
    pub(super) fn is_more_than_once(self) -> bool {
        self.times > 1
    }

    fn turns(self, glass: &Glass<'_>, fetch: &mut Fetch<'_>, repeats: &mut Repeats) -> Result<(), Error> {
        let mut places = Places::nowhere(fetch.ctx, fetch.plan)?;
        let mut outcome = Ok(());
        let mut next = Instant::now();
        for turn in 0..self.times {
            let pause = next.saturating_duration_since(Instant::now());
            fetch
                .ctx
                .pause(pause, Deadline::NEVER)
                .map_err(|cut| cut.during("wait for the next turn of", "--repeat"))?;
            next = Instant::now() + self.interval;
            if turn % 2 == 0 {
                fetch.connections.forget();
            }
            let came = fetch.all(&mut places);
            glass.take().iter().for_each(|seen| repeats.add(seen));
            if let Err(error) = came {
                if ends_the_run(fetch.ctx, &error) {
                    return Err(error);
                }
                repeats.failed(&glass.asked(), &error);
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }
}
