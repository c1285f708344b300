//! Content decoding for a response that was asked for compressed: gzip (RFC 1952), and `deflate` as zlib (RFC 1950)
//! or, as some servers have it, raw (RFC 1951).
//!
//! Owns which codings are known (RFC 9110 §8.4), the frames around the deflate data, and two caps on what comes out:
//! a size, and a ratio to what came in, so that a small answer cannot fill a disk. flate2 does the deflate data.
//! Refuses a second layer, a stream that is cut, damage that a checksum tells, and bytes behind the end; several
//! gzip members one after the other are one body (RFC 1952 §2.2). A body of no bytes at all is an empty one: servers
//! name a coding on empty answers, and the framing vouches for their end.
//!
//! ```
//! use sockkit::proto::http::coding::{Coding, Decoder, Limits, Piece};
//!
//! let coding = Coding::of([&b"deflate"[..]].into_iter())?;
//! let mut decoder = Decoder::new(coding, Limits::default());
//! let mut input: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15";
//! assert_eq!(decoder.feed(&mut input)?, Piece::Data(b"hello"));
//! assert_eq!(decoder.feed(&mut input)?, Piece::NeedMore);
//! decoder.end_of_input()?;
//! # Ok::<(), sockkit::proto::http::coding::CodingError>(())
//! ```

mod gzip;
mod inflate;

use std::fmt;

use super::excerpt;
use crate::error::Kind;
use gzip::Gzip;
use inflate::{Deflate, Step};

/// The value of an `Accept-Encoding` field that asks for what is known here.
pub const ACCEPT: &str = "gzip, deflate";

/// The size of the largest piece that is given out.
const PIECE: usize = 64 * 1024;

/// The coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip`, `x-gzip`
    Gzip,
    /// `deflate`, in its zlib or its raw form
    Deflate,
}

impl Coding {
    /// The coding that all the `Content-Encoding` values of a head name together.
    ///
    /// # Errors
    /// [`CodingError::Encoding`] for more than one layer and for codings that are not known.
    pub fn of<'v>(values: impl Iterator<Item = &'v [u8]>) -> Result<Self, CodingError> {
        let mut layers = values
            .flat_map(|value| value.split(|&b| b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let Some(name) = layers.next() else { return Ok(Self::Identity) };
        if let Some(second) = layers.next() {
            let names = excerpt(&[name, b", ", second].concat());
            return Err(broken(format!("it has more than one layer: {names}")));
        }
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"deflate" => Ok(Self::Deflate),
            _ => Err(broken(format!("{} is not a coding that was asked for", excerpt(name)))),
        }
    }
}

/// The most that may come out of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in all.
    pub output: u64,
    /// So many bytes for each byte that came in. Deflate can reach 1032.
    pub ratio: u64,
    /// So many bytes are not held against the ratio: short bodies of one letter are no attack.
    pub free: u64,
}

impl Default for Limits {
    /// 4 GiB in all, and behind the first 32 MiB not over 200 bytes for one.
    fn default() -> Self {
        Self { output: 4 << 30, ratio: 200, free: 32 << 20 }
    }
}

/// Why a body cannot be decoded. What was given out before stays good. The texts inside are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodingError {
    /// The coding is unknown, or the data is damaged, cut or followed by something else (exit code 61).
    Encoding(String),
    /// A cap on the output was passed (exit code 63).
    TooLarge(String),
}

impl CodingError {
    /// What the exit table reads.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Encoding(_) => Kind::Encoding,
            Self::TooLarge(_) => Kind::TooLarge,
        }
    }
}

impl fmt::Display for CodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(why) => write!(f, "bad content encoding: {why}"),
            Self::TooLarge(what) => write!(f, "the body is too large: {what}"),
        }
    }
}

impl std::error::Error for CodingError {}

fn broken(why: impl Into<String>) -> CodingError {
    CodingError::Encoding(why.into())
}

