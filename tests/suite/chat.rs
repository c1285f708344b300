//! `udp-send --interactive` and `udp-recv --interactive`: a chat typed by hand, with each other and with the programs
//! that a socket course has its students write in Python.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::talk::Talk;
use crate::support::wire::loopback;
use crate::support::{Ended, HARD_LIMIT, directory, file, input, peer, python, run, sockkit, start};

const V4: &str = "127.0.0.1:0";
const Q: [&str; 4] = ["--exit-word", "Q", "--exit-word", "q"];

/// Waits for datagrams, answers each with what is typed, or not at all if that is Q or q.
const PYTHON_SERVER: &str = "\
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 0))
print('listening on 127.0.0.1:%d' % server.getsockname()[1], file=sys.stderr, flush=True)
while True:
    data, address = server.recvfrom(1024)
    print('%s:%d: %s' % (address[0], address[1], data.decode('utf-8')), flush=True)
    reply = input()
    if reply in ('Q', 'q'):
        continue
    server.sendto(reply.encode('utf-8'), address)
";

/// Sends what is typed, until that is Q or q, and prints the answer to each.
const PYTHON_CLIENT: &str = "\
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
address = ('127.0.0.1', int(sys.argv[1]))
while True:
    text = input()
    if text in ('Q', 'q'):
        break
    client.sendto(text.encode('utf-8'), address)
    data, _ = client.recvfrom(1024)
    print(data.decode('utf-8'), flush=True)
client.close()
";

/// `udp-recv --interactive`.
fn receiver(address: &str, options: &[&str]) -> Talk {
    Talk::start(sockkit(["udp-recv", "--interactive", address]).args(options))
}

/// `udp-send --interactive`.
fn sender(address: SocketAddr, options: &[&str]) -> Talk {
    Talk::start(sockkit(["udp-send", "--interactive", &address.to_string()]).args(options))
}

/// `udp-send --interactive` whose input is there at once.
fn send(address: SocketAddr, options: &[&str], input: &str) -> Ended {
    run(sockkit(["udp-send", "--interactive", &address.to_string()]).args(options), input.as_bytes())
}

/// A socket of the test's own, that does not wait for ever.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(V4).expect("a free port");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
    socket
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}

/// What `socket` gets next, and from whom.
fn next(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (size, from) = socket.recv_from(&mut buffer).expect("a datagram");
    (String::from_utf8_lossy(&buffer[..size]).into_owned(), from)
}

/// Whether nothing has come to `socket` that was not taken.
fn is_empty(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).expect("a flag");
    socket.recv(&mut [0; 1]).is_err()
}

/// A client of `receiver` that says `text` and sees it shown.
fn client_says(receiver: &mut Talk, to: SocketAddr, text: &str) -> UdpSocket {
    let client = socket();
    client.send_to(text.as_bytes(), to).expect("it is sent");
    receiver.hear(format!("{}: {text}\n", address_of(&client)));
    client
}

#[test]
fn python_clients_chat_with_udp_recv() {
    let mut server = receiver(V4, &[&Q[..], &["-v"]].concat());
    let port = server.program.address().port().to_string();
    let Some(mut first) = python(PYTHON_CLIENT, &[&port]) else { return };
    let mut first = Talk::start(&mut first);
    for (asked, answered) in [("Michael", "Hello, Michael!"), ("grüße", "東京")] {
        first.say(format!("{asked}\n"));
        let line = server.line();
        assert!(line.starts_with("127.0.0.1:") && line.ends_with(&format!(": {asked}")), "{line}");
        server.say(format!("{answered}\n"));
        first.hear(format!("{answered}\n"));
    }
    first.say("unanswered\n");
    assert!(server.line().ends_with(": unanswered"));
    server.say("Q\n");
    // What reads the input may be slower than the network.
    server.program.line("gets no answer");

    let mut second = Talk::start(&mut python(PYTHON_CLIENT, &[&port]).expect("it was there"));
    second.say("Tracy\n");
    assert!(server.line().ends_with(": Tracy"));
    server.say("Hello, Tracy!\n");
    second.hear("Hello, Tracy!\n");
    second.say("q\n");
    assert!(second.end().expect(0).stdout.is_empty());
    server.hang_up();
    assert!(server.end().expect(0).stdout.is_empty());
}

