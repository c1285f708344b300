//! What is wrong with an address, in words.
//!
//! Owns how much of a refused text is repeated, and that no secret or control byte is.

use std::fmt;

/// How much of a refused text a message repeats: it has to stay one readable line.
const QUOTE_MAX: usize = 80;

/// An address that is refused: the text, the reason and, when known, what to write instead.
///
/// Its `Display` is one line without control or invisible characters, whatever the text held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    /// None when the fault is that there was nothing.
    pub(super) text: Option<String>,
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

impl AddressError {
    pub(super) fn new(text: &str, reason: impl Into<String>) -> Self {
        let (text, reason, hint) = (Some(without_user(text)), reason.into(), None);
        Self { text, reason, hint }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }
}

impl std::error::Error for AddressError {}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            write!(f, "{}: ", quoted(text))?;
        }
        f.write_str(&escaped(&self.reason))?;
        let mut hint = self.hint.iter();
        hint.try_for_each(|hint| write!(f, "; {}", escaped(hint)))
    }
}

// ---- showing what came from outside ----

/// What stands before an '@' may be a user's password, which no message repeats.
pub(super) fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) if !text.starts_with("unix:") => format!("…@{host}"),
        _ => text.to_owned(),
    }
}

pub(super) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTE_MAX).collect();
    let dots = if chars.next().is_some() { "…" } else { "" };
    format!("\"{}{dots}\"", escaped(&start))
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those that show nothing but change how the rest is shown: bidi controls
/// (Unicode Standard Annex 9), line separators, zero-width and tag characters.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
