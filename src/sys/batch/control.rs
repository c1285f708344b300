//! Control messages of received datagrams: what the kernel tells beside the bytes. See cmsg(3), ip(7), ipv6(7), udp(7).
//!
//! Pure: bytes in, values out, so that recorded ones can be read in a test. Refuses nothing: what it does not know, or
//! what is cut, tells nothing.

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::event::datagram::Facts;

/// Length, level, type: `struct cmsghdr`.
const HEADER: usize = size_of::<usize>() + 2 * size_of::<i32>();

/// What the control messages of one datagram say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) facts: Facts,
    /// `UDP_GRO`.
    pub(super) segment: Option<usize>,
}

/// Reads all messages in `control`.
pub(super) fn read(control: &[u8]) -> Told {
    let mut told = Told::default();
    let mut rest = control;
    while let Some((level, kind, data, next)) = first(rest) {
        add(&mut told, level, kind, data);
        rest = next;
    }
    told
}

/// Level, type and data of the first message, and what follows it.
fn first(control: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    let (length, after) = control.split_first_chunk()?;
    let (level, after) = after.split_first_chunk()?;
    let (kind, _) = after.split_first_chunk()?;
    let length = usize::from_ne_bytes(*length);
    let data = control.get(HEADER..length)?;
    let next = control.get(length.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
    Some((i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data, next))
}

fn add(told: &mut Told, level: i32, kind: i32, data: &[u8]) {
    let facts = &mut told.facts;
    match (level, kind) {
        // struct in_pktinfo: interface, the address of the route, the address in the header.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            facts.local =
                data.get(8..12).and_then(|ip| <[u8; 4]>::try_from(ip).ok()).map(|ip| Ipv4Addr::from(ip).into());
        }
        // struct in6_pktinfo: the address, the interface. For IPv4 on a dual-stack socket it comes too, mapped.
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let ip = data.first_chunk::<16>().map(|ip| IpAddr::from(Ipv6Addr::from(*ip)).to_canonical());
            facts.local = facts.local.or(ip);
        }
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => facts.ttl = byte(data),
        (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => facts.tos = byte(data),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => facts.kernel_time = time(data),
        (libc::SOL_UDP, libc::UDP_GRO) => {
            told.segment = int(data).and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
        }
        _ => {}
    }
}

fn int(data: &[u8]) -> Option<i32> {
    data.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

/// The TOS comes as a byte, everything else as an int.
fn byte(data: &[u8]) -> Option<u8> {
    match data {
        [byte] => Some(*byte),
        _ => int(data).and_then(|value| u8::try_from(value).ok()),
    }
}

/// struct timespec: 64-bit halves, on older 32-bit systems 32-bit ones. Since 1970.
fn time(data: &[u8]) -> Option<Duration> {
    let wide = |at: usize| data.get(at..at + 8).and_then(|b| b.try_into().ok()).map(i64::from_ne_bytes);
    let narrow = |at: usize| data.get(at..at + 4).and_then(int).map(i64::from);
    let (seconds, nanos) = wide(0).zip(wide(8)).or_else(|| narrow(0).zip(narrow(4)))?;
    Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?))
}

#[cfg(all(test, target_pointer_width = "64", target_endian = "little"))]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits make a byte")).collect()
    }

    const TIME: &str = "2000000000000000 01000000 23000000 35c8206900000000 15cd5b0700000000";
    const PKTINFO: &str = "1c00000000000000 00000000 08000000 01000000 7f000001 7f000002 00000000";
    const TTL: &str = "1400000000000000 00000000 02000000 40000000 00000000";
    const TOS: &str = "1100000000000000 00000000 01000000 b9 00000000000000";
    const GRO: &str = "1400000000000000 11000000 68000000 b0040000 00000000";
    const MAPPED: &str = "2400000000000000 29000000 32000000 00000000000000000000ffff7f000001 01000000 00000000";
    const HOPS: &str = "1400000000000000 29000000 34000000 ff000000 00000000";
    const CLASS: &str = "1400000000000000 29000000 43000000 03000000 00000000";

    #[test]
    fn what_ipv4_tells() {
        let told = read(&bytes(&[TIME, PKTINFO, TTL, TOS, GRO].concat()));
        let wanted = Facts {
            local: Some([127, 0, 0, 2].into()),
            ttl: Some(64),
            tos: Some(0xb9),
            kernel_time: Some(Duration::new(0x6920_c835, 123_456_789)),
        };
        assert_eq!(told, Told { facts: wanted, segment: Some(1200) });
    }

    #[test]
    fn what_ipv6_tells_and_a_mapped_address_is_ipv4() {
        let told = read(&bytes(&[MAPPED, HOPS, CLASS].concat())).facts;
        let wanted = Facts { local: Some([127, 0, 0, 1].into()), ttl: Some(255), tos: Some(3), kernel_time: None };
        assert_eq!(told, wanted);
        assert_eq!(read(&bytes(&[MAPPED, PKTINFO].concat())).facts.local, Some([127, 0, 0, 2].into()));
    }

    #[test]
    fn what_is_cut_or_unknown_tells_nothing() {
        let whole = bytes(&[TTL, PKTINFO].concat());
        for cut in 0..whole.len() {
            let facts = read(&whole[..cut]).facts;
            assert_eq!(facts.ttl.is_some(), cut >= 20, "{cut}");
            assert_eq!(facts.local.is_some(), cut >= 24 + 28, "{cut}");
        }
        let unknown = bytes(&TTL.replacen("02000000", "77000000", 1));
        assert_eq!(read(&unknown), Told::default());
        assert_eq!(read(&[0; 64]), Told::default());
        assert_eq!(read(&[0xff; 64]), Told::default());
    }
}
