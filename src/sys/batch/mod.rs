//! Datagrams by the dozen: many in one call where the system can, one a call where it can't.
//!
//! Owns the memory that such calls need and what they tell beside the bytes. Refuses to wait, and to know what the
//! datagrams are.
//!
//! `receive_linux` and `receive_fallback` both give:
//! - [`Inbox`]: datagrams as they came, none of them cut;
//! - `ask_for_facts(fd)`: from now on each comes with its facts;
//! - `gather(fd)`: from now on trains of datagrams of one size come in one piece, or `Unsupported`;
//! - `force_receive_buffer(fd, size)`: a receive buffer beyond what the system lets everybody have, or an error;
//! - `refuse_all(fd)`: whatever comes from now on is dropped and counted, or `Unsupported`;
//! - `await_deliveries()`: every delivery that had begun is done, as far as the system can tell.
//!
//! `send_linux` and `send_fallback` both give:
//! - `send_segments(fd, to, pieces, size)`: what `pieces` hold one after the other leaves as datagrams of `size` bytes, the
//!   last of which may be shorter: all of them, or none on an error. At most [`MOST_AT_ONCE`] datagrams and pieces, and no
//!   more bytes than one datagram holds;
//! - `can_segment(fd)`: whether the system knows how to do that for this socket. The way that they take may still refuse;
//! - `send_many(fd, to, datagrams)`: how many of the first [`MOST_AT_ONCE`] have left; an error is that of the first one.
//!
//! `to` is for sockets that are not connected. A signal interrupts none of them.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod control;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod receive_fallback;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod receive_linux;
mod refusal;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod send_fallback;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod send_linux;

use std::net::SocketAddr;

use crate::event::datagram::Facts;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
pub use receive_fallback::{Inbox, ask_for_facts, await_deliveries, force_receive_buffer, gather, refuse_all};
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use receive_linux::{Inbox, ask_for_facts, await_deliveries, force_receive_buffer, gather, refuse_all};

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use send_fallback as send;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use send_linux as send;

pub use refusal::{Refusal, refusal};
pub use send::{can_segment, send_many, send_segments};

/// No call that sends takes more: `UDP_MAX_SEGMENTS` of linux/udp.h as it was in the first kernels that segment.
pub const MOST_AT_ONCE: usize = 64;

/// The largest UDP payload is a little less: nothing that fits into this is cut.
pub const LARGEST: usize = 65_536;

/// What lies in one slot of an [`Inbox`].
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The bytes; after [`gather`] those of a whole train.
    pub bytes: &'a [u8],
    /// Where they came from.
    pub from: SocketAddr,
    /// What the kernel told beside.
    pub facts: Facts,
    /// The size of each datagram of a train but the last, which may be shorter; `None` of a single one.
    pub segment: Option<usize>,
    /// The slot was too small (`MSG_TRUNC`).
    pub is_cut: bool,
}
