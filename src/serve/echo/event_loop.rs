//! One loop of the echo server: a poller, the clients that it has taken, the datagram sockets dealt to it.
//!
//! Level-triggered: whoever is cut short by the bound on a turn is reported again. What waits in memory, decrypted or about
//! to be, the poller can't see: those clients have a list of their own, and a turn each before the next wait. Refuses to
//! share a client.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::client::{Client, Fate, Overdue, Turn};
use super::clients::Clients;
use super::datagrams::{self, Mailbox};
use super::house::House;
use super::printer::Printer;
use super::timers::Timers;
use crate::deadline::Bound;
use crate::error::{Error, Kind};
use crate::event::{Event, Serve};
use crate::net::Context;
use crate::stream::Stream;
use crate::stream::listener::{Listener, OUT_OF_RESOURCES_PAUSE, Taken};
use crate::stream::stdio::Stdio;
use crate::sys::Poller;
use crate::sys::signals::{self, is_polite_end};

/// What one read may bring. A client that keeps up needs no buffer of its own: this one serves all of them.
const PIECE: usize = 64 * 1024;

/// Once clients that do not read have left this much with us, a read of another brings no more than [`SCANT_PIECE`]:
/// ten thousand of them must fit into memory.
const MANY_UNSENT: usize = 8 << 20;
const SCANT_PIECE: usize = 1024;

/// How many new clients are taken in one turn.
const BATCH: usize = 64;

/// How often overdue clients are looked for, at the least.
const LOOK: Duration = Duration::from_secs(1);

/// The loop that heeds signals and the clock of the run.
const FIRST: usize = 0;

/// What the poller knows a descriptor by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Bell,
    Signals,
    Requests,
    Output,
    Listener(usize),
    Mailbox(usize),
    Client(usize),
}

impl Token {
    const KINDS: u64 = 8;

    fn number(self) -> u64 {
        let (kind, nth) = match self {
            Token::Bell => (0, 0),
            Token::Signals => (1, 0),
            Token::Requests => (2, 0),
            Token::Output => (3, 0),
            Token::Listener(nth) => (4, nth),
            Token::Mailbox(nth) => (5, nth),
            Token::Client(place) => (6, place),
        };
        nth as u64 * Self::KINDS + kind
    }

    fn of(number: u64) -> Self {
        // Every number here was a usize once.
        let nth = usize::try_from(number / Self::KINDS).unwrap_or(usize::MAX);
        match number % Self::KINDS {
            0 => Token::Bell,
            1 => Token::Signals,
            2 => Token::Requests,
            3 => Token::Output,
            4 => Token::Listener(nth),
            5 => Token::Mailbox(nth),
            _ => Token::Client(nth),
        }
    }
}

/// Whether the listening sockets are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepting {
    Yes,
    /// The limit of clients is reached, or the server is about to end.
    No,
    /// Descriptors or memory have run out; looked at again then.
    NoRoomUntil(Instant),
}

pub(super) struct EventLoop<'a> {
    ctx: Context<'a>,
    house: &'a House<'a>,
    nth: usize,
    poller: Poller,
    clients: Clients<'a>,
    timers: Timers,
    mailboxes: Vec<Mailbox<'a>>,
    printer: Option<Printer>,
    /// Clients that go on without an event.
    again: Vec<usize>,
    accepting: Accepting,
    has_rejected: bool,
    /// Bytes that clients of this loop have not taken.
    unsent: usize,
    piece: Vec<u8>,
    now: Instant,
    next_look: Instant,
    next_stats: Option<Instant>,
    is_leaving: bool,
}

impl<'a> EventLoop<'a> {
    pub(super) fn new(
        ctx: Context<'a>,
        house: &'a House<'a>,
        nth: usize,
        output: Option<Stdio>,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        // Each datagram socket belongs to one loop.
        let sockets = house.sockets.datagrams.iter().skip(nth).step_by(house.loops());
        let mut event_loop = EventLoop {
            ctx,
            house,
            nth,
            poller: Poller::new().map_err(|e| unwatchable(&e))?,
            clients: Clients::default(),
            timers: Timers::default(),
            mailboxes: sockets.map(|socket| Mailbox::new(socket, &house.echo.partner)).collect(),
            printer: output.map(Printer::new),
            again: Vec::new(),
            accepting: Accepting::No,
            has_rejected: false,
            unsent: 0,
            piece: vec![0; PIECE],
            now,
            next_look: now,
            next_stats: house.echo.stats_every.filter(|_| nth == FIRST).map(|every| now + every),
            is_leaving: false,
        };
        event_loop.watch().map_err(|e| unwatchable(&e))?;
        event_loop.accept_again(Accepting::Yes)?;
        Ok(event_loop)
    }

