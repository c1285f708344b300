//! Where a client's body goes, and who takes it there.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, copy, pipe, sink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use rustix::pipe::{SpliceFlags, splice};

use super::fetch::Fetch;
use super::tools::output_words;
use crate::payload::{compare, remove, words};

/// More than a pipe can hold.
const PIECE: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
pub enum Goal {
    Null,
    /// By the client's own option for it, if it has one.
    File,
    /// A thread of the bench splices from it to /dev/null.
    Pipe,
    /// A pipe; what comes is compared with the body.
    Compare,
    /// As [`Goal::File`], and the file is compared with the body.
    FileCompared,
}

impl Goal {
    /// The same with a look at every byte, which /dev/null does not allow.
    pub fn compared(self) -> Self {
        match self {
            Self::File | Self::FileCompared => Self::FileCompared,
            Self::Null | Self::Pipe | Self::Compare => Self::Compare,
        }
    }
}

/// One that is open. A file goes with it.
pub enum Output {
    Null,
    File(Written),
    Pipe(JoinHandle<Result<u64, String>>),
}

pub struct Written {
    path: PathBuf,
    /// What it is compared with.
    wanted: Option<PathBuf>,
}

impl Output {
    /// Opens what is the bench's to open, and tells the client by its words and its stdout.
    pub fn open(fetch: &Fetch<'_>, goal: Goal, command: &mut Command) -> Result<Self, String> {
        let (tool, wanted) = (fetch.tool, fetch.body.to_owned());
        match goal {
            Goal::Null => {
                command.args(output_words(tool, None));
                Ok(Self::Null)
            }
            Goal::File | Goal::FileCompared => {
                let path = fetch.bench.scratch.path("received");
                let words = output_words(tool, Some(&path));
                if words.is_empty() {
                    command.stdout(File::create(&path).map_err(crate::payload::words)?);
                }
                command.args(words);
                let wanted = matches!(goal, Goal::FileCompared).then_some(wanted);
                Ok(Self::File(Written { path, wanted }))
            }
            Goal::Pipe | Goal::Compare => {
                let (read, write) = pipe().map_err(words)?;
                command.args(output_words(tool, None)).stdout(write);
                let looks = matches!(goal, Goal::Compare);
                let reader = move || if looks { look(&read, &wanted) } else { discard(&read).map_err(words) };
                Ok(Self::Pipe(thread::spawn(reader)))
            }
        }
    }

    /// How many bytes it got, once the client has ended; of /dev/null nobody knows.
    pub fn end(self) -> Result<Option<u64>, String> {
        match self {
            Self::Null => Ok(None),
            Self::File(written) => written.length().map(Some),
            Self::Pipe(reader) => reader.join().map_err(|_| "its reader panicked".to_owned())?.map(Some),
        }
    }
}

impl Written {
    fn length(&self) -> Result<u64, String> {
        if let Some(wanted) = &self.wanted {
            compare(File::open(&self.path).map_err(words)?, wanted)?;
        }
        Ok(self.path.metadata().map_err(words)?.len())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn look(read: &PipeReader, wanted: &Path) -> Result<u64, String> {
    let verdict = compare(read, wanted);
    // To the end in any case: else the client would be told of a broken pipe, and that would be the news.
    copy(&mut &*read, &mut sink()).map_err(words)?;
    verdict?;
    Ok(wanted.metadata().map_err(words)?.len())
}

fn discard(read: &PipeReader) -> io::Result<u64> {
    let (null, mut total) = (OpenOptions::new().write(true).open("/dev/null")?, 0);
    loop {
        match splice(read, None, &null, None, PIECE, SpliceFlags::empty())? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}
