//! Which HTTP proxy is asked for a URL, if any: what the user wrote, or the environment, read as curl reads it.
//!
//! Owns the grammar of a proxy's URL, the names of the variables and their order. `HTTP_PROXY` in capitals is not
//! among them: a CGI program's client could set it by a header line `Proxy:` (CVE-2016-5385). Refuses proxies that are
//! spoken to in another way than plain HTTP, and to repeat any part of a URL that could be a password.

use std::fmt;

use super::auth::{AuthError, Credentials};
use super::bypass::Bypass;
use super::header::Header;
use super::route::number;
use super::url::{Scheme, Url};
use crate::address::{Host, HostPort, Port};

/// Where a proxy listens unless its URL says else; as in curl.
const PORT: u16 = 1080;

/// The variable that has the password of a proxy whose URL has a user alone.
const PASSWORD: &str = "SOCKKIT_PROXY_PASSWORD";

const HTTP: &[&str] = &["http_proxy", "all_proxy", "ALL_PROXY"];
const HTTPS: &[&str] = &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NONE: &[&str] = &["no_proxy", "NO_PROXY"];

/// Schemes of proxies that may be named in an error: anything else could be a part of a password.
const OTHERS: [&str; 6] = ["https", "socks", "socks4", "socks4a", "socks5", "socks5h"];

/// An HTTP proxy, shown (`Display`) without its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    address: HostPort,
    authorization: Option<Header>,
}

impl Proxy {
    /// Reads `[http://][USER[:PASSWORD]@]HOST[:PORT]`; user and password may be percent-encoded. `password` is for a
    /// user without one.
    ///
    /// There is no `FromStr` on purpose: clap would quote the whole text, password and all, in its own error.
    ///
    /// # Errors
    /// Says what is wrong (exit code 2) without repeating the text.
    pub fn parse(text: &str, password: Option<&str>) -> Result<Self, ProxyError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if !scheme.contains([':', '@']) => {
                let known = OTHERS.into_iter().find(|other| scheme.eq_ignore_ascii_case(other));
                return Err(ProxyError::Scheme(known));
            }
            _ => text,
        };
        let (user_info, address) = rest.rsplit_once('@').map_or((None, rest), |(user, at)| (Some(user), at));
        let address = address_of(address.strip_suffix('/').unwrap_or(address))?;
        let authorization = user_info.map(|user_info| authorization(user_info, password)).transpose()?;
        Ok(Proxy { address, authorization })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &HostPort {
        &self.address
    }

    /// The header line for it, and for nobody behind it.
    #[must_use]
    pub fn authorization(&self) -> Option<&Header> {
        self.authorization.as_ref()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

fn address_of(text: &str) -> Result<HostPort, ProxyError> {
    if text.contains(['/', '?', '#']) {
        return Err(ProxyError::Path);
    }
    let (host, port) = match text.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(ProxyError::Port)?)),
        None if text.matches(':').count() > 1 => return Err(ProxyError::Brackets),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host = match host.parse() {
        // As the hosts of URLs are, so that --resolve finds it.
        Ok(Host::Name(name)) => Host::Name(name.to_ascii_lowercase()),
        Ok(host) => host,
        Err(_) if host.is_empty() => return Err(ProxyError::NoHost),
        Err(_) => return Err(ProxyError::Host),
    };
    if matches!(host, Host::V6 { .. }) != text.starts_with('[') {
        return Err(ProxyError::Host);
    }
    let port = port.map_or(Some(PORT), number).ok_or(ProxyError::Port)?;
    Ok(HostPort { host, port: Port::Number(port) })
}

fn authorization(user_info: &str, password: Option<&str>) -> Result<Header, ProxyError> {
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, decoded(password)?),
        None => (user_info, password.ok_or(ProxyError::NoPassword)?.to_owned()),
    };
    let credentials = Credentials::basic(&decoded(user)?, &password).map_err(ProxyError::Credentials)?;
    Ok(Header::checked("Proxy-Authorization", credentials.value().to_owned()))
}

/// Without percent-encoding (RFC 3986 §2.1); a `%` that begins none stays, as in curl.
fn decoded(text: &str) -> Result<String, ProxyError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let (byte, behind) = encoded(rest).unwrap_or((first, behind));
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).map_err(|_| ProxyError::Encoding)
}

