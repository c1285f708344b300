//! The one error type: which operation, on whom, why, and what to try.
//!
//! [`Kind`] is all that the exit table in `report::exit` reads. This file refuses to know exit codes,
//! colours or JSON: how an error looks is the report's business.

use std::fmt;
use std::io;

use crate::deadline::Expired;

/// What went wrong, as far as an exit code cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A verdict was negative.
    Verdict,
    /// An option, an option's value, a malformed address or URL.
    Usage,
    /// The host's name was not resolved.
    NameUnknown,
    /// The proxy's name was not resolved.
    ProxyUnknown,
    /// Refused, unreachable, no route.
    Refused,
    /// The server's reply breaks its protocol.
    Malformed,
    /// The transfer ended short of what was announced.
    Short,
    /// An HTTP status of 400 or more, under `--fail`.
    HttpStatus,
    /// Writing to a local file, to stdout, failed.
    WriteLocal,
    /// Reading from a local file, from stdin, failed.
    ReadLocal,
    /// A time limit passed.
    TimedOut,
    /// The TLS handshake failed, other than for want of trust.
    Tls,
    /// The peer's certificate is not trusted.
    Untrusted,
    /// No local address could be taken.
    Bind,
    /// This machine lacks the local address, or its whole family.
    NoSuchLocal,
    /// The server does not give the part that was asked for.
    Range,
    /// More redirects than allowed.
    Redirects,
    /// The server closed without a byte.
    Empty,
    /// Sending failed, other than by a reset.
    Send,
    /// The connection was reset.
    Reset,
    /// The body's content coding is broken, or not one that is known.
    Encoding,
    /// A size limit was passed.
    TooLarge,
    /// The proxy refused to connect us.
    Proxy,
    /// Whoever read our stdout is gone.
    OutputGone,
    /// A signal of this number ended the run.
    Signal(i32),
}

/// A failure: the operation, its subject (a peer, a file, an option), the reason and, when one is known, a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What the exit table reads.
    pub kind: Kind,
    /// The operation in words, such as `connect to`.
    pub operation: &'static str,
    /// The peer, file or option that it was done to; may be empty.
    pub subject: String,
    /// Why it failed.
    pub reason: String,
    /// What to try.
    pub hint: Option<String>,
}

impl Error {
    /// An error without a hint.
    pub fn new(kind: Kind, operation: &'static str, subject: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Error { kind, operation, subject: subject.to_string(), reason: reason.to_string(), hint: None }
    }

    /// An operating system error, worded without its number.
    pub fn io(kind: Kind, operation: &'static str, subject: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(kind, operation, subject, plain(error))
    }

    /// A usage error: the command line asks for something that can't be.
    pub fn usage(reason: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, "", "", reason)
    }

    /// A negative answer that the output has told already: only the exit code is left to give.
    pub fn said(kind: Kind) -> Self {
        Self::new(kind, "", "", "")
    }

    /// Whether there is nothing left to say of it.
    pub fn is_said(&self) -> bool {
        self.reason.is_empty()
    }

    /// A time limit that passed during `operation`.
    pub fn expired(operation: &'static str, subject: impl fmt::Display, expired: Expired) -> Self {
        Self::new(Kind::TimedOut, operation, subject, expired)
    }

    /// The same error with a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = [self.operation, &self.subject].join(" ");
        match subject.trim() {
            "" => f.write_str(&self.reason)?,
            subject => write!(f, "{subject}: {}", self.reason)?,
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Error {}

/// An operating system error in plain lower-case words, without std's `(os error 111)`.
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_one_sentence() {
        let refused = io::Error::from_raw_os_error(111);
        let error = Error::io(Kind::Refused, "connect to", "[::1]:80", &refused);
        assert_eq!(error.to_string(), "connect to [::1]:80: connection refused");
        assert_eq!(error.hint("is it up?").to_string(), "connect to [::1]:80: connection refused; is it up?");
        assert_eq!(Error::usage("no port").to_string(), "no port");
    }
}
