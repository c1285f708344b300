//! `udp-recv`: borders, what is told of each datagram, and an account in which none is missing.

use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::held::held;
use crate::support::{Ended, Running, assert_same, directory, python, random, sockkit, start};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

/// Whether the Linux paths are under test: the portable ones know no facts and no drops.
const LINUX: bool = cfg!(target_os = "linux") && !cfg!(feature = "portable");

fn receiver(address: &str, options: &[&str]) -> Running {
    start(sockkit(["udp-recv", address]).args(options))
}

/// The address that a listener announces under --json.
fn listening(receiver: &Running) -> SocketAddr {
    let line = receiver.line("\"listening\"");
    let object: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
    object["address"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no address: {object}"))
}

/// A socket of the test's own that sends to `address`.
fn towards(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(if address.is_ipv4() { V4 } else { V6 }).expect("a free port");
    socket.connect(address).expect("an address of this machine");
    socket
}

fn has_v6() -> bool {
    let has = UdpSocket::bind(V6).is_ok();
    if !has {
        eprintln!("skipped: no IPv6 here");
    }
    has
}

/// The datagrams of an output with four-byte lengths.
fn split(mut output: &[u8]) -> Vec<&[u8]> {
    let mut datagrams = Vec::new();
    while let Some((length, rest)) = output.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        assert!(length <= rest.len(), "a length of {length} before {} bytes", rest.len());
        let (datagram, rest) = rest.split_at(length);
        datagrams.push(datagram);
        output = rest;
    }
    assert!(output.is_empty(), "{} bytes are no length", output.len());
    datagrams
}

/// The object of this event on stderr; the last, if there are several.
fn object(ended: &Ended, event: &str) -> serde_json::Value {
    let lines = ended.stderr.lines().rev();
    let mut objects = lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?}: {e}")));
    objects
        .find(|object: &serde_json::Value| object["event"] == event)
        .unwrap_or_else(|| panic!("no {event}: {}", ended.stderr))
}

fn number(object: &serde_json::Value, field: &str) -> u64 {
    object[field].as_u64().unwrap_or_else(|| panic!("{field}: {object}"))
}

/// What the totals say of datagrams in all: kept, ignored, unread and dropped.
fn accounted(totals: &serde_json::Value) -> u64 {
    ["datagrams", "ignored", "unread", "dropped"].iter().map(|field| number(totals, field)).sum()
}

fn sizes_arrive(address: &str, sizes: &[usize], send: impl Fn(&Running, &[u8])) {
    let count = sizes.len().to_string();
    let receiver = receiver(address, &["--length-prefix", "u32", "--count", &count, "-v", "--json"]);
    let datagrams: Vec<_> = sizes.iter().map(|&size| random(size, size as u64 + 1)).collect();
    for datagram in &datagrams {
        send(&receiver, datagram);
    }
    let ended = receiver.end().expect(0);
    let got = split(&ended.stdout);
    assert_eq!(got.len(), datagrams.len());
    for (got, wanted) in got.iter().zip(&datagrams) {
        assert_same(got, wanted);
    }
    let totals = object(&ended, "totals");
    assert_eq!(number(&totals, "bytes"), sizes.iter().sum::<usize>() as u64);
    assert_eq!(number(&totals, "largest"), *sizes.iter().max().expect("there are sizes") as u64);
    assert_eq!(number(&totals, "smallest"), 0);
    assert_eq!((number(&totals, "empty"), number(&totals, "cut")), (1, 0));
}

#[test]
fn every_size_arrives_whole_with_its_borders() {
    let address = std::cell::OnceCell::new();
    sizes_arrive(V4, &[0, 1, 1472, 1473, 9000, 65_507], |receiver, datagram| {
        let socket = towards(*address.get_or_init(|| listening(receiver)));
        socket.send(datagram).expect("it fits");
    });
    if has_v6() {
        let address = std::cell::OnceCell::new();
        sizes_arrive(V6, &[65_527, 0, 1, 1472, 1473, 9000], |receiver, datagram| {
            let socket = towards(*address.get_or_init(|| listening(receiver)));
            socket.send(datagram).expect("it fits");
        });
    }
}

