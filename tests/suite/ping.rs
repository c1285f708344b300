//! `connect --ping` and `udp-send --ping`: against sockkit's own echo server, and against peers that drop, duplicate,
//! swap, damage, add, fall silent and go away.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::web::Client;
use crate::support::wire::{eventually, loopback, read_exactly, refusing, reset, server};
use crate::support::{Ended, HARD_LIMIT, Running, directory, python, sockkit, start};

const INT: i32 = 2;
const USR1: i32 = 10;
const TERM: i32 = 15;

/// The size of a probe where no option says else.
const SIZE: usize = 64;

/// Whoever ends at once has ended by then, and whoever waits for an answer for a minute has not.
const SOON: Duration = Duration::from_secs(30);

fn echo_server(args: &[&str]) -> (Running, SocketAddr) {
    let all = ["echo-server"].iter().chain(args).chain(&["127.0.0.1", "0"]);
    let running = start(&mut sockkit(all));
    let address = running.address();
    (running, address)
}

fn udp_socket_at(address: SocketAddr) -> UdpSocket {
    UdpSocket::bind(address).expect("the address is this test's own")
}

/// A socket that nobody reads unless the test does.
fn silent() -> UdpSocket {
    udp_socket_at(SocketAddr::from((loopback(), 0)))
}

fn ping_over(verb: &str, address: &str, options: &[&str]) -> Command {
    let mut command = sockkit([verb, address, "--ping"]);
    command.args(options);
    command
}

fn tcp(address: SocketAddr, options: &[&str]) -> Command {
    ping_over("connect", &address.to_string(), options)
}

fn udp(address: SocketAddr, options: &[&str]) -> Command {
    ping_over("udp-send", &address.to_string(), options)
}

#[track_caller]
fn ends(command: &mut Command, code: i32) -> Ended {
    start(command).end().expect(code)
}

/// Asserts what the summary counts, such as `3 sent, 3 received`.
#[track_caller]
fn counts(ended: &Ended, wanted: &str) {
    let text = ended.text();
    let line = text.lines().find(|line| line.contains(" sent, ")).unwrap_or_default();
    assert!(line.starts_with(&format!("{wanted}, in ")), "{wanted:?}: {text}{}", ended.stderr);
}

/// The objects on standard output: the answers, and the summary behind them.
fn objects(ended: &Ended) -> (Vec<Value>, Value) {
    let mut all: Vec<Value> =
        ended.text().lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect();
    let summary = all.pop().expect("there is a summary");
    assert_eq!(summary["event"], "summary");
    assert!(all.iter().all(|object| object["event"] == "answer"), "{all:?}");
    (all, summary)
}

const CLEAN_3: &str = "3 sent, 3 received, 0 lost (0%), 0 duplicated, 0 reordered, 0 corrupted";

#[test]
fn every_probe_comes_back_from_our_own_echo_server() {
    let (_server, address) = echo_server(&["--udp"]);
    let options = ["--count", "3", "--interval", "20ms", "-w", "60"];
    for mut command in [tcp(address, &options), udp(address, &options)] {
        let ended = ends(&mut command, 0);
        counts(&ended, CLEAN_3);
        let text = ended.text();
        let lines: Vec<_> = text.lines().collect();
        for (line, seq) in lines.iter().zip(1..=3) {
            let wanted = format!("64 bytes from {address}: seq={seq} time=");
            assert!(line.starts_with(&wanted) && line.ends_with(" ms"), "{text}");
        }
        assert_eq!(lines[3..5], ["", &format!("--- {address} ping statistics ---")]);
        assert!(lines[6].starts_with("round trip min/p50/p90/p99/max/jitter = "), "{text}");
        assert_eq!((lines.len(), ended.stderr.as_str()), (7, ""));
    }
}

