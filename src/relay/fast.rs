//! The kernel's path: bytes that nobody wants to see go from descriptor to descriptor without passing through us.
//!
//! Same signature as the buffer path, may decline, is never required. Its drawbacks: a byte that is in the own pipe
//! can't be looked at, `EAGAIN` does not say which end is meant, and some ends (terminals, the standard streams'
//! sockets, append-mode files) block or fail under splice(2), so that they are declined before the first byte.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::stream::{Medium, Stream};
use crate::sys;

/// What one call may move, and the size that pipes are asked to have: an unprivileged user's limit.
const PIECE: usize = 1 << 20;

/// What one sendfile may move. While it runs, the peer's bytes on the same socket wait for its lock: with 1 MiB both
/// ways at once came to 4.5 GB/s, with 128 KiB to 8.8; one way it makes no difference.
const FILE_PIECE: usize = 128 * 1024;

/// How the bytes go.
#[derive(Debug)]
enum Way {
    /// One end is a pipe: one call moves from end to end.
    Direct,
    /// A regular file, whose pages the socket takes as they are.
    SendFile,
    /// Neither is: through a pipe of our own, empty before it is filled, so that `EAGAIN` means the source.
    OwnPipe { read: OwnedFd, write: OwnedFd },
}

/// The path of one direction.
#[derive(Debug)]
pub(super) struct Fast {
    way: Way,
    /// Bytes in the own pipe.
    held: usize,
}

/// What a step came to.
#[derive(Debug)]
pub(super) enum Step {
    /// This many bytes have reached the sink.
    Moved(usize),
    /// The source has ended, and everything it gave has reached the sink.
    Ended,
    /// The source has nothing now.
    SourceBlocked,
    /// The sink has no room now.
    SinkBlocked,
    /// One of both: the call does not tell which.
    Blocked,
    /// The source failed.
    SourceFailed(io::Error),
    /// The sink failed.
    SinkFailed(io::Error),
    /// The kernel does not do it for these ends: the buffer path takes over.
    Declined,
}

/// The way for this pair of ends, if the kernel's is the faster one. Figures: 1 GiB over loopback on two cores of
/// Linux 6.18, medians of five to seven.
pub(super) fn choose(from: &Stream, to: &Stream) -> Option<Fast> {
    let way = match (from.source_medium()?.0, to.sink_medium()?.0) {
        // 2.0 GB/s against 0.9 by read and write, pipe to socket to pipe.
        (Medium::Socket, Medium::Pipe) | (Medium::Pipe, Medium::Socket) => Way::Direct,
        // 5.4 GB/s against 2.8 by read and write of 1 MiB when the other end splices too; against a reader that copies,
        // 1.8 to 2.3 against 2.2 to 2.8, but half the work here, which is what counts over a real network.
        (Medium::File, Medium::Socket) => Way::SendFile,
        // The bytes are never copied at all: 2.8 GB/s against 2.4, with a sender that copies.
        (Medium::Socket, Medium::Null | Medium::File | Medium::Socket) => own_pipe()?,
        (Medium::File | Medium::Pipe | Medium::Null, _) => return None,
    };
    widen(from.source_medium());
    widen(to.sink_medium());
    Some(Fast { way, held: 0 })
}

fn own_pipe() -> Option<Way> {
    let (read, write) = sys::fd::pipe().ok()?;
    sys::widen_pipe(write.as_fd(), PIECE);
    Some(Way::OwnPipe { read, write })
}

