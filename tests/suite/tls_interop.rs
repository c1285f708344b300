//! TLS with other implementations: what goes through `connect --tls` and `listen --tls` reaches openssl, ncat, socat,
//! curl, Python and nginx whole, comes back whole, and ends with `close_notify` on both sides.
//!
//! Most of these programs drop what they have not sent when the other side's end comes: then one way at a time.

use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::support::tls::{Ca, Key, Leaf, LeafOptions};
use crate::support::wire::loopback;
use crate::support::{Ended, Running, assert_same, directory, file, input, peer, python, random, run, sockkit, start};

/// Far beyond what any of these should take.
const LIMIT: Duration = Duration::from_secs(80);

const PORT: &str = "9001";

const MUCH: usize = 64 << 20;

/// What a test needs to be a server, and to believe one.
struct Trust {
    dir: tempfile::TempDir,
    ca: Ca,
    leaf: Leaf,
}

impl Trust {
    fn new(key: Key) -> Self {
        let dir = directory();
        let ca = Ca::new(&dir);
        let leaf = ca.leaf(LeafOptions { key, ..LeafOptions::of(&["localhost", "127.0.0.1"]) });
        Trust { dir, ca, leaf }
    }

    fn cert(&self) -> &str {
        text(&self.leaf.chain)
    }

    fn key(&self) -> &str {
        text(&self.leaf.key)
    }

    fn connect(&self, host: &str) -> Command {
        let ca = text(&self.ca.file);
        sockkit(["connect", "--tls", "--tls-ca", ca, "--tls-name", "localhost", "--retry-for", "20", host, PORT])
    }

    fn listen(&self) -> Command {
        sockkit(["listen", "--tls", "--tls-cert", self.cert(), "--tls-key", self.key(), "127.0.0.1", "0"])
    }

