//! `listen --keep-open`: clients side by side around one local end.
//!
//! Each client's bytes go to the output as they come. Input goes to all clients: a piece is read while a client is
//! there, and the next one only when the slowest has taken it. A client that has ended itself gets our end once
//! input has ended; until then it may still be listening. An encrypted client counts once its handshake is over: until then
//! input is not for it, and the others do not wait for it.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::encryption::Encryption;
use super::local::Local;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Event, Serve};
use crate::net::{Context, Cut};
use crate::stream::buffer::Buffer;
use crate::stream::crlf::Crlf;
use crate::stream::listener::{Listener, OUT_OF_RESOURCES_PAUSE, Taken};
use crate::stream::stdio::Stdio;
use crate::stream::{Readiness, Stream};
use crate::sys::poll::Interest;
use crate::sys::signals::is_polite_end;

/// How many clients there may be when --max-conns says nothing.
pub const DEFAULT_MAX: usize = 100;

/// The most that --max-conns may allow.
pub const CEILING: usize = 10_000;

/// What one read of one client may bring.
const PIECE: usize = 64 * 1024;

/// The keepalive that frees the place of a client that has ended and is gone.
const PROBE: (Duration, u32) = (Duration::from_secs(15), 4);

/// How long a client that was refused may take to hear why: closed with unread bytes, a socket sends a reset, which can
/// destroy the alert on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a hub may do.
#[derive(Clone, Debug)]
pub struct Hub {
    /// Clients over this number wait in the backlog.
    pub max_clients: usize,
    /// A client with which nothing moves for this long is dropped.
    pub idle: Option<Bound>,
    /// Send LF as CR LF.
    pub crlf: bool,
    /// How clients are encrypted, if they are.
    pub encryption: Option<Encryption>,
}

impl Hub {
    /// Serves until a signal ends it, which is its normal end, or the local end fails.
    pub fn run(&self, ctx: &Context<'_>, local: Stdio, listener: Listener) -> Result<(), Error> {
        State {
            ctx,
            hub: self,
            local: Local::new(local),
            listener,
            clients: Vec::new(),
            piece: vec![0; PIECE],
            input: Buffer::default(),
            input_ended: false,
            crlf: self.crlf.then(Crlf::default),
            no_room_until: None,
            turn: 0,
        }
        .serve()
    }
}

/// One client.
struct Client {
    stream: Stream,
    /// How much of the input piece it has taken.
    taken: usize,
    received: u64,
    sent: u64,
    state: Progress,
    readable: bool,
    last_moved: Instant,
}

/// How far a client has come.
enum Progress {
    /// Its handshake is under way, until then at the most.
    Shaking(Instant),
    /// Its handshake has failed by this error; until then it may hear why.
    Refused(Error, Instant),
    /// It may still send.
    Open,
    /// It has sent its end, and may still listen.
    Ended,
    /// There is nothing more to do with it; with the error, if it went by one.
    Gone(Option<Error>),
}

struct State<'a> {
    ctx: &'a Context<'a>,
    hub: &'a Hub,
    local: Local,
    listener: Listener,
    clients: Vec<Client>,
    /// What one client has said goes through here.
    piece: Vec<u8>,
    /// The piece of input that the clients are taking.
    input: Buffer,
    input_ended: bool,
    crlf: Option<Crlf>,
    no_room_until: Option<Instant>,
    /// Whose turn it is to be heard first.
    turn: usize,
}

/// What a poll slot stands for.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Listener,
    Input,
    Output,
    OutputReader,
    Client(usize),
}

