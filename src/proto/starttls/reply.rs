//! Replies that begin with three digits, over one line or several, as SMTP (RFC 5321 §4.2) and FTP (RFC 959 §4.2) have them.
//!
//! Owns where a reply of several lines ends. Refuses to know what a code means.

use super::{StartTlsError, malformed, quoted};
use crate::proto::without_newline;

/// How the lines of one reply look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    /// Each begins with the code (SMTP).
    #[default]
    CodeOnEach,
    /// The first and the last begin with it; between them anything may stand (FTP).
    CodeAround,
}

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// What follows the code; a line between the first and the last may have none.
    pub(super) texts: Vec<Vec<u8>>,
}

impl Reply {
    /// The error of a reply that is not the one which `request` needs.
    pub(super) fn refusal(&self, request: &'static str) -> StartTlsError {
        let words = [self.code.to_string().into_bytes(), self.texts.join(&b' ')].join(&b' ');
        match self.code {
            400.. => StartTlsError::Refused(request, quoted(&words)),
            _ => malformed(format!("it answers {request} by {}", quoted(&words))),
        }
    }
}

/// Puts replies together, line by line.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies {
    style: Style,
    begun: Option<Reply>,
}

impl Replies {
    pub(super) fn new(style: Style) -> Self {
        Replies { style, begun: None }
    }

    /// The reply, if `line` is its last one.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, StartTlsError> {
        let line = without_newline(line);
        let mut reply = self.begun.take().unwrap_or_default();
        let is_first = reply.texts.is_empty();
        let is_last = match (split(line), self.style) {
            (Some((code, is_last, text)), _) if is_first || code == reply.code => {
                reply.code = code;
                reply.texts.push(text.to_vec());
                is_last
            }
            (_, Style::CodeAround) if !is_first => {
                reply.texts.push(line.to_vec());
                false
            }
            (Some((code, ..)), _) => return Err(malformed(format!("its code is {} and then {code}", reply.code))),
            (None, _) => return Err(malformed(format!("no reply code stands before {}", quoted(line)))),
        };
        if is_last {
            return Ok(Some(reply));
        }
        self.begun = Some(reply);
        Ok(None)
    }
}

/// The code, whether this is the last line, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(digits).ok().filter(|_| matches!(digits[0], b'1'..=b'5'))?.parse().ok()?;
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The replies in `lines`, or what is wrong with them.
    fn read(style: Style, lines: &[&str]) -> Result<Vec<(u16, String)>, StartTlsError> {
        let mut replies = Replies::new(style);
        let mut whole = Vec::new();
        for line in lines {
            whole.extend(replies.line(line.as_bytes())?);
        }
        Ok(whole.into_iter().map(|r| (r.code, String::from_utf8_lossy(&r.texts.join(&b'/')).into_owned())).collect())
    }

    #[test]
    fn one_line_or_several() {
        type Row<'a> = (&'a [&'a str], &'a [(u16, &'a str)]);
        let table: &[Row<'_>] = &[
            (&["220 hello\r\n"], &[(220, "hello")]),
            (&["220\r\n"], &[(220, "")]),
            (&["220 lf alone\n"], &[(220, "lf alone")]),
            (&["250-a\r\n", "250-b c\r\n", "250 d\r\n", "221 x\r\n"], &[(250, "a/b c/d"), (221, "x")]),
            (&["250-unfinished\r\n"], &[]),
        ];
        for (lines, want) in table {
            for style in [Style::CodeOnEach, Style::CodeAround] {
                let want: Vec<_> = want.iter().map(|(code, text)| (*code, (*text).to_owned())).collect();
                assert_eq!(read(style, lines), Ok(want), "{lines:?}");
            }
        }
    }

    #[test]
    fn what_may_stand_between_is_the_protocols_own() {
        let lines = ["220-a\r\n", " 220 b\r\n", "500 c\r\n", "\r\n", "220-d\r\n", "220 e\r\n"];
        assert_eq!(read(Style::CodeAround, &lines), Ok(vec![(220, "a/ 220 b/500 c//d/e".into())]));
        assert_eq!(read(Style::CodeOnEach, &lines), Err(malformed("no reply code stands before \" 220 b\"")));
        assert_eq!(read(Style::CodeOnEach, &["220-a\n", "221 b\n"]), Err(malformed("its code is 220 and then 221")));
    }

    #[test]
    fn no_code() {
        for line in
            ["", "\r\n", "22\r\n", "2200 x\r\n", "+22 x\r\n", "620 x\r\n", "020 x\r\n", "SSH-2.0-x\r\n", "22\u{b2} x"]
        {
            assert!(read(Style::CodeOnEach, &[line]).is_err(), "{line:?}");
            assert!(read(Style::CodeAround, &[line]).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_refusal_has_all_words() {
        let reply = Reply { code: 554, texts: vec![b"no\x1b".to_vec(), b"never".to_vec()] };
        assert_eq!(reply.refusal("EHLO"), StartTlsError::Refused("EHLO", r#""554 no\x1b never""#.into()));
        let reply = Reply { code: 354, texts: vec![b"go on".to_vec()] };
        assert_eq!(reply.refusal("EHLO"), malformed("it answers EHLO by \"354 go on\""));
    }
}
