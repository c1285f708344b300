//! What an error says of a port: without a socket.
//!
//! Owns the difference between a port that is closed, a way that is barred, and a way that does not begin. Refuses to
//! word it.

use std::io;
use std::net::IpAddr;

use crate::error::plain;
use crate::event::verdict::{Icmp, Verdict, Why};
use crate::sys::errors::{Origin, SocketError};

/// Between whom it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who was asked.
    pub target: IpAddr,
    /// Our own address, as far as it is known.
    pub local: Option<IpAddr>,
}

/// What `error` says of the port that was asked; `None` if it says nothing of it.
pub fn judge(error: &SocketError, ends: Ends) -> Option<Verdict> {
    let v6 = match error.origin {
        Origin::Icmp => false,
        Origin::Icmp6 => true,
        Origin::Unknown => return Some(bare(&error.error)),
        Origin::Local => return None,
    };
    let icmp = Icmp { v6, kind: error.kind, code: error.code };
    let why = Why::Icmp(icmp);
    match (v6, error.kind, error.code) {
        // A size that is too large (RFC 1191, RFC 4443 §3.2), and the source quench that RFC 6633 has done away with.
        (false, 3, 4) | (false, 4, _) | (true, 2, _) => None,
        // Our own kernel has found no neighbour at that address.
        _ if error.from.is_some() && error.from == ends.local && ends.local != Some(ends.target) => {
            Some(Verdict::NoRoute(why))
        }
        (false, 3, 3) | (true, 1, 4) if error.from.is_none_or(|from| from == ends.target) => {
            Some(Verdict::Closed { from: error.from })
        }
        // A port that is unreachable in another's words is behind a filter that says so.
        _ => Some(Verdict::Filtered { why, from: error.from }),
    }
}

/// On a connected socket a system tells a refusal, and little else.
fn bare(error: &io::Error) -> Verdict {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Verdict::Closed { from: None },
        _ => Verdict::Filtered { why: Why::System(plain(error)), from: None },
    }
}

/// What a send that failed here says: nothing has left this host.
pub fn no_way(error: &io::Error) -> Verdict {
    let words = plain(error);
    Verdict::NoRoute(Why::System(match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{words}: a route or a firewall rule prohibits it"),
        io::ErrorKind::InvalidInput => format!("{words}: a route discards it (blackhole)"),
        _ => words,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: Ends = Ends { target: TARGET, local: Some(LOCAL) };
    const TARGET: IpAddr = ip(2);
    const LOCAL: IpAddr = ip(1);
    const ROUTER: IpAddr = ip(254);

    const fn ip(last: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last))
    }

    fn said(origin: Origin, kind: u8, code: u8, from: Option<IpAddr>) -> Option<Verdict> {
        let error = io::Error::from(io::ErrorKind::HostUnreachable);
        judge(&SocketError { error, origin, kind, code, mtu: 0, from, to: None }, ENDS)
    }

    fn filtered(v6: bool, kind: u8, code: u8, from: IpAddr) -> Verdict {
        Verdict::Filtered { why: Why::Icmp(Icmp { v6, kind, code }), from: Some(from) }
    }

    #[test]
    fn icmp() {
        let v4 = |kind, code, from| said(Origin::Icmp, kind, code, Some(from));
        assert_eq!(v4(3, 3, TARGET), Some(Verdict::Closed { from: Some(TARGET) }));
        assert_eq!(v4(3, 3, ROUTER), Some(filtered(false, 3, 3, ROUTER)));
        for code in [0, 1, 2, 5, 6, 9, 10, 13, 255] {
            assert_eq!(v4(3, code, ROUTER), Some(filtered(false, 3, code, ROUTER)), "{code}");
            assert_eq!(v4(3, code, TARGET), Some(filtered(false, 3, code, TARGET)), "{code}");
        }
        assert_eq!(v4(11, 0, ROUTER), Some(filtered(false, 11, 0, ROUTER)));
        assert_eq!(v4(3, 4, ROUTER), None);
        assert_eq!(v4(4, 0, ROUTER), None);
    }

    #[test]
    fn icmp_of_ipv6() {
        let v6 = |kind, code, from| said(Origin::Icmp6, kind, code, Some(from));
        assert_eq!(v6(1, 4, TARGET), Some(Verdict::Closed { from: Some(TARGET) }));
        assert_eq!(v6(1, 4, ROUTER), Some(filtered(true, 1, 4, ROUTER)));
        for code in [0, 1, 2, 3, 5, 6] {
            assert_eq!(v6(1, code, ROUTER), Some(filtered(true, 1, code, ROUTER)), "{code}");
        }
        assert_eq!(v6(2, 0, ROUTER), None);
        // The numbers of the other protocol mean something else.
        assert_eq!(v6(3, 3, TARGET), Some(filtered(true, 3, 3, TARGET)));
    }

    #[test]
    fn what_this_host_says_is_about_its_own_routes() {
        let why = Why::Icmp(Icmp { v6: false, kind: 3, code: 1 });
        assert_eq!(said(Origin::Icmp, 3, 1, Some(LOCAL)), Some(Verdict::NoRoute(why)));
        assert_eq!(said(Origin::Local, 0, 0, None), None);
        // A host that asks itself is the target.
        let ends = Ends { target: LOCAL, local: Some(LOCAL) };
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = SocketError { origin: Origin::Icmp, kind: 3, code: 3, from: Some(LOCAL), ..bare_error(error) };
        assert_eq!(judge(&error, ends), Some(Verdict::Closed { from: Some(LOCAL) }));
        for (kind, words) in [
            (io::ErrorKind::PermissionDenied, "prohibits"),
            (io::ErrorKind::InvalidInput, "blackhole"),
            (io::ErrorKind::HostUnreachable, "unreachable"),
        ] {
            let verdict = no_way(&kind.into());
            assert!(matches!(&verdict, Verdict::NoRoute(Why::System(text)) if text.contains(words)), "{verdict:?}");
        }
    }

    #[test]
    fn an_error_without_a_message_is_all_that_is_known() {
        let told = |kind: io::ErrorKind| judge(&bare_error(kind.into()), ENDS);
        assert_eq!(told(io::ErrorKind::ConnectionRefused), Some(Verdict::Closed { from: None }));
        let host = told(io::ErrorKind::HostUnreachable);
        assert!(matches!(host, Some(Verdict::Filtered { why: Why::System(_), from: None })), "{host:?}");
    }

    fn bare_error(error: io::Error) -> SocketError {
        SocketError::bare(error, (TARGET, 9).into())
    }
}
