//! `listen`: what is bound and announced, who counts as the one client, and UNIX names.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::wire::{client, eventually, loopback, read_all, stale};
use crate::support::{Running, directory, peer, sockkit, start};

const SECOND: Duration = Duration::from_secs(1);

/// Much more than what happens at once, or at a limit, takes; less than another limit that could be waited for instead.
const SOON: Duration = Duration::from_secs(8);

const BINARY: &str = env!("CARGO_BIN_EXE_sockkit");

fn listen(words: &[&str]) -> Command {
    let mut command = sockkit(["listen"]);
    command.args(words);
    command
}

/// Sends `bytes` and ends; the listener ends with it, and that is what its output must be.
#[track_caller]
fn serves(listener: Running, stream: &TcpStream, bytes: &[u8]) {
    let mut writer = stream;
    writer.write_all(bytes).expect("it listens");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    assert!(read_all(stream).is_empty());
    assert_eq!(listener.end().expect(0).stdout, bytes);
}

#[test]
fn a_port_alone_is_dual_stack_and_shows_ipv4_peers_as_such() {
    let listener = start(&mut listen(&["-v", "0"]));
    let address = listener.address();
    assert!(address.is_ipv6() && address.ip().is_unspecified(), "{address}");
    let stream = client(SocketAddr::from(([127, 0, 0, 1], address.port())));
    let line = listener.line("accepted");
    assert!(line.contains(" 127.0.0.1:") && !line.contains("ffff"), "{line}");
    serves(listener, &stream, b"over IPv4");
    for word in ["0", "[::]:0"] {
        let listener = start(&mut listen(&["-v", word]));
        let port = listener.address().port();
        let stream = client(format!("[::1]:{port}").parse().expect("an address"));
        assert!(listener.line("accepted").contains(" [::1]:"));
        serves(listener, &stream, b"over IPv6");
    }
}

#[test]
fn one_family_can_be_asked_for() {
    for words in [&["0.0.0.0", "0"][..], &["-4", "0"]] {
        let listener = start(&mut listen(words));
        let address = listener.address();
        assert!(address.is_ipv4() && address.ip().is_unspecified(), "{address}");
        assert!(TcpStream::connect(("::1", address.port())).is_err());
        serves(listener, &client(SocketAddr::from(([127, 0, 0, 1], address.port()))), b"four");
    }
    let listener = start(&mut listen(&["-6", "0"]));
    let port = listener.address().port();
    // At 127.0.0.1 another test may have the same port.
    assert!(TcpStream::connect((loopback(), port)).is_err());
    serves(listener, &client(format!("[::1]:{port}").parse().expect("an address")), b"six");
}

#[test]
fn a_missing_family_is_a_warning() {
    let Some(mut unshare) = peer("unshare") else { return };
    let script =
        "ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; sysctl -qw net.ipv6.bindv6only=0;
        strace -o /dev/null -e inject=socket:error=EAFNOSUPPORT:when=1 $S listen 9001 --accept-timeout 100ms; echo $?";
    if peer("strace").is_none() {
        return;
    }
    unshare.args(["-rn", "bash", "-c", script]).env("S", BINARY);
    let ended = start(&mut unshare).end();
    if ended.stderr.contains("Operation not permitted") {
        eprintln!("skipped: namespaces are not permitted here");
        return;
    }
    assert_eq!(ended.text(), "28\n", "{}", ended.stderr);
    assert!(ended.stderr.contains("warning: IPv6 is missing"), "{}", ended.stderr);
    assert!(ended.stderr.contains("listening on 0.0.0.0:9001"), "{}", ended.stderr);
}

