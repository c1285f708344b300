//! Addresses as the user writes them: words in, values out, and back again.
//!
//! Owns the one grammar that all verbs share, and the wording of what is wrong with an address.
//! Refuses to do anything about it: no lookup, no socket, no interface list, no file. Whether a
//! name, a service, a zone or a path exists is asked elsewhere.
//!
//! ```text
//! ADDRESS := HOST PORT | HOST:PORT | [V6]:PORT | unix:PATH | unix:@ABSTRACT
//!          | PORT                        verbs that bind, a number: every address of this machine
//! HOST    := name | V4 | V6 | V6%zone | [V6] | [V6%zone]
//! PORT    := number | service
//! PORTS   := item{,item}                 item := PORT | number-number
//! ```
//!
//! The first word is a whole address if it is `unix:…`, `[V6]:PORT`, or has exactly one colon, and,
//! for verbs that bind, if it is a number; otherwise the next word is its port. Two colons or more
//! make a bare IPv6 address, so `::1:80` is an address without a port.
//!
//! IPv4 is the strict dotted quad alone: what `inet_aton(3)` also takes (`010.1`, `0x7f000001`)
//! means different hosts to different programs, so it never reaches the resolver.

mod error;
mod group;
mod host;
mod loose;
mod network;
mod port;
mod unix;

use std::fmt;
use std::str::FromStr;

pub use error::AddressError;
pub use group::{Interface, Membership};
pub use host::{Family, Host, HostPort};
pub use network::Network;
pub use port::{Port, PortSet};
pub use unix::UnixName;

use host::{brackets, parse_name, parse_v6, v6_and_port};
use port::{is_digits, parse_service};
use unix::parse_unix;

/// A socket address that one verb opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Inet(HostPort),
    Unix(UnixName),
}

/// What a verb does with its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Port 0 is refused, and a number alone is no address.
    Connects,
    /// Port 0 picks a free port, and a number alone is the wildcard's port.
    Binds,
}

impl Endpoint {
    /// Takes the address off the front of `words`; gives it and the words left over
    /// (e.g. udp-send's DATA).
    ///
    /// # Errors
    /// The words do not start with an address that fits `role`.
    pub fn from_words(words: &[String], role: Role) -> Result<(Self, &[String]), AddressError> {
        let (first, rest) = words.split_first().ok_or_else(|| missing_address(role))?;
        if role == Role::Binds && is_digits(first) {
            let (host, port) = (Host::Any, first.parse()?);
            return Ok((Self::Inet(HostPort { host, port }), rest));
        }
        if is_whole(first) {
            return Ok((first.parse::<Self>()?.fit(role)?, rest));
        }
        let host: Host = first.parse()?;
        let Some((port, rest)) = rest.split_first() else {
            return Err(missing_port(first, &host, role));
        };
        let port = port.parse()?;
        Ok((Self::Inet(HostPort { host, port }).fit(role)?, rest))
    }

    /// The same for a verb that connects to a service with a `port` of its own: a host alone has that one.
    ///
    /// # Errors
    /// The words do not start with an address.
    pub fn from_words_or_port(words: &[String], port: u16) -> Result<(Self, &[String]), AddressError> {
        match words {
            [host] if !is_whole(host) => {
                let (host, port) = (host.parse()?, Port::Number(port));
                Ok((Self::Inet(HostPort { host, port }), &[]))
            }
            _ => Self::from_words(words, Role::Connects),
        }
    }

    /// The one address that `words` are, or several of which each is one word.
    ///
    /// # Errors
    /// A word is no address that fits `role`, or no whole one beside others.
    pub fn several_from_words(words: &[String], role: Role) -> Result<Vec<Self>, AddressError> {
        match Self::from_words(words, role)? {
            (only, []) => Ok(vec![only]),
            _ => words
                .iter()
                .map(|word| Self::from_words(std::slice::from_ref(word), role).map(|(one, _)| one))
                .collect(),
        }
    }

    fn fit(self, role: Role) -> Result<Self, AddressError> {
        match (&self, role) {
            (Self::Inet(inet), Role::Connects) if inet.port == Port::Number(0) => Err(port_zero(&inet.to_string())),
            _ => Ok(self),
        }
    }
}

/// One whole address: `HOST:PORT`, `[V6]:PORT`, `unix:…`. A port alone is not one, since only
/// [`Endpoint::from_words`] knows whether the verb binds; for the same reason port 0 passes.
impl FromStr for Endpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(name) = text.strip_prefix("unix:") {
            return parse_unix(text, name).map(Self::Unix);
        }
        let (host, port) = split_whole(text)?;
        let port = port.parse()?;
        Ok(Self::Inet(HostPort { host, port }))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(inet) => inet.fmt(f),
            Self::Unix(name) => name.fmt(f),
        }
    }
}