#[test]
fn it_works_over_unix_sockets_too() {
    let dir = directory();
    let stream = format!("unix:{}", dir.path().join("stream").display());
    let running = start(&mut sockkit(["echo-server", &stream]));
    running.line("listening on ");
    let options = ["--count", "3", "--interval", "0", "-w", "60"];
    counts(&ends(&mut ping_over("connect", &stream, &options), 0), CLEAN_3);

    let path = dir.path().join("datagrams");
    let socket = UnixDatagram::bind(&path).expect("the directory is ours");
    std::thread::spawn(move || {
        let mut buffer = [0; SIZE];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            socket.send_to_addr(&buffer[..size], &from).expect("the client has a name");
        }
    });
    let address = format!("unix:{}", path.display());
    counts(&ends(&mut ping_over("udp-send", &address, &options), 0), CLEAN_3);
}

#[test]
fn probes_of_every_size_come_back() {
    let (_server, address) = echo_server(&["--udp"]);
    for size in ["1", "7", "8", "65536", "1M"] {
        let ended = ends(&mut tcp(address, &["--count", "3", "--interval", "0", "-w", "60", "--size", size]), 0);
        counts(&ended, CLEAN_3);
    }
    for size in ["8", "1472", "65507"] {
        let ended = ends(&mut udp(address, &["--count", "3", "--interval", "0", "-w", "60", "--size", size]), 0);
        counts(&ended, CLEAN_3);
        assert!(ended.text().starts_with(&format!("{size} bytes from ")), "{}", ended.text());
    }
    for size in ["0", "7", "65508", "1G"] {
        let ended = ends(&mut udp(address, &["--count", "1", "--size", size]), 2);
        assert!(ended.stderr.contains("--size") && ended.stdout.is_empty(), "{}", ended.stderr);
    }
}

#[test]
fn the_schedule_is_kept_although_nothing_comes_back() {
    let socket = silent();
    let address = socket.local_addr().expect("it is bound");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
    let begin = Instant::now();
    let running = start(&mut udp(address, &["--count", "5", "--interval", "100ms", "-w", "50ms"]));
    let mut buffer = [0; 2 * SIZE];
    let sizes: Vec<_> = (0..5).map(|_| socket.recv(&mut buffer).expect("a probe")).collect();
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    assert_eq!(sizes, [SIZE; 5]);
    counts(&running.end().expect(28), "5 sent, 0 received, 5 lost (100%), 0 duplicated, 0 reordered, 0 corrupted");
}

/// Answers the n-th datagram so: not if 3 divides n, twice if 5 does, and each odd one after the even one behind it.
const UNRELIABLE: &str = r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
import sys
print("listening on 127.0.0.1:%d" % s.getsockname()[1], file=sys.stderr, flush=True)
def answer(n, data, peer):
    for _ in range(0 if n % 3 == 0 else 2 if n % 5 == 0 else 1):
        s.sendto(data, peer)
n = 0
while True:
    held = (n + 1, *s.recvfrom(65536))
    data, peer = s.recvfrom(65536)
    n += 2
    answer(n, data, peer)
    answer(*held)
"#;

#[test]
fn losses_duplicates_and_swaps_are_counted_exactly() {
    let Some(mut script) = python(UNRELIABLE, &[]) else { return };
    let peer = start(&mut script);
    let address = peer.address();
    // The last probe is one of those that are lost: the run waits for it until the answers before it are certain.
    let options = ["--count", "30", "--interval", "5ms", "-w", "10", "--json"];
    let (answers, summary) = objects(&ends(&mut udp(address, &options), 1));
    // Both of a pair come back unless 3 divides one of them: five pairs of fifteen. Of 5, 10 … 30 two are dropped.
    let numbers = ["sent", "received", "lost", "under_way", "duplicated", "reordered", "corrupted", "foreign_bytes"];
    let counted = numbers.map(|name| summary[name].as_u64().expect("it is a number"));
    assert_eq!(counted, [30, 20, 10, 0, 4, 5, 0, 0]);
    let seqs = |mark: &dyn Fn(&Value) -> bool| -> Vec<_> {
        answers.iter().filter(|answer| mark(answer)).map(|answer| answer["seq"].as_u64().expect("a number")).collect()
    };
    assert_eq!(seqs(&|answer| answer["duplicate"] == true), [5, 10, 20, 25]);
    assert_eq!(seqs(&|answer| !answer["after"].is_null()), [1, 7, 13, 19, 25]);
    assert_eq!(seqs(&|_| true)[..6], [2, 1, 4, 5, 5, 8]);
    assert!(answers.iter().all(|answer| answer["from"] == address.to_string() && answer["bytes"] == SIZE));
    let times = &summary["round_trip"];
    let ordered = ["min", "p50", "p90", "p99", "max"].map(|name| times[name].as_f64().expect("a number"));
    assert!(ordered.is_sorted() && ordered[0] > 0.0, "{times}");
    assert!(times["jitter"].as_f64() > Some(0.0) && times["exact"] == true, "{times}");
}

