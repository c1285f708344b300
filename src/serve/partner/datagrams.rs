//! The part that the server plays on one datagram socket: each datagram is a message by itself.
//!
//! Owns what each is answered, and when. The greeting, the prompt, --max-messages, --lines, --chunk, --swallow and
//! the ends in the middle belong to streams: here nobody connects, and nothing is continued.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Instant;

use super::Partner;
use super::dice::Dice;
use super::schedule::{Outgoing, Schedule};
use super::senders::Senders;
use super::service::{Chargen, Service, daytime};
use crate::proto::without_newline;

/// Whether a datagram from this port may be answered. Echo (7), daytime (13), qotd (17) and chargen (19) answer
/// whatever comes: with one of them as the forged sender, two servers would go on for ever (CERT CA-1996-01).
pub fn may_be_answered(port: u16) -> bool {
    !matches!(port, 7 | 13 | 17 | 19)
}

/// The senders of one socket, and the answers that are on their way to them.
#[derive(Debug)]
pub struct Datagrams<'p, To> {
    partner: &'p Partner,
    senders: Senders<To>,
    schedule: Schedule<To>,
    /// Kept for --print, trimmed.
    heard: VecDeque<(Vec<u8>, To)>,
}

impl<'p, To: Clone + Eq + Hash> Datagrams<'p, To> {
    pub(super) fn new(partner: &'p Partner) -> Self {
        let senders = Senders::new(partner.seed);
        Datagrams { partner, senders, schedule: Schedule::new(), heard: VecDeque::new() }
    }

    /// A datagram has come: decides what it is answered. With [`Partner::print`], take the message then.
    pub fn hear(&mut self, bytes: &[u8], from: &To, now: Instant) {
        if self.partner.print {
            self.heard.push_back((without_newline(bytes).to_vec(), from.clone()));
        }
        let dice = self.senders.dice(from);
        if let Some(answer) = answer(self.partner, bytes, dice)
            && let Some(outgoing) = prepare(self.partner, answer, dice, (from, now))
        {
            self.schedule.add(outgoing, now);
        }
    }

    /// The next answer that is due. What can't be sent at once is lost, as datagrams may be.
    pub fn next(&mut self, now: Instant) -> Option<(Vec<u8>, To)> {
        self.schedule.next(now)
    }

    /// When the next answer is due.
    pub fn due(&self) -> Option<Instant> {
        self.schedule.due()
    }

    /// How many answers were given up because too many were waiting. Those of --drop are not counted.
    pub fn dropped(&self) -> u64 {
        self.schedule.dropped()
    }

    /// The next message that was not taken yet, without its newline; none unless [`Partner::print`].
    pub fn next_message(&mut self) -> Option<(Vec<u8>, To)> {
        self.heard.pop_front()
    }
}

/// What a datagram is answered, an empty answer too; `None` for nothing.
fn answer(partner: &Partner, datagram: &[u8], dice: &mut Dice) -> Option<Cow<'static, [u8]>> {
    let dialogue = &partner.dialogue;
    match partner.service {
        Service::Discard => None,
        Service::Chargen => Some(Chargen::datagram(dice)),
        Service::Daytime => Some(Cow::Owned(daytime((partner.wall)()))),
        Service::Echo if dialogue.is_exit(without_newline(datagram)) => {
            Some(&dialogue.farewell).filter(|text| !text.is_empty()).map(|text| Cow::Owned(text.clone()))
        }
        Service::Echo => dialogue.answer(datagram.to_vec()).map(Cow::Owned),
    }
}

/// Throws the dice for an answer; `None` if it is dropped.
fn prepare<To: Clone>(
    partner: &Partner,
    answer: Cow<'_, [u8]>,
    dice: &mut Dice,
    (to, now): (&To, Instant),
) -> Option<Outgoing<To>> {
    let faults = &partner.faults;
    let is_dropped = dice.hit(faults.drop);
    let twice = dice.hit(faults.duplicate);
    let held = dice.hit(faults.reorder);
    let due = now + faults.delay(dice);
    let bytes = faults.corrupted(answer, dice).into_owned();
    (!is_dropped).then(|| Outgoing { bytes, to: to.clone(), due, twice, held })
}