#[test]
fn every_size_arrives_whole_over_unix() {
    let directory = directory();
    let path = directory.path().join("socket");
    let is_there = std::cell::OnceCell::new();
    sizes_arrive(&format!("unix:{}", path.display()), &[0, 1, 9000, 65_536, 150_000], |receiver, datagram| {
        is_there.get_or_init(|| receiver.line("listening"));
        let socket = UnixDatagram::unbound().expect("a socket");
        socket.send_to(datagram, &path).expect("it fits");
    });
}

#[test]
fn two_bytes_of_length_hold_every_udp_datagram_and_not_every_unix_one() {
    let receiver = receiver(V4, &["--length-prefix", "u16", "--count", "2"]);
    let socket = towards(receiver.address());
    let large = random(65_507, 5);
    socket.send(b"one").expect("it fits");
    socket.send(&large).expect("it fits");
    assert_same(&receiver.end().expect(0).stdout, &[b"\x00\x03one\xff\xe3", large.as_slice()].concat());

    let directory = directory();
    let path = directory.path().join("socket");
    let name = format!("unix:{}", path.display());
    let receiver = start(&mut sockkit(["udp-recv", &name, "--length-prefix", "u16", "-v", "--json"]));
    receiver.line("listening");
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.send_to(b"one", &path).expect("it fits");
    socket.send_to(&vec![1; 65_536], &path).expect("it fits");
    let ended = receiver.end().expect(63);
    assert_eq!(ended.stdout, b"\x00\x03one");
    assert!(object(&ended, "error")["hint"].as_str().is_some_and(|hint| hint.contains("u32")), "{}", ended.stderr);
    assert_eq!((number(&object(&ended, "totals"), "datagrams"), number(&object(&ended, "totals"), "unread")), (1, 1));
}

#[test]
fn lines_keep_empty_datagrams() {
    let receiver = receiver(V4, &["--lines", "--count", "4"]);
    let socket = towards(receiver.address());
    for datagram in ["", "a", "", "b"] {
        socket.send(datagram.as_bytes()).expect("it fits");
    }
    assert_eq!(receiver.end().expect(0).text(), "\na\n\nb\n");
}

#[test]
fn what_the_kernel_knows_of_each_is_told() {
    let host = if has_v6() { "0" } else { "0.0.0.0:0" };
    let receiver = receiver(host, &["--count", "1", "-v"]);
    let port = receiver.address().port();
    let mut sender = sockkit(["udp-send", &format!("127.0.0.2:{port}"), "hello", "--ttl", "7", "--tos", "0xba"]);
    start(&mut sender).end().expect(0);
    let ended = receiver.end().expect(0);
    assert!(ended.stderr.contains("a datagram of 5 bytes from 127.0.0.1:"), "IPv4 is shown as such: {}", ended.stderr);
    if LINUX {
        assert!(ended.stderr.contains(" to 127.0.0.2, TTL 7, TOS 0xba (ECT(0)), at "), "{}", ended.stderr);
    }
    assert!(ended.stderr.contains("1 datagrams received, 5 bytes"), "{}", ended.stderr);
}

#[test]
fn the_same_as_objects() {
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs_f64();
    for (address, ip) in [(V4, "127.0.0.1"), (V6, "::1")] {
        if address == V6 && !has_v6() {
            continue;
        }
        let receiver = receiver(address, &["--count", "1", "-v", "--json"]);
        let to = listening(&receiver);
        let (socket, before) = (towards(to), now());
        socket.send(b"hello").expect("it fits");
        let ended = receiver.end().expect(0);
        let datagram = object(&ended, "datagram");
        let from = socket.local_addr().expect("it is bound").to_string();
        assert_eq!((&datagram["from"], &datagram["bytes"]), (&from.into(), &5.into()));
        if !LINUX {
            assert!(datagram.get("ttl").is_none() && datagram.get("kernel_time").is_none(), "{datagram}");
            continue;
        }
        assert_eq!((&datagram["local"], &datagram["ttl"], &datagram["tos"]), (&ip.into(), &64.into(), &0.into()));
        assert_eq!(datagram["ecn"], "not ECT");
        let time = datagram["kernel_time"].as_f64().expect("a number");
        // The kernel's clock may be read a tick before ours.
        assert!(time > before - 0.1 && time < now() + 0.1, "{before} {datagram}");
    }
}

