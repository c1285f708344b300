//! From a host and a port to socket addresses, under a deadline.
//!
//! Owns the helper thread around getaddrinfo(3), which can't be cancelled: one that is late is abandoned,
//! and only so many may be out. Refuses to try the addresses; `stream::dial` and `stream::listener` do.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use super::context::Context;
use crate::address::{Family, Host, HostPort, Port};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::{Event, Open};
use crate::sys::lookup::{self, Failure, Question};
use crate::sys::poll::Interest;

/// More addresses of one name than this are not tried.
const MAX_ADDRESSES: usize = 64;

/// More lookups than this may not be waiting for a silent name service at once.
const MAX_OUTSTANDING: usize = 16;

static OUTSTANDING: AtomicUsize = AtomicUsize::new(0);

/// How names are looked up; the same for every address of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Which families count (`-4`, `-6`).
    pub family: Family,
    /// Names are refused (`-n`).
    pub numeric_only: bool,
    /// Service names are those of UDP.
    pub datagram: bool,
}

/// The addresses of `target`, in the order in which RFC 6724 prefers them; at least one.
pub fn resolve(ctx: &Context<'_>, target: &HostPort, how: Lookup, limit: Deadline) -> Result<Vec<SocketAddr>, Error> {
    check_family(&target.host, how)?;
    let found = match (wildcards(how.family, &target.host), &target.port) {
        (Some(wild), Port::Number(port)) => at_port(&wild, *port),
        (Some(wild), Port::Service(_)) => at_port(&wild, service_port(ctx, target, how, limit)?),
        (None, port) => match (literal(&target.host)?, port) {
            (Some(address), Port::Number(port)) => vec![with_port(address, *port)],
            _ => look_up(ctx, target, how, limit)?,
        },
    };
    Ok(found)
}

/// The address that a numeric host stands for, port 0; `None` for a name.
pub fn literal(host: &Host) -> Result<Option<SocketAddr>, Error> {
    Ok(match host {
        Host::V4(address) => Some(SocketAddr::from((*address, 0))),
        Host::V6 { address, zone } => Some(SocketAddrV6::new(*address, 0, 0, scope(host, zone.as_deref())?).into()),
        Host::Any | Host::Name(_) => None,
    })
}

fn scope(host: &Host, zone: Option<&str>) -> Result<u32, Error> {
    let Some(zone) = zone else { return Ok(0) };
    lookup::interface_index(zone).ok_or_else(|| {
        Error::new(Kind::Usage, "address", host, "the zone is no interface of this machine")
            .hint("`ip link` lists them")
    })
}

/// Both wildcards where the family is open: the first is dual stack, the second for machines without IPv6.
fn wildcards(family: Family, host: &Host) -> Option<Vec<IpAddr>> {
    let both = [IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv4Addr::UNSPECIFIED.into()];
    (*host == Host::Any).then(|| both.into_iter().filter(|&ip| family.allows(ip)).collect())
}

fn at_port(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses.iter().map(|&ip| SocketAddr::new(ip, port)).collect()
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn check_family(host: &Host, how: Lookup) -> Result<(), Error> {
    let ip = match host {
        Host::V4(address) => IpAddr::from(*address),
        Host::V6 { address, .. } => IpAddr::from(*address),
        Host::Name(name) if how.numeric_only => {
            return Err(
                Error::new(Kind::Usage, "address", name, "-n forbids looking up a name").hint("give its IP address")
            );
        }
        Host::Any | Host::Name(_) => return Ok(()),
    };
    if how.family.allows(ip) {
        Ok(())
    } else {
        Err(Error::usage(format!("{host} is not of the family that -4 or -6 asks for")))
    }
}

/// The number of a service name, for hosts that need no lookup.
fn service_port(ctx: &Context<'_>, target: &HostPort, how: Lookup, limit: Deadline) -> Result<u16, Error> {
    let localhost = HostPort { host: Host::V4(Ipv4Addr::LOCALHOST), port: target.port.clone() };
    let found = look_up(ctx, &localhost, Lookup { family: Family::Any, ..how }, limit)?;
    Ok(found.first().map_or(0, SocketAddr::port))
}

fn look_up(ctx: &Context<'_>, target: &HostPort, how: Lookup, limit: Deadline) -> Result<Vec<SocketAddr>, Error> {
    let start = Instant::now();
    ctx.tell(&Event::Open(Open::Resolving(target)));
    let question = Question {
        host: Some(target.host.to_string()),
        service: target.port.to_string(),
        datagram: how.datagram,
        numeric_host: target.host.is_numeric(),
    };
    let answer = ask_on_thread(ctx, target, question, limit)?;
    let all = answer.map_err(|failure| unresolved(target, failure))?;
    let chosen = choose(ctx, target, how.family, &all)?;
    ctx.tell(&Event::Open(Open::Resolved(&chosen, start.elapsed())));
    Ok(chosen)
}

type Answer = Result<Vec<SocketAddr>, Failure>;

/// The thread holds the write end of a pipe while it waits: its end is what the poll here sees.
fn ask_on_thread(ctx: &Context<'_>, target: &HostPort, question: Question, limit: Deadline) -> Result<Answer, Error> {
    let failed = |e| Error::io(Kind::NameUnknown, "resolve", target, &e);
    if OUTSTANDING.fetch_add(1, Ordering::SeqCst) >= MAX_OUTSTANDING {
        OUTSTANDING.fetch_sub(1, Ordering::SeqCst);
        return Err(Error::new(
            Kind::NameUnknown,
            "resolve",
            target,
            "the name service has left too many questions unanswered",
        ));
    }
    let (done, running) = crate::sys::fd::pipe().map_err(failed)?;
    let (send, receive) = mpsc::channel();
    let ask = move || {
        // Nobody listens any more once the limit has passed: then the answer is for nobody.
        let _ = send.send(lookup::addresses(&question));
        OUTSTANDING.fetch_sub(1, Ordering::SeqCst);
        drop(running);
    };
    std::thread::Builder::new().name("resolver".into()).spawn(ask).map_err(failed)?;
    let mut interests = [Interest::read(std::os::fd::AsFd::as_fd(&done))];
    ctx.wait(&mut interests, limit).map_err(|cut| cut.during("resolve", target))?;
    receive.try_recv().map_err(|_| Error::new(Kind::NameUnknown, "resolve", target, "the resolver thread died"))
}

fn unresolved(target: &HostPort, failure: Failure) -> Error {
    match failure {
        Failure::Service => Error::new(Kind::Usage, "address", target, format!("unknown service name {}", target.port))
            .hint("give the port's number"),
        Failure::Host(words) => Error::new(Kind::NameUnknown, "resolve", &target.host, words),
    }
}

fn choose(ctx: &Context<'_>, target: &HostPort, family: Family, all: &[SocketAddr]) -> Result<Vec<SocketAddr>, Error> {
    let mut chosen: Vec<_> = all.iter().copied().filter(|a| family.allows(a.ip())).collect();
    if chosen.is_empty() {
        let found = List(all);
        let reason = format!("has no address of the family that was asked for, only {found}");
        return Err(Error::new(Kind::NameUnknown, "resolve", &target.host, reason));
    }
    if chosen.len() > MAX_ADDRESSES {
        ctx.warn(format_args!("{} has {} addresses; only the first {MAX_ADDRESSES} count", target.host, chosen.len()));
        chosen.truncate(MAX_ADDRESSES);
    }
    Ok(chosen)
}

/// The IP addresses of a list, without ports.
struct List<'a>(&'a [SocketAddr]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().take(8).map(|a| a.ip().to_string()).collect();
        f.write_str(&texts.join(", "))
    }
}
