//! The hex dump: bytes as rows for the eye, or under --json as objects.
//!
//! ```text
//!     0.001250 > 00000000  47 45 54 20 2f 0d 0a                              |GET /..|
//!     0.001933 < 00000000  3c 68 74 6d 6c 3e 0a 3c  68 65 61 64 3e 0a 3c 74  |<html>.<head>.<t|
//! ```
//! or of datagrams, with their senders:
//! ```text
//!     0.001250 < 7 bytes from 127.0.0.1:40000
//!     0.001250 < 00000000  47 45 54 20 2f 0d 0a                              |GET /..|
//! ```
//! Seconds since the start of the run, direction (`>` sent, `<` received), offset in that direction or datagram, sixteen bytes,
//! and those of them that are printable ASCII. Owns the offsets. Refuses to write: the caller knows where to.

use std::time::Duration;

use serde_json::Value;

use crate::event::{Shown, Side};
use crate::proto::escape;

/// Bytes a row.
const WIDTH: usize = 16;

/// Bytes in the middle of a row stand a little apart.
const HALF: usize = WIDTH / 2;

/// Two digits and a space a byte, and the gap.
const COLUMNS: usize = WIDTH * 3 + 1;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How rows look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For the eye.
    Text,
    /// One object a row.
    Json,
}

/// A dump of both directions of a session.
#[derive(Debug)]
pub struct Dump {
    style: Style,
    sent: u64,
    received: u64,
    rows: Vec<u8>,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Since the start of the run.
    pub time: Duration,
    /// Where the bytes came from.
    pub from: Side,
    /// How many bytes came from there before.
    pub offset: u64,
    /// Sixteen at the most.
    pub bytes: &'a [u8],
}

impl Dump {
    /// A dump that begins at offset 0 in both directions.
    pub fn new(style: Style) -> Self {
        Dump { style, sent: 0, received: 0, rows: Vec::new() }
    }

    /// The rows of the next `bytes` from `from`, which moved at `time`. A row ends with them: what moved later must not
    /// seem to have moved now.
    pub fn rows(&mut self, time: Duration, from: Side, bytes: &[u8]) -> &[u8] {
        let offset = if from == Side::Local { &mut self.sent } else { &mut self.received };
        self.rows.clear();
        for bytes in bytes.chunks(WIDTH) {
            let row = Row { time, from, offset: *offset, bytes };
            match self.style {
                Style::Text => push_text(&mut self.rows, row),
                Style::Json => push_json(&mut self.rows, row),
            }
            *offset += bytes.len() as u64;
        }
        &self.rows
    }

