//! TLS as a server, with the real binary: `echo-server --tls` in its loops, `listen --tls` with and without -k, the
//! certificates that are shown and those that are demanded.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::talk::Talk;
use crate::support::tls::{Ca, Key, Leaf, LeafOptions, Usage};
use crate::support::wire::{client, eventually, read_all, status};
use crate::support::{
    Ended, HARD_LIMIT, Running, assert_same, directory, file, peer, python, random, run, sockkit, start,
};

/// After a signal the clients have a second for their last words. This is much more, and they would stay for ever.
const SOON: Duration = Duration::from_secs(10);

const TERM: i32 = 15;

/// What the Python clients begin with: `ctx` trusts the authority in their first argument, the port is the second.
const PRELUDE: &str = "
import socket, ssl, sys
ca, port = sys.argv[1], int(sys.argv[2])
ctx = ssl.create_default_context(cafile=ca)
def plain():
    return socket.create_connection(('127.0.0.1', port), 60)
def tls(name='localhost', session=None):
    return ctx.wrap_socket(plain(), server_hostname=name, session=session, suppress_ragged_eofs=False)
def exactly(s, n):
    got = b''
    while len(got) < n:
        piece = s.recv(n - len(got))
        assert piece, (n, got)
        got += piece
    return got
def ends(s):
    assert s.recv(1) == b'', 'close_notify, and nothing before it'
";

/// An authority and one certificate of it, for localhost.
struct Identity {
    dir: tempfile::TempDir,
    ca: Ca,
    leaf: Leaf,
}

impl Identity {
    fn new() -> Self {
        let dir = directory();
        let ca = Ca::new(&dir);
        let leaf = ca.leaf(LeafOptions::of(&["localhost"]));
        Identity { dir, ca, leaf }
    }

    /// `verb` as a server with this certificate.
    fn command(&self, verb: &str, args: &[&str]) -> Command {
        serving(verb, &self.leaf, args)
    }

    fn echo(&self, args: &[&str]) -> (Running, SocketAddr) {
        let running = start(&mut self.command("echo-server", args));
        let address = running.address();
        (running, address)
    }

    /// `sockkit connect --tls` to `address`, which trusts the authority.
    fn connect(&self, address: SocketAddr, args: &[&str]) -> Command {
        let mut command = sockkit(["connect", "--tls", "--tls-name", "localhost", "--tls-ca"]);
        command.arg(&self.ca.file).args(args).arg(address.to_string());
        command
    }

    /// A Python client.
    fn python(&self, address: SocketAddr, script: &str, args: &[&str]) -> Option<Command> {
        let (ca, port) = (self.ca.file.to_string_lossy(), address.port().to_string());
        python(&format!("{PRELUDE}{script}"), &[&[&ca, port.as_str()], args].concat())
    }
}

/// `verb` as a server that shows `leaf`.
fn serving(verb: &str, leaf: &Leaf, args: &[&str]) -> Command {
    let mut command = sockkit([verb, "--tls"]);
    command.arg("--tls-cert").arg(&leaf.chain).arg("--tls-key").arg(&leaf.key);
    command.args(args).args(["127.0.0.1", "0"]);
    command
}

#[track_caller]
fn terminated(server: Running) -> Ended {
    server.signal(TERM);
    server.end_within(SOON).expect(0)
}

#[test]
fn what_comes_goes_back_also_after_the_clients_end() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&["-v"]);
    for (size, seed) in [(0, 1), (1, 2), (16_384, 3), (70_000, 4), (8_000_000, 5)] {
        let bytes = random(size, seed);
        // `connect` sends close_notify and FIN behind the last byte: what comes back comes after that.
        assert_same(&run(&mut identity.connect(address, &[]), &bytes).expect(0).stdout, &bytes);
    }
    let ended = terminated(server);
    assert!(ended.stderr.contains("5 clients, "), "{}", ended.stderr);
    assert!(ended.stderr.contains(" 0 failed"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("TLS 1.3").count(), 5, "each handshake is told: {}", ended.stderr);
}

