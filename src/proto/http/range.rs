//! Parts of a resource: what --range asks for, what --continue asks for, and whether the answer fits (RFC 9110 §14).
//!
//! Owns the grammar of the option (curl's), of `Content-Range`, and the judgement on a 206 or a 416. Refuses ranges
//! that no resource has (`9-5`, `-0`), and answers that are another part than was asked for: bytes that are appended
//! at the wrong place are a broken file that looks whole.

use std::fmt;

use super::date::HttpDate;
use super::{HttpError, excerpt, malformed};

/// More ranges than this in one request are an attack on the server (RFC 9110 §17.15), or a mistake.
const MAX_RANGES: usize = 100;

/// One range of bytes; the first byte is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From the byte `first` up to and with `last`, or to the end.
    From {
        /// The first byte.
        first: u64,
        /// The last byte; `None` for all that follows.
        last: Option<u64>,
    },
    /// So many bytes at the end, at least 1.
    Last(u64),
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From { first, last: Some(last) } => write!(f, "{first}-{last}"),
            Self::From { first, last: None } => write!(f, "{first}-"),
            Self::Last(count) => write!(f, "-{count}"),
        }
    }
}

/// The value of a `Range` field, which is how it is shown: `bytes=0-499,-500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Reads the value of --range: `0-499`, `500-`, `-500`, several with commas between them.
    ///
    /// # Errors
    /// Says what is wrong with it (exit code 2).
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let ranges: Vec<_> = text.split(',').map(range).collect::<Result<_, _>>()?;
        if ranges.len() > MAX_RANGES {
            return Err(RangeError::TooMany);
        }
        Ok(Self(ranges))
    }

    /// All behind the first `have` bytes, as --continue asks.
    #[must_use]
    pub fn behind(have: u64) -> Self {
        Self(vec![Range::From { first: have, last: None }])
    }

    /// The range, if it is one alone: then a 206 has a `Content-Range`, and else it is `multipart/byteranges`.
    #[must_use]
    pub fn single(&self) -> Option<Range> {
        match self.0[..] {
            [one] => Some(one),
            _ => None,
        }
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes=")?;
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Ranges {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        Self::parse(text)
    }
}

/// Why the value of --range is refused (exit code 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// Not `FIRST-LAST`, `FIRST-` or `-COUNT`.
    Form,
    /// The first byte lies behind the last one.
    Backwards,
    /// `-0`
    Nothing,
    /// A number that does not fit into 64 bits.
    Number,
    /// Over 100 ranges.
    TooMany,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a range is written FIRST-LAST, FIRST- or -COUNT (bytes, from 0), several with commas",
            Self::Backwards => "the range's first byte lies behind its last",
            Self::Nothing => "a range of the last 0 bytes holds nothing",
            Self::Number => "the range's number is too large",
            Self::TooMany => "more than 100 ranges",
        })
    }
}

impl std::error::Error for RangeError {}

fn range(text: &str) -> Result<Range, RangeError> {
    match text.split_once('-').ok_or(RangeError::Form)? {
        ("", "") => Err(RangeError::Form),
        ("", count) => match typed(count)? {
            0 => Err(RangeError::Nothing),
            count => Ok(Range::Last(count)),
        },
        (first, "") => Ok(Range::From { first: typed(first)?, last: None }),
        (first, last) => {
            let (first, last) = (typed(first)?, typed(last)?);
            if first > last {
                return Err(RangeError::Backwards);
            }
            Ok(Range::From { first, last: Some(last) })
        }
    }
}

fn typed(digits: &str) -> Result<u64, RangeError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RangeError::Form);
    }
    digits.parse().map_err(|_| RangeError::Number)
}

/// A `Content-Range` (RFC 9110 §14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 0-499/1234`, or `/*` if the complete length is not known.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte, not before the first.
        last: u64,
        /// The length of the whole, over `last`.
        complete: Option<u64>,
    },
    /// `bytes */1234`: nothing of what was asked for is there.
    Unsatisfied {
        /// The length of the whole.
        complete: u64,
    },
}

