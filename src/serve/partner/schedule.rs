//! The answers that are on their way to senders of datagrams: each at its time, some after the one that follows.
//!
//! Bounded in number and bytes: what does not fit is dropped and counted, as a full queue of a router would do it.
//! Refuses to decide who gets what.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So many answers may wait at once, and so many bytes.
const MOST_ANSWERS: usize = 16 * 1024;
const MOST_BYTES: usize = 8 << 20;

/// An answer that no other one follows goes after this time anyhow.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// One answer, and how it is to go.
#[derive(Debug)]
pub(super) struct Outgoing<To> {
    pub(super) bytes: Vec<u8>,
    pub(super) to: To,
    pub(super) due: Instant,
    /// It goes twice.
    pub(super) twice: bool,
    /// The next answer to the same sender goes first.
    pub(super) held: bool,
}

/// When an answer goes; at the same time, in the order of its coming.
type Place = (Instant, u64);

/// The answers in the order in which they go.
#[derive(Debug)]
pub(super) struct Schedule<To> {
    waiting: BTreeMap<Place, Outgoing<To>>,
    /// The one answer to a sender that waits for the next, if there is one.
    held: HashMap<To, Place>,
    bytes: usize,
    count: u64,
    dropped: u64,
}

impl<To: Clone + Eq + Hash> Schedule<To> {
    pub(super) fn new() -> Self {
        Schedule { waiting: BTreeMap::new(), held: HashMap::new(), bytes: 0, count: 0, dropped: 0 }
    }

    /// Adds an answer, or drops it if there are too many. While one is held back for a sender, the next is not: two
    /// change places. They do so too if the first should have gone by itself and has not: that we are late must not
    /// change what the dice have decided.
    pub(super) fn add(&mut self, mut answer: Outgoing<To>, now: Instant) {
        if self.waiting.len() >= MOST_ANSWERS || self.bytes + answer.bytes.len() > MOST_BYTES {
            self.dropped += 1;
            return;
        }
        let before = self.held.get(&answer.to).copied();
        answer.held &= before.is_none();
        let at = if answer.held { answer.due + PATIENCE } else { answer.due };
        let (to, held) = (answer.to.clone(), answer.held);
        self.bytes += answer.bytes.len();
        let place = self.put(at, answer);
        if held {
            self.held.insert(to, place);
        } else if let Some(before) = before.filter(|&before| before < place && at <= now)
            && let Some(answer) = self.waiting.remove(&before)
        {
            let behind = self.put(at, answer);
            self.held.insert(to, behind);
        }
    }

