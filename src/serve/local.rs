//! The local end of the loops in this room: what is on its way to the output, and the input.
//!
//! Owns the bound on what waits for a slow output. Refuses to frame.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::net::{Context, Cut};
use crate::stream::buffer::Buffer;
use crate::stream::crlf::Crlf;
use crate::stream::stdio::Stdio;
use crate::stream::{Readiness, Stream};
use crate::sys::poll::{Interest, poll};

/// Once this much waits for the output, nothing more is taken from a socket: it waits in the kernel's queue.
const ROOM: usize = 64 * 1024;

/// How long a run that is over already waits for the output to take the rest.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Standard input and output, or what stands in for them.
pub(super) struct Local {
    stream: Stream,
    waiting: Vec<u8>,
    written: usize,
    room: usize,
}

impl Local {
    pub(super) fn new(local: Stdio) -> Self {
        Self::with_room(local, ROOM)
    }

    /// The same, with another bound on what may wait for the output before nothing more is taken from a socket.
    pub(super) fn with_room(local: Stdio, room: usize) -> Self {
        Local { stream: Stream::Stdio(local), waiting: Vec::new(), written: 0, room }
    }

    /// Reads input; `None` is nothing yet, 0 the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        let read = self.stream.read(buffer);
        self.read_outcome(read)
    }

    /// Reads input into `buffer`, with its line ends translated by `crlf`; `None` is nothing yet, 0 the end.
    pub(super) fn read_into(&mut self, buffer: &mut Buffer, crlf: Option<&mut Crlf>) -> Result<Option<usize>, Error> {
        let read = match crlf {
            Some(crlf) => crlf.read(&mut self.stream, buffer),
            None => self.stream.read(buffer.space()).inspect(|&n| buffer.filled(n)),
        };
        self.read_outcome(read)
    }

    fn read_outcome(&self, read: io::Result<usize>) -> Result<Option<usize>, Error> {
        match read {
            Ok(n) => Ok(Some(n)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(self.stream.read_error(&e)),
        }
    }

    /// What to wait for before the next read.
    pub(super) fn read_interest(&self) -> Readiness<'_> {
        self.stream.read_interest()
    }

    /// Adds to what waits for the output.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Whether more may be taken from a socket.
    pub(super) fn has_room(&self) -> bool {
        self.left() < self.room
    }

    /// Bytes that the output has not taken.
    pub(super) fn left(&self) -> usize {
        self.waiting.len() - self.written
    }

    /// Writes what the output takes now; tells whether it took anything.
    pub(super) fn write(&mut self) -> Result<bool, Error> {
        let before = self.left();
        while self.left() > 0 {
            match self.stream.write(&self.waiting[self.written..]) {
                Ok(0) => return Err(self.stream.write_error(&ErrorKind::WriteZero.into())),
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(self.stream.write_error(&e)),
            }
        }
        // Moved up only once half of it is gone: a pipe takes small pieces of a long rest.
        if self.written >= self.waiting.len() - self.written {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        Ok(self.left() < before)
    }

    /// What to wait for before the next write; `None` if nothing waits, or if it need not be waited for.
    pub(super) fn write_interest(&self) -> Option<Interest<'_>> {
        if self.left() > 0 { self.stream.write_interest().interest() } else { None }
    }

    /// Waits until one of `interests` is ready, the output takes what waits for it, `limit` passes or `pause` is over.
    /// That nobody reads the output any more is an error.
    pub(super) fn wait<'i>(
        &'i self,
        ctx: &Context<'_>,
        interests: impl IntoIterator<Item = Interest<'i>>,
        limit: Deadline,
        pause: Option<Duration>,
    ) -> Result<Option<Cut>, Error> {
        // A flood in either direction must not outlast the limit of the whole run.
        if let Some(expired) = ctx.deadline.expired() {
            return Ok(Some(Cut::Expired(expired)));
        }
        let watch = self.reader_watch();
        let is_watched = watch.is_some();
        let mut all: Vec<_> = watch.into_iter().chain(self.write_interest()).chain(interests).collect();
        let pause = if self.can_write_now() { Some(Duration::ZERO) } else { pause };
        let waited = match pause {
            Some(pause) => ctx.wait_at_most(&mut all, limit, pause).map(|_| ()),
            None => ctx.wait(&mut all, limit),
        };
        if is_watched && all[0].ready.any() { Err(self.reader_gone()) } else { Ok(waited.err()) }
    }

    /// Whether something waits that can be written at once.
    pub(super) fn can_write_now(&self) -> bool {
        self.left() > 0 && matches!(self.stream.write_interest(), Readiness::Always)
    }

    /// Poll reports on it that whoever reads the output is gone.
    pub(super) fn reader_watch(&self) -> Option<Interest<'_>> {
        self.reader().map(|fd| Interest::new(fd, false, false))
    }

    /// The descriptor of that.
    pub(super) fn reader(&self) -> Option<BorrowedFd<'_>> {
        self.stream.reader_watch()
    }

    /// The error of an output that nobody reads any more, or of a file that was written behind us.
    pub(super) fn reader_gone(&self) -> Error {
        let failure = self.stream.take_error().unwrap_or_else(|| ErrorKind::BrokenPipe.into());
        self.stream.write_error(&failure)
    }

    /// Writes the rest and ends the output, at the reader's pace.
    pub(super) fn finish(&mut self, ctx: &Context<'_>, limit: Deadline) -> Result<(), Error> {
        self.finish_waiting(|interests| {
            ctx.wait(interests, limit).map_err(|cut| cut.during("write", "standard output"))
        })
    }

    /// The same after a signal or a failure: a reader that takes nothing is not waited for.
    pub(super) fn finish_soon(&mut self) -> Result<(), Error> {
        let end = Instant::now() + LAST_BYTES;
        self.finish_waiting(|interests| {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = "its reader takes nothing; what came last is lost";
                return Err(Error::new(Kind::WriteLocal, "write", "standard output", reason));
            }
            poll(interests, None, Some(left)).map_err(|e| Error::io(Kind::WriteLocal, "write", "standard output", &e))
        })
    }

    fn finish_waiting(&mut self, mut wait: impl FnMut(&mut [Interest<'_>]) -> Result<(), Error>) -> Result<(), Error> {
        loop {
            self.write()?;
            if self.left() == 0 {
                match self.stream.close_write() {
                    Ok(()) => return Ok(()),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(e) => return Err(self.stream.write_error(&e)),
                }
            }
            let writable = self.stream.write_interest().interest();
            wait(&mut writable.into_iter().chain(self.reader_watch()).collect::<Vec<_>>())?;
        }
    }
}
