//! What a session has two of: a stream of bytes each way, each direction ended on its own.
//!
//! Owns the closed enum [`Stream`] and the ways to get one: dialling, accepting, the standard streams. A
//! stream never blocks: a call that can't go on gives `WouldBlock`, and [`Stream::read_interest`] and
//! [`Stream::write_interest`] say what to wait for. Refuses to wait, to retry and to know the other stream.

pub mod buffer;
pub mod crlf;
pub mod dial;
mod end;
pub mod listener;
pub mod output;
mod pump;
pub mod record;
#[cfg(test)]
pub mod scripted;
pub mod stdio;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::error::{Error, Kind, plain};
use crate::net::{Socket, SocketName};
use crate::sys::poll::Interest;
use stdio::Stdio;

/// One end of a session.
#[derive(Debug)]
pub enum Stream {
    /// A connected socket.
    Socket(Remote),
    /// Standard input and output, or what stands in for them.
    Stdio(Stdio),
    /// An end in memory that plays a script.
    #[cfg(test)]
    Scripted(scripted::Scripted),
}

/// A connected socket and the name of its peer.
#[derive(Debug)]
pub struct Remote {
    /// The socket.
    pub socket: Socket,
    /// Who is at the other end.
    pub peer: SocketName,
}

/// What has to happen before the next call can go on.
#[derive(Clone, Copy, Debug)]
pub enum Readiness<'a> {
    /// Nothing: call again.
    Always,
    /// This descriptor must be readable.
    Readable(BorrowedFd<'a>),
    /// This descriptor must be writable.
    Writable(BorrowedFd<'a>),
}

impl<'a> Readiness<'a> {
    /// The question to put to poll; `None` where there is nothing to wait for.
    pub fn interest(self) -> Option<Interest<'a>> {
        match self {
            Readiness::Always => None,
            Readiness::Readable(fd) => Some(Interest::read(fd)),
            Readiness::Writable(fd) => Some(Interest::write(fd)),
        }
    }
}

impl Stream {
    /// Reads what is there; 0 is the end of this direction.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(remote) => remote.socket.read(buffer),
            Stream::Stdio(stdio) => stdio.read(buffer),
            #[cfg(test)]
            Stream::Scripted(script) => script.read(buffer),
        }
    }

    /// Writes as much as there is room for.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(remote) => remote.socket.write(bytes),
            Stream::Stdio(stdio) => stdio.write(bytes),
            #[cfg(test)]
            Stream::Scripted(script) => script.write(bytes),
        }
    }

    /// Ends our direction: FIN to a peer, a closed pipe to a reader. On `WouldBlock`, call it again once
    /// [`Stream::write_interest`] is satisfied.
    pub fn close_write(&mut self) -> io::Result<()> {
        match self {
            Stream::Socket(remote) => remote.socket.shutdown_write(),
            Stream::Stdio(stdio) => stdio.close_write(),
            #[cfg(test)]
            Stream::Scripted(script) => {
                script.close_write();
                Ok(())
            }
        }
    }

    /// What to wait for before the next read.
    pub fn read_interest(&self) -> Readiness<'_> {
        match self {
            Stream::Socket(remote) => Readiness::Readable(remote.socket.as_fd()),
            Stream::Stdio(stdio) => stdio.read_interest(),
            #[cfg(test)]
            Stream::Scripted(_) => Readiness::Always,
        }
    }

    /// What to wait for before the next write, or before the close goes on.
    pub fn write_interest(&self) -> Readiness<'_> {
        match self {
            Stream::Socket(remote) => Readiness::Writable(remote.socket.as_fd()),
            Stream::Stdio(stdio) => stdio.write_interest(),
            #[cfg(test)]
            Stream::Scripted(_) => Readiness::Always,
        }
    }

    /// The descriptor on which poll reports that whoever took our bytes is gone, asked or not.
    pub fn reader_watch(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Stream::Socket(remote) => Some(remote.socket.as_fd()),
            Stream::Stdio(stdio) => stdio.reader_watch(),
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// Bytes of ours, FIN included, that the peer's kernel has not acknowledged; `None` where nobody can say.
    pub fn unacknowledged(&self) -> Option<u64> {
        match self {
            Stream::Socket(remote) => remote.socket.unacknowledged(),
            Stream::Stdio(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// The error that waits on a socket, taken from it.
    pub fn take_error(&self) -> Option<io::Error> {
        match self {
            Stream::Socket(remote) => remote.socket.take_error(),
            Stream::Stdio(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// Makes the coming close a reset, so that the peer can't take a broken transfer for a whole one.
    pub fn reset_on_close(&self) {
        if let Stream::Socket(remote) = self {
            remote.socket.reset_on_close();
        }
    }

    /// Has the peer's kernel asked at intervals whether its program is still there; tells whether it will be.
    pub fn probe_peer(&self, time: Duration, probes: u32) -> bool {
        matches!(self, Stream::Socket(remote) if remote.socket.probe_peer(time, probes))
    }

    /// What a failed read means.
    pub fn read_error(&self, error: &io::Error) -> Error {
        match self {
            Stream::Socket(remote) => network_error("receive from", remote, error),
            Stream::Stdio(_) => Error::new(Kind::ReadLocal, "read", "standard input", plain(error)),
            #[cfg(test)]
            Stream::Scripted(_) => {
                let kind = if error.kind() == io::ErrorKind::ConnectionReset { Kind::Reset } else { Kind::ReadLocal };
                Error::new(kind, "read", "script", plain(error))
            }
        }
    }

    /// What a failed write means.
    pub fn write_error(&self, error: &io::Error) -> Error {
        match self {
            Stream::Socket(remote) => network_error("send to", remote, error),
            Stream::Stdio(stdio) => stdio.write_error(error),
            #[cfg(test)]
            Stream::Scripted(_) => {
                let kind = if error.kind() == io::ErrorKind::ConnectionReset { Kind::Reset } else { Kind::Send };
                Error::new(kind, "write", "script", plain(error))
            }
        }
    }

    /// Who is at the other end.
    pub fn name(&self) -> String {
        match self {
            Stream::Socket(remote) => remote.peer.to_string(),
            Stream::Stdio(_) => "standard input".into(),
            #[cfg(test)]
            Stream::Scripted(_) => "script".into(),
        }
    }
}

/// A reset is the same event whichever call meets it; keepalive's verdict is a time limit that passed.
fn network_error(operation: &'static str, remote: &Remote, error: &io::Error) -> Error {
    use io::ErrorKind as Io;
    let kind = match error.kind() {
        Io::ConnectionReset | Io::BrokenPipe | Io::ConnectionAborted => Kind::Reset,
        Io::TimedOut => Kind::TimedOut,
        _ if operation == "send to" => Kind::Send,
        _ => Kind::Reset,
    };
    let reason = match error.kind() {
        Io::ConnectionReset => "connection reset by the peer".into(),
        Io::BrokenPipe => "connection reset: the peer takes nothing any more".into(),
        Io::TimedOut => "the peer does not answer any more".into(),
        _ => plain(error),
    };
    Error::new(kind, operation, &remote.peer, reason)
}