#[test]
fn each_kind_of_trouble_is_shown_on_its_line() {
    let Some(mut script) = python(UNRELIABLE, &[]) else { return };
    let peer = start(&mut script);
    let ended = ends(&mut udp(peer.address(), &["--count", "6", "--interval", "5ms", "-w", "10"]), 1);
    let text = ended.text();
    let marks: Vec<_> = text.lines().filter_map(|line| line.split_once(" ms").map(|(_, mark)| mark)).collect();
    assert_eq!(marks[..5], ["", " (late: after seq=2)", "", "", " (duplicate)"], "{text}");
    counts(&ended, "6 sent, 4 received, 2 lost (33.333%), 1 duplicated, 1 reordered, 0 corrupted");
}

/// Gives back what comes, for one client; `argv` names the place of the byte that is damaged.
const DAMAGING: &str = r#"
import socket, sys
l = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % l.getsockname()[1], file=sys.stderr, flush=True)
c, _ = l.accept()
place, at = int(sys.argv[1]), 0
while data := bytearray(c.recv(65536)):
    if at <= place < at + len(data):
        data[place - at] ^= 1
    at += len(data)
    c.sendall(data)
"#;

#[test]
fn one_damaged_byte_is_one_corrupted_answer() {
    // In the second probe: its header's two halves, and its last byte.
    for place in [SIZE, SIZE + 5, 2 * SIZE - 1] {
        let Some(mut script) = python(DAMAGING, &[&place.to_string()]) else { return };
        let peer = start(&mut script);
        let ended = ends(&mut tcp(peer.address(), &["--count", "3", "--interval", "0", "-w", "60"]), 1);
        counts(&ended, "3 sent, 3 received, 0 lost (0%), 0 duplicated, 0 reordered, 1 corrupted");
        let text = ended.text();
        let damaged: Vec<_> = text.lines().filter(|line| line.ends_with(" (corrupted)")).collect();
        assert!(matches!(damaged[..], [line] if line.contains(": seq=2 ")), "{text}");
        assert!(ended.stderr.is_empty(), "the figures have said it: {}", ended.stderr);
    }
}

/// Gives back `probes` probes of the usual size.
fn echo(stream: &TcpStream, probes: usize) {
    for _ in 0..probes {
        let probe = read_exactly(stream, SIZE);
        (&*stream).write_all(&probe).expect("the client reads");
    }
}

#[test]
fn a_greeting_costs_no_probe() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"Welcome!\n").expect("the client is there");
        echo(&stream, 3);
    });
    let ended = ends(&mut tcp(address, &["--count", "3", "--interval", "0", "-w", "60"]), 0);
    counts(&ended, "3 sent, 3 received, 0 lost (0%), 0 duplicated, 0 reordered, 0 corrupted, 9 foreign bytes");
    assert!(
        ended.text().starts_with(&format!("9 bytes from {address}: not a probe of this run\n")),
        "{}",
        ended.text()
    );
    peer.join().expect("the script does not panic");
}

