//! What happens during a run, as values: the rooms below tell, the report puts it into words.
//!
//! Owns the vocabulary of a session's life. It refuses to word, to time and to filter: that is the
//! report's work, which gets every event through [`Tell`].

pub mod account;
pub mod datagram;
pub mod http;
pub mod ping;
pub mod proxy;
pub mod starttls;
pub mod tls;
pub mod verdict;

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

pub use account::Account;
use datagram::{Facts, Intake};
pub use http::Http;

use crate::error::Error;

/// Takes events, from any thread. The lower rooms know the narrator by this trait alone.
pub trait Tell: Sync {
    /// Something happened.
    fn tell(&self, event: &Event<'_>);

    /// Whether single steps are listened to. Where they are not, whoever takes millions a second need not tell them.
    fn wants_steps(&self) -> bool {
        true
    }
}

/// Looks on while the bytes of a session move. The lower rooms know a log or a dump by this trait alone.
pub trait Observe {
    /// These bytes came from `from`, and the other side has taken them.
    fn saw(&self, from: Side, bytes: &[u8]) -> Result<(), Error>;

    /// The session is over: what is held back must be written now.
    fn ended(&self) -> Result<(), Error>;
}

/// A printable thing: an address, a name, an error.
pub type Shown<'a> = &'a dyn Display;

/// One step in the life of a socket.
pub enum Event<'a> {
    /// Names, addresses, connections coming to be.
    Open(Open<'a>),
    /// A listening socket and its clients.
    Serve(Serve<'a>),
    /// Bytes and ends in an established session.
    Move(Move<'a>),
    /// Single datagrams.
    Datagram(Datagram<'a>),
    /// The way through a proxy.
    Proxy(proxy::Proxy<'a>),
    /// The agreement in plain text to go on with TLS.
    StartTls(starttls::StartTls<'a>),
    /// The way to an encrypted stream.
    Tls(tls::Tls<'a>),
    /// A server has made this certificate for itself.
    OwnCertificate {
        /// What it is.
        certificate: &'a tls::OwnCertificate,
        /// What a client is to be given as the address, for each address of the server.
        ways: &'a [String],
    },
    /// An HTTP exchange.
    Http(Http<'a>),
    /// Probes to an echo service.
    Ping(Ping<'a>),
    /// The account of a session at its end, or because somebody asked for it.
    Account {
        /// What is known of it.
        account: &'a Account,
        /// Whether somebody asked: by --stats for the end of it, by SIGUSR1 before.
        asked: bool,
    },
    /// Something that the user should know although the work goes on.
    Warning(Shown<'a>),
}

/// Names, addresses, connections coming to be.
pub enum Open<'a> {
    /// A name is being looked up.
    Resolving(Shown<'a>),
    /// The lookup gave these addresses.
    Resolved(&'a [SocketAddr], Duration),
    /// A connection attempt starts.
    Connecting(Shown<'a>),
    /// One of several attempts failed.
    AttemptFailed(Shown<'a>, Shown<'a>),
    /// The connection stands: local name, peer, time since the start of its attempt.
    Connected(Shown<'a>, Shown<'a>, Duration),
    /// The whole of it failed and is tried again after a pause (`--retry-for`).
    Retrying(&'a Error, Duration),
    /// A socket option was set, or what the kernel granted: `SO_RCVBUF`, a value.
    OptionSet(&'a str, Shown<'a>),
}

/// A listening socket and its clients.
pub enum Serve<'a> {
    /// Clients or datagrams can come to this address from now on.
    Listening(Shown<'a>),
    /// A client was taken.
    Accepted(Shown<'a>),
    /// A client left without a byte and does not count (`--ignore-empty`).
    Ignored(Shown<'a>),
    /// A client of a scripted server has said this many bytes.
    Heard(Shown<'a>, usize),
    /// A client of a scripted server was told this many bytes.
    Said(Shown<'a>, usize),
    /// A client's end has come (its FIN).
    ClientEnded(Shown<'a>),
    /// A client was sent our end (FIN).
    Dismissed(Shown<'a>),
    /// A client's session ended well: bytes from it, bytes to it.
    Left(Shown<'a>, u64, u64),
    /// A client's session ended by this error; the others go on.
    Failed(Shown<'a>, &'a Error),
    /// No client can be taken for now, for this reason.
    Paused(Shown<'a>),
    /// This number makes the dice of the faults on purpose.
    Seeded(u64),
    /// The counts of an echo server at its end.
    Totals(Totals),
    /// The same while it runs, because somebody asked.
    Status(Totals),
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Clients taken.
    pub clients: u64,
    /// Clients that are there now.
    pub present: usize,
    /// The most that were there at once.
    pub peak: usize,
    /// How often waiting clients could not be taken: the limit was reached, or descriptors or memory had run out.
    pub rejected: u64,
    /// Messages from them: reads, or lines.
    pub messages: u64,
    /// Bytes received from them.
    pub received: u64,
    /// Bytes sent to them.
    pub sent: u64,
    /// Datagrams answered.
    pub datagrams: u64,
    /// Sessions that ended by an error.
    pub failed: u64,
}

/// Bytes and ends in an established session.
pub enum Move<'a> {
    /// One read from the local end or the peer gave this many bytes.
    Read(Side, usize),
    /// One write to the local end or the peer took this many bytes.
    Wrote(Side, usize),
    /// Local input has ended.
    InputEnded,
    /// Our end was sent to the peer (FIN).
    HalfClosed,
    /// The peer has ended (its FIN came).
    PeerEnded,
    /// What --until-match or --max-bytes wait for has come.
    Satisfied,
    /// The hash of one direction of a session that is over (`--sum`).
    Summed(Sum<'a>),
    /// An exchange with this peer is over.
    Closed(Shown<'a>, Figures),
    /// How far the session has come, for whoever shows its progress.
    Progress(Figures),
}

/// Which end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Standard input and output, or what stands in for them.
    Local,
    /// The other end of the network.
    Peer,
}

/// The SHA-256 of what came from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum<'a> {
    /// Where the bytes came from.
    pub from: Side,
    /// The hash in hexadecimal digits.
    pub sha256: &'a str,
    /// How many bytes it is of.
    pub bytes: u64,
}

/// How much moved, in how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes to the peer.
    pub sent: u64,
    /// Bytes from the peer.
    pub received: u64,
    /// From the first byte that could move to the end.
    pub took: Duration,
}

/// Single datagrams.
pub enum Datagram<'a> {
    /// Where datagrams will go from (our name) and to.
    Towards(Shown<'a>, Shown<'a>),
    /// One was sent to this address.
    Sent(Shown<'a>, usize),
    /// The end of a sender: datagrams, bytes, and the time from the first to the last.
    SentTotal(u64, u64, Duration),
    /// One came from this address.
    Received(Shown<'a>, usize),
    /// One came from this address, and the kernel tells this of it.
    Arrived(Shown<'a>, usize, &'a Facts),
    /// One came from this address in answer to what was sent to a group: only this tells whose it is.
    Reply(Shown<'a>, usize),
    /// The sender of the last one is left without an answer; the next one is waited for.
    LeftUnanswered(Shown<'a>),
    /// So many that were sent have no answer yet; it is waited for, at most for this long.
    Awaiting(u64, Duration),
    /// The receive queue had no room for this many; with the second, at least.
    Lost(u64, bool),
    /// The end of a receiver.
    ReceivedTotal {
        /// What it got.
        intake: &'a Intake,
        /// Whether somebody asked (`--stats`).
        asked: bool,
    },
}

/// Probes to an echo service. What comes of them is the result of the run: see [`ping::Outcome`].
pub enum Ping<'a> {
    /// Probes of so many bytes will go to this peer, so far apart; zero is as soon as one has come back.
    Started(Shown<'a>, usize, Duration),
    /// The probe of this sequence number has gone to this peer.
    Sent(Shown<'a>, u64),
}
