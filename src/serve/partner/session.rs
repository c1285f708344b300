//! The part that the server plays to one client of a stream socket.
//!
//! Owns whose turn it is. Bounded: there is at most one answer at a time, and what the client says meanwhile is not
//! wanted. What has been heard and not been answered is at most one read and one unfinished line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Instant;

use super::dice::Dice;
use super::faults::Ending;
use super::inbox::Inbox;
use super::mouth::Mouth;
use super::service::{Chargen, Service, daytime};
use super::{Partner, Step};
use crate::proto::without_newline;

/// One client's session.
///
/// After anything has changed (bytes, the client's end, room to write, the time of a pause), ask [`Session::step`]
/// until it says something that can't be done at once; then take the messages, if they are wanted, and see whether
/// the client may be read.
#[derive(Debug)]
pub struct Session<'p> {
    partner: &'p Partner,
    dice: Dice,
    inbox: Inbox,
    mouth: Mouth<'p>,
    turn: Turn<'p>,
    chargen: Chargen,
    /// How much of the client's first bytes is still to be ignored.
    swallow: u64,
    messages: u64,
    /// Kept for --print, trimmed.
    heard: VecDeque<Vec<u8>>,
}

/// Whose turn it is, once what is being said has been said.
#[derive(Debug)]
enum Turn<'p> {
    Greeting,
    Prompt,
    /// The client's.
    Client,
    /// The service's that speaks without being asked.
    Unasked,
    Answer(Answer<'p>),
    Farewell,
    Close,
}

#[derive(Debug)]
struct Answer<'p> {
    /// Nothing if the session is closed instead.
    text: Option<Cow<'p, [u8]>>,
    due: Instant,
    is_last: bool,
}

impl<'p> Session<'p> {
    pub(super) fn new(partner: &'p Partner, number: u64) -> Self {
        let dialogue = &partner.dialogue;
        let turn = match partner.service {
            Service::Echo if dialogue.greeting.is_empty() && dialogue.prompt.is_empty() => Turn::Client,
            Service::Echo => Turn::Greeting,
            Service::Discard => Turn::Client,
            Service::Chargen | Service::Daytime => Turn::Unasked,
        };
        Session {
            partner,
            dice: Dice::new(partner.seed, number),
            inbox: Inbox::new(dialogue.lines),
            mouth: Mouth::default(),
            turn,
            chargen: Chargen::default(),
            swallow: partner.faults.swallow,
            messages: 0,
            heard: VecDeque::new(),
        }
    }

    /// Whether the client may be read now. While an answer waits it may not: its kernel holds what it sends.
    pub fn wants_input(&self) -> bool {
        let has_turn = match self.partner.service {
            Service::Chargen => !matches!(self.turn, Turn::Close),
            _ => matches!(self.turn, Turn::Client) && !self.mouth.is_busy() && !self.inbox.has_message(),
        };
        has_turn && !self.inbox.has_ended() && !self.is_cut_short()
    }

    /// What one read of the client gave.
    pub fn hear(&mut self, bytes: &[u8], now: Instant) {
        let is_heard = self.partner.service == Service::Echo && !matches!(self.turn, Turn::Farewell | Turn::Close);
        if !is_heard || self.is_cut_short() {
            return;
        }
        let swallowed = usize::try_from(self.swallow).unwrap_or(usize::MAX).min(bytes.len());
        self.swallow -= swallowed as u64;
        self.inbox.push(&bytes[swallowed..]);
        self.settle(now);
    }

    /// The client's end (FIN) has come. What it said before is still answered, as it may go on reading.
    pub fn ended(&mut self, now: Instant) {
        self.inbox.end();
        self.settle(now);
    }

