//! What a session has two of: a stream of bytes each way, each direction ended on its own.
//!
//! Owns the closed enum [`Stream`] and the ways to get one: dialling, accepting, the standard streams. A
//! stream never blocks: a call that can't go on gives `WouldBlock`, and [`Stream::read_interest`] and
//! [`Stream::write_interest`] say what to wait for. Refuses to wait, to retry and to know the other stream.

mod behind;
pub mod buffer;
pub mod child;
pub mod crlf;
pub mod dial;
mod end;
pub mod listener;
pub mod output;
pub mod part;
pub mod proxy;
mod pump;
pub mod record;
pub mod route;
#[cfg(test)]
pub mod scripted;
pub mod starttls;
pub mod stdio;
pub mod tls;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::address::HostPort;
use crate::error::{Error, Kind, plain};
use crate::event::account::{Opening, TcpInfo};
use crate::event::tls::Handshake;
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
    /// An encrypted one.
    Tls(Box<tls::Tls>),
    /// An end in memory that plays a script.
    #[cfg(test)]
    Scripted(scripted::Scripted),
}

/// A connected socket, the name of its peer, and what is to be remembered of it for the account.
#[derive(Debug)]
pub struct Remote {
    /// The socket.
    pub socket: Socket,
    /// Who is at the other end.
    pub peer: SocketName,
    /// Whom it leads to, if the other end is a proxy.
    target: Option<String>,
    /// How long the way to it took.
    pub opening: Opening,
    /// Whether the peer's end had come when ours was sent.
    peer_ended_first: bool,
}

impl Remote {
    /// A connection to `peer`.
    pub fn new(socket: Socket, peer: SocketName, opening: Opening) -> Self {
        Remote { socket, peer, target: None, opening, peer_ended_first: false }
    }

    /// Afterwards nobody can tell whose end was first: both have come, and the states say the same.
    fn end(&mut self) -> io::Result<()> {
        self.peer_ended_first |= self.socket.peer_has_ended();
        self.socket.shutdown_write()
    }

    /// Who is at the other end, and behind it.
    fn name(&self) -> String {
        self.target.as_ref().map_or_else(|| self.peer.to_string(), |target| format!("{target} through {}", self.peer))
    }

    /// Our own address.
    fn local_name(&self) -> String {
        self.socket.local_name().map_or_else(|_| "?".into(), |name| name.to_string())
    }
}

