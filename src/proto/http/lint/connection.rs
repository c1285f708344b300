//! Whether the connection is kept or closed as both sides said.
//!
//! Owns RFC 9112 §9.3 and §9.6, and the `Connection` field of RFC 9110 §7.6.1.

use super::{Afterwards, BodyEnd, Case, Findings};
use crate::proto::http::{excerpt, is_token};

/// Fields for all on the way; `Connection` would have the first proxy take them out.
const END_TO_END: [&str; 8] =
    ["cache-control", "content-encoding", "content-length", "content-type", "date", "etag", "location", "set-cookie"];

pub(super) fn check(case: &Case<'_>, out: &mut Findings) {
    options(case, out);
    if case.asked.close { asked_to_close(case, out) } else { asked_to_keep(case, out) }
}

fn options(case: &Case<'_>, out: &mut Findings) {
    for option in case.head.list("connection") {
        if !option.iter().copied().all(is_token) {
            out.error("RFC 9110 §7.6.1", format!("the Connection option {} is no token", excerpt(option)));
        } else if END_TO_END.iter().any(|name| option.eq_ignore_ascii_case(name.as_bytes())) {
            out.error("RFC 9110 §7.6.1", format!("Connection names {}, which is for everybody", excerpt(option)));
        }
    }
    if case.head.has("upgrade") && !case.head.lists("connection", "upgrade") {
        out.error("RFC 9110 §7.8", "an Upgrade that Connection does not name");
    }
    if case.head.has("keep-alive") && !case.head.lists("connection", "keep-alive") {
        out.error("RFC 9110 §7.6.1", "a Keep-Alive that Connection does not name");
    }
}

fn asked_to_close(case: &Case<'_>, out: &mut Findings) {
    if case.body.afterwards == Afterwards::Open {
        out.error("RFC 9112 §9.6", "Connection: close was ignored: the connection stays open");
    }
    if case.head.minor > 0 && !case.head.lists("connection", "close") {
        out.warning("RFC 9112 §9.6", "the response to Connection: close does not say close itself");
    }
}

fn asked_to_keep(case: &Case<'_>, out: &mut Findings) {
    let (close, keep) = (case.head.lists("connection", "close"), case.head.lists("connection", "keep-alive"));
    let persists = !close && (case.head.minor > 0 || keep);
    match case.body.afterwards {
        // A body that only the end of the connection ends has said so by that.
        Afterwards::Closed if persists && !matches!(case.body.end, BodyEnd::Closed | BodyEnd::Cut) => {
            let text =
                if keep { "it says keep-alive and closes" } else { "it closes and has not said Connection: close" };
            out.warning("RFC 9112 §9.6", text);
        }
        Afterwards::Open if close => out.error("RFC 9112 §9.6", "it says Connection: close and stays open"),
        Afterwards::Open if !persists => {
            out.warning("RFC 9112 §9.3", "an HTTP/1.0 connection stays open, and keep-alive was not said");
        }
        _ => {}
    }
}
