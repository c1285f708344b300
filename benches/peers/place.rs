//! Where the two ends meet, and whether the listening one is there already.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::{Child, start};
use crate::payload::{Scratch, remove, words};

const LOWEST_PORT: u16 = 10_000;

/// An address of this machine.
#[derive(Clone, Debug)]
pub enum Place {
    /// A port of 127.0.0.1.
    Tcp(u16),
    /// A port of 127.0.0.1.
    Udp(u16),
    Unix(PathBuf),
}

#[derive(Clone, Copy, Debug)]
pub enum Medium {
    Tcp,
    Udp,
    Unix,
}

/// Starts what listens, and waits until it does. Somebody else may take the port in between: then another.
pub fn listen(
    scratch: &Scratch,
    medium: Medium,
    limit: Duration,
    command: impl Fn(&Place) -> Result<Command, String>,
) -> Result<(Place, Child), String> {
    let mut error = String::new();
    for _ in 0..3 {
        let place = Place::fresh(scratch, medium)?;
        let child = start(command(&place)?, limit)?;
        if place.wait_for_listener(&child) {
            return Ok((place, child));
        }
        if !child.has_ended() {
            return Err("it does not listen".to_owned());
        }
        error = child.end().err().unwrap_or_else(|| "it ended before a client came".to_owned());
    }
    Err(error)
}

impl Place {
    /// Free when it is given out.
    pub fn fresh(scratch: &Scratch, medium: Medium) -> Result<Self, String> {
        match medium {
            Medium::Unix => Ok(Self::Unix(scratch.path("socket"))),
            Medium::Tcp => free_port(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)).map(Self::Tcp),
            Medium::Udp => free_port(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).map(drop)).map(Self::Udp),
        }
    }

    /// Whether somebody listens; not if `child` ended instead or let its time pass.
    pub fn wait_for_listener(&self, child: &Child) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while !self.is_listening() {
            if child.has_ended() || Instant::now() > until {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// By the kernel's tables (proc(5)): a connection would be taken for the client.
    fn is_listening(&self) -> bool {
        match self {
            Self::Tcp(port) => {
                // local_address in hex, remote address, state: 0A is TCP_LISTEN.
                let (local, state) = (format!(":{port:04X}"), "0A");
                table("/proc/net/tcp", |f| f[1].ends_with(&local) && f[3] == state)
            }
            Self::Udp(port) => {
                // 07 is TCP_CLOSE, which is what a UDP socket without a peer is in.
                let (local, state) = (format!(":{port:04X}"), "07");
                table("/proc/net/udp", |f| f[1].ends_with(&local) && f[3] == state)
            }
            Self::Unix(path) => {
                // Flags: __SO_ACCEPTCON is set once listen(2) was called.
                let path = path.to_string_lossy();
                table("/proc/net/unix", |f| f[3] == "00010000" && f.get(7).is_some_and(|&name| name == path))
            }
        }
    }

    /// Whether nothing waits in the socket of a UDP port; of any other place nobody knows.
    pub fn queue_is_empty(&self) -> bool {
        let Self::Udp(port) = self else { return true };
        let local = format!(":{port:04X}");
        !table("/proc/net/udp", |f| f[1].ends_with(&local) && !f[4].ends_with(":00000000"))
    }

    /// nc and ncat leave their socket file behind.
    pub fn clear(&self) {
        if let Self::Unix(path) = self {
            remove(path);
        }
    }
}

/// A port that `bind` takes, below those that connecting sockets get: of these the earlier runs may have left every
/// single one in `TIME_WAIT`.
fn free_port(bind: impl Fn(u16) -> io::Result<()>) -> Result<u16, String> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let above = range.split_whitespace().next().and_then(|low| low.parse().ok()).filter(|&low| low > LOWEST_PORT);
    let ports = u64::from(above.unwrap_or(32768) - LOWEST_PORT);
    let mut error = String::new();
    for n in 0..100 {
        // A fresh hasher's keys are random.
        let port = LOWEST_PORT + u16::try_from(RandomState::new().hash_one(n) % ports).unwrap_or(0);
        match bind(port) {
            Ok(()) => return Ok(port),
            Err(e) => error = words(e),
        }
    }
    Err(format!("no port is free: {error}"))
}

/// Lazily: the kernel lists those that listen first, and after them there may be 100,000 in `TIME_WAIT`.
fn table(path: &str, row: impl Fn(&[&str]) -> bool) -> bool {
    let Ok(file) = File::open(path) else { return false };
    BufReader::new(file).lines().map_while(Result::ok).skip(1).any(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        fields.len() > 4 && row(&fields)
    })
}
