//! Where datagrams end: a socket of the bench that counts them in a thread of its own.
//!
//! It takes trains whole (`UDP_GRO`), so that the kernel's work for a sender that makes them ends with the sender's.
//! What it has no room for is lost, and nobody's fault; a datagram of another size is one that was not sent so.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::calls::{Batch, set_receive_buffer, take_trains};
use crate::payload::words;
use crate::place::Place;

const RECEIVE_BUFFER: usize = 64 << 20;
/// Of the largest datagram there is; few, for the bench's own resident set.
const BUFFERS: usize = 16;
const LARGEST: usize = 1 << 16;
/// Over loopback nothing is on its way for longer.
const QUIET: Duration = Duration::from_millis(100);

/// A sink at work.
pub struct Sink {
    pub place: Place,
    thread: JoinHandle<Result<Tally, String>>,
    is_over: Arc<AtomicBool>,
}

/// What got there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub datagrams: u64,
    pub bytes: u64,
}

/// The size of datagrams, and the file that they hold.
#[derive(Debug)]
pub struct Wanted {
    size: usize,
    length: u64,
    /// To compare them with.
    file: Option<File>,
}

impl Wanted {
    pub fn sizes(size: usize, payload: &Path) -> Result<Self, String> {
        Ok(Self { size, length: payload.metadata().map_err(words)?.len(), file: None })
    }

    pub fn bytes(size: usize, payload: &Path) -> Result<Self, String> {
        Ok(Self { file: Some(File::open(payload).map_err(words)?), ..Self::sizes(size, payload)? })
    }

    /// How many datagrams the file is.
    pub fn count(&self) -> u64 {
        self.length.div_ceil(self.size as u64)
    }
}

impl Sink {
    pub fn open(wanted: Wanted) -> Result<Self, String> {
        let socket = open().map_err(words)?;
        let place = Place::Udp(socket.local_addr().map_err(words)?.port());
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || Counting::new(wanted).run(&socket, &until));
        Ok(Self { place, thread, is_over })
    }

    /// Once the sender has ended. An error if a datagram was not as it should have been.
    pub fn close(self) -> Result<Tally, String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the counting thread panicked")?
    }
}

fn open() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    set_receive_buffer(&socket, RECEIVE_BUFFER)?;
    take_trains(&socket)?;
    socket.set_read_timeout(Some(QUIET))?;
    Ok(socket)
}

struct Counting {
    wanted: Wanted,
    tally: Tally,
    /// The last one of the file has come, which may be shorter.
    is_complete: bool,
    /// Where in the file the next datagram begins, if none is lost.
    at: u64,
    expected: Vec<u8>,
}

impl Counting {
    fn new(wanted: Wanted) -> Self {
        let expected = vec![0; wanted.size];
        Self { wanted, tally: Tally::default(), is_complete: false, at: 0, expected }
    }

    /// To the end in any case: a sender whose peer is gone would be told of that, and that would be the news.
    fn run(mut self, socket: &UdpSocket, is_over: &AtomicBool) -> Result<Tally, String> {
        let mut batch = Batch::new(BUFFERS, LARGEST);
        let mut wrong = None;
        loop {
            let ends = is_over.load(Ordering::Relaxed);
            match batch.receive(socket) {
                Ok(count) => {
                    let looked = (0..count).try_for_each(|at| self.take(batch.message(at)));
                    wrong = wrong.or(looked.err());
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(words(error)),
                Err(_) if ends => return wrong.map_or(Ok(self.tally), Err),
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, (message, train): (&[u8], Option<usize>)) -> Result<(), String> {
        message.chunks(train.unwrap_or(usize::MAX)).try_for_each(|datagram| self.count(datagram))
    }

    fn count(&mut self, datagram: &[u8]) -> Result<(), String> {
        let (size, whole) = (datagram.len(), self.wanted.size);
        let rest = usize::try_from(self.wanted.length % whole as u64).unwrap_or(0);
        if self.is_complete || (size != whole && size != rest) {
            return Err(format!(
                "a datagram of {size} bytes came, the {}th, instead of one of {whole}",
                self.tally.datagrams + 1
            ));
        }
        self.is_complete = size != whole;
        self.tally.datagrams += 1;
        self.tally.bytes += size as u64;
        self.compare(datagram)
    }

    /// Loopback keeps the order: it is one of those in the file that come later than the one before.
    fn compare(&mut self, datagram: &[u8]) -> Result<(), String> {
        let Some(file) = &self.wanted.file else { return Ok(()) };
        let expected = &mut self.expected[..datagram.len()];
        while self.at < self.wanted.length {
            // Past the end of the file only for a datagram that is too long to be its last one.
            let is_there = file.read_exact_at(expected, self.at).is_ok();
            self.at += self.wanted.size as u64;
            if is_there && expected == datagram {
                return Ok(());
            }
        }
        Err(format!("the {}th datagram is not what the payload holds there or later", self.tally.datagrams))
    }
}
