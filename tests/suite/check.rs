//! `connect --check`: one line a port on stdout, and an exit code that a script can use.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::wire::{accept, full, loopback, refusing};
use crate::support::{Ended, directory, sockkit, start};

/// The most that a limit of one second, or several side by side, may take.
const SOON: Duration = Duration::from_secs(2);

/// A listener whose kernel takes clients, and its address; nobody accepts them.
fn open() -> (TcpListener, SocketAddr) {
    open_at(SocketAddr::from((loopback(), 0)))
}

fn open_at(address: SocketAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).expect("the address is this test's own");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn check(words: &[&str]) -> Command {
    let mut command = sockkit(["connect", "-z"]);
    command.args(words);
    command
}

#[track_caller]
fn checked(words: &[&str], code: i32) -> Ended {
    start(&mut check(words)).end().expect(code)
}

#[test]
fn one_open_port_is_0_and_its_line_says_how_long_it_took() {
    let (_listener, address) = open();
    let ended = checked(&[&address.to_string()], 0);
    let line = ended.text();
    assert!(line.starts_with(&format!("{address}: open, ")) && line.ends_with("s\n"), "{line}");
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}

#[test]
fn one_refused_port_is_7_and_a_silent_one_28() {
    let address = refusing().to_string();
    let ended = checked(&[&address], 7);
    assert_eq!(ended.text(), format!("{address}: refused (connection refused)\n"));
    let full = full();
    let began = Instant::now();
    let ended = checked(&[&full.address.to_string(), "-w", "1"], 28);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(ended.text().starts_with(&format!("{}: timed out (", full.address)), "{}", ended.text());
    assert!(ended.text().contains("--timeout"), "{}", ended.text());
}

#[test]
fn several_are_1_if_some_are_not_open_and_0_if_all_are() {
    let host = loopback();
    let (_one, _) = open_at(SocketAddr::from((host, 9011)));
    let (_two, _) = open_at(SocketAddr::from((host, 9012)));
    let host = host.to_string();
    let ended = checked(&[&host, "9011,9012"], 0);
    assert_eq!(ended.text().lines().count(), 2);
    let ended = checked(&[&host, "9010-9013"], 1);
    let states: Vec<_> =
        ended.text().lines().map(|line| line.split([',', ' ']).take(2).collect::<Vec<_>>().join(" ")).collect();
    let wanted = [(9010, "refused"), (9011, "open"), (9012, "open"), (9013, "refused")];
    assert_eq!(states, wanted.map(|(port, state)| format!("{host}:{port}: {state}")));
    checked(&[&host, "9012,9010"], 1);
    // Order and list as given.
    let text = checked(&[&host, "9012,9010-9011"], 1).text();
    let ports: Vec<_> = text.lines().filter_map(|line| line.split(": ").next()?.rsplit(':').next()).collect();
    assert_eq!(ports, ["9012", "9010", "9011"]);
}

#[test]
fn silent_ports_do_not_add_up() {
    let full = full();
    let (host, port) = (full.address.ip().to_string(), full.address.port());
    let (before, after) = (port - 1, port + 1);
    let began = Instant::now();
    let ended = checked(&[&host, &format!("{before}-{after}"), "-w", "1"], 1);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(ended.text().matches("refused").count(), 4, "{}", ended.text());
    assert_eq!(ended.text().matches("timed out").count(), 2, "state and reason: {}", ended.text());
}

#[test]
fn a_thousand_ports_are_told_of() {
    let ended = checked(&[&loopback().to_string(), "10000-10999"], 1);
    assert_eq!(ended.text().lines().count(), 1000);
}

#[test]
fn a_unix_socket_is_checked_too() {
    let dir = directory();
    let path = dir.path().join("s");
    let address = format!("unix:{}", path.display());
    assert!(checked(&[&address], 7).text().starts_with(&address));
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("the directory is ours");
    assert!(checked(&[&address], 0).text().starts_with(&format!("{address}: open")));
}

#[test]
fn nothing_is_sent_and_stdin_is_not_read() {
    let (listener, address) = open();
    let ended = crate::support::run(&mut check(&[&address.to_string()]), b"not for the peer").expect(0);
    assert_eq!(ended.text().lines().count(), 1);
    let (stream, _) = accept(&listener);
    assert!(crate::support::wire::read_all(&stream).is_empty());
}

#[test]
fn retry_for_waits_until_all_are_open() {
    let host = loopback();
    let (_one, _) = open_at(SocketAddr::from((host, 9011)));
    let waiting = start(&mut check(&[&host.to_string(), "9011,9012", "--retry-for", "60", "-v"]));
    waiting.line(&format!("connecting to {host}:9012"));
    waiting.line(&format!("connecting to {host}:9012"));
    let (_two, _) = open_at(SocketAddr::from((host, 9012)));
    let ended = waiting.end().expect(0);
    assert_eq!(ended.text().matches(": open").count(), 2, "{}", ended.text());
}

#[test]
fn json_makes_each_line_an_object() {
    let (_listener, address) = open();
    let ended = checked(&[&address.to_string(), "--json"], 0);
    let fields: serde_json::Value = serde_json::from_str(&ended.text()).expect("it is JSON");
    assert_eq!(fields["event"], "check");
    assert_eq!(fields["state"], "open");
}

#[test]
fn options_that_a_check_would_ignore_are_refused() {
    for option in [
        "-C",
        "-d",
        "--send-only",
        "--no-half-close",
        "--until-idle=1",
        "--idle-timeout=1",
        "-o/tmp/x",
        "--end-on=peer",
    ] {
        checked(&["127.0.0.1", "80", option], 2);
    }
    checked(&["127.0.0.1", "90-80"], 2);
    checked(&["127.0.0.1", "80,,81"], 2);
    checked(&["127.0.0.1", "1-65536"], 2);
    checked(&["127.0.0.1"], 2);
}