#[test]
fn openssl_with_either_version_and_each_kind_of_key() {
    let identity = Identity::new();
    for key in [Key::P256, Key::P384, Key::Ed25519, Key::Rsa] {
        let leaf = identity.ca.leaf(LeafOptions { key, ..LeafOptions::of(&["localhost"]) });
        let server = start(&mut serving("echo-server", &leaf, &[]));
        let address = server.address();
        for version in ["-tls1_2", "-tls1_3"] {
            let Some(mut openssl) = peer("openssl") else { return };
            openssl.args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost", version]);
            openssl.arg("-CAfile").arg(&identity.ca.file).arg("-connect").arg(address.to_string());
            let mut talk = Talk::start(&mut openssl);
            talk.say("over TLS\n");
            talk.hear("over TLS\n");
            drop(talk);
        }
        server.line("dropped");
    }
}

#[test]
fn one_record_with_many_messages_gets_an_answer_to_each() {
    let identity = Identity::new();
    let (server, address) =
        identity.echo(&["--greeting", "hi\n", "--lines", "--reply", "<{}>\n", "--exit-word", "bye"]);
    // No event of the poller tells of a line that is decrypted already.
    let script = "
s = tls()
assert exactly(s, 3) == b'hi\\n'
s.sendall(b''.join(b'%d\\n' % n for n in range(2000)))
wanted = b''.join(b'<%d>\\n' % n for n in range(2000))
assert exactly(s, len(wanted)) == wanted
s.sendall(b'bye\\n')
ends(s)
s.unwrap()
";
    let Some(mut client) = identity.python(address, script, &[]) else { return };
    run(&mut client, b"").expect(0);
    assert!(terminated(server).stderr.contains("2001 messages"));
}

#[test]
fn faults_and_services_are_played_over_tls_too() {
    let identity = Identity::new();
    let play = |args: &[&str], script: &str| {
        let (_server, address) = identity.echo(args);
        let Some(mut client) = identity.python(address, script, &[]) else { return };
        run(&mut client, b"").expect(0);
    };
    // How long the text is depends on the day.
    let daytime = "
s, time = tls(), b''
while piece := s.recv(999):
    time += piece
assert b', 20' in time and time.endswith(b'-UTC\\r\\n'), time
";
    play(&["--mode", "daytime"], daytime);
    play(&["--mode", "chargen"], "s = tls(); assert exactly(s, 300000)[:3] == b' !\"'");
    play(&["--mode", "discard"], "s = tls(); s.sendall(b'x' * 300000); s.unwrap()");
    play(&["--chunk", "1..7"], "s = tls(); s.sendall(b'y' * 5000); assert exactly(s, 5000) == b'y' * 5000");
    play(&["--close-after", "3"], "s = tls(); s.sendall(b'12345'); assert exactly(s, 3) == b'123'; ends(s)");
    let reset = "
s = tls(); s.sendall(b'12345'); assert exactly(s, 3) == b'123'
# Python's TLS takes a reset for an end.
s = socket.socket(fileno=s.detach())
s.settimeout(60)
try:
    s.recv(1)
    sys.exit('no reset')
except ConnectionResetError:
    pass
";
    play(&["--reset-after", "3"], reset);
}

#[test]
fn a_handshake_dribbled_a_byte_at_a_time_is_one() {
    let identity = Identity::new();
    let (_server, address) = identity.echo(&[]);
    let script = "
s = plain()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
o = ctx.wrap_bio(come, go, server_hostname='localhost')
def send():
    for byte in go.read():
        s.send(bytes([byte]))
def until_done(f, *args):
    while True:
        try:
            got = f(*args)
            send()
            return got
        except ssl.SSLWantReadError:
            send()
            piece = s.recv(1)
            assert piece
            come.write(piece)
until_done(o.do_handshake)
until_done(o.write, b'hello')
assert until_done(o.read, 5) == b'hello'
# Our end, and what comes after it.
until_done(o.write, b'last')
try:
    o.unwrap()
except ssl.SSLWantReadError:
    send()
assert until_done(o.read, 4) == b'last'
";
    let Some(mut client) = identity.python(address, script, &[]) else { return };
    run(&mut client, b"").expect(0);
}

#[test]
fn many_come_and_go_and_their_sessions_are_resumed() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&["-m", "4"]);
    let script = "
from threading import Barrier, Thread
four, resumed = Barrier(4), []
def churn():
    session = None
    for n in range(50):
        s = tls(session=session)
        s.sendall(b'%d' % n)
        assert exactly(s, len(str(n))) == b'%d' % n
        session = s.session
        resumed.append(s.session_reused)
        # As many as there may be are there at once, however late some of them begin.
        if n == 0: four.wait(60)
        s.unwrap().close()
