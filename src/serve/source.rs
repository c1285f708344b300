//! Where the datagrams to send come from: the command line, or standard input as it comes; once or again and again.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::cutter::{Cutter, Framing, Misfit};
use super::local::Local;
use crate::error::{Error, Kind};
use crate::net::batch::{Run, longest_train};
use crate::net::datagram::SMALLER;

/// A set that is sent more than once is kept; it may not be larger than this, each datagram counted with its
/// [`OVERHEAD`].
const KEPT: usize = 64 << 20;

/// What a kept datagram costs beside its bytes.
const OVERHEAD: usize = size_of::<Range<usize>>();

/// A longer pause is as good as this one, and every clock can count this one.
const LONGEST: Duration = Duration::from_secs(1 << 32);

/// How much of standard input is read at once, if there is as much.
const PIECE: usize = 256 * 1024;

/// How many datagrams are cut out of it at once.
const MOST_CUT: usize = 1024;

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

/// Datagrams, one run after the other.
pub(super) struct Source {
    /// What is still to be cut out of standard input.
    input: Option<Cutter>,
    whole_input: bool,
    /// What was read of standard input may hold further datagrams: nothing would tell of them.
    may_have_more: bool,
    /// Whether the set is kept for further rounds, which begin when it is complete.
    keeps: bool,
    /// How much is read at once.
    piece: usize,
    /// Where in the input the datagrams of this run are, if they are not kept.
    cut: Vec<Range<usize>>,
    set: Set,
    /// How many of the run, or of the set, have left.
    next: usize,
    rounds: Repeat,
    due: Option<Instant>,
}

/// Datagrams that are sent again and again.
#[derive(Debug, Default)]
struct Set {
    bytes: Vec<u8>,
    pieces: Vec<Range<usize>>,
}

impl Set {
    fn push(&mut self, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.pieces.push(start..self.bytes.len());
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.pieces.len() * OVERHEAD
    }
}

impl Source {
    /// Datagrams that are there already.
    pub(super) fn given(datagrams: &[Vec<u8>], rounds: Repeat) -> Self {
        let mut set = Set::default();
        for datagram in datagrams {
            set.push(datagram);
        }
        Source { set, ..Self::empty(rounds) }
    }

    /// Standard input, cut as it comes; if the set is to be sent again, once it is complete.
    pub(super) fn input(cutter: Cutter, rounds: Repeat) -> Self {
        let whole_input = *cutter.framing() == Framing::Whole;
        let keeps = rounds.count != Some(1);
        let piece = match *cutter.framing() {
            Framing::Size(size) => PIECE.next_multiple_of(longest_train(size)),
            _ => PIECE,
        };
        Source { input: Some(cutter), whole_input, keeps, piece, ..Self::empty(rounds) }
    }

    fn empty(rounds: Repeat) -> Self {
        Source {
            input: None,
            whole_input: false,
            may_have_more: false,
            keeps: true,
            piece: PIECE,
            cut: Vec::new(),
            set: Set::default(),
            next: 0,
            rounds,
            due: None,
        }
    }

    /// Whether there are datagrams to send now: then [`Source::run`] has them, and the input is read no further until all of
    /// them have left.
    pub(super) fn fill(&mut self, local: &mut Local) -> Result<bool, Error> {
        let has_some = !self.run().is_empty() || self.read(local)? || self.begin_round();
        self.may_have_more = has_some;
        Ok(has_some)
    }

    /// Those that come next.
    pub(super) fn run(&self) -> Run<'_> {
        match &self.input {
            Some(_) if self.keeps => Run::new(&[], &[]),
            Some(cutter) => Run::new(cutter.bytes(), &self.cut[self.next..]),
            None if self.due.is_some() => Run::new(&[], &[]),
            None => Run::new(&self.set.bytes, &self.set.pieces[self.next..]),
        }
    }

    /// So many of them have left.
    pub(super) fn left(&mut self, n: usize) {
        self.next += n;
        if self.input.is_none() && self.next == self.set.pieces.len() && !self.is_over() {
            self.due = Instant::now().checked_add(self.rounds.interval.min(LONGEST));
        }
    }

    /// What must happen before [`Source::fill`] gives some.
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
        let all_left = self.next == self.set.pieces.len();
        self.set.pieces.is_empty() || (all_left && self.rounds.count.is_some_and(|left| left <= 1))
    }

    /// Takes what there is of standard input; tells whether there is a run of it now.
    fn read(&mut self, local: &mut Local) -> Result<bool, Error> {
        while self.cut_run(local)? {
            if !self.keeps {
                return Ok(true);
            }
            self.keep()?;
        }
        Ok(self.input.is_none() && !self.run().is_empty())
    }

    /// A run out of standard input; the input is taken away when it is used up. What does not fit is told when all before it
    /// has left.
    fn cut_run(&mut self, local: &mut Local) -> Result<bool, Error> {
        let Some(cutter) = &mut self.input else { return Ok(false) };
        self.cut.clear();
        self.next = 0;
        loop {
            while self.cut.len() < MOST_CUT {
                match cutter.next() {
                    Ok(Some(place)) => self.cut.push(place),
                    Ok(None) => break,
                    Err(_) if !self.cut.is_empty() => break,
                    Err(misfit) => return Err(does_not_fit(cutter, misfit)),
                }
            }
            if !self.cut.is_empty() {
                return Ok(true);
            }
            if cutter.has_ended() {
                self.input = None;
                return Ok(false);
            }
            match local.read(&mut cutter.space(self.piece)[..self.piece])? {
                Some(0) => cutter.end(),
                Some(n) => cutter.filled(n),
                None => return Ok(false),
            }
        }
    }

    /// Moves the run into the set.
    fn keep(&mut self) -> Result<(), Error> {
        let Some(cutter) = &self.input else { return Ok(()) };
        for place in &self.cut {
            self.set.push(&cutter.bytes()[place.clone()]);
        }
        if self.set.size() > KEPT {
            return Err(Error::usage(
                "standard input is too large to be kept and sent again; --count 1 sends it as it comes",
            ));
        }
        Ok(())
    }

    /// Begins the next round, if it is due.
    fn begin_round(&mut self) -> bool {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return false;
        }
        self.due = None;
        self.next = 0;
        self.rounds.count = self.rounds.count.map(|left| left - 1);
        true
    }
}

/// Nothing of a whole input has been sent when it turns out to be too large; of lines, those before it have.
fn does_not_fit(cutter: &Cutter, misfit: Misfit) -> Error {
    let largest = cutter.largest();
    match (misfit, cutter.framing()) {
        (Misfit::Short(missing), _) => {
            let reason = format!("it ends {missing} bytes before the end of its last datagram");
            Error::new(Kind::Short, "read", "standard input", reason)
        }
        (Misfit::Announced(size), _) => {
            let reason = format!("its prefix says {size} bytes, and one datagram holds {largest} at the most");
            Error::new(Kind::Send, "send", "a datagram", reason)
                .hint("is stdin one length and one datagram after the other?")
        }
        (Misfit::TooLarge, Framing::Whole) => {
            Error::usage(format!("standard input is larger than the {largest} bytes of one datagram")).hint(SMALLER)
        }
        (Misfit::TooLarge, framing) => {
            let what = if *framing == Framing::Lines { "a line" } else { "a piece" };
            Error::new(Kind::Send, "send", what, format!("it is larger than the {largest} bytes of one datagram"))
                .hint("--size cuts the input at every N bytes")
        }
    }
}
