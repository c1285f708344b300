//! `udp-recv`: datagrams, framed, to the local end.
//!
//! It is over when the counted datagrams have come or nothing has come for the quiet time; without a count the first
//! SIGINT or SIGTERM is the normal end, too. A regular file is written behind it; any other slow output makes it stop
//! receiving, and so does a file in the end: then the kernel's queue holds what comes, and what that drops is told at the
//! end. Refuses to open the socket.
//!
//! The account is exact: every datagram that reached the socket is received, ignored, unread or dropped. For that the
//! end has an order. First the door is closed, so that nothing more comes; then the queue is emptied; and only then the
//! kernel's counter of drops is read. Any other order has a gap through which datagrams leave the account.

mod framing;

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

pub use framing::Borders;

use super::answers::{Answers, Reply};
use super::local::Local;
use crate::address::Network;
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::datagram::{Inspect, Intake};
use crate::event::{Datagram, Event};
use crate::net::datagram::{Batch, DatagramSocket, Received, Sender};
use crate::net::{Context, Cut, SocketName};
use crate::stream::stdio::Stdio;
use crate::sys::poll::{Interest, poll};
use crate::sys::signals::is_polite_end;

/// So many datagrams, or trains of them, are taken before the output has its turn.
const TURN: usize = 256;

/// Once this much waits for the output, it has its turn: large writes cost less a byte.
const ROOM: usize = 256 * 1024;

/// So many datagrams in one turn are a flood.
const FLOOD: usize = 16;

/// In a flood the queue is left alone for so long after it was empty. To be woken for each train of datagrams costs the
/// sender and us more than the datagrams themselves (the kernel's own name for it is interrupt coalescing; see
/// "rx-usecs" in ethtool(8)).
const LULL: Duration = Duration::from_micros(200);

/// A smaller queue may overflow meanwhile.
const LULL_BUFFER: usize = 4 << 20;

/// How long after the end the queue is still emptied.
const LAST_DATAGRAMS: Duration = Duration::from_millis(500);

/// What is done with datagrams, and when it is over.
pub struct Receiver<'a> {
    /// It is over after so many.
    pub count: Option<u64>,
    /// What keeps datagrams apart in the output.
    pub borders: Borders,
    /// What each sender is answered.
    pub reply: Reply,
    /// Whose datagrams are taken; empty is everybody's.
    pub allow: Vec<Network>,
    /// Somebody wants to read about each datagram.
    pub narrate: bool,
    /// Somebody asked for the totals by name.
    pub stats: bool,
    /// The socket gathers trains: drops are counted by these.
    pub gathers: bool,
    /// Looks on.
    pub dump: Option<Box<dyn Inspect + 'a>>,
    /// The longest time in which nothing comes.
    pub idle: Option<Bound>,
    /// It is over, and well, once nothing has come for this long.
    pub until_idle: Option<Duration>,
}

impl Receiver<'_> {
    /// Receives until it is over.
    pub fn run(&self, ctx: &Context<'_>, socket: &DatagramSocket, mut local: Stdio) -> Result<(), Error> {
        local.write_behind();
        let name = socket.local_name().unwrap_or(SocketName::Unix(None));
        let mut state = State {
            ctx,
            plan: self,
            socket,
            answers: Answers::new(ctx, socket, &self.reply)?,
            name,
            local: Local::with_room(local, ROOM),
            batch: Some(socket.batch()),
            intake: Intake { dropped_at_least: self.gathers, ..Intake::default() },
            door_is_closed: None,
            queue_is_empty: false,
            lull: None,
            may_lull: self.reply == Reply::None && !self.narrate && socket.receive_buffer() >= LULL_BUFFER,
            first_came: None,
            last_came: Instant::now(),
            last_moved: Instant::now(),
        };
        let outcome = state.receive();
        state.leave_the_rest();
        let looked = self.dump.as_ref().map_or(Ok(()), |dump| dump.ended());
        tell_totals(ctx, socket, &mut state.intake, self.stats);
        outcome.and(looked)
    }
}

