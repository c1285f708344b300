//! Whole responses, cut at every byte. Owns no behaviour.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

mod faults;
mod random;

/// All that a caller can see of a response.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    head: Option<ResponseHead>,
    body: Vec<u8>,
    left_over: Vec<u8>,
    end: Result<End, HttpError>,
}

fn read(method: Method, pieces: &[&[u8]]) -> Seen {
    let mut response = Response::new(method);
    let mut seen = Seen { head: None, body: Vec::new(), left_over: Vec::new(), end: Err(HttpError::Empty) };
    for piece in pieces {
        let mut input = *piece;
        while step(&mut response, &mut input, &mut seen) {}
        seen.left_over.extend_from_slice(input);
    }
    seen.end = response.end_of_input();
    if seen.end.is_err() {
        // How much is left when an error is met depends on the cut, and means nothing.
        seen.left_over.clear();
    }
    assert_eq!(response.received(), seen.body.len() as u64);
    assert_eq!(response.framing().is_some(), seen.head.is_some());
    seen
}

fn step(response: &mut Response, input: &mut &[u8], seen: &mut Seen) -> bool {
    match response.feed(input) {
        Ok(Event::Head(head)) => assert!(seen.head.replace(head).is_none()),
        Ok(Event::Data(data)) => {
            assert!(!data.is_empty() && seen.head.is_some());
            seen.body.extend_from_slice(data);
        }
        Ok(Event::NeedMore) => {
            assert!(input.is_empty());
            return false;
        }
        Ok(Event::Done) => return false,
        Err(error) => {
            assert_eq!(response.end_of_input(), Err(error));
            return false;
        }
    }
    true
}

