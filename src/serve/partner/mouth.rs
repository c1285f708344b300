//! What is being said to one client: one text at a time, in writes of the size that the faults want, up to the byte
//! at which they stop it.

use std::borrow::Cow;

use super::dice::Dice;
use super::faults::Faults;

/// The text on its way, and how much has been said in all.
#[derive(Debug, Default)]
pub(super) struct Mouth<'p> {
    text: Cow<'p, [u8]>,
    said: usize,
    /// Where the write that is under way ends. It stays the same until all of that has been taken, so that a client
    /// that takes little does not change what the dice give next.
    piece_end: usize,
    total: u64,
}

impl<'p> Mouth<'p> {
    /// Begins a text. The one before must be done.
    pub(super) fn say(&mut self, text: Cow<'p, [u8]>) {
        *self = Mouth { text, said: 0, piece_end: 0, total: self.total };
    }

    /// Whether some of the text is not said yet.
    pub(super) fn is_busy(&self) -> bool {
        self.said < self.text.len()
    }

    /// Whether the faults let nothing more be said.
    pub(super) fn is_over(&self, faults: &Faults) -> bool {
        faults.after.is_some_and(|after| self.total >= after.bytes)
    }

    /// What the next write has to have.
    pub(super) fn piece(&mut self, faults: &Faults, dice: &mut Dice) -> &[u8] {
        if self.piece_end <= self.said {
            self.piece_end = self.said + faults.chunk(self.text.len() - self.said, dice);
        }
        let piece = &self.text[self.said..self.piece_end];
        let room = faults.after.map(|after| after.bytes.saturating_sub(self.total));
        let room = room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX);
        &piece[..piece.len().min(room)]
    }

    /// `n` bytes of [`Mouth::piece`] have been taken.
    pub(super) fn took(&mut self, n: usize) {
        self.said = (self.said + n).min(self.piece_end);
        self.total += n as u64;
        if !self.is_busy() {
            // An answer's memory is not kept until the next one.
            self.say(Cow::Borrowed(&[]));
        }
    }
}
