//! Datagram sockets, UDP and UNIX: one call, one datagram, never cut.
//!
//! Owns the sizes that each family carries and the difference between one peer and a group. Refuses to
//! frame: what separates datagrams on stdout is the command's business.

mod receive;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;

use socket2::{Domain, SockAddr, SockRef, Type};

use super::context::Context;
use super::multicast;
use super::name::SocketName;
use super::options::{SocketConfig, Use, apply, new_socket};
use super::socket::{bind_failed, source_address, unix_address};
use super::unix_path::{SocketFile, clear_stale};
use crate::address::UnixName;
use crate::error::{Error, Kind};
use crate::event::{Event, Open};
use crate::sys;

pub use receive::{Batch, Received};

/// The largest payload of an IPv4 datagram: 65,535 less 20 and 8 bytes of headers (RFC 768, RFC 791).
pub const LARGEST_V4: usize = 65_507;

/// The largest payload of an IPv6 datagram: 65,535 less 8 bytes of header (RFC 8200, RFC 768).
pub const LARGEST_V6: usize = 65_527;

/// The way out when a datagram is too large.
pub const SMALLER: &str = "of a longer stdin, --size makes datagrams of N bytes, --lines one of each line";

/// A datagram socket.
#[derive(Debug)]
pub struct DatagramSocket {
    inner: Inner,
    /// Where [`DatagramSocket::send`] sends to when the socket is not connected: a group.
    group: Option<SocketAddr>,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Inner {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// Where a datagram came from, and where an answer goes.
#[derive(Clone, Debug)]
pub enum Sender {
    /// A UDP address.
    Inet(SocketAddr),
    /// A UNIX name.
    Unix(std::os::unix::net::SocketAddr),
}

impl Sender {
    /// The name as people read it.
    pub fn name(&self) -> SocketName {
        match self {
            Sender::Inet(address) => SocketName::from(*address),
            Sender::Unix(address) => SocketName::from(address),
        }
    }
}

impl DatagramSocket {
    /// Receives at `address`; a multicast one is joined. `only_v6` keeps the IPv6 wildcard from taking IPv4 datagrams too.
    pub fn bind(ctx: &Context<'_>, address: SocketAddr, config: &SocketConfig, only_v6: bool) -> Result<Self, Error> {
        let socket = open(ctx, Domain::for_address(address), config, &address)?;
        if address.is_ipv6() {
            socket.set_only_v6(only_v6).map_err(|e| bind_failed(&address, &e))?;
        }
        socket.bind(&address.into()).map_err(|e| bind_failed(&address, &e))?;
        multicast::join(ctx, &socket, address, config)?;
        Ok(DatagramSocket { inner: Inner::Udp(socket.into()), group: None, _file: None })
    }

    /// Receives at a UNIX name.
    pub fn bind_unix(ctx: &Context<'_>, name: &UnixName, config: &SocketConfig) -> Result<Self, Error> {
        clear_stale(name)?;
        let socket = open(ctx, Domain::UNIX, config, name)?;
        unix_address(name).and_then(|address| socket.bind(&address)).map_err(|e| bind_failed(name, &e))?;
        Ok(DatagramSocket { inner: Inner::Unix(socket.into()), group: None, _file: SocketFile::of(name) })
    }

    /// Sends to `peer`. One program there: the socket is connected, so that the kernel passes on ICMP errors and
    /// drops what others send. A multicast or broadcast address: everybody may answer.
    pub fn towards(ctx: &Context<'_>, peer: SocketAddr, config: &SocketConfig) -> Result<Self, Error> {
        multicast::check_target(peer.ip(), config)?;
        let socket = open(ctx, Domain::for_address(peer), config, &peer)?;
        if let Some(source) = source_address(peer, config)? {
            socket.bind(&source.into()).map_err(|e| bind_failed(&source, &e))?;
        }
        let group = is_group(peer.ip(), config).then_some(peer);
        if group.is_none() {
            socket.connect(&peer.into()).map_err(|e| send_failed(&peer, &e))?;
        }
        Ok(DatagramSocket { inner: Inner::Udp(socket.into()), group, _file: None })
    }

    /// Sends to a UNIX name; with `answerable`, from an own abstract name that the peer can answer to.
    pub fn towards_unix(
        ctx: &Context<'_>,
        peer: &UnixName,
        config: &SocketConfig,
        answerable: bool,
    ) -> Result<Self, Error> {
        let socket = open(ctx, Domain::UNIX, config, peer)?;
        if answerable {
            // An empty name asks the kernel to choose one; see autobind in unix(7).
            SockAddr::unix("").and_then(|a| socket.bind(&a)).map_err(|e| bind_failed(peer, &e))?;
        }
        unix_address(peer).and_then(|address| socket.connect(&address)).map_err(|e| unix_failed(peer, &e))?;
        Ok(DatagramSocket { inner: Inner::Unix(socket.into()), group: None, _file: None })
    }

    /// Sends one datagram to the peer or the group.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let sent = match (&self.inner, self.group) {
            (Inner::Udp(socket), Some(group)) => socket.send_to(bytes, group),
            (Inner::Udp(socket), None) => socket.send(bytes),
            (Inner::Unix(socket), _) => socket.send(bytes),
        };
        sent.map(|_| ())
    }

