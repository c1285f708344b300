//! The account of a session as values: who talked to whom, how long each phase took, what moved, who ended it, and
//! what the kernel knows of the connection.
//!
//! Owns the meaning and the unit of each figure. Refuses to measure (`stream` and `relay` do) and to word (`report`).

use std::time::Duration;

use super::Side;

/// What is known of a session, at its end or in the middle of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Our address.
    pub local: String,
    /// The peer's address.
    pub peer: String,
    /// Bytes to the peer, as far as our kernel has taken them.
    pub sent: u64,
    /// Bytes from the peer, as far as the local end has taken them.
    pub received: u64,
    /// Since the connection stood; both mean rates are over this time.
    pub took: Duration,
    /// How long each phase took.
    pub phases: Phases,
    /// Whose end was the first that our kernel saw; `None` while there is neither.
    pub closed_first: Option<Side>,
    /// What the peer's kernel has confirmed.
    pub acknowledged: Acknowledged,
    /// The kernel's figures of the connection, where it gives them.
    pub tcp: Option<TcpInfo>,
}

/// How long the way to the connection took. A client that was waited for has come at no cost: neither is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Looking up the name; `None` if there was none to look up.
    pub resolve: Option<Duration>,
    /// From then until the connection stood, attempts that failed and the answer of a proxy included.
    pub connect: Option<Duration>,
    /// From then until TLS stood; `None` without TLS.
    pub tls: Option<Duration>,
}

/// The phases of a session. The last three count from the moment at which the connection stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Before the connection stood.
    pub opening: Opening,
    /// Until the first byte from the peer.
    pub first_byte: Option<Duration>,
    /// Until the last byte from the peer.
    pub last_byte: Option<Duration>,
    /// Until the session was over; `None` while it is not.
    pub close: Option<Duration>,
}

/// What the peer's kernel has confirmed of what we sent. It tells nothing of the peer's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// Every byte, and our end (FIN).
    Everything,
    /// Every byte; our end was not sent or not confirmed.
    Bytes,
    /// So many bytes of ours were not confirmed.
    AllBut(u64),
    /// No TCP, or a system that does not tell.
    Unknown,
}

/// Figures of a TCP connection; see `TCP_INFO` in tcp(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The smoothed round-trip time.
    pub rtt: Duration,
    /// Its mean deviation.
    pub rttvar: Duration,
    /// Segments sent again since the connection began.
    pub retransmits: u32,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// The largest segment that we send, in bytes.
    pub mss: u32,
    /// The largest packet that the path takes, in bytes.
    pub pmtu: u32,
    /// The rate at which the peer last confirmed our bytes, in bytes a second; older kernels do not know it.
    pub delivery_rate: Option<u64>,
}
