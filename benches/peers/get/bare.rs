//! The plainest clients that could do it: a request, the head, and then a loop of splice(2), or of reads where there
//! are chunks to be taken apart.
//!
//! They believe what the server says: nothing is checked that the kernel does not check.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, fstat};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};

use crate::payload::words;

/// What pipes are made to hold, and what one call may move.
const PIECE: usize = 1 << 20;
const BUFFER: usize = 1 << 16;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Fetches `http://ADDRESS:PORT/PATH` to stdout.
pub fn get(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
    let (place, path) = rest.ok_or_else(|| format!("{url}: not what is expected here"))?;
    fetch(place, path).map_err(words)
}

fn fetch(place: &str, path: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(place)?;
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {place}\r\nAccept: */*\r\n\r\n").as_bytes())?;
    let (head, early) = head(&mut stream)?;
    // Without std's buffer, which looks for newlines.
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    match length(&head) {
        None => chunks(BufReader::with_capacity(BUFFER, early.chain(&stream)), &stdout),
        Some(length) => {
            (&stdout).write_all(&early)?;
            splice_all(stream.as_fd(), stdout.as_fd(), length.saturating_sub(early.len() as u64))
        }
    }
}

/// The head, and what came with it.
fn head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut buffer, mut filled) = (vec![0; BUFFER], 0);
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
        let end = buffer[..filled].windows(END_OF_HEAD.len()).position(|four| four == END_OF_HEAD);
        if let Some(end) = end.map(|at| at + END_OF_HEAD.len()) {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            return Ok((head, buffer[end..filled].to_vec()));
        }
    }
}

fn length(head: &str) -> Option<u64> {
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
}

/// Straight into a pipe; into anything else through a pipe of its own.
fn splice_all(from: BorrowedFd<'_>, to: BorrowedFd<'_>, mut left: u64) -> io::Result<()> {
    let own = (FileType::from_raw_mode(fstat(to)?.st_mode) != FileType::Fifo).then(pipe).transpose()?;
    let into = own.as_ref().map_or(to, |(_, write)| write.as_fd());
    // A user who may not is left with what there is.
    let _ = fcntl_setpipe_size(into, PIECE);
    while left > 0 {
        let mut held = piece(from, into, left)?;
        left -= held;
        while let Some((read, _)) = own.as_ref().filter(|_| held > 0) {
            held -= piece(read.as_fd(), to, held)?;
        }
    }
    Ok(())
}

fn piece(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: u64) -> io::Result<u64> {
    let most = usize::try_from(most).unwrap_or(PIECE).min(PIECE);
    match splice(from, None, to, None, most, SpliceFlags::empty())? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        n => Ok(n as u64),
    }
}

fn chunks(mut from: impl BufRead, to: impl Write) -> io::Result<()> {
    let (mut to, mut line, mut chunk) = (BufWriter::with_capacity(BUFFER, to), String::new(), Vec::new());
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        // With the line's end behind it; behind the last one, of no bytes, there is no trailer.
        chunk.resize(size + 2, 0);
        from.read_exact(&mut chunk)?;
        to.write_all(&chunk[..size])?;
        if size == 0 {
            return to.flush();
        }
    }
}
