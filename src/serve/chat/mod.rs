//! `--interactive`: a chat by hand over datagrams.
//!
//! What comes is shown, an escaped line each; each typed line is one datagram. Trouble on the way to the other end is
//! told and ends nothing, since that end may come later: only what is not made good by the end decides how the run
//! ends. It is over when the input is; one peer is then given time for the answers that are missing. Refuses to open
//! the socket.

mod counterpart;
mod typed;

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use counterpart::Counterpart;
use typed::{Next, Typed};

use super::attempt::{Attempt, Blocked, NO_BUFFERS_PAUSE, attempt};
use super::local::Local;
use super::place::Target;
use super::receiver::{is_about_an_answer, tell_totals};
use crate::deadline::{Bound, Deadline, Expired, Limit};
use crate::error::{Error, Kind};
use crate::event::datagram::Intake;
use crate::event::{Datagram, Event, Move};
use crate::net::datagram::{DatagramSocket, Sender};
use crate::net::{Context, Cut};
use crate::proto::{escape, without_newline};
use crate::stream::stdio::Stdio;
use crate::sys::poll::Interest;
use crate::sys::signals::is_polite_end;

/// So many datagrams are taken, or lines sent, before the other has its turn.
const TURN: usize = 64;

/// How long missing answers are waited for when --wait says nothing and no person types: long enough for a server that
/// thinks for a second before each.
const USUAL_WAIT: Duration = Duration::from_secs(2);

/// How a chat is held.
#[derive(Clone, Debug)]
pub struct Chat {
    /// A typed line that is one of these is not sent: it ends the chat with a peer, and leaves the last sender of
    /// others unanswered.
    pub exit_words: Vec<Vec<u8>>,
    /// How long after the last line or answer the end of the input waits for missing answers (`--wait`); then none at
    /// all is an error.
    pub wait: Option<Duration>,
    /// The longest time in which nothing moves.
    pub idle: Option<Bound>,
}

impl Chat {
    /// Lines go to `target`, and its answers are shown. It owes one for each line.
    pub fn with_peer(&self, ctx: &Context<'_>, target: &Target, local: Stdio) -> Result<(), Error> {
        State::new(ctx, self, Counterpart::Peer(target), local).run()
    }

    /// What comes to `socket` is shown with its sender, and lines go to the last of these.
    pub fn with_senders(&self, ctx: &Context<'_>, socket: &DatagramSocket, local: Stdio) -> Result<(), Error> {
        let mut state = State::new(ctx, self, Counterpart::LastSender { socket, last: None }, local);
        let outcome = state.run();
        tell_totals(ctx, socket, &mut state.intake, false);
        outcome
    }
}

/// What is wrong with lines that did not get there.
#[derive(Default)]
struct Trouble {
    /// They never will.
    lost: Option<Error>,
    /// Nobody was there to take them, as far as is known: over as soon as something is heard.
    refused: Option<Error>,
}

struct State<'a> {
    ctx: &'a Context<'a>,
    chat: &'a Chat,
    with: Counterpart<'a>,
    local: Local,
    typed: Typed,
    /// The line that is to go out next.
    line: Option<Vec<u8>>,
    /// Why it has not gone out, if somebody is there to take it.
    blocked: Option<Blocked>,
    trouble: Trouble,
    sent: u64,
    refused: u64,
    intake: Intake,
    buffer: Vec<u8>,
    /// When a line was sent or a datagram came.
    last_said: Instant,
    /// When anything moved, in or out.
    last_moved: Instant,
    /// That the end waits for answers has been told.
    told_waiting: bool,
}

