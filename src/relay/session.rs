//! The loop of one session: advance both directions, see whether it is over, wait.
//!
//! End conditions, in the order in which they are looked at:
//! 1. a local end fails: at once; the peer gets a reset if our input broke, so that it can't mistake it for whole;
//! 2. the network fails: what had arrived is still written out, then the failure counts;
//! 3. the peer has sent what --until-match or --max-bytes wait for: nothing more is read, what was read is delivered;
//! 4. both directions are done, or the one that the policy names; then the peer's kernel must have taken our bytes;
//! 5. the peer was quiet for as long as --until-idle says;
//! 6. a time limit, a signal.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::book::Book;
use super::clock::Clock;
use super::direction::{Direction, Fault, State};
use super::{EndOn, Policy, Taps, Transfer, fast};
use crate::deadline::{Deadline, Limit};
use crate::error::{Error, Kind};
use crate::event::{Account, Event, Figures, Move, Side, Sum};
use crate::net::{Context, Cut};
use crate::stream::{Medium, Readiness, Stream, buffer};
use crate::sys::poll::{Interest, poll};

/// How often what the peer has not acknowledged is looked at, where something depends on it: no event tells it.
const LOOK: Duration = Duration::from_millis(20);

/// How long a session that ends on local input's end still listens for the peer's last words.
const LINGER: Duration = Duration::from_secs(1);

/// How long the output of a session that failed may take for what had come.
const HAND_OVER: Duration = Duration::from_secs(1);

/// The keepalive that finds out whether a peer that has ended is still there.
const PROBE: (Duration, u32) = (Duration::from_secs(15), 4);

/// Whoever watches the session's progress is told of it this often although nothing moves.
const TICK: Duration = Duration::from_secs(1);

/// What a poll slot stands for.
#[derive(Clone, Copy, Debug)]
enum Slot {
    LocalIn,
    RemoteOut,
    RemoteIn,
    LocalOut,
    LocalReader,
    RemotePeer,
    ReportRequest,
}

