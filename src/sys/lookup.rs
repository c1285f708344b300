//! getaddrinfo(3): names and services to addresses.
//!
//! Owns the one blocking call of the resolver. It can't be cancelled, so `net::resolve` calls it on a
//! helper thread. Refuses to cap, sort or choose: the order is the system's (RFC 6724).

use std::ffi::{CStr, CString, NulError};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

/// What is asked of getaddrinfo.
#[derive(Clone, Debug)]
pub struct Question {
    /// The host name or numeric address; `None` is the wildcard.
    pub host: Option<String>,
    /// The port number or service name.
    pub service: String,
    /// Whether a datagram service is meant (a service name may differ by protocol).
    pub datagram: bool,
    /// Forbid the name service: the host must be numeric.
    pub numeric_host: bool,
}

/// Why a lookup gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service name is not known for the protocol.
    Service,
    /// The host's name could not be resolved; the system's words.
    Host(String),
}

/// The addresses of `question`, in the system's order; or why there are none. Blocks.
pub fn addresses(question: &Question) -> Result<Vec<SocketAddr>, Failure> {
    let as_failure = |_: NulError| Failure::Host("a NUL byte in the name".into());
    let host = question.host.as_deref().map(CString::new).transpose().map_err(as_failure)?;
    let service = CString::new(question.service.as_str()).map_err(as_failure)?;
    let hints = hints(question);
    let host = host.as_ref().map_or(ptr::null(), |h| h.as_ptr());
    let mut list = ptr::null_mut();
    #[expect(
        unsafe_code,
        reason = "both strings are NUL-terminated and outlive the call; the list is freed by its owner below"
    )]
    let code = unsafe { libc::getaddrinfo(host, service.as_ptr(), &raw const hints, &raw mut list) };
    match code {
        0 => Ok(List(list).to_vec()),
        libc::EAI_SERVICE => Err(Failure::Service),
        libc::EAI_SYSTEM => Err(Failure::Host(crate::error::plain(&std::io::Error::last_os_error()))),
        code => Err(Failure::Host(words(code))),
    }
}

fn hints(question: &Question) -> libc::addrinfo {
    #[expect(unsafe_code, reason = "an addrinfo of zeros and null pointers is what getaddrinfo wants as empty hints")]
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = if question.datagram { libc::SOCK_DGRAM } else { libc::SOCK_STREAM };
    hints.ai_flags = libc::AI_PASSIVE;
    if question.numeric_host {
        hints.ai_flags |= libc::AI_NUMERICHOST;
    }
    hints
}

/// `gai_strerror(3)`, lower case.
fn words(code: i32) -> String {
    #[expect(unsafe_code, reason = "gai_strerror gives a static NUL-terminated string for every code")]
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    text.to_string_lossy().to_lowercase()
}

/// Owns the list that getaddrinfo allocated.
struct List(*mut libc::addrinfo);

impl List {
    fn to_vec(&self) -> Vec<SocketAddr> {
        let mut found = Vec::new();
        let mut next = self.0;
        while !next.is_null() {
            #[expect(unsafe_code, reason = "getaddrinfo links valid entries, the last one by null")]
            let entry = unsafe { &*next };
            found.extend(socket_address(entry));
            next = entry.ai_next;
        }
        found.dedup();
        found
    }
}

impl Drop for List {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the list came from getaddrinfo and is freed once")]
        unsafe {
            libc::freeaddrinfo(self.0);
        }
    }
}

#[expect(unsafe_code, reason = "ai_family says which structure ai_addr points at; getaddrinfo aligns it")]
#[allow(clippy::cast_ptr_alignment, reason = "sockaddr is what the API calls a pointer to the aligned structure")]
fn socket_address(entry: &libc::addrinfo) -> Option<SocketAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            let raw = unsafe { &*entry.ai_addr.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(raw.sin_port))))
        }
        libc::AF_INET6 => {
            let raw = unsafe { &*entry.ai_addr.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(raw.sin6_port), 0, raw.sin6_scope_id)))
        }
        _ => None,
    }
}

/// The index of an interface, by its name or its number; `None` if there is no such interface.
pub fn interface_index(name: &str) -> Option<u32> {
    let c_name = CString::new(name).ok()?;
    #[expect(unsafe_code, reason = "the name is NUL-terminated and outlives the call")]
    let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
    if index != 0 { Some(index) } else { name.parse().ok().filter(|&n| is_index(n)) }
}

/// Each address of each interface, with the interface's index. See getifaddrs(3).
pub fn interface_addresses() -> io::Result<Vec<(u32, IpAddr)>> {
    let mut list = ptr::null_mut();
    #[expect(unsafe_code, reason = "the list is freed below, and not looked at after that")]
    unsafe {
        if libc::getifaddrs(&raw mut list) != 0 {
            return Err(io::Error::last_os_error());
        }
        let (mut found, mut next) = (Vec::new(), list.cast_const());
        while let Some(entry) = next.as_ref() {
            let ip = Some(entry.ifa_addr.cast_const()).filter(|a| !a.is_null()).and_then(ip_address);
            found.extend(ip.map(|ip| (libc::if_nametoindex(entry.ifa_name), ip)));
            next = entry.ifa_next;
        }
        libc::freeifaddrs(list);
        Ok(found)
    }
}

#[expect(unsafe_code, reason = "sa_family says which structure the pointer is at; getifaddrs aligns it")]
#[allow(clippy::cast_ptr_alignment, reason = "sockaddr is what the API calls a pointer to the aligned structure")]
fn ip_address(address: *const libc::sockaddr) -> Option<IpAddr> {
    match libc::c_int::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            let raw = unsafe { &*address.cast::<libc::sockaddr_in>() };
            Some(Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            let raw = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            Some(Ipv6Addr::from(raw.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

/// What this machine calls itself. See uname(2).
pub fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Whether an interface has this index. See `if_indextoname(3)`.
fn is_index(index: u32) -> bool {
    let mut name: [libc::c_char; libc::IF_NAMESIZE] = [0; libc::IF_NAMESIZE];
    #[expect(unsafe_code, reason = "the buffer has the IF_NAMESIZE bytes that the call may write")]
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    !found.is_null()
}
