//! One datagram socket of the echo server: each datagram is answered by itself, at once or later.
//!
//! An answer that can't be sent at once is lost, as datagrams may be: nobody else waits for it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::house::Tally;
use crate::event::{Datagram, Event};
use crate::net::Context;
use crate::net::datagram::{Batch, DatagramSocket, Sender};
use crate::serve::partner::{Datagrams, Partner, may_be_answered};

/// How many batches are taken in one turn, and how many datagrams in one.
const TURN: usize = 2;
const FEWEST: usize = 4;
const MOST: usize = 64;

/// The socket and what is played there.
pub(super) struct Mailbox<'a> {
    socket: &'a DatagramSocket,
    /// Without one, what comes goes back.
    part: Option<Datagrams<'a, SocketAddr>>,
    batch: Batch,
    /// How many datagrams the next call asks for.
    most: usize,
}

/// What a mailbox has in its turn.
pub(super) struct Turn<'t> {
    pub(super) ctx: &'t Context<'t>,
    pub(super) tally: &'t Tally,
}

impl<'a> Mailbox<'a> {
    pub(super) fn new(socket: &'a DatagramSocket, partner: &'a Partner) -> Self {
        let part = (!partner.is_plain_echo()).then(|| partner.datagrams());
        Mailbox { socket, part, batch: socket.batch(), most: FEWEST }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'a> {
        self.socket.as_fd()
    }

    /// When the next answer is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.part.as_ref()?.due()
    }

    /// The next message that came and that is to be printed.
    pub(super) fn next_message(&mut self) -> Option<Vec<u8>> {
        self.part.as_mut()?.next_message().map(|(message, _)| message)
    }

    /// Takes what has come, and sends what is due.
    pub(super) fn turn(&mut self, turn: &Turn<'_>) -> io::Result<()> {
        for _ in 0..TURN {
            match self.socket.receive_batch(&mut self.batch, self.most) {
                Ok(()) => self.answer(turn),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error about an earlier answer: that sender is gone, the others are not.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => continue,
                Err(e) => return Err(e),
            }
            if self.was_all() {
                break;
            }
        }
        if let Some(part) = &mut self.part {
            send_due(self.socket, part, turn, Instant::now());
        }
        Ok(())
    }

    /// Whether the last batch emptied the queue. Preparing for many costs time, so as many are asked for as may come.
    fn was_all(&mut self) -> bool {
        let came = self.batch.len();
        let was_all = came < self.most;
        self.most = if was_all { (came + 1).max(FEWEST) } else { self.most * 2 }.min(MOST);
        was_all
    }

    fn answer(&mut self, turn: &Turn<'_>) {
        for datagram in self.batch.datagrams() {
            turn.tally.received.add(datagram.bytes.len());
            turn.tally.messages.add(1);
            turn.ctx.tell(&Event::Datagram(Datagram::Received(&datagram.from.name(), datagram.bytes.len())));
        }
        match &mut self.part {
            None => self.give_back(turn),
            Some(_) => self.play(turn),
        }
    }

    fn give_back(&mut self, turn: &Turn<'_>) {
        let (datagrams, bytes) = self.socket.give_back(&mut self.batch, |from| may_be_answered(from.port()));
        turn.tally.datagrams.add(datagrams);
        turn.tally.sent.add(bytes);
    }

    fn play(&mut self, turn: &Turn<'_>) {
        let Mailbox { socket, part: Some(part), batch, .. } = self else { return };
        // Of this batch: a delay counts from the datagram, which may be the answer to what the batch before brought.
        let now = Instant::now();
        for datagram in batch.datagrams() {
            if let Sender::Inet(from) = datagram.from
                && may_be_answered(from.port())
            {
                part.hear(datagram.bytes, &from, now);
                // What goes out in between must not depend on how many came at once.
                send_due(socket, part, turn, now);
            }
        }
    }
}

fn send_due(socket: &DatagramSocket, part: &mut Datagrams<'_, SocketAddr>, turn: &Turn<'_>, now: Instant) {
    while let Some((answer, to)) = part.next(now) {
        if socket.send_to(&answer, &Sender::Inet(to)).is_ok() {
            turn.tally.sent.add(answer.len());
            turn.tally.datagrams.add(1);
            turn.ctx.tell(&Event::Datagram(Datagram::Sent(&to, answer.len())));
        }
    }
}