    fn input(&self, bytes: &[u8]) -> Stdio {
        input(&file(&self.dir, "input", bytes))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

fn with(program: &str, args: &[&str]) -> Option<Command> {
    let mut command = peer(program)?;
    command.args(args);
    Some(command)
}

/// A program whose stdin stays open until it has ended by itself.
struct Held {
    running: Running,
    stdin: ChildStdin,
}

fn held(command: &mut Command) -> Held {
    let mut running = start(command.stdin(Stdio::piped()));
    let stdin = running.stdin();
    Held { running, stdin }
}

impl Held {
    fn ended(self) -> Ended {
        ended(self.running)
    }
}

fn ended(running: Running) -> Ended {
    running.end_within(LIMIT)
}

/// OpenSSL says so of a FIN without `close_notify`.
#[track_caller]
fn is_clean(peer: &Ended) {
    assert!(!peer.stderr.contains("unexpected eof"), "{}", peer.stderr);
}

/// Both roles with `openssl`, one way at a time: its client and its server end with the other side, and its server sends
/// no more of its stdin than a page; but it answers for files.
fn openssl(version: &str, key: Key, size: usize) {
    let trust = Trust::new(key);
    let (ours, theirs) = (random(size, 1), random(size, 2));
    let server = |host: &str, how: &str| {
        let accept = format!("{host}:{PORT}");
        let words = ["s_server", "-quiet", version, "-naccept", "1", "-cert", trust.cert(), "-key", trust.key()];
        let mut command = with("openssl", &[words.as_slice(), &["-accept", &accept, how]].concat())?;
        command.current_dir(trust.dir.path());
        Some(command)
    };
    let client = |listener: &Running, how: &[&str]| {
        let connect = format!("127.0.0.1:{}", listener.address().port());
        let words = ["s_client", "-quiet", "-nocommands", "-verify_return_error", version];
        with("openssl", &[words.as_slice(), how, &["-CAfile", text(&trust.ca.file), "-connect", &connect]].concat())
    };
    let host = loopback().to_string();
    let Some(mut command) = server(&host, "-no_ticket") else { return };
    let peer = held(&mut command);
    ended(start(trust.connect(&host).stdin(trust.input(&ours)))).expect(0);
    let peer = peer.ended();
    is_clean(&peer);
    assert_same(&peer.stdout, &ours);

    let host = loopback().to_string();
    let Some(mut command) = server(&host, "-WWW") else { return };
    let peer = start(&mut command);
    file(&trust.dir, "theirs", &theirs);
    let came = run(&mut trust.connect(&host), b"GET /theirs HTTP/1.0\r\n\r\n").expect(0);
    assert_same(body_of(&came), &theirs);
    is_clean(&ended(peer));

    let listener = start(&mut trust.listen());
    let Some(mut command) = client(&listener, &["-no_ign_eof"]) else { return };
    let peer = ended(start(command.stdin(trust.input(&theirs))));
    is_clean(&peer);
    assert_same(&ended(listener).expect(0).stdout, &theirs);

    let listener = start(trust.listen().stdin(trust.input(&ours)));
    let Some(mut command) = client(&listener, &[]) else { return };
    let peer = held(&mut command).ended().expect(0);
    is_clean(&peer);
    assert_same(&peer.stdout, &ours);
    ended(listener).expect(0);
}

/// What follows the head of an answer.
#[track_caller]
fn body_of(answer: &Ended) -> &[u8] {
    let end = answer.stdout.windows(4).position(|four| four == b"\r\n\r\n").expect("there is a head");
    &answer.stdout[end + 4..]
}

#[test]
fn openssl_by_tls_1_3() {
    openssl("-tls1_3", Key::P256, MUCH);
}

#[test]
fn openssl_by_tls_1_2() {
    openssl("-tls1_2", Key::P256, MUCH);
}

#[test]
fn openssl_with_an_rsa_key() {
    openssl("-tls1_3", Key::Rsa, MUCH);
    openssl("-tls1_2", Key::Rsa, MUCH);
}

#[test]
fn openssl_with_an_ed25519_key() {
    openssl("-tls1_3", Key::Ed25519, MUCH);
    openssl("-tls1_2", Key::Ed25519, MUCH);
}

#[test]
fn openssl_with_a_p_384_key() {
    openssl("-tls1_3", Key::P384, 1 << 20);
    openssl("-tls1_2", Key::P384, 1 << 20);
}

#[test]
fn ncat_in_both_roles() {
    let trust = Trust::new(Key::P256);
    let (ours, theirs) = (random(MUCH, 1), random(MUCH, 2));
    let server =
        |host: &str| with("ncat", &["--ssl", "--ssl-cert", trust.cert(), "--ssl-key", trust.key(), "-l", host, PORT]);
    let host = loopback().to_string();
    let Some(mut command) = server(&host) else { return };
    let peer = held(&mut command);
    ended(start(trust.connect(&host).stdin(trust.input(&ours)))).expect(0);
    assert_same(&peer.ended().stdout, &ours);

    let host = loopback().to_string();
    let Some(mut command) = server(&host) else { return };
    let peer = start(command.stdin(trust.input(&theirs)));
    // It ends by FIN alone, so that nobody can know whether that is all.
    let came = held(trust.connect(&host).args(["--end-on", "peer"])).ended().expect(56);
    assert!(came.stderr.contains("without close_notify"), "{}", came.stderr);
    assert_same(&came.stdout, &theirs);
    ended(peer);

    let client = |listener: &Running, role: &[&str]| {
        let port = listener.address().port().to_string();
        let believed = ["--ssl", "--ssl-verify", "--ssl-trustfile", text(&trust.ca.file), "-4", "localhost", &port];
        with("ncat", &[role, &believed].concat())
    };
    let listener = start(trust.listen().stdin(trust.input(&ours)));
    let Some(mut command) = client(&listener, &["--recv-only"]) else { return };
    assert_same(&ended(start(&mut command)).expect(0).stdout, &ours);
    ended(listener).expect(0);

    // With --send-only it would leave our session tickets unread and so reset what it has under way.
    let listener = start(&mut trust.listen());
    let Some(mut command) = client(&listener, &[]) else { return };
    ended(start(command.stdin(trust.input(&theirs)))).expect(0);
    assert_same(&ended(listener).expect(56).stdout, &theirs);
}

#[test]
fn socat_in_both_roles() {
    let trust = Trust::new(Key::P256);
    let (ours, theirs) = (random(MUCH, 1), random(MUCH, 2));
    let host = loopback().to_string();
    let there = format!("OPENSSL-LISTEN:{PORT},bind={host},cert={},key={},verify=0", trust.cert(), trust.key());
    let Some(mut command) = with("socat", &["-t", "60", "-", &there]) else { return };
    let peer = start(command.stdin(input(&file(&trust.dir, "theirs", &theirs))));
    let came = ended(start(trust.connect(&host).stdin(trust.input(&ours)))).expect(0);
    assert_same(&came.stdout, &theirs);
    let peer = ended(peer).expect(0);
    is_clean(&peer);
    assert_same(&peer.stdout, &ours);

    let listener = start(trust.listen().stdin(trust.input(&ours)));
    let there = format!("OPENSSL:127.0.0.1:{},cafile={}", listener.address().port(), text(&trust.ca.file));
    let Some(mut command) = with("socat", &["-t", "60", "-", &there]) else { return };
    let peer = ended(start(command.stdin(input(&file(&trust.dir, "theirs", &theirs))))).expect(0);
    is_clean(&peer);
    assert_same(&peer.stdout, &ours);
    assert_same(&ended(listener).expect(0).stdout, &theirs);
}

/// Reads to the end, which must be announced; then answers, and waits for nothing more. Or the other way round: sends,
/// and waits in `unwrap` for the other side's end.
const PYTHON: &str = r"
import os, socket, ssl, sys
role, version, first, host, port, ca, cert, key = sys.argv[1:]
version = getattr(ssl.TLSVersion, version)
if role == 'listens':
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = socket.create_server((host, int(port)))
    plain, _ = server.accept()
else:
    context = ssl.create_default_context(cafile=ca)
    plain = socket.create_connection((host, int(port)))
context.minimum_version = context.maximum_version = version
side = {'server_side': True} if role == 'listens' else {'server_hostname': 'localhost'}
s = context.wrap_socket(plain, suppress_ragged_eofs=False, **side)
def receive():
    while piece := s.recv(1 << 16):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
def send():
    while piece := os.read(0, 1 << 16):
        s.sendall(piece)
if first == 'receives':
    receive()
    send()
else:
    send()
rest = s.unwrap()
# After both ends comes FIN, and nothing else.
assert rest.recv(1) == b''
print('clean', s.version(), file=sys.stderr)
";

#[test]
fn python_in_both_roles_ends_cleanly() {
    for version in ["TLSv1_2", "TLSv1_3"] {
        for first in ["receives", "sends"] {
            python_exchange(version, first);
        }
    }
}

fn python_exchange(version: &str, first: &str) {
    let trust = Trust::new(Key::P256);
    let (ours, theirs) = (random(MUCH, 1), random(MUCH, 2));
    let words = |role, host, port| {
        python(PYTHON, &[role, version, first, host, port, text(&trust.ca.file), trust.cert(), trust.key()])
    };
    let wanted: &[u8] = if first == "receives" { &ours } else { &[] };
    // A server that waits in `unwrap` waits for our end, which then is to follow its own.
    let run = |command: &mut Command| {
        if first == "receives" {
            return (start(command.stdin(trust.input(&ours))), None);
        }
        let held = held(command.args(["--end-on", "peer"]));
        (held.running, Some(held.stdin))
    };
    let host = loopback().to_string();
    let Some(mut command) = words("listens", &host, PORT) else { return };
    let peer = start(command.stdin(input(&file(&trust.dir, "theirs", &theirs))));
    let (ours_running, stdin) = run(&mut trust.connect(&host));
    let came = ended(ours_running).expect(0);
    drop(stdin);
    assert_same(&came.stdout, &theirs);
    let peer = ended(peer).expect(0);
    assert!(peer.stderr.contains("clean"), "{}", peer.stderr);
    assert_same(&peer.stdout, wanted);

    let (listener, _stdin) = run(&mut trust.listen());
    let Some(mut command) = words("connects", "127.0.0.1", &listener.address().port().to_string()) else { return };
    let peer = ended(start(command.stdin(input(&file(&trust.dir, "theirs", &theirs))))).expect(0);
    assert!(peer.stderr.contains("clean"), "{}", peer.stderr);
    assert_same(&peer.stdout, wanted);
    assert_same(&ended(listener).expect(0).stdout, &theirs);
}

#[test]
fn curl_takes_an_answer_by_hand() {
    let trust = Trust::new(Key::P256);
    let body = random(MUCH, 3);
    let answer = [b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", body.as_slice()].concat();
    for version in ["--tlsv1.3", "--tls-max=1.2"] {
        let listener = start(trust.listen().stdin(trust.input(&answer)));
        let url = format!("https://localhost:{}/file", listener.address().port());
        let (name, value) = version.split_once('=').unwrap_or((version, "--silent"));
        let words = ["--silent", "--show-error", "--cacert", text(&trust.ca.file), name, value, "-4", &url];
        let Some(mut command) = with("curl", &words) else { return };
        // curl says "unexpected eof" of a body that only a FIN ends.
        let got = ended(start(&mut command)).expect(0);
        is_clean(&got);
        assert_same(&got.stdout, &body);
        let heard = ended(listener).expect(0).text();
        assert!(heard.starts_with("GET /file HTTP/1.1\r\n") && heard.ends_with("\r\n\r\n"), "{heard}");
    }
}

#[test]
fn nginx_answers() {
    let trust = Trust::new(Key::P256);
    let host = loopback().to_string();
    let body = random(MUCH, 4);
    file(&trust.dir, "body", &body);
    let root = text(trust.dir.path());
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n\
         client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c; uwsgi_temp_path {root}/d;\n\
         scgi_temp_path {root}/e;\nserver {{ listen {host}:{PORT} ssl; ssl_certificate {}; ssl_certificate_key {};\n\
         root {root}; }} }}\n",
        trust.cert(),
        trust.key()
    );
    let config = file(&trust.dir, "nginx.conf", config.as_bytes());
    let Some(mut command) = with("nginx", &["-e", "stderr", "-c", text(&config)]) else { return };
    let _server = start(&mut command);
    let request = b"GET /body HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // nginx drops an answer whose client has ended before it is out.
    let mut ours = held(trust.connect(&host).args(["--end-on", "peer"]));
    ours.stdin.write_all(request).expect("it reads");
    let came = ours.ended();
    // It resets when our close_notify comes; only where acknowledgements can be seen is it known that nothing was lost.
    let unsure = cfg!(feature = "portable") && came.code() == 56;
    assert!(came.code() == 0 || unsure, "{}", came.stderr);
    assert!(came.stdout.starts_with(b"HTTP/1.1 200"), "{:.300}", came.text());
    assert_same(body_of(&came), &body);
}

