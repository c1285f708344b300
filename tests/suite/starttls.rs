//! `connect --starttls`: eight protocols, each with a server that agrees, dribbles, refuses, cheats or falls silent.

use std::path::Path;
use std::process::Command;

use crate::support::tls::{Ca, LeafOptions};
use crate::support::{Ended, Running, assert_same, directory, python, random, sockkit, start};
use serde_json::Value;
use tempfile::TempDir;

const PROTOCOLS: [&str; 8] = ["smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp"];

/// Plays the server's part of `sys.argv[1]` in the way of `sys.argv[2]`; says what it was told in plain text, and echoes
/// what comes encrypted. `hear` fails on any other word of the client than the one that must come.
const SERVER: &str = r#"
import socket, ssl, sys
protocol, way, chain, key = sys.argv[1:]

def say(*words):
    whole = b''.join(words)
    size = 1 if way == 'dribble' else len(whole)
    for at in range(0, len(whole), size):
        s.sendall(whole[at:at + size])

def hear(wanted):
    got = b''
    while len(got) < len(wanted):
        more = s.recv(len(wanted) - len(got))
        if not more: break
        got += more
    print('heard', repr(got), file=sys.stderr, flush=True)
    assert got == wanted, wanted

def agree(good, bad):
    say(bad if way == 'refuse' else good, b'injected\x1b' if way == 'glue' else b'')

NS = b'urn:ietf:params:xml:ns:xmpp-tls'
REQUEST = b'\x30\x1d\x02\x01\x01\x77\x18\x80\x16' + b'1.3.6.1.4.1.1466.20037'
HANDSHAKE = (b'\x0a8.0.36\0' + b'\x0d\0\0\0' + b'12345678' + b'\0' + b'\xff%c' + b'\xff\x02\0' + b'\xff\xdf'
             + b'\x15' + b'\0' * 10 + b'123456789012\0' + b'caching_sha2_password\0')

def smtp():
    say(b'220-mail.example ESMTP\r\n220 hello\r\n')
    hear(b'EHLO localhost\r\n')
    say(b'250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n' if way != 'without' else b'250-mail.example\r\n250 SIZE 1000\r\n')
    hear(b'STARTTLS\r\n')
    agree(b'220 go ahead\r\n', b'454 no key today\x1b\r\n')

def imap():
    say(b'* OK hello\r\n')
    hear(b'a1 CAPABILITY\r\n')
    say(b'* CAPABILITY IMAP4rev2 ', b'STARTTLS' if way != 'without' else b'IDLE', b'\r\na1 OK done\r\n')
    hear(b'a2 STARTTLS\r\n')
    agree(b'* 1 EXISTS\r\na2 OK go ahead\r\n', b'a2 NO key today\x1b\r\n')

def pop3():
    say(b'+OK hello\r\n')
    hear(b'STLS\r\n')
    agree(b'+OK go ahead\r\n', b'-ERR no key today\x1b\r\n')

def ftp():
    say(b'220-hello\r\n 331 to all\r\n220 here\r\n')
    hear(b'AUTH TLS\r\n')
    agree(b'234 go ahead\r\n', b'534 no key today\x1b\r\n')

def ldap():
    hear(REQUEST)
    agree(b'\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00',
          b'\x30\x19\x02\x01\x01\x78\x14\x0a\x01\x34\x04\x00\x04\x0dno key today\x1b')

def postgres():
    hear(b'\0\0\0\x08\x04\xd2\x16\x2f')
    agree(b'S' if way != 'without' else b'N', b'EFATAL: no key today\x1b\n\0')

def mysql():
    packet = HANDSHAKE % (0xff if way != 'without' else 0xf7)
    refusal = b'\xff\x6a\x04no key today\x1b'
    agree(bytes([len(packet), 0, 0, 0]) + packet, bytes([len(refusal), 0, 0, 0]) + refusal)
    hear(b'\x20\0\0\x01\x00\x8a\0\0\0\0\0\x01\x21' + b'\0' * 23)

def xmpp():
    hear(b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
         b"xmlns:stream='http://etherx.jabber.org/streams'>")
    say(b"<?xml version='1.0'?><stream:stream from='localhost' id='1' version='1.0' xmlns='jabber:client' "
        b"xmlns:stream='http://etherx.jabber.org/streams'><stream:features>",
        b"<starttls xmlns='" + NS + b"'><required/></starttls>" if way != 'without' else b"<sm xmlns='urn:xmpp:sm:3'/>",
        b"</stream:features>")
    hear(b"<starttls xmlns='" + NS + b"'/>")
    agree(b"<proceed xmlns='" + NS + b"'/>", b"<failure xmlns='" + NS + b"' why='no key today\x1b'/></stream:stream>")

listener = socket.create_server(('127.0.0.1', 0))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
print('listening on %s:%d' % listener.getsockname(), file=sys.stderr, flush=True)
s, _ = listener.accept()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if way == 'silent':
    while data := s.recv(65536): print('rest', repr(data), file=sys.stderr, flush=True)
    sys.exit()
