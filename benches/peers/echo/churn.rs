//! Clients that come, bring one message, and go when its echo is complete.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::Load;
use super::clients::{BUFFER, place, wait};
use super::message::{MESSAGE, message};
use crate::payload::words;

/// A full backlog costs a second, then two, then four.
const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: usize = 64;

/// `count` connections, `at_a_time` of them at once, or as many as there is time for. Those that are still on their
/// way then are seen through, but count no more.
pub fn churn(server: SocketAddr, at_a_time: usize, count: usize, time: Duration) -> Result<Load, String> {
    let mut door = Door::new(server)?;
    let (mut events, mut buffer) = (Vec::with_capacity(EVENTS), [0; BUFFER]);
    let mut times = Vec::with_capacity(count);
    let mut seconds = None;
    let started = Instant::now();
    let mut guests = (0..at_a_time).map(|place| door.open(place).map(Some)).collect::<Result<Vec<_>, _>>()?;
    while guests.iter().any(Option::is_some) {
        wait(&door.epoll, &mut events, PATIENCE)?;
        if events.is_empty() {
            return Err(format!("connections got no echo within {PATIENCE:?}"));
        }
        for event in events.drain(..) {
            let place = place(event);
            let Some(guest) = &mut guests[place] else { continue };
            if !guest.turn(&mut buffer)? {
                continue;
            }
            let now = Instant::now();
            if seconds.is_none() {
                times.push(now - guest.came);
            }
            // It is closed before the next one comes.
            guests[place] = None;
            if times.len() < count && now < started + time {
                guests[place] = Some(door.open(place)?);
            } else {
                seconds.get_or_insert((now - started).as_secs_f64());
            }
        }
    }
    Ok(Load { seconds: seconds.unwrap_or(f64::NAN), times, resent: 0 })
}

/// Where guests come in.
struct Door {
    server: SocketAddr,
    epoll: OwnedFd,
    next: u32,
}

struct Guest {
    number: u32,
    socket: OwnedFd,
    message: [u8; MESSAGE],
    is_sent: bool,
    got: usize,
    came: Instant,
}

impl Door {
    fn new(server: SocketAddr) -> Result<Self, String> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
        Ok(Self { server, epoll, next: 0 })
    }

    fn open(&mut self, place: usize) -> Result<Guest, String> {
        let (number, came) = (self.next, Instant::now());
        self.next += 1;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).map_err(failed)?;
        match connect(&socket, &self.server) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(format!("connection {number}: {}", failed(error))),
        }
        let mut guest = Guest { number, socket, message: message(number, 0), is_sent: false, got: 0, came };
        // On loopback the handshake is over by now, unless the backlog is full.
        guest.send()?;
        let room = if guest.is_sent { EventFlags::empty() } else { EventFlags::OUT };
        let flags = EventFlags::IN | EventFlags::ET | room;
        epoll::add(&self.epoll, &guest.socket, EventData::new_u64(place as u64), flags).map_err(failed)?;
        Ok(guest)
    }
}

impl Guest {
    /// Whether its echo is complete.
    fn turn(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        if !self.is_sent {
            self.send()?;
        }
        match read(&self.socket, &mut *buffer) {
            Ok(0) => Err(self.says("the server closed it before the echo was complete")),
            Ok(n) if self.message[self.got..].starts_with(&buffer[..n]) => {
                self.got += n;
                Ok(self.got == MESSAGE)
            }
            Ok(_) => Err(self.says("its message did not come back as it was sent")),
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(self.says(&failed(error))),
        }
    }

    /// If it is connected already.
    fn send(&mut self) -> Result<(), String> {
        match write(&self.socket, &self.message) {
            Ok(MESSAGE) => self.is_sent = true,
            Ok(_) => return Err(self.says("there was no room for a whole message")),
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(self.says(&failed(error))),
        }
        Ok(())
    }

    fn says(&self, what: &str) -> String {
        format!("connection {}: {what}", self.number)
    }
}

fn failed(error: Errno) -> String {
    words(error.into())
}