impl ContentRange {
    /// Reads the field's value.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] for another unit than bytes, for what is no range, and for what lies behind the end.
    pub fn parse(value: &[u8]) -> Result<Self, HttpError> {
        let read = str::from_utf8(value).ok().and_then(content_range);
        read.ok_or_else(|| malformed(format!("the Content-Range {}", excerpt(value))))
    }

    /// Bytes of the part; 0 if there is none.
    #[must_use]
    pub fn length(self) -> u64 {
        match self {
            // Only 0-18446744073709551615 has one more; no transfer has.
            Self::Part { first, last, .. } => (last - first).saturating_add(1),
            Self::Unsatisfied { .. } => 0,
        }
    }

    /// Checks a 206 against the one range that was asked for. A server may send less of it than there is (RFC 9110
    /// §15.3.7), but nothing before or behind it.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if it is another part.
    pub fn answers(self, asked: Range) -> Result<(), HttpError> {
        let fits = match (asked, self) {
            (_, Self::Unsatisfied { .. }) => false,
            (Range::From { first, last }, Self::Part { first: got, last: end, .. }) => {
                got == first && last.is_none_or(|last| end <= last)
            }
            (Range::Last(count), Self::Part { first, complete: Some(complete), .. }) => {
                first >= complete - count.min(complete)
            }
            (Range::Last(count), Self::Part { complete: None, .. }) => self.length() <= count,
        };
        if fits { Ok(()) } else { Err(malformed(format!("the part {self} was sent, and {asked} was asked for"))) }
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { first, last, complete: Some(complete) } => write!(f, "{first}-{last}/{complete}"),
            Self::Part { first, last, complete: None } => write!(f, "{first}-{last}/*"),
            Self::Unsatisfied { complete } => write!(f, "*/{complete}"),
        }
    }
}

fn content_range(value: &str) -> Option<ContentRange> {
    let (unit, rest) = value.split_once(' ')?;
    let (part, complete) = rest.split_once('/')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |text: &str| typed(text).ok();
    if part == "*" {
        return Some(ContentRange::Unsatisfied { complete: number(complete)? });
    }
    let (first, last) = part.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let complete = if complete == "*" { None } else { Some(number(complete)?) };
    let possible = first <= last && complete.is_none_or(|complete| last < complete);
    possible.then_some(ContentRange::Part { first, last, complete })
}

/// What the answer to `Range: bytes=HAVE-` means for the file that has so many bytes already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// Append the body. The file is whole when it has so many bytes; `None` if the server does not say.
    Append {
        /// The length of the whole.
        complete: Option<u64>,
    },
    /// 2xx other than 206: the whole comes (the server knows no ranges, or the resource has changed). Write it from
    /// the start.
    StartOver,
    /// The file is whole: there is nothing to fetch.
    Complete,
    /// The resource is shorter than the file: it is not the one that was begun.
    Shorter {
        /// The length of the whole.
        complete: u64,
    },
    /// Any other status, and a 416 that does not say how long the resource is: judge it as if nothing had been asked.
    Other,
}

/// Judges the answer to a request for all behind the first `have` bytes, by its status and its `Content-Range`.
///
/// # Errors
/// [`HttpError::Malformed`] for a 206 that is another part, or does not say which it is.
pub fn resumed(have: u64, status: u16, content_range: Option<&[u8]>) -> Result<Resumed, HttpError> {
    match (status, content_range) {
        (206, None) => Err(malformed("a 206 without Content-Range")),
        (206, Some(value)) => {
            let part = ContentRange::parse(value)?;
            part.answers(Range::From { first: have, last: None })?;
            let ContentRange::Part { complete, .. } = part else { return Ok(Resumed::Other) };
            Ok(Resumed::Append { complete })
        }
        (416, Some(value)) => Ok(match ContentRange::parse(value)? {
            ContentRange::Unsatisfied { complete } if complete == have => Resumed::Complete,
            ContentRange::Unsatisfied { complete } if complete < have => Resumed::Shorter { complete },
            _ => Resumed::Other,
        }),
        (200..=299, _) => Ok(Resumed::StartOver),
        _ => Ok(Resumed::Other),
    }
}

