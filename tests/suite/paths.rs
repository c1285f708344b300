//! The kernel's path and the buffer path give the same, whatever the ends are made of.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::thread::{self, JoinHandle};

use crate::support::{assert_same, directory, file, python, random, sockkit, start};

const SIZE: usize = 16 << 20;

/// What a standard stream can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Pipe,
    SocketPair,
    Null,
    AppendFile,
}

const SOURCES: [Kind; 3] = [Kind::File, Kind::Pipe, Kind::SocketPair];
const SINKS: [Kind; 5] = [Kind::File, Kind::Pipe, Kind::SocketPair, Kind::Null, Kind::AppendFile];

/// Standard input of this kind that gives `bytes`.
fn source(kind: Kind, dir: &Path, bytes: &[u8]) -> Stdio {
    let feed = |mut to: Box<dyn Write + Send>| {
        let bytes = bytes.to_vec();
        thread::spawn(move || to.write_all(&bytes).expect("the program reads all of it"));
    };
    match kind {
        Kind::Pipe => {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            feed(Box::new(writer));
            reader.into()
        }
        Kind::SocketPair => {
            let (theirs, ours) = UnixStream::pair().expect("a pair");
            feed(Box::new(ours));
            OwnedFd::from(theirs).into()
        }
        Kind::File | Kind::Null | Kind::AppendFile => {
            std::fs::write(dir.join("source"), bytes).expect("our own directory");
            File::open(dir.join("source")).expect("it was just written").into()
        }
    }
}

/// Where the bytes are once the program has ended.
enum Arrived {
    Read(JoinHandle<Vec<u8>>),
    InFile(std::path::PathBuf),
    Nowhere,
}

fn sink(kind: Kind, dir: &Path) -> (Stdio, Arrived) {
    let read = |mut from: Box<dyn Read + Send>| {
        Arrived::Read(thread::spawn(move || {
            let mut all = Vec::new();
            from.read_to_end(&mut all).expect("the program ends it");
            all
        }))
    };
    let path = dir.join("sink");
    match kind {
        Kind::Pipe => {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            (writer.into(), read(Box::new(reader)))
        }
        Kind::SocketPair => {
            let (theirs, ours) = UnixStream::pair().expect("a pair");
            (OwnedFd::from(theirs).into(), read(Box::new(ours)))
        }
        Kind::Null => (OpenOptions::new().write(true).open("/dev/null").expect("it is there").into(), Arrived::Nowhere),
        Kind::File => (File::create(&path).expect("our own directory").into(), Arrived::InFile(path)),
        Kind::AppendFile => {
            let opened = OpenOptions::new().create(true).append(true).open(&path).expect("our own directory");
            (opened.into(), Arrived::InFile(path))
        }
    }
}

impl Arrived {
    fn check(self, wanted: &[u8]) {
        match self {
            Arrived::Read(reader) => assert_same(&reader.join().expect("it does not panic"), wanted),
            Arrived::InFile(path) => assert_same(&std::fs::read(path).expect("it was written"), wanted),
            Arrived::Nowhere => {}
        }
    }
}

/// `bytes` from a source of one kind through two of ours to a sink of another.
fn through(bytes: &[u8], from: Kind, to: Kind, options: &[&str], unix: bool) {
    let dir = directory();
    let (stdout, arrived) = sink(to, dir.path());
    let address = if unix { format!("unix:{}", dir.path().join("s").display()) } else { "127.0.0.1:0".to_owned() };
    let listener = start(sockkit(["listen", &address]).args(options).stdout(stdout));
    let announced = listener.line("listening on ");
    let real = announced.rsplit(' ').next().expect("a word").to_owned();
    let mut connect = sockkit(["connect", &real]);
    let ended = start(connect.args(options).stdin(source(from, dir.path(), bytes))).end().expect(0);
    assert_eq!(ended.stdout, b"", "{from:?} to {to:?}");
    listener.end().expect(0);
    arrived.check(bytes);
}

fn every_pair(options: &[&str], unix: bool) {
    let bytes = random(SIZE, 77);
    for from in SOURCES {
        for to in SINKS {
            eprintln!("{from:?} to {to:?} {options:?}");
            through(&bytes, from, to, options, unix);
        }
    }
}

#[test]
fn over_tcp_by_the_kernel() {
    every_pair(&[], false);
}

#[test]
fn over_tcp_by_the_buffer() {
    every_pair(&["--no-splice"], false);
}

#[test]
fn over_unix_sockets_by_the_kernel() {
    every_pair(&[], true);
}

