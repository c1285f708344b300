//! The local end of a session: standard input and output, or what the options put in their place.
//!
//! Owns what a closed, empty or discarded standard stream means. Bytes go to descriptor 1 directly: std's
//! stdout buffers lines and turns EBADF into success.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::end::End;
use super::output::OutputFile;
use super::{Medium, Readiness};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, plain};
use crate::net::Context;
use crate::sys::fd::{self, Access, FdKind};
use crate::sys::startup;

/// Where the bytes for the peer come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// Nowhere (`--no-stdin`).
    Nothing,
}

/// Where the peer's bytes go to.
#[derive(Debug)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Nowhere (`--send-only`).
    Discard,
    /// A file (`--output`).
    File(OutputFile),
}

/// What kind of input there is: it decides what its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// There was none: closed at start, /dev/null, or not wanted.
    Absent,
    /// A person types.
    Terminal,
    /// Something that ends by itself.
    Data,
}

/// Both directions of the local end.
#[derive(Debug)]
pub struct Stdio {
    input: Option<End>,
    /// The file that stands in for standard input.
    file: Option<PathBuf>,
    /// Where the input began, if it can be read from there again.
    start: Option<u64>,
    kind: InputKind,
    output: Sink,
}

#[derive(Debug)]
enum Sink {
    /// Takes everything and keeps nothing.
    Discard,
    /// Standard output was closed at start: whatever comes for it is lost, and that is an error.
    ClosedAtStart,
    /// Descriptor 1.
    Stdout(End),
    /// A file that --output named.
    File(End, OutputFile),
    /// Ended by us.
    Released,
}

impl Stdio {
    /// Opens both. A directory as standard input is an error before anything is sent anywhere.
    pub fn open(input: Input, output: Output) -> Result<Self, Error> {
        let (input, kind) = match input {
            Input::Nothing => (None, InputKind::Absent),
            Input::Stdin => open_stdin()?,
        };
        let start = input.as_ref().and_then(End::position);
        Ok(Stdio { input, file: None, start, kind, output: Sink::open(output)? })
    }

    /// Reads the file `path`, and takes nothing. A FIFO is waited for until somebody writes to it.
    pub fn reading(ctx: &Context<'_>, path: &Path) -> Result<Self, Error> {
        let failed = |e: io::Error| Error::io(Kind::ReadLocal, "read", path.display(), &e);
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(fd::NONBLOCK_NOCTTY).open(path).map_err(failed)?;
        let input = match fd::kind(file.as_fd()).map_err(failed)? {
            FdKind::Directory => return Err(Error::new(Kind::ReadLocal, "read", path.display(), "it is a directory")),
            FdKind::File | FdKind::Null | FdKind::Socket => End::open(file.into(), Access::Read),
            FdKind::Pipe | FdKind::Terminal | FdKind::Device => End::own(file.into(), Access::Read),
        };
        let input = input.map_err(failed)?;
        // A read of a FIFO that nobody has opened yet would give an end; poll knows better.
        let mut first: Vec<_> = input.read_interest().interest().into_iter().collect();
        if !first.is_empty() {
            ctx.wait(&mut first, Deadline::NEVER).map_err(|cut| cut.during("read", path.display()))?;
        }
        let start = input.position();
        let (input, file) = (Some(input), Some(path.to_owned()));
        Ok(Stdio { input, file, start, kind: InputKind::Data, output: Sink::Discard })
    }

    /// Whether the input can be read from its beginning again.
    pub fn can_rewind(&self) -> bool {
        self.start.is_some()
    }

