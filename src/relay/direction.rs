//! One direction of a session: read, buffer, write, end.

use std::io;
use std::time::Duration;

use super::taps::Tap;
use crate::error::Error;
use crate::event::{Event, Move, Side};
use crate::net::Context;
use crate::stream::Stream;
use crate::stream::buffer::Buffer;
use crate::stream::crlf::Crlf;

/// How many reads one direction may do before the other has its turn.
const TURN: usize = 4;

/// How far a direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The source may still give bytes.
    Running,
    /// The source has ended; what is buffered must be written and the sink be ended.
    ShuttingDown,
    /// Over.
    Done,
}

/// Which end of a direction failed, or who looked on.
#[derive(Debug)]
pub(super) enum Fault {
    Source(io::Error),
    Sink(io::Error),
    Observer(Error),
}

/// The state of one direction.
#[derive(Debug)]
pub(super) struct Direction<'a> {
    pub(super) state: State,
    pub(super) buffer: Buffer,
    /// Bytes that the sink has taken.
    pub(super) total: u64,
    /// Where the bytes come from; they go to the other side.
    from_side: Side,
    crlf: Option<Crlf>,
    /// What looks on, and what may move.
    pub(super) tap: Tap<'a>,
    /// For how long what waits must still wait, however ready the sink is (`--rate`). Found once a turn: two answers
    /// from two looks at the clock would let a wait begin that nothing ends.
    pub(super) held_back: Option<Duration>,
    /// Whether the next read, or the next write, is worth a call.
    pub(super) source_ready: bool,
    pub(super) sink_ready: bool,
}

impl<'a> Direction<'a> {
    pub(super) fn new(from_side: Side, crlf: bool, tap: Tap<'a>) -> Self {
        Direction {
            state: State::Running,
            buffer: Buffer::default(),
            total: 0,
            from_side,
            crlf: crlf.then(Crlf::default),
            tap,
            held_back: None,
            source_ready: true,
            sink_ready: true,
        }
    }

    /// Moves what can be moved without waiting, ends the sink when it is time and `may_close` allows it.
    /// Tells whether anything moved.
    pub(super) fn advance(
        &mut self,
        ctx: &Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        may_close: bool,
    ) -> Result<bool, Fault> {
        let mut moved = false;
        for _ in 0..TURN {
            let read = self.read_some(ctx, from).map_err(Fault::Source)?;
            let wrote = self.write_some(ctx, to)?;
            moved |= read || wrote;
            if !read && !wrote {
                break;
            }
        }
        self.held_back = self.tap.wait(self.buffer.data().len());
        if self.state == State::ShuttingDown && self.buffer.is_empty() && may_close {
            moved |= self.close(to).map_err(Fault::Sink)?;
        }
        Ok(moved)
    }

    fn read_some(&mut self, ctx: &Context<'_>, from: &mut Stream) -> io::Result<bool> {
        if !self.wants_source() || !self.source_ready {
            return Ok(false);
        }
        let room = self.may_read();
        let read = match &mut self.crlf {
            Some(crlf) => crlf.read(from, &mut self.buffer),
            None => from.read(&mut self.buffer.space()[..room]).inspect(|&n| self.buffer.filled(n)),
        };
        // A short read has most likely emptied the source: let poll tell when there is more.
        self.source_ready = read.as_ref().is_ok_and(|&n| n == room);
        match read {
            Ok(0) => self.state = State::ShuttingDown,
            Ok(n) => {
                let data = self.buffer.data();
                self.tap.came(&data[data.len().saturating_sub(n)..]);
                ctx.tell(&Event::Move(Move::Read(self.from_side, n)));
            }
            Err(e) if is_nothing_yet(&e) => return Ok(false),
            Err(e) => return Err(e),
        }
        Ok(true)
    }

    fn write_some(&mut self, ctx: &Context<'_>, to: &mut Stream) -> Result<bool, Fault> {
        let most = self.tap.may_write(self.buffer.data().len());
        if most == 0 || !self.sink_ready {
            return Ok(false);
        }
        match to.write(&self.buffer.data()[..most]) {
            Ok(0) => Err(Fault::Sink(io::ErrorKind::WriteZero.into())),
            Ok(n) => {
                let seen = self.tap.took(&self.buffer.data()[..n]);
                self.buffer.consume(n);
                self.total += n as u64;
                self.sink_ready = n == most;
                ctx.tell(&Event::Move(Move::Wrote(self.to_side(), n)));
                seen.map(|()| true).map_err(Fault::Observer)
            }
            Err(e) if is_nothing_yet(&e) => {
                self.sink_ready = false;
                Ok(false)
            }
            Err(e) => Err(Fault::Sink(e)),
        }
    }

    fn close(&mut self, to: &mut Stream) -> io::Result<bool> {
        match to.close_write() {
            Ok(()) => {
                self.state = State::Done;
                Ok(true)
            }
            Err(e) if is_nothing_yet(&e) => {
                self.sink_ready = false;
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    fn to_side(&self) -> Side {
        match self.from_side {
            Side::Local => Side::Peer,
            Side::Peer => Side::Local,
        }
    }

    /// Whether a read would be of use.
    pub(super) fn wants_source(&self) -> bool {
        // The translation of line ends may double what is read.
        let least = if self.crlf.is_some() { 2 } else { 1 };
        self.state == State::Running && self.may_read() >= least
    }

    /// How much the next read may bring.
    fn may_read(&self) -> usize {
        self.buffer.room().min(self.tap.may_read(self.buffer.data().len()))
    }

    /// Whether a write, or the end of one, would be of use now.
    pub(super) fn wants_sink(&self, may_close: bool) -> bool {
        if self.buffer.is_empty() { self.state == State::ShuttingDown && may_close } else { self.held_back.is_none() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The source has ended, and everything it gave has been written.
    pub(super) fn is_drained(&self) -> bool {
        self.state != State::Running && self.buffer.is_empty()
    }

    /// Reads no more; what is buffered is still written.
    pub(super) fn stop_reading(&mut self) {
        if self.state == State::Running {
            self.state = State::ShuttingDown;
        }
    }

    /// Gives up what is buffered: the sink is gone.
    pub(super) fn abandon(&mut self) {
        self.buffer.clear();
        self.held_back = None;
        self.state = State::Done;
    }
}

/// Whether a call has only to be made again.
pub(super) fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
