//! The bounded buffer of one direction: filled at its tail, emptied at its head.

/// Large enough that a bulk transfer is not made of small calls, small enough to stay in the cache.
const CAPACITY: usize = 256 * 1024;

/// Bytes that were read and not yet written.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// An empty buffer. Its pages cost nothing until they are used.
    pub(crate) fn new() -> Self {
        Buffer { bytes: vec![0; CAPACITY].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What waits to be written.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Where the next read may write to; empty if there is no room before a write.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// How much the next read may bring.
    pub(crate) fn room(&self) -> usize {
        self.bytes.len() - self.end
    }

    /// `n` bytes of [`Buffer::space`] have been filled.
    pub(crate) fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.bytes.len());
    }

    /// The first `n` bytes of [`Buffer::data`] have been written.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}
