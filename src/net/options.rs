//! Socket options: what a user may ask for, and the moment at which each must be set.
//!
//! Owns the difference between options of a socket, of its family and of its protocol. Refuses nothing
//! by itself: a kernel that won't is an error with the option's name.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Domain, TcpKeepalive, Type};

use super::context::Context;
use super::multicast::interface_index;
use crate::address::{Host, Interface, Membership, Port};
use crate::error::{Error, Kind};
use crate::event::{Event, Open};
use crate::sys;

/// What the options say about sockets, before there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is one independent socket option of socket(7) or tcp(7)")]
pub struct SocketConfig {
    /// Bind over connections in `TIME_WAIT` (`SO_REUSEADDR`).
    pub reuse_address: bool,
    /// Let several datagram sockets have one address, as the members of a multicast group need (`SO_REUSEADDR`).
    pub share_address: bool,
    /// Share the port with other processes that ask the same (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Probe an idle connection after this long (`SO_KEEPALIVE`, `TCP_KEEPIDLE`).
    pub keepalive: Option<Keepalive>,
    /// Send small pieces at once (`TCP_NODELAY`).
    pub no_delay: bool,
    /// `IP_TTL`, `IPV6_UNICAST_HOPS`, and the multicast limits.
    pub ttl: Option<u8>,
    /// `IP_TOS`, `IPV6_TCLASS`.
    pub tos: Option<u8>,
    /// `SO_SNDBUF` in bytes.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` in bytes.
    pub recv_buffer: Option<usize>,
    /// `SO_BINDTODEVICE`.
    pub interface: Option<String>,
    /// `SO_BROADCAST`.
    pub broadcast: bool,
    /// How many clients the kernel keeps until they are accepted; listen(2).
    pub backlog: i32,
    /// The local address that a connecting socket is bound to.
    pub source: Option<Host>,
    /// The local port that a connecting socket is bound to.
    pub source_port: Option<Port>,
    /// The groups that a receiver joins, beside the one that it is bound to.
    pub groups: Vec<Membership>,
    /// What is sent to a group leaves here (`IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`).
    pub multicast_interface: Option<Interface>,
    /// What is sent to a group is also for its members on this machine (`IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`).
    pub multicast_loop: bool,
}

/// How keepalive is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// On, with the system's times.
    System,
    /// On; the first probe after this long, and each next one too.
    After(Duration),
}

impl Default for SocketConfig {
    fn default() -> Self {
        SocketConfig {
            reuse_address: true,
            share_address: false,
            reuse_port: false,
            keepalive: None,
            no_delay: true,
            ttl: None,
            tos: None,
            send_buffer: None,
            recv_buffer: None,
            interface: None,
            broadcast: false,
            backlog: 128,
            source: None,
            source_port: None,
            groups: Vec::new(),
            multicast_interface: None,
            multicast_loop: true,
        }
    }
}

/// What a socket is going to be, as far as options differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Connects or was accepted.
    Stream,
    /// Listens.
    Listener,
    /// Sends and receives datagrams.
    Datagram,
}

/// Sets on a new socket everything that `config` asks for and that `purpose` can honour.
pub(super) fn apply(
    ctx: &Context<'_>,
    socket: &socket2::Socket,
    config: &SocketConfig,
    purpose: Use,
) -> Result<(), Error> {
    let setter = Setter { ctx, socket };
    setter.set("SO_RCVBUF", config.recv_buffer, socket2::Socket::set_recv_buffer_size)?;
    setter.set("SO_SNDBUF", config.send_buffer, socket2::Socket::set_send_buffer_size)?;
    setter.granted(config);
    let domain = socket.domain().map_err(|e| failed("SO_DOMAIN", &e))?;
    if domain != Domain::UNIX {
        apply_inet(&setter, config, domain, purpose)?;
    }
    Ok(())
}

fn apply_inet(setter: &Setter<'_>, config: &SocketConfig, domain: Domain, purpose: Use) -> Result<(), Error> {
    setter.set("SO_REUSEADDR", binds(config, purpose).then_some(true), socket2::Socket::set_reuse_address)?;
    setter.set("SO_REUSEPORT", config.reuse_port.then_some(true), socket2::Socket::set_reuse_port)?;
    setter.set("SO_BROADCAST", config.broadcast.then_some(true), socket2::Socket::set_broadcast)?;
    apply_path(setter, config, domain)?;
    match purpose {
        Use::Stream | Use::Listener => apply_tcp(setter, config),
        Use::Datagram => apply_multicast(setter, config, domain),
    }
}

