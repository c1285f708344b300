//! Who is at the other end of a chat: one peer or group that lines go to, or whoever has sent last.
//!
//! Owns how each is named, answered and waited for. Refuses to know lines.

use std::io;

use crate::error::{Error, Kind};
use crate::net::SocketName;
use crate::net::datagram::{DatagramSocket, Sender, send_failed};
use crate::serve::place::Target;
use crate::sys::fd::is_too_large;

/// Who is at the other end.
pub(super) enum Counterpart<'a> {
    /// Lines go to one peer or group, as those of `udp-send` do.
    Peer(&'a Target),
    /// Lines go to the sender of the last datagram, as those of `udp-recv` do; to nobody before the first one.
    LastSender { socket: &'a DatagramSocket, last: Option<Sender> },
}

impl<'a> Counterpart<'a> {
    pub(super) fn socket(&self) -> &'a DatagramSocket {
        match self {
            Counterpart::Peer(target) => &target.socket,
            Counterpart::LastSender { socket, .. } => socket,
        }
    }

    /// Whether it is an address that was asked for, and owes an answer.
    pub(super) fn is_peer(&self) -> bool {
        matches!(self, Counterpart::Peer(_))
    }

    /// Whether several may send: then each datagram is shown with its sender.
    pub(super) fn may_be_several(&self) -> bool {
        !self.is_peer() || self.socket().is_group()
    }

    /// A datagram came from `sender`.
    pub(super) fn heard(&mut self, sender: Sender) {
        if let Counterpart::LastSender { last, .. } = self {
            *last = Some(sender);
        }
    }

    /// Whether there is somebody to send to.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Counterpart::Peer(_) | Counterpart::LastSender { last: Some(_), .. })
    }

    /// The last sender is left without an answer; gives its name. One peer stays.
    pub(super) fn leave(&mut self) -> Option<SocketName> {
        match self {
            Counterpart::Peer(_) => None,
            Counterpart::LastSender { last, .. } => last.take().map(|sender| sender.name()),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> SocketName {
        match self {
            Counterpart::Peer(target) => target.name.clone(),
            Counterpart::LastSender { socket, last } => {
                let name = last.as_ref().map(Sender::name);
                name.or_else(|| socket.local_name().ok()).unwrap_or(SocketName::Unix(None))
            }
        }
    }

    pub(super) fn send(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Counterpart::Peer(target) => target.socket.send(line),
            Counterpart::LastSender { socket, last: Some(to) } => socket.send_to(line, to),
            Counterpart::LastSender { last: None, .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Whether poll(2) tells when a full queue has room again: on a UNIX socket that is not connected it can't know
    /// whose queue is meant.
    pub(super) fn tells_room(&self) -> bool {
        self.is_peer()
    }

    /// The error of `size` bytes that did not get there.
    pub(super) fn send_failed(&self, error: &io::Error, size: usize) -> Error {
        let name = self.name();
        match self {
            _ if is_too_large(error) => {
                Error::new(Kind::Send, "send to", name, format!("{size} bytes are too many for one datagram"))
            }
            Counterpart::Peer(target) => target.send_failed(error),
            Counterpart::LastSender { .. } if name == SocketName::Unix(None) => {
                Error::new(Kind::Send, "send to", name, "a sender without a name can't be answered")
            }
            Counterpart::LastSender { .. } => send_failed(&name, error),
        }
    }
}
