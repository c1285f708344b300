//! Talking to a program: its stdin is written piece by piece and stays open, its stdout is read as it comes.

use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use super::{Ended, HARD_LIMIT, Running, start};

/// A program and both ends of the talk with it.
pub struct Talk {
    pub program: Running,
    stdin: Option<ChildStdin>,
    pieces: Receiver<Vec<u8>>,
    /// Heard, and not asked for yet.
    ahead: Vec<u8>,
}

impl Talk {
    /// Starts `command` with a stdin and a stdout that are pipes.
    #[track_caller]
    pub fn start(command: &mut Command) -> Talk {
        let (mut read, write) = std::io::pipe().expect("a pipe");
        let mut program = start(command.stdin(Stdio::piped()).stdout(write));
        // The command holds the pipe's other end, too: without this the stdout would never end.
        command.stdout(Stdio::null());
        let (send, pieces) = channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = read.read(&mut piece) {
                let _ = send.send(piece[..n].to_vec());
            }
        });
        let stdin = Some(program.stdin());
        Talk { program, stdin, pieces, ahead: Vec::new() }
    }

    /// Writes `text` to its stdin.
    #[track_caller]
    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("its stdin has not ended");
        stdin.write_all(text.as_ref()).expect("it reads its stdin");
    }

    /// Ends its stdin.
    pub fn hang_up(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits for exactly this on its stdout.
    #[track_caller]
    pub fn hear(&mut self, wanted: impl AsRef<[u8]>) {
        let wanted = wanted.as_ref();
        while self.ahead.len() < wanted.len() && self.listen() {}
        let heard = &self.ahead[..self.ahead.len().min(wanted.len())];
        assert_eq!(
            heard.escape_ascii().to_string(),
            wanted.escape_ascii().to_string(),
            "stderr: {}",
            self.program.stderr()
        );
        self.ahead.drain(..wanted.len());
    }

    /// Waits until this is somewhere in what its stdout has said and nobody has asked for.
    #[track_caller]
    pub fn until(&mut self, wanted: &str) {
        while !self.ahead.windows(wanted.len()).any(|said| said == wanted.as_bytes()) {
            assert!(self.listen(), "no {wanted:?} in {:?}", String::from_utf8_lossy(&self.ahead));
        }
    }

    /// The next line of its stdout, without the newline.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.ahead.iter().position(|&b| b == b'\n') {
                let line = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
                self.ahead.drain(..=end);
                return line;
            }
            assert!(self.listen(), "no line after {:?}: {}", self.ahead, self.program.stderr());
        }
    }

    /// Waits for its end, with its stdin as it is; what it said and nobody asked for is the stdout.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        // Taken before, the stdin stays open until the program has ended.
        let stdin = self.stdin.take();
        while self.listen() {}
        let ended = self.program.end();
        drop(stdin);
        Ended { stdout: self.ahead, ..ended }
    }

    /// Waits for more of its stdout; false if that has ended.
    #[track_caller]
    fn listen(&mut self) -> bool {
        match self.pieces.recv_timeout(HARD_LIMIT) {
            Ok(piece) => self.ahead.extend(piece),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more is said: {}", self.program.stderr()),
        }
        true
    }
}
