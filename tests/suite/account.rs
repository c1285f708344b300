//! The account of a session: --stats, -v and SIGUSR1, and what --progress shows of it on the way.

use std::fs::File;
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::support::wire::{accept, client, eventually, read_all, read_exactly, reset, server, ticks};
use crate::support::{
    Ended, HARD_LIMIT, Running, assert_same, directory, file, input, peer, random, run, sockkit, start,
};
use serde_json::Value;
use socket2::SockRef;

/// Whether this build can ask the kernel about a connection.
const ASKS_THE_KERNEL: bool = cfg!(all(target_os = "linux", not(feature = "portable")));
const USR1: i32 = 10;
const STOP: i32 = 19;
const CONT: i32 = 18;
const TERM: i32 = 15;

/// The objects on stderr; every line is one.
#[track_caller]
fn objects(stderr: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    stderr.lines().map(parse).collect()
}

/// The account among them, which must be the only one.
#[track_caller]
fn account(stderr: &str) -> Value {
    let mut found: Vec<_> = objects(stderr).into_iter().filter(|object| object["event"] == "account").collect();
    assert_eq!(found.len(), 1, "{stderr}");
    found.remove(0)
}

fn has_account(ended: &Ended) -> bool {
    ended.stderr.contains("session of ")
}

#[test]
fn the_counts_agree_with_the_peers_both_ways() {
    let (ours, theirs) = (random(16 << 20, 1), random(16 << 20, 2));
    let answer = theirs.clone();
    let (address, peer) = server(move |stream| {
        let send = stream.try_clone().expect("a socket can be cloned");
        let sender = thread::spawn(move || {
            (&send).write_all(&answer).expect("the client listens");
            send.shutdown(Shutdown::Write).expect("it is connected");
        });
        let got = read_all(&stream);
        sender.join().expect("it sends");
        got
    });
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--stats", "--json"]), &ours).expect(0);
    assert_same(&ended.stdout, &theirs);
    assert_same(&peer.join().expect("the script ends"), &ours);
    let account = account(&ended.stderr);
    assert_eq!(account["sent"], ours.len());
    assert_eq!(account["received"], theirs.len());
    let number = |name: &str| account[name].as_f64().expect("a number");
    assert!((number("sent_rate") * number("seconds") / number("sent") - 1.0).abs() < 0.01, "{account}");
}

#[test]
fn a_listener_accounts_for_its_client() {
    let bytes = random(16 << 20, 3);
    let mut listener = start(sockkit(["listen", "127.0.0.1", "0", "--stats", "--json"]).stdin(Stdio::piped()));
    listener.feed(bytes.clone());
    let line = listener.line("listening");
    let address = serde_json::from_str::<Value>(&line).expect("an object")["address"].clone();
    let stream = client(address.as_str().expect("a string").parse().expect("an address"));
    let name = stream.local_addr().expect("it is connected").to_string();
    assert_same(&read_all(&stream), &bytes);
    drop(stream);
    let account = account(&listener.end().expect(0).stderr);
    assert_eq!((&account["local"], &account["peer"]), (&address, &Value::from(name)));
    assert_eq!((&account["sent"], &account["received"]), (&Value::from(bytes.len()), &Value::from(0)));
    // Nobody had to look for the client, and it never said anything.
    for phase in ["resolve", "connect", "first_byte", "last_byte"] {
        assert!(account["phases"][phase].is_null(), "{phase}: {account}");
    }
    assert!(account["phases"]["close"].is_f64());
}

