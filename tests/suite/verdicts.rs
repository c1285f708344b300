//! `udp-send --check` and `--mtu`: what is said of each port and path is what was done to it.
//!
//! The networks are the test's own: this host, a router and a target in three namespaces, joined by two links. Where a
//! user may make none, the tests say so; in CI that is a failure.

use std::fmt::Write;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use crate::support::wire::loopback;
use crate::support::{Ended, HARD_LIMIT, run, sockkit, start};

/// The portable half sees what a connected socket is told, and that is little.
const PORTABLE: bool = cfg!(feature = "portable");

/// This host is `10.9.1.1` and `fd09:1::1`, the target behind the router `10.9.2.1` and `fd09:2::1`, with an echo at
/// port 7 and a program at port 9 that never answers.
const NETWORK: &str = r#"
set -eu
exec 3>&1 > /dev/null
mount -t tmpfs none /run
mount -t tmpfs none /mnt
cd /mnt
ready() { while [ ! -s "$1" ]; do sleep 0.01; done; }
sockkit() { "$SOCKKIT" "$@"; }
# No address is to be tentative for its first second.
settle() { echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up; }
settle
for n in r t; do
  ip netns add $n
  ip netns exec $n sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up'
done
ip link add u0 type veth peer name r0 netns r
ip -n r link add r1 type veth peer name t0 netns t
join() { ip -n $1 addr add $3/24 dev $2; ip -n $1 addr add $4/64 dev $2 nodad; ip -n $1 link set $2 up; }
ip addr add 10.9.1.1/24 dev u0; ip addr add fd09:1::1/64 dev u0 nodad; ip link set u0 up
join r r0 10.9.1.2 fd09:1::2
join r r1 10.9.2.2 fd09:2::2
join t t0 10.9.2.1 fd09:2::1
ip route add 10.9.2.0/23 via 10.9.1.2
ip route add fd09:2::/31 via fd09:1::2
ip -n t route add default via 10.9.2.2
ip -n t -6 route add default via fd09:2::2
ip netns exec r sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
ip netns exec t "$SOCKKIT" echo-server -q --udp 7 --port-file echo &
ip netns exec t "$SOCKKIT" udp-recv -q 9 --port-file mute &
ready echo; ready mute
set +e
# One check: its number, then what it wrote, how it ended and how long it took.
check() {
  local began=$(date +%s%N)
  sockkit udp-send "$@" > out 2> err
  local code=$?
  { echo "== $code $(( ($(date +%s%N) - began) / 1000000 ))"; cat out; sed 's/^/err: /' err; } >&3
}
"#;

/// What one check in the network came to.
#[derive(Debug)]
struct Checked {
    code: i32,
    took: Duration,
    text: String,
}

/// Runs `script` in a new network; gives what each `check` in it came to. `None` where no network can be made.
fn in_network(script: &str) -> Option<Vec<Checked>> {
    let options = ["-r", "-n", "-m", "--pid", "--fork"];
    let mut probe = crate::support::peer("unshare")?;
    let allowed = run(probe.args(options).arg("true"), b"").status.success();
    assert!(allowed || std::env::var_os("CI").is_none(), "namespaces must be allowed in CI");
    let _ = crate::support::peer("ip")?;
    if !allowed {
        eprintln!("skipped: this user may not make namespaces");
        return None;
    }
    let mut shell = crate::support::peer("unshare")?;
    shell.args(options).args(["--kill-child", "bash", "-c"]).arg(format!("{NETWORK}{script}\nexit 0\n"));
    shell.env("SOCKKIT", env!("CARGO_BIN_EXE_sockkit"));
    let ended = start(&mut shell).end_within(HARD_LIMIT).expect(0);
    eprintln!("{}", ended.stderr);
    Some(ended.text().split("== ").skip(1).map(checked).collect())
}

