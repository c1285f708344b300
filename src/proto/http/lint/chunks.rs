//! A chunked body read with indulgence: what a lax reader would let pass, and a strict one does not.
//!
//! Owns the grammar of RFC 9112 §7.1 as far as an indulgent reader can follow it. It holds one line of framing, cut,
//! and no data. When it can no longer tell framing from data it stops, and has said why.

use super::{Finding, Findings, Severity};
use crate::proto::http::chunked::{MAX_DIGITS, take};
use crate::proto::http::{excerpt, is_token, is_value, masked};

/// So much of a line is looked at; the rest of it is passed over.
const MAX_LINE: usize = 1024;
const NOT_IN_TRAILERS: [&str; 18] = [
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "expires",
    "host",
    "location",
    "retry-after",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "vary",
    "www-authenticate",
];

/// Watches the raw bytes of a chunked body, in pieces of any size: those that
/// [`Response::feed`](crate::proto::http::Response::feed) takes behind the head, or is given when it refuses them.
#[derive(Clone, Debug, Default)]
pub struct ChunkWatch {
    state: State,
    line: Vec<u8>,
    findings: Findings,
    /// Each kind of flaw is told once: a server does the same with each chunk.
    told: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data {
        left: u64,
    },
    DataEnd,
    Trailers,
    Done,
    Lost,
}

impl ChunkWatch {
    /// Looks at the next bytes of the body.
    pub fn feed(&mut self, mut input: &[u8]) {
        while !input.is_empty() && !matches!(self.state, State::Done | State::Lost) {
            input = match self.state {
                State::Data { left } => self.data(left, input),
                State::DataEnd => self.data_end(input),
                _ => self.line(input),
            };
        }
    }

    /// What was wrong up to here, in order.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut now = self.clone();
        now.begun_line();
        now.findings.told()
    }

    /// Judges a line that has not ended yet, as far as its end does not matter.
    fn begun_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        match self.state {
            State::Size if !line.is_empty() => self.size(text),
            // Behind a CR the name is over; before it, it may still get its colon.
            State::Trailers if text.len() < line.len() || !text.iter().copied().all(is_token) => self.trailer(text),
            _ => {}
        }
    }

    fn data<'i>(&mut self, left: u64, input: &'i [u8]) -> &'i [u8] {
        let (data, rest) = take(input, left);
        let left = left - data.len() as u64;
        self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
        rest
    }

    /// CR LF, or an LF alone; byte by byte.
    fn data_end<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let (byte, rest) = (input[0], &input[1..]);
        match (byte, &self.line[..]) {
            (b'\r', []) => self.line.push(byte),
            (b'\n', before) => {
                if before.is_empty() {
                    self.tell(Severity::Error, "RFC 9112 §7.1", "a chunk ends in LF without CR");
                }
                self.line.clear();
                self.state = State::Size;
            }
            _ => {
                let text = format!("{} stands where a chunk should end in CR LF", excerpt(&[byte]));
                self.lose("RFC 9112 §7.1", text);
            }
        }
        rest
    }

    fn line<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let end = input.iter().position(|&b| b == b'\n');
        let part = &input[..end.unwrap_or(input.len())];
        let cr_before = self.line.ends_with(b"\r") && !part.is_empty();
        if cr_before || part.split_last().is_some_and(|(_, before)| before.contains(&b'\r')) {
            self.tell(Severity::Error, "RFC 9112 §2.2", "the chunked framing holds a CR without LF");
        }
        let room = MAX_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        // The CR before the LF tells; it must not get lost in a line that is cut.
        if let (Some(b'\r'), Some(last)) = (part.last(), self.line.last_mut()) {
            *last = b'\r';
        }
        let Some(end) = end else { return &input[part.len()..] };
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if text.len() == line.len() {
            let what = "a line of the chunked framing ends in LF without CR";
            self.tell(Severity::Error, "RFC 9112 §7.1", what);
        }
        match self.state {
            State::Size => self.size(text),
            _ => self.trailer(text),
        }
        &input[end + 1..]
    }

    /// `1a;extension=value`
    fn size(&mut self, line: &[u8]) {
        let semicolon = line.iter().position(|&b| b == b';');
        let (size, extension) = line.split_at(semicolon.unwrap_or(line.len()));
        let digits = size.trim_ascii();
        if digits.len() < size.len() {
            self.tell(Severity::Error, "RFC 9112 §7.1", "a chunk size has white space around it");
        }
        if !extension.iter().copied().all(is_value) {
            self.tell(Severity::Error, "RFC 9112 §7.1.1", "a chunk extension holds a control character");
        } else if semicolon.is_some() {
            self.tell(Severity::Note, "RFC 9112 §7.1.1", "the chunks have extensions");
        }
        if digits.len() > MAX_DIGITS.into() {
            self.tell(Severity::Warning, "RFC 9112 §7.1", "a chunk size has more digits than any size needs");
        }
        match hexadecimal(digits) {
            Some(0) => self.state = State::Trailers,
            Some(left) => self.state = State::Data { left },
            None => self.lose("RFC 9112 §7.1", format!("the chunk size {} is no hexadecimal number", excerpt(size))),
        }
    }

    fn trailer(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.state = State::Done;
            return;
        }
        let shown = excerpt(&masked(line));
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            self.findings.error("RFC 9112 §7.1.2", format!("the trailer {shown} has no colon"));
            return;
        };
        let (name, value) = line.split_at(colon);
        if name.is_empty() || !name.iter().copied().all(is_token) {
            self.findings.error("RFC 9110 §5.1", format!("the trailer {shown} has no valid name"));
        } else if NOT_IN_TRAILERS.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes())) {
            self.findings.error("RFC 9110 §6.5.1", format!("the trailer {} may not be one", excerpt(name)));
        }
        if !value.iter().copied().all(is_value) {
            self.findings.error("RFC 9110 §5.5", format!("the trailer {} holds a control character", excerpt(name)));
        }
    }

    /// Tells a flaw unless it was told before.
    fn tell(&mut self, severity: Severity, section: &'static str, what: &'static str) {
        if !self.told.contains(&what) {
            self.told.push(what);
            self.findings.push(severity, section, what.to_owned());
        }
    }

    fn lose(&mut self, section: &'static str, text: String) {
        self.findings.error(section, text);
        self.state = State::Lost;
    }
}

/// Up to 16 significant digits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u64::from_str_radix(text, 16).ok()
}
