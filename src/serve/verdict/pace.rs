//! When which port of one address is asked, how often, and when its silence counts: without a socket or a clock.
//!
//! Owns the patience with a target that limits its ICMP messages, as most do: Linux sends one host six at once and
//! then one a second (`icmp_ratelimit` in icmp(7)), so that of thirty closed ports that are asked together 24 seem
//! silent. Refuses to send, and to know what an answer says.
//!
//! ```text
//! fresh ─ask─▶ out ─answered─▶ settled
//!               │ ▲
//!    wait over  ▼ │ ask, at most `waits.len()` times, each wait longer
//!              again ─all waits over─▶ silent
//! ```
//! A port's first question may come too soon. Its last one *counts*, and so does each repeated one where many are
//! silent: behind those that count, a port that has answered by ICMP before is asked too, as a *witness*. If it answers,
//! the target had words left while the others kept silent, and their silence is their own. If it does not, the target
//! is at its limit.
//!
//! Two gaits. *Free*: everything is asked at once, in small bursts. When a witness does not answer, everything that is
//! unsettled has been asked too soon and is put back, and the gait is *limited*: one question an interval, which
//! shrinks while answers come, and grows with each port that answers only when it is asked again and with each witness
//! that does not answer; the question in front of it does not count then, and is asked again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// So many questions that are not answered may leave within [`BURST_SPAN`].
const BURST: usize = 32;
const BURST_SPAN: Duration = Duration::from_millis(20);

/// So many that count leave at once in front of one for the witness: to ports that have been silent before, so that
/// a flood of answers is not to be feared.
const BATCH: usize = 256;

/// So few silent ports are no sign of a limit yet: no word of the target is spent on them before the last question.
const FEW: usize = 4;

/// The first interval of the limited gait: Linux's limit, and a little more.
const INTERVAL: Duration = Duration::from_millis(1050);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);
/// No target is that slow: it has fallen silent altogether.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// A witness is waited for at least this long, unless the waits themselves are shorter.
const TESTIMONY: Duration = Duration::from_millis(250);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this port now; it counts as asked.
    Ask(u16),
    /// This port has been asked often enough, and nothing came.
    Silent(u16, Patience),
    /// Nothing before this moment, unless an answer comes.
    Wait(Instant),
    /// Nothing any more.
    Over,
}

/// How much was done to get an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Questions.
    pub asked: usize,
    /// When the first of them left.
    pub since: Instant,
}

/// The questions to one address.
#[derive(Debug)]
pub struct Pace {
    waits: Vec<Duration>,
    /// How many ports may be unsettled at once.
    room: usize,
    fresh: VecDeque<u16>,
    again: VecDeque<u16>,
    /// Asked and not settled, those in `again` included.
    out: BTreeMap<u16, Out>,
    /// When the wait of a port that is out is over.
    timers: BTreeSet<(Instant, u16)>,
    /// The last questions that are not answered.
    burst: VecDeque<(Instant, u16)>,
    last_asked: Option<Instant>,
    gait: Gait,
    witness: Witness,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    patience: Patience,
    /// `None` while it waits for its turn to be asked again.
    until: Option<Instant>,
    /// The interval at which it was asked for the first time.
    interval: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Gait {
    Free,
    Limited {
        interval: Duration,
        /// An interval that was too short has been met: from then on it shrinks slowly.
        is_known: bool,
    },
}

/// A port that has answered by ICMP, to be asked again in order to see whether others could.
#[derive(Clone, Copy, Debug, Default)]
struct Witness {
    port: Option<u16>,
    /// How long its answer took.
    took: Duration,
    /// It must be asked behind this many questions that count, the last of them to this port and with this wait.
    owed: Option<(usize, u16, Duration)>,
    asked: Option<Testimony>,
    /// When it may be asked again: it uses up words of the target itself, and is asked once an interval; the second
    /// time may be early.
    due: Option<Instant>,
}

/// A witness that has been asked and must answer.
#[derive(Clone, Copy, Debug)]
struct Testimony {
    port: u16,
    /// Whose question was the last in front of it.
    behind: u16,
    wait: Duration,
    until: Instant,
}

impl Pace {
    /// Nothing to ask yet. `waits` are one a question to the same port, at least one.
    pub fn new(waits: Vec<Duration>, room: usize) -> Self {
        Pace {
            waits,
            room: room.max(1),
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            out: BTreeMap::new(),
            timers: BTreeSet::new(),
            burst: VecDeque::new(),
            last_asked: None,
            gait: Gait::Free,
            witness: Witness::default(),
        }
    }

