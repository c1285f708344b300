//! The servers that a socket course has its students write, in Python, and `connect` and `udp-send` as their clients:
//! byte for byte what each side gets, and how the session ends.

use std::net::SocketAddr;

use crate::support::talk::Talk;
use crate::support::{python, run, sockkit, start};

/// A TCP server on any free port. `serve` is what it does with each client, in a thread each.
fn tcp_server(serve: &str) -> String {
    format!(
        "\
import socket, sys, threading, time

def say(text):
    # One write: a print by another thread could come between the text and its newline.
    sys.stdout.write(text + '\\n')
    sys.stdout.flush()

{serve}

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', int(sys.argv[1])))
server.listen(5)
print('listening on 127.0.0.1:%d' % server.getsockname()[1], file=sys.stderr, flush=True)
while True:
    sock, address = server.accept()
    threading.Thread(target=serve, args=(sock, address)).start()
"
    )
}

/// a: greets, answers after a pause, closes on `exit` or the end; every message is exactly what one read brings.
const GREETER: &str = "\
def serve(sock, address):
    say('Accept new connection from %s:%s...' % address)
    sock.send(b'Welcome!')
    while True:
        data = sock.recv(1024)
        time.sleep(0.1)
        if not data or data.decode('utf-8') == 'exit':
            break
        sock.send(('Hello, %s!' % data.decode('utf-8')).encode('utf-8'))
    sock.close()
    say('Connection from %s:%s closed.' % address)
";

/// b: the same over UDP.
const UDP_GREETER: &str = "\
import socket, sys, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 0))
print('listening on 127.0.0.1:%d' % server.getsockname()[1], file=sys.stderr, flush=True)
while True:
    data, address = server.recvfrom(1024)
    print('Received %r from %s:%s.' % ((data,) + address), flush=True)
    time.sleep(0.1)
    server.sendto(b'Hello, %s!' % data, address)
";

/// c: takes one message, prints it, answers, closes, waits for the next client; one at a time.
const ONE_MESSAGE: &str = "\
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(('127.0.0.1', 0))
server.listen(1)
print('listening on 127.0.0.1:%d' % server.getsockname()[1], file=sys.stderr, flush=True)
while True:
    sock, address = server.accept()
    print(sock.recv(1024), flush=True)
    sock.sendall(b'Hello world!')
    sock.close()
";

