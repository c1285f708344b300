//! `udp-send`: datagrams out, and the replies to the local end.
//!
//! One loop over input, socket and output, so that replies are seen while lines are still typed. It is over when
//! nothing is left to send and --wait has passed; a time limit, a signal, a peer that refuses end it before.
//! Refuses to know what the datagrams are.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::attempt::{Attempt, Blocked, NO_BUFFERS_PAUSE, attempt};
use super::cutter::{Cutter, Framing};
use super::local::Local;
use super::pace::{Pace, Pacing};
use super::place::Target;
use super::source::{Source, Waiting};
use crate::deadline::{Bound, Deadline, Limit};
use crate::error::{Error, Kind};
use crate::event::{Datagram, Event};
use crate::net::batch::Outbox;
use crate::net::datagram::{SMALLER, Sender as From};
use crate::net::{Context, Cut};
use crate::stream::stdio::Stdio;
use crate::sys::poll::Interest;
use crate::sys::signals::is_polite_end;

pub use super::source::Repeat;

/// So many datagrams are sent, or replies taken, before the other has its turn.
const TURN: usize = 64;

/// The same when there are no replies.
const LONG_TURN: usize = 4096;

/// How much longer than --wait replies that keep coming are taken out of the queue.
const OVERTIME: Duration = Duration::from_secs(1);

/// Where the datagrams come from.
#[derive(Clone, Debug)]
pub enum Data {
    /// The command line.
    Given(Vec<Vec<u8>>),
    /// Standard input.
    Input(Framing),
}

/// What to send and what to wait for.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The datagrams.
    pub data: Data,
    /// How often.
    pub repeat: Repeat,
    /// How fast at the most.
    pub pacing: Option<Pacing>,
    /// Whether a large send buffer is asked for: the user has not said how large.
    pub widens_buffer: bool,
    /// For how long replies are printed after the last datagram; without it there are none.
    pub wait: Option<Duration>,
    /// It is over once so many replies have come; fewer are an error.
    pub replies: Option<u64>,
    /// The longest time in which nothing moves.
    pub idle: Option<Bound>,
}

impl Sender {
    /// Sends everything; prints the replies.
    pub fn run(self, ctx: &Context<'_>, target: &Target, local: Stdio) -> Result<(), Error> {
        let source = source(self.data, self.repeat, target)?;
        if self.widens_buffer {
            target.socket.widen_send_buffer(ctx);
        }
        let now = Instant::now();
        State {
            ctx,
            target,
            repeat: self.repeat,
            wait: self.wait,
            wanted: self.replies,
            idle: self.idle,
            local: Local::new(local),
            source,
            outbox: Outbox::new(&target.socket),
            pace: self.pacing.map(|pacing| Pace::new(pacing, now)),
            blocked: None,
            sent: Sent::default(),
            losses: Losses { ctx, target, are_errors: self.wait.is_some(), warned: false },
            replies: 0,
            buffer: Vec::new(),
            queue_is_empty: false,
            last_moved: now,
            all_sent: None,
        }
        .run()
    }
}

/// Everything that can be refused is refused before anything is sent.
fn source(data: Data, repeat: Repeat, target: &Target) -> Result<Source, Error> {
    let largest = target.socket.largest().unwrap_or(usize::MAX);
    match data {
        Data::Given(set) => match set.iter().find(|datagram| datagram.len() > largest) {
            Some(datagram) => Err(too_large(target, datagram.len(), largest)),
            None => Ok(Source::given(&set, repeat)),
        },
        Data::Input(Framing::Size(size)) if size > largest => {
            let reason = format!("--size {size}: one datagram to {} holds {largest} bytes at the most", target.name);
            Err(Error::usage(reason))
        }
        Data::Input(framing) => Ok(Source::input(Cutter::new(framing, largest), repeat)),
    }
}

fn too_large(target: &Target, size: usize, largest: usize) -> Error {
    let reason = format!("{size} bytes are too many for one datagram, which holds {largest} at the most");
    Error::new(Kind::Send, "send to", &target.name, reason).hint(SMALLER)
}

struct State<'a> {
    ctx: &'a Context<'a>,
    target: &'a Target,
    repeat: Repeat,
    wait: Option<Duration>,
    /// So many replies are enough.
    wanted: Option<u64>,
    idle: Option<Bound>,
    local: Local,
    source: Source,
    outbox: Outbox,
    pace: Option<Pace>,
    /// Why the next datagram has not gone out.
    blocked: Option<Blocked>,
    sent: Sent,
    losses: Losses<'a>,
    replies: u64,
    buffer: Vec<u8>,
    /// The last look into the receive queue found nothing.
    queue_is_empty: bool,
    last_moved: Instant,
    /// Since when there is nothing more to send.
    all_sent: Option<Instant>,
}

/// What has gone out.
#[derive(Default)]
struct Sent {
    datagrams: u64,
    bytes: u64,
    /// When the first and the last did.
    first_and_last: Option<(Instant, Instant)>,
}

