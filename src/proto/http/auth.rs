//! Credentials: the values of `Authorization` (Basic, RFC 7617; Bearer, RFC 6750), and who may see them.
//!
//! Owns base64 (RFC 4648 §4), the checks on what is typed, and [`Secrets`], the one place that decides whether a
//! secret goes into a request: only to the origin that it was given for (RFC 9110 §15.4). No `Debug` here shows a
//! secret, and no error repeats one.

use std::fmt;

use super::cookie_file::CookieFile;
use super::header::Header;
use super::is_value;
use super::netrc::Netrc;
use super::url::{Origin, Url};

/// The value of an `Authorization` or `Proxy-Authorization` field.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    value: String,
}

impl Credentials {
    /// Reads `USER:PASSWORD`, as -u takes it; the password is all behind the first colon.
    ///
    /// # Errors
    /// [`AuthError::NoPassword`] without a colon (the caller may know it from somewhere else), and as [`Self::basic`].
    pub fn parse(typed: &str) -> Result<Self, AuthError> {
        let (user, password) = typed.split_once(':').ok_or(AuthError::NoPassword)?;
        Self::basic(user, password)
    }

    /// Basic: both as UTF-8 (RFC 7617 §2). Either may be empty.
    ///
    /// # Errors
    /// [`AuthError::Colon`] in the user's name, [`AuthError::Control`] in one of them.
    pub fn basic(user: &str, password: &str) -> Result<Self, AuthError> {
        if user.contains(':') {
            return Err(AuthError::Colon);
        }
        let both = format!("{user}:{password}");
        if both.chars().any(char::is_control) {
            return Err(AuthError::Control);
        }
        Ok(Self { value: format!("Basic {}", base64(both.as_bytes())) })
    }

    /// Bearer. RFC 6750 §2.1 names the characters of a token; some issuers use others, so all that is visible passes.
    ///
    /// # Errors
    /// [`AuthError::Token`] if it is empty or holds white space, a control, or a character outside of ASCII.
    pub fn bearer(token: &str) -> Result<Self, AuthError> {
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(AuthError::Token);
        }
        Ok(Self { value: format!("Bearer {token}") })
    }

    /// The field's value. Never print it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// Why a credential or cookie is refused (exit code 2). None of the texts repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// `USER` without `:PASSWORD`.
    NoPassword,
    /// A colon in the user's name: the server would cut it there.
    Colon,
    /// A control character.
    Control,
    /// A token that is empty or holds what none may.
    Token,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPassword => "credentials are written USER:PASSWORD",
            Self::Colon => "the user's name holds a colon, which Basic authentication cannot send",
            Self::Control => "the user's name, the password or the cookie holds a control character",
            Self::Token => "the token is empty or holds a space or another character that no token has",
        })
    }
}

impl std::error::Error for AuthError {}

/// What only one origin may see: credentials and cookies, bound to the URL that they were given for.
///
/// ```
/// use sockkit::proto::http::Url;
/// use sockkit::proto::http::auth::{Credentials, Secrets};
///
/// let asked = Url::parse("http://a.example/")?;
/// let secrets = Secrets::of(&asked).credentials(&Credentials::parse("user:password")?).cookie("id=1")?;
/// assert_eq!(secrets.headers_for(&Url::parse("http://a.example/next")?).count(), 2);
/// assert_eq!(secrets.headers_for(&Url::parse("https://a.example/")?).count(), 0);
/// assert_eq!(secrets.headers_for(&Url::parse("http://b.example/")?).count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    home: Origin,
    authorization: Option<Header>,
    cookies: Vec<String>,
    stored: CookieFile,
}

impl Secrets {
    /// Nothing yet, for the origin of the URL that the user asked for.
    #[must_use]
    pub fn of(asked: &Url) -> Self {
        Self { home: asked.origin(), authorization: None, cookies: Vec::new(), stored: CookieFile::default() }
    }

    /// With these credentials in place of any before.
    #[must_use]
    pub fn credentials(mut self, credentials: &Credentials) -> Self {
        self.authorization = Some(Header::checked("Authorization", credentials.value.clone()));
        self
    }

