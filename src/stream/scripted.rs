//! An end in memory that plays a script: the relay's tests run on it without a socket and without a clock.

use std::collections::VecDeque;
use std::io;

/// What the next read does.
#[derive(Clone, Debug)]
pub enum Read {
    /// Gives these bytes, in as many reads as the buffer asks for.
    Bytes(Vec<u8>),
    /// Has nothing yet.
    Block,
    /// Fails.
    Fail(io::ErrorKind),
}

/// What the next write does.
#[derive(Clone, Copy, Debug)]
pub enum Write {
    /// Takes this many bytes at the most.
    Take(usize),
    /// Has no room yet.
    Block,
    /// Fails.
    Fail(io::ErrorKind),
}

/// The script and what came of it. When the reads are used up, the end has come, unless it is `open`; when the writes are,
/// everything is taken.
#[derive(Debug, Default)]
pub struct Scripted {
    /// The reads to come.
    pub reads: VecDeque<Read>,
    /// More reads may be written into the script: until then there is nothing yet.
    pub open: bool,
    /// The writes to come.
    pub writes: VecDeque<Write>,
    /// What was written here.
    pub taken: Vec<u8>,
    /// Whether our direction was ended.
    pub closed: bool,
}

impl Scripted {
    /// An end that gives `reads`, then its end, and takes everything.
    pub fn giving(reads: impl IntoIterator<Item = Read>) -> Self {
        Scripted { reads: reads.into_iter().collect(), ..Self::default() }
    }

    /// With these writes first.
    #[must_use]
    pub fn taking(mut self, writes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(writes);
        self
    }

    /// What the next read gives; a pause is over once it was looked at, as it is once it was read.
    pub(super) fn look_ahead(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = match self.reads.front() {
            Some(Read::Bytes(bytes)) => bytes.len().min(buffer.len()),
            _ => return self.read(buffer),
        };
        if let Some(Read::Bytes(bytes)) = self.reads.front() {
            buffer[..n].copy_from_slice(&bytes[..n]);
        }
        Ok(n)
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reads.pop_front() {
            None if self.open => Err(io::ErrorKind::WouldBlock.into()),
            None => Ok(0),
            Some(Read::Block) => Err(io::ErrorKind::WouldBlock.into()),
            Some(Read::Fail(kind)) => Err(kind.into()),
            Some(Read::Bytes(mut bytes)) => {
                let n = bytes.len().min(buffer.len());
                buffer[..n].copy_from_slice(&bytes[..n]);
                let rest = bytes.split_off(n);
                if !rest.is_empty() {
                    self.reads.push_front(Read::Bytes(rest));
                }
                Ok(n)
            }
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.closed, "a write after the end");
        let n = match self.writes.pop_front() {
            None => bytes.len(),
            Some(Write::Take(most)) => most.clamp(1, bytes.len()),
            Some(Write::Block) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(Write::Fail(kind)) => return Err(kind.into()),
        };
        self.taken.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    pub(super) fn close_write(&mut self) {
        self.closed = true;
    }
}
