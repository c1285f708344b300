//! A helper thread that makes blocking calls on a descriptor, and a socket pair to talk to it.
//!
//! The last resort for a pipe or terminal that can't be opened anew. Owns the thread's failure, which
//! travels beside the bytes. A thread that blocks in a read when the session ends is left behind.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Readiness;
use crate::sys::fd::{self, Access};
use crate::sys::poll::{Interest, poll};

/// What one turn of the thread carries at the most.
const PIECE: usize = 64 * 1024;

/// A descriptor that only a thread may use; the thread starts with the first call, so that nothing is read
/// from a standard input before anybody wants it.
#[derive(Debug)]
pub(super) struct Pump {
    target: Option<OwnedFd>,
    access: Access,
    near: UnixStream,
    far: Option<UnixStream>,
    failure: Arc<Mutex<Option<io::Error>>>,
    finishing: bool,
}

impl Pump {
    /// A helper that will read or write `target`.
    pub(super) fn new(target: OwnedFd, access: Access) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        Ok(Pump { target: Some(target), access, near, far: Some(far), failure: Arc::default(), finishing: false })
    }

    fn start(&mut self) -> io::Result<()> {
        let (Some(target), Some(far)) = (self.target.take(), self.far.take()) else { return Ok(()) };
        let (access, report) = (self.access, Arc::clone(&self.failure));
        let work = move || {
            let done = match access {
                Access::Read => copy(target.as_fd(), far.as_fd()),
                Access::Write => copy(far.as_fd(), target.as_fd()),
            };
            *report.lock().unwrap_or_else(PoisonError::into_inner) = done.err();
            // Only now: the end that the other side sees must come after the failure that explains it.
            drop(far);
        };
        thread::Builder::new().name("stdio".into()).spawn(work).map(|_| ())
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.start()?;
        match fd::receive_now(self.near.as_fd(), buffer)? {
            0 => self.outcome().map(|()| 0),
            n => Ok(n),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.start()?;
        fd::send_now(self.near.as_fd(), bytes).or_else(|e| match e.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => self.outcome().and(Err(e)),
            _ => Err(e),
        })
    }

    /// The thread closes its side when it has written everything: that is the sign.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.target.is_some() {
            return Ok(());
        }
        if !self.finishing {
            self.near.shutdown(Shutdown::Write)?;
            self.finishing = true;
        }
        fd::receive_now(self.near.as_fd(), &mut [0])?;
        self.outcome()
    }

    pub(super) fn read_interest(&self) -> Readiness<'_> {
        if self.target.is_some() { Readiness::Always } else { Readiness::Readable(self.near.as_fd()) }
    }

    pub(super) fn write_interest(&self) -> Readiness<'_> {
        if self.finishing { Readiness::Readable(self.near.as_fd()) } else { Readiness::Writable(self.near.as_fd()) }
    }

    /// How the thread ended.
    fn outcome(&self) -> io::Result<()> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }
}

fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let n = read_waiting(from, &mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        fd::write_all(to, &buffer[..n])?;
    }
}

/// Somebody else may have made the description non-blocking: then the waiting is ours.
fn read_waiting(from: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match fd::read(from, buffer) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => poll(&mut [Interest::read(from)], None, None)?,
            done => return done,
        }
    }
}