    /// Where each call has to say that it sends to; `None` where the socket is connected.
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        self.group
    }

    /// Asks for a send buffer that holds many batches, and tells what was granted. Not for UNIX sockets, where it is the
    /// receiver's queue that fills, and the send buffer bounds the largest datagram.
    pub fn widen_send_buffer(&self, ctx: &Context<'_>) {
        const WIDE: usize = 4 << 20;
        let Inner::Udp(socket) = &self.inner else { return };
        let socket = SockRef::from(socket);
        // The kernel caps it in silence, or refuses: the buffer that is there will do.
        let _ = socket.set_send_buffer_size(WIDE);
        if let Ok(size) = socket.send_buffer_size() {
            ctx.tell(&Event::Open(Open::OptionSet("SO_SNDBUF granted", &size)));
        }
    }

    /// Sends one datagram to whoever sent one.
    pub fn send_to(&self, bytes: &[u8], to: &Sender) -> io::Result<()> {
        match (&self.inner, to) {
            (Inner::Udp(socket), Sender::Inet(to)) => socket.send_to(bytes, to).map(|_| ()),
            (Inner::Unix(socket), Sender::Unix(to)) => socket.send_to_addr(bytes, to).map(|_| ()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Takes the next datagram into `buffer`, which grows to hold it whole; gives its size and sender.
    pub fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<(usize, Sender)> {
        self.make_room(buffer)?;
        match &self.inner {
            Inner::Udp(socket) => socket.recv_from(buffer).map(|(size, from)| (size, Sender::Inet(from))),
            Inner::Unix(socket) => socket.recv_from(buffer).map(|(size, from)| (size, Sender::Unix(from))),
        }
    }

    /// A UDP datagram is never larger than its 16-bit length; a UNIX one is asked for its size.
    fn make_room(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        const UNIX_UNASKED: usize = 1 << 20;
        let size = match &self.inner {
            Inner::Udp(_) => LARGEST_V6,
            Inner::Unix(socket) => sys::next_datagram_size(socket.as_fd()).unwrap_or(Ok(UNIX_UNASKED))?,
        };
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        Ok(())
    }

    /// No larger datagram can be sent: the family's largest, for UNIX the send buffer, of which the kernel needs a
    /// little for itself (`EMSGSIZE`). `None` where nobody can say.
    pub fn largest(&self) -> Option<usize> {
        match &self.inner {
            Inner::Udp(socket) => Some(if self.sends_v4(socket) { LARGEST_V4 } else { LARGEST_V6 }),
            Inner::Unix(socket) => SockRef::from(socket).send_buffer_size().ok(),
        }
    }

    /// An IPv6 socket that is connected to an IPv4-mapped address sends IPv4.
    fn sends_v4(&self, socket: &UdpSocket) -> bool {
        let towards = self.group.or_else(|| socket.peer_addr().ok()).or_else(|| socket.local_addr().ok());
        towards.is_some_and(|address| address.ip().to_canonical().is_ipv4())
    }

    /// Whether an error of a call may be the answer to an earlier datagram (ICMP): then the call itself did nothing.
    /// See udp(7).
    pub fn has_late_errors(&self) -> bool {
        matches!(self.inner, Inner::Udp(_))
    }

    /// The error that waits on the socket, taken from it.
    pub fn take_error(&self) -> Option<io::Error> {
        let taken = match &self.inner {
            Inner::Udp(socket) => socket.take_error(),
            Inner::Unix(socket) => socket.take_error(),
        };
        taken.ok().flatten()
    }

    /// Whether everybody in a group may answer, and not one peer.
    pub fn is_group(&self) -> bool {
        self.group.is_some()
    }

    /// The local name.
    pub fn local_name(&self) -> io::Result<SocketName> {
        match &self.inner {
            Inner::Udp(socket) => socket.local_addr().map(SocketName::from),
            Inner::Unix(socket) => socket.local_addr().map(|a| SocketName::from(&a)),
        }
    }

    /// How many datagrams the receive queue had no room for; `None` where nobody can say.
    pub fn dropped(&self) -> Option<u64> {
        sys::dropped(self.as_fd())
    }
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.inner {
            Inner::Udp(socket) => socket.as_fd(),
            Inner::Unix(socket) => socket.as_fd(),
        }
    }
}

fn open(
    ctx: &Context<'_>,
    domain: Domain,
    config: &SocketConfig,
    subject: &dyn std::fmt::Display,
) -> Result<socket2::Socket, Error> {
    let socket = new_socket(domain, Type::DGRAM).map_err(|e| bind_failed(subject, &e))?;
    apply(ctx, &socket, config, Use::Datagram)?;
    Ok(socket)
}

/// A subnet's broadcast address looks like any other: --broadcast is how the user says that it is one.
fn is_group(ip: IpAddr, config: &SocketConfig) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) || (config.broadcast && ip.is_ipv4())
}

