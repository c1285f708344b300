//! The file of cookies that curl keeps and browsers export ("Netscape HTTP Cookie File"): which cookies go with a URL.
//!
//! Owns its grammar (a line a cookie, seven columns with tabs between, `#` a comment unless it is `#HttpOnly_`) and
//! which of them fit a URL (RFC 6265 §5.1.3, §5.1.4, §5.4). Refuses a line of another shape. No `Debug` shows a value,
//! and no error repeats one.

use std::fmt;
use std::net::IpAddr;

use super::date::HttpDate;
use super::is_value;
use super::url::{Scheme, Url};

/// The largest file that is read.
pub const MAX_FILE: usize = 1024 * 1024;

/// The cookies of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieFile {
    cookies: Vec<Stored>,
}

#[derive(Clone, PartialEq, Eq)]
struct Stored {
    /// Lower case, without the dot that may stand before it.
    domain: String,
    subdomains: bool,
    path: String,
    /// Only over https.
    secure: bool,
    /// `NAME=VALUE`.
    pair: String,
}

impl CookieFile {
    /// Whether a text is such a file, and not the value of a `Cookie` field: that has no tab.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("# Netscape HTTP Cookie File") || text.starts_with("# HTTP Cookie File") || text.contains('\t')
    }

    /// Reads the file; what has expired by `now` is left out.
    ///
    /// # Errors
    /// The number of the line that is no cookie, from 1 (exit code 2).
    pub fn parse(text: &str, now: HttpDate) -> Result<Self, CookieFileError> {
        let mut cookies = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
            if !line.starts_with('#') && !line.trim().is_empty() {
                let (stored, expires) = Stored::parse(line).ok_or(CookieFileError { line: n + 1 })?;
                // 0 is a cookie of the session that it came in.
                cookies.extend(Some(stored).filter(|_| expires == 0 || expires > now.unix()));
            }
        }
        Ok(CookieFile { cookies })
    }

    /// The cookies that fit `url`, as `NAME=VALUE; NAME=VALUE`, longer paths first; `None` if there are none.
    #[must_use]
    pub fn value_for(&self, url: &Url) -> Option<String> {
        let mut fitting: Vec<_> = self.cookies.iter().filter(|cookie| cookie.fits(url)).collect();
        // The sort is stable: of the same length, they stay in their order.
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = fitting.into_iter().map(|cookie| &*cookie.pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// With the cookies of another file.
    #[must_use]
    pub fn and(mut self, other: CookieFile) -> Self {
        self.cookies.extend(other.cookies);
        self
    }

    /// Whether there is no cookie.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }
}

impl Stored {
    /// A line, and when the cookie expires, in seconds since 1970.
    fn parse(line: &str) -> Option<(Self, i64)> {
        let mut columns = line.split('\t');
        let domain = columns.next()?.trim_start_matches('.').to_ascii_lowercase();
        let (subdomains, path, secure) = (truth(columns.next()?)?, columns.next()?, truth(columns.next()?)?);
        let expires = columns.next()?.parse().ok()?;
        let name = columns.next()?;
        // curl writes no last column where the value is empty.
        let value = columns.next().unwrap_or_default();
        let pair = format!("{name}={value}");
        let is_sound = !domain.is_empty() && path.starts_with('/') && !name.is_empty() && columns.next().is_none();
        let is_sendable = pair.bytes().all(|b| is_value(b) && b != b';');
        let stored = Stored { domain, subdomains, path: path.to_owned(), secure, pair };
        (is_sound && is_sendable).then_some((stored, expires))
    }

    fn fits(&self, url: &Url) -> bool {
        self.is_of(url.host()) && self.is_above(url.target()) && (!self.secure || url.scheme() == Scheme::Https)
    }

    /// RFC 6265 §5.1.3: nothing is below an address.
    fn is_of(&self, host: &str) -> bool {
        let above = || host.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.'));
        host == self.domain || (self.subdomains && host.parse::<IpAddr>().is_err() && above())
    }

    /// RFC 6265 §5.1.4.
    fn is_above(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        let rest = path.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("domain", &self.domain).finish_non_exhaustive()
    }
}

fn truth(column: &str) -> Option<bool> {
    ["FALSE", "TRUE"].iter().position(|word| word.eq_ignore_ascii_case(column)).map(|at| at == 1)
}

/// The line, from 1, that is no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieFileError {
    /// Its number.
    pub line: usize,
}

