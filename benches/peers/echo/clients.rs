//! Clients that stay: each has one message on its way, and sends the next when the echo of it is complete.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::Load;
use super::message::{MESSAGE, message};
use crate::payload::words;

/// How long all echoes together may stay away before they are taken for lost.
const PATIENCE: Duration = Duration::from_secs(10);
const EVENTS: usize = 256;
/// Larger than a message: what should not have come back is to be seen.
pub const BUFFER: usize = 4096;

/// The clients of one server.
pub struct Clients {
    epoll: OwnedFd,
    all: Vec<Client>,
    events: Vec<Event>,
}

struct Client {
    number: u32,
    sequence: u32,
    stream: TcpStream,
    /// Its message that is on its way.
    wanted: [u8; MESSAGE],
    /// How much of it is back.
    got: usize,
    sent: Instant,
}

impl Clients {
    /// One after the other: a client is in when its first echo is there.
    pub fn connect(server: SocketAddr, count: usize) -> Result<Self, String> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|e| words(e.into()))?;
        let mut all = Vec::with_capacity(count);
        for number in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let client = Client::connect(server, number).map_err(|e| format!("client {number} of {count}: {e}"))?;
            // By edges: a message is one write, and after a part of it comes another edge.
            let flags = EventFlags::IN | EventFlags::ET;
            epoll::add(&epoll, &client.stream, EventData::new_u64(number.into()), flags)
                .map_err(|e| words(e.into()))?;
            all.push(client);
        }
        Ok(Self { epoll, all, events: Vec::with_capacity(EVENTS) })
    }

    /// Until `time` has passed; then the last message of each is awaited, which counts no more.
    pub fn load(&mut self, time: Duration) -> Result<Load, String> {
        let mut buffer = [0; BUFFER];
        let mut times = Vec::new();
        let end = Instant::now() + time;
        for client in &mut self.all {
            client.send(Instant::now())?;
        }
        let mut on_their_way = self.all.len();
        while on_their_way > 0 {
            wait(&self.epoll, &mut self.events, PATIENCE)?;
            if self.events.is_empty() {
                return Err(format!("{on_their_way} echoes did not come within {PATIENCE:?}"));
            }
            for event in self.events.drain(..) {
                let client = &mut self.all[place(event)];
                if !client.receive(&mut buffer)? {
                    continue;
                }
                let now = Instant::now();
                if now < end {
                    times.push(now - client.sent);
                    client.send(now)?;
                } else {
                    on_their_way -= 1;
                }
            }
        }
        Ok(Load { seconds: time.as_secs_f64(), times, resent: 0 })
    }
}

impl Client {
    fn connect(server: SocketAddr, number: u32) -> Result<Self, String> {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(words)?;
        stream.set_nodelay(true).map_err(words)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
        let (wanted, mut echo) = (message(number, 0), [0; MESSAGE]);
        stream.write_all(&wanted).map_err(words)?;
        stream.read_exact(&mut echo).map_err(|e| match e.kind() {
            ErrorKind::WouldBlock => format!("no echo of its first message within {PATIENCE:?}"),
            _ => words(e),
        })?;
        stream.set_nonblocking(true).map_err(words)?;
        if echo != wanted {
            return Err("its first message did not come back as it was sent".to_owned());
        }
        Ok(Self { number, sequence: 0, stream, wanted, got: MESSAGE, sent: Instant::now() })
    }

    fn send(&mut self, now: Instant) -> Result<(), String> {
        self.sequence += 1;
        self.wanted = message(self.number, self.sequence);
        (self.got, self.sent) = (0, now);
        match self.stream.write(&self.wanted) {
            Ok(MESSAGE) => Ok(()),
            Ok(_) => Err("there was no room for a whole message".to_owned()),
            Err(error) => Err(format!("client {}: {error}", self.number)),
        }
    }

    /// Whether the echo is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        let failed = |what: &str| Err(format!("client {}: {what}", self.number));
        match self.stream.read(buffer) {
            Ok(0) => failed("the server closed the connection"),
            Ok(n) if self.wanted[self.got..].starts_with(&buffer[..n]) => {
                self.got += n;
                Ok(self.got == MESSAGE)
            }
            Ok(_) => failed(&format!("message {} did not come back as it was sent", self.sequence)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => failed(&words(error)),
        }
    }
}

/// Waits for events, at most for so long. The number that it was added with is an event's [`place`].
pub fn wait(epoll: &OwnedFd, events: &mut Vec<Event>, limit: Duration) -> Result<(), String> {
    let limit = Timespec::try_from(limit).map_err(|e| e.to_string())?;
    match epoll::wait(epoll, spare_capacity(events), Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(words(error.into())),
    }
}

pub fn place(event: Event) -> usize {
    // The field is unaligned: it is copied out.
    let data = event.data;
    usize::try_from(data.u64()).unwrap_or(usize::MAX)
}
