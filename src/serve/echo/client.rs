//! One client of the echo server, and what it has not taken back yet.
//!
//! A client that does not read is not read either: its kernel's buffers fill up, ours hold one piece at the most. Its
//! end (FIN) is answered with ours after the last byte has gone back. Each turn is bounded, so that a busy client
//! can't starve the rest. An encrypted client has a handshake before all that, and `close_notify` before each end; what is
//! decrypted already, or refused, gets no event of the poller ([`Client::has_more_to_read`]). Refuses to wait and to count
//! clients.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::house::Tally;
use crate::deadline::{Bound, Deadline, Expired};
use crate::error::{Error, Kind};
use crate::event::{Event, Serve, Shown};
use crate::net::Context;
use crate::serve::encryption::Encryption;
use crate::serve::partner::{Session, Step};
use crate::stream::Stream;

/// How many reads a client may have in one turn, and how many steps of its part.
const READS: usize = 8;
const STEPS: usize = 64;

/// The keepalive that tells of a client with which nothing moves whether it is still there: one that has closed and
/// one that is silent look alike.
const PROBE: (Duration, u32) = (Duration::from_secs(15), 4);

/// How long after our end bytes of the client are still taken: closed with unread bytes, a socket sends a reset,
/// which can destroy our last bytes on their way.
const LINGER: Duration = Duration::from_secs(2);

/// A client with which nothing has moved for this long is in the middle of nothing.
const QUIET: Duration = Duration::from_secs(1);

/// What a client is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Asked {
    /// Not even then is a broken connection kept secret.
    const NOTHING: Asked = Asked { read: false, write: false };
}

/// A session.
pub(super) struct Client<'p> {
    stream: Stream,
    /// Its part in the script; without one, what comes goes back.
    part: Option<Box<Session<'p>>>,
    unsent: Vec<u8>,
    state: State,
    /// Its part has more to say than there was room or time for.
    has_more: bool,
    /// When its part goes on by itself.
    due: Option<Instant>,
    /// The time that the loop has been told.
    told: Option<Instant>,
    pub(super) asked: Asked,
    pub(super) received: u64,
    pub(super) sent: u64,
    last_moved: Instant,
    ends: Ends,
    /// It is on the list of those that go on without an event.
    pub(super) is_queued: bool,
    /// Why it was refused: told when it has gone.
    pub(super) refusal: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its handshake is under way, until then at the most.
    Shaking(Instant),
    Open,
    /// The client's end has come.
    Ended,
    /// Our end is sent; what still comes is thrown away, until then at the most.
    Leaving(Instant),
    /// It is left alone until it goes.
    Stalled,
}

/// Which ends there have been of a client that leaves.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// Ours is out.
    ours: bool,
    /// Nothing more can come of it.
    theirs: bool,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Leaves,
}

/// What a client has in its turn: the narrator, the buffer that all share, the counts, the time.
pub(super) struct Turn<'t> {
    pub(super) ctx: &'t Context<'t>,
    pub(super) piece: &'t mut [u8],
    pub(super) tally: &'t Tally,
    pub(super) now: Instant,
    pub(super) encryption: Option<&'t Encryption>,
}

impl<'p> Client<'p> {
    /// A client with `part`, whose handshake, if there is one, must be over at `shaking`.
    pub(super) fn new(stream: Stream, part: Option<Session<'p>>, shaking: Option<Instant>, now: Instant) -> Self {
        let mut client = Client {
            stream,
            part: part.map(Box::new),
            unsent: Vec::new(),
            state: shaking.map_or(State::Open, State::Shaking),
            has_more: false,
            due: shaking,
            told: None,
            asked: Asked::NOTHING,
            received: 0,
            sent: 0,
            last_moved: now,
            ends: Ends::default(),
            is_queued: false,
            refusal: None,
        };
        client.asked = client.wants();
        client
    }

    /// The poller had something to say of it. If it was not asked anything, the connection is broken or closed.
    pub(super) fn stirred(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        if self.asked != Asked::NOTHING {
            return self.turn(turn);
        }
        match self.stream.take_error() {
            Some(error) if self.state != State::Stalled => Err(self.stream.read_error(&error)),
            _ => Ok(Fate::Leaves),
        }
    }

