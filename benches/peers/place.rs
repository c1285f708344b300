//! Where the two ends of a transfer meet, and whether the listening one is there already.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::payload::{Scratch, remove, words};

/// An address of this machine.
#[derive(Clone, Debug)]
pub enum Place {
    /// A port of 127.0.0.1.
    Tcp(u16),
    Unix(PathBuf),
}

#[derive(Clone, Copy, Debug)]
pub enum Medium {
    Tcp,
    Unix,
}

impl Place {
    /// Free when it is given out.
    pub fn fresh(scratch: &Scratch, medium: Medium) -> Result<Self, String> {
        match medium {
            Medium::Unix => Ok(Self::Unix(scratch.path("socket"))),
            Medium::Tcp => {
                let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(words)?;
                Ok(Self::Tcp(free.port()))
            }
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
            Self::Unix(path) => {
                // Flags: __SO_ACCEPTCON is set once listen(2) was called.
                let path = path.to_string_lossy();
                table("/proc/net/unix", |f| f[3] == "00010000" && f.get(7).is_some_and(|&name| name == path))
            }
        }
    }

    /// nc and ncat leave their socket file behind.
    pub fn clear(&self) {
        if let Self::Unix(path) = self {
            remove(path);
        }
    }
}

fn table(path: &str, row: impl Fn(&[&str]) -> bool) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        fields.len() > 3 && row(&fields)
    })
}
