//! The error queue of a datagram socket on Linux: `IP_RECVERR` in ip(7), `IPV6_RECVERR` in ipv6(7).

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::sys::errors::{Origin, SocketError};

/// Has the kernel keep what becomes of each datagram. An IPv6 socket sends IPv4 too, to mapped addresses, and needs
/// both options.
pub fn queue_errors(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    set(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    if v6 { set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1) } else { Ok(()) }
}

/// Has nobody fragment what this socket sends, and the kernel forget what it has learnt of the way: `EMSGSIZE` is
/// only ever about the interface. See `IP_PMTUDISC_PROBE` in ip(7).
pub fn never_fragment(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    set(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
    if v6 { set(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE) } else { Ok(()) }
}

fn set(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    #[expect(unsafe_code, reason = "the kernel reads one int")]
    let code = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Room for the control messages of one entry: the error with its offender, and what other options add.
const CONTROL: usize = 512;

/// The next entry of the error queue; `WouldBlock` if there is none. See `MSG_ERRQUEUE` in recvmsg(2).
pub fn next_error(fd: BorrowedFd<'_>) -> io::Result<SocketError> {
    // The datagram itself is not wanted: what does not fit is cut.
    let mut payload = [0_u8; 8];
    let mut control = [0_u64; CONTROL / size_of::<u64>()];
    #[expect(unsafe_code, reason = "sockaddr_storage and msghdr consist of integers and pointers: zeros are values")]
    let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut part = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = socklen(size_of::<libc::sockaddr_storage>());
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL as _;
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    #[expect(unsafe_code, reason = "every pointer of the header is to a local that outlives the call, with its length")]
    let received = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
    if received < 0 {
        return Err(io::Error::last_os_error());
    }
    entry(&message, address(&name))
}

fn socklen(size: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(size).unwrap_or(libc::socklen_t::MAX)
}

/// Finds the error among the control messages.
fn entry(message: &libc::msghdr, to: Option<SocketAddr>) -> io::Result<SocketError> {
    #[expect(unsafe_code, reason = "the header is as recvmsg filled it; its control buffer is still alive")]
    let mut at = unsafe { libc::CMSG_FIRSTHDR(message) };
    #[expect(unsafe_code, reason = "`at` is null or a control message inside the buffer of `message`")]
    while let Some(header) = unsafe { at.as_ref() } {
        if matches!(
            (header.cmsg_level, header.cmsg_type),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        ) {
            #[expect(unsafe_code, reason = "the data of this message begin behind its header")]
            let data = unsafe { libc::CMSG_DATA(at) };
            let offset = data as usize - at as usize;
            #[allow(clippy::unnecessary_cast, reason = "the length's type differs between C libraries")]
            let length = (header.cmsg_len as usize).saturating_sub(offset);
            #[expect(unsafe_code, reason = "the kernel has written `length` bytes there")]
            let bytes = unsafe { std::slice::from_raw_parts(data, length) };
            return parse(bytes, to).ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
        #[expect(unsafe_code, reason = "both pointers are of the same message")]
        let next = unsafe { libc::CMSG_NXTHDR(message, at) };
        at = next;
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// A `sock_extended_err` and the offender's address behind it.
fn parse(bytes: &[u8], to: Option<SocketAddr>) -> Option<SocketError> {
    const SIZE: usize = size_of::<libc::sock_extended_err>();
    let (head, offender) = bytes.split_at_checked(SIZE)?;
    #[expect(unsafe_code, reason = "the structure consists of integers, and `head` has its size")]
    let error: libc::sock_extended_err = unsafe { std::ptr::read_unaligned(head.as_ptr().cast()) };
    let origin = match error.ee_origin {
        libc::SO_EE_ORIGIN_LOCAL => Origin::Local,
        libc::SO_EE_ORIGIN_ICMP => Origin::Icmp,
        libc::SO_EE_ORIGIN_ICMP6 => Origin::Icmp6,
        _ => Origin::Unknown,
    };
    Some(SocketError {
        error: io::Error::from_raw_os_error(i32::try_from(error.ee_errno).ok()?),
        origin,
        kind: error.ee_type,
        code: error.ee_code,
        mtu: error.ee_info,
        from: sockaddr(offender).filter(|_| origin != Origin::Local).map(|address| address.ip()),
        to,
    })
}

fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let start: *const libc::sockaddr_storage = name;
    #[expect(unsafe_code, reason = "a sockaddr_storage is that many initialised bytes")]
    let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), size_of::<libc::sockaddr_storage>()) };
    sockaddr(bytes)
}

/// A `sockaddr_in` or `sockaddr_in6`, IPv4-mapped ones as IPv4.
fn sockaddr(bytes: &[u8]) -> Option<SocketAddr> {
    let family = libc::c_int::from(libc::sa_family_t::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match family {
        libc::AF_INET => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
            let v6 = Ipv6Addr::from(octets);
            Some(match IpAddr::from(v6).to_canonical() {
                v4 @ IpAddr::V4(_) => (v4, port).into(),
                IpAddr::V6(_) => SocketAddrV6::new(v6, port, 0, scope).into(),
            })
        }
        _ => None,
    }
}
