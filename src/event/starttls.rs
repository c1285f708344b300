//! The agreement in plain text to go on with TLS, as values.
//!
//! Owns the steps of the dialogue. Refuses to hold it (`stream::starttls` does) and to word (`report`).

use std::time::Duration;

use super::Shown;

/// A step of the dialogue. What is said is in words for a reader, escaped.
pub enum StartTls<'a> {
    /// This peer will be asked in this protocol.
    Began(Shown<'a>, Shown<'a>),
    /// We have said this.
    Said(&'a str),
    /// The peer has said this.
    Heard(&'a str),
    /// The peer has given its go-ahead, so long after the dialogue began.
    Agreed(Duration),
}