#[test]
fn udp_send_chats_with_a_python_server() {
    let Some(mut server) = python(PYTHON_SERVER, &[]) else { return };
    let mut server = Talk::start(&mut server);
    let address = server.program.address();
    let mut client = sender(address, &Q);
    for (asked, answered) in [("Michael", "Hello, Michael!"), ("grüße", "東京")] {
        client.say(format!("{asked}\n"));
        let line = server.line();
        assert!(line.starts_with("127.0.0.1:") && line.ends_with(&format!(": {asked}")), "{line}");
        server.say(format!("{answered}\n"));
        client.hear(format!("{answered}\n"));
    }
    client.say("q\nand nothing after it\n");
    assert!(client.end().expect(0).stdout.is_empty(), "the exit word ends it with its stdin open");

    let mut other = sender(address, &[]);
    other.say("the next\n");
    assert!(server.line().ends_with(": the next"), "the exit word and what came after it were not sent");
    other.program.signal(15);
    other.end().expect(128 + 15);
}

#[test]
fn sockkit_chats_with_sockkit() {
    let mut server = receiver(V4, &[&Q[..], &["-v"]].concat());
    let mut client = sender(server.program.address(), &[&Q[..], &["-v"]].concat());
    client.say("hello\n");
    let line = server.line();
    let name = line.strip_suffix(": hello").expect("the text stands behind the sender");
    assert!(client.program.line("datagrams go to").contains(&format!("from {name};")));
    server.say("hello yourself\nand more\n");
    client.hear("hello yourself\nand more\n");
    client.say("bye\n");
    server.hear(format!("{name}: bye\n"));
    server.say("q\n");
    server.program.line(&format!("{name} gets no answer"));
    client.say("are you there?\n");
    server.hear(format!("{name}: are you there?\n"));
    server.say("yes\n");
    client.hear("yes\n");
    client.say("Q\n");
    client.end().expect(0);
    server.hang_up();
    let server = server.end().expect(0);
    assert!(server.stderr.contains("3 datagrams received, 22 bytes"), "{}", server.stderr);
}

#[test]
fn the_last_sender_is_answered_and_nobody_else() {
    let mut server = receiver(V4, &[&Q[..], &["-v"]].concat());
    let address = server.program.address();
    let first = client_says(&mut server, address, "one");
    let second = client_says(&mut server, address, "two");
    server.say("to the second\n");
    assert_eq!(next(&second), ("to the second".into(), address));
    first.send_to(b"again", address).expect("it is sent");
    server.hear(format!("{}: again\n", address_of(&first)));
    server.say("to the first\nand once more\n\n");
    for text in ["to the first", "and once more", ""] {
        assert_eq!(next(&first).0, text);
    }
    server.say("Q\nheld back until somebody is there\n");
    server.program.line("gets no answer");
    let third = client_says(&mut server, address, "three");
    assert_eq!(next(&third).0, "held back until somebody is there");
    assert!(is_empty(&first) && is_empty(&second) && is_empty(&third));
}

#[test]
fn what_a_terminal_could_obey_is_shown_escaped() {
    let datagrams: [(&[u8], &str); 7] = [
        (b"plain\n", "plain"),
        (b"dos\r\n", "dos"),
        (b"two\nlines\n\n", r"two\nlines\n"),
        (b"\x1b[2J\x07\t\0", r"\x1b[2J\x07\t\x00"),
        (b"\xff\xfe caf\xc3\xa9", r"\xff\xfe café"),
        ("\u{202e}abc\u{9b}".as_bytes(), r"\u{202e}abc\u{9b}"),
        (b"", ""),
    ];
    let mut server = receiver(V4, &[]);
    let address = server.program.address();
    let far = socket();
    let mut client = sender(address_of(&far), &[]);
    client.say("hello\n");
    let (_, client_address) = next(&far);
    for (datagram, text) in datagrams {
        far.send_to(datagram, address).expect("it is sent");
        server.hear(format!("{}: {text}\n", address_of(&far)));
        far.send_to(datagram, client_address).expect("it is sent");
        client.hear(format!("{text}\n"));
    }
}

