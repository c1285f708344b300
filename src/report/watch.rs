//! A narrator beside which a bar is fed: it takes the progress of a session, and passes everything else on.

use super::Voice;
use super::bar::Bar;
use crate::event::{Event, Move, Tell};

/// The narrator of a run and the bar of its session.
#[derive(Debug)]
pub struct Watched<'a> {
    voice: &'a Voice,
    bar: Bar<'a>,
    /// Whether the bar knows its whole: that is what local input has left, so only what we send counts.
    outgoing_only: bool,
}

impl<'a> Watched<'a> {
    /// Feeds `bar`, which counts what we send, or without `outgoing_only` the bytes of both directions.
    pub fn new(voice: &'a Voice, bar: Bar<'a>, outgoing_only: bool) -> Self {
        Watched { voice, bar, outgoing_only }
    }
}

impl Tell for Watched<'_> {
    fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Move(Move::Progress(figures)) if self.outgoing_only => self.bar.at(figures.sent),
            Event::Move(Move::Progress(figures)) => self.bar.at(figures.sent + figures.received),
            other => self.voice.tell(other),
        }
    }
}
