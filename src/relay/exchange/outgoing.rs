//! The request on its way out: its head, then its body, framed as the head says.
//!
//! Owns the order of the bytes, the chunks of a body whose length nobody knows (RFC 9112 §7.1), and that a body of known
//! length has exactly that length. Refuses to write and to wait: the exchange does both.

use crate::error::{Error, Kind};
use crate::stream::{Readiness, Stream};

use super::super::direction::is_nothing_yet;

/// What is gathered before it is written: the head and a small body leave together.
const PIECE: usize = 256 * 1024;

/// What follows the head.
#[derive(Debug)]
pub enum Body<'a> {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(&'a [u8]),
    /// What this stream gives: so many bytes, or chunks until its end.
    Stream(&'a mut Stream, Option<u64>),
}

/// A request, and how far it has come.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// As it is told.
    pub(super) head: Vec<u8>,
    /// Ready to be written, from `at` on.
    pending: Vec<u8>,
    at: usize,
    source: Option<Source<'a>>,
}

/// A body that comes piece by piece.
#[derive(Debug)]
struct Source<'a> {
    stream: &'a mut Stream,
    /// What was announced and not read yet; `None` for chunks.
    left: Option<u64>,
    announced: u64,
    /// The last read had nothing yet.
    blocked: bool,
    scratch: Box<[u8]>,
}

impl<'a> Outgoing<'a> {
    /// A request that begins with `head`.
    pub fn new(head: Vec<u8>, body: Body<'a>) -> Self {
        let (bytes, source) = match body {
            Body::None | Body::Stream(_, Some(0)) => (&[][..], None),
            Body::Bytes(bytes) => (bytes, None),
            Body::Stream(stream, left) => (&[][..], Some(Source::new(stream, left))),
        };
        Outgoing { pending: [&head, bytes].concat(), head, at: 0, source }
    }

    /// Everything has been written.
    pub(super) fn is_finished(&self) -> bool {
        self.source.is_none() && self.at == self.pending.len()
    }

    /// What can be written now, the body's next piece read if need be; empty while there is nothing.
    pub(super) fn next(&mut self) -> Result<&[u8], Error> {
        if self.at == self.pending.len() {
            self.pending.clear();
            self.at = 0;
        }
        if let Some(source) = &mut self.source {
            source.blocked = false;
        }
        // What is on its way is written first.
        while self.at == 0 && self.pending.len() < PIECE && self.wants_source() {
            self.read()?;
        }
        Ok(&self.pending[self.at..])
    }

    /// So many bytes of [`Outgoing::next`] are written.
    pub(super) fn wrote(&mut self, n: usize) {
        self.at += n;
    }

    /// The rest is not sent.
    pub(super) fn stop(&mut self) {
        self.source = None;
        self.at = self.pending.len();
    }

    /// Whether bytes wait to be written, or to be read without waiting and then written.
    pub(super) fn is_pending(&self) -> bool {
        self.at < self.pending.len() || self.wants_source()
    }

    /// What the body's source must be waited for with, where it is what is missing.
    pub(super) fn source_interest(&self) -> Option<Readiness<'_>> {
        self.source.as_ref().filter(|source| source.blocked && !self.is_pending()).map(|s| s.stream.read_interest())
    }

    /// The name of the body's source.
    pub(super) fn source_name(&self) -> String {
        self.source.as_ref().map_or_else(String::new, |source| source.stream.name())
    }

    fn wants_source(&self) -> bool {
        self.source.as_ref().is_some_and(|source| !source.blocked)
    }

    fn read(&mut self) -> Result<(), Error> {
        if let Some(source) = &mut self.source
            && source.read(&mut self.pending)?
        {
            self.source = None;
        }
        Ok(())
    }
}

impl<'a> Source<'a> {
    fn new(stream: &'a mut Stream, left: Option<u64>) -> Self {
        let scratch = vec![0; PIECE].into_boxed_slice();
        Source { stream, left, announced: left.unwrap_or(0), blocked: false, scratch }
    }

