//! Datagrams in batches: every border where it was, nothing lost and nothing twice, whatever the kernel refuses; and the
//! pace at which they leave.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Running, assert_same, directory, file, input, peer, python, random, run, sockkit, start};

/// Receives at the address of its first argument, and writes each datagram with its length (32 bits) before it; ends when its
/// stdin has ended and as many as its second argument says have come, or none has for some time. Then whatever else is
/// there is written too, so that nothing that came twice is missed.
const SINK: &str = r#"
import os, select, socket, struct, sys
where, wanted = sys.argv[1], int(sys.argv[2])
family = socket.AF_UNIX if "/" in where else socket.AF_INET6 if ":" in where else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind(where if "/" in where else (where, 0))
if family != socket.AF_UNIX:
    try:
        s.setsockopt(socket.SOL_SOCKET, 33, 1 << 27)  # SO_RCVBUFFORCE
    except OSError:
        if wanted > 100:
            sys.exit("no room: the receive buffer may not be as large as nothing lost needs it")
    where = ("[%s]:%d" if ":" in where else "%s:%d") % s.getsockname()[:2]
print("listening on " + where, file=sys.stderr, flush=True)
got, ended = 0, False
while not (ended and got >= wanted):
    ready = select.select([s] + [0] * (not ended), [], [], 10 if ended else None)[0]
    if not ready:
        break
    if 0 in ready:
        ended = not os.read(0, 1)
    try:
        while s in ready:
            datagram = s.recv(1 << 20, socket.MSG_DONTWAIT)
            sys.stdout.buffer.write(struct.pack(">I", len(datagram)) + datagram)
            got += 1
    except BlockingIOError:
        pass
"#;

/// A receiver and the address that a sender is given.
struct Sink {
    running: Running,
    address: String,
}

impl Sink {
    /// For `wanted` datagrams at `place`; `None` where this machine has no such receiver.
    fn new(place: &str, wanted: usize) -> Option<Self> {
        let mut command = python(SINK, &[place, &wanted.to_string()])?;
        let running = start(command.stdin(std::process::Stdio::piped()));
        let line = running.line(" ");
        if line.contains("no room") {
            eprintln!("skipped: {line}");
            return None;
        }
        let address = line.trim_start_matches("listening on ").to_owned();
        let address = if address.contains('/') { format!("unix:{address}") } else { address };
        Some(Sink { running, address })
    }

    /// A sender to it.
    fn sender(&self, options: &[&str]) -> Command {
        sockkit(["udp-send", &self.address].iter().copied().chain(options.iter().copied()))
    }

    /// Everything that came, each datagram after its length.
    fn got(mut self) -> Vec<u8> {
        drop(self.running.stdin());
        self.running.end().expect(0).stdout
    }

    #[track_caller]
    fn expect<'d>(self, datagrams: impl IntoIterator<Item = &'d [u8]>) {
        assert_same(&self.got(), &prefixed(datagrams));
    }
}

/// Each datagram after its length in 32 bits.
fn prefixed<'d>(datagrams: impl IntoIterator<Item = &'d [u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for datagram in datagrams {
        all.extend(u32::try_from(datagram.len()).expect("short").to_be_bytes());
        all.extend_from_slice(datagram);
    }
    all
}

fn of_sizes(sizes: &[usize]) -> Vec<Vec<u8>> {
    sizes.iter().zip(1..).map(|(&size, seed)| random(size, seed)).collect()
}

fn slices(datagrams: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    datagrams.iter().map(Vec::as_slice)
}

fn has_batches() -> bool {
    cfg!(target_os = "linux") && !cfg!(feature = "portable")
}

/// Sends datagrams of many sizes and of `largest` to `place`, and then one that is a byte larger.
fn every_size_arrives(place: &str, options: &[&str], largest: usize) {
    let sizes = [0, 1, 1472, 1473, 9000, largest, 0, 0, 1472, 1472, 1472, 1472, 1472, 700, 1472];
    let datagrams = of_sizes(&sizes);
    let Some(sink) = Sink::new(place, sizes.len()) else { return };
    let options: Vec<_> = options.iter().copied().chain(["--length-prefix", "u32"]).collect();
    run(&mut sink.sender(&options), &prefixed(slices(&datagrams))).expect(0);
    sink.expect(slices(&datagrams));

    let too_large = of_sizes(&[5, 5, 5, 5, largest + 1, 5]);
    let sink = Sink::new(place, 4).expect("there was one");
    let refused = run(&mut sink.sender(&options), &prefixed(slices(&too_large))).expect(55);
    assert!(refused.stderr.contains(&(largest + 1).to_string()), "{}", refused.stderr);
    sink.expect(slices(&too_large[..4]));
}