#[test]
fn scripts_learn_the_port_from_a_file_or_a_descriptor() {
    let dir = directory();
    let (port_file, ready) = (dir.path().join("port"), dir.path().join("ready"));
    let mut command = Command::new("bash");
    command.args(["-c", "exec $S listen 127.0.0.1 0 -q --port-file $D/port --ready-fd 7 7>$D/ready"]);
    command.env("S", BINARY).env("D", dir.path());
    let listener = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    eventually("the descriptor is written to", || fs::read_to_string(&ready).is_ok_and(|text| text.ends_with('\n')));
    let address: SocketAddr = fs::read_to_string(&ready).expect("it is there").trim().parse().expect("an address");
    assert_eq!(fs::read_to_string(&port_file).expect("it was written before"), format!("{}\n", address.port()));
    serves(listener, &client(address), b"found");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("it is ours").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error() {
    start(&mut listen(&["127.0.0.1", "0", "--ready-fd", "77"])).end().expect(23);
    start(&mut listen(&["127.0.0.1", "0", "--port-file", "/no/such/directory/port"])).end().expect(23);
}

#[test]
fn nobody_comes_and_accept_timeout_is_28_while_w_does_not_count() {
    let began = Instant::now();
    let ended = start(&mut listen(&["127.0.0.1", "0", "-w", "100ms", "--accept-timeout", "1"])).end().expect(28);
    assert!(began.elapsed() >= SECOND && began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(ended.stderr.contains("--accept-timeout"), "{}", ended.stderr);
}

#[test]
fn w_bounds_the_silence_of_the_client() {
    let listener = start(&mut listen(&["127.0.0.1", "0", "-w", "300ms"]));
    let _stream = client(listener.address());
    listener.end_within(SOON).expect(28);
}

#[test]
fn a_second_client_is_refused_once_the_first_counts() {
    let listener = start(&mut listen(&["-v", "127.0.0.1", "0"]));
    let address = listener.address();
    let first = client(address);
    listener.line("accepted");
    eventually("the listening socket is closed", || TcpStream::connect(address).is_err());
    serves(listener, &first, b"the first");
}

#[test]
fn ignore_empty_lets_health_checks_pass() {
    let mut command = listen(&["-v", "127.0.0.1", "0", "--ignore-empty"]);
    let mut listener = start(command.stdin(Stdio::piped()));
    let address = listener.address();
    let mut stdin = listener.stdin();
    for _ in 0..3 {
        drop(client(address));
        listener.line("does not count");
    }
    let silent = client(address);
    crate::support::wire::reset(client(address));
    listener.line("does not count");
    // A client that is silent does not keep the speaker waiting.
    let speaker = client(address);
    // More than a pipe holds: it can only be written whole if somebody reads it, and nobody may yet.
    let ours = crate::support::random(1 << 20, 1);
    let expected = ours.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(&ours));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!feeder.is_finished(), "stdin was read before a client counted");
    (&speaker).write_all(b"hello").expect("it listens");
    speaker.shutdown(Shutdown::Write).expect("it is connected");
    crate::support::assert_same(&read_all(&speaker), &expected);
    feeder.join().expect("it does not panic").expect("all was read");
    assert_eq!(listener.end().expect(0).text(), "hello");
    drop(silent);
}

#[test]
fn ignore_empty_and_send_only_contradict_each_other() {
    start(&mut listen(&["0", "--ignore-empty", "--send-only"])).end().expect(2);
    start(&mut listen(&["0", "-m", "3"])).end().expect(2);
    start(&mut listen(&["0", "-k", "--until-idle", "1"])).end().expect(2);
}

#[test]
fn a_port_in_use_is_45() {
    let taken = TcpListener::bind((loopback(), 9021)).expect("the address is this test's own");
    let address = taken.local_addr().expect("it is bound").to_string();
    let ended = start(&mut listen(&[&address])).end().expect(45);
    assert!(ended.stderr.contains(&format!("bind to {address}: address already in use")), "{}", ended.stderr);
    let ours = start(&mut listen(&["127.0.0.1", "0"]));
    let address = ours.address().to_string();
    start(&mut listen(&[&address])).end().expect(45);
    // Neither may take half of the other's clients unless both ask for it.
    start(&mut listen(&[&address, "--reuse-port"])).end().expect(45);
}

#[test]
fn reuse_port_shares_when_both_ask() {
    let one = start(&mut listen(&["127.0.0.1", "0", "--reuse-port"]));
    let address = one.address().to_string();
    let two = start(&mut listen(&[&address, "--reuse-port"]));
    assert_eq!(two.address().to_string(), address);
}

#[test]
fn an_address_that_is_not_ours_is_45() {
    let ended = start(&mut listen(&["192.0.2.1", "9001"])).end().expect(45);
    assert!(ended.stderr.contains("192.0.2.1:9001"), "{}", ended.stderr);
}