#[test]
fn over_unix_sockets_by_the_buffer() {
    every_pair(&["--no-splice"], true);
}

/// Both directions at once, so that each way has its own pipe.
#[test]
fn pipes_both_ways_at_once() {
    for options in [&[][..], &["--no-splice"]] {
        let (up, down) = (random(SIZE, 1), random(SIZE, 2));
        let mut listener = start(sockkit(["listen", "127.0.0.1", "0"]).args(options).stdin(Stdio::piped()));
        let port = listener.address().port().to_string();
        listener.feed(down.clone());
        let client = crate::support::run(sockkit(["connect", "127.0.0.1", &port]).args(options), &up).expect(0);
        assert_same(&client.stdout, &down);
        assert_same(&listener.end().expect(0).stdout, &up);
    }
}

/// The kernel's path is really taken where it should be, and not where it can't be.
#[test]
fn splice_is_called_where_the_table_says_so() {
    if cfg!(feature = "portable") {
        return;
    }
    for (to, options, wanted) in [
        (Kind::Pipe, &[][..], true),
        (Kind::Null, &[], true),
        (Kind::File, &[], true),
        (Kind::Pipe, &["--no-splice"], false),
        (Kind::AppendFile, &[], false),
        (Kind::SocketPair, &[], false),
    ] {
        let dir = directory();
        let trace = dir.path().join("trace");
        let Some(mut strace) = crate::support::peer("strace") else { return };
        let (stdout, arrived) = sink(to, dir.path());
        strace.args(["-f", "-e", "trace=splice", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_sockkit"));
        let listener = start(strace.args(["listen", "127.0.0.1", "0"]).args(options).stdout(stdout));
        // The command keeps its end of the pipe; the reader waits for the last one.
        drop(strace);
        let port = listener.address().port().to_string();
        crate::support::run(&mut sockkit(["connect", "127.0.0.1", &port]), &random(1 << 20, 3)).expect(0);
        listener.end().expect(0);
        arrived.check(&random(1 << 20, 3));
        let calls = std::fs::read_to_string(&trace).expect("strace wrote it");
        assert_eq!(calls.contains("splice("), wanted, "{to:?} {options:?}: {calls:.500}");
    }
}

/// A terminal gets every line, with its own CR LF, and keeps its mode.
#[test]
fn a_terminal_gets_everything_and_keeps_its_mode() {
    const SCRIPT: &str = r"
import os, pty, socket, subprocess, sys, termios, threading
lines = b''.join(b'%06d the quick brown fox jumps over the lazy dog\n' % n for n in range(20000))
server = socket.create_server(('127.0.0.1', 0))
def serve():
    peer, _ = server.accept()
    peer.sendall(lines)
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(4096):
        pass
    peer.close()
threading.Thread(target=serve, daemon=True).start()
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
child = subprocess.Popen(sys.argv[1:] + ['connect', '127.0.0.1', str(server.getsockname()[1])],
                         stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE)
got = b''
wanted = lines.replace(b'\n', b'\r\n')
while len(got) < len(wanted):
    got += os.read(master, 65536)
assert child.wait() == 0, child.stderr.read()
assert got == wanted, (len(got), len(wanted))
assert termios.tcgetattr(slave) == before
print('same')
";
    let Some(mut script) = python(SCRIPT, &[env!("CARGO_BIN_EXE_sockkit")]) else { return };
    let ended = start(&mut script).end().expect(0);
    assert_eq!(ended.text().trim(), "same");
}

/// A file in mid-offset is sent from there, and what is written starts where the descriptor stands.
#[test]
fn offsets_of_shared_descriptors_are_kept() {
    use std::io::{Seek, SeekFrom};
    let dir = directory();
    let path = file(&dir, "source", b"0123456789");
    let mut from = File::open(&path).expect("it was just written");
    from.seek(SeekFrom::Start(4)).expect("it is a file");
    let target = file(&dir, "target", b"kept");
    let mut to = OpenOptions::new().write(true).open(&target).expect("it was just written");
    to.seek(SeekFrom::End(0)).expect("it is a file");
    let listener = start(sockkit(["listen", "127.0.0.1", "0"]).stdout(Stdio::from(to)));
    let port = listener.address().port().to_string();
    start(sockkit(["connect", "127.0.0.1", &port]).stdin(Stdio::from(from))).end().expect(0);
    listener.end().expect(0);
    assert_eq!(std::fs::read(&target).expect("it is there"), b"kept456789");
}