threads = [Thread(target=churn) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(resumed) == 400
assert sum(resumed) > 300, sum(resumed)
";
    let Some(mut client) = identity.python(address, script, &[]) else { return };
    run(&mut client, b"").expect(0);
    let stderr = terminated(server).stderr;
    assert!(stderr.contains("400 clients, 4 at once at most, 0 failed"), "{stderr}");
}

#[test]
fn a_client_that_speaks_plain_text_is_named_and_hears_an_alert() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&["-m", "1"]);
    let mut plain = client(address);
    plain.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("the server listens");
    assert_eq!(read_all(&plain).first(), Some(&21), "an alert (RFC 8446 §5.1)");
    let name = plain.local_addr().expect("it is bound").to_string();
    drop(plain);
    let line = server.line("GET / HTTP");
    assert!(line.contains(&name) && line.contains("not TLS"), "{line}");
    run(&mut identity.connect(address, &[]), b"next").expect(0);
    assert!(terminated(server).stderr.contains("2 clients, 1 at once at most, 1 failed"));
}

#[test]
fn a_client_that_never_shakes_hands_holds_its_place_for_the_limit() {
    let identity = Identity::new();
    // It holds for the client that does shake hands, too, which may be slow.
    let limit = Duration::from_secs(5);
    let (server, address) = identity.echo(&["-m", "3", "--handshake-timeout", "5"]);
    let began = Instant::now();
    let silent = [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01"].map(|beginning| {
        let mut stream = client(address);
        stream.write_all(beginning).expect("the kernel takes it");
        stream
    });
    assert_eq!(run(&mut identity.connect(address, &[]), b"hello").expect(0).text(), "hello");
    assert!(began.elapsed() >= limit, "all places were taken");
    let lines = silent.each_ref().map(|_| server.line("--handshake-timeout"));
    assert!(lines.iter().all(|line| line.contains("timed out after 5 s")), "{lines:?}");
    for stream in &silent {
        let name = stream.local_addr().expect("it is bound").to_string();
        assert!(lines.iter().any(|line| line.contains(&name)), "{name}: {lines:?}");
    }
    assert!(terminated(server).stderr.contains("4 clients, 3 at once at most, 3 failed"));
}

#[test]
fn a_thousand_at_once_of_which_two_hundred_never_shake_hands() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&["-m", "1000", "--handshake-timeout", "8"]);
    let script = "
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
good = [tls() for _ in range(800)]
bad = [plain() for _ in range(200)]
[s.send(bytes([22, 3, 1, 2, 0, 1][:n % 7])) for n, s in enumerate(bad)]
# All of them are there before the first is served.
[s.sendall(b'%d' % n * 500) for n, s in enumerate(good)]
for n, s in enumerate(good):
    assert exactly(s, len(str(n)) * 500) == b'%d' % n * 500
print('served', flush=True)
# Those that said nothing are let go, by FIN or a reset, and their places are free.
for s in bad:
    try:
        while s.recv(999): pass
    except ConnectionResetError:
        pass
more = [tls() for _ in range(200)]
for s in more + good:
    s.sendall(b'again')
for s in more + good:
    assert exactly(s, 5) == b'again'
print('again', flush=True)
sys.stdin.read()
";
    let Some(mut clients) = identity.python(address, script, &[]) else { return };
    let mut clients = Talk::start(&mut clients);
    clients.hear("served\nagain\n");
    let peak = status(server.pid, "VmHWM");
    assert!(peak < 64 << 10, "{peak} kB");
    server.signal(10);
    let line = server.line("clients here now");
    assert!(line.contains("1000 clients here now; so far 1200 clients, 1000 at once at most, 200 failed"), "{line}");
    server.signal(TERM);
    server.end_within(SOON).expect(0);
}

#[test]
fn one_that_does_not_read_disturbs_nobody_and_costs_no_memory() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&[]);
    let script = "
s = tls()
s.setblocking(False)
block, offered = b'x' * 65536, 0
try:
    while offered < 32 << 20:
        offered += s.send(block)
except ssl.SSLWantWriteError:
    pass
print('stuck', flush=True)
sys.stdin.read()
";
    let Some(mut greedy) = identity.python(address, script, &[]) else { return };
    let mut greedy = Talk::start(&mut greedy);
    greedy.hear("stuck\n");
    let bytes = random(1 << 20, 1);
    assert_same(&run(&mut identity.connect(address, &[]), &bytes).expect(0).stdout, &bytes);
    let peak = status(server.pid, "VmHWM");
    assert!(peak < 24 << 10, "{peak} kB");
}

