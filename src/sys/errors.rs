//! What the error queue of a datagram socket holds: which datagram met what, and who said so.
//!
//! Owns the shape of an entry alone; `linux` and `fallback` read it. It refuses to judge what an entry means.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// Who made an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This host's own kernel, without a message of the network.
    Local,
    /// An ICMP message (RFC 792).
    Icmp,
    /// An `ICMPv6` message (RFC 4443).
    Icmp6,
    /// The system does not say.
    Unknown,
}

/// One entry. See `IP_RECVERR` in ip(7).
#[derive(Debug)]
pub struct SocketError {
    /// The error as a call on a connected socket would give it.
    pub error: io::Error,
    /// Who made it.
    pub origin: Origin,
    /// The type of the ICMP message.
    pub kind: u8,
    /// The code of the ICMP message.
    pub code: u8,
    /// The MTU that the message or the kernel names, where the error is about a size; 0 is none.
    pub mtu: u32,
    /// The sender of the ICMP message. An IPv4-mapped address is given as IPv4.
    pub from: Option<IpAddr>,
    /// Where the datagram was to go. An IPv4-mapped address is given as IPv4.
    pub to: Option<SocketAddr>,
}

impl SocketError {
    /// An error of which nothing is known but itself.
    pub fn bare(error: io::Error, to: SocketAddr) -> Self {
        SocketError { error, origin: Origin::Unknown, kind: 0, code: 0, mtu: 0, from: None, to: Some(to) }
    }
}
