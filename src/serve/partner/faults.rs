//! What goes wrong on purpose, and how the dice decide it for one answer.
//!
//! Owns the values and the throws. Refuses to know when an answer is due and who gets it.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::dice::Dice;

/// All that can go wrong. The default is that nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long each answer is held back.
    pub delay: Option<RangeInclusive<Duration>>,
    /// How many bytes one write may have. At least 1.
    pub chunk: Option<RangeInclusive<usize>>,
    /// What happens once so much has been said.
    pub after: Option<After>,
    /// The chance that a session is closed instead of answered.
    pub close_before_reply: Percent,
    /// The chance that one bit of an answer is flipped.
    pub corrupt: Percent,
    /// The chance that a datagram is not answered.
    pub drop: Percent,
    /// The chance that a datagram is answered twice.
    pub duplicate: Percent,
    /// The chance that the answer to a datagram waits until the next one has gone.
    pub reorder: Percent,
    /// So much of what each client sends first is ignored.
    pub swallow: u64,
}

/// A session's end after an exact number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// How many bytes are said to the client, all texts counted.
    pub bytes: u64,
    /// What happens then.
    pub then: Ending,
}

/// How a session can end, or stop, in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A clean end.
    Close,
    /// A reset.
    Reset,
    /// Nothing is read or written any more.
    Stall,
}

impl Faults {
    /// Whether anything depends on the seed.
    pub fn are_left_to_chance(&self) -> bool {
        let chances = [self.close_before_reply, self.corrupt, self.drop, self.duplicate, self.reorder];
        self.delay.as_ref().is_some_and(is_range)
            || self.chunk.as_ref().is_some_and(is_range)
            || chances.iter().any(|&chance| chance != Percent::NONE)
    }

    /// Whether something is decided for each answer by itself, so that what comes in one piece must not be two.
    pub(super) fn regard_answers(&self) -> bool {
        self.delay.is_some() || self.close_before_reply != Percent::NONE || self.corrupt != Percent::NONE
    }

    /// How long the next answer waits.
    pub(super) fn delay(&self, dice: &mut Dice) -> Duration {
        let nanos = |delay: &Duration| u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let range = self.delay.as_ref().map(|range| nanos(range.start())..=nanos(range.end()));
        range.map_or(Duration::ZERO, |range| Duration::from_nanos(dice.one_of(range)))
    }

    /// How many of the `left` bytes of a text the next write has: at least one.
    pub(super) fn chunk(&self, left: usize, dice: &mut Dice) -> usize {
        let Some(range) = &self.chunk else { return left };
        let size = dice.one_of(*range.start() as u64..=*range.end() as u64);
        usize::try_from(size).unwrap_or(left).clamp(1, left.max(1))
    }

    /// The answer, perhaps with one bit flipped.
    pub(super) fn corrupted<'t>(&self, answer: Cow<'t, [u8]>, dice: &mut Dice) -> Cow<'t, [u8]> {
        if !dice.hit(self.corrupt) || answer.is_empty() {
            return answer;
        }
        let bit = dice.one_of(0..=answer.len() as u64 * 8 - 1);
        let mut answer = answer.into_owned();
        // The byte exists: the bit is below eight times the length.
        if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|at| answer.get_mut(at)) {
            *byte ^= 1 << (bit % 8);
        }
        Cow::Owned(answer)
    }
}

fn is_range<T: PartialEq>(range: &RangeInclusive<T>) -> bool {
    range.start() != range.end()
}

/// A chance in percent, exact to seven decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u64);

/// So many parts make one percent.
const PARTS: u64 = 10_000_000;
const DECIMALS: usize = 7;

impl Percent {
    /// Never.
    pub const NONE: Percent = Percent(0);
    /// Always.
    pub const ALL: Percent = Percent(100 * PARTS);

    /// So many percent; `None` over 100.
    pub fn of(percent: u64) -> Option<Self> {
        (percent <= 100).then_some(Percent(percent * PARTS))
    }

    /// Its parts, of which [`Percent::ALL`] has the most.
    pub(super) fn parts(self) -> u64 {
        self.0
    }
}

/// `5`, `5%`, `0.5%`.
impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a chance from 0 to 100, such as 5, 5% or 0.5%".to_owned();
        let number = text.strip_suffix('%').unwrap_or(text);
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{decimals}");
        if digits.is_empty() || decimals.len() > DECIMALS || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let parts: u64 = format!("{digits:0<width$}", width = whole.len() + DECIMALS).parse().map_err(|_| wrong())?;
        Some(Percent(parts)).filter(|&percent| percent <= Percent::ALL).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        let good = [
            ("0", 0),
            ("5", 50_000_000),
            ("5%", 50_000_000),
            ("0.5%", 5_000_000),
            (".5", 5_000_000),
            ("5.", 50_000_000),
            ("100", 1_000_000_000),
            ("100.0%", 1_000_000_000),
            ("0.0000001", 1),
            ("007", 70_000_000),
        ];
        for (text, parts) in good {
            assert_eq!(text.parse(), Ok(Percent(parts)), "{text}");
        }
        let wrong = [
            "",
            "%",
            ".",
            "-1",
            "+1",
            "101",
            "100.1",
            "5%%",
            "5 %",
            "1e1",
            "NaN",
            "0.00000001",
            "1.2.3",
            "½",
            "7\u{660}",
        ];
        for text in wrong.into_iter().chain(["99999999999999999999999"]) {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_depends_on_the_seed() {
        let some = "1".parse().expect("it is a chance");
        let fixed = Faults {
            delay: Some(Duration::ZERO..=Duration::ZERO),
            chunk: Some(3..=3),
            after: Some(After { bytes: 1, then: Ending::Reset }),
            swallow: 4,
            ..Faults::default()
        };
        assert!(!fixed.are_left_to_chance());
        let chances = [
            Faults { delay: Some(Duration::ZERO..=Duration::from_secs(1)), ..Faults::default() },
            Faults { chunk: Some(1..=2), ..Faults::default() },
            Faults { close_before_reply: some, ..Faults::default() },
            Faults { corrupt: some, ..Faults::default() },
            Faults { drop: some, ..Faults::default() },
            Faults { duplicate: some, ..Faults::default() },
            Faults { reorder: some, ..Faults::default() },
        ];
        for faults in chances {
            assert!(faults.are_left_to_chance(), "{faults:?}");
        }
    }

    #[test]
    fn a_corrupted_answer_differs_in_one_bit() {
        let faults = Faults { corrupt: Percent::ALL, ..Faults::default() };
        let mut dice = Dice::new(1, 1);
        let mut seen = [false; 3];
        for _ in 0..100 {
            let answer = faults.corrupted(Cow::Borrowed(b"abc"), &mut dice);
            let flipped: Vec<_> = answer.iter().zip(b"abc").map(|(a, b)| (a ^ b).count_ones()).collect();
            assert_eq!(flipped.iter().sum::<u32>(), 1, "{answer:?}");
            seen.iter_mut().zip(flipped).for_each(|(seen, flipped)| *seen |= flipped == 1);
        }
        assert_eq!(seen, [true; 3]);
        assert_eq!(*faults.corrupted(Cow::Borrowed(b""), &mut dice), *b"");
    }
}
