//! Stream sockets, TCP and UNIX: making, connecting, binding, accepting, reading, ending.
//!
//! Every socket here is non-blocking from birth; who needs to wait does so with [`Context::wait`]. Refuses to
//! choose addresses or to retry.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use super::context::Context;
use super::name::SocketName;
use super::options::{SocketConfig, Use, apply, new_socket};
use super::resolve::literal;
use super::unix_path::{SocketFile, clear_stale};
use crate::address::{Port, UnixName};
use crate::error::{Error, Kind, plain};
use crate::event::account::TcpInfo;
use crate::sys;

/// A stream socket: connecting, connected or listening.
#[derive(Debug)]
pub struct Socket {
    inner: socket2::Socket,
    domain: Domain,
}

/// How far a connection attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The connection stands.
    Connected,
    /// Ask again once the socket is writable.
    Pending,
}

impl Socket {
    /// Begins to connect to `peer`, from the configured source.
    pub fn connect_inet(ctx: &Context<'_>, peer: SocketAddr, config: &SocketConfig) -> Result<(Self, Progress), Error> {
        let socket = Self::new(ctx, Domain::for_address(peer), config, Use::Stream, &peer)?;
        socket.bind_source(peer, config)?;
        let progress = socket.begin(&peer.into()).map_err(|e| connect_failed(&peer, &e))?;
        Ok((socket, progress))
    }

    /// Connects to a UNIX socket. A full backlog is `WouldBlock` there, and nothing tells when it has room.
    pub fn connect_unix(ctx: &Context<'_>, peer: &UnixName, config: &SocketConfig) -> Result<(Self, Progress), Error> {
        let socket = Self::new(ctx, Domain::UNIX, config, Use::Stream, peer)?;
        let address = unix_address(peer).map_err(|e| connect_failed(peer, &e))?;
        match socket.begin(&address) {
            Ok(progress) => Ok((socket, progress)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok((socket, Progress::Pending)),
            Err(e) => Err(connect_failed(peer, &e)),
        }
    }

    /// Tries again to connect a UNIX socket whose peer's backlog was full.
    pub fn retry_unix(&self, peer: &UnixName) -> Result<Progress, Error> {
        match unix_address(peer).and_then(|address| self.begin(&address)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Progress::Pending),
            done => done.map_err(|e| connect_failed(peer, &e)),
        }
    }

    /// Whether a pending attempt has succeeded, once the socket polled writable.
    pub fn finish_connect(&self, peer: SocketAddr) -> Result<Progress, Error> {
        if let Some(error) = self.inner.take_error().map_err(|e| connect_failed(&peer, &e))? {
            return Err(connect_failed(&peer, &error));
        }
        Ok(if self.inner.peer_addr().is_ok() { Progress::Connected } else { Progress::Pending })
    }

    /// Binds to `address` and listens. `only_v6` keeps the IPv6 wildcard from taking IPv4 clients too.
    pub fn listen_inet(
        ctx: &Context<'_>,
        address: SocketAddr,
        config: &SocketConfig,
        only_v6: bool,
    ) -> Result<Self, Error> {
        let domain = Domain::for_address(address);
        let socket = Self::new(ctx, domain, config, Use::Listener, &address)?;
        if domain == Domain::IPV6 {
            socket.inner.set_only_v6(only_v6).map_err(|e| bind_failed(&address, &e))?;
        }
        socket.bind_and_listen(&address.into(), config).map_err(|e| bind_failed(&address, &e))?;
        Ok(socket)
    }

    /// Binds to a UNIX name and listens; the file that it makes goes when the second value is dropped.
    pub fn listen_unix(
        ctx: &Context<'_>,
        name: &UnixName,
        config: &SocketConfig,
    ) -> Result<(Self, Option<SocketFile>), Error> {
        clear_stale(name)?;
        let socket = Self::new(ctx, Domain::UNIX, config, Use::Listener, name)?;
        let address = unix_address(name).map_err(|e| bind_failed(name, &e))?;
        socket.bind_and_listen(&address, config).map_err(|e| bind_failed(name, &e))?;
        Ok((socket, SocketFile::of(name)))
    }

    fn new(
        ctx: &Context<'_>,
        domain: Domain,
        config: &SocketConfig,
        purpose: Use,
        subject: &dyn std::fmt::Display,
    ) -> Result<Self, Error> {
        let inner = new_socket(domain, Type::STREAM).map_err(|e| bind_failed(subject, &e))?;
        apply(ctx, &inner, config, purpose)?;
        Ok(Socket { inner, domain })
    }

    fn bind_source(&self, peer: SocketAddr, config: &SocketConfig) -> Result<(), Error> {
        if let Some(source) = source_address(peer, config)? {
            self.inner.bind(&source.into()).map_err(|e| bind_failed(&source, &e))?;
        }
        Ok(())
    }

    fn begin(&self, address: &SockAddr) -> io::Result<Progress> {
        match self.inner.connect(address) {
            Ok(()) => Ok(Progress::Connected),
            Err(e) if sys::fd::is_in_progress(&e) => Ok(Progress::Pending),
            Err(e) => Err(e),
        }
    }

    fn bind_and_listen(&self, address: &SockAddr, config: &SocketConfig) -> io::Result<()> {
        self.inner.bind(address)?;
        self.inner.listen(config.backlog)
    }

    /// Takes a client that waits in the backlog, with the options of `config`; `WouldBlock` if none does.
    pub fn accept(&self, ctx: &Context<'_>, config: &SocketConfig) -> io::Result<(Self, SocketName)> {
        let (client, peer) = sys::accept(self.as_fd())?;
        let client = Socket { inner: client.into(), domain: self.domain };
        if !sys::ACCEPTED_INHERITS
            && let Err(error) = apply(ctx, &client.inner, config, Use::Stream)
        {
            ctx.warn(&error);
        }
        let name = peer.map_or_else(|| client.peer_name().unwrap_or(SocketName::Unix(None)), SocketName::from);
        Ok((client, name))
    }

