//! The platform contract on Linux: /proc, epoll, and what tcp(7), udp(7) and unix(7) tell of a socket.

mod errors;
mod files;

use std::io;
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, epoll};
use rustix::fs::{Mode, OFlags};
use rustix::net::RecvFlags;

pub use errors::{never_fragment, next_error, queue_errors};
pub use files::{forget, remember, remembered, rename_new};

use super::fd::Access;
use super::poll::Ready;
use crate::event::account::TcpInfo;

/// Opens the pipe, terminal or device behind `fd` again, non-blocking: an own description, so that the
/// flag is not shared with the shell. `None` where /proc is missing or the opening is refused.
pub fn reopen(fd: BorrowedFd<'_>, access: Access) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = match access {
        Access::Read => OFlags::RDONLY,
        Access::Write => OFlags::WRONLY,
    };
    let opened = rustix::fs::open(path, flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
    // In a sandbox /proc may belong to another process: the same file or none.
    opened.ok().filter(|new| same_file(fd, new.as_fd()))
}

fn same_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
    matches!((super::fd::identity(a), super::fd::identity(b)), (Ok(a), Ok(b)) if a == b)
}

/// Bytes in a TCP socket's send queue that the peer has not acknowledged, a FIN counted as one. After a
/// reset it keeps the last value. `None` for other sockets. See `SIOCOUTQ` in tcp(7).
pub fn unacknowledged(fd: BorrowedFd<'_>) -> Option<u64> {
    let mut bytes: libc::c_int = 0;
    #[expect(unsafe_code, reason = "SIOCOUTQ, which is TIOCOUTQ, writes one int")]
    let code = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    (code == 0).then(|| u64::try_from(bytes).unwrap_or(0))
}

/// What the kernel knows of a TCP connection, also once that is over. An older kernel fills the front of the
/// structure alone and says so by the length. See `TCP_INFO` in tcp(7).
pub fn tcp_info(fd: BorrowedFd<'_>) -> Option<TcpInfo> {
    #[expect(unsafe_code, reason = "tcp_info consists of integers: zeros are a value of it")]
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    #[expect(unsafe_code, reason = "the kernel writes at most `length` bytes into the structure")]
    let code = unsafe {
        let target = (&raw mut info).cast();
        libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, target, &raw mut length)
    };
    let knows_rate = usize::try_from(length).ok()? >= offset_of!(libc::tcp_info, tcpi_delivery_rate) + size_of::<u64>();
    let micros = |n: u32| Duration::from_micros(n.into());
    (code == 0).then(|| TcpInfo {
        rtt: micros(info.tcpi_rtt),
        rttvar: micros(info.tcpi_rttvar),
        retransmits: info.tcpi_total_retrans,
        cwnd: info.tcpi_snd_cwnd,
        mss: info.tcpi_snd_mss,
        pmtu: info.tcpi_pmtu,
        delivery_rate: knows_rate.then_some(info.tcpi_delivery_rate),
    })
}

/// Whether the peer's end has come, also behind bytes that are still unread. See `POLLRDHUP` in poll(2).
pub fn peer_has_ended(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::RDHUP)];
    let polled = rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&Timespec::default())));
    polled.is_ok() && fds[0].revents().contains(PollFlags::RDHUP)
}

/// How many datagrams this socket's receive queue dropped since it was made. See `SO_MEMINFO` in socket(7).
pub fn dropped(fd: BorrowedFd<'_>) -> Option<u64> {
    const SK_MEMINFO_DROPS: usize = 8;
    let mut info = [0_u32; SK_MEMINFO_DROPS + 1];
    let mut length = libc::socklen_t::try_from(size_of::<[u32; SK_MEMINFO_DROPS + 1]>()).ok()?;
    #[expect(unsafe_code, reason = "the kernel writes at most `length` bytes of u32 into the array")]
    let code = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, info.as_mut_ptr().cast(), &raw mut length)
    };
    (code == 0).then(|| u64::from(info[SK_MEMINFO_DROPS]))
}