/// What came of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'d> {
    /// Decoded bytes, 1 to 65,536 of them.
    Data(&'d [u8]),
    /// The input is used up; feed more when it comes, or call [`Decoder::end_of_input`].
    NeedMore,
}

/// Decodes one body, in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    limits: Limits,
    /// Bytes taken and given so far.
    taken: u64,
    given: u64,
    piece: Vec<u8>,
    failed: Option<CodingError>,
}

#[derive(Debug)]
enum Format {
    Identity,
    Gzip(Gzip),
    Deflate(Deflate),
}

impl Decoder {
    /// A decoder for one body. It holds one piece and the 32 KiB window of deflate, whatever the body's size.
    #[must_use]
    pub fn new(coding: Coding, limits: Limits) -> Self {
        let format = match coding {
            Coding::Identity => Format::Identity,
            Coding::Gzip => Format::Gzip(Gzip::default()),
            Coding::Deflate => Format::Deflate(Deflate::default()),
        };
        Self { format, limits, taken: 0, given: 0, piece: vec![0; PIECE], failed: None }
    }

    /// Takes bytes from the front of `input`, leaves the rest there, and gives what they decode to.
    ///
    /// Call it again, with an empty input too, until it gives [`Piece::NeedMore`].
    ///
    /// # Errors
    /// See [`CodingError`]; once it has failed it stays failed, with the same error.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Piece<'_>, CodingError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.decode(input).and_then(|made| self.within_limits(made)) {
            Ok(0) => Ok(Piece::NeedMore),
            Ok(made) => Ok(Piece::Data(&self.piece[..made])),
            Err(error) => Err(self.failed.insert(error).clone()),
        }
    }

    /// Says what it means that the body has ended, with all of it fed before.
    ///
    /// # Errors
    /// [`CodingError::Encoding`] if the compressed data is not complete, or the error that `feed` gave.
    pub fn end_of_input(&self) -> Result<(), CodingError> {
        let complete = match &self.format {
            Format::Identity => true,
            Format::Gzip(gzip) => gzip.is_complete(),
            Format::Deflate(deflate) => deflate.is_complete(),
        };
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if complete || self.taken == 0 => Ok(()),
            None => Err(broken("the body ends inside its compressed data")),
        }
    }

    /// Bytes given out so far.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.given
    }

    /// Fills the piece; 0 if the input is used up and nothing came of it.
    fn decode(&mut self, input: &mut &[u8]) -> Result<usize, CodingError> {
        let offered = input.len();
        let made = match &mut self.format {
            Format::Identity => Ok(copy(input, &mut self.piece)),
            Format::Gzip(gzip) => gzip.decode(input, &mut self.piece),
            Format::Deflate(deflate) => until_data(|| deflate.step(input, &mut self.piece)),
        };
        self.taken += (offered - input.len()) as u64;
        made
    }

    fn within_limits(&mut self, made: usize) -> Result<usize, CodingError> {
        let Limits { output, ratio, free } = self.limits;
        self.given += made as u64;
        if self.given > output {
            return Err(CodingError::TooLarge(format!("it decodes to over {output} bytes")));
        }
        if self.given > free.saturating_add(self.taken.saturating_mul(ratio)) {
            return Err(CodingError::TooLarge(format!("it decodes to over {ratio} times its size")));
        }
        Ok(made)
    }
}

fn copy(input: &mut &[u8], piece: &mut [u8]) -> usize {
    let (now, rest) = input.split_at(input.len().min(piece.len()));
    piece[..now.len()].copy_from_slice(now);
    *input = rest;
    now.len()
}

/// Steps over what makes no output, such as frames, until there is some or the input is used up.
fn until_data(mut step: impl FnMut() -> Result<Step, CodingError>) -> Result<usize, CodingError> {
    loop {
        match step()? {
            Step::Made(made) => return Ok(made),
            Step::NeedMore => return Ok(0),
            Step::Again => {}
        }
    }
}

#[cfg(test)]
mod tests;
