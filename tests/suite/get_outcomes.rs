//! How `get` judges an answer and takes its body: codings, sizes, statuses, hashes, and what is asked for again.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::web::{Client, Request, answering, serving};
use crate::support::wire::{accept, loopback};
use crate::support::{Ended, assert_same, directory, file, random, run, sockkit, start, sum};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use socket2::{Domain, Socket, Type};

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

fn get(url: impl AsRef<str>, options: &[&str]) -> Ended {
    run(sockkit(["get", url.as_ref(), "-w", "20"]).args(options), b"")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test is text")
}

/// A server that answers every request with these bytes, and then closes.
fn replying(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> SocketAddr {
    serving(move |mut client| {
        client.request();
        client.send(&reply);
    })
}

fn with_length(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn chunked(head: &str, body: &[u8]) -> Vec<u8> {
    let mut reply = format!("HTTP/1.1 {head}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(5003) {
        reply.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    reply.extend(b"0\r\n\r\n");
    reply
}

fn closed(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

type Coder = fn(&[u8]) -> Vec<u8>;

const GZIP: &str = "200 OK\r\nContent-Encoding: gzip";

#[test]
fn every_coding_in_every_framing_comes_decoded() {
    let dir = directory();
    // Half of it compresses well.
    let body = [random(300_000, 1), vec![b'x'; 300_000]].concat();
    let codings: [(&str, Coder); 5] = [
        ("gzip", gzip),
        ("X-GZIP", |data| [gzip(&data[..9]), gzip(&data[9..])].concat()),
        ("deflate", zlib),
        ("deflate", raw_deflate),
        ("identity", <[u8]>::to_vec),
    ];
    for (n, (name, coder)) in codings.into_iter().enumerate() {
        let head = format!("200 OK\r\nContent-Encoding: {name}");
        let sent = coder(&body);
        for (m, frame) in [with_length, chunked, closed].into_iter().enumerate() {
            let address = replying(frame(&head, &sent));
            assert_same(&get(of(address, "/"), &["--compressed"]).expect(0).stdout, &body);
            // What nobody asked for is nobody's to change.
            assert_same(&get(of(address, "/"), &[]).expect(0).stdout, &sent);
            let out = dir.path().join(format!("{n}-{m}"));
            get(of(address, "/"), &["--compressed", "-o", text(&out)]).expect(0);
            assert_same(&std::fs::read(&out).expect("it was made"), &body);
        }
    }
}

#[test]
fn a_coding_is_asked_for_where_it_can_be_undone() {
    let (address, requests) = answering(|_, client| {
        client.answer("ok");
        true
    });
    let table: [(&[&str], Option<&str>); 5] = [
        (&[], None),
        (&["--compressed"], Some("gzip, deflate")),
        (&["--compressed", "-I"], Some("gzip, deflate")),
        (&["--compressed", "-H", "accept-encoding: gzip"], Some("gzip")),
        (&["--compressed", "-H", "Accept-Encoding:"], None),
    ];
    for (options, wanted) in table {
        get(of(address, "/"), options).expect(0);
        let request = requests.recv().expect("it was asked");
        assert_eq!(request.field("accept-encoding"), wanted, "{options:?}: {}", request.head);
    }
}

/// The reply, the code, the body that is kept, and a word of the message.
type Row = (&'static str, Vec<u8>, i32, &'static [u8], &'static str);

#[test]
fn a_coding_that_is_broken_is_61_and_what_came_before_is_kept() {
    let whole = gzip(b"hello");
    let cut = &whole[..whole.len() - 3];
    let short = format!("HTTP/1.1 {GZIP}\r\nContent-Length: {}\r\n\r\n", whole.len());
    let mut damaged = whole.clone();
    damaged[whole.len() - 5] ^= 1;
    let table: [Row; 13] = [
        ("cut", with_length(GZIP, cut), 61, b"hello", "inside its compressed data"),
        ("cut, in chunks", chunked(GZIP, cut), 61, b"hello", "inside its compressed data"),
        ("cut with the connection", closed(GZIP, cut), 61, b"hello", "inside its compressed data"),
        ("cut shorter than announced", [short.as_bytes(), cut].concat(), 18, b"hello", "bytes came"),
        ("damaged", with_length(GZIP, &damaged), 61, b"hello", "checksum"),
        ("more behind it", with_length(GZIP, &[&whole[..], b"x"].concat()), 61, b"hello", "behind the end"),
        ("none", with_length(GZIP, b"hello"), 61, b"", "not gzip"),
        ("unknown", with_length("200 OK\r\nContent-Encoding: br", b"hello"), 61, b"", "\"br\""),
        ("unknown, of an error", with_length("404 No\r\nContent-Encoding: br", b"hello"), 61, b"", "\"br\""),
        ("two", with_length("200 OK\r\nContent-Encoding: gzip, gzip", &gzip(&whole)), 61, b"", "more than one layer"),
        ("a part", with_length("206 Part\r\nContent-Encoding: gzip", &whole), 61, b"", "without --compressed"),
        ("a part that is plain", with_length("206 Part", b"hell"), 0, b"hell", ""),
        ("an empty one", with_length("200 OK\r\nContent-Encoding: br", b""), 0, b"", ""),
    ];
    for (what, reply, code, kept, word) in table {
        let ended = get(of(replying(reply), "/"), &["--compressed"]);
        assert_eq!((ended.code(), &ended.stdout[..]), (code, kept), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains(word), "{what}: {}", ended.stderr);
    }
}

#[test]
fn a_coding_of_no_body_is_not_judged() {
    for (reply, options) in [
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n", &["-I"][..]),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n", &["--raw-head"]),
        ("HTTP/1.1 204 None\r\nContent-Encoding: br\r\n\r\n", &["-i"]),
        ("HTTP/1.1 304 Same\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n", &["-i"]),
    ] {
        let ended = get(of(replying(reply), "/"), &[options, &["--compressed"]].concat()).expect(0);
        assert_eq!(ended.text(), reply);
    }
    let (address, _requests) = answering(|request, client| {
        match request.start() {
            "GET /a" => {
                client.send("HTTP/1.1 302 To\r\nLocation: /b\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\ngone");
            }
            _ => client.send(with_length(GZIP, &gzip(b"there"))),
        }
        true
    });
    assert_eq!(get(of(address, "/a"), &["--compressed"]).expect(0).text(), "there");
}

#[test]
fn fail_with_body_has_both() {
    let missing = replying(with_length("404 Not Here", b"sorry"));
    let told = get(of(missing, "/"), &["--fail-with-body"]).expect(22);
    assert_eq!(told.text(), "sorry");
    assert!(told.stderr.contains("404 Not Here"), "{}", told.stderr);
    assert_eq!(get(of(missing, "/"), &["--fail"]).expect(22).text(), "");
    let dir = directory();
    let out = dir.path().join("out");
    get(of(missing, "/"), &["--fail-with-body", "-o", text(&out)]).expect(22);
    let kept = std::fs::read_dir(dir.path()).expect("ours").flatten().map(|e| std::fs::read(e.path()).expect("a file"));
    assert_eq!(kept.collect::<Vec<_>>(), [b"sorry"]);
    // An error in the body is said as what it is.
    let short = replying("HTTP/1.1 500 Bad\r\nContent-Length: 9\r\n\r\nsorry");
    assert_eq!(get(of(short, "/"), &["--fail-with-body"]).expect(18).text(), "sorry");
    let good = replying(with_length("399 Good", b"body"));
    assert_eq!(get(of(good, "/"), &["--fail-with-body"]).expect(0).text(), "body");
}

#[test]
fn no_body_is_larger_than_max_filesize() {
    type Frame = fn(&str, &[u8]) -> Vec<u8>;
    let body = b"0123456789";
    let framings: [(Frame, &[u8]); 3] = [(with_length, b""), (chunked, b"012345678"), (closed, b"012345678")];
    for (frame, kept) in framings {
        let address = replying(frame("200 OK", body));
        for size in ["10", "11", "1k"] {
            assert_eq!(get(of(address, "/"), &["--max-filesize", size]).expect(0).stdout, body);
        }
        let over = get(of(address, "/"), &["--max-filesize", "9"]).expect(63);
        assert_eq!(over.stdout, kept);
        assert!(over.stderr.contains("--max-filesize"), "{}", over.stderr);
        assert_eq!(get(of(address, "/"), &["--max-filesize", "0"]).expect(63).stdout, b"");
        let coded = replying(frame(GZIP, &gzip(&[b'x'; 10_000])));
        let decoded = get(of(coded, "/"), &["--compressed", "--max-filesize", "9999"]).expect(63);
        assert_same(&decoded.stdout, &[b'x'; 9999]);
        assert_same(
            &get(of(coded, "/"), &["--compressed", "--max-filesize", "10000"]).expect(0).stdout,
            &[b'x'; 10_000],
        );
    }
    assert_eq!(get(of(replying(closed("200 OK", b"")), "/"), &["--max-filesize", "0"]).expect(0).stdout, b"");
    let dir = directory();
    let out = dir.path().join("out");
    let large = replying(with_length("200 OK", &vec![b'x'; 1 << 20]));
    get(of(large, "/"), &["--max-filesize", "1000000", "-o", text(&out)]).expect(63);
    assert_eq!(std::fs::read_dir(dir.path()).expect("ours").count(), 0, "nothing came for it");
    // It ends as soon as it is too much, whatever the server has left to say.
    let endless = serving(|mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\n\r\n");
        while client.stream.write_all(&[b'x'; 16_000]).is_ok() {}
    });
    assert_eq!(get(of(endless, "/"), &["--max-filesize", "1000000"]).expect(63).stdout.len(), 1_000_000);
    // Redirects and answers without a body are as large as they like.
    let head = replying("HTTP/1.1 304 Same\r\nContent-Length: 10\r\n\r\n");
    get(of(head, "/"), &["--max-filesize", "9"]).expect(0);
}

#[test]
fn a_status_that_was_not_expected_is_1_behind_the_body() {
    let missing = replying(with_length("404 Not Here", b"sorry"));
    let table = [("404", 0), ("4xx", 0), ("200,404", 0), ("200", 1), ("200,204,3xx", 1), ("400-500", 2), ("1xx", 2)];
    for (list, code) in table {
        let ended = get(of(missing, "/"), &["--expect-status", list]).expect(code);
        assert_eq!(ended.text(), if code == 2 { "" } else { "sorry" });
        if code == 1 {
            let said = format!("404 Not Here, expected {list}");
            assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        }
    }
    // It is that of the answer; a redirect is one only where it is not followed.
    let (address, _requests) = answering(|request, client| {
        match request.start() {
            "GET /to" | "HEAD /to" => client.send("HTTP/1.1 302 To\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
            _ => client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        }
        true
    });
    get(of(address, "/to"), &["--expect-status", "200"]).expect(0);
    get(of(address, "/to"), &["--expect-status", "302"]).expect(1);
    get(of(address, "/to"), &["--expect-status", "302", "--no-follow"]).expect(0);
    get(of(address, "/to"), &["--expect-status", "302", "-I"]).expect(1);
    get(of(address, "/to"), &["--expect-status", "200", "--raw-head"]).expect(0);
    // The error of the body comes first, and --fail before both.
    let short = replying("HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nsorry");
    get(of(short, "/"), &["--expect-status", "200"]).expect(18);
    assert_eq!(get(of(missing, "/"), &["--expect-status", "200", "--fail"]).expect(22).text(), "");
    assert_eq!(get(of(missing, "/"), &["--expect-status", "200", "--fail-with-body"]).expect(22).text(), "sorry");
}

#[test]
fn another_hash_than_expected_is_1_and_both_are_said() {
    let body = random(1 << 20, 3);
    let wrong = sum(b"");
    let dir = directory();
    for (n, frame) in [with_length, chunked, closed].into_iter().enumerate() {
        let address = replying(frame("200 OK", &body));
        let out = dir.path().join(n.to_string());
        for output in ["-", text(&out)] {
            get(of(address, "/"), &["--expect-sha256", &sum(&body), "-o", output]).expect(0);
        }
        assert_same(&std::fs::read(&out).expect("it was made"), &body);
        let other = get(of(address, "/"), &["--expect-sha256", &wrong.to_uppercase()]).expect(1);
        assert_same(&other.stdout, &body);
        // What is not what was expected does not get the name.
        let named = dir.path().join(format!("{n}-named"));
        let unnamed = get(of(address, "/"), &["--expect-sha256", &wrong, "-o", text(&named)]).expect(1);
        assert!(unnamed.stderr.ends_with(&format!("{} bytes are in {}.part\n", body.len(), named.display())));
        assert!(!named.exists());
        assert!(other.stderr.contains(&sum(&body)) && other.stderr.contains(&wrong), "{}", other.stderr);
    }
    // What is hashed is what is written.
    let coded = replying(with_length(GZIP, &gzip(&body)));
    get(of(coded, "/"), &["--compressed", "--expect-sha256", &sum(&body)]).expect(0);
    get(of(coded, "/"), &["--expect-sha256", &sum(&gzip(&body))]).expect(0);
    get(of(coded, "/"), &["--expect-sha256", &sum(&body)]).expect(1);
    get(of(coded, "/"), &["-i", "--expect-sha256", &sum(&gzip(&body))]).expect(0);
    get(of(replying("HTTP/1.1 204 None\r\n\r\n"), "/"), &["--expect-sha256", &wrong]).expect(0);
    // A body that is not whole is that, and not one of another hash; so is a status that is wrong.
    let short = replying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    get(of(short, "/"), &["--expect-sha256", &wrong]).expect(18);
    let missing =
        get(of(replying(with_length("404 No", b"x")), "/"), &["--expect-sha256", &wrong, "--expect-status", "200"]);
    assert!(missing.expect(1).stderr.contains("404 No"));
}

#[test]
fn what_would_be_ignored_is_a_mistake_of_the_command_line() {
    let hash = sum(b"");
    let table: &[&[&str]] = &[
        &["--fail", "--fail-with-body"],
        &["--fail", "--expect-status", "200,404"],
        &["--fail-with-body", "--expect-status", "4xx"],
        &["--retry-delay", "1"],
        &["--retry", "-1"],
        &["--retry", "many"],
        &["--retry", "1", "--retry-delay", "soon"],
        &["--retry", "1", "--retry-delay", "2d"],
        &["--max-filesize", "lots"],
        &["--max-filesize", "5", "-I"],
        &["--max-filesize", "5", "-X", "HEAD"],
        &["--max-filesize", "5", "--raw-head"],
        &["--expect-sha256", "abc"],
        &["--expect-sha256", &hash, "-I"],
        &["--expect-sha256", &hash, "-X", "HEAD"],
        &["--expect-sha256", &hash, "--raw-head"],
        &["--expect-sha256", &hash, "http://localhost:1/2"],
        &["--expect-status", ""],
        &["--expect-status", "2xx,"],
    ];
    for options in table {
        let ended = get("http://localhost:1/", options);
        assert_eq!(ended.code(), 2, "{options:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{options:?}");
    }
}

/// A server that answers with one of `replies` after the other, and with the last for ever.
fn one_after_the_other(replies: &'static [&'static str]) -> (SocketAddr, Receiver<Request>) {
    let so_far = AtomicUsize::new(0);
    answering(move |_, client| {
        let n = so_far.fetch_add(1, Ordering::Relaxed);
        client.send(replies[n.min(replies.len() - 1)]);
        true
    })
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad";
const SLOW_GATEWAY: &str = "HTTP/1.1 504 Slow\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n0\r\n\r\n";

/// Retries that take no time.
const QUICK: [&str; 4] = ["--retry", "3", "--retry-delay", "0"];

#[test]
fn an_answer_that_passes_is_asked_for_again_over_the_same_connection() {
    let (address, requests) = one_after_the_other(&[BUSY, BAD_GATEWAY, SLOW_GATEWAY, OK]);
    // Nothing of what is not the answer is written, heads included.
    let ended = get(of(address, "/"), &[&QUICK[..], &["-i"]].concat()).expect(0);
    assert_eq!(ended.text(), OK);
    let lines: Vec<_> = ended.stderr.lines().collect();
    let wanted = ["503 Busy", "502 Bad", "504 Slow"];
    assert_eq!(lines.len(), 3, "{}", ended.stderr);
    for (line, status) in lines.iter().zip(wanted) {
        assert!(line.contains(status) && line.contains("trying again in"), "{line}");
    }
    let asked: Vec<_> = requests.try_iter().map(|request| (request.connection, request.start().to_owned())).collect();
    assert_eq!(asked, vec![(0, "GET /".to_owned()); 4]);
    let (address, _requests) = one_after_the_other(&[BUSY, OK]);
    assert_eq!(get(of(address, "/"), &[&QUICK[..], &["-q"]].concat()).expect(0).stderr, "");
}

#[test]
fn the_last_answer_is_the_answer() {
    for (options, code, body) in [(&[][..], 0, "busy"), (&["--fail"], 22, ""), (&["--expect-status", "200"], 1, "busy")]
    {
        let (address, requests) = one_after_the_other(&[BUSY]);
        let ended = get(of(address, "/"), &[&QUICK[..], options].concat()).expect(code);
        assert_eq!((ended.text().as_str(), requests.try_iter().count()), (body, 4), "{options:?}");
    }
    // Each URL has its own.
    let (address, requests) = one_after_the_other(&[BUSY]);
    get(of(address, "/a"), &[&QUICK[..], &[&of(address, "/b")]].concat()).expect(0);
    assert_eq!(requests.try_iter().count(), 8);
    // What is expected, and what does not pass by itself, is no reason.
    let (address, requests) = one_after_the_other(&[BUSY]);
    get(of(address, "/"), &[&QUICK[..], &["--expect-status", "503"]].concat()).expect(0);
    assert_eq!(requests.try_iter().count(), 1);
    for reply in
        ["HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 429 -\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"]
    {
        let (address, requests) = answering(move |_, client| {
            client.send(reply);
            true
        });
        get(of(address, "/"), &QUICK).expect(0);
        assert_eq!(requests.try_iter().count(), 1, "{reply}");
    }
}

#[test]
fn only_the_request_that_failed_is_repeated() {
    let tries = AtomicUsize::new(0);
    let (address, requests) = answering(move |request, client| {
        match request.start() {
            "POST /form" => client.send("HTTP/1.1 303 See\r\nLocation: /result\r\nContent-Length: 0\r\n\r\n"),
            _ if tries.fetch_add(1, Ordering::Relaxed) < 2 => client.send(BAD_GATEWAY),
            _ => client.send(OK),
        }
        true
    });
    let ended = get(of(address, "/form"), &[&QUICK[..], &["--data", "once"]].concat()).expect(0);
    assert_eq!(ended.text(), "ok");
    let asked: Vec<_> = requests.try_iter().map(|request| request.start().to_owned()).collect();
    assert_eq!(asked, ["POST /form", "GET /result", "GET /result", "GET /result"]);
}

#[test]
fn a_request_that_may_not_be_done_twice_is_repeated_only_where_it_was_declined() {
    let dir = directory();
    let body = file(&dir, "body", b"some body");
    let data = format!("@{}", body.display());
    let table: [(&[&'static str], &[&str], usize, &str); 6] = [
        (&[BUSY, OK], &["--data", "some body"], 2, "ok"),
        (&[BUSY, OK], &["--data", &data], 2, "ok"),
        (&[BAD_GATEWAY, OK], &["--data", &data], 1, "bad"),
        (&[BAD_GATEWAY, OK], &["--data", &data, "-X", "PUT"], 2, "ok"),
        // Standard input is there once.
        (&[BUSY, OK], &["--data", "-", "-X", "PUT"], 1, "busy"),
        (&[BUSY, OK], &["-X", "PATCH"], 2, "ok"),
    ];
    for (replies, options, count, answer) in table {
        let replies: Vec<_> = replies.to_vec();
        let so_far = AtomicUsize::new(0);
        let (address, requests) = answering(move |_, client| {
            client.send(replies[so_far.fetch_add(1, Ordering::Relaxed).min(replies.len() - 1)]);
            true
        });
        let url = of(address, "/");
        let ended = run(sockkit(["get", &url, "-w", "20"]).args(QUICK).args(options), b"some body").expect(0);
        let bodies: Vec<_> = requests.try_iter().map(|request| request.body).collect();
        assert_eq!((ended.text().as_str(), bodies.len()), (answer, count), "{options:?}");
        let sent: &[u8] = if options.contains(&"--data") { b"some body" } else { b"" };
        assert!(bodies.iter().all(|body| body == sent), "{options:?}: {bodies:?}");
    }
}

#[test]
fn a_server_that_comes_up_meanwhile_is_found() {
    // Bound and not listening yet, it refuses everybody, and nobody else can have its port.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    socket.bind(&SocketAddr::from((loopback(), 0)).into()).expect("a port is free");
    let free = socket.local_addr().expect("it is bound").as_socket().expect("it is inet");
    // Not a byte of it is read before somebody takes it.
    let mut command = sockkit(["get", &of(free, "/"), "--retry", "1000", "--retry-delay", "0.02", "--data", "-"]);
    let mut running = start(command.stdin(Stdio::piped()));
    running.feed(b"from a pipe".to_vec());
    running.line("connection refused; trying again in");
    socket.listen(1).expect("it is bound");
    let listener = TcpListener::from(socket);
    let server = thread::spawn(move || {
        let (stream, _) = accept(&listener);
        let mut client = Client::new(stream);
        let request = client.request().expect("it asks");
        client.answer("up");
        request.body
    });
    assert_eq!(running.end().expect(0).text(), "up");
    assert_eq!(server.join().expect("it does not panic"), b"from a pipe");
    // And where none comes, the last error counts.
    let ended = get(of(crate::support::wire::refusing(), "/"), &QUICK).expect(7);
    assert_eq!(ended.stderr.matches("trying again").count(), 3, "{}", ended.stderr);
}

/// A server whose first request gets `first` and then nothing more, and whose others are answered.
fn silent_at_first(first: &'static str) -> SocketAddr {
    let so_far = AtomicUsize::new(0);
    serving(move |mut client| {
        if client.request().is_none() {
            return;
        }
        if so_far.fetch_add(1, Ordering::Relaxed) == 0 {
            client.send(first);
            client.until_gone();
        } else {
            client.send(OK);
        }
    })
}

/// A server of which everybody gets `first` and then nothing more.
fn silent_behind(first: &'static str) -> SocketAddr {
    serving(move |mut client| {
        client.request();
        client.send(first);
        client.until_gone();
    })
}

#[test]
fn a_time_limit_is_a_reason_until_something_is_written() {
    // A server that is late for one attempt is asked by the next: so there are many.
    let impatient = ["-w", "0.5", "--retry", "30", "--retry-delay", "0"];
    let of_server =
        |server, options: &[&str]| run(sockkit(["get", &of(server, "/")]).args(impatient).args(options), b"");
    for first in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"] {
        let ended = of_server(silent_at_first(first), &[]).expect(0);
        assert_eq!(ended.text(), "ok", "{first}");
        assert!(ended.stderr.contains("timed out after 0.5 s (--timeout); trying again"), "{}", ended.stderr);
    }
    // Whoever asked once more behind the first that is written would get and write that once more.
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";
    assert_eq!(of_server(silent_behind(half), &[]).expect(28).text(), "ha");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    assert_eq!(of_server(silent_behind(head), &["-i"]).expect(28).text(), head);
    let dir = directory();
    let out = dir.path().join("out");
    let ended = of_server(silent_behind(half), &["-vv", "-o", text(&out)]).expect(28);
    assert_eq!(ended.stderr.matches("wrote 2 bytes to the local end").count(), 1, "{}", ended.stderr);
    // What may have been done is not done again.
    of_server(silent_at_first(""), &["--data", "x"]).expect(28);
    // The limit of the whole run is the end.
    let ended = run(sockkit(["get", &of(silent_at_first(""), "/"), "--deadline", "0.5"]).args(QUICK), b"").expect(28);
    assert!(!ended.stderr.contains("again"), "{}", ended.stderr);
}

/// The waits in seconds that were told under --json.
fn told(stderr: &str) -> Vec<String> {
    let objects = stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object a line"));
    objects.filter(|object| object["event"] == "retrying").map(|object| object["seconds"].to_string()).collect()
}

#[test]
fn retry_after_lengthens_a_wait_within_reason() {
    let (address, _requests) =
        one_after_the_other(&["HTTP/1.1 503 -\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", BUSY, OK]);
    let began = Instant::now();
    let ended = get(of(address, "/"), &[&QUICK[..], &["--json"]].concat()).expect(0);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(told(&ended.stderr), ["1.0", "0.0"], "{}", ended.stderr);
    // A wait that the deadline does not leave time for is none at all.
    let (address, requests) =
        one_after_the_other(&["HTTP/1.1 503 -\r\nRetry-After: 99\r\nContent-Length: 4\r\n\r\nbusy"]);
    let ended = get(of(address, "/"), &["--retry", "3", "--deadline", "20"]).expect(0);
    assert_eq!((ended.text().as_str(), requests.try_iter().count()), ("busy", 1));
    assert!(ended.stderr.contains("99 s") && ended.stderr.contains("--deadline"), "{}", ended.stderr);
    // A year is not waited for; and a signal ends the wait.
    let (address, _requests) =
        one_after_the_other(&["HTTP/1.1 503 -\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n"]);
    let running = start(&mut sockkit(["get", &of(address, "/"), "--retry", "1", "--json"]));
    let line = running.line("\"event\":\"retrying\"");
    assert_eq!(told(&line), ["600.0"]);
    running.signal(2);
    running.end_within(Duration::from_secs(5)).expect(128 + 2);
}

#[test]
fn a_reader_that_goes_ends_the_wait() {
    let (address, _requests) = one_after_the_other(&[BUSY]);
    let (read, write) = std::io::pipe().expect("a pipe");
    let running = start(sockkit(["get", &of(address, "/"), "--retry", "1", "--retry-delay", "60"]).stdout(write));
    running.line("trying again in");
    drop(read);
    running.end_within(Duration::from_secs(5)).expect(141);
}

#[test]
fn without_a_delay_of_its_own_each_wait_is_twice_the_one_before() {
    let (address, _requests) = one_after_the_other(&[BUSY, BUSY, OK]);
    let began = Instant::now();
    let ended = get(of(address, "/"), &["--retry", "5", "--json"]).expect(0);
    assert_eq!(told(&ended.stderr), ["1.0", "2.0"], "{}", ended.stderr);
    assert!(began.elapsed() >= Duration::from_secs(3));
}
