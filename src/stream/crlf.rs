//! LF to CR LF on the way to the peer (`--crlf`): many text protocols end their lines so.
//!
//! A line that ends in CR LF already is left alone, also when a read ends between the two.

use std::io;

use super::Stream;
use super::buffer::Buffer;

/// One read is at most this long, so that a copy of it fits on the way.
const PIECE: usize = 16 * 1024;

/// The translator of one direction.
#[derive(Debug)]
pub struct Crlf {
    scratch: Box<[u8]>,
    after_cr: bool,
}

impl Default for Crlf {
    fn default() -> Self {
        Crlf { scratch: vec![0; PIECE].into_boxed_slice(), after_cr: false }
    }
}

impl Crlf {
    /// Reads from `from` into `buffer`, translated. Gives how much was read; every byte may become two.
    pub fn read(&mut self, from: &mut Stream, buffer: &mut Buffer) -> io::Result<usize> {
        let most = (buffer.room() / 2).min(self.scratch.len());
        let n = from.read(&mut self.scratch[..most])?;
        let mut made = 0;
        let space = buffer.space();
        for &byte in &self.scratch[..n] {
            if byte == b'\n' && !self.after_cr {
                space[made] = b'\r';
                made += 1;
            }
            space[made] = byte;
            made += 1;
            self.after_cr = byte == b'\r';
        }
        buffer.filled(made);
        Ok(n)
    }
}
