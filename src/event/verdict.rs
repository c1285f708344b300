//! What became of a question by datagram, and how large a datagram may be on its way, as values.
//!
//! Owns the difference between what is known and what is not. Refuses to find out (`serve` does) and to word
//! (`report`).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::deadline::Expired;
use crate::error::Kind;

/// What is known of one UDP port at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer came.
    Open {
        /// Its bytes.
        size: usize,
        /// Since the first question.
        took: Duration,
        /// What it says, where somebody could read it.
        says: Option<String>,
    },
    /// The target itself says that nobody has the port.
    Closed {
        /// The sender of the ICMP message, where the system tells it.
        from: Option<IpAddr>,
    },
    /// Somebody on the way, or the target, says that the question does not get there.
    Filtered {
        /// What was said.
        why: Why,
        /// By whom, where the system tells it.
        from: Option<IpAddr>,
    },
    /// This host has no way to the target: nothing has left it, or nothing has arrived at the next one.
    NoRoute(Why),
    /// Nothing came: nobody answers such a question, or somebody discards it in silence.
    Silent {
        /// How often it was asked.
        asked: usize,
        /// Since the first question.
        waited: Duration,
        /// The limit that cut it short.
        cut: Option<Expired>,
    },
    /// A limit passed before the port had its turn.
    Undecided(Expired),
}

/// In whose words it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The network's.
    Icmp(Icmp),
    /// The operating system's.
    System(String),
}

/// A type and a code of ICMP (RFC 792) or `ICMPv6` (RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Whether it is `ICMPv6`.
    pub v6: bool,
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
}

impl Verdict {
    /// What the exit table makes of it; `None` for an open port.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Verdict::Open { .. } => None,
            Verdict::Closed { .. } | Verdict::Filtered { .. } | Verdict::NoRoute(_) => Some(Kind::Refused),
            Verdict::Silent { .. } | Verdict::Undecided(_) => Some(Kind::TimedOut),
        }
    }
}

/// The largest datagram that goes through to one address whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Largest {
    /// Where it goes to.
    pub peer: SocketAddr,
    /// Its payload in bytes.
    pub payload: usize,
    /// The same with the headers of UDP and IP, options not counted.
    pub mtu: usize,
    /// What refuses one byte more.
    pub limit: SizeLimit,
}

/// What refuses a larger datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeLimit {
    /// UDP has no larger ones.
    Protocol,
    /// The interface of this host; its MTU, where the kernel names it.
    Interface(Option<u32>),
    /// A router says that it would have to fragment; the MTU that it names, if it does.
    Router(IpAddr, Option<u32>),
    /// Nobody says anything: larger ones are lost, or are not answered.
    Silence,
}
