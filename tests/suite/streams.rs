//! Standard streams in every state that a shell can hand over: full, closed, gone, a directory, non-blocking,
//! failing in mid-file. Nothing hangs, panics or ends 0 with data missing.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::wire::{accept, read_all, server};
use crate::support::{assert_same, directory, file, input, peer, python, random, run, sockkit, start};

/// A reader that has gone ends us within this time.
const SOON: Duration = Duration::from_secs(1);

const BINARY: &str = env!("CARGO_BIN_EXE_sockkit");

/// A shell line; `$S` is the binary under test.
fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", line]).env("S", BINARY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A peer that sends `bytes` and ends, and gives what it got.
fn giving(bytes: Vec<u8>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    server(move |mut stream| {
        // Whoever stops reading says why himself.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        until_gone(&stream)
    })
}

/// What comes until the other side has ended or reset.
fn until_gone(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

#[test]
fn a_full_stdout_is_23() {
    let (address, peer) = giving(b"for the disk".to_vec());
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended = start(sockkit(["connect", &address.to_string()]).stdout(full)).end().expect(23);
    assert!(ended.stderr.contains("standard output: no space left"), "{}", ended.stderr);
    peer.join().expect("the script ends");
}

#[test]
fn a_full_stdout_that_nothing_came_for_is_no_error() {
    let (address, peer) = giving(Vec::new());
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    start(sockkit(["connect", &address.to_string()]).stdout(full)).end().expect(0);
    peer.join().expect("the script ends");
}

#[test]
fn a_reader_of_stdout_that_leaves_ends_us_with_141_within_a_second() {
    let (address, peer) = server(|mut stream| while stream.write_all(b"a line of text\n").is_ok() {});
    let line = format!("$S connect {address} 2>&1 | head -c 10; echo \" ${{PIPESTATUS[0]}}\"");
    let mut running = start(shell(&line).stdin(Stdio::piped()));
    // Neither its stdin nor its peer ends before it: nothing but the reader that leaves can end it.
    let stdin = running.stdin();
    let ended = running.end_within(SOON).expect(0);
    drop(stdin);
    assert_eq!(ended.text(), "a line of  141\n");
    peer.join().expect("the script ends");
}

#[test]
fn a_reader_of_stdout_that_leaves_is_noticed_although_the_peer_is_silent() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"0123456789").expect("the client listens");
        until_gone(&stream);
    });
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let mut running = start(sockkit(["connect", &address.to_string()]).stdin(Stdio::piped()).stdout(write));
    // The end of its stdin would be that of its peer, too.
    let stdin = running.stdin();
    read.read_exact(&mut [0; 10]).expect("ten bytes come");
    drop(read);
    let ended = running.end_within(SOON);
    drop(stdin);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(13));
    assert!(ended.stderr.is_empty(), "quietly: {}", ended.stderr);
    peer.join().expect("the script ends");
}

#[test]
fn a_closed_stdin_counts_as_ended_and_a_download_works() {
    let (address, peer) = giving(b"download".to_vec());
    let ended = run(&mut shell(&format!("exec $S connect {address} <&-")), b"").expect(0);
    assert_eq!(ended.text(), "download");
    assert!(peer.join().expect("the script ends").is_empty());
}

#[test]
fn dev_null_as_stdin_and_stdout() {
    let (address, peer) = giving(random(1 << 20, 1));
    run(&mut shell(&format!("exec $S connect {address} </dev/null >/dev/null")), b"").expect(0);
    assert!(peer.join().expect("the script ends").is_empty());
}

#[test]
fn data_for_a_closed_stdout_is_23_and_does_not_land_in_a_socket() {
    let (address, peer) = giving(b"data".to_vec());
    let ended = run(&mut shell(&format!("exec $S connect {address} >&-")), b"ours").expect(23);
    assert!(ended.stderr.contains("standard output"), "{}", ended.stderr);
    let got = peer.join().expect("the script ends");
    assert!(got.is_empty() || got == b"ours", "its own data came back: {got:?}");
}

#[test]
fn a_closed_stdout_without_data_is_no_error() {
    let (address, peer) = giving(Vec::new());
    run(&mut shell(&format!("exec $S connect {address} >&-")), b"ours").expect(0);
    assert_eq!(peer.join().expect("the script ends"), b"ours");
}

#[test]
fn all_three_closed_at_start_still_sends_nothing_strange() {
    let (address, peer) = giving(Vec::new());
    run(&mut shell(&format!("exec $S connect -vv {address} <&- >&- 2>&-")), b"").expect(0);
    assert!(peer.join().expect("the script ends").is_empty());
}

#[test]
fn a_closed_or_full_stderr_does_not_stop_the_work() {
    for stderr in ["2>&-", "2>/dev/full", "2> >(exec true)"] {
        let (address, peer) = giving(b"download".to_vec());
        let ended = run(&mut shell(&format!("exec $S connect -vv {address} {stderr}")), b"upload").expect(0);
        assert_eq!(ended.text(), "download", "{stderr}");
        assert_eq!(peer.join().expect("the script ends"), b"upload", "{stderr}");
    }
}

