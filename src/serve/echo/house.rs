//! What all loops of an echo server share: the sockets, the limit of clients, the counts, and the way to the end.
//!
//! Owns the rule that there are never more clients than allowed, whichever loop takes them. Refuses to touch a client.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Echo, Sockets};
use crate::error::{Error, Kind};
use crate::event::Totals;
use crate::sys::fd;

/// How long clients that are in the middle of something have at the end.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// The roof over all loops.
pub(super) struct House<'a> {
    pub(super) echo: &'a Echo,
    pub(super) sockets: Sockets,
    /// Nobody needs a part: what comes goes back.
    pub(super) is_plain: bool,
    bells: Vec<Bell>,
    tallies: Vec<Tally>,
    /// Places that are taken or held for somebody who may come.
    held: AtomicUsize,
    /// Clients that there are, and the most that there were at once.
    present: AtomicUsize,
    peak: AtomicUsize,
    /// Clients ever taken: the next one's number.
    taken: AtomicU64,
    /// A loop has stopped to accept because the limit is reached.
    full: AtomicBool,
    /// When the last client has to be gone; set once no more are taken.
    end: OnceLock<Instant>,
}

/// What one loop has counted. Only that loop writes.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Tally {
    pub(super) failed: Count,
    pub(super) rejected: Count,
    pub(super) messages: Count,
    pub(super) received: Count,
    pub(super) sent: Count,
    pub(super) datagrams: Count,
}

/// A number that one thread counts up and others read.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: usize) {
        self.0.store(self.get() + n as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Wakes a loop out of its wait.
struct Bell {
    ear: OwnedFd,
    rope: OwnedFd,
}

impl<'a> House<'a> {
    pub(super) fn new(echo: &'a Echo, sockets: Sockets, loops: usize) -> Result<Self, Error> {
        let bell = |_| fd::socket_pair().map(|(ear, rope)| Bell { ear, rope });
        let bells: io::Result<_> = (0..loops).map(bell).collect();
        Ok(House {
            echo,
            sockets,
            is_plain: echo.partner.is_plain_echo(),
            bells: bells.map_err(|e| Error::io(Kind::Bind, "open", "a socket pair", &e))?,
            tallies: (0..loops).map(|_| Tally::default()).collect(),
            held: AtomicUsize::new(0),
            present: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            full: AtomicBool::new(false),
            end: OnceLock::new(),
        })
    }

    pub(super) fn loops(&self) -> usize {
        self.bells.len()
    }

    pub(super) fn tally(&self, nth: usize) -> &Tally {
        &self.tallies[nth]
    }

    /// Holds a place for one more client, if there is one.
    fn reserve(&self) -> bool {
        let one_more = |held: usize| (held < self.echo.max_clients).then_some(held + 1);
        self.held.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok()
    }

    /// Holds a place for one more client. A loop for which there is none stops to accept: it will be woken once there is
    /// one again.
    pub(super) fn reserve_or_wait(&self) -> bool {
        if self.reserve() {
            return true;
        }
        self.full.store(true, Ordering::SeqCst);
        // A place that came free before that was seen by nobody.
        self.reserve()
    }

    /// A client took the place that was reserved; gives its number, from 0.
    pub(super) fn occupy(&self) -> u64 {
        let present = self.present.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(present, Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed)
    }

    /// A client has left its place.
    pub(super) fn vacate(&self) {
        self.present.fetch_sub(1, Ordering::SeqCst);
        self.release();
    }

    /// A place that was held is free again: nobody came.
    pub(super) fn release(&self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
        if self.full.swap(false, Ordering::SeqCst) {
            self.ring_all();
        }
    }

    /// No more clients are taken from now on; `at_once`, those that are there are not waited for.
    pub(super) fn leave(&self, at_once: bool) {
        let patience = if at_once { Duration::ZERO } else { LAST_BYTES };
        if self.end.set(Instant::now() + patience).is_ok() {
            self.ring_all();
        }
    }

    /// When the last client has to be gone; `None` while all are welcome.
    pub(super) fn end(&self) -> Option<Instant> {
        self.end.get().copied()
    }

    /// Readable after [`House::leave`], or when there is a place again.
    pub(super) fn ear(&self, nth: usize) -> BorrowedFd<'_> {
        self.bells[nth].ear.as_fd()
    }

    /// Takes note of every ringing up to now.
    pub(super) fn heard(&self, nth: usize) {
        while fd::receive_now(self.ear(nth), &mut [0; 64]).is_ok_and(|n| n > 0) {}
    }

    fn ring_all(&self) {
        for bell in &self.bells {
            // A full buffer rings already.
            let _ = fd::send_now(bell.rope.as_fd(), b"!");
        }
    }

    /// The counts up to now.
    pub(super) fn totals(&self) -> Totals {
        let sum = |of: fn(&Tally) -> &Count| self.tallies.iter().map(|tally| of(tally).get()).sum();
        Totals {
            clients: self.taken.load(Ordering::Relaxed),
            present: self.present.load(Ordering::Relaxed),
            peak: self.peak.load(Ordering::Relaxed),
            failed: sum(|t| &t.failed),
            rejected: sum(|t| &t.rejected),
            messages: sum(|t| &t.messages),
            received: sum(|t| &t.received),
            sent: sum(|t| &t.sent),
            datagrams: sum(|t| &t.datagrams),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::partner::Partner;

    #[test]
    fn the_limit_is_kept_by_many_threads_and_everybody_gets_a_turn() {
        let echo =
            Echo { max_clients: 3, idle: None, stats_every: None, partner: Partner::default(), encryption: None };
        let house = House::new(&echo, Sockets::default(), 4).expect("there are descriptors");
        let most = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for nth in 0..4 {
                let (house, most) = (&house, &most);
                scope.spawn(move || {
                    for _ in 0..1000 {
                        while !house.reserve_or_wait() {
                            // Full of what the others rang, it rings already.
                            let rung = fd::send_now(house.bells[nth].rope.as_fd(), b"!").map_err(|e| e.kind());
                            assert!(matches!(rung, Ok(1) | Err(io::ErrorKind::WouldBlock)), "{rung:?}");
                            house.heard(nth);
                        }
                        house.occupy();
                        most.fetch_max(house.present.load(Ordering::SeqCst), Ordering::SeqCst);
                        house.vacate();
                    }
                });
            }
        });
        let totals = house.totals();
        assert_eq!((totals.clients, totals.present), (4000, 0));
        assert!(totals.peak <= 3 && most.into_inner() <= 3, "{totals:?}");
    }

    #[test]
    fn who_found_it_full_is_woken_by_the_next_that_leaves() {
        let echo =
            Echo { max_clients: 1, idle: None, stats_every: None, partner: Partner::default(), encryption: None };
        let house = House::new(&echo, Sockets::default(), 2).expect("there are descriptors");
        assert!(house.reserve_or_wait());
        assert!(!house.reserve_or_wait());
        let rings = || fd::receive_now(house.ear(1), &mut [0; 8]).is_ok();
        assert!(!rings());
        house.release();
        assert!(rings());
        assert!(house.reserve_or_wait());
        house.release();
        assert!(!rings(), "nobody waited");
        assert_eq!(house.totals().peak, 0, "nobody came");
    }
}
