//! Datagrams that come, by the batch, and the end of their coming.
//!
//! Owns the difference between UDP, of which many come in one call, and UNIX datagrams, of which each is asked its
//! size. Refuses to frame and to count.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use socket2::SockRef;

use super::{DatagramSocket, Inner, Sender};
use crate::error::{Error, Kind};
use crate::event::datagram::Facts;
use crate::event::{Event, Open};
use crate::net::Context;
use crate::sys::batch::{self, Inbox};

/// So many datagrams are taken in one call.
const SLOTS: usize = 64;

/// The receive buffer that is asked for when the user has not said one: some tens of milliseconds of a flood, for which
/// the scheduler or a slow file may keep us away. Memory is taken by what is in it only.
const RECEIVE_BUFFER: usize = 32 << 20;

/// How often half of it is tried instead.
const HALVES: usize = 8;

/// Memory for datagrams, and those that came last.
pub struct Batch(Memory);

enum Memory {
    Udp(Inbox),
    Unix { buffer: Vec<u8>, came: Option<(usize, Sender)> },
}

/// A datagram that came.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where it came from.
    pub from: Sender,
    /// What the kernel told of it.
    pub facts: Facts,
    /// It was larger than the room for it.
    pub is_cut: bool,
}

impl DatagramSocket {
    /// Room for a batch of this socket's datagrams, each of the largest size.
    pub fn batch(&self) -> Batch {
        Batch(match &self.inner {
            Inner::Udp(_) => Memory::Udp(Inbox::new(SLOTS)),
            Inner::Unix(_) => Memory::Unix { buffer: Vec::new(), came: None },
        })
    }

    /// Takes up to `most` of the datagrams that wait; `WouldBlock` if there is none.
    pub fn receive_batch(&self, batch: &mut Batch, most: usize) -> io::Result<()> {
        match &mut batch.0 {
            Memory::Udp(inbox) => inbox.receive(self.as_fd(), most),
            Memory::Unix { buffer, came } => {
                *came = None;
                *came = Some(self.receive(buffer)?);
                Ok(())
            }
        }
    }

    /// Gives the UDP datagrams of a batch back to those of their senders who are `welcome`; one that does not go at once
    /// is lost. Gives how many datagrams and bytes went.
    pub fn give_back(&self, batch: &mut Batch, welcome: impl Fn(SocketAddr) -> bool) -> (usize, usize) {
        let Memory::Udp(inbox) = &mut batch.0 else { return (0, 0) };
        let sizes: Vec<_> = inbox.items().map(|item| welcome(item.from).then_some(item.bytes.len())).collect();
        let (mut at, mut datagrams, mut bytes) = (0, 0, 0);
        while at < sizes.len() {
            let run = sizes[at..].iter().map_while(|size| *size);
            let sent = inbox.give_back(self.as_fd(), at..at + run.clone().count());
            datagrams += sent;
            bytes += run.take(sent).sum::<usize>();
            // The next one is not welcome, or can't be sent.
            at += sent + 1;
        }
        (datagrams, bytes)
    }

    /// From now on each datagram comes with its facts, as far as the system tells them.
    pub fn ask_for_facts(&self) -> Result<(), Error> {
        let Inner::Udp(socket) = &self.inner else { return Ok(()) };
        let is_v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
        batch::ask_for_facts(socket.as_fd(), is_v6).map_err(|e| failed("what datagrams tell beside their bytes", &e))
    }

    /// From now on trains of datagrams come in one piece, and are split again by [`Batch::datagrams`].
    pub fn gather(&self, ctx: &Context<'_>) -> Result<(), Error> {
        batch::gather(self.as_fd()).map_err(|e| failed("UDP_GRO", &e))?;
        ctx.tell(&Event::Open(Open::OptionSet("UDP_GRO", &true)));
        Ok(())
    }

    /// Asks for a receive buffer of `size` bytes, or without one for a large one: over the system's limit where we may,
    /// else up to it; tells what was granted.
    pub fn widen_receive_buffer(&self, ctx: &Context<'_>, size: Option<usize>) {
        let Inner::Udp(socket) = &self.inner else { return };
        let socket = SockRef::from(socket);
        let size = size.unwrap_or(RECEIVE_BUFFER);
        if batch::force_receive_buffer(self.as_fd(), size).is_err() {
            // Linux gives what it may without an error; others refuse what is too much, and then less may do.
            let mut smaller = std::iter::successors(Some(size), |size| Some(size / 2)).take(HALVES);
            smaller.any(|size| socket.set_recv_buffer_size(size).is_ok());
        }
        ctx.tell(&Event::Open(Open::OptionSet("SO_RCVBUF", &size)));
        if let Ok(granted) = socket.recv_buffer_size() {
            ctx.tell(&Event::Open(Open::OptionSet("SO_RCVBUF granted", &granted)));
        }
    }

