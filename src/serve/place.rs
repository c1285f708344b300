//! From an endpoint to a datagram socket: one that receives there, or one that sends there.
//!
//! Owns which of a name's addresses it is. Refuses to move a datagram.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use crate::address::{Endpoint, Family, Host, HostPort};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Datagram, Event, Open};
use crate::net::datagram::{DatagramSocket, send_failed};
use crate::net::resolve::{Lookup, resolve};
use crate::net::{Context, SocketConfig, SocketName};
use crate::stream::dial::of_source_family;
use crate::stream::listener::bind_first;

/// How a datagram socket is opened.
#[derive(Clone, Debug)]
pub struct How {
    /// How names are looked up.
    pub lookup: Lookup,
    /// The options of the socket.
    pub config: SocketConfig,
    /// The limit of the lookup.
    pub limit: Option<Bound>,
}

/// A socket that receives at `endpoint`. Of a name's addresses it is the first that this machine has.
pub fn receive_at(ctx: &Context<'_>, endpoint: &Endpoint, how: &How) -> Result<DatagramSocket, Error> {
    match endpoint {
        Endpoint::Inet(target) => {
            let addresses = resolve(ctx, target, how.lookup, Deadline::starting_now(how.limit))?;
            let only_v6 = how.lookup.family == Family::V6;
            bind_first(ctx, &target.host, &addresses, |address| {
                DatagramSocket::bind(ctx, address, &how.config, only_v6)
            })
        }
        Endpoint::Unix(name) => DatagramSocket::bind_unix(ctx, name, &how.config),
    }
}

/// A socket that sends to one peer or group.
#[derive(Debug)]
pub struct Target {
    /// The socket.
    pub socket: DatagramSocket,
    /// Where it sends to.
    pub name: SocketName,
    /// What to try when nobody is there.
    other_family: Option<String>,
}

impl Target {
    /// The error of a datagram that did not get there.
    pub fn send_failed(&self, error: &io::Error) -> Error {
        let failed = send_failed(&self.name, error);
        match (&self.other_family, &failed.hint) {
            (Some(other), Some(hint)) if failed.kind == Kind::Refused => {
                let both = format!("{hint}; {other}");
                failed.hint(both)
            }
            _ => failed,
        }
    }
}

/// A socket that sends to `endpoint`, `answerable` if replies are wanted. Of a name's addresses it is the first to
/// which there is a way.
pub fn send_to(ctx: &Context<'_>, endpoint: &Endpoint, how: &How, answerable: bool) -> Result<Target, Error> {
    let target = match endpoint {
        Endpoint::Inet(target) => send_to_host(ctx, target, how)?,
        Endpoint::Unix(name) => Target {
            socket: DatagramSocket::towards_unix(ctx, name, &how.config, answerable)?,
            name: SocketName::Unix(Some(name.clone())),
            other_family: None,
        },
    };
    if let Ok(local) = target.socket.local_name() {
        ctx.tell(&Event::Datagram(Datagram::Towards(&local, &target.name)));
    }
    Ok(target)
}

fn send_to_host(ctx: &Context<'_>, target: &HostPort, how: &How) -> Result<Target, Error> {
    let addresses = resolve(ctx, target, how.lookup, Deadline::starting_now(how.limit))?;
    let addresses = of_source_family(&addresses, &how.config)?;
    let mut failures: Vec<Error> = Vec::new();
    for &address in &addresses {
        match DatagramSocket::towards(ctx, address, &how.config) {
            Ok(socket) => {
                let other_family = other_family(&target.host, address, &addresses);
                return Ok(Target { socket, name: address.into(), other_family });
            }
            Err(error) => {
                ctx.tell(&Event::Open(Open::AttemptFailed(&address, &error.reason)));
                failures.push(error);
            }
        }
    }
    Err(all_failed(target, failures))
}

fn all_failed(target: &dyn Display, failures: Vec<Error>) -> Error {
    let reasons: Vec<_> = failures.iter().map(|e| format!("{}: {}", e.subject, e.reason)).collect();
    let several = failures.len() > 1;
    match failures.into_iter().next() {
        Some(first) if several => Error { subject: target.to_string(), reason: reasons.join(", "), ..first },
        Some(only) => only,
        None => Error::new(Kind::Refused, "send to", target, "no address to try"),
    }
}

/// UDP can't tell in time that nobody is there, so the family is never changed on the way: the user may.
fn other_family(host: &Host, chosen: SocketAddr, all: &[SocketAddr]) -> Option<String> {
    let has_other = all.iter().any(|a| a.is_ipv4() != chosen.is_ipv4());
    let (family, option) = if chosen.is_ipv4() { ("IPv6", "-6") } else { ("IPv4", "-4") };
    (has_other && !host.is_numeric()).then(|| format!("{host} has an {family} address too: {option}"))
}