#[test]
fn the_end_of_the_input_waits_for_the_answers_that_are_missing() {
    let (far, other) = (socket(), socket());
    let (address, other_address) = (address_of(&far), address_of(&other));
    let answers = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for _ in 0..2 {
            asked.push(next(&far));
        }
        for (text, from) in asked {
            far.send_to(format!("<{text}>").as_bytes(), from).expect("it is sent");
        }
        let (text, from) = next(&other);
        other.send_to(text.as_bytes(), from).expect("it is sent");
    });
    // An hour would never do: as many answers as lines end it.
    assert_eq!(send(address, &["--wait", "1h"], "a\nb").expect(0).text(), "<a>\n<b>\n");
    let word = send(other_address, &["--wait", "1h", "--exit-word", "Q"], "c\nQ\nd\n").expect(0);
    assert_eq!(word.text(), "c\n", "an exit word in a pipe is like its end");
    answers.join().expect("both were asked");
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_it_should_be() {
    let silent = socket();
    let ended = send(address_of(&silent), &["--wait", "100ms"], "a\n").expect(28);
    assert!(ended.stderr.contains("--wait"), "{}", ended.stderr);

    // A file has its end right behind its last line.
    let directory = directory();
    let line = file(&directory, "line", b"a\n");
    let mut command = sockkit(["udp-send", "--interactive", &address_of(&silent).to_string(), "-v"]);
    let begin = Instant::now();
    let ended = start(command.stdin(input(&line))).end().expect(0);
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    let told = ended.stderr.split_once("waiting at most ");
    let told = told.and_then(|(_, rest)| rest.split_once(" for answers that are missing: 1"));
    let (left, _) = told.unwrap_or_else(|| panic!("{}", ended.stderr));
    // Two seconds, and what has passed since the line was sent is taken off.
    let seconds = left.strip_suffix(" s").map(|seconds| seconds.parse::<f64>().expect("a number"));
    assert!(seconds.is_none_or(|seconds| seconds <= 2.0), "{left}");

    let nothing = send(address_of(&silent), &["--wait", "1h"], "").expect(0);
    assert!(nothing.stderr.is_empty(), "{}", nothing.stderr);
}

#[test]
fn nobody_there_is_told_each_time_and_is_7_if_it_stays_so() {
    // Of our own address and below the ports that are given to whoever asks for any: nobody else can have it.
    let address = SocketAddr::from((loopback(), 7007));
    let refused = send(address, &["--wait", "1h"], "a\n").expect(7);
    assert_eq!(refused.stderr.matches("warning: send to").count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("not every line got there: connection refused"), "{}", refused.stderr);

    let mut late = sender(address, &[]);
    for text in ["too early\n", "still too early\n"] {
        late.say(text);
        late.program.line("refused");
    }
    let port = UdpSocket::bind(address).expect("nobody else can have it");
    port.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
    late.say("in time\n");
    let (text, from) = next(&port);
    assert_eq!(text, "in time");
    port.send_to(b"yes", from).expect("it is sent");
    late.hear("yes\n");
    late.hang_up();
    late.end().expect(0);
}

#[test]
fn a_line_that_is_too_large_is_told_and_the_others_are_sent() {
    let largest = "x".repeat(65_507);
    let input = format!("before\n{largest}y\n{largest}\nafter\n{}", "z".repeat(200_000));
    let far = socket();
    let mut client = sender(address_of(&far), &[]);
    client.say(&input);
    for text in ["before", &largest, "after"] {
        let (got, from) = next(&far);
        assert!(got == text, "{} bytes instead of {}", got.len(), text.len());
        far.send_to(b"ok", from).expect("it is sent");
        client.hear("ok\n");
    }
    client.hang_up();
    let ended = client.end().expect(55);
    assert_eq!(ended.stderr.matches("warning: send to").count(), 2, "{}", ended.stderr);
    assert!(is_empty(&far), "nothing was cut");

    // The port of both families sends IPv4, too, which carries 20 bytes less than the family of its socket.
    let mut server = receiver("0", &["-4"]);
    let address = SocketAddr::from(([127, 0, 0, 1], server.program.address().port()));
    let client = client_says(&mut server, address, "hello");
    server.say(format!("{largest}y\nfits\n"));
    assert_eq!(next(&client).0, "fits");
    server.hang_up();
    server.end().expect(55);
}

#[test]
fn all_lines_of_one_write_are_sent_while_the_input_stays_open() {
    let lines: Vec<_> = (0..200).map(|n| n.to_string()).collect();
    let far = socket();
    let mut client = sender(address_of(&far), &[]);
    client.say(lines.join("\n") + "\n");
    assert_eq!((0..200).map(|_| next(&far).0).collect::<Vec<_>>(), lines);
    client.program.signal(2);
    client.end().expect(128 + 2);
}

