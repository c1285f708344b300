//! Whether a failed attempt is worth another one, and when to make it.
//!
//! Owns which outcomes pass by themselves, reading `Retry-After` (RFC 9110 §10.2.3), and the schedule of waits.
//! Refuses to wait and to count time: the caller has the clock and the deadline, and a wait that does not fit into
//! what is left of it is an end.

use std::time::Duration;

use super::date::HttpDate;
use crate::error::Kind;

/// The wait before the first retry; each further one is twice as long.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait that the schedule makes of its own accord.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What came of an attempt that was no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A complete head with this status.
    Status(u16),
    /// No response, for this reason.
    Failed(Kind),
}

impl Outcome {
    /// Whether this may go by: a connection refused, a time limit, and 502, 503, 504 (RFC 9110 §15.6.3 to §15.6.5).
    ///
    /// `idempotent` says that doing the request twice is the same as doing it once (RFC 9110 §9.2.2). One that is
    /// not is repeated only if it certainly was not carried out: a refused connection, and a 503, by which the
    /// server itself declines. A caller whose user has asked for retries of a POST can pass true.
    #[must_use]
    pub fn is_worth_a_retry(self, idempotent: bool) -> bool {
        match self {
            Self::Status(503) | Self::Failed(Kind::Refused) => true,
            Self::Status(502 | 504) | Self::Failed(Kind::TimedOut) => idempotent,
            _ => false,
        }
    }
}

/// Reads a `Retry-After`: seconds, or a date, of which what is left from `now` on counts. `None` if it is neither.
///
/// A count with more digits than a number holds is a very long time, not an error.
#[must_use]
pub fn retry_after(value: &[u8], now: HttpDate) -> Option<Duration> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        // A u32 of seconds is 136 years, and can still be added to any clock.
        let seconds = str::from_utf8(value).ok()?.parse().unwrap_or(u32::MAX);
        return Some(Duration::from_secs(seconds.into()));
    }
    Some(HttpDate::parse(value, now)?.date.since(now))
}

/// The waits between attempts: 1 s, 2 s, 4 s … 10 min, or always the same, one for each retry that is allowed.
///
/// ```
/// use std::time::Duration;
/// use sockkit::proto::http::retry::Backoff;
///
/// let mut waits = Backoff::new(3);
/// assert_eq!(waits.next(), Some(Duration::from_secs(1)));
/// assert_eq!(waits.next_asked(Some(Duration::from_secs(30))), Some(Duration::from_secs(30)));
/// assert_eq!(waits.next(), Some(Duration::from_secs(4)));
/// assert_eq!(waits.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    left: u32,
    wait: Duration,
    /// By what each wait is longer than the one before.
    growth: u32,
}

impl Backoff {
    /// The schedule of so many retries.
    #[must_use]
    pub fn new(retries: u32) -> Self {
        Self { left: retries, wait: FIRST_WAIT, growth: 2 }
    }

    /// So many retries, each after the same `wait`.
    #[must_use]
    pub fn every(retries: u32, wait: Duration) -> Self {
        Self { left: retries, wait, growth: 1 }
    }

    /// The next wait, which is no shorter than what the server has asked for, if that is no longer than [`LONGEST_WAIT`]:
    /// a server can name any time; `None` when no retry is left.
    pub fn next_asked(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let wait = self.next()?;
        Some(wait.max(asked.unwrap_or_default().min(LONGEST_WAIT)))
    }

    /// Retries that are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.wait;
        self.wait = wait.saturating_mul(self.growth).min(LONGEST_WAIT.max(wait));
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes() {
        use Outcome::{Failed, Status};
        // Outcome, worth it if idempotent, worth it if not.
        let table = [
            (Failed(Kind::Refused), true, true),
            (Failed(Kind::TimedOut), true, false),
            (Failed(Kind::Reset), false, false),
            (Failed(Kind::NameUnknown), false, false),
            (Failed(Kind::Short), false, false),
            (Failed(Kind::Tls), false, false),
            (Failed(Kind::WriteLocal), false, false),
            (Failed(Kind::Signal(2)), false, false),
            (Status(200), false, false),
            (Status(404), false, false),
            (Status(429), false, false),
            (Status(500), false, false),
            (Status(501), false, false),
            (Status(502), true, false),
            (Status(503), true, true),
            (Status(504), true, false),
            (Status(505), false, false),
        ];
        for (outcome, idempotent, not) in table {
            let seen = (outcome.is_worth_a_retry(true), outcome.is_worth_a_retry(false));
            assert_eq!(seen, (idempotent, not), "{outcome:?}");
        }
    }

    #[test]
    fn what_servers_ask_for() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = HttpDate::from_unix(784_111_777);
        let table: &[(&[u8], Option<u64>)] = &[
            (b"0", Some(0)),
            (b"120", Some(120)),
            (b"007", Some(7)),
            (b"99999999999999999999999", Some(u32::MAX.into())),
            (b"Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            (b"Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            (b"Sun Nov  6 08:50:37 1994", Some(60)),
            (b"Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            (b"", None),
            (b"-1", None),
            (b"+1", None),
            (b"1.5", None),
            (b"1s", None),
            (b"soon", None),
            (b"\xff", None),
        ];
        for (value, want) in table {
            assert_eq!(retry_after(value, now), want.map(Duration::from_secs), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn the_schedule_doubles_up_to_its_longest_wait_and_ends() {
        let waits: Vec<_> = Backoff::new(12).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(Backoff::new(0).next(), None);
        let hour = Duration::from_secs(3600);
        assert_eq!(Backoff::every(3, hour).collect::<Vec<_>>(), [hour; 3]);
    }

    #[test]
    fn a_wish_of_the_servers_only_lengthens_a_wait() {
        let mut waits = Backoff::new(4);
        let mut after = |asked: Option<u64>| waits.next_asked(asked.map(Duration::from_secs)).map(|w| w.as_secs());
        assert_eq!([after(Some(0)), after(None), after(Some(9999)), after(Some(3))], [1, 2, 600, 8].map(Some));
        assert_eq!(after(Some(1)), None);
        assert_eq!(waits.left(), 0);
    }
}
