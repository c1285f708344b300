//! The echo server (RFC 862): what comes goes back, for many clients in one event loop.
//!
//! A client that does not read its answers is not read either: its kernel's buffers fill up, ours do not. Its end
//! (FIN) is answered with ours after the last byte has gone back. Each client has a bounded turn, so that a busy one
//! can't starve the rest.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Event, Serve, Totals};
use crate::net::Context;
use crate::net::datagram::DatagramSocket;
use crate::stream::Stream;
use crate::stream::listener::{Listener, OUT_OF_RESOURCES_PAUSE, Taken};
use crate::sys::Poller;
use crate::sys::signals::{self, is_polite_end};

/// How many clients there may be when --max-conns says nothing: the file limit comes first nearly everywhere.
pub const DEFAULT_MAX: usize = 100_000;

/// What one read may bring. A client that keeps up needs no buffer of its own: this one serves all of them.
const PIECE: usize = 64 * 1024;

/// How many reads a client may have in one turn, and how many datagrams or new clients are taken in one.
const TURN: usize = 8;
const BATCH: usize = 64;

/// How often idle clients are looked for, at the least.
const IDLE_LOOK: Duration = Duration::from_secs(1);

const LISTENER: u64 = 0;
const DATAGRAMS: u64 = 1;
const SIGNALS: u64 = 2;
const FIRST_CLIENT: u64 = 3;

/// What an echo server may do.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Clients over this number wait in the backlog.
    pub max_clients: usize,
    /// A client with which nothing moves for this long is dropped.
    pub idle: Option<Bound>,
}

impl Echo {
    /// Serves until a signal ends it, which is its normal end.
    pub fn run(&self, ctx: &Context<'_>, listener: Listener, datagrams: Option<DatagramSocket>) -> Result<(), Error> {
        let poller = watch(ctx, &listener, datagrams.as_ref()).map_err(|e| unwatchable(&e))?;
        let totals = Totals::default();
        let clients = Clients { slots: Vec::new(), free: Vec::new() };
        let accepting = Accepting::Yes;
        let next_idle_look = Instant::now();
        Server { ctx, echo: *self, poller, listener, accepting, datagrams, clients, next_idle_look, totals }.serve()
    }
}

fn watch(ctx: &Context<'_>, listener: &Listener, datagrams: Option<&DatagramSocket>) -> io::Result<Poller> {
    let mut poller = Poller::new()?;
    poller.add(listener.as_fd(), LISTENER, true, false)?;
    poller.add(ctx.signals.fd(), SIGNALS, true, false)?;
    if let Some(socket) = datagrams {
        poller.add(socket.as_fd(), DATAGRAMS, true, false)?;
    }
    Ok(poller)
}

fn unwatchable(error: &io::Error) -> Error {
    Error::io(Kind::Bind, "watch", "the sockets", error)
}

/// Whether the listening socket is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepting {
    Yes,
    /// The limit of clients is reached.
    Full,
    /// Descriptors or memory have run out; looked at again then.
    NoRoomUntil(Instant),
}

struct Server<'a> {
    ctx: &'a Context<'a>,
    echo: Echo,
    poller: Poller,
    listener: Listener,
    accepting: Accepting,
    datagrams: Option<DatagramSocket>,
    clients: Clients,
    next_idle_look: Instant,
    totals: Totals,
}

