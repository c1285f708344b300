//! What is told of an HTTP exchange, and how long each phase of it took.
//!
//! Owns that the phases add up to the whole: each begins where the one before it ended. Refuses to look at the clock.

use std::time::{Duration, Instant};

use super::Shown;
use super::account::Opening;
use crate::proto::http::{Framing, ResponseHead};

/// An HTTP exchange.
pub enum Http<'a> {
    /// The turn of this URL has come, by this method; nothing has been connected to for it yet.
    Asked(Shown<'a>, Shown<'a>),
    /// The connection to this peer is asked once more.
    Reused(Shown<'a>),
    /// The kept connection to this peer is given up, for this reason.
    Dropped(Shown<'a>, Shown<'a>),
    /// A request line or header line as sent.
    RequestLine(&'a [u8]),
    /// A status line or header line as received.
    ResponseLine(&'a [u8]),
    /// The final head has come, and this is how the end of the body will be known.
    Answered(&'a ResponseHead, Framing),
    /// This file's first bytes, so many, are not asked for again; they are of the version that the server is told, if
    /// one was remembered.
    Continued(Shown<'a>, u64, Option<&'a str>),
    /// The body is whole and in this file.
    Saved(Shown<'a>),
    /// The same is asked once more after this time, for this reason.
    Retrying(Shown<'a>, Duration),
    /// A redirect is followed to this URL.
    Redirect(Shown<'a>),
    /// What is secret is not sent to where a redirect leads: it is for the origin of this URL alone.
    Withheld(Shown<'a>),
    /// The body is complete: bytes, time since the request.
    Body(u64, Duration),
    /// The exchange is over, and this is what its time went into.
    Timed(&'a Timing),
    /// The exchange has failed, and this is what its time went into until then: what never came took all the rest.
    Failed(&'a Timing),
}

/// How long each phase of an exchange took. None overlaps another and none is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The connection had carried an exchange before: there was nothing to look up, connect and secure.
    pub kept: bool,
    /// Looking up the name; `None` if there was none to look up.
    pub resolve: Option<Duration>,
    /// From then until the connection stood, attempts that failed and the answer of a proxy included.
    pub connect: Option<Duration>,
    /// From then until TLS stood; `None` without TLS.
    pub tls: Option<Duration>,
    /// From then until the last byte of the request was handed to the kernel.
    pub send: Duration,
    /// From then until the first byte of the response came, be it of an interim one.
    pub first_byte: Duration,
    /// From then until the last byte of the body was handed over, or the rest of it given up.
    pub body: Duration,
}

/// The moments between which the phases lie.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// The URL's turn came: nothing was looked up yet.
    pub begun: Instant,
    /// The connection stood, a kept one was found well.
    pub opened: Instant,
    /// The last byte of the request was written; `None` if the response was there before that.
    pub sent: Option<Instant>,
    /// The first byte of the response came.
    pub first_byte: Instant,
    /// The exchange was over.
    pub over: Instant,
}

impl Timing {
    /// The phases between `marks`, on a connection that took `opening`; `None` for a kept one.
    pub fn between(marks: &Marks, opening: Option<Opening>) -> Self {
        let sent = marks.sent.unwrap_or(marks.first_byte).min(marks.first_byte);
        let resolve = opening.and_then(|opening| opening.resolve);
        let tls = opening.and_then(|opening| opening.tls);
        let until_open = marks.opened - marks.begun;
        // A request over a kept connection begins with the look at that.
        let (connect, send_from) = match opening {
            Some(_) => {
                let before = resolve.unwrap_or_default() + tls.unwrap_or_default();
                (Some(until_open.saturating_sub(before)), marks.opened)
            }
            None => (None, marks.begun),
        };
        Timing {
            kept: opening.is_none(),
            resolve,
            connect,
            tls,
            send: sent.saturating_duration_since(send_from),
            first_byte: marks.first_byte - sent,
            body: marks.over - marks.first_byte,
        }
    }

    /// The whole exchange: the sum of its phases.
    pub fn total(&self) -> Duration {
        let opening = [self.resolve, self.connect, self.tls].into_iter().flatten().sum::<Duration>();
        opening + self.send + self.first_byte + self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_phases_add_up_to_the_whole() {
        let begun = Instant::now();
        let marks = |sent: Option<u64>| Marks {
            begun,
            opened: begun + ms(30),
            sent: sent.map(|sent| begun + ms(sent)),
            first_byte: begun + ms(70),
            over: begun + ms(150),
        };
        let looked_up = Opening { resolve: Some(ms(10)), connect: Some(ms(12)), tls: Some(ms(7)) };
        let numeric = Opening { resolve: None, connect: Some(ms(30)), tls: None };
        for opening in [Some(looked_up), Some(numeric), None] {
            // Sent before the first byte, at the very moment, after it (an early answer), never.
            for sent in [Some(35), Some(70), Some(90), None] {
                let timing = Timing::between(&marks(sent), opening);
                assert_eq!(timing.total(), ms(150), "{sent:?} {opening:?} {timing:?}");
                assert_eq!(timing.kept, opening.is_none());
            }
        }
        let usual = Timing::between(&marks(Some(35)), Some(looked_up));
        assert_eq!((usual.resolve, usual.connect, usual.tls), (Some(ms(10)), Some(ms(13)), Some(ms(7))));
        assert_eq!((usual.send, usual.first_byte, usual.body), (ms(5), ms(35), ms(80)));
        let early = Timing::between(&marks(None), Some(numeric));
        assert_eq!((early.send, early.first_byte), (ms(40), ms(0)));
        let kept = Timing::between(&marks(Some(35)), None);
        assert_eq!((kept.resolve, kept.connect, kept.send), (None, None, ms(35)));
    }
}