impl Sent {
    fn add(&mut self, sizes: impl Iterator<Item = usize>, now: Instant) {
        for size in sizes {
            self.datagrams += 1;
            self.bytes += size as u64;
        }
        self.first_and_last = Some((self.first_and_last.map_or(now, |(first, _)| first), now));
    }

    fn took(&self) -> Duration {
        self.first_and_last.map_or(Duration::ZERO, |(first, last)| last - first)
    }
}

/// What follows from datagrams that did not arrive.
struct Losses<'a> {
    ctx: &'a Context<'a>,
    target: &'a Target,
    /// Whoever wants an answer has it; whoever does not should still know.
    are_errors: bool,
    warned: bool,
}

impl Losses<'_> {
    fn tell(&mut self, error: &io::Error) -> Result<(), Error> {
        let failed = self.target.send_failed(error);
        if self.are_errors {
            return Err(failed);
        }
        if !std::mem::replace(&mut self.warned, true) {
            self.ctx.warn(failed);
        }
        Ok(())
    }
}

impl State<'_> {
    fn run(mut self) -> Result<(), Error> {
        let outcome = self.converse();
        if outcome.is_err() {
            // What came is kept as far as the output takes it, also what came before a refusal that the kernel tells
            // first; the first error is the one to tell.
            let _ = self.take_replies();
            let _ = self.local.finish_soon();
        }
        outcome
    }

    fn converse(&mut self) -> Result<(), Error> {
        loop {
            self.take_replies()?;
            self.send_some()?;
            if self.local.write()? {
                self.last_moved = Instant::now();
            }
            if self.is_over() {
                return self.finish();
            }
            match self.wait()? {
                None => {}
                Some(Cut::Signal(signal)) if self.repeat.count.is_none() && is_polite_end(signal) => {
                    self.ctx.signals.next_one_kills();
                    return self.local.finish_soon();
                }
                Some(cut) => return Err(self.cut_short(cut)),
            }
        }
    }

    /// Prints what has come, while the output takes it.
    fn take_replies(&mut self) -> Result<(), Error> {
        self.queue_is_empty = self.wait.is_none();
        for _ in 0..TURN {
            if self.queue_is_empty || !self.local.has_room() || self.has_replies() {
                return Ok(());
            }
            match self.target.socket.receive(&mut self.buffer) {
                Ok((size, from)) => self.take_reply(size, &from),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.queue_is_empty = true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.target.send_failed(&e)),
            }
        }
        Ok(())
    }

    fn take_reply(&mut self, size: usize, from: &From) {
        let event = if self.target.socket.is_group() { Datagram::Reply } else { Datagram::Received };
        self.ctx.tell(&Event::Datagram(event(&from.name(), size)));
        self.local.put(&self.buffer[..size]);
        self.replies += 1;
        self.last_moved = Instant::now();
    }

    fn send_some(&mut self) -> Result<(), Error> {
        let mut turn = if self.wait.is_some() { TURN } else { LONG_TURN };
        while turn > 0 {
            if !self.source.fill(&mut self.local)? {
                self.pace.iter_mut().for_each(Pace::starve);
                return Ok(());
            }
            match self.send()? {
                0 => return Ok(()),
                n => turn = turn.saturating_sub(n),
            }
        }
        Ok(())
    }

    /// Sends some by one call; gives how many.
    fn send(&mut self) -> Result<usize, Error> {
        let State { source, outbox, pace, losses, target, .. } = self;
        let now = Instant::now();
        let mut run = source.run();
        if let Some(pace) = pace {
            run = run.first(pace.allows(run.sizes(), now));
        }
        self.blocked = None;
        if run.is_empty() {
            return Ok(0);
        }
        let late_errors = target.socket.has_late_errors();
        let first = run.sizes().next().unwrap_or(0);
        let sent = match attempt(late_errors, || outbox.send(&target.socket, run), |e| losses.tell(&e))? {
            Attempt::Sent(sent) => sent,
            Attempt::Blocked(why) => {
                self.blocked = Some(why);
                return Ok(0);
            }
            Attempt::Failed(e) => return Err(self.send_failed(&e, first)),
        };
        self.account(sent, now);
        self.source.left(sent);
        Ok(sent)
    }

    /// So many of the run have gone out.
    fn account(&mut self, sent: usize, now: Instant) {
        let run = self.source.run().first(sent);
        if let Some(pace) = &mut self.pace {
            run.sizes().for_each(|size| pace.left(size));
        }
        if self.ctx.tell.wants_steps() {
            run.sizes().for_each(|size| self.ctx.tell(&Event::Datagram(Datagram::Sent(&self.target.name, size))));
        }
        self.sent.add(run.sizes(), now);
        self.last_moved = now;
    }

    /// The whole of standard input that turns out to be too large only here is as refused as one that was counted.
    fn send_failed(&self, error: &io::Error, size: usize) -> Error {
        if crate::sys::fd::is_too_large(error) {
            let reason = format!("{size} bytes are too many for one datagram");
            let kind = if self.source.is_whole_input() { Kind::Usage } else { Kind::Send };
            return Error::new(kind, "send to", &self.target.name, reason).hint(SMALLER);
        }
        self.target.send_failed(error)
    }

    /// Whether as many replies have come as were asked for.
    fn has_replies(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.replies >= wanted)
    }

    fn is_over(&mut self) -> bool {
        if self.has_replies() && (self.all_sent.is_some() || self.repeat.count.is_none()) {
            return true;
        }
        if self.has_run() || self.source.waiting() != Waiting::Over {
            return false;
        }
        let Some(since) = self.all_sent.map(|since| since.elapsed()) else {
            // One more turn, so that the receive queue is looked at after the last datagram.
            self.all_sent = Some(Instant::now());
            return self.wait.is_none() || self.has_replies();
        };
        match self.wait.filter(|_| self.sent.datagrams > 0) {
            Some(wait) if since < wait => false,
            Some(wait) => self.queue_is_empty || (self.local.has_room() && since >= wait.saturating_add(OVERTIME)),
            None => true,
        }
    }

    fn has_run(&self) -> bool {
        !self.source.run().is_empty()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.local.finish(self.ctx, self.idle_limit())?;
        let Sent { datagrams, bytes, .. } = self.sent;
        self.ctx.tell(&Event::Datagram(Datagram::SentTotal(datagrams, bytes, self.sent.took())));
        if datagrams == 0 {
            self.ctx.warn("nothing was sent: standard input was empty");
        } else if let Some(length) = self.wait.filter(|_| self.replies < self.wanted.unwrap_or(1)) {
            return Err(self.too_few(length));
        } else if let Some(error) = self.late_error() {
            return self.losses.tell(&error);
        }
        Ok(())
    }

    fn too_few(&self, length: Duration) -> Error {
        let expired = crate::deadline::Expired(Bound { length, limit: Limit::Wait });
        let failed = Error::expired("wait for a reply from", &self.target.name, expired);
        match self.wanted.filter(|_| self.replies > 0) {
            Some(wanted) => failed.hint(format!("{} of {wanted} replies came", self.replies)),
            None => failed,
        }
    }

    /// On a short way an answer that nobody is there comes at once.
    fn late_error(&self) -> Option<io::Error> {
        if self.wait.is_none() && self.target.socket.has_late_errors() { self.target.socket.take_error() } else { None }
    }

    fn idle_limit(&self) -> Deadline {
        Deadline::since(self.last_moved, self.idle)
    }

    fn cut_short(&self, cut: Cut) -> Error {
        let operation = if self.all_sent.is_some() { "wait for a reply from" } else { "send to" };
        cut.during(operation, &self.target.name)
    }

    fn wait(&mut self) -> Result<Option<Cut>, Error> {
        let interests = [self.input_interest(), self.socket_interest()];
        let pauses = self.pauses();
        let limit = if pauses { Deadline::NEVER } else { self.idle_limit() };
        let cut = self.local.wait(self.ctx, interests.into_iter().flatten(), limit, self.pause())?;
        if pauses {
            self.last_moved = Instant::now();
        }
        Ok(cut)
    }

    /// A pause between rounds or for a rate is our own: nobody else is idle meanwhile.
    fn pauses(&self) -> bool {
        let paced = self.has_run() && self.blocked.is_none() && self.pace.is_some();
        paced || matches!(self.source.waiting(), Waiting::Until(_))
    }

    fn input_interest(&self) -> Option<Interest<'_>> {
        let wanted = !self.has_run() && self.source.waiting() == Waiting::Input;
        if wanted { self.local.read_interest().interest() } else { None }
    }

    fn socket_interest(&self) -> Option<Interest<'_>> {
        let read = self.wait.is_some() && self.local.has_room() && !self.has_replies();
        let write = self.blocked == Some(Blocked::Full) && self.has_run();
        (read || write).then(|| Interest::new(self.target.socket.as_fd(), read, write))
    }

    /// The longest time that nothing needs doing.
    fn pause(&self) -> Option<Duration> {
        let now = Instant::now();
        let next = match (self.has_run(), self.blocked, self.source.waiting()) {
            (true, Some(Blocked::NoBuffers), _) => Some(NO_BUFFERS_PAUSE),
            (true, Some(Blocked::Full), _) | (false, _, Waiting::Over) => None,
            (true, None, _) => Some(self.pace.as_ref().map_or(Duration::ZERO, |pace| pace.wait(now))),
            (false, _, Waiting::Nothing) => Some(Duration::ZERO),
            (false, _, Waiting::Until(due)) => Some(due.saturating_duration_since(now)),
            (false, _, Waiting::Input) => self.local.read_interest().interest().is_none().then_some(Duration::ZERO),
        };
        let wait = self.all_sent.zip(self.wait).map(|(since, wait)| wait.saturating_sub(now.duration_since(since)));
        [next, wait].into_iter().flatten().min()
    }
}