/// `SO_REUSEADDR` helps whoever binds a stream socket to restart over `TIME_WAIT`; on a datagram socket it
/// lets two programs share a port in silence, so there it is set only when the user asks for just that.
fn binds(config: &SocketConfig, purpose: Use) -> bool {
    match purpose {
        Use::Listener => config.reuse_address,
        Use::Stream => config.reuse_address && config.source_port.is_some(),
        Use::Datagram => config.share_address,
    }
}

/// Options of the way through the network: they hold for IPv4 traffic of a dual-stack socket too.
fn apply_path(setter: &Setter<'_>, config: &SocketConfig, domain: Domain) -> Result<(), Error> {
    let ttl = config.ttl.map(u32::from);
    let tos = config.tos.map(u32::from);
    if domain == Domain::IPV6 {
        setter.set("IPV6_UNICAST_HOPS", ttl, socket2::Socket::set_unicast_hops_v6)?;
        setter.set("IPV6_TCLASS", tos, socket2::Socket::set_tclass_v6)?;
    } else {
        setter.set("IP_TTL", ttl, socket2::Socket::set_ttl_v4)?;
        setter.set("IP_TOS", tos, socket2::Socket::set_tos_v4)?;
    }
    setter.set("SO_BINDTODEVICE", config.interface.as_deref(), |s, name| sys::bind_to_interface(s.as_fd(), name))
}

fn apply_multicast(setter: &Setter<'_>, config: &SocketConfig, domain: Domain) -> Result<(), Error> {
    use socket2::Socket;
    let ttl = config.ttl.map(u32::from);
    let interface = config.multicast_interface.as_ref().map(interface_index).transpose()?;
    let no_loop = (!config.multicast_loop).then_some(false);
    if domain == Domain::IPV6 {
        setter.set("IPV6_MULTICAST_HOPS", ttl, Socket::set_multicast_hops_v6)?;
        setter.set("IPV6_MULTICAST_IF", interface, Socket::set_multicast_if_v6)?;
        setter.set("IPV6_MULTICAST_LOOP", no_loop, Socket::set_multicast_loop_v6)
    } else {
        setter.set("IP_MULTICAST_TTL", ttl, Socket::set_multicast_ttl_v4)?;
        setter.set("IP_MULTICAST_IF", interface, |s, index| sys::send_groups_through(s.as_fd(), index))?;
        setter.set("IP_MULTICAST_LOOP", no_loop, Socket::set_multicast_loop_v4)
    }
}

fn apply_tcp(setter: &Setter<'_>, config: &SocketConfig) -> Result<(), Error> {
    setter.set("TCP_NODELAY", config.no_delay.then_some(true), socket2::Socket::set_tcp_nodelay)?;
    match config.keepalive {
        None => Ok(()),
        Some(Keepalive::System) => setter.set("SO_KEEPALIVE", Some(true), socket2::Socket::set_keepalive),
        Some(Keepalive::After(time)) => {
            let params = TcpKeepalive::new().with_time(time).with_interval(time);
            setter.set("TCP_KEEPIDLE", Some(Probes(time)), |s, _| s.set_tcp_keepalive(&params))
        }
    }
}

/// A keepalive time as it is narrated.
#[derive(Clone, Copy)]
struct Probes(Duration);

impl std::fmt::Display for Probes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}

/// Sets one option after another on one socket, and says so.
struct Setter<'a> {
    ctx: &'a Context<'a>,
    socket: &'a socket2::Socket,
}

impl Setter<'_> {
    fn set<T: Copy + std::fmt::Display>(
        &self,
        name: &'static str,
        value: Option<T>,
        apply: impl FnOnce(&socket2::Socket, T) -> io::Result<()>,
    ) -> Result<(), Error> {
        let Some(value) = value else { return Ok(()) };
        apply(self.socket, value).map_err(|e| failed(name, &e))?;
        self.ctx.tell(&Event::Open(Open::OptionSet(name, &value)));
        Ok(())
    }

    /// The kernel rounds, doubles and caps buffer sizes in silence: say what was granted.
    fn granted(&self, config: &SocketConfig) {
        let say = |name, size: io::Result<usize>| {
            if let Ok(size) = size {
                self.ctx.tell(&Event::Open(Open::OptionSet(name, &size)));
            }
        };
        if config.recv_buffer.is_some() {
            say("SO_RCVBUF granted", self.socket.recv_buffer_size());
        }
        if config.send_buffer.is_some() {
            say("SO_SNDBUF granted", self.socket.send_buffer_size());
        }
    }
}

fn failed(name: &'static str, error: &io::Error) -> Error {
    Error::io(Kind::Bind, "set", name, error)
}

/// A new socket of `domain` and `kind` that never blocks and closes on exec.
pub(super) fn new_socket(domain: Domain, kind: Type) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, kind, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
