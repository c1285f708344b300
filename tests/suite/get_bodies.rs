//! Bodies of `get` on every way to the output: through the kernel, through the buffer, in large pieces, to the byte.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use crate::support::talk::Talk;
use crate::support::web::{Client, answering, serving};
use crate::support::wire::{reset, ticks};
use crate::support::{HARD_LIMIT, assert_same, directory, random, run, sockkit, start};

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// Sends `body` in pieces of all sizes.
fn in_pieces(client: &mut Client, mut body: &[u8]) {
    let mut size = 1;
    while !body.is_empty() {
        let (piece, rest) = body.split_at(size.min(body.len()));
        client.send(piece);
        (body, size) = (rest, size % 300_000 * 3 + 1);
    }
}

/// A server with `body` under /length, /closed and /chunked; behind the first, on the same connection, comes more.
fn server(body: Vec<u8>) -> SocketAddr {
    answering(move |request, client| match request.start() {
        "GET /length" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let all = [head.as_bytes(), &body].concat();
            let (first, last) = all.split_at(all.len() - 1);
            in_pieces(client, first);
            // Together with the last byte: what came later could not be told from an answer to the next request.
            client.send([last, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"].concat());
            true
        }
        "GET /closed" => {
            client.send("HTTP/1.1 200 OK\r\n\r\n");
            in_pieces(client, &body);
            false
        }
        "GET /chunked" => {
            client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(70_001) {
                client.send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            }
            client.send("0\r\n\r\n");
            true
        }
        _ => {
            client.answer("end");
            true
        }
    })
    .0
}

/// The lengths round which the ways part: none, one, a page, a pipe, what is worth the kernel's path, a buffer.
const LENGTHS: &[usize] =
    &[0, 1, 4095, 65_536, 131_071, 131_072, 131_073, 262_143, 262_144, 262_145, 1_048_577, 16 << 20];

#[test]
fn a_body_of_every_length_comes_to_the_byte_on_every_way() {
    let dir = directory();
    for (n, &length) in LENGTHS.iter().enumerate() {
        let body = random(length, length as u64);
        let address = server(body.clone());
        let wanted = [&body[..], b"end"].concat();
        for path in ["/length", "/closed", "/chunked"] {
            let urls = [of(address, path), of(address, "/end")];
            let to_pipe = run(sockkit(["get", "-w", "30"]).args(&urls), b"").expect(0);
            assert_same(&to_pipe.stdout, &wanted);
            let name = dir.path().join(format!("{n}{}", path.replace('/', "-")));
            run(sockkit(["get", "-w", "30", "-o"]).arg(&name).args(&urls), b"").expect(0);
            assert_same(&std::fs::read(&name).expect("it was made"), &wanted);
            let to_null = run(sockkit(["get", "-w", "30", "-v", "-o", "/dev/null"]).args(&urls), b"").expect(0);
            assert!(to_null.stderr.contains(&format!("body complete: {length} bytes")), "{}", to_null.stderr);
            assert!(to_null.stderr.contains("body complete: 3 bytes"), "{}", to_null.stderr);
        }
    }
}

#[test]
fn an_output_that_the_kernel_can_not_write_to_gets_the_same() {
    let body = random(3 << 20, 8);
    let address = server(body.clone());
    let dir = directory();
    for path in ["/length", "/closed"] {
        // In append mode splice(2) fails; a socket that was handed over would block under it.
        let name = dir.path().join(path.replace('/', "-"));
        std::fs::write(&name, "before").expect("ours");
        let append = File::options().append(true).open(&name).expect("ours");
        run(sockkit(["get", &of(address, path)]).stdout(append), b"").expect(0);
        assert_same(&std::fs::read(&name).expect("ours"), &[&b"before"[..], &body].concat());
        let (mut near, far) = UnixStream::pair().expect("a pair can be made");
        let running = start(sockkit(["get", &of(address, path)]).stdout(Stdio::from(OwnedFd::from(far))));
        let mut got = vec![0; body.len()];
        std::io::Read::read_exact(&mut near, &mut got).expect("all of it");
        assert_same(&got, &body);
        running.end().expect(0);
    }
}

#[test]
fn a_body_that_ends_short_on_the_kernels_way_is_kept_and_18() {
    for (is_reset, code) in [(false, 18), (true, 56)] {
        let body = random(1 << 20, 9);
        let sent = body.clone();
        let (all_has_come, wait) = channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let address = serving(move |mut client| {
            client.head();
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n");
            client.send(&sent);
            // Unless everything has been read, a reset takes the rest along.
            wait.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT).expect("it comes");
            if is_reset {
                reset(client.stream);
            }
        });
        let mut talk = Talk::start(&mut sockkit(["get", &of(address, "/"), "-w", "30"]));
        talk.hear(&body);
        all_has_come.send(()).expect("it waits");
        let ended = talk.end().expect(code);
        assert!(is_reset || ended.stderr.contains("1048576 of 2000000 bytes"), "{}", ended.stderr);
    }
}