/// A pipe of 16 pages is full after 23 KiB of small segments.
fn widen(end: Option<(Medium, BorrowedFd<'_>)>) {
    if let Some((Medium::Pipe, fd)) = end {
        sys::widen_pipe(fd, PIECE);
    }
}

impl Fast {
    /// Bytes that have left the source and not reached the sink.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether one call moves from end to end, so that it needs both to be ready.
    pub(super) fn needs_both(&self) -> bool {
        matches!(self.way, Way::Direct | Way::SendFile)
    }

    /// Moves one piece, with at most `may_read` bytes from the source; with 0, only what is held.
    pub(super) fn step(&mut self, from: &Stream, to: &mut Stream, may_read: u64) -> Step {
        let may_read = usize::try_from(may_read).unwrap_or(usize::MAX);
        match &self.way {
            Way::Direct if may_read > 0 => direct(from, to, may_read.min(PIECE)),
            Way::SendFile if may_read > 0 => send_file(from, to, may_read.min(FILE_PIECE)),
            Way::Direct | Way::SendFile => Step::SourceBlocked,
            Way::OwnPipe { read, write } => {
                let (read, write) = (read.as_fd(), write.as_fd());
                if self.held == 0 {
                    match fill(from, write, may_read.min(PIECE)) {
                        Ok(n) => self.held = n,
                        Err(step) => return step,
                    }
                }
                let step = drain(read, to, self.held);
                if let Step::Moved(n) = step {
                    self.held -= n;
                }
                step
            }
        }
    }

    /// Takes back what is held, for the buffer path to go on with.
    pub(super) fn take_back(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Way::OwnPipe { read, .. } = &self.way else { return Ok(0) };
        let most = self.held.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let n = sys::fd::read(read.as_fd(), &mut buffer[..most])?;
        self.held -= n;
        Ok(n)
    }
}

/// One call from end to end. Its error may be either end's: what only a network can do is the socket's.
fn direct(from: &Stream, to: &Stream, most: usize) -> Step {
    let (Some((medium, source)), Some((_, sink))) = (from.source_medium(), to.sink_medium()) else {
        return Step::Declined;
    };
    match sys::splice(source, sink, most) {
        Ok(0) => Step::Ended,
        Ok(n) => Step::Moved(n),
        Err(e) if medium == Medium::Socket && is_the_networks(&e) => Step::SourceFailed(e),
        Err(e) => failed(e, Step::Blocked, Step::SinkFailed),
    }
}

/// From a file, which never blocks, to a socket.
fn send_file(from: &Stream, to: &Stream, most: usize) -> Step {
    let (Some((_, source)), Some((_, sink))) = (from.source_medium(), to.sink_medium()) else {
        return Step::Declined;
    };
    match sys::send_file(source, sink, most) {
        Ok(0) => Step::Ended,
        Ok(n) => Step::Moved(n),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Step::SinkBlocked,
        Err(e) if sys::fd::is_input_output(&e) => Step::SourceFailed(e),
        Err(e) => failed(e, Step::SinkBlocked, Step::SinkFailed),
    }
}

/// From the source into our empty pipe; the error is the step that this makes.
fn fill(from: &Stream, pipe: BorrowedFd<'_>, most: usize) -> Result<usize, Step> {
    let Some((_, source)) = from.source_medium().filter(|_| most > 0) else { return Err(Step::SourceBlocked) };
    match sys::splice(source, pipe, most) {
        Ok(0) => Err(Step::Ended),
        Ok(n) => Ok(n),
        Err(e) => Err(failed(e, Step::SourceBlocked, Step::SourceFailed)),
    }
}

/// From our pipe into the sink.
fn drain(pipe: BorrowedFd<'_>, to: &mut Stream, held: usize) -> Step {
    if let Err(e) = to.begin_write() {
        return Step::SinkFailed(e);
    }
    let Some((_, sink)) = to.sink_medium() else { return Step::Declined };
    match sys::splice(pipe, sink, held) {
        Ok(0) => Step::SinkFailed(io::ErrorKind::WriteZero.into()),
        Ok(n) => Step::Moved(n),
        Err(e) => failed(e, Step::SinkBlocked, Step::SinkFailed),
    }
}

fn failed(error: io::Error, blocked: Step, failed: impl FnOnce(io::Error) -> Step) -> Step {
    match error.kind() {
        io::ErrorKind::WouldBlock => blocked,
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Step::Declined,
        _ => failed(error),
    }
}

fn is_the_networks(error: &io::Error) -> bool {
    use io::ErrorKind as Io;
    !matches!(error.kind(), Io::BrokenPipe | Io::WouldBlock | Io::InvalidInput | Io::Unsupported | Io::StorageFull)
}
