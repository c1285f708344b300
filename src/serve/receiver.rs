//! `udp-recv`: datagrams, framed, to the local end.
//!
//! It is over when the counted datagrams have come or nothing has come for the quiet time; without a count the first
//! SIGINT or SIGTERM is the normal end, too. A slow output makes it stop receiving: then the kernel's queue holds
//! what comes, and what that drops is told at the end. Refuses to open the socket.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::answers::{Answers, Reply};
use super::local::Local;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::{Datagram, Event};
use crate::net::datagram::{DatagramSocket, Sender};
use crate::net::{Context, Cut, SocketName};
use crate::stream::stdio::Stdio;
use crate::sys::poll::{Interest, poll};
use crate::sys::signals::is_polite_end;

/// So many datagrams are taken before the output has its turn.
const TURN: usize = 64;

/// How long after the end the queue is still emptied.
const LAST_DATAGRAMS: Duration = Duration::from_millis(500);

/// What is done with datagrams, and when it is over.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// It is over after so many.
    pub count: Option<u64>,
    /// What follows each datagram in the output.
    pub separator: Vec<u8>,
    /// What each sender is answered.
    pub reply: Reply,
    /// The longest time in which nothing comes.
    pub idle: Option<Bound>,
    /// It is over, and well, once nothing has come for this long.
    pub until_idle: Option<Duration>,
}

impl Receiver {
    /// Receives until it is over.
    pub fn run(&self, ctx: &Context<'_>, socket: &DatagramSocket, local: Stdio) -> Result<(), Error> {
        let name = socket.local_name().unwrap_or(SocketName::Unix(None));
        let mut state = State {
            ctx,
            plan: self,
            socket,
            answers: Answers::new(ctx, socket, &self.reply)?,
            name,
            local: Local::new(local),
            buffer: Vec::new(),
            datagrams: 0,
            bytes: 0,
            queue_is_empty: false,
            last_came: Instant::now(),
            last_moved: Instant::now(),
        };
        let outcome = state.receive();
        tell_totals(ctx, socket, state.datagrams, state.bytes);
        outcome
    }
}

struct State<'a> {
    ctx: &'a Context<'a>,
    plan: &'a Receiver,
    socket: &'a DatagramSocket,
    answers: Answers<'a>,
    name: SocketName,
    local: Local,
    buffer: Vec<u8>,
    datagrams: u64,
    bytes: u64,
    /// The last look into the receive queue found nothing.
    queue_is_empty: bool,
    /// When the last datagram came.
    last_came: Instant,
    /// When a datagram came or the output took something.
    last_moved: Instant,
}

impl State<'_> {
    fn receive(&mut self) -> Result<(), Error> {
        loop {
            self.take_datagrams()?;
            self.answers.turn();
            if self.local.write()? {
                self.last_moved = Instant::now();
            }
            if self.is_over() {
                return self.local.finish(self.ctx, self.idle_limit());
            }
            if let Some(cut) = self.wait()? {
                return self.cut_short(cut);
            }
        }
    }

    /// Takes what has come, while the output takes it.
    fn take_datagrams(&mut self) -> Result<(), Error> {
        self.queue_is_empty = false;
        for _ in 0..TURN {
            if !self.has_room() || self.queue_is_empty {
                return Ok(());
            }
            match self.socket.receive(&mut self.buffer) {
                Ok((size, from)) => self.take(size, &from),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.queue_is_empty = true,
                Err(e) if is_about_an_answer(&e) => {}
                Err(e) => return Err(Error::io(Kind::Reset, "receive at", &self.name, &e)),
            }
        }
        Ok(())
    }

    fn take(&mut self, size: usize, from: &Sender) {
        self.ctx.tell(&Event::Datagram(Datagram::Received(&from.name(), size)));
        self.local.put(&self.buffer[..size]);
        self.local.put(&self.plan.separator);
        self.datagrams += 1;
        self.bytes += size as u64;
        self.last_came = Instant::now();
        self.last_moved = self.last_came;
        self.answers.answer(&self.buffer[..size], from);
    }

    /// Whether one more datagram can be taken.
    fn has_room(&self) -> bool {
        !self.has_all() && self.local.has_room() && self.answers.room() > 0
    }

    fn has_all(&self) -> bool {
        self.plan.count.is_some_and(|count| self.datagrams >= count)
    }

    fn is_over(&self) -> bool {
        let has_all = self.has_all() && self.answers.is_idle();
        has_all || (self.is_drained() && self.plan.until_idle.is_some_and(|quiet| self.last_came.elapsed() >= quiet))
    }

    fn is_drained(&self) -> bool {
        self.queue_is_empty && self.local.left() == 0 && self.answers.is_idle()
    }

    fn idle_limit(&self) -> Deadline {
        Deadline::since(self.last_moved, self.plan.idle)
    }

    fn wait(&self) -> Result<Option<Cut>, Error> {
        let come = self.has_room().then(|| Interest::read(self.socket.as_fd()));
        let interests = come.into_iter().chain(self.answers.interests());
        self.local.wait(self.ctx, interests, self.idle_limit(), self.pause())
    }

    /// The longest time that nothing needs doing.
    fn pause(&self) -> Option<Duration> {
        let quiet = self.plan.until_idle.filter(|_| self.is_drained());
        let quiet = quiet.map(|quiet| quiet.saturating_sub(self.last_came.elapsed()));
        [quiet, self.answers.pause()].into_iter().flatten().min()
    }

    /// A signal or a limit: what has come by then is still written.
    fn cut_short(&mut self, cut: Cut) -> Result<(), Error> {
        let ends_well = matches!(cut, Cut::Signal(signal) if self.plan.count.is_none() && is_polite_end(signal));
        self.ctx.signals.next_one_kills();
        self.answers.stop();
        let written = self.empty_queue().and_then(|()| self.local.finish_soon());
        if ends_well { written } else { Err(cut.during("receive at", &self.name)) }
    }

    fn empty_queue(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        self.queue_is_empty = false;
        while !self.queue_is_empty && !self.has_all() && start.elapsed() < LAST_DATAGRAMS {
            self.take_datagrams()?;
            self.local.write()?;
            if let Some(writable) = self.local.write_interest() {
                let written = poll(&mut [writable], None, Some(LAST_DATAGRAMS.saturating_sub(start.elapsed())));
                written.map_err(|e| Error::io(Kind::WriteLocal, "write", "standard output", &e))?;
            }
        }
        Ok(())
    }
}

/// What a receiver tells at its end: how much came, and how much had no room.
pub(super) fn tell_totals(ctx: &Context<'_>, socket: &DatagramSocket, datagrams: u64, bytes: u64) {
    ctx.tell(&Event::Datagram(Datagram::ReceivedTotal(datagrams, bytes)));
    if let Some(lost) = socket.dropped().filter(|&lost| lost > 0) {
        ctx.tell(&Event::Datagram(Datagram::Lost(lost)));
    }
}

/// Errors that tell what became of an answer of ours, or that a link is down for now: others may still send.
pub(super) fn is_about_an_answer(error: &io::Error) -> bool {
    use ErrorKind as Io;
    matches!(
        error.kind(),
        Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::HostUnreachable
            | Io::NetworkUnreachable
            | Io::NetworkDown
            | Io::Interrupted
    )
}