#[test]
fn every_size_arrives_over_ipv4() {
    every_size_arrives("127.0.0.1", &[], 65_507);
}

#[test]
fn every_size_arrives_over_ipv6() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 here");
        return;
    }
    every_size_arrives("::1", &[], 65_527);
}

#[test]
fn a_file_in_pieces_of_one_size() {
    let bytes = random(10 << 20, 1);
    let directory = directory();
    let path = file(&directory, "file", &bytes);
    let Some(sink) = Sink::new("127.0.0.1", bytes.len().div_ceil(1200)) else { return };
    start(sink.sender(&["--size", "1200", "--rate", "100M"]).stdin(input(&path))).end().expect(0);
    sink.expect(bytes.chunks(1200));
}

/// As many sizes, up to what Ethernet carries.
fn random_sizes(count: usize) -> Vec<usize> {
    random(2 * count, 2).chunks(2).map(|two| usize::from(two[0]) * 5 + usize::from(two[1] % 5)).collect()
}

/// `bytes` in pieces of `sizes`.
fn pieces<'b>(mut bytes: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    sizes.iter().map(|&size| bytes.split_off(..size).expect("as many as there are")).collect()
}

#[test]
fn a_hundred_thousand_datagrams_keep_their_borders() {
    let sizes = random_sizes(100_000);
    let bytes = random(sizes.iter().sum(), 3);
    let datagrams = pieces(&bytes, &sizes);
    let Some(sink) = Sink::new("127.0.0.1", datagrams.len()) else { return };
    let directory = directory();
    let path = file(&directory, "file", &prefixed(datagrams.iter().copied()));
    let options = ["--length-prefix", "u32", "--rate", "60M"];
    let sent = start(sink.sender(&options).stdin(input(&path))).end().expect(0);
    assert_eq!(sent.stderr, "");
    sink.expect(datagrams);
}

/// UNIX datagrams, so that a receiver that is behind holds up the sender and loses nothing.
#[test]
fn a_hundred_thousand_datagrams_through_files_and_back_are_identical() {
    let sizes = random_sizes(100_000);
    let bytes = random(sizes.iter().sum(), 4);
    let before = prefixed(pieces(&bytes, &sizes));
    let directory = directory();
    let (sent, got) = (file(&directory, "sent", &before), directory.path().join("got"));
    let place = format!("unix:{}", directory.path().join("socket").display());
    let receive = ["udp-recv", &place, "--length-prefix", "u32", "--count", "100000", "-o"];
    let receiver = start(sockkit(receive).arg(&got));
    receiver.line("listening");
    let words = ["udp-send", &place, "--length-prefix", "u32"];
    start(sockkit(words).stdin(input(&sent))).end().expect(0);
    receiver.end().expect(0);
    assert_same(&std::fs::read(&got).expect("it was made"), &before);
}

#[test]
fn borders_of_text() {
    let Some(sink) = Sink::new("127.0.0.1", 5) else { return };
    run(&mut sink.sender(&["--separator", r"\r\n"]), b"one\r\n\r\ntwo\nthree\r\r\nfour\r\nfive").expect(0);
    sink.expect([b"one".as_slice(), b"", b"two\nthree\r", b"four", b"five"]);
    let Some(sink) = Sink::new("127.0.0.1", 2) else { return };
    run(&mut sink.sender(&["--length-prefix", "u16"]), b"\0\x03abc\0\0").expect(0);
    sink.expect([b"abc".as_slice(), b""]);
}

#[test]
fn a_prefix_that_promises_too_much_ends_the_run_and_what_came_before_is_sent() {
    for (rest, code, reason) in
        [(b"\0\x05de".as_slice(), 18, "3 bytes before the end"), (b"\xff\xff", 55, "its prefix says 65535 bytes")]
    {
        let Some(sink) = Sink::new("127.0.0.1", 1) else { return };
        let stdin = [b"\0\x03abc", rest].concat();
        let ended = run(&mut sink.sender(&["--length-prefix", "u16"]), &stdin).expect(code);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
        sink.expect([b"abc".as_slice()]);
    }
}