#[test]
fn the_object_has_all_fields() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"hello").expect("the client listens");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    });
    let target = format!("localhost:{}", address.port());
    let ended = run(&mut sockkit(["connect", "-4", &target, "--stats", "--json"]), b"ours").expect(0);
    peer.join().expect("the script ends");
    let account = account(&ended.stderr);
    for phase in ["resolve", "connect", "first_byte", "last_byte", "close"] {
        assert!(account["phases"][phase].as_f64().is_some_and(|s| s > 0.0), "{phase}: {account}");
    }
    for name in ["seconds", "sent", "sent_rate", "received", "received_rate"] {
        assert!(account[name].as_f64().is_some_and(|n| n > 0.0), "{name}: {account}");
    }
    assert_eq!(account["over"], true);
    assert_eq!(account["peer"], address.to_string());
    assert!(account["local"].as_str().is_some_and(|local| local.starts_with("127.0.0.1:")));
    assert!(["us", "peer"].iter().any(|&who| account["closed_first"] == who));
    if ASKS_THE_KERNEL {
        assert_eq!((&account["acknowledged"], &account["unacknowledged_bytes"]), (&true.into(), &0.into()));
        for name in ["rtt", "rttvar", "cwnd", "mss", "pmtu", "delivery_rate"] {
            assert!(account["tcp"][name].as_f64().is_some_and(|n| n > 0.0), "{name}: {account}");
        }
        assert_eq!(account["tcp"]["retransmits"], 0);
    } else {
        assert!(account["tcp"].is_null() && account["acknowledged"].is_null(), "{account}");
    }
}

#[test]
fn it_is_said_with_v_or_stats_and_not_otherwise() {
    for (options, wanted) in [
        (&[][..], false),
        (&["-q"], false),
        (&["-v"], true),
        (&["--stats"], true),
        (&["-q", "--stats"], true),
        (&["-v", "--stats"], true),
    ] {
        let (address, peer) = server(|stream| read_all(&stream));
        let ended = run(sockkit(["connect", &address.to_string()]).args(options), b"x").expect(0);
        peer.join().expect("the script ends");
        assert_eq!(has_account(&ended), wanted, "{options:?}: {}", ended.stderr);
        assert!(ended.stderr.matches("session of ").count() <= 1, "{}", ended.stderr);
    }
}

#[test]
fn a_unix_socket_has_an_account_without_tcp() {
    let directory = directory();
    let path = format!("unix:{}", directory.path().join("s").display());
    let listener = start(sockkit(["listen", &path]).stdin(Stdio::null()));
    listener.line("listening on ");
    let ended = run(&mut sockkit(["connect", &path, "--stats", "--json"]), b"ours").expect(0);
    assert_eq!(listener.end().expect(0).text(), "ours");
    let account = account(&ended.stderr);
    assert_eq!((&account["peer"], &account["sent"]), (&Value::from(path), &4.into()));
    assert!(account["tcp"].is_null() && account["acknowledged"].is_null(), "{account}");
}

#[test]
fn who_closed_first_is_told_in_both_orders() {
    let (address, peer) = server(|stream| {
        let got = read_all(&stream);
        (&stream).write_all(b"only now").expect("the client listens");
        got
    });
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--stats"]), b"ours").expect(0);
    assert!(ended.stderr.contains("we closed first"), "{}", ended.stderr);
    peer.join().expect("the script ends");

    let (address, peer) = server(|stream| {
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    });
    let mut running = start(sockkit(["connect", &address.to_string(), "-v"]).stdin(Stdio::piped()));
    running.line("the peer has ended");
    running.feed(b"still here".to_vec());
    let ended = running.end().expect(0);
    assert!(ended.stderr.contains("the peer closed first"), "{}", ended.stderr);
    assert_eq!(peer.join().expect("the script ends"), b"still here");
}

#[test]
fn an_end_that_came_before_ours_is_first_although_it_was_read_later() {
    if !ASKS_THE_KERNEL {
        return;
    }
    let directory = directory();
    let ours = file(&directory, "ours", b"sent before anything is read");
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "--stats"]).stdin(input(&ours)));
    let address = listener.address();
    listener.signal(STOP);
    let stream = client(address);
    (&stream).write_all(b"unread before the end").expect("there is room");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    listener.signal(CONT);
    assert_eq!(read_all(&stream), b"sent before anything is read");
    let ended = listener.end().expect(0);
    assert!(ended.stderr.contains("the peer closed first"), "{}", ended.stderr);
}

