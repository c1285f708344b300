//! What goes through `connect` and `listen` reaches nc, ncat, socat and Python whole, and comes back whole: 64 MiB
//! of random bytes and 100,000 short lines, both ways at once, in both roles.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::wire::loopback;
use crate::support::{Running, assert_same, directory, file, input, peer, python, random, sockkit, start};

/// Far beyond what any of these should take.
const LIMIT: Duration = Duration::from_secs(60);

const PORT: &str = "9001";

/// Full duplex with half-close: stdin to the peer, the peer to stdout.
const PYTHON: &str = r"
import os, socket, sys, threading
role, host, port = sys.argv[1:]
if role == 'listens':
    server = socket.create_server((host, int(port)))
    s, _ = server.accept()
else:
    s = socket.create_connection((host, int(port)))
def up():
    while piece := os.read(0, 1 << 16):
        s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=up)
sender.start()
while piece := s.recv(1 << 16):
    sys.stdout.buffer.write(piece)
sys.stdout.buffer.flush()
sender.join()
";

#[derive(Clone, Copy)]
enum Program {
    Nc,
    Ncat,
    Socat,
    Python,
}

impl Program {
    fn listening(self, host: &str) -> Option<Command> {
        let tcp = format!("TCP-LISTEN:{PORT},bind={host}");
        match self {
            Program::Nc => with("nc.openbsd", &["-N", "-l", host, PORT]),
            Program::Ncat => with("ncat", &["-l", host, PORT]),
            Program::Socat => with("socat", &["-t", "60", "-", &tcp]),
            Program::Python => python(PYTHON, &["listens", host, PORT]),
        }
    }

    fn connecting(self, port: &str) -> Option<Command> {
        let tcp = format!("TCP:127.0.0.1:{port}");
        match self {
            Program::Nc => with("nc.openbsd", &["-N", "127.0.0.1", port]),
            Program::Ncat => with("ncat", &["127.0.0.1", port]),
            Program::Socat => with("socat", &["-t", "60", "-", &tcp]),
            Program::Python => python(PYTHON, &["connects", "127.0.0.1", port]),
        }
    }
}

fn with(program: &str, args: &[&str]) -> Option<Command> {
    let mut command = peer(program)?;
    command.args(args);
    Some(command)
}

fn lines(word: &str) -> Vec<u8> {
    (0..100_000).flat_map(|n| format!("{word} {n}\n").into_bytes()).collect()
}

/// Who waits for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Connect,
    Listen,
}

/// What goes over one connection, and how it is fed.
#[derive(Clone, Copy)]
struct Load<'a> {
    ours: &'a [u8],
    theirs: &'a [u8],
    /// Standard input is a file on both sides, or else a pipe.
    files: bool,
}

/// 64 MiB and then 100,000 lines; both ways at once, unless the program ends as soon as we do.
fn goes_through(program: Program, role: Role) {
    let quits = matches!((program, role), (Program::Nc, Role::Connect) | (Program::Ncat, _));
    let big = Load { ours: &random(64 << 20, 1), theirs: &random(64 << 20, 2), files: true };
    let small = Load { ours: &lines("ours"), theirs: &lines("theirs"), files: false };
    for load in [big, small] {
        if quits {
            // nc -l and ncat drop what they have not sent when the other side's end comes: one way at a time.
            exchange(program, role, &[], Load { theirs: b"", ..load });
            exchange(program, role, &["--no-stdin"], Load { ours: b"", ..load });
        } else {
            exchange(program, role, &[], load);
        }
    }
}