#[test]
fn only_allowed_senders_are_taken() {
    let options = ["--lines", "--count", "2", "--allow", "127.0.0.2", "--allow", "127.3.0.0/16", "--stats", "-q"];
    let receiver = start(sockkit(["udp-recv", "127.0.0.1:0"]).args(options).args(["--ready-fd", "2"]));
    let to: SocketAddr = receiver.line("127.0.0.1:").parse().expect("an address");
    for from in ["127.0.0.1", "127.0.0.2", "127.2.0.1", "127.3.4.5", "127.0.0.1"] {
        let socket = UdpSocket::bind((from, 0)).expect("all of 127.0.0.0/8 is ours");
        socket.send_to(from.as_bytes(), to).expect("it fits");
    }
    let ended = receiver.end().expect(0);
    assert_eq!(ended.text(), "127.0.0.2\n127.3.4.5\n");
    assert!(ended.stderr.contains("2 datagrams received, 18 bytes"), "--stats is said under -q: {}", ended.stderr);
    assert!(ended.stderr.contains(" ignored, "), "{}", ended.stderr);
}

#[test]
fn what_is_allowed_holds_for_both_families_of_one_socket() {
    if !has_v6() {
        return;
    }
    let options = ["--lines", "--until-idle", "300ms", "--allow", "::1/128", "--stats", "--json"];
    let receiver = held("[::]:0", &options);
    let to = listening(&receiver.running);
    towards(([127, 0, 0, 1], to.port()).into()).send(b"v4").expect("it fits");
    towards((std::net::Ipv6Addr::LOCALHOST, to.port()).into()).send(b"v6").expect("it fits");
    let ended = receiver.begin().end().expect(0);
    assert_eq!(ended.text(), "v6\n");
    assert_eq!(number(&object(&ended, "totals"), "ignored"), 1);
}

#[test]
fn each_datagram_is_dumped_with_its_sender() {
    let directory = directory();
    let path = directory.path().join("dump");
    let hex = format!("--hex={}", path.display());
    let receiver = receiver(V4, &["--count", "2", &hex]);
    let socket = towards(receiver.address());
    socket.send(b"seventeen bytes..").expect("it fits");
    socket.send(b"\x00\xff").expect("it fits");
    receiver.end().expect(0);
    let dump = std::fs::read_to_string(&path).expect("the file is there");
    let from = socket.local_addr().expect("it is bound");
    let rows: Vec<_> = dump.lines().map(|row| &row[12..]).collect();
    let wanted = [
        format!("< 17 bytes from {from}"),
        "< 00000000  73 65 76 65 6e 74 65 65  6e 20 62 79 74 65 73 2e  |seventeen bytes.|".into(),
        "< 00000010  2e                                                |.|".into(),
        format!("< 2 bytes from {from}"),
        "< 00000000  00 ff                                             |..|".into(),
    ];
    assert_eq!(rows, wanted);
    let again = start(&mut sockkit(["udp-recv", V4, &hex])).end().expect(23);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
}

#[test]
fn a_dump_under_json_is_objects() {
    let receiver = receiver(V4, &["--count", "1", "-x", "--json"]);
    let socket = towards(listening(&receiver));
    socket.send(b"hi").expect("it fits");
    let row = object(&receiver.end().expect(0), "hex");
    assert_eq!(row["hex"], "6869");
    assert_eq!(row["from"], socket.local_addr().expect("it is bound").to_string());
}

/// Sends `count` datagrams, says when a thousand have gone, and in the end how many had reached the receiver: where it
/// has ended meanwhile, each one that did not is told by an ICMP error, and `IP_RECVERR` keeps all of these. See ip(7).
const FLOOD: &str = r"
import ctypes, os, select, socket, struct, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 11, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4000000)
# Answers must not take the room of the errors: a filter that keeps nothing, which the errors do not go through.
keep_nothing = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0))
s.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HP', 1, ctypes.addressof(keep_nothing)))
s.connect(('127.0.0.1', port))
poll = select.poll()
poll.register(s, select.POLLERR)
sent, refused, over = 0, 0, False
def send():
    global sent
    s.send(struct.pack('>I', sent) + b'x' * 96)
    sent += 1
