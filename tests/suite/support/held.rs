//! A receiver of datagrams that is held back after it has bound its address: what it is to find there is there before
//! any of its limits begins to run.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use super::{HARD_LIMIT, Running, start};

/// A receiver that has its address and has told it, and does not receive yet: it is to say so once more where nobody
/// takes it. What is sent now is there before the first of its limits begins to run.
pub struct Held {
    pub running: Running,
    gate: UnixStream,
    /// How much has to be taken before it can say so.
    before: usize,
}

/// Starts a receiver at `address`, and holds it.
pub fn held(address: &str, options: &[&str]) -> Held {
    let (gate, mut theirs) = UnixStream::pair().expect("two sockets");
    gate.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
    theirs.set_nonblocking(true).expect("it is a socket");
    let mut before = 0;
    while let Ok(n) = theirs.write(&[0; 4096]) {
        before += n;
    }
    theirs.set_nonblocking(false).expect("it is a socket");
    let line = "exec \"$0\" udp-recv \"$@\" --ready-fd 3 3>&0 </dev/null";
    let mut shell = Command::new("sh");
    shell.args(["-c", line, env!("CARGO_BIN_EXE_sockkit"), address]).args(options);
    shell.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    Held { running: start(&mut shell), gate, before }
}

impl Held {
    /// Lets it receive.
    pub fn begin(self) -> Running {
        let mut gate = BufReader::new(self.gate);
        gate.read_exact(&mut vec![0; self.before]).expect("it is there");
        // Whoever closed the gate before the word has passed would make that fail.
        gate.read_line(&mut String::new()).expect("it says so");
        self.running
    }
}