#[test]
fn ctrl_c_ends_the_sender_by_the_signal_and_the_receiver_well() {
    let mut server = receiver(V4, &[]);
    let address = server.program.address();
    let mut client = sender(address, &[]);
    client.say("hello\n");
    assert!(server.line().ends_with(": hello"));
    server.say("answer\n");
    client.hear("answer\n");
    client.program.signal(2);
    client.end().expect(128 + 2);

    server.program.signal(19);
    socket().send_to(b"last", address).expect("it is sent");
    server.program.signal(2);
    server.program.signal(18);
    assert!(server.end().expect(0).text().ends_with(": last\n"), "what came before the signal is shown");
}

#[test]
fn the_end_of_the_input_ends_the_receiver_but_not_before_a_held_line_is_sent() {
    let mut at_once = receiver(V4, &[]);
    at_once.program.address();
    at_once.hang_up();
    at_once.end().expect(0);

    let mut held = receiver(V4, &[Q[0], Q[1], "-v"]);
    let address = held.program.address();
    held.say("Q\nto the second\n");
    held.hang_up();
    let first = client_says(&mut held, address, "first");
    // What reads the input may be slower than the network.
    held.program.line("gets no answer");
    let second = client_says(&mut held, address, "second");
    assert_eq!(next(&second).0, "to the second");
    held.end().expect(0);
    assert!(is_empty(&first), "the exit word left it unanswered");
}

#[test]
fn without_an_input_the_receiver_shows_and_the_sender_refuses() {
    let server = start(&mut sockkit(["udp-recv", "--interactive", "-v", V4]));
    let client = socket();
    client.send_to(b"hello", server.address()).expect("it is sent");
    server.line("a datagram of");
    server.signal(15);
    assert_eq!(server.end().expect(0).text(), format!("{}: hello\n", address_of(&client)));
    start(&mut sockkit(["udp-send", "--interactive", "127.0.0.1:9"])).end().expect(2);
}

/// Runs sockkit (argv 1) with a terminal as its stdin, lets nobody, then somebody, talk to it.
const ON_A_TERMINAL: &str = "\
import os, pty, socket, subprocess, sys
ours, theirs = pty.openpty()
words = [sys.argv[1], 'udp-recv', '--interactive', '--exit-word', 'Q', '127.0.0.1:0']
server = subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
port = int(server.stderr.readline().rsplit(b':', 1)[1])
os.write(ours, b'too early\\n')
assert b'not sent: there is nobody to answer' in server.stderr.readline()
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
client.sendto(b'hello', ('127.0.0.1', port))
assert server.stdout.readline() == b'127.0.0.1:%d: hello\\n' % client.getsockname()[1]
os.write(ours, b'in time\\nQ\\n')
assert client.recv(100) == b'in time'
os.write(ours, b'too late\\n')
assert b'not sent: there is nobody to answer' in server.stderr.readline()
os.write(ours, b'\\x04')
assert server.wait(60) == 0

words = [sys.argv[1], 'udp-send', '--interactive', '127.0.0.1:%d' % client.getsockname()[1]]
sender = subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE)
os.write(ours, b'asked\\n')
data, address = client.recvfrom(100)
assert data == b'asked'
os.write(ours, b'\\x04')
assert sender.wait(60) == 0
";

#[test]
fn a_person_learns_at_once_that_nobody_is_there() {
    let Some(mut script) = python(ON_A_TERMINAL, &[env!("CARGO_BIN_EXE_sockkit")]) else { return };
    start(&mut script).end().expect(0);
}

#[test]
fn unix_names_chat_too() {
    let directory = directory();
    let name = format!("unix:{}", directory.path().join("socket").display());
    let mut server = receiver(&name, &["-v"]);
    server.program.line("listening on ");
    if cfg!(target_os = "linux") {
        let mut client = Talk::start(&mut sockkit(["udp-send", "--interactive", &name]));
        client.say("hello\n");
        let line = server.line();
        assert!(line.starts_with("unix:") && line.ends_with(": hello"), "{line}");
        server.say("answer\n");
        client.hear("answer\n");
        client.hang_up();
        client.end().expect(0);
    }
    let unnamed = UnixDatagram::unbound().expect("a socket");
    unnamed.send_to(b"who am I?", directory.path().join("socket")).expect("it is sent");
    server.hear("unix:(unnamed): who am I?\n");
    server.say("no idea\n");
    server.program.line("a sender without a name can't be answered");
    server.hang_up();
    server.end().expect(55);
    assert!(!directory.path().join("socket").exists());
}

