//! Receiving on Linux: recvmmsg(2), control messages, UDP GRO.
//!
//! By libc alone: rustix has no recvmmsg, and its recvmsg drops the control messages that it does not know.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Item, LARGEST, control};

/// Slots lie this far apart: one after the other at a multiple of 64 KiB, their first lines would all fall into the
/// same few sets of the cache.
const STRIDE: usize = LARGEST + 17 * 64;

/// Room for the control messages of one datagram, in words: all that [`control`] knows take 176 bytes.
const CONTROL: usize = 32;

/// Memory for a number of datagrams, and what came in last.
pub struct Inbox {
    slots: usize,
    memory: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    control: Vec<[u64; CONTROL]>,
    headers: Vec<libc::mmsghdr>,
    iovecs: Vec<libc::iovec>,
    filled: usize,
}

impl Inbox {
    /// Room for so many; pages that are never needed are never touched.
    pub fn new(slots: usize) -> Self {
        #[expect(
            unsafe_code,
            reason = "these structures consist of integers and null pointers: zeros are values of them"
        )]
        let (name, header, iovec) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Inbox {
            slots,
            memory: vec![0; slots * STRIDE],
            names: vec![name; slots],
            control: vec![[0; CONTROL]; slots],
            headers: vec![header; slots],
            iovecs: vec![iovec; slots],
            filled: 0,
        }
    }

    /// Takes up to `most` datagrams that wait at `fd` now; `WouldBlock` if there is none. Its timeout is never used:
    /// it is looked at after each datagram only (see BUGS in recvmmsg(2)).
    pub fn receive(&mut self, fd: BorrowedFd<'_>, most: usize) -> io::Result<()> {
        self.filled = 0;
        let most = most.min(self.slots);
        self.prepare(most);
        let asked = libc::c_uint::try_from(most).unwrap_or(1);
        loop {
            #[expect(
                unsafe_code,
                reason = "prepare() has set `most` headers to memory of this structure, each with its size"
            )]
            let count = unsafe {
                let headers = self.headers.as_mut_ptr();
                libc::recvmmsg(fd.as_raw_fd(), headers, asked, libc::MSG_DONTWAIT as _, std::ptr::null_mut())
            };
            match usize::try_from(count) {
                Ok(count) => self.filled = count,
                Err(_) => match io::Error::last_os_error() {
                    e if e.kind() == io::ErrorKind::Interrupted => continue,
                    e => return Err(e),
                },
            }
            return Ok(());
        }
    }

    /// The kernel overwrites every length with what it used, so each is set anew before each call.
    fn prepare(&mut self, most: usize) {
        let memory = self.memory.chunks_exact_mut(STRIDE);
        let places = memory.zip(&mut self.names).zip(&mut self.control).zip(&mut self.iovecs).zip(&mut self.headers);
        for ((((bytes, name), control), iovec), header) in places.take(most) {
            iovec.iov_base = bytes.as_mut_ptr().cast();
            iovec.iov_len = LARGEST;
            let header = &mut header.msg_hdr;
            header.msg_name = std::ptr::from_mut(name).cast();
            header.msg_namelen = NAME_LENGTH;
            header.msg_iov = std::ptr::from_mut(iovec);
            header.msg_iovlen = 1;
            header.msg_control = control.as_mut_ptr().cast();
            // The type of the field differs between C libraries, so this is no named constant: CONTROL words.
            header.msg_controllen = 8 * 32;
            header.msg_flags = 0;
        }
    }

    /// Sends those of `range` back to where they came from, in one call; gives how many went before the first that did
    /// not. See sendmmsg(2).
    pub fn give_back(&mut self, fd: BorrowedFd<'_>, range: Range<usize>) -> usize {
        let range = range.start.min(self.filled)..range.end.min(self.filled);
        let (headers, iovecs) = (&mut self.headers[range.clone()], &mut self.iovecs[range]);
        for (header, iovec) in headers.iter_mut().zip(iovecs) {
            iovec.iov_len = usize::try_from(header.msg_len).unwrap_or(0).min(LARGEST);
            header.msg_hdr.msg_control = std::ptr::null_mut();
            header.msg_hdr.msg_controllen = 0;
        }
        let count = libc::c_uint::try_from(headers.len()).unwrap_or(0);
        #[expect(
            unsafe_code,
            reason = "the headers are those that the kernel has filled: names and bytes are memory of this structure"
        )]
        let sent = unsafe {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, flags as _)
        };
        usize::try_from(sent).unwrap_or(0)
    }

    /// How many came in.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether nothing came in.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What came in, in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.filled).filter_map(|slot| self.item(slot))
    }

    fn item(&self, slot: usize) -> Option<Item<'_>> {
        let header = &self.headers[slot];
        let start = slot * STRIDE;
        let size = usize::try_from(header.msg_len).unwrap_or(0).min(LARGEST);
        #[allow(clippy::unnecessary_cast, reason = "the type of the field differs between C libraries")]
        let told = match header.msg_hdr.msg_controllen as usize {
            0 => control::Told::default(),
            length => control::read(as_bytes(&self.control[slot], length)),
        };
        Some(Item {
            bytes: &self.memory[start..start + size],
            from: address(&self.names[slot])?,
            facts: told.facts,
            segment: told.segment.filter(|&segment| segment < size),
            is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the structure has 128 bytes")]
const NAME_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

/// The first `length` bytes of `words`.
fn as_bytes(words: &[u64; CONTROL], length: usize) -> &[u8] {
    let length = length.min(size_of::<[u64; CONTROL]>());
    #[expect(unsafe_code, reason = "every byte of an array of integers is a u8, and `length` is no more than it has")]
    unsafe {
        std::slice::from_raw_parts(words.as_ptr().cast(), length)
    }
}

/// The Internet address in `name`. See ip(7), ipv6(7).
fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let place = std::ptr::from_ref(name);
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            #[expect(
                unsafe_code,
                reason = "the family says that the kernel wrote this structure; storage is aligned for it"
            )]
            let v4 = unsafe { &*place.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            #[expect(
                unsafe_code,
                reason = "the family says that the kernel wrote this structure; storage is aligned for it"
            )]
            let v6 = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// From now on each datagram tells where it was sent to, its TTL and TOS and when the kernel received it. IPv4