    fn watch(&mut self) -> io::Result<()> {
        self.poller.add(self.house.ear(self.nth), Token::Bell.number(), true, false)?;
        for (nth, mailbox) in self.mailboxes.iter().enumerate() {
            self.poller.add(mailbox.fd(), Token::Mailbox(nth).number(), true, false)?;
        }
        if let Some(reader) = self.printer.as_ref().and_then(Printer::reader) {
            // What can't be watched, such as a device, is known by its failed write.
            let _ = self.poller.add(reader, Token::Output.number(), false, false);
        }
        if self.nth != FIRST {
            return Ok(());
        }
        if let Some(requests) = self.ctx.signals.report_requests() {
            self.poller.add(requests, Token::Requests.number(), true, false)?;
        }
        self.poller.add(self.ctx.signals.fd(), Token::Signals.number(), true, false)
    }

    /// Serves until the end of the server, or the failure of this loop.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        let mut ready = Vec::new();
        loop {
            ready.clear();
            let pause = if self.again.is_empty() { self.pause() } else { Some(Duration::ZERO) };
            let events = self.poller.wait(pause).map_err(|e| unwatchable(&e))?;
            ready.extend(events.map(|(number, _)| Token::of(number)));
            self.now = Instant::now();
            for &token in &ready {
                self.attend(token)?;
            }
            self.go_on()?;
            self.look_at_the_clock()?;
            if self.is_over()? {
                return self.printer.as_mut().map_or(Ok(()), Printer::finish);
            }
        }
    }

    /// Gives a turn to everybody who goes on without an event; who does after it has the next one later.
    fn go_on(&mut self) -> Result<(), Error> {
        for place in std::mem::take(&mut self.again) {
            if let Some(client) = self.clients.get_mut(place) {
                client.is_queued = false;
            }
            self.with_client(place, Client::turn)?;
        }
        Ok(())
    }

    /// How long nothing needs to be done unless a descriptor is ready.
    fn pause(&self) -> Option<Duration> {
        let look = (self.looks_for_overdue() && !self.clients.is_empty()).then_some(self.next_look);
        let resources = match self.accepting {
            Accepting::NoRoomUntil(until) => Some(until),
            Accepting::Yes | Accepting::No => None,
        };
        let moments = [look, resources, self.next_stats, self.house.end(), self.timers.next()].into_iter().flatten();
        let moments = moments.chain(self.mailboxes.iter().filter_map(Mailbox::due));
        let pause = moments.map(|moment| moment.saturating_duration_since(Instant::now())).min();
        let deadline = self.ctx.deadline.left().filter(|_| self.nth == FIRST);
        [pause, deadline].into_iter().flatten().min()
    }

    fn attend(&mut self, token: Token) -> Result<(), Error> {
        match token {
            Token::Bell => {
                self.house.heard(self.nth);
                self.accept_again(Accepting::Yes)
            }
            Token::Signals => Ok(()),
            Token::Requests => {
                self.ctx.signals.take_report_request();
                self.tell_status();
                Ok(())
            }
            Token::Listener(nth) => self.take_clients(nth),
            Token::Output => self.printer.as_ref().map_or(Ok(()), |printer| Err(printer.reader_gone())),
            Token::Mailbox(nth) => self.answer_datagrams(nth),
            Token::Client(place) => self.with_client(place, Client::stirred),
        }
    }

    fn tell_status(&self) {
        self.ctx.tell(&Event::Serve(Serve::Status(self.house.totals())));
    }

    fn take_clients(&mut self, nth: usize) -> Result<(), Error> {
        let Some(listener) = self.house.sockets.listeners.get(nth) else { return Ok(()) };
        for _ in 0..BATCH {
            if self.accepting != Accepting::Yes {
                return Ok(());
            }
            if !self.house.reserve_or_wait() {
                return self.reject(Accepting::No);
            }
            if !self.take_client(listener)? {
                self.house.release();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether one was there.
    fn take_client(&mut self, listener: &Listener) -> Result<bool, Error> {
        match listener.take(&self.ctx)? {
            Taken::Client(stream) => self.welcome(stream).map(|()| true),
            Taken::Nobody => Ok(false),
            Taken::NoRoom => self.reject(Accepting::NoRoomUntil(self.now + OUT_OF_RESOURCES_PAUSE)).map(|()| false),
        }
    }

    /// Somebody waits and can't be taken: counted once, until somebody is.
    fn reject(&mut self, accepting: Accepting) -> Result<(), Error> {
        if !std::mem::replace(&mut self.has_rejected, true) {
            self.house.tally(self.nth).rejected.add(1);
        }
        self.accept_again(accepting)
    }

    fn welcome(&mut self, stream: Stream) -> Result<(), Error> {
        self.has_rejected = false;
        let number = self.house.occupy();
        let partner = &self.house.echo.partner;
        let part = (!self.house.is_plain).then(|| partner.session(number));
        let client = match &self.house.echo.encryption {
            Some(encryption) => {
                let stream = encryption.begin(&self.ctx, stream)?;
                Client::new(stream, part, Some(encryption.until(self.now)), self.now)
            }
            None => Client::new(stream, part, None, self.now),
        };
        let wants = client.asked;
        let place = self.clients.insert(client);
        let Some(client) = self.clients.get_mut(place) else { return Ok(()) };
        if let Some(fd) = client.fd() {
            let watched = self.poller.add(fd, Token::Client(place).number(), wants.read, wants.write);
            watched.map_err(|e| unwatchable(&e))?;
        }
        // Some of us speak first, and some clients have spoken already.
        self.with_client(place, Client::turn)
    }

    /// Watches the listening sockets, or stops to.
    fn accept_again(&mut self, accepting: Accepting) -> Result<(), Error> {
        let accepting = if self.is_leaving { Accepting::No } else { accepting };
        let watched = self.accepting == Accepting::Yes;
        let watch = accepting == Accepting::Yes;
        self.accepting = accepting;
        for (nth, listener) in self.house.sockets.listeners.iter().enumerate() {
            let changed = match (watched, watch) {
                (false, true) => self.poller.share(listener.as_fd(), Token::Listener(nth).number()),
                (true, false) => self.poller.remove(listener.as_fd()),
                _ => Ok(()),
            };
            changed.map_err(|e| unwatchable(&e))?;
        }
        Ok(())
    }

    /// Gives the client in `place` a turn, and draws the consequences.
    fn with_client(
        &mut self,
        place: usize,
        act: impl FnOnce(&mut Client<'a>, &mut Turn<'_>) -> Result<Fate, Error>,
    ) -> Result<(), Error> {
        // It may have gone earlier in the same batch of events.
        let Some(client) = self.clients.get_mut(place) else { return Ok(()) };
        let most = if self.unsent > MANY_UNSENT { SCANT_PIECE } else { PIECE };
        let mut turn = Turn {
            ctx: &self.ctx,
            piece: &mut self.piece[..most],
            tally: self.house.tally(self.nth),
            now: self.now,
            encryption: self.house.echo.encryption.as_ref(),
        };
        self.unsent -= client.unsent();
        let outcome = act(client, &mut turn);
        self.unsent += client.unsent();
        if let Some(printer) = &mut self.printer {
            while let Some(message) = client.next_message() {
                printer.print(&self.ctx, &message)?;
            }
        }
        match outcome {
            Ok(Fate::Stays) => self.watch_client(place),
            Ok(Fate::Leaves) => self.part(place, None),
            // Whoever is never finished with can only be left like that.
            Err(error) if error.kind == Kind::Reset && self.house.echo.partner.is_endless() => self.part(place, None),
            Err(error) => self.part(place, Some(&error)),
        }
    }

    fn watch_client(&mut self, place: usize) -> Result<(), Error> {
        let Some(client) = self.clients.get_mut(place) else { return Ok(()) };
        let wants = client.wants();
        if let Some(due) = client.new_due() {
            self.timers.add(due, place);
        }
        if client.has_more_to_read() && !std::mem::replace(&mut client.is_queued, true) {
            self.again.push(place);
        }
        if std::mem::replace(&mut client.asked, wants) == wants {
            return Ok(());
        }
        let Some(fd) = client.fd() else { return Ok(()) };
        self.poller.modify(fd, Token::Client(place).number(), wants.read, wants.write).map_err(|e| unwatchable(&e))
    }

    fn part(&mut self, place: usize, failure: Option<&Error>) -> Result<(), Error> {
        let Some(mut client) = self.clients.remove(place) else { return Ok(()) };
        let refusal = client.refusal.take();
        self.unsent -= client.unsent();
        if let Some(fd) = client.fd() {
            self.poller.closing(fd).map_err(|e| unwatchable(&e))?;
        }
        self.ctx.tell(&Event::Serve(match failure.or(refusal.as_ref()) {
            Some(error) => {
                self.house.tally(self.nth).failed.add(1);
                Serve::Failed(&client, error)
            }
            None => Serve::Left(&client, client.received, client.sent),
        }));
        drop(client);
        self.house.vacate();
        Ok(())
    }

    fn answer_datagrams(&mut self, nth: usize) -> Result<(), Error> {
        let Some(mailbox) = self.mailboxes.get_mut(nth) else { return Ok(()) };
        let tally = self.house.tally(self.nth);
        if let Err(error) = mailbox.turn(&datagrams::Turn { ctx: &self.ctx, tally }) {
            return Err(Error::io(Kind::Bind, "serve", self.name(), &error));
        }
        if let Some(printer) = &mut self.printer {
            while let Some(message) = mailbox.next_message() {
                printer.print(&self.ctx, &message)?;
            }
        }
        Ok(())
    }

    /// The limits: the run's deadline, overdue clients, the pause after descriptors ran out.
    fn look_at_the_clock(&mut self) -> Result<(), Error> {
        if let Some(expired) = self.ctx.deadline.expired().filter(|_| self.nth == FIRST) {
            return Err(Error::expired("serve", self.name(), expired));
        }
        while let Some(place) = self.timers.pop(self.now) {
            if self.clients.get_mut(place).is_some_and(|client| client.is_due(self.now)) {
                self.with_client(place, Client::turn)?;
            }
        }
        for nth in 0..self.mailboxes.len() {
            if self.mailboxes[nth].due().is_some_and(|due| due <= self.now) {
                self.answer_datagrams(nth)?;
            }
        }
        if let Accepting::NoRoomUntil(until) = self.accepting
            && self.now >= until
        {
            self.accept_again(Accepting::Yes)?;
        }
        if let (Some(due), Some(every)) = (self.next_stats, self.house.echo.stats_every)
            && self.now >= due
        {
            self.next_stats = Some(self.now + every);
            self.tell_status();
        }
        if self.looks_for_overdue() && self.now >= self.next_look {
            self.part_from_overdue()?;
        }
        Ok(())
    }

    /// Idle clients are to be dropped, or some have been given a last time.
    fn looks_for_overdue(&self) -> bool {
        self.house.echo.idle.is_some() || self.is_leaving
    }

    fn part_from_overdue(&mut self) -> Result<(), Error> {
        let idle = self.house.echo.idle;
        self.next_look = self.now + look_every(idle);
        for place in self.clients.taken() {
            let Some(client) = self.clients.get_mut(place) else { continue };
            match client.overdue(idle, self.now) {
                None => {}
                Some(Overdue::Lingered) => self.part(place, None)?,
                Some(Overdue::Idle(expired)) => {
                    let error = client.expired(expired);
                    client.dismiss();
                    self.part(place, Some(&error))?;
                }
            }
        }
        Ok(())
    }

    /// Heeds a signal, and lets everybody go once the server is about to end.
    fn is_over(&mut self) -> Result<bool, Error> {
        if self.nth == FIRST {
            self.heed_signal()?;
        }
        let Some(end) = self.house.end() else { return Ok(false) };
        if !std::mem::replace(&mut self.is_leaving, true) {
            self.accept_again(Accepting::No)?;
            for place in self.clients.taken() {
                self.with_client(place, Client::say_goodbye)?;
            }
        }
        if self.now >= end {
            for place in self.clients.taken() {
                self.clients.get_mut(place).into_iter().for_each(Client::dismiss);
                self.part(place, None)?;
            }
        }
        Ok(self.clients.is_empty())
    }

    fn heed_signal(&self) -> Result<(), Error> {
        match self.ctx.signals.received() {
            Some(signal) if is_polite_end(signal) => {
                self.ctx.signals.next_one_kills();
                self.house.leave(false);
                Ok(())
            }
            Some(signal) => Err(Error::new(Kind::Signal(signal), "serve", self.name(), signals::name(signal))),
            None => Ok(()),
        }
    }

    /// What is served, by the first of its addresses.
    fn name(&self) -> String {
        let sockets = &self.house.sockets;
        let listener = sockets.listeners.first().map(|listener| listener.name().to_string());
        listener.unwrap_or_else(|| "the sockets".into())
    }
}

fn look_every(idle: Option<Bound>) -> Duration {
    idle.map_or(LOOK, |idle| (idle.length / 4).clamp(Duration::from_millis(10), LOOK))
}

fn unwatchable(error: &io::Error) -> Error {
    Error::io(Kind::Bind, "watch", "the sockets", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_again_in_its_number() {
        let tokens = [Token::Bell, Token::Signals, Token::Requests, Token::Output];
        let numbered = [Token::Listener, Token::Mailbox, Token::Client];
        let numbered = numbered.into_iter().flat_map(|kind| [kind(0), kind(1), kind(1 << 40)]);
        for token in tokens.into_iter().chain(numbered) {
            assert_eq!(Token::of(token.number()), token);
        }
    }
}