    /// Puts a port at the end of the queue.
    pub fn add(&mut self, port: u16) {
        self.fresh.push_back(port);
    }

    /// What to do at `now`; to be asked again after each step, and after each answer.
    pub fn next(&mut self, now: Instant) -> Step {
        if let Some(Testimony { behind, .. }) = self.witness.asked.take_if(|asked| asked.until <= now) {
            self.limit(behind);
        }
        if let Some(silent) = self.waits_over(now) {
            return silent;
        }
        match self.turn(now) {
            Turn::Now(port) => self.ask(port, now),
            Turn::Witness(port) => self.call_witness(port, now),
            Turn::NotBefore(due) => Step::Wait(self.first_timer().map_or(due, |timer| timer.min(due))),
            Turn::Nobody => self.first_timer().map_or(Step::Over, Step::Wait),
        }
    }

    /// Something came from `port` or about it, `by_icmp` or as an answer. Gives what was done for it if it was wanted.
    pub fn answered(&mut self, port: u16, by_icmp: bool, now: Instant) -> Option<Patience> {
        if self.witness.asked.take_if(|asked| asked.port == port).is_some() {
            return None;
        }
        let out = self.settle(port)?;
        if by_icmp {
            self.witness.port = Some(port);
            if out.patience.asked == 1 {
                self.witness.took = now.saturating_duration_since(out.patience.since);
            }
            self.learn(&out);
        }
        Some(out.patience)
    }

    /// The question that was to be asked of `port` has not left: it is the next again.
    pub fn unasked(&mut self, port: u16) {
        match self.witness.asked.take_if(|asked| asked.port == port) {
            Some(Testimony { behind, wait, .. }) => self.witness.owed = Some((1, behind, wait)),
            None => self.put_back(port),
        }
    }

    /// `port` is of no interest any more.
    pub fn forget(&mut self, port: u16) {
        if self.settle(port).is_none() {
            self.fresh.retain(|&fresh| fresh != port);
        }
    }

    /// The time between two questions, where the target limits its answers.
    pub fn interval(&self) -> Option<Duration> {
        match self.gait {
            Gait::Free => None,
            Gait::Limited { interval, .. } => Some(interval),
        }
    }

    /// The ports that are not settled, and what was done for each.
    pub fn unsettled(&self) -> impl Iterator<Item = (u16, Option<Patience>)> + '_ {
        let out = self.out.iter().map(|(&port, out)| (port, Some(out.patience)));
        out.chain(self.fresh.iter().map(|&port| (port, None)))
    }

    /// How many ports are not settled.
    pub fn left(&self) -> usize {
        self.out.len() + self.fresh.len()
    }

    fn settle(&mut self, port: u16) -> Option<Out> {
        let out = self.out.remove(&port)?;
        match out.until {
            Some(until) => _ = self.timers.remove(&(until, port)),
            None => self.again.retain(|&again| again != port),
        }
        Some(out)
    }

    /// Ports whose wait is over: to be asked again, or silent.
    fn waits_over(&mut self, now: Instant) -> Option<Step> {
        while let Some(&(until, port)) = self.timers.first().filter(|(until, _)| *until <= now) {
            let is_last = self.out.get(&port).is_some_and(|out| out.patience.asked >= self.waits.len());
            if is_last {
                if self.is_under_suspicion() {
                    return None;
                }
                return self.settle(port).map(|out| Step::Silent(port, out.patience));
            }
            self.timers.remove(&(until, port));
            if let Some(out) = self.out.get_mut(&port) {
                out.until = None;
                self.again.push_back(port);
            }
        }
        None
    }