#[test]
fn an_error_on_a_full_stderr_keeps_its_code() {
    run(&mut shell("exec $S connect 127.0.0.1:99999 2>/dev/full"), b"").expect(2);
    run(&mut shell("exec $S connect --no-such-option 2>/dev/full"), b"").expect(2);
    run(&mut shell("exec $S --no-such-option 2>&-"), b"").expect(2);
}

#[test]
fn help_on_a_full_or_closed_stdout_fails_without_a_panic() {
    for target in ["--help", "--version", "connect --help", "listen -h"] {
        for stdout in [">/dev/full", ">&-"] {
            let ended = run(&mut shell(&format!("exec $S {target} {stdout}")), b"").expect(23);
            assert!(!ended.stderr.contains("panic"), "{target} {stdout}: {}", ended.stderr);
        }
    }
}

#[test]
fn help_for_a_reader_that_left_is_141() {
    let ended = run(&mut shell("$S connect --help | exec true; sleep 0; echo ${PIPESTATUS[0]}"), b"").expect(0);
    // The help may have gone into the pipe before its reader left.
    assert!(["141\n", "0\n"].contains(&ended.text().as_str()), "{}", ended.text());
    assert!(!ended.stderr.contains("panic"), "{}", ended.stderr);
}

#[test]
fn a_directory_as_stdin_is_26_before_anything_is_sent() {
    let dir = directory();
    let (address, _peer) = server(|stream| until_gone(&stream));
    let ended = start(sockkit(["connect", &address.to_string()]).stdin(input(dir.path()))).end().expect(26);
    assert!(ended.stderr.contains("standard input: it is a directory"), "{}", ended.stderr);
}

#[test]
fn a_read_that_fails_in_mid_file_is_26_and_a_reset_for_the_peer() {
    // By the kernel's path, and by the buffer's.
    let kernels: &[(&str, &[&str])] = if cfg!(feature = "portable") { &[] } else { &[("sendfile", &[])] };
    for (call, options) in kernels.iter().chain(&[("read", &["--no-splice"][..])]) {
        a_failing_read(call, options);
    }
}

fn a_failing_read(call: &str, options: &[&str]) {
    let Some(mut strace) = peer("strace") else { return };
    let dir = directory();
    let upload = file(&dir, "upload", &random(8 << 20, 2));
    let log = dir.path().join("strace.log");
    let (address, peer) = server(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).map_err(|e| e.kind())
    });
    strace.args(["-f", "-o"]).arg(&log).args(["-e", &format!("trace={call}"), "-P"]).arg(&upload);
    strace.args(["-e", &format!("inject={call}:error=EIO:when=5"), BINARY, "connect", &address.to_string()]);
    strace.args(options);
    let ended = start(strace.stdin(input(&upload))).end().expect(26);
    assert!(ended.stderr.contains("read standard input: "), "{}", ended.stderr);
    assert_eq!(peer.join().expect("the script ends"), Err(ErrorKind::ConnectionReset), "a cut upload looked whole");
}

#[test]
fn a_stdin_that_can_not_be_read_at_all_is_26() {
    let (address, peer) = server(|stream| until_gone(&stream));
    // Page 0 of a process is not mapped: EIO from the first read.
    start(sockkit(["connect", &address.to_string()]).stdin(input("/proc/self/mem".as_ref()))).end().expect(26);
    peer.join().expect("the script ends");
}

#[test]
fn a_write_only_stdin_is_26_and_a_read_only_stdout_is_23() {
    let dir = directory();
    let some = file(&dir, "some", b"");
    let (address, peer) = giving(b"data".to_vec());
    run(&mut shell(&format!("exec $S connect {address} 0>{}", some.display())), b"").expect(26);
    let _ = peer.join();
    let (address, peer) = giving(b"data".to_vec());
    run(&mut shell(&format!("exec $S connect {address} 1<{}", some.display())), b"").expect(23);
    let _ = peer.join();
}

#[test]
fn interrupted_calls_lose_nothing() {
    let Some(mut strace) = peer("strace") else { return };
    let (ours, theirs) = (random(3 << 20, 3), random(3 << 20, 4));
    let (address, peer) = giving(theirs.clone());
    let dir = directory();
    let log = dir.path().join("strace.log");
    strace.args(["-f", "-o"]).arg(&log);
    // Only calls on our own data: the loader's reads come first and are left alone.
    for call in ["recvfrom", "sendto", "poll", "ppoll", "connect", "accept4", "write"] {
        strace.args(["-e", &format!("inject={call}:error=EINTR:when=2+3")]);
    }
    strace.args([BINARY, "connect", &address.to_string()]);
    let ended = run(&mut strace, &ours).expect(0);
    assert_same(&ended.stdout, &theirs);
    assert_same(&peer.join().expect("the script ends"), &ours);
}