#[test]
fn a_set_is_sent_again_in_the_same_order() {
    let Some(sink) = Sink::new("127.0.0.1", 300) else { return };
    let lines: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    run(&mut sink.sender(&["--lines", "--count", "3", "--pps", "5000"]), lines.join("\n").as_bytes()).expect(0);
    sink.expect((0..3).flat_map(|_| lines.iter().map(String::as_bytes)));
}

#[test]
fn each_datagram_of_a_batch_is_told() {
    let Some(sink) = Sink::new("127.0.0.1", 10) else { return };
    let told = run(&mut sink.sender(&["--size", "100", "-v"]), &[7; 950]).expect(0);
    assert_eq!(told.stderr.matches("sent a datagram of 100 bytes").count(), 9, "{}", told.stderr);
    assert_eq!(told.stderr.matches("sent a datagram of 50 bytes").count(), 1, "{}", told.stderr);
    assert!(told.stderr.contains("10 datagrams sent, 950 bytes in "), "{}", told.stderr);
    sink.expect([7; 950].chunks(100));
}

#[test]
fn nobody_there_loses_no_datagram_out_of_the_account() {
    // A socket that is connected elsewhere keeps the port from others, and whoever else sends there is refused.
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    elsewhere.connect("127.0.0.1:9").expect("a socket can be connected");
    let nobody = elsewhere.local_addr().expect("it is bound");
    // Of one size and of two sizes: trains of segments, and single messages.
    for (framing, text) in [(["--size", "1"], "ax"), (["--separator", "x"], "ax"), (["--separator", "x"], "axbcx")] {
        let stdin = text.repeat(500).into_bytes();
        let sent = run(sockkit(["udp-send", &nobody.to_string(), "-v"]).args(framing), &stdin).expect(0);
        let wanted = if framing[0] == "--size" { 1000 } else { 500 };
        assert_eq!(sent.stderr.matches("sent a datagram of 1 bytes").count(), wanted, "{framing:?}");
        assert_eq!(sent.stderr.matches("refused").count(), 1, "{framing:?}");
        let asked = run(sockkit(["udp-send", &nobody.to_string(), "--wait", "20"]).args(framing), &stdin).expect(7);
        assert!(asked.stderr.contains("refused"), "{}", asked.stderr);
    }
}

/// Runs a sender of `options` under strace, which fails one of its calls; gives the calls.
fn with_failing_call(sink: &Sink, options: &[&str], path: &std::path::Path, inject: &str) -> Option<String> {
    let mut strace = peer("strace")?;
    let directory = directory();
    let trace = directory.path().join("trace");
    strace.arg("-o").arg(&trace).args(["-e", "trace=sendmsg,sendmmsg,sendto"]);
    if !inject.is_empty() {
        strace.args(["-e", &format!("inject={inject}")]);
    }
    strace.args([env!("CARGO_BIN_EXE_sockkit"), "udp-send", &sink.address]).args(options).stdin(input(path));
    start(&mut strace).end().expect(0);
    Some(std::fs::read_to_string(trace).expect("strace wrote it"))
}

#[test]
fn what_the_kernel_refuses_once_is_sent_in_another_way_and_only_once() {
    if !has_batches() {
        return;
    }
    let bytes = random(500_000, 4);
    let directory = directory();
    let path = file(&directory, "file", &bytes);
    let errors = ["", "sendmsg:error=EIO:when=1", "sendmsg:error=EINVAL:when=1", "sendmsg:error=EMSGSIZE:when=2"];
    let passing = ["ECONNREFUSED", "EHOSTUNREACH", "EINTR", "EAGAIN", "ENOBUFS"];
    let passing = passing.map(|error| format!("sendmsg:error={error}:when=2"));
    for inject in errors.into_iter().chain(passing.iter().map(String::as_str)) {
        let Some(sink) = Sink::new("127.0.0.1", bytes.len().div_ceil(1200)) else { return };
        let Some(calls) = with_failing_call(&sink, &["--size", "1200"], &path, inject) else { return };
        let falls_back = errors[1..].contains(&inject);
        assert_eq!(calls.contains("sendmmsg("), falls_back, "{inject}: {calls}");
        assert!(calls.contains("cmsg_type=0x67") || calls.contains("UDP_SEGMENT"), "{inject}: {calls}");
        assert_eq!(calls.contains("INJECTED"), !inject.is_empty(), "{calls}");
        sink.expect(bytes.chunks(1200));
    }
}

