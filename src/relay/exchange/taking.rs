//! How the body of an answer is taken: where its bytes go, and who looks on.
//!
//! Owns what may come between the decoder and the output. Whoever wants to see the bytes, or to change them, stands
//! here, and keeps the kernel from moving them past him ([`Taking::past_us`]). Refuses to read.

use super::super::delivery::Delivery;
use super::wanted::{Checks, Wanted};
use crate::error::Error;

/// The way of one body.
pub struct Taking<'t, 'd> {
    output: &'t mut Delivery<'d>,
    /// Gets the size so far, at least once a second.
    watch: &'t dyn Fn(u64),
    /// Who sees the bytes, and changes them.
    checks: Option<Checks>,
}

impl<'t, 'd> Taking<'t, 'd> {
    /// Everything goes to `output`; `watch` gets the size so far, at least once a second.
    pub fn to(output: &'t mut Delivery<'d>, watch: &'t dyn Fn(u64)) -> Self {
        Taking { output, watch, checks: None }
    }

    /// The same, held to what is `wanted`.
    #[must_use]
    pub fn wanting(self, wanted: Wanted) -> Self {
        Taking { checks: Checks::of(wanted), ..self }
    }

    /// Takes a piece of body. A small one may stay here until [`Taking::flush`].
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.checks {
            Some(checks) => checks.take(bytes, &mut |bytes| self.output.gather(bytes)),
            None => self.output.gather(bytes),
        }
    }

    /// Hands over what is here: the server pauses, or the body is over.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.output.flush()
    }

    /// The body is complete and handed over: whether it is what was wanted.
    pub(super) fn judge(&self) -> Result<(), Error> {
        self.checks.as_ref().map_or(Ok(()), Checks::judge)
    }

    /// So many bytes have come by now.
    pub(super) fn watch(&self, received: u64) {
        (self.watch)(received);
    }

    /// Who gets the size so far.
    pub(super) fn watcher(&self) -> &'t dyn Fn(u64) {
        self.watch
    }

    /// The output, to be watched: when nobody reads it any more, there is nothing to wait for.
    pub(super) fn output(&self) -> &Delivery<'d> {
        self.output
    }

    /// The output, for bytes that go to it past everybody here; `None` where somebody wants to see them.
    pub(super) fn past_us(&mut self) -> Option<&mut Delivery<'d>> {
        self.checks.is_none().then_some(&mut *self.output)
    }
}
