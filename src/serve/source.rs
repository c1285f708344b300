//! Where the datagrams to send come from: the command line, or standard input as it comes; once or again and again.

use std::time::{Duration, Instant};

use super::cutter::{Cutter, Framing, TooLarge};
use super::local::Local;
use crate::error::{Error, Kind};
use crate::net::datagram::SMALLER;

/// A set that is sent more than once is kept; it may not be larger than this, each datagram counted with its
/// [`OVERHEAD`].
const KEPT: usize = 64 << 20;

/// What a kept datagram costs beside its bytes.
const OVERHEAD: usize = 32;

/// A longer pause is as good as this one, and every clock can count this one.
const LONGEST: Duration = Duration::from_secs(1 << 32);

/// How much of standard input is read at once.
const PIECE: usize = 64 * 1024;

/// How often, and after which pauses.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    /// How often the whole set is sent; `None` is for ever.
    pub count: Option<u64>,
    /// The pause between two rounds.
    pub interval: Duration,
}

/// What a source is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// There may be a datagram at once.
    Nothing,
    /// Input.
    Input,
    /// The next round.
    Until(Instant),
    /// Nothing comes any more.
    Over,
}

/// Datagrams, one after the other.
pub(super) struct Source {
    /// What is still to be cut out of standard input.
    input: Option<Cutter>,
    whole_input: bool,
    /// What was read of standard input may hold further datagrams: nothing would tell of them.
    may_have_more: bool,
    /// Whether the set is kept for further rounds, which begin when it is complete.
    keeps: bool,
    set: Vec<Vec<u8>>,
    kept: usize,
    next: usize,
    rounds: Repeat,
    due: Option<Instant>,
    buffer: Vec<u8>,
}

impl Source {
    /// Datagrams that are there already.
    pub(super) fn given(set: Vec<Vec<u8>>, rounds: Repeat) -> Self {
        Source { set, ..Self::empty(rounds) }
    }

    /// Standard input, cut as it comes; if the set is to be sent again, once it is complete.
    pub(super) fn input(cutter: Cutter, rounds: Repeat) -> Self {
        let whole_input = cutter.framing() == Framing::Whole;
        let keeps = rounds.count != Some(1);
        Source { input: Some(cutter), whole_input, keeps, buffer: vec![0; PIECE], ..Self::empty(rounds) }
    }

    fn empty(rounds: Repeat) -> Self {
        Source {
            input: None,
            whole_input: false,
            may_have_more: false,
            keeps: true,
            set: Vec::new(),
            kept: 0,
            next: 0,
            rounds,
            due: None,
            buffer: Vec::new(),
        }
    }

    /// The next datagram, if there is one now.
    pub(super) fn next(&mut self, local: &mut Local) -> Result<Option<Vec<u8>>, Error> {
        while self.input.is_some() {
            let next = self.next_of_input(local)?;
            self.may_have_more = next.is_some();
            match next {
                Some(datagram) if self.keeps => self.keep(datagram)?,
                Some(datagram) => return Ok(Some(datagram)),
                None if self.input.is_some() => return Ok(None),
                None => {}
            }
        }
        Ok(self.next_of_set())
    }

    /// What must happen before [`Source::next`] gives one.
    pub(super) fn waiting(&self) -> Waiting {
        match (&self.input, self.due) {
            (Some(_), _) if self.may_have_more => Waiting::Nothing,
            (Some(_), _) => Waiting::Input,
            (None, Some(due)) => Waiting::Until(due),
            (None, None) if self.is_over() => Waiting::Over,
            (None, None) => Waiting::Nothing,
        }
    }

    /// Whether the only datagram is all of standard input.
    pub(super) fn is_whole_input(&self) -> bool {
        self.whole_input
    }

    fn is_over(&self) -> bool {
        self.set.is_empty() || (self.next == self.set.len() && self.rounds.count.is_some_and(|left| left <= 1))
    }

    /// One datagram out of standard input; the input is taken away when it is used up.
    fn next_of_input(&mut self, local: &mut Local) -> Result<Option<Vec<u8>>, Error> {
        let Some(cutter) = &mut self.input else { return Ok(None) };
        loop {
            if let Some(datagram) = cutter.cut().map_err(|TooLarge| too_large(cutter))? {
                return Ok(Some(datagram));
            }
            if cutter.has_ended() {
                self.input = None;
                return Ok(None);
            }
            match local.read(&mut self.buffer)? {
                Some(0) => cutter.end(),
                Some(n) => cutter.push(&self.buffer[..n]),
                None => return Ok(None),
            }
        }
    }

    fn keep(&mut self, datagram: Vec<u8>) -> Result<(), Error> {
        self.kept += datagram.len() + OVERHEAD;
        if self.kept > KEPT {
            return Err(Error::usage(
                "standard input is too large to be kept and sent again; --count 1 sends it as it comes",
            ));
        }
        self.set.push(datagram);
        Ok(())
    }

    fn next_of_set(&mut self) -> Option<Vec<u8>> {
        if self.due.is_some_and(|due| Instant::now() < due) || self.is_over() {
            return None;
        }
        if self.next == self.set.len() {
            self.next = 0;
            self.rounds.count = self.rounds.count.map(|left| left - 1);
            self.due = None;
        }
        let datagram = self.set[self.next].clone();
        self.next += 1;
        if self.next == self.set.len() && !self.is_over() {
            self.due = Instant::now().checked_add(self.rounds.interval.min(LONGEST));
        }
        Some(datagram)
    }
}

/// Nothing of a whole input has been sent when it turns out to be too large; of lines, those before it have.
fn too_large(cutter: &Cutter) -> Error {
    let largest = cutter.largest();
    match cutter.framing() {
        Framing::Whole => {
            Error::usage(format!("standard input is larger than the {largest} bytes of one datagram")).hint(SMALLER)
        }
        _ => Error::new(Kind::Send, "send", "a line", format!("it is larger than the {largest} bytes of one datagram"))
            .hint("--size cuts the input without regard to lines"),
    }
}