/// As over any other stream.
#[test]
fn what_looks_on_sees_payload() {
    let trust = Trust::new(Key::P256);
    let listener = start(trust.listen().args(["--sum", "--no-splice"]).stdin(trust.input(b"220 ready\n")));
    let port = listener.address().port().to_string();
    let log = trust.dir.path().join("log");
    let words = ["connect", "--tls", "--tls-ca", text(&trust.ca.file), "-x", "--log-in", text(&log), "--no-splice"];
    let mut ours = sockkit(words);
    let ours = run(ours.args(["--rate", "10000", "--stats", "localhost", &port]), b"EHLO\n").expect(0);
    assert_eq!(ours.text(), "220 ready\n");
    assert_eq!(std::fs::read(&log).expect("it was written"), b"220 ready\n");
    assert!(ours.stderr.contains("32 32 30 20") && ours.stderr.contains("45 48 4c 4f"), "{}", ours.stderr);
    let listener = ended(listener).expect(0);
    assert_eq!(listener.text(), "EHLO\n");
    // SHA-256 of "EHLO\n".
    assert!(listener.stderr.contains("e1e55d6f"), "{}", listener.stderr);
}

#[test]
fn what_ends_a_session_counts_payload() {
    let trust = Trust::new(Key::P256);
    let listener = start(trust.listen().stdin(trust.input(b"220 ready\nnever read\n")));
    let port = listener.address().port().to_string();
    let words = ["connect", "--tls", "--tls-ca", text(&trust.ca.file), "-d", "--max-bytes", "10", "localhost", &port];
    assert_eq!(run(&mut sockkit(words), b"").expect(0).text(), "220 ready\n");
    ended(listener);
}