#[test]
fn after_a_reset_the_account_has_the_same_count_as_the_error_and_stands_before_it() {
    let directory = directory();
    let ours = file(&directory, "ours", &random(32 << 20, 4));
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    // What is offered must not fit, whatever a kernel gives to whoever asks for nothing.
    SockRef::from(&listener).set_recv_buffer_size(64 << 10).expect("SO_RCVBUF can be set");
    let address = listener.local_addr().expect("it is bound");
    let (release, released) = channel();
    let peer = thread::spawn(move || {
        let (stream, _) = accept(&listener);
        read_exactly(&stream, 1000);
        released.recv_timeout(HARD_LIMIT).expect("the test says when");
        reset(stream);
    });
    let running = start(sockkit(["connect", &address.to_string(), "-v", "--stats", "--json"]).stdin(input(&ours)));
    running.line("\"event\":\"connected\"");
    until_stuck(&running);
    release.send(()).expect("the script waits");
    let ended = running.end().expect(56);
    peer.join().expect("the script ends");
    let mut lines = objects(&ended.stderr);
    let last = lines.pop().expect("there are lines");
    let told = lines.pop().expect("the account stands before it");
    assert_eq!((&told["event"], &told["over"]), (&"account".into(), &true.into()));
    assert_eq!(told["closed_first"], "peer");
    assert_eq!((&last["event"], &last["code"]), (&"error".into(), &56.into()));
    if ASKS_THE_KERNEL {
        assert_eq!(told["acknowledged"], false);
        let missing = told["unacknowledged_bytes"].as_u64().expect("a number");
        assert!(missing > 0, "{told}");
        let wanted = format!("{missing} bytes of ours were not acknowledged");
        assert!(last["reason"].as_str().is_some_and(|reason| reason.contains(&wanted)), "{last}");
        assert!(told["tcp"]["mss"].as_u64().is_some_and(|n| n > 0), "the kernel still tells: {told}");
    }
}

