//! What is asked: method, target, header lines → bytes.
//!
//! Owns the request's own lines (RFC 9112 §3, §6, §9.3; RFC 9110 §7.2, §8.3, §8.6, §10.1.5, §12.5.1) and how the
//! user's replace them. Refuses nothing: what it is made of was checked by [`Url`] and [`Header`], so no part can break
//! out of its line. Not here: the body's bytes, which may be a stream.

use super::auth::Secrets;
use super::head::Version;
use super::header::{Header, push_line};
use super::method::Method;
use super::proxy::Proxy;
use super::url::Url;

/// The type of a body that was given on the command line, unless a header of the user's says else; as in curl.
const FORM: &str = "application/x-www-form-urlencoded";

/// How the end of the request's body is told (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// There is no body.
    None,
    /// It has so many bytes.
    Length(u64),
    /// Its length is unknown when it begins: chunks. Only HTTP/1.1 knows them.
    Chunked,
}

/// The head of one request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is asked of the target.
    pub method: Method,
    /// What to ask for now, perhaps after redirects.
    pub url: &'a Url,
    /// What only the origin that the user asked for may see.
    pub secrets: &'a Secrets,
    /// The user's own header lines; each replaces or removes ours of that name. The secrets among them follow the rule
    /// of `secrets`.
    pub headers: &'a [Header],
    /// The body that follows.
    pub content: Content,
    /// The version that we speak: after HTTP/1.0 the server closes the connection.
    pub version: Version,
    /// Whether the connection may be asked again; otherwise the server is told to close it.
    pub keep: bool,
    /// sockkit's version, for the `User-Agent` field.
    pub agent: &'a str,
}

