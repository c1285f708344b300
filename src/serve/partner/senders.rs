//! The dice of each sender of datagrams, so that one sender's traffic does not change what happens to another's.
//!
//! Bounded, as anybody can make up senders: those that were silent for longest are forgotten, by generations. Refuses
//! to look into the address: a sender's number is the order in which it first came, since its port is another one in
//! every run.

use std::collections::HashMap;
use std::hash::Hash;

use super::dice::Dice;

/// So many senders make a generation; two of them are remembered.
const GENERATION: usize = 16 * 1024;

/// All that are remembered.
#[derive(Debug)]
pub(super) struct Senders<To> {
    seed: u64,
    /// How many there were.
    count: u64,
    young: HashMap<To, Dice>,
    old: HashMap<To, Dice>,
}

impl<To: Clone + Eq + Hash> Senders<To> {
    pub(super) fn new(seed: u64) -> Self {
        Senders { seed, count: 0, young: HashMap::new(), old: HashMap::new() }
    }

    /// The dice of `sender`: new ones if it was never heard, or forgotten.
    pub(super) fn dice(&mut self, sender: &To) -> &mut Dice {
        if !self.young.contains_key(sender) {
            let known = self.old.remove(sender);
            if self.young.len() >= GENERATION {
                self.old = std::mem::take(&mut self.young);
            }
            let dice = known.unwrap_or_else(|| self.newcomer());
            self.young.insert(sender.clone(), dice);
        }
        // It was there, or has just been put there.
        self.young.entry(sender.clone()).or_insert_with(|| Dice::new(self.seed, self.count))
    }

    fn newcomer(&mut self) -> Dice {
        self.count += 1;
        Dice::new(self.seed, self.count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throw(senders: &mut Senders<usize>, who: usize) -> u64 {
        senders.dice(&who).one_of(0..=u64::MAX - 1)
    }

    #[test]
    fn each_has_its_own_whatever_the_others_do() {
        let (mut alone, mut among) = (Senders::new(3), Senders::new(3));
        let own: Vec<_> = (0..20).map(|_| throw(&mut alone, 10)).collect();
        let also: Vec<_> = (0..20)
            .map(|n| {
                let thrown = throw(&mut among, 10);
                throw(&mut among, 20 + n % 3);
                thrown
            })
            .collect();
        assert_eq!(own, also);
        // Under another address the first is the first.
        assert_eq!(throw(&mut Senders::new(3), 99), own[0]);
        assert_ne!(throw(&mut among, 99), own[0]);
    }

    #[test]
    fn the_crowd_is_forgotten_and_who_goes_on_is_not() {
        let (mut senders, mut alone, mut first_stranger) = (Senders::new(3), Dice::new(3, 0), Dice::new(3, 1));
        let all = 0..=u64::MAX - 1;
        for stranger in 1..100_000 {
            if stranger % 1000 == 1 {
                assert_eq!(throw(&mut senders, 0), alone.one_of(all.clone()));
            }
            throw(&mut senders, stranger);
            assert!(senders.young.len() + senders.old.len() <= 2 * GENERATION);
        }
        first_stranger.one_of(all.clone());
        assert_ne!(throw(&mut senders, 1), first_stranger.one_of(all));
    }
}
