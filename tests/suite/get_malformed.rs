//! What a server can get wrong, by the real binary: each answer is refused with its code and a sentence that names what,
//! while the connection stays open, in bounded time and memory, and what came of the body before is kept.
//!
//! The rows are those of the table of faults under "HTTP and proxies". Servers that drip stand in `get_limits.rs`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::web::{Client, serving};
use crate::support::wire::status;
use crate::support::{Ended, assert_same, peer, random, run, sockkit};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// The most memory of its own that a run may use, in kB: without this limit it would be as much as the server sends.
const DATA: u64 = 24 << 10;

/// Each refusal comes at once; this is for a machine that is busy.
const SOON: Duration = Duration::from_secs(15);

fn of(address: SocketAddr) -> String {
    format!("http://{address}/")
}

fn get(address: SocketAddr, options: &[&str]) -> Ended {
    let began = Instant::now();
    let ended = run(sockkit(["get", &of(address), "-w", "30"]).args(options), b"");
    assert!(began.elapsed() < SOON, "{:?}: {}", began.elapsed(), ended.stderr);
    ended
}

/// Sends `reply` and then nothing, but stays.
fn holding(reply: Vec<u8>) -> SocketAddr {
    serving(move |mut client| {
        client.request();
        client.send(&reply);
        client.until_gone();
    })
}

/// The same in writes of one byte.
fn by_bytes(reply: Vec<u8>) -> SocketAddr {
    serving(move |mut client| {
        client.request();
        let _ = client.stream.set_nodelay(true);
        let _ = reply.iter().try_for_each(|byte| client.stream.write_all(&[*byte]));
        client.until_gone();
    })
}

/// Sends `reply` and ends.
fn closing(reply: Vec<u8>) -> SocketAddr {
    serving(move |mut client| {
        client.request();
        client.send(&reply);
    })
}

/// Begins with `start` and goes on with `again` until nobody listens any more.
fn endless(start: &'static str, again: Vec<u8>) -> SocketAddr {
    serving(move |mut client: Client| {
        client.request();
        client.send(start);
        while client.stream.write_all(&again).is_ok() {}
    })
}

/// What it is, what comes, the body that is kept, and a part of the sentence.
type Row = (&'static str, &'static [u8], &'static [u8], &'static str);

