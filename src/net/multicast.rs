//! Multicast groups: who joins which, and through which interface.
//!
//! Owns what fits together: a socket gets a group only if it is bound to that group or to every address. Refuses to
//! send and to receive.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use socket2::{InterfaceIndexOrAddress, Socket};

use super::context::Context;
use super::options::SocketConfig;
use crate::address::{Interface, Membership};
use crate::error::{Error, Kind};
use crate::event::{Event, Open};
use crate::sys;
use crate::sys::lookup;

/// Joins what `config` names, or else the group that `bound` is: what is sent to a group reaches only its members.
/// With named groups these alone reach the socket, whatever others on this machine joined. See ip(7), ipv6(7).
pub(super) fn join(ctx: &Context<'_>, socket: &Socket, bound: SocketAddr, config: &SocketConfig) -> Result<(), Error> {
    let named = config.interface.as_deref().and_then(lookup::interface_index).unwrap_or(0);
    if config.groups.is_empty() {
        return join_bound(socket, bound, named);
    }
    for membership in &config.groups {
        check_member(socket, bound, membership)?;
        let index = membership.interface.as_deref().map_or(Ok(named), |name| index_of(name, membership))?;
        join_one(socket, membership, index).map_err(|e| failed(membership, &e, membership.interface.is_some()))?;
        ctx.tell(&Event::Open(Open::OptionSet("joined the group", membership)));
    }
    sys::only_joined_groups(socket.as_fd(), bound.is_ipv6())
        .map_err(|e| Error::io(Kind::Bind, "set", "IP_MULTICAST_ALL", &e))
}

fn join_bound(socket: &Socket, bound: SocketAddr, named: u32) -> Result<(), Error> {
    if !bound.ip().is_multicast() {
        return Ok(());
    }
    let index = match bound {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => v6.scope_id(),
        _ => named,
    };
    join_any_source(socket, bound.ip(), index).map_err(|e| failed(&bound, &e, index != 0))
}

fn join_one(socket: &Socket, membership: &Membership, index: u32) -> io::Result<()> {
    match membership.source {
        Some(source) => sys::join_source(socket.as_fd(), membership.group, source, index),
        None => join_any_source(socket, membership.group, index),
    }
}

fn join_any_source(socket: &Socket, group: IpAddr, index: u32) -> io::Result<()> {
    match group {
        IpAddr::V4(v4) => socket.join_multicast_v4_n(&v4, &InterfaceIndexOrAddress::Index(index)),
        IpAddr::V6(v6) => socket.join_multicast_v6(&v6, index),
    }
}

/// A group that would be joined and never heard is refused.
fn check_member(socket: &Socket, bound: SocketAddr, membership: &Membership) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::usage(format!("--join {membership}: {reason}")));
    let group = membership.group;
    if !bound.ip().is_unspecified() {
        let own = bound.ip() == group;
        return if own { Ok(()) } else { refused(format!("at {bound} it would not be heard; give the port alone")) };
    }
    let takes_v4 = bound.is_ipv4() || !socket.only_v6().unwrap_or(false);
    match group {
        IpAddr::V4(_) if !takes_v4 => refused("the socket is for IPv6 alone".into()),
        IpAddr::V6(_) if bound.is_ipv4() => refused("the socket is for IPv4 alone".into()),
        _ => Ok(()),
    }
}

fn failed(group: &dyn Display, error: &io::Error, has_interface: bool) -> Error {
    let made = Error::io(Kind::Bind, "join the group", group, error);
    match error.kind() {
        io::ErrorKind::Unsupported => made.hint("this system can't join one source's group; without SOURCE@ it can"),
        io::ErrorKind::AddrInUse => made.hint("it is joined already"),
        _ if has_interface => made,
        _ => made.hint("--interface says through which interface, or --join GROUP%INTERFACE"),
    }
}

/// Options about groups mean nothing for one peer: they are refused, not ignored. A name may stand for either, so that
/// is known only now.
pub(super) fn check_target(peer: IpAddr, config: &SocketConfig) -> Result<(), Error> {
    let option = match (&config.multicast_interface, config.multicast_loop) {
        _ if peer.is_multicast() => return Ok(()),
        (Some(_), _) => "--multicast-interface",
        (None, false) => "--no-multicast-loop",
        (None, true) => return Ok(()),
    };
    Err(Error::new(Kind::Usage, "address", peer, format!("{option} means nothing: it is no multicast group")))
}

/// The index of an interface of this machine.
pub(super) fn interface_index(interface: &Interface) -> Result<u32, Error> {
    match interface {
        Interface::Name(name) => index_of(name, interface),
        Interface::Address(address) => {
            let all = lookup::interface_addresses().map_err(|e| Error::io(Kind::Bind, "list", "interfaces", &e))?;
            let own = all.into_iter().find(|(_, ip)| ip == address).map(|(index, _)| index);
            own.ok_or_else(|| no_interface(interface, "no interface of this machine has this address"))
        }
    }
}

fn index_of(name: &str, subject: &dyn Display) -> Result<u32, Error> {
    lookup::interface_index(name).ok_or_else(|| no_interface(subject, "no interface of this machine has this name"))
}

fn no_interface(subject: &dyn Display, reason: &str) -> Error {
    Error::new(Kind::Usage, "interface", subject, reason).hint("`ip address` lists them")
}