def error():
    global refused
    if not poll.poll(60000):
        sys.exit('an error that must come does not')
    try:
        about = s.recvmsg(1000, 1000, socket.MSG_ERRQUEUE)[0]
    except BlockingIOError:
        s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return None
    refused += 1
    return struct.unpack('>I', about[:4])[0]
while sent < count and not over:
    try:
        send()
    except ConnectionRefusedError:
        over = True
    if sent == 1000 and not over:
        print('begun', file=sys.stderr, flush=True)
# The last errors may still be on their way through the kernel's own thread: on each processor that of one more datagram
# comes behind those of all that were sent there before.
for processor in os.sched_getaffinity(0) if over else ():
    os.sched_setaffinity(0, [processor])
    last = sent
    while sent == last:
        try:
            send()
        except ConnectionRefusedError:
            pass
    while error() != last:
        pass
print('reached', sent - refused, file=sys.stderr, flush=True)
";

fn reached(flood: Running) -> u64 {
    let line = flood.line("reached ");
    flood.end().expect(0);
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// A receiver into a file, with a queue that overflows soon.
fn into_file(path: &std::path::Path, options: &[&str]) -> (Running, SocketAddr) {
    let file = std::fs::File::create(path).expect("a file of our own");
    let fixed = ["udp-recv", V4, "--length-prefix", "u32", "--recv-buffer", "64k", "-v", "-q", "--stats", "--json"];
    let receiver = start(sockkit(fixed).args(["--ready-fd", "2"]).args(options).stdout(Stdio::from(file)));
    let address = receiver.line("127.0.0.1:").parse().expect("an address");
    (receiver, address)
}

/// Kept and told is what reached the socket, to the datagram; and what was kept is in order.
fn check_account(path: &std::path::Path, stderr: &str, reached: u64) -> serde_json::Value {
    let output = std::fs::read(path).expect("the file is there");
    let got = split(&output);
    let numbers: Vec<_> =
        got.iter().map(|datagram| u32::from_be_bytes(datagram[..4].try_into().expect("four bytes"))).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "they are not in order");
    assert!(got.iter().all(|datagram| datagram.len() == 100));
    let totals = stderr.lines().find(|line| line.contains("\"totals\"")).expect("the totals are told");
    let totals: serde_json::Value = serde_json::from_str(totals).expect("it is JSON");
    assert_eq!(number(&totals, "datagrams"), got.len() as u64);
    assert_eq!(accounted(&totals), reached, "{totals}");
    totals
}

#[test]
fn what_is_kept_and_what_is_dropped_are_what_was_sent() {
    if !LINUX {
        return;
    }
    let directory = directory();
    let path = directory.path().join("out");
    let (receiver, address) = into_file(&path, &[]);
    receiver.signal(19);
    let Some(mut flood) = python(FLOOD, &[&address.port().to_string(), "50000"]) else { return };
    let flood = start(&mut flood);
    flood.line("begun");
    // Woken and stopped again and again: the queue has overflowed once, and may each time.
    for _ in 0..5 {
        receiver.signal(18);
        receiver.signal(19);
    }
    assert_eq!(reached(flood), 50_000);
    receiver.signal(2);
    receiver.signal(18);
    let ended = receiver.end().expect(0);
    let totals = check_account(&path, &ended.stderr, 50_000);
    assert!(number(&totals, "dropped") > 0 && number(&totals, "datagrams") > 0, "{totals}");
}

#[test]
fn the_account_is_exact_at_ctrl_c_in_the_middle_of_a_flood() {
    if !LINUX {
        return;
    }
    for options in [&[][..], &["--reply", "x"]] {
        let directory = directory();
        let path = directory.path().join("out");
        let (receiver, address) = into_file(&path, options);
        // Far more than it can send before the end.
        let Some(mut flood) = python(FLOOD, &[&address.port().to_string(), "2000000000"]) else { return };
        let flood = start(&mut flood);
        let begin = Instant::now();
        while std::fs::metadata(&path).expect("the file is there").len() < 2_000_000 {
            assert!(begin.elapsed() < Duration::from_secs(60), "nothing arrives");
        }
        receiver.signal(2);
        let ended = receiver.end_within(Duration::from_secs(20)).expect(0);
        let reached = reached(flood);
        check_account(&path, &ended.stderr, reached);
    }
}