/// What `connect --check` looks at: ports of one host, or one UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    Ports(Targets),
    Unix(UnixName),
}

/// Several ports of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    pub host: Host,
    pub ports: PortSet,
}

impl CheckTarget {
    /// `HOST PORTS [PORTS…]`, `HOST:PORTS`, `[V6]:PORTS` or `unix:PATH`; uses every word.
    ///
    /// # Errors
    /// The words are none of these, a word is left over, or port 0 is among the ports.
    pub fn from_words(words: &[String]) -> Result<Self, AddressError> {
        let role = Role::Connects;
        let (first, rest) = words.split_first().ok_or_else(|| missing_address(role))?;
        if let Some(name) = first.strip_prefix("unix:") {
            let name = parse_unix(first, name)?;
            return refuse_more(rest).map(|()| Self::Unix(name));
        }
        if is_whole(first) {
            let (host, ports) = split_whole(first)?;
            let target = Self::ports(host, ports)?;
            return refuse_more(rest).map(|()| target);
        }
        let host: Host = first.parse()?;
        if rest.is_empty() {
            return Err(missing_port(first, &host, role));
        }
        // Joined, so that a port named in two words is looked at once.
        Self::ports(host, &rest.join(","))
    }

    fn ports(host: Host, ports: &str) -> Result<Self, AddressError> {
        let ports: PortSet = ports.parse()?;
        if ports.contains_zero() {
            return Err(port_zero(&ports.to_string()));
        }
        Ok(Self::Ports(Targets { host, ports }))
    }
}

// ---- words ----

/// The rule of the file header, less the bare number, which depends on the role.
fn is_whole(word: &str) -> bool {
    if word.starts_with('[') {
        return !word.ends_with(']');
    }
    word.starts_with("unix:") || word.matches(':').count() == 1
}

/// Takes `HOST:PORT` or `[V6]:PORT` apart; the port's half may still be a list.
fn split_whole(text: &str) -> Result<(Host, &str), AddressError> {
    refuse_url(text)?;
    if let Some(inside) = text.strip_prefix('[') {
        let (v6, port) = inside.split_once("]:").ok_or_else(|| brackets(text))?;
        return Ok((parse_v6(v6)?, port));
    }
    if text.matches(':').count() >= 2 {
        return Err(missing_port(text, &parse_v6(text)?, Role::Connects));
    }
    match text.split_once(':') {
        Some(("", port)) => Err(empty_host(text, port)),
        Some((host, port)) => Ok((parse_name(host)?, port)),
        None => {
            let error = AddressError::new(text, "a whole address has a host and a port");
            Err(error.hint("write HOST:PORT, [V6]:PORT or unix:PATH"))
        }
    }
}

fn refuse_url(text: &str) -> Result<(), AddressError> {
    if !text.contains("://") {
        return Ok(());
    }
    Err(AddressError::new(text, "a URL is not an address").hint("URLs go with \"sockkit get\"; here write HOST PORT"))
}

fn refuse_more(rest: &[String]) -> Result<(), AddressError> {
    let Some(word) = rest.first() else {
        return Ok(());
    };
    Err(AddressError::new(word, "nothing may follow a whole address")
        .hint("for several ports write HOST:80,443 or HOST 80 443"))
}

fn missing_address(role: Role) -> AddressError {
    let hint = match role {
        Role::Connects => "write HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH",
        Role::Binds => "write PORT, HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH",
    };
    AddressError { text: None, reason: "an address is needed".to_owned(), hint: Some(hint.to_owned()) }
}

fn missing_port(word: &str, host: &Host, role: Role) -> AddressError {
    let port = Port::Number(if role == Role::Binds { 9001 } else { 80 });
    let host = host.clone();
    let hint = match (&host, role, v6_and_port(word)) {
        (Host::V6 { .. }, _, Some(meant)) => {
            let whole = HostPort { host, port };
            format!("write {whole}, or {meant} if its last part is the port")
        }
        (Host::Name(name), Role::Binds, _) if parse_service(name).is_ok() => {
            let alone = "a service name alone needs a host";
            format!("write {name}:{port}; {alone}, as in [::]:{name}")
        }
        _ => format!("write {}", HostPort { host, port }),
    };
    AddressError::new(word, "a port is needed after the host").hint(hint)
}

fn empty_host(text: &str, port: &str) -> AddressError {
    let error = AddressError::new(text, "the host before the colon is empty");
    match port.parse::<Port>() {
        Ok(Port::Number(port)) => error.hint(format!("for verbs that bind write the port alone: {port}")),
        _ => error.hint("write HOST:PORT"),
    }
}

fn port_zero(text: &str) -> AddressError {
    AddressError::new(text, "nothing can be reached on port 0").hint("write a port from 1 to 65535")
}

#[cfg(test)]
mod tests;