#[test]
fn a_silent_peer_is_28_and_the_limit_is_named() {
    for (options, limit) in
        [(["-w", "0.3"], "0.3 s (--timeout)"), (["--idle-timeout", "0.3"], "0.3 s (--idle-timeout)")]
    {
        let socket = silent();
        let silent_udp = socket.local_addr().expect("it is bound");
        // It reads to the end, so that the client's close is no reset.
        let (silent_tcp, _peer) = server(|mut stream| stream.read_to_end(&mut Vec::new()));
        for mut command in [tcp(silent_tcp, &options), udp(silent_udp, &options)] {
            let ended = ends(command.args(["--count", "2", "--interval", "10ms"]), 28);
            counts(&ended, "2 sent, 0 received, 2 lost (100%), 0 duplicated, 0 reordered, 0 corrupted");
            assert!(ended.stderr.contains(&format!("timed out after {limit}")), "{}", ended.stderr);
        }
    }
}

#[test]
fn without_an_option_an_answer_has_two_seconds() {
    let socket = silent();
    let begin = Instant::now();
    let ended = ends(&mut udp(socket.local_addr().expect("it is bound"), &["--count", "1"]), 28);
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(ended.stderr.contains("timed out after 2 s (the default; -w sets it)"), "{}", ended.stderr);
}

#[test]
fn nobody_there_is_7() {
    ends(&mut tcp(refusing(), &["--count", "1"]), 7);
    let one = ends(&mut udp(refusing(), &["--count", "1"]), 7);
    assert_eq!(one.stderr.matches("connection refused").count(), 1, "{}", one.stderr);
    // The probes go on, and the reason is told once meanwhile.
    let many = ends(&mut udp(refusing(), &["--count", "4", "--interval", "20ms"]), 7);
    counts(&many, "4 sent, 0 received, 4 lost (100%), 0 duplicated, 0 reordered, 0 corrupted");
    assert_eq!(many.stderr.matches("warning: ").count(), 1, "{}", many.stderr);
}

#[test]
fn a_peer_that_comes_up_later_is_measured_from_then_on() {
    // Of our own address and below the ports that are given to whoever asks for any: nobody else can have it.
    let address = SocketAddr::from((loopback(), 7007));
    // The time between the two is the peer's to come up.
    let pinging = start(&mut udp(address, &["--count", "2", "--interval", "10s", "-w", "5"]));
    pinging.line("connection refused");
    let socket = udp_socket_at(address);
    std::thread::spawn(move || {
        let mut buffer = [0; SIZE];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            // The client may have ended.
            let _ = socket.send_to(&buffer[..size], from);
        }
    });
    let ended = pinging.end().expect(1);
    assert!(ended.text().contains(": seq=2 "), "{}", ended.text());
    assert!(!ended.text().contains(": seq=1 "), "{}", ended.text());
}

/// One probe to a peer that has said `text` by then: it is glued to the answer of a proxy on the way. The peer goes on
/// with `script`.
fn to_a_talker(text: &'static [u8], script: impl FnOnce(TcpStream) + Send + 'static) -> Command {
    let (proxy, _peer) = server(move |stream| {
        let mut client = Client::new(stream);
        client.head().expect("the proxy is asked");
        client.send([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), text].concat());
        script(client.stream);
    });
    tcp(refusing(), &["--proxy", &proxy.to_string(), "--count", "1", "--idle-timeout", "0.3"])
}

