//! The time limits of `get`: each ends within half a second, and names its phase.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::web::serving;
use crate::support::{Ended, directory, file, in_namespace, run, sockkit, start, wire};

const LIMIT: &str = "0.7";

fn of(address: SocketAddr) -> String {
    format!("http://{address}/")
}

/// Asserts that the run was cut off by the limit of 0.7 s, in time, and said in which phase. The clock is the program's
/// own: it does not count how long a busy machine takes to start it.
#[track_caller]
fn is_cut_off(ended: Ended, option: &str, phase: &str) {
    let ended = ended.expect(28);
    let last = ended.stderr.lines().last().unwrap_or_default();
    let error: serde_json::Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    let seconds = error["time"].as_f64().expect("each line has its time");
    assert!((0.7..1.2).contains(&seconds), "{last}");
    assert_eq!(error["operation"], phase, "{last}");
    let reason = error["reason"].as_str().expect("it has a reason");
    assert!(reason.contains("0.7 s") && reason.contains(option), "{last}");
}

/// A server that sends `drop` again and again after `head`, which drips and is never idle.
fn dripping(head: &'static str, drop: &'static [u8]) -> SocketAddr {
    serving(move |mut client| {
        client.head();
        client.send(head);
        while client.stream.write_all(drop).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    })
}

/// A server that takes the connection and the head of the request, and then neither reads nor writes.
fn stuck() -> SocketAddr {
    serving(|mut client| {
        client.head();
        thread::sleep(Duration::from_secs(60));
    })
}

fn get(address: SocketAddr, options: &[&str]) -> Ended {
    run(sockkit(["get", &of(address), "--json"]).args(options), b"")
}

#[test]
fn a_syn_that_is_dropped() {
    let full = wire::full();
    for option in ["--connect-timeout", "-w", "--deadline"] {
        let named = if option == "-w" { "--timeout" } else { option };
        is_cut_off(get(full.address, &[option, LIMIT]), named, "connect to");
    }
}

#[test]
fn a_server_that_accepts_and_says_nothing() {
    let address = stuck();
    for (option, named) in [("-w", "--timeout"), ("--idle-timeout", "--idle-timeout"), ("--deadline", "--deadline")] {
        is_cut_off(get(address, &[option, LIMIT]), named, "wait for the response head of");
    }
}

#[test]
fn a_head_and_a_body_that_drip() {
    let phases = [
        ("HTTP/1.1 200 OK\r\nA: ", "wait for the response head of"),
        ("HTTP/1.1 200 OK\r\n\r\n", "receive the body from"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", "receive the body from"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", "receive the body from"),
    ];
    for (head, phase) in phases {
        // What drips is never idle for long.
        let ended = get(dripping(head, b"x"), &["-w", "30", "--deadline", LIMIT, "-o", "/dev/null"]);
        is_cut_off(ended, "--deadline", phase);
    }
}

#[test]
fn a_body_that_stops_to_come() {
    let address = serving(|mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nsome");
        client.until_gone();
    });
    for output in [&["-o", "/dev/null"][..], &[]] {
        let ended = get(address, &[&["-w", LIMIT], output].concat());
        is_cut_off(ended, "--timeout", "receive the body from");
    }
}

#[test]
fn an_upload_that_nobody_takes() {
    let dir = directory();
    let large = file(&dir, "large", &vec![0; 64 << 20]);
    let data = format!("@{}", large.display());
    for (option, named) in [("-w", "--timeout"), ("--deadline", "--deadline")] {
        is_cut_off(get(stuck(), &["--data", &data, option, LIMIT]), named, "send the request to");
    }
}

#[test]
fn an_upload_whose_source_says_nothing() {
    let address = stuck();
    for (option, named) in [("-w", "--timeout"), ("--deadline", "--deadline")] {
        let mut command = sockkit(["get", &of(address), "--json", "--data", "-", option, LIMIT]);
        let mut running = start(command.stdin(Stdio::piped()));
        let silent = running.stdin();
        let ended = running.end();
        drop(silent);
        is_cut_off(ended, named, "wait for the request body from");
    }
}

#[test]
fn a_redirect_whose_body_drips_holds_nobody_up() {
    let address = serving(|mut client| {
        while let Some(request) = client.request() {
            if request.start() == "GET /end" {
                client.answer("end");
            } else {
                client.send("HTTP/1.1 302 -\r\nLocation: /end\r\nContent-Length: 60000\r\n\r\n");
                while client.stream.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    });
    let ended = run(&mut sockkit(["get", &of(address), "-v", "--json", "-w", "30"]), b"").expect(0);
    assert_eq!(ended.text(), "end");
    let last: serde_json::Value = serde_json::from_str(ended.stderr.lines().last().expect("told")).expect("an object");
    assert!(last["time"].as_f64().is_some_and(|seconds| seconds < 3.0), "{last}");
}

#[test]
fn a_body_that_nobody_wants_is_not_waited_for() {
    let address = serving(|mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
        client.until_gone();
    });
    let ended = run(&mut sockkit(["get", &of(address), "-v", "--json", "--raw-head"]), b"").expect(0);
    let last: serde_json::Value = serde_json::from_str(ended.stderr.lines().last().expect("told")).expect("an object");
    // Nobody asks again over this connection: the rest of its body is of no use.
    assert!(last["time"].as_f64().is_some_and(|seconds| seconds < 0.5), "{last}");
}

#[test]
fn a_resolver_that_says_nothing() {
    let files = [
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:10 attempts:3\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ];
    // Takes the questions and answers none; without it the kernel would refuse them at once.
    let script = r#"
        python3 -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print("up", flush=True); time.sleep(30)' >$D/up &
        while ! grep -q up $D/up; do :; done
        $S get --json http://name.example/ -w 0.7; code=$?; kill %1; exit $code"#;
    let Some((ended, _)) = in_namespace(&files, script) else { return };
    is_cut_off(ended, "--timeout", "resolve");
}
