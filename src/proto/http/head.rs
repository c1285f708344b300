//! The head of a response: bytes, perhaps one at a time → status, fields, and the raw bytes for `-i`.
//!
//! Owns the limits on a head and the strict reading of its lines (RFC 9112 §2.2, §4, §5). httparse does the grammar;
//! it is lax where a middlebox may read otherwise than we do, so these are refused before it sees them: bare LF,
//! empty lines before the status line, NUL anywhere (RFC 9112 §2.2), folded lines (§5.2), other HTTP versions.
//! Each byte is looked at once when it comes and once by httparse when the head is complete: a dripping server
//! costs no more than a fast one. A wrong first byte is reported at once, not at the end of the line.

use std::fmt;

use super::masked::lines;
use super::{HttpError, excerpt, is_token, malformed, masked};

/// The largest head in bytes, from the status line to the empty line.
pub const MAX_HEAD: usize = 300 * 1024;
/// The most header lines in a head, the status line not counted.
pub const MAX_FIELDS: usize = 1000;

const START: &[u8] = b"HTTP/1.";

/// The version in a status line (RFC 9112 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        })
    }
}

/// One header line of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// A token, in the server's spelling.
    pub name: String,
    /// Without the white space around it; any bytes but controls. Escape it before printing.
    pub value: Vec<u8>,
}

/// A complete head (RFC 9112 §4, §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// 100 to 999; what is over 599 is to be taken as 5xx (RFC 9110 §15).
    pub status: u16,
    /// Often empty, never meaningful. Escape it before printing.
    pub reason: Vec<u8>,
    /// In the server's order.
    pub fields: Vec<Field>,
    /// The head exactly as it was received, its empty line included.
    pub raw: Vec<u8>,
}

impl ResponseHead {
    /// The values of all fields of that name, in order, compared without regard to case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| &f.value[..])
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| &f.value[..])
    }

    /// Where this response redirects to: the `Location` of a 301, 302, 303, 307 or 308 (RFC 9110 §15.4).
    #[must_use]
    pub fn redirect(&self) -> Option<&[u8]> {
        matches!(self.status, 301..=303 | 307 | 308).then(|| self.get("location"))?
    }

    /// Whether the server keeps the connection for another request (RFC 9112 §9.3), once the body has said its own end.
    #[must_use]
    pub fn keeps_connection(&self) -> bool {
        let lists = |option: &str| {
            let mut items = self.all("connection").flat_map(|value| value.split(|&b| b == b','));
            items.any(|item| item.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
        };
        match self.version {
            Version::Http11 => !lists("close"),
            Version::Http10 => lists("keep-alive") && !lists("close"),
        }
    }
}

/// Collects one head after the other from pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct HeadReader {
    raw: Vec<u8>,
    /// Bytes looked at; the same as the head's length so far.
    scanned: usize,
    /// Bytes in the line so far, CR not counted.
    line: usize,
    /// Lines complete so far, the status line included.
    lines: usize,
    last: u8,
}