#[test]
fn a_cut_without_close_notify_is_a_failure_that_is_named() {
    let identity = Identity::new();
    let (server, address) = identity.echo(&[]);
    let script = "s = tls(); s.sendall(b'x'); exactly(s, 1); s.shutdown(socket.SHUT_WR); print(s.getsockname()[1])";
    let Some(mut client) = identity.python(address, script, &[]) else { return };
    let port = run(&mut client, b"").expect(0).text();
    assert!(server.line("close_notify").contains(&format!(":{}", port.trim())));
    assert!(terminated(server).stderr.contains("1 failed"));
}

#[test]
fn at_its_end_the_server_says_close_notify_to_all() {
    let identity = Identity::new();
    for (verb, args) in [("echo-server", &[][..]), ("listen", &["-k"])] {
        let mut server = Talk::start(&mut identity.command(verb, args));
        let address = server.program.address();
        let is_echo = if args.is_empty() { &["echo"][..] } else { &[] };
        let script = "
many = [tls() for _ in range(30)]
[s.sendall(b'x') for s in many]
[exactly(s, 1) for s in many if len(sys.argv) > 3]
silent = [plain() for _ in range(5)]
print('there', flush=True)
for s in many:
    while s.recv(99): pass
print('ended', flush=True)
";
        let Some(mut clients) = identity.python(address, script, is_echo) else { return };
        let mut clients = Talk::start(&mut clients);
        clients.hear("there\n");
        if is_echo.is_empty() {
            server.hear("x".repeat(30));
        }
        server.program.signal(TERM);
        server.program.end_within(SOON).expect(0);
        clients.hear("ended\n");
        clients.program.end().expect(0);
    }
}

#[test]
fn keep_open_serves_two_while_others_never_shake_hands() {
    let identity = Identity::new();
    // Long enough for the two, who may be slow.
    let mut command = identity.command("listen", &["-k", "-v", "--handshake-timeout", "5"]);
    let mut hub = Talk::start(&mut command);
    let address = hub.program.address();
    let silent = client(address);
    let mut plain = client(address);
    plain.write_all(b"HELO\r\n").expect("it listens");
    let mut one = Talk::start(&mut identity.connect(address, &[]));
    one.say("from one\n");
    hub.hear("from one\n");
    let mut two = Talk::start(&mut identity.connect(address, &[]));
    two.say("from two\n");
    hub.hear("from two\n");
    hub.say("to all\n");
    one.hear("to all\n");
    two.hear("to all\n");
    assert_eq!(read_all(&plain).first(), Some(&21), "an alert");
    drop(plain);
    assert!(read_all(&silent).is_empty(), "it hears nothing of what is for those who can read it");
    let ended = |hub: &Talk, text: &str| eventually(text, || hub.program.stderr().contains(text));
    ended(&hub, "HELO");
    ended(&hub, "timed out after 5 s (--handshake-timeout)");
    one.hang_up();
    two.hang_up();
    hub.hang_up();
    ended(&hub, "9 bytes from it, 7 bytes to it");
    one.program.end().expect(0);
    two.program.end().expect(0);
    assert_eq!(hub.program.stderr().matches("TLS 1.3").count(), 2);
    hub.program.signal(TERM);
    hub.program.end_within(SOON).expect(0);
}

#[test]
fn keep_open_moves_megabytes_both_ways() {
    let identity = Identity::new();
    let (up, down) = (random(6_000_000, 1), random(5_000_000, 2));
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let mut hub = start(identity.command("listen", &["-k"]).stdin(Stdio::piped()).stdout(write));
    let address = hub.address();
    hub.feed(down.clone());
    let (send, heard) = channel();
    thread::spawn(move || {
        let mut bytes = vec![0; 6_000_000];
        let all = read.read_exact(&mut bytes);
        let _ = send.send(all.map(|()| (bytes, read)));
    });
    assert_same(&run(&mut identity.connect(address, &[]), &up).expect(0).stdout, &down);
    // All of it is read before the signal: what waits for a slow reader a second after that is lost.
    let (bytes, mut rest) = heard.recv_timeout(HARD_LIMIT).expect("it comes in time").expect("all of it comes");
    assert_same(&bytes, &up);
    hub.signal(TERM);
    hub.end_within(SOON).expect(0);
    assert_eq!(rest.read_to_end(&mut Vec::new()).expect("it can be read"), 0, "more came than was sent");
}