/// The full size of the next datagram, left in the queue: `MSG_TRUNC` makes the kernel tell it.
pub fn next_datagram_size(fd: BorrowedFd<'_>) -> Option<io::Result<usize>> {
    let flags = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
    let peek = || rustix::net::recv(fd, &mut [0_u8; 1], flags);
    Some(rustix::io::retry_on_intr(peek).map(|(_, size)| size).map_err(Into::into))
}

/// Sends and receives through interface `name` only. See `SO_BINDTODEVICE` in socket(7).
pub fn bind_to_interface(fd: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let length = libc::socklen_t::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "the kernel reads `length` bytes of the name and copies them")]
    let code = unsafe {
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name.as_ptr().cast(), length)
    };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What an IPv4 socket sends to groups leaves by the interface of this index. See `IP_MULTICAST_IF` in ip(7).
pub fn send_groups_through(fd: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    let any = libc::in_addr { s_addr: libc::INADDR_ANY };
    let index = libc::c_int::try_from(interface).map_err(|_| io::ErrorKind::InvalidInput)?;
    let request = libc::ip_mreqn { imr_multiaddr: any, imr_address: any, imr_ifindex: index };
    set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, request)
}

/// What `source` sends to `group` and `interface` gets (index, 0 is the system's choice) reaches the socket, and
/// nothing else that is sent there. See RFC 3678 section 5 and `MCAST_JOIN_SOURCE_GROUP`.
pub fn join_source(fd: BorrowedFd<'_>, group: IpAddr, source: IpAddr, interface: u32) -> io::Result<()> {
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    let request =
        libc::group_source_req { gsr_interface: interface, gsr_group: storage(group), gsr_source: storage(source) };
    set_option(fd, level, libc::MCAST_JOIN_SOURCE_GROUP, request)
}

/// By default a wildcard socket gets what any socket of the machine joined. See `IP_MULTICAST_ALL` in ip(7); since
/// Linux 4.20 IPv6 has the same, and a socket of IPv6 takes the option of IPv4 too.
pub fn only_joined_groups(fd: BorrowedFd<'_>, is_v6: bool) -> io::Result<()> {
    let off: libc::c_int = 0;
    if is_v6 {
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, off)?;
    }
    set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, off)
}

/// An address in the form that holds one of any family.
fn storage(ip: IpAddr) -> libc::sockaddr_storage {
    #[expect(unsafe_code, reason = "sockaddr_storage consists of integers: zeros are a value of it")]
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "families are small numbers")]
    let family = |family: libc::c_int| family as libc::sa_family_t;
    let whole = (&raw mut storage).cast::<u8>();
    storage.ss_family = family(if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 });
    #[expect(unsafe_code, reason = "both address structures lie inside the storage, which is aligned for them")]
    unsafe {
        match ip {
            IpAddr::V4(v4) => {
                let place = whole.add(offset_of!(libc::sockaddr_in, sin_addr));
                place.copy_from_nonoverlapping(v4.octets().as_ptr(), 4);
            }
            IpAddr::V6(v6) => {
                let place = whole.add(offset_of!(libc::sockaddr_in6, sin6_addr));
                place.copy_from_nonoverlapping(v6.octets().as_ptr(), 16);
            }
        }
    }
    storage
}

/// setsockopt(2) of a plain value.
fn set_option<T: Copy>(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "the kernel reads `length` bytes of the value and copies them")]
    let code = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// No descriptor from `first` on is inherited by what is executed. See `close_range(2)`; before Linux 5.11 it can't do
