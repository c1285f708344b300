//! The platform contract by plain POSIX means: what can't be asked is unknown, and poll(2) watches the sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use super::errors::SocketError;
use super::fd::Access;
use super::poll::{Interest, Ready, poll};
use crate::event::account::TcpInfo;

/// There is no way to open a descriptor's file again that POSIX knows.
pub fn reopen(_: BorrowedFd<'_>, _: Access) -> Option<OwnedFd> {
    None
}

/// Unknown.
pub fn unacknowledged(_: BorrowedFd<'_>) -> Option<u64> {
    None
}

/// Unknown.
pub fn tcp_info(_: BorrowedFd<'_>) -> Option<TcpInfo> {
    None
}

/// Unknown until it is read. To peek would take the error of a reset from the socket, and the read after it would
/// look like a clean end.
pub fn peer_has_ended(_: BorrowedFd<'_>) -> bool {
    false
}

/// Unknown.
pub fn dropped(_: BorrowedFd<'_>) -> Option<u64> {
    None
}

/// Unknown: the caller's buffer must hold the largest datagram.
pub fn next_datagram_size(_: BorrowedFd<'_>) -> Option<io::Result<usize>> {
    None
}

/// Only Linux has such a queue.
pub fn queue_errors(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only Linux has such a queue.
pub fn next_error(_: BorrowedFd<'_>) -> io::Result<SocketError> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Each system has an option of its own for it, or none.
pub fn never_fragment(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// No portable call does it.
pub fn bind_to_interface(_: BorrowedFd<'_>, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// By the interface's first IPv4 address, which is how POSIX systems name it here.
pub fn send_groups_through(fd: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    let addresses = super::lookup::interface_addresses()?;
    let own = addresses.iter().find_map(|(index, ip)| match ip {
        IpAddr::V4(v4) if *index == interface => Some(libc::in_addr { s_addr: u32::from(*v4).to_be() }),
        _ => None,
    });
    let own = own.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let length = libc::socklen_t::try_from(size_of::<libc::in_addr>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "the kernel reads the four bytes of the address and copies them")]
    let code = unsafe {
        let value = (&raw const own).cast();
        libc::setsockopt(fd.as_raw_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_IF, value, length)
    };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The calls of RFC 3678 are not everywhere.
pub fn join_source(_: BorrowedFd<'_>, _: IpAddr, _: IpAddr, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only Linux lets groups of others in, and only Linux has the option against it.
pub fn only_joined_groups(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Ok(())
}

/// No descriptor from `first` on is inherited by what is executed.
pub fn close_on_exec_from(first: RawFd) {
    super::fd::close_on_exec_one_by_one(first);
}

/// Only Linux has it.
pub fn splice(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// POSIX has none, and those that systems have differ.
pub fn send_file(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// POSIX knows no size of a pipe.
pub fn widen_pipe(_: BorrowedFd<'_>, _: usize) {}

/// By a second name.
pub fn rename_new(from: &std::path::Path, to: &std::path::Path) -> io::Result<()> {
    super::files::rename_by_link(from, to)
}

/// Each system has attributes of its own, or none.
pub fn remember(_: BorrowedFd<'_>, _: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing was.
pub fn remembered(_: BorrowedFd<'_>) -> Option<Vec<u8>> {
    None
}

/// There is nothing to forget.
pub fn forget(_: BorrowedFd<'_>) {}

/// Only Linux has such names.
pub fn abstract_name(_: &std::os::unix::net::SocketAddr) -> Option<Vec<u8>> {
    None
}

/// POSIX promises nothing of the kind.
pub const ACCEPTED_INHERITS: bool = false;

/// The client at the head of the backlog and, where it is an Internet one, its address. See accept(2).
pub fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (client, peer) = rustix::io::retry_on_intr(|| rustix::net::acceptfrom(fd))?;
    rustix::io::fcntl_setfd(&client, rustix::io::FdFlags::CLOEXEC)?;
    super::fd::set_nonblocking(client.as_fd())?;
    Ok((client, peer.and_then(|peer| peer.try_into().ok())))
}

/// One watched socket.
#[derive(Debug)]
struct Watched {
    fd: RawFd,
    token: u64,
    read: bool,
    write: bool,
}

/// Readiness of many sockets, by poll(2).
#[derive(Debug)]
pub struct Poller {
    watched: Vec<Watched>,
}

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Ok(Poller { watched: Vec::new() })
    }

    /// Begins to watch `fd` under `token`. Before it is closed, [`Poller::remove`] or
    /// [`Poller::closing`] must end that.
    pub fn add(&mut self, fd: BorrowedFd<'_>, token: u64, read: bool, write: bool) -> io::Result<()> {
        self.watched.push(Watched { fd: fd.as_raw_fd(), token, read, write });
        Ok(())
    }

    /// Begins to watch a listening socket that other pollers watch too: here a client wakes all of them.
    pub fn share(&mut self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.add(fd, token, true, false)
    }

    /// Changes what is asked of a watched `fd`.
    pub fn modify(&mut self, fd: BorrowedFd<'_>, token: u64, read: bool, write: bool) -> io::Result<()> {
        self.remove(fd)?;
        self.add(fd, token, read, write)
    }

    /// Ends the watch over `fd`.
    pub fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.watched.retain(|w| w.fd != fd.as_raw_fd());
        Ok(())
    }

    /// Ends the watch over an `fd` that is closed next.
    pub fn closing(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.remove(fd)
    }

    /// Waits for readiness or `timeout`; gives the token of each ready socket. EINTR gives none.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = (u64, Ready)> + '_> {
        let mut interests: Vec<_> = self.watched.iter().map(Watched::interest).collect();
        poll(&mut interests, None, timeout)?;
        let answers: Vec<_> = interests.iter().map(|i| i.ready).collect();
        let with_token = self.watched.iter().map(|w| w.token).zip(answers);
        Ok(with_token.filter(|(_, ready)| ready.read || ready.write || ready.error))
    }
}

impl Watched {
    fn interest(&self) -> Interest<'static> {
        #[expect(
            unsafe_code,
            reason = "add's contract: a socket is removed before it is closed, so the number is still open"
        )]
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        Interest::new(fd, self.read, self.write)
    }
}