#[test]
fn a_listener_for_one_tells_what_the_one_did_wrong() {
    let identity = Identity::new();
    let (listener, plain) = first_client(&identity, &[], b"hello?\r\n");
    assert_eq!(read_all(&plain).first(), Some(&21), "an alert");
    let stderr = listener.end().expect(35).stderr;
    assert!(stderr.contains("hello?") && stderr.contains(&plain.local_addr().expect("bound").to_string()), "{stderr}");
    let (listener, plain) = first_client(&identity, &["--handshake-timeout", "300ms"], b"\x16");
    assert!(listener.end().expect(28).stderr.contains("timed out after 0.3 s (--handshake-timeout)"));
    drop(plain);
    let (listener, plain) = first_client(&identity, &["-w", "0.3"], b"");
    assert!(listener.end().expect(28).stderr.contains("timed out after 0.3 s (--timeout)"));
    drop(plain);
    let (listener, plain) = first_client(&identity, &[], b"\x16\x03\x01");
    drop(plain);
    listener.end().expect(35);
}

fn first_client(identity: &Identity, args: &[&str], says: &[u8]) -> (Running, TcpStream) {
    let listener = start(&mut identity.command("listen", args));
    let mut stream = client(listener.address());
    stream.write_all(says).expect("it listens");
    (listener, stream)
}

#[test]
fn a_listener_that_ignores_the_empty_waits_for_a_handshake() {
    let identity = Identity::new();
    // Long enough for the last client, which may be slow.
    let listener = start(&mut identity.command("listen", &["-v", "--ignore-empty", "--handshake-timeout", "5"]));
    let address = listener.address();
    drop(client(address));
    listener.line("does not count");
    for says in [&b"PING\r\n"[..], b"\x16"] {
        let mut stream = client(address);
        stream.write_all(says).expect("it listens");
        listener.line("the others go on");
    }
    run(&mut identity.connect(address, &[]), b"at last").expect(0);
    assert_eq!(listener.end().expect(0).text(), "at last");
}

#[test]
fn the_certificate_is_chosen_by_the_name_that_is_asked_for() {
    let identity = Identity::new();
    let names: [&[&str]; 4] = [&["localhost"], &["*.wild.test", "plain.test"], &["one.wild.test"], &["rsa.test"]];
    let mut command = sockkit(["echo-server", "--tls"]);
    for names in names {
        let key = if names[0] == "rsa.test" { Key::Rsa } else { Key::P256 };
        let leaf = identity.ca.leaf(LeafOptions { key, ..LeafOptions::of(names) });
        command.arg("--tls-cert").arg(&leaf.chain).arg("--tls-key").arg(&leaf.key);
    }
    let server = start(command.args(["127.0.0.1", "0"]));
    let script = "
ctx.check_hostname = False
for asked, shown in [('localhost', 'localhost'), ('PLAIN.test', '*.wild.test'), ('two.wild.test', '*.wild.test'),
                     ('one.wild.test', 'one.wild.test'), ('rsa.test', 'rsa.test'), ('a.b.wild.test', 'localhost'),
                     ('unknown.test', 'localhost'), (None, 'localhost')]:
    s = tls(asked)
    first = s.getpeercert()['subjectAltName'][0][1]
    assert first == shown, (asked, first)
    s.unwrap()
";
    let Some(mut client) = identity.python(server.address(), script, &[]) else { return };
    run(&mut client, b"").expect(0);
}