impl fmt::Display for CookieFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is no cookie: domain, TRUE or FALSE, path, TRUE or FALSE, time, name, value", self.line)
    }
}

impl std::error::Error for CookieFileError {}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Netscape HTTP Cookie File\n\n# a comment\n\
        h.example\tFALSE\t/\tFALSE\t0\thost\t1\n\
        .h.example\tTRUE\t/\tFALSE\t4000000000\tbelow\t2\n\
        #HttpOnly_h.example\tTRUE\t/a\tTRUE\t0\tsecure\t3\r\n\
        h.example\tFALSE\t/a/\tFALSE\t0\tdeep\t4\n\
        h.example\tFALSE\t/\tFALSE\t1000\told\t5\n\
        127.0.0.1\tTRUE\t/\tFALSE\t0\taddress\t6\n\
        H.Example\tfalse\t/\tfalse\t0\tempty\n";

    fn value_for(url: &str) -> Option<String> {
        let file = CookieFile::parse(FILE, HttpDate::from_unix(2000)).unwrap();
        file.value_for(&Url::parse(url).unwrap())
    }

    #[test]
    fn cookies_go_where_they_fit() {
        let table = [
            ("http://h.example/", Some("host=1; below=2; empty=")),
            ("http://H.Example:8080/?a/b", Some("host=1; below=2; empty=")),
            ("http://x.h.example/", Some("below=2")),
            ("http://xh.example/", None),
            ("http://example/", None),
            ("http://h.example/a", Some("host=1; below=2; empty=")),
            ("https://h.example/a", Some("secure=3; host=1; below=2; empty=")),
            ("https://h.example/a/b?c", Some("deep=4; secure=3; host=1; below=2; empty=")),
            ("https://h.example/ab", Some("host=1; below=2; empty=")),
            ("http://127.0.0.1/", Some("address=6")),
            ("http://[::1]/", None),
        ];
        for (url, want) in table {
            assert_eq!(value_for(url).as_deref(), want, "{url}");
        }
    }

    #[test]
    fn nothing_is_below_an_address() {
        let file = CookieFile::parse("0.0.1\tTRUE\t/\tFALSE\t0\ta\tb", HttpDate::from_unix(0)).unwrap();
        assert_eq!(file.value_for(&Url::parse("http://127.0.0.1/").unwrap()), None);
    }

    #[test]
    fn which_text_is_one() {
        assert!(CookieFile::is_one(FILE) && CookieFile::is_one("# HTTP Cookie File\n"));
        assert!(CookieFile::is_one("h\tFALSE\t/\tFALSE\t0\ta\tb"));
        assert!(!CookieFile::is_one("a=b; c=d") && !CookieFile::is_one(""));
    }

    #[test]
    fn refused_and_not_repeated() {
        let table = [
            "a=hunter2",
            "h\tFALSE\t/\tFALSE\t0",
            "h\tFALSE\t/\tFALSE\tsoon\ta\thunter2",
            "h\tYES\t/\tFALSE\t0\ta\thunter2",
            "h\tFALSE\tx\tFALSE\t0\ta\thunter2",
            "\tFALSE\t/\tFALSE\t0\ta\thunter2",
            "h\tFALSE\t/\tFALSE\t0\t\thunter2",
            "h\tFALSE\t/\tFALSE\t0\ta\thunter2\tx",
            "h\tFALSE\t/\tFALSE\t0\ta\thunter2\0",
            "h\tFALSE\t/\tFALSE\t0\ta\thunter2; b=c",
        ];
        for line in table {
            let error = CookieFile::parse(&format!("# x\n{line}"), HttpDate::from_unix(0)).unwrap_err();
            assert_eq!(error.line, 2, "{line:?}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let shown = format!("{:?}", CookieFile::parse(FILE, HttpDate::from_unix(0)).unwrap());
        assert!(shown.contains("h.example") && !shown.contains("deep"), "{shown}");
    }
}
