//! What the tests of the real binary share: starting programs under a hard limit, finding the address that a
//! listener announced, peers that may be missing outside CI, and data.
//!
//! Nothing here sleeps to wait for a program: it waits for the announced line, for an end, or for the limit.

#![allow(unreachable_pub, reason = "the tests are a program, which nobody reaches into")]
#![cfg_attr(not(feature = "tls"), allow(dead_code, reason = "what TLS is tested with"))]

pub mod held;
pub mod nginx;
pub mod talk;
pub mod tls;
pub mod web;
pub mod wire;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// No program of a test may run longer: then it is killed, and the test fails.
pub const HARD_LIMIT: Duration = Duration::from_secs(90);

/// What programs read out of the environment about proxies: that of whoever runs the tests is none of ours.
const PROXY_VARIABLES: [&str; 9] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SOCKKIT_PROXY_PASSWORD",
];

/// `command` without any proxy.
pub fn without_proxies(command: &mut Command) -> &mut Command {
    PROXY_VARIABLES.iter().fold(command, |command, name| command.env_remove(name))
}

/// The binary under test.
pub fn sockkit<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(args: I) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockkit"));
    without_proxies(&mut command)
        .args(args)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A peer program, if this machine has it. In CI all must be there.
pub fn peer(program: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} must be installed in CI");
        eprintln!("skipped: {program} is not installed");
    }
    let mut command = Command::new(found?);
    without_proxies(&mut command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// A Python program given as text; its arguments follow.
pub fn python(script: &str, args: &[&str]) -> Option<Command> {
    let mut command = peer("python3")?;
    command.arg("-c").arg(script).args(args);
    Some(command)
}

/// What a program left behind.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// The exit code as a shell shows it: 128 + n for signal n.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts the exit code, showing everything if it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "stdout: {:.2000} stderr: {}", self.text(), self.stderr);
        self
    }
}

/// A program that runs, is read all the time, and dies with its test.
pub struct Running {
    child: Arc<Mutex<Child>>,
    pub pid: u32,
    stdin: Option<std::process::ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Arc<Mutex<String>>,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

/// Starts `command`. Its stderr is collected; its stdout too, unless the command sends it elsewhere.
#[track_caller]
pub fn start(command: &mut Command) -> Running {
    let mut child = command.spawn().unwrap_or_else(|e| panic!("start {command:?}: {e}"));
    let stdout = child.stdout.take().map(|mut out| {
        thread::spawn(move || {
            let mut all = Vec::new();
            let _ = out.read_to_end(&mut all);
            all
        })
    });
    let stderr = Arc::new(Mutex::new(String::new()));
    let (send, lines) = channel();
    let copy = Arc::clone(&stderr);
    let reader = child.stderr.take().map(|err| {
        thread::spawn(move || {
            for line in BufReader::new(err).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                copy.lock().expect("no panic while it is held").extend([line.as_str(), "\n"]);
                let _ = send.send(line);
            }
        })
    });
    let (pid, stdin) = (child.id(), child.stdin.take());
    Running { child: Arc::new(Mutex::new(child)), pid, stdin, stdout, stderr, lines, reader }
}

