//! `get` under the magnifying glass: --repeat, --all and --lint.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use crate::support::web::{self, answering, serving};
use crate::support::wire::{eventually, loopback, refusing};
use crate::support::{Ended, HARD_LIMIT, run, sockkit, start};
use serde_json::Value;

fn get(args: &[&str]) -> Ended {
    run(&mut sockkit([&["get"], args].concat()), b"")
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

#[test]
fn repeats_take_turns_over_new_and_kept_connections() {
    let (address, requests) = answering(|_, client| {
        client.answer("12345");
        true
    });
    let url = format!("http://{address}/");
    let ended = get(&["--repeat", "5", "--json", &url]).expect(0);
    let [object] = &objects(&ended.text())[..] else { panic!("one object: {}", ended.text()) };
    assert_eq!((&object["event"], &object["url"]), (&"repeated".into(), &url.clone().into()));
    let counts = ["requests", "answered", "failed", "bytes"].map(|name| object[name].as_u64());
    assert_eq!(counts, [Some(5), Some(5), Some(0), Some(25)]);
    assert_eq!((&object["new"]["count"], &object["kept"]["count"]), (&3.into(), &2.into()));
    assert!(object["kept"].get("connect").is_none() && object["new"]["connect"]["p50"].is_f64());
    assert_eq!(object["statuses"]["200"], 5);
    let connections: Vec<_> = requests.try_iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 0, 1, 1, 2]);
    let text = get(&["--repeat", "2", &url]).expect(0).text();
    assert!(text.starts_with(&format!("--- GET {url}: 2 requests, 2 answered, 0 failed, 10 bytes ---\n")), "{text}");
    assert!(text.contains("\nnew connections: 1\n") && text.contains("\nkept connections: 1\n"), "{text}");
    assert!(!text.contains("12345"), "the body goes nowhere");
}

#[test]
fn a_server_that_keeps_no_connection_has_new_ones_alone() {
    let (address, _) = answering(|_, client| {
        client.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        false
    });
    let text = get(&["--repeat", "4", &format!("http://{address}/")]).expect(0).text();
    assert!(text.contains("\nnew connections: 4\n") && text.contains("\nkept connections: none"), "{text}");
}