impl HeadReader {
    /// Takes bytes from the front of `input` up to the end of the head and leaves the rest there.
    ///
    /// Gives the head once it is complete (the reader is then ready for the next one), or `None`, with `input` empty,
    /// if more is needed.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] or [`HttpError::TooLarge`]; the reader is of no use after that.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<ResponseHead>, HttpError> {
        let given = *input;
        for (at, &byte) in given.iter().enumerate() {
            if self.ends_with(byte)? {
                let (head, rest) = given.split_at(at + 1);
                *input = rest;
                let mut done = std::mem::take(self);
                done.raw.extend_from_slice(head);
                return parse(done.raw, done.lines.saturating_sub(1)).map(Some);
            }
        }
        self.raw.extend_from_slice(given);
        *input = &[];
        Ok(None)
    }

    /// True if no byte of a head has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scanned == 0
    }

    /// Looks at the next byte; true if it is the head's last.
    fn ends_with(&mut self, byte: u8) -> Result<bool, HttpError> {
        check_start(self.scanned, byte)?;
        self.scanned += 1;
        if self.scanned > MAX_HEAD {
            return Err(HttpError::TooLarge(format!("its head is over {MAX_HEAD} bytes")));
        }
        match (std::mem::replace(&mut self.last, byte), byte) {
            (b'\r', b'\n') => return self.end_line(),
            (b'\r', _) => return Err(malformed("a CR without LF in the head")),
            (_, b'\n') => return Err(malformed("a line in the head ends in LF without CR")),
            (_, 0) => return Err(malformed("a NUL byte in the head")),
            (_, b' ' | b'\t') if self.line == 0 => {
                return Err(malformed("a header line begins with white space (obsolete folding)"));
            }
            (_, b'\r') => {}
            _ => self.line += 1,
        }
        Ok(false)
    }

    fn end_line(&mut self) -> Result<bool, HttpError> {
        if self.line == 0 {
            return Ok(true);
        }
        self.line = 0;
        self.lines += 1;
        if self.lines > MAX_FIELDS + 1 {
            return Err(HttpError::TooLarge(format!("its head has over {MAX_FIELDS} header lines")));
        }
        Ok(false)
    }
}

/// Ends the wait for a line end that a server of another protocol may never send.
fn check_start(at: usize, byte: u8) -> Result<(), HttpError> {
    match START.get(at) {
        Some(&wanted) if byte != wanted => {
            let seen = [&START[..at], &[byte]].concat();
            Err(malformed(format!("it begins with {}, not with HTTP/1.0 or HTTP/1.1", excerpt(&seen))))
        }
        _ => Ok(()),
    }
}

fn parse(raw: Vec<u8>, fields: usize) -> Result<ResponseHead, HttpError> {
    let mut slots = vec![httparse::EMPTY_HEADER; fields];
    let mut head = httparse::Response::new(&mut slots);
    let parsed = head.parse(&raw).map_err(|e| blame(&raw, e))?;
    let (true, Some(version), Some(status)) = (parsed.is_complete(), head.version, head.code) else {
        return Err(malformed("its head is not complete"));
    };
    if status < 100 {
        return Err(malformed(format!("the status code is {status:03}")));
    }
    let fields = head.headers.iter().map(|h| Field { name: h.name.to_owned(), value: h.value.to_vec() }).collect();
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    // httparse gives "" for a reason with bytes over 127.
    let reason = lines(&raw).next().and_then(|line| line.get(b"HTTP/1.1 200 ".len()..)).unwrap_or_default().to_vec();
    Ok(ResponseHead { version, status, reason, fields, raw })
}

/// httparse says what is wrong, not where: find the line, so that the user can.
fn blame(raw: &[u8], error: httparse::Error) -> HttpError {
    match error {
        httparse::Error::Version | httparse::Error::Status | httparse::Error::NewLine => {
            let line = lines(raw).next().unwrap_or_default();
            malformed(format!("the status line is {}", excerpt(line)))
        }
        _ => lines(raw).skip(1).find_map(fault).unwrap_or_else(|| malformed(format!("its head: {error}"))),
    }
}

fn fault(line: &[u8]) -> Option<HttpError> {
    let colon = line.iter().position(|&b| b == b':');
    let what = match colon.map(|at| &line[..at]) {
        None if line.is_empty() => return None,
        None => "has no colon",
        Some(b"") => "has no name",
        Some(name) if name.ends_with(b" ") || name.ends_with(b"\t") => "has white space before its colon",
        Some(name) if !name.iter().copied().all(is_token) => "has a character in its name that none may have",
        Some(name) if !line[name.len()..].iter().copied().all(super::is_value) => "has a control character in it",
        Some(_) => return None,
    };
    Some(malformed(format!("the header line {} {what}", excerpt(&masked(line)))))
}

#[cfg(test)]
mod tests;