/// d: prompts for names that it greets, until one is `exit`. It trims what it reads, so lines can be typed.
const PROMPTER: &str = "\
def serve(sock, address):
    sock.sendall(b'Server: Welcome!\\n')
    while True:
        sock.sendall(b\"Server: What's your name?\")
        name = sock.recv(1024).decode('utf-8').strip()
        say(repr(name))
        if not name or name == 'exit':
            break
        time.sleep(0.1)
        sock.sendall(('Server: Hello %s!\\n' % name).encode('utf-8'))
    sock.sendall(b'Server: Good bye!\\n')
    sock.close()
";

/// e: says hello, reads once, closes.
const HELLO: &str = "\
def serve(sock, address):
    sock.sendall(b'hello')
    say(repr(sock.recv(1024)))
    sock.close()
";

/// Starts one of the servers; at `port`, or at a free one where that is 0.
fn server_at(script: &str, port: u16) -> Option<(Talk, SocketAddr)> {
    let server = Talk::start(&mut python(script, &[&port.to_string()])?);
    let address = server.program.address();
    Some((server, address))
}

fn server(script: &str) -> Option<(Talk, SocketAddr)> {
    server_at(script, 0)
}

/// `connect` with a stdin that stays open.
fn client(address: SocketAddr, options: &[&str]) -> Talk {
    Talk::start(sockkit(["connect", &address.to_string()]).args(options))
}

#[test]
fn a_each_client_is_greeted_in_a_session_of_its_own_and_exit_ends_it() {
    let Some((mut server, address)) = server(&tcp_server(GREETER)) else { return };
    let mut clients = [client(address, &["--end-on", "peer"]), client(address, &["--end-on", "peer"])];
    for client in &mut clients {
        client.hear("Welcome!");
    }
    for round in [["Michael", "Tracy"], ["Sarah", "grüße"]] {
        for (client, name) in clients.iter_mut().zip(round) {
            client.say(name);
        }
        for (client, name) in clients.iter_mut().zip(round) {
            client.hear(format!("Hello, {name}!"));
        }
    }
    for mut client in clients {
        client.say("exit");
        let ended = client.end().expect(0);
        assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{ended:?}");
    }
    let said: Vec<_> = (0..4).map(|_| server.line()).collect();
    assert_eq!(said.iter().filter(|line| line.starts_with("Accept new connection from 127.0.0.1:")).count(), 2);
    assert_eq!(said.iter().filter(|line| line.ends_with(" closed.")).count(), 2, "{said:?}");
}

#[test]
fn a_the_end_of_stdin_ends_the_session_too() {
    let Some((mut server, address)) = server(&tcp_server(GREETER)) else { return };
    let mut client = client(address, &[]);
    client.hear("Welcome!");
    client.say("Michael\n");
    // A line has its newline: this server takes it for a part of the name.
    client.hear("Hello, Michael\n!");
    client.hang_up();
    assert!(client.end().expect(0).stdout.is_empty());
    assert!(server.line().starts_with("Accept") && server.line().ends_with("closed."));
    let ended = run(&mut sockkit(["connect", &address.to_string()]), b"Bob").expect(0);
    assert_eq!(ended.text(), "Welcome!Hello, Bob!");
}

#[test]
fn b_names_are_greeted_over_udp() {
    let Some((mut server, address)) = server(UDP_GREETER) else { return };
    let names = ["Michael", "Tracy", "Sarah"];
    let mut send = sockkit(["udp-send", "--wait", "1h", "--replies", "3", &address.to_string()]);
    let ended = start(send.args(names)).end().expect(0);
    assert_eq!(ended.text(), "Hello, Michael!Hello, Tracy!Hello, Sarah!");
    for name in names {
        assert!(server.line().starts_with(&format!("Received b'{name}' from 127.0.0.1:")));
    }

    let mut chat = Talk::start(&mut sockkit(["udp-send", "--interactive", &address.to_string()]));
    for name in names {
        chat.say(format!("{name}\n"));
        chat.hear(format!("Hello, {name}!\n"));
        assert!(server.line().starts_with(&format!("Received b'{name}' from ")), "the newline was not sent");
    }
    chat.hang_up();
    assert!(chat.end().expect(0).stdout.is_empty());

    let mut piped = sockkit(["udp-send", "--interactive", "--wait", "1h", &address.to_string()]);
    assert_eq!(
        run(&mut piped, b"Michael\nTracy\nSarah\n").expect(0).text(),
        "Hello, Michael!\nHello, Tracy!\nHello, Sarah!\n"
    );
}

#[test]
fn c_one_message_is_answered_and_the_next_client_served() {
    let Some((mut server, address)) = server(ONE_MESSAGE) else { return };
    for name in ["first", "second"] {
        let ended = run(&mut sockkit(["connect", &address.to_string()]), name.as_bytes()).expect(0);
        assert_eq!(ended.text(), "Hello world!");
        assert_eq!(server.line(), format!("b'{name}'"));
    }
    // The server's close ends a session whose stdin stays open.
    let mut client = client(address, &["--end-on", "peer"]);
    client.say("third\n");
    assert_eq!(client.end().expect(0).text(), "Hello world!");
    assert_eq!(server.line(), r"b'third\n'");
}

#[test]
fn d_names_are_asked_for_until_exit() {
    let Some((mut server, address)) = server(&tcp_server(PROMPTER)) else { return };
    for newline in ["\n", ""] {
        let mut client = client(address, &["--end-on", "peer"]);
        client.hear("Server: Welcome!\n");
        for name in ["Michael", "Tracy", "Sarah"] {
            client.hear("Server: What's your name?");
            client.say(format!("{name}{newline}"));
            client.hear(format!("Server: Hello {name}!\n"));
            assert_eq!(server.line(), format!("'{name}'"));
        }
        client.hear("Server: What's your name?");
        client.say(format!("exit{newline}"));
        client.hear("Server: Good bye!\n");
        let ended = client.end().expect(0);
        assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{ended:?}");
        assert_eq!(server.line(), "'exit'");
    }
}

#[test]
fn e_hello_comes_first_and_the_port_is_free_again_at_once() {
    let script = tcp_server(HELLO);
    let Some((mut first, address)) = server(&script) else { return };
    let mut client = client(address, &["--end-on", "peer"]);
    client.hear("hello");
    client.say("hi\n");
    assert!(client.end().expect(0).stdout.is_empty());
    assert_eq!(first.line(), r"b'hi\n'");
    first.program.signal(9);
    first.end();

    let (mut second, again) = server_at(&script, address.port()).expect("it was there");
    assert_eq!(again, address);
    let ended = start(&mut sockkit(["connect", &address.to_string()])).end().expect(0);
    assert_eq!(ended.text(), "hello");
    assert_eq!(second.line(), "b''", "without a stdin our end is sent at once");
}

/// Runs sockkit (argv 1) with a terminal as its stdin as a client of argv 2: nothing but the server's close ends it.
const ON_A_TERMINAL: &str = "\
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
client = subprocess.Popen([sys.argv[1], 'connect', sys.argv[2]], stdin=theirs, stdout=subprocess.PIPE)
assert client.stdout.read(8) == b'Welcome!'
# Ctrl-D behind a text sends it without a newline.
os.write(ours, b'Michael\\x04')
assert client.stdout.read(15) == b'Hello, Michael!'
os.write(ours, b'exit\\x04')
assert client.stdout.read() == b''
assert client.wait(60) == 0
";

#[test]
fn on_a_terminal_the_close_of_the_server_is_the_end() {
    let Some((_server, address)) = server(&tcp_server(GREETER)) else { return };
    let Some(mut script) = python(ON_A_TERMINAL, &[env!("CARGO_BIN_EXE_sockkit"), &address.to_string()]) else {
        return;
    };
    start(&mut script).end().expect(0);
}