/// Runs the binary on non-blocking pipes that Python shares with it, and looks at their flags during and after.
const SHARED_PIPES: &str = r"
import fcntl, os, subprocess, sys, threading
binary, address, size, nonblocking = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == 'yes'
def flag(fd):
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)
in_read, in_write = os.pipe()
out_read, out_write = os.pipe()
err_read, err_write = os.pipe()
for fd in (in_read, out_write, err_write):
    os.set_blocking(fd, not nonblocking)
child = subprocess.Popen([binary, 'connect', '-v', address], stdin=in_read, stdout=out_write, stderr=err_write)
seen = []
def feed():
    left = size
    while left:
        left -= os.write(in_write, b'x' * min(left, 50000))
        seen.append((flag(in_read), flag(out_write), flag(err_write)))
    os.close(in_write)
got = 0
def read():
    global got
    while got < size:
        got += len(os.read(out_read, 65536))
threads = [threading.Thread(target=feed), threading.Thread(target=read)]
[t.start() for t in threads]
[t.join() for t in threads]
code = child.wait()
seen.append((flag(in_read), flag(out_write), flag(err_write)))
print(code, got, sorted(set(seen)))
";

#[test]
fn descriptors_0_to_2_keep_their_flags_and_non_blocking_ones_work() {
    for (asked, flags) in [("yes", "[(True, True, True)]"), ("no", "[(False, False, False)]")] {
        let (address, peer) = server(|stream| {
            let mut writer = stream.try_clone().expect("a descriptor is free");
            let n = std::io::copy(&mut (&stream), &mut writer).expect("the client reads and writes");
            stream.shutdown(Shutdown::Write).expect("it is connected");
            n
        });
        let Some(mut parent) = python(SHARED_PIPES, &[BINARY, &address.to_string(), "3000000", asked]) else { return };
        let ended = start(&mut parent).end().expect(0);
        assert_eq!(ended.text(), format!("0 3000000 {flags}\n"), "{}", ended.stderr);
        assert_eq!(peer.join().expect("the script ends"), 3_000_000);
    }
}

#[test]
fn sockets_as_standard_streams_work_and_keep_their_flags() {
    let script = r"
import fcntl, os, socket, subprocess, sys
binary, address = sys.argv[1:]
for blocking in (True, False):
    ours, theirs = socket.socketpair()
    theirs.setblocking(blocking)
    child = subprocess.Popen([binary, 'connect', address], stdin=theirs, stdout=theirs)
    ours.sendall(b'through a socket')
    ours.shutdown(socket.SHUT_WR)
    theirs_flag = not (fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK)
    code = child.wait()
    theirs.close()
    got = b''
    while piece := ours.recv(4096):
        got += piece
    print(code, got.decode(), theirs_flag == blocking)
";
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let Some(mut parent) = python(script, &[BINARY, &address]) else { return };
    let parent = start(&mut parent);
    for _ in 0..2 {
        let (mut stream, _) = accept(&listener);
        let got = read_all(&stream);
        stream.write_all(&got).expect("the client reads");
    }
    assert_eq!(parent.end().expect(0).text(), "0 through a socket True\n".repeat(2));
}

#[test]
fn stdout_in_append_mode_and_a_read_write_fifo_work() {
    let dir = directory();
    let out = file(&dir, "out", b"before ");
    let (address, peer) = giving(b"after".to_vec());
    run(&mut shell(&format!("exec $S connect {address} >>{}", out.display())), b"").expect(0);
    assert_eq!(std::fs::read(&out).expect("it is there"), b"before after");
    peer.join().expect("the script ends");
}

#[test]
fn the_reader_of_stdout_sees_its_end_while_we_still_send() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"early").expect("the client listens");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    });
    let mut command = sockkit(["connect", &address.to_string()]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut got = String::new();
    // Ends only if descriptor 1 is let go of before stdin ends.
    child.stdout.take().expect("it is piped").read_to_string(&mut got).expect("it is text");
    assert_eq!(got, "early");
    stdin.write_all(b"late").expect("it still reads");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(peer.join().expect("the script ends"), b"late");
}

#[test]
fn a_slow_stdout_does_not_stop_the_other_direction() {
    let (address, peer) = server(|mut stream| {
        let mut writer = stream.try_clone().expect("a descriptor is free");
        thread::spawn(move || {
            let _ = writer.write_all(&vec![b'x'; 64 << 20]);
        });
        let mut got = vec![0; 16 << 20];
        stream.read_exact(&mut got).map(|()| got)
    });
    let ours = random(16 << 20, 5);
    let upload = ours.clone();
    let mut command = sockkit(["connect", &address.to_string()]);
    // Nobody reads its stdout until the peer has our bytes.
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let feeder = thread::spawn(move || stdin.write_all(&upload));
    assert_same(&peer.join().expect("the script ends").expect("our bytes come"), &ours);
    feeder.join().expect("it does not panic").expect("all was read");
    child.kill().expect("it still runs");
    child.wait().expect("it was killed");
}