/// The byte that stands as `%XX` at the front of `text`, and what follows it.
fn encoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    Some((hex(*high)? << 4 | hex(*low)?, rest))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Why a proxy is refused (exit code 2). None of the texts repeats its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// Spoken to in another way than plain HTTP, in this one if it is known.
    Scheme(Option<&'static str>),
    /// There is no host.
    NoHost,
    /// The host is neither a name nor an address.
    Host,
    /// An IPv6 address without brackets.
    Brackets,
    /// The port is missing after its colon, no number, 0, or over 65535.
    Port,
    /// Something follows the host.
    Path,
    /// A user without a password, which is nowhere else either.
    NoPassword,
    /// User or password is not UTF-8.
    Encoding,
    /// User or password is one that can't be sent.
    Credentials(AuthError),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme(Some(name)) => return write!(f, "{name}:// proxies are not supported, only http:// ones"),
            Self::Scheme(None) => "only http:// proxies are supported",
            Self::NoHost => "the proxy has no host (--no-proxy '*' goes without one)",
            Self::Host => "the proxy's host is neither a valid name nor an address",
            Self::Brackets => "the IPv6 address of a proxy stands in brackets (write http://[::1]:3128)",
            Self::Port => "the proxy's port is missing or not a number from 1 to 65535",
            Self::Path => "a proxy is a host and a port, nothing follows them",
            Self::NoPassword => {
                "the proxy's user has no password: put it into SOCKKIT_PROXY_PASSWORD, or write USER:@HOST for an empty one"
            }
            Self::Encoding => "the proxy's user or password is not UTF-8",
            Self::Credentials(why) => return write!(f, "the proxy's credentials: {why}"),
        })
    }
}

impl std::error::Error for ProxyError {}

/// The proxies of a run: one for each scheme, and who is asked without.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Choice>,
    https: Option<Choice>,
    bypass: Bypass,
}

/// A proxy and what named it. A variable that is wrong is nobody's business until it is needed.
#[derive(Clone, Debug)]
struct Choice {
    named_by: &'static str,
    proxy: Result<Proxy, ProxyError>,
}

impl Proxies {
    /// Those of --proxy and --no-proxy as far as they are given, else those of the environment, of which `variable`
    /// gives the values. As in curl, an empty one is none, and `no_proxy` holds for --proxy too.
    ///
    /// # Errors
    /// What is wrong with what was given (exit code 2).
    pub fn choose(
        proxy: Option<&str>,
        no_proxy: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let first = |names: &[&'static str]| {
            let set = |&name: &&'static str| Some((name, variable(name).filter(|value| !value.is_empty())?));
            names.iter().find_map(set)
        };
        let password = variable(PASSWORD);
        let choice = |(named_by, text): (&'static str, String)| Choice {
            named_by,
            proxy: Proxy::parse(&text, password.as_deref()),
        };
        let bypass = match no_proxy {
            Some(list) => list.parse().map_err(|why| format!("--no-proxy: {why}"))?,
            None => first(NONE).map(|(_, list)| Bypass::lenient(&list)).unwrap_or_default(),
        };
        let given = proxy.map(|text| Self::given(text, &variable)).transpose()?;
        let given = given.map(|proxy| Choice { named_by: "--proxy", proxy: Ok(proxy) });
        let http = given.clone().or_else(|| first(HTTP).map(choice));
        let https = given.or_else(|| first(HTTPS).map(choice));
        Ok(Proxies { http, https, bypass })
    }