/// Two streams, a policy and what has happened so far.
pub(super) struct Session<'a> {
    ctx: &'a Context<'a>,
    local: &'a mut Stream,
    remote: &'a mut Stream,
    policy: &'a Policy,
    taps: &'a Taps<'a>,
    outgoing: Direction<'a>,
    incoming: Direction<'a>,
    clock: Clock,
    book: Book,
    /// The network's failure; the session goes on as far as that lets it.
    failure: Option<Error>,
    /// Under [`EndOn::Local`]: since when all our bytes are acknowledged.
    lingering: Option<Instant>,
    /// The output takes nothing more.
    output_failed: bool,
    /// Whether the peer's kernel is being asked for its program.
    probing: bool,
    /// The peer has sent what was waited for: the session only delivers what it has read.
    satisfied: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        ctx: &'a Context<'a>,
        local: &'a mut Stream,
        remote: &'a mut Stream,
        policy: &'a Policy,
        taps: &'a Taps<'a>,
    ) -> Self {
        let from_file = matches!(local.source_medium(), Some((Medium::File, _)));
        let capacity = if from_file { buffer::FOR_FILES } else { buffer::USUAL };
        let (out, back) = (taps.tap(Side::Local), taps.tap(Side::Peer));
        let may_splice = |sees_bytes: bool| policy.splice && !sees_bytes;
        let fast_out = may_splice(policy.crlf || out.sees_bytes()).then(|| fast::choose(local, remote)).flatten();
        let fast_back = may_splice(back.sees_bytes()).then(|| fast::choose(remote, local)).flatten();
        let book = Book::open(remote);
        Session {
            ctx,
            local,
            remote,
            policy,
            taps,
            outgoing: Direction::new(Side::Local, policy.crlf, out, fast_out, capacity),
            incoming: Direction::new(Side::Peer, false, back, fast_back, buffer::USUAL),
            clock: Clock::starting_now(),
            book,
            failure: None,
            lingering: None,
            output_failed: false,
            probing: false,
            satisfied: false,
        }
    }

    pub(super) fn run(mut self) -> Transfer {
        let outcome = self.run_to_end();
        if outcome.is_err() && !self.output_failed {
            self.hand_over();
        }
        self.clock.came(self.came());
        self.book.close();
        let watched = self.taps.ended();
        self.tell_sums();
        let judged = || self.taps.judge(&self.incoming.tap, self.incoming.total);
        let outcome = outcome.and(watched).and_then(|()| judged());
        Transfer { account: self.account(true), outcome }
    }

    /// What is known by now.
    fn account(&self, is_over: bool) -> Account {
        let Figures { sent, received, took } = self.figures();
        Account {
            local: self.book.local.clone(),
            peer: self.book.peer.clone(),
            sent,
            received,
            took,
            phases: self.clock.phases(self.book.opening, is_over.then_some(took)),
            closed_first: self.book.closed_first,
            acknowledged: self.book.acknowledged(self.remote, self.unwritten()),
            tcp: self.remote.info(),
        }
    }

    fn figures(&self) -> Figures {
        Figures { sent: self.outgoing.total, received: self.incoming.total, took: self.clock.start.elapsed() }
    }

    /// Bytes that have come from the peer, whether the local end has taken them or not.
    fn came(&self) -> u64 {
        self.incoming.total + self.incoming.pending() as u64
    }

    /// Bytes for the peer that our kernel has not taken.
    fn unwritten(&self) -> u64 {
        self.outgoing.pending() as u64
    }

    /// Tells how things stand, if somebody asked for it.
    fn answer_request(&self) {
        if self.ctx.signals.take_report_request() {
            self.ctx.tell(&Event::Account { account: &self.account(false), asked: true });
        }
    }

    fn tell_progress(&self) {
        if self.policy.progress {
            self.ctx.tell(&Event::Move(Move::Progress(self.figures())));
        }
    }

    fn tell_sums(&self) {
        for (direction, from) in [(&self.incoming, Side::Peer), (&self.outgoing, Side::Local)] {
            if let Some(sha256) = direction.tap.sha256().filter(|_| self.taps.sum) {
                let sum = Sum { from, sha256: &sha256, bytes: direction.total };
                self.ctx.tell(&Event::Move(Move::Summed(sum)));
            }
        }
    }

    fn run_to_end(&mut self) -> Result<(), Error> {
        loop {
            self.advance()?;
            self.tell_progress();
            if self.is_over() {
                break;
            }
            if let Err(cut) = self.wait()? {
                return Err(self.cut_short(cut));
            }
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.settle(),
        }
    }

    /// Both directions move what they can.
    fn advance(&mut self) -> Result<(), Error> {
        let before = (self.outgoing.state, self.incoming.state);
        let may_close = self.may_half_close();
        match self.outgoing.advance(self.ctx, self.local, self.remote, may_close) {
            Ok(true) => self.clock.moved(),
            Ok(false) => {}
            Err(Fault::Source(e)) => {
                self.remote.reset_on_close();
                return Err(self.local.read_error(&e));
            }
            Err(Fault::Sink(e)) => self.network_failed(self.remote.write_error(&e))?,
            Err(Fault::Observer(error)) => return Err(self.observer_failed(error)),
        }
        let moved = self.incoming.advance(self.ctx, self.remote, self.local, true);
        self.clock.came(self.came());
        match moved {
            Ok(true) => {
                self.clock.moved();
                self.clock.heard();
            }
            Ok(false) => {}
            Err(Fault::Source(e)) => {
                self.incoming.stop_reading();
                self.network_failed(self.remote.read_error(&e))?;
            }
            Err(Fault::Sink(e)) => return Err(self.output_failed(&e)),
            Err(Fault::Observer(error)) => return Err(self.observer_failed(error)),
        }
        self.note_ends(before);
        self.note_satisfied();
        Ok(())
    }

    /// The output takes nothing more.
    fn output_failed(&mut self, error: &std::io::Error) -> Error {
        self.output_failed = true;
        self.local.write_error(error)
    }

    /// A log or a dump can't be written: the session ends, and what we were sending must not look whole.
    fn observer_failed(&mut self, error: Error) -> Error {
        if !self.outgoing.is_done() {
            self.remote.reset_on_close();
        }
        error
    }

    /// Nothing is read once the peer has sent what was waited for. Local input's end is then not waited for either.
    fn note_satisfied(&mut self) {
        if !self.satisfied && self.incoming.tap.is_satisfied() {
            self.satisfied = true;
            self.ctx.tell(&Event::Move(Move::Satisfied));
            self.incoming.stop_reading();
            self.outgoing.stop_reading();
        }
    }

    /// FIN goes out when local input has ended, unless the peer is to end the session.
    fn may_half_close(&self) -> bool {
        self.policy.half_close || self.incoming.state != State::Running
    }

    /// Says which directions have just ended, and draws the consequences.
    fn note_ends(&mut self, (outgoing, incoming): (State, State)) {
        if outgoing == State::Running && self.outgoing.state != State::Running && self.failure.is_none() {
            self.ctx.tell(&Event::Move(Move::InputEnded));
            self.clock.heard();
        }
        if outgoing != State::Done && self.outgoing.is_done() && self.failure.is_none() {
            self.ctx.tell(&Event::Move(Move::HalfClosed));
            self.book.we_ended(self.remote);
        }
        if incoming == State::Running && self.incoming.state != State::Running && self.failure.is_none() {
            self.ctx.tell(&Event::Move(Move::PeerEnded));
            self.book.peer_ended();
            self.peer_ended();
        }
    }

    /// A peer that closed and one that half-closed look alike; only asking its kernel tells them apart.
    fn peer_ended(&mut self) {
        if self.policy.end_on == EndOn::Peer {
            self.outgoing.stop_reading();
        } else if self.policy.probe && self.outgoing.state == State::Running {
            self.probing = self.remote.probe_peer(PROBE.0, PROBE.1);
        }
    }

    /// After a reset nothing of ours arrives any more, but what the peer sent before it can still be read.
    /// Any other failure is the end.
    fn network_failed(&mut self, error: Error) -> Result<(), Error> {
        let lost = self.unsent();
        self.book.network_failed(lost);
        self.outgoing.abandon();
        let error = match lost {
            0 => error,
            lost => Error { reason: format!("{}; {lost} bytes of ours were not acknowledged", error.reason), ..error },
        };
        if error.kind != Kind::Reset {
            return Err(error);
        }
        self.book.peer_ended();
        self.failure.get_or_insert(error);
        Ok(())
    }

    /// Bytes of ours that the peer's kernel has not confirmed, buffered ones included.
    fn unsent(&self) -> u64 {
        let fin = u64::from(self.outgoing.is_done());
        let in_flight = self.remote.unacknowledged().unwrap_or(0).saturating_sub(fin);
        in_flight + self.unwritten()
    }

    fn is_over(&mut self) -> bool {
        if self.outgoing.is_done() && self.incoming.is_done() {
            return true;
        }
        self.has_lingered() || self.is_quiet()
    }

    /// Under `--end-on local`: our bytes are acknowledged, and the peer has had its time for last words.
    fn has_lingered(&mut self) -> bool {
        if self.policy.end_on != EndOn::Local || !self.outgoing.is_done() || self.failure.is_some() {
            return false;
        }
        if self.lingering.is_none() && self.unsent() == 0 {
            self.lingering = Some(Instant::now());
        }
        self.lingering.is_some_and(|since| since.elapsed() >= LINGER) && self.incoming.pending() == 0
    }

    /// Under `--until-idle`: local input is done, everything is delivered, and the peer says nothing any more.
    fn is_quiet(&mut self) -> bool {
        let Some(quiet) = self.policy.until_idle else { return false };
        if !self.outgoing.is_drained() || self.incoming.pending() > 0 {
            return false;
        }
        if self.unsent() > 0 {
            self.clock.heard();
        }
        self.clock.quiet_left(quiet).is_zero()
    }

    /// The next time at which something must be looked at although nothing is ready.
    fn pause(&self) -> Option<Duration> {
        let look = self.outgoing.is_drained() && self.unsent() > 0;
        let quiet = self.policy.until_idle.filter(|_| self.outgoing.is_drained());
        let quiet = quiet.map(|quiet| self.clock.quiet_left(quiet).max(Duration::from_millis(1)));
        let linger = self.lingering.map(|since| LINGER.saturating_sub(since.elapsed()).max(Duration::from_millis(1)));
        let wanted = quiet.is_some() || self.policy.end_on == EndOn::Local;
        let [out, back] = [self.outgoing.held_back, self.incoming.held_back];
        let tick = self.policy.progress.then_some(TICK);
        [quiet, linger, tick, (look && wanted).then_some(LOOK), out, back].into_iter().flatten().min()
    }

    /// Waits for readiness. The outer error is the local end's, the inner one what cut the wait short.
    fn wait(&mut self) -> Result<Result<(), Cut>, Error> {
        match self.poll() {
            Ok(ready) => ready.into_iter().try_for_each(|slot| self.ready(slot)).map(Ok),
            Err(cut) => Ok(self.forgive(cut)),
        }
    }

    /// One poll over every end that matters now: the slots that are ready.
    fn poll(&self) -> Result<Vec<Slot>, Cut> {
        let wanted = self.wanted();
        let request = self.ctx.signals.report_requests().map(|fd| (Slot::ReportRequest, Interest::read(fd)));
        let (slots, mut interests): (Vec<_>, Vec<_>) =
            polled(&wanted, &self.watched()).into_iter().chain(request).unzip();
        let always =
            |(slot, readiness): &(Slot, Readiness<'_>)| matches!(readiness, Readiness::Always).then_some(*slot);
        let mut ready: Vec<_> = wanted.iter().filter_map(always).collect();
        // An end that is always ready is as good as one that poll finds ready: the session is not idle.
        let (limit, pause) =
            if ready.is_empty() { (self.limit(), self.pause()) } else { (Deadline::NEVER, Some(Duration::ZERO)) };
        match pause {
            Some(pause) => self.ctx.wait_at_most(&mut interests, limit, pause).map(|_| ())?,
            None => self.ctx.wait(&mut interests, limit)?,
        }
        ready.extend(slots.iter().zip(&interests).filter(|(_, i)| i.ready.any()).map(|(slot, _)| *slot));
        Ok(ready)
    }

    /// The ends that the directions wait for.
    fn wanted(&self) -> Vec<(Slot, Readiness<'_>)> {
        let mut wanted = Vec::with_capacity(4);
        if self.outgoing.wants_source() {
            wanted.push((Slot::LocalIn, self.local.read_interest()));
        }
        if self.outgoing.wants_sink(self.may_half_close()) {
            wanted.push((Slot::RemoteOut, self.remote.write_interest()));
        }
        if self.incoming.wants_source() {
            wanted.push((Slot::RemoteIn, self.remote.read_interest()));
        }
        if self.incoming.wants_sink(true) {
            wanted.push((Slot::LocalOut, self.local.write_interest()));
        }
        wanted
    }

    /// The ends whose loss counts although nothing is to be read or written there now.
    fn watched(&self) -> Vec<(Slot, BorrowedFd<'_>)> {
        let mut watched = Vec::with_capacity(2);
        if !self.incoming.is_done() {
            watched.extend(self.local.reader_watch().map(|fd| (Slot::LocalReader, fd)));
        }
        if self.incoming.state != State::Running && self.outgoing.state == State::Running {
            watched.extend(self.remote.reader_watch().map(|fd| (Slot::RemotePeer, fd)));
        }
        watched
    }

    fn ready(&mut self, slot: Slot) -> Result<(), Error> {
        match slot {
            Slot::LocalIn => self.outgoing.source_is_ready(),
            Slot::RemoteOut => self.outgoing.sink_ready = true,
            Slot::RemoteIn => self.incoming.source_is_ready(),
            Slot::LocalOut => self.incoming.sink_ready = true,
            Slot::LocalReader => return Err(self.output_failed(&std::io::ErrorKind::BrokenPipe.into())),
            Slot::RemotePeer => self.peer_is_gone()?,
            Slot::ReportRequest => self.answer_request(),
        }
        Ok(())
    }

    /// The peer had ended, and now its program is gone: nobody is left to take our bytes. If none were under
    /// way, nothing is lost.
    fn peer_is_gone(&mut self) -> Result<(), Error> {
        let waiting = self.remote.take_error();
        if self.unsent() > 0 || (waiting.is_some() && self.reset_tells_of_a_loss()) {
            let error = waiting.unwrap_or_else(|| std::io::ErrorKind::ConnectionReset.into());
            return self.network_failed(self.remote.write_error(&error));
        }
        self.outgoing.abandon();
        Ok(())
    }

    /// Where acknowledgements can't be seen, a reset says that bytes of ours met nobody, unless it answers a probe:
    /// those begin when nothing has moved for a while.
    fn reset_tells_of_a_loss(&self) -> bool {
        let answers_a_probe = self.probing && self.clock.since_moved() >= PROBE.0;
        self.remote.unacknowledged().is_none() && self.outgoing.total > 0 && !answers_a_probe
    }

    /// The idle limit, and the limit of a session that is only waiting for its last bytes to leave.
    /// What --rate holds back is not idle.
    fn limit(&self) -> Deadline {
        if self.outgoing.held_back.or(self.incoming.held_back).is_some() {
            return Deadline::NEVER;
        }
        let idle = self.clock.idle(self.policy.idle);
        let ends = self.policy.end_on == EndOn::Peer || self.satisfied;
        let last_bytes = ends && self.incoming.is_done();
        if last_bytes { idle.sooner(self.clock.drain()) } else { idle }
    }

    /// A link that is slow but alive has moved something: bytes that the peer acknowledged since the last look.
    fn forgive(&mut self, cut: Cut) -> Result<(), Cut> {
        let Cut::Expired(expired) = cut else { return Err(cut) };
        if expired.0.limit == Limit::Deadline {
            return Err(cut);
        }
        self.clock.saw_unacknowledged(self.remote.unacknowledged());
        if self.limit().expired().is_some() { Err(cut) } else { Ok(()) }
    }

    /// The error of a wait that was cut short.
    fn cut_short(&mut self, cut: Cut) -> Error {
        if matches!(cut, Cut::Expired(_)) && (!self.outgoing.is_drained() || self.unsent() > 0) {
            self.remote.reset_on_close();
        }
        cut.during("transfer with", self.remote.name())
    }

    /// After a failure: what has come from the peer is still given to the local end, for as long as that takes it.
    /// Signals and limits do not count here; the time is short.
    fn hand_over(&mut self) {
        let end = Instant::now() + HAND_OVER;
        self.incoming.tap.hurry();
        self.incoming.sink_ready = true;
        loop {
            // The first failure is the one to tell. An observer's does not touch the output.
            match self.incoming.advance(self.ctx, self.remote, self.local, true) {
                Ok(_) | Err(Fault::Observer(_)) => {}
                Err(Fault::Source(_) | Fault::Sink(_)) => return,
            }
            self.incoming.stop_reading();
            let left = end.saturating_duration_since(Instant::now());
            if self.incoming.is_done() || left.is_zero() {
                return;
            }
            let mut writable: Vec<_> = self.local.write_interest().interest().into_iter().collect();
            // An end that is always ready has no question for poll, and nothing to wait for.
            let pause = if writable.is_empty() { Duration::ZERO } else { left };
            if poll(&mut writable, None, Some(pause)).is_err() {
                return;
            }
            self.incoming.sink_ready = true;
        }
    }

    /// The session is over: our end goes out, and the peer's kernel must take what is still under way.
    fn settle(&mut self) -> Result<(), Error> {
        if !self.outgoing.is_done() && self.outgoing.is_drained() {
            // A peer that is gone by now makes no difference: nothing of ours is under way.
            let _ = self.remote.close_write();
            self.book.we_ended(self.remote);
            self.outgoing.state = State::Done;
        }
        if self.reset_tells_of_a_loss() {
            self.check_remote()?;
        }
        let mut pause = Duration::from_millis(1);
        self.clock.moved();
        while self.unsent() > 0 {
            self.check_remote()?;
            self.answer_request();
            self.tell_progress();
            self.clock.saw_unacknowledged(self.remote.unacknowledged());
            let paused = self.ctx.pause(pause, self.clock.drain());
            paused.map_err(|cut| cut.during("wait for the last acknowledgement of", self.remote.name()))?;
            pause = (pause * 2).min(LOOK);
        }
        if self.satisfied && self.outgoing.total > 0 {
            self.drop_unread();
        }
        if self.policy.account { self.await_fin() } else { Ok(()) }
    }

    /// Every byte is acknowledged, so nothing can be lost any more: what happens to our end is for the account alone.
    fn await_fin(&mut self) -> Result<(), Error> {
        let mut pause = Duration::from_millis(1);
        while self.remote.unacknowledged().is_some_and(|n| n > 0) && self.remote.take_error().is_none() {
            match self.ctx.pause(pause, self.clock.drain()) {
                Ok(()) => pause = (pause * 2).min(LOOK),
                Err(cut @ Cut::Signal(_)) => return Err(cut.during("wait for the end of", self.remote.name())),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Input that nobody reads would make our close a reset, which destroys our last bytes at the peer: what is there is
    /// taken and dropped, from a peer that never pauses for as long as any last words.
    fn drop_unread(&mut self) {
        let end = Instant::now() + LINGER;
        let mut dropped = [0; 16 * 1024];
        while Instant::now() < end && self.remote.read(&mut dropped).is_ok_and(|n| n > 0) {}
    }

    /// An error that waits on the peer's socket, with the account of what it cost.
    fn check_remote(&mut self) -> Result<(), Error> {
        let Some(error) = self.remote.take_error() else { return Ok(()) };
        self.network_failed(self.remote.write_error(&error))?;
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// The questions for poll, each with the slot that its answer belongs to.
fn polled<'fd>(wanted: &[(Slot, Readiness<'fd>)], watched: &[(Slot, BorrowedFd<'fd>)]) -> Vec<(Slot, Interest<'fd>)> {
    let asked = wanted.iter().filter_map(|(slot, readiness)| Some((*slot, readiness.interest()?)));
    let watched = watched.iter().map(|(slot, fd)| (*slot, Interest::new(*fd, false, false)));
    asked.chain(watched).collect()
}
