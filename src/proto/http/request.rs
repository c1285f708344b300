//! What is asked: method, target, header lines → bytes.
//!
//! Owns the request's own lines (RFC 9112 §3; RFC 9110 §7.2, §10.1.5, §12.5.1) and how the user's replace them.
//! Refuses nothing: what it is made of was checked by [`Url`] and [`Header`], so no part can break out of its line.

use std::fmt;

use super::header::{Header, push_line};
use super::url::Url;

/// The methods that `get` sends (RFC 9110 §9.3.1, §9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The head and the body.
    Get,
    /// The head alone.
    Head,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        })
    }
}

/// One request without a body.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// GET or HEAD.
    pub method: Method,
    /// What to ask for now, perhaps after redirects.
    pub url: &'a Url,
    /// What the user asked for at first: the headers that are for its origin alone go to no other.
    pub asked: &'a Url,
    /// The user's own header lines; each replaces or removes ours of that name.
    pub headers: &'a [Header],
    /// sockkit's version, for the `User-Agent` field.
    pub version: &'a str,
}

impl Request<'_> {
    /// The bytes to send: request line, `Host` first (RFC 9110 §7.2), our fields with the user's in their place,
    /// then the user's others in their order.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ours = [
            ("Host", self.url.host_header()),
            ("User-Agent", &format!("sockkit/{}", self.version)),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ];
        let theirs = self.headers_for_this_origin();
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.url.target());
        for (name, value) in ours {
            if theirs.iter().any(|h| h.is(name)) {
                theirs.iter().filter(|h| h.is(name)).for_each(|h| h.write(&mut out));
            } else {
                push_line(&mut out, name, value);
            }
        }
        let others = theirs.iter().filter(|h| !ours.iter().any(|(name, _)| h.is(name)));
        others.for_each(|h| h.write(&mut out));
        out.push_str("\r\n");
        out.into_bytes()
    }

    fn headers_for_this_origin(&self) -> Vec<&Header> {
        let at_home = self.url.origin() == self.asked.origin();
        self.headers.iter().filter(|h| at_home || !h.stays_home()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(method: Method, asked: &str, now: &str, headers: &[&str]) -> String {
        let headers: Vec<_> = headers.iter().map(|h| Header::parse(h).unwrap()).collect();
        let (url, asked) = (Url::parse(now).unwrap(), Url::parse(asked).unwrap());
        let request = Request { method, url: &url, asked: &asked, headers: &headers, version: "9" };
        String::from_utf8(request.encode()).unwrap()
    }

    #[test]
    fn requests() {
        const REST: &str = "User-Agent: sockkit/9\r\nAccept: */*\r\nConnection: close\r\n";
        let table: [(&str, &[&str], String); 6] = [
            ("h", &[], format!("GET / HTTP/1.1\r\nHost: h\r\n{REST}\r\n")),
            ("[::1]:81/a?b", &[], format!("GET /a?b HTTP/1.1\r\nHost: [::1]:81\r\n{REST}\r\n")),
            ("h", &["X:1", "x: 2\t "], format!("GET / HTTP/1.1\r\nHost: h\r\n{REST}X: 1\r\nx: 2\r\n\r\n")),
            ("h", &["X;", "Y:"], format!("GET / HTTP/1.1\r\nHost: h\r\n{REST}X: \r\n\r\n")),
            ("h", &["Z: 1", "host: i"], format!("GET / HTTP/1.1\r\nhost: i\r\n{REST}Z: 1\r\n\r\n")),
            (
                "h",
                &["user-agent:", "ACCEPT: a", "Accept: b", "Connection: x"],
                "GET / HTTP/1.1\r\nHost: h\r\nACCEPT: a\r\nAccept: b\r\nConnection: x\r\n\r\n".into(),
            ),
        ];
        for (url, headers, want) in table {
            assert_eq!(encode(Method::Get, url, url, headers), want);
        }
        assert!(encode(Method::Head, "h", "h", &[]).starts_with("HEAD / HTTP/1.1\r\nHost: h\r\n"));
    }

    #[test]
    fn a_host_of_the_users_stays_home() {
        assert!(encode(Method::Get, "h", "h/2", &["Host: vhost"]).contains("\r\nHost: vhost\r\n"));
        assert!(encode(Method::Get, "h", "i", &["Host: vhost"]).contains("\r\nHost: i\r\n"));
    }

    proptest! {
        /// FAULTS.md: the secret never reaches another origin, whatever chain of redirects leads there.
        #[test]
        fn secrets_reach_their_own_origin_alone(
            chain in prop::collection::vec(("(http|https)", "[ab]\\.x|127\\.0\\.0\\.1|\\[::1\\]", "|:80|:443|:81"), 2..6),
            name in prop::sample::select(vec!["Authorization", "cookie", "COOKIE", "Proxy-authorization"]),
        ) {
            let urls: Vec<_> = chain.iter().map(|(s, h, p)| format!("{s}://{h}{p}/")).collect();
            let home = Url::parse(&urls[0]).unwrap();
            for url in &urls {
                let sent = encode(Method::Get, &urls[0], url, &[&format!("{name}: hunter2"), "X: y"]);
                let same = Url::parse(url).unwrap().origin() == home.origin();
                prop_assert_eq!(sent.contains("hunter2"), same, "{}", sent);
                prop_assert!(sent.contains("X: y"));
            }
        }
    }
}
