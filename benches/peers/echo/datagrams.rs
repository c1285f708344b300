//! UDP sockets: each has one datagram on its way. One that does not come back in time is sent again, and counted.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::Load;
use super::clients::{BUFFER, place, wait};
use super::message::{MESSAGE, message, sequence};
use crate::payload::words;

/// A trip over loopback that takes longer has ended in a full buffer, or with nobody.
const LOST: Duration = Duration::from_millis(200);
/// So many in a row are not lost: nobody answers.
const TRIES: u32 = 20;
const EVENTS: usize = 64;

/// The sockets that talk to one server.
pub struct Sockets {
    epoll: OwnedFd,
    all: Vec<Socket>,
    events: Vec<Event>,
}

struct Socket {
    number: u32,
    sequence: u32,
    udp: UdpSocket,
    wanted: [u8; MESSAGE],
    /// When the trip began, its first datagram that is.
    began: Instant,
    /// When it is taken for lost; never if nothing is on its way.
    lost_at: Option<Instant>,
    tries: u32,
    resent: u64,
}

impl Sockets {
    /// One after the other: a socket is in when its first datagram is back, which a server that forks takes time for.
    pub fn connect(server: SocketAddr, count: usize) -> Result<Self, String> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|e| words(e.into()))?;
        let mut sockets = Self { epoll, all: Vec::with_capacity(count), events: Vec::with_capacity(EVENTS) };
        for number in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let socket = Socket::connect(server, number).map_err(words)?;
            let flags = EventFlags::IN | EventFlags::ET;
            epoll::add(&sockets.epoll, &socket.udp, EventData::new_u64(number.into()), flags)
                .map_err(|e| words(e.into()))?;
            sockets.all.push(socket);
            sockets.load(Duration::ZERO)?;
        }
        Ok(sockets)
    }

    /// Until `time` has passed; then the last datagram of each is awaited, which counts no more.
    pub fn load(&mut self, time: Duration) -> Result<Load, String> {
        let (mut times, mut buffer) = (Vec::new(), [0; BUFFER]);
        let end = Instant::now() + time;
        for socket in &mut self.all {
            socket.resent = 0;
            socket.send_next(Instant::now())?;
        }
        let mut on_their_way = self.all.len();
        let mut look_at = Instant::now() + LOST;
        while on_their_way > 0 {
            wait(&self.epoll, &mut self.events, LOST)?;
            let mut now = Instant::now();
            for event in self.events.drain(..) {
                let socket = &mut self.all[place(event)];
                if !socket.receive(&mut buffer)? {
                    continue;
                }
                now = Instant::now();
                if now < end {
                    times.push(now - socket.began);
                    socket.send_next(now)?;
                } else {
                    on_their_way -= 1;
                }
            }
            if now >= look_at {
                self.all.iter_mut().try_for_each(|socket| socket.resend_if_lost(now))?;
                look_at = now + LOST / 4;
            }
        }
        let resent = self.all.iter().map(|socket| socket.resent).sum();
        Ok(Load { seconds: time.as_secs_f64(), times, resent })
    }
}

impl Socket {
    fn connect(server: SocketAddr, number: u32) -> std::io::Result<Self> {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        udp.connect(server)?;
        udp.set_nonblocking(true)?;
        let (began, wanted) = (Instant::now(), [0; MESSAGE]);
        Ok(Self { number, sequence: 0, udp, wanted, began, lost_at: None, tries: 0, resent: 0 })
    }

    fn send_next(&mut self, now: Instant) -> Result<(), String> {
        self.sequence += 1;
        self.wanted = message(self.number, self.sequence);
        (self.began, self.tries) = (now, 0);
        self.send(now)
    }

    fn resend_if_lost(&mut self, now: Instant) -> Result<(), String> {
        if self.lost_at.is_none_or(|at| now < at) {
            return Ok(());
        }
        self.resent += 1;
        self.tries += 1;
        if self.tries > TRIES {
            return Err(self.says("nobody answers"));
        }
        self.send(now)
    }

    fn send(&mut self, now: Instant) -> Result<(), String> {
        self.lost_at = Some(now + LOST);
        match self.udp.send(&self.wanted) {
            Err(error) if !is_refused(&error) => Err(self.says(&words(error))),
            _ => Ok(()),
        }
    }

    /// Whether what is on its way is back. Behind it there may be others that were sent twice.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        loop {
            let got = match self.udp.recv(buffer) {
                Ok(n) => &buffer[..n],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if is_refused(&error) => continue,
                Err(error) => return Err(self.says(&words(error))),
            };
            if got == self.wanted && self.lost_at.take().is_some() {
                return Ok(true);
            }
            if !self.was_sent(got) {
                return Err(self.says("a datagram did not come back as it was sent"));
            }
        }
    }

    fn was_sent(&self, got: &[u8]) -> bool {
        let whole: Option<&[u8; MESSAGE]> = got.try_into().ok();
        whole.is_some_and(|got| sequence(got) <= self.sequence && *got == message(self.number, sequence(got)))
    }

    fn says(&self, what: &str) -> String {
        format!("socket {}: {what}", self.number)
    }
}

/// While a server forks for another client there may be nobody at its port: that datagram is lost as any other.
fn is_refused(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionRefused
}
