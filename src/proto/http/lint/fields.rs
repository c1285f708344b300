//! Single fields: how often they may stand, and what may stand in them.
//!
//! Owns the values of the fields that RFC 9110 and 9111 define for responses. Fields that it does not know are not
//! its business.

use super::{Case, Findings};
use crate::proto::http::date::{Form, HttpDate};
use crate::proto::http::range::ContentRange;
use crate::proto::http::retry::retry_after;
use crate::proto::http::url::Scheme;
use crate::proto::http::{excerpt, is_token};

/// Fields that have one value: a second one is read by some and not by others (RFC 9110 §5.3).
const SINGLE: [&str; 14] = [
    "Access-Control-Allow-Origin",
    "Age",
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
    "Strict-Transport-Security",
];

/// Clocks that are so many seconds apart are worth a note.
const APART: u64 = 300;

pub(super) fn check(case: &Case<'_>, out: &mut Findings) {
    for name in SINGLE {
        let times = case.head.all(name).count();
        if times > 1 {
            out.error("RFC 9110 §5.3", format!("{name} stands {times} times, and it has one value"));
        }
    }
    dates(case, out);
    content_type(case, out);
    content_encoding(case, out);
    forms(case, out);
    if case.asked.url.scheme() == Scheme::Http && case.head.has("strict-transport-security") {
        out.error("RFC 6797 §7.2", "a Strict-Transport-Security over plain http");
    }
}

fn dates(case: &Case<'_>, out: &mut Findings) {
    let sent = date_field(case, "Date", out);
    let modified = date_field(case, "Last-Modified", out);
    date_field(case, "Expires", out);
    match sent {
        None if !case.head.has("date") && (200..500).contains(&case.head.status) => {
            out.warning("RFC 9110 §6.6.1", "Date is missing; only a server without a clock may leave it out");
        }
        Some(sent) => clocks(case, sent, out),
        None => {}
    }
    if modified.zip(sent).is_some_and(|(modified, sent)| modified > sent) {
        out.error("RFC 9110 §8.8.2.1", "Last-Modified is later than Date");
    }
}

/// A response out of a cache may be old, and says so by `Age`; none can be from the future.
fn clocks(case: &Case<'_>, sent: HttpDate, out: &mut Findings) {
    let now = case.asked.now;
    let (ahead, behind) = (sent.since(now).as_secs(), now.since(sent).as_secs());
    if ahead > APART {
        out.note("RFC 9110 §6.6.1", format!("Date is {ahead} s ahead of this machine's clock"));
    } else if behind > APART && !case.head.has("age") {
        out.note("RFC 9110 §6.6.1", format!("Date is {behind} s behind this machine's clock"));
    }
}

fn date_field(case: &Case<'_>, name: &str, out: &mut Findings) -> Option<HttpDate> {
    let value = case.head.get(name)?;
    let Some(parsed) = HttpDate::parse(value, case.asked.now) else {
        let text = format!("{name} is {}, which is no date", excerpt(value));
        match name {
            // RFC 9111 has recipients take that for "already expired", and servers count on it.
            "Expires" => out.warning("RFC 9111 §5.3", text),
            _ => out.error("RFC 9110 §5.6.7", text),
        }
        return None;
    };
    if parsed.form != Form::ImfFixdate {
        out.error("RFC 9110 §5.6.7", format!("{name} is {}, an obsolete form of date", excerpt(value)));
    }
    if !parsed.day_fits {
        out.warning("RFC 9110 §5.6.7", format!("{name} is {}, which falls on another day", excerpt(value)));
    }
    Some(parsed.date)
}

fn content_type(case: &Case<'_>, out: &mut Findings) {
    match case.head.get("content-type") {
        None if case.body.received > 0 => {
            out.warning("RFC 9110 §8.3", "there is a body and no Content-Type");
        }
        Some(value) if !is_media_type(value) => {
            out.error("RFC 9110 §8.3.1", format!("the Content-Type {} is not TYPE/SUBTYPE", excerpt(value)));
        }
        _ => {}
    }
}

fn is_media_type(value: &[u8]) -> bool {
    let essence = value.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let parts: Vec<_> = essence.split(|&b| b == b'/').collect();
    parts.len() == 2 && parts.iter().all(|part| is_word(part))
}

fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token)
}

fn content_encoding(case: &Case<'_>, out: &mut Findings) {
    for coding in case.head.list("content-encoding") {
        if coding.eq_ignore_ascii_case(b"identity") {
            out.warning("RFC 9110 §8.4", "the Content-Encoding identity, which is for requests");
        } else if !is_word(coding) {
            out.error("RFC 9110 §8.4.1", format!("the Content-Encoding {} is no token", excerpt(coding)));
        }
    }
}

/// Fields with a form of their own: name, section, what they hold, and who can tell.
type Rule = (&'static str, &'static str, &'static str, fn(&[u8], HttpDate) -> bool);

const FORMS: [Rule; 5] = [
    ("ETag", "RFC 9110 §8.8.3", "a quoted entity tag", |value, _| is_entity_tag(value)),
    ("Age", "RFC 9111 §5.1", "a number of seconds", |value, _| is_number(value)),
    ("Retry-After", "RFC 9110 §10.2.3", "a number of seconds or a date", |value, now| {
        retry_after(value, now).is_some()
    }),
    ("Content-Range", "RFC 9110 §14.4", "a range of bytes", |value, _| ContentRange::parse(value).is_ok()),
    ("Content-Location", "RFC 9110 §8.7", "a URL", |value, _| value.iter().all(u8::is_ascii_graphic)),
];

fn forms(case: &Case<'_>, out: &mut Findings) {
    for (name, section, what, fits) in FORMS {
        if let Some(value) = case.head.get(name).filter(|value| !fits(value, case.asked.now)) {
            out.error(section, format!("{name} is {}, which is not {what}", excerpt(value)));
        }
    }
    for method in case.head.list("allow").filter(|method| !is_word(method)) {
        out.error("RFC 9110 §10.2.1", format!("Allow names {}, which is no method", excerpt(method)));
    }
}

fn is_number(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

fn is_entity_tag(value: &[u8]) -> bool {
    let quoted = value.strip_prefix(b"W/").unwrap_or(value);
    let inside = quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inside.is_some_and(|tag| tag.iter().all(|&b| b == b'!' || (b'#'..=b'~').contains(&b) || b >= 0x80))
}