    /// While the witness may still show that the target is at its limit, nobody's silence counts.
    fn is_under_suspicion(&self) -> bool {
        self.witness.asked.is_some() || (self.witness.port.is_some() && self.witness.owed.is_some())
    }

    fn first_timer(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(until, _)| *until).filter(|_| !self.is_under_suspicion());
        [timer, self.witness.asked.map(|asked| asked.until)].into_iter().flatten().min()
    }

    /// Whose turn it is.
    fn turn(&mut self, now: Instant) -> Turn {
        let again = self.again.front().copied();
        let fresh = self.fresh.front().copied().filter(|_| self.out.len() < self.room);
        match (self.testimony(again), self.gait) {
            (Some(witness), _) => Turn::Witness(witness),
            (None, Gait::Free) => self.free_turn(again, fresh, now),
            (None, Gait::Limited { interval, .. }) => {
                let Some(port) = again.or(fresh).filter(|_| self.witness.asked.is_none()) else { return Turn::Nobody };
                let due = self.last_asked.map(|last| last + interval).filter(|due| *due > now);
                due.map_or(Turn::Now(port), Turn::NotBefore)
            }
        }
    }

    /// The witness, if it is to be asked now: at once, since words come back to the target with time.
    fn testimony(&self, again: Option<u16>) -> Option<u16> {
        let (batch, ..) = self.witness.owed.filter(|_| self.witness.asked.is_none())?;
        let is_whole = matches!(self.gait, Gait::Limited { .. }) || batch >= BATCH || again.is_none();
        self.witness.port.filter(|_| is_whole)
    }

    fn free_turn(&mut self, again: Option<u16>, fresh: Option<u16>, now: Instant) -> Turn {
        let mut not_before = None;
        if let Some(port) = again {
            not_before = if self.witness.port.is_some() { self.batch_due(now) } else { self.burst_due(now) };
            let is_heard = self.witness.asked.is_none();
            if is_heard && not_before.is_none() {
                return Turn::Now(port);
            }
            not_before = not_before.filter(|_| is_heard);
        }
        match fresh.map(|port| (port, self.burst_due(now))) {
            Some((port, None)) => Turn::Now(port),
            Some((_, due)) => [not_before, due].into_iter().flatten().min().map_or(Turn::Nobody, Turn::NotBefore),
            None => not_before.map_or(Turn::Nobody, Turn::NotBefore),
        }
    }

    /// When the present burst makes room for one more; `None` is now.
    fn burst_due(&mut self, now: Instant) -> Option<Instant> {
        while let Some((asked, port)) = self.burst.front()
            && (*asked + BURST_SPAN <= now || !self.out.contains_key(port))
        {
            self.burst.pop_front();
        }
        self.burst.front().filter(|_| self.burst.len() >= BURST).map(|(asked, _)| *asked + BURST_SPAN)
    }

    /// When a batch may begin, since the witness may be asked behind it; `None` is now.
    fn batch_due(&self, now: Instant) -> Option<Instant> {
        self.witness.due.filter(|due| self.witness.owed.is_none() && *due > now)
    }

    /// Whether the target must have words left for one more question than `asked` to the same port: silence is only
    /// believed in the end, and of many that are silent something is learnt before.
    fn counts(&self, asked: usize) -> bool {
        let suffices = self.out.len() > FEW || matches!(self.gait, Gait::Limited { .. });
        asked + 1 == self.waits.len() || (asked > 0 && suffices)
    }

    fn ask(&mut self, port: u16, now: Instant) -> Step {
        if self.again.front() == Some(&port) {
            self.again.pop_front();
        } else {
            self.fresh.pop_front();
        }
        let first = || Out {
            patience: Patience { asked: 0, since: now },
            until: None,
            interval: self.interval().unwrap_or_default(),
        };
        let out = self.out.get(&port).copied().unwrap_or_else(first);
        let Patience { asked, since } = out.patience;
        let wait = self.wait(asked);
        let until = now + wait;
        self.out.insert(port, Out { patience: Patience { asked: asked + 1, since }, until: Some(until), ..out });
        self.timers.insert((until, port));
        self.last_asked = Some(now);
        self.burst.push_back((now, port));
        if self.counts(asked) {
            let (batch, _, longest) = self.witness.owed.unwrap_or((0, port, wait));
            self.witness.owed = Some((batch + 1, port, wait.max(longest)));
        }
        Step::Ask(port)
    }

    /// How long an answer to one more question than `asked` is waited for. At the target's limit, one that does not
    /// count need not be: the sooner it is known to have been too soon, the better.
    fn wait(&self, asked: usize) -> Duration {
        let wait = self.waits.get(asked).copied().unwrap_or_default();
        match self.gait {
            Gait::Limited { .. } if !self.counts(asked) => self.testimony_wait(wait),
            _ => wait,
        }
    }

    /// How long an answer takes that comes at all.
    fn testimony_wait(&self, most: Duration) -> Duration {
        most.min((self.witness.took * 4).max(TESTIMONY))
    }

    fn call_witness(&mut self, port: u16, now: Instant) -> Step {
        if let Some((_, behind, wait)) = self.witness.owed.take() {
            self.witness.asked = Some(Testimony { port, behind, wait, until: now + self.testimony_wait(wait) });
        }
        self.witness.due = Some(self.witness.due.map_or(now, |due| now.max(due + INTERVAL)));
        self.last_asked = Some(now);
        Step::Ask(port)
    }

    /// The witness behind a question to `behind` has not answered: the target is at its limit, and who was not
    /// answered was asked too soon.
    fn limit(&mut self, behind: u16) {
        match &mut self.gait {
            // It had the last word itself.
            Gait::Limited { .. } if !self.out.contains_key(&behind) => {}
            Gait::Limited { interval, is_known } => {
                (*interval, *is_known) = (*interval * 3 / 2, true);
                if *interval > LONGEST_INTERVAL {
                    self.witness.port = None;
                    self.gait = Gait::Free;
                }
                self.put_back(behind);
            }
            Gait::Free => {
                self.gait = Gait::Limited { interval: INTERVAL, is_known: false };
                self.timers.clear();
                self.again.clear();
                for port in std::mem::take(&mut self.out).into_keys().rev() {
                    self.fresh.push_front(port);
                }
            }
        }
    }

    /// The last question to `port` does not count.
    fn put_back(&mut self, port: u16) {
        let Some(mut out) = self.settle(port) else { return };
        out.patience.asked = out.patience.asked.saturating_sub(1);
        out.until = None;
        if out.patience.asked == 0 {
            self.fresh.push_front(port);
        } else {
            self.out.insert(port, out);
            self.again.push_front(port);
        }
    }

    /// An ICMP message came for a question: at once, or only when it was repeated.
    fn learn(&mut self, out: &Out) {
        let Gait::Limited { interval, is_known } = &mut self.gait else { return };
        if out.patience.asked > 1 {
            // Measured from the interval at that time, so that one bad moment counts once.
            *interval = (*interval).max(out.interval * 3 / 2).min(LONGEST_INTERVAL);
            *is_known = true;
        } else {
            let percent = if *is_known { 95 } else { 70 };
            *interval = (*interval * percent / 100).max(SHORTEST_INTERVAL);
        }
    }
}

/// Whose turn it is to be asked.
enum Turn {
    Now(u16),
    Witness(u16),
    NotBefore(Instant),
    Nobody,
}

#[cfg(test)]
mod tests;
