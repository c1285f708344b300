//! Where the bytes of one direction come from and where they go, and whether all of them did.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Seek, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Bench;
use crate::bare::{COMPARE, CONSUME, PRODUCE};
use crate::child::{Child, start};
use crate::payload::{remove, words};
use crate::tools::this_program;
use crate::transfer::{Transfer, limit};

/// The stdin of who sends.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    File,
    /// Another process fills it with blocks of 1 MiB.
    Pipe,
}

/// The stdout of who receives.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    Null,
    File,
    /// Another process empties it with blocks of 1 MiB.
    Pipe,
    /// Another process compares what comes with the payload.
    Compare,
}

/// The directions of one transfer.
pub struct Ways {
    /// From the connecting end to the listening one.
    there: Way,
    back: Option<Way>,
}

struct Way {
    input: Source,
    output: Sink,
}

enum Source {
    File(File),
    Pipe { read: Option<PipeReader>, producer: Child },
}

enum Sink {
    Null,
    File { path: PathBuf, file: File },
    Pipe { write: Option<PipeWriter>, consumer: Child },
}

impl Ways {
    pub fn open(bench: &Bench, transfer: Transfer) -> Result<Self, String> {
        let there = Way::open(bench, transfer)?;
        let back = transfer.both_ways.then(|| Way::open(bench, transfer)).transpose()?;
        Ok(Self { there, back })
    }

    /// The command with its stdin and stdout.
    pub fn of_listener(&self, mut command: Command) -> Result<Command, String> {
        command.stdout(self.there.output.stdio()?);
        if let Some(back) = &self.back {
            command.stdin(back.input.stdio()?);
        }
        Ok(command)
    }

    /// The command with its stdin and stdout.
    pub fn of_connector(&self, mut command: Command) -> Result<Command, String> {
        command.stdin(self.there.input.stdio()?);
        if let Some(back) = &self.back {
            command.stdout(back.output.stdio()?);
        }
        Ok(command)
    }

    /// Closes the bench's own ends, once the tool has its own: else no reader would ever see an end.
    pub fn close_pipes(self) -> Self {
        Self { there: self.there.close_pipes(), back: self.back.map(Way::close_pipes) }
    }

    pub fn verify(self, bench: &Bench, compare: bool) -> Result<(), String> {
        self.there.verify(bench, compare)?;
        self.back.map_or(Ok(()), |back| back.verify(bench, compare))
    }
}

impl Way {
    fn open(bench: &Bench, transfer: Transfer) -> Result<Self, String> {
        Ok(Self { input: Source::open(bench, transfer.input)?, output: Sink::open(bench, transfer.output)? })
    }

    fn close_pipes(mut self) -> Self {
        if let Source::Pipe { read, .. } = &mut self.input {
            drop(read.take());
        }
        if let Sink::Pipe { write, .. } = &mut self.output {
            drop(write.take());
        }
        self
    }

    fn verify(self, bench: &Bench, compare: bool) -> Result<(), String> {
        // The output first: if it is wrong, that is the news.
        self.output.verify(&bench.scratch.payload, compare)?;
        self.input.verify(bench.options.size)
    }
}

impl Source {
    fn open(bench: &Bench, input: Input) -> Result<Self, String> {
        let payload = &bench.scratch.payload;
        match input {
            Input::File => File::open(payload).map(Self::File).map_err(words),
            Input::Pipe => {
                let (read, write) = pipe().map_err(words)?;
                let mut command = this_program();
                command.arg(PRODUCE).arg(payload).stdin(Stdio::null()).stdout(write);
                Ok(Self::Pipe { read: Some(read), producer: start(command, limit(bench))? })
            }
        }
    }

    fn stdio(&self) -> Result<Stdio, String> {
        match self {
            Self::File(file) => file.try_clone().map(Stdio::from).map_err(words),
            Self::Pipe { read, .. } => {
                read.as_ref().map_or(Ok(Stdio::null()), |r| r.try_clone().map(Stdio::from).map_err(words))
            }
        }
    }

    fn verify(self, size: u64) -> Result<(), String> {
        match self {
            Self::Pipe { producer, .. } => producer.end().map(drop),
            Self::File(mut file) => match file.stream_position().map_err(words)? {
                position if position == size => Ok(()),
                position => Err(format!("stopped reading its stdin at {position} of {size}")),
            },
        }
    }
}

impl Sink {
    fn open(bench: &Bench, output: Output) -> Result<Self, String> {
        let role = match output {
            Output::Null => return Ok(Self::Null),
            Output::File => {
                let path = bench.scratch.path("received");
                let file = File::create(&path).map_err(words)?;
                return Ok(Self::File { path, file });
            }
            Output::Pipe => CONSUME,
            Output::Compare => COMPARE,
        };
        let (read, write) = pipe().map_err(words)?;
        let mut command = this_program();
        command.arg(role).arg(&bench.scratch.payload).stdin(read).stdout(Stdio::null());
        Ok(Self::Pipe { write: Some(write), consumer: start(command, limit(bench))? })
    }

    fn stdio(&self) -> Result<Stdio, String> {
        match self {
            Self::Null => Ok(Stdio::null()),
            Self::File { file, .. } => file.try_clone().map(Stdio::from).map_err(words),
            Self::Pipe { write, .. } => {
                write.as_ref().map_or(Ok(Stdio::null()), |w| w.try_clone().map(Stdio::from).map_err(words))
            }
        }
    }

    fn verify(self, payload: &Path, compare: bool) -> Result<(), String> {
        match self {
            Self::Null => Ok(()),
            Self::Pipe { consumer, .. } => consumer.end().map(drop),
            Self::File { path, file } => {
                let verdict = same(&path, &file, payload, compare);
                remove(&path);
                verdict
            }
        }
    }
}

fn same(path: &Path, file: &File, payload: &Path, compare: bool) -> Result<(), String> {
    if compare {
        return crate::payload::compare(File::open(path).map_err(words)?, payload);
    }
    let (got, wanted) = (file.metadata().map_err(words)?.len(), payload.metadata().map_err(words)?.len());
    if got == wanted { Ok(()) } else { Err(format!("wrote {got} bytes instead of {wanted}")) }
}