if way == 'leave': sys.exit()
if way == 'alien':
    s.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
else:
    try: globals()[protocol]()
    except AssertionError: sys.exit()
if way in ('refuse', 'glue', 'alien'):
    print('rest', repr(s.recv(65536)), file=sys.stderr, flush=True)
    sys.exit()
s = context.wrap_socket(s, server_side=True)
while data := s.recv(65536): s.sendall(data)
s.unwrap().close()
"#;

/// A server, where it listens, and who vouches for it.
struct Server {
    running: Running,
    address: String,
    ca: Ca,
    _directory: TempDir,
}

/// `None` where Python is missing.
fn server(protocol: &str, way: &str) -> Option<Server> {
    let directory = directory();
    let ca = Ca::new(&directory);
    let leaf = ca.leaf(LeafOptions::of(&["localhost"]));
    let running = start(&mut python(SERVER, &[protocol, way, path(&leaf.chain), path(&leaf.key)])?);
    let address = running.address().to_string();
    Some(Server { running, address, ca, _directory: directory })
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

impl Server {
    /// `connect --starttls` to it, with further `words`.
    fn asked(&self, protocol: &str, words: &[&str]) -> Command {
        let trust = ["--tls-name", "localhost", "--tls-ca", path(&self.ca.file)];
        sockkit([&["connect", &self.address, "--starttls", protocol], &trust[..], words].concat())
    }
}

/// What becomes of a client with a payload, and what the server heard and was left with.
fn meet(protocol: &str, way: &str, words: &[&str], code: i32) -> Option<(Ended, String)> {
    let server = server(protocol, way)?;
    let ended = crate::support::run(&mut server.asked(protocol, words), b"payload").expect(code);
    let heard = server.running.end().stderr;
    assert!(!heard.contains("payload") && ended.stdout.is_empty(), "{protocol}: {heard} {}", ended.text());
    Some((ended, heard))
}

#[test]
fn every_protocol_is_upgraded_and_then_goes_on_with_the_data() {
    let payload = random(300_000, 6);
    for protocol in PROTOCOLS {
        for way in ["agree", "dribble"] {
            let Some(server) = server(protocol, way) else { return };
            let ended = crate::support::run(&mut server.asked(protocol, &[]), &payload).expect(0);
            assert_same(&ended.stdout, &payload);
            assert!(ended.stderr.is_empty(), "{}", ended.stderr);
            server.running.end().expect(0);
        }
    }
}

#[test]
fn v_tells_the_dialogue_line_by_line() {
    let Some(server) = server("smtp", "agree") else { return };
    let ended = crate::support::run(&mut server.asked("smtp", &["-v", "--tls"]), b"x").expect(0);
    let said: Vec<_> = ended.stderr.lines().filter_map(|line| Some(line.split_once(" s] ")?.1)).collect();
    let wanted = [
        &format!("asking {} for TLS in the way of SMTP", server.address),
        "< 220-mail.example ESMTP",
        "< 220 hello",
        "> EHLO localhost",
        "< 250-mail.example",
        "< 250-SIZE 1000",
        "< 250 STARTTLS",
        "> STARTTLS",
        "< 220 go ahead",
    ];
    let start = said.iter().position(|line| *line == wanted[0]).expect("it is told");
    assert_eq!(said[start..start + wanted.len()], wanted);
    assert!(said[start + wanted.len()].starts_with("TLS may begin, after "), "{said:?}");
    assert!(said[start + wanted.len() + 1..].iter().any(|line| line.starts_with("TLS handshake with ")), "{said:?}");
}

#[test]
fn json_tells_the_same_as_objects() {
    let Some(server) = server("ldap", "agree") else { return };
    let ended = crate::support::run(&mut server.asked("ldap", &["-v", "--json"]), b"x").expect(0);
    let events: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let one = |name: &str| events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!(one("starttls")["protocol"], "LDAP");
    assert_eq!(one("starttls-sent")["line"], "ExtendedRequest StartTLS");
    assert_eq!(one("starttls-received")["line"], "ExtendedResponse 0 (success)");
    assert!(one("starttls-agreed")["seconds"].is_f64());
}

#[test]
fn a_server_that_does_not_offer_it_is_35() {
    let offers = [
        ("smtp", "its answer to EHLO has no STARTTLS, but SIZE; ", Some(465)),
        ("imap", "STARTTLS is not among its capabilities: IMAP4rev2, IDLE; ", Some(993)),
        ("postgres", "its answer to SSLRequest is N", None),
        ("mysql", "8.0.36 has not the capability SSL", None),
        ("xmpp", "its stream's features have no starttls, but sm; ", Some(5223)),
    ];
    for (protocol, what, port) in offers {
        let Some((ended, _)) = meet(protocol, "without", &[], 35) else { return };
        let line = format!(": the server does not offer TLS: {what}");
        assert!(ended.stderr.contains(&line), "{protocol}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("--starttls, is at port"), port.is_some(), "{}", ended.stderr);
    }
}

#[test]
fn a_refusal_is_35_and_has_the_servers_own_words() {
    for protocol in PROTOCOLS {
        let Some((ended, heard)) = meet(protocol, "refuse", &[], 35) else { return };
        let line = ended.stderr.trim_end();
        assert!(line.contains(": the server refuses ") && line.contains(r"key today\x1b"), "{protocol}: {line}");
        assert!(protocol == "mysql" || heard.contains("rest b''"), "{protocol}: {heard}");
    }
}

/// CVE-2011-0411.
#[test]
fn bytes_behind_the_go_ahead_are_35() {
    for protocol in PROTOCOLS {
        let Some((ended, heard)) = meet(protocol, "glue", &[], 35) else { return };
        let line = ended.stderr.trim_end();
        assert!(line.contains("plain text came behind") && line.ends_with(r#": "injected\x1b""#), "{protocol}: {line}");
        // MySQL is caught before our answer.
        assert!(heard.contains(if protocol == "mysql" { "heard b''" } else { "rest b''" }), "{protocol}: {heard}");
    }
}

#[test]
fn a_silence_is_28_and_names_the_step() {
    let steps = [
        ("smtp", "wait for the SMTP greeting of"),
        ("imap", "wait for the IMAP greeting of"),
        ("pop3", "wait for the POP3 greeting of"),
        ("ftp", "wait for the FTP greeting of"),
        ("ldap", "wait for the answer to StartTLS of"),
        ("postgres", "wait for the answer to SSLRequest of"),
        ("mysql", "wait for the MySQL handshake packet of"),
        ("xmpp", "wait for the stream features of"),
    ];
    for (protocol, step) in steps {
        let Some((ended, _)) = meet(protocol, "silent", &["--connect-timeout", "0.5"], 28) else { return };
        assert!(ended.stderr.starts_with(&format!("sockkit: {step} 127.0.0.1:")), "{}", ended.stderr);
        assert!(ended.stderr.contains("(--connect-timeout)") && ended.stderr.contains("it wants no --starttls"));
    }
}

#[test]
fn a_server_that_ends_is_35_and_one_of_another_protocol_8() {
    for protocol in PROTOCOLS {
        let Some((ended, _)) = meet(protocol, "alien", &[], 8) else { return };
        assert!(ended.stderr.contains("malformed"), "{protocol}: {}", ended.stderr);
    }
    let Some((ended, _)) = meet("pop3", "leave", &[], 35) else { return };
    assert!(ended.stderr.contains(": the server ended the connection"), "{}", ended.stderr);
}

#[test]
fn trust_is_asked_for_behind_it_as_everywhere() {
    let Some(server) = server("pop3", "agree") else { return };
    let words = ["connect", &server.address, "--starttls", "pop3", "--tls-name", "localhost"];
    let ended = crate::support::run(&mut sockkit(words), b"payload").expect(60);
    assert!(ended.stdout.is_empty());
    assert!(!server.running.end().stderr.contains("payload"));
}

#[test]
fn a_check_goes_the_same_way_and_waits_for_nobody() {
    let Some(agrees) = server("smtp", "dribble") else { return };
    let check = |server: &Server, words: &[&str]| server.asked("smtp", &[&["--check"], words].concat());
    let ended = start(&mut check(&agrees, &[])).end().expect(0);
    let text = ended.text();
    assert!(text.starts_with(&format!("{}: open, ", agrees.address)) && text.contains("TLS 1.3"), "{text}");
    // The dialogues of those that speak end within the limit that the silent one exceeds.
    let servers = ["silent", "without", "glue"].map(|way| server("smtp", way).expect("Python was there"));
    let ports = servers.each_ref().map(|server| server.address.rsplit(':').next().expect("a port").to_owned());
    let trust = ["--tls-name", "localhost", "--tls-ca", path(&servers[0].ca.file), "--connect-timeout", "10"];
    let words = ["connect", "--check", "127.0.0.1", &ports.join(","), "--starttls", "smtp"];
    let text = start(&mut sockkit([&words[..], &trust].concat())).end().expect(1).text();
    let [silent, without, glued] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(silent.contains("timed out after 10 s (--connect-timeout)"), "{silent}");
    assert!(without.contains("the server does not offer TLS"), "{without}");
    assert!(glued.contains("plain text came behind"), "{glued}");
    let alone = server("smtp", "refuse").expect("Python was there");
    assert!(start(&mut check(&alone, &[])).end().expect(35).text().contains("the server refuses STARTTLS"));
}

#[test]
fn what_can_not_be_is_a_usage_error() {
    let usage = |words: &[&str]| start(&mut sockkit([&["connect", "localhost", "25"], words].concat())).end().expect(2);
    let ended = usage(&["--starttls", "gopher"]);
    assert!(ended.stderr.contains("smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp"), "{}", ended.stderr);
    usage(&["--tls-name", "x"]);
    usage(&["--starttls"]);
}