fn exchange(program: Program, role: Role, options: &[&str], load: Load<'_>) {
    let host = loopback().to_string();
    match role {
        Role::Connect => {
            let Some(mut command) = program.listening(&host) else { return };
            let peer = fed(&mut command, load.theirs, load.files);
            let mut ours = sockkit(["connect", "--retry-for", "20", &host, PORT]);
            both_have(fed(ours.args(options), load.ours, load.files), peer, load);
        }
        Role::Listen => {
            let listener = fed(sockkit(["listen", "127.0.0.1", "0"]).args(options), load.ours, load.files);
            let Some(mut command) = program.connecting(&listener.address().port().to_string()) else { return };
            let peer = fed(&mut command, load.theirs, load.files);
            both_have(listener, peer, load);
        }
    }
}

fn fed(command: &mut Command, bytes: &[u8], files: bool) -> Running {
    if files {
        let dir = directory();
        return start(command.stdin(input(&file(&dir, "input", bytes))));
    }
    let mut running = start(command.stdin(Stdio::piped()));
    running.feed(bytes.to_vec());
    running
}

#[track_caller]
fn both_have(sockkit: Running, peer: Running, load: Load<'_>) {
    let ended = sockkit.end_within(LIMIT).expect(0);
    assert_same(&ended.stdout, load.theirs);
    assert_same(&peer.end_within(LIMIT).stdout, load.ours);
}

#[test]
fn connects_to_nc() {
    goes_through(Program::Nc, Role::Connect);
}

#[test]
fn connects_to_ncat() {
    goes_through(Program::Ncat, Role::Connect);
}

#[test]
fn connects_to_socat() {
    goes_through(Program::Socat, Role::Connect);
}

#[test]
fn connects_to_python() {
    goes_through(Program::Python, Role::Connect);
}

#[test]
fn listens_for_nc() {
    goes_through(Program::Nc, Role::Listen);
}

#[test]
fn listens_for_ncat() {
    goes_through(Program::Ncat, Role::Listen);
}

#[test]
fn listens_for_socat() {
    goes_through(Program::Socat, Role::Listen);
}

#[test]
fn listens_for_python() {
    goes_through(Program::Python, Role::Listen);
}

/// `connect` and `listen` over a UNIX socket, one way after the other; `listening` and `connecting` are the peer's words.
fn over_unix(address: &str, program: &str, listening: &[&str], connecting: &[&str]) {
    let (ours, theirs) = (random(4 << 20, 5), random(4 << 20, 6));
    let up = Load { ours: &ours, theirs: b"", files: false };
    let down = Load { ours: b"", theirs: &theirs, files: false };
    for (load, options) in [(up, [].as_slice()), (down, ["--no-stdin"].as_slice())] {
        let Some(mut client) = with(program, connecting) else { return };
        let listener = fed(sockkit(["listen", address]).args(options), load.ours, load.files);
        listener.line("listening on ");
        both_have(listener, fed(&mut client, load.theirs, load.files), load);

        let Some(mut server) = with(program, listening) else { return };
        let server = fed(&mut server, load.theirs, load.files);
        let mut ours = sockkit(["connect", "--retry-for", "20", address]);
        both_have(fed(ours.args(options), load.ours, load.files), server, load);
    }
}

#[test]
fn unix_path_with_socat() {
    let dir = directory();
    let path = dir.path().join("s").display().to_string();
    let (listening, connecting) = (format!("UNIX-LISTEN:{path}"), format!("UNIX-CONNECT:{path}"));
    over_unix(&format!("unix:{path}"), "socat", &["-t", "60", "-", &listening], &["-t", "60", "-", &connecting]);
}

#[test]
fn unix_path_with_nc() {
    let dir = directory();
    let path = dir.path().join("s").display().to_string();
    over_unix(&format!("unix:{path}"), "nc.openbsd", &["-N", "-lU", &path], &["-N", "-U", &path]);
}

#[test]
fn unix_abstract_with_socat() {
    let name = format!("sockkit-test-{}", std::process::id());
    let (listening, connecting) = (format!("ABSTRACT-LISTEN:{name}"), format!("ABSTRACT-CONNECT:{name}"));
    over_unix(&format!("unix:@{name}"), "socat", &["-t", "60", "-", &listening], &["-t", "60", "-", &connecting]);
}