#[test]
fn a_low_port_without_the_right_is_45_with_the_reason() {
    let Some(mut setpriv) = peer("setpriv") else { return };
    let limit = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if limit.trim() == "0" {
        eprintln!("skipped: every port is free for everybody here");
        return;
    }
    setpriv.args(["--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service"]);
    let ended = start(setpriv.args([BINARY, "listen", &loopback().to_string(), "81"])).end();
    if ended.stderr.contains("setpriv:") {
        eprintln!("skipped: {}", ended.stderr);
        return;
    }
    let ended = ended.expect(45);
    assert!(
        ended.stderr.contains("permission denied") && ended.stderr.contains("CAP_NET_BIND_SERVICE"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_restart_over_time_wait_works_at_once() {
    let address = SocketAddr::from((loopback(), 9022));
    for round in 0..3 {
        // The side that closes first is the one with TIME_WAIT: stdin ends, and the listener with it.
        let listener = start(listen(&[&address.to_string(), "--end-on", "local"]).stdin(Stdio::piped()));
        assert_eq!(listener.address(), address, "round {round}");
        let stream = client(address);
        let mut running = listener;
        running.feed(b"bye".to_vec());
        assert_eq!(read_all(&stream), b"bye");
        drop(stream);
        running.end().expect(0);
    }
    let mut command = listen(&[&address.to_string(), "--no-reuse-address"]);
    start(command.args(["--accept-timeout", "1"])).end().expect(45);
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

#[test]
fn a_unix_name_that_is_something_else_is_45_and_untouched() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "precious").expect("the directory is ours");
    fs::create_dir(at("directory")).expect("the directory is ours");
    std::os::unix::fs::symlink("file", at("link")).expect("the directory is ours");
    std::os::unix::fs::symlink("nowhere", at("dangling")).expect("the directory is ours");
    for name in ["file", "directory", "link", "dangling"] {
        let ended = start(&mut listen(&[&unix(&at(name))])).end().expect(45);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
        assert!(fs::symlink_metadata(at(name)).is_ok(), "{name} is gone");
    }
    assert_eq!(fs::read(at("file")).expect("it is there"), b"precious");
    start(&mut listen(&[&unix(&at("no/directory"))])).end().expect(45);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_45() {
    let dir = directory();
    let path = dir.path().join("s");
    stale(&path);
    let listener = start(&mut listen(&[&unix(&path)]));
    listener.line("listening on ");
    let ended = start(&mut listen(&[&unix(&path)])).end().expect(45);
    assert!(ended.stderr.contains("another program listens there"), "{}", ended.stderr);
    // The probe of the second was no client of the first.
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(b"hello").expect("it listens");
    drop(stream);
    assert_eq!(listener.end().expect(0).text(), "hello");
    assert!(!path.exists());
}

#[test]
fn a_socket_file_that_is_not_ours_any_more_stays() {
    let dir = directory();
    let path = dir.path().join("s");
    let listener = start(&mut listen(&[&unix(&path)]));
    listener.line("listening on ");
    fs::remove_file(&path).expect("it is there");
    let _other = UnixListener::bind(&path).expect("the directory is ours");
    listener.signal(2);
    listener.end_within(SOON).expect(130);
    assert!(path.exists(), "the other program's socket is gone");
}

#[test]
fn the_socket_file_goes_once_the_client_counts() {
    let dir = directory();
    let path = dir.path().join("s");
    let listener = start(&mut listen(&["-v", &unix(&path)]));
    listener.line("listening on ");
    let stream = UnixStream::connect(&path).expect("it listens");
    listener.line("accepted");
    eventually("the file is gone", || !path.exists());
    drop(stream);
    listener.end().expect(0);
}

#[test]
fn a_client_that_left_before_it_was_taken_is_no_harm() {
    let listener = start(&mut listen(&["-v", "-k", "127.0.0.1", "0"]));
    let address = listener.address();
    listener.signal(19);
    for _ in 0..5 {
        crate::support::wire::reset(client(address));
    }
    let mut stream = client(address);
    stream.write_all(b"still served").expect("the kernel takes it");
    listener.signal(18);
    stream.shutdown(Shutdown::Write).expect("it is connected");
    assert!(read_all(&stream).is_empty());
    listener.signal(2);
    assert_eq!(listener.end_within(SOON).expect(0).text(), "still served");
}

/// The errors that accept(2) lists as the client's own: the next client must be served.
#[test]
fn errors_of_a_pending_client_lead_to_the_next() {
    for error in ["ECONNABORTED", "EPROTO", "ENETDOWN", "EHOSTUNREACH", "ENETUNREACH", "EINTR", "EPERM"] {
        let Some(mut strace) = peer("strace") else { return };
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("inject=accept,accept4:error={error}:when=1")]);
        let listener = start(strace.args([BINARY, "listen", "127.0.0.1", "0"]));
        let stream = client(listener.address());
        serves(listener, &stream, error.as_bytes());
    }
}
