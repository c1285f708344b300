//! One client of the echo server, and what it has not taken back yet.
//!
//! A client that does not read is not read either: its kernel's buffers fill up, ours hold one piece at the most. Its
//! end (FIN) is answered with ours after the last byte has gone back. Each turn is bounded, so that a busy client
//! can't starve the rest. Refuses to wait and to count clients.

use std::fmt;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::house::Tally;
use crate::deadline::{Bound, Deadline, Expired};
use crate::error::Error;
use crate::stream::Stream;

/// How many reads a client may have in one turn.
const READS: usize = 8;

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

/// A session.
pub(super) struct Client {
    stream: Stream,
    unsent: Vec<u8>,
    state: State,
    pub(super) asked: Asked,
    pub(super) received: u64,
    pub(super) sent: u64,
    last_moved: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The client's end has come.
    Ended,
    /// Our end is sent; what still comes is thrown away, until then at the most.
    Leaving(Instant),
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Leaves,
}

/// What a client has in its turn: the buffer that all share, the counts, the time.
pub(super) struct Turn<'t> {
    pub(super) piece: &'t mut [u8],
    pub(super) tally: &'t Tally,
    pub(super) now: Instant,
}

impl Client {
    pub(super) fn new(stream: Stream, now: Instant) -> Self {
        let asked = Asked { read: true, write: false };
        Client { stream, unsent: Vec::new(), state: State::Open, asked, received: 0, sent: 0, last_moved: now }
    }

    /// Does what can be done now.
    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        match self.state {
            State::Open | State::Ended => self.echo(turn),
            State::Leaving(_) => Ok(self.throw_away(turn)),
        }
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
                return Ok(Fate::Leaves);
            }
            let Some(n) = self.read(turn)? else { return Ok(Fate::Stays) };
            self.give_back(&turn.piece[..n], turn)?;
            if 0 < n && n < turn.piece.len() {
                // That was all there was: the poller tells when there is more.
                return Ok(Fate::Stays);
            }
        }
        Ok(Fate::Stays)
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
                turn.tally.messages.add(1);
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
        self.sent += n as u64;
        turn.tally.sent.add(n);
        self.last_moved = turn.now;
        self.unsent = bytes[n..].to_vec();
        Ok(())
    }

    /// Reads away what comes after our end.
    fn throw_away(&mut self, turn: &mut Turn<'_>) -> Fate {
        for _ in 0..READS {
            match self.stream.read(turn.piece) {
                Ok(n) if n > 0 => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Fate::Stays,
                // Its end, or a reset: it has what it wanted.
                Ok(_) | Err(_) => return Fate::Leaves,
            }
        }
        Fate::Stays
    }

    /// The server is about to end: one that is in the middle of something may still take our last bytes and our end.
    pub(super) fn say_goodbye(&mut self, turn: &mut Turn<'_>) -> Result<Fate, Error> {
        let fate = self.turn(turn)?;
        if fate == Fate::Leaves || !self.unsent.is_empty() || matches!(self.state, State::Leaving(_)) {
            return Ok(fate);
        }
        self.end(turn.now)?;
        let is_quiet = turn.now.saturating_duration_since(self.last_moved) > QUIET;
        Ok(if is_quiet { Fate::Leaves } else { Fate::Stays })
    }

    /// Sends our end; until the client's, what comes is thrown away.
    fn end(&mut self, now: Instant) -> Result<(), Error> {
        self.stream.close_write().map_err(|e| self.stream.write_error(&e))?;
        self.state = State::Leaving(now + LINGER);
        Ok(())
    }

    /// What it is to be watched for now.
    pub(super) fn wants(&self) -> Asked {
        let blocked = !self.unsent.is_empty();
        Asked { read: !blocked, write: blocked }
    }

    /// The limit that has passed: the idle one, or that of the last bytes, which is no failure.
    pub(super) fn overdue(&self, idle: Option<Bound>, now: Instant) -> Option<Overdue> {
        match self.state {
            State::Leaving(until) => (now >= until).then_some(Overdue::Lingered),
            State::Open | State::Ended => Deadline::since(self.last_moved, idle).expired().map(Overdue::Idle),
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
impl fmt::Display for Client {
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