    /// The local name.
    pub fn local_name(&self) -> io::Result<SocketName> {
        Ok(SocketName::from_raw(&self.inner.local_addr()?))
    }

    /// The peer's name.
    pub fn peer_name(&self) -> io::Result<SocketName> {
        Ok(SocketName::from_raw(&self.inner.peer_addr()?))
    }

    /// recv(2), once.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        sys::fd::receive_now(self.as_fd(), buffer)
    }

    /// The same, and what was read stays to be read again (`MSG_PEEK`).
    pub fn look_ahead(&self, buffer: &mut [u8]) -> io::Result<usize> {
        sys::fd::look_ahead(self.as_fd(), buffer)
    }

    /// send(2), once, without SIGPIPE.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        sys::fd::send_now(self.as_fd(), bytes)
    }

    /// sendmsg(2), once, without SIGPIPE.
    pub fn write_vectored(&self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        sys::fd::send_vectored_now(self.as_fd(), pieces)
    }

    /// Ends our direction: FIN. A peer that is gone already is no error here; reading tells.
    pub fn shutdown_write(&self) -> io::Result<()> {
        match self.inner.shutdown(Shutdown::Write) {
            Err(e) if e.kind() != io::ErrorKind::NotConnected => Err(e),
            _ => Ok(()),
        }
    }

    /// Makes the coming close a reset, so that the peer can't take a broken transfer for a whole one.
    pub fn reset_on_close(&self) {
        // On a UNIX socket the option does nothing; a socket that is gone needs no reset.
        let _ = self.inner.set_linger(Some(Duration::ZERO));
    }

    /// Bytes of ours, FIN included, that the peer's kernel has not acknowledged; `None` where nobody can say.
    pub fn unacknowledged(&self) -> Option<u64> {
        // On UNIX sockets the same question has another meaning: there, sent is received.
        (self.domain != Domain::UNIX).then(|| sys::unacknowledged(self.as_fd())).flatten()
    }

    /// What the kernel knows of the connection; `None` for UNIX sockets, and where nobody can say.
    pub fn info(&self) -> Option<TcpInfo> {
        self.is_inet().then(|| sys::tcp_info(self.as_fd())).flatten()
    }

    /// Whether the peer's end has come, read or not.
    pub fn peer_has_ended(&self) -> bool {
        sys::peer_has_ended(self.as_fd())
    }

    /// The error that waits on the socket, taken from it.
    pub fn take_error(&self) -> Option<io::Error> {
        self.inner.take_error().ok().flatten()
    }

    /// Asks the peer's kernel at intervals whether its program is still there; tells whether it will be asked.
    pub fn probe_peer(&self, time: Duration, probes: u32) -> bool {
        let params = TcpKeepalive::new().with_time(time).with_interval(time).with_retries(probes);
        // UNIX sockets have no keepalive and need none: the kernel knows the peer.
        self.is_inet() && self.inner.set_tcp_keepalive(&params).is_ok()
    }

    /// Whether it is TCP and not a UNIX socket.
    pub fn is_inet(&self) -> bool {
        self.domain != Domain::UNIX
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// The address to bind a connecting socket to, if the configuration wants one.
pub(super) fn source_address(peer: SocketAddr, config: &SocketConfig) -> Result<Option<SocketAddr>, Error> {
    let host = config.source.as_ref().map(literal).transpose()?.flatten();
    let port = match &config.source_port {
        Some(Port::Number(port)) => *port,
        _ => 0,
    };
    let any = match peer {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let wanted = host.is_some() || config.source_port.is_some();
    let mut source = host.unwrap_or(any);
    source.set_port(port);
    Ok(wanted.then_some(source))
}

/// The socket address of a UNIX name. See unix(7).
pub(super) fn unix_address(name: &UnixName) -> io::Result<SockAddr> {
    match name {
        UnixName::Path(path) => SockAddr::unix(path),
        UnixName::Abstract(bytes) => {
            // socket2 takes a leading NUL as the mark of the abstract namespace, as the kernel does.
            let marked = [b"\0", bytes.as_slice()].concat();
            let text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(marked.as_slice());
            SockAddr::unix(Path::new(text))
        }
    }
}

fn connect_failed(peer: &dyn std::fmt::Display, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut => Kind::TimedOut,
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Kind::Bind,
        _ => Kind::Refused,
    };
    let made = Error::io(kind, "connect to", peer, error);
    match error.kind() {
        io::ErrorKind::NotFound => made.hint("no such socket file"),
        io::ErrorKind::PermissionDenied => made.hint("a local route or the file's mode prohibits it"),
        io::ErrorKind::InvalidInput => {
            made.hint("a local route discards it (blackhole), or the address can't be connected to")
        }
        _ => made,
    }
}

/// The error of a bind(2) or listen(2) that failed, with the way out where one is known.
pub(super) fn bind_failed(address: &dyn std::fmt::Display, error: &io::Error) -> Error {
    let kind = if sys::fd::is_missing_here(error) { Kind::NoSuchLocal } else { Kind::Bind };
    let made = Error::new(kind, "bind to", address, plain(error));
    match error.kind() {
        io::ErrorKind::AddrInUse => made.hint("another program has it; `ss -ltnup` shows which"),
        io::ErrorKind::PermissionDenied => made.hint("ports below 1024 need root or CAP_NET_BIND_SERVICE"),
        io::ErrorKind::AddrNotAvailable => made.hint("no interface of this machine has that address"),
        _ => made,
    }
}
