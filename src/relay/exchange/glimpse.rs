//! What was seen of a response beside its meaning, for whoever judges how it was made.
//!
//! Owns which bytes those are: the final head as it came, also of one that is refused, and the chunks' framing; and that
//! somebody who judges may look a moment longer than the exchange needs. The kernel's path is not in its way: where that
//! is taken there is no framing left to be seen. Refuses to judge.

use std::time::Duration;

use super::{Exchange, is_nothing_yet};
use crate::deadline::{Bound, Deadline, Limit};
use crate::proto::http::lint::{Afterwards, BodyEnd, ChunkWatch};
use crate::proto::http::{Framing, MAX_HEAD, ResponseHead};

/// So long a refused head is read on, and a connection watched that should close or stay.
const LOOK: Bound = Bound { length: Duration::from_millis(200), limit: Limit::Drain };

/// More than this that nobody has asked for is not counted.
const MOST_SURPLUS: usize = 64 * 1024;

/// What was seen of a response.
#[derive(Clone, Debug, Default)]
pub struct Glimpse {
    /// The final head, or what came of it; empty if nothing did.
    pub head: Vec<u8>,
    /// The framing of a chunked body.
    pub chunks: Option<ChunkWatch>,
    /// Bytes of body that came.
    pub received: u64,
    /// How the body ended.
    pub end: BodyEnd,
    /// Bytes behind the end of the response.
    pub surplus: u64,
    /// What happened to the connection then.
    pub afterwards: Afterwards,
}

/// Gets what was seen once the exchange is over, however it ended.
pub type Onlooker<'a> = Box<dyn FnOnce(&Glimpse) + 'a>;

/// Who looks on, and what he will get.
pub(super) struct Watch<'a> {
    glimpse: Glimpse,
    onlooker: Onlooker<'a>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(onlooker: Onlooker<'a>) -> Self {
        Watch { glimpse: Glimpse::default(), onlooker }
    }

    /// The decoder has taken these bytes, or refused them; `framing` is what it knew before.
    pub(super) fn fed(&mut self, framing: Option<Framing>, bytes: &[u8]) {
        match framing {
            None => self.glimpse.push_head(bytes),
            Some(Framing::Chunked) => self.glimpse.chunks.get_or_insert_default().feed(bytes),
            Some(_) => {}
        }
    }

    /// What has come so far begins with this interim head, which is not the one that counts.
    pub(super) fn was_interim(&mut self, head: &ResponseHead) {
        let length = head.raw.len().min(self.glimpse.head.len());
        self.glimpse.head.drain(..length);
    }

    /// The body has come to this end.
    pub(super) fn ended(&mut self, end: BodyEnd) {
        self.glimpse.end = end;
    }

    /// Tells the onlooker; `received` bytes of body have come.
    pub(super) fn over(self, received: u64) {
        (self.onlooker)(&Glimpse { received, ..self.glimpse });
    }
}

impl Glimpse {
    fn push_head(&mut self, bytes: &[u8]) {
        // A little more than any head may have: what made one too long is seen.
        let room = (MAX_HEAD + 1024).saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Whether the head has an end that an indulgent reader would take.
    fn head_has_ended(&self) -> bool {
        self.head.windows(2).any(|pair| pair == b"\n\n") || self.head.windows(3).any(|three| three == b"\n\r\n")
    }
}

impl Exchange<'_> {
    /// The rest of a head that is refused, as far as it comes soon: its first fault need not be the only one.
    pub(super) fn read_refused_head(&mut self) {
        let until = Deadline::starting_now(Some(LOOK));
        let mut piece = vec![0; 16 * 1024];
        while self.response.framing().is_none()
            && self.watch.as_ref().is_some_and(|watch| !watch.glimpse.head_has_ended())
            && self.watch.as_ref().is_some_and(|watch| watch.glimpse.head.len() < MAX_HEAD)
        {
            match self.connection.remote.read(&mut piece) {
                Ok(0) => return,
                Ok(n) => self.watch.iter_mut().for_each(|watch| watch.glimpse.push_head(&piece[..n])),
                Err(e) if is_nothing_yet(&e) && self.comes_until(until) => {}
                Err(_) => return,
            }
        }
    }

    /// What the server does once its response is over.
    pub(super) fn look_behind(&mut self) {
        if self.watch.is_none() || !self.complete {
            return;
        }
        let until = Deadline::starting_now(Some(LOOK));
        let mut afterwards = Afterwards::Unknown;
        while afterwards == Afterwards::Unknown && self.connection.buffer.data().len() < MOST_SURPLUS {
            afterwards = match self.connection.remote.read(self.connection.buffer.space()) {
                Ok(0) => Afterwards::Closed,
                Ok(n) => {
                    self.connection.buffer.filled(n);
                    Afterwards::Unknown
                }
                Err(e) if is_nothing_yet(&e) && self.comes_until(until) => Afterwards::Unknown,
                Err(e) if is_nothing_yet(&e) => Afterwards::Open,
                Err(_) => Afterwards::Closed,
            };
        }
        if let Some(watch) = &mut self.watch {
            watch.glimpse.afterwards = afterwards;
            watch.glimpse.surplus = self.connection.buffer.data().len() as u64;
        }
    }

    /// Waits for something to read; false if nothing has come by then.
    fn comes_until(&self, until: Deadline) -> bool {
        let mut interests: Vec<_> = self.connection.remote.read_interest().interest().into_iter().collect();
        interests.is_empty() || self.ctx.wait(&mut interests, until).is_ok()
    }
}
