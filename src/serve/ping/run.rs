//! The loop over the schedule, the socket and standard output, and the verdict at its end.

use std::fmt::Display;
use std::time::{Duration, Instant};

use super::Plan;
use super::carrier::{Arrival, Came, Carrier, Sending};
use super::results::Results;
use super::schedule::Schedule;
use super::tally::Tally;
use crate::deadline::{Deadline, Expired};
use crate::error::{Error, Kind};
use crate::event::ping::{Answer, Outcome, Summary};
use crate::event::{Event, Ping};
use crate::net::{Context, Cut, SocketName};
use crate::sys::poll::Interest;
use crate::sys::signals::is_polite_end;

/// So many arrivals are taken before the schedule has its turn.
const TURN: usize = 64;

/// A kernel without buffers is asked again this often.
const NO_BUFFERS_PAUSE: Duration = Duration::from_millis(5);

/// How much longer than an answer may take a peer that never pauses is listened to.
const OVERTIME: Duration = Duration::from_secs(1);

/// A well-behaved end of the measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All probes went out, and came back or had their time to.
    Complete,
    /// A run without an end of its own was told to end.
    Told,
}

/// Why the next probe has not gone out whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocked {
    Not,
    Full,
    NoBuffers,
}

/// A run of measuring.
pub(super) struct Run<'a, C> {
    ctx: &'a Context<'a>,
    plan: Plan,
    carrier: C,
    /// Who is at the other end.
    name: String,
    results: Results<'a>,
    tally: Tally,
    schedule: Schedule,
    start: Instant,
    blocked: Blocked,
    /// More may have come than was taken in the last turn.
    more: bool,
    /// When a probe last went out or came back, or a part of one did.
    last_moved: Instant,
    /// What had come by then has been taken, unless there is more.
    last_look: Instant,
    refusal: Refusal,
}

/// What the network has answered in the place of the peer.
#[derive(Debug, Default)]
struct Refusal {
    /// The last such answer.
    error: Option<Error>,
    is_told: bool,
    /// It came after the newest probe went out.
    is_newest: bool,
}

impl<'a, C: Carrier> Run<'a, C> {
    pub(super) fn new(ctx: &'a Context<'a>, plan: Plan, carrier: C, results: Results<'a>) -> Self {
        let start = Instant::now();
        Run {
            ctx,
            plan,
            name: carrier.name(),
            carrier,
            results,
            tally: Tally::new(),
            schedule: Schedule::new(start, plan.interval, plan.limit.length),
            start,
            blocked: Blocked::Not,
            more: false,
            last_moved: start,
            last_look: start,
            refusal: Refusal::default(),
        }
    }

    /// Measures, tells the summary however that ended, and gives the verdict.
    pub(super) fn run(mut self) -> Result<(), Error> {
        self.ctx.tell(&Event::Ping(Ping::Started(&self.name, self.plan.size, self.plan.interval)));
        match self.measure() {
            Err(error) if matches!(error.kind, Kind::WriteLocal | Kind::OutputGone) => Err(error),
            end => self.conclude(end),
        }
    }

    fn measure(&mut self) -> Result<End, Error> {
        loop {
            self.receive()?;
            self.send_due()?;
            self.results.local.write()?;
            if self.is_over() {
                return Ok(End::Complete);
            }
            self.tell_refusal();
            if let Some(cut) = self.wait()? {
                return self.cut_short(cut);
            }
        }
    }

    fn cut_short(&self, cut: Cut) -> Result<End, Error> {
        if let Cut::Signal(signal) = cut {
            self.ctx.signals.next_one_kills();
            if self.plan.count.is_none() && is_polite_end(signal) {
                return Ok(End::Told);
            }
        }
        Err(cut.during("ping", &self.name))
    }

    fn receive(&mut self) -> Result<(), Error> {
        self.more = false;
        self.last_look = Instant::now();
        for _ in 0..TURN {
            // What the peer does once everything is back changes nothing: its end is none to complain of.
            let arrival = if self.is_all_back() { None } else { self.carrier.receive(self.tally.last())? };
            let Some(arrival) = arrival else { return Ok(()) };
            self.take(arrival)?;
        }
        self.more = true;
        Ok(())
    }

    fn take(&mut self, arrival: Arrival) -> Result<(), Error> {
        match arrival {
            Arrival::Probe(came) => self.count(&came),
            Arrival::Part => self.last_moved = Instant::now(),
            Arrival::Foreign(bytes, from) => self.foreign(bytes, from.as_ref()),
            Arrival::Refused { error, is_newest } => {
                self.refusal = Refusal { error: Some(error), is_newest, ..self.refusal };
            }
            Arrival::End => return Err(self.peer_ended()),
        }
        Ok(())
    }

    fn count(&mut self, came: &Came) {
        let Some(counted) = self.tally.answered(came.seq, came.intact, came.at) else {
            return self.foreign(came.bytes, came.from.as_ref());
        };
        if !counted.marks.duplicate {
            self.last_moved = came.at;
            if came.seq == self.tally.last() {
                self.schedule.answered(came.at);
            }
        }
        self.results.put(&Outcome::Answer(Answer {
            from: who(came.from.as_ref(), &self.name),
            bytes: came.bytes,
            seq: came.seq,
            round_trip: counted.round_trip,
            marks: counted.marks,
        }));
    }