    /// Reads once and frames what came; tells whether that was the last of it.
    fn read(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let most = usize::try_from(self.left.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(self.scratch.len());
        match self.stream.read(&mut self.scratch[..most]) {
            Ok(0) => self.ended(out).map(|()| true),
            Ok(n) => {
                self.frame(n, out);
                Ok(self.left == Some(0))
            }
            Err(e) if is_nothing_yet(&e) => {
                self.blocked = true;
                Ok(false)
            }
            Err(e) => Err(self.stream.read_error(&e)),
        }
    }

    fn frame(&mut self, n: usize, out: &mut Vec<u8>) {
        let bytes = &self.scratch[..n];
        if let Some(left) = &mut self.left {
            *left -= n as u64;
            out.extend_from_slice(bytes);
        } else {
            out.extend_from_slice(format!("{n:x}\r\n").as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
    }

    fn ended(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(left) = self.left else {
            out.extend_from_slice(b"0\r\n\r\n");
            return Ok(());
        };
        let reason = format!("it has become shorter: {} of {} bytes came", self.announced - left, self.announced);
        Err(Error::new(Kind::ReadLocal, "read", self.stream.name(), reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::scripted::{Read, Scripted};

    /// What goes out, by writes of `most` bytes; `Err` if the source fails.
    fn all(reads: Vec<Read>, length: Option<u64>, most: usize) -> Result<String, Kind> {
        let mut source = Stream::Scripted(Scripted::giving(reads));
        let mut outgoing = Outgoing::new(b"HEAD ".to_vec(), Body::Stream(&mut source, length));
        let mut out = Vec::new();
        while !outgoing.is_finished() {
            let bytes = outgoing.next().map_err(|error| error.kind)?;
            let n = bytes.len().min(most);
            out.extend_from_slice(&bytes[..n]);
            outgoing.wrote(n);
        }
        Ok(String::from_utf8(out).expect("text"))
    }

    fn bytes(text: &str) -> Read {
        Read::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn a_body_goes_out_as_it_was_announced() {
        for most in 1..20 {
            let reads = || vec![bytes("abc"), Read::Block, Read::Block, bytes("0123456789abcdef0")];
            assert_eq!(all(reads(), Some(20), most).as_deref(), Ok("HEAD abc0123456789abcdef0"));
            assert_eq!(all(reads(), Some(5), most).as_deref(), Ok("HEAD abc01"), "no byte more than announced");
            assert_eq!(all(reads(), Some(0), most).as_deref(), Ok("HEAD "));
            let chunks = "HEAD 3\r\nabc\r\n11\r\n0123456789abcdef0\r\n0\r\n\r\n";
            assert_eq!(all(reads(), None, most).as_deref(), Ok(chunks));
            assert_eq!(all(vec![], None, most).as_deref(), Ok("HEAD 0\r\n\r\n"));
            assert_eq!(all(reads(), Some(21), most), Err(Kind::ReadLocal), "a file that has become shorter");
            assert_eq!(all(vec![Read::Fail(std::io::ErrorKind::Other)], None, most), Err(Kind::ReadLocal));
        }
    }

    #[test]
    fn the_head_and_what_is_there_leave_together() {
        let mut source = Stream::Scripted(Scripted::giving([bytes("abc"), Read::Block]));
        let mut outgoing = Outgoing::new(b"HEAD ".to_vec(), Body::Stream(&mut source, Some(5)));
        assert_eq!(outgoing.next(), Ok(&b"HEAD abc"[..]));
        assert!(outgoing.source_interest().is_none(), "what is pending comes first");
        outgoing.wrote(8);
        assert!(outgoing.source_interest().is_some() && !outgoing.is_finished());
        outgoing.stop();
        assert!(outgoing.is_finished());
        assert_eq!(Outgoing::new(b"HEAD ".to_vec(), Body::Bytes(b"abc")).next(), Ok(&b"HEAD abc"[..]));
    }
}