#[test]
fn clients_show_a_certificate_where_one_is_demanded() {
    let identity = Identity::new();
    let clients = Ca::named(&identity.dir, "Clients");
    let show = |ca: &Ca| ca.leaf(LeafOptions { usage: Usage::Client, subject: "Alice", ..LeafOptions::of(&[]) });
    let (good, bad) = (show(&clients), show(&identity.ca));
    let demands = clients.file.to_string_lossy().into_owned();
    for (verb, arg) in [("echo-server", "--mode=discard"), ("listen", "-k")] {
        let server = start(identity.command(verb, &[arg, "-v", "--tls-client-ca", &demands]).stdin(Stdio::null()));
        let address = server.address();
        let script = "
import time
for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
    ctx = ssl.create_default_context(cafile=ca)
    ctx.minimum_version = ctx.maximum_version = version
    if len(sys.argv) > 3: ctx.load_cert_chain(sys.argv[3], sys.argv[4])
    began = time.monotonic()
    try:
        s = tls()
        s.sendall(b'x' * 300000)
        s.unwrap() if 'good' in sys.argv else s.recv(1)
        print('served')
    except (ConnectionError, ssl.SSLEOFError) as e:
        # What is under way is taken for a second at least: nobody who was quicker may meet a reset in its place.
        print('too late for the ALERT' if time.monotonic() - began > 1 else e)
    except ssl.SSLError as e:
        print(e.reason)
";
        let says = |certificate: Option<&Leaf>, is_good: bool| {
            let args: Vec<_> = certificate.iter().flat_map(|leaf| [&leaf.chain, &leaf.key]).collect();
            let args: Vec<_> = args.iter().map(|path| path.to_string_lossy()).collect();
            let args: Vec<_> = args.iter().map(AsRef::as_ref).collect();
            let args = if is_good { [args, vec!["good"]].concat() } else { args };
            let mut client = identity.python(address, script, &args)?;
            Some(run(&mut client, b"").expect(0).text())
        };
        let Some(said) = says(Some(&good), true) else { return };
        assert_eq!(said, "served\nserved\n");
        // Who it was is told with the handshake.
        server.line("Alice");
        server.line("Alice");
        let Some(said) = says(None, false) else { return };
        assert_eq!(said.matches("ALERT").count(), 2, "{said}");
        server.line("certificate");
        server.line("certificate");
        let Some(said) = says(Some(&bad), false) else { return };
        assert_eq!(said.matches("ALERT").count(), 2, "{said}");
        server.line("certificate");
        server.line("certificate");
        // The refusal is worded on our own side, too.
        let refused = run(&mut identity.connect(address, &[]), b"secret").expect(35).stderr;
        assert!(refused.to_lowercase().contains("certificate"), "{refused}");
        terminated(server);
    }
}

