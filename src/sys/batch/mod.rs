//! Many datagrams in one call.
//!
//! Owns the calls; which datagrams go together, and what follows from a refusal, is for `net`.
//!
//! # The platform contract
//! - `send_segments(fd, to, pieces, size)`: what `pieces` hold one after the other leaves as datagrams of `size` bytes, the
//!   last of which may be shorter: all of them, or none on an error. At most [`MOST_AT_ONCE`] datagrams and pieces, and no
//!   more bytes than one datagram holds;
//! - `can_segment(fd)`: whether the system knows how to do that for this socket. The way that they take may still refuse;
//! - `send_many(fd, to, datagrams)`: how many of the first [`MOST_AT_ONCE`] have left; an error is that of the first one.
//!
//! `to` is for sockets that are not connected. A signal interrupts none of them.

mod refusal;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod send_fallback;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod send_linux;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use send_fallback as send;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use send_linux as send;

pub use refusal::{Refusal, refusal};
pub use send::{can_segment, send_many, send_segments};

/// No call takes more: `UDP_MAX_SEGMENTS` of linux/udp.h as it was in the first kernels that segment.
pub const MOST_AT_ONCE: usize = 64;