/// Asks until the peer takes nothing any more: then bytes are under way that it will never take.
fn until_stuck(running: &Running) {
    let mut before = 0;
    loop {
        running.signal(USR1);
        let asked: Value = serde_json::from_str(&running.line("\"event\":\"account\"")).expect("an object");
        let sent = asked["sent"].as_u64().expect("a number");
        if sent > 0 && sent == before {
            return;
        }
        before = sent;
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_last_line_and_the_code_tell_the_endings_apart() {
    let giving = |bytes: &'static [u8]| {
        server(move |mut stream| {
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(Shutdown::Write);
            read_to_any_end(&stream);
        })
    };
    let last = |ended: &Ended| ended.stderr.lines().last().unwrap_or_default().to_owned();

    let (address, peer) = giving(b"for the disk");
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let disk = start(sockkit(["connect", &address.to_string(), "--stats"]).stdout(full)).end().expect(23);
    assert!(has_account(&disk) && last(&disk).contains("no space left"), "{}", disk.stderr);
    peer.join().expect("the script ends");

    let (address, peer) = server(|stream| {
        read_exactly(&stream, 1);
        reset(stream);
    });
    let broken = run(&mut sockkit(["connect", &address.to_string(), "--stats"]), b"x").expect(56);
    assert!(has_account(&broken) && last(&broken).contains("reset by the peer"), "{}", broken.stderr);
    peer.join().expect("the script ends");

    let (address, peer) = giving(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    let short = start(&mut sockkit(["get", &address.to_string()])).end().expect(18);
    assert!(last(&short).contains("3 of 10") || last(&short).contains("short"), "{}", short.stderr);
    peer.join().expect("the script ends");
}

#[test]
fn a_time_limit_and_a_signal_leave_an_account_too() {
    let (address, peer) = server(|stream| read_to_any_end(&stream));
    let late = start(sockkit(["connect", &address.to_string(), "-d", "-w", "0.2", "--stats"]).stdin(Stdio::null()));
    let late = late.end().expect(28);
    assert!(has_account(&late) && late.stderr.contains("we closed first"), "{}", late.stderr);
    peer.join().expect("the script ends");

    let (address, peer) = server(|mut stream| {
        stream.write_all(b"kept").expect("the client listens");
        read_to_any_end(&stream);
    });
    let running = start(sockkit(["connect", &address.to_string(), "-d", "--stats", "-vv"]).stdin(Stdio::null()));
    running.line("wrote 4 bytes to the local end");
    running.signal(TERM);
    let ended = running.end().expect(143);
    assert!(ended.stderr.contains("received 4 bytes"), "{}", ended.stderr);
    peer.join().expect("the script ends");
}

#[test]
fn sigusr1_asks_for_it_and_the_session_goes_on() {
    let (begins, begun) = channel();
    let (address, peer) = server(move |mut stream| {
        let first = read_exactly(&stream, 5);
        begins.send(()).expect("the test waits");
        stream.write_all(b"heard").expect("the client listens");
        [first, read_all(&stream)].concat()
    });
    let mut running = start(sockkit(["connect", &address.to_string(), "-q"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(b"first").expect("it reads");
    begun.recv_timeout(HARD_LIMIT).expect("the session begins");
    for _ in 0..3 {
        running.signal(USR1);
        let head = running.line("session of ");
        assert!(head.contains("open for ") && head.contains("neither end has closed"), "{head}");
        running.line("received ");
    }
    stdin.write_all(b", and then more").expect("it still reads");
    drop(stdin);
    let ended = running.end().expect(0);
    assert_eq!(ended.text(), "heard");
    assert_eq!(peer.join().expect("the script ends"), b"first, and then more");
    assert_eq!(ended.stderr.matches("session of ").count(), 3, "one answer each: {}", ended.stderr);
}

#[test]
fn a_request_costs_no_processor_time_afterwards() {
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "-d"]).stdin(Stdio::null()));
    let stream = client(listener.address());
    listener.signal(USR1);
    listener.line("session of ");
    // A request that stays readable would spin: a second of that is about 100 ticks.
    let before = ticks(listener.pid);
    thread::sleep(Duration::from_millis(500));
    let used = ticks(listener.pid) - before;
    assert!(used < 10, "{used} ticks in half a second of silence");
    drop(stream);
    listener.end().expect(0);
}

#[test]
fn a_verb_that_does_not_answer_sigusr1_dies_by_it() {
    let hub = start(sockkit(["listen", "127.0.0.1", "0", "-k"]).stdin(Stdio::null()));
    hub.address();
    hub.signal(USR1);
    hub.end().expect(128 + USR1);
}

#[test]
fn the_figures_of_tcp_agree_with_those_of_ss() {
    if !ASKS_THE_KERNEL || peer("ss").is_none() {
        return;
    }
    let (close, closed) = channel();
    let (address, peer) = server(move |mut stream| {
        read_exactly(&stream, 16 << 20);
        stream.write_all(b"all").expect("the client listens");
        assert!(read_all(&stream).is_empty());
        closed.recv_timeout(HARD_LIMIT).expect("the test says when");
    });
    let mut running =
        start(sockkit(["connect", &address.to_string(), "-vv", "--json", "--stats"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(&random(16 << 20, 5)).expect("it reads");
    running.line("\"to\":\"the local end\"");
    let standing = || ss("established", address.port());
    eventually("all is acknowledged", || standing().is_some_and(|info| !info.contains("unacked:")));
    let info = standing().expect("the session stands");
    // Nothing moves now: both must say the same.
    running.signal(USR1);
    let asked: Value = serde_json::from_str(&running.line("\"event\":\"account\"")).expect("an object");
    assert_same_path(&asked, &info);
    for (ours, theirs) in [("cwnd", "cwnd:"), ("mss", "mss:"), ("pmtu", "pmtu:")] {
        assert!((told(&asked, ours) - number_after(&info, theirs)).abs() < 0.5, "{ours}: {asked} {info}");
    }
    drop(stdin);
    // Our end was one more sample of the round trip. The peer's is none.
    let half_closed = || ss("fin-wait-2", address.port());
    eventually("our end is acknowledged", || half_closed().is_some());
    let info = half_closed().expect("the peer has not ended");
    close.send(()).expect("the script waits");
    let ended = running.end().expect(0);
    peer.join().expect("the script ends");
    let last = objects(&ended.stderr).into_iter().rfind(|o| o["event"] == "account").expect("it is there");
    assert_same_path(&last, &info);
}

/// A figure of TCP in an account.
#[track_caller]
fn told(account: &Value, name: &str) -> f64 {
    account["tcp"][name].as_f64().expect("a number")
}

/// Asserts that `account` and ss say the same of the path to the peer.
#[track_caller]
fn assert_same_path(account: &Value, info: &str) {
    assert!((told(account, "rtt") * 1e3 - rtt(info)).abs() < 0.0015, "{account} {info}");
    assert!((told(account, "retransmits") - retransmits(info)).abs() < 0.5, "{account} {info}");
}

/// What ss says of the connection to `port`, if it is in this state.
fn ss(state: &str, port: u16) -> Option<String> {
    let mut command = peer("ss")?;
    let text = start(command.args(["-tinH", "state", state, "dport", &format!(":{port}")])).end().text();
    Some(text).filter(|text| text.contains(" rtt:"))
}

/// In milliseconds.
fn rtt(info: &str) -> f64 {
    number_after(info, " rtt:")
}

/// `retrans:NOW/EVER`, absent while there is none.
fn retransmits(info: &str) -> f64 {
    info.split_once(" retrans:").map_or(0.0, |(_, rest)| number_after(rest, "/"))
}

#[track_caller]
fn number_after(info: &str, name: &str) -> f64 {
    let rest = info.split_once(name).unwrap_or_else(|| panic!("no {name}: {info}")).1;
    let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|e| panic!("{name} {e}: {info}"))
}

#[test]
fn progress_comes_in_lines_where_it_was_asked_for_and_knows_the_size_of_a_file() {
    let directory = directory();
    let ours = file(&directory, "ours", &random(3 << 20, 6));
    for (options, wanted) in
        [(&["--progress"][..], true), (&[], false), (&["--progress=auto"], false), (&["--progress", "-q"], false)]
    {
        let (address, peer) = server(|stream| read_all(&stream).len());
        let mut command = sockkit(["connect", &address.to_string()]);
        let ended = start(command.args(options).stdin(input(&ours))).end().expect(0);
        assert_eq!(peer.join().expect("the script ends"), 3 << 20);
        assert_eq!(ended.stderr.contains("3.00 MiB of 3.00 MiB in "), wanted, "{options:?}: {}", ended.stderr);
    }
}

#[test]
fn progress_goes_on_although_nothing_moves() {
    let (address, peer) = server(|stream| read_all(&stream).len());
    let mut running = start(sockkit(["connect", &address.to_string(), "--progress=always"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(b"12345").expect("it reads");
    // Whatever was told before they had come.
    running.line("sockkit: 5 B in ");
    let line = running.line(" in ");
    assert!(line.starts_with("sockkit: 5 B in "), "{line}");
    drop(stdin);
    running.end().expect(0);
    assert_eq!(peer.join().expect("the script ends"), 5);
}

#[test]
fn progress_ends_before_the_account() {
    let (address, peer) = server(|stream| read_all(&stream).len());
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--progress=always", "--stats"]), b"ours").expect(0);
    peer.join().expect("the script ends");
    let place = |text: &str| ended.stderr.find(text).unwrap_or_else(|| panic!("no {text}: {}", ended.stderr));
    assert!(place("4 B in ") < place("session of "), "{}", ended.stderr);
}

#[test]
fn where_there_is_no_single_session_the_options_are_refused() {
    for words in [["connect", "-z"], ["listen", "-k"]] {
        for option in ["--stats", "--progress"] {
            run(sockkit(words).args(["127.0.0.1", "1", option]), b"").expect(2);
        }
    }
}

fn read_to_any_end(mut stream: &std::net::TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}