#[test]
fn keys_in_each_of_their_forms() {
    let identity = Identity::new();
    let convert = |leaf: &Leaf, name: &str, args: &[&str]| {
        let to = identity.dir.path().join(name);
        let mut openssl = Command::new("openssl");
        openssl.args(["pkey", "-in"]).arg(&leaf.key).arg("-out").arg(&to).args(args);
        assert!(openssl.status().expect("openssl is installed").success());
        (leaf.chain.clone(), to)
    };
    let rsa = identity.ca.leaf(LeafOptions { key: Key::Rsa, ..LeafOptions::of(&["localhost"]) });
    let one_file = [&identity.leaf.chain, &identity.leaf.key].map(|path| fs::read(path).expect("it was written"));
    let one_file = file(&identity.dir, "one-file.pem", &one_file.concat());
    let forms = [
        (rsa.chain.clone(), rsa.key.clone(), "PRIVATE KEY"),
        with_label(convert(&rsa, "pkcs1.pem", &["-traditional"]), "RSA PRIVATE KEY"),
        with_label(convert(&identity.leaf, "sec1.pem", &["-traditional"]), "EC PRIVATE KEY"),
        (one_file.clone(), one_file, "PRIVATE KEY"),
    ];
    for (chain, key, label) in forms {
        assert!(fs::read_to_string(&key).expect("PEM is text").contains(&format!("BEGIN {label}-")), "{label}");
        let mut command = sockkit(["echo-server", "--tls", "127.0.0.1", "0", "--tls-cert"]);
        command.arg(&chain);
        if key != chain {
            command.arg("--tls-key").arg(&key);
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let server = start(&mut command);
        let address = server.address();
        assert_eq!(run(&mut identity.connect(address, &[]), b"x").expect(0).text(), "x");
        assert!(!terminated(server).stderr.contains("may read"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is ours");
        let server = start(&mut command);
        let warning = server.line("may read the key");
        assert!(warning.contains("warning: ") && warning.contains(&key.to_string_lossy().into_owned()), "{warning}");
    }
}

fn with_label<T>((chain, key): (T, T), label: &'static str) -> (T, T, &'static str) {
    (chain, key, label)
}

#[test]
fn what_cannot_be_shown_is_refused_before_anything_is_bound() {
    let identity = Identity::new();
    let other = identity.ca.leaf(LeafOptions::of(&["other.test"]));
    let encrypted = |name: &str, args: &[&str]| {
        let to = identity.dir.path().join(name);
        let mut openssl = Command::new("openssl");
        openssl.args(["pkey", "-aes256", "-passout", "pass:secret", "-in"]).arg(&identity.leaf.key);
        assert!(openssl.arg("-out").arg(&to).args(args).status().expect("openssl is installed").success());
        to.to_string_lossy().into_owned()
    };
    let (pkcs8, sec1) = (encrypted("pkcs8.pem", &[]), encrypted("sec1.pem", &["-traditional"]));
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let (chain, key) = (text(&identity.leaf.chain), text(&identity.leaf.key));
    let other_key = text(&other.key);
    let empty = text(&file(&identity.dir, "empty", b""));
    let garbage =
        text(&file(&identity.dir, "garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    let table: &[(&[&str], &str)] = &[
        (&["--tls-cert", &chain, "--tls-key", &other_key], "it is not the key of the certificate in"),
        (&["--tls-cert", &chain, "--tls-key", "/nowhere"], "/nowhere: no such file"),
        (&["--tls-cert", "/nowhere"], "/nowhere: no such file"),
        (&["--tls-cert", &chain], "there is no private key in it"),
        (&["--tls-cert", &key], "there is no certificate in it"),
        (&["--tls-cert", &chain, "--tls-key", &empty], "there is no private key in it"),
        (&["--tls-cert", &garbage, "--tls-key", &key], "the first certificate in it is malformed"),
        (&["--tls-cert", &chain, "--tls-key", &pkcs8], "is encrypted"),
        (&["--tls-cert", &chain, "--tls-key", &sec1], "is encrypted"),
        (&["--tls-cert", &chain, "--tls-key", &key, "--tls-key", &key], "1 --tls-cert and 2 --tls-key"),
        (&["--tls-cert", &chain, "--tls-key", &key, "--tls-client-ca", &empty], "there is no certificate in it"),
        (&["--tls-cert", &chain, "--tls-self-signed"], "cannot be used with"),
        (&[], "--tls-self-signed"),
    ];
    for verb in ["echo-server", "listen"] {
        for (args, reason) in table {
            let mut command = sockkit([verb, "--tls"]);
            let stderr = run(command.args(*args).args(["127.0.0.1", "0"]), b"").expect(2).stderr;
            assert!(stderr.contains(reason), "{args:?}: {stderr}");
            assert!(!stderr.contains("listening on"), "{stderr}");
        }
        let without = run(&mut sockkit([verb, "--tls-self-signed", "127.0.0.1", "0"]), b"").expect(2).stderr;
        assert!(without.contains("--tls"), "{without}");
    }
    let udp = run(&mut sockkit(["echo-server", "--tls", "--tls-self-signed", "--udp", "0"]), b"").expect(2).stderr;
    assert!(udp.contains("datagrams would go unencrypted"), "{udp}");
}

#[test]
fn a_certificate_of_its_own_is_for_where_it_listens() {
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let server = start(&mut sockkit(["listen", "-k", "--tls", "--tls-self-signed", "--json", host, "0"]));
        let line = server.line("self-signed");
        assert!(line.contains("\"localhost\""), "{line}");
        assert!(host == "localhost" || line.contains("\"127.0.0.1\""), "{line}");
        let address = server.line("\"listening\"");
        let address = address.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let port = address.and_then(|address| address.rsplit(':').next()).expect("a port");
        let Some(mut openssl) = peer("openssl") else { return };
        let host = if host == "0.0.0.0" { "127.0.0.1" } else { host };
        openssl.args(["s_client", "-connect", &format!("{host}:{port}")]);
        let shown = run(&mut openssl, b"").text();
        let mut fingerprint = Command::new("openssl");
        fingerprint.args(["x509", "-noout", "-fingerprint", "-sha256"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let told = run(&mut fingerprint, shown.as_bytes()).expect(0).text();
        let told = told.trim().rsplit('=').next().expect("a fingerprint").replace(':', "").to_lowercase();
        assert!(line.contains(&format!("sha256:{told}")), "{line} {told}");
        assert!(line.contains(&format!("sockkit connect --tls --tls-pin sha256:{told} ")), "{line}");
    }
}

/// The words behind `sockkit` of the command that `server` prints.
#[track_caller]
fn printed(server: &Running) -> Command {
    let line = server.line("reach it by: ");
    let command = line.split("reach it by: sockkit ").nth(1).expect("a command of ours");
    assert!(!command.contains('\''), "nothing here needs a shell: {command}");
    sockkit(command.split(' '))
}

#[test]
fn the_command_that_is_printed_reaches_the_server_and_no_other() {
    let dir = directory();
    let path = format!("unix:{}", dir.path().join("socket").display());
    let several: [&[&str]; 5] = [&["0"], &["127.0.0.1", "0"], &["localhost", "0"], &["::1", "0"], &[&path]];
    for words in several {
        let server = start(sockkit(["echo-server", "--tls", "--tls-self-signed"]).args(words));
        assert_eq!(run(&mut printed(&server), b"as printed").expect(0).text(), "as printed", "{words:?}");
        terminated(server);
    }
    // Another one has another key.
    let (one, another) = (start(&mut own_certificate()), start(&mut own_certificate()));
    let mut mixed = printed(&one);
    let pin = mixed.get_args().nth(3).expect("a pin").to_owned();
    mixed = sockkit(["connect", "--tls", "--tls-pin"]);
    let refused = run(mixed.arg(pin).arg(another.address().to_string()), b"secret").expect(60);
    assert!(terminated(another).stderr.contains(" 0 bytes received"), "{}", refused.stderr);
}

fn own_certificate() -> Command {
    sockkit(["echo-server", "--tls", "--tls-self-signed", "127.0.0.1", "0"])
}

#[test]
fn versions_suites_and_protocols_are_the_servers_to_choose() {
    let identity = Identity::new();
    let handshake = |server: &[&str], client: &str| {
        let (_server, address) = identity.echo(server);
        let mut openssl = peer("openssl")?;
        openssl.args(["s_client", "-connect", &address.to_string()]).args(client.split(' '));
        Some(run(&mut openssl, b"").text())
    };
    let suites = "TLS_AES_128_GCM_SHA256,ECDHE-ECDSA-CHACHA20-POLY1305";
    let table: [(&[&str], &str, &str); 8] = [
        (&["--tls-min", "1.3"], "-tls1_2", "Cipher is (NONE)"),
        (&["--tls-min", "1.3"], "-tls1_3", "TLSv1.3, Cipher is TLS_AES"),
        (&["--tls-max", "1.2"], "-tls1_3", "Cipher is (NONE)"),
        (&["--tls-max", "1.2"], "-tls1_2", "TLSv1.2, Cipher is ECDHE"),
        (&["--tls-suites", suites], "-tls1_3", "Cipher is TLS_AES_128_GCM_SHA256"),
        (&["--tls-suites", suites], "-tls1_2", "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
        (&["--tls-alpn", "two,one"], "-alpn one,two", "ALPN protocol: two"),
        (&["--tls-alpn", "two,one"], "-alpn three", "no peer certificate available"),
    ];
    for (server, client, wanted) in table {
        let Some(shown) = handshake(server, client) else { return };
        assert!(shown.contains(wanted), "{server:?} {client}: {shown}");
    }
    for (args, reason) in
        [(["--tls-min=1.3", "--tls-max=1.2"], "newer"), (["--tls-suites=MD5", "-q"], "MD5 is none of")]
    {
        let refused = run(&mut identity.command("echo-server", &args), b"").expect(2).stderr;
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn a_unix_socket_is_encrypted_as_well() {
    let identity = Identity::new();
    let path = format!("unix:{}", identity.dir.path().join("socket").display());
    let mut command = sockkit(["echo-server", "--tls", &path]);
    let server = start(command.arg("--tls-cert").arg(&identity.leaf.chain).arg("--tls-key").arg(&identity.leaf.key));
    server.line("listening on");
    let mut client = sockkit(["connect", "--tls", "--tls-name", "localhost", &path]);
    client.arg("--tls-ca").arg(&identity.ca.file);
    assert_eq!(run(&mut client, b"through a path").expect(0).text(), "through a path");
    terminated(server);
}

#[test]
fn probes_come_back_encrypted() {
    let identity = Identity::new();
    let (_server, address) = identity.echo(&[]);
    let args = ["--ping", "--count", "5", "--interval", "0.01", "-w", "20"];
    let pinged = run(&mut identity.connect(address, &args), b"").expect(0);
    assert!(pinged.text().contains("5 received") || pinged.text().contains("0 lost"), "{}", pinged.text());
}