/// What a direction is made of, as far as the kernel can move bytes there by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A socket of our own. Those that were handed over as standard streams block under splice(2).
    Socket,
    /// A pipe or FIFO through a description of our own.
    Pipe,
    /// A regular file that is not in append mode.
    File,
    /// /dev/null.
    Null,
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
            Stream::Tls(tls) => tls.read(buffer),
            #[cfg(test)]
            Stream::Scripted(script) => script.read(buffer),
        }
    }

    /// Looks at what the next read will give, and leaves it there.
    pub fn look_ahead(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(remote) => remote.socket.look_ahead(buffer),
            Stream::Stdio(_) | Stream::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(test)]
            Stream::Scripted(script) => script.look_ahead(buffer),
        }
    }

    /// Writes as much as there is room for.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Socket(remote) => remote.socket.write(bytes),
            Stream::Stdio(stdio) => stdio.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
            #[cfg(test)]
            Stream::Scripted(script) => script.write(bytes),
        }
    }

    /// As [`Stream::write`], for several pieces: in one call where there is one, else the first of them.
    pub fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Socket(remote) => remote.socket.write_vectored(pieces),
            _ => self.write(pieces.iter().find(|piece| !piece.is_empty()).map_or(&[], |piece| piece)),
        }
    }

    /// Tells that bytes are about to be written past [`Stream::write`], through [`Stream::sink_medium`].
    pub fn begin_write(&mut self) -> io::Result<()> {
        match self {
            Stream::Stdio(stdio) => stdio.begin_write(),
            Stream::Socket(_) | Stream::Tls(_) => Ok(()),
            #[cfg(test)]
            Stream::Scripted(_) => Ok(()),
        }
    }

    /// Ends our direction: FIN to a peer, a closed pipe to a reader. On `WouldBlock`, call it again once
    /// [`Stream::write_interest`] is satisfied.
    pub fn close_write(&mut self) -> io::Result<()> {
        match self {
            Stream::Socket(remote) => remote.end(),
            Stream::Stdio(stdio) => stdio.close_write(),
            Stream::Tls(tls) => tls.close_write(),
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
            Stream::Tls(tls) => tls.read_interest(),
            #[cfg(test)]
            Stream::Scripted(_) => Readiness::Always,
        }
    }

    /// What to wait for before the next write, or before the close goes on.
    pub fn write_interest(&self) -> Readiness<'_> {
        match self {
            Stream::Socket(remote) => Readiness::Writable(remote.socket.as_fd()),
            Stream::Stdio(stdio) => stdio.write_interest(),
            Stream::Tls(tls) => tls.under().write_interest(),
            #[cfg(test)]
            Stream::Scripted(_) => Readiness::Always,
        }
    }

    /// Whether a read has something to tell although poll sees nothing.
    pub fn has_more(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.has_more())
    }

    /// Whether records that no write of the caller's waits for wait for room: an answer to the peer, a ticket, an alert.
    pub fn wants_flush(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.wants_flush())
    }

    /// Sends of those what there is room for.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tls(tls) => tls.advance().map(drop),
            _ => Ok(()),
        }
    }

    /// Reads what nobody wants to know any more, past whatever is wrapped around the socket; 0 is the peer's FIN.
    pub fn discard(&mut self, waste: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tls(tls) => tls.under_mut().discard(waste),
            _ => self.read(waste),
        }
    }

    /// The descriptor on which poll reports that whoever took our bytes is gone, asked or not.
    pub fn reader_watch(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Stream::Socket(remote) => Some(remote.socket.as_fd()),
            Stream::Stdio(stdio) => stdio.reader_watch(),
            Stream::Tls(tls) => tls.under().reader_watch(),
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// Bytes of ours, FIN included, that the peer's kernel has not acknowledged; `None` where nobody can say.
    pub fn unacknowledged(&self) -> Option<u64> {
        match self {
            Stream::Socket(remote) => remote.socket.unacknowledged(),
            Stream::Tls(tls) => tls.unacknowledged(),
            Stream::Stdio(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// What is read from, and through which descriptor; `None` where only [`Stream::read`] will do.
    pub fn source_medium(&self) -> Option<(Medium, BorrowedFd<'_>)> {
        match self {
            Stream::Socket(remote) => Some((Medium::Socket, remote.socket.as_fd())),
            Stream::Stdio(stdio) => stdio.source_medium(),
            Stream::Tls(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// What is written to, and through which descriptor; `None` where only [`Stream::write`] will do.
    pub fn sink_medium(&self) -> Option<(Medium, BorrowedFd<'_>)> {
        match self {
            Stream::Socket(remote) => Some((Medium::Socket, remote.socket.as_fd())),
            Stream::Stdio(stdio) => stdio.sink_medium(),
            Stream::Tls(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// The socket at the bottom, whatever is wrapped around it.
    fn remote(&self) -> Option<&Remote> {
        match self {
            Stream::Socket(remote) => Some(remote),
            Stream::Tls(tls) => tls.under().remote(),
            Stream::Stdio(_) => None,
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// Whether the peer's end had come when ours was sent.
    pub fn peer_ended_first(&self) -> bool {
        self.remote().is_some_and(|remote| remote.peer_ended_first)
    }

    /// What the kernel knows of the connection; `None` where there is none, and where nobody can say.
    pub fn info(&self) -> Option<TcpInfo> {
        self.remote()?.socket.info()
    }

    /// What the handshake agreed on by which we encrypt it as a client.
    pub fn handshake(&self) -> Option<&Handshake> {
        if let Stream::Tls(tls) = self { tls.agreed() } else { None }
    }

    /// The other end is a proxy, and has become the way to `target` in this time.
    fn leads_to(&mut self, target: &HostPort, took: Duration) {
        if let Stream::Socket(remote) = self {
            remote.target = Some(target.to_string());
            remote.opening.connect = remote.opening.connect.map(|connect| connect + took);
        }
    }

    /// How long the way to the connection took.
    pub fn opening(&self) -> Opening {
        let below = self.remote().map(|remote| remote.opening).unwrap_or_default();
        Opening { tls: self.handshake().map(|handshake| handshake.took), ..below }
    }

    /// The error that waits on a socket, taken from it, or with which the writing behind a file has ended.
    pub fn take_error(&self) -> Option<io::Error> {
        match self {
            Stream::Socket(remote) => remote.socket.take_error(),
            Stream::Tls(tls) => tls.under().take_error(),
            Stream::Stdio(stdio) => stdio.output_failure(),
            #[cfg(test)]
            Stream::Scripted(_) => None,
        }
    }

    /// Whether what was read can be read again, from the beginning: a regular file can.
    pub fn can_rewind(&self) -> bool {
        matches!(self, Stream::Stdio(stdio) if stdio.can_rewind())
    }

    /// Reads from the beginning again.
    pub fn rewind(&mut self) -> io::Result<()> {
        if let Stream::Stdio(stdio) = self { stdio.rewind() } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Makes the coming close a reset, so that the peer can't take a broken transfer for a whole one.
    pub fn reset_on_close(&self) {
        if let Some(remote) = self.remote() {
            remote.socket.reset_on_close();
        }
    }

    /// Has the peer's kernel asked at intervals whether its program is still there; tells whether it will be.
    pub fn probe_peer(&self, time: Duration, probes: u32) -> bool {
        self.remote().is_some_and(|remote| remote.socket.probe_peer(time, probes))
    }

    /// What a failed read means.
    pub fn read_error(&self, error: &io::Error) -> Error {
        match self {
            Stream::Socket(remote) => network_error("receive from", remote, error),
            Stream::Tls(tls) => tls.read_error(error),
            Stream::Stdio(stdio) => Error::new(Kind::ReadLocal, "read", stdio.input_name(), plain(error)),
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
            Stream::Tls(tls) => tls.write_error(error),
            #[cfg(test)]
            Stream::Scripted(_) => {
                let kind = if error.kind() == io::ErrorKind::ConnectionReset { Kind::Reset } else { Kind::Send };
                Error::new(kind, "write", "script", plain(error))
            }
        }
    }

    /// Our own address; empty where there is none.
    pub fn local_name(&self) -> String {
        self.remote().map(Remote::local_name).unwrap_or_default()
    }

    /// Who is at the other end.
    pub fn name(&self) -> String {
        match self {
            Stream::Socket(remote) => remote.name(),
            Stream::Tls(tls) => tls.under().name(),
            Stream::Stdio(stdio) => stdio.input_name(),
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
    Error::new(kind, operation, remote.name(), reason)
}
