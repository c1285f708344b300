//! What is wrong with a response, by section of the RFC.
//!
//! Owns the rules of RFC 9110, 9111 and 9112 (and of RFC 6265 for cookies) that can be checked from outside: on the
//! raw head, so that it also says what is wrong with one that the strict reader refuses, and on what is known of the
//! body's end. Refuses to judge taste: a chatty `Server`, fields that somebody made up, headers that would be nice.
//! What a server may do is no finding. The texts are escaped, and hold no secrets and no values of cookies.
//!
//! ```
//! use sockkit::proto::http::Url;
//! use sockkit::proto::http::date::HttpDate;
//! use sockkit::proto::http::lint::{Asked, Body, Seen, Severity, lint};
//!
//! let url = Url::parse("http://h/")?;
//! let asked = Asked { method: "GET", url: &url, http10: false, close: false, range: false, now: HttpDate::from_unix(0) };
//! let head = b"HTTP/1.1 302 Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length : 0\r\nLocation: /a b\r\n\r\n";
//! let findings = lint(&Seen { asked, head, body: Body::default() });
//! assert_eq!(findings[0].severity, Severity::Error);
//! assert_eq!(findings[0].section, "RFC 9112 §5.1");
//! assert_eq!(findings[0].text, r#"the line "Content-Length : 0" has white space before its colon"#);
//! assert_eq!(findings[1].to_string(), r#"error: the Location "/a b" holds " ", which no URL does (RFC 9110 §10.2.2)"#);
//! assert_eq!(findings.len(), 2);
//! # Ok::<(), sockkit::proto::http::UrlError>(())
//! ```

mod chunks;
mod connection;
mod cookies;
mod fields;
mod framing;
mod head;
mod status;

use std::fmt;

use super::date::HttpDate;
use super::url::Url;
pub use chunks::ChunkWatch;
use head::Head;

/// A response can be made to break a thousand rules; so many are told.
pub const MAX_FINDINGS: usize = 100;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It breaks a MUST, or the grammar.
    Error,
    /// It breaks a SHOULD, or will be read in different ways.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing that is wrong. Shown as `error: TEXT (RFC 9112 §5.1)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Where the rule stands, such as `RFC 9112 §5.1`.
    pub section: &'static str,
    /// What is wrong, escaped and short.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.severity, self.text, self.section)
    }
}

/// What the request was.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// What was asked for.
    pub url: &'a Url,
    /// Whether the request was HTTP/1.0.
    pub http10: bool,
    /// Whether it said `Connection: close`.
    pub close: bool,
    /// Whether it had a `Range`.
    pub range: bool,
    /// The time at which the response came.
    pub now: HttpDate,
}

/// How the body ended, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyEnd {
    /// It was not read to its end.
    #[default]
    Unknown,
    /// Where its length or its last chunk said.
    Framed,
    /// With the connection, as it had to be.
    Closed,
    /// With the connection, too early.
    Cut,
}

/// What the server did with the connection behind the response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nobody looked.
    #[default]
    Unknown,
    /// It closed.
    Closed,
    /// It was still open after some time.
    Open,
}

/// What is known of the body. `Body::default()` knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Body<'a> {
    /// Bytes that came, without the chunks' framing.
    pub received: u64,
    /// How it ended.
    pub end: BodyEnd,
    /// Who watched its chunks.
    pub chunks: Option<&'a ChunkWatch>,
    /// Bytes behind the end of the response that nobody asked for.
    pub surplus: u64,
    /// What happened to the connection.
    pub afterwards: Afterwards,
    /// For an answer to HEAD and for a 304: how long the body of a GET is.
    pub get_length: Option<u64>,
}

/// A response as it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The request.
    pub asked: Asked<'a>,
    /// The bytes of the final head, or what came of it, from the first byte on.
    pub head: &'a [u8],
    /// What came behind it.
    pub body: Body<'a>,
}

/// All that is wrong: first the head's lines from top to bottom, then framing, fields, status, connection, chunks.
#[must_use]
pub fn lint(seen: &Seen<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    if let Some(head) = head::read(seen.head, &mut findings) {
        let case = Case { head: &head, asked: seen.asked, body: seen.body };
        for rule in [framing::check, fields::check, cookies::check, status::check, connection::check] {
            rule(&case, &mut findings);
        }
    }
    if let Some(chunks) = seen.body.chunks {
        findings.extend(chunks.findings());
    }
    findings.told()
}

/// What the rules look at.
struct Case<'a> {
    head: &'a Head,
    asked: Asked<'a>,
    body: Body<'a>,
}

impl Case<'_> {
    /// Whether this response has no body, whatever its fields say (RFC 9112 §6.3).
    fn has_no_body(&self) -> bool {
        self.asked.method == "HEAD" || matches!(self.head.status, 100..=199 | 204 | 304)
    }
}

/// Collects findings, up to [`MAX_FINDINGS`].
#[derive(Clone, Debug, Default)]
struct Findings {
    all: Vec<Finding>,
    more: usize,
}

impl Findings {
    fn error(&mut self, section: &'static str, text: impl Into<String>) {
        self.push(Severity::Error, section, text.into());
    }

    fn warning(&mut self, section: &'static str, text: impl Into<String>) {
        self.push(Severity::Warning, section, text.into());
    }

    fn note(&mut self, section: &'static str, text: impl Into<String>) {
        self.push(Severity::Note, section, text.into());
    }

    fn push(&mut self, severity: Severity, section: &'static str, text: String) {
        self.extend([Finding { severity, section, text }]);
    }

    fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if self.all.len() < MAX_FINDINGS {
                self.all.push(finding);
            } else {
                self.more += 1;
            }
        }
    }

    fn told(mut self) -> Vec<Finding> {
        if self.more > 0 {
            let text = format!("and {} more findings", self.more);
            self.all.push(Finding { severity: Severity::Note, section: "RFC 9110", text });
        }
        self.all
    }
}

#[cfg(test)]
mod tests;
