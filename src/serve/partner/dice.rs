//! The dice of the faults on purpose: the same seed throws the same, in this version and in every later one.
//!
//! `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014) by hand: the
//! generators of a crate may change with its version, and the seed of somebody's failing test must go on replaying
//! it. Integers only, so that no rounding differs between machines. Refuses to be hard to guess: nothing here is
//! secret.

use std::ops::RangeInclusive;

use super::faults::Percent;

/// What is left to chance in one session, or in the datagrams of one sender.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of client or sender `number` under `seed`. Those of two numbers, or of two seeds, have nothing to do
    /// with each other.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        Dice { state: mixed(mixed(seed).wrapping_add(number)) }
    }

    /// Whether something that happens with this chance happens now. One throw, whatever the chance: turning a chance
    /// up does not change what else happens.
    pub(super) fn hit(&mut self, chance: Percent) -> bool {
        self.below(Percent::ALL.parts()) < chance.parts()
    }

    /// A number of the range, each as likely as the others; the lower end of a range that is empty.
    pub(super) fn one_of(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = range.end().saturating_sub(*range.start()).saturating_add(1);
        range.start() + self.below(width)
    }

    /// A number below `end`: the high half of the product, which favours none by more than `end` in 2^64.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.throw()) * u128::from(end)) >> 64) as u64
    }

    fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }
}

/// The generator's output function: each bit of the input changes about half of the bits.
fn mixed(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throws(mut dice: Dice) -> Vec<u64> {
        (0..8).map(|_| dice.throw()).collect()
    }

    #[test]
    fn it_is_the_published_generator() {
        // The first numbers after the state 1234567, as the reference implementation prints them.
        let dice = Dice { state: 1_234_567 };
        let known = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(throws(dice)[..3], known);
    }

    #[test]
    fn seed_and_number_decide_and_nothing_else() {
        assert_eq!(throws(Dice::new(7, 3)), throws(Dice::new(7, 3)));
        for (seed, number) in [(7, 4), (8, 3), (3, 7), (0, 0), (u64::MAX, u64::MAX)] {
            assert_ne!(throws(Dice::new(7, 3)), throws(Dice::new(seed, number)), "{seed} {number}");
        }
    }

    #[test]
    fn ranges_are_kept_and_their_ends_are_met() {
        let mut dice = Dice::new(1, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            let n = dice.one_of(1..=7);
            seen[usize::try_from(n - 1).expect("it is from the range")] += 1;
        }
        assert!(seen.iter().all(|&count| (800..1200).contains(&count)), "{seen:?}");
        assert_eq!((dice.one_of(5..=5), dice.one_of(u64::MAX..=u64::MAX)), (5, u64::MAX));
    }

    #[test]
    fn a_chance_comes_as_often_as_it_says() {
        let mut dice = Dice::new(2, 0);
        for (percent, about) in [(0, 0), (1, 100), (50, 5000), (99, 9900), (100, 10_000)] {
            let chance = Percent::of(percent).expect("it is one");
            let hits = (0..10_000).filter(|_| dice.hit(chance)).count();
            let off = hits.abs_diff(about);
            assert!(off <= 150 && (!(percent == 0 || percent == 100) || off == 0), "{percent} %: {hits}");
        }
    }
}
