//! echo-server as the partner of a socket course: dialogues byte for byte against Python clients that were written
//! from their descriptions, and faults that come again with their seed.

use std::io::Read;
use std::net::{SocketAddr, TcpStream, UdpSocket};

use crate::support::wire::loopback;
use crate::support::{Ended, HARD_LIMIT, Running, python, run, sockkit, start};

const INT: i32 = 2;

fn server(args: &[&str]) -> (Running, SocketAddr) {
    let all = ["echo-server"].iter().chain(args).chain(&["127.0.0.1:0"]);
    let running = start(&mut sockkit(all));
    let address = running.address();
    (running, address)
}

/// What every client of the course begins with: `said()` is one recv, `all()` everything up to the server's end.
const COURSE: &str = "
import socket, sys, time, threading
address = ('127.0.0.1', int(sys.argv[1]))
def connect():
    s = socket.create_connection(address); s.settimeout(60)
    return s
def exactly(s, n):
    data = b''
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more: break
        data += more
    return data
def all(s):
    data = b''
    while True:
        more = s.recv(4096)
        if not more: return data
        data += more
";

/// Runs a Python client to its end; `None` where there is no Python.
fn client(address: SocketAddr, script: &str, args: &[&str]) -> Option<Ended> {
    let port = address.port().to_string();
    let args = [&[port.as_str()], args].concat();
    Some(run(&mut python(&[COURSE, script].concat(), &args)?, b"").expect(0))
}