struct State<'a> {
    ctx: &'a Context<'a>,
    plan: &'a Receiver<'a>,
    socket: &'a DatagramSocket,
    answers: Answers<'a>,
    name: SocketName,
    local: Local,
    /// Out of its place while its datagrams are taken.
    batch: Option<Batch>,
    intake: Intake,
    /// Nothing comes any more; `Some(false)`: the door was to be closed and can't be.
    door_is_closed: Option<bool>,
    /// The last look into the receive queue found nothing.
    queue_is_empty: bool,
    /// The queue is to be left alone for so long.
    lull: Option<Duration>,
    /// It has room for what comes meanwhile, and nobody looks on or waits for an answer.
    may_lull: bool,
    /// When the first datagram came.
    first_came: Option<Instant>,
    /// When the last datagram came.
    last_came: Instant,
    /// When a datagram came or the output took something.
    last_moved: Instant,
}

impl State<'_> {
    fn receive(&mut self) -> Result<(), Error> {
        loop {
            if let Err(error) = self.take_datagrams() {
                return self.fail(error);
            }
            self.answers.turn();
            if self.local.write()? {
                self.last_moved = Instant::now();
            }
            if self.is_over() {
                return match self.empty_queue() {
                    Ok(()) => self.local.finish(self.ctx, self.idle_limit()),
                    Err(error) => self.fail(error),
                };
            }
            if let Some(cut) = self.wait()? {
                return self.cut_short(cut);
            }
        }
    }

    /// What came before is kept as far as the output takes it; the first error is the one to tell.
    fn fail(&mut self, error: Error) -> Result<(), Error> {
        let _ = self.local.finish_soon();
        Err(error)
    }

    /// Takes what has come, while the output takes it.
    fn take_datagrams(&mut self) -> Result<(), Error> {
        self.queue_is_empty = false;
        let mut taken = 0;
        while taken < TURN && self.has_room() && !self.queue_is_empty {
            taken += self.take_batch()?;
        }
        self.lull = (self.may_lull && self.queue_is_empty && taken >= FLOOD).then_some(LULL);
        Ok(())
    }

    /// Gives how many came, in one piece each; an error that is about an answer counts, too.
    fn take_batch(&mut self) -> Result<usize, Error> {
        let Some(mut batch) = self.batch.take() else { return Ok(TURN) };
        let taken = self.socket.receive_batch(&mut batch, self.missing().min(self.answers.room()));
        let done = match taken {
            Ok(()) => self.take_all(&batch),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.queue_is_empty = true;
                Ok(())
            }
            Err(e) if is_about_an_answer(&e) => Ok(()),
            Err(e) => Err(Error::io(Kind::Reset, "receive at", &self.name, &e)),
        };
        let came = batch.len().max(1);
        self.batch = Some(batch);
        done.map(|()| came)
    }

    fn take_all(&mut self, batch: &Batch) -> Result<(), Error> {
        let now = Instant::now();
        let before = self.intake.datagrams;
        let mut datagrams = batch.datagrams();
        let taken = datagrams.try_for_each(|datagram| self.take(&datagram));
        if taken.is_err() {
            self.intake.unread += 1;
            datagrams.for_each(|datagram| self.leave(&datagram));
        }
        if self.intake.datagrams > before {
            let first = *self.first_came.get_or_insert(now);
            self.intake.took = now.duration_since(first);
            (self.last_came, self.last_moved) = (now, now);
        }
        taken
    }

    fn take(&mut self, datagram: &Received<'_>) -> Result<(), Error> {
        if !self.is_allowed(&datagram.from) {
            self.intake.ignored += 1;
            return Ok(());
        }
        if self.has_all() {
            // The end of a train, the beginning of which was enough.
            self.intake.unread += 1;
            return Ok(());
        }
        let Received { bytes, from, facts, is_cut } = datagram;
        if self.plan.narrate {
            self.ctx.tell(&Event::Datagram(Datagram::Arrived(&from.name(), bytes.len(), facts)));
        }
        if let Some(dump) = &self.plan.dump {
            dump.datagram(&from.name(), bytes)?;
        }
        self.plan.borders.put(&mut self.local, bytes)?;
        self.intake.count(bytes.len());
        self.intake.cut += u64::from(*is_cut);
        self.answers.answer(bytes, from);
        Ok(())
    }

    fn is_allowed(&self, from: &Sender) -> bool {
        match from {
            Sender::Inet(address) if !self.plan.allow.is_empty() => {
                self.plan.allow.iter().any(|network| network.contains(address.ip()))
            }
            _ => true,
        }
    }

    /// Whether one more datagram can be taken.
    fn has_room(&self) -> bool {
        !self.has_all() && self.local.has_room() && self.answers.room() > 0
    }

    /// How many datagrams are still wanted.
    fn missing(&self) -> usize {
        let missing = self.plan.count.map(|count| count.saturating_sub(self.intake.datagrams));
        missing.and_then(|missing| usize::try_from(missing).ok()).unwrap_or(usize::MAX)
    }

    fn has_all(&self) -> bool {
        self.missing() == 0
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
        let come = (self.has_room() && self.lull.is_none()).then(|| Interest::read(self.socket.as_fd()));
        let interests = come.into_iter().chain(self.answers.interests());
        self.local.wait(self.ctx, interests, self.idle_limit(), self.pause())
    }

    /// The longest time that nothing needs doing. A queue that has not been seen empty may be so all the same.
    fn pause(&self) -> Option<Duration> {
        let quiet = self.plan.until_idle.filter(|_| self.local.left() == 0 && self.answers.is_idle());
        let quiet = quiet.map(|quiet| quiet.saturating_sub(self.last_came.elapsed()));
        [quiet, self.answers.pause(), self.lull].into_iter().flatten().min()
    }

    /// A signal or a limit: what has come by then is still written.
    fn cut_short(&mut self, cut: Cut) -> Result<(), Error> {
        let ends_well = matches!(cut, Cut::Signal(signal) if self.plan.count.is_none() && is_polite_end(signal));
        self.ctx.signals.next_one_kills();
        self.answers.stop();
        let emptied = self.empty_queue();
        let written = emptied.and(self.local.finish_soon());
        if ends_well { written } else { Err(cut.during("receive at", &self.name)) }
    }

    /// Closes the door and takes what has come before. Behind a closed door no sender but one on this machine can be
    /// answered, so with answers to give the queue is emptied before as well as after.
    fn empty_queue(&mut self) -> Result<(), Error> {
        if self.plan.reply != Reply::None {
            self.take_the_rest()?;
        }
        self.close_door();
        self.take_the_rest()
    }

    /// Tells whether it is closed now.
    fn close_door(&mut self) -> bool {
        *self.door_is_closed.get_or_insert_with(|| self.socket.close_door())
    }

    fn take_the_rest(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        self.queue_is_empty = false;
        while !self.queue_is_empty && !self.has_all() {
            self.take_datagrams()?;
            self.local.write()?;
            if let Some(writable) = self.local.write_interest() {
                let written = poll(&mut [writable], None, Some(LAST_DATAGRAMS.saturating_sub(start.elapsed())));
                written.map_err(|e| Error::io(Kind::WriteLocal, "write", "standard output", &e))?;
            }
            // Only now: we may have been stopped before the first look.
            if start.elapsed() >= LAST_DATAGRAMS {
                break;
            }
        }
        Ok(())
    }

    /// Counts what nobody will read: beyond --count, or after a failure.
    fn leave_the_rest(&mut self) {
        let is_closed = self.close_door();
        let Some(mut batch) = self.batch.take() else { return };
        let start = Instant::now();
        loop {
            match self.socket.receive_batch(&mut batch, usize::MAX) {
                Ok(()) => batch.datagrams().for_each(|datagram| self.leave(&datagram)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if is_about_an_answer(&e) => {}
                Err(_) => return,
            }
            // A door that could not be closed must not hold up the end; behind a closed one the queue has an end.
            if !is_closed && start.elapsed() > LAST_DATAGRAMS {
                return;
            }
        }
    }

    fn leave(&mut self, datagram: &Received<'_>) {
        let is_allowed = self.is_allowed(&datagram.from);
        *(if is_allowed { &mut self.intake.unread } else { &mut self.intake.ignored }) += 1;
    }
}

/// What a receiver tells at its end: what came, and how much had no room. With `asked`, also to whoever is not curious.
pub(super) fn tell_totals(ctx: &Context<'_>, socket: &DatagramSocket, intake: &mut Intake, asked: bool) {
    intake.dropped = socket.dropped();
    ctx.tell(&Event::Datagram(Datagram::ReceivedTotal { intake, asked }));
    if let Some(lost) = intake.dropped.filter(|&lost| lost > 0) {
        ctx.tell(&Event::Datagram(Datagram::Lost(lost, intake.dropped_at_least)));
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