impl Server<'_> {
    fn serve(&mut self) -> Result<(), Error> {
        let mut piece = vec![0; PIECE];
        let mut ready = Vec::new();
        loop {
            ready.clear();
            let pause = self.pause();
            let events = self.poller.wait(pause).map_err(|e| unwatchable(&e))?;
            ready.extend(events.map(|(token, _)| token));
            for &token in &ready {
                match token {
                    LISTENER => self.take_clients()?,
                    DATAGRAMS => self.answer_datagrams(&mut piece)?,
                    SIGNALS => {}
                    client => self.serve_client(client, &mut piece)?,
                }
            }
            self.look_at_the_clock()?;
            match self.ctx.signals.received() {
                Some(signal) if is_polite_end(signal) => return self.leave(&mut piece),
                Some(signal) => {
                    let name = self.listener.name();
                    return Err(Error::new(Kind::Signal(signal), "serve", name, signals::name(signal)));
                }
                None => {}
            }
        }
    }

    /// How long nothing needs to be done unless a socket is ready.
    fn pause(&self) -> Option<Duration> {
        let now = Instant::now();
        let idle = self.echo.idle.filter(|_| self.clients.count() > 0);
        let idle = idle.map(|_| self.next_idle_look.saturating_duration_since(now));
        let resources = match self.accepting {
            Accepting::NoRoomUntil(until) => Some(until.saturating_duration_since(now)),
            Accepting::Yes | Accepting::Full => None,
        };
        [idle, resources, self.ctx.deadline.left()].into_iter().flatten().min()
    }

    fn take_clients(&mut self) -> Result<(), Error> {
        for _ in 0..BATCH {
            if self.clients.count() >= self.echo.max_clients {
                return self.accept_again(Accepting::Full);
            }
            match self.listener.take(self.ctx)? {
                Taken::Client(stream) => self.welcome(stream)?,
                Taken::Nobody => return Ok(()),
                Taken::NoRoom => {
                    return self.accept_again(Accepting::NoRoomUntil(Instant::now() + OUT_OF_RESOURCES_PAUSE));
                }
            }
        }
        Ok(())
    }

    fn welcome(&mut self, stream: Stream) -> Result<(), Error> {
        self.totals.clients += 1;
        let token = self.clients.insert(Client::new(stream));
        let Some(client) = self.clients.get(token) else { return Ok(()) };
        let Some(fd) = client.stream.reader_watch() else { return Ok(()) };
        self.poller.add(fd, token, true, false).map_err(|e| unwatchable(&e))
    }

    /// Watches the listening socket, or stops to.
    fn accept_again(&mut self, accepting: Accepting) -> Result<(), Error> {
        if accepting == self.accepting {
            return Ok(());
        }
        self.accepting = accepting;
        let watch = accepting == Accepting::Yes;
        self.poller.modify(self.listener.as_fd(), LISTENER, watch, false).map_err(|e| unwatchable(&e))
    }

    fn serve_client(&mut self, token: u64, piece: &mut [u8]) -> Result<(), Error> {
        // It may have gone earlier in the same batch of events.
        let Some(client) = self.clients.get_mut(token) else { return Ok(()) };
        match client.turn(piece) {
            Ok(Fate::Stays) => self.watch_client(token),
            Ok(Fate::Leaves) => self.part(token, None),
            Err(error) => self.part(token, Some(&error)),
        }
    }

    fn watch_client(&mut self, token: u64) -> Result<(), Error> {
        let Some(client) = self.clients.get_mut(token) else { return Ok(()) };
        let blocked = !client.pending.is_empty();
        if std::mem::replace(&mut client.blocked, blocked) == blocked {
            return Ok(());
        }
        let Some(fd) = client.stream.reader_watch() else { return Ok(()) };
        self.poller.modify(fd, token, !blocked, blocked).map_err(|e| unwatchable(&e))
    }

    fn part(&mut self, token: u64, failure: Option<&Error>) -> Result<(), Error> {
        let Some(client) = self.clients.remove(token) else { return Ok(()) };
        if let Some(fd) = client.stream.reader_watch() {
            self.poller.remove(fd).map_err(|e| unwatchable(&e))?;
        }
        self.totals.received += client.received;
        self.totals.sent += client.sent;
        let name = client.stream.name();
        self.ctx.tell(&Event::Serve(match failure {
            Some(error) => {
                self.totals.failed += 1;
                Serve::Failed(&name, error)
            }
            None => Serve::Left(&name, client.received, client.sent),
        }));
        if self.accepting == Accepting::Full { self.accept_again(Accepting::Yes) } else { Ok(()) }
    }

    /// A datagram that can't be answered at once is lost, as datagrams may be: nobody else waits for it.
    fn answer_datagrams(&mut self, piece: &mut Vec<u8>) -> Result<(), Error> {
        let Some(socket) = &self.datagrams else { return Ok(()) };
        for _ in 0..BATCH {
            match socket.receive(piece) {
                Ok((size, sender)) => {
                    if socket.send_to(&piece[..size], &sender).is_ok() {
                        self.totals.datagrams += 1;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error about an earlier answer: that sender is gone, the others are not.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                Err(e) => return Err(self.failed(&e)),
            }
        }
        Ok(())
    }

    /// The limits: the run's deadline, idle clients, the pause after descriptors ran out.
    fn look_at_the_clock(&mut self) -> Result<(), Error> {
        if let Some(expired) = self.ctx.deadline.expired() {
            return Err(Error::expired("serve", self.listener.name(), expired));
        }
        if let Accepting::NoRoomUntil(until) = self.accepting
            && Instant::now() >= until
        {
            self.accept_again(Accepting::Yes)?;
        }
        if let Some(idle) = self.echo.idle
            && Instant::now() >= self.next_idle_look
        {
            self.next_idle_look = Instant::now() + (idle.length / 4).clamp(Duration::from_millis(10), IDLE_LOOK);
            self.drop_idle(idle)?;
        }
        Ok(())
    }

    fn drop_idle(&mut self, idle: Bound) -> Result<(), Error> {
        let expired = |client: &Client| Deadline::since(client.last_moved, Some(idle)).expired();
        for token in self.clients.tokens() {
            let Some(client) = self.clients.get(token) else { continue };
            if let Some(expired) = expired(client) {
                let error = Error::expired("transfer with", client.stream.name(), expired);
                self.part(token, Some(&error))?;
            }
        }
        Ok(())
    }

    /// The normal end: what clients have sent by now still goes back, then the counts are told.
    fn leave(&mut self, piece: &mut [u8]) -> Result<(), Error> {
        self.ctx.signals.next_one_kills();
        for token in self.clients.tokens() {
            self.serve_client(token, piece)?;
            if let Some(client) = self.clients.get_mut(token) {
                // Whether it takes our end makes no difference any more.
                let _ = client.stream.close_write();
            }
            self.part(token, None)?;
        }
        self.ctx.tell(&Event::Serve(Serve::Totals(self.totals)));
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::io(Kind::Bind, "serve", self.listener.name(), error)
    }
}

/// One client and what it has not taken back yet.
struct Client {
    stream: Stream,
    pending: Vec<u8>,
    /// Whether it is watched for room instead of for bytes.
    blocked: bool,
    ended: bool,
    received: u64,
    sent: u64,
    last_moved: Instant,
}

/// What a turn came to.
enum Fate {
    Stays,
    Leaves,
}

impl Client {
    fn new(stream: Stream) -> Self {
        let last_moved = Instant::now();
        Client { stream, pending: Vec::new(), blocked: false, ended: false, received: 0, sent: 0, last_moved }
    }

    /// Gives back what waits, then reads and gives back until there is nothing or no room.
    fn turn(&mut self, piece: &mut [u8]) -> Result<Fate, Error> {
        let pending = std::mem::take(&mut self.pending);
        self.give_back(&pending)?;
        for _ in 0..TURN {
            if !self.pending.is_empty() {
                return Ok(Fate::Stays);
            }
            if self.ended {
                self.stream.close_write().map_err(|e| self.stream.write_error(&e))?;
                return Ok(Fate::Leaves);
            }
            match self.stream.read(piece) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.received += n as u64;
                    self.give_back(&piece[..n])?;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Fate::Stays),
                Err(e) => return Err(self.stream.read_error(&e)),
            }
        }
        Ok(Fate::Stays)
    }

    /// Writes what there is room for and keeps the rest.
    fn give_back(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let n = match self.stream.write(bytes) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            Err(e) => return Err(self.stream.write_error(&e)),
        };
        self.sent += n as u64;
        self.last_moved = Instant::now();
        self.pending = bytes[n..].to_vec();
        Ok(())
    }
}

/// The clients, each under the token that the poller knows it by.
struct Clients {
    slots: Vec<Option<Client>>,
    free: Vec<usize>,
}

impl Clients {
    fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn insert(&mut self, client: Client) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(client);
        FIRST_CLIENT + slot as u64
    }

    fn get(&self, token: u64) -> Option<&Client> {
        self.slots.get(slot(token))?.as_ref()
    }

    fn get_mut(&mut self, token: u64) -> Option<&mut Client> {
        self.slots.get_mut(slot(token))?.as_mut()
    }

    fn remove(&mut self, token: u64) -> Option<Client> {
        let client = self.slots.get_mut(slot(token))?.take()?;
        self.free.push(slot(token));
        Some(client)
    }

    fn tokens(&self) -> Vec<u64> {
        let taken = self.slots.iter().enumerate().filter(|(_, client)| client.is_some());
        taken.map(|(slot, _)| FIRST_CLIENT + slot as u64).collect()
    }
}

fn slot(token: u64) -> usize {
    usize::try_from(token - FIRST_CLIENT).unwrap_or(usize::MAX)
}