#[track_caller]
fn is_refused(address: SocketAddr, code: i32, (what, _, kept, words): Row) {
    let ended = get(address, &[]);
    assert_eq!((ended.code(), &ended.stdout[..]), (code, kept), "{what}: {}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(matches!(lines[..], [one] if one.contains(words)), "{what}, {words}: {}", ended.stderr);
    let is_printable = |c: char| c == '\n' || !c.is_control();
    assert!(ended.stderr.chars().all(is_printable), "{what}: {:?}", ended.stderr);
}

/// Refused as soon as it is there, whatever is still to come.
const HEADS: &[Row] = &[
    ("HTTP/0.9", b"<html>hello</html>\r\n", b"", "begins with \"<\""),
    ("another protocol", b"SSH-2.0-OpenSSH_9\r\n", b"", "begins with \"S\""),
    ("a frame of HTTP/2", b"\0\0\x12\x04\0\0\0\0\0", b"", r#"begins with "\x00""#),
    ("a control sequence", b"\x1b[2J", b"", r#"begins with "\x1b""#),
    ("HTTP/2 in words", b"HTTP/2 200 OK\r\n\r\n", b"", "begins with \"HTTP/2\""),
    ("HTTP/0.9 in words", b"HTTP/0.9 200 OK\r\n\r\n", b"", "begins with \"HTTP/0\""),
    ("HTTP/1.2", b"HTTP/1.2 200 OK\r\n\r\n", b"", "status line is \"HTTP/1.2 200 OK\""),
    ("HTTP/1.10", b"HTTP/1.10 200 OK\r\n\r\n", b"", "status line"),
    ("small letters", b"http/1.1 200 OK\r\n\r\n", b"", "begins with \"h\""),
    ("an empty line first", b"\r\nHTTP/1.1 200 OK\r\n\r\n", b"", "begins with"),
    ("no status", b"HTTP/1.1\r\n\r\n", b"", "status line is \"HTTP/1.1\""),
    ("no space", b"HTTP/1.1200 OK\r\n\r\n", b"", "status line"),
    ("a status of two digits", b"HTTP/1.1 99 Few\r\n\r\n", b"", "status line"),
    ("a status of four digits", b"HTTP/1.1 1000 Many\r\n\r\n", b"", "status line"),
    ("a status below 100", b"HTTP/1.1 099 Low\r\n\r\n", b"", "status code is 099"),
    ("a status with a sign", b"HTTP/1.1 -20 Minus\r\n\r\n", b"", "status line"),
    ("a status that is none", b"HTTP/1.1 2x0 OK\r\n\r\n", b"", "status line"),
    ("a control in the reason", b"HTTP/1.1 200 \x1b[1mOK\r\n\r\n", b"", "status line"),
    ("NUL in the status line", b"HTTP/1.1 200 O\0K", b"", "NUL"),
    ("NUL in a header line", b"HTTP/1.1 200 OK\r\nA: \0", b"", "NUL"),
    ("a bare CR in the status line", b"HTTP/1.1 200 OK\rA", b"", "CR without LF"),
    ("a bare CR in a header line", b"HTTP/1.1 200 OK\r\nA: b\rC", b"", "CR without LF"),
    ("two CR", b"HTTP/1.1 200 OK\r\nA: b\r\r\n", b"", "CR without LF"),
    ("LF behind the status line", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"", "LF without CR"),
    ("LF behind a header line", b"HTTP/1.1 200 OK\r\nA: b\n", b"", "LF without CR"),
    ("LF in place of the empty line", b"HTTP/1.1 200 OK\r\nA: b\r\n\n", b"", "LF without CR"),
    ("a folded line", b"HTTP/1.1 200 OK\r\nA: b\r\n ", b"", "obsolete folding"),
    ("a line folded by a tab", b"HTTP/1.1 200 OK\r\nA: b\r\n\t", b"", "obsolete folding"),
    ("white space before the first line", b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", b"", "white space"),
    ("a space before the colon", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", b"", "white space before its colon"),
    ("a tab before the colon", b"HTTP/1.1 200 OK\r\nA\t: b\r\n\r\n", b"", "white space before its colon"),
    ("no colon", b"HTTP/1.1 200 OK\r\nContent-Length 0\r\n\r\n", b"", "has no colon"),
    ("no name", b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", b"", "has no name"),
    ("a name of two words", b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", b"", "character in its name"),
    ("a name that is not ASCII", b"HTTP/1.1 200 OK\r\n\xc3\xa4: c\r\n\r\n", b"", "character in its name"),
    ("a control in a value", b"HTTP/1.1 200 OK\r\nA: \x1b[2J\r\n\r\n", b"", "control character"),
    ("a delete in a value", b"HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n", b"", "control character"),
    ("a switch of protocols", b"HTTP/1.1 101 Switch\r\n\r\n", b"", "101"),
    ("a broken interim response", b"HTTP/1.1 100 Go\r\nA\r\n\r\n", b"", "has no colon"),
    ("a broken one behind it", b"HTTP/1.1 100 Go\r\n\r\nHTTQ", b"", "begins with \"HTTQ\""),
];

/// The same of the fields that say where the body ends; the status line and the empty line come round them.
const FRAMING: &[Row] = &[
    ("two lengths", b"Content-Length: 5\r\nContent-Length: 6", b"", "several Content-Length that differ"),
    ("two lengths in one line", b"Content-Length: 5, 6", b"", "several Content-Length that differ"),
    ("a length and an empty one", b"Content-Length: 5\r\nContent-Length:", b"", "Content-Length \"\""),
    ("an empty length", b"Content-Length:", b"", "Content-Length \"\""),
    ("a list of one and nothing", b"Content-Length: 5,", b"", "Content-Length \"\""),
    ("a negative length", b"Content-Length: -5", b"", "Content-Length \"-5\""),
    ("a length with a plus", b"Content-Length: +5", b"", "Content-Length \"+5\""),
    ("a hexadecimal length", b"Content-Length: 0x5", b"", "Content-Length \"0x5\""),
    ("a length with a point", b"Content-Length: 5.0", b"", "Content-Length \"5.0\""),
    ("a length of two words", b"Content-Length: 5 5", b"", "Content-Length \"5 5\""),
    ("a length of 2^64", b"Content-Length: 18446744073709551616", b"", "Content-Length \"18446744073709551616\""),
    ("a length and chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"", "both Content-Length and"),
    ("chunked and a length", b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"", "both Content-Length and"),
    ("an unknown coding", b"Transfer-Encoding: gzip", b"", "Transfer-Encoding \"gzip\""),
    ("none at all", b"Transfer-Encoding:", b"", "Transfer-Encoding \"\""),
    ("identity", b"Transfer-Encoding: identity", b"", "Transfer-Encoding \"identity\""),
    ("another before chunked", b"Transfer-Encoding: gzip, chunked", b"", "\"gzip, chunked\""),
    ("chunked not last", b"Transfer-Encoding: chunked, gzip", b"", "\"chunked, gzip\""),
    ("chunked twice", b"Transfer-Encoding: chunked, chunked", b"", "\"chunked, chunked\""),
    ("chunked in two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"", "\"chunked, chunked\""),
    ("chunked with something", b"Transfer-Encoding: chunked;q=1", b"", "\"chunked;q=1\""),
    ("chunked with a control", b"Transfer-Encoding: \x0bchunked", b"", "control character"),
];

/// The same of chunked bodies, behind their head.
const CHUNKS: &[Row] = &[
    ("a plus", b"3\r\nabc\r\n+3", b"abc", "\"+\" in a chunk size"),
    ("a minus", b"-3", b"", "\"-\" in a chunk size"),
    ("a space before the size", b"3\r\nabc\r\n 3", b"abc", "\" \" in a chunk size"),
    ("a space behind the size", b"3 \r\n", b"", "\" \" in a chunk size"),
    ("a tab behind the size", b"3\t;x", b"", r#""\t" in a chunk size"#),
    ("0x", b"0x3", b"", "\"x\" in a chunk size"),
    ("no digit", b"g", b"", "\"g\" in a chunk size"),
    ("no size", b"3\r\nabc\r\n\r\n", b"abc", r#""\r" in a chunk size"#),
    ("an extension alone", b";x\r\n", b"", "\";\" in a chunk size"),
    ("too many digits", b"3\r\nabc\r\n00000000000000003", b"abc", "over 16 digits"),
    ("too large", b"3\r\nabc\r\n10000000000000000", b"abc", "over 16 digits"),
    ("LF behind the size", b"3\nabc", b"", r#""\n" in a chunk size"#),
    ("CR behind the size", b"3\rabc", b"", "\"a\" behind the CR"),
    ("LF in an extension", b"3;x\nabc", b"", r#""\n" in a chunk extension"#),
    ("NUL in an extension", b"3;\0", b"", r#""\x00" in a chunk extension"#),
    ("no CR LF behind the data", b"3\r\nabc0\r\n\r\n", b"abc", "\"0\" where a chunk should end"),
    ("more data than said", b"3\r\nabcd\r\n0\r\n\r\n", b"abc", "\"d\" where a chunk should end"),
    ("LF behind the data", b"3\r\nabc\n", b"abc", r#""\n" where a chunk should end"#),
    ("CR behind the data", b"3\r\nabc\rx", b"abc", "\"x\" where a chunk should end"),
    ("LF behind the last chunk", b"3\r\nabc\r\n0\n", b"abc", r#""\n" in a chunk size"#),
    ("LF in place of the empty line", b"0\r\n\n", b"", r#""\n" in the trailers"#),
    ("a trailer without a colon", b"3\r\nabc\r\n0\r\nA\r\n", b"abc", "in the trailers"),
    ("a trailer with a space before its colon", b"0\r\nA : b", b"", "in the trailers"),
    ("a folded trailer", b"0\r\nA: b\r\n c", b"", "in the trailers"),
    ("NUL in a trailer", b"0\r\nA: \0", b"", "in the trailers"),
    ("LF behind a trailer", b"0\r\nA: b\n", b"", "in the trailers"),
];

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn framed(fields: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", fields, b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"].concat()
}

#[test]
fn every_broken_head_is_8_and_named_while_the_server_waits() {
    for row in HEADS {
        is_refused(holding(row.1.to_vec()), 8, *row);
        is_refused(by_bytes(row.1.to_vec()), 8, *row);
    }
}

#[test]
fn every_framing_that_has_two_readings_is_8_and_nothing_is_written() {
    for row in FRAMING {
        is_refused(holding(framed(row.1)), 8, *row);
        is_refused(by_bytes(framed(row.1)), 8, *row);
    }
    let old = [b"HTTP/1.0", &framed(b"Transfer-Encoding: chunked")[8..]].concat();
    is_refused(holding(old), 8, ("in HTTP/1.0", b"", b"", "Transfer-Encoding in an HTTP/1.0"));
}

#[test]
fn every_broken_chunk_is_8_and_what_came_before_it_is_kept() {
    for row in CHUNKS {
        let reply = [CHUNKED, row.1].concat();
        is_refused(holding(reply.clone()), 8, *row);
        is_refused(by_bytes(reply), 8, *row);
    }
}

#[test]
fn what_is_odd_and_has_one_reading_is_taken() {
    let table: &[(&[u8], &str)] = &[
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 999 \xff\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\t 002 \t\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: ChunKed\r\n\r\n0000000000000002;x=\"\t;\"\r\nok\r\n00\r\nA:\r\n\r\n", "ok"),
        (b"HTTP/1.1 200 OK\r\nEmpty:\r\n!#$%&'*+-.^_`|~: \xff\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 204 None\r\nTransfer-Encoding: gzip\r\nContent-Length: x\r\n\r\n", ""),
    ];
    for (reply, body) in table {
        assert_eq!(get(holding(reply.to_vec()), &[]).expect(0).text(), *body, "{}", reply.escape_ascii());
        assert_eq!(get(by_bytes(reply.to_vec()), &[]).expect(0).text(), *body, "{}", reply.escape_ascii());
    }
}

#[test]
fn an_end_that_comes_too_early_has_its_code_wherever_it_comes() {
    let head = |status: &str, field: &str| format!("HTTP/1.1 {status}\r\n{field}\r\n\r\n");
    let (length, chunked) = (head("200 OK", "Content-Length: 5"), head("200 OK", "Transfer-Encoding: chunked"));
    let table: &[(String, i32, &str, &str)] = &[
        (String::new(), 52, "", "sent nothing"),
        ("H".into(), 8, "", "ended inside its head"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n".into(), 8, "", "ended inside its head"),
        (head("100 Go", "A: b"), 8, "", "only interim responses"),
        (length.clone(), 18, "", "0 of 5 bytes"),
        (length.clone() + "hell", 18, "hell", "4 of 5 bytes"),
        (head("200 OK", "Content-Length: 18446744073709551615") + "hell", 18, "hell", "4 of 18446744073709551615"),
        (chunked.clone(), 8, "", "no last chunk"),
        (chunked.clone() + "5", 8, "", "no last chunk"),
        (chunked.clone() + "5\r\nhell", 18, "hell", "inside a chunk: 4 bytes"),
        (chunked.clone() + "5\r\nhello", 18, "hello", "inside a chunk: 5 bytes"),
        (chunked.clone() + "5\r\nhello\r\n", 8, "hello", "no last chunk; 5 bytes"),
        (chunked.clone() + "ffffffffffffffff\r\nhell", 18, "hell", "inside a chunk"),
        (chunked.clone() + "5\r\nhello\r\n0\r\n", 8, "hello", "behind the last chunk"),
        (chunked.clone() + "5\r\nhello\r\n0\r\nA: b", 8, "hello", "behind the last chunk"),
    ];
    for (reply, code, kept, words) in table {
        for server in [closing, |reply: Vec<u8>| {
            serving(move |mut client| {
                client.request();
                let _ = client.stream.set_nodelay(true);
                let _ = reply.iter().try_for_each(|byte| client.stream.write_all(&[*byte]));
            })
        }] {
            let ended = get(server(reply.clone().into_bytes()), &[]);
            assert_eq!((ended.code(), ended.text().as_str()), (*code, *kept), "{reply:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(words), "{reply:?}: {}", ended.stderr);
        }
    }
}

/// Runs under a limit of its memory, in a shell that sets it: to go over it is another end than the one expected.
fn in_bounds(address: SocketAddr, options: &[&str]) -> Option<Ended> {
    let mut shell = peer("sh")?;
    let limited = format!("ulimit -d {DATA} && exec \"$0\" \"$@\"");
    shell.args(["-c", &limited, env!("CARGO_BIN_EXE_sockkit"), "get", &of(address), "-w", "30"]).args(options);
    let began = Instant::now();
    let ended = run(&mut shell, b"");
    assert!(began.elapsed() < SOON, "{:?}: {}", began.elapsed(), ended.stderr);
    Some(ended)
}

#[test]
fn what_has_no_end_is_63_in_bounded_memory() {
    let many = |piece: &str| piece.repeat(20_000 / piece.len()).into_bytes();
    let interim = |size: usize| format!("HTTP/1.1 103 Hints\r\nA: {}\r\n\r\n", "x".repeat(size)).into_bytes();
    let table = [
        ("a status line", endless("HTTP/1.1 200 ", many("x")), "head is over"),
        ("a header line", endless("HTTP/1.1 200 OK\r\nA: ", many("x")), "head is over"),
        ("a name", endless("HTTP/1.1 200 OK\r\n", many("x")), "head is over"),
        ("header lines", endless("HTTP/1.1 200 OK\r\n", many("A: b\r\n")), "over 1000 header lines"),
        ("long header lines", endless("HTTP/1.1 200 OK\r\n", many(&format!("A: {}\r\n", "x".repeat(990)))), "over"),
        ("interim responses", endless("", many("HTTP/1.1 100 Go\r\n\r\n")), "over 10 interim responses"),
        ("large ones", endless("", interim(290_000)), "over 10 interim responses"),
        ("a header line of an interim response", endless("HTTP/1.1 100 Go\r\nA: ", many("x")), "head is over"),
        (
            "a chunk extension",
            endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", many("x")),
            "extensions",
        ),
        (
            "trailers",
            endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", many("A: b\r\n")),
            "trailers",
        ),
        ("a trailer", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA:", many("x")), "trailers"),
    ];
    for (what, address, words) in table {
        let Some(ended) = in_bounds(address, &[]) else { return };
        assert_eq!((ended.code(), &ended.stdout[..]), (63, &b""[..]), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{what}: {}", ended.stderr);
    }
    // Extensions count over the whole body, which is kept up to there.
    let small = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", many("1;xxxxxxx\r\na\r\n"));
    let Some(ended) = in_bounds(small, &[]) else { return };
    assert_eq!(ended.code(), 63, "{}", ended.stderr);
    assert_same(&ended.stdout, &[b'a'; 16 * 1024 / 8]);
    // Nor is a size that never ends waited for.
    let zeros = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", many("0"));
    let Some(ended) = in_bounds(zeros, &[]) else { return };
    assert!(ended.expect(8).stderr.contains("over 16 digits"));
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

const CODED: &str = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";

/// Ten kilobytes that decode to ten megabytes, again and again.
#[test]
fn a_compressed_bomb_is_63_in_bounded_memory() {
    let zeros = vec![0; 10 << 20];
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..10 {
        encoder.write_all(&zeros).expect("memory takes it");
    }
    let zlib = encoder.finish().expect("memory takes it");
    let one = [b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n", &zlib[..]].concat();
    for address in [endless(CODED, gzip(&zeros)), holding(one)] {
        let mut command = sockkit(["get", &of(address), "--compressed", "-w", "30"]);
        let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        // It is looked at while it has to wait for us.
        let mut start = vec![0; 32 << 20];
        stdout.read_exact(&mut start).expect("so much is no attack");
        let peak = status(child.id(), "VmHWM");
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).expect("it ends");
        assert_eq!(child.wait().expect("ours").code(), Some(63));
        assert!(peak > 0 && peak < DATA, "{peak} kB");
        assert!(rest.len() < 16 << 20, "{} bytes", rest.len());
    }
    // Whoever did not ask for it decodes nothing.
    let sent = gzip(&zeros);
    let reply = [
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", sent.len()).as_bytes(),
        &sent,
    ]
    .concat();
    assert_same(&get(holding(reply), &[]).expect(0).stdout, &sent);
}

#[test]
fn compressed_data_without_an_end_ends_at_a_limit_too() {
    // A name in the header of the gzip data (RFC 1952 §2.3.1) that does not end.
    let name = serving(|mut client| {
        client.request();
        client.send([CODED.as_bytes(), b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"].concat());
        while client.stream.write_all(&[b'x'; 1000]).is_ok() {}
    });
    let Some(ended) = in_bounds(name, &["--compressed"]) else { return };
    assert!(ended.expect(63).stderr.contains("gzip header"));
    // Members of which nothing comes.
    let Some(ended) = in_bounds(endless(CODED, gzip(b"")), &["--compressed", "--max-filesize", "100k"]) else { return };
    assert_eq!(ended.expect(63).stdout, b"");
    // What does not shrink is bounded by what is asked for alone.
    let noise = gzip(&random(100_000, 1));
    let Some(ended) = in_bounds(endless(CODED, noise), &["--compressed", "--max-filesize", "30M"]) else { return };
    assert!(ended.expect(63).stdout.len() <= 30 << 20);
}

#[test]
fn a_url_that_would_break_out_of_its_line_is_2_before_anybody_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free");
    let address = listener.local_addr().expect("it is bound");
    listener.set_nonblocking(true).expect("it is ours");
    for odd in ["\r\nX: y", "\n", "\r", " ", "a b", "\t", "\u{1}", "\u{7f}"] {
        for url in
            [format!("http://{address}/{odd}x"), format!("http://{address}/?{odd}x"), format!("{address}/{odd}x")]
        {
            let ended = run(&mut sockkit(["get", &url]), b"").expect(2);
            assert!(ended.stderr.lines().count() == 1 && !ended.stderr.contains('\r'), "{url:?}: {:?}", ended.stderr);
        }
    }
    for host in ["local\thost", "local host", "local%00host", "local%0d%0ahost", "local%20host", "local\u{202e}host"] {
        run(&mut sockkit(["get", &format!("http://{host}:{}/", address.port())]), b"").expect(2);
    }
    assert!(listener.accept().is_err(), "nobody was to be asked");
}
