//! How connecting succeeds or fails: refused, silent, unknown, several addresses, a fixed source, patience.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::wire::{accept, full, loopback, read_all, refusing, server, stale};
use crate::support::{Ended, directory, in_namespace, run, sockkit, start, with_a_silent_resolver};

const SECOND: Duration = Duration::from_secs(1);

/// The most that may pass at what is to happen at once, or behind a limit.
const SOON: Duration = Duration::from_secs(2);

/// How long `command` took to its end.
#[track_caller]
fn timed(command: &mut Command) -> (Ended, Duration) {
    let began = Instant::now();
    let ended = start(command).end();
    (ended, began.elapsed())
}

#[track_caller]
fn is_the_limit_of_2_seconds(took: Duration) {
    assert!(took >= 2 * SECOND && took < 3 * SECOND, "{took:?}");
}

#[test]
fn refused_is_7_at_once() {
    let address = refusing().to_string();
    let (ended, took) = timed(&mut sockkit(["connect", &address]));
    let ended = ended.expect(7);
    assert!(took < SOON, "{took:?}");
    assert_eq!(ended.stderr, format!("sockkit: connect to {address}: connection refused\n"));
}

#[test]
fn a_unix_socket_that_is_not_there_or_has_no_owner_is_7() {
    let dir = directory();
    let path = dir.path().join("s");
    let address = format!("unix:{}", path.display());
    let ended = start(&mut sockkit(["connect", &address])).end().expect(7);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    stale(&path);
    start(&mut sockkit(["connect", &address])).end().expect(7);
    fs::write(dir.path().join("file"), "").expect("the directory is ours");
    start(&mut sockkit(["connect", &format!("unix:{}/file", dir.path().display())])).end().expect(7);
}

#[test]
fn a_dropped_syn_is_28_at_the_limit_which_is_named() {
    let full = full();
    let address = full.address.to_string();
    let (ended, took) = timed(&mut sockkit(["connect", &address, "-w", "2"]));
    is_the_limit_of_2_seconds(took);
    let ended = ended.expect(28);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("2 s (--timeout)"), "{}", ended.stderr);
    let (ended, took) = timed(&mut sockkit(["connect", &address, "-w", "9", "--connect-timeout", "300ms"]));
    assert!(took < SOON, "{took:?}");
    assert!(ended.expect(28).stderr.contains("--connect-timeout"));
    let (ended, took) = timed(&mut sockkit(["connect", &address, "--deadline", "300ms"]));
    assert!(took < SOON, "{took:?}");
    assert!(ended.expect(28).stderr.contains("--deadline"));
}

#[test]
fn a_full_unix_backlog_is_28_at_the_limit() {
    let dir = directory();
    let path = dir.path().join("s");
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&socket2::SockAddr::unix(&path).expect("it fits")).expect("the directory is ours");
    listener.listen(0).expect("it is bound");
    let address = format!("unix:{}", path.display());
    let _first = std::os::unix::net::UnixStream::connect(&path).expect("a backlog of 0 takes one");
    let (ended, took) = timed(&mut sockkit(["connect", &address, "-w", "300ms"]));
    assert!(took < SOON, "{took:?}");
    ended.expect(28);
    let mut waiting = start(sockkit(["connect", "-v", &address, "-w", "30"]).stdin(Stdio::piped()));
    let stdin = waiting.stdin();
    waiting.line("connecting to");
    listener.accept().expect("the first one waits");
    waiting.line("connected to");
    drop(listener.accept());
    drop(stdin);
    waiting.end().expect(0);
}

#[test]
fn an_unknown_name_is_6() {
    // The name service of the machine may be slow to say so, and then it is the limit that passes.
    let files = [("nsswitch.conf", "hosts: files\n")];
    for option in ["-v", "-z"] {
        let script = format!("$S connect {option} no-such-host.invalid 80 -w 20; echo $?");
        let Some((ended, _)) = in_namespace(&files, &script) else { return };
        assert_eq!(ended.text().lines().next_back(), Some("6"), "{}", ended.stderr);
        assert!(ended.stderr.contains("resolve no-such-host.invalid"), "{}", ended.stderr);
    }
}

#[test]
fn a_name_is_not_looked_up_under_n() {
    start(&mut sockkit(["connect", "-n", "localhost", "80"])).end().expect(2);
    start(&mut sockkit(["connect", "-6", "127.0.0.1", "80"])).end().expect(2);
}