    /// A peer that talks of something else may talk a lot: it is shown once, and counted.
    fn foreign(&mut self, bytes: usize, from: Option<&SocketName>) {
        if self.tally.foreign(bytes) {
            self.results.put(&Outcome::Foreign(who(from, &self.name), bytes));
        }
    }

    fn send_due(&mut self) -> Result<(), Error> {
        let is_due = self.schedule.next().is_some_and(|due| due <= Instant::now());
        if self.all_sent() || !(is_due || self.blocked != Blocked::Not) {
            return Ok(());
        }
        let sending = match self.carrier.send(self.tally.last() + 1) {
            Ok(sending) => sending,
            Err(error) => {
                self.take_last_answers();
                return Err(error);
            }
        };
        self.blocked = match sending {
            Sending::Done(at) => self.sent(at),
            Sending::Blocked { moved } => {
                self.last_moved = if moved { Instant::now() } else { self.last_moved };
                Blocked::Full
            }
            Sending::NoBuffers => Blocked::NoBuffers,
        };
        let is_stuck = self.blocked != Blocked::Not && self.patience_left().is_zero();
        if is_stuck && self.plan.count.is_some() {
            return Err(Error::expired("send to", &self.name, Expired(self.plan.limit)));
        }
        Ok(())
    }

    fn sent(&mut self, at: Instant) -> Blocked {
        self.tally.sent(at);
        self.last_moved = Instant::now();
        self.schedule.sent(self.last_moved);
        self.refusal.is_newest = false;
        self.ctx.tell(&Event::Ping(Ping::Sent(&self.name, self.tally.last())));
        Blocked::Not
    }

    /// After a send was reset, what had come before is still there to be read.
    fn take_last_answers(&mut self) {
        let end = Instant::now() + OVERTIME;
        while let Ok(Some(arrival)) = self.carrier.receive(self.tally.last()) {
            if self.take(arrival).is_err() || Instant::now() >= end {
                return;
            }
        }
    }

    fn all_sent(&self) -> bool {
        self.plan.count.is_some_and(|count| self.tally.last() >= count)
    }

    /// How long a peer that shows no sign of life is still waited for.
    fn patience_left(&self) -> Duration {
        self.plan.limit.length.saturating_sub(self.last_moved.elapsed())
    }

    /// Every probe has come back. In a group everybody has the whole time to answer, and who that is nobody knows.
    fn is_all_back(&self) -> bool {
        self.all_sent() && self.tally.missing() == 0 && !self.carrier.is_group()
    }

    /// All have come back, or nothing more is to be expected. What comes after the last look may still have come in time.
    fn is_over(&self) -> bool {
        let silence = self.last_look.saturating_duration_since(self.last_moved);
        let is_hopeless = self.refusal.is_newest || silence >= self.plan.limit.length;
        let is_heard = !self.more || self.last_moved.elapsed() >= self.plan.limit.length.saturating_add(OVERTIME);
        self.is_all_back() || (self.all_sent() && is_hopeless && is_heard)
    }

    /// Said once, and only while the run goes on: at its end it may be the error.
    fn tell_refusal(&mut self) {
        if let Some(error) = self.refusal.error.as_ref().filter(|_| !self.refusal.is_told) {
            self.ctx.warn(error);
            self.refusal.is_told = true;
        }
    }

    /// The peer's end before the last answer. A server that closes without a byte has nothing to do with an echo.
    fn peer_ended(&mut self) -> Error {
        self.take_rest();
        let is_silent = self.tally.is_without_answer() && self.tally.foreign_bytes().is_none();
        let (kind, words) = if is_silent { (Kind::Empty, " without a byte") } else { (Kind::Short, "") };
        Error::new(kind, "ping", &self.name, format!("the peer has ended the connection{words}"))
    }

    fn take_rest(&mut self) {
        let rest = self.carrier.rest(self.tally.last());
        if rest > 0 {
            self.foreign(rest, None);
        }
    }

    fn wait(&mut self) -> Result<Option<Cut>, Error> {
        let pause = self.pause();
        let watch = self.results.local.reader_watch();
        let request = self.ctx.signals.report_requests().map(Interest::read);
        let (is_watched, is_asked) = (watch.is_some(), request.is_some());
        let others = [self.results.local.write_interest(), self.carrier.interest(self.blocked == Blocked::Full)];
        let mut interests: Vec<_> = watch.into_iter().chain(others.into_iter().flatten()).chain(request).collect();
        let waited = match pause {
            Some(pause) => self.ctx.wait_at_most(&mut interests, Deadline::NEVER, pause).map(|_| ()),
            None => self.ctx.wait(&mut interests, Deadline::NEVER),
        };
        if is_watched && interests[0].ready.any() {
            return Err(self.results.local.reader_gone());
        }
        if is_asked && interests.last().is_some_and(|request| request.ready.any()) {
            self.answer_request();
        }
        Ok(waited.err())
    }

