//! The time limits of `get`: each ends the run within half a second after it has passed, and names its phase.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::web::{cramped, serving};
use crate::support::{Ended, Running, directory, file, run, sockkit, start, wire, with_a_silent_resolver};

/// A limit that nothing has to come before.
const SHORT: &str = "0.7";

/// One that only passes when the run has come to its phase, be the machine as busy as it may. Whoever waits for it does
/// so beside the others of the test.
const LONG: &str = "5";

fn of(address: SocketAddr) -> String {
    format!("http://{address}/")
}

/// Asserts that the run was cut off by this limit, in time, and said in which phase. The clock is the program's own: it
/// does not count how long a busy machine takes to start it.
#[track_caller]
fn is_cut_off(ended: Ended, (option, limit): (&str, &str), phase: &str) {
    let ended = ended.expect(28);
    let told = ended.stderr.lines().last().unwrap_or_default();
    let error: serde_json::Value = serde_json::from_str(told).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    let seconds = error["time"].as_f64().expect("each line has its time");
    let least: f64 = limit.parse().expect("it is in seconds");
    assert!((least..least + 0.5).contains(&seconds), "{told}");
    assert_eq!(error["operation"], phase, "{told}");
    let reason = error["reason"].as_str().expect("it has a reason");
    assert!(reason.contains(&format!("after {limit} s ")) && reason.contains(option), "{told}");
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
    cramped(|mut client| {
        client.head();
        thread::sleep(Duration::from_secs(60));
    })
}

fn begin(address: SocketAddr, options: &[&str]) -> Running {
    start(sockkit(["get", &of(address), "--json"]).args(options))
}

#[test]
fn a_syn_that_is_dropped() {
    let full = wire::full();
    for option in ["--connect-timeout", "-w", "--deadline"] {
        let named = if option == "-w" { "--timeout" } else { option };
        is_cut_off(begin(full.address, &[option, SHORT]).end(), (named, SHORT), "connect to");
    }
}

#[test]
fn a_server_that_accepts_and_says_nothing() {
    let address = stuck();
    let limits = [("-w", "--timeout"), ("--idle-timeout", "--idle-timeout"), ("--deadline", "--deadline")];
    for (running, named) in limits.map(|(option, named)| (begin(address, &[option, LONG]), named)) {
        is_cut_off(running.end(), (named, LONG), "wait for the response head of");
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
    // What drips is never idle for long.
    let options = ["-w", "30", "--deadline", LONG, "-o", "/dev/null"];
    for (running, phase) in phases.map(|(head, phase)| (begin(dripping(head, b"x"), &options), phase)) {
        is_cut_off(running.end(), ("--deadline", LONG), phase);
    }
}

#[test]
fn a_body_that_stops_to_come() {
    let address = serving(|mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nsome");
        client.until_gone();
    });
    let outputs = [&["-o", "/dev/null"][..], &[]];
    for running in outputs.map(|output| begin(address, &[&["-w", LONG], output].concat())) {
        is_cut_off(running.end(), ("--timeout", LONG), "receive the body from");
    }
}

#[test]
fn an_upload_that_nobody_takes() {
    let dir = directory();
    let large = file(&dir, "large", &vec![0; 64 << 20]);
    let data = format!("@{}", large.display());
    let limits = [("-w", "--timeout"), ("--deadline", "--deadline")];
    for (running, named) in limits.map(|(option, named)| (begin(stuck(), &["--data", &data, option, LONG]), named)) {
        is_cut_off(running.end(), (named, LONG), "send the request to");
    }
}

#[test]
fn an_upload_whose_source_says_nothing() {
    let address = stuck();
    let runs = [("-w", "--timeout"), ("--deadline", "--deadline")].map(|(option, named)| {
        let mut command = sockkit(["get", &of(address), "--json", "--data", "-", option, LONG]);
        let mut running = start(command.stdin(Stdio::piped()));
        let silent = running.stdin();
        (running, silent, named)
    });
    for (running, silent, named) in runs {
        let ended = running.end();
        drop(silent);
        is_cut_off(ended, (named, LONG), "wait for the request body from");
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
    // All of it would take twenty minutes.
    assert!(last["time"].as_f64().is_some_and(|seconds| seconds < 20.0), "{last}");
}

#[test]
fn a_body_that_nobody_wants_is_not_waited_for() {
    let address = serving(|mut client| {
        client.head();
        client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{}", "x".repeat(60_000)));
        client.until_gone();
    });
    // The kernel holds less than that: whoever wanted the rest would have to wait and read once more.
    let options = ["-v", "--json", "--raw-head", "--recv-buffer", "16k"];
    let ended = run(sockkit(["get", &of(address)]).args(options), b"").expect(0);
    let closed = ended.stderr.lines().find(|line| line.contains(r#""event":"closed""#)).expect("it is told");
    let closed: serde_json::Value = serde_json::from_str(closed).expect("an object");
    // Nobody asks again over this connection: the rest of its body is of no use.
    assert!(closed["received"].as_u64().is_some_and(|bytes| bytes < 60_000), "{closed}");
}

#[test]
fn a_resolver_that_says_nothing() {
    let script = format!("$S get --json http://name.example/ -w {SHORT}");
    let Some((ended, _)) = with_a_silent_resolver(&script) else { return };
    is_cut_off(ended, ("--timeout", SHORT), "resolve");
}
