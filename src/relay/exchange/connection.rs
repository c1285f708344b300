//! A connection to a server, over all exchanges that it carries: the stream, and what was read from it too early.
//!
//! Owns whether it may be asked once more. Refuses to open and to close itself, and to know whose origin it is.

use crate::stream::Stream;
use crate::stream::buffer::Buffer;

/// A stream to a server, for one exchange after the other.
#[derive(Debug)]
pub struct Connection {
    pub(super) remote: Stream,
    /// What came and was not used yet.
    pub(super) buffer: Buffer,
    /// How many exchanges it has carried, the one that runs included.
    pub(super) exchanges: u64,
}

/// Why a kept connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The server has closed it, or the network has.
    Closed,
    /// Bytes came that nobody had asked for: taken for the answer to the next request, they would be another's
    /// (RFC 9112 §6.3, §9.2).
    Unasked,
}

impl Connection {
    /// A connection that nothing has gone over yet.
    pub fn new(remote: Stream) -> Self {
        Connection { remote, buffer: Buffer::default(), exchanges: 0 }
    }

    /// Whether it has carried an exchange before the one that runs, if one does.
    pub fn is_kept(&self) -> bool {
        self.exchanges > 1
    }

    /// Looks whether it is as quiet as it must be between two exchanges.
    pub fn check_idle(&mut self) -> Result<(), Spent> {
        if !self.buffer.is_empty() {
            return Err(Spent::Unasked);
        }
        match self.remote.read(self.buffer.space()) {
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Ok(1..) => Err(Spent::Unasked),
            Ok(0) | Err(_) => Err(Spent::Closed),
        }
    }

    /// Who is at the other end.
    pub fn name(&self) -> String {
        self.remote.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::scripted::{Read, Scripted};

    #[test]
    fn only_a_quiet_connection_is_asked_again() {
        let check = |reads: Vec<Read>| Connection::new(Stream::Scripted(Scripted::giving(reads))).check_idle();
        assert_eq!(check(vec![Read::Block]), Ok(()));
        assert_eq!(check(vec![]), Err(Spent::Closed));
        assert_eq!(check(vec![Read::Fail(std::io::ErrorKind::ConnectionReset)]), Err(Spent::Closed));
        assert_eq!(check(vec![Read::Bytes(b"HTTP/1.1 408 ".to_vec())]), Err(Spent::Unasked));
        let mut left_over = Connection::new(Stream::Scripted(Scripted::giving([Read::Block])));
        left_over.buffer.space()[0] = b'x';
        left_over.buffer.filled(1);
        assert_eq!(left_over.check_idle(), Err(Spent::Unasked));
    }
}
