//! From the options of TLS to what encrypts the clients of a listener.
//!
//! Owns what a certificate that a server makes for itself is for: whatever a client could call this machine. Refuses to
//! make it.

use std::net::IpAddr;

use crate::address::{Endpoint, Host, UnixName};
use crate::deadline::Bound;
use crate::error::Error;
use crate::event::Event;
use crate::net::{Context, SocketName};
use crate::serve::encryption::Encryption;
use crate::stream::listener::Listener;
use crate::stream::tls::PreparedServer;
use crate::sys::lookup;

const LOCALHOST: &str = "localhost";

/// What encrypts those who come to `bound`, each listener with the address that was asked for. A certificate that is made
/// for it is announced.
pub(super) fn encryption(
    ctx: &Context<'_>,
    server: PreparedServer,
    bound: &[(&Endpoint, &Listener)],
    limit: Bound,
) -> Result<Encryption, Error> {
    let (server, made) = server.for_names(|| names(bound))?;
    if let Some(certificate) = made {
        let ways: Vec<_> = bound.iter().map(|(asked, listener)| way(asked, listener.name())).collect();
        ctx.tell(&Event::OwnCertificate { certificate: &certificate, ways: &ways });
    }
    Ok(Encryption { server, limit })
}

/// Each once: names that were asked for, those that every machine has, and the addresses.
fn names(bound: &[(&Endpoint, &Listener)]) -> Vec<String> {
    let asked = bound.iter().filter_map(|(asked, _)| name(asked).map(str::to_owned));
    let usual = [Some(LOCALHOST.to_owned()), lookup::host_name()].into_iter().flatten();
    let addresses = bound.iter().flat_map(|(_, listener)| addresses(listener.name())).map(|ip| ip.to_string());
    let mut names = Vec::new();
    for name in asked.chain(usual).chain(addresses) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn name(asked: &Endpoint) -> Option<&str> {
    let Endpoint::Inet(target) = asked else { return None };
    if let Host::Name(name) = &target.host { Some(name.trim_end_matches('.')) } else { None }
}

/// The address itself; in place of the wildcard every one of this machine that it stands for. A link-local one differs by
/// interface (RFC 4007): nobody could be sure whose it is.
fn addresses(bound: &SocketName) -> Vec<IpAddr> {
    let SocketName::Inet(bound) = bound else { return Vec::new() };
    if !bound.ip().is_unspecified() {
        return vec![bound.ip()];
    }
    let all = lookup::interface_addresses().unwrap_or_default().into_iter().map(|(_, ip)| ip);
    all.filter(|ip| !is_link_local(*ip) && (ip.is_ipv4() || bound.is_ipv6())).collect()
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// What `connect` is to be given to reach `bound` from this machine.
fn way(asked: &Endpoint, bound: &SocketName) -> String {
    let host = match (name(asked), bound) {
        (Some(name), _) => name.to_owned(),
        (None, SocketName::Inet(address)) if address.ip().is_unspecified() => LOCALHOST.to_owned(),
        (None, SocketName::Inet(address)) => match asked {
            // With its zone, as it was written.
            Endpoint::Inet(target) => match &target.host {
                host @ Host::V6 { .. } => host.to_string(),
                _ => address.ip().to_string(),
            },
            Endpoint::Unix(_) => address.ip().to_string(),
        },
        // A path is no name that a certificate could be for.
        (None, SocketName::Unix(_)) => return format!("--tls-name {LOCALHOST} {}", quoted(&unix(asked, bound))),
    };
    format!("{host} {}", bound.port().unwrap_or_default())
}

fn unix(asked: &Endpoint, bound: &SocketName) -> String {
    match asked {
        Endpoint::Unix(UnixName::Path(path)) => format!("unix:{}", path.display()),
        _ => bound.to_string(),
    }
}

/// For a shell (POSIX.1-2024 §2.2.2).
fn quoted(word: &str) -> String {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:@%+,".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Role;

    fn asked(word: &str) -> Endpoint {
        Endpoint::several_from_words(&[word.to_owned()], Role::Binds).expect("an address").remove(0)
    }

    #[test]
    fn ways() {
        let inet = |text: &str| SocketName::Inet(text.parse().expect("a socket address"));
        let table = [
            ("0", inet("[::]:9001"), "localhost 9001"),
            ("0.0.0.0:0", inet("0.0.0.0:9001"), "localhost 9001"),
            ("127.0.0.1:0", inet("127.0.0.1:9001"), "127.0.0.1 9001"),
            ("[::1]:0", inet("[::1]:9001"), "::1 9001"),
            ("host.example.:0", inet("192.0.2.1:9001"), "host.example 9001"),
        ];
        for (word, bound, way) in table {
            assert_eq!(super::way(&asked(word), &bound), way, "{word}");
        }
        let unnamed = SocketName::Unix(None);
        assert_eq!(super::way(&asked("unix:/tmp/a.sock"), &unnamed), "--tls-name localhost unix:/tmp/a.sock");
        assert_eq!(super::way(&asked("unix:/tmp/it's"), &unnamed), r"--tls-name localhost 'unix:/tmp/it'\''s'");
    }

    #[test]
    fn a_certificate_is_for_the_address_or_for_all_of_them() {
        let inet = |text: &str| SocketName::Inet(text.parse().expect("a socket address"));
        let loopback: IpAddr = "127.0.0.1".parse().expect("an address");
        assert_eq!(addresses(&inet("192.0.2.1:1")), ["192.0.2.1".parse::<IpAddr>().expect("an address")]);
        assert!(addresses(&inet("[::]:1")).contains(&loopback));
        assert!(addresses(&inet("0.0.0.0:1")).iter().all(IpAddr::is_ipv4));
        assert!(addresses(&SocketName::Unix(None)).is_empty());
    }
}