fn checked(told: &str) -> Checked {
    let (head, text) = told.split_once('\n').expect("a line with the code and the time");
    let (code, took) = head.split_once(' ').expect("the code and the time");
    let took = Duration::from_millis(took.parse().expect("milliseconds"));
    Checked { code: code.parse().expect("a number"), took, text: text.to_owned() }
}

/// The limit of each check below to which nothing comes. With [`SLACK`] it is shorter than the limit by default, 7 s.
const LIMIT: Duration = Duration::from_secs(1);

/// The limit of each to which something comes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much longer a program may take to start and to end on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// A target and what must be said of it.
struct Case {
    target: &'static str,
    port: u16,
    verdict: &'static str,
    code: i32,
}

const fn case(target: &'static str, port: u16, verdict: &'static str, code: i32) -> Case {
    Case { target, port, verdict, code }
}

const SILENT: &str = "open or filtered: nothing came (asked 3 times in ";

/// How long one that is silent was waited for, as is told of it.
fn waited(text: &str) -> Duration {
    let asked = text.split_once("nothing came (asked ").and_then(|(_, asked)| asked.split_once(" in "));
    let seconds = asked.and_then(|(_, time)| time.split(' ').next()?.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or_else(|| panic!("{text}")))
}

/// 10.9.3.x is barred by the router, 10.9.4.x by this host.
const ROUTES: &str = r"
ip -n r route add prohibit 10.9.3.1; ip -n r route add unreachable 10.9.3.2; ip -n r route add blackhole 10.9.3.3
ip -n r route add prohibit fd09:3::1; ip -n r route add unreachable fd09:3::2; ip -n r route add blackhole fd09:3::3
ip route add prohibit 10.9.4.1; ip route add unreachable 10.9.4.2; ip route add blackhole 10.9.4.3
ip route add prohibit fd09:4::1; ip route add unreachable fd09:4::2; ip route add blackhole fd09:4::3
";

fn cases() -> Vec<Case> {
    let on_the_way = if PORTABLE {
        // A connected socket is told of what is final alone (`fatal` in the kernel's table of ICMP codes), and by nobody.
        vec![
            case("10.9.3.1", 53, "filtered (no route to host)", 7),
            case("10.9.3.2", 53, SILENT, 28),
            case("fd09:3::1", 53, "filtered (permission denied)", 7),
            case("fd09:3::2", 53, SILENT, 28),
            case("10.9.2.1", 8, "closed (connection refused)", 7),
            case("fd09:2::1", 8, "closed (connection refused)", 7),
        ]
    } else {
        vec![
            case("10.9.3.1", 53, "filtered (administratively prohibited, from 10.9.1.2)", 7),
            case("10.9.3.2", 53, "filtered (host unreachable, from 10.9.1.2)", 7),
            case("fd09:3::1", 53, "filtered (administratively prohibited, from fd09:1::2)", 7),
            case("fd09:3::2", 53, "filtered (no route to the destination, from fd09:1::2)", 7),
            case("10.9.2.1", 8, "closed (port unreachable, from 10.9.2.1)", 7),
            case("fd09:2::1", 8, "closed (port unreachable, from fd09:2::1)", 7),
        ]
    };
    let prohibited = "no route (permission denied: a route or a firewall rule prohibits it, from this host)";
    let discarded = "no route (invalid argument: a route discards it (blackhole), from this host)";
    let unreachable = "no route (no route to host, from this host)";
    let others = [
        case("10.9.2.1", 7, "open, an answer of 0 bytes in ", 0),
        case("fd09:2::1", 7, "open, an answer of 0 bytes in ", 0),
        case("10.9.2.1", 9, SILENT, 28),
        case("fd09:2::1", 9, SILENT, 28),
        case("10.9.3.3", 53, SILENT, 28),
        case("fd09:3::3", 53, SILENT, 28),
        case("10.9.4.1", 53, prohibited, 7),
        case("10.9.4.2", 53, unreachable, 7),
        case("10.9.4.3", 53, discarded, 7),
        case("fd09:4::1", 53, prohibited, 7),
        case("fd09:4::2", 53, unreachable, 7),
        case("fd09:4::3", 53, discarded, 7),
    ];
    on_the_way.into_iter().chain(others).collect()
}

