//! Lines of a head as they may be shown: without what is secret in them.
//!
//! Owns which fields are secrets (RFC 9110 §11.6, §11.7; RFC 6265 §4) and the user info of a URL, wherever one stands
//! in a line (RFC 9110 §4.2.4). The name stays, so that one sees that the line is there. Refuses to guess at fields
//! that somebody made up: what `X-Api-Key` means is between its user and its server.

use std::borrow::Cow;

const SECRET: [&str; 6] = ["authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "set-cookie2"];

const MASK: &[u8] = b"***";

/// A request line, status line or header line with its secrets replaced by `***`. Escape it before printing.
#[must_use]
pub fn masked(line: &[u8]) -> Cow<'_, [u8]> {
    let name = line.split(|&b| b == b':').next().unwrap_or_default();
    if name.len() < line.len() && is_secret(name.trim_ascii()) {
        return [name, b": ", MASK].concat().into();
    }
    without_user_info(line)
}

/// Whether the value of a field of this name is a secret.
pub(super) fn is_secret(name: &[u8]) -> bool {
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// The lines of a head that have something to say, [`masked`] each.
pub fn masked_lines(head: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    lines(head).filter(|line| !line.is_empty()).map(masked)
}

/// The lines of a head, without their ends.
pub(super) fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whatever stands between `//` and the last `@` before the path is user info.
fn without_user_info(line: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(slashes) = rest.windows(2).position(|pair| pair == b"//") {
        let (before, authority) = rest.split_at(slashes + 2);
        let end = authority.iter().position(|b| b"/?# \t\"<>".contains(b)).unwrap_or(authority.len());
        out.extend_from_slice(before);
        rest = authority;
        if let Some(at) = authority[..end].iter().rposition(|&b| b == b'@') {
            out.extend_from_slice(MASK);
            rest = &authority[at..];
        }
    }
    if out.is_empty() {
        return line.into();
    }
    out.extend_from_slice(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        let table = [
            ("GET / HTTP/1.1", "GET / HTTP/1.1"),
            ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
            ("Authorization: Bearer hunter2", "Authorization: ***"),
            ("authorization:hunter2", "authorization: ***"),
            ("PROXY-Authorization: Basic hunter2", "PROXY-Authorization: ***"),
            ("Cookie: a=hunter2", "Cookie: ***"),
            ("Set-Cookie: a=hunter2; Path=/", "Set-Cookie: ***"),
            ("Cookies: yes", "Cookies: yes"),
            ("Accept: */*", "Accept: */*"),
            ("Location: http://user:hunter2@host/a@b", "Location: http://***@host/a@b"),
            ("Location: //a@hunter2@host", "Location: //***@host"),
            ("Link: <http://u:hunter2@h/>, <http://u:hunter2@i/>", "Link: <http://***@h/>, <http://***@i/>"),
            ("Location: http://host/?mail=a@b", "Location: http://host/?mail=a@b"),
            ("Location: http://host//x", "Location: http://host//x"),
        ];
        for (line, want) in table {
            assert_eq!(masked(line.as_bytes()), want.as_bytes(), "{line}");
        }
    }
}
