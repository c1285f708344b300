//! `listen --keep-open`: clients side by side, none of which can disturb the others or stop the listener.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::talk::Talk;
use crate::support::wire::{client, eventually, read_all, read_exactly, reset, status, ticks};
use crate::support::{HARD_LIMIT, Running, assert_same, random, sockkit, start};

const SECOND: Duration = Duration::from_secs(1);

/// The most that may pass at what is to happen at once, or behind a limit.
const SOON: Duration = Duration::from_secs(2);

const BINARY: &str = env!("CARGO_BIN_EXE_sockkit");

fn keeping_open(words: &[&str]) -> (Running, SocketAddr) {
    let mut command = sockkit(["listen", "-v", "-k", "127.0.0.1", "0"]);
    let listener = start(command.args(words).stdin(Stdio::piped()));
    let address = listener.address();
    (listener, address)
}

/// The normal end of a listener that keeps open: 0, and at once.
#[track_caller]
fn interrupted(listener: Running) -> crate::support::Ended {
    listener.signal(2);
    listener.end_within(SOON).expect(0)
}

#[track_caller]
fn says(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("it listens");
}

#[test]
fn several_clients_side_by_side_and_the_bytes_of_each_come_out() {
    let (mut listener, address) = keeping_open(&[]);
    let stdin = listener.stdin();
    let clients: Vec<_> = (0..5).map(|_| client(address)).collect();
    for (n, stream) in clients.iter().enumerate().rev() {
        says(stream, &format!("client {n}\n"));
    }
    for _ in &clients {
        listener.line("accepted");
    }
    for stream in &clients {
        stream.shutdown(Shutdown::Write).expect("it is connected");
    }
    drop(stdin);
    for stream in &clients {
        assert!(read_all(stream).is_empty());
    }
    let text = interrupted(listener).text();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["client 0", "client 1", "client 2", "client 3", "client 4"]);
}

#[test]
fn stdin_goes_to_all_and_is_not_read_while_nobody_is_there() {
    let (mut listener, address) = keeping_open(&[]);
    let ours = random(2 << 20, 1);
    listener.feed(ours.clone());
    thread::sleep(Duration::from_millis(200));
    // Both must be there before the first byte is read, or the second would miss it.
    listener.signal(19);
    let clients = [client(address), client(address)];
    listener.signal(18);
    let readers: Vec<_> = clients
        .into_iter()
        .map(|stream| {
            thread::spawn(move || {
                let got = read_exactly(&stream, 2 << 20);
                stream.shutdown(Shutdown::Write).expect("it is connected");
                (got, read_all(&stream).len())
            })
        })
        .collect();
    for reader in readers {
        let (got, more) = reader.join().expect("it does not panic");
        assert_same(&got, &ours);
        assert_eq!(more, 0);
    }
    interrupted(listener);
}

#[test]
fn after_stdins_end_a_client_gets_fin_when_it_has_ended_itself() {
    let (mut listener, address) = keeping_open(&[]);
    let early = client(address);
    listener.line("accepted");
    listener.feed(b"all there is".to_vec());
    assert_eq!(read_exactly(&early, 12), b"all there is");
    early.set_read_timeout(Some(Duration::from_millis(300))).expect("not zero");
    let before = (&early).read(&mut [0]).map_err(|e| e.kind());
    assert_eq!(before, Err(std::io::ErrorKind::WouldBlock), "FIN before the client's own");
    says(&early, "early ");
    early.shutdown(Shutdown::Write).expect("it is connected");
    early.set_read_timeout(Some(HARD_LIMIT)).expect("not zero");
    assert!(read_all(&early).is_empty());
    let late = client(address);
    says(&late, "late");
    late.shutdown(Shutdown::Write).expect("it is connected");
    assert!(read_all(&late).is_empty());
    assert_eq!(interrupted(listener).text(), "early late");
}

#[test]
fn clients_that_reset_or_stay_idle_disturb_nobody() {
    let (mut listener, address) = keeping_open(&[]);
    let idle = client(address);
    for _ in 0..3 {
        let stream = client(address);
        says(&stream, "x");
        listener.line("accepted");
        reset(stream);
        listener.line("is dropped, the others go on");
    }
    let stream = client(address);
    says(&stream, "y");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    // Once its input has ended, the listener ends whoever has ended too, and has taken what that one said before.
    drop(listener.stdin());
    assert!(read_all(&stream).is_empty());
    eventually("all are accepted", || listener.stderr().matches("accepted").count() == 5);
    drop(idle);
    let text = interrupted(listener).text();
    assert!(text.ends_with('y') && text.len() <= 4, "{text}");
}

