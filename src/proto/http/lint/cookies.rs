//! `Set-Cookie` (RFC 6265, and the browsers' additions of RFC 6265bis).
//!
//! Owns what makes browsers drop a cookie, or keep another one than was meant. Shows names and attributes, never a
//! cookie's value.

use std::net::IpAddr;

use super::{Case, Findings};
use crate::proto::http::date::{Form, HttpDate};
use crate::proto::http::url::Scheme;
use crate::proto::http::{excerpt, is_token};

pub(super) fn check(case: &Case<'_>, out: &mut Findings) {
    let mut seen = Vec::new();
    for value in case.head.all("set-cookie") {
        let Some(cookie) = Cookie::read(value, out) else { continue };
        cookie.check(case, out);
        let scope = (cookie.name.to_vec(), cookie.lowered("domain"), cookie.lowered("path"));
        if seen.contains(&scope) {
            out.warning("RFC 6265 §4.1.1", format!("the cookie {} is set twice", cookie.shown()));
        } else {
            seen.push(scope);
        }
    }
}

struct Cookie<'v> {
    name: &'v [u8],
    value: &'v [u8],
    attributes: Vec<(&'v [u8], &'v [u8])>,
}

impl<'v> Cookie<'v> {
    fn read(field: &'v [u8], out: &mut Findings) -> Option<Self> {
        let mut parts = field.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let pair = parts.next().unwrap_or_default();
        let Some(equals) = pair.iter().position(|&b| b == b'=') else {
            // It could all be value: nothing of it is shown.
            out.error("RFC 6265 §4.1.1", "a Set-Cookie without NAME=VALUE");
            return None;
        };
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        Some(Self { name, value, attributes: parts.map(attribute).collect() })
    }

    fn check(&self, case: &Case<'_>, out: &mut Findings) {
        self.check_pair(out);
        self.check_times(case, out);
        self.check_scope(case, out);
        self.check_security(case, out);
    }

    /// The grammar of name and value.
    fn check_pair(&self, out: &mut Findings) {
        let shown = self.shown();
        if self.name.is_empty() {
            out.error("RFC 6265 §4.1.1", "a cookie without a name");
        } else if !self.name.iter().copied().all(is_token) {
            out.error("RFC 6265 §4.1.1", format!("the cookie {shown} has a character in its name that none may have"));
        }
        let unquoted = self.value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(self.value);
        if !unquoted.iter().copied().all(is_cookie_octet) {
            let text = format!(
                "the value of the cookie {shown} holds a space, comma, quote, backslash or other byte \
                                that none may have"
            );
            out.warning("RFC 6265 §4.1.1", text);
        }
        let folded = |(name, value): &&(&[u8], &[u8])| !name.eq_ignore_ascii_case(b"expires") && value.contains(&b',');
        if let Some((name, _)) = self.attributes.iter().find(folded) {
            let text = format!("the {} of the cookie {shown} holds a comma: two cookies in one line?", excerpt(name));
            out.warning("RFC 6265 §3", text);
        }
    }

    fn check_times(&self, case: &Case<'_>, out: &mut Findings) {
        let shown = self.shown();
        let is_date =
            |value: &[u8]| HttpDate::parse(value, case.asked.now).is_some_and(|parsed| parsed.form == Form::ImfFixdate);
        if let Some(value) = self.get("expires").filter(|value| !is_date(value)) {
            let text = format!("the cookie {shown} expires at {}, which is no date of today's form", excerpt(value));
            out.warning("RFC 6265 §4.1.1", text);
        }
        let is_count = |value: &[u8]| {
            let digits = value.strip_prefix(b"-").unwrap_or(value);
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        };
        if let Some(value) = self.get("max-age").filter(|value| !is_count(value)) {
            let text = format!("the Max-Age {} of the cookie {shown} is no number", excerpt(value));
            out.warning("RFC 6265 §4.1.1", text);
        }
    }

    fn check_scope(&self, case: &Case<'_>, out: &mut Findings) {
        let shown = self.shown();
        if let Some(domain) = self.get("domain").filter(|domain| !covers(domain, case.asked.url.host())) {
            let text = format!("the cookie {shown} is for the domain {}, which this host is not in", excerpt(domain));
            out.warning("RFC 6265 §5.3", text);
        }
        if let Some(path) = self.get("path").filter(|path| !path.is_empty() && !path.starts_with(b"/")) {
            let text = format!("the path {} of the cookie {shown} does not begin with a slash", excerpt(path));
            out.warning("RFC 6265 §5.2.4", text);
        }
    }

    fn check_security(&self, case: &Case<'_>, out: &mut Findings) {
        let (shown, secure) = (self.shown(), self.get("secure").is_some());
        let starts =
            |prefix: &str| self.name.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix.as_bytes()));
        if secure && case.asked.url.scheme() == Scheme::Http {
            out.warning("RFC 6265 §4.1.2.5", format!("the cookie {shown} is Secure and was set over plain http"));
        }
        match self.get("samesite").map(<[u8]>::to_ascii_lowercase).as_deref() {
            None | Some(b"strict" | b"lax") => {}
            Some(b"none") if secure => {}
            Some(b"none") => {
                out.warning("RFC 6265bis §4.1.2.7", format!("the cookie {shown} is SameSite=None and not Secure"));
            }
            Some(other) => {
                let text = format!("the SameSite {} of the cookie {shown} is not Strict, Lax or None", excerpt(other));
                out.warning("RFC 6265bis §4.1.2.7", text);
            }
        }
        let at_host = self.get("domain").is_none() && self.get("path") == Some(b"/");
        if starts("__Secure-") && !secure || starts("__Host-") && !(secure && at_host) {
            out.warning("RFC 6265bis §4.1.3", format!("the cookie {shown} lacks what its prefix promises"));
        }
    }

    /// The last attribute of that name is the one that counts (RFC 6265 §5.3).
    fn get(&self, name: &str) -> Option<&'v [u8]> {
        self.attributes.iter().rev().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    fn lowered(&self, name: &str) -> Option<Vec<u8>> {
        self.get(name).map(<[u8]>::to_ascii_lowercase)
    }

    fn shown(&self) -> String {
        excerpt(self.name)
    }
}

fn attribute(part: &[u8]) -> (&[u8], &[u8]) {
    let equals = part.iter().position(|&b| b == b'=');
    equals.map_or((part, &[][..]), |at| (part[..at].trim_ascii(), part[at + 1..].trim_ascii()))
}

fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// RFC 6265 §5.1.3. A dot in front is ignored (§5.2.3).
fn covers(domain: &[u8], host: &str) -> bool {
    let domain = domain.strip_prefix(b".").unwrap_or(domain).to_ascii_lowercase();
    let host_bytes = host.as_bytes();
    let below = host_bytes.strip_suffix(&domain[..]).is_some_and(|rest| rest.ends_with(b"."));
    domain.is_empty() || host_bytes == domain || below && host.parse::<IpAddr>().is_err()
}