    /// The proxy of --proxy.
    ///
    /// # Errors
    /// What is wrong with it (exit code 2).
    pub fn given(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Proxy, String> {
        Proxy::parse(text, variable(PASSWORD).as_deref()).map_err(|why| format!("--proxy: {why}"))
    }

    /// The proxy for `url`, and the option or variable that names it.
    ///
    /// # Errors
    /// The variable that names it can't be used (exit code 2).
    pub fn for_url(&self, url: &Url) -> Result<Option<(&Proxy, &'static str)>, String> {
        match self.choice(url) {
            Some(Choice { named_by, proxy }) if !self.bypass.covers(url) => {
                proxy.as_ref().map(|proxy| Some((proxy, *named_by))).map_err(|why| format!("{named_by}: {why}"))
            }
            _ => Ok(None),
        }
    }

    /// Whether `url` has a proxy and is in the list of those that are asked without.
    #[must_use]
    pub fn bypasses(&self, url: &Url) -> bool {
        self.choice(url).is_some() && self.bypass.covers(url)
    }

    /// Takes a `Proxy-Authorization` of the user's out of `headers`, where there is a proxy: it is the proxy's, in place
    /// of what its URL says, and no origin's.
    pub fn take_authorization(&mut self, headers: &mut Vec<Header>) {
        let mut proxies: Vec<_> = [&mut self.http, &mut self.https].into_iter().flatten().collect();
        let is_theirs = |header: &Header| header.is("proxy-authorization");
        let Some(last) = headers.iter().rfind(|header| is_theirs(header)).cloned() else { return };
        if proxies.is_empty() {
            return;
        }
        for proxy in proxies.iter_mut().filter_map(|choice| choice.proxy.as_mut().ok()) {
            proxy.authorization = Some(last.clone()).filter(|header| header.value().is_some());
        }
        headers.retain(|header| !is_theirs(header));
    }

    fn choice(&self, url: &Url) -> Option<&Choice> {
        match url.scheme() {
            Scheme::Http => self.http.as_ref(),
            Scheme::Https => self.https.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(proxy: &Proxy) -> Option<&str> {
        proxy.authorization().and_then(Header::value)
    }

    #[test]
    fn what_a_proxy_is() {
        // printf 'u:p' | base64
        const UP: Option<&str> = Some("Basic dTpw");
        let table = [
            ("proxy.example", "proxy.example:1080", None),
            ("HTTP://Proxy.Example:3128/", "proxy.example:3128", None),
            ("http://127.0.0.1:3128", "127.0.0.1:3128", None),
            ("[::1]:3128", "[::1]:3128", None),
            ("http://[::1]", "[::1]:1080", None),
            ("u:p@h:1", "h:1", UP),
            ("http://u:p@h:1", "h:1", UP),
            ("http://%75:%70@h", "h:1080", UP),
            ("u@h", "h:1080", Some("Basic dTpmcm9tIGVudg==")),
            ("u:@h", "h:1080", Some("Basic dTo=")),
            // What should be encoded and is not.
            ("u:p/a@t@h", "h:1080", Some("Basic dTpwL2FAdA==")),
            ("u:%p://%@h", "h:1080", Some("Basic dTolcDovLyU=")),
        ];
        for (text, shown, authorization) in table {
            let proxy = Proxy::parse(text, Some("from env")).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!((proxy.to_string().as_str(), value(&proxy)), (shown, authorization), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        use ProxyError::{Brackets, Encoding, Host, NoHost, NoPassword, Path, Port, Scheme};
        let table = [
            ("", NoHost),
            ("http://", NoHost),
            (":3128", NoHost),
            ("u:p@", NoHost),
            ("https://h", Scheme(Some("https"))),
            ("SOCKS5h://u:hunter2@h", Scheme(Some("socks5h"))),
            ("hunter2://h", Scheme(None)),
            ("h:", Port),
            ("h:0", Port),
            ("h:65536", Port),
            ("h:+1", Port),
            ("h:hunter2", Port),
            ("[::1]x", Port),
            ("::1", Brackets),
            ("::1:3128", Brackets),
            ("[127.0.0.1]", Host),
            ("[::1", Brackets),
            ("a b", Host),
            ("010.0.0.1", Host),
            ("h/path", Path),
            ("h?hunter2", Path),
            ("u@h", NoPassword),
            ("u:%ff@h", Encoding),
            ("u:hunter2%0d@h", ProxyError::Credentials(AuthError::Control)),
            ("u%3a:hunter2@h", ProxyError::Credentials(AuthError::Colon)),
        ];
        for (text, why) in table {
            assert_eq!(Proxy::parse(text, None), Err(why), "{text}");
            assert!(!why.to_string().contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn debug_hides_the_credentials() {
        let proxy = Proxy::parse("user:hunter2@h", None).unwrap();
        // "user:hunter2" in base64.
        for secret in ["hunter2", "user", "dXNlcjpodW50ZXIy"] {
            assert!(!format!("{proxy:?} {proxy}").contains(secret));
        }
    }

    type Variables<'a> = &'a [(&'a str, &'a str)];

    /// The proxy for `url` with these variables and options.
    fn chosen(proxy: Option<&str>, no_proxy: Option<&str>, set: Variables<'_>, url: &str) -> Result<String, String> {
        let variable = |name: &str| set.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned());
        let proxies = Proxies::choose(proxy, no_proxy, variable)?;
        let url = Url::parse(url).unwrap();
        proxies.for_url(&url).map(|proxy| proxy.map_or_else(|| "none".into(), |(proxy, _)| proxy.to_string()))
    }

    #[test]
    fn the_environment_as_curl_reads_it() {
        let table: [(Variables<'_>, &str, &str); 16] = [
            (&[], "h", "none"),
            (&[("http_proxy", "a:1")], "h", "a:1"),
            (&[("http_proxy", "a:1")], "https://h", "none"),
            (&[("HTTP_PROXY", "a:1")], "h", "none"),
            (&[("HTTP_PROXY", "a:1")], "https://h", "none"),
            (&[("https_proxy", "a:1"), ("HTTPS_PROXY", "b:1")], "https://h", "a:1"),
            (&[("HTTPS_PROXY", "b:1"), ("all_proxy", "c:1")], "https://h", "b:1"),
            (&[("HTTPS_PROXY", "b:1"), ("all_proxy", "c:1")], "h", "c:1"),
            (&[("all_proxy", "c:1"), ("ALL_PROXY", "d:1")], "h", "c:1"),
            (&[("ALL_PROXY", "d:1")], "https://h", "d:1"),
            (&[("http_proxy", ""), ("all_proxy", "c:1")], "h", "c:1"),
            (&[("http_proxy", "a:1"), ("no_proxy", "h")], "h", "none"),
            (&[("http_proxy", "a:1"), ("NO_PROXY", "h")], "h", "none"),
            (&[("http_proxy", "a:1"), ("no_proxy", "i"), ("NO_PROXY", "h")], "h", "a:1"),
            (&[("http_proxy", "a:1"), ("no_proxy", "10.0.0.0/99, h")], "h", "none"),
            // What is wrong and not needed does no harm.
            (&[("http_proxy", "a:1"), ("https_proxy", "socks5://b")], "h", "a:1"),
        ];
        for (set, url, wanted) in table {
            assert_eq!(chosen(None, None, set, url).as_deref(), Ok(wanted), "{set:?} {url}");
        }
        let refused = chosen(None, None, &[("all_proxy", "socks5://user:hunter2@b")], "h").unwrap_err();
        assert_eq!(refused, "all_proxy: socks5:// proxies are not supported, only http:// ones");
    }

    #[test]
    fn options_go_before_the_environment() {
        let set = [("http_proxy", "a:1"), ("no_proxy", "h")];
        assert_eq!(chosen(Some("b:1"), None, &set, "i").as_deref(), Ok("b:1"));
        assert_eq!(chosen(Some("b:1"), None, &set, "https://i").as_deref(), Ok("b:1"));
        assert_eq!(chosen(Some("b:1"), None, &set, "h").as_deref(), Ok("none"));
        assert_eq!(chosen(Some("b:1"), Some(""), &set, "h").as_deref(), Ok("b:1"));
        assert_eq!(chosen(None, Some("*"), &set, "i").as_deref(), Ok("none"));
        assert_eq!(chosen(Some("u@b"), None, &[(PASSWORD, "p")], "i").as_deref(), Ok("b:1080"));
        assert!(chosen(Some("socks5://b"), Some("*"), &[], "h").is_err());
        assert!(chosen(None, Some("10.0.0.0/99"), &[], "h").is_err());
    }

    #[test]
    fn a_line_of_the_users_is_the_proxys() {
        let headers = || ["X: y", "proxy-authorization: Bearer t"].map(|line| Header::parse(line).unwrap()).to_vec();
        let url = Url::parse("h").unwrap();
        let mut proxies = Proxies::choose(Some("u:p@h"), None, |_| None).unwrap();
        let mut left = headers();
        proxies.take_authorization(&mut left);
        assert_eq!((left.len(), value(proxies.for_url(&url).unwrap().unwrap().0)), (1, Some("Bearer t")));
        // An empty one takes away what the URL says.
        proxies.take_authorization(&mut vec![Header::parse("Proxy-Authorization:").unwrap()]);
        assert_eq!(value(proxies.for_url(&url).unwrap().unwrap().0), None);
        // Without a proxy it is a line like any other.
        let mut left = headers();
        Proxies::default().take_authorization(&mut left);
        assert_eq!(left.len(), 2);
    }
}
