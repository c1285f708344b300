//! HTTP/1.1 as a client, sans-IO (RFC 9110, RFC 9112).
//!
//! Owns what may be asked ([`Url`], [`Header`], [`Request`]) and what may be answered ([`Response`], which reads the
//! head, skips interim responses, finds the framing and hands out the body). Refuses whatever has two readings: a
//! client that guesses is how requests get smuggled and downloads end short without a word. Not here: sockets, time
//! limits, following redirects (the caller loops, [`Url::redirect`] says where to, [`Method::redirected`] how,
//! [`auth::Secrets`] what may go along), content coding.
//!
//! ```text
//!  Url::parse ─▶ Request::encode ─▶ (the caller sends)
//!
//!                 1xx, ≤ 10
//!                ┌─────────┐
//!                ▼         │             no body, or length 0
//!  Response::new ─▶ Head ──┴─ Event::Head ───────────────────────────▶ Done ─ Event::Done, then End::Framed
//!                    │             ├─ Content-Length ─▶ Length ──────▶   ▲
//!                    │             ├─ chunked ────────▶ Chunked ─────────┘      (each: Event::Data …)
//!                    │             └─ neither ────────▶ UntilClose ─ end_of_input ─▶ End::Closed
//!                    │                                   │
//!   end_of_input:  Empty | Malformed                   Short (from Length and inside a chunk) | Malformed (between chunks)
//! ```
//!
//! # An exchange, byte for byte
//!
//! ```
//! use sockkit::proto::http::auth::Secrets;
//! use sockkit::proto::http::{Content, End, Event, Framing, Header, Method, Request, Response, Url, Version};
//!
//! let url = Url::parse("www.example.com/a?b#c")?;
//! let header = Header::parse("Accept: text/plain")?;
//! let request = Request {
//!     method: Method::Get,
//!     url: &url,
//!     secrets: &Secrets::of(&url),
//!     headers: &[header],
//!     content: Content::None,
//!     version: Version::Http11,
//!     keep: false,
//!     agent: "1.0",
//! };
//! assert_eq!(request.encode(), b"GET /a?b HTTP/1.1\r\n\
//!     Host: www.example.com\r\n\
//!     User-Agent: sockkit/1.0\r\n\
//!     Accept: text/plain\r\n\
//!     Connection: close\r\n\r\n");
//!
//! let mut response = Response::new(Method::Get);
//!
//! // The bytes come as the network cuts them. Here the first read ends inside the head.
//! let mut input: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-En";
//! assert_eq!(response.feed(&mut input)?, Event::NeedMore);
//!
//! // The second one holds the rest of the head, and a chunk and a half.
//! let mut input: &[u8] = b"coding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, wor";
//! let Event::Head(head) = response.feed(&mut input)? else { panic!() };
//! assert_eq!((head.status, &head.reason[..]), (200, &b"OK"[..]));
//! assert_eq!(head.raw, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
//! assert_eq!(response.framing(), Some(Framing::Chunked));
//! assert_eq!(response.feed(&mut input)?, Event::Data(b"hello"));
//! assert_eq!(response.feed(&mut input)?, Event::Data(b", wor"));
//! assert_eq!(response.feed(&mut input)?, Event::NeedMore);
//!
//! // The third ends the body; what is glued behind it is left in `input`.
//! let mut input: &[u8] = b"ld\r\n0\r\n\r\nleft over";
//! assert_eq!(response.feed(&mut input)?, Event::Data(b"ld"));
//! assert_eq!(response.feed(&mut input)?, Event::Done);
//! assert_eq!(input, b"left over");
//! assert_eq!(response.received(), 12);
//! assert_eq!(response.end_of_input()?, End::Framed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod auth;
mod bypass;
mod chunked;
pub mod coding;
pub mod connect;
pub mod cookie_file;
pub mod date;
pub mod disposition;
mod framing;
mod head;
mod header;
pub mod lint;
mod masked;
mod method;
pub mod netrc;
mod proxy;
pub mod range;
mod request;
mod response;
pub mod retry;
mod route;
mod url;
mod url_error;
mod user_info;

use std::fmt;

pub use framing::Framing;
pub use head::{Field, HeadReader, MAX_FIELDS, MAX_HEAD, ResponseHead, Version};
pub use header::{Header, HeaderError};
pub use masked::{masked, masked_lines};
pub use method::Method;
pub use proxy::{Proxies, Proxy, ProxyError};
pub use request::{Content, Request};
pub use response::{End, Event, MAX_INTERIM, Response};
pub use route::{ConnectTo, Resolve, Routes};
pub use url::{Origin, Scheme, Url};
pub use url_error::{RedirectError, UrlError};
pub use user_info::UserInfo;

/// Why a response cannot be used. The texts inside are escaped already: safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The reply breaks the grammar, or could be read in two ways (exit code 8).
    Malformed(String),
    /// A limit on the head, the interim responses, the chunk extensions or the trailers was passed (exit code 63).
    TooLarge(String),
    /// The connection ended inside the body (exit code 18).
    Short {
        /// Bytes of body that came.
        got: u64,
        /// What `Content-Length` announced; `None` for a chunked body, which ended inside a chunk.
        expected: Option<u64>,
    },
    /// The connection ended before the first byte of a reply (exit code 52).
    Empty,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "the server's reply is malformed: {why}"),
            Self::TooLarge(what) => write!(f, "the server's reply is too large: {what}"),
            Self::Short { got, expected: Some(all) } => {
                write!(f, "the body ended short: {got} of {all} bytes came")
            }
            Self::Short { got, expected: None } => {
                write!(f, "the body ended short, inside a chunk: {got} bytes came")
            }
            Self::Empty => f.write_str("the server sent nothing"),
        }
    }
}

impl std::error::Error for HttpError {}

fn malformed(why: impl Into<String>) -> HttpError {
    HttpError::Malformed(why.into())
}

/// A quoted, escaped beginning of something that the server sent: a hostile line must not fill the screen.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let (shown, more) = match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN => (start, "…"),
        _ => (bytes, ""),
    };
    format!("\"{}{more}\"", super::escape(shown))
}

/// Characters of a token: names of fields and methods (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Characters of a field value: no control but the tab (RFC 9110 §5.5).
fn is_value(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_plain_words() {
        let table = [
            (malformed("why"), "the server's reply is malformed: why"),
            (HttpError::TooLarge("what".into()), "the server's reply is too large: what"),
            (HttpError::Short { got: 3, expected: Some(5) }, "the body ended short: 3 of 5 bytes came"),
            (HttpError::Short { got: 3, expected: None }, "the body ended short, inside a chunk: 3 bytes came"),
            (HttpError::Empty, "the server sent nothing"),
        ];
        for (error, want) in table {
            assert_eq!(error.to_string(), want);
        }
    }

    #[test]
    fn excerpts_are_escaped_and_short() {
        assert_eq!(excerpt(b"a\x1b"), r#""a\x1b""#);
        assert_eq!(excerpt(&[b'x'; 60]), format!("\"{}\"", "x".repeat(60)));
        assert_eq!(excerpt(&[b'x'; 61]), format!("\"{}…\"", "x".repeat(60)));
    }
}
