//! The gzip frame (RFC 1952 §2.3): header, deflate data, CRC and length, and then perhaps the next member.
//!
//! Owns the frame, byte by byte, so that it can be cut anywhere. Names, comments and extra fields are read over and
//! bounded: they say nothing about the body. Refuses reserved flags, a wrong CRC or length, and bytes that start no
//! further member.
//!
//! ```text
//!        ┌──────────────────────── the next member ◀───────────────────────┐
//!        ▼                                                                 │
//!  ─▶ Fixed ─▶ ExtraLength ─▶ Extra ─▶ Name ─▶ Comment ─▶ Crc ─▶ Data ─▶ Trailer ─▶ (may end here)
//!               each of these only if its flag is set
//! ```

use flate2::Crc;

use super::inflate::{Inflate, Step};
use super::{CodingError, broken, until_data};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const FIXED: usize = 10;
const TRAILER: usize = 8;
/// The most bytes of name, comment and extra field of one member.
const MAX_EXTRA: usize = 64 * 1024;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// A gzip body that is being decoded.
#[derive(Debug, Default)]
pub(super) struct Gzip {
    part: Part,
    /// The flags of this member.
    flags: u8,
    /// Bytes of name, comment and extra field of this member.
    extra: usize,
    /// CRC of this member's header so far.
    header: Crc,
    members: u64,
}

#[derive(Debug)]
enum Part {
    Fixed { at: usize },
    ExtraLength { first: Option<u8> },
    Extra { left: u16 },
    Name,
    Comment,
    HeaderCrc { first: Option<u8> },
    Data(Box<Member>),
    Trailer { bytes: [u8; TRAILER], at: usize, crc: Crc },
}

#[derive(Debug)]
struct Member {
    inflate: Inflate,
    crc: Crc,
}

impl Default for Part {
    fn default() -> Self {
        Self::Fixed { at: 0 }
    }
}

impl Gzip {
    /// At the border behind a member; before the first one nothing is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.members > 0 && matches!(self.part, Part::Fixed { at: 0 })
    }

    /// Decodes into `piece` and gives how much, 0 if the input is used up.
    pub(super) fn decode(&mut self, input: &mut &[u8], piece: &mut [u8]) -> Result<usize, CodingError> {
        until_data(|| self.step(input, piece))
    }

    fn step(&mut self, input: &mut &[u8], piece: &mut [u8]) -> Result<Step, CodingError> {
        if let Part::Data(member) = &mut self.part {
            let step = member.inflate.step(input, piece)?;
            if let Step::Made(made) = step {
                member.crc.update(&piece[..made]);
            }
            if member.inflate.has_ended() {
                let crc = std::mem::take(&mut member.crc);
                self.part = Part::Trailer { bytes: [0; TRAILER], at: 0, crc };
            }
            return Ok(step);
        }
        let Some((&byte, rest)) = input.split_first() else { return Ok(Step::NeedMore) };
        *input = rest;
        self.frame(byte)?;
        Ok(Step::Again)
    }

    /// One byte of the frame.
    fn frame(&mut self, byte: u8) -> Result<(), CodingError> {
        if !matches!(self.part, Part::HeaderCrc { .. } | Part::Trailer { .. }) {
            self.header.update(&[byte]);
        }
        match &mut self.part {
            Part::Fixed { at } => {
                let at = *at;
                self.fixed(at, byte)?;
            }
            Part::ExtraLength { first: Some(low) } => {
                let left = u16::from_le_bytes([*low, byte]);
                self.begin_extra(left)?;
            }
            Part::ExtraLength { first } | Part::HeaderCrc { first: first @ None } => *first = Some(byte),
            Part::Extra { left } => {
                *left -= 1;
                if *left == 0 {
                    self.next_field(NAME);
                }
            }
            Part::Name => self.text(byte, COMMENT)?,
            Part::Comment => self.text(byte, HEADER_CRC)?,
            Part::HeaderCrc { first: Some(low) } => {
                let sent = u16::from_le_bytes([*low, byte]);
                self.header_crc(sent)?;
            }
            Part::Trailer { bytes, at, .. } => {
                bytes[*at] = byte;
                *at += 1;
                if *at == TRAILER {
                    self.end_member()?;
                }
            }
            // Its bytes are not the frame's.
            Part::Data(_) => {}
        }
        Ok(())
    }

    /// Magic number, method, flags, and what does not matter: time, level, system.
    fn fixed(&mut self, at: usize, byte: u8) -> Result<(), CodingError> {
        if MAGIC.get(at).is_some_and(|&wanted| wanted != byte) {
            let first = self.members == 0;
            return Err(broken(if first {
                "it is not gzip"
            } else {
                "there are bytes behind the end of its gzip data"
            }));
        }
        if at == MAGIC.len() {
            self.flags = byte;
            if byte & RESERVED != 0 {
                return Err(broken("its gzip header has flags that nobody knows"));
            }
        }
        self.part = Part::Fixed { at: at + 1 };
        if at + 1 == FIXED {
            self.next_field(EXTRA);
        }
        Ok(())
    }

    fn begin_extra(&mut self, left: u16) -> Result<(), CodingError> {
        self.spend(left.into())?;
        self.part = Part::Extra { left };
        if left == 0 {
            self.next_field(NAME);
        }
        Ok(())
    }

    /// Goes to the first optional field from `field` on that the flags announce, or to the data.
    fn next_field(&mut self, field: u8) {
        let order = [EXTRA, NAME, COMMENT, HEADER_CRC];
        let rest = order.iter().skip_while(|&&flag| flag != field);
        self.part = match rest.copied().find(|flag| self.flags & flag != 0) {
            Some(EXTRA) => Part::ExtraLength { first: None },
            Some(NAME) => Part::Name,
            Some(COMMENT) => Part::Comment,
            Some(_) => Part::HeaderCrc { first: None },
            None => Part::Data(Box::new(Member { inflate: Inflate::raw(), crc: Crc::new() })),
        };
    }

    /// A byte of a name or comment, which ends with NUL.
    fn text(&mut self, byte: u8, next: u8) -> Result<(), CodingError> {
        if byte == 0 {
            self.next_field(next);
            return Ok(());
        }
        self.spend(1)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), CodingError> {
        self.extra += bytes;
        if self.extra > MAX_EXTRA {
            return Err(CodingError::TooLarge(format!("its gzip header is over {MAX_EXTRA} bytes")));
        }
        Ok(())
    }

    /// RFC 1952 §2.3.1: the lower half of the CRC of all header bytes before it.
    fn header_crc(&mut self, sent: u16) -> Result<(), CodingError> {
        if self.header.sum() & 0xffff != u32::from(sent) {
            return Err(broken("its gzip header is damaged: the checksum differs"));
        }
        // Nothing stands behind the CRC.
        self.flags = 0;
        self.next_field(HEADER_CRC);
        Ok(())
    }

    fn end_member(&mut self) -> Result<(), CodingError> {
        let Part::Trailer { bytes: [a, b, c, d, length @ ..], crc, .. } = &self.part else { return Ok(()) };
        if crc.sum() != u32::from_le_bytes([*a, *b, *c, *d]) {
            return Err(broken("its gzip data is damaged: the checksum differs"));
        }
        // Both count modulo 2^32.
        if crc.amount() != u32::from_le_bytes(*length) {
            return Err(broken("its gzip data is damaged: the length differs"));
        }
        *self = Self { members: self.members + 1, ..Self::default() };
        Ok(())
    }
}
