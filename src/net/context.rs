//! What one run of a command carries from the first lookup to the last byte: its narrator, its signals,
//! its deadline, and the one way to wait under all three.

use std::fmt::Display;
use std::io;
use std::time::{Duration, Instant};

use crate::deadline::{Deadline, Expired};
use crate::error::{Error, Kind, plain};
use crate::event::{Event, Tell};
use crate::sys::poll::{Interest, poll};
use crate::sys::signals::{self, Signals};

/// The narrator, the signals and the deadline of a run.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who is told what happens.
    pub tell: &'a dyn Tell,
    /// SIGINT, SIGTERM, SIGHUP.
    pub signals: &'a Signals,
    /// The limit of the whole run (`--deadline`).
    pub deadline: Deadline,
}

/// Why a wait was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A time limit passed.
    Expired(Expired),
    /// A signal came.
    Signal(i32),
    /// poll itself failed.
    Failed(io::ErrorKind),
}

impl Cut {
    /// The error that this makes of `operation` on `subject`.
    pub fn during(self, operation: &'static str, subject: impl Display) -> Error {
        match self {
            Cut::Expired(expired) => Error::expired(operation, subject, expired),
            Cut::Signal(number) => Error::new(Kind::Signal(number), operation, subject, signals::name(number)),
            Cut::Failed(kind) => Error::new(Kind::Refused, operation, subject, plain(&kind.into())),
        }
    }
}

impl Context<'_> {
    /// Tells an event.
    pub fn tell(&self, event: &Event<'_>) {
        self.tell.tell(event);
    }

    /// Warns: the work goes on, but the user should know.
    pub fn warn(&self, warning: impl Display) {
        self.tell(&Event::Warning(&warning));
    }

    /// Waits until one of `interests` is ready. Cut short by a signal, by `limit` and by the run's deadline.
    pub fn wait(&self, interests: &mut [Interest<'_>], limit: Deadline) -> Result<(), Cut> {
        while !self.wait_once(interests, limit, None)? {}
        Ok(())
    }

    /// As [`Context::wait`], but comes back after `pause` at the latest; tells whether something is ready.
    pub fn wait_at_most(&self, interests: &mut [Interest<'_>], limit: Deadline, pause: Duration) -> Result<bool, Cut> {
        self.wait_once(interests, limit, Some(pause))
    }

    /// Does nothing for `pause`, under the signals and both limits.
    pub fn pause(&self, pause: Duration, limit: Deadline) -> Result<(), Cut> {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.wait_once(&mut [], limit, Some(left))?;
        }
    }

    /// One poll, with the signal pipe beside `interests`, no longer than the limits and `pause` allow.
    fn wait_once(&self, interests: &mut [Interest<'_>], limit: Deadline, pause: Option<Duration>) -> Result<bool, Cut> {
        let timeout = [self.deadline.sooner(limit).left(), pause].into_iter().flatten().min();
        poll(interests, Some(self.signals.fd()), timeout).map_err(|e| Cut::Failed(e.kind()))?;
        let any = interests.iter().any(|i| i.ready.any());
        self.check(limit, any)?;
        Ok(any)
    }

    /// A signal counts before anything else, then the deadline of the run, which a peer that never pauses must not
    /// outrun; a limit of this wait only if nothing is ready.
    fn check(&self, limit: Deadline, any_ready: bool) -> Result<(), Cut> {
        if let Some(signal) = self.signals.received() {
            return Err(Cut::Signal(signal));
        }
        let expired = self.deadline.expired().or_else(|| limit.expired().filter(|_| !any_ready));
        expired.map_or(Ok(()), |expired| Err(Cut::Expired(expired)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::deadline::{Bound, Limit};

    struct Silent;

    impl Tell for Silent {
        fn tell(&self, _: &Event<'_>) {}
    }

    #[test]
    fn a_peer_that_never_pauses_outruns_an_idle_limit_but_not_the_deadline() {
        let signals = Signals::install().expect("handlers can be installed");
        let (near, far) = UnixStream::pair().expect("a pair can be made");
        std::io::Write::write_all(&mut &far, b"always ready").expect("it fits");
        let expired = |limit| Deadline::starting_now(Some(Bound { length: Duration::ZERO, limit }));
        let wait = |deadline, limit| {
            let ctx = Context { tell: &Silent, signals: &signals, deadline };
            ctx.wait(&mut [Interest::read(near.as_fd())], limit)
        };
        assert_eq!(wait(Deadline::NEVER, expired(Limit::Idle)), Ok(()));
        let cut = wait(expired(Limit::Deadline), Deadline::NEVER);
        assert!(matches!(cut, Err(Cut::Expired(Expired(bound))) if bound.limit == Limit::Deadline), "{cut:?}");
    }
}