#[test]
fn the_account_is_exact_beyond_a_count() {
    if !LINUX {
        return;
    }
    let directory = directory();
    let path = directory.path().join("out");
    let (receiver, address) = into_file(&path, &["--count", "1000"]);
    let Some(mut flood) = python(FLOOD, &[&address.port().to_string(), "2000000000"]) else { return };
    let flood = start(&mut flood);
    let ended = receiver.end().expect(0);
    let reached = reached(flood);
    let totals = check_account(&path, &ended.stderr, reached);
    assert_eq!(number(&totals, "datagrams"), 1000);
}

#[test]
fn the_account_is_exact_when_the_output_fails() {
    if !LINUX {
        return;
    }
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device is there");
    let receiver = start(sockkit(["udp-recv", V4, "--stats"]).stdout(full));
    let socket = towards(receiver.address());
    receiver.signal(19);
    let sent = 100;
    for _ in 0..sent {
        socket.send(b"datagram").expect("there is room");
    }
    receiver.signal(18);
    let ended = receiver.end().expect(23);
    let line = ended.stderr.lines().find(|line| line.contains("datagrams received")).expect("the totals");
    let before = |word: &str| -> u64 {
        let (number, _) = line.split_once(word).unwrap_or_else(|| panic!("{word}: {line}"));
        number.rsplit([' ', ':', ';']).next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{word}: {line}"))
    };
    assert_eq!(before(" datagrams received") + before(" left unread") + before(" dropped"), sent, "{line}");
}

/// As many datagrams of 1000 bytes as every system's queue holds, and enough at once to be written by a thread.
const WAVE: usize = 100;

/// Sends a wave that is found all at once, and with it what `meanwhile` does.
fn send_wave(receiver: &Running, socket: &UdpSocket, datagrams: &[u8], meanwhile: impl FnOnce()) {
    receiver.signal(19);
    datagrams.chunks(1000).for_each(|datagram| assert_eq!(socket.send(datagram).expect("there is room"), 1000));
    meanwhile();
    receiver.signal(18);
}

#[test]
fn waves_that_are_written_behind_the_receiver_are_whole_at_ctrl_c() {
    let directory = directory();
    let path = directory.path().join("out");
    let receiver = start(sockkit(["udp-recv", V4, "-o"]).arg(&path));
    let socket = towards(receiver.address());
    let all = random(5 * WAVE * 1000, 11);
    let (begin, mut sent) = (Instant::now(), 0);
    for wave in all.chunks(WAVE * 1000) {
        sent += wave.len();
        let is_last = sent == all.len();
        send_wave(&receiver, &socket, wave, || {
            if is_last {
                receiver.signal(2);
            }
        });
        while !is_last && std::fs::metadata(&path).is_ok_and(|file| file.len() < sent as u64) {
            assert!(begin.elapsed() < Duration::from_secs(60), "a wave does not arrive");
        }
    }
    receiver.end_within(Duration::from_secs(20)).expect(0);
    assert_same(&std::fs::read(&path).expect("it was made"), &all);
}

#[test]
fn a_file_that_takes_no_more_is_told_although_nothing_comes() {
    let directory = directory();
    let path = directory.path().join("out");
    // Its unit is 512 or 1024 bytes.
    let limited = "trap '' XFSZ; ulimit -f 40; exec \"$0\" udp-recv 127.0.0.1:0 --stats -o \"$1\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_sockkit")]).arg(&path).stderr(Stdio::piped());
    let receiver = start(&mut shell);
    let socket = towards(receiver.address());
    let all = random(WAVE * 1000, 12);
    send_wave(&receiver, &socket, &all, || ());
    let ended = receiver.end_within(Duration::from_secs(10)).expect(23);
    assert!(ended.stderr.contains(&format!("write {}: file too large", path.display())), "{}", ended.stderr);
    assert!(ended.stderr.contains("100 datagrams received"), "{}", ended.stderr);
    let got = std::fs::read(&path).expect("it was made");
    assert!([20 << 10, 40 << 10].contains(&got.len()), "{} bytes", got.len());
    assert_same(&got, &all[..got.len()]);
}

