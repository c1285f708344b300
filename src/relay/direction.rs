//! One direction of a session: read, buffer, write, end.

use std::io;
use std::time::Duration;

use super::fast::{Fast, Step};
use super::taps::Tap;
use crate::error::Error;
use crate::event::{Event, Move, Side};
use crate::net::Context;
use crate::stream::Stream;
use crate::stream::buffer::Buffer;
use crate::stream::crlf::Crlf;

/// How many reads one direction may do before the other has its turn.
const TURN: usize = 4;

/// What is less than this was all that there was.
const SMALL: usize = 16 * 1024;

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
    buffer: Buffer,
    /// Bytes that the sink has taken.
    pub(super) total: u64,
    /// Where the bytes come from; they go to the other side.
    from_side: Side,
    crlf: Option<Crlf>,
    /// The kernel's path, unless somebody wants to see the bytes.
    fast: Option<Fast>,
    /// Poll has seen the source ready, and nothing was taken from it since.
    source_is_sure: bool,
    /// What looks on, and what may move.
    pub(super) tap: Tap<'a>,
    /// For how long what waits must still wait, however ready the sink is (`--rate`). Found once a turn: two answers
    /// from two looks at the clock would let a wait begin that nothing ends.
    pub(super) held_back: Option<Duration>,
    /// Whether the next read, or the next write, is worth a call.
    source_ready: bool,
    pub(super) sink_ready: bool,
}

impl<'a> Direction<'a> {
    /// A direction over the buffer, or over `fast` as long as that does it and nobody wants to see the bytes.
    pub(super) fn new(from_side: Side, crlf: bool, tap: Tap<'a>, fast: Option<Fast>, capacity: usize) -> Self {
        Direction {
            fast,
            source_is_sure: false,
            state: State::Running,
            buffer: Buffer::holding(capacity),
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
            let step = if self.fast.is_some() && self.buffer.is_empty() {
                self.move_fast(ctx, from, to)?
            } else {
                let read = self.read_some(ctx, from).map_err(Fault::Source)?;
                self.write_some(ctx, to)? || read
            };
            moved |= step;
            if !step {
                break;
            }
        }
        self.held_back = self.tap.wait(self.buffer.data().len());
        if self.state == State::ShuttingDown && self.pending() == 0 && may_close {
            moved |= self.close(to).map_err(Fault::Sink)?;
        }
        Ok(moved)
    }

    /// A step on the kernel's path.
    fn move_fast(&mut self, ctx: &Context<'_>, from: &Stream, to: &mut Stream) -> Result<bool, Fault> {
        let may_read = self.state == State::Running && self.source_ready;
        let Some(fast) = self.fast.as_mut().filter(|_| self.sink_ready) else { return Ok(false) };
        if !may_read && fast.held() == 0 {
            return Ok(false);
        }
        match fast.step(from, to, if may_read { u64::MAX } else { 0 }) {
            Step::Moved(n) => self.moved_fast(ctx, n),
            Step::Ended => self.state = State::ShuttingDown,
            Step::Declined => return self.decline().map_err(Fault::Source),
            Step::SourceFailed(e) => return Err(Fault::Source(e)),
            Step::SinkFailed(e) => return Err(Fault::Sink(e)),
            blocked => {
                self.blocked(&blocked);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn moved_fast(&mut self, ctx: &Context<'_>, n: usize) {
        self.total += n as u64;
        self.source_is_sure = false;
        // A small piece has most likely emptied the source: let poll tell when there is more.
        self.source_ready = n >= SMALL;
        ctx.tell(&Event::Move(Move::Read(self.from_side, n)));
        ctx.tell(&Event::Move(Move::Wrote(self.to_side(), n)));
    }

    /// Where one call needs both ends, a source that poll has seen ready can't be what is missing.
    fn blocked(&mut self, step: &Step) {
        match step {
            Step::SinkBlocked => self.sink_ready = false,
            Step::Blocked if self.source_is_sure => self.sink_ready = false,
            _ => self.source_ready = false,
        }
    }

    /// The buffer path takes over, and first what the own pipe holds.
    fn decline(&mut self) -> io::Result<bool> {
        if let Some(fast) = &mut self.fast {
            let n = fast.take_back(self.buffer.space())?;
            self.buffer.filled(n);
            if fast.held() == 0 {
                self.fast = None;
            }
        }
        Ok(true)
    }

    /// Poll has seen the source ready.
    pub(super) fn source_is_ready(&mut self) {
        self.source_ready = true;
        self.source_is_sure = true;
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
        // On the kernel's path a source that is ready waits for the sink, and a full pipe is emptied first.
        let waits = self.fast.as_ref().is_some_and(|fast| fast.held() > 0 || (fast.needs_both() && !self.sink_ready));
        self.state == State::Running && self.may_read() >= least && !(waits && self.source_ready)
    }

    /// How much the next read may bring.
    fn may_read(&self) -> usize {
        self.buffer.room().min(self.tap.may_read(self.buffer.data().len()))
    }

    /// Whether a write, or the end of one, would be of use now.
    pub(super) fn wants_sink(&self, may_close: bool) -> bool {
        if self.buffer.is_empty() {
            let both = self.fast.as_ref().is_some_and(Fast::needs_both) && self.state == State::Running;
            let closing = self.state == State::ShuttingDown && may_close;
            return closing || self.pending() > 0 || (both && !self.sink_ready);
        }
        self.held_back.is_none()
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The source has ended, and everything it gave has been written.
    pub(super) fn is_drained(&self) -> bool {
        self.state != State::Running && self.pending() == 0
    }

    /// Bytes that the source has given and the sink has not taken.
    pub(super) fn pending(&self) -> usize {
        self.buffer.data().len() + self.fast.as_ref().map_or(0, Fast::held)
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
        self.fast = None;
        self.held_back = None;
        self.state = State::Done;
    }
}

/// Whether a call has only to be made again.
pub(super) fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
