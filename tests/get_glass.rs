//! `get` under the magnifying glass: --repeat, --all and --lint.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use support::web::{self, answering, serving};
use support::wire::{loopback, refusing};
use support::{Ended, run, sockkit, start};

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
    assert!(text.contains("\nnew connections: 1 ") && text.contains("\nkept connections: 1 "), "{text}");
    assert!(!text.contains("12345"), "the body goes nowhere");
}

#[test]
fn a_server_that_keeps_no_connection_has_new_ones_alone() {
    let (address, _) = answering(|_, client| {
        client.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        false
    });
    let text = get(&["--repeat", "4", &format!("http://{address}/")]).expect(0).text();
    assert!(text.contains("\nnew connections: 4 ") && text.contains("\nkept connections: none"), "{text}");
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
    let running =
        start(&mut sockkit(["get", "-v", "--repeat", "9", "--interval", "1h", &format!("http://{address}/")]));
    running.line("took ");
    running.signal(2);
    let ended = running.end().expect(130);
    assert!(ended.text().contains(": 1 requests, 1 answered, 0 failed"), "{}", ended.text());
    let limited = get(&["--repeat", "9", "--interval", "1h", "--deadline", "0.5", &format!("http://{address}/")]);
    assert!(limited.expect(28).text().contains(": 1 requests, 1 answered, 0 failed"));
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
    ] {
        let ended = run(&mut sockkit([&["get"], args, &[&url]].concat()), b"body");
        let code = if args.contains(&"--data") { 26 } else { 2 };
        assert_eq!(ended.code(), code, "{args:?}: {}", ended.stderr);
    }
}

/// Servers on two addresses of loopback with the same port, and the options that make them those of `host`.
fn two_addresses(second: &'static str) -> (u16, Vec<String>) {
    let answer = |reply: &'static str| {
        move |_: &support::web::Request, client: &mut support::web::Client| {
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
    assert_eq!(lines[0], format!("--- GET http://host:{port}/: 2 addresses ---"));
    assert!(lines[1].starts_with("address") && lines[1].ends_with("total  (ms)"), "{text}");
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
