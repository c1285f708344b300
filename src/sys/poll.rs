//! poll(2) over a handful of descriptors.
//!
//! Owns the shape of a question ([`Interest`]) and of its answer ([`Ready`]). It refuses to loop: EINTR is
//! an answer in which nothing is ready, and the caller computes its time limit anew.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// A read will not block: bytes, an end or an error wait.
    pub read: bool,
    /// A write will not block: there is room, or an error waits.
    pub write: bool,
    /// An error waits, or whoever read from this pipe is gone. Reported whether asked for or not.
    pub error: bool,
}

impl Ready {
    /// Anything at all.
    pub fn any(self) -> bool {
        self.read || self.write || self.error
    }
}

/// A descriptor, what is asked of it, and what poll answered.
#[derive(Debug)]
pub struct Interest<'fd> {
    fd: BorrowedFd<'fd>,
    flags: PollFlags,
    /// The answer of the last [`poll`].
    pub ready: Ready,
}

impl<'fd> Interest<'fd> {
    /// Asks whether a read or a write would go through; with neither, only for errors.
    pub fn new(fd: BorrowedFd<'fd>, read: bool, write: bool) -> Self {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, read);
        flags.set(PollFlags::OUT, write);
        Interest { fd, flags, ready: Ready::default() }
    }

    /// Asks whether a read would go through.
    pub fn read(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, true, false)
    }

    /// Asks whether a write would go through.
    pub fn write(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, false, true)
    }
}

/// Waits until one of `interests` is ready, `wake` is readable or `timeout` passes (`None`: for ever). An
/// interrupting signal ends the wait with nothing ready. See poll(2).
pub fn poll(interests: &mut [Interest<'_>], wake: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> io::Result<()> {
    let asked = interests.iter().map(|i| PollFd::from_borrowed_fd(i.fd, i.flags));
    let wake = wake.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    let mut fds: Vec<_> = asked.chain(wake).collect();
    let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
    match rustix::event::poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => fds.iter_mut().for_each(PollFd::clear_revents),
        Err(error) => return Err(error.into()),
    }
    for (interest, fd) in interests.iter_mut().zip(&fds) {
        interest.ready = ready(fd.revents());
    }
    Ok(())
}

/// A hang-up or an error makes both directions ready: only the call itself tells what it is.
pub(super) fn ready(flags: PollFlags) -> Ready {
    let error = flags.intersects(PollFlags::ERR | PollFlags::NVAL);
    let over = error || flags.contains(PollFlags::HUP);
    Ready { read: over || flags.contains(PollFlags::IN), write: over || flags.contains(PollFlags::OUT), error }
}