#[test]
fn ten_thousand_small_chunks_are_few_writes() {
    let body = random(1_000_000, 10);
    let sent = body.clone();
    let (address, _requests) = answering(move |_, client| {
        client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let all: Vec<u8> = sent.chunks(100).flat_map(|chunk| [b"64\r\n", chunk, b"\r\n"].concat()).collect();
        client.send(all);
        client.send("0\r\n\r\n");
        true
    });
    // A pipe whose reader is slow takes a part of a write.
    let dir = directory();
    let out = dir.path().join("out");
    let ended = run(sockkit(["get", "-vv", &of(address, "/"), "-o"]).arg(&out), b"").expect(0);
    assert_same(&std::fs::read(&out).expect("it was made"), &body);
    let count = |what: &str| ended.stderr.matches(what).count();
    let (reads, writes) = (count("from the peer"), count("to the local end"));
    // At most one for what each read brought, and one for each 32 KiB.
    assert!(writes <= reads + body.len() / (32 * 1024) + 1, "{reads} reads, {writes} writes");
}

#[test]
fn nothing_is_held_back_while_the_server_pauses() {
    let (go_on, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let address = serving(move |mut client| {
        let pause = || wait.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT).expect("it goes on");
        client.head();
        client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na");
        pause();
        client.send("\r\n2\r\nb");
        pause();
        client.send("c\r\n1\r\nd\r\n");
        pause();
        client.send("0\r\n\r\n");
    });
    let mut talk = Talk::start(&mut sockkit(["get", &of(address, "/")]));
    for piece in ["a", "b", "cd"] {
        talk.hear(piece);
        go_on.send(()).expect("it waits");
    }
    talk.end().expect(0);
}

#[test]
fn a_reader_that_pauses_stops_the_kernels_way_and_loses_nothing() {
    let body = random(16 << 20, 11);
    let mut child = sockkit(["get", &of(server(body.clone()), "/length")]).spawn().expect("it starts");
    let mut stdout = child.stdout.take().expect("piped");
    let mut got = vec![0; 1];
    std::io::Read::read_exact(&mut stdout, &mut got).expect("the body begins");
    thread::sleep(std::time::Duration::from_millis(300));
    // Little is used while there is nothing to do. It may only now come to fill the pipe; to spin takes a hundred.
    let before = ticks(child.id());
    thread::sleep(std::time::Duration::from_secs(1));
    assert!(ticks(child.id()) <= before + 20, "it spins");
    std::io::Read::read_to_end(&mut stdout, &mut got).expect("the rest comes");
    assert_same(&got, &body);
    assert!(child.wait().expect("ours").success());
}

#[test]
fn an_output_that_fails_is_told_on_the_kernels_way_too() {
    let address = server(random(1 << 20, 12));
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended = run(sockkit(["get", &of(address, "/length")]).stdout(full), b"").expect(23);
    assert!(ended.stderr.contains("standard output"), "{}", ended.stderr);
    let ended = run(&mut sockkit(["get", "-o", "/dev/full", &of(address, "/length")]), b"").expect(23);
    assert!(ended.stderr.contains("/dev/full"), "{}", ended.stderr);
}

#[test]
fn a_stream_without_end_is_not_held_up_by_its_second_line() {
    // What is typed into an endless body comes out at once, also on the kernel's way.
    let (send, lines) = channel::<&'static str>();
    let lines = std::sync::Mutex::new(lines);
    let address = serving(move |mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\n\r\n");
        while let Ok(line) = lines.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT) {
            let _ = client.stream.write_all(line.as_bytes());
        }
    });
    let mut talk = Talk::start(&mut sockkit(["get", &of(address, "/")]));
    for line in ["first\n", "second\n", "third\n"] {
        send.send(line).expect("it listens");
        talk.hear(line);
    }
    drop(send);
    talk.end().expect(0);
}