#[test]
fn a_greets_and_answers_each_of_many_after_a_second() {
    let options = ["--greeting", "Welcome!", "--reply", "Hello, {}!", "--delay", "1s", "--exit-word", "exit"];
    let (server, address) = server(&options);
    // Everybody has connected before the first one asks; each asks twice, and leaves in one of two ways.
    let script = "
together = threading.Barrier(20)
lines = [None] * 20
def session(n):
    s = connect(); lines[n] = [exactly(s, 8)]
    together.wait(60)
    for word in [b'client %d' % n, b'\\xff\\x00']:
        asked = time.monotonic(); s.sendall(word)
        lines[n] += [exactly(s, 8 + len(word))]
        assert time.monotonic() - asked >= 1
    if n % 2: s.sendall(b'exit')
    else: s.shutdown(socket.SHUT_WR)
    lines[n] += [all(s)]
threads = [threading.Thread(target=session, args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
for n, line in enumerate(lines):
    assert line == [b'Welcome!', b'Hello, client %d!' % n, b'Hello, \\xff\\x00!', b''], line
print('as described')
";
    let Some(ended) = client(address, script, &[]) else { return };
    assert_eq!(ended.text(), "as described\n");
    server.signal(INT);
    let said = server.end().expect(0).stderr;
    assert_eq!(said.matches("accepted a connection from 127.0.0.1:").count(), 20, "{said}");
    assert_eq!(said.matches(" has left: ").count(), 20, "{said}");
    assert!(said.contains("20 clients, 20 at once at most, 0 failed"), "{said}");
}

#[test]
fn b_answers_datagrams_and_says_who_sent_them() {
    let (server, address) = server(&["--udp", "--reply", "Hello, {}!"]);
    let script = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
for word in [b'Bob', b'', b'Eve\\n', b'{}']:
    s.sendto(word, address)
    print(s.recvfrom(1024)[0])
print(s.getsockname()[1])
";
    let Some(ended) = client(address, script, &[]) else { return };
    let text = ended.text();
    let (answers, port) = text.trim_end().rsplit_once('\n').expect("two lines or more");
    assert_eq!(answers, "b'Hello, Bob!'\nb'Hello, !'\nb'Hello, Eve!'\nb'Hello, {}!'");
    server.signal(INT);
    let said = server.end().expect(0).stderr;
    assert_eq!(said.matches(&format!("127.0.0.1:{port}")).count(), 4, "{said}");
}

#[test]
fn c_takes_one_message_prints_it_answers_and_waits_for_the_next_client() {
    let (server, address) = server(&["--print", "--reply", "Hello world!", "--max-messages", "1"]);
    let script = "
for word in [b'first', b'second\\n', b'a\\nb\\x1b[31m\\xff']:
    s = connect(); s.sendall(word); print(all(s)); s.close()
";
    let Some(ended) = client(address, script, &[]) else { return };
    assert_eq!(ended.text(), "b'Hello world!'\n".repeat(3));
    server.signal(INT);
    assert_eq!(server.end().expect(0).text(), "first\nsecond\na\\nb\\x1b[31m\\xff\n");
}

#[test]
fn d_asks_for_names_until_exit() {
    let (server, address) = server(&[
        "--greeting",
        r"Server: Welcome!\n",
        "--prompt",
        "Server: What's your name?",
        "--reply",
        r"Server: Hello {}!\n",
        "--exit-word",
        "exit",
        "--farewell",
        r"Server: Good bye!\n",
    ]);
    let script = "
s = connect()
seen = b''
for name in [b'Michael', b'Tracy', b'Sarah', b'exit']:
    while not seen.endswith(b'name?'): seen += s.recv(1024)
    time.sleep(0.05)
    s.sendall(name)
    seen += s.recv(1024)
print((seen + all(s)).decode(), end='')
";
    let Some(ended) = client(address, script, &[]) else { return };
    let hello = |name| format!("Server: What's your name?Server: Hello {name}!\n");
    let middle: String = ["Michael", "Tracy", "Sarah"].map(hello).concat();
    let wanted = format!("Server: Welcome!\n{middle}Server: What's your name?Server: Good bye!\n");
    assert_eq!(ended.text(), wanted);
    server.signal(INT);
    server.end().expect(0);
}

#[test]
fn e_says_hello_reads_once_closes_and_comes_back_at_once_on_its_port() {
    let options = ["--greeting", "hello", "--reply", "", "--max-messages", "1"];
    let (server, address) = server(&options);
    let script = "
for _ in range(3):
    s = connect(); print(exactly(s, 5)); s.sendall(b'x' * 1024); print(all(s)); s.close()
";
    let Some(ended) = client(address, script, &[]) else { return };
    assert_eq!(ended.text(), "b'hello'\nb''\n".repeat(3));
    // A session is still open, and those before have left the port in TIME_WAIT: the server closed them.
    let open = TcpStream::connect(address).expect("the server listens");
    server.signal(INT);
    server.end().expect(0);
    let again = start(sockkit(["echo-server"].iter().chain(&options)).arg(address.to_string()));
    assert_eq!(again.address(), address);
    assert_eq!(client(address, script, &[]).expect("it was there before").text(), "b'hello'\nb''\n".repeat(3));
    drop(open);
    again.signal(INT);
    again.end().expect(0);
}

#[test]
fn lines_are_messages_wherever_the_network_cuts_them() {
    let (_server, address) = server(&["--lines", "--reply", r"<{}>\n"]);
    let script = "
s = connect()
for byte in b'one\\r\\ntwo\\n\\nthree': s.sendall(bytes([byte]))
s.shutdown(socket.SHUT_WR)
print(all(s))
";
    let Some(ended) = client(address, script, &[]) else { return };
    assert_eq!(ended.text(), "b'<one>\\n<two>\\n<>\\n<three>\\n'\n");
}

#[test]
fn the_small_services_over_both_transports() {
    let stream = |address| {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
        stream
    };
    let (_chargen, address) = server(&["--mode", "chargen"]);
    let mut lines = vec![0; 74 * 3000];
    stream(address).read_exact(&mut lines).expect("it goes on");
    for (nth, line) in lines.chunks(74).enumerate() {
        let wanted: Vec<u8> = (0..72).map(|at| b' ' + u8::try_from((nth + at) % 95).expect("below 95")).collect();
        assert_eq!((&line[..72], &line[72..]), (wanted.as_slice(), b"\r\n".as_slice()), "line {nth}");
    }
    let (_daytime, address) = server(&["--mode", "daytime", "--udp"]);
    let mut over_tcp = String::new();
    stream(address).read_to_string(&mut over_tcp).expect("a line, then the end");
    assert!(over_tcp.ends_with("\r\n") && over_tcp.contains(", 2"), "{over_tcp:?}");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
    socket.send_to(b"", address).expect("it is sent");
    let n = socket.recv(&mut lines).expect("it answers");
    let over_udp = String::from_utf8_lossy(&lines[..n]);
    assert!(over_udp.ends_with("\r\n") && over_udp.contains(", 2"), "{over_udp:?}");
    let (discard, address) = server(&["--mode", "discard"]);
    let gone = run(&mut sockkit(["connect", &address.to_string()]), &vec![b'x'; 1 << 20]).expect(0);
    assert_eq!(gone.stdout, b"");
    discard.signal(INT);
    assert!(discard.end().expect(0).stderr.contains("1048576 bytes received, 0 bytes sent"));
}

/// Four times three messages, each sent when the one before has come back whole: how it ended, and what had come.
const SESSION: &str = "
s = connect()
got, end = b'', 'fin'
try:
    for word in [b'abcdefgh', b'ijklmnop', b'qrstuvwx'] * 4:
        s.sendall(word)
        before = len(got)
        while len(got) < before + len(word):
            more = s.recv(4096)
            if not more: raise EOFError
            got += more
    s.shutdown(socket.SHUT_WR)
    got += all(s)
except ConnectionResetError: end = 'reset'
except EOFError: end = 'early fin'
print(end, got)
";

/// What `script` prints in three sessions with a server of these options; `None` where there is no Python. It is told
/// the server's process, too.
fn played(options: &[&str], script: &str) -> Option<Vec<String>> {
    let (server, address) = server(options);
    let pid = server.pid.to_string();
    let sessions = (0..3).map(|_| client(address, script, &[&pid]).map(|ended| ended.text())).collect();
    server.signal(INT);
    server.end().expect(0);
    sessions
}

/// What a fault does to each session; whether it throws dice; whether another throw is seen in what comes.
type Fault = (&'static [&'static str], fn(&str) -> bool, bool, bool);

#[test]
fn every_fault_of_a_stream_comes_again_with_its_seed() {
    let whole = format!("fin b'{}'\n", "abcdefghijklmnopqrstuvwx".repeat(4));
    let faults: &[Fault] = &[
        (&["--delay", "1ms..9ms"], |s| s.starts_with("fin"), true, false),
        (&["--chunk", "1..7"], |s| s.starts_with("fin"), true, false),
        (&["--reset-after", "13"], |s| s == "reset b'abcdefghijklm'\n", false, false),
        (&["--close-after", "13"], |s| s == "early fin b'abcdefghijklm'\n", false, false),
        (&["--close-before-reply", "20%"], |s| s.starts_with("early fin") || s.starts_with("fin"), true, true),
        (&["--corrupt", "30"], |s| s.starts_with("fin"), true, true),
    ];
    for &(options, is_right, throws, shows) in faults {
        let with = |seed| if throws { [options, &["--seed", seed]].concat() } else { options.to_vec() };
        let Some(first) = played(&with("7"), SESSION) else { return };
        assert!(first.iter().all(|session| is_right(session)), "{options:?}: {first:?}");
        assert_eq!(played(&with("7"), SESSION).as_ref(), Some(&first), "{options:?}");
        if shows {
            assert!(first.iter().any(|session| *session != whole), "{options:?} did nothing: {first:?}");
            assert_ne!(played(&with("8"), SESSION).as_ref(), Some(&first), "{options:?}");
        }
    }
}

#[test]
fn a_seed_that_was_drawn_is_told_and_replays() {
    let (drawn, address) = server(&["--corrupt", "50%"]);
    let line = drawn.line("--seed ");
    let seed = line.split_whitespace().skip_while(|word| *word != "--seed").nth(1).expect("a number follows");
    let Some(first) = client(address, SESSION, &[]) else { return };
    let (_again, address) = server(&["--corrupt", "50%", "--seed", seed]);
    assert_eq!(client(address, SESSION, &[]).expect("it was there before").text(), first.text());
}

#[test]
fn swallowed_bytes_never_come_back_and_a_stalled_session_is_silent() {
    let script = "
s = connect(); s.sendall(b'0123456789'); s.shutdown(socket.SHUT_WR); print(all(s))
";
    let Some(sessions) = played(&["--swallow", "4"], script) else { return };
    assert_eq!(sessions, ["b'456789'\n"; 3]);
    let script = "
s = connect(); s.sendall(b'0123456789' * 1000)
print(exactly(s, 7))
s.settimeout(0.2)
try: print(s.recv(1))
except TimeoutError: print('silent')
";
    let Some(sessions) = played(&["--stall-after", "7"], script) else { return };
    assert_eq!(sessions, ["b'0123456'\nsilent\n"; 3]);
}

/// Forty datagrams, each a number: what came, in which order. A held answer goes after the next one, or after 100 ms:
/// so all are there before the server sees the first. It answers in order, and holds one at the most: two answers to
/// what is sent last, often enough for any fault, are behind all others.
const DATAGRAMS: &str = "
import os, signal
server = int(sys.argv[2])
def is_stopped(): return open('/proc/%d/stat' % server).read().rsplit(') ', 1)[1].startswith('T')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
os.kill(server, signal.SIGSTOP)
while not is_stopped(): time.sleep(0.001)
for n in range(40): s.sendto(b'%d' % n, address)
for n in range(20): s.sendto(b'the end', address)
os.kill(server, signal.SIGCONT)
got, ends = [], 0
while ends < 2:
    answer = s.recv(64)
    if len(answer) > 2: ends += 1
    else: got.append(answer)
print(got)
";

/// Forty again, whose answers may be late and in any order: what came until the answer to one more, behind all of them.
const DELAYED: &str = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)
for n in range(40): s.sendto(b'%d' % n, address)
got = [s.recv(64) for n in range(40)]
s.sendto(b'the end', address)
got.extend(iter(lambda: s.recv(64), b'the end'))
print(got)
";