    /// With the credentials that a .netrc has for the host of the URL that was asked for, unless there are some; with
    /// `login`, those of that login. A redirect to another host does not ask it again: whoever redirects would choose
    /// whom the user logs in to.
    ///
    /// # Errors
    /// As [`Credentials::basic`].
    pub fn netrc(self, netrc: &Netrc, login: Option<&str>) -> Result<Self, AuthError> {
        match netrc.find(&self.home.host, login) {
            Some(entry) if self.authorization.is_none() => {
                let credentials = Credentials::basic(entry.login(), entry.password())?;
                Ok(self.credentials(&credentials))
            }
            _ => Ok(self),
        }
    }

    /// With this value of a `Cookie` field, such as `a=1; b=2`; several are joined.
    ///
    /// # Errors
    /// [`AuthError::Control`].
    pub fn cookie(mut self, cookie: &str) -> Result<Self, AuthError> {
        if !cookie.bytes().all(is_value) {
            return Err(AuthError::Control);
        }
        self.cookies.push(cookie.to_owned());
        Ok(self)
    }

    /// With those cookies of a file that fit the URL of a request.
    #[must_use]
    pub fn stored(self, stored: CookieFile) -> Self {
        Self { stored: self.stored.and(stored), ..self }
    }

    /// Whether there are credentials.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }

    /// The header lines that a request for `url` may carry: all if it has the same scheme, host and port as the URL
    /// that they were given for, and else none.
    pub fn headers_for(&self, url: &Url) -> impl Iterator<Item = Header> {
        let at_home = self.is_home(url);
        self.authorization.clone().into_iter().chain(self.cookie_for(url)).filter(move |_| at_home)
    }

    /// Whether a request for `url` goes without something that it would carry at home, among these lines of the user's
    /// own too.
    #[must_use]
    pub fn withholds(&self, url: &Url, headers: &[Header]) -> bool {
        let is_empty = self.authorization.is_none() && self.cookies.is_empty() && self.stored.is_empty();
        !self.is_home(url) && (!is_empty || headers.iter().any(Header::is_secret))
    }

    /// Whether a request for `url` may carry this line of the user's own (-H): a secret stays where the others do.
    #[must_use]
    pub fn permit(&self, header: &Header, url: &Url) -> bool {
        !header.stays_home() || self.is_home(url)
    }

    /// One line for all cookies (RFC 6265 §5.4).
    fn cookie_for(&self, url: &Url) -> Option<Header> {
        let all: Vec<_> = self.cookies.iter().cloned().chain(self.stored.value_for(url)).collect();
        (!all.is_empty()).then(|| Header::checked("Cookie", all.join("; ")))
    }

    /// The one rule.
    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.home
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("home", &self.home).finish_non_exhaustive()
    }
}