#[test]
fn each_port_has_the_verdict_of_what_was_done_to_it() {
    let cases = cases();
    let mut script = ROUTES.to_owned();
    for Case { target, port, code, .. } in &cases {
        let limit = if *code == 28 { LIMIT } else { PATIENCE };
        writeln!(script, "check --check {target} {port} -w {}", limit.as_secs()).expect("a string takes it");
    }
    // What nc says of the same, afterwards, since its questions use up the target's ICMP messages: 0, "open", for all
    // but what this host's own routes refuse, which it can't send.
    for Case { target, port, .. } in &cases {
        let nc = format!("nc -zu -w1 {target} {port} 2> /dev/null; echo \"nc says of {target} {port}: $?\" >&2");
        writeln!(script, "{{ {nc}; }} &").expect("a string takes it");
    }
    script += "command -v nc > /dev/null && for job in $(jobs -p | tail -n +3); do wait $job; done";
    let Some(all) = in_network(&script) else { return };
    assert_eq!(all.len(), cases.len());
    for (Case { target, port, verdict, code }, checked) in cases.iter().zip(&all) {
        let shown = if target.contains(':') { format!("[{target}]:{port}") } else { format!("{target}:{port}") };
        eprintln!("{}{} in {:?}", checked.text, checked.code, checked.took);
        assert!(checked.text.starts_with(&format!("{shown}: {verdict}")), "{shown} {checked:?}");
        assert_eq!((checked.text.lines().count(), checked.code), (1, *code), "{checked:?}");
        let least = if *code == 28 { LIMIT } else { Duration::ZERO };
        assert!(checked.took >= least && checked.took < LIMIT + SLACK, "{shown} {checked:?}");
        assert!(*code != 28 || waited(&checked.text) >= LIMIT, "{shown} {checked:?}");
    }
}

/// Linux sends one host six ICMP messages at once, then one a second: 20 closed ports are 14 seconds.
#[test]
fn a_target_that_limits_its_messages_is_not_taken_for_a_silent_one() {
    let script = "
        check --check 10.9.2.1 20000-20019 -w 1
        check --check fd09:2::1 20000-20019 --json
        check --check 10.9.2.1 20000-20059 --deadline 6";
    let Some(all) = in_network(script) else { return };
    let [v4, v6, cut] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((v4.code, v4.text.matches(": closed (").count()), (1, 20), "{v4:?}");
    assert!(PORTABLE || v4.text.contains("err: sockkit: warning: 10.9.2.1 limits its ICMP messages"), "{v4:?}");
    assert_eq!((v6.code, v6.text.matches("\"state\":\"closed\"").count()), (1, 20), "{v6:?}");
    // What had no turn is no verdict on it. That the target is at its limit is known after little more than a second.
    let undecided = cut.text.matches(": undecided (timed out after 6 s (--deadline)").count();
    let closed = cut.text.matches(": closed (").count();
    let silent = cut.text.matches(": open or filtered: nothing came (asked").count();
    assert_eq!((cut.code, closed + undecided + silent), (1, 60), "{cut:?}");
    assert!(closed > 0 && undecided > 40 && cut.took < Duration::from_secs(6) + SLACK, "{cut:?}");
}