impl Running {
    /// Waits for the line on stderr that contains `text`, and gives it.
    #[track_caller]
    pub fn line(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(HARD_LIMIT) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?}: {}", self.stderr()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended without {text:?}: {}", self.stderr()),
            }
        }
    }

    /// The address that a listener announces.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let line = self.line("listening on ");
        let text = line.rsplit("listening on ").next().expect("it contains it");
        text.trim().parse().unwrap_or_else(|e| panic!("{line:?}: {e}"))
    }

    /// Everything on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("no panic while it is held").clone()
    }

    /// Standard input, to write to piece by piece; dropped, it ends.
    pub fn stdin(&mut self) -> std::process::ChildStdin {
        self.stdin.take().expect("stdin was piped and not taken before")
    }

    /// Writes all of `bytes` to standard input and ends it, on a thread of its own.
    pub fn feed(&mut self, bytes: Vec<u8>) {
        let mut stdin = self.stdin();
        thread::spawn(move || {
            // Whoever stops reading says why himself.
            let _ = stdin.write_all(&bytes);
        });
    }

    /// Sends a signal by its number.
    pub fn signal(&self, number: i32) {
        let status = Command::new("kill").arg(format!("-{number}")).arg(self.pid.to_string()).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{number} {}", self.pid);
    }

    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        self.child.lock().expect("no panic while it is held").try_wait().expect("our child").is_none()
    }

    /// Waits for its end, at most for the hard limit.
    #[track_caller]
    pub fn end(self) -> Ended {
        self.end_within(HARD_LIMIT)
    }

    /// Waits for its end, at most for `limit`.
    #[track_caller]
    pub fn end_within(mut self, limit: Duration) -> Ended {
        drop(self.stdin.take());
        let status = self.wait(limit);
        let stdout =
            self.stdout.take().map(|reader| reader.join().expect("the reader does not panic")).unwrap_or_default();
        self.reader.take().map(JoinHandle::join);
        Ended { status, stdout, stderr: self.stderr() }
    }

    #[track_caller]
    fn wait(&self, limit: Duration) -> ExitStatus {
        let (send, ended) = channel();
        let child = Arc::clone(&self.child);
        thread::spawn(move || {
            // try_wait in turns, so that the lock is free for a kill.
            loop {
                if let Some(status) = child.lock().expect("no panic while it is held").try_wait().expect("our child") {
                    return send.send(status);
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        ended.recv_timeout(limit).unwrap_or_else(|_| {
            let _ = self.child.lock().expect("no panic while it is held").kill();
            panic!("still running after {limit:?}: {}", self.stderr())
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs `command` to its end with `input` on its stdin.
#[track_caller]
pub fn run(command: &mut Command, input: &[u8]) -> Ended {
    let mut running = start(command.stdin(Stdio::piped()));
    running.feed(input.to_vec());
    running.end()
}

/// `len` bytes that look random and are the same for the same `seed`.
pub fn random(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Asserts that two large values are the same without printing them.
#[track_caller]
pub fn assert_same(got: &[u8], wanted: &[u8]) {
    let differs = got.iter().zip(wanted).position(|(a, b)| a != b);
    assert!(got == wanted, "{} bytes instead of {}, the first difference at {differs:?}", got.len(), wanted.len());
}

/// The SHA-256 of `bytes` (FIPS 180-4), in hexadecimal digits.
pub fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A directory of the test's own, gone with it.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// Writes a file into `directory`.
pub fn file(directory: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).expect("a file in our own directory can be written");
    path
}

/// A file opened as standard input.
pub fn input(path: &Path) -> Stdio {
    std::fs::File::open(path).expect("our own file can be read").into()
}

/// A shell in an own network, own mounts and an own loopback: `script` finds the binary as $S and a directory with
/// `files` as $D, which may be bound over those of /etc. Skips, and says so, where that is not permitted.
pub fn in_namespace(files: &[(&str, &str)], script: &str) -> Option<(Ended, Duration)> {
    let mut unshare = peer("unshare")?;
    let probe = Command::new("unshare").args(["-rnm", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "unshare must be permitted in CI");
        eprintln!("skipped: namespaces are not permitted here");
        return None;
    }
    let dir = directory();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("the directory is ours");
    }
    let prepared = "set -e; ip link set lo up; for f in $(ls $D); do mount --bind $D/$f /etc/$f; done; set +e; ";
    unshare
        .args(["-rnm", "bash", "-c", &format!("{prepared}{script}")])
        .env("S", env!("CARGO_BIN_EXE_sockkit"))
        .env("D", dir.path());
    let began = Instant::now();
    let ended = start(&mut unshare).end();
    Some((ended, began.elapsed()))
}

/// As [`in_namespace`], where the one name server takes questions and answers none.
pub fn with_a_silent_resolver(script: &str) -> Option<(Ended, Duration)> {
    const SERVER: &str = r#"
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print("up", flush=True); time.sleep(600)"#;
    let files = [
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:10 attempts:3\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ];
    // Without one that listens the kernel would refuse the questions at once.
    let before = format!("python3 -c '{SERVER}' >$D/up & while ! grep -q up $D/up; do :; done");
    in_namespace(&files, &format!("{before}\n{script}\ncode=$?; kill %1; exit $code"))
}
