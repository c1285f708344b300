//! The name of a socket's end, as people read it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::address::UnixName;

/// An address of either kind of socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketName {
    /// IPv4 or IPv6 and a port.
    Inet(SocketAddr),
    /// A path or abstract name; an unbound end has none.
    Unix(Option<UnixName>),
}

impl SocketName {
    /// From socket2's form. An IPv4 peer of a dual-stack socket is the IPv4 address that it is.
    pub(super) fn from_raw(raw: &socket2::SockAddr) -> Self {
        match raw.as_socket() {
            Some(address) => SocketName::Inet(unmapped(address)),
            None => SocketName::Unix(unix_name(raw)),
        }
    }

    /// The port, where there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            SocketName::Inet(address) => Some(address.port()),
            SocketName::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for SocketName {
    fn from(address: SocketAddr) -> Self {
        SocketName::Inet(unmapped(address))
    }
}

impl From<&std::os::unix::net::SocketAddr> for SocketName {
    fn from(address: &std::os::unix::net::SocketAddr) -> Self {
        let path = address.as_pathname().map(|p| UnixName::Path(p.to_owned()));
        SocketName::Unix(path.or_else(|| crate::sys::abstract_name(address).map(UnixName::Abstract)))
    }
}

fn unix_name(raw: &socket2::SockAddr) -> Option<UnixName> {
    let path = raw.as_pathname().map(|p| UnixName::Path(p.to_owned()));
    path.or_else(|| raw.as_abstract_namespace().map(|n| UnixName::Abstract(n.to_vec())))
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketName::Inet(address) => address.fmt(f),
            SocketName::Unix(Some(name)) => name.fmt(f),
            SocketName::Unix(None) => f.write_str("unix:(unnamed)"),
        }
    }
}