/// datagrams of an IPv6 socket obey IPv4's options, so both families' are set there.
pub fn ask_for_facts(fd: BorrowedFd<'_>, is_v6: bool) -> io::Result<()> {
    use libc::{IPPROTO_IP, IPPROTO_IPV6};
    let mut options = vec![
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
        (IPPROTO_IP, libc::IP_PKTINFO),
        (IPPROTO_IP, libc::IP_RECVTTL),
        (IPPROTO_IP, libc::IP_RECVTOS),
    ];
    if is_v6 {
        let of_v6 = [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT, libc::IPV6_RECVTCLASS];
        options.extend(of_v6.map(|option| (IPPROTO_IPV6, option)));
    }
    options.into_iter().try_for_each(|(level, option)| set::<libc::c_int>(fd, level, option, 1))
}

/// `UDP_GRO`, see udp(7): what the kernel has gathered into a train comes in one piece.
pub fn gather(fd: BorrowedFd<'_>) -> io::Result<()> {
    set::<libc::c_int>(fd, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// `SO_RCVBUFFORCE`: over the limit of `net.core.rmem_max`, for whoever has `CAP_NET_ADMIN`. See socket(7).
pub fn force_receive_buffer(fd: BorrowedFd<'_>, size: usize) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX))
}

/// A filter that keeps nothing (`SO_ATTACH_FILTER`, see socket(7)): the counter of drops counts what it refuses.
pub fn refuse_all(fd: BorrowedFd<'_>) -> io::Result<()> {
    /// `BPF_RET | BPF_K`: keep `k` bytes.
    const KEEP: u16 = 0x06;
    let mut nothing = libc::sock_filter { code: KEEP, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut nothing };
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
}

/// `value` is what the option of this name wants: an int, but for filters.
fn set<T: Copy>(fd: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int, value: T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "the kernel reads `length` bytes of `value`, and of a filter what that points to")]
    let code = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until every delivery that had found its socket before this call has put its datagram into the queue or counted
/// it as dropped. The kernel delivers in RCU read-side sections, and `MEMBARRIER_CMD_GLOBAL` returns when all that had
/// begun are over. Where it is refused (a sandbox, `nohz_full`) nothing is waited for.
pub fn await_deliveries() {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    #[expect(unsafe_code, reason = "membarrier(2) touches no memory of ours")]
    let _ = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
}
