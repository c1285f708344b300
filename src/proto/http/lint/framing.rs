//! Where the body ends: the fields that say so, and whether it ended there.
//!
//! Owns RFC 9112 §6 and §8, and the rules on `Content-Length` of RFC 9110 §8.6.

use super::{BodyEnd, Case, Findings};
use crate::proto::http::excerpt;

pub(super) fn check(case: &Case<'_>, out: &mut Findings) {
    let length = content_length(case, out);
    transfer_encoding(case, out);
    without_body(case, length, out);
    ending(case, length, out);
}

/// The one length, if there is one.
fn content_length(case: &Case<'_>, out: &mut Findings) -> Option<u64> {
    let lines = case.head.all("content-length").count();
    let items: Vec<_> = case.head.all("content-length").flat_map(|v| v.split(|&b| b == b',')).collect();
    let numbers: Vec<_> = items.iter().map(|item| number(item.trim_ascii())).collect();
    for (item, _) in items.iter().zip(&numbers).filter(|(_, number)| number.is_none()) {
        out.error("RFC 9110 §8.6", format!("the Content-Length {} is no number of bytes", excerpt(item)));
    }
    let mut lengths: Vec<_> = numbers.into_iter().flatten().collect();
    lengths.dedup();
    if lengths.len() > 1 {
        out.error("RFC 9112 §6.3", format!("{} Content-Lengths differ", items.len()));
    } else if lines > 1 || items.len() > 1 {
        out.warning("RFC 9110 §8.6", format!("the Content-Length is given {} times", items.len()));
    }
    if lines > 0 && case.head.has("transfer-encoding") {
        out.error("RFC 9112 §6.2", "both Content-Length and Transfer-Encoding");
    }
    match lengths[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok()?;
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn transfer_encoding(case: &Case<'_>, out: &mut Findings) {
    if !case.head.has("transfer-encoding") {
        return;
    }
    let codings: Vec<_> = case.head.list("transfer-encoding").collect();
    let is_chunked = |coding: &&&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.iter().filter(is_chunked).count() {
        _ if codings.is_empty() => out.error("RFC 9112 §6.1", "the Transfer-Encoding is empty"),
        0 | 1 => {}
        times => out.error("RFC 9112 §6.1", format!("the body is chunked {times} times")),
    }
    // No `TE` is ever sent, so that chunked is all that may come.
    if let Some(other) = codings.iter().find(|coding| !is_chunked(coding)) {
        out.error("RFC 9112 §7.4", format!("the Transfer-Encoding {} was not asked for", excerpt(other)));
    }
    if case.head.minor == 0 {
        out.error("RFC 9112 §6.1", "a Transfer-Encoding in an HTTP/1.0 response");
    } else if case.asked.http10 {
        out.error("RFC 9112 §6.1", "a Transfer-Encoding in the response to an HTTP/1.0 request");
    }
}

/// Responses that have no body, and what their length may say.
fn without_body(case: &Case<'_>, length: Option<u64>, out: &mut Findings) {
    let status = case.head.status;
    if matches!(status, 100..=199 | 204) {
        if case.head.has("content-length") {
            out.error("RFC 9110 §8.6", format!("a Content-Length in a {status}, which has no body"));
        }
        if case.head.has("transfer-encoding") {
            out.error("RFC 9112 §6.1", format!("a Transfer-Encoding in a {status}, which has no body"));
        }
    }
    if status == 205 && (case.body.received > 0 || length.is_some_and(|length| length > 0)) {
        out.error("RFC 9110 §15.3.6", "a 205 with a body");
    }
    let described = status == 304 || case.asked.method == "HEAD" && (200..300).contains(&status) && status != 204;
    match (length, case.body.get_length) {
        (Some(length), Some(got)) if described && length != got => {
            let text = format!("the Content-Length says {length}, and the body of a GET has {got} bytes");
            out.error("RFC 9110 §8.6", text);
        }
        (Some(0), None) if status == 304 => {
            out.warning("RFC 9110 §8.6", "the 304 says by Content-Length: 0 that the resource is empty");
        }
        _ => {}
    }
}

fn ending(case: &Case<'_>, length: Option<u64>, out: &mut Findings) {
    let received = case.body.received;
    let framed = case.head.has("content-length") || case.head.has("transfer-encoding");
    if !case.has_no_body() && !framed && case.head.minor > 0 {
        let text = "only the end of the connection ends the body: nobody can tell whether it was cut";
        out.warning("RFC 9112 §6.3", text);
    }
    match (case.body.end, length) {
        (BodyEnd::Cut, Some(all)) => {
            out.error("RFC 9112 §8", format!("the body was cut: {received} of {all} bytes came"));
        }
        (BodyEnd::Cut, None) => {
            out.error("RFC 9112 §8", format!("the body was cut: {received} bytes came, and no last chunk"));
        }
        _ => {}
    }
    if case.body.surplus > 0 {
        let what = if case.has_no_body() { "a response that has no body" } else { "the end of the body" };
        out.error("RFC 9112 §6.3", format!("{} bytes came behind {what}", case.body.surplus));
    }
}
