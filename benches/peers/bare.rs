//! What the bench itself does in processes of its own: the bare copy loop that everything is measured against, and
//! the programs at the far ends of pipes.
//!
//! The bench re-executes itself with a first word that no user would write, so that their CPU time is accounted
//! like that of any tool. The loop knows nothing but read and write of 1 MiB: what plain code can reach.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use crate::echo::bare::{datagrams, streams};
use crate::get;
use crate::payload::{compare, words};
use crate::udp;

pub const LISTEN: &str = "@listen";
pub const CONNECT: &str = "@connect";
/// An echo server for streams.
pub const ECHO: &str = "@echo";
/// An echo server for datagrams.
pub const ECHO_UDP: &str = "@echo-udp";
/// Writes a file to stdout.
pub const PRODUCE: &str = "@produce";
/// Reads stdin, and fails unless it is as long as the file.
pub const CONSUME: &str = "@consume";
/// Reads stdin, and fails unless it is the same as the file.
pub const COMPARE: &str = "@compare";
/// Fetches a URL to stdout.
pub const GET: &str = "@get";
/// Sends stdin as datagrams: trains that are read,
pub const UDP_TRAINS: &str = "@udp-trains";
/// trains out of the file in memory,
pub const UDP_MAPPED: &str = "@udp-mapped";
/// several a call.
pub const UDP_BATCHES: &str = "@udp-batches";
/// Writes the datagrams that come to stdout.
pub const UDP_RECEIVE: &str = "@udp-receive";
/// Writes a file to stdout in pieces of a datagram's size.
pub const UDP_PIECES: &str = "@udp-pieces";
/// Sends datagrams at a fixed rate.
pub const UDP_OFFER: &str = "@udp-offer";

const BLOCK: usize = 1 << 20;

/// Does what the hidden words ask for, if they are there.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    let (role, what) = (words.next()?, words.next()?);
    let outcome = match role.as_str() {
        LISTEN => listen(&what),
        CONNECT => connect(&what),
        ECHO => streams(&what),
        ECHO_UDP => datagrams(&what),
        PRODUCE => produce(Path::new(&what)),
        CONSUME => consume(Path::new(&what)),
        COMPARE => compare_stdin(Path::new(&what)),
        GET => get::bare::get(&what),
        UDP_TRAINS => udp::bare::send_trains(&what),
        UDP_MAPPED => udp::bare::send_mapped(&what),
        UDP_BATCHES => udp::bare::send_batches(&what),
        UDP_RECEIVE => udp::bare::receive(&what),
        UDP_PIECES => udp::bare::produce_pieces(&what),
        UDP_OFFER => udp::offer(&what),
        _ => return None,
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{role}: {error}");
            ExitCode::FAILURE
        }
    })
}

fn listen(place: &str) -> Result<(), String> {
    match place.strip_prefix("unix:") {
        Some(path) => UnixListener::bind(path).and_then(|l| unix(&l.accept()?.0)),
        None => TcpListener::bind(place).and_then(|l| tcp(&l.accept()?.0)),
    }
    .map_err(words)
}

fn connect(place: &str) -> Result<(), String> {
    match place.strip_prefix("unix:") {
        Some(path) => UnixStream::connect(path).and_then(|s| unix(&s)),
        None => TcpStream::connect(place).and_then(|s| tcp(&s)),
    }
    .map_err(words)
}

fn tcp(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    both_ways(stream, stream, &|| stream.shutdown(Shutdown::Write))
}

fn unix(stream: &UnixStream) -> io::Result<()> {
    both_ways(stream, stream, &|| stream.shutdown(Shutdown::Write))
}

/// One blocking thread a direction: the plainest program that can do both ways.
fn both_ways(input: impl Read + Send, output: impl Write, half_close: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    thread::scope(|scope| {
        let incoming = scope.spawn(move || copy(input, own(io::stdout().as_fd())?));
        copy(own(io::stdin().as_fd())?, output)?;
        half_close()?;
        incoming.join().expect("copying does not panic")
    })
}

fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            n => to.write_all(&buffer[..n])?,
        }
    }
}

/// Without std's buffers: they look for newlines in what goes to stdout.
fn own(fd: BorrowedFd<'_>) -> io::Result<File> {
    fd.try_clone_to_owned().map(File::from)
}

fn produce(file: &Path) -> Result<(), String> {
    File::open(file).and_then(|file| copy(file, own(io::stdout().as_fd())?)).map_err(words)
}

fn consume(file: &Path) -> Result<(), String> {
    let wanted = file.metadata().map_err(words)?.len();
    let mut got = Counted(0);
    own(io::stdin().as_fd()).and_then(|stdin| copy(stdin, &mut got)).map_err(words)?;
    if got.0 == wanted { Ok(()) } else { Err(format!("{} bytes instead of {wanted}", got.0)) }
}

fn compare_stdin(file: &Path) -> Result<(), String> {
    let stdin = own(io::stdin().as_fd()).map_err(words)?;
    let verdict = compare(&stdin, file);
    // To the end in any case: else the tool would be told of a broken pipe, and that would be the news.
    copy(&stdin, Counted(0)).map_err(words)?;
    verdict
}

struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