#[test]
fn clients_over_the_limit_wait() {
    let (mut listener, address) = keeping_open(&["-m", "2"]);
    drop(listener.stdin());
    let (one, two, three) = (client(address), client(address), client(address));
    says(&three, "three");
    three.shutdown(Shutdown::Write).expect("it is connected");
    listener.line("accepted");
    listener.line("accepted");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(listener.stderr().matches("accepted").count(), 2, "{}", listener.stderr());
    reset(one);
    listener.line("accepted");
    assert!(read_all(&three).is_empty());
    drop(two);
    assert_eq!(interrupted(listener).text(), "three");
}

#[test]
fn the_limit_holds_over_failed_clients() {
    let (mut listener, address) = keeping_open(&["-m", "1"]);
    drop(listener.stdin());
    for n in 0..20 {
        let stream = client(address);
        says(&stream, ".");
        if n % 2 == 0 {
            stream.shutdown(Shutdown::Write).expect("it is connected");
            assert!(read_all(&stream).is_empty());
        } else {
            listener.line("accepted");
            reset(stream);
        }
    }
    interrupted(listener);
}

#[test]
fn a_client_that_takes_nothing_is_dropped_at_the_idle_limit_and_that_is_said() {
    // Long enough for a reader that is put off.
    let (mut listener, address) = keeping_open(&["--idle-timeout", "4"]);
    let slow = client(address);
    // Its kernel is not to take everything in its place.
    SockRef::from(&slow).set_recv_buffer_size(64 << 10).expect("it is a small size");
    let stream = client(address);
    listener.line("accepted");
    listener.line("accepted");
    let ours = random(32 << 20, 2);
    listener.feed(ours.clone());
    let line = {
        let reader = thread::spawn(move || {
            let got = read_exactly(&stream, 32 << 20);
            (got, stream)
        });
        let line = listener.line("--idle-timeout");
        let (got, stream) = reader.join().expect("it does not panic");
        assert_same(&got, &ours);
        drop(stream);
        line
    };
    assert!(line.contains(&slow.local_addr().expect("it is bound").to_string()), "{line}");
    interrupted(listener);
}

#[test]
fn running_out_of_descriptors_is_said_once_and_survived() {
    let mut command = Command::new("bash");
    command.args(["-c", "ulimit -n 20; exec $S listen -k 127.0.0.1 0"]).env("S", BINARY);
    let mut listener = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let address = listener.address();
    let stdin = listener.stdin();
    let mut clients: Vec<_> = (0..30).map(|_| client(address)).collect();
    listener.line("no client can be taken for now");
    let before = ticks(listener.pid);
    thread::sleep(SECOND);
    let used = ticks(listener.pid) - before;
    assert!(used <= 20, "{used} ticks of 100 in a second");
    let last = clients.pop().expect("there are 30");
    says(&last, "the last one");
    last.shutdown(Shutdown::Write).expect("it is connected");
    drop(clients);
    drop(stdin);
    assert!(read_all(&last).is_empty());
    let ended = interrupted(listener);
    assert_eq!(ended.text(), "the last one");
    assert_eq!(ended.stderr.matches("no client can be taken").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_second_signal_is_not_needed_although_clients_are_there() {
    for signal in [2, 15] {
        let mut listener = Talk::start(&mut sockkit(["listen", "-k", "127.0.0.1", "0"]));
        let stream = client(listener.program.address());
        says(&stream, "kept");
        listener.hear("kept");
        listener.program.signal(signal);
        let began = Instant::now();
        assert!(listener.end().expect(0).stdout.is_empty());
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    }
}

#[test]
fn a_full_or_closed_output_ends_the_listener() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let listener = start(sockkit(["listen", "-k", "127.0.0.1", "0"]).stdout(full));
    let stream = client(listener.address());
    // The portable fallback's helper thread meets the full device after the write that fed it: the next one tells.
    eventually("the listener ends", || (&stream).write_all(b"no room").is_err() || !listener.is_running());
    listener.end().expect(23);
    let mut command = sockkit(["listen", "-k", "127.0.0.1", "0"]);
    let listener = start(command.stdout(Stdio::piped()));
    let stream = client(listener.address());
    says(&stream, "read by somebody");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    drop(stream);
    interrupted(listener);
}

#[test]
fn memory_stays_flat_although_a_client_sends_and_nobody_reads() {
    let mut command = sockkit(["listen", "-k", "127.0.0.1", "0"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).expect("it announces itself");
    let address = line.trim().rsplit(' ').next().expect("a word").parse().expect("an address");
    let stream = client(address);
    stream.set_write_timeout(Some(SECOND)).expect("not zero");
    // Much more than the kernel takes in its place, which may be more than 32 MiB.
    let piece = vec![b'x'; 1 << 20];
    let stuck = (0..256).any(|_| (&stream).write_all(&piece).is_err());
    assert!(stuck, "all of it was taken although nobody reads");
    assert!(status(child.id(), "VmHWM") < 24 << 10, "{} kB", status(child.id(), "VmHWM"));
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
}