/// What an `If-Range` may hold, from the fields of the answer that began the file (RFC 9110 §13.1.5): its entity tag
/// if that is strong, else its `Last-Modified` if that is strong (§8.8.2.2: a second or more before its `Date`).
#[must_use]
pub fn if_range<'v>(
    etag: Option<&'v [u8]>,
    last_modified: Option<&'v [u8]>,
    date: Option<&[u8]>,
    now: HttpDate,
) -> Option<&'v [u8]> {
    let strong_tag = |tag: &&[u8]| tag.len() >= 2 && tag.starts_with(b"\"") && tag.ends_with(b"\"");
    let moment = |value: &[u8]| HttpDate::parse(value, now).map(|parsed| parsed.date);
    let strong_date = |modified: &&[u8]| date.and_then(moment) > moment(modified) && moment(modified).is_some();
    match etag {
        Some(tag) if strong_tag(&tag) => Some(tag),
        _ => last_modified.filter(strong_date),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from(first: u64, last: impl Into<Option<u64>>) -> Range {
        Range::From { first, last: last.into() }
    }

    #[test]
    fn asked() {
        for text in ["0-499", "500-", "-500", "0-0,-1", "100-199,500-599", "5-5", "0-18446744073709551615"] {
            assert_eq!(Ranges::parse(text).map(|r| r.to_string()), Ok(format!("bytes={text}")));
        }
        assert_eq!(Ranges::parse("007-08").unwrap().to_string(), "bytes=7-8");
        assert_eq!(Ranges::behind(7).to_string(), "bytes=7-");
        assert_eq!(Ranges::parse("1-").unwrap().single(), Some(from(1, None)));
        assert_eq!(Ranges::parse("1-,-1").unwrap().single(), None);
    }

    #[test]
    fn refused() {
        use RangeError::{Backwards, Form, Nothing, Number, TooMany};
        let many = "0-1,".repeat(MAX_RANGES) + "0-1";
        let table = [
            ("", Form),
            ("-", Form),
            ("5", Form),
            ("a-b", Form),
            ("1-2-3", Form),
            ("1 - 2", Form),
            (" 1-2", Form),
            ("+1-2", Form),
            ("1-2,", Form),
            ("bytes=1-2", Form),
            ("1-2\r\nX: y", Form),
            ("--1", Form),
            ("9-5", Backwards),
            ("-0", Nothing),
            ("18446744073709551616-", Number),
            (many.as_str(), TooMany),
        ];
        for (text, want) in table {
            assert_eq!(Ranges::parse(text), Err(want), "{text:?}");
        }
    }

    #[test]
    fn content_ranges() {
        let part = |first, last, complete| Some(ContentRange::Part { first, last, complete });
        let table: &[(&[u8], Option<ContentRange>)] = &[
            (b"bytes 0-499/1234", part(0, 499, Some(1234))),
            (b"BYTES 0-0/1", part(0, 0, Some(1))),
            (b"bytes 5-9/*", part(5, 9, None)),
            (b"bytes */1234", Some(ContentRange::Unsatisfied { complete: 1234 })),
            (b"bytes */0", Some(ContentRange::Unsatisfied { complete: 0 })),
            (b"", None),
            (b"bytes", None),
            (b"bytes 0-499", None),
            (b"bytes 0-1234/1234", None),
            (b"bytes 5-4/10", None),
            (b"bytes 5-/10", None),
            (b"bytes -5/10", None),
            (b"bytes */*", None),
            (b"bytes=0-499/1234", None),
            (b"bytes  0-499/1234", None),
            (b"bytes 0-499/1234 ", None),
            (b"bytes +0-499/1234", None),
            (b"bytes 0-18446744073709551616/*", None),
            (b"items 0-1/2", None),
            (b"bytes 0-1/2\xff", None),
        ];
        for (value, want) in table {
            assert_eq!(ContentRange::parse(value).ok(), *want, "{}", value.escape_ascii());
        }
        let why = ContentRange::parse(b"\x1b[2J").unwrap_err().to_string();
        assert!(why.contains(r#"the Content-Range "\x1b[2J""#), "{why}");
    }

    #[test]
    fn parts_that_answer_and_parts_that_do_not() {
        let table: &[(&str, &str, bool)] = &[
            ("0-499", "0-499/1000", true),
            ("0-499", "0-499/*", true),
            ("0-499", "0-99/100", true),
            ("0-499", "0-500/1000", false),
            ("0-499", "1-499/1000", false),
            ("500-", "500-999/1000", true),
            ("500-", "500-599/1000", true),
            ("500-", "0-999/1000", false),
            ("-100", "900-999/1000", true),
            ("-100", "0-49/50", true),
            ("-100", "899-999/1000", false),
            ("-100", "5-104/*", true),
            ("-100", "5-105/*", false),
            ("0-499", "*/1000", false),
        ];
        for (asked, got, fits) in table {
            let asked = Ranges::parse(asked).unwrap().single().unwrap();
            let got = ContentRange::parse(format!("bytes {got}").as_bytes()).unwrap();
            assert_eq!(got.answers(asked).is_ok(), *fits, "{asked} {got}");
        }
        let other = ContentRange::parse(b"bytes 1-2/3").unwrap().answers(from(0, 1)).unwrap_err();
        assert!(other.to_string().ends_with("the part 1-2/3 was sent, and 0-1 was asked for"), "{other}");
    }

    #[test]
    fn what_an_answer_means_for_a_partial_file() {
        let table: &[(u16, Option<&str>, Option<Resumed>)] = &[
            (206, Some("bytes 100-199/200"), Some(Resumed::Append { complete: Some(200) })),
            (206, Some("bytes 100-199/*"), Some(Resumed::Append { complete: None })),
            (206, Some("bytes 100-149/200"), Some(Resumed::Append { complete: Some(200) })),
            (206, Some("bytes 0-199/200"), None),
            (206, Some("bytes 101-199/200"), None),
            (206, Some("bytes */200"), None),
            (206, Some("rubbish"), None),
            (206, None, None),
            (200, None, Some(Resumed::StartOver)),
            (200, Some("bytes 100-199/200"), Some(Resumed::StartOver)),
            (416, Some("bytes */100"), Some(Resumed::Complete)),
            (416, Some("bytes */99"), Some(Resumed::Shorter { complete: 99 })),
            (416, Some("bytes */101"), Some(Resumed::Other)),
            (416, Some("rubbish"), None),
            (416, None, Some(Resumed::Other)),
            (304, None, Some(Resumed::Other)),
            (404, Some("bytes 100-199/200"), Some(Resumed::Other)),
        ];
        for (status, field, want) in table {
            assert_eq!(resumed(100, *status, field.map(str::as_bytes)).ok(), *want, "{status} {field:?}");
        }
    }

    #[test]
    fn only_strong_validators_go_into_if_range() {
        const EARLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATE: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        let table = [
            (Some("\"a\""), None, None, Some("\"a\"")),
            (Some("\"\""), None, None, Some("\"\"")),
            (Some("W/\"a\""), None, None, None),
            (Some("a"), None, None, None),
            (Some("\""), None, None, None),
            (Some("W/\"a\""), Some(EARLY), Some(LATE), Some(EARLY)),
            (None, Some(EARLY), Some(EARLY), None),
            (None, Some(EARLY), None, None),
            (None, Some("rubbish"), Some(LATE), None),
            (None, None, Some(LATE), None),
        ];
        for (etag, modified, date, want) in table {
            let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
            let seen = if_range(bytes(etag), bytes(modified), bytes(date), HttpDate::from_unix(0));
            assert_eq!(seen, bytes(want), "{etag:?} {modified:?} {date:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(first: u64, more in 0..1000_u64, count in 1..u64::MAX) {
            let last = first.saturating_add(more);
            for range in [from(first, None), from(first, last), Range::Last(count)] {
                prop_assert_eq!(Ranges::parse(&range.to_string()).unwrap().single(), Some(range));
            }
        }

        #[test]
        fn noise_is_survived(noise: Vec<u8>, have: u64, text in "[0-9,\\-]{0,20}", value in "bytes [0-9*/\\-]{0,20}") {
            let _ = (ContentRange::parse(&noise), Ranges::parse(&text));
            let _ = (resumed(have, 206, Some(value.as_bytes())), resumed(have, 416, Some(value.as_bytes())));
        }
    }
}
