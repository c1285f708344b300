//! What the error of a `send_segments` says about segments, and not about the datagrams in them.

use std::io;

use rustix::io::Errno;

/// For which segments it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Those of this size and larger ones: they do not fit the path, on which segments can't be fragmented.
    Size,
    /// All of them: neither the system nor the device can do it.
    Any,
}

/// `None` if the datagrams themselves would fail in the same way, as far as the error can tell. See `udp_send_skb` in
/// the kernel's net/ipv4/udp.c: EINVAL or EMSGSIZE for the size, EIO for a device that can't fill in checksums.
pub fn refusal(error: &io::Error) -> Option<Refusal> {
    match Errno::from_io_error(error) {
        Some(Errno::MSGSIZE | Errno::INVAL) => Some(Refusal::Size),
        Some(Errno::IO | Errno::OPNOTSUPP | Errno::NOPROTOOPT) => Some(Refusal::Any),
        _ => (error.kind() == io::ErrorKind::Unsupported).then_some(Refusal::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_segments_is_a_refusal() {
        let of = |errno: Errno| refusal(&errno.into());
        assert_eq!((of(Errno::MSGSIZE), of(Errno::INVAL)), (Some(Refusal::Size), Some(Refusal::Size)));
        assert_eq!(of(Errno::IO), Some(Refusal::Any));
        assert_eq!(refusal(&io::ErrorKind::Unsupported.into()), Some(Refusal::Any));
        for about_datagrams in [Errno::AGAIN, Errno::NOBUFS, Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::PERM] {
            assert_eq!(of(about_datagrams), None, "{about_datagrams}");
        }
    }
}