impl<'a> State<'a> {
    fn new(ctx: &'a Context<'a>, chat: &'a Chat, with: Counterpart<'a>, local: Stdio) -> Self {
        let largest = with.socket().largest().unwrap_or(usize::MAX);
        let now = Instant::now();
        State {
            ctx,
            chat,
            with,
            typed: Typed::new(local.input_kind(), largest),
            local: Local::new(local),
            line: None,
            blocked: None,
            trouble: Trouble::default(),
            sent: 0,
            refused: 0,
            intake: Intake::default(),
            buffer: Vec::new(),
            last_said: now,
            last_moved: now,
            told_waiting: false,
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        let outcome = self.converse();
        if outcome.is_err() {
            // What came is kept as far as the output takes it; the first error is the one to tell.
            let _ = self.local.finish_soon();
        }
        outcome
    }

    fn converse(&mut self) -> Result<(), Error> {
        loop {
            // In this order: a line that is there already was typed before the datagram beside it was seen.
            self.send_lines()?;
            self.take_datagrams()?;
            if self.local.write()? {
                self.last_moved = Instant::now();
            }
            if self.is_over() {
                return self.finish();
            }
            if let Some(cut) = self.wait()? {
                return self.cut_short(cut);
            }
        }
    }

    /// Shows what has come, while the output takes it.
    fn take_datagrams(&mut self) -> Result<(), Error> {
        for _ in 0..TURN {
            if !self.local.has_room() {
                break;
            }
            match self.with.socket().receive(&mut self.buffer) {
                Ok((size, from)) => self.take(size, from),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if is_about_an_answer(&e) => self.did_not_arrive(&e, 0),
                Err(e) => return Err(Error::io(Kind::Reset, "receive from", self.with.name(), &e)),
            }
        }
        Ok(())
    }

    fn take(&mut self, size: usize, from: Sender) {
        self.ctx.tell(&Event::Datagram(Datagram::Received(&from.name(), size)));
        let text = escape(without_newline(&self.buffer[..size]));
        let line = if self.with.may_be_several() { format!("{}: {text}\n", from.name()) } else { format!("{text}\n") };
        self.local.put(line.as_bytes());
        self.with.heard(from);
        self.trouble.refused = None;
        self.intake.count(size);
        self.moved();
    }

    fn moved(&mut self) {
        self.last_said = Instant::now();
        self.last_moved = self.last_said;
    }

    fn send_lines(&mut self) -> Result<(), Error> {
        for _ in 0..TURN {
            let Some(line) = self.next_line()? else { break };
            if !self.with.is_there() && !self.typed.is_by_hand() {
                self.line = Some(line);
                break;
            }
            self.blocked = self.put_through(&line);
            if self.blocked.is_some() {
                self.line = Some(line);
                break;
            }
        }
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.line.is_some() {
            return Ok(self.line.take());
        }
        let was_over = self.typed.is_over();
        match self.typed.next(&mut self.local)? {
            Next::Line(line) => return Ok(Some(line)),
            Next::TooLarge => {
                let reason = format!("a line is larger than the {} bytes of one datagram", self.typed.largest());
                self.is_lost(Error::new(Kind::Send, "send to", self.with.name(), reason));
            }
            Next::Nothing if self.typed.is_over() && !was_over => self.ctx.tell(&Event::Move(Move::InputEnded)),
            Next::Nothing => {}
        }
        Ok(None)
    }

    /// Does with a line what it asks for; tells what is in its way.
    fn put_through(&mut self, line: &[u8]) -> Option<Blocked> {
        if !self.with.is_there() {
            // Held back, it would go to somebody whom the person has not seen yet.
            self.ctx.warn("not sent: there is nobody to answer until the next datagram comes");
            return None;
        }
        if self.chat.exit_words.iter().any(|word| word == line) {
            self.leave();
            return None;
        }
        self.send(line)
    }

    /// An exit word was typed.
    fn leave(&mut self) {
        if let Some(sender) = self.with.leave() {
            self.ctx.tell(&Event::Datagram(Datagram::LeftUnanswered(&sender)));
        } else {
            self.typed.stop();
            self.ctx.tell(&Event::Move(Move::InputEnded));
        }
    }

    fn send(&mut self, line: &[u8]) -> Option<Blocked> {
        let mut late: Vec<io::Error> = Vec::new();
        let keep = |e| {
            late.push(e);
            Ok::<_, std::convert::Infallible>(())
        };
        let Ok(attempt) = attempt(self.with.socket().has_late_errors(), || self.with.send(line), keep);
        for error in &late {
            self.did_not_arrive(error, line.len());
        }
        match attempt {
            Attempt::Sent(()) => {
                self.ctx.tell(&Event::Datagram(Datagram::Sent(&self.with.name(), line.len())));
                self.sent += 1;
                self.moved();
                None
            }
            Attempt::Blocked(why) => Some(why),
            Attempt::Failed(e) => {
                self.did_not_arrive(&e, line.len());
                None
            }
        }
    }

    /// Tells of a line that did not get there, and keeps it for the end.
    fn did_not_arrive(&mut self, error: &io::Error, size: usize) {
        if !self.with.is_there() {
            return;
        }
        let failed = self.with.send_failed(error, size);
        if failed.kind != Kind::Refused {
            return self.is_lost(failed);
        }
        self.ctx.warn(&failed);
        self.refused += 1;
        self.trouble.refused = Some(failed);
    }

    fn is_lost(&mut self, error: Error) {
        self.ctx.warn(&error);
        self.trouble.lost = Some(error);
    }

    fn is_over(&mut self) -> bool {
        if !self.typed.is_over() || self.line.is_some() {
            return false;
        }
        let left = self.time_for_answers();
        if !left.is_zero() && !std::mem::replace(&mut self.told_waiting, true) {
            self.ctx.tell(&Event::Datagram(Datagram::Awaiting(self.missing(), left)));
        }
        left.is_zero()
    }

    /// How long the end of the input still waits for answers.
    fn time_for_answers(&self) -> Duration {
        let usual = if self.typed.is_by_hand() { Duration::ZERO } else { USUAL_WAIT };
        let wait = if self.missing() > 0 { self.chat.wait.unwrap_or(usual) } else { Duration::ZERO };
        wait.saturating_sub(self.last_said.elapsed())
    }

    /// How many answers are missing. A group owes no number of them: one is always missing.
    fn missing(&self) -> u64 {
        match &self.with {
            Counterpart::Peer(target) if target.socket.is_group() => self.sent.min(1),
            Counterpart::Peer(_) => self.sent.saturating_sub(self.intake.datagrams + self.refused),
            Counterpart::LastSender { .. } => 0,
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.take_datagrams()?;
        self.local.finish(self.ctx, self.idle_limit())?;
        self.verdict()
    }

    fn verdict(&mut self) -> Result<(), Error> {
        let Trouble { lost, refused } = std::mem::take(&mut self.trouble);
        if let Some(error) = lost.or(refused) {
            let reason = format!("not every line got there: {}", error.reason);
            return Err(Error { reason, hint: None, ..error });
        }
        match self.chat.wait {
            Some(length) if self.sent > 0 && self.intake.datagrams == 0 => {
                let expired = Expired(Bound { length, limit: Limit::Wait });
                Err(Error::expired("wait for an answer from", self.with.name(), expired))
            }
            _ => Ok(()),
        }
    }

    /// A signal or a limit: what has come by then is still shown.
    fn cut_short(&mut self, cut: Cut) -> Result<(), Error> {
        self.ctx.signals.next_one_kills();
        self.take_datagrams()?;
        self.local.finish_soon()?;
        // `udp-recv` has no other end that everybody knows of.
        match cut {
            Cut::Signal(signal) if !self.with.is_peer() && is_polite_end(signal) => self.verdict(),
            cut => Err(cut.during("chat with", self.with.name())),
        }
    }

    fn idle_limit(&self) -> Deadline {
        Deadline::since(self.last_moved, self.chat.idle)
    }

    fn wait(&self) -> Result<Option<Cut>, Error> {
        let input = if self.line.is_none() { self.typed.interest(&self.local) } else { None };
        let interests = input.into_iter().chain(self.socket_interest());
        self.local.wait(self.ctx, interests, self.idle_limit(), self.pause())
    }

    fn socket_interest(&self) -> Option<Interest<'_>> {
        let read = self.local.has_room();
        let write = self.is_blocked() == Some(Blocked::Full) && self.with.tells_room();
        (read || write).then(|| Interest::new(self.with.socket().as_fd(), read, write))
    }

    /// The longest time that nothing needs doing.
    fn pause(&self) -> Option<Duration> {
        match self.is_blocked() {
            Some(Blocked::Full) if self.with.tells_room() => None,
            Some(_) => Some(NO_BUFFERS_PAUSE),
            None if self.line.is_some() => self.with.is_there().then_some(Duration::ZERO),
            None if self.typed.is_over() => Some(self.time_for_answers()),
            None => self.typed.pause(&self.local),
        }
    }

    fn is_blocked(&self) -> Option<Blocked> {
        self.blocked.filter(|_| self.line.is_some())
    }
}
