//! `udp-send` and `udp-recv`: sizes, framing, replies, errors and ends, against each other, nc and Python.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::held::held;
use crate::support::talk::Talk;
use crate::support::wire::{eventually, loopback, refusing};
use crate::support::{Ended, Running, assert_same, directory, file, input, peer, python, random, run, sockkit, start};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

/// What is over as soon as it is told to be takes no longer, even on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(20);

/// Starts a receiver at `address`.
fn receiver(address: &str, options: &[&str]) -> Running {
    start(sockkit(["udp-recv", address]).args(options))
}

/// A sender to `address` that reads nothing.
fn sender(address: SocketAddr, words: &[&str]) -> Command {
    sockkit(["udp-send", &address.to_string()].into_iter().chain(words.iter().copied()))
}

/// Sends `input` from stdin to `address`.
fn send(address: SocketAddr, options: &[&str], input: &[u8]) -> Ended {
    run(&mut sender(address, options), input)
}

/// A socket of the test's own, that does not wait for ever.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(V4).expect("a free port");
    socket.set_read_timeout(Some(crate::support::HARD_LIMIT)).expect("a read timeout");
    socket
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}

/// What `socket` gets next.
fn next(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let size = socket.recv(&mut buffer).expect("a datagram");
    buffer[..size].to_vec()
}

fn has_v6() -> bool {
    let has = UdpSocket::bind(V6).is_ok();
    if !has {
        eprintln!("skipped: no IPv6 here");
    }
    has
}

/// Answers each of the first `count` datagrams with itself, on a thread.
fn echo(count: usize) -> SocketAddr {
    let socket = socket();
    let address = address_of(&socket);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 70_000];
        for _ in 0..count {
            let (size, from) = socket.recv_from(&mut buffer).expect("a datagram");
            socket.send_to(&buffer[..size], from).expect("an answer");
        }
    });
    address
}

fn arrives_whole(address: &str, sizes: &[usize]) {
    for &size in sizes {
        let bytes = random(size, size as u64);
        let receiver = receiver(address, &["--count", "1", "--separator", "|"]);
        send(receiver.address(), &[], &bytes).expect(0);
        assert_same(&receiver.end().expect(0).stdout, &[bytes.as_slice(), b"|"].concat());
    }
}

#[test]
fn datagrams_of_every_size_arrive_whole() {
    arrives_whole(V4, &[0, 1, 1472, 1473, 9000, 65_507]);
    if has_v6() {
        arrives_whole(V6, &[0, 65_527]);
    }
}

#[test]
fn one_byte_too_many_is_refused_and_nothing_is_sent() {
    let socket = socket();
    let address = address_of(&socket);
    let too_much = "x".repeat(65_508);
    let given = start(&mut sender(address, &["first", &too_much])).end().expect(55);
    assert!(given.stderr.contains("65508 bytes are too many for one datagram"), "{}", given.stderr);
    let input = send(address, &[], too_much.as_bytes()).expect(2);
    assert!(input.stderr.contains("--lines") && input.stderr.contains("--size"), "{}", input.stderr);
    send(address, &["--size", "65508"], b"short").expect(2);
    send(address, &["--lines"], too_much.as_bytes()).expect(55);
    socket.send_to(b"only this", address).expect("a datagram to itself");
    assert_eq!(next(&socket), b"only this");
}

#[test]
fn one_byte_too_many_in_ipv6() {
    if !has_v6() {
        return;
    }
    let address: SocketAddr = "[::1]:9".parse().expect("an address");
    let too_much = vec![b'x'; 65_528];
    send(address, &[], &too_much).expect(2);
    let text = String::from_utf8(too_much).expect("it is ASCII");
    start(&mut sender(address, &[&text])).end().expect(55);
}

