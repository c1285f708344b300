//! Time limits: how long, since when, and under which name.
//!
//! Owns the arithmetic of limits and the name each one has on the command line. It refuses to wait:
//! whoever waits asks [`Deadline::left`] how long it may, and reports the [`Expired`] that
//! [`Deadline::expired`] gives.

use std::fmt;
use std::time::{Duration, Instant};

/// Connecting gives up after this long when no option says else.
pub const DEFAULT_CONNECT: Duration = Duration::from_secs(30);

/// An answer to a probe may take this long when no option says else.
pub const DEFAULT_ANSWER: Duration = Duration::from_secs(2);

/// The first of several questions by datagram waits this long for its answer when no option says else.
pub const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// A client of a server has this long for the handshake of TLS when no option says else.
pub const DEFAULT_HANDSHAKE: Duration = Duration::from_secs(10);

/// Which limit it is: the option that set it, or the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `-w`, `--timeout`.
    Timeout,
    /// `--connect-timeout`.
    Connect,
    /// No option was given: [`DEFAULT_CONNECT`].
    DefaultConnect,
    /// No option was given: [`DEFAULT_ANSWER`]; or [`FIRST_ANSWER`], and twice as long each further time.
    DefaultAnswer,
    /// `--handshake-timeout`.
    Handshake,
    /// No option was given: [`DEFAULT_HANDSHAKE`].
    DefaultHandshake,
    /// `--idle-timeout`.
    Idle,
    /// `--accept-timeout`.
    Accept,
    /// `--deadline`.
    Deadline,
    /// `--wait`.
    Wait,
    /// How long the end of a session waits for the peer's kernel to take what is left.
    Drain,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Timeout => "--timeout",
            Limit::Connect => "--connect-timeout",
            Limit::DefaultConnect => "the default; --connect-timeout sets it",
            Limit::DefaultAnswer => "the default; -w sets it",
            Limit::Handshake => "--handshake-timeout",
            Limit::DefaultHandshake => "the default; --handshake-timeout sets it",
            Limit::Idle => "--idle-timeout",
            Limit::Accept => "--accept-timeout",
            Limit::Deadline => "--deadline",
            Limit::Wait => "--wait",
            Limit::Drain => "the limit for the last bytes",
        })
    }
}

/// A length of time and the name of the limit that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How long.
    pub length: Duration,
    /// Whose limit it is.
    pub limit: Limit,
}

/// The time limits of a run, as the options gave them. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first lookup until the connection stands.
    pub connect: Option<Bound>,
    /// The longest time in which nothing moves.
    pub idle: Option<Bound>,
    /// The wait for a client.
    pub accept: Option<Bound>,
    /// The whole run.
    pub deadline: Option<Bound>,
}

/// A limit that passed: which, and after how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired(pub Bound);

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out after {} ({})", Seconds(self.0.length), self.0.limit)
    }
}

/// A duration in words: seconds, with as many decimals as it needs and three at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.3}", self.0.as_secs_f64());
        let short = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{short} s")
    }
}

/// The point in time at which a wait must end, and the limit that put it there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadline(Option<(Instant, Bound)>);

impl Deadline {
    /// No limit at all.
    pub const NEVER: Deadline = Deadline(None);

    /// A limit that starts to run now.
    pub fn starting_now(bound: Option<Bound>) -> Self {
        Self::since(Instant::now(), bound)
    }

    /// A limit that began to run at `start`. One too far away to count is none.
    pub fn since(start: Instant, bound: Option<Bound>) -> Self {
        Deadline(bound.and_then(|b| Some((start.checked_add(b.length)?, b))))
    }

    /// Whichever of the two comes first.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(mine), Some(theirs)) if theirs.0 < mine.0 => other,
            (None, _) => other,
            _ => self,
        }
    }

    /// The time left; `None` is for ever, zero is expired.
    pub fn left(&self) -> Option<Duration> {
        let (at, _) = self.0?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// The limit that has passed, if it has.
    pub fn expired(&self) -> Option<Expired> {
        let (at, bound) = self.0?;
        (Instant::now() >= at).then_some(Expired(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, millis: u64, limit: Limit) -> Deadline {
        Deadline::since(start, Some(Bound { length: Duration::from_millis(millis), limit }))
    }

    #[test]
    fn the_sooner_limit_wins_and_keeps_its_name() {
        let now = Instant::now();
        let zero = after(now, 0, Limit::Connect);
        let hour = after(now, 3_600_000, Limit::Deadline);
        for both in [zero.sooner(hour), hour.sooner(zero), zero.sooner(Deadline::NEVER)] {
            assert_eq!(both.expired().map(|e| e.0.limit), Some(Limit::Connect));
        }
        assert!(hour.expired().is_none());
        assert!(Deadline::NEVER.sooner(Deadline::NEVER).left().is_none());
    }

    #[test]
    fn zero_means_zero() {
        let zero = after(Instant::now(), 0, Limit::Timeout);
        assert_eq!(zero.left(), Some(Duration::ZERO));
        assert!(zero.expired().is_some());
    }

    #[test]
    fn a_limit_past_the_end_of_time_is_none() {
        let far = Deadline::starting_now(Some(Bound { length: Duration::MAX, limit: Limit::Idle }));
        assert!(far.left().is_none());
    }

    #[test]
    fn durations_are_short_words() {
        for (millis, words) in [(2000, "2 s"), (300, "0.3 s"), (1500, "1.5 s"), (0, "0 s"), (100_000, "100 s")] {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), words);
        }
    }
}
