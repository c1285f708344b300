//! What FAULTS.md says under HTTP that a server can do wrong: each row with its error. Owns no behaviour.

use super::*;
use crate::proto::http::{MAX_FIELDS, MAX_HEAD};

/// The error without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Malformed,
    TooLarge,
    Short,
    Empty,
}

fn fault(seen: &Seen) -> Option<Fault> {
    Some(match seen.end.as_ref().err()? {
        HttpError::Malformed(_) => Fault::Malformed,
        HttpError::TooLarge(_) => Fault::TooLarge,
        HttpError::Short { .. } => Fault::Short,
        HttpError::Empty => Fault::Empty,
    })
}

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What it is, the start, the rest, the body that is kept, and the error.
const TABLE: &[(&str, &str, &str, &str, Fault)] = &[
    ("nothing at all", "", "", "", Fault::Empty),
    ("an end in the head", OK, "A: b", "", Fault::Malformed),
    ("an end behind an interim response", "HTTP/1.1 100 -\r\n\r\n", "", "", Fault::Malformed),
    ("a short body", OK, "Content-Length: 5\r\n\r\nhel", "hel", Fault::Short),
    ("no last chunk", CHUNKED, "3\r\nhel\r\n", "hel", Fault::Malformed),
    ("no chunk at all", CHUNKED, "", "", Fault::Malformed),
    ("a cut chunk size", CHUNKED, "3\r\nhel\r\n5;x\r", "hel", Fault::Malformed),
    ("no end of the last chunk", CHUNKED, "3\r\nhel\r\n0\r\n", "hel", Fault::Malformed),
    ("a cut chunk", CHUNKED, "5\r\nhel", "hel", Fault::Short),
    ("a chunk of which nothing came", CHUNKED, "5\r\n", "", Fault::Short),
    ("a chunk without its end", CHUNKED, "3\r\nhel\r", "hel", Fault::Short),
    ("a chunk size with a plus", CHUNKED, "+3\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size with a minus", CHUNKED, "-3\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size with 0x", CHUNKED, "0x3\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size with a space before it", CHUNKED, " 3\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size with a space behind it", CHUNKED, "3 \r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size with too many digits", CHUNKED, "00000000000000003\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("a chunk size that is none", CHUNKED, "3\r\nhel\r\nx\r\n\r\n", "hel", Fault::Malformed),
    ("a chunk size that is missing", CHUNKED, "3\r\nhel\r\n\r\n", "hel", Fault::Malformed),
    ("a chunk longer than its size", CHUNKED, "3\r\nhell\r\n0\r\n\r\n", "hel", Fault::Malformed),
    ("LF without CR behind a chunk size", CHUNKED, "3\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("LF without CR behind a chunk", CHUNKED, "3\r\nhel\n0\r\n\r\n", "hel", Fault::Malformed),
    ("NUL in a chunk extension", CHUNKED, "3;\0\r\nhel\r\n0\r\n\r\n", "", Fault::Malformed),
    ("NUL in a trailer", CHUNKED, "3\r\nhel\r\n0\r\nA: \0\r\n\r\n", "hel", Fault::Malformed),
    ("a folded trailer", CHUNKED, "3\r\nhel\r\n0\r\nA: b\r\n c\r\n\r\n", "hel", Fault::Malformed),
    ("two lengths that differ", OK, "Content-Length: 3\r\nContent-Length: 4\r\n\r\nhel", "", Fault::Malformed),
    ("two lengths in one line that differ", OK, "Content-Length: 3, 4\r\n\r\nhel", "", Fault::Malformed),
    (
        "length and chunked",
        OK,
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "",
        Fault::Malformed,
    ),
    ("a length with a sign", OK, "Content-Length: +3\r\n\r\nhel", "", Fault::Malformed),
    ("a length that no number holds", OK, "Content-Length: 18446744073709551616\r\n\r\nhel", "", Fault::Malformed),
    ("another coding than chunked", OK, "Transfer-Encoding: gzip\r\n\r\nhel", "", Fault::Malformed),
    ("CR without LF", OK, "A: b\rC: d\r\n\r\n", "", Fault::Malformed),
    ("LF without CR", OK, "A: b\nC: d\r\n\r\n", "", Fault::Malformed),
    ("NUL in a header line", OK, "A: \0\r\n\r\n", "", Fault::Malformed),
    ("a folded header line", OK, "A: b\r\n c\r\n\r\n", "", Fault::Malformed),
    ("white space before a colon", OK, "Content-Length : 3\r\n\r\nhel", "", Fault::Malformed),
    ("a header line without a colon", OK, "A b\r\n\r\n", "", Fault::Malformed),
    ("an empty line before the status line", "\r\n", "HTTP/1.1 200 OK\r\n\r\n", "", Fault::Malformed),
    ("another protocol", "SSH-2.0-x\r\n", "", "", Fault::Malformed),
    ("another version", "HTTP/2 200 OK\r\n\r\n", "", "", Fault::Malformed),
    ("a switch of protocols", "HTTP/1.1 101 -\r\n\r\n", "", "", Fault::Malformed),
];

#[test]
fn each_fault_has_its_error_at_any_cut() {
    for (what, start, rest, body, error) in TABLE {
        let seen = same_however_cut(Method::Get, format!("{start}{rest}").as_bytes());
        assert_eq!((fault(&seen), &seen.body[..]), (Some(*error), body.as_bytes()), "{what}");
    }
}

/// Heads and bodies at a limit, and one step over it.
fn at_limits(over: usize) -> Vec<(&'static str, String)> {
    let last = MAX_HEAD - OK.len() - "A: \r\n\r\n".len() + over;
    let extra = 16 * 1024 - "X:\r\n".len() + over;
    vec![
        ("the size of a head", format!("{OK}A: {}\r\n\r\n", "x".repeat(last))),
        ("the lines of a head", format!("{OK}{}\r\n", "A: b\r\n".repeat(MAX_FIELDS + over))),
        ("interim responses", format!("{}{OK}\r\n", "HTTP/1.1 103 -\r\n\r\n".repeat(MAX_INTERIM + over))),
        ("trailers", format!("{CHUNKED}0\r\nX:{}\r\n\r\n", "x".repeat(extra))),
        ("chunk extensions", format!("{CHUNKED}0;{}\r\n\r\n", "x".repeat(16 * 1024 - 1 + over))),
    ]
}

#[test]
fn limits_hold_to_the_byte() {
    let halves = |bytes: &str| {
        let (a, b) = bytes.split_at(bytes.len() / 2);
        read(Method::Get, &[a.as_bytes(), b.as_bytes()])
    };
    for ((what, at), (_, over)) in at_limits(0).iter().zip(&at_limits(1)) {
        assert_eq!(fault(&halves(at)), None, "{what}");
        assert_eq!(fault(&halves(over)), Some(Fault::TooLarge), "{what}");
    }
}

#[test]
fn limits_are_per_response() {
    for (what, at) in at_limits(0) {
        for _ in 0..2 {
            assert_eq!(fault(&read(Method::Get, &[at.as_bytes()])), None, "{what}");
        }
    }
    // And per head: interim responses do not use up what the final one may take.
    let large = format!("HTTP/1.1 103 -\r\nA: {}\r\n\r\n", "x".repeat(MAX_HEAD / 2));
    let seen = read(Method::Get, &[format!("{large}{large}{large}{OK}\r\n").as_bytes()]);
    assert_eq!(seen.end, Ok(End::Closed));
}
