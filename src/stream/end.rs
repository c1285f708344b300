//! One direction of a local file descriptor, used without ever blocking and without changing its flags.
//!
//! Owns the choice of how: a regular file is read plainly, a socket with `MSG_DONTWAIT`, a pipe or terminal
//! through an own description of the same file, and where that is refused, through a helper thread. A regular file may
//! be written behind its user.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::behind::Behind;
use super::pump::Pump;
use super::{Medium, Readiness};
use crate::sys::fd::{self, Access, FdKind};
use crate::sys::reopen;

/// A descriptor and the way in which it is read or written.
#[derive(Debug)]
pub(super) struct End {
    /// As it was given: its errors are watched even where another description is used.
    given: OwnedFd,
    how: How,
    /// What the kernel could move bytes from or to by itself.
    medium: Option<Medium>,
}

#[derive(Debug)]
enum How {
    /// Never blocks for long.
    Plain,
    /// `MSG_DONTWAIT`.
    Socket,
    /// An own description with `O_NONBLOCK`.
    Own(OwnedFd),
    /// A helper thread owns the blocking calls.
    Pump(Pump),
    /// A helper thread makes the long ones.
    Behind(Behind),
}

impl End {
    /// Finds the way to use `given`. Its flags stay as they are.
    pub(super) fn open(given: OwnedFd, access: Access) -> io::Result<Self> {
        let kind = fd::kind(given.as_fd())?;
        let how = match kind {
            FdKind::File | FdKind::Directory | FdKind::Null => How::Plain,
            FdKind::Socket => How::Socket,
            FdKind::Pipe | FdKind::Terminal | FdKind::Device => match reopen(given.as_fd(), access) {
                Some(own) => How::Own(own),
                None => How::Pump(Pump::new(given.try_clone()?, access)?),
            },
        };
        let medium = medium(given.as_fd(), kind, access);
        Ok(End { given, how, medium })
    }

    /// A descriptor whose description is ours alone and already has `O_NONBLOCK`.
    pub(super) fn own(given: OwnedFd, access: Access) -> io::Result<Self> {
        let how = How::Own(given.try_clone()?);
        let medium = medium(given.as_fd(), fd::kind(given.as_fd())?, access);
        Ok(End { given, how, medium })
    }

    /// From now on a flood of bytes for a regular file is taken faster than the file takes it. Where that can't be, it is
    /// as it was.
    pub(super) fn write_behind(&mut self) {
        let is_file =
            matches!(self.how, How::Plain) && fd::kind(self.given.as_fd()).is_ok_and(|kind| kind == FdKind::File);
        if is_file && let Ok(file) = self.given.try_clone() {
            self.how = How::Behind(Behind::new(file));
        }
    }

    /// Why what was taken before did not arrive.
    pub(super) fn failure(&self) -> Option<io::Error> {
        if let How::Behind(behind) = &self.how { behind.failure() } else { None }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.how {
            How::Plain | How::Behind(_) => fd::read(self.given.as_fd(), buffer),
            How::Socket => fd::receive_now(self.given.as_fd(), buffer),
            How::Own(own) => fd::read(own.as_fd(), buffer),
            How::Pump(pump) => pump.read(buffer),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.how {
            How::Plain => fd::write(self.given.as_fd(), bytes),
            How::Socket => fd::send_now(self.given.as_fd(), bytes),
            How::Own(own) => fd::write(own.as_fd(), bytes),
            How::Pump(pump) => pump.write(bytes),
            How::Behind(behind) => behind.write(bytes),
        }
    }

    /// Waits, by `WouldBlock`, until everything has left this process.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.how {
            How::Pump(pump) => pump.finish(),
            How::Behind(behind) => behind.finish(),
            _ => Ok(()),
        }
    }

    pub(super) fn read_interest(&self) -> Readiness<'_> {
        match &self.how {
            How::Plain | How::Behind(_) => Readiness::Always,
            How::Socket => Readiness::Readable(self.given.as_fd()),
            How::Own(own) => Readiness::Readable(own.as_fd()),
            How::Pump(pump) => pump.read_interest(),
        }
    }

    pub(super) fn write_interest(&self) -> Readiness<'_> {
        match &self.how {
            How::Plain => Readiness::Always,
            How::Socket => Readiness::Writable(self.given.as_fd()),
            How::Own(own) => Readiness::Writable(own.as_fd()),
            How::Pump(pump) => pump.write_interest(),
            How::Behind(behind) => behind.write_interest(),
        }
    }

    /// What the kernel can move bytes from or to, and the descriptor for it.
    pub(super) fn medium(&self) -> Option<(Medium, BorrowedFd<'_>)> {
        let fd = match &self.how {
            How::Plain => self.given.as_fd(),
            How::Own(own) => own.as_fd(),
            How::Socket | How::Pump(_) | How::Behind(_) => return None,
        };
        Some((self.medium?, fd))
    }

    /// Bytes that a regular file has left; `None` for whatever does not know its end.
    pub(super) fn left(&self) -> Option<u64> {
        fd::left(self.given.as_fd())
    }

    /// The position in a regular file.
    pub(super) fn position(&self) -> Option<u64> {
        fd::position(self.given.as_fd())
    }

    /// Reads on from `position` of a regular file.
    pub(super) fn go_to(&self, position: u64) -> io::Result<()> {
        fd::go_to(self.given.as_fd(), position)
    }

    /// Poll reports on it that the reader of a pipe is gone, or that a file takes no more.
    pub(super) fn reader_watch(&self) -> Option<BorrowedFd<'_>> {
        match &self.how {
            How::Plain => None,
            How::Behind(behind) => behind.watch(),
            _ => Some(self.given.as_fd()),
        }
    }
}

/// Append mode makes splice(2) fail with EINVAL, and a terminal blocks under it. A descriptor that was opened for the
/// other direction only fails in a read or write of its own, where nobody else can be blamed.
fn medium(fd: BorrowedFd<'_>, kind: FdKind, access: Access) -> Option<Medium> {
    match kind {
        _ if !fd::allows(fd, access) => None,
        FdKind::Pipe => Some(Medium::Pipe),
        FdKind::Null => Some(Medium::Null),
        FdKind::File if !fd::appends(fd) => Some(Medium::File),
        _ => None,
    }
}
