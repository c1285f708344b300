//! The calls that the standard library and rustix do not have: recvmmsg(2), sendmmsg(2), the options of udp(7) for
//! trains of datagrams, and a file in memory.
//!
//! Refuses to be a library: IPv4 or IPv6 on Linux, sockets that are connected or never answer.

use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::slice;

/// Room for one `cmsghdr` and an int, which is what `UDP_GRO` gives, aligned as a `cmsghdr` is.
type Control = [u64; 4];

const SIZE_OF_INT: u8 = 4;

/// Each write is cut by the kernel into datagrams of this size.
pub fn cut_into(socket: &UdpSocket, size: usize) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_SEGMENT, i32::try_from(size).unwrap_or(0))
}

/// What came as a train is received as one.
pub fn take_trains(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// By force if this user may; else as much as the system allows.
pub fn set_receive_buffer(socket: &UdpSocket, bytes: usize) -> io::Result<()> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
        .or_else(|_| set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes))
}

fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer is to a local int, whose size is given.
    #[expect(unsafe_code, reason = "neither std nor rustix has these options")]
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), libc::socklen_t::from(SIZE_OF_INT))
    };
    result(done.try_into().unwrap_or(-1)).map(drop)
}

fn result(returned: isize) -> io::Result<usize> {
    usize::try_from(returned).map_err(|_| io::Error::last_os_error())
}

/// Datagrams that are received, or sent, with one call.
pub struct Batch {
    size: usize,
    buffers: Vec<u8>,
    pieces: Vec<libc::iovec>,
    controls: Vec<Control>,
    headers: Vec<libc::mmsghdr>,
}

impl Batch {
    /// Room for `count` of up to `size` bytes.
    pub fn new(count: usize, size: usize) -> Self {
        // SAFETY: both are plain numbers and pointers, for which zeros are valid.
        #[expect(unsafe_code, reason = "libc's structs have no constructor")]
        let (piece, header): (libc::iovec, libc::mmsghdr) = unsafe { (zeroed(), zeroed()) };
        Self {
            size,
            buffers: vec![0; count * size],
            pieces: vec![piece; count],
            controls: vec![Control::default(); count],
            headers: vec![header; count],
        }
    }

    /// How many came: at least one, unless the socket's time limit passed.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        for at in 0..self.headers.len() {
            self.point(at, self.size);
            let header = &mut self.headers[at].msg_hdr;
            header.msg_control = self.controls[at].as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>();
        }
        let (headers, count) = (self.headers.as_mut_ptr(), u32::try_from(self.headers.len()).unwrap_or(0));
        // SAFETY: `point` has set every header to buffers of this value, which outlive the call.
        #[expect(unsafe_code, reason = "recvmmsg(2) is in neither std nor rustix")]
        let got = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, libc::MSG_WAITFORONE, null_mut()) };
        result(got.try_into().unwrap_or(-1))
    }

    /// The `at`-th of those that came last, and the size of the datagrams in it if it is a train.
    pub fn message(&self, at: usize) -> (&[u8], Option<usize>) {
        let length = self.headers[at].msg_len as usize;
        (&self.buffers[at * self.size..][..length], self.train(at))
    }

    /// One `cmsghdr` there is room for, and one option that gives any.
    fn train(&self, at: usize) -> Option<usize> {
        let header = &self.headers[at].msg_hdr;
        // SAFETY: the kernel has filled the header's control buffer, whose length it holds.
        #[expect(unsafe_code, reason = "control messages are read by pointers")]
        unsafe {
            let control = libc::CMSG_FIRSTHDR(header).as_ref()?;
            let is_train = control.cmsg_level == libc::SOL_UDP && control.cmsg_type == libc::UDP_GRO;
            let size = is_train.then(|| libc::CMSG_DATA(control).cast::<i32>().read_unaligned())?;
            usize::try_from(size).ok()
        }
    }

    /// Sends what `bytes` holds in datagrams of this batch's size, the last one of what is left.
    pub fn send(&mut self, socket: &UdpSocket, bytes: &[u8]) -> io::Result<()> {
        let count = bytes.len().div_ceil(self.size);
        self.buffers[..bytes.len()].copy_from_slice(bytes);
        for at in 0..count {
            self.point(at, self.size.min(bytes.len() - at * self.size));
        }
        let mut sent = 0;
        while sent < count {
            let left = &mut self.headers[sent..count];
            let length = u32::try_from(left.len()).unwrap_or(0);
            // SAFETY: as in `receive`.
            #[expect(unsafe_code, reason = "sendmmsg(2) is in neither std nor rustix")]
            let more = unsafe { libc::sendmmsg(socket.as_raw_fd(), left.as_mut_ptr(), length, 0) };
            sent += result(more.try_into().unwrap_or(-1))?;
        }
        Ok(())
    }

    /// The `at`-th header to the `at`-th buffer, as if it had never been used.
    fn point(&mut self, at: usize, length: usize) {
        let base = self.buffers[at * self.size..].as_mut_ptr().cast();
        self.pieces[at] = libc::iovec { iov_base: base, iov_len: length };
        let header = &mut self.headers[at].msg_hdr;
        header.msg_iov = &raw mut self.pieces[at];
        header.msg_iovlen = 1;
        header.msg_namelen = 0;
        header.msg_control = null_mut();
        header.msg_controllen = 0;
        header.msg_flags = 0;
    }
}

/// The whole of a file that nobody shortens, to the end of the process.
pub fn map(file: &File) -> io::Result<&'static [u8]> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
    // SAFETY: a fresh mapping of an open file; it is never unmapped.
    #[expect(unsafe_code, reason = "std has no mmap(2)")]
    let start = unsafe { libc::mmap(null_mut(), length, libc::PROT_READ, flags, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: readable for so long, and nobody writes to the payload once it is there.
    #[expect(unsafe_code, reason = "a mapping is a pointer")]
    let bytes = unsafe { slice::from_raw_parts(start.cast(), length) };
    Ok(bytes)
}
