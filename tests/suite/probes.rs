//! `udp-send --probe`: well-formed questions, and what the answers of real servers and of scripted ones are told as.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::wire::{eventually, loopback, refusing};
use crate::support::{Ended, Running, directory, file, peer, python, sockkit, start};
use serde_json::Value;

/// Asks `words` and waits for the end.
#[track_caller]
fn probe(words: &[&str], code: i32) -> Ended {
    start(&mut asking(words)).end().expect(code)
}

fn asking(words: &[&str]) -> Command {
    sockkit(["udp-send", "--probe"].into_iter().chain(words.iter().copied()))
}

/// The object that an answer is under --json.
#[track_caller]
fn object(words: &[&str]) -> Value {
    let ended = probe(&[words, &["--json"]].concat(), 0);
    serde_json::from_str(&ended.text()).unwrap_or_else(|e| panic!("{e}: {}", ended.text()))
}

/// The first line of an answer of `address` without the time that it took.
#[track_caller]
fn summary(ended: &Ended, address: &str) -> String {
    let text = ended.text();
    let first = text.lines().next().unwrap_or_default();
    let said = first.strip_prefix(&format!("{address}: ")).and_then(|said| said.rsplit_once(", in "));
    said.unwrap_or_else(|| panic!("{text}")).0.to_owned()
}

/// The lines below the first one.
fn details(ended: &Ended) -> Vec<String> {
    ended.text().lines().skip(1).map(|line| line.trim_start().to_owned()).collect()
}

/// A server in Python: `answers(question)` gives the list of the answers to each.
fn responder(answers: &str, arguments: &[&str]) -> Option<(Running, String)> {
    let script = format!(
        "import socket, struct, sys, time\n{answers}\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n\
         print('listening on %s:%d' % s.getsockname(), file=sys.stderr, flush=True)\n\
         while True:\n \
             question, sender = s.recvfrom(65535)\n \
             for reply in answers(question): s.sendto(reply, sender)\n"
    );
    let running = start(&mut python(&script, arguments)?);
    let address = running.address().to_string();
    Some((running, address))
}

/// A responder that gives every question the same answers, each a function of the question `q`.
fn answering(answers: &str) -> Option<(Running, String)> {
    responder(&format!("def answers(q): return {answers}"), &[])
}

const UNBOUND: &str = r#"server:
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  interface: ADDRESS@5353
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  local-zone: "probe.test." static
  local-data: "probe.test. 3600 IN SOA ns.probe.test. host.probe.test. 7 7200 900 1209600 300"
  local-data: "probe.test. 3600 IN NS ns.probe.test."
  local-data: "probe.test. 300 IN A 192.0.2.7"
  local-data: "probe.test. 300 IN AAAA 2001:db8::7"
  local-data: "probe.test. 600 IN MX 10 mail.probe.test."
  local-data: 'probe.test. 60 IN TXT "v=spf1 -all" "two"'
  local-data: "www.probe.test. 300 IN CNAME probe.test."
  local-data: "_ntp._udp.probe.test. 300 IN SRV 1 2 123 time.probe.test."
  local-data: "odd.probe.test. 300 IN TYPE731 \# 6 abcdef012345"
  local-zone: "2.0.192.in-addr.arpa." static
  local-data-ptr: "192.0.2.7 300 probe.test"
remote-control:
  control-enable: no
"#;