#[test]
fn the_first_failure_of_the_repeats_is_the_exit_code() {
    let turn = AtomicUsize::new(0);
    let (address, _) = answering(move |_, client| {
        match turn.fetch_add(1, Ordering::Relaxed) {
            1 => client.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"),
            2 => client.send("nonsense\r\n\r\n"),
            _ => {
                client.answer("whole");
                return true;
            }
        }
        false
    });
    let ended = get(&["--repeat", "6", &format!("http://{address}/")]).expect(18);
    let text = ended.text();
    assert!(text.contains("6 requests, 4 answered, 2 failed"), "{text}");
    assert!(text.contains("failed (1): receive from") && text.contains("malformed"), "{text}");
    assert!(ended.stderr.contains("3 of 5 bytes"), "{}", ended.stderr);
    let nobody = get(&["--repeat", "3", &format!("http://{}/", refusing())]).expect(7).text();
    assert!(nobody.contains("3 requests, 0 answered, 3 failed"), "{nobody}");
    // Each redirect is a request of its own, with a table of its own.
    let (address, _) = answering(|request, client| {
        if request.start() == "GET /" {
            client.send("HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
        } else {
            client.answer("x");
        }
        true
    });
    let tables = objects(&get(&["--repeat", "4", "--json", &format!("http://{address}/")]).expect(0).text());
    let counts: Vec<_> =
        tables.iter().map(|table| [&table["requests"], &table["new"]["count"]].map(Value::as_u64)).collect();
    assert_eq!(counts, [[Some(4), Some(2)], [Some(4), Some(0)]]);
}

#[test]
fn an_interrupted_run_tells_what_it_has() {
    let (address, _) = answering(|_, client| {
        client.answer("x");
        true
    });
    let url = format!("http://{address}/");
    // The first answer comes long before this limit, and the second turn long after it.
    let limited = start(&mut sockkit(["get", "--repeat", "9", "--interval", "1h", "--deadline", "4", &url]));
    let running = start(&mut sockkit(["get", "-v", "--repeat", "9", "--interval", "1h", &url]));
    running.line("took ");
    running.signal(2);
    let ended = running.end().expect(130);
    assert!(ended.text().contains(": 1 requests, 1 answered, 0 failed"), "{}", ended.text());
    assert!(limited.end().expect(28).text().contains(": 1 requests, 1 answered, 0 failed"));
}

#[test]
fn what_would_be_ignored_is_refused() {
    let silent = serving(|mut client| client.until_gone());
    let url = format!("http://{silent}/");
    for args in [
        &["--interval", "1"][..],
        &["--repeat", "0"],
        &["--repeat", "2", "-o", "file"],
        &["--repeat", "2", "-i"],
        &["--repeat", "2", "-I"],
        &["--repeat", "2", "--raw-head"],
        &["--repeat", "2", "--progress"],
        &["--repeat", "2", "--data", "-"],
        &["--all", "-o", "file"],
        &["--all", "-L"],
        &["--all", "--max-redirects", "3"],
        &["--all", "--repeat", "2"],
        &["--all", "--unix-socket", "/tmp/s"],
        &["--all", "--data", "-"],
        &["--lint", "--all"],
        &["--lint", "--repeat", "2"],
    ] {
        let ended = run(&mut sockkit([&["get"], args, &[&url]].concat()), b"body");
        let code = if args.contains(&"--data") { 26 } else { 2 };
        assert_eq!(ended.code(), code, "{args:?}: {}", ended.stderr);
    }
}

/// Servers on two addresses of loopback with the same port, and the options that make them those of `host`.
fn two_addresses(second: &'static str) -> (u16, Vec<String>) {
    let answer = |reply: &'static str| {
        move |_: &crate::support::web::Request, client: &mut crate::support::web::Client| {
            client.send(reply);
            true
        }
    };
    let (first, _) = answering(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"));
    let port = first.port();
    let other = std::net::SocketAddr::from((loopback(), port));
    web::answering_at(other, answer(second));
    let resolve = [first.ip(), other.ip()].map(|ip| ["--resolve".to_owned(), format!("host:{port}:{ip}")]);
    (port, resolve.concat())
}

fn ask_all(port: u16, resolve: &[String], more: &[&str]) -> Ended {
    let resolve: Vec<_> = resolve.iter().map(String::as_str).collect();
    get(&[&["--all", &format!("http://host:{port}/")], &resolve[..], more].concat())
}

#[test]
fn every_address_of_a_name_is_asked() {
    let (port, resolve) = two_addresses("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
    let text = ask_all(port, &resolve, &[]).expect(0).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("--- GET http://host:{port}/: 2 addresses, times in ms ---"));
    assert!(lines[1].starts_with("address") && lines[1].ends_with("1st byte    total"), "{text}");
    let cells = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cells(lines[2]), [format!("127.0.0.1:{port}"), "200".into(), "5".into()]);
    assert_eq!(cells(lines[3])[1..], ["200", "6"]);
    assert_eq!((lines[4], lines.len()), ("status: 200 (2)", 5));
    let all = objects(&ask_all(port, &resolve, &["--json"]).expect(0).text());
    assert_eq!(all.iter().map(|object| &object["event"]).collect::<Vec<_>>(), ["address", "address", "addresses"]);
    assert!(all[0]["timing"]["connect"].is_f64() && all[0]["error"].is_null(), "{}", all[0]);
    // Without --all the first one counts.
    let resolve: Vec<_> = resolve.iter().map(String::as_str).collect();
    assert_eq!(get(&[&[&format!("http://host:{port}/")[..]], &resolve[..]].concat()).expect(0).text(), "first");
}

