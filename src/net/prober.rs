//! One local end that asks many ports of one address, and hears of each what became of the question.
//!
//! Owns how answers and errors find their port. Where the system keeps errors in a queue, one socket asks all ports, and
//! an error names the port that it is about. Elsewhere each port has a connected socket of its own, which is told of
//! little but a refusal. Refuses to judge what an answer or an error means, and to ask again.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Type};

use super::context::Context;
use super::datagram::LARGEST_V6;
use super::options::{SocketConfig, Use, apply, new_socket};
use super::socket::{bind_failed, source_address};
use crate::error::Error;
use crate::sys;
use crate::sys::errors::{Origin, SocketError};
use crate::sys::fd::{is_out_of_resources, is_too_large};
use crate::sys::poll::Interest;

/// More ports than this are not asked at once: what comes back must find room in the receive buffer.
const ROOM: usize = 1024;

/// So many sockets are open at once where each port needs one.
const SOCKETS: usize = 64;

/// So many datagrams of strangers, or errors that are gone when they are looked for, are passed over in one look.
const TURN: usize = 64;

/// Asks ports of one address.
#[derive(Debug)]
pub struct Prober {
    target: SocketAddr,
    local: Option<IpAddr>,
    config: SocketConfig,
    ways: Ways,
    heard: VecDeque<Heard>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Ways {
    /// Not connected, with an error queue.
    Shared(UdpSocket),
    /// By port, connected.
    Each(BTreeMap<u16, UdpSocket>),
}

/// What came back.
#[derive(Debug)]
pub struct Heard {
    /// From this port, or about it.
    pub port: u16,
    /// What it is.
    pub what: What,
}

/// An answer or an error.
#[derive(Debug)]
pub enum What {
    /// A datagram from the port.
    Answer(Vec<u8>),
    /// The network's, or the kernel's, word on a question.
    Error(SocketError),
}

/// What became of a question here.
#[derive(Debug)]
pub enum Sending {
    /// It is on its way.
    Sent,
    /// The kernel has no room for it now.
    Full,
    /// It is larger than the interface or the protocol takes: the MTU, where the kernel names it.
    TooLarge(Option<u32>),
    /// The kernel has no way for it.
    NoWay(io::Error),
}

impl Prober {
    /// A local end for the ports of `target`, whose own port does not count.
    pub fn open(ctx: &Context<'_>, target: SocketAddr, config: &SocketConfig) -> Result<Self, Error> {
        let target = reachable(target);
        let socket = udp(ctx, target, config)?;
        let ways = match sys::queue_errors(socket.as_fd(), target.is_ipv6()) {
            Ok(()) => Ways::Shared(socket),
            Err(_) => Ways::Each(BTreeMap::new()),
        };
        let local = source_address(target, config)?.map(|source| source.ip()).filter(|ip| !ip.is_unspecified());
        let local = local.or_else(|| local_towards(target));
        let buffer = vec![0; LARGEST_V6];
        Ok(Prober { target, local, config: config.clone(), ways, heard: VecDeque::new(), buffer })
    }

    /// The address that is asked; an IPv4-mapped one as IPv4.
    pub fn target(&self) -> IpAddr {
        self.target.ip().to_canonical()
    }

    /// The address that questions come from, as far as the routes tell.
    pub fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// How many ports may be asked at once.
    pub fn room(&self) -> usize {
        match self.ways {
            Ways::Shared(_) => ROOM,
            // Two sockets can't have one local port.
            Ways::Each(_) if self.config.source_port.is_some() => 1,
            Ways::Each(_) => SOCKETS,
        }
    }

