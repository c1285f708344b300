//! What is typed: lines out of the input, as they come.
//!
//! Refuses to read ahead: whoever does not take a line leaves the rest where it is.

use std::time::Duration;

use crate::error::Error;
use crate::serve::cutter::{Cutter, Framing};
use crate::serve::local::Local;
use crate::stream::stdio::InputKind;
use crate::sys::poll::Interest;

/// How much of the input is read at once.
const PIECE: usize = 64 * 1024;

/// The input of a chat.
pub(super) struct Typed {
    kind: InputKind,
    cutter: Cutter,
    buffer: Vec<u8>,
    /// What was read may hold further lines: nothing would tell of them.
    may_have_more: bool,
    is_over: bool,
}

/// What there is of the input now.
pub(super) enum Next {
    /// A line, without its newline.
    Line(Vec<u8>),
    /// A line that is larger than a datagram can be, and is dropped.
    TooLarge,
    /// Nothing yet, or nothing any more.
    Nothing,
}

impl Typed {
    /// Input of this kind, as lines of at most `largest` bytes.
    pub(super) fn new(kind: InputKind, largest: usize) -> Self {
        let cutter = Cutter::new(Framing::Lines, largest);
        Typed { kind, cutter, buffer: vec![0; PIECE], may_have_more: false, is_over: false }
    }

    /// Whether a person types, who sees at once what became of a line.
    pub(super) fn is_by_hand(&self) -> bool {
        self.kind == InputKind::Terminal
    }

    /// Whether nothing comes any more. Where there never was an input it has no end either: that is for listening only.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// From now on there is nothing more, whatever the input still has.
    pub(super) fn stop(&mut self) {
        self.is_over = true;
    }

    /// No longer line comes out.
    pub(super) fn largest(&self) -> usize {
        self.cutter.largest()
    }

    /// The next line, if there is one now.
    pub(super) fn next(&mut self, local: &mut Local) -> Result<Next, Error> {
        let next = self.look(local)?;
        self.may_have_more = !matches!(next, Next::Nothing);
        Ok(next)
    }

    fn look(&mut self, local: &mut Local) -> Result<Next, Error> {
        while self.is_wanted() {
            match self.cutter.cut() {
                Ok(Some(line)) => return Ok(Next::Line(line)),
                Err(_) => {
                    self.cutter.skip_line();
                    return Ok(Next::TooLarge);
                }
                Ok(None) if self.cutter.has_ended() => self.is_over = true,
                Ok(None) => match local.read(&mut self.buffer)? {
                    Some(0) => self.cutter.end(),
                    Some(n) => self.cutter.push(&self.buffer[..n]),
                    None => return Ok(Next::Nothing),
                },
            }
        }
        Ok(Next::Nothing)
    }

    /// What to wait for before [`Typed::next`] can give something.
    pub(super) fn interest<'l>(&self, local: &'l Local) -> Option<Interest<'l>> {
        if self.is_wanted() { local.read_interest().interest() } else { None }
    }

    /// Zero if it need not be waited for: there may be a line already, or the input is an ordinary file.
    pub(super) fn pause(&self, local: &Local) -> Option<Duration> {
        let at_once = self.may_have_more || local.read_interest().interest().is_none();
        (self.is_wanted() && at_once).then_some(Duration::ZERO)
    }

    fn is_wanted(&self) -> bool {
        !self.is_over && self.kind != InputKind::Absent
    }
}
