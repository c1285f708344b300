//! The body by the kernel's path: from the socket to the output without passing through us.
//!
//! Only bytes that are body and nothing else go there, and never one more than was announced: what follows belongs to
//! the next response. Owns who is waited for when the kernel can't go on. Refuses bodies too short to be worth it.

use super::super::fast::{self, Fast, Step};
use super::{Delivery, Exchange, Taking};
use crate::error::{Error, Kind};

/// Less than this is copied sooner than a pipe is made.
const WORTH_IT: u64 = 128 * 1024;

/// What is less than this was all that there was.
const SMALL: usize = 16 * 1024;

/// How many pieces go before the limits and the signals are looked at.
const TURN: u32 = 4;

/// What came of it.
pub(super) enum Passed {
    /// The buffer has to take the rest.
    Declined,
    /// Everything that was announced has come.
    Complete,
    /// The connection has ended, and with it, well, the body.
    Ended,
}

impl Exchange<'_> {
    /// Moves the rest of the body by the kernel, where that is worth it and nobody wants to see it.
    pub(super) fn pass(&mut self, taking: &mut Taking<'_, '_>) -> Result<Passed, Error> {
        let watch = taking.watcher();
        let Some(output) = taking.past_us() else { return Ok(Passed::Declined) };
        let Some(mut fast) = self.path(output) else { return Ok(Passed::Declined) };
        let (mut pieces, mut source_is_sure) = (0, false);
        while let Some(left) = self.response.plain() {
            match fast.step(&self.connection.remote, &mut output.local, left) {
                Step::Moved(n) => {
                    self.passed(n, output);
                    watch(self.response.received());
                    pieces += 1;
                    if self.response.plain().is_none() || (n >= SMALL && pieces < TURN) {
                        continue;
                    }
                }
                Step::SourceBlocked => {}
                // A source that poll has seen ready can't be what is missing.
                Step::Blocked if !source_is_sure => {}
                Step::Blocked | Step::SinkBlocked => {
                    output.wait_for_room()?;
                    source_is_sure = false;
                    continue;
                }
                Step::Ended => return self.ended().map(|()| Passed::Ended),
                Step::SourceFailed(e) => return Err(self.receive_failed(&e)),
                Step::SinkFailed(e) => return Err(output.local.write_error(&e)),
                Step::Declined => return self.decline(&mut fast, output).map(|()| Passed::Declined),
            }
            pieces = 0;
            source_is_sure = self.wait(output, watch)?;
        }
        Ok(Passed::Complete)
    }

    /// The kernel's path, if there is one and the rest of the exchange is nothing but body.
    fn path(&self, output: &Delivery<'_>) -> Option<Fast> {
        let is_plain = self.response.plain().is_some_and(|left| left >= WORTH_IT);
        let is_alone = self.outgoing.is_finished() && self.connection.buffer.is_empty();
        if is_plain && is_alone && !self.declined { fast::choose(&self.connection.remote, &output.local) } else { None }
    }

    fn passed(&mut self, n: usize, output: &mut Delivery<'_>) {
        self.came(n);
        self.response.passed(n as u64);
        output.passed(n);
    }

    /// The buffer takes over, and first what the kernel has taken and not handed over.
    fn decline(&mut self, fast: &mut Fast, output: &mut Delivery<'_>) -> Result<(), Error> {
        self.declined = true;
        while fast.held() > 0 {
            let taken = fast.take_back(self.connection.buffer.space());
            let n = taken.map_err(|e| Error::io(Kind::ReadLocal, "read", "a pipe of our own", &e))?;
            self.connection.buffer.filled(n);
            output.write(self.connection.buffer.data())?;
            self.connection.buffer.clear();
            self.came(n);
            self.response.passed(n as u64);
        }
        Ok(())
    }
}