#[test]
fn every_fault_of_datagrams_comes_again_with_its_seed() {
    let whole: Vec<_> = (0..40).map(|n| format!("b'{n}'")).collect();
    let whole = format!("[{}]\n", whole.join(", "));
    for option in ["--drop", "--duplicate", "--reorder", "--corrupt"] {
        let with = |seed| ["--udp", option, "20%", "--seed", seed];
        let Some(first) = played(&with("7"), DATAGRAMS) else { return };
        assert!(first.iter().all(|session| *session != whole), "{option} did nothing: {first:?}");
        assert_eq!(played(&with("7"), DATAGRAMS).as_ref(), Some(&first), "{option}");
        assert_ne!(played(&with("8"), DATAGRAMS).as_ref(), Some(&first), "{option}");
    }
    let delayed = played(&["--udp", "--delay", "1ms..30ms", "--seed", "3"], DELAYED);
    assert!(delayed.is_none_or(|sessions| sessions.iter().all(|s| s.len() == whole.len())), "delays lose nothing");
}

#[test]
fn a_reader_of_the_printed_messages_that_goes_ends_the_server() {
    // Where no other test listens once the server has ended.
    let own = SocketAddr::from((loopback(), 0)).to_string();
    let (read, write) = std::io::pipe().expect("a pipe");
    let server = start(sockkit(["echo-server", "--print", &own]).stdout(write));
    let address = server.address();
    drop(read);
    let ended = server.end().expect(141);
    assert!(!ended.stderr.contains("SIGPIPE"), "{}", ended.stderr);
    assert!(TcpStream::connect(address).is_err());
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
    let full = start(sockkit(["echo-server", "--print", &own]).stdout(full));
    let address = full.address();
    // A helper thread's failure, which is what the portable half has, is seen with the next message.
    while full.is_running() {
        run(&mut sockkit(["connect", &address.to_string()]), b"x");
    }
    assert!(full.end().expect(23).stderr.contains("no space left"));
}