#[test]
fn an_error_between_two_batches_of_messages_repeats_none() {
    if !has_batches() {
        return;
    }
    let lines: Vec<_> = (1..500).map(|n| "x".repeat(n)).collect();
    let directory = directory();
    let path = file(&directory, "file", lines.join("\n").as_bytes());
    for error in ["ECONNREFUSED", "EHOSTUNREACH", "EINTR", "EAGAIN", "ENOBUFS"] {
        let Some(sink) = Sink::new("127.0.0.1", lines.len()) else { return };
        let inject = format!("sendmmsg:error={error}:when=3");
        let Some(calls) = with_failing_call(&sink, &["--lines"], &path, &inject) else { return };
        assert!(calls.contains("INJECTED"), "{calls}");
        sink.expect(lines.iter().map(String::as_bytes));
    }
}

#[test]
fn segments_that_do_not_fit_the_path_are_sent_as_fragments() {
    let Some(mut unshare) = peer("unshare") else { return };
    let script = r#"
        ip link set lo up mtu 1500 || exit 77
        head -c 89999 /dev/urandom >file
        for size in 1472 1473 9000; do
            mkfifo ready
            "$S" udp-recv 127.0.0.1 4000 --count $(((89999 + size - 1) / size)) --recv-buffer 400k --ready-fd 3 3>ready >got &
            read address <ready
            "$S" udp-send --size $size --pps 2000 --burst 10 127.0.0.1 4000 <file || exit 1
            wait
            cmp file got || exit 2
            rm ready
        done"#;
    let directory = directory();
    unshare.args(["-n", "sh", "-c", script]).env("S", env!("CARGO_BIN_EXE_sockkit")).current_dir(directory.path());
    let ended = start(&mut unshare).end();
    if ended.code() == 77 || ended.stderr.contains("unshare failed") {
        eprintln!("skipped: no network namespace here: {}", ended.stderr);
        return;
    }
    ended.expect(0);
}

#[test]
fn unix_datagrams_of_every_size_up_to_the_send_buffer() {
    let directory = directory();
    let place = |name: &str| directory.path().join(name).display().to_string();
    // The kernel doubles what is asked for and keeps 32 bytes of it; see unix_dgram_sendmsg in its net/unix/af_unix.c.
    let largest = if cfg!(target_os = "linux") { 2 * (64 << 10) - 32 } else { 9000 };
    let datagrams = of_sizes(&[0, 1, 1472, 1473, 9000, largest, 0, 5, 5, 5, 5, 5, 5]);
    let options = ["--length-prefix", "u32", "--send-buffer", "64k"];
    let Some(sink) = Sink::new(&place("one"), datagrams.len()) else { return };
    run(&mut sink.sender(&options), &prefixed(slices(&datagrams))).expect(0);
    sink.expect(slices(&datagrams));
    if cfg!(target_os = "linux") {
        let datagrams = of_sizes(&[5, 5, 5, 5, largest + 1, 5]);
        let sink = Sink::new(&place("two"), 4).expect("there was one");
        let refused = run(&mut sink.sender(&options), &prefixed(slices(&datagrams))).expect(55);
        assert!(refused.stderr.contains(&(largest + 1).to_string()), "{}", refused.stderr);
        sink.expect(slices(&datagrams[..4]));
    }
}

#[test]
fn a_slow_unix_receiver_loses_nothing_of_a_batch() {
    let directory = directory();
    let place = directory.path().join("socket").display().to_string();
    let lines: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    let Some(sink) = Sink::new(&place, lines.len()) else { return };
    run(&mut sink.sender(&["--lines"]), lines.join("\n").as_bytes()).expect(0);
    sink.expect(lines.iter().map(String::as_bytes));
}

