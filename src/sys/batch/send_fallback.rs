//! Sending in batches by plain POSIX means: one datagram a call.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use rustix::net::{SendFlags, send, sendto};

/// Only Linux does.
pub fn can_segment(_: BorrowedFd<'_>) -> bool {
    false
}

/// Only Linux has it.
pub fn send_segments(_: BorrowedFd<'_>, _: Option<SocketAddr>, _: &[IoSlice<'_>], _: u16) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The first one alone: the error of a second could not be told beside the success of the first.
pub fn send_many(fd: BorrowedFd<'_>, to: Option<SocketAddr>, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
    let Some(first) = datagrams.first() else { return Ok(0) };
    rustix::io::retry_on_intr(|| match &to {
        Some(to) => sendto(fd, first, SendFlags::empty(), to),
        None => send(fd, first, SendFlags::empty()),
    })?;
    Ok(1)
}
