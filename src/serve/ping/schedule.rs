//! When the next probe is due. Reads no clock: it is told the time.

use std::time::{Duration, Instant};

/// Probes at `start`, `start + interval`, `start + 2 * interval` …, however long each one took to send. Slots that
/// nobody could use are left out: a burst that made up for them would measure itself.
///
/// With an interval of zero the next is due once the last has come back, or has had its time to.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    interval: Duration,
    patience: Duration,
    /// `None`: too far away to count.
    next: Option<Instant>,
}

impl Schedule {
    /// The first probe is due at `start`. An answer has `patience` to come.
    pub(super) fn new(start: Instant, interval: Duration, patience: Duration) -> Self {
        Schedule { start, interval, patience, next: Some(start) }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// A probe has gone out.
    pub(super) fn sent(&mut self, now: Instant) {
        self.next = if self.interval.is_zero() { now.checked_add(self.patience) } else { self.slot_after(now) };
    }

    /// The newest probe has come back.
    pub(super) fn answered(&mut self, now: Instant) {
        if self.interval.is_zero() {
            self.next = Some(now);
        }
    }

    fn slot_after(&self, now: Instant) -> Option<Instant> {
        let interval = self.interval.as_nanos();
        let slots = now.saturating_duration_since(self.start).as_nanos() / interval + 1;
        let offset = slots.checked_mul(interval).and_then(|nanos| u64::try_from(nanos).ok())?;
        self.start.checked_add(Duration::from_nanos(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_schedule_does_not_drift_and_makes_up_for_nothing() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, ms(10), ms(2000));
        assert_eq!(schedule.next(), Some(start));
        for (sent, next) in [(0, 10), (11, 20), (20, 30), (59, 60), (75, 80)] {
            schedule.sent(start + ms(sent));
            assert_eq!(schedule.next(), Some(start + ms(next)), "{sent}");
            schedule.answered(start + ms(sent + 1));
            assert_eq!(schedule.next(), Some(start + ms(next)), "an answer changes nothing");
        }
    }

    #[test]
    fn without_an_interval_the_answer_or_its_time_is_waited_for() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Duration::ZERO, ms(2000));
        schedule.sent(start + ms(1));
        assert_eq!(schedule.next(), Some(start + ms(2001)));
        schedule.answered(start + ms(5));
        assert_eq!(schedule.next(), Some(start + ms(5)));
    }

    #[test]
    fn an_interval_past_the_end_of_time_is_one_probe() {
        let start = Instant::now();
        for interval in [Duration::MAX, Duration::from_secs(1 << 40)] {
            let mut schedule = Schedule::new(start, interval, ms(1));
            schedule.sent(start);
            assert_eq!(schedule.next(), None);
        }
    }
}