    /// The receive buffer that was granted, in bytes of the kernel's own memory; 0 where nobody can say, and for UNIX
    /// datagrams, of which it bounds nothing.
    pub fn receive_buffer(&self) -> usize {
        let Inner::Udp(socket) = &self.inner else { return 0 };
        SockRef::from(socket).recv_buffer_size().unwrap_or(0)
    }

    /// Ends the coming: what is sent from now on is refused to its sender and in no account of ours; what has come stays
    /// in the queue, and the queue and [`DatagramSocket::dropped`] are complete when this returns.
    ///
    /// A UDP socket that is connected gets datagrams of its peer alone, and to nobody else is anything at its port: so
    /// it is connected to itself, and the deliveries that had found it before are waited for. Where there is no way to
    /// itself, a filter drops what comes, which counts as dropped. See connect(2), socket(7).
    ///
    /// Tells whether it is closed: otherwise what comes between the last look and the end is not known.
    pub fn close_door(&self) -> bool {
        match &self.inner {
            Inner::Udp(socket) => {
                let is_closed = connect_to_itself(socket).is_ok() || batch::refuse_all(socket.as_fd()).is_ok();
                batch::await_deliveries();
                is_closed
            }
            // Refused only if it has no peer on systems that want one; what comes then is lost with the socket.
            Inner::Unix(socket) => socket.shutdown(std::net::Shutdown::Read).is_ok(),
        }
    }
}

fn failed(option: &'static str, error: &io::Error) -> Error {
    Error::io(Kind::Bind, "set", option, error)
}

fn connect_to_itself(socket: &UdpSocket) -> io::Result<()> {
    let mut own = socket.local_addr()?;
    match own.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => {
            own.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        IpAddr::V6(ip) if ip.is_unspecified() || ip.is_multicast() => {
            own = SocketAddr::from((Ipv6Addr::LOCALHOST, own.port()));
        }
        _ => {}
    }
    socket.connect(own)
}

impl Batch {
    /// How many came in one piece each.
    pub fn len(&self) -> usize {
        match &self.0 {
            Memory::Udp(inbox) => inbox.len(),
            Memory::Unix { came, .. } => usize::from(came.is_some()),
        }
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The datagrams that came, in order, trains split.
    pub fn datagrams(&self) -> impl Iterator<Item = Received<'_>> {
        let (udp, unix) = match &self.0 {
            Memory::Udp(inbox) => (Some(inbox.items()), None),
            Memory::Unix { buffer, came } => (None, came.as_ref().map(|(size, from)| (&buffer[..*size], from))),
        };
        let udp = udp.into_iter().flatten().flat_map(|item| {
            split(item.bytes, item.segment).map(move |bytes| Received {
                bytes,
                from: Sender::Inet(item.from),
                facts: item.facts,
                is_cut: item.is_cut,
            })
        });
        let unix = unix.into_iter().map(|(bytes, from)| Received {
            bytes,
            from: from.clone(),
            facts: Facts::default(),
            is_cut: false,
        });
        udp.chain(unix)
    }
}

/// The datagrams of a train: all of `segment` bytes but the last, which has what is left.
fn split(train: &[u8], segment: Option<usize>) -> impl Iterator<Item = &[u8]> {
    let size = segment.unwrap_or(train.len()).max(1);
    let only = train.is_empty().then_some(train);
    only.into_iter().chain(train.chunks(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trains_are_split_into_their_datagrams() {
        let sizes = |bytes: usize, segment| split(&vec![0; bytes], segment).map(<[u8]>::len).collect::<Vec<_>>();
        let table: [(usize, Option<usize>, &[usize]); 6] = [
            (0, None, &[0]),
            (1500, None, &[1500]),
            (3000, Some(1000), &[1000, 1000, 1000]),
            (3001, Some(1000), &[1000, 1000, 1000, 1]),
            (10, Some(10), &[10]),
            (5, Some(10), &[5]),
        ];
        for (bytes, segment, wanted) in table {
            assert_eq!(sizes(bytes, segment), wanted, "{bytes} {segment:?}");
        }
    }
}