impl State<'_> {
    fn serve(&mut self) -> Result<(), Error> {
        let mut input_ready = true;
        loop {
            self.hear_clients()?;
            self.feed_clients(input_ready)?;
            self.let_go();
            match self.wait() {
                Ok(ready) => input_ready = self.note(&ready)?,
                Err(Cut::Signal(signal)) if is_polite_end(signal) => return self.leave(),
                Err(cut) => {
                    // What came is kept as far as the output takes it; the cut is what is told.
                    let _ = self.local.finish_soon();
                    return Err(cut.during("serve", self.listener.name()));
                }
            }
        }
    }

    /// Clients have their turns while the local end takes what they send.
    fn hear_clients(&mut self) -> Result<(), Error> {
        self.local.write()?;
        self.turn = self.turn.wrapping_add(1);
        for nth in 0..self.clients.len() {
            let place = self.turn.wrapping_add(nth) % self.clients.len();
            let client = &mut self.clients[place];
            if client.shake_hands(self.ctx, self.hub.encryption.as_ref()) {
                // The present piece of input is not for it.
                client.taken = self.input.data().len();
            }
            client.throw_away(&mut self.piece);
            if !self.local.has_room() {
                continue;
            }
            client.hear(&mut self.piece, &mut self.local);
            self.local.write()?;
        }
        Ok(())
    }

    /// Gives the present piece of input to everybody; reads the next once all have it.
    fn feed_clients(&mut self, input_ready: bool) -> Result<(), Error> {
        self.offer();
        if self.wants_input() && input_ready {
            self.read_input()?;
            self.offer();
        }
        Ok(())
    }

    fn all_have_the_piece(&self) -> bool {
        self.clients.iter().all(|client| client.has_all(self.input.data()))
    }

    fn read_input(&mut self) -> Result<(), Error> {
        self.input_ended = self.local.read_into(&mut self.input, self.crlf.as_mut())? == Some(0);
        Ok(())
    }

    fn offer(&mut self) {
        let piece = self.input.data();
        self.clients.iter_mut().for_each(|client| client.offer(piece));
        if self.all_have_the_piece() {
            self.input.clear();
            self.clients.iter_mut().for_each(|client| client.taken = 0);
        }
    }

    /// Ends the clients that have ended themselves, once there is nothing more for them, and drops the idle ones.
    fn let_go(&mut self) {
        for place in (0..self.clients.len()).rev() {
            self.clients[place].settle(self.input_ended, self.input.data(), self.hub.idle);
            if let Progress::Gone(failure) = &self.clients[place].state {
                self.clients[place].tell_end(self.ctx, failure.as_ref());
                self.clients.remove(place);
            }
        }
    }

    fn wait(&mut self) -> Result<Vec<Slot>, Cut> {
        let input = self.wants_input().then(|| self.local.read_interest());
        let input_now = matches!(input, Some(Readiness::Always));
        let mut ready = if input_now { vec![Slot::Input] } else { Vec::new() };
        let input = input.and_then(Readiness::interest).map(|interest| (Slot::Input, interest));
        let (slots, mut interests): (Vec<_>, Vec<_>) = input.into_iter().chain(self.watched()).unzip();
        let pause = if input_now || self.local.can_write_now() || self.may_hear_more() {
            Some(Duration::ZERO)
        } else {
            self.pause()
        };
        match pause {
            Some(pause) => self.ctx.wait_at_most(&mut interests, Deadline::NEVER, pause).map(|_| ())?,
            None => self.ctx.wait(&mut interests, Deadline::NEVER)?,
        }
        ready.extend(slots.iter().zip(&interests).filter(|(_, i)| i.ready.any()).map(|(slot, _)| *slot));
        Ok(ready)
    }

    /// Whether a client has something to tell although poll sees nothing.
    fn may_hear_more(&self) -> bool {
        self.local.has_room() && self.clients.iter().any(Client::has_more)
    }

    fn wants_input(&self) -> bool {
        let somebody_listens = self.clients.iter().any(Client::is_welcome);
        somebody_listens && !self.input_ended && self.input.is_empty()
    }

    /// The listening socket, the output and its reader, and each client for what it can do now.
    fn watched(&self) -> impl Iterator<Item = (Slot, Interest<'_>)> {
        let may_take = self.clients.len() < self.hub.max_clients && self.no_room_until.is_none();
        let listener = may_take.then(|| (Slot::Listener, Interest::read(self.listener.as_fd())));
        let output = self.local.write_interest().map(|interest| (Slot::Output, interest));
        let reader = self.local.reader_watch().map(|interest| (Slot::OutputReader, interest));
        let clients = self.clients.iter().enumerate().filter_map(|(place, client)| {
            let (hear, feed) = client.wants(self.local.has_room(), self.input.data());
            Some((Slot::Client(place), Interest::new(client.stream.reader_watch()?, hear, feed)))
        });
        [listener, output, reader].into_iter().flatten().chain(clients)
    }

    fn pause(&self) -> Option<Duration> {
        let resources = self.no_room_until.map(|until| until.saturating_duration_since(Instant::now()));
        self.clients.iter().filter_map(|client| client.left(self.hub.idle)).chain(resources).min()
    }

    /// Draws the consequences of what is ready. Tells whether input is.
    fn note(&mut self, ready: &[Slot]) -> Result<bool, Error> {
        let mut input_ready = false;
        let mut knock = false;
        self.no_room_until = self.no_room_until.filter(|&until| Instant::now() < until);
        for slot in ready {
            match *slot {
                Slot::Listener => knock = true,
                Slot::Input => input_ready = true,
                Slot::Output => {}
                Slot::OutputReader => return Err(self.local.reader_gone()),
                Slot::Client(place) => self.clients[place].stirred(),
            }
        }
        if knock {
            self.take_clients()?;
        }
        Ok(input_ready)
    }

    fn take_clients(&mut self) -> Result<(), Error> {
        while self.clients.len() < self.hub.max_clients {
            match self.listener.take(self.ctx)? {
                // A latecomer hears what is read from now on.
                Taken::Client(stream) => self.welcome(stream)?,
                Taken::Nobody => return Ok(()),
                Taken::NoRoom => {
                    self.no_room_until = Some(Instant::now() + OUT_OF_RESOURCES_PAUSE);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn welcome(&mut self, stream: Stream) -> Result<(), Error> {
        let taken = self.input.data().len();
        self.clients.push(match &self.hub.encryption {
            Some(encryption) => {
                let shaking = Progress::Shaking(encryption.until(Instant::now()));
                Client::new(encryption.begin(self.ctx, stream)?, taken, shaking)
            }
            None => Client::new(stream, taken, Progress::Open),
        });
        Ok(())
    }

    /// The normal end: what clients have said is still given to the output, and each gets our end.
    fn leave(&mut self) -> Result<(), Error> {
        self.ctx.signals.next_one_kills();
        self.local.finish_soon()?;
        for client in &mut self.clients {
            client.shake_hands(self.ctx, self.hub.encryption.as_ref());
            if client.is_welcome() {
                // One that takes not even that is left without it.
                let _ = client.stream.close_write();
            }
            client.tell_end(self.ctx, None);
        }
        Ok(())
    }
}

impl Client {
    fn new(stream: Stream, taken: usize, state: Progress) -> Self {
        Client { stream, taken, received: 0, sent: 0, state, readable: true, last_moved: Instant::now() }
    }

    fn has_all(&self, piece: &[u8]) -> bool {
        self.taken >= piece.len() || !self.is_welcome()
    }

    /// Whether it is one whose bytes count, and for whom input is.
    fn is_welcome(&self) -> bool {
        matches!(self.state, Progress::Open | Progress::Ended)
    }

    fn has_more(&self) -> bool {
        matches!(self.state, Progress::Open) && self.stream.has_more()
    }

    /// Whether it is to be watched for a read and for a write, if there is `room` for what it says.
    fn wants(&self, room: bool, piece: &[u8]) -> (bool, bool) {
        let hear = match self.state {
            Progress::Open => room,
            Progress::Shaking(_) | Progress::Refused(..) => true,
            Progress::Ended | Progress::Gone(_) => false,
        };
        (hear, !self.has_all(piece) || self.stream.wants_flush())
    }

    /// The time until it is let go, if there is a limit.
    fn left(&self, idle: Option<Bound>) -> Option<Duration> {
        match self.state {
            Progress::Shaking(until) | Progress::Refused(_, until) => {
                Some(until.saturating_duration_since(Instant::now()))
            }
            _ => Deadline::since(self.last_moved, idle).left(),
        }
    }

    /// Goes on with its handshake, if there is one; tells whether that is over now.
    fn shake_hands(&mut self, ctx: &Context<'_>, encryption: Option<&Encryption>) -> bool {
        let (&Progress::Shaking(until), Some(encryption)) = (&self.state, encryption) else { return false };
        if !std::mem::take(&mut self.readable) && Instant::now() < until {
            return false;
        }
        match encryption.advance(ctx, &mut self.stream) {
            Ok(true) => {
                (self.state, self.readable, self.last_moved) = (Progress::Open, true, Instant::now());
                return true;
            }
            Ok(false) if Instant::now() >= until => {
                self.state = Progress::Gone(Some(encryption.expired(&self.stream)));
            }
            Ok(false) => {}
            Err(error) => self.refuse(error),
        }
        false
    }

    /// Sends what waits for room although nobody writes.
    fn flush(&mut self) {
        if self.is_welcome()
            && self.stream.wants_flush()
            && let Err(e) = self.stream.flush()
        {
            self.state = Progress::Gone(Some(self.stream.write_error(&e)));
        }
    }

    fn refuse(&mut self, error: Error) {
        let may_hear = matches!(error.kind, Kind::Tls | Kind::Untrusted) && self.stream.close_write().is_ok();
        let until = Instant::now() + LAST_WORDS;
        self.readable = true;
        self.state = if may_hear { Progress::Refused(error, until) } else { Progress::Gone(Some(error)) };
    }

    /// Reads what one that was refused still says, until its end.
    fn throw_away(&mut self, waste: &mut [u8]) {
        let Progress::Refused(error, until) = &self.state else { return };
        if !std::mem::take(&mut self.readable) && Instant::now() < *until {
            return;
        }
        let goes_on = match self.stream.discard(waste) {
            Ok(n) => n > 0,
            Err(e) => e.kind() == ErrorKind::WouldBlock,
        };
        if !goes_on || Instant::now() >= *until {
            self.state = Progress::Gone(Some(error.clone()));
        }
    }

    /// One read, by way of `piece`, to `local`.
    fn hear(&mut self, piece: &mut [u8], local: &mut Local) {
        if !matches!(self.state, Progress::Open) || !std::mem::take(&mut self.readable) {
            return;
        }
        match self.stream.read(piece) {
            Ok(0) => {
                self.state = Progress::Ended;
                self.stream.probe_peer(PROBE.0, PROBE.1);
            }
            Ok(n) => {
                local.put(&piece[..n]);
                self.received += n as u64;
                self.last_moved = Instant::now();
                self.readable = self.stream.has_more();
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => self.state = Progress::Gone(Some(self.stream.read_error(&e))),
        }
    }

    /// Writes what it has not taken of the piece of input.
    fn offer(&mut self, piece: &[u8]) {
        self.flush();
        if self.has_all(piece) {
            if !piece.is_empty() {
                // It waits for the slowest: that is no silence of its own.
                self.last_moved = Instant::now();
            }
            return;
        }
        match self.stream.write(&piece[self.taken..]) {
            Ok(n) => {
                self.taken += n;
                self.sent += n as u64;
                self.last_moved = Instant::now();
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => self.state = Progress::Gone(Some(self.stream.write_error(&e))),
        }
    }

    /// Poll had something to say of it. Of one that has ended, that can only be that its program is gone.
    fn stirred(&mut self) {
        self.readable = true;
        if matches!(self.state, Progress::Ended) && self.stream.take_error().is_some() {
            self.state = Progress::Gone(None);
        }
    }

    fn settle(&mut self, input_ended: bool, piece: &[u8], idle: Option<Bound>) {
        if matches!(self.state, Progress::Ended) && input_ended && self.has_all(piece) {
            let closed = self.stream.close_write();
            if !closed.is_err_and(|e| e.kind() == ErrorKind::WouldBlock) {
                // A peer that is gone by now has all that there was.
                self.state = Progress::Gone(None);
            }
        }
        if self.is_welcome()
            && let Some(expired) = Deadline::since(self.last_moved, idle).expired()
        {
            // One that takes not even that has not earned it.
            let _ = self.stream.close_write();
            let error = Error::expired("transfer with", self.stream.name(), expired);
            self.state = Progress::Gone(Some(error));
        }
    }

    fn tell_end(&self, ctx: &Context<'_>, failure: Option<&Error>) {
        let name = self.stream.name();
        ctx.tell(&Event::Serve(match failure {
            Some(error) => Serve::Failed(&name, error),
            None => Serve::Left(&name, self.received, self.sent),
        }));
    }
}