    /// Does what can be done now.
    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        match self.state {
            State::Shaking(until) => self.shake_hands(until, turn),
            State::Open | State::Ended => {
                self.stream.flush().map_err(|e| self.stream.write_error(&e))?;
                if self.part.is_some() { self.play(turn) } else { self.echo(turn) }
            }
            State::Leaving(_) => Ok(self.throw_away(turn)),
            State::Stalled => Ok(Fate::Stays),
        }
    }

    /// Goes on with its handshake, and then with what it wanted.
    fn shake_hands(&mut self, until: Instant, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        let Some(encryption) = turn.encryption else { return Ok(Fate::Stays) };
        match encryption.advance(turn.ctx, &mut self.stream) {
            Ok(true) => {
                (self.state, self.due, self.last_moved) = (State::Open, None, turn.now);
                self.turn(turn)
            }
            Ok(false) if turn.now >= until => Err(encryption.expired(&self.stream)),
            Ok(false) => Ok(Fate::Stays),
            Err(error) => self.refuse(error, turn),
        }
    }

    /// An alert tells it why, which a close at once could destroy on its way.
    fn refuse(&mut self, error: Error, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        if !matches!(error.kind, Kind::Tls | Kind::Untrusted) || self.end(turn.now).is_err() {
            return Err(error);
        }
        self.refusal = Some(error);
        Ok(self.throw_away(turn))
    }

    /// Gives back what waits, then reads and gives back until there is nothing or no room.
    fn echo(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        let unsent = std::mem::take(&mut self.unsent);
        self.give_back(&unsent, turn)?;
        for _ in 0..READS {
            if !self.unsent.is_empty() {
                return Ok(Fate::Stays);
            }
            if self.state == State::Ended {
                return self.leave(turn.now);
            }
            let Some(n) = self.read(turn)? else { return Ok(Fate::Stays) };
            turn.tally.messages.add(usize::from(n > 0));
            self.give_back(&turn.piece[..n], turn)?;
            if 0 < n && n < turn.piece.len() && !self.stream.has_more() {
                // That was all there was: the poller tells when there is more.
                return Ok(Fate::Stays);
            }
        }
        Ok(Fate::Stays)
    }

    /// Both ends have come. That of a plain socket is its close.
    fn leave(&mut self, now: Instant) -> Result<Fate, Error> {
        if matches!(self.stream, Stream::Tls(_)) { self.end(now) } else { Ok(Fate::Leaves) }
    }

    /// One read; 0 is the client's end.
    fn read(&mut self, turn: &mut Turn<'_>) -> Result<Option<usize>, Error> {
        match self.stream.read(turn.piece) {
            Ok(0) => {
                self.state = State::Ended;
                Ok(Some(0))
            }
            Ok(n) => {
                self.received += n as u64;
                self.last_moved = turn.now;
                turn.tally.received.add(n);
                Ok(Some(n))
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(self.stream.read_error(&e)),
        }
    }

    /// Writes what there is room for and keeps the rest.
    fn give_back(&mut self, bytes: &[u8], turn: &Turn<'_>) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let n = match self.stream.write(bytes) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            Err(e) => return Err(self.stream.write_error(&e)),
        };
        self.wrote(n, turn);
        self.unsent = bytes[n..].to_vec();
        Ok(())
    }

    fn wrote(&mut self, n: usize, turn: &Turn<'_>) {
        self.sent += n as u64;
        turn.tally.sent.add(n);
        self.last_moved = turn.now;
    }

    /// Its part, as far as it goes now. One read may bring several messages, which are answered one by one.
    fn play(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        let messages = |part: &Option<Box<Session<'_>>>| part.as_ref().map_or(0, |part| part.messages());
        let before = messages(&self.part);
        let fate = self.take_steps(turn);
        turn.tally.messages.add(usize::try_from(messages(&self.part) - before).unwrap_or(usize::MAX));
        fate
    }

    fn take_steps(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        (self.has_more, self.due) = (false, None);
        self.listen(turn)?;
        for _ in 0..STEPS {
            let Some(part) = &mut self.part else { return Ok(Fate::Leaves) };
            match part.step(turn.now) {
                Step::Say(bytes) => match self.stream.write(bytes) {
                    Ok(n) => {
                        part.said(n);
                        self.wrote(n, turn);
                        self.tell(turn, |name| Serve::Said(name, n));
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) => return Err(self.stream.write_error(&e)),
                },
                Step::Listen => {
                    if !self.listen(turn)? {
                        return Ok(Fate::Stays);
                    }
                }
                Step::Pause(until) => {
                    self.due = Some(until);
                    return Ok(Fate::Stays);
                }
                Step::Close => {
                    self.tell(turn, Serve::Dismissed);
                    return self.end(turn.now);
                }
                Step::Reset => {
                    self.stream.reset_on_close();
                    return Ok(Fate::Leaves);
                }
                Step::Stall => return Ok(self.stall()),
            }
        }
        self.has_more = true;
        Ok(Fate::Stays)
    }

    /// Lets its part hear what one read gives; tells whether that was anything.
    fn listen(&mut self, turn: &mut Turn<'_>) -> Result<bool, Error> {
        if self.state == State::Ended || !self.part.as_ref().is_some_and(|part| part.wants_input()) {
            return Ok(false);
        }
        let Some(n) = self.read(turn)? else { return Ok(false) };
        // It may have come long after the turn began, which has spoken first: a pause before its answer begins now.
        turn.now = Instant::now();
        self.tell(turn, |name| if n == 0 { Serve::ClientEnded(name) } else { Serve::Heard(name, n) });
        let Some(part) = &mut self.part else { return Ok(false) };
        match n {
            0 => part.ended(turn.now),
            n => part.hear(&turn.piece[..n], turn.now),
        }
        Ok(true)
    }

    fn tell<'e>(&'e self, turn: &Turn<'_>, event: impl FnOnce(Shown<'e>) -> Serve<'e>) {
        turn.ctx.tell(&Event::Serve(event(self)));
    }

    fn stall(&mut self) -> Fate {
        self.state = State::Stalled;
        self.stream.probe_peer(PROBE.0, PROBE.1);
        Fate::Stays
    }

    /// The next message that it sent and that is to be printed.
    pub(super) fn next_message(&mut self) -> Option<Vec<u8>> {
        self.part.as_mut()?.next_message()
    }

    /// Reads away what comes after our end, for a while.
    fn throw_away(&mut self, turn: &mut Turn<'_>) -> Fate {
        if matches!(self.state, State::Leaving(until) if turn.now >= until) || self.send_end().is_err() {
            return Fate::Leaves;
        }
        for _ in 0..READS {
            if self.ends.theirs {
                break;
            }
            match self.stream.discard(turn.piece) {
                Ok(n) if n > 0 => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Fate::Stays,
                // It has what it wanted, once it has our end.
                Ok(_) => self.ends.theirs = true,
                Err(_) => return Fate::Leaves,
            }
        }
        if self.ends.theirs && self.ends.ours { Fate::Leaves } else { Fate::Stays }
    }

    /// The server is about to end: one that is in the middle of something may still take our last bytes and our end.
    pub(super) fn say_goodbye(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        let fate = self.turn(turn)?;
        if matches!(self.state, State::Shaking(_)) {
            return Ok(Fate::Leaves);
        }
        if fate == Fate::Leaves || !self.unsent.is_empty() || matches!(self.state, State::Leaving(_)) {
            return Ok(fate);
        }
        let is_quiet = turn.now.saturating_duration_since(self.last_moved) > QUIET;
        let fate = self.end(turn.now)?;
        Ok(if is_quiet && self.ends.ours { Fate::Leaves } else { fate })
    }

    /// Sends our end; until the client's, what comes is thrown away.
    fn end(&mut self, now: Instant) -> Result<Fate, Error> {
        self.send_end().map_err(|e| self.stream.write_error(&e))?;
        self.ends.theirs |= self.state == State::Ended;
        if self.ends.theirs && self.ends.ours {
            return Ok(Fate::Leaves);
        }
        self.state = State::Leaving(now + LINGER);
        self.due = Some(now + LINGER);
        Ok(Fate::Stays)
    }

    /// Sends our end as far as there is room for it.
    fn send_end(&mut self) -> io::Result<()> {
        if self.ends.ours {
            return Ok(());
        }
        match self.stream.close_write() {
            Ok(()) => self.ends.ours = true,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// It is not waited for any longer: one that is encrypted hears that this is our end, and no cut.
    pub(super) fn dismiss(&mut self) {
        if matches!((self.state, &self.stream), (State::Open | State::Ended | State::Stalled, Stream::Tls(_))) {
            // One that takes nothing has not earned it.
            let _ = self.stream.close_write();
        }
    }

    /// Whether a read may give something of which the poller knows nothing.
    pub(super) fn has_more_to_read(&self) -> bool {
        matches!(self.state, State::Open) && self.wants().read && self.stream.has_more()
    }

    /// Whether the time at which it goes on by itself has come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When it goes on by itself, if that is news.
    pub(super) fn new_due(&mut self) -> Option<Instant> {
        if std::mem::replace(&mut self.told, self.due) == self.due { None } else { self.due }
    }

    /// What it is to be watched for now.
    pub(super) fn wants(&self) -> Asked {
        let write = !self.unsent.is_empty() || self.has_more;
        let read = match (self.state, &self.part) {
            (State::Open, Some(part)) => part.wants_input(),
            (State::Open, None) => !write,
            (State::Shaking(_), _) => true,
            (State::Leaving(_), _) => return Asked { read: !self.ends.theirs, write: !self.ends.ours },
            (State::Stalled, _) => return Asked::NOTHING,
            (State::Ended, _) => false,
        };
        Asked { read, write: write || self.stream.wants_flush() }
    }

    /// The limit that has passed: the idle one, or that of the last bytes, which is no failure.
    pub(super) fn overdue(&self, idle: Option<Bound>, now: Instant) -> Option<Overdue> {
        match self.state {
            State::Shaking(_) => None,
            State::Leaving(until) => (now >= until).then_some(Overdue::Lingered),
            State::Open | State::Ended | State::Stalled => {
                Deadline::since(self.last_moved, idle).expired().map(Overdue::Idle)
            }
        }
    }

    /// The error of a limit that passed.
    pub(super) fn expired(&self, expired: Expired) -> Error {
        Error::expired("transfer with", self.stream.name(), expired)
    }

    /// The descriptor to watch.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.reader_watch()
    }

    /// Bytes that it has not taken back.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len()
    }
}

/// Who it is, put into words only where somebody reads them.
impl fmt::Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stream.name())
    }
}

/// Why a client is not waited for any longer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Overdue {
    /// Nothing has moved for too long.
    Idle(Expired),
    /// It has had its time to take our end.
    Lingered,
}
