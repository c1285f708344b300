//! Deflate data (RFC 1951), bare or in its zlib frame (RFC 1950).
//!
//! Owns the guess between the two, which servers force on clients: `deflate` means zlib (RFC 9110 §8.4.1.2), and
//! some send it raw. Refuses a preset dictionary and whatever stands behind the end.

use flate2::{Decompress, FlushDecompress, Status};

use super::{CodingError, broken};

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It wrote so many bytes, never 0.
    Made(usize),
    /// It took something that has no output of its own.
    Again,
    /// The input is used up.
    NeedMore,
}

/// A deflate stream that is being decoded.
#[derive(Debug)]
pub(super) struct Inflate {
    inner: Decompress,
    ended: bool,
}

impl Inflate {
    /// Raw deflate data.
    pub(super) fn raw() -> Self {
        Self::new(false)
    }

    fn new(zlib: bool) -> Self {
        Self { inner: Decompress::new(zlib), ended: false }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes from `input` and writes into `piece`; behind the end it takes nothing.
    pub(super) fn step(&mut self, input: &mut &[u8], piece: &mut [u8]) -> Result<Step, CodingError> {
        if self.ended {
            return Ok(Step::NeedMore);
        }
        let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
        let status = self.inner.decompress(input, piece, FlushDecompress::None);
        let status = status.map_err(|_| broken("its compressed data is damaged"))?;
        let (took, made) = (self.inner.total_in() - before_in, self.inner.total_out() - before_out);
        // Neither can be more than the slices that were given.
        let (took, made) = (usize::try_from(took).unwrap_or(0), usize::try_from(made).unwrap_or(0));
        *input = &input[took..];
        self.ended = status == Status::StreamEnd;
        match (made, took) {
            (0, 0) if !input.is_empty() && !self.ended => Err(broken("its compressed data is damaged")),
            (0, _) if self.ended || !input.is_empty() => Ok(Step::Again),
            (0, _) => Ok(Step::NeedMore),
            (made, _) => Ok(Step::Made(made)),
        }
    }
}

/// A body with the coding `deflate`.
#[derive(Debug, Default)]
pub(super) struct Deflate {
    /// The first byte, while the second is waited for.
    first: Option<u8>,
    stream: Option<Inflate>,
}

impl Deflate {
    pub(super) fn is_complete(&self) -> bool {
        self.stream.as_ref().is_some_and(Inflate::has_ended)
    }

    pub(super) fn step(&mut self, input: &mut &[u8], piece: &mut [u8]) -> Result<Step, CodingError> {
        let Some(stream) = &mut self.stream else { return self.start(input, piece) };
        if stream.has_ended() && !input.is_empty() {
            return Err(broken("there are bytes behind the end of its compressed data"));
        }
        stream.step(input, piece)
    }

    /// Two bytes tell the forms apart.
    fn start(&mut self, input: &mut &[u8], piece: &mut [u8]) -> Result<Step, CodingError> {
        let Some((&byte, rest)) = input.split_first() else { return Ok(Step::NeedMore) };
        *input = rest;
        let Some(first) = self.first else {
            self.first = Some(byte);
            return Ok(Step::Again);
        };
        let stream = self.stream.insert(Inflate::new(is_zlib(first, byte)));
        // No stream is shorter: both are taken, and what follows is still to come.
        match stream.step(&mut &[first, byte][..], piece)? {
            Step::NeedMore => Ok(Step::Again),
            step => Ok(step),
        }
    }
}

/// RFC 1950 §2.2: method 8, a window of at most 32 KiB, a check that makes both a multiple of 31. Raw data starts
/// so only with a stored block whose padding is not zero, which no encoder writes.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)).is_multiple_of(31)
}