/// that, and then they are asked one by one.
pub fn close_on_exec_from(first: RawFd) {
    let number = libc::c_uint::try_from(first).unwrap_or(0);
    #[expect(unsafe_code, reason = "the call takes three numbers, and closes nothing")]
    let code = unsafe { libc::syscall(libc::SYS_close_range, number, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if code != 0 {
        super::fd::close_on_exec_one_by_one(first);
    }
}

/// Moves up to `most` bytes, without blocking on a pipe's end; one end must be a pipe. See splice(2).
/// `SPLICE_F_MORE` is never given: it would hold back the last piece like a cork.
pub fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
    use rustix::pipe::{SpliceFlags, splice};
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(rustix::io::retry_on_intr(|| splice(from, None, to, None, most, flags))?)
}

/// Moves up to `most` bytes of a regular file to a socket. See sendfile(2). Never more than the file has left is asked
/// for: the kernel would hold back the last piece, as it does with `SPLICE_F_MORE`.
pub fn send_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
    let left = super::fd::left(from).and_then(|left| usize::try_from(left).ok()).filter(|&left| left > 0);
    let most = left.map_or(most, |left| left.min(most));
    Ok(rustix::io::retry_on_intr(|| rustix::fs::sendfile(to, from, None, most))?)
}

/// Asks for a pipe of `size` bytes. A user over his quota is refused, and keeps the pipe that he has.
pub fn widen_pipe(fd: BorrowedFd<'_>, size: usize) {
    let _ = rustix::pipe::fcntl_setpipe_size(fd, size);
}

/// The abstract name of a UNIX socket, without the NUL that marks it. See unix(7).
pub fn abstract_name(address: &std::os::unix::net::SocketAddr) -> Option<Vec<u8>> {
    std::os::linux::net::SocketAddrExt::as_abstract_name(address).map(<[u8]>::to_vec)
}

/// The kernel copies the listening socket, TCP's own options included.
pub const ACCEPTED_INHERITS: bool = true;

/// The client at the head of the backlog and, where it is an Internet one, its address. See accept4(2): both flags
/// in the same call.
pub fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    use rustix::net::{SocketFlags, acceptfrom_with};
    let accept = || acceptfrom_with(fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
    let (client, peer) = rustix::io::retry_on_intr(accept)?;
    Ok((client, peer.and_then(|peer| peer.try_into().ok())))
}

/// Readiness of many sockets, by epoll(7), level-triggered.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    /// How many sockets one wait may report: bounds the work between two looks at the clock.
    const BATCH: usize = 256;

    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Ok(Poller { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, events: Vec::with_capacity(Self::BATCH) })
    }

    /// Begins to watch `fd` under `token`. Before it is closed, [`Poller::remove`] or
    /// [`Poller::closing`] must end that.
    pub fn add(&mut self, fd: BorrowedFd<'_>, token: u64, read: bool, write: bool) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), flags(read, write))?)
    }

    /// Begins to watch a listening socket that other pollers watch too: a client wakes one of them, not all
    /// (`EPOLLEXCLUSIVE`). What is asked of it can't be changed.
    pub fn share(&mut self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), flags)?)
    }

    /// Changes what is asked of a watched `fd`.
    pub fn modify(&mut self, fd: BorrowedFd<'_>, token: u64, read: bool, write: bool) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token), flags(read, write))?)
    }

    /// Ends the watch over `fd`.
    pub fn remove(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Ends the watch over an `fd` that is closed next and has no duplicate: here that does it. See epoll(7).
    pub fn closing(&mut self, _fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Waits for readiness or `timeout`; gives the token of each ready socket. EINTR gives none.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = (u64, Ready)> + '_> {
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.events.iter().map(|event| (event.data.u64(), ready(event.flags))))
    }
}

fn flags(read: bool, write: bool) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, read);
    flags.set(epoll::EventFlags::OUT, write);
    flags
}

fn ready(flags: epoll::EventFlags) -> Ready {
    let error = flags.contains(epoll::EventFlags::ERR);
    let over = error || flags.contains(epoll::EventFlags::HUP);
    let read = over || flags.contains(epoll::EventFlags::IN);
    Ready { read, write: over || flags.contains(epoll::EventFlags::OUT), error }
}