#[test]
fn answers_that_differ_and_addresses_that_fail() {
    let (port, mut resolve) = two_addresses("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    let differ = ask_all(port, &resolve, &[]).expect(1);
    assert!(differ.text().ends_with("status: 200 (1), 302 (1), the answers differ\n"), "{}", differ.text());
    assert_eq!(differ.stderr, "");
    resolve.extend(["--resolve".into(), format!("host:{port}:{}", loopback())]);
    let failed = ask_all(port, &resolve, &[]).expect(7);
    assert!(failed.text().contains("connection refused\nstatus: 200 (1), 302 (1), 1 failed, the answers differ\n"));
    let all = objects(&ask_all(port, &resolve, &["--json"]).expect(7).text());
    assert!(
        all[2]["status"].is_null() && all[2]["error"].as_str().is_some_and(|e| e.contains("refused")),
        "{}",
        all[2]
    );
    assert_eq!((&all[3]["failed"], &all[3]["alike"]), (&1.into(), &false.into()));
}

/// A server that answers each request with these bytes and then closes, or waits.
fn replying(reply: impl Into<Vec<u8>>, closes: bool) -> String {
    let reply = reply.into();
    let address = serving(move |mut client| {
        client.head();
        client.send(&reply);
        if !closes {
            client.until_gone();
        }
    });
    format!("http://{address}/")
}

const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nAge: 1\r\n";

/// What the server says behind status line and date, whether it closes, the exit code, and the sections told.
type Lint = (&'static str, bool, i32, &'static [&'static str]);

const LINTS: &[Lint] = &[
    ("Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok", false, 0, &[]),
    // Warnings alone are no failure.
    ("Content-Length: 2\r\n\r\nok", false, 0, &["warning: there is a body and no Content-Type (RFC 9110 §8.3)"]),
    ("Content-Type: text/plain\r\n\r\nok", true, 0, &["(RFC 9112 §6.3)"]),
    // Errors in what is taken.
    ("Content-Length: 0\r\nETag: x\r\n\r\n", false, 1, &["(RFC 9110 §8.8.3)"]),
    ("Content-Type: a/b\r\nContent-Length: 2\r\n\r\nok, more", false, 1, &["error: 6 bytes came behind the end"]),
    ("Connection: close\r\nContent-Length: 0\r\n\r\n", false, 1, &["it says Connection: close and stays open"]),
    (
        "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nDate: x\r\n\r\n",
        false,
        1,
        &["note: the chunks have extensions", "error: the trailer \"Date\" may not be one (RFC 9110 §6.5.1)"],
    ),
    // Errors in what is refused: its own code, and the findings before it.
    ("Content-Length : 0\r\n\r\n", false, 8, &["has white space before its colon (RFC 9112 §5.1)"]),
    (
        "Content-Length: 0\r\nA: b\r\n folded\r\nC d\r\n\r\n",
        false,
        8,
        &["(obsolete folding) (RFC 9112 §5.2)", "\"C d\" has no colon"],
    ),
    ("Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", false, 8, &["2 Content-Lengths differ (RFC 9112 §6.3)"]),
    (
        "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n 2\r\nok\r\n0\r\n\r\n",
        false,
        8,
        &["a chunk size has white space around it (RFC 9112 §7.1)"],
    ),
    ("Content-Type: a/b\r\nContent-Length: 5\r\n\r\nhal", true, 18, &["the body was cut: 3 of 5 bytes came"]),
    ("Content-Length: 0\r\nA: b\r\n", true, 8, &["the head ends without its empty line (RFC 9112 §8)"]),
];

#[test]
fn every_finding_is_told_with_its_section_and_the_verdict_counts_errors() {
    for (rest, closes, code, findings) in LINTS {
        let url = replying(format!("HTTP/1.1 200 OK\r\n{DATE}{rest}"), *closes);
        let ended = get(&["--lint", "-w", "20", &url]);
        let told = format!("{rest:?}: {}", ended.stderr);
        assert_eq!(ended.code(), *code, "{told}");
        let lines: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("sockkit:   ")).collect();
        // Every line that is not asked for would be a false alarm, but for the old date.
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains("behind this machine's clock")).collect();
        assert_eq!(lines.len(), findings.len(), "{told}");
        for finding in *findings {
            assert!(lines.iter().any(|line| line.contains(finding)), "{finding}: {told}");
        }
        if findings.is_empty() {
            assert_eq!(ended.stderr, format!("sockkit: lint of GET {url}: nothing is wrong\n"));
            assert_eq!(ended.text(), "ok", "the body is delivered");
        }
        if *code > 1 {
            let last = ended.stderr.lines().last().unwrap_or_default();
            assert!(last.starts_with("sockkit: receive from"), "the failure comes last: {told}");
        }
    }
}

#[test]
fn a_refused_head_is_read_on() {
    // The reader refuses its first line; the last one is more than a read away.
    let reply = format!("HTTP/1.1 200 OK\nA: {}\r\nno colon\r\n\r\n", "x".repeat(256 * 1024));
    let (step, steps) = channel();
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let address = serving(move |mut client| {
        client.head();
        let _ = step.send("asked");
        wait.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT).expect("it goes on");
        client.send(&reply);
        let _ = step.send("answered");
        client.until_gone();
    });
    let next_step = || steps.recv_timeout(HARD_LIMIT).expect("the next step");
    let running = start(&mut sockkit(["get", "--lint", &format!("http://{address}/")]));
    assert_eq!(next_step(), "asked");
    // It reads on for what comes soon: it is stopped until all is on its way.
    running.signal(19);
    let stat = format!("/proc/{}/stat", running.pid);
    eventually("it is stopped", || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    go_on.send(()).expect("it waits");
    assert_eq!(next_step(), "answered");
    running.signal(18);
    let ended = running.end().expect(8);
    assert!(
        ended.stderr.contains("LF without CR") && ended.stderr.contains("\"no colon\" has no colon"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_length_of_an_answer_to_head_is_compared_with_a_get() {
    let serve = |length: usize, chunked: bool| {
        let (address, _) = answering(move |request, client| {
            let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{DATE}Content-Type: a/b\r\n{fields}\r\n");
            match (request.start().starts_with("HEAD"), chunked) {
                (true, _) => client.send(head(&format!("Content-Length: {length}\r\n"))),
                (false, true) => client.send(head("Transfer-Encoding: chunked\r\n") + "5\r\n12345\r\n0\r\n\r\n"),
                (false, false) => client.send(head("Content-Length: 5\r\n") + "12345"),
            }
            true
        });
        format!("http://{address}/")
    };
    for chunked in [false, true] {
        let right = get(&["--lint", "-I", &serve(5, chunked)]).expect(0);
        assert!(right.text().starts_with("HTTP/1.1 200 OK\r\n"), "{}", right.text());
        let wrong = get(&["--lint", "-I", &serve(7, chunked)]).expect(1).stderr;
        assert!(
            wrong.contains("the Content-Length says 7, and the body of a GET has 5 bytes (RFC 9110 §8.6)"),
            "{wrong}"
        );
    }
}

#[test]
fn findings_are_one_object_a_response() {
    let (address, _) = answering(|request, client| {
        if request.start() == "GET /" {
            client.send("HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
        } else {
            client.answer("x");
        }
        true
    });
    let file = crate::support::directory();
    let file = file.path().join("body");
    let path = file.to_str().expect("it is UTF-8");
    let ended = get(&["--lint", "--json", "-o", path, &format!("http://{address}/")]).expect(0);
    let told = objects(&ended.stderr);
    let about: Vec<_> = told.iter().map(|object| (object["event"].as_str(), object["warnings"].as_u64())).collect();
    assert_eq!(about, [(Some("lint"), Some(1)), (Some("lint"), Some(2))], "{}", ended.stderr);
    let finding = &told[0]["findings"][0];
    assert_eq!((&finding["severity"], &finding["section"]), (&"warning".into(), &"RFC 9110 §6.6.1".into()));
    assert_eq!(std::fs::read(file).expect("it was written"), b"x");
}