#[test]
fn unbound_tells_its_records() {
    let Some(mut unbound) = peer("unbound") else { return };
    let (host, dir) = (loopback().to_string(), directory());
    let config = file(&dir, "conf", UNBOUND.replace("ADDRESS", &host).as_bytes());
    let server = start(unbound.arg("-d").arg("-c").arg(&config));
    server.line("start of service");
    let address = format!("{host}:5353");
    let table = [
        ("probe.test", "probe.test. A: NOERROR", "probe.test. 300 IN A 192.0.2.7"),
        ("probe.test/AAAA", "probe.test. AAAA: NOERROR", "probe.test. 300 IN AAAA 2001:db8::7"),
        ("probe.test/NS", "probe.test. NS: NOERROR", "probe.test. 3600 IN NS ns.probe.test."),
        ("probe.test/MX", "probe.test. MX: NOERROR", "probe.test. 600 IN MX 10 mail.probe.test."),
        ("probe.test/TXT", "probe.test. TXT: NOERROR", r#"probe.test. 60 IN TXT "v=spf1 -all" "two""#),
        ("www.probe.test/CNAME", "www.probe.test. CNAME: NOERROR", "www.probe.test. 300 IN CNAME probe.test."),
        (
            "probe.test/SOA",
            "probe.test. SOA: NOERROR",
            "probe.test. 3600 IN SOA ns.probe.test. host.probe.test. 7 7200 900 1209600 300",
        ),
        (
            "_ntp._udp.probe.test/SRV",
            "_ntp._udp.probe.test. SRV: NOERROR",
            "_ntp._udp.probe.test. 300 IN SRV 1 2 123 time.probe.test.",
        ),
        ("192.0.2.7/PTR", "7.2.0.192.in-addr.arpa. PTR: NOERROR", "7.2.0.192.in-addr.arpa. 300 IN PTR probe.test."),
        (
            "odd.probe.test/TYPE731",
            "odd.probe.test. TYPE731: NOERROR",
            r"odd.probe.test. 300 IN TYPE731 \# 6 abcdef012345",
        ),
    ];
    for (query, status, record) in table {
        let ended = probe(&[&format!("dns={query}"), &address], 0);
        assert_eq!(summary(&ended, &address), format!("{status}, authoritative, recursion available, 1 answer"));
        assert_eq!(details(&ended)[0], format!("answer: {record}"));
    }
    // An answer that says no is an answer.
    let ended = probe(&["dns=none.probe.test", &address], 0);
    assert_eq!(
        summary(&ended, &address),
        "none.probe.test. A: NXDOMAIN, authoritative, recursion available, 0 answers"
    );
    assert!(details(&ended)[0].starts_with("authority: probe.test. 300 IN SOA"), "{}", ended.text());
}

#[test]
fn dnsmasq_tells_its_records_and_refuses_the_roots() {
    let Some(mut dnsmasq) = peer("dnsmasq") else { return };
    let (host, address) = {
        let host = loopback().to_string();
        (host.clone(), format!("{host}:5353"))
    };
    dnsmasq.args(["-k", "-C", "/dev/null", "-R", "-h", "--pid-file=", "--log-facility=-", "--port=5353"]);
    dnsmasq.args(["-u", "root", "--bind-interfaces", "--listen-address", &host, "--local=/test/"]);
    dnsmasq.args(["--host-record=real.test,192.0.2.9,2001:db8::9", "--cname=www.test,real.test"]);
    let server = start(&mut dnsmasq);
    server.line("started");
    let object = object(&["dns=www.test", &address]);
    assert_eq!(
        (&object["event"], &object["probe"], &object["peer"]),
        (&"answer".into(), &"dns".into(), &address.into())
    );
    assert_eq!(
        (&object["status"], &object["name"], &object["type"]),
        (&"NOERROR".into(), &"www.test.".into(), &"A".into())
    );
    let data: Vec<_> = object["records"].as_array().expect("a list").iter().map(|record| &record["data"]).collect();
    assert_eq!(data, ["real.test.", "192.0.2.9"]);
    let address = format!("{host}:5353");
    let ended = probe(&["dns", &host, "5353"], 0);
    assert_eq!(summary(&ended, &address), ". NS: REFUSED, recursion available, 0 answers");
}

/// Starts chronyd with this configuration, and waits until it answers.
fn chronyd(dir: &Path, host: &str, more: &str) -> Option<Running> {
    let mut command = peer("chronyd")?;
    let pid = dir.join("pid");
    let common = format!(
        "port 1123\ncmdport 0\nbindcmdaddress /\nallow 127.0.0.0/8\nbindaddress {host}\npidfile {}\n{more}",
        pid.display()
    );
    let config = dir.join("conf");
    std::fs::write(&config, common).expect("the directory is ours");
    let server = start(command.args(["-d", "-x", "-U", "-u", "root", "-f"]).arg(&config));
    let address = format!("{host}:1123");
    eventually("chronyd answers", || {
        assert!(server.is_running(), "{}", server.stderr());
        start(&mut asking(&["ntp", &address, "-w", "1"])).end().code() == 0
    });
    Some(server)
}

#[test]
fn chronyd_has_our_own_time() {
    let (host, dir) = (loopback().to_string(), directory());
    let Some(_server) = chronyd(dir.path(), &host, "local stratum 5\n") else { return };
    let address = format!("{host}:1123");
    let ended = probe(&["ntp", &address], 0);
    let summary = summary(&ended, &address);
    assert!(summary.starts_with("stratum 5, offset ") && summary.contains(" s, delay "), "{summary}");
    assert_eq!(details(&ended)[0], "leap: none");
    let object = object(&["ntp", &address]);
    let (offset, delay) = (object["offset"].as_f64().expect("a number"), object["delay"].as_f64().expect("a number"));
    assert!(offset.abs() <= delay.abs() / 2.0 + 1e-6, "the same clock: off by {offset} s after {delay} s");
}

#[test]
fn chronyd_without_a_source_says_so() {
    let (host, dir) = (loopback().to_string(), directory());
    let Some(_server) = chronyd(dir.path(), &host, "") else { return };
    let object = object(&["ntp", &format!("{host}:1123")]);
    assert_eq!((&object["synchronised"], &object["leap"], &object["stratum"]), (&false.into(), &3.into(), &0.into()));
}

/// `answer(q, ahead)`: what an NTP server whose clock is so many seconds ahead says.
const NTP: &str = "
def clock(ahead): return struct.pack('!Q', int((time.time() + 2208988800 + ahead) * 2**32) % 2**64)
def answer(q, ahead, first=0x24, stratum=1, reference=b'GPS\\0'):
    now = clock(ahead)
    return bytes([first, stratum, 0, 0xec]) + bytes(8) + reference + now + q[40:48] + now + clock(ahead)
";

#[test]
fn the_offset_of_a_clock_is_what_it_is() {
    for (ahead, sign) in [("100.5", 1.0), ("-3600.25", -1.0), ("1000000000", 1.0)] {
        let script = format!("{NTP}\ndef answers(q): return [answer(q, float(sys.argv[1]))]");
        let Some((_server, address)) = responder(&script, &[ahead]) else { return };
        let object = object(&["ntp", &address]);
        let wanted: f64 = ahead.parse().expect("it is a number");
        let (offset, delay) =
            (object["offset"].as_f64().expect("a number"), object["delay"].as_f64().expect("a number"));
        assert!(offset * sign > 0.0 && (offset - wanted).abs() <= delay / 2.0 + 1e-5, "{offset} instead of {wanted}");
        assert_eq!((&object["stratum"], &object["reference"]), (&1.into(), &"GPS".into()));
    }
}

#[test]
fn a_kiss_is_an_answer_and_a_forgery_is_none() {
    let script = format!("{NTP}\ndef answers(q): return [answer(q, 0, stratum=0, reference=b'RATE')]");
    let Some((_server, address)) = responder(&script, &[]) else { return };
    assert_eq!(summary(&probe(&["ntp", &address], 0), &address), "kiss-o'-death RATE (asked too often)");
    // Somebody who did not see the question answers first.
    let script = format!("{NTP}\ndef answers(q): return [answer(bytes(48), 9e9), answer(q, 0)]");
    let Some((_server, address)) = responder(&script, &[]) else { return };
    let ended = probe(&["ntp", &address], 0);
    assert!(summary(&ended, &address).starts_with("stratum 1, offset "), "{}", ended.text());
    assert!(
        ended.stderr.contains("warning") && ended.stderr.contains("its origin is not what was sent"),
        "{}",
        ended.stderr
    );
    // Nobody but he: what came is no answer.
    let script = format!("{NTP}\ndef answers(q): return [answer(bytes(48), 9e9)]");
    let Some((_server, address)) = responder(&script, &[]) else { return };
    let ended = probe(&["ntp", &address, "-w", "5"], 8);
    assert!(ended.stderr.contains("not an answer to this question"), "{}", ended.stderr);
}

const STUN: &str = "
def attribute(kind, value): return struct.pack('!HH', kind, len(value)) + value + bytes(-len(value) % 4)
def message(q, kind, *attributes):
    body = b''.join(attributes)
    return struct.pack('!HH', kind, len(body)) + q[4:20] + body
def masked(q, ip, port):
    ip = socket.inet_pton(socket.AF_INET6 if ':' in ip else socket.AF_INET, ip)
    mask = q[4:20]
    return bytes([0, 2 if len(ip) > 4 else 1]) + struct.pack('!H', port ^ 0x2112) + bytes(a ^ b for a, b in zip(ip, mask))
";

#[test]
fn stun_tells_our_address_and_its_errors() {
    let with = |answers: &str| responder(&format!("{STUN}\ndef answers(q): return {answers}"), &[]);
    let table = [
        ("[message(q, 0x101, attribute(0x20, masked(q, '192.0.2.9', 4711)))]", "mapped address 192.0.2.9:4711"),
        ("[message(q, 0x101, attribute(0x20, masked(q, '2001:db8::9', 4711)))]", "mapped address [2001:db8::9]:4711"),
        (r"[message(q, 0x111, attribute(9, b'\0\0\4\1Who\x1b[2J?'))]", r"error 401 Who\x1b[2J?"),
    ];
    for (answers, wanted) in table {
        let Some((_server, address)) = with(answers) else { return };
        assert_eq!(summary(&probe(&["stun", &address], 0), &address), wanted);
    }
    let hostile =
        r"[message(q, 0x101, attribute(0x8022, b'\x1b]0;\xe2\x80\xae'), attribute(1, b'\0\1\x12\x34\x7f\0\0\1'))]";
    let Some((_server, address)) = with(hostile) else { return };
    let ended = probe(&["stun", &address], 0);
    assert_eq!(details(&ended), [r"software: \x1b]0;\u{202e}"]);
    let object = object(&["stun", &address]);
    assert_eq!(
        (&object["mapped_address"], &object["software"]),
        (&"127.0.0.1:4660".into(), &r"\x1b]0;\u{202e}".into())
    );
}

/// An agent that knows the community `public`.
const SNMP: &str = r"
def tlv(tag, *parts):
    content = b''.join(parts)
    return bytes([tag, len(content)]) + content
def value(name, datum): return tlv(0x30, tlv(6, bytes.fromhex('2b0601020101' + name)), datum)
def answers(q):
    if b'\x04\x06public' not in q: return []
    number = q[q.index(b'\xa0') + 2:][:6]
    values = tlv(0x30, value('0100', tlv(4, b'a box\r\n\x1b')), value('0300', tlv(0x43, b'\x01\x00\x00')))
    return [tlv(0x30, q[2:5], tlv(4, b'public'), tlv(0xa2, number, tlv(2, b'\0'), tlv(2, b'\0'), values))]
";

#[test]
fn snmp_says_what_the_device_is_and_a_wrong_community_nothing() {
    let Some((_server, address)) = responder(SNMP, &[]) else { return };
    for (version, name) in [("snmp", "SNMPv2c"), ("snmpv1", "SNMPv1"), ("snmp=public", "SNMPv2c")] {
        let ended = probe(&[version, &address], 0);
        assert_eq!(summary(&ended, &address), format!("{name}, 2 values"));
        assert_eq!(details(&ended), ["sysDescr.0: 0x6120626f780d0a1b", "sysUpTime.0: 0:10:55.36 (65536 ticks)"]);
    }
    let ended = probe(&["snmp=hidden", &address, "-w", "200ms", "-vv"], 28);
    assert!(ended.stderr.contains("(--timeout)") && ended.stderr.contains("wrong community"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[test]
fn an_echo_comes_back_and_nothing_else_is_one() {
    let server = start(&mut sockkit(["echo-server", "--udp", "127.0.0.1:0"]));
    let address = server.address().to_string();
    assert_eq!(summary(&probe(&["echo", &address], 0), &address), "the same 51 bytes came back");
    // Another protocol's question that comes back is no answer.
    for (other, why) in [
        ("dns", "it is a question"),
        ("ntp", "its mode is 3"),
        ("stun", "it is a request"),
        ("snmp", "it is a request"),
    ] {
        let ended = probe(&[other, &address], 8);
        assert!(ended.stderr.contains(&format!("ask {address}: the answer is malformed: {why}")), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
    let Some((_server, address)) = answering("[q[:-1]]") else { return };
    let ended = probe(&["echo", &address], 8);
    assert!(ended.stderr.contains("50 other bytes came back"), "{}", ended.stderr);
}

#[test]
fn what_breaks_a_protocol_is_8_at_once_and_named() {
    let began = Instant::now();
    for answer in ["b''", "b'\\0'", "q[:7]", "q[:2] + bytes(65505)", "q[:2] + b'\\xff' * 600"] {
        let Some((_server, address)) = answering(&format!("[{answer}]")) else { return };
        for protocol in ["dns", "dns=probe.test/TXT", "ntp", "stun", "snmp", "snmpv1", "echo"] {
            let ended = probe(&[protocol, &address], 8);
            assert!(ended.stderr.contains("sockkit: ask "), "{protocol}: {}", ended.stderr);
        }
    }
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn nobody_there_is_7_and_silence_28_at_the_limit() {
    let address = refusing().to_string();
    let ended = probe(&["dns", &address], 7);
    assert!(ended.stderr.contains(&format!("{address}: connection refused")), "{}", ended.stderr);
    let Some((_server, silent)) = answering("[]") else { return };
    for (options, limit) in
        [(["-w", "300ms"], "0.3 s (--timeout)"), (["--idle-timeout", "0.2"], "0.2 s (--idle-timeout)")]
    {
        let began = Instant::now();
        let ended = probe(&["stun", &silent, options[0], options[1]], 28);
        assert!(
            ended.stderr.contains(&format!("wait for an answer from {silent}: timed out after {limit}")),
            "{}",
            ended.stderr
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    let ended = probe(&["stun", &silent, "--tries", "1"], 28);
    assert!(ended.stderr.contains("timed out after 1 s (the default; -w sets it)"), "{}", ended.stderr);
    let ended = probe(&["stun", &silent, "--deadline", "0.2"], 28);
    assert!(ended.stderr.contains("(--deadline)"), "{}", ended.stderr);
}

#[test]
fn a_lost_question_is_asked_again_and_a_late_answer_belongs_to_its_own() {
    let third = "n = 0\ndef answers(q):\n global n\n n += 1\n return [q] if n == 3 else []";
    let Some((_server, address)) = responder(third, &[]) else { return };
    let ended = probe(&["echo", &address, "-w", "7"], 0);
    assert!(ended.text().contains(", asked 3 times\n"), "{}", ended.text());
    let Some((_server, address)) = responder(third, &[]) else { return };
    probe(&["echo", &address, "-w", "300ms", "--tries", "2"], 28);
    // The first question is answered when the second comes: after the first third of the limit.
    let late = "held = []\ndef answers(q):\n held.append(q)\n return held[:1] if len(held) == 2 else []";
    let Some((_server, address)) = responder(late, &[]) else { return };
    let object = object(&["echo", &address, "-w", "6", "--tries", "2"]);
    assert_eq!(object["asked"], 2);
    assert!(object["seconds"].as_f64().is_some_and(|seconds| seconds >= 2.0), "{object}");
}

#[test]
fn a_question_of_ones_own() {
    let script = r"def answers(q): return [b'<' + q + b'>\n\xff'] if q else [b'empty']";
    let Some((_server, address)) = responder(script, &[]) else { return };
    let asked = |text: &str| start(sockkit(["udp-send", "--probe-data", text]).arg(&address)).end().expect(0);
    let ended = asked(r"hi\0\x1b");
    assert_eq!(summary(&ended, &address), "8 bytes");
    assert_eq!(details(&ended), [r"text: <hi\x00\x1b>\n\xff", "hex: 3c6869001b3e0aff"]);
    assert_eq!(details(&asked(""))[0], "text: empty");
}

#[test]
fn unix_servers_answer_too() {
    let dir = directory();
    let path = dir.path().join("echo");
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])\n\
        print('ready', file=sys.stderr, flush=True)\n\
        # A question that is asked again must not meet nobody.\n\
        while True:\n q, sender = s.recvfrom(99); s.sendto(q, sender)";
    let Some(mut command) = python(script, &[path.to_str().expect("it is text")]) else { return };
    let server = start(&mut command);
    server.line("ready");
    let address = format!("unix:{}", path.display());
    assert_eq!(summary(&probe(&["echo", &address], 0), &address), "the same 51 bytes came back");
}

#[test]
fn in_a_group_one_bad_answer_does_not_hide_a_good_one() {
    let script = "import socket, sys\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 0))\n\
        print('listening on 127.255.255.255:%d' % s.getsockname()[1], file=sys.stderr, flush=True)\n\
        while True:\n q, sender = s.recvfrom(99); s.sendto(b'no', sender); s.sendto(q, sender)";
    let Some(mut command) = python(script, &[]) else { return };
    let server = start(&mut command);
    let address = server.address().to_string();
    let ended = probe(&["echo", &address, "--broadcast"], 0);
    let port = address.rsplit(':').next().expect("a port");
    assert_eq!(summary(&ended, &format!("127.0.0.1:{port}")), "the same 51 bytes came back");
    assert!(ended.stderr.contains("2 other bytes came back"), "{}", ended.stderr);
}

#[test]
fn ctrl_c_ends_the_wait_and_a_full_stdout_is_23() {
    let Some((_server, silent)) = answering("[]") else { return };
    let waiting = start(&mut asking(&["stun", &silent, "-v", "-w", "60"]));
    waiting.line("sent a datagram of 20 bytes");
    waiting.signal(2);
    waiting.end().expect(130);
    let Some((_server, address)) = answering("[q]") else { return };
    let full = File::options().write(true).open("/dev/full").expect("this system has one");
    start(asking(&["echo", &address]).stdout(full)).end().expect(23);
}

#[test]
fn what_a_probe_would_ignore_is_refused() {
    let table: &[&[&str]] = &[
        &["dns", "127.0.0.1", "53", "DATA"],
        &["dns", "127.0.0.1:53", "DATA"],
        &["dns", "127.0.0.1", "--lines"],
        &["dns", "127.0.0.1", "--size", "3"],
        &["dns", "127.0.0.1", "--count", "1"],
        &["dns", "127.0.0.1", "--wait", "1"],
        &["dns", "127.0.0.1", "-o", "file"],
        &["dns", "127.0.0.1", "--probe-data", "x"],
        &["dns", "127.0.0.1", "--tries", "0"],
        &["dns", "127.0.0.1", "--tries", "11"],
        &["dns=a..b", "127.0.0.1"],
        &["dns=a/NONE", "127.0.0.1"],
        &["tftp", "127.0.0.1"],
        &["dns", "127.1"],
        &["dns", "127.0.0.1:0"],
        &["dns"],
        &["echo", "unix:/nowhere", "--ttl", "3"],
    ];
    for words in table {
        assert!(probe(words, 2).stdout.is_empty(), "{words:?}");
    }
    for words in [
        &["--probe-data", "x", "127.0.0.1"][..],
        &["--probe-data", r"\q", "127.0.0.1:9"],
        &["--tries", "2", "127.0.0.1:9", "x"],
    ] {
        start(sockkit(["udp-send"]).args(words)).end().expect(2);
    }
}
