//! The local end of a transfer that goes one way: takes what a decoder gives, waits where the reader is slow, ends it.
//!
//! Owns what becomes of the output however the transfer ends: bytes that came are handed over to the last one, and an
//! output for which nothing came is left as if nobody had opened it. Refuses to read anything.

use std::time::{Duration, Instant};

use super::direction::is_nothing_yet;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Event, Move, Side};
use crate::net::{Context, Cut};
use crate::stream::Stream;
use crate::sys::poll::Interest;

/// The output of a run, over all exchanges that it takes.
pub struct Delivery<'a> {
    ctx: &'a Context<'a>,
    pub(super) local: Stream,
    idle: Option<Bound>,
    written: u64,
    /// The reader is a terminal, which binary data could do anything to.
    is_for_eyes: bool,
    /// Small pieces that will be written together.
    gathered: Vec<u8>,
}

/// Whether data is binary is decided by so much of its beginning.
const LOOKED_AT: u64 = 4096;

/// So much is worth a write of its own.
const LARGE: usize = 32 * 1024;

impl<'a> Delivery<'a> {
    /// Delivers to `local`; one that takes nothing for as long as `idle` is given up.
    pub fn new(ctx: &'a Context<'a>, local: Stream, idle: Option<Bound>) -> Self {
        Delivery { ctx, local, idle, written: 0, is_for_eyes: false, gathered: Vec::new() }
    }

    /// The same, but data that begins with something else than text is refused.
    #[must_use]
    pub fn for_eyes(self) -> Self {
        Delivery { is_for_eyes: true, ..self }
    }

    /// How many bytes have gone to the output.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes all of `bytes`, waiting as long as the limits allow.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.check_for_eyes(bytes)?;
        let mut limit = Deadline::starting_now(self.idle);
        while !bytes.is_empty() {
            match self.local.write(bytes) {
                Ok(0) => return Err(self.local.write_error(&std::io::ErrorKind::WriteZero.into())),
                Ok(n) => {
                    self.ctx.tell(&Event::Move(Move::Wrote(Side::Local, n)));
                    self.written += n as u64;
                    bytes = &bytes[n..];
                    limit = Deadline::starting_now(self.idle);
                }
                Err(e) if is_nothing_yet(&e) => self.wait(limit).map_err(|cut| cut.during("write", "the output"))?,
                Err(e) => return Err(self.local.write_error(&e)),
            }
        }
        Ok(())
    }

    /// A NUL is what no text has, as curl and grep judge too.
    fn check_for_eyes(&self, bytes: &[u8]) -> Result<(), Error> {
        if !self.is_for_eyes || self.written >= LOOKED_AT || !bytes.contains(&0) {
            return Ok(());
        }
        let reason = "the data is binary, and this is a terminal";
        let error = Error::new(Kind::WriteLocal, "write", "standard output", reason);
        Err(error.hint("-o FILE keeps it, -o - shows it all the same"))
    }

    /// Does nothing for `pause`, during `operation` on `subject`. When nobody reads the output any more, there is nothing
    /// to wait for.
    pub fn pause(&self, pause: Duration, operation: &'static str, subject: &str) -> Result<(), Error> {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let mut interests: Vec<_> = self.reader_watch().into_iter().collect();
            let is_ready = self.ctx.wait_at_most(&mut interests, Deadline::NEVER, left);
            if is_ready.map_err(|cut| cut.during(operation, subject))? {
                return Err(self.reader_gone());
            }
        }
    }

    /// Takes `bytes`; small ones may stay here until [`Delivery::flush`].
    pub(super) fn gather(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.gathered.is_empty() && bytes.len() >= LARGE {
            return self.write(bytes);
        }
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= LARGE { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        let outcome = self.write(&gathered);
        gathered.clear();
        self.gathered = gathered;
        outcome
    }

    /// So many bytes have gone to the output past [`Delivery::write`].
    pub(super) fn passed(&mut self, bytes: usize) {
        self.ctx.tell(&Event::Move(Move::Wrote(Side::Local, bytes)));
        self.written += bytes as u64;
    }

    /// Waits until the output has room.
    pub(super) fn wait_for_room(&self) -> Result<(), Error> {
        self.wait(Deadline::starting_now(self.idle)).map_err(|cut| cut.during("write", "the output"))
    }

    /// Ends the output of a run that came to `outcome`, and gives that, or why the end failed.
    pub fn end(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        if outcome.is_err() && self.written == 0 {
            return outcome;
        }
        let ended = self.close();
        outcome.and(ended)
    }

    fn close(&mut self) -> Result<(), Error> {
        let limit = Deadline::starting_now(self.idle);
        loop {
            match self.local.close_write() {
                Ok(()) => return Ok(()),
                Err(e) if is_nothing_yet(&e) => self.wait(limit).map_err(|cut| cut.during("write", "the output"))?,
                Err(e) => return Err(self.local.write_error(&e)),
            }
        }
    }

    fn wait(&self, limit: Deadline) -> Result<(), Cut> {
        let mut interests: Vec<_> = self.local.write_interest().interest().into_iter().collect();
        if interests.is_empty() { Ok(()) } else { self.ctx.wait(&mut interests, limit) }
    }

    /// Asks poll, beside what else is waited for, whether whoever reads the output is gone.
    pub(super) fn reader_watch(&self) -> Option<Interest<'_>> {
        self.local.reader_watch().map(|fd| Interest::new(fd, false, false))
    }

    /// The error of a reader that is gone.
    pub(super) fn reader_gone(&self) -> Error {
        self.local.write_error(&std::io::ErrorKind::BrokenPipe.into())
    }
}
