//! Bytes ↔ values: the protocols that sockkit speaks, without a socket, a clock, a thread or a print.
//!
//! Owns one submodule a protocol, and [`escape`], the one way in which bytes from outside get into a line that
//! sockkit itself prints. Refuses to do I/O: slices go in, values and leftovers come out, "need more" is a value,
//! and an input that is split at any byte gives the same result (DESIGN §4.7).

mod ber;
pub mod calendar;
pub mod dns;
pub mod http;
pub mod ntp;
pub mod packet;
pub mod probe;
pub mod snmp;
pub mod starttls;
pub mod stun;

use std::fmt::Write;

/// A message without its newline: one LF, or one CR LF. A second one belongs to the message.
pub fn without_newline(message: &[u8]) -> &[u8] {
    let Some(line) = message.strip_suffix(b"\n") else { return message };
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Makes bytes from outside fit to print in one line of a terminal.
///
/// Takes any bytes (a banner, a header value, a host name) and gives printable text: what a terminal could obey or
/// what a reader could not see becomes a visible escape, `\n \r \t`, `\xNN` (other ASCII controls, bytes that are not
/// UTF-8) or `\u{…}` (C1 controls, bidi controls, invisible characters). Everything else, the backslash too, stays:
/// the text is for reading, it is not meant to be turned back into bytes.
///
/// ```
/// assert_eq!(sockkit::proto::escape(b"ok\x1b[2J\r\n\xff"), r"ok\x1b[2J\r\n\xff");
/// ```
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_char(&mut out, c));
        chunk.invalid().iter().for_each(|&b| push_byte(&mut out, b));
    }
    out
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' => push_byte(out, c as u8),
        c if is_hidden(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// Characters that a terminal obeys, or that change or hide text without being seen themselves.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Bidi controls (UAX #9): they can show a name backwards, so that it reads as another one.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Soft hyphen, zero-width characters, the byte order mark, invisible operators, annotation marks, tags.
            | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{180e}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
            // Line and paragraph separators: some programs break the line there.
            | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        let table: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain ASCII ~ \"quoted\"", "plain ASCII ~ \"quoted\""),
            (br"C:\dir\n", r"C:\dir\n"),
            (b"a\nb\rc\td", r"a\nb\rc\td"),
            (b"\0\x01\x07\x1b[31m\x7f", r"\x00\x01\x07\x1b[31m\x7f"),
            ("grüße 東京 🦀".as_bytes(), "grüße 東京 🦀"),
            ("\u{80}\u{85}\u{9b}".as_bytes(), r"\u{80}\u{85}\u{9b}"),
            (b"\xff\xc3", r"\xff\xc3"),
            (b"a\xe2\x82b", r"a\xe2\x82b"),
            // A surrogate and an overlong slash are not UTF-8.
            (b"\xed\xa0\x80\xc0\xaf", r"\xed\xa0\x80\xc0\xaf"),
            ("\u{61c}\u{200e}\u{200f}".as_bytes(), r"\u{61c}\u{200e}\u{200f}"),
            ("\u{202a}\u{202e}".as_bytes(), r"\u{202a}\u{202e}"),
            ("\u{2066}\u{2069}".as_bytes(), r"\u{2066}\u{2069}"),
            ("\u{200b}\u{200c}\u{200d}".as_bytes(), r"\u{200b}\u{200c}\u{200d}"),
            ("\u{2028}\u{2029}\u{feff}".as_bytes(), r"\u{2028}\u{2029}\u{feff}"),
            ("\u{ad}\u{2060}\u{e0041}".as_bytes(), r"\u{ad}\u{2060}\u{e0041}"),
        ];
        for (bytes, want) in table {
            assert_eq!(escape(bytes), *want, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(bytes: Vec<u8>) {
            prop_assert!(!escape(&bytes).chars().any(is_hidden));
        }

        #[test]
        fn escaping_twice_changes_nothing_more(bytes: Vec<u8>) {
            let once = escape(&bytes);
            prop_assert_eq!(escape(once.as_bytes()), once);
        }
    }

    #[test]
    fn one_newline_is_trimmed() {
        let table: [(&[u8], &[u8]); 9] = [
            (b"", b""),
            (b"a", b"a"),
            (b"a\n", b"a"),
            (b"a\r\n", b"a"),
            (b"a\n\n", b"a\n"),
            (b"a\r\n\r\n", b"a\r\n"),
            (b"a\r", b"a\r"),
            (b"\n", b""),
            (b" a \n", b" a "),
        ];
        for (message, text) in table {
            assert_eq!(without_newline(message), text, "{message:?}");
        }
    }
}
