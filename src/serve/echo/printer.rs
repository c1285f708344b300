//! Every message on standard output, a line each, escaped.
//!
//! A message is written before the next one is taken: while the output takes nothing, nobody is served, but signals
//! and the deadline count. Refuses to know who sent it.

use std::os::fd::BorrowedFd;

use crate::deadline::Deadline;
use crate::error::Error;
use crate::net::Context;
use crate::proto::escape;
use crate::serve::local::Local;
use crate::stream::stdio::Stdio;

/// Standard output.
pub(super) struct Printer(Local);

impl Printer {
    pub(super) fn new(output: Stdio) -> Self {
        Printer(Local::new(output))
    }

    /// Writes `message` and a newline. After a signal what is left waits for [`Printer::finish`].
    pub(super) fn print(&mut self, ctx: &Context<'_>, message: &[u8]) -> Result<(), Error> {
        self.0.put(escape(message).as_bytes());
        self.0.put(b"\n");
        self.0.write()?;
        while self.0.left() > 0 {
            let interests = self.0.write_interest().into_iter().chain(self.0.reader_watch());
            if ctx.wait(&mut interests.collect::<Vec<_>>(), Deadline::NEVER).is_err() {
                break;
            }
            self.0.write()?;
        }
        Ok(())
    }

    /// Poll reports an error on it once whoever reads the output is gone.
    pub(super) fn reader(&self) -> Option<BorrowedFd<'_>> {
        self.0.reader()
    }

    /// The error of an output that nobody reads any more.
    pub(super) fn reader_gone(&self) -> Error {
        self.0.reader_gone()
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.0.finish_soon()
    }
}
