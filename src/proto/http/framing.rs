//! Where the body ends: the one decision that two readers of a response must never take differently.
//!
//! Owns RFC 9112 §6.3 for a client of GET and HEAD. Refuses what a proxy on the way could have read otherwise:
//! length and chunked together, lengths that differ, codings that were not asked for.

use super::head::{ResponseHead, Version};
use super::method::Method;
use super::{HttpError, excerpt, malformed};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: an answer to HEAD, a 204, a 304.
    NoBody,
    /// `Content-Length`, in bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`: the body says where it ends, not how long it will be.
    Chunked,
    /// Neither: the body ends with the connection, and a cut cannot be told from an end.
    UntilClose,
}

impl Framing {
    /// The framing of the body behind `head`, which answers a request with `method`.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] if the framing fields contradict one another or cannot be read.
    pub fn of(method: Method, head: &ResponseHead) -> Result<Self, HttpError> {
        // Whatever the fields say: they describe what a GET would have brought.
        if method == Method::Head || matches!(head.status, 100..=199 | 204 | 304) {
            return Ok(Self::NoBody);
        }
        let length = content_length(head)?;
        match (head.get("transfer-encoding"), length) {
            (None, None) => Ok(Self::UntilClose),
            (None, Some(length)) => Ok(Self::Length(length)),
            (Some(_), Some(_)) => Err(malformed("both Content-Length and Transfer-Encoding")),
            (Some(_), None) => chunked(head),
        }
    }

    /// The number of bytes to expect, if it is known before they come.
    #[must_use]
    pub fn length(self) -> Option<u64> {
        match self {
            Self::NoBody => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked | Self::UntilClose => None,
        }
    }
}

/// RFC 9110 §8.6: one number, or the same number several times.
fn content_length(head: &ResponseHead) -> Result<Option<u64>, HttpError> {
    let mut length = None;
    for item in head.all("content-length").flat_map(|value| value.split(|&b| b == b',')) {
        let this = number(item.trim_ascii())?;
        if length.is_some_and(|before| before != this) {
            return Err(malformed("several Content-Length that differ"));
        }
        length = Some(this);
    }
    Ok(length)
}

fn number(digits: &[u8]) -> Result<u64, HttpError> {
    let text = str::from_utf8(digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    let number = text.and_then(|t| t.parse().ok());
    number.ok_or_else(|| malformed(format!("the Content-Length {}", excerpt(digits))))
}

/// RFC 9112 §6.1: chunked, once, and nothing else, since no other coding was asked for (no `TE` is sent).
fn chunked(head: &ResponseHead) -> Result<Framing, HttpError> {
    let codings = head.all("transfer-encoding").collect::<Vec<_>>();
    if !matches!(codings[..], [one] if one.eq_ignore_ascii_case(b"chunked")) {
        let codings = excerpt(&codings.join(&b", "[..]));
        return Err(malformed(format!("the Transfer-Encoding {codings}, where only chunked is known")));
    }
    if head.version == Version::Http10 {
        return Err(malformed("a Transfer-Encoding in an HTTP/1.0 reply"));
    }
    Ok(Framing::Chunked)
}

#[cfg(test)]
mod tests {
    use super::super::head::HeadReader;
    use super::*;

    fn framing(method: Method, start: &str, fields: &str) -> Result<Framing, String> {
        let raw = format!("{start}\r\n{fields}\r\n");
        let head = HeadReader::default().feed(&mut raw.as_bytes()).unwrap().unwrap();
        Framing::of(method, &head).map_err(|e| e.to_string())
    }

    #[test]
    fn taken() {
        const OK: &str = "HTTP/1.1 200 OK";
        let table = [
            (Method::Get, OK, "", Framing::UntilClose),
            (Method::Get, "HTTP/1.0 200 OK", "", Framing::UntilClose),
            (Method::Get, OK, "Content-Length: 0\r\n", Framing::Length(0)),
            (Method::Get, OK, "content-length:5\r\n", Framing::Length(5)),
            (Method::Get, OK, "Content-Length: 007\r\n", Framing::Length(7)),
            (Method::Get, OK, "Content-Length: 5, 5\r\n", Framing::Length(5)),
            (Method::Get, OK, "Content-Length: 5\r\nContent-Length: 5\r\n", Framing::Length(5)),
            (Method::Get, OK, "Content-Length: 18446744073709551615\r\n", Framing::Length(u64::MAX)),
            (Method::Get, OK, "Transfer-Encoding: chunked\r\n", Framing::Chunked),
            (Method::Get, OK, "TRANSFER-encoding: Chunked \r\n", Framing::Chunked),
            (Method::Head, OK, "Content-Length: 5\r\n", Framing::NoBody),
            (Method::Head, OK, "Transfer-Encoding: gzip\r\nContent-Length: x\r\n", Framing::NoBody),
            (Method::Get, "HTTP/1.1 204 -", "Content-Length: 5\r\n", Framing::NoBody),
            (Method::Get, "HTTP/1.1 304 -", "Transfer-Encoding: chunked\r\n", Framing::NoBody),
            (Method::Get, "HTTP/1.1 205 -", "Content-Length: 0\r\n", Framing::Length(0)),
        ];
        for (method, start, fields, want) in table {
            assert_eq!(framing(method, start, fields), Ok(want), "{method} {start} {fields}");
        }
    }

    #[test]
    fn refused() {
        let table = [
            ("Content-Length: 5\r\nContent-Length: 6\r\n", "differ"),
            ("Content-Length: 5, 6\r\n", "differ"),
            ("Content-Length:\r\n", "the Content-Length \"\""),
            ("Content-Length: 5,\r\n", "the Content-Length \"\""),
            ("Content-Length: +5\r\n", "the Content-Length \"+5\""),
            ("Content-Length: -5\r\n", "the Content-Length \"-5\""),
            ("Content-Length: 0x5\r\n", "the Content-Length \"0x5\""),
            ("Content-Length: 5 5\r\n", "the Content-Length \"5 5\""),
            ("Content-Length: 5.0\r\n", "the Content-Length"),
            ("Content-Length: ５\r\n", "the Content-Length"),
            ("Content-Length: 18446744073709551616\r\n", "the Content-Length"),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "both"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "both"),
            ("Transfer-Encoding: gzip, chunked\r\n", "only chunked"),
            ("Transfer-Encoding: chunked, gzip\r\n", "only chunked"),
            ("Transfer-Encoding: chunked, chunked\r\n", "only chunked"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "\"chunked, chunked\""),
            ("Transfer-Encoding: identity\r\n", "only chunked"),
            ("Transfer-Encoding: xchunked\r\n", "only chunked"),
            ("Transfer-Encoding: chunked;q=1\r\n", "only chunked"),
            ("Transfer-Encoding:\r\n", "only chunked"),
        ];
        for (fields, want) in table {
            let why = framing(Method::Get, "HTTP/1.1 200 OK", fields).unwrap_err();
            assert!(why.contains(want), "{fields}: {why}");
        }
        assert!(framing(Method::Get, "HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n").is_err());
    }

    #[test]
    fn known_lengths() {
        let table = [(Framing::NoBody, Some(0)), (Framing::Length(5), Some(5)), (Framing::Chunked, None)];
        for (framing, length) in table {
            assert_eq!(framing.length(), length);
        }
    }
}