/// How long `options` take to send 100 datagrams of 100 bytes.
fn takes(options: &[&str]) -> Option<Duration> {
    let sink = Sink::new("127.0.0.1", 100)?;
    let begin = Instant::now();
    run(sink.sender(&["--size", "100"]).args(options), &[7; 10_000]).expect(0);
    let took = begin.elapsed();
    sink.expect([7; 10_000].chunks(100));
    Some(took)
}

#[test]
fn a_pace_is_never_exceeded() {
    let millis = Duration::from_millis;
    for (options, least) in [
        (["--pps", "200"].as_slice(), millis(495)),
        (&["--pps", "200", "--burst", "20"], millis(400)),
        // 9,900 bytes have left before the last datagram may.
        (&["--rate", "20k"], millis(483)),
        (&["--rate", "1G", "--pps", "200"], millis(495)),
        (&["--rate", "20k", "--pps", "1000000"], millis(483)),
    ] {
        let Some(took) = takes(options) else { return };
        assert!(took >= least, "{options:?} took {took:?}");
    }
}

#[test]
fn no_datagram_of_a_paced_run_is_early() {
    let Some(sink) = Sink::new("127.0.0.1", 10) else { return };
    let told = run(&mut sink.sender(&["--size", "1", "--pps", "50", "-v"]), b"0123456789").expect(0);
    sink.expect(b"0123456789".chunks(1));
    let lines = told.stderr.lines().filter(|line| line.contains("sent a datagram"));
    let seconds = |line: &str| line.split(['[', ' ']).find_map(|word| word.parse::<f64>().ok());
    let times: Vec<_> = lines.map(|line| seconds(line).expect("-v tells when")).collect();
    assert_eq!(times.len(), 10, "{}", told.stderr);
    // The clock of -v has started before the first datagram, and shows thousandths.
    assert!((0_u32..).zip(&times).all(|(n, &time)| time + 0.001 >= f64::from(n) * 0.02), "{times:?}");
}

#[test]
fn a_pace_for_ever_ends_with_0_at_the_first_signal() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(crate::support::HARD_LIMIT)).expect("a read timeout");
    let address = socket.local_addr().expect("it is bound").to_string();
    let sender = start(&mut sockkit(["udp-send", &address, "--count", "0", "--pps", "100", "tick"]));
    for _ in 0..3 {
        socket.recv(&mut [0; 9]).expect("a datagram");
    }
    sender.signal(2);
    sender.end_within(Duration::from_secs(20)).expect(0);
}

#[test]
fn a_slow_pace_is_not_idle_and_still_under_the_deadline() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound").to_string();
    start(&mut sockkit(["udp-send", &address, "--pps", "2", "-w", "100ms", "a", "b"])).end().expect(0);
    let begin = Instant::now();
    // The second word has its turn after 60 seconds.
    let slow = "slow".repeat(15);
    let cut = start(&mut sockkit(["udp-send", &address, "--rate", "1", "--deadline", "200ms", &slow, "er"])).end();
    assert!(cut.expect(28).stderr.contains("--deadline") && begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn replies_are_printed_while_a_file_is_sent() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            socket.send_to(&buffer[..size], from).expect("an answer");
        }
    });
    let mut lines = String::new();
    // No more than any queue holds while its reader is put off.
    (0..200).for_each(|n| writeln!(lines, "{n:04}").expect("a string takes everything"));
    let options = ["--lines", "--pps", "2000", "--wait", "60", "--replies", "200"];
    let asked = run(sockkit(["udp-send", &address]).args(options), lines.as_bytes()).expect(0);
    assert_eq!(asked.text(), lines.replace('\n', ""));
}

#[test]
fn options_that_contradict_each_other_or_do_nothing_are_refused() {
    for options in [
        ["--lines", "--separator", "x"].as_slice(),
        &["--size", "5", "--length-prefix", "u16"],
        &["--length-prefix", "u8"],
        &["--separator", ""],
        &["--separator", "x", "data"],
        &["--length-prefix", "u32", "data"],
        &["--rate", "0", "data"],
        &["--pps", "0", "data"],
        &["--burst", "5", "data"],
        &["--pps", "5", "--ping"],
        &["--pps", "5", "--interactive"],
        &["--size", "65508"],
    ] {
        start(&mut sockkit(["udp-send", "127.0.0.1:9"].iter().chain(options))).end().expect(2);
    }
}