#[test]
fn a_silent_port_among_closed_ones_is_found() {
    let script = "
        check --check 10.9.2.1 7-12 -w 5
        check --check ::ffff:10.9.2.1 7,8 -w 30
        check --check 10.9.2.1 7 9 -w 1 --tries 1";
    let Some(all) = in_network(script) else { return };
    let states: Vec<_> =
        all[0].text.lines().map(|line| line.split([':', ',', '(']).nth(2).unwrap_or_default()).collect();
    assert_eq!(states, [" open", " closed ", " open or filtered", " closed ", " closed ", " closed "], "{all:?}");
    assert_eq!(all[0].code, 1);
    let mapped = &all[1].text;
    assert!(mapped.contains("[::ffff:10.9.2.1]:7: open at 10.9.2.1:7, "), "{mapped}");
    let closed = if PORTABLE { "(connection refused)" } else { "(port unreachable, from 10.9.2.1)" };
    assert!(mapped.contains(&format!("[::ffff:10.9.2.1]:8: closed at 10.9.2.1:8 {closed}")), "{mapped}");
    assert!(all[2].text.contains(":9: open or filtered: nothing came (asked once in "), "{all:?}");
    assert!(waited(all[2].text.split_once(":9: ").expect("it is there").1) >= Duration::from_secs(1), "{all:?}");
}

#[test]
fn every_address_of_a_name_is_asked_and_one_answer_is_enough() {
    let script = "
        printf '%s\\n' '10.9.2.1 both' 'fd09:2::1 both' '127.0.0.1 half' '10.9.2.1 half' '10.9.2.1 mixed' 'fd09:4::1 mixed' > hosts
        ip route add prohibit fd09:4::1
        mount --bind hosts /etc/hosts
        check --check half 7 -w 30
        check --check both 8 -w 30
        check --check mixed 9 -w 2 --connect-timeout 30
        check --check -6 mixed 9 -w 30";
    let Some(all) = in_network(script) else { return };
    assert!(all[0].text.starts_with("half:7: open at 10.9.2.1:7, ") && all[0].code == 0, "{all:?}");
    assert!(all[1].text.starts_with("both:8: closed (") && all[1].code == 7, "{all:?}");
    assert!(all[1].text.contains("[fd09:2::1]:8: closed (") && all[1].text.contains("10.9.2.1:8: closed ("), "{all:?}");
    assert!(all[2].text.starts_with("mixed:9: not open (") && all[2].code == 7, "{all:?}");
    assert!(all[2].text.contains("[fd09:4::1]:9: no route (") && all[2].text.contains("nothing came"), "{all:?}");
    assert!(all[3].text.starts_with("mixed:9: no route at [fd09:4::1]:9 (") && all[3].code == 7, "{all:?}");
}

#[test]
#[cfg_attr(feature = "portable", ignore = "a connected socket is not told")]
fn who_does_not_answer_on_the_next_link_is_this_hosts_finding() {
    let Some(all) = in_network("check --check 10.9.1.77 53 -w 9\ncheck --check fd09:1::77 53 -w 9") else { return };
    assert!(all[0].text.contains(": no route (host unreachable: no next hop answers, from this host)"), "{all:?}");
    assert!(all[1].text.contains(": no route (address unreachable: no next hop answers, from this host)"), "{all:?}");
    assert!(all.iter().all(|checked| checked.code == 7));
}