    /// What is to be done now. The same again, until something has changed.
    pub fn step(&mut self, now: Instant) -> Step<'_> {
        self.settle(now);
        if let Some(after) = self.partner.faults.after.filter(|_| self.is_cut_short()) {
            return match after.then {
                Ending::Close => Step::Close,
                Ending::Reset => Step::Reset,
                Ending::Stall => Step::Stall,
            };
        }
        if self.mouth.is_busy() {
            return Step::Say(self.mouth.piece(&self.partner.faults, &mut self.dice));
        }
        match &self.turn {
            Turn::Answer(answer) => Step::Pause(answer.due),
            Turn::Close => Step::Close,
            _ => Step::Listen,
        }
    }

    /// The client's kernel has taken the first `n` bytes of the last [`Step::Say`].
    pub fn said(&mut self, n: usize) {
        self.mouth.took(n);
    }

    /// The next message that was not taken yet, without its newline; none unless [`Partner::print`].
    pub fn next_message(&mut self) -> Option<Vec<u8>> {
        self.heard.pop_front()
    }

    /// How many messages have come, the exit word included.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether --reset-after, --close-after or --stall-after have stopped it.
    fn is_cut_short(&self) -> bool {
        self.mouth.is_over(&self.partner.faults)
    }

    /// Goes from turn to turn until there is something to say or to wait for.
    fn settle(&mut self, now: Instant) {
        let partner = self.partner;
        while !self.mouth.is_busy() && !self.is_cut_short() {
            self.turn = match std::mem::replace(&mut self.turn, Turn::Close) {
                Turn::Greeting => self.say(&partner.dialogue.greeting, Turn::Prompt),
                // Nobody is going to answer it.
                Turn::Prompt if self.is_alone() => Turn::Close,
                Turn::Prompt => self.say(&partner.dialogue.prompt, Turn::Client),
                Turn::Client => match self.inbox.take() {
                    Some(message) => self.consider(message, now),
                    None if self.is_alone() => Turn::Close,
                    None => return self.turn = Turn::Client,
                },
                Turn::Unasked => self.volunteer(now),
                Turn::Answer(answer) if now < answer.due => return self.turn = Turn::Answer(answer),
                Turn::Answer(answer) => self.give(answer),
                Turn::Farewell => self.say(&partner.dialogue.farewell, Turn::Close),
                Turn::Close => return,
            };
        }
    }

    /// Whether the client has ended, and everything that it said was taken.
    fn is_alone(&self) -> bool {
        self.inbox.has_ended() && !self.inbox.has_message()
    }

    fn say(&mut self, text: &'p [u8], then: Turn<'p>) -> Turn<'p> {
        self.mouth.say(Cow::Borrowed(text));
        then
    }

    /// Decides what a message comes to.
    fn consider(&mut self, message: Vec<u8>, now: Instant) -> Turn<'p> {
        let dialogue = &self.partner.dialogue;
        let text = without_newline(&message);
        self.messages += 1;
        if self.partner.print {
            self.heard.push_back(text.to_vec());
        }
        if dialogue.is_exit(text) {
            return Turn::Farewell;
        }
        let is_last = dialogue.max_messages.is_some_and(|most| self.messages >= most);
        let answer = dialogue.answer(message).unwrap_or_default();
        self.prepare(Cow::Owned(answer), is_last, now)
    }

    /// What a service says without being asked.
    fn volunteer(&mut self, now: Instant) -> Turn<'p> {
        if self.partner.service == Service::Daytime {
            return self.prepare(Cow::Owned(daytime((self.partner.wall)())), true, now);
        }
        let by_line = self.partner.faults.regard_answers();
        let text = if by_line { self.chargen.line() } else { Chargen::many() };
        self.prepare(text, false, now)
    }

    /// Throws the dice for an answer. An empty one, which sends nothing, takes its time too.
    fn prepare(&mut self, text: Cow<'p, [u8]>, is_last: bool, now: Instant) -> Turn<'p> {
        let faults = &self.partner.faults;
        let closes = self.dice.hit(faults.close_before_reply);
        let due = now + faults.delay(&mut self.dice);
        let text = faults.corrupted(text, &mut self.dice);
        Turn::Answer(Answer { text: (!closes).then_some(text), due, is_last })
    }

    fn give(&mut self, answer: Answer<'p>) -> Turn<'p> {
        let Some(text) = answer.text else { return Turn::Close };
        self.mouth.say(text);
        match self.partner.service {
            _ if answer.is_last => Turn::Farewell,
            Service::Chargen => Turn::Unasked,
            _ => Turn::Prompt,
        }
    }
}