/// RFC 4648 §4, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place > three.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::http::date::HttpDate;
    use crate::proto::http::{Content, Method, Request, UserInfo, Version};

    #[test]
    fn base64_of_the_rfc() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, want) in table {
            assert_eq!(base64(plain.as_bytes()), want);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe, 0, 0]), "+//+AAA=");
    }

    #[test]
    fn values() {
        let value = |credentials: Result<Credentials, AuthError>| credentials.unwrap().value().to_owned();
        // RFC 7617 §2 and §2.1.
        assert_eq!(value(Credentials::parse("Aladdin:open sesame")), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(value(Credentials::basic("test", "123\u{a3}")), "Basic dGVzdDoxMjPCow==");
        assert_eq!(value(Credentials::parse("u:p:q")), value(Credentials::basic("u", "p:q")));
        assert_eq!(value(Credentials::parse(":")), "Basic Og==");
        assert_eq!(value(Credentials::bearer("mF_9.B5f-4.1JqM")), "Bearer mF_9.B5f-4.1JqM");
        assert_eq!(value(Credentials::bearer("1|a:b==")), "Bearer 1|a:b==");
    }

    #[test]
    fn refused() {
        use AuthError::{Colon, Control, NoPassword, Token};
        assert_eq!(Credentials::parse("user"), Err(NoPassword));
        assert_eq!(Credentials::parse(""), Err(NoPassword));
        assert_eq!(Credentials::basic("a:b", "c"), Err(Colon));
        for (user, password) in [("a\n", "b"), ("a", "b\r\nX: y"), ("a\0", ""), ("a", "\u{85}")] {
            assert_eq!(Credentials::basic(user, password), Err(Control));
        }
        for token in ["", "a b", " a", "a\r\nX: y", "\u{fc}", "a\t"] {
            assert_eq!(Credentials::bearer(token), Err(Token), "{token:?}");
        }
        let secrets = Secrets::of(&Url::parse("h").unwrap());
        assert_eq!(secrets.cookie("a=1\r\nX: y").unwrap_err(), Control);
    }

    /// A request for `url`.
    fn encoded(url: &Url, secrets: &Secrets, headers: &[Header]) -> String {
        let (method, content, version) = (Method::Get, Content::None, Version::Http11);
        let request = Request { method, url, secrets, headers, content, version, keep: false, agent: "9" };
        String::from_utf8(request.encode()).unwrap()
    }

    #[test]
    fn headers() {
        let url = Url::parse("http://h/").unwrap();
        let netrc = Netrc::parse(b"machine h login u password p default login x password y").unwrap();
        let plain = Secrets::of(&url).cookie("a=1").unwrap().cookie("b=2").unwrap().netrc(&netrc, None).unwrap();
        let sent = encoded(&url, &plain, &[]);
        assert!(sent.contains("\r\nAuthorization: Basic dTpw\r\nCookie: a=1; b=2\r\n"), "{sent}");
        // What the user gives goes before the file.
        let bearer = Secrets::of(&url).credentials(&Credentials::bearer("t").unwrap()).netrc(&netrc, None).unwrap();
        assert!(encoded(&url, &bearer, &[]).contains("\r\nAuthorization: Bearer t\r\n"));
        let other = Netrc::parse(b"machine i login u machine h login v password q").unwrap();
        let as_login = |login| Secrets::of(&url).netrc(&other, Some(login)).unwrap();
        assert!(!as_login("u").has_credentials() && as_login("v").has_credentials());
        // Cookies of the file come behind the others, and only where they fit.
        let file = CookieFile::parse("h\tFALSE\t/a\tFALSE\t0\tc\t3", HttpDate::from_unix(0)).unwrap();
        let stored = Secrets::of(&url).cookie("b=2").unwrap().stored(file);
        assert!(encoded(&url, &stored, &[]).contains("\r\nCookie: b=2\r\n"));
        assert!(encoded(&Url::parse("h/a").unwrap(), &stored, &[]).contains("\r\nCookie: b=2; c=3\r\n"));
    }

    #[test]
    fn what_is_withheld() {
        let (home, other) = (Url::parse("http://h/").unwrap(), Url::parse("http://h:81/").unwrap());
        let lines = |text| vec![Header::parse(text).unwrap()];
        let (none, some) = (Secrets::of(&home), Secrets::of(&home).cookie("a=b").unwrap());
        let table = [
            (&none, &home, lines("Cookie: a"), false),
            (&none, &other, lines("Cookie: a"), true),
            (&none, &other, lines("Host: a"), false),
            (&none, &other, vec![], false),
            (&some, &home, vec![], false),
            (&some, &other, vec![], true),
        ];
        for (secrets, url, headers, want) in table {
            assert_eq!(secrets.withholds(url, &headers), want, "{url} {headers:?}");
        }
    }

    #[test]
    fn debug_hides_everything() {
        let url = Url::parse("http://h/").unwrap();
        let credentials = Credentials::parse("user:hunter2").unwrap();
        let secrets = Secrets::of(&url).credentials(&credentials).cookie("a=hunter2").unwrap();
        let shown = format!("{credentials:?} {secrets:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("Basic") && !shown.contains("user"), "{shown}");
    }

    fn decode(text: &str) -> Vec<u8> {
        let value = |b: u8| match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let bits: Vec<_> =
            text.trim_end_matches('=').bytes().flat_map(|b| (0..6).rev().map(move |n| value(b) >> n & 1)).collect();
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect()
    }

    /// Where a secret of the user's may come from.
    #[derive(Clone, Copy, Debug)]
    enum Source {
        User,
        UserInfo,
        Bearer,
        Machine,
        Default,
        Cookie,
        CookieFile,
        /// A line of the user's own, of this name.
        Line(&'static str),
    }

    const SOURCES: [Source; 12] = [
        Source::User,
        Source::UserInfo,
        Source::Bearer,
        Source::Machine,
        Source::Default,
        Source::Cookie,
        Source::CookieFile,
        Source::Line("Authorization"),
        Source::Line("Proxy-authorization"),
        Source::Line("cookie"),
        Source::Line("COOKIE"),
        Source::Line("Host"),
    ];

    impl Source {
        /// Secrets for `asked` with this one among them, lines of the user's own, and what may not be seen of both in a
        /// request.
        fn secrets(self, asked: &Url) -> (Secrets, Vec<Header>, &'static str) {
            let none = Secrets::of(asked);
            let netrc = |text: String| none.clone().netrc(&Netrc::parse(text.as_bytes()).unwrap(), None).unwrap();
            // "hunter2" with "user:" before it, in base64.
            let basic = "dXNlcjpodW50ZXIy";
            let (secrets, seen) = match self {
                Self::Line(name) => {
                    return (none, vec![Header::parse(&format!("{name}: hunter2")).unwrap()], "hunter2");
                }
                Self::User => (none.credentials(&Credentials::parse("user:hunter2").unwrap()), basic),
                Self::UserInfo => {
                    let info = UserInfo::cut("http://user:hunter%32@h/").unwrap().1.unwrap();
                    (none.credentials(&info.credentials().unwrap()), basic)
                }
                Self::Bearer => (none.credentials(&Credentials::bearer("hunter2").unwrap()), "hunter2"),
                // All the hosts of the chain are in the file, and still only the first one is logged in to.
                Self::Machine => {
                    let hosts = ["a.x", "b.x", "127.0.0.1", "::1"];
                    (netrc(hosts.map(|h| format!("machine {h} login user password hunter2\n")).concat()), basic)
                }
                Self::Default => (netrc("default login user password hunter2".into()), basic),
                Self::Cookie => (none.cookie("id=hunter2").unwrap(), "hunter2"),
                Self::CookieFile => {
                    let hosts = ["a.x", "b.x", "127.0.0.1", "::1"];
                    let file = hosts.map(|h| format!("{h}\tFALSE\t/\tFALSE\t0\tid\thunter2\n")).concat();
                    (none.stored(CookieFile::parse(&file, HttpDate::from_unix(0)).unwrap()), "hunter2")
                }
            };
            (secrets, Vec::new(), seen)
        }
    }

    proptest! {
        #[test]
        fn base64_is_reversible(bytes: Vec<u8>) {
            let text = base64(&bytes);
            prop_assert_eq!((text.len() % 4, decode(&text)), (0, bytes));
        }

        /// FAULTS.md: the secret never reaches another origin, whatever chain of redirects leads there and back.
        #[test]
        fn secrets_reach_their_own_origin_alone(
            chain in prop::collection::vec(("(http|https)", "[ab]\\.x|A\\.X|127\\.0\\.0\\.1|\\[::1\\]", "|:80|:443|:81"), 2..6),
            source in prop::sample::select(SOURCES.to_vec()),
            goes_down: bool,
        ) {
            let urls: Vec<_> = chain.iter().map(|(s, h, p)| Url::parse(&format!("{s}://{h}{p}/")).unwrap()).collect();
            let (asked, mut now) = (&urls[0], urls[0].clone());
            let (secrets, mut headers, secret) = source.secrets(asked);
            headers.push(Header::parse("X: y").unwrap());
            for url in &urls {
                // As a redirect would lead there; one from https to http is refused and leads nowhere, unless allowed.
                let location = url.to_string();
                let next = if goes_down { now.redirect_even_down(location.as_bytes()) } else { now.redirect(location.as_bytes()) };
                now = next.unwrap_or(now);
                let sent = encoded(&now, &secrets, &headers);
                prop_assert_eq!(sent.contains(secret), now.origin() == asked.origin(), "{} {}", now, sent);
                prop_assert!(sent.contains("X: y"));
            }
        }
    }
}