    /// The rows of a datagram that came from `from` at `time`; its offsets begin at 0.
    pub fn datagram(&mut self, time: Duration, from: Shown<'_>, bytes: &[u8]) -> &[u8] {
        self.rows.clear();
        let whom = escape(from.to_string().as_bytes());
        let rows = bytes.chunks(WIDTH).zip((0..).step_by(WIDTH));
        let rows = rows.map(|(bytes, offset)| Row { time, from: Side::Peer, offset, bytes });
        match self.style {
            Style::Text => {
                push_time(&mut self.rows, time, 4);
                self.rows.extend_from_slice(format!(" < {} bytes from {whom}\n", bytes.len()).as_bytes());
                rows.for_each(|row| push_text(&mut self.rows, row));
            }
            Style::Json => {
                // Without its last brace, and with the sender before that of each row.
                let sender = format!(r#","from":{}}}"#, Value::from(whom));
                let empty = bytes.is_empty().then_some(Row { time, from: Side::Peer, offset: 0, bytes });
                for row in empty.into_iter().chain(rows) {
                    push_json(&mut self.rows, row);
                    self.rows.truncate(self.rows.len() - 2);
                    self.rows.extend_from_slice(sender.as_bytes());
                    self.rows.push(b'\n');
                }
            }
        }
        &self.rows
    }
}

/// Appends `row` for the eye. Allocates nothing as long as `out` has room.
pub fn push_text(out: &mut Vec<u8>, row: Row<'_>) {
    push_time(out, row.time, 4);
    out.extend_from_slice(if row.from == Side::Local { b" > " } else { b" < " });
    push_offset(out, row.offset);
    out.extend_from_slice(b"  ");
    let mut columns = [b' '; COLUMNS];
    for (place, &byte) in row.bytes.iter().enumerate().take(WIDTH) {
        let column = place * 3 + usize::from(place >= HALF);
        columns[column..column + 2].copy_from_slice(&digits(byte));
    }
    out.extend_from_slice(&columns);
    out.extend_from_slice(b" |");
    out.extend(row.bytes.iter().map(|&byte| if matches!(byte, b' '..=b'~') { byte } else { b'.' }));
    out.extend_from_slice(b"|\n");
}

/// Appends `row` as an object. By hand: `serde_json` would build a map a row.
fn push_json(out: &mut Vec<u8>, row: Row<'_>) {
    out.extend_from_slice(br#"{"event":"hex","time":"#);
    push_time(out, row.time, 1);
    out.extend_from_slice(br#","direction":""#);
    out.extend_from_slice(if row.from == Side::Local { b"sent" } else { b"received" });
    out.extend_from_slice(br#"","offset":"#);
    push_decimal(out, row.offset, 1, b'0');
    out.extend_from_slice(br#","hex":""#);
    out.extend(row.bytes.iter().flat_map(|&byte| digits(byte)));
    out.extend_from_slice(b"\"}\n");
}

fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Seconds and microseconds.
fn push_time(out: &mut Vec<u8>, time: Duration, width: usize) {
    push_decimal(out, time.as_secs(), width, b' ');
    out.push(b'.');
    push_decimal(out, u64::from(time.subsec_micros()), 6, b'0');
}

/// Eight digits, or sixteen where those don't do.
fn push_offset(out: &mut Vec<u8>, offset: u64) {
    let bytes = offset.to_be_bytes();
    let needed = if offset > u64::from(u32::MAX) { &bytes[..] } else { &bytes[4..] };
    out.extend(needed.iter().flat_map(|&byte| digits(byte)));
}

fn push_decimal(out: &mut Vec<u8>, mut number: u64, width: usize, fill: u8) {
    let mut text = [fill; 20];
    let mut place = text.len();
    while number > 0 || place == text.len() {
        place -= 1;
        text[place] = DIGITS[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
    }
    out.extend_from_slice(&text[place.min(text.len() - width)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: Row<'_>) -> String {
        let mut out = Vec::new();
        push_text(&mut out, row);
        String::from_utf8(out).expect("rows are ASCII")
    }

    #[test]
    fn rows_for_the_eye() {
        let full =
            Row { time: Duration::from_micros(1_250), from: Side::Local, offset: 0, bytes: b"GET / HTTP/1.1\r\n" };
        let short = Row { time: Duration::from_secs(12_345), from: Side::Peer, offset: 0x1f0, bytes: b"\x00\x7f~" };
        let far = Row { offset: 1 << 32, bytes: b"\xff12345678", ..full };
        let table = [
            (full, "   0.001250 > 00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"),
            (short, "12345.000000 < 000001f0  00 7f 7e                                          |..~|\n"),
            (far, "   0.001250 > 0000000100000000  ff 31 32 33 34 35 36 37  38                       |.12345678|\n"),
        ];
        for (row, wanted) in table {
            assert_eq!(text(row), wanted);
        }
    }

    #[test]
    fn each_direction_counts_its_own_offsets_and_a_piece_begins_a_row() {
        let mut dump = Dump::new(Style::Text);
        let mut all = Vec::new();
        for (from, bytes) in [(Side::Local, &b"seventeen bytes.."[..]), (Side::Peer, b"ab"), (Side::Local, b"c")] {
            all.extend_from_slice(dump.rows(Duration::ZERO, from, bytes));
        }
        let all = String::from_utf8(all).expect("rows are ASCII");
        let heads: Vec<_> = all.lines().map(|line| &line[12..25]).collect();
        assert_eq!(heads, ["> 00000000  7", "> 00000010  2", "< 00000000  6", "> 00000011  6"]);
    }

    #[test]
    fn objects() {
        let mut dump = Dump::new(Style::Json);
        let rows = dump.rows(Duration::from_micros(2_000_010), Side::Peer, b"\"\\\n").to_vec();
        let wanted = br#"{"event":"hex","time":2.000010,"direction":"received","offset":0,"hex":"225c0a"}"#;
        assert_eq!(rows.strip_suffix(b"\n"), Some(&wanted[..]));
        let read: serde_json::Value = serde_json::from_slice(&rows).expect("it is JSON");
        assert_eq!(read["hex"], "225c0a");
    }

    #[test]
    fn datagrams_have_their_senders_and_begin_at_0() {
        let mut dump = Dump::new(Style::Text);
        let time = Duration::from_micros(1_250);
        let mut all = dump.datagram(time, &"192.0.2.1:9", &[b'a'; 17]).to_vec();
        all.extend_from_slice(dump.datagram(time, &"unix:\x1b", b""));
        let lines = String::from_utf8(all).expect("rows are ASCII");
        let wanted = "   0.001250 < 17 bytes from 192.0.2.1:9\n   \
            0.001250 < 00000000  61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|\n   \
            0.001250 < 00000010  61                                                |a|\n   \
            0.001250 < 0 bytes from unix:\\x1b\n";
        assert_eq!(lines, wanted);

        let mut dump = Dump::new(Style::Json);
        for (bytes, hex) in [(&b"\x01"[..], "01"), (b"", "")] {
            let read: Value = serde_json::from_slice(dump.datagram(time, &"unix:\"", bytes)).expect("it is JSON");
            assert_eq!((&read["from"], &read["hex"], &read["offset"]), (&"unix:\"".into(), &hex.into(), &0.into()));
        }
    }

    #[test]
    fn every_byte_has_its_digits_and_only_printable_ones_a_character() {
        for byte in 0..=255_u8 {
            let line = text(Row { time: Duration::ZERO, from: Side::Peer, offset: 0, bytes: &[byte] });
            let shown = if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
            assert!(line.contains(&format!("  {byte:02x} ")) && line.ends_with(&format!("|{shown}|\n")), "{line}");
        }
    }
}