#[test]
fn a_silent_resolver_is_28_at_the_limit() {
    let script = "before=$(date +%s%N); $S connect name.example 80 -w 2; code=$?; after=$(date +%s%N)
        echo $code $(( (after - before) / 1000000 ))";
    let Some((ended, _)) = with_a_silent_resolver(script) else { return };
    let text = ended.text();
    let (code, millis) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{text:?} {}", ended.stderr));
    assert_eq!(code, "28", "{}", ended.stderr);
    is_the_limit_of_2_seconds(Duration::from_millis(millis.parse().expect("a number")));
    assert!(ended.stderr.contains("resolve name.example") && ended.stderr.contains("--timeout"), "{}", ended.stderr);
}

#[test]
fn a_second_address_that_lives_is_reached_in_a_fraction_of_a_second() {
    // A veth pair swallows what is sent into it; IPv6 is preferred, so the silent address comes first.
    let files = [("hosts", "2001:db8::9 two.example\n127.0.0.1 two.example\n"), ("nsswitch.conf", "hosts: files\n")];
    let script = r"
        ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && ip address add 2001:db8::1/64 dev v0 nodad
        ip neighbour add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0
        $S listen 127.0.0.1 8 </dev/null 2>$D/up & while ! grep -q listening $D/up; do :; done
        before=$(date +%s%N); echo hello | $S connect -v two.example 8; code=$?; after=$(date +%s%N)
        wait; echo $code $(( (after - before) / 1000000 ))";
    let Some((ended, _)) = in_namespace(&files, script) else { return };
    let text = ended.text();
    let (hello, rest) = text.split_once('\n').unwrap_or_else(|| panic!("{text:?} {}", ended.stderr));
    let (code, millis) = rest.trim().split_once(' ').unwrap_or_else(|| panic!("{text:?} {}", ended.stderr));
    assert_eq!((hello, code), ("hello", "0"), "{}", ended.stderr);
    let millis: u64 = millis.parse().expect("a number");
    // The silent address alone would be waited for until the default limit of 30 s.
    assert!((200..8000).contains(&millis), "{millis} ms: {}", ended.stderr);
    assert!(ended.stderr.contains("connecting to [2001:db8::9]:8"), "{}", ended.stderr);
}

#[test]
fn a_first_address_that_refuses_costs_nothing() {
    // If each of them had its 250 ms, those in front of the last one would cost ten seconds.
    let lines: Vec<_> = (1..=41).map(|n| format!("127.0.0.{n} many.example")).collect();
    let hosts = lines.join("\n");
    let files = [("hosts", hosts.as_str()), ("nsswitch.conf", "hosts: files\n"), ("host.conf", "multi on\n")];
    let script = r"
        $S listen 127.0.0.41 8 </dev/null 2>$D/up & while ! grep -q listening $D/up; do :; done
        before=$(date +%s%N); $S connect -v many.example 8 </dev/null; code=$?; after=$(date +%s%N)
        echo $code $(( (after - before) / 1000000 ))";
    let Some((ended, _)) = in_namespace(&files, script) else { return };
    let text = ended.text();
    let (code, millis) = text.trim().split_once(' ').unwrap_or_else(|| panic!("{text:?} {}", ended.stderr));
    assert_eq!(code, "0", "{}", ended.stderr);
    let millis: u64 = millis.parse().expect("a number");
    assert!(millis < 5000, "{millis} ms: {}", ended.stderr);
    assert_eq!(ended.stderr.matches("connecting to 127.0.0.").count(), 41, "{}", ended.stderr);
}

#[test]
fn all_attempts_are_listed_when_none_succeeds() {
    let files = [
        ("hosts", "127.0.0.8 many.example\n127.0.0.9 many.example\n::1 many.example\n"),
        ("nsswitch.conf", "hosts: files\n"),
    ];
    let Some((ended, _)) = in_namespace(&files, "$S connect many.example 9; echo $?") else { return };
    assert_eq!(ended.text(), "7\n");
    for address in ["127.0.0.8:9", "127.0.0.9:9", "[::1]:9"] {
        assert!(ended.stderr.contains(&format!("{address}: connection refused")), "{}", ended.stderr);
    }
}