    /// The next answer whose time has come.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Vec<u8>, To)> {
        let mut first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        if std::mem::take(&mut first.get_mut().twice) {
            return Some((first.get().bytes.clone(), first.get().to.clone()));
        }
        let (place, answer) = first.remove_entry();
        self.bytes -= answer.bytes.len();
        if let Some(held) = self.held.remove(&answer.to) {
            self.release(held, place);
        }
        Some((answer.bytes, answer.to))
    }

    /// When the next answer is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many answers did not fit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Another answer to the same sender has gone from `gone`: the one at `held` goes now, but not before its own
    /// time. It is not there if it was that answer itself.
    fn release(&mut self, held: Place, gone: Place) {
        if let Some(answer) = self.waiting.remove(&held) {
            self.put(answer.due.max(gone.0), answer);
        }
    }

    fn put(&mut self, at: Instant, answer: Outgoing<To>) -> Place {
        let place = (at, self.count);
        self.count += 1;
        self.waiting.insert(place, answer);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(text: &str, due: Instant) -> Outgoing<char> {
        // The first letter is the sender.
        let to = text.chars().next().expect("the tests use none that are empty");
        Outgoing { bytes: text.into(), to, due, twice: text.contains('2'), held: text.contains('h') }
    }

    /// What goes when, in milliseconds, of answers that are added at their time, which is their delay too.
    fn goings(answers: &[(u64, u64, &str)]) -> Vec<(u64, String)> {
        let start = Instant::now();
        let mut schedule = Schedule::new();
        let mut gone = Vec::new();
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            for (_, delay, text) in answers.iter().filter(|(at, ..)| *at == ms) {
                schedule.add(outgoing(text, now + Duration::from_millis(*delay)), now);
            }
            while let Some((bytes, _)) = schedule.next(now) {
                gone.push((ms, String::from_utf8_lossy(&bytes).into_owned()));
            }
            assert!(schedule.due().is_none_or(|due| due > now));
        }
        assert!(schedule.waiting.is_empty() && schedule.held.is_empty() && schedule.bytes == 0);
        gone
    }

    fn assert_goings(answers: &[(u64, u64, &str)], expected: &[(u64, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(ms, text)| (*ms, (*text).to_owned())).collect();
        assert_eq!(goings(answers), expected, "{answers:?}");
    }

    #[test]
    fn each_goes_at_its_time_and_equal_ones_in_order() {
        assert_goings(&[(0, 0, "a"), (0, 0, "b"), (0, 0, "a")], &[(0, "a"), (0, "b"), (0, "a")]);
        assert_goings(&[(0, 50, "a"), (10, 0, "b"), (10, 20, "c")], &[(10, "b"), (30, "c"), (50, "a")]);
        assert_goings(&[(5, 0, "a2"), (5, 0, "b")], &[(5, "a2"), (5, "a2"), (5, "b")]);
    }

    #[test]
    fn one_that_is_held_goes_after_the_next_to_the_same_sender() {
        assert_goings(&[(0, 0, "ah"), (3, 0, "b"), (7, 0, "a")], &[(3, "b"), (7, "a"), (7, "ah")]);
        assert_goings(&[(0, 0, "ah2"), (7, 0, "a2")], &[(7, "a2"), (7, "a2"), (7, "ah2"), (7, "ah2")]);
        // The second of two is not held: they change places.
        assert_goings(
            &[(0, 0, "ah1"), (1, 0, "ah_"), (2, 0, "ah3"), (3, 0, "ah4")],
            &[(1, "ah_"), (1, "ah1"), (3, "ah4"), (3, "ah3")],
        );
        // Not before its own time, however early the next has gone.
        assert_goings(&[(0, 50, "ah"), (7, 0, "a")], &[(7, "a"), (50, "ah")]);
    }

    #[test]
    fn one_that_nothing_follows_goes_after_a_while() {
        assert_goings(&[(0, 0, "ah"), (200, 0, "a")], &[(100, "ah"), (200, "a")]);
        assert_goings(&[(0, 30, "ah2"), (10, 0, "bh")], &[(110, "bh"), (130, "ah2"), (130, "ah2")]);
    }

    #[test]
    fn one_that_is_overdue_still_goes_after_the_next_that_is_there() {
        let start = Instant::now();
        let late = start + 2 * PATIENCE;
        for (delay, expected) in [(Duration::ZERO, ["a", "ah"]), (PATIENCE, ["ah", "a"])] {
            let mut schedule = Schedule::new();
            schedule.add(outgoing("ah", start), start);
            schedule.add(outgoing("a", late + delay), late);
            let gone: Vec<_> = std::iter::from_fn(|| schedule.next(late + delay)).map(|(bytes, _)| bytes).collect();
            assert_eq!(gone, expected.map(|text| text.as_bytes().to_vec()), "{delay:?}");
            assert!(schedule.waiting.is_empty() && schedule.held.is_empty() && schedule.bytes == 0);
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let now = Instant::now();
        let due = now + PATIENCE;
        let mut schedule = Schedule::new();
        for _ in 0..MOST_ANSWERS + 5 {
            schedule.add(outgoing("a", due), now);
        }
        assert_eq!((schedule.waiting.len(), schedule.dropped()), (MOST_ANSWERS, 5));
        let mut schedule = Schedule::new();
        for _ in 0..200 {
            schedule.add(outgoing(&"a".repeat(64 << 10), due), now);
        }
        assert_eq!((schedule.waiting.len(), schedule.dropped()), (128, 72));
        assert_eq!(schedule.bytes, MOST_BYTES);
        // Room that has become free is used.
        assert!(schedule.next(due).is_some());
        schedule.add(outgoing("a", due), now);
        assert_eq!(schedule.dropped(), 72);
    }
}
