//! What certain status codes must bring with them.
//!
//! Owns the rules of RFC 9110 §15 on single codes. A status is never wrong by itself.

use super::{Case, Findings};
use crate::proto::http::url_error::{RedirectError, UrlError};
use crate::proto::http::{excerpt, masked};

/// Status, the field that it must have, and where that is said.
const NEEDED: [(u16, &str, &str); 4] = [
    (401, "WWW-Authenticate", "RFC 9110 §15.5.2"),
    (405, "Allow", "RFC 9110 §15.5.6"),
    (407, "Proxy-Authenticate", "RFC 9110 §15.5.8"),
    (426, "Upgrade", "RFC 9110 §15.5.22"),
];

pub(super) fn check(case: &Case<'_>, out: &mut Findings) {
    let status = case.head.status;
    for (_, field, section) in NEEDED.iter().filter(|(code, ..)| *code == status) {
        if !case.head.has(field) {
            out.error(section, format!("a {status} without {field}"));
        }
    }
    if status == 101 {
        out.error("RFC 9110 §7.8", "a 101, and no Upgrade was asked for");
    }
    ranges(case, out);
    location(case, out);
}

fn ranges(case: &Case<'_>, out: &mut Findings) {
    let part = case.head.has("content-range");
    let kind = case.head.get("content-type").unwrap_or_default();
    let multipart = kind.get(..20).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/byteranges"));
    match case.head.status {
        206 if !case.asked.range => out.error("RFC 9110 §14.2", "a 206, and no Range was asked for"),
        206 if multipart && part => out.error("RFC 9110 §15.3.7.2", "a Content-Range beside multipart/byteranges"),
        206 if !multipart && !part => out.error("RFC 9110 §15.3.7.1", "a 206 without Content-Range"),
        416 if !part => out.warning("RFC 9110 §15.5.17", "a 416 without Content-Range"),
        206 | 416 => {}
        _ if part => {
            out.warning("RFC 9110 §14.4", "a Content-Range where it says nothing: the status is no 206 or 416");
        }
        _ => {}
    }
}

fn location(case: &Case<'_>, out: &mut Findings) {
    let status = case.head.status;
    let Some(value) = case.head.get("location") else {
        if matches!(status, 301..=303 | 307 | 308) {
            out.warning("RFC 9110 §15.4", format!("a {status} without Location: there is nowhere to go"));
        }
        return;
    };
    if !matches!(status, 201 | 300..=399) {
        out.note("RFC 9110 §10.2.2", format!("a Location in a {status}, where it says nothing"));
        return;
    }
    // The user info in it may be a password.
    let shown = excerpt(&masked(value));
    if let Some(byte) = value.iter().find(|&&b| !is_url(b)) {
        let text = format!("the Location {shown} holds {}, which no URL does", excerpt(&[*byte]));
        out.error("RFC 9110 §10.2.2", text);
    } else if value.is_empty() {
        out.warning("RFC 9110 §10.2.2", "the Location is empty: it leads to itself");
    } else if let Err(RedirectError::Url(why)) = case.asked.url.redirect(value) {
        unusable(&shown, &why, out);
    }
}

fn unusable(shown: &str, why: &UrlError, out: &mut Findings) {
    match why {
        // A sound URL, only not one that is followed.
        UrlError::Scheme(_) => {}
        UrlError::UserInfo => out.error("RFC 9110 §4.2.4", format!("the Location {shown} holds user info")),
        why => {
            let why = why.to_string();
            // What stands in brackets is advice to whoever types a URL.
            let why = why.split(" (").next().unwrap_or_default();
            out.error("RFC 9110 §10.2.2", format!("the Location {shown} leads nowhere: {why}"));
        }
    }
}

/// What a URI reference is made of (RFC 3986 §2).
fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}