    /// Reads the input from its beginning again.
    pub fn rewind(&mut self) -> io::Result<()> {
        match (&self.input, self.start) {
            (Some(input), Some(start)) => input.go_to(start),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where the input comes from, for people.
    pub fn input_name(&self) -> String {
        self.file.as_ref().map_or_else(|| "standard input".into(), |path| path.display().to_string())
    }

    /// What kind of input there is.
    pub fn input_kind(&self) -> InputKind {
        self.kind
    }

    /// How many bytes a regular file has left as standard input; `None` for whatever does not know its end.
    pub fn input_left(&self) -> Option<u64> {
        self.input.as_ref().and_then(End::left)
    }

    /// Reads standard input; no input is an end at once.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.as_mut().map_or(Ok(0), |end| end.read(buffer))
    }

    /// Writes to the output.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.output {
            Sink::Discard => Ok(bytes.len()),
            Sink::Stdout(end) => end.write(bytes),
            Sink::File(end, file) => {
                file.begin()?;
                end.write(bytes)
            }
            Sink::ClosedAtStart | Sink::Released => {
                Err(io::Error::other("it was closed when this program was started"))
            }
        }
    }

    /// From now on an output that is a regular file takes a flood of bytes faster than the file does: for whoever loses what
    /// comes while it writes.
    pub fn write_behind(&mut self) {
        if let Sink::Stdout(end) | Sink::File(end, _) = &mut self.output {
            end.write_behind();
        }
    }

    /// Why bytes that the output took did not arrive.
    pub(super) fn output_failure(&self) -> Option<io::Error> {
        self.output.end().and_then(End::failure)
    }

    /// Bytes are about to be written past [`Stdio::write`].
    pub(super) fn begin_write(&mut self) -> io::Result<()> {
        match &mut self.output {
            Sink::File(_, file) => file.begin(),
            _ => Ok(()),
        }
    }

    /// Ends the output: a pipe's reader sees its end while the other direction may go on.
    pub fn close_write(&mut self) -> io::Result<()> {
        match &mut self.output {
            Sink::Stdout(end) => {
                end.finish()?;
                self.output = Sink::Released;
                fd::release_stdout()
            }
            Sink::File(end, file) => {
                end.finish()?;
                file.begin()?;
                self.output = Sink::Released;
                Ok(())
            }
            Sink::Discard | Sink::ClosedAtStart | Sink::Released => Ok(()),
        }
    }

    pub(super) fn read_interest(&self) -> Readiness<'_> {
        self.input.as_ref().map_or(Readiness::Always, End::read_interest)
    }

    pub(super) fn write_interest(&self) -> Readiness<'_> {
        self.output.end().map_or(Readiness::Always, End::write_interest)
    }

    pub(super) fn source_medium(&self) -> Option<(Medium, BorrowedFd<'_>)> {
        self.input.as_ref()?.medium()
    }

    pub(super) fn sink_medium(&self) -> Option<(Medium, BorrowedFd<'_>)> {
        self.output.end()?.medium()
    }

    pub(super) fn reader_watch(&self) -> Option<BorrowedFd<'_>> {
        self.output.end().and_then(End::reader_watch)
    }

    /// A pipe whose reader is gone is how filters end; every other failure is the user's to know.
    pub(super) fn write_error(&self, error: &io::Error) -> Error {
        match &self.output {
            Sink::File(_, file) => Error::new(Kind::WriteLocal, "write", file.path().display(), plain(error)),
            _ if error.kind() == io::ErrorKind::BrokenPipe => {
                Error::new(Kind::OutputGone, "write", "standard output", "nobody reads it any more")
            }
            _ => Error::new(Kind::WriteLocal, "write", "standard output", plain(error)),
        }
    }
}

fn open_stdin() -> Result<(Option<End>, InputKind), Error> {
    let failed = |e: io::Error| Error::io(Kind::ReadLocal, "read", "standard input", &e);
    if startup::was_closed(0) {
        return Ok((None, InputKind::Absent));
    }
    let kind = match fd::kind(fd::stdin()).map_err(failed)? {
        FdKind::Directory => return Err(Error::new(Kind::ReadLocal, "read", "standard input", "it is a directory")),
        FdKind::Null => return Ok((None, InputKind::Absent)),
        FdKind::Terminal => InputKind::Terminal,
        _ => InputKind::Data,
    };
    let given = fd::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let end = End::open(given, Access::Read).map_err(failed)?;
    Ok((Some(end), kind))
}

impl Sink {
    fn open(output: Output) -> Result<Self, Error> {
        match output {
            Output::Discard => Ok(Sink::Discard),
            Output::Stdout if startup::was_closed(1) => Ok(Sink::ClosedAtStart),
            Output::Stdout => {
                let given = fd::stdout().as_fd().try_clone_to_owned();
                let end = given.and_then(|given| End::open(given, Access::Write));
                end.map(Sink::Stdout).map_err(|e| Error::io(Kind::WriteLocal, "write", "standard output", &e))
            }
            Output::File(file) => {
                let end = file.end().map_err(|e| Error::io(Kind::WriteLocal, "write", file.path().display(), &e))?;
                Ok(Sink::File(end, file))
            }
        }
    }

    fn end(&self) -> Option<&End> {
        match self {
            Sink::Stdout(end) | Sink::File(end, _) => Some(end),
            Sink::Discard | Sink::ClosedAtStart | Sink::Released => None,
        }
    }
}
