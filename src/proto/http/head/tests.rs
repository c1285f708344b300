//! Tables of heads, taken and refused, and their limits. Owns no behaviour.

use super::*;

fn read(bytes: &[u8]) -> Result<Option<ResponseHead>, HttpError> {
    HeadReader::default().feed(&mut &bytes[..])
}

#[test]
fn heads() {
    let raw = b"HTTP/1.0 404 Nicht \xfcberall\r\nA: 1\r\nb:\t \r\nA:  x\ty \xff \r\n\r\n";
    let mut input = &[&raw[..], b"body"].concat()[..];
    let head = HeadReader::default().feed(&mut input).unwrap().unwrap();
    assert_eq!((head.version, head.status, &head.reason[..]), (Version::Http10, 404, &b"Nicht \xfcberall"[..]));
    assert_eq!(head.all("a").collect::<Vec<_>>(), [b"1", &b"x\ty \xff"[..]]);
    assert_eq!((head.get("B"), head.get("c")), (Some(&b""[..]), None));
    assert_eq!((head.fields[1].name.as_str(), &head.raw[..], input), ("b", &raw[..], &b"body"[..]));
}

#[test]
fn status_lines_taken() {
    let table: &[(&[u8], u16, &[u8])] = &[
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, b"OK"),
        (b"HTTP/1.1 200 \r\n\r\n", 200, b""),
        (b"HTTP/1.1 200\r\n\r\n", 200, b""),
        (b"HTTP/1.1 999 a  b\r\n\r\n", 999, b"a  b"),
    ];
    for (raw, status, reason) in table {
        let head = read(raw).unwrap().unwrap();
        assert_eq!((head.status, &head.reason[..], &head.raw[..]), (*status, *reason, *raw));
    }
}

/// Every way to break a head, and a part of what is said about it.
const MALFORMED: &[(&[u8], &str)] = &[
    (b"S", "begins with \"S\""),
    (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "begins with \"\\r\""),
    (b"<html>", "begins with \"<\""),
    (b"\0\0\x12\x04", "begins with \"\\x00\""),
    (b"HTTP/2 200\r\n", "begins with \"HTTP/2\""),
    (b"HTTP/0.9 200\r\n", "begins with \"HTTP/0\""),
    (b"http/1.1 200\r\n", "begins with \"h\""),
    (b"HTTP/1.2 200 OK\r\n\r\n", "status line is \"HTTP/1.2 200 OK\""),
    (b"HTTP/1.1  200 OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1\t200 OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1 20 OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1 2000 OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1 -20 OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1 200OK\r\n\r\n", "status line is"),
    (b"HTTP/1.1\r\n\r\n", "status line is"),
    (b"HTTP/1.1 200 \x1b[2J\r\n\r\n", r#"status line is "HTTP/1.1 200 \x1b[2J""#),
    (b"HTTP/1.1 099 OK\r\n\r\n", "status code is 099"),
    (b"HTTP/1.1 200 OK\nA: b\n\n", "LF without CR"),
    (b"HTTP/1.1 200 OK\r\nA: b\n", "LF without CR"),
    (b"HTTP/1.1 200 OK\r\r", "CR without LF"),
    (b"HTTP/1.1 200 OK\r\nA: b\rC: d", "CR without LF"),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n\rx", "CR without LF"),
    (b"HTTP/1.1 200 OK\r\nA: \0", "NUL"),
    (b"HTTP/1.1 200 \0", "NUL"),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n c", "folding"),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n\tc", "folding"),
    (b"HTTP/1.1 200 OK\r\n A: b", "folding"),
    (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "\"A : b\" has white space before its colon"),
    (b"HTTP/1.1 200 OK\r\nA\t: b\r\n\r\n", "white space before its colon"),
    (b"HTTP/1.1 200 OK\r\nok: 1\r\nA B\r\n\r\n", "\"A B\" has no colon"),
    (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "has no name"),
    (b"HTTP/1.1 200 OK\r\nA(: b\r\n\r\n", "character in its name"),
    (b"HTTP/1.1 200 OK\r\n\xffA: b\r\n\r\n", r#""\xffA: b" has a character in its name"#),
    (b"HTTP/1.1 200 OK\r\nA: \x1b[2J\r\n\r\n", r#""A: \x1b[2J" has a control"#),
    (b"HTTP/1.1 200 OK\r\nA: x\x7f\r\n\r\n", "has a control"),
];

#[test]
fn malformed_heads() {
    for (raw, want) in MALFORMED {
        match read(raw) {
            Err(HttpError::Malformed(why)) => assert!(why.contains(want), "{why} / {want}"),
            other => panic!("{}: {other:?}", raw.escape_ascii()),
        }
    }
}

#[test]
fn redirects_are_five() {
    for status in 100..=999 {
        let raw = format!("HTTP/1.1 {status} x\r\nLocation: /y\r\n\r\n");
        let target = read(raw.as_bytes()).unwrap().unwrap().redirect().map(<[u8]>::to_vec);
        let wanted = [301, 302, 303, 307, 308].contains(&status);
        assert_eq!(target, wanted.then(|| b"/y".to_vec()), "{status}");
    }
    assert_eq!(read(b"HTTP/1.1 302 x\r\n\r\n").unwrap().unwrap().redirect(), None);
}

fn with_fields(count: usize) -> Vec<u8> {
    [&b"HTTP/1.1 200 OK\r\n"[..], &b"A: b\r\n".repeat(count), b"\r\n"].concat()
}

fn of_size(size: usize) -> Vec<u8> {
    let (start, end) = (b"HTTP/1.1 200 OK\r\nA: ", b"\r\n\r\n");
    [&start[..], &vec![b'x'; size - start.len() - end.len()], end].concat()
}

#[test]
fn limits() {
    assert_eq!(read(&with_fields(MAX_FIELDS)).unwrap().unwrap().fields.len(), MAX_FIELDS);
    assert_eq!(read(&of_size(MAX_HEAD)).unwrap().unwrap().raw.len(), MAX_HEAD);
    for raw in [with_fields(MAX_FIELDS + 1), of_size(MAX_HEAD + 1), [START, &b"x".repeat(MAX_HEAD)].concat()] {
        assert!(matches!(read(&raw), Err(HttpError::TooLarge(_))));
    }
}

#[test]
fn a_dripped_head_is_looked_at_once() {
    let raw = of_size(MAX_HEAD);
    let mut reader = HeadReader::default();
    for byte in &raw[..raw.len() - 1] {
        assert_eq!(reader.feed(&mut &[*byte][..]), Ok(None));
    }
    // `scanned` counts the calls that look at a byte: quadratic work would be 4.7 × 10^10 of them.
    assert_eq!(reader.scanned, raw.len() - 1);
    assert_eq!(reader.feed(&mut &b"\n"[..]).unwrap().unwrap().raw, raw);
    assert!(reader.is_empty());
}