#[test]
fn trains_are_split_into_the_datagrams_that_they_were() {
    let receiver = receiver(V4, &["--gro", "--length-prefix", "u32", "--count", "31", "-vv"]);
    if !LINUX {
        receiver.end().expect(45);
        return;
    }
    // One send that the kernel cuts into datagrams of 1,000 bytes (UDP_SEGMENT) arrives on loopback as one train.
    let script = "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.connect(('127.0.0.1', int(sys.argv[1])))\ns.send(b'')\n\
                  s.setsockopt(17, 103, 1000)\ns.send(bytes(i // 1000 for i in range(29500)))\n";
    let Some(mut python) = python(script, &[&receiver.address().port().to_string()]) else { return };
    start(&mut python).end().expect(0);
    let ended = receiver.end().expect(0);
    let got = split(&ended.stdout);
    let sizes: Vec<_> = got.iter().map(|datagram| datagram.len()).collect();
    assert_eq!(sizes, [&[0][..], &[1000; 29], &[500]].concat());
    for (n, datagram) in (0..).zip(&got[1..]) {
        assert!(datagram.iter().all(|&byte| byte == n), "{n}");
    }
    assert!(ended.stderr.contains("UDP_GRO = true") && ended.stderr.contains("at least 0 dropped"), "{}", ended.stderr);
}

#[test]
fn the_buffer_that_was_granted_is_told() {
    let receiver = receiver(V4, &["-vv", "--until-idle", "0"]);
    let ended = receiver.end().expect(0);
    assert!(ended.stderr.contains("SO_RCVBUF = 33554432"), "{}", ended.stderr);
    assert!(ended.stderr.contains("SO_RCVBUF granted = "), "{}", ended.stderr);
}

#[test]
fn it_is_quiet_too_after_as_many_as_are_taken_in_one_turn() {
    let options = ["--lines", "--until-idle", "300ms", "--recv-buffer", "4M"];
    let receiver = held(V4, &options);
    let socket = towards(receiver.running.address());
    // A number that whole batches and whole turns divide, whatever power of two they are.
    for _ in 0..1024 {
        socket.send(b"x").expect("there is room");
    }
    assert_eq!(receiver.begin().end_within(Duration::from_secs(20)).expect(0).stdout.len(), 2048);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    for options in [
        &["--length-prefix", "u16", "--lines"][..],
        &["--length-prefix", "u16", "--separator", "x"],
        &["--length-prefix", "u8"],
        &["--allow", "localhost"],
        &["--allow", "10.0.0.0/33"],
        &["--interactive", "--length-prefix", "u16"],
        &["--interactive", "--allow", "::1"],
        &["--interactive", "--gro"],
        &["--interactive", "--hex"],
        &["--interactive", "--stats"],
    ] {
        start(sockkit(["udp-recv", V4]).args(options)).end().expect(2);
    }
    for options in [&["--allow", "127.0.0.1"][..], &["--gro"]] {
        start(sockkit(["udp-recv", "unix:/nowhere/socket"]).args(options)).end().expect(2);
    }
    let directory = directory();
    let path = directory.path().join("both").display().to_string();
    start(&mut sockkit(["udp-recv", V4, "-o", &path, &format!("--hex={path}")])).end().expect(2);
}

#[test]
fn an_output_that_takes_nothing_is_23_and_a_slow_one_stops_the_receiving() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device is there");
    let receiver = start(sockkit(["udp-recv", V4]).stdout(full));
    let socket = towards(receiver.address());
    let begin = Instant::now();
    while receiver.is_running() {
        let _ = socket.send(b"datagram");
        assert!(begin.elapsed() < Duration::from_secs(10), "it takes datagrams that it can't write");
    }
    receiver.end().expect(23);

    let (mut read, write) = std::io::pipe().expect("a pipe");
    let receiver = start(sockkit(["udp-recv", V4, "--count", "2000", "--length-prefix", "u32"]).stdout(write));
    let socket = towards(receiver.address());
    let datagram = random(1000, 9);
    for _ in 0..2000 {
        socket.send(&datagram).expect("the queue has room for them");
    }
    let mut all = Vec::new();
    read.read_to_end(&mut all).expect("the pipe can be read");
    receiver.end().expect(0);
    assert!(split(&all).iter().all(|got| *got == datagram));
}