/// The error of a datagram that was not sent.
pub fn send_failed(peer: &dyn std::fmt::Display, error: &io::Error) -> Error {
    use io::ErrorKind as Io;
    let kind = match error.kind() {
        Io::ConnectionRefused | Io::HostUnreachable | Io::NetworkUnreachable | Io::NotFound | Io::InvalidInput => {
            Kind::Refused
        }
        _ => Kind::Send,
    };
    let made = Error::io(kind, "send to", peer, error);
    match error.kind() {
        Io::PermissionDenied => {
            made.hint("to a broadcast address only with --broadcast; otherwise a local route prohibits it")
        }
        Io::ConnectionRefused => made.hint("no program receives there"),
        Io::InvalidInput => made.hint("a local route discards it (blackhole)"),
        _ if sys::fd::is_too_large(error) => made.hint(SMALLER),
        _ => made,
    }
}

/// The error of a UNIX name that can't be sent to.
fn unix_failed(peer: &UnixName, error: &io::Error) -> Error {
    let made = Error::io(Kind::Refused, "send to", peer, error);
    match error.kind() {
        io::ErrorKind::NotFound => made.hint("no such socket file"),
        io::ErrorKind::PermissionDenied => made.hint("the file's mode prohibits it"),
        io::ErrorKind::ConnectionRefused => made.hint("no program receives there"),
        _ if sys::fd::is_other_type(error) => made.hint("it is a stream socket: sockkit connect"),
        _ => made,
    }
}
