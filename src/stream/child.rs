//! A command's standard streams: what it is given, and what it says.
//!
//! Owns both pipes: neither blocks, and each is closed at its end. Refuses to wait and to bound what is read.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitStatus;

use crate::sys::fd;
use crate::sys::poll::Interest;
use crate::sys::process::{Process, Spawned};

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// A shell command that runs, or has left something to read.
#[derive(Debug)]
pub struct Child {
    process: Process,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    /// What it is given, and how much of that it has.
    input: Vec<u8>,
    given: usize,
}

impl Child {
    /// Starts `command`, with `input` on its way to it. A variable without a value is taken away.
    pub fn start(command: &str, environment: &[(&str, Option<String>)], input: Vec<u8>) -> io::Result<Self> {
        let Spawned { process, stdin, stdout } = Process::shell(command, environment)?;
        Ok(Child { process, stdin: Some(stdin), stdout: Some(stdout), input, given: 0 })
    }

    /// Gives it what it takes now; after the last byte its input ends. What it does not want is no error.
    pub fn feed(&mut self) {
        let Some(stdin) = &self.stdin else { return };
        while self.given < self.input.len() {
            match fd::write(stdin.as_fd(), &self.input[self.given..]) {
                Ok(n) => self.given += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.stdin = None;
        self.input = Vec::new();
    }

    /// Adds what it has said to `output`, until that is longer than `most`. An error is an end.
    pub fn collect(&mut self, output: &mut Vec<u8>, most: usize) {
        let mut piece = [0; PIECE];
        while let Some(stdout) = &self.stdout {
            match fd::read(stdout.as_fd(), &mut piece) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => self.stdout = None,
                Ok(n) => output.extend_from_slice(&piece[..n]),
            }
            if output.len() > most {
                return;
            }
        }
    }

    /// Whether nobody can say anything more.
    pub fn has_said_all(&self) -> bool {
        self.stdout.is_none()
    }

    /// Whether the command itself has ended, and all was said.
    pub fn is_over(&self) -> bool {
        self.stdout.is_none() && self.process.has_ended()
    }

    /// What to wait for.
    pub fn interests(&self) -> impl Iterator<Item = Interest<'_>> {
        let write = self.stdin.as_ref().map(|stdin| Interest::write(stdin.as_fd()));
        let read = self.stdout.as_ref().map(|stdout| Interest::read(stdout.as_fd()));
        write.into_iter().chain(read)
    }

    /// Asks it and what it started to end; nothing more is heard or said.
    pub fn terminate(&mut self) {
        self.stdin = None;
        self.stdout = None;
        self.process.terminate();
    }

    /// How it ended. What is left of it is killed.
    pub fn reap(self) -> io::Result<ExitStatus> {
        self.process.reap()
    }
}