#[test]
fn the_largest_datagram_and_who_limits_it() {
    let script = "
        check --mtu 10.9.2.1 7
        check --mtu fd09:2::1 7
        ip -n r link set r1 mtu 1400; ip -n t link set t0 mtu 1400
        check --mtu 10.9.2.1 7
        check --mtu fd09:2::1 7
        check --mtu ::ffff:10.9.2.1 7 --json
        ip -n r link set r1 mtu 1500
        check --mtu 10.9.2.1 7 --json
        check --mtu 10.9.2.1 8
        check --mtu 10.9.2.1 9 -w 1
        ip route add prohibit 10.9.4.1
        check --mtu 10.9.4.1 7";
    let Some(all) = in_network(script) else { return };
    if PORTABLE {
        return assert!(all.iter().all(|checked| checked.code == 2 && checked.text.contains("--mtu")), "{all:?}");
    }
    let lines: Vec<_> = all.iter().map(|checked| checked.text.as_str()).collect();
    let local = "the interface of this host has an MTU of 1500";
    assert_eq!(lines[0], format!("10.9.2.1:7: 1472 bytes go through whole, MTU 1500; {local}\n"));
    assert_eq!(lines[1], format!("[fd09:2::1]:7: 1452 bytes go through whole, MTU 1500; {local}\n"));
    let named = |ip: &str| format!("larger ones need fragmentation, says {ip}, which names an MTU of 1400\n");
    assert_eq!(lines[2], format!("10.9.2.1:7: 1372 bytes go through whole, MTU 1400; {}", named("10.9.1.2")));
    assert_eq!(lines[3], format!("[fd09:2::1]:7: 1352 bytes go through whole, MTU 1400; {}", named("fd09:1::2")));
    let mapped: serde_json::Value = serde_json::from_str(lines[4]).expect("it is JSON");
    let (payload, limit, from) = (&mapped["payload"], &mapped["limit"], &mapped["from"]);
    assert_eq!((payload.as_u64(), limit.as_str(), from.as_str()), (Some(1372), Some("router"), Some("10.9.1.2")));
    // The router forwards what the target's link discards; a veth takes room for a VLAN tag, 4 bytes, beyond its MTU.
    let hole: serde_json::Value = serde_json::from_str(lines[5]).expect("it is JSON");
    assert_eq!(hole["limit"].as_str(), Some("silence"), "{hole}");
    assert!(hole["payload"].as_u64().is_some_and(|payload| (1372..=1376).contains(&payload)), "{hole}");
    assert!(lines[6].starts_with("10.9.2.1:8: closed (port unreachable, from 10.9.2.1)\n"), "{}", lines[6]);
    assert!(lines[7].starts_with(&format!("10.9.2.1:9: {SILENT}")), "{}", lines[7]);
    assert!(waited(lines[7]) >= Duration::from_secs(1), "{}", lines[7]);
    assert!(lines[7].contains("needs a peer that answers"), "{}", lines[7]);
    assert!(lines[8].starts_with("10.9.4.1:7: no route ("), "{}", lines[8]);
    let codes: Vec<_> = all.iter().map(|checked| checked.code).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 7, 28, 7]);
}

// ---- on loopback ----

fn check(words: &[&str]) -> Command {
    let mut command = sockkit(["udp-send", "--check"]);
    command.args(words);
    command
}

#[track_caller]
fn told(words: &[&str], code: i32) -> Ended {
    start(&mut check(words)).end().expect(code)
}

/// A socket of the test's own, and its address in words.
fn socket() -> (UdpSocket, String) {
    let socket = UdpSocket::bind((loopback(), 0)).expect("loopback has a free port");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("the limit is not zero");
    let address = socket.local_addr().expect("it is bound").to_string();
    (socket, address)
}

#[test]
fn the_question_is_what_was_given_and_is_repeated() {
    let (socket, address) = socket();
    let running = start(&mut check(&[&address, "--probe-data", r"a\x00\n", "--tries", "3", "-w", "20", "--json"]));
    let mut buffer = [0; 16];
    let mut asked = || {
        let (size, from) = socket.recv_from(&mut buffer).expect("a question comes");
        assert_eq!(&buffer[..size], b"a\0\n");
        from
    };
    let first = asked();
    // A stranger's answer is none.
    let stranger = UdpSocket::bind((loopback(), 0)).expect("loopback has a free port");
    stranger.send_to(b"not me", first).expect("it is sent");
    assert_eq!(asked(), first);
    socket.send_to(b"here", first).expect("it is sent");
    let ended = running.end().expect(0);
    let fields: serde_json::Value = serde_json::from_str(&ended.text()).expect("it is JSON");
    assert_eq!((fields["event"].as_str(), fields["state"].as_str()), (Some("check"), Some("open")));
    assert_eq!((fields["bytes"].as_u64(), fields["target"].as_str()), (Some(4), Some(address.as_str())));
}