#[test]
fn what_is_no_echo_is_8() {
    let mut command = to_a_talker(b"220 mail.example ESMTP\r\n", |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let ended = ends(&mut command, 8);
    assert!(ended.stderr.contains("24 bytes came back, and no probe among them"), "{}", ended.stderr);
}

#[test]
fn a_peer_that_never_pauses_does_not_keep_it_from_its_end() {
    let flood = |mut stream: TcpStream| while stream.write_all(&[b'x'; 16_384]).is_ok() {};
    let ended = ends(&mut to_a_talker(&[b'x'; 16_384], flood), 8);
    assert_eq!(ended.text().matches(": not a probe of this run").count(), 1, "{}", ended.text());
}

/// Ends our direction, and reads what comes so that the close is no reset.
fn end(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("it is connected");
    stream.read_to_end(&mut Vec::new()).expect("the client ends");
}

#[test]
fn a_peer_that_ends_or_resets_is_told_after_the_figures() {
    let options = ["--count", "9", "--interval", "50ms", "-w", "60"];
    let (address, _peer) = server(end);
    let silent = ends(&mut tcp(address, &options), 52);
    assert!(silent.stderr.contains("without a byte"), "{}", silent.stderr);

    let (address, _peer) = server(|stream| {
        echo(&stream, 2);
        end(stream);
    });
    let short = ends(&mut tcp(address, &options), 18);
    assert!(short.text().contains(" 2 received, "), "{}", short.text());
    assert!(short.stderr.contains("the peer has ended the connection"), "{}", short.stderr);

    let (address, _peer) = server(|stream| {
        echo(&stream, 2);
        read_exactly(&stream, SIZE);
        reset(stream);
    });
    let broken = ends(&mut tcp(address, &options), 56);
    assert!(broken.text().contains(" 2 received, "), "{}", broken.text());
    assert!(broken.stderr.contains("connection reset"), "{}", broken.stderr);
}

#[test]
fn a_peer_that_takes_nothing_ends_a_counted_run() {
    let (address, peer) = server(|stream| stream);
    let options = ["--count", "100", "--size", "1M", "--interval", "1ms", "-w", "0.5"];
    let ended = ends(&mut tcp(address, &options), 28);
    assert!(ended.stderr.contains("send to") && ended.stderr.contains("0.5 s (--timeout)"), "{}", ended.stderr);
    assert!(ended.text().contains(" 0 received, "), "{}", ended.text());
    drop(peer);
}

/// Answers two probes; without an interval the third has then gone out and waits.
fn two_answers() -> SocketAddr {
    let (address, _peer) = server(|mut stream| {
        echo(&stream, 2);
        stream.read_to_end(&mut Vec::new())
    });
    address
}

/// No probe is given up before the signal comes.
const PATIENT: [&str; 4] = ["--interval", "0", "-w", "60"];

#[test]
fn a_signal_is_the_normal_end_of_an_endless_run() {
    for signal in [INT, TERM] {
        let running = start(tcp(two_answers(), &PATIENT).arg("-vv"));
        running.line("sent probe 3");
        running.signal(signal);
        let ended = running.end_within(SOON).expect(0);
        counts(&ended, "3 sent, 2 received, 0 lost (0%), 1 under way, 0 duplicated, 0 reordered, 0 corrupted");
    }
}

#[test]
fn a_signal_cuts_a_counted_run_short_and_the_figures_are_told() {
    let running = start(tcp(two_answers(), &PATIENT).args(["-vv", "--count", "5"]));
    running.line("sent probe 3");
    running.signal(INT);
    let ended = running.end_within(SOON).expect(128 + INT);
    counts(&ended, "3 sent, 2 received, 0 lost (0%), 1 under way, 0 duplicated, 0 reordered, 0 corrupted");
}

#[test]
fn an_endless_run_without_an_answer_is_28() {
    let socket = silent();
    let running = start(&mut udp(socket.local_addr().expect("it is bound"), &["-vv", "--interval", "20ms"]));
    running.line("sent probe 2");
    running.signal(INT);
    let ended = running.end_within(SOON).expect(28);
    assert!(ended.stderr.contains("none has come to "), "{}", ended.stderr);
}

#[test]
fn the_deadline_ends_it_with_the_figures() {
    let (_server, address) = echo_server(&[]);
    // It begins before the connection is there, which must not take all of it.
    let ended = ends(&mut tcp(address, &["--interval", "100ms", "-w", "60", "--deadline", "10"]), 28);
    assert!(ended.stderr.contains("(--deadline)"), "{}", ended.stderr);
    assert!(ended.text().contains(" 0 lost (0%)"), "{}", ended.text());
}

#[test]
fn sigusr1_asks_for_the_figures_so_far() {
    let dir = directory();
    let path = dir.path().join("out");
    let out = File::create(&path).expect("the directory is ours");
    let running = start(tcp(two_answers(), &PATIENT).arg("-vv").stdout(out));
    running.line("sent probe 3");
    running.signal(USR1);
    let text = || std::fs::read_to_string(&path).expect("it is text");
    let so_far = "ping statistics so far ---\n3 sent, 2 received, 0 lost (0%), 1 under way, ";
    eventually("the figures so far", || text().contains(so_far));
    running.signal(INT);
    running.end_within(SOON).expect(0);
    assert!(text().contains("ping statistics ---\n3 sent"), "{}", text());
}

#[test]
fn quiet_leaves_the_summary() {
    let (_server, address) = echo_server(&["--udp"]);
    let options = ["-q", "--count", "3", "--interval", "0", "-w", "60"];
    for mut command in [tcp(address, &options), udp(address, &options)] {
        let text = ends(&mut command, 0).text();
        assert!(text.starts_with("--- ") && text.lines().count() == 3, "{text}");
    }
}

#[test]
fn json_makes_every_line_an_object() {
    let (_server, address) = echo_server(&[]);
    let options = ["--count", "4", "--interval", "0", "-w", "60", "--json"];
    let (answers, summary) = objects(&ends(&mut tcp(address, &options), 0));
    let seqs: Vec<_> = answers.iter().map(|answer| answer["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=4).map(Some).collect::<Vec<_>>());
    assert_eq!((&summary["sent"], &summary["over"]), (&Value::from(4), &Value::from(true)));
    let longest = answers.iter().filter_map(|answer| answer["seconds"].as_f64()).fold(0.0, f64::max);
    assert_eq!(summary["round_trip"]["max"].as_f64(), Some(longest));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let (_server, address) = echo_server(&[]);
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    let mut command = tcp(address, &["--interval", "10ms"]);
    let running = start(command.stdout(writer));
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).expect("an answer is shown");
    assert!(line.contains("seq=1 "), "{line}");
    let ended = running.end().expect(141);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}

#[test]
fn a_reader_that_takes_nothing_does_not_stop_the_clock() {
    let (_server, address) = echo_server(&[]);
    let (mut reader, writer) = std::io::pipe().expect("a pipe can be made");
    let mut command = tcp(address, &["--count", "20000", "--interval", "0", "-w", "60"]);
    let running = start(command.stdout(writer));
    drop(command);
    // All has been measured before the first line is read.
    running.line("answers were counted but not shown");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("it is text");
    running.end().expect(0);
    assert!(text.contains("\n20000 sent, 20000 received, 0 lost"), "{}", text.len());
    assert!(text.lines().filter(|line| line.contains("seq=")).count() < 10_000);
}

#[test]
fn a_full_output_is_23() {
    let (_server, address) = echo_server(&[]);
    let full = File::options().write(true).open("/dev/full").expect("there is a /dev/full");
    let ended = ends(tcp(address, &[]).stdout(full), 23);
    assert!(ended.stderr.contains("no space left"), "{}", ended.stderr);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    for option in [
        "-d",
        "--send-only",
        "-C",
        "--no-half-close",
        "--no-splice",
        "--end-on=peer",
        "-o/tmp/x",
        "--until-idle=1",
        "--stats",
        "--progress",
        "-z",
        "-x",
        "--sum",
        "--max-bytes=1",
        "--count=0",
        "--size=0",
        "--size=2M",
    ] {
        ends(&mut tcp(refusing(), &[option]), 2);
    }
    for option in ["--count=1", "--interval=1", "--size=9"] {
        ends(&mut sockkit(["connect", "127.0.0.1", "9", option]), 2);
    }
    for option in ["data", "--lines", "--wait=1", "-o/tmp/x"] {
        ends(&mut udp(refusing(), &[option]), 2);
    }
}
