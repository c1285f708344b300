//! What a receiver answers to each datagram: a text, the datagram itself, or what a command says.
//!
//! Owns that nobody who can't be answered stops the receiving from others. Refuses to receive.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::Duration;

use super::exec::{Children, Exec};
use crate::error::{Error, plain};
use crate::event::{Datagram, Event};
use crate::net::datagram::{DatagramSocket, LARGEST_V4, LARGEST_V6, Sender};
use crate::net::{Context, SocketName};
use crate::sys::poll::{Interest, poll};

/// How long an answer waits for room in the send buffer: others want to be received.
const PATIENCE: Duration = Duration::from_millis(50);

/// Larger datagrams of a UNIX socket are nobody's whose size can't be asked.
const LARGEST_UNIX: usize = 1 << 20;

/// What each sender is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    #[default]
    None,
    /// Always the same.
    Text(Vec<u8>),
    /// What it sent.
    Echo,
    /// What a command makes of what it sent; nothing if that says nothing.
    Exec(Exec),
}

/// Answers the datagrams of one socket.
pub(super) struct Answers<'a> {
    ctx: &'a Context<'a>,
    socket: &'a DatagramSocket,
    reply: &'a Reply,
    /// The commands, where these answer.
    children: Option<Children<'a>>,
    /// No command is started any more.
    is_closed: bool,
    /// The same trouble is not told twice in a row.
    last_warning: String,
}

impl<'a> Answers<'a> {
    /// Answers of `socket`, as `reply` says.
    pub(super) fn new(ctx: &'a Context<'a>, socket: &'a DatagramSocket, reply: &'a Reply) -> Result<Self, Error> {
        let local = socket.local_name().unwrap_or(SocketName::Unix(None));
        let children = match reply {
            Reply::Exec(exec) => Some(Children::new(ctx, exec, local)?),
            _ => None,
        };
        Ok(Answers { ctx, socket, reply, children, is_closed: false, last_warning: String::new() })
    }

    /// How many more datagrams can be answered. Further ones wait in the receive queue.
    pub(super) fn room(&self) -> usize {
        self.children.as_ref().filter(|_| !self.is_closed).map_or(usize::MAX, Children::room)
    }

    /// Whether no answer is still being made.
    pub(super) fn is_idle(&self) -> bool {
        self.children.as_ref().is_none_or(Children::is_idle)
    }

    /// Answers a datagram, or starts to.
    pub(super) fn answer(&mut self, datagram: &[u8], from: &Sender) {
        match self.reply {
            Reply::None => {}
            Reply::Text(text) => self.send(text, from),
            Reply::Echo => self.send(datagram, from),
            Reply::Exec(_) if self.is_closed => {}
            Reply::Exec(_) if from.name() == SocketName::Unix(None) => self.warn(&NAMELESS),
            Reply::Exec(_) => {
                let largest = largest(self.socket, from);
                self.children.iter_mut().for_each(|children| children.start(datagram, from, largest));
            }
        }
    }

    /// Sends the answers that are complete by now.
    pub(super) fn turn(&mut self) {
        let complete = self.children.as_mut().map(Children::turn).unwrap_or_default();
        for (to, answer) in complete {
            self.send(&answer, &to);
        }
    }

    /// What to wait for before the next turn.
    pub(super) fn interests(&self) -> impl Iterator<Item = Interest<'_>> {
        self.children.iter().flat_map(Children::interests)
    }

    /// The longest time until the next turn.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.children.as_ref().and_then(Children::pause)
    }

    /// Ends what runs; from now on nothing is started.
    pub(super) fn stop(&mut self) {
        self.is_closed = true;
        self.children.iter_mut().for_each(Children::stop);
    }

    /// A sender that can't be answered is no reason to stop receiving from the others.
    fn send(&mut self, answer: &[u8], to: &Sender) {
        match self.send_patiently(answer, to) {
            Ok(()) => self.ctx.tell(&Event::Datagram(Datagram::Sent(&to.name(), answer.len()))),
            Err(_) if to.name() == SocketName::Unix(None) => self.warn(&NAMELESS),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.warn(&format_args!("no answer to {}: it does not take it", to.name()));
            }
            Err(e) => self.warn(&format_args!("no answer to {}: {}", to.name(), plain(&e))),
        }
    }

    fn send_patiently(&self, answer: &[u8], to: &Sender) -> io::Result<()> {
        match self.socket.send_to(answer, to) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                poll(&mut [Interest::write(self.socket.as_fd())], None, Some(PATIENCE))?;
                self.socket.send_to(answer, to)
            }
            done => done,
        }
    }

    fn warn(&mut self, warning: &dyn Display) {
        let text = warning.to_string();
        if text != self.last_warning {
            self.ctx.warn(&text);
            self.last_warning = text;
        }
    }
}

const NAMELESS: &str = "a sender without a name can't be answered";

/// The largest datagram that can go to `to`.
fn largest(socket: &DatagramSocket, to: &Sender) -> usize {
    match to {
        Sender::Inet(address) if address.ip().to_canonical().is_ipv4() => LARGEST_V4,
        Sender::Inet(_) => LARGEST_V6,
        Sender::Unix(_) => socket.largest().unwrap_or(LARGEST_UNIX),
    }
}
