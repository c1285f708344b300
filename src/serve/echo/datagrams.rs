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
use crate::net::datagram::{DatagramSocket, Sender};
use crate::serve::partner::{Datagrams, Partner, may_be_answered};

/// How many datagrams are taken in one turn.
const TURN: usize = 64;

/// The socket and what is played there.
pub(super) struct Mailbox<'a> {
    socket: &'a DatagramSocket,
    /// Without one, what comes goes back.
    part: Option<Datagrams<'a, SocketAddr>>,
}

/// What a mailbox has in its turn.
pub(super) struct Turn<'t> {
    pub(super) ctx: &'t Context<'t>,
    pub(super) piece: &'t mut Vec<u8>,
    pub(super) tally: &'t Tally,
    pub(super) now: Instant,
}

impl<'a> Mailbox<'a> {
    pub(super) fn new(socket: &'a DatagramSocket, partner: &'a Partner) -> Self {
        Mailbox { socket, part: (!partner.is_plain_echo()).then(|| partner.datagrams()) }
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
    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) -> io::Result<()> {
        for _ in 0..TURN {
            match self.socket.receive(turn.piece) {
                Ok((size, Sender::Inet(from))) => self.take(size, from, turn),
                Ok((_, Sender::Unix(_))) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                // An ICMP error about an earlier answer: that sender is gone, the others are not.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                Err(e) => return Err(e),
            }
        }
        self.send_due(turn);
        Ok(())
    }

    fn take(&mut self, size: usize, from: SocketAddr, turn: &mut Turn<'_>) {
        turn.tally.received.add(size);
        turn.tally.messages.add(1);
        turn.ctx.tell(&Event::Datagram(Datagram::Received(&from, size)));
        match &mut self.part {
            _ if !may_be_answered(from.port()) => {}
            None => self.send(&turn.piece[..size], from, turn),
            Some(part) => {
                part.hear(&turn.piece[..size], &from, turn.now);
                // What goes out in between must not depend on how many came at once.
                self.send_due(turn);
            }
        }
    }

    fn send_due(&mut self, turn: &Turn<'_>) {
        while let Some((answer, to)) = self.part.as_mut().and_then(|part| part.next(turn.now)) {
            self.send(&answer, to, turn);
        }
    }

    fn send(&self, answer: &[u8], to: SocketAddr, turn: &Turn<'_>) {
        if self.socket.send_to(answer, &Sender::Inet(to)).is_ok() {
            turn.tally.sent.add(answer.len());
            turn.tally.datagrams.add(1);
            turn.ctx.tell(&Event::Datagram(Datagram::Sent(&to, answer.len())));
        }
    }
}