    /// From now on nobody fragments a question.
    pub fn never_fragment(&self) -> io::Result<()> {
        match &self.ways {
            Ways::Shared(socket) => sys::never_fragment(socket.as_fd(), self.target.is_ipv6()),
            Ways::Each(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Sends `question` to `port`.
    pub fn ask(&mut self, ctx: &Context<'_>, port: u16, question: &[u8]) -> Result<Sending, Error> {
        let mut repeated = false;
        for _ in 0..TURN {
            let Err(error) = self.send(ctx, port, question)? else { return Ok(Sending::Sent) };
            let told = self.collect();
            match error.kind() {
                ErrorKind::WouldBlock => return Ok(Sending::Full),
                _ if is_out_of_resources(&error) => return Ok(Sending::Full),
                _ if is_too_large(&error) && (told.local.is_some() || repeated) => {
                    return Ok(Sending::TooLarge(told.local.filter(|&mtu| mtu > 0)));
                }
                // A call can also give the error of an earlier question: then it has sent nothing, and is made again.
                _ if told.late => {}
                _ if !repeated => repeated = true,
                _ => return Ok(Sending::NoWay(error)),
            }
        }
        Ok(Sending::Full)
    }

    /// The next thing that came back; `None` if there is nothing more for now.
    pub fn hear(&mut self) -> Option<Heard> {
        if self.heard.is_empty() {
            self.collect();
        }
        self.heard.pop_front().or_else(|| self.receive())
    }

    /// Nothing more is wanted of `port`.
    pub fn leave(&mut self, port: u16) {
        if let Ways::Each(sockets) = &mut self.ways {
            sockets.remove(&port);
        }
    }

    /// What to wait for: answers and errors.
    pub fn interests(&self) -> Vec<Interest<'_>> {
        match &self.ways {
            Ways::Shared(socket) => vec![Interest::read(socket.as_fd())],
            Ways::Each(sockets) => sockets.values().map(|socket| Interest::read(socket.as_fd())).collect(),
        }
    }

    fn send(&mut self, ctx: &Context<'_>, port: u16, question: &[u8]) -> Result<io::Result<()>, Error> {
        let mut to = self.target;
        to.set_port(port);
        let sockets = match &mut self.ways {
            Ways::Shared(socket) => return Ok(socket.send_to(question, to).map(|_| ())),
            Ways::Each(sockets) => sockets,
        };
        if let Some(socket) = sockets.get(&port) {
            return Ok(socket.send(question).map(|_| ()).or_else(|error| match error.kind() {
                // The answer to an earlier question, and as good as one to this.
                ErrorKind::ConnectionRefused => {
                    let what = What::Error(SocketError::bare(error, to));
                    self.heard.push_back(Heard { port, what });
                    Ok(())
                }
                _ => Err(error),
            }));
        }
        let socket = udp(ctx, to, &self.config)?;
        if let Err(error) = socket.connect(to) {
            return Ok(Err(error));
        }
        let sent = socket.send(question).map(|_| ());
        sockets.insert(port, socket);
        Ok(sent)
    }

    /// Takes over what the error queue holds.
    fn collect(&mut self) -> Told {
        let mut told = Told::default();
        let Ways::Shared(socket) = &self.ways else { return told };
        while let Ok(entry) = sys::next_error(socket.as_fd()) {
            match (entry.origin, entry.to) {
                (Origin::Local, _) => told.local = Some(entry.mtu),
                (_, Some(to)) => {
                    told.late = true;
                    self.heard.push_back(Heard { port: to.port(), what: What::Error(entry) });
                }
                _ => {}
            }
        }
        told
    }

    fn receive(&mut self) -> Option<Heard> {
        for _ in 0..TURN {
            match &self.ways {
                Ways::Shared(socket) => match socket.recv_from(&mut self.buffer) {
                    Ok((_, from)) if self.is_self(socket, from) => return Some(met_itself(from)),
                    Ok((size, from)) if self.is_target(from) => {
                        return Some(answer(from.port(), &self.buffer[..size]));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                    // Of a question that went before: the queue says which.
                    Err(_) => {
                        self.collect();
                        if let Some(heard) = self.heard.pop_front() {
                            return Some(heard);
                        }
                    }
                },
                Ways::Each(sockets) => {
                    return sockets
                        .iter()
                        .find_map(|(&port, socket)| look(self.target, port, socket, &mut self.buffer));
                }
            }
        }
        None
    }

    fn is_self(&self, socket: &UdpSocket, from: SocketAddr) -> bool {
        let ours = socket.local_addr().is_ok_and(|local| local.port() == from.port());
        ours && self.local == Some(from.ip().to_canonical())
    }

    fn is_target(&self, from: SocketAddr) -> bool {
        from.ip().to_canonical() == self.target()
    }
}

/// What was found while the error queue was emptied.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// What became of earlier questions.
    late: bool,
    /// The size of a question was refused here; the MTU, 0 if it is not named.
    local: Option<u32>,
}

fn answer(port: u16, bytes: &[u8]) -> Heard {
    Heard { port, what: What::Answer(bytes.to_vec()) }
}

/// A question that came back to the socket that had sent it: nobody else has that port, or it could not be ours.
fn met_itself(at: SocketAddr) -> Heard {
    let error = SocketError::bare(ErrorKind::ConnectionRefused.into(), at);
    Heard { port: at.port(), what: What::Error(error) }
}

/// What waits on the connected socket of one port.
fn look(target: SocketAddr, port: u16, socket: &UdpSocket, buffer: &mut [u8]) -> Option<Heard> {
    match socket.recv(buffer) {
        Ok(_) if socket.local_addr().ok() == Some(SocketAddr::new(target.ip(), port)) => {
            Some(met_itself(SocketAddr::new(target.ip(), port)))
        }
        Ok(size) => Some(answer(port, &buffer[..size])),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
        Err(error) => {
            let to = SocketAddr::new(target.ip(), port);
            Some(Heard { port, what: What::Error(SocketError::bare(error, to)) })
        }
    }
}

/// The wildcard is sent to as loopback, which is where the answers come from.
fn reachable(target: SocketAddr) -> SocketAddr {
    match target {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (std::net::Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (std::net::Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

fn udp(ctx: &Context<'_>, target: SocketAddr, config: &SocketConfig) -> Result<UdpSocket, Error> {
    let made = new_socket(Domain::for_address(target), Type::DGRAM).map_err(|e| bind_failed(&target, &e))?;
    apply(ctx, &made, config, Use::Datagram)?;
    if let Some(source) = source_address(target, config)? {
        made.bind(&source.into()).map_err(|e| bind_failed(&source, &e))?;
    }
    Ok(made.into())
}

/// The local address of the route to `target`; connecting a datagram socket sends nothing.
fn local_towards(target: SocketAddr) -> Option<IpAddr> {
    const DISCARD: u16 = 9;
    let mut to = target;
    to.set_port(DISCARD);
    let any = if target.is_ipv4() { IpAddr::from([0_u8; 4]) } else { IpAddr::from([0_u8; 16]) };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    socket.local_addr().ok().map(|local| local.ip().to_canonical())
}