#[test]
fn a_unix_partner_that_reads_nothing_gets_every_line_once_it_does() {
    let directory = directory();
    let (server_path, slow_path) = (directory.path().join("server"), directory.path().join("slow"));
    let slow = UnixDatagram::bind(&slow_path).expect("a name of our own");
    let mut server = receiver(&format!("unix:{}", server_path.display()), &["-v"]);
    server.program.line("listening on ");
    slow.send_to(b"hello", &server_path).expect("it is sent");
    assert!(server.line().ends_with(": hello"));
    let lines: Vec<_> = (0..3000).map(|n| n.to_string()).collect();
    server.say(lines.join("\n") + "\n");
    server.hang_up();
    server.program.line("sent a datagram");
    for line in &lines {
        let mut buffer = [0; 10];
        let size = slow.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..size], line.as_bytes());
    }
    server.end().expect(0);
}

#[test]
fn time_limits_end_a_chat() {
    let far = socket();
    for (options, name) in [(["-w", "100ms"], "--timeout"), (["--deadline", "100ms"], "--deadline")] {
        let client = sender(address_of(&far), &options);
        let server = receiver(V4, &options);
        for ended in [client.end(), server.end()] {
            assert!(ended.expect(28).stderr.contains(name));
        }
    }
}

#[test]
fn answers_can_go_to_a_file_and_their_reader_may_go() {
    let directory = directory();
    let path = directory.path().join("answers");
    let far = socket();
    let answers = {
        let far = far.try_clone().expect("a second descriptor");
        std::thread::spawn(move || {
            let (text, from) = next(&far);
            far.send_to(text.as_bytes(), from).expect("it is sent");
        })
    };
    send(address_of(&far), &["--wait", "1h", "-o", path.to_str().expect("it is ASCII")], "hello\n").expect(0);
    answers.join().expect("it was asked");
    assert_eq!(std::fs::read_to_string(path).expect("the file is there"), "hello\n");

    let (read, write) = std::io::pipe().expect("a pipe");
    let mut command = sockkit(["udp-send", "--interactive", &address_of(&far).to_string()]);
    let mut client = start(command.stdin(Stdio::piped()).stdout(write));
    let stdin = client.stdin();
    drop((command, read));
    client.end_within(Duration::from_secs(30)).expect(141);
    drop(stdin);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    for words in [
        ["--exit-word", "Q"].as_slice(),
        &["--interactive", "DATA"],
        &["--interactive", "--lines"],
        &["--interactive", "--size", "5"],
        &["--interactive", "--count", "1"],
        &["--interactive", "--exit-word", r"a\n"],
    ] {
        run(sockkit(["udp-send", "127.0.0.1:9"]).args(words), b"").expect(2);
    }
    for words in [
        ["--exit-word", "Q"].as_slice(),
        &["--interactive", "--lines"],
        &["--interactive", "--separator", "x"],
        &["--interactive", "--count", "1"],
        &["--interactive", "--reply", "x"],
        &["--interactive", "--until-idle", "1"],
    ] {
        run(sockkit(["udp-recv", V4]).args(words), b"").expect(2);
    }
}

#[test]
fn whose_answer_it_is_is_shown_where_several_may_answer() {
    let script = r#"
        ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo || exit 77
        mkfifo ready
        "$S" udp-recv 239.1.2.3 4000 --count 1 --reply "from a member" --ready-fd 3 3>ready >/dev/null &
        read address <ready
        printf 'hello\n' | "$S" udp-send --interactive 239.1.2.3 4000 --wait 10s --ttl 1
        wait"#;
    let Some(mut unshare) = peer("unshare") else { return };
    let directory = directory();
    let command: &mut Command = unshare.args(["-n", "sh", "-c", script]).env("S", env!("CARGO_BIN_EXE_sockkit"));
    let ended = start(command.current_dir(directory.path())).end();
    if ended.code() == 77 || ended.stderr.contains("unshare failed") {
        eprintln!("skipped: no network namespace here: {}", ended.stderr);
        return;
    }
    assert!(ended.text().ends_with(":4000: from a member\n"), "{ended:?}");
}
