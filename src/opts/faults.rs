//! Faults on purpose, seeded so that a client's failure can be replayed.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::address::given;
use super::values::{amount, chunk, delay};
use crate::serve::partner::faults::{After, Ending, Faults, Percent};

/// What the dice decide: --seed is for that.
pub(super) const CHANCES: &str = "chances";

/// The ends in mid-session, of which there can be one.
const ENDINGS: &str = "endings";

/// What is to go wrong.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Faults on purpose", group = ArgGroup::new(CHANCES).multiple(true))]
pub struct FaultArgs {
    /// Replay the faults of the run that announced this seed
    #[arg(long, value_name = "N", requires = CHANCES)]
    seed: Option<u64>,
    /// Wait before each answer: DUR, or a time drawn from A..B
    #[arg(long, value_name = "DUR", value_parser = delay, group = CHANCES)]
    delay: Option<RangeInclusive<Duration>>,
    /// Write at most N bytes at a time, or a number drawn from A..B
    #[arg(long, value_name = "N", value_parser = chunk, group = CHANCES)]
    chunk: Option<RangeInclusive<usize>>,
    /// Reset each session after N bytes to the client
    #[arg(long, value_name = "N", value_parser = amount, group = ENDINGS)]
    reset_after: Option<u64>,
    /// Close each session after N bytes to the client
    #[arg(long, value_name = "N", value_parser = amount, group = ENDINGS)]
    close_after: Option<u64>,
    /// Neither read nor write any more after N bytes to the client
    #[arg(long, value_name = "N", value_parser = amount, group = ENDINGS)]
    stall_after: Option<u64>,
    /// Close instead of answering, with this chance each time
    #[arg(long, value_name = "P%", group = CHANCES)]
    close_before_reply: Option<Percent>,
    /// Flip one bit of an answer, with this chance each time
    #[arg(long, value_name = "P%", group = CHANCES)]
    corrupt: Option<Percent>,
    /// Leave a datagram without its answer, with this chance
    #[arg(long, value_name = "P%", group = CHANCES, requires = "udp")]
    drop: Option<Percent>,
    /// Answer a datagram twice, with this chance
    #[arg(long, value_name = "P%", group = CHANCES, requires = "udp")]
    duplicate: Option<Percent>,
    /// Send the answer to a datagram after the next one, or 100 ms late, with this chance
    #[arg(long, value_name = "P%", group = CHANCES, requires = "udp")]
    reorder: Option<Percent>,
    /// Ignore the first N bytes of each client
    #[arg(long, value_name = "N", value_parser = amount)]
    swallow: Option<u64>,
}

impl FaultArgs {
    /// What these options make go wrong.
    pub fn faults(&self) -> Faults {
        Faults {
            delay: self.delay.clone(),
            chunk: self.chunk.clone(),
            after: self.after(),
            close_before_reply: self.close_before_reply.unwrap_or_default(),
            corrupt: self.corrupt.unwrap_or_default(),
            drop: self.drop.unwrap_or_default(),
            duplicate: self.duplicate.unwrap_or_default(),
            reorder: self.reorder.unwrap_or_default(),
            swallow: self.swallow.unwrap_or_default(),
        }
    }

    /// The seed that was asked for.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    fn after(&self) -> Option<After> {
        let endings =
            [(self.reset_after, Ending::Reset), (self.close_after, Ending::Close), (self.stall_after, Ending::Stall)];
        endings.into_iter().find_map(|(bytes, then)| Some(After { bytes: bytes?, then }))
    }

    /// The options given here that change what is said. --swallow is about what is heard.
    pub fn on_answers(&self) -> impl Iterator<Item = &'static str> {
        given([
            ("--seed", self.seed.is_some()),
            ("--delay", self.delay.is_some()),
            ("--chunk", self.chunk.is_some()),
            ("--reset-after", self.reset_after.is_some()),
            ("--close-after", self.close_after.is_some()),
            ("--stall-after", self.stall_after.is_some()),
            ("--close-before-reply", self.close_before_reply.is_some()),
            ("--corrupt", self.corrupt.is_some()),
            ("--drop", self.drop.is_some()),
            ("--duplicate", self.duplicate.is_some()),
            ("--reorder", self.reorder.is_some()),
        ])
    }

    /// The options given here that change what is heard.
    pub fn on_input(&self) -> impl Iterator<Item = &'static str> {
        given([("--swallow", self.swallow.is_some())])
    }
}
