//! A header line that the user gives, with -H or by an option of its own.
//!
//! Owns its grammar (RFC 9110 §5.1, §5.5) and what may not follow a redirect to another origin (RFC 9110 §15.4).
//! Refuses lines that would smuggle another line in, and framing fields: they follow from the body that is sent, and
//! any other value would make the server wait, or read a second request out of the rest (RFC 9112 §6.1, §6.2).

use std::fmt;

use super::masked::is_secret;
use super::{is_token, is_value};

/// A header line as the user gave it: it sets a field, or takes away ours of that name.
///
/// Its name is a token and its value holds no control but tabs, so it cannot break out of its line.
/// `Debug` hides the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: Option<String>,
}

impl Header {
    /// Reads `NAME: VALUE`; as in curl, `NAME:` removes our own line of that name, and `NAME;` sends it empty.
    ///
    /// There is no `FromStr` on purpose: clap would quote the whole text, perhaps a password, in its own error.
    ///
    /// # Errors
    /// Says what is wrong (exit code 2) without repeating the value.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let (name, value) = match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((name, value)), _) => (name, Some(value.trim_matches([' ', '\t'])).filter(|v| !v.is_empty())),
            (None, Some(name)) => (name, Some("")),
            (None, None) => return Err(HeaderError::NoColon),
        };
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HeaderError::Name);
        }
        if !value.unwrap_or_default().bytes().all(is_value) {
            return Err(HeaderError::Value);
        }
        if ["content-length", "transfer-encoding"].iter().any(|n| name.eq_ignore_ascii_case(n)) {
            return Err(HeaderError::Framing);
        }
        Ok(Self { name: name.to_owned(), value: value.map(str::to_owned) })
    }

    /// The line of `name` with `value`, for an option that stands for one header line.
    ///
    /// # Errors
    /// [`HeaderError::Value`].
    pub fn of(name: &'static str, value: &str) -> Result<Self, HeaderError> {
        if !value.bytes().all(is_value) {
            return Err(HeaderError::Value);
        }
        Ok(Self::checked(name, value.trim_matches([' ', '\t']).to_owned()))
    }

    /// The field's name as it was given; compare without regard to case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True for what must not follow a redirect to another origin: credentials, cookies, and a `Host` that was
    /// meant for the first server.
    #[must_use]
    pub fn stays_home(&self) -> bool {
        self.is_secret() || self.is("host")
    }

    /// True for credentials and cookies.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        is_secret(self.name.as_bytes())
    }

    /// True for what tells of the body: it goes when a redirect turns the request into one without
    /// (RFC 9110 §15.4).
    #[must_use]
    pub fn describes_content(&self) -> bool {
        self.name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
    }

    /// A line whose parts were checked by whoever made them.
    pub(super) fn checked(name: &str, value: String) -> Self {
        debug_assert!(name.bytes().all(is_token) && value.bytes().all(is_value));
        Self { name: name.to_owned(), value: Some(value) }
    }

    pub(super) fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Whether it is about the field of this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether its value is a list with `item` in it (RFC 9110 §5.6.1).
    pub(super) fn lists(&self, item: &str) -> bool {
        let items = self.value.as_deref().unwrap_or_default().split(',');
        items.map(str::trim).any(|one| one.eq_ignore_ascii_case(item))
    }

    pub(super) fn write(&self, out: &mut String) {
        if let Some(value) = &self.value {
            push_line(out, &self.name, value);
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(super) fn push_line(out: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.push_str(part);
    }
}

/// Why a header line of the user is refused (exit code 2). None of the texts repeats the line: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// No colon between name and value.
    NoColon,
    /// The name is empty or holds a character that no field name may.
    Name,
    /// The value holds CR, LF, NUL or another control.
    Value,
    /// `Content-Length` or `Transfer-Encoding`.
    Framing,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColon => "a header is written NAME: VALUE (NAME: removes one, NAME; sends it empty)",
            Self::Name => "the header's name is empty or holds a space or another character that no name may hold",
            Self::Value => "the header's value holds a control character",
            Self::Framing => "Content-Length and Transfer-Encoding cannot be set: they follow from the body (--data)",
        })
    }
}

impl std::error::Error for HeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_refused() {
        let table = [
            ("", HeaderError::NoColon),
            ("secret", HeaderError::NoColon),
            (": x", HeaderError::Name),
            (";", HeaderError::Name),
            ("A B: x", HeaderError::Name),
            ("A : x", HeaderError::Name),
            ("A\r\nB: x", HeaderError::Name),
            ("ü: x", HeaderError::Name),
            ("A: x\r\nB: y", HeaderError::Value),
            ("A: x\n", HeaderError::Value),
            ("A: \0", HeaderError::Value),
            ("A: \x1b[0m", HeaderError::Value),
            ("content-length: 5", HeaderError::Framing),
            ("Transfer-Encoding: chunked", HeaderError::Framing),
            ("Content-Length;", HeaderError::Framing),
        ];
        for (text, want) in table {
            assert_eq!(Header::parse(text).unwrap_err(), want, "{text:?}");
        }
    }

    #[test]
    fn what_goes_with_the_body() {
        let table = [("Content-Type: a", true), ("CONTENT-language: b", true), ("Contents: c", false), ("X: d", false)];
        for (text, want) in table {
            assert_eq!(Header::parse(text).unwrap().describes_content(), want, "{text}");
        }
    }

    #[test]
    fn debug_hides_the_value() {
        let header = Header::parse("Authorization: Bearer hunter2").unwrap();
        assert!(!format!("{header:?}").contains("hunter2"));
    }
}
