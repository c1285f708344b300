//! Two clients that misbehave: one sends and never reads, one sends a byte a second.
//!
//! Each has a thread, which hardly ever runs: the first is stuck as soon as all buffers on the way are full.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::payload::words;

const BLOCK: usize = 64 * 1024;
const DRIBBLE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// Both of them, at work.
pub struct Bullies {
    flood: TcpStream,
    /// Gives how many bytes were taken from it.
    flooder: JoinHandle<u64>,
    enough: Sender<()>,
    dribbler: JoinHandle<Result<(), String>>,
}

impl Bullies {
    pub fn come(server: SocketAddr) -> Result<Self, String> {
        let (flood, dribble) = (open(server)?, open(server)?);
        let flooding = flood.try_clone().map_err(words)?;
        let (enough, until) = channel();
        let flooder = thread::spawn(move || flood_it(flooding));
        let dribbler = thread::spawn(move || dribble_it(dribble, &until));
        Ok(Self { flood, flooder, enough, dribbler })
    }

    /// An error if the server has dropped one of them, or the load never was one.
    pub fn go(self) -> Result<(), String> {
        let was_dropped = self.flooder.is_finished();
        // That wakes the thread, which is stuck in its write.
        let _ = self.flood.shutdown(Shutdown::Both);
        drop(self.enough);
        let taken = self.flooder.join().map_err(|_| "the flooding thread panicked")?;
        self.dribbler.join().map_err(|_| "the dribbling thread panicked")??;
        match taken {
            _ if was_dropped => Err(format!("it dropped the client that does not read, after {taken} bytes")),
            0 => Err("it took nothing from the client that does not read".to_owned()),
            _ => Ok(()),
        }
    }
}

fn open(server: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(words)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
    Ok(stream)
}

fn flood_it(mut stream: TcpStream) -> u64 {
    let (block, mut taken) = (vec![b'x'; BLOCK], 0);
    while let Ok(n @ 1..) = stream.write(&block) {
        taken += n as u64;
    }
    taken
}

fn dribble_it(mut stream: TcpStream, until: &Receiver<()>) -> Result<(), String> {
    let mut echo = [0];
    loop {
        stream.write_all(b"d").and_then(|()| stream.read_exact(&mut echo)).map_err(|e| format!("dribble: {e}"))?;
        if echo != *b"d" {
            return Err("the byte that was dribbled came back as another".to_owned());
        }
        if until.recv_timeout(DRIBBLE) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
    }
}
