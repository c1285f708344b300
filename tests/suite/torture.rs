//! Full duplex under strain: much in both directions at once, through slow readers and in single bytes, with memory
//! that stays flat and hashes that agree.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::talk::Talk;
use crate::support::tls::{Ca, LeafOptions};
use crate::support::wire::{client, server, status};
use crate::support::{HARD_LIMIT, assert_same, directory, file, input, random, sockkit, start};

/// The most that a process may have had in memory at once, in kB.
const PEAK: u64 = 24 << 10;

/// The same with TLS, in kB.
const PEAK_WITH_TLS: u64 = 32 << 10;

/// FNV-1a over whole words: quick enough for gigabytes in a test, and it sees order, loss and repetition.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hash {
    state: u64,
    total: u64,
    partial: Vec<u8>,
}

impl Hash {
    fn new() -> Self {
        Hash { state: 0xcbf2_9ce4_8422_2325, total: 0, partial: Vec::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let fill = (8 - self.partial.len()) % 8;
        let (head, rest) = bytes.split_at(if self.partial.is_empty() { 0 } else { fill.min(bytes.len()) });
        self.partial.extend_from_slice(head);
        if self.partial.len() == 8 {
            let word = std::mem::take(&mut self.partial);
            self.word(&word);
        }
        let mut words = rest.chunks_exact(8);
        words.by_ref().for_each(|word| self.word(word));
        self.partial.extend_from_slice(words.remainder());
    }

    fn word(&mut self, bytes: &[u8]) {
        let word = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        self.state = (self.state ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }
}

/// Writes `rounds` MiB, each one different, and gives their hash.
fn write_rounds(mut to: impl Write, rounds: u64, seed: u64) -> Hash {
    let mut hash = Hash::new();
    let mut piece = random(1 << 20, seed);
    for round in 0..rounds {
        piece[..8].copy_from_slice(&round.to_le_bytes());
        hash.add(&piece);
        to.write_all(&piece).expect("the other side reads");
    }
    hash
}

/// Reads to the end, in gulps with pauses: slower than the writer, so that every buffer on the way fills.
fn read_slowly(mut from: impl Read) -> Hash {
    let mut hash = Hash::new();
    let mut gulp = vec![0; 96 << 10];
    for turn in 0_u64.. {
        match from.read(&mut gulp).expect("the other side ends cleanly") {
            0 => break,
            n => hash.add(&gulp[..n]),
        }
        if turn % 64 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    hash
}

/// Both ends of a session as hashes: what was sent, what came.
type Ends = (Hash, Hash);

fn both_ways(stream: &TcpStream, rounds: u64, seed: u64) -> Ends {
    let writer = stream.try_clone().expect("a descriptor is free");
    let sender = thread::spawn(move || {
        let hash = write_rounds(&writer, rounds, seed);
        writer.shutdown(Shutdown::Write).expect("it is connected");
        hash
    });
    let received = read_slowly(stream);
    (sender.join().expect("it does not panic"), received)
}

/// The binary under test with all streams piped; killed if it hangs.
struct Tested {
    child: Child,
    /// Ends the watch when this value goes.
    _watch: Sender<()>,
}

fn tested(command: &mut Command) -> Tested {
    let child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let (watch, over) = channel();
    let pid = child.id().to_string();
    thread::spawn(move || {
        if over.recv_timeout(HARD_LIMIT) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-9", &pid]).status();
        }
    });
    Tested { child, _watch: watch }
}

impl Tested {
    /// Feeds and reads it on threads, as the peer does; gives what it was given and what it gave. Its input stays
    /// open until the caller has looked at it: a program that has ended has no memory to look at.
    fn both_ways(&mut self, rounds: u64, seed: u64) -> (JoinHandle<(Hash, ChildStdin)>, JoinHandle<Hash>) {
        let mut stdin = self.child.stdin.take().expect("it is piped");
        let stdout = self.child.stdout.take().expect("it is piped");
        let feeder = thread::spawn(move || (write_rounds(&mut stdin, rounds, seed), stdin));
        (feeder, thread::spawn(move || read_slowly(stdout)))
    }

    /// The peak so far; asked for while it runs.
    #[track_caller]
    fn is_small(&self) {
        self.is_smaller_than(PEAK);
    }

    #[track_caller]
    fn is_smaller_than(&self, most: u64) {
        let peak = status(self.child.id(), "VmHWM");
        assert!(peak > 0 && peak < most, "{peak} kB");
    }

    /// The address that a listener announces.
    fn address(&mut self) -> SocketAddr {
        let stderr = BufReader::new(self.child.stderr.take().expect("it is piped"));
        // A key that others may read is warned of first.
        let mut lines = stderr.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("listening on ")).expect("it announces itself");
        line.rsplit(' ').next().expect("a word").parse().expect("an address")
    }
}

impl Drop for Tested {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_sides_send_256_mib_at_once_through_slow_readers() {
    let (address, peer) = server(|stream| both_ways(&stream, 256, 1));
    let mut ours = tested(&mut sockkit(["connect", &address.to_string()]));
    let (fed, read) = ours.both_ways(256, 2);
    let (fed, stdin) = fed.join().expect("it does not panic");
    ours.is_small();
    drop(stdin);
    let read = read.join().expect("it does not panic");
    let (peer_sent, peer_got) = peer.join().expect("the script ends");
    assert_eq!(read, peer_sent);
    assert_eq!(peer_got, fed);
    assert_eq!((read.total, fed.total), (256 << 20, 256 << 20));
    assert_eq!(ours.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_listener_does_the_same() {
    let mut ours = tested(&mut sockkit(["listen", "127.0.0.1", "0"]));
    let stream = client(ours.address());
    let peer = thread::spawn(move || both_ways(&stream, 64, 3));
    let (fed, read) = ours.both_ways(64, 4);
    let (fed, stdin) = fed.join().expect("it does not panic");
    ours.is_small();
    drop(stdin);
    let (peer_sent, peer_got) = peer.join().expect("it does not panic");
    assert_eq!(read.join().expect("it does not panic"), peer_sent);
    assert_eq!(peer_got, fed);
    assert_eq!(ours.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn both_sides_send_256_mib_at_once_through_tls() {
    let dir = directory();
    let ca = Ca::new(&dir);
    let leaf = ca.leaf(LeafOptions::of(&["127.0.0.1"]));
    let path = |path: &std::path::Path| path.display().to_string();
    let identity: [&str; 4] = ["--tls-cert", &path(&leaf.chain), "--tls-key", &path(&leaf.key)];
    let mut server = tested(sockkit(["listen", "--tls", "127.0.0.1", "0"]).args(identity));
    let address = server.address().to_string();
    let mut client = tested(&mut sockkit(["connect", "--tls", "--tls-ca", &path(&ca.file), &address]));
    let (server_fed, server_read) = server.both_ways(256, 10);
    let (client_fed, client_read) = client.both_ways(256, 11);
    let (server_fed, server_stdin) = server_fed.join().expect("it does not panic");
    let (client_fed, client_stdin) = client_fed.join().expect("it does not panic");
    server.is_smaller_than(PEAK_WITH_TLS);
    client.is_smaller_than(PEAK_WITH_TLS);
    drop((server_stdin, client_stdin));
    assert_eq!(server_read.join().expect("it does not panic"), client_fed);
    assert_eq!(client_read.join().expect("it does not panic"), server_fed);
    assert_eq!((client_fed.total, server_fed.total), (256 << 20, 256 << 20));
    assert_eq!(client.child.wait().expect("it ends").code(), Some(0));
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

/// Stops a program for a moment, again and again until it has ended.
fn stopping(pid: u32) -> Talk {
    const AGAIN: &str = "echo up; while kill -STOP $1 && sleep 0.001; kill -CONT $1; do sleep 0.002; done 2>/dev/null";
    let mut stopping = Talk::start(Command::new("bash").args(["-c", AGAIN, "bash", &pid.to_string()]));
    stopping.hear("up\n");
    stopping
}

/// A signal that stops cuts a system call short in the middle: ncat and others drop what it had not yet moved.
#[test]
fn who_is_stopped_again_and_again_loses_nothing() {
    let dir = directory();
    let [up, down] = [12, 13].map(|seed| random(64 << 20, seed));
    let file = file(&dir, "down", &down);
    for options in [&[][..], &["--no-splice"]] {
        let listener = start(sockkit(["listen", "127.0.0.1", "0"]).args(options).stdin(input(&file)));
        let to = listener.address().to_string();
        let first = stopping(listener.pid);
        let mut client = start(sockkit(["connect", &to]).args(options).stdin(Stdio::piped()));
        let second = stopping(client.pid);
        client.feed(up.clone());
        let [listener, client] = [listener, client].map(|running| running.end().expect(0));
        assert_same(&listener.stdout, &up);
        assert_same(&client.stdout, &down);
        drop((first.end(), second.end()));
    }
}

fn write_single_bytes(mut to: impl Write, bytes: &[u8]) {
    for byte in bytes.chunks(1) {
        to.write_all(byte).expect("the other side reads");
    }
}

fn read_single_bytes(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut byte = [0];
    while from.read(&mut byte).expect("the other side ends cleanly") == 1 {
        all.push(byte[0]);
    }
    all
}

#[test]
fn one_mib_each_way_in_single_bytes() {
    let (up, down) = (random(1 << 20, 5), random(1 << 20, 6));
    let sent = down.clone();
    let (address, peer) = server(move |stream| {
        let writer = stream.try_clone().expect("a descriptor is free");
        let sender = thread::spawn(move || {
            write_single_bytes(&writer, &sent);
            writer.shutdown(Shutdown::Write).expect("it is connected");
        });
        let got = read_single_bytes(&stream);
        sender.join().expect("it does not panic");
        got
    });
    let mut ours = tested(&mut sockkit(["connect", &address.to_string()]));
    let stdin = ours.child.stdin.take().expect("it is piped");
    let stdout = ours.child.stdout.take().expect("it is piped");
    let fed = up.clone();
    let feeder = thread::spawn(move || write_single_bytes(stdin, &fed));
    let got = read_single_bytes(stdout);
    feeder.join().expect("it does not panic");
    assert_same(&got, &down);
    assert_same(&peer.join().expect("the script ends"), &up);
    assert_eq!(ours.child.wait().expect("it ends").code(), Some(0));
}

/// Takes nothing for a while: more is offered than any kernel holds, and what the kernel does not hold must wait outside.
#[test]
fn a_peer_that_stops_reading_costs_no_memory() {
    let (go, wait) = channel::<()>();
    let (address, peer) = server(move |stream| {
        wait.recv_timeout(HARD_LIMIT).expect("the test says so");
        read_slowly(&stream)
    });
    let mut ours = tested(&mut sockkit(["connect", &address.to_string()]));
    let (fed, read) = ours.both_ways(96, 7);
    thread::sleep(Duration::from_millis(500));
    assert!(!fed.is_finished(), "96 MiB were taken although nobody reads");
    ours.is_small();
    go.send(()).expect("the script waits");
    let (fed, stdin) = fed.join().expect("it does not panic");
    drop(stdin);
    assert_eq!(peer.join().expect("the script ends"), fed);
    assert_eq!(read.join().expect("it does not panic").total, 0);
    assert_eq!(ours.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_stdout_that_stops_being_read_costs_no_memory_and_stops_no_upload() {
    let (address, peer) = server(|stream| {
        let writer = stream.try_clone().expect("a descriptor is free");
        let sender = thread::spawn(move || {
            let hash = write_rounds(&writer, 96, 8);
            writer.shutdown(Shutdown::Write).expect("it is connected");
            hash
        });
        let got = read_slowly(&stream);
        (got, sender)
    });
    let mut ours = tested(&mut sockkit(["connect", &address.to_string()]));
    let stdin = ours.child.stdin.take().expect("it is piped");
    let fed = write_rounds(stdin, 64, 9);
    // The peer has all of it, end included, while nothing was read from stdout.
    let (got, sender) = peer.join().expect("the script ends");
    assert_eq!(got, fed);
    assert!(!sender.is_finished(), "96 MiB were taken although nobody reads");
    ours.is_small();
    let read = read_slowly(ours.child.stdout.take().expect("it is piped"));
    assert_eq!(read, sender.join().expect("it does not panic"));
    assert_eq!(ours.child.wait().expect("it ends").code(), Some(0));
}