#[test]
fn each_word_is_one_datagram_and_nothing_is_added() {
    use std::os::unix::ffi::OsStrExt;
    let socket = socket();
    let mut command = sender(address_of(&socket), &["two words", "", "--", "-v"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    start(&mut command).end().expect(0);
    for wanted in [b"two words".as_slice(), b"", b"-v", b"\xff\xfe"] {
        assert_eq!(next(&socket), wanted);
    }
}

#[test]
fn lines_come_back_as_the_same_lines() {
    let receiver = receiver(V4, &["--lines", "--count", "4"]);
    send(receiver.address(), &["--lines"], b"one\n\ntwo\r\nno newline").expect(0);
    assert_eq!(receiver.end().expect(0).text(), "one\n\ntwo\r\nno newline\n");
}

#[test]
fn all_lines_of_one_write_are_sent_while_stdin_stays_open() {
    let receiver = receiver(V4, &["--lines", "--count", "200"]);
    let mut sender = start(sender(receiver.address(), &["--lines"]).stdin(Stdio::piped()));
    let mut stdin = sender.stdin();
    let lines = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    stdin.write_all(lines.as_bytes()).expect("it reads");
    assert_eq!(receiver.end().expect(0).text(), lines);
    drop(stdin);
    sender.end().expect(0);
}

#[test]
fn size_cuts_stdin_into_pieces() {
    let receiver = receiver(V4, &["--count", "3", "--separator", r"\x3b\n"]);
    send(receiver.address(), &["--size", "4"], b"abcdefghij").expect(0);
    assert_eq!(receiver.end().expect(0).text(), "abcd;\nefgh;\nij;\n");
}

#[test]
fn the_set_is_repeated_with_pauses() {
    let receiver = receiver(V4, &["--lines", "--count", "6"]);
    let begin = Instant::now();
    send(receiver.address(), &["--lines", "--count", "3", "--interval", "100ms"], b"a\nb\n").expect(0);
    assert!(begin.elapsed() >= Duration::from_millis(200), "two pauses take 200 ms, not {:?}", begin.elapsed());
    assert_eq!(receiver.end().expect(0).text(), "a\nb\na\nb\na\nb\n");
}

#[test]
fn words_for_ever_end_with_0_at_the_first_signal() {
    let socket = socket();
    let sender = start(&mut sender(address_of(&socket), &["tick", "--count", "0", "--interval", "10ms"]));
    for _ in 0..3 {
        assert_eq!(next(&socket), b"tick");
    }
    sender.signal(2);
    sender.end_within(SOON).expect(0);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let nobody = refusing();
    for words in [
        ["--lines", "data"].as_slice(),
        &["--size", "5", "data"],
        &["--size", "0"],
        &["--interval", "1", "data"],
        &["--count", "0", "data"],
        &["-o", "/nowhere/file", "data"],
        &["--lines", "--size", "5"],
    ] {
        start(&mut sender(nobody, words)).end().expect(2);
    }
    for words in [["--count", "0"].as_slice(), &["--lines", "--separator", "x"], &["--separator", r"\q"]] {
        start(sockkit(["udp-recv", V4]).args(words)).end().expect(2);
    }
    for option in ["-4", "--broadcast", "--ttl=3", "--source-port=9"] {
        start(&mut sockkit(["udp-send", "unix:/nowhere", "data", option])).end().expect(2);
    }
    start(&mut sockkit(["udp-recv", "unix:/nowhere", "--reuse-address"])).end().expect(2);
}

#[test]
fn no_stdin_is_no_empty_datagram() {
    let refused = start(&mut sender(refusing(), &[])).end().expect(2);
    assert!(refused.stderr.contains("nothing to send"), "{}", refused.stderr);
    let empty = send(refusing(), &["--lines"], b"").expect(0);
    assert!(empty.stderr.contains("nothing was sent"), "{}", empty.stderr);
}

#[test]
fn a_stdin_that_can_not_be_read_is_26() {
    let here = std::fs::File::open("/").expect("the root directory");
    start(sender(refusing(), &[]).stdin(here)).end().expect(26);
}

#[test]
fn python_echoes_and_the_replies_are_printed() {
    let script = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', 0))\n\
                  print('listening on 127.0.0.1:%d' % s.getsockname()[1], file=__import__('sys').stderr, flush=True)\n\
                  for _ in range(3):\n    d, a = s.recvfrom(70000)\n    s.sendto(d[::-1], a)\n";
    let Some(mut command) = python(script, &[]) else { return };
    let python = start(&mut command);
    let asked = start(&mut sender(python.address(), &["abc", "", "def", "--wait", "60", "--replies", "3"]));
    let asked = asked.end().expect(0);
    assert_eq!(asked.text(), "cbafed");
    python.end().expect(0);
}

#[test]
fn the_largest_reply_is_whole() {
    let bytes = random(65_507, 7);
    assert_same(&send(echo(1), &["--wait", "60", "--replies", "1"], &bytes).expect(0).stdout, &bytes);
}

#[test]
fn replies_are_seen_while_lines_are_typed() {
    let directory = directory();
    let output = directory.path().join("replies");
    let mut command = sender(echo(2), &["--lines", "--wait", "300ms", "-v", "-o"]);
    let mut sender = start(command.arg(&output).stdin(Stdio::piped()));
    let mut stdin = sender.stdin();
    for (line, so_far) in [("first\n", "first"), ("second\n", "firstsecond")] {
        stdin.write_all(line.as_bytes()).expect("it reads");
        sender.line("a datagram of");
        let written = || std::fs::read_to_string(&output).expect("the file is there");
        eventually("the reply is written while stdin is open", || written() == so_far);
    }
    drop(stdin);
    sender.end().expect(0);
}

#[test]
fn nobody_there_is_7_at_once_for_whoever_wants_an_answer() {
    let begin = Instant::now();
    let refused = start(&mut sender(refusing(), &["hello", "--wait", "60"])).end().expect(7);
    assert!(begin.elapsed() < SOON, "it took {:?}", begin.elapsed());
    assert!(refused.stderr.contains("refused"), "{}", refused.stderr);
}

#[test]
fn nobody_there_is_a_warning_for_whoever_does_not() {
    let sent = start(&mut sender(refusing(), &["one", "two", "three"])).end().expect(0);
    assert_eq!(sent.stderr.matches("refused").count(), 1, "{}", sent.stderr);
}

#[test]
fn a_datagram_is_not_lost_because_an_earlier_one_was_refused() {
    // Of an address of its own, and none of the ports that the system gives: nobody takes it before it is bound.
    let address = SocketAddr::from((loopback(), 4000));
    let mut sender = start(sender(address, &["--lines", "-v"]).stdin(Stdio::piped()));
    let mut stdin = sender.stdin();
    stdin.write_all(b"lost\n").expect("it reads");
    sender.line("sent a datagram");
    let socket = UdpSocket::bind(address).expect("nobody else has it");
    socket.set_read_timeout(Some(crate::support::HARD_LIMIT)).expect("a read timeout");
    stdin.write_all(b"kept\n").expect("it reads");
    drop(stdin);
    assert_eq!(next(&socket), b"kept");
    sender.end().expect(0);
}

#[test]
fn no_reply_is_28_and_names_the_limit() {
    let silent = socket();
    let address = address_of(&silent);
    let waited = start(&mut sender(address, &["hello", "--wait", "200ms"])).end().expect(28);
    assert!(waited.stderr.contains("--wait"), "{}", waited.stderr);
    let idle = start(&mut sender(address, &["hello", "--wait", "20", "-w", "200ms"])).end().expect(28);
    assert!(idle.stderr.contains("--timeout"), "{}", idle.stderr);
    let mut quiet = sender(address, &["--lines", "-w", "200ms"]);
    let mut quiet = start(quiet.stdin(Stdio::piped()));
    let stdin = quiet.stdin();
    quiet.end().expect(28);
    drop(stdin);
    let flood = start(sender(address, &["--lines", "--deadline", "300ms"]).stdin(yes())).end().expect(28);
    assert!(flood.stderr.contains("--deadline"), "{}", flood.stderr);
}

/// An endless input.
fn yes() -> Stdio {
    let (read, mut write) = std::io::pipe().expect("a pipe");
    std::thread::spawn(move || while write.write_all(b"y\n").is_ok() {});
    read.into()
}

#[test]
fn a_reply_from_somebody_else_is_ignored() {
    let (asked, stranger) = (socket(), socket());
    let sender = start(&mut sender(address_of(&asked), &["hello", "--wait", "60", "--replies", "1"]));
    let (_, from) = asked.recv_from(&mut [0; 10]).expect("a datagram");
    stranger.send_to(b"from a stranger", from).expect("it is sent");
    asked.send_to(b"from the peer", from).expect("it is sent");
    assert_eq!(sender.end().expect(0).text(), "from the peer");
}

#[test]
fn nc_sends_and_receives() {
    let Some(mut nc) = peer("nc") else { return };
    let receiver = receiver(V4, &["--count", "1"]);
    let port = receiver.address().port().to_string();
    // A file has it from the start: a pipe that is written late would be too late for nc's limit.
    let directory = directory();
    let words = file(&directory, "words", b"from nc");
    start(nc.args(["-u", "-w", "1", "127.0.0.1", &port]).stdin(input(&words))).end();
    assert_eq!(receiver.end().expect(0).text(), "from nc");

    let Some(mut nc) = peer("nc") else { return };
    let mut nc = Talk::start(nc.args(["-u", "-l", "-v", "-n", "127.0.0.1", "0"]));
    let line = nc.program.line("Bound on ");
    let port: u16 = line.rsplit(' ').next().and_then(|text| text.parse().ok()).expect("nc names its port");
    start(&mut sender(SocketAddr::from(([127, 0, 0, 1], port)), &["to nc"])).end().expect(0);
    nc.program.line("Connection received");
    nc.hear("to nc");
    nc.program.signal(15);
    assert_eq!(nc.end().text(), "");
}

#[test]
fn python_sends_from_every_family_to_the_dual_stack_port() {
    let script = "import socket, sys\nfor family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n    \
                  socket.socket(family, socket.SOCK_DGRAM).sendto(host.encode(), (host, int(sys.argv[1])))\n";
    if !has_v6() {
        return;
    }
    let receiver = receiver("0", &["--lines", "--count", "2", "-v"]);
    let address = receiver.address();
    assert!(address.is_ipv6(), "{address} is not dual stack");
    let Some(mut python) = python(script, &[&address.port().to_string()]) else { return };
    run(&mut python, b"").expect(0);
    let ended = receiver.end().expect(0);
    assert_eq!(ended.text(), "127.0.0.1\n::1\n");
    assert!(ended.stderr.contains("9 bytes from 127.0.0.1:"), "{}", ended.stderr);
}

#[test]
fn each_sender_is_answered() {
    let receiver = receiver(V4, &["--count", "2", "--reply", r"got it\n"]);
    let address = receiver.address();
    for _ in 0..2 {
        let asked = start(&mut sender(address, &["hello", "--wait", "60", "--replies", "1"])).end();
        assert_eq!(asked.expect(0).text(), "got it\n");
    }
    receiver.end().expect(0);
}

#[test]
fn a_sender_that_is_gone_does_not_end_the_receiver() {
    let receiver = receiver(V4, &["--count", "3", "--reply", "x", "--lines"]);
    let address = receiver.address();
    for _ in 0..3 {
        start(&mut sender(address, &["gone"])).end().expect(0);
    }
    assert_eq!(receiver.end().expect(0).text(), "gone\ngone\ngone\n");
}

fn unix_both_ways(name: &str) {
    let receiver = start(&mut sockkit(["udp-recv", name, "--count", "3", "--lines", "--reply", "yes"]));
    assert!(receiver.line("listening on ").ends_with(name));
    let asked = start(&mut sockkit(["udp-send", name, "one", "", "--wait", "60", "--replies", "2"])).end().expect(0);
    assert_eq!(asked.text(), "yesyes");
    start(&mut sockkit(["udp-send", name, "two"])).end().expect(0);
    let ended = receiver.end().expect(0);
    assert_eq!(ended.text(), "one\n\ntwo\n");
    assert!(ended.stderr.contains("a sender without a name"), "{}", ended.stderr);
}

#[test]
fn unix_names_work_for_both() {
    let directory = directory();
    let path = directory.path().join("socket");
    unix_both_ways(&format!("unix:{}", path.display()));
    assert!(!path.exists(), "our socket file is removed at the end");
    if cfg!(target_os = "linux") && !cfg!(feature = "portable") {
        unix_both_ways(&format!("unix:@sockkit-test-{}", std::process::id()));
    }
}

#[test]
fn a_large_unix_datagram_is_whole_and_a_larger_one_refused() {
    let directory = directory();
    let name = format!("unix:{}", directory.path().join("socket").display());
    let bytes = random(150_000, 3);
    let receiver = start(&mut sockkit(["udp-recv", &name, "--count", "1"]));
    receiver.line("listening on ");
    run(&mut sockkit(["udp-send", &name]), &random(1_500_000, 4)).expect(2);
    run(&mut sockkit(["udp-send", &name, "--send-buffer", "200k"]), &bytes).expect(0);
    assert_same(&receiver.end().expect(0).stdout, &bytes);
}

#[test]
fn unix_paths_are_taken_and_left_as_they_should_be() {
    let directory = directory();
    let path = directory.path().join("socket");
    let name = format!("unix:{}", path.display());
    start(&mut sockkit(["udp-send", &name, "x"])).end().expect(7);

    drop(UnixDatagram::bind(&path).expect("a name of our own"));
    // A program that another test is just starting holds what this one had open until it is executed.
    let connected = || UnixDatagram::unbound().and_then(|socket| socket.connect(&path));
    eventually("nobody receives there", || connected().is_err());
    start(&mut sockkit(["udp-send", &name, "x"])).end().expect(7);
    let first = start(&mut sockkit(["udp-recv", &name]));
    first.line("listening on ");
    start(&mut sockkit(["udp-recv", &name])).end().expect(45);
    assert!(path.exists(), "a live socket keeps its file");
    first.signal(15);
    first.end().expect(0);
    assert!(!path.exists(), "our socket file is removed on SIGTERM");

    let plain = file(&directory, "plain", b"text");
    start(&mut sockkit(["udp-recv", &format!("unix:{}", plain.display())])).end().expect(45);
    assert_eq!(std::fs::read(plain).expect("it is untouched"), b"text");
}

#[test]
fn a_full_unix_receiver_makes_the_sender_wait() {
    let directory = directory();
    let name = format!("unix:{}", directory.path().join("socket").display());
    let receiver = start(&mut sockkit(["udp-recv", &name, "--lines", "--count", "5000"]));
    receiver.line("listening on ");
    receiver.signal(19);
    let lines = (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    let mut sender = start(sockkit(["udp-send", &name, "--lines", "-v"]).stdin(Stdio::piped()));
    sender.feed(lines.clone().into_bytes());
    // Ten fit into a queue of the size that unix(7) names, so more than enough come before it is full.
    (0..5).for_each(|_| drop(sender.line("sent a datagram")));
    receiver.signal(18);
    sender.end().expect(0);
    assert_same(&receiver.end().expect(0).stdout, lines.as_bytes());
}

#[test]
fn a_port_in_use_is_45() {
    let taken = socket();
    let address = address_of(&taken).to_string();
    start(&mut sockkit(["udp-recv", &address])).end().expect(45);
    start(&mut sockkit(["udp-recv", &address, "--reuse-address"])).end().expect(45);
    let first = receiver(V4, &["--reuse-address"]);
    let second = receiver(&first.address().to_string(), &["--reuse-address", "--until-idle", "0"]);
    second.end().expect(0);
}

#[test]
fn ctrl_c_is_the_normal_end_and_nothing_that_came_is_missing() {
    for signal in [2, 15] {
        let receiver = receiver(V4, &["--lines", "-v"]);
        let address = receiver.address();
        receiver.signal(19);
        start(&mut sender(address, &["one", "two"])).end().expect(0);
        receiver.signal(signal);
        receiver.signal(18);
        let ended = receiver.end_within(SOON).expect(0);
        assert_eq!(ended.text(), "one\ntwo\n");
        assert!(ended.stderr.contains("2 datagrams received, 6 bytes"), "{}", ended.stderr);
    }
}

#[test]
fn with_a_count_a_signal_kills() {
    let receiver = receiver(V4, &["--lines", "--count", "2", "-v"]);
    start(&mut sender(receiver.address(), &["one"])).end().expect(0);
    receiver.line("a datagram of");
    receiver.signal(15);
    assert_eq!(receiver.end().expect(128 + 15).text(), "one\n");
}

#[test]
fn quiet_ends_well_and_silence_does_not() {
    let quiet = held(V4, &["--until-idle", "300ms"]);
    start(&mut sender(quiet.running.address(), &["hello"])).end().expect(0);
    assert_eq!(quiet.begin().end().expect(0).text(), "hello");
    for (options, name) in [
        (["-w", "200ms"], "--timeout"),
        (["--idle-timeout", "200ms"], "--idle-timeout"),
        (["--deadline", "200ms"], "--deadline"),
    ] {
        let ended = receiver(V4, &options).end().expect(28);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
}

/// Runs a receiver by the shell, with its stdout as `redirection` says, and sends it a datagram.
fn with_stdout(redirection: &str) -> Ended {
    let line = format!("exec \"$0\" udp-recv {}:0 {redirection}", loopback());
    let mut shell = Command::new("sh");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_sockkit")]).stdin(Stdio::null()).stderr(Stdio::piped());
    let receiver = start(&mut shell);
    let address = receiver.address();
    start(&mut sender(address, &["hello"])).end().expect(0);
    // Where a helper thread writes, its failure is seen with the first datagram after it, whenever that is.
    let begin = Instant::now();
    while cfg!(feature = "portable") && receiver.is_running() && begin.elapsed() < SOON {
        start(&mut sender(address, &["hello"])).end().expect(0);
    }
    receiver.end_within(SOON)
}

#[test]
fn an_output_that_takes_nothing_is_23() {
    with_stdout(">&-").expect(23);
    with_stdout(">/dev/full").expect(23);
}

#[test]
fn a_reader_that_is_gone_ends_the_receiver_although_nothing_comes() {
    let (read, write) = std::io::pipe().expect("a pipe");
    let receiver = start(sockkit(["udp-recv", V4]).stdout(write));
    receiver.address();
    drop(read);
    let ended = receiver.end_within(SOON).expect(141);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn a_slow_reader_loses_nothing_that_fits_the_queue_and_blocks_no_signal() {
    use std::io::Read;
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let receiver = start(sockkit(["udp-recv", V4, "--lines", "--count", "40"]).stdout(write));
    let address = receiver.address();
    let line = "x".repeat(4000);
    for _ in 0..40 {
        start(&mut sender(address, &[&line])).end().expect(0);
    }
    let mut all = Vec::new();
    read.read_to_end(&mut all).expect("the pipe can be read");
    assert_same(&all, format!("{line}\n").repeat(40).as_bytes());
    receiver.end().expect(0);

    let (read, write) = std::io::pipe().expect("a pipe");
    let stuck = start(sockkit(["udp-recv", V4]).stdout(write));
    let address = stuck.address();
    for _ in 0..40 {
        start(&mut sender(address, &[&line])).end().expect(0);
    }
    stuck.signal(2);
    stuck.end_within(SOON).expect(23);
    drop(read);
}

#[test]
fn an_output_file_is_new_or_forced() {
    let directory = directory();
    let path = directory.path().join("out");
    let into = |options: &[&str]| {
        let mut command = sockkit(["udp-recv", V4, "--count", "1", "-o"]);
        start(command.arg(&path).args(options))
    };
    let receiver = into(&[]);
    start(&mut sender(receiver.address(), &["hello"])).end().expect(0);
    assert!(receiver.end().expect(0).stdout.is_empty());
    assert_eq!(std::fs::read(&path).expect("the file is there"), b"hello");
    into(&[]).end().expect(23);
    let receiver = into(&["--force"]);
    start(&mut sender(receiver.address(), &["bye"])).end().expect(0);
    receiver.end().expect(0);
    assert_eq!(std::fs::read(&path).expect("the file is there"), b"bye");
}

#[test]
fn scripts_learn_the_port() {
    let directory = directory();
    let path = directory.path().join("port");
    let receiver = start(sockkit(["udp-recv", V4, "--count", "1", "--port-file"]).arg(&path));
    let port = receiver.address().port();
    assert_eq!(std::fs::read_to_string(&path).expect("the file is there"), format!("{port}\n"));
    start(&mut sender(([127, 0, 0, 1], port).into(), &["x"])).end().expect(0);
    receiver.end().expect(0);
}

#[test]
fn what_the_queue_had_no_room_for_is_counted() {
    // Fewer than may wait for a processor (`netdev_max_backlog`, 1000): what is lost there no socket counts.
    const SENT: u64 = 900;
    let receiver = receiver(V4, &["--recv-buffer", "8k", "-v", "--lines", "--reply", "x"]);
    let socket = socket();
    socket.connect(receiver.address()).expect("it listens");
    socket.send(b"first").expect("there is room");
    assert_eq!(next(&socket), b"x", "it receives");
    receiver.signal(19);
    for _ in 1..SENT {
        socket.send(b"datagram").expect("a full queue is not the sender's business");
    }
    receiver.signal(2);
    receiver.signal(18);
    let ended = receiver.end().expect(0);
    let kept = ended.stdout.split(|&b| b == b'\n').count() as u64 - 1;
    if cfg!(feature = "portable") || !cfg!(target_os = "linux") {
        return;
    }
    let line = ended.stderr.lines().find(|line| line.contains("were lost")).expect("the loss is told");
    let lost: u64 = line.split(' ').find_map(|word| word.parse().ok()).expect("it has a number");
    assert!(lost > 0 && kept > 0);
    assert_eq!(kept + lost, SENT, "{line}");
}

#[test]
fn broadcast_needs_permission_and_the_message_says_which() {
    let refused = start(&mut sockkit(["udp-send", "255.255.255.255", "9", "x"])).end();
    if refused.stderr.contains("unreachable") {
        eprintln!("skipped: no route for broadcasts here");
        return;
    }
    let refused = refused.expect(55);
    assert!(refused.stderr.contains("--broadcast"), "{}", refused.stderr);
}

/// Runs `script` in a network namespace of its own, whose only interface is lo; `$S` is sockkit.
fn in_namespace(script: &str) -> Option<Ended> {
    let mut unshare = peer("unshare")?;
    let set_up = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo || exit 77\n";
    unshare.args(["-n", "sh", "-c"]).arg(format!("{set_up}{script}")).env("S", env!("CARGO_BIN_EXE_sockkit"));
    let dir = directory();
    let ended = start(unshare.current_dir(dir.path())).end();
    if ended.code() == 77 || ended.stderr.contains("unshare failed") {
        eprintln!("skipped: no network namespace here: {}", ended.stderr);
        return None;
    }
    Some(ended)
}

#[test]
fn every_member_of_a_group_answers_and_each_reply_has_its_sender() {
    let script = r#"
        mkfifo ready1 ready2
        for n in 1 2; do
            "$S" udp-recv 239.1.2.3 4000 --reuse-address --count 1 --reply "from $n." --ready-fd 3 3>ready$n &
            read address <ready$n
        done
        "$S" udp-send 239.1.2.3 4000 hello --wait 60 --replies 2 --ttl 1 >replies
        echo $? >&2
        wait
        cat replies"#;
    let Some(ended) = in_namespace(script) else { return };
    assert!(ended.text().contains("from 1.") && ended.text().contains("from 2."), "{ended:?}");
    assert!(ended.text().starts_with("hellohello"), "both members got it: {ended:?}");
    assert_eq!(ended.stderr.matches("a reply of 7 bytes from ").count(), 2, "{}", ended.stderr);
}

#[test]
fn every_member_of_a_group_answers_each_probe() {
    let script = r#"
        cat >member.py <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("239.1.2.3", 4000))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.2.3") + socket.inet_aton("127.0.0.1"))
print("ready", flush=True)
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.bind(("127.0.0.1", 0))
for _ in range(2):
    data, peer = s.recvfrom(65536)
    a.sendto(data, peer)
END
        mkfifo ready1 ready2
        for n in 1 2; do
            python3 member.py >ready$n &
            read ready <ready$n
        done
        "$S" udp-send 239.1.2.3 4000 --ping --count 2 --interval 20ms --ttl 1 -w 5
        echo "code $?"
        wait"#;
    if peer("python3").is_none() {
        return;
    }
    let Some(ended) = in_namespace(script) else { return };
    assert!(ended.text().contains("code 0"), "{ended:?}");
    assert!(ended.text().contains("\n2 sent, 2 received, 0 lost (0%), 2 duplicated, 0 reordered,"), "{ended:?}");
    let senders: std::collections::BTreeSet<_> = ended
        .text()
        .lines()
        .filter_map(|line| Some(line.split_once(" bytes from ")?.1.split_once(": seq=")?.0.to_owned()))
        .collect();
    assert!(senders.len() == 2 && senders.iter().all(|sender| sender.starts_with("127.0.0.1:")), "{senders:?}");
}

#[test]
fn a_broadcast_is_sent_when_it_is_allowed() {
    let script = r#"
        ip addr add 10.9.8.7/24 brd 10.9.8.255 dev lo
        mkfifo ready
        "$S" udp-recv 0.0.0.0 4000 --count 1 --reply yes --ready-fd 3 3>ready &
        read address <ready
        "$S" udp-send 10.9.8.255 4000 hello
        test $? = 55 || exit 1
        "$S" udp-send 10.9.8.255 4000 hello --broadcast --wait 60 --replies 1
        wait"#;
    let Some(ended) = in_namespace(script) else { return };
    assert!(ended.stderr.contains("--broadcast"), "{}", ended.stderr);
    if !ended.text().contains("hello") {
        // lo has no broadcast of its own; only the permission is proven then.
        eprintln!("skipped: lo delivers no broadcast");
        return;
    }
    assert!(ended.text().contains("yes"), "{ended:?}");
}

#[test]
fn a_local_route_that_leads_nowhere_is_told() {
    let script = r#"
        ip route add unreachable 192.0.2.1
        ip route add blackhole 192.0.2.2
        for host in 192.0.2.1 192.0.2.2 198.51.100.1; do
            "$S" udp-send $host 4000 hello
            test $? = 7 || exit 1
        done"#;
    let Some(ended) = in_namespace(script) else { return };
    ended.expect(0);
}

#[test]
fn a_port_file_in_a_missing_directory_is_23() {
    assert!(!Path::new("/nowhere").exists());
    start(&mut sockkit(["udp-recv", V4, "--port-file", "/nowhere/port"])).end().expect(23);
}

/// The kernel tells the error before what has come earlier.
#[test]
fn a_reply_that_came_before_a_refusal_is_kept() {
    const SERVER: &str = r"
import os, signal, socket, struct, subprocess
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(('127.0.0.1', 0))
port = server.getsockname()[1]
client = subprocess.Popen([os.environ['S'], 'udp-send', '--wait', '60', '--replies', '2', '127.0.0.1', str(port), 'one'])
_, sender = server.recvfrom(99)
client.send_signal(signal.SIGSTOP)
os.waitid(os.P_PID, client.pid, os.WSTOPPED | os.WNOWAIT)
server.sendto(b'reply', sender); server.close()
# As if the client had sent to the port that is closed now.
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw.sendto(struct.pack('!HHHH', sender[1], port, 8, 0), ('127.0.0.1', 0))
client.send_signal(signal.SIGCONT)
raise SystemExit(client.wait())";
    let Some(ended) = in_namespace(&format!("python3 -c \"{SERVER}\"")) else { return };
    assert_eq!((ended.status.code(), ended.text().as_str()), (Some(7), "reply"), "{}", ended.stderr);
}