#[test]
fn without_data_an_empty_datagram_asks() {
    let (socket, address) = socket();
    let running = start(&mut check(&[&address]));
    let (size, from) = socket.recv_from(&mut [0; 16]).expect("a question comes");
    assert_eq!(size, 0);
    socket.send_to(b"", from).expect("it is sent");
    let text = running.end().expect(0).text();
    assert!(text.starts_with(&format!("{address}: open, an answer of 0 bytes in ")), "{text}");
}

#[test]
fn a_protocol_may_ask_and_its_answer_is_read() {
    let (socket, address) = socket();
    let mut buffer = [0; 64];
    for (answer, says) in [(None, "the same 51 bytes came back"), (Some(&b"?"[..]), "no answer of echo: ")] {
        let running = start(&mut check(&[&address, "--probe", "echo", "-w", "80"]));
        let (size, from) = socket.recv_from(&mut buffer).expect("a question comes");
        socket.send_to(answer.unwrap_or(&buffer[..size]), from).expect("it is sent");
        let text = running.end().expect(0).text();
        assert!(text.starts_with(&format!("{address}: open, an answer of ")) && text.contains(says), "{text}");
    }
    // The port is the protocol's own where none is named.
    let host = loopback().to_string();
    let text = told(&[&host, "--probe", "stun"], 7).text();
    assert!(text.starts_with(&format!("{host}:3478: closed (")), "{text}");
    told(&[&host], 2);
}

#[test]
fn a_thousand_closed_ports_are_told_of_in_order() {
    let text = told(&[&loopback().to_string(), "10000-10999"], 1).text();
    let ports: Vec<u16> = text.lines().filter_map(|line| line.split(':').nth(1)?.parse().ok()).collect();
    assert_eq!(ports, (10_000..11_000).collect::<Vec<_>>());
    assert_eq!(text.matches(": closed (").count(), 1000);
}

#[test]
fn a_check_that_meets_itself_has_met_nobody() {
    // None of the ports that the system gives: nobody has it at any address.
    let (ip, port) = (loopback().to_string(), "23456");
    let ended = told(&[&ip, port, "-p", port, "-w", "30"], 7);
    assert_eq!(ended.text(), format!("{ip}:{port}: closed (connection refused)\n"));
}

#[test]
fn a_signal_ends_it() {
    let (socket, address) = socket();
    let running = start(&mut check(&[&address, "-w", "80"]));
    socket.recv_from(&mut [0; 16]).expect("a question comes");
    running.signal(2);
    assert_eq!(running.end().code(), 130);
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    for option in [
        "--lines",
        "--size=3",
        "--separator=x",
        "--count=2",
        "--interval=1",
        "--rate=5",
        "--wait=1",
        "--ping",
        "--interactive",
        "--broadcast",
        "--no-multicast-loop",
        "-o/tmp/x",
    ] {
        told(&["127.0.0.1", "9", option], 2);
        start(&mut sockkit(["udp-send", "--mtu", "127.0.0.1", "9", option])).end().expect(2);
    }
    for words in [&["--tries", "2"][..], &["--mtu", "--check"], &["--mtu", "--probe-data", "x"], &["--mtu", "data"]] {
        start(sockkit(["udp-send", "127.0.0.1", "9"]).args(words)).end().expect(2);
    }
    told(&["127.0.0.1", "9", "--tries", "0"], 2);
    told(&["127.0.0.1", "9", "--probe-data", r"\q"], 2);
    told(&["127.0.0.1", "0"], 2);
    told(&["127.0.0.1"], 2);
    told(&["unix:/tmp/x"], 2);
    told(&["224.0.0.1", "9"], 2);
    told(&["255.255.255.255", "9"], 2);
    told(&["192.0.2.1", "9", "-6"], 2);
    told(&["127.0.0.1", "9", "-s", "203.0.113.1"], 45);
}
