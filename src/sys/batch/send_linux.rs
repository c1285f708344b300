//! Sending in batches on Linux: `UDP_SEGMENT` of udp(7), and sendmmsg(2).

use std::io::{self, IoSlice};
use std::mem::zeroed;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::null_mut;

use rustix::net::SocketAddrAny;

use super::MOST_AT_ONCE;

/// The control message that gives the size of the segments. See cmsg(3): its data follow the header.
#[repr(C)]
struct SegmentSize {
    header: libc::cmsghdr,
    size: u16,
}

/// Whether the kernel has `UDP_SEGMENT` for this socket. One that has not (before 4.18) would skip the control message and send
/// everything as one datagram.
pub fn can_segment(fd: BorrowedFd<'_>) -> bool {
    const LENGTH: libc::socklen_t = libc::c_int::BITS / 8;
    let none: libc::c_int = 0;
    #[expect(unsafe_code, reason = "the kernel reads one int; a size of 0 is what the socket has")]
    let code =
        unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, (&raw const none).cast(), LENGTH) };
    code == 0
}

/// Datagrams of `size` bytes out of one buffer that the kernel, or the network card, cuts.
pub fn send_segments(fd: BorrowedFd<'_>, to: Option<SocketAddr>, pieces: &[IoSlice<'_>], size: u16) -> io::Result<()> {
    let to = to.map(SocketAddrAny::from);
    let mut control = segment_size(size);
    let mut header = header(to.as_ref(), pieces);
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of::<SegmentSize>() as _;
    retried(|| {
        #[expect(unsafe_code, reason = "the header points to values that outlive the call, with their lengths")]
        unsafe {
            libc::sendmsg(fd.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL)
        }
    })?;
    Ok(())
}

/// An error after the first datagram ends the call without being told: it has not been sent, and neither have those after it.
/// See BUGS in sendmmsg(2).
pub fn send_many(fd: BorrowedFd<'_>, to: Option<SocketAddr>, datagrams: &[IoSlice<'_>]) -> io::Result<usize> {
    let to = to.map(SocketAddrAny::from);
    #[expect(unsafe_code, reason = "mmsghdr consists of integers and pointers: zeros are a value of it")]
    let mut headers: [libc::mmsghdr; MOST_AT_ONCE] = unsafe { zeroed() };
    let count = datagrams.len().min(MOST_AT_ONCE);
    for (of_one, datagram) in headers.iter_mut().zip(datagrams) {
        of_one.msg_hdr = header(to.as_ref(), std::slice::from_ref(datagram));
    }
    retried(|| {
        #[expect(unsafe_code, reason = "the kernel reads and marks the first `count` headers, and there are as many")]
        unsafe {
            let count = libc::c_uint::try_from(count).unwrap_or(0);
            libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_NOSIGNAL as _) as isize
        }
    })
}

fn segment_size(size: u16) -> SegmentSize {
    #[expect(unsafe_code, reason = "cmsghdr consists of integers: zeros are a value of it")]
    let mut header: libc::cmsghdr = unsafe { zeroed() };
    header.cmsg_level = libc::SOL_UDP;
    header.cmsg_type = libc::UDP_SEGMENT;
    #[expect(unsafe_code, reason = "it computes a length, and nothing else")]
    let length = unsafe { libc::CMSG_LEN(u16::BITS / 8) };
    header.cmsg_len = length as _;
    SegmentSize { header, size }
}

/// A header that points to `to` and `pieces`, which must outlive it. The kernel only reads them, whatever the types say.
fn header(to: Option<&SocketAddrAny>, pieces: &[IoSlice<'_>]) -> libc::msghdr {
    #[expect(unsafe_code, reason = "msghdr consists of integers and pointers: zeros are a value of it")]
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = to.map_or(null_mut(), |to| to.as_ptr().cast_mut().cast());
    header.msg_namelen = to.map_or(0, SocketAddrAny::addr_len);
    // An IoSlice is an iovec: std guarantees the layout.
    header.msg_iov = pieces.as_ptr().cast_mut().cast();
    header.msg_iovlen = pieces.len() as _;
    header
}

/// The result of `call`, which is made again when a signal interrupts it.
fn retried(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(result) = usize::try_from(call()) {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
