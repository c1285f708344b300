//! What an echo server plays to one client: an echo, a dialogue, one of the old small services, and the faults that
//! it is asked for.
//!
//! Owns who speaks when, what is said, and what the dice decide. Refuses to have a socket, a clock or a thread: the
//! event loops hand in what they read and what time it is, and do what [`Session::step`] says.
//!
//! ```text
//! Greeting ─▶ Prompt ─▶ Client ─message─▶ Answer (perhaps after a pause) ─▶ Prompt …
//!                          │                 ├─ the last one ─▶ Farewell ─▶ Close
//!                          ├─ exit word ─────┼────────────────▶ Farewell ─▶ Close
//!                          └─ its end ───────┴────────────────────────────▶ Close
//! ```
//! --reset-after, --close-after and --stall-after stop any of it at their byte.
//!
//! ```
//! use std::time::Instant;
//! use sockkit::serve::partner::dialogue::{Dialogue, Part, Template};
//! use sockkit::serve::partner::{Partner, Step};
//!
//! let hello = Template::new(vec![Part::Text(b"Hello, ".to_vec()), Part::Message, Part::Text(b"!".to_vec())]);
//! let dialogue = Dialogue { greeting: b"Welcome!".to_vec(), reply: Some(hello), ..Dialogue::default() };
//! let partner = Partner { dialogue, ..Partner::default() };
//!
//! let (mut session, now) = (partner.session(0), Instant::now());
//! assert_eq!(session.step(now), Step::Say(b"Welcome!"));
//! session.said(3);
//! assert_eq!(session.step(now), Step::Say(b"come!"));
//! session.said(5);
//! assert_eq!(session.step(now), Step::Listen);
//! assert!(session.wants_input());
//! session.hear(b"Bob\r\n", now);
//! assert!(!session.wants_input());
//! assert_eq!(session.step(now), Step::Say(b"Hello, Bob!"));
//! session.said(11);
//! session.ended(now);
//! assert_eq!(session.step(now), Step::Close);
//! ```

pub mod datagrams;
pub mod dialogue;
mod dice;
pub mod faults;
mod inbox;
mod mouth;
mod schedule;
mod senders;
pub mod service;
pub mod session;
#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::time::{Instant, SystemTime};

pub use datagrams::{Datagrams, may_be_answered};
pub use session::Session;

use dialogue::Dialogue;
use faults::Faults;
use service::Service;

/// What the server plays: one value that all clients share. The default is a plain echo.
#[derive(Clone, Debug)]
pub struct Partner {
    /// What is done with what comes.
    pub service: Service,
    /// What is said to whom; only [`Service::Echo`] has a dialogue.
    pub dialogue: Dialogue,
    /// What goes wrong.
    pub faults: Faults,
    /// The same seed and the same input give the same faults.
    pub seed: u64,
    /// Whether messages are kept until somebody takes them with `next_message`.
    pub print: bool,
    /// The clock on the wall, for [`Service::Daytime`].
    pub wall: fn() -> SystemTime,
}

impl Default for Partner {
    fn default() -> Self {
        Partner {
            service: Service::default(),
            dialogue: Dialogue::default(),
            faults: Faults::default(),
            seed: 0,
            print: false,
            wall: SystemTime::now,
        }
    }
}

impl Partner {
    /// Nothing but giving back what comes: then nobody needs a session.
    pub fn is_plain_echo(&self) -> bool {
        self.service == Service::Echo && !self.has_dialogue() && self.faults == Faults::default()
    }

    /// Whether a session goes on until the client leaves, which can only be by breaking it off.
    pub fn is_endless(&self) -> bool {
        self.service == Service::Chargen
    }

    /// Whether anything of a dialogue is asked for, --lines and --print included.
    pub fn has_dialogue(&self) -> bool {
        self.print || self.dialogue != Dialogue::default()
    }

    /// Whether anything depends on the seed, which is then worth telling; `over_datagrams` if there are any.
    pub fn is_left_to_chance(&self, over_datagrams: bool) -> bool {
        self.faults.are_left_to_chance() || (over_datagrams && self.service == Service::Chargen)
    }

    /// The part in one session of a stream. `number` counts the clients from 0: it and the seed make the dice.
    pub fn session(&self, number: u64) -> Session<'_> {
        Session::new(self, number)
    }

    /// The part of one datagram socket, whose peers are named by `To`.
    pub fn datagrams<To: Clone + Eq + Hash>(&self) -> Datagrams<'_, To> {
        Datagrams::new(self)
    }
}

/// What is to be done now for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// Write this, in one call, and tell with [`Session::said`] how much of it was taken. Never empty.
    Say(&'s [u8]),
    /// Nothing until the client says something or ends.
    Listen,
    /// Nothing is said before this time.
    Pause(Instant),
    /// The session is over: our end (FIN), then the rest of the client's input thrown away, then the close.
    Close,
    /// The session is over: a reset.
    Reset,
    /// Neither read nor write any more. The client's going, or the idle limit, ends it.
    Stall,
}
