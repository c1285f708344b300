//! Receiving by plain POSIX means: one recvfrom(2) a datagram, which tells nothing beside bytes and sender.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::net::{RecvFlags, SendFlags};

use super::{Item, LARGEST};
use crate::event::datagram::Facts;

/// Memory for one datagram, and the one that came in last.
pub struct Inbox {
    memory: Vec<u8>,
    size: usize,
    from: Option<SocketAddr>,
}

impl Inbox {
    /// Room for one, however many are wanted.
    pub fn new(_slots: usize) -> Self {
        Inbox { memory: vec![0; LARGEST], size: 0, from: None }
    }

    /// Takes the datagram that waits at `fd` now; `WouldBlock` if there is none.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, _most: usize) -> io::Result<()> {
        self.from = None;
        let memory = &mut self.memory;
        let receive = || rustix::net::recvfrom(fd, &mut memory[..], RecvFlags::DONTWAIT);
        let (size, _, from) = rustix::io::retry_on_intr(receive)?;
        self.size = size;
        // Every Internet datagram has a sender; one without is shown as nobody's.
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.from = Some(from.and_then(|from| from.try_into().ok()).unwrap_or(nobody));
        Ok(())
    }

    /// Sends it back to where it came from, if `range` is of one; gives how many went.
    pub fn give_back(&mut self, fd: BorrowedFd<'_>, range: Range<usize>) -> usize {
        let Some(from) = self.from.filter(|_| range.contains(&0)) else { return 0 };
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        usize::from(rustix::net::sendto(fd, &self.memory[..self.size], flags, &from).is_ok())
    }

    /// How many came in.
    pub fn len(&self) -> usize {
        usize::from(self.from.is_some())
    }

    /// Whether nothing came in.
    pub fn is_empty(&self) -> bool {
        self.from.is_none()
    }

    /// What came in.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let bytes = &self.memory[..self.size];
        self.from.into_iter().map(move |from| Item {
            bytes,
            from,
            facts: Facts::default(),
            segment: None,
            is_cut: false,
        })
    }
}

/// No option that every system has tells them: they stay unknown.
pub fn ask_for_facts(_: BorrowedFd<'_>, _is_v6: bool) -> io::Result<()> {
    Ok(())
}

/// Only Linux does it.
pub fn gather(_: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only Linux has it.
pub fn force_receive_buffer(_: BorrowedFd<'_>, _size: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only some systems have filters.
pub fn refuse_all(_: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing tells of deliveries that are under way.
pub fn await_deliveries() {}