#[track_caller]
fn same_however_cut(method: Method, bytes: &[u8]) -> Seen {
    let whole = read(method, &[bytes]);
    for at in 0..=bytes.len() {
        assert_eq!(read(method, &[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(read(method, &single), whole, "byte by byte");
    whole
}

#[test]
fn whole_responses() {
    // Method, sent, body, left over, end.
    type Row = (Method, &'static [u8], &'static [u8], &'static [u8], End);
    use Method::{Get, Head};
    let table: &[Row] = &[
        (Get, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", b"hello", b"HTTP", End::Framed),
        (Get, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx", b"", b"x", End::Framed),
        (Get, b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", b"", End::Closed),
        (Get, b"HTTP/1.1 200 OK\r\n\r\n", b"", b"", End::Closed),
        (Get, b"HTTP/1.1 204 -\r\nContent-Length: 5\r\n\r\nx", b"", b"x", End::Framed),
        (Get, b"HTTP/1.1 304 -\r\n\r\n", b"", b"", End::Framed),
        (Head, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"", b"", End::Framed),
        (
            Get,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nLink: x\r\n\r\n\
              HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3;e=f\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\nrest",
            b"abcde",
            b"rest",
            End::Framed,
        ),
    ];
    for (method, bytes, body, left_over, end) in table {
        let seen = same_however_cut(*method, bytes);
        assert_eq!((&seen.body[..], &seen.left_over[..], &seen.end), (*body, *left_over, &Ok(*end)));
        assert!(seen.head.is_some());
    }
}

/// What was sent, the body that comes of it, and the error.
const CUT: &[(&[u8], &[u8], HttpError)] = &[
    (b"", b"", HttpError::Empty),
    (b"CL5: ", b"", short(0, Some(5))),
    (b"CL5: hell", b"hell", short(4, Some(5))),
    (b"TE: 5\r\n", b"", short(0, None)),
    (b"TE: 5\r\nhel", b"hel", short(3, None)),
    (b"TE: 5\r\nhello", b"hello", short(5, None)),
    (b"TE: 5\r\nhello\r", b"hello", short(5, None)),
];

/// The same where the end of the body is what is missing, and a part of the reason.
const NOT_ENDED: &[(&[u8], &[u8], &str)] = &[
    (b"TE: ", b"", "no last chunk; 0 bytes"),
    (b"TE: 5", b"", "no last chunk; 0 bytes"),
    (b"TE: 5;x", b"", "no last chunk; 0 bytes"),
    (b"TE: 5\r", b"", "no last chunk; 0 bytes"),
    (b"TE: 5\r\nhello\r\n", b"hello", "no last chunk; 5 bytes"),
    (b"TE: 5\r\nhello\r\n0\r", b"hello", "no last chunk; 5 bytes"),
    (b"TE: 5\r\nhello\r\n0\r\n", b"hello", "no empty line behind the last chunk; 5 bytes"),
    (b"TE: 5\r\nhello\r\n0\r\nT: u\r\n", b"hello", "no empty line behind"),
    (b"TE: 5\r\nhello\r\n0\r\n\r", b"hello", "no empty line behind"),
];

const fn short(got: u64, expected: Option<u64>) -> HttpError {
    HttpError::Short { got, expected }
}

/// Writes the head that `CL5: ` and `TE: ` stand for.
fn in_full(brief: &[u8]) -> Vec<u8> {
    let heads: [(&[u8], &[u8]); 2] = [
        (b"CL5: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"TE: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ];
    let found = heads.iter().find_map(|(mark, head)| Some((brief.strip_prefix(*mark)?, head)));
    found.map_or(brief.to_vec(), |(body, head)| [*head, body].concat())
}

#[test]
fn bodies_cut_short() {
    for (brief, body, error) in CUT {
        let seen = same_however_cut(Method::Get, &in_full(brief));
        assert_eq!((&seen.body[..], seen.end), (*body, Err(error.clone())), "{}", brief.escape_ascii());
    }
    for (brief, body, wanted) in NOT_ENDED {
        let seen = same_however_cut(Method::Get, &in_full(brief));
        let Err(HttpError::Malformed(why)) = &seen.end else { panic!("{}: {:?}", brief.escape_ascii(), seen.end) };
        assert!(why.contains(wanted) && seen.body == *body, "{}: {why}", brief.escape_ascii());
    }
}

#[test]
fn heads_cut_short() {
    let table: &[(&[u8], &str)] = &[
        (b"H", "ended inside its head"),
        (b"HTTP/1.1 200 OK\r\n\r", "ended inside its head"),
        (b"HTTP/1.1 100 -\r\n\r\n", "only interim responses"),
        (b"HTTP/1.1 100 -\r\n\r\nHTTP", "ended inside its head"),
    ];
    for (bytes, want) in table {
        match same_however_cut(Method::Get, bytes).end {
            Err(HttpError::Malformed(why)) => assert!(why.contains(want), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn refused_at_any_cut() {
    let table: &[(&[u8], &[u8])] = &[
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n+5\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\nA: b\n\n", b""),
        (b"SSH-2.0-OpenSSH_9.6\r\n", b""),
        (b"HTTP/1.1 100 -\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b""),
    ];
    for (bytes, body) in table {
        let seen = same_however_cut(Method::Get, bytes);
        assert!(matches!(seen.end, Err(HttpError::Malformed(_))), "{seen:?}");
        assert_eq!(seen.body, *body);
    }
}

#[test]
fn ten_interim_responses_but_not_eleven() {
    let after = |count| [b"HTTP/1.1 102 -\r\n\r\n".repeat(count), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()].concat();
    assert_eq!(read(Method::Get, &[&after(MAX_INTERIM)]).end, Ok(End::Closed));
    assert!(matches!(read(Method::Get, &[&after(MAX_INTERIM + 1)]).end, Err(HttpError::TooLarge(_))));
}

#[test]
fn interim_heads_are_kept_until_they_are_asked_for() {
    let mut response = Response::new(Method::Get);
    let mut input = &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"[..];
    assert!(matches!(response.feed(&mut input), Ok(Event::Head(head)) if head.status == 200));
    let raw: Vec<_> = response.take_interim().into_iter().map(|head| head.raw).collect();
    assert_eq!(raw, [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n"]);
    assert!(response.take_interim().is_empty());
}

#[test]
fn what_passes_another_way_counts() {
    let after = |head: &str| {
        let mut response = Response::new(Method::Get);
        assert_eq!(response.plain(), None);
        let mut input = head.as_bytes();
        assert!(matches!(response.feed(&mut input), Ok(Event::Head(_))));
        response
    };
    let mut length = after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(length.plain(), Some(5));
    length.passed(2);
    assert_eq!((length.plain(), length.received()), (Some(3), 2));
    assert_eq!(length.end_of_input(), Err(short(2, Some(5))));
    assert_eq!(length.feed(&mut &b"abc"[..]), Ok(Event::Data(b"abc")));
    assert_eq!((length.plain(), length.end_of_input()), (None, Ok(End::Framed)));
    let mut whole = after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    whole.passed(5);
    assert_eq!((whole.plain(), whole.feed(&mut &b""[..])), (None, Ok(Event::Done)));
    let mut until_close = after("HTTP/1.1 200 OK\r\n\r\n");
    until_close.passed(7);
    assert_eq!((until_close.plain(), until_close.received()), (Some(u64::MAX), 7));
    assert_eq!(until_close.end_of_input(), Ok(End::Closed));
    assert_eq!(after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").plain(), None);
}

#[test]
fn who_keeps_the_connection() {
    let table = [
        ("HTTP/1.1 200 OK\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: Close\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: x, close\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.0 200 OK\r\n", false),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n", false),
    ];
    for (head, want) in table {
        let mut input = &*[head.as_bytes(), b"\r\n"].concat();
        let Ok(Event::Head(read)) = Response::new(Method::Get).feed(&mut input) else { panic!("{head}") };
        assert_eq!(read.keeps_connection(), want, "{head}");
    }
}

#[test]
fn done_and_failed_stay_so() {
    let mut response = Response::new(Method::Head);
    let mut input = &b"HTTP/1.1 200 OK\r\n\r\nmore"[..];
    assert!(matches!(response.feed(&mut input), Ok(Event::Head(_))));
    assert_eq!(response.feed(&mut input), Ok(Event::Done));
    assert_eq!((response.feed(&mut input), input), (Ok(Event::Done), &b"more"[..]));

    let mut response = Response::new(Method::Get);
    let error = response.feed(&mut &b"220 smtp\r\n"[..]).unwrap_err();
    assert_eq!(response.feed(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]), Err(error.clone()));
    assert_eq!(response.end_of_input(), Err(error));
}

fn chunked_bytes(chunks: &[Vec<u8>], extension: &str, trailer: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks.iter().filter(|c| !c.is_empty()) {
        out.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend(format!("0{extension}\r\n{trailer}\r\n").into_bytes());
    out
}

prop_compose! {
    /// A valid response, its body, and whether its end is framed.
    fn response()(
        interim in 0..3usize,
        fields in prop::collection::vec("X-[a-z]{1,5}: ?[ -~]{0,12}\r\n", 0..4),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
        kind in 0..3,
        extension in "|;[a-z]{1,4}(=[a-z]{1,4})?",
        trailer in "|T: [a-z]{0,9}\r\n",
    ) -> (Vec<u8>, Vec<u8>, End) {
        let body = chunks.concat();
        let (framing, sent, end) = match kind {
            0 => (format!("Content-Length: {}\r\n", body.len()), body.clone(), End::Framed),
            1 => ("Transfer-Encoding: chunked\r\n".into(), chunked_bytes(&chunks, &extension, &trailer), End::Framed),
            _ => (String::new(), body.clone(), End::Closed),
        };
        let head = format!("{}HTTP/1.1 200 OK\r\n{}{framing}\r\n", "HTTP/1.1 103 -\r\n\r\n".repeat(interim), fields.concat());
        ([head.as_bytes(), &sent].concat(), body, end)
    }
}

fn cut_up<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_cut_gives_the_body((bytes, body, end) in response(), cuts: Vec<Index>) {
        let seen = read(Method::Get, &cut_up(&bytes, &cuts));
        prop_assert_eq!((seen.body, seen.end, seen.left_over), (body, Ok(end), vec![]));
    }

    #[test]
    fn a_framed_body_that_is_cut_short_is_never_whole((bytes, body, end) in response(), cut: Index) {
        let part = &bytes[..cut.index(bytes.len())];
        let seen = read(Method::Get, &[part]);
        prop_assert!(body.starts_with(&seen.body));
        prop_assert!(end == End::Closed || seen.end.is_err(), "{:?}", seen);
    }

    #[test]
    fn damage_reads_the_same_at_any_cut(
        (mut bytes, ..) in response(),
        damage in prop::collection::vec((any::<Index>(), prop::sample::select(b"\0\r\n \t:;0f+,x\xff".to_vec())), 1..4),
        cuts: Vec<Index>,
    ) {
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(read(Method::Get, &cut_up(&bytes, &cuts)), read(Method::Get, &[&bytes]));
    }

    #[test]
    fn noise_is_survived(noise: Vec<u8>, start in "|HTTP/1.1 |HTTP/1.1 200 OK\r\n(Transfer-Encoding: chunked\r\n)?\r\n", cuts: Vec<Index>) {
        let bytes = [start.as_bytes(), &noise].concat();
        prop_assert_eq!(read(Method::Get, &cut_up(&bytes, &cuts)), read(Method::Get, &[&bytes]));
    }
}