impl Request<'_> {
    /// The bytes to send: request line, `Host` first (RFC 9110 §7.2), our fields with the user's in their place,
    /// then the user's others in their order, then the secrets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(self.url.target(), None)
    }

    /// The same for a proxy that is to pass it on: the target in absolute-form (RFC 9112 §3.2.2), and last what is for the
    /// proxy alone.
    #[must_use]
    pub fn encode_for(&self, proxy: &Proxy) -> Vec<u8> {
        self.encode_with(&self.url.to_string(), proxy.authorization())
    }

    fn encode_with(&self, target: &str, authorization: Option<&Header>) -> Vec<u8> {
        let agent = format!("sockkit/{}", self.agent);
        let ours = self.fields(&agent);
        let theirs: Vec<_> = self.headers_for_this_origin().collect();
        let mut out = format!("{} {} {}\r\n", self.method, target, self.version);
        for (name, value) in &ours {
            if theirs.iter().any(|h| h.is(name)) {
                theirs.iter().filter(|h| h.is(name)).for_each(|h| h.write(&mut out));
            } else {
                push_line(&mut out, name, value);
            }
        }
        let others = theirs.iter().filter(|h| !ours.iter().any(|(name, _)| h.is(name)));
        others.for_each(|h| h.write(&mut out));
        self.secrets.headers_for(self.url).for_each(|h| h.write(&mut out));
        if let Some(authorization) = authorization {
            authorization.write(&mut out);
        }
        out.push_str("\r\n");
        out.into_bytes()
    }

    /// Whether the connection can be used again once the response is over, as far as this side decides
    /// (RFC 9112 §9.3).
    #[must_use]
    pub fn keeps_connection(&self) -> bool {
        let closes = |h: &Header| h.is("connection") && h.lists("close");
        self.keep && self.version == Version::Http11 && !self.headers_for_this_origin().any(closes)
    }

    /// Our own fields.
    fn fields<'f>(&'f self, agent: &'f str) -> Vec<(&'static str, String)> {
        let mut ours = vec![
            ("Host", self.url.host_header().to_owned()),
            ("User-Agent", agent.to_owned()),
            ("Accept", "*/*".to_owned()),
        ];
        match self.content {
            Content::None if self.method.expects_body() => ours.push(("Content-Length", "0".into())),
            Content::None => {}
            Content::Length(n) => ours.extend([("Content-Type", FORM.into()), ("Content-Length", n.to_string())]),
            Content::Chunked => {
                ours.extend([("Content-Type", FORM.into()), ("Transfer-Encoding", "chunked".into())]);
            }
        }
        // HTTP/1.0 closes without being told.
        if !self.keep && self.version == Version::Http11 {
            ours.push(("Connection", "close".into()));
        }
        ours
    }

    fn headers_for_this_origin(&self) -> impl Iterator<Item = &Header> {
        self.headers.iter().filter(|header| self.secrets.permit(header, self.url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(method: Method, asked: &str, now: &str, headers: &[&str]) -> String {
        encode_with(asked, now, headers, |request| Request { method, ..request })
    }

    fn encode_with(
        asked: &str,
        now: &str,
        headers: &[&str],
        change: impl for<'a> Fn(Request<'a>) -> Request<'a>,
    ) -> String {
        let headers: Vec<_> = headers.iter().map(|h| Header::parse(h).unwrap()).collect();
        let (url, secrets) = (Url::parse(now).unwrap(), Secrets::of(&Url::parse(asked).unwrap()));
        let request = Request {
            method: Method::Get,
            url: &url,
            secrets: &secrets,
            headers: &headers,
            content: Content::None,
            version: Version::Http11,
            keep: true,
            agent: "9",
        };
        String::from_utf8(change(request).encode()).unwrap()
    }

    #[test]
    fn requests() {
        const REST: &str = "User-Agent: sockkit/9\r\nAccept: */*\r\n";
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
        for method in Method::ALL {
            let start = format!("{method} / HTTP/1.1\r\nHost: h\r\n");
            assert!(encode(method, "h", "h", &[]).starts_with(&start));
        }
    }

    #[test]
    fn the_end_of_the_body_and_of_the_connection_are_told() {
        let tail = |headers: &[&str], method, content, version, keep| {
            let all = encode_with("h", "h", headers, |request| Request { method, content, version, keep, ..request });
            all.split_once("Accept: */*\r\n").map(|(_, tail)| tail.trim_end().to_owned()).unwrap()
        };
        let (one_one, one_zero) = (Version::Http11, Version::Http10);
        let length = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5";
        let chunked = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked";
        let table = [
            (Method::Post, Content::Length(5), one_one, true, length.to_owned()),
            (Method::Post, Content::Length(5), one_zero, true, length.to_owned()),
            (Method::Put, Content::Chunked, one_one, true, chunked.to_owned()),
            (Method::Put, Content::Chunked, one_one, false, format!("{chunked}\r\nConnection: close")),
            (Method::Post, Content::None, one_one, true, "Content-Length: 0".into()),
            (Method::Put, Content::None, one_one, true, "Content-Length: 0".into()),
            (Method::Patch, Content::None, one_one, true, "Content-Length: 0".into()),
            (Method::Delete, Content::None, one_one, true, String::new()),
            (Method::Get, Content::None, one_one, false, "Connection: close".into()),
            (Method::Get, Content::None, one_zero, false, String::new()),
        ];
        for (method, content, version, keep, want) in table {
            assert_eq!(tail(&[], method, content, version, keep), want, "{method} {content:?} {version} {keep}");
        }
        let typed = tail(&["content-type: text/plain"], Method::Post, Content::Length(5), one_one, true);
        assert_eq!(typed, "content-type: text/plain\r\nContent-Length: 5");
        let untyped = tail(&["Content-Type:"], Method::Post, Content::Length(5), one_one, true);
        assert_eq!(untyped, "Content-Length: 5");
    }

    #[test]
    fn who_keeps_the_connection() {
        let url = Url::parse("h").unwrap();
        let (secrets, close) = (Secrets::of(&url), [Header::parse("connection: x, Close").unwrap()]);
        let request = Request {
            method: Method::Get,
            url: &url,
            secrets: &secrets,
            headers: &[],
            content: Content::None,
            version: Version::Http11,
            keep: true,
            agent: "9",
        };
        assert!(request.keeps_connection());
        assert!(!Request { keep: false, ..request }.keeps_connection());
        assert!(!Request { version: Version::Http10, ..request }.keeps_connection());
        assert!(!Request { headers: &close, ..request }.keeps_connection());
    }

    #[test]
    fn a_proxy_gets_the_whole_url_and_what_is_its_own() {
        const REST: &str = "User-Agent: sockkit/9\r\nAccept: */*\r\n";
        let encode = |proxy: &str, now: &str, headers: &[&str]| {
            let headers: Vec<_> = headers.iter().map(|h| Header::parse(h).unwrap()).collect();
            let (url, secrets) = (Url::parse(now).unwrap(), Secrets::of(&Url::parse("h").unwrap()));
            let (method, content, version) = (Method::Get, Content::None, Version::Http11);
            let request = Request {
                method,
                url: &url,
                secrets: &secrets,
                headers: &headers,
                content,
                version,
                keep: true,
                agent: "9",
            };
            String::from_utf8(request.encode_for(&Proxy::parse(proxy, None).unwrap())).unwrap()
        };
        let plain = encode("p", "http://H:80/a%20b?c#d", &["X: y"]);
        assert_eq!(plain, format!("GET http://h/a%20b?c HTTP/1.1\r\nHost: h\r\n{REST}X: y\r\n\r\n"));
        let known = encode("u:p@p", "[::1]:81", &["Authorization: hunter2"]);
        let line = "Proxy-Authorization: Basic dTpw";
        assert_eq!(known, format!("GET http://[::1]:81/ HTTP/1.1\r\nHost: [::1]:81\r\n{REST}{line}\r\n\r\n"));
    }

    #[test]
    fn a_host_of_the_users_stays_home() {
        assert!(encode(Method::Get, "h", "h/2", &["Host: vhost"]).contains("\r\nHost: vhost\r\n"));
        assert!(encode(Method::Get, "h", "i", &["Host: vhost"]).contains("\r\nHost: i\r\n"));
    }
}