    /// The longest time that nothing needs doing.
    fn pause(&self) -> Option<Duration> {
        if self.more || self.results.local.can_write_now() {
            return Some(Duration::ZERO);
        }
        match self.blocked {
            _ if self.all_sent() => Some(self.patience_left()),
            Blocked::NoBuffers => Some(NO_BUFFERS_PAUSE),
            Blocked::Full => self.plan.count.map(|_| self.patience_left()),
            Blocked::Not => self.schedule.next().map(|due| due.saturating_duration_since(Instant::now())),
        }
    }

    /// SIGUSR1: the figures so far.
    fn answer_request(&mut self) {
        if self.ctx.signals.take_report_request() {
            self.put_summary(self.plan.limit.length, false);
        }
    }

    fn put_summary(&mut self, patience: Duration, over: bool) {
        let summary = self.tally.summary(Instant::now(), self.start.elapsed(), patience);
        self.results.put(&Outcome::Summary(&self.name, &Summary { over, ..summary }));
    }

    /// The summary however it ended, and then the verdict.
    fn conclude(mut self, end: Result<End, Error>) -> Result<(), Error> {
        self.take_rest();
        let is_complete = matches!(end, Ok(End::Complete));
        let has_failed = matches!(&end, Err(error) if !matches!(error.kind, Kind::Signal(_) | Kind::TimedOut));
        let patience = if is_complete || has_failed { Duration::ZERO } else { self.plan.limit.length };
        self.put_summary(patience, true);
        let finished = self.results.finish(self.ctx, !is_complete);
        if !has_failed && self.tally.missing() > 0 {
            // The figures are complete: how the peer takes our end changes nothing.
            let _ = self.carrier.end();
        }
        let end = end?;
        finished?;
        self.verdict(end)
    }

    /// Whoever ends it himself has seen what he wanted to, if there was anything to be seen.
    fn verdict(&self, end: End) -> Result<(), Error> {
        match end {
            _ if self.tally.is_without_answer() => Err(self.no_answer(end)),
            End::Complete if !self.tally.is_clean() => Err(Error::said(Kind::Verdict)),
            End::Complete | End::Told => Ok(()),
        }
    }

    /// Why not one probe came back.
    fn no_answer(&self, end: End) -> Error {
        const WAIT: &str = "wait for an answer from";
        match (self.tally.foreign_bytes(), &self.refusal.error, end) {
            (Some(bytes), ..) => {
                let reason = format!("{bytes} bytes came back, and no probe among them; is it an echo service?");
                Error::new(Kind::Malformed, "ping", &self.name, reason)
            }
            (None, Some(error), _) => error.clone(),
            (None, None, End::Complete) => Error::expired(WAIT, &self.name, Expired(self.plan.limit)),
            (None, None, End::Told) => {
                let reason = format!("none has come to {} probes", self.tally.last());
                Error::new(Kind::TimedOut, WAIT, &self.name, reason)
            }
        }
    }
}

/// The sender, where it is not clear who that is.
fn who<'a>(from: Option<&'a SocketName>, name: &'a dyn Display) -> &'a dyn Display {
    from.map_or(name, |from| from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::{Bound, Limit};
    use crate::event::Tell;
    use crate::event::ping::Phrase;
    use crate::stream::stdio::{Input, Output, Stdio};
    use crate::sys::signals::Signals;

    struct Silent;

    impl Tell for Silent {
        fn tell(&self, _: &Event<'_>) {}
    }

    impl Phrase for Silent {
        fn phrase(&self, _: &Outcome<'_>) -> String {
            String::new()
        }
    }

    /// Has each answer as soon as its probe is out.
    struct Prompt(Option<Came>);

    impl Carrier for Prompt {
        fn send(&mut self, seq: u64) -> Result<Sending, Error> {
            let at = Instant::now();
            self.0 = Some(Came { seq, intact: true, bytes: 1, at, from: None });
            Ok(Sending::Done(at))
        }

        fn receive(&mut self, _: u64) -> Result<Option<Arrival>, Error> {
            Ok(self.0.take().map(Arrival::Probe))
        }

        fn rest(&mut self, _: u64) -> usize {
            0
        }

        fn interest(&self, _: bool) -> Option<Interest<'_>> {
            None
        }

        fn name(&self) -> String {
            "the prompt one".into()
        }

        fn is_group(&self) -> bool {
            false
        }

        fn end(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_that_is_there_counts_however_late_it_is_looked_at() {
        let signals = Signals::install().expect("handlers can be installed");
        let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
        // Over before anybody can look.
        let limit = Bound { length: Duration::from_nanos(1), limit: Limit::Timeout };
        let plan = Plan { count: Some(1), interval: Duration::ZERO, size: 1, limit };
        let nowhere = Stdio::open(Input::Nothing, Output::Discard).expect("nothing is opened");
        let run = Run::new(&ctx, plan, Prompt(None), Results::new(nowhere, &Silent));
        assert!(run.run().is_ok());
    }
}