#[test]
fn at_a_limit_it_is_said_what_each_address_had_come_to() {
    let files = [("hosts", "2001:db8::9 two.example\n127.0.0.9 two.example\n"), ("nsswitch.conf", "hosts: files\n")];
    let script = r"
        ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && ip address add 2001:db8::1/64 dev v0 nodad
        ip neighbour add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0
        $S connect two.example 9 -w 5; echo $?";
    let Some((ended, _)) = in_namespace(&files, script) else { return };
    assert_eq!(ended.text(), "28\n", "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.9:9: connection refused"), "{}", ended.stderr);
    assert!(ended.stderr.contains("[2001:db8::9]:9: no answer"), "{}", ended.stderr);
}

#[test]
fn no_route_prohibited_and_blackhole_are_7_with_the_cause_and_the_address() {
    let script = r"
        ip route add unreachable 10.1.1.1; ip route add prohibit 10.1.1.2; ip route add blackhole 10.1.1.3
        for host in 10.1.1.1 10.1.1.2 10.1.1.3 10.1.1.4; do $S connect $host 80; echo $?; done";
    let Some((ended, _)) = in_namespace(&[], script) else { return };
    assert_eq!(ended.text(), "7\n7\n7\n7\n", "{}", ended.stderr);
    let causes = [
        ("10.1.1.1:80", "no route to host"),
        ("10.1.1.2:80", "prohibit"),
        ("10.1.1.3:80", "blackhole"),
        ("10.1.1.4:80", "network is unreachable"),
    ];
    for (line, (address, cause)) in ended.stderr.lines().zip(causes) {
        assert!(line.contains(address) && line.contains(cause), "{line}");
    }
}

#[test]
fn more_addresses_than_can_be_tried_are_capped_and_that_is_said() {
    let lines: Vec<_> = (0..10_000).map(|n| format!("127.1.{}.{} crowd.example", n / 250, n % 250 + 1)).collect();
    let hosts = lines.join("\n");
    let files = [("hosts", hosts.as_str()), ("nsswitch.conf", "hosts: files\n"), ("host.conf", "multi on\n")];
    let Some((ended, _)) = in_namespace(&files, "$S connect crowd.example 9; echo $?") else { return };
    assert_eq!(ended.text(), "7\n");
    assert!(
        ended.stderr.contains("crowd.example has 10000 addresses; only the first 64 count"),
        "{:.500}",
        ended.stderr
    );
}

#[test]
fn an_interface_that_is_down_as_source_is_45_with_the_address() {
    let script = r"
        ip link add v0 type veth peer name v1 && ip address add 10.9.9.1/24 dev v0 && ip link delete v0
        $S connect -s 10.9.9.1 127.0.0.1 80; echo $?";
    let Some((ended, _)) = in_namespace(&[], script) else { return };
    assert_eq!(ended.text(), "45\n");
    assert!(ended.stderr.contains("10.9.9.1"), "{}", ended.stderr);
}

#[test]
fn retry_for_waits_until_a_listener_appears() {
    let address = SocketAddr::from((loopback(), 9002));
    let waiting = start(&mut sockkit(["connect", "-v", "--retry-for", "60", &address.to_string()]));
    waiting.line("trying again");
    let listener = TcpListener::bind(address).expect("the address is this test's own");
    let (stream, _) = accept(&listener);
    drop(stream);
    waiting.end().expect(0);
}

