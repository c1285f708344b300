//! What a session writes down beside its output: a log, a dump; to a file of its own or to standard error.
//!
//! Owns the care that nothing of it is lost while the run goes on: a reader that is slow is waited for, under the run's
//! signals and limits. After a failure, which is told once, it takes everything and keeps nothing. A standard error that
//! is gone is no failure. Refuses to know what is written.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use super::end::End;
use super::output::OutputFile;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::sys::fd::{self, Access};

/// A record that is being written.
pub struct Record<'a> {
    ctx: &'a Context<'a>,
    /// A reader that takes nothing for so long is given up.
    idle: Option<Bound>,
    /// `None` after a failure, and for a standard error that can't be written to.
    end: Option<End>,
    /// `None` is standard error.
    file: Option<OutputFile>,
}

impl<'a> Record<'a> {
    /// Into the file at `path`, readable by its owner alone; with `force`, over an existing regular file.
    pub fn to_file(ctx: &'a Context<'a>, path: &Path, force: bool, idle: Option<Bound>) -> Result<Self, Error> {
        let file = OutputFile::open_private(ctx, path, force)?;
        let end = file.end().map_err(|e| Error::io(Kind::WriteLocal, "write", path.display(), &e))?;
        Ok(Record { ctx, idle, end: Some(end), file: Some(file) })
    }

    /// To standard error.
    pub fn to_stderr(ctx: &'a Context<'a>, idle: Option<Bound>) -> Self {
        let given = fd::stderr().as_fd().try_clone_to_owned();
        Record { ctx, idle, end: given.and_then(|given| End::open(given, Access::Write)).ok(), file: None }
    }

    /// Writes all of `bytes`.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.insist(|end, file| {
            file.as_mut().map_or(Ok(()), OutputFile::begin)?;
            while !bytes.is_empty() {
                match end.write(bytes)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    n => bytes = &bytes[n..],
                }
            }
            Ok(())
        })
    }

    /// Nothing more comes: what has come is on its way, and an empty file stays.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.insist(|end, file| {
            file.as_mut().map_or(Ok(()), OutputFile::begin)?;
            end.finish()
        })
    }

    /// Does `work`, again and again while it only has to wait.
    fn insist(
        &mut self,
        mut work: impl FnMut(&mut End, &mut Option<OutputFile>) -> io::Result<()>,
    ) -> Result<(), Error> {
        loop {
            let Some(end) = &mut self.end else { return Ok(()) };
            let failure = match work(end, &mut self.file) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.wait(),
                Err(e) => Err(self.failed(&e)),
            };
            if let Err(error) = failure {
                self.end = None;
                return error.map_or(Ok(()), Err);
            }
        }
    }

    /// Waits until there is room again; each time it takes something the limit begins anew.
    fn wait(&self) -> Result<(), Option<Error>> {
        let limit = Deadline::starting_now(self.idle);
        let mut room: Vec<_> = self.end.iter().filter_map(|end| end.write_interest().interest()).collect();
        self.ctx.wait(&mut room, limit).map_err(|cut| Some(cut.during("write", self.name())))
    }

    /// What a failed write means: nothing where it was standard error's.
    fn failed(&self, error: &io::Error) -> Option<Error> {
        self.file.as_ref().map(|_| Error::io(Kind::WriteLocal, "write", self.name(), error))
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| "standard error".into(), |file| file.path().display().to_string())
    }
}
