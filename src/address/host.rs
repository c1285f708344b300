//! Hosts: names, IPv4, IPv6 with its zone.
//!
//! Owns what a host name may look like, before any resolver sees it. Refuses to look one up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::error::{escaped, is_hidden};
use super::loose::{hex_digits, loose_ipv4};
use super::port::is_digits;
use super::{AddressError, Port, refuse_url};

/// `IFNAMSIZ` less the final NUL (netdevice(7)).
const ZONE_MAX: usize = 15;

/// RFC 1035 section 2.3.4.
const LABEL_MAX: usize = 63;

/// The 255 bytes of RFC 1035 section 2.3.4, less the first length byte and the root's.
const NAME_MAX: usize = 253;

/// What `-4` and `-6` choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

impl Family {
    /// Whether a socket for `ip` is of this family; an IPv4-mapped address is IPv6's.
    #[must_use]
    pub fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// A host and a port, not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    pub host: Host,
    pub port: Port,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            host @ Host::V6 { .. } => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The machine's part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Every address of this machine: only from the bare port of a verb that binds.
    Any,
    /// A name, as written, with its final dot if it had one.
    Name(String),
    V4(Ipv4Addr),
    V6 {
        address: Ipv6Addr,
        /// An interface's name or index, for link-local addresses (RFC 4007 section 11).
        zone: Option<String>,
    },
}

impl Host {
    /// Whether there is no name to look up; true for [`Host::Any`] too.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Self::Name(_))
    }
}

/// A name or an address, with or without brackets round IPv6; never [`Host::Any`].
impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        refuse_url(text)?;
        if let Some(inside) = text.strip_prefix('[') {
            return match inside.strip_suffix(']') {
                Some(v6) => parse_v6(v6),
                None => Err(brackets(text)),
            };
        }
        if text.matches(':').count() >= 2 {
            return parse_v6(text);
        }
        parse_name(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => f.write_str(&escaped(name)),
            Self::V4(address) => address.fmt(f),
            Self::V6 { address, zone } => {
                address.fmt(f)?;
                zone.iter().try_for_each(|z| write!(f, "%{}", escaped(z)))
            }
        }
    }
}

// ---- hosts ----

pub(super) fn brackets(text: &str) -> AddressError {
    AddressError::new(text, "brackets go round an IPv6 address and nothing else").hint("write [::1] or [::1]:80")
}

/// An IPv6 address without brackets, with or without a zone.
pub(super) fn parse_v6(text: &str) -> Result<Host, AddressError> {
    read_v6(text).map_err(|reason| match v6_and_port(text) {
        Some(meant) => AddressError::new(text, reason).hint(format!("write {meant}")),
        None if text.contains(':') => AddressError::new(text, reason),
        None => brackets(text),
    })
}

fn read_v6(text: &str) -> Result<Host, &'static str> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| "this is no IPv6 address")?;
    zone.and_then(zone_fault).map_or(Ok(()), Err)?;
    let zone = zone.map(str::to_owned);
    Ok(Host::V6 { address, zone })
}

/// What was meant if the last part of a bare IPv6 address was written as its port.
pub(super) fn v6_and_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let (host, port) = (read_v6(host).ok()?, port.parse().ok()?);
    Some(HostPort { host, port })
}

/// Linux refuses '/', ':' and white space in an interface's name; the rest would make the address
/// unreadable.
pub(super) fn zone_fault(zone: &str) -> Option<&'static str> {
    let misused = |c: char| c.is_whitespace() || is_hidden(c) || "/%:[]".contains(c);
    if zone.is_empty() {
        Some("the zone after '%' is empty")
    } else if zone.contains(misused) {
        Some("the zone after '%' is no interface name")
    } else if zone.len() > ZONE_MAX {
        Some("the zone after '%' is longer than 15 bytes")
    } else {
        None
    }
}

/// A host that is no IPv6 address: a dotted quad or a name.
pub(super) fn parse_name(text: &str) -> Result<Host, AddressError> {
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    if text.is_empty() {
        return Err(AddressError::new(text, "the host is empty"));
    }
    if let Some((reason, hint)) = text.chars().find_map(name_char_fault) {
        let error = AddressError::new(text, reason);
        return Err(hint.into_iter().fold(error, AddressError::hint));
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    if let Some(reason) = name_shape_fault(bare) {
        return Err(AddressError::new(text, reason));
    }
    if ends_in_number(bare) {
        return Err(loose_ipv4(text, bare));
    }
    Ok(Host::Name(text.to_owned()))
}

/// Letters, digits, '-', '_' (many real names have it) and '.'; for the rest, why not.
fn name_char_fault(c: char) -> Option<(&'static str, Option<&'static str>)> {
    let fault = match c {
        '-' | '_' | '.' => return None,
        c if c.is_ascii_alphanumeric() => return None,
        '/' => ("a host has no '/'", Some("for a UNIX socket write unix:PATH")),
        '@' => ("a host has no '@'", Some("write the host without a user")),
        '%' => ("only an IPv6 address has a zone", Some("write fe80::1%eth0")),
        '[' | ']' => ("brackets go round an IPv6 address and nothing else", None),
        ':' => ("a host has no port in it", Some("write the port as the next word")),
        '*' => ("'*' is no host", Some("for verbs that bind write the port alone")),
        c if c.is_whitespace() => ("a host has no white space", None),
        c if is_hidden(c) => ("a host has no control or invisible characters", None),
        c if c.is_ascii() => ("a host name is letters, digits, '-', '_' and '.'", None),
        _ => ("a host name is ASCII", Some("write its xn-- form")),
    };
    Some(fault)
}

/// `name` comes without its final dot.
fn name_shape_fault(name: &str) -> Option<&'static str> {
    if name.split('.').any(str::is_empty) {
        Some("a label (the part between two dots) is empty")
    } else if name.split('.').any(|label| label.len() > LABEL_MAX) {
        Some("a label (the part between two dots) is longer than 63 bytes")
    } else if name.len() > NAME_MAX {
        Some("the host name is longer than 253 bytes")
    } else {
        None
    }
}

/// No top-level domain is a number, so such a name is meant as IPv4; browsers draw the same line
/// (URL Standard, "ends in a number checker").
pub(super) fn ends_in_number(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(is_ipv4_part)
}

pub(super) fn is_ipv4_part(label: &str) -> bool {
    let hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_digits(label) || hex_digits(label).is_some_and(hex)
}