#[test]
fn retry_for_ends_with_the_last_error_when_its_time_is_over() {
    let began = Instant::now();
    start(&mut sockkit(["connect", "--retry-for", "600ms", &refusing().to_string()])).end().expect(7);
    assert!(began.elapsed() >= Duration::from_millis(600) && began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn retry_for_does_not_repeat_what_can_not_change() {
    let began = Instant::now();
    start(&mut sockkit(["connect", "--retry-for", "30", "-s", "192.0.2.1", &refusing().to_string()])).end().expect(45);
    assert!(began.elapsed() < 5 * SECOND, "{:?}", began.elapsed());
}

#[test]
fn retry_for_is_left_by_a_signal() {
    let waiting = start(&mut sockkit(["connect", "-v", "--retry-for", "60", &refusing().to_string()]));
    waiting.line("trying again");
    waiting.signal(2);
    waiting.end_within(SOON).expect(130);
}

#[test]
fn the_source_is_what_the_peer_sees() {
    let source = loopback();
    let listener = TcpListener::bind((loopback(), 9003)).expect("the address is this test's own");
    let to = listener.local_addr().expect("it is bound").to_string();
    let ours = start(&mut sockkit(["connect", "-s", &source.to_string(), "-p", "9004", &to]));
    let (stream, from) = accept(&listener);
    assert_eq!(from, SocketAddr::from((source, 9004)));
    drop(stream);
    ours.end().expect(0);
}

#[test]
fn a_source_that_is_taken_or_not_ours_is_45_with_the_address() {
    let taken = TcpListener::bind((loopback(), 9005)).expect("the address is this test's own");
    let source = taken.local_addr().expect("it is bound");
    let to = refusing().to_string();
    let ended = start(&mut sockkit(["connect", "-s", &source.ip().to_string(), "-p", "9005", &to])).end().expect(45);
    assert!(ended.stderr.contains(&source.to_string()), "{}", ended.stderr);
    let ended = start(&mut sockkit(["connect", "-s", "192.0.2.1", &to])).end().expect(45);
    assert!(ended.stderr.contains("192.0.2.1"), "{}", ended.stderr);
    let ended = start(&mut sockkit(["connect", "-s", "::1", &to])).end().expect(2);
    assert!(ended.stderr.contains("family"), "{}", ended.stderr);
}

#[test]
fn a_port_is_not_open_because_it_meets_itself() {
    // Source and destination are the same: a simultaneous open with nobody (RFC 9293, 3.5).
    let own = loopback().to_string();
    start(&mut sockkit(["connect", "-s", &own, "-p", "9006", &own, "9006"])).end().expect(7);
}

#[test]
fn names_work_over_both_families() {
    let (address, peer) = server(|stream| read_all(&stream));
    run(&mut sockkit(["connect", "localhost", &address.port().to_string()]), b"by name").expect(0);
    assert_eq!(peer.join().expect("the script ends"), b"by name");
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: no IPv6 here");
        return;
    };
    let six = listener.local_addr().expect("it is bound");
    for words in [vec![six.to_string()], vec!["::1".into(), six.port().to_string()]] {
        let mut ours = start(sockkit(["connect"]).args(words).stdin(Stdio::piped()));
        ours.feed(b"six".to_vec());
        let (stream, _) = accept(&listener);
        assert_eq!(read_all(&stream), b"six");
        drop(stream);
        ours.end().expect(0);
    }
}

#[test]
fn a_datagram_socket_on_the_same_port_is_no_listener() {
    let udp = UdpSocket::bind((loopback(), 9007)).expect("the address is this test's own");
    start(&mut sockkit(["connect", &udp.local_addr().expect("it is bound").to_string()])).end().expect(7);
}

#[test]
fn what_can_not_be_an_address_is_2() {
    for words in [
        &["127.0.0.1:99999"][..],
        &["127.1", "80"],
        &["0x7f.0.0.1", "80"],
        &["a\tb", "80"],
        &["host"],
        &["host", "80", "too-much"],
        &["fe80::1%no-such-interface", "80"],
        &["unix:"],
        &["127.0.0.1", "no-such-service-name"],
        &["127.0.0.1", "80", "--no-such-option"],
        &["unix:/tmp/x", "--source-port", "9"],
        &["127.0.0.1", "80", "-w", "soon"],
    ] {
        let mut command = sockkit(["connect"]);
        let ended = start(command.args(words)).end().expect(2);
        assert!(!ended.stderr.is_empty() && !ended.stderr.contains('\t'), "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn old_habits_get_an_error_that_names_the_new_spelling() {
    for (words, new) in [
        (&["connect", "-N", "host", "80"][..], "--no-half-close"),
        (&["connect", "-q", "1", "host", "80"], "--until-idle"),
        (&["-l", "80"], "sockkit listen"),
        (&["connect", "-l", "80"], "sockkit listen"),
        (&["connect", "-u", "host", "80"], "udp-send"),
        (&["connect", "-U", "/tmp/s"], "unix:"),
        (&["listen", "-p", "80"], "sockkit listen [HOST] PORT"),
        (&["listen", "-U", "/tmp/s"], "unix:"),
        (&["listen", "-u", "80"], "udp-recv"),
        (&["host", "80"], "sockkit connect HOST PORT"),
    ] {
        let ended = start(&mut sockkit(words)).end().expect(2);
        assert!(ended.stderr.contains(new), "{words:?}: {}", ended.stderr);
    }
}
