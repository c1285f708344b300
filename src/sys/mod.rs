//! Everything that asks the operating system directly, and every line of unsafe.
//!
//! Owns the contract below; the rooms above see only safe functions over borrowed descriptors. It refuses
//! to know what the descriptors are for: no address grammar, no wording, no policy.
//!
//! # The platform contract
//! `linux` and `fallback` both give:
//! - `reopen(fd, access)`: an own, non-blocking description of the file behind `fd`, or `None`;
//! - `unacknowledged(fd)`: bytes, FIN included, that a TCP peer has not acknowledged, or `None`;
//! - `tcp_info(fd)`: what the kernel knows of a TCP connection, or `None`;
//! - `peer_has_ended(fd)`: whether a stream socket's peer is known to have ended, unread bytes or not; takes no error
//!   from the socket;
//! - `dropped(fd)`: datagrams that the receive queue had no room for, or `None`;
//! - `next_datagram_size(fd)`: the size of the datagram at the head of the queue, or `None`;
//! - `queue_errors(fd, v6)`: a datagram socket that keeps what became of each datagram, or `Unsupported`;
//! - `next_error(fd)`: the next of these, or `Unsupported`;
//! - `never_fragment(fd, v6)`: datagrams that go through whole or not at all, or `Unsupported`;
//! - `bind_to_interface(fd, name)`: traffic through one interface only;
//! - `send_groups_through(fd, interface)`: what an IPv4 socket sends to groups leaves by the interface of this index;
//! - `join_source(fd, group, source, interface)`: what one host sends to a group reaches this socket, or `Unsupported`;
//! - `only_joined_groups(fd, is_v6)`: groups that other sockets of the machine joined do not reach this one;
//! - `abstract_name(address)`: the name of a UNIX socket that has no file, or `None`;
//! - `close_on_exec_from(first)`: no descriptor from this number on is inherited by what is executed;
//! - `splice(from, to, most)`: bytes from descriptor to descriptor inside the kernel, or `Unsupported`;
//! - `send_file(from, to, most)`: bytes of a regular file to a socket inside the kernel, or `Unsupported`;
//! - `widen_pipe(fd, size)`: a larger pipe, where the system grants it;
//! - `rename_new(from, to)`: another name for a file, unless that is taken;
//! - `remember(fd, word)`: the file keeps a word about itself, or `Unsupported`; `remembered(fd)` gives it, `forget(fd)` ends it;
//! - `accept(fd)`: the client at the head of a listening socket's backlog, non-blocking and closed on exec;
//! - `ACCEPTED_INHERITS`: whether that has the options of the listening socket by itself;
//! - [`Poller`]: readiness of many sockets;
//! - [`batch`]: many datagrams in one call, and what the kernel tells beside them.
//!
//! The fallback does the plain thing. It stands in on other systems, and on Linux under the feature
//! `portable`, so that the tests run over both.

pub mod batch;
pub mod errors;
pub mod fd;
pub mod files;
pub mod lookup;
pub mod poll;
pub mod process;
pub mod signals;
pub mod startup;
pub mod terminal;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod fallback;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use fallback as platform;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
use linux as platform;

pub use platform::{
    ACCEPTED_INHERITS, Poller, abstract_name, accept, bind_to_interface, close_on_exec_from, dropped, forget,
    join_source, never_fragment, next_datagram_size, next_error, only_joined_groups, peer_has_ended, queue_errors,
    remember, remembered, rename_new, reopen, send_file, send_groups_through, splice, tcp_info, unacknowledged,
    widen_pipe,
};
