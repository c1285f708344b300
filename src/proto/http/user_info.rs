//! User info: `USER[:PASSWORD]@` before the host of a URL that somebody typed (RFC 3986 §3.2.1).
//!
//! Owns taking it out before the URL is read: a [`super::Url`] has none, so none is ever printed or sent in a
//! request line. Refuses what has two readings (a second `@`, a backslash, a `%` that escapes nothing), and repeats no
//! part of it. A redirect's URL may have none at all: whoever redirects must not choose whom the user logs in as.

use std::borrow::Cow;
use std::fmt;

use super::auth::{AuthError, Credentials};
use super::url::is_scheme;
use super::url_error::UrlError;

/// Who asks, as the URL says it; its escapes are undone.
#[derive(Clone, PartialEq, Eq)]
pub struct UserInfo {
    user: String,
    password: Option<String>,
}

impl UserInfo {
    /// Cuts the user info out of what the user typed: gives the rest, for [`super::Url::parse`], and it. An empty one
    /// is none.
    ///
    /// # Errors
    /// Says what is wrong (exit code 2), without repeating anything that could be a secret.
    pub fn cut(typed: &str) -> Result<(Cow<'_, str>, Option<Self>), UrlError> {
        let start = typed.split_once("://").filter(|(scheme, _)| is_scheme(scheme)).map_or(0, |(s, _)| s.len() + 3);
        let (scheme, rest) = typed.split_at(start);
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let Some((info, host)) = rest[..end].rsplit_once('@') else { return Ok((typed.into(), None)) };
        if let Some(c) = info.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Forbidden(c));
        }
        if info.contains('\\') {
            return Err(UrlError::Backslash);
        }
        let without = [scheme, host, &rest[end..]].concat();
        Ok((without.into(), Self::read(info)?.filter(|info| !info.is_empty())))
    }

    /// The name, without its escapes.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether it holds a password, be it an empty one.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// As Basic credentials; without a password, that is empty.
    ///
    /// # Errors
    /// As [`Credentials::basic`].
    pub fn credentials(&self) -> Result<Credentials, AuthError> {
        Credentials::basic(&self.user, self.password.as_deref().unwrap_or_default())
    }

    fn read(info: &str) -> Result<Option<Self>, UrlError> {
        if info.contains('@') {
            return Err(UrlError::UserInfoForm);
        }
        let (user, password) = info.split_once(':').map_or((info, None), |(user, password)| (user, Some(password)));
        let plain = |text: &str| unescaped(text).ok_or(UrlError::UserInfoForm);
        Ok(Some(Self { user: plain(user)?, password: password.map(plain).transpose()? }))
    }

    fn is_empty(&self) -> bool {
        self.user.is_empty() && self.password.is_none()
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo(***)")
    }
}

/// RFC 3986 §2.1; the bytes are UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::http::Url;

    /// The rest, and `USER|PASSWORD`.
    fn cut(typed: &str) -> Result<(String, Option<String>), UrlError> {
        let shown = |info: UserInfo| format!("{}|{}", info.user, info.password.as_deref().unwrap_or("-"));
        UserInfo::cut(typed).map(|(rest, info)| (rest.into_owned(), info.map(shown)))
    }

    #[test]
    fn it_is_taken_out() {
        let table = [
            ("http://h/", "http://h/", None),
            ("http://u:p@h/", "http://h/", Some("u|p")),
            ("HTTPS://u:p@[::1]:81/a@b?c@d", "HTTPS://[::1]:81/a@b?c@d", Some("u|p")),
            ("u:p@h", "h", Some("u|p")),
            ("u@h:81?x", "h:81?x", Some("u|-")),
            ("u:@h#f", "h#f", Some("u|")),
            (":p@h", "h", Some("|p")),
            ("http://@h/", "http://h/", None),
            (":@h", "h", Some("|")),
            ("u:p:q@h", "h", Some("u|p:q")),
            ("http://u%40x:p%3a%2F%25@h/", "http://h/", Some("u@x|p:/%")),
            ("http://gr%C3%BCn:grün@h/", "http://h/", Some("grün|grün")),
            ("h/u:p@i", "h/u:p@i", None),
            ("http://h?u:p@i", "http://h?u:p@i", None),
            ("h/http://u:p@i", "h/http://u:p@i", None),
        ];
        for (typed, rest, info) in table {
            assert_eq!(cut(typed), Ok((rest.to_owned(), info.map(str::to_owned))), "{typed}");
        }
    }

    #[test]
    fn refused_and_not_repeated() {
        use UrlError::{Backslash, Forbidden, UserInfoForm};
        let table = [
            ("http://joe@a:hunter2@h/", UserInfoForm),
            ("http://joe:hunter2%@h/", UserInfoForm),
            ("http://joe:hunter2%4@h/", UserInfoForm),
            ("http://joe:hunter2%+4@h/", UserInfoForm),
            ("http://joe:hunter2%ff@h/", UserInfoForm),
            ("http://joe\\:hunter2@h/", Backslash),
            ("http://joe :hunter2@h/", Forbidden(' ')),
            ("http://joe:hunter2\r\nX: y@h/", Forbidden('\r')),
        ];
        for (typed, want) in table {
            let error = UserInfo::cut(typed).unwrap_err();
            let told = format!("{error} {error:?}");
            assert_eq!(error, want, "{typed:?}");
            assert!(!told.contains("joe") && !told.contains("hunter2"), "{told}");
        }
        let shown = format!("{:?}", UserInfo::cut("http://joe:hunter2@h/").unwrap());
        assert!(!shown.contains("joe") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_escape_lets_nothing_break_out_of_its_line() {
        let info = UserInfo::cut("http://u:p%0d%0aX:%20y@h/").unwrap().1.unwrap();
        assert_eq!(info.credentials(), Err(AuthError::Control));
        assert_eq!(UserInfo::cut("http://u%3a:p@h/").unwrap().1.unwrap().credentials(), Err(AuthError::Colon));
    }

    proptest! {
        #[test]
        fn noise_is_survived_and_what_is_cut_is_gone(before in "(https?://)?", info in "[^/?#@\\\\]{0,20}", rest in "\\PC{0,20}") {
            let _ = UserInfo::cut(&rest);
            if let Ok((left, _)) = UserInfo::cut(&format!("{before}{info}@h/{rest}")) {
                prop_assert_eq!(left, format!("{before}h/{rest}"));
            }
        }
    }

    #[test]
    fn whatever_is_left_is_read_as_without_it() {
        for rest in ["h", "http://h", "https://[::1]:81/a?b", "ftp://h", "h:99999", "0x7f.1", "b\u{fc}cher.example"] {
            let with = match rest.split_once("://") {
                Some((scheme, rest)) => format!("{scheme}://u:p@{rest}"),
                None => format!("u:p@{rest}"),
            };
            let (cut, info) = UserInfo::cut(&with).unwrap();
            assert!(info.is_some());
            assert_eq!(Url::parse(&cut), Url::parse(rest), "{with}");
        }
    }
}
