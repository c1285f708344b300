//! `get` under the magnifying glass: --repeat, --all and --lint.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use support::web::{answering, serving};
use support::wire::refusing;
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
    ] {
        let ended = run(&mut sockkit([&["get"], args, &[&url]].concat()), b"body");
        let code = if args.contains(&"--data") { 26 } else { 2 };
        assert_eq!(ended.code(), code, "{args:?}: {}", ended.stderr);
    }
}
