//! The plain loops that datagrams are measured against: what a page of code gets out of the kernel.
//!
//! The senders read the file at stdin, the receiver writes to the file at stdout.

use std::fs::File;
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};

use super::DATAGRAM;
use super::calls::{Batch, cut_into, map, set_receive_buffer};
use crate::payload::{fill, words};

/// As many datagrams as one write may be cut into: 65,507 bytes are the limit before the cut, too.
const TRAIN: usize = 54;
/// A batch of sendmmsg(2).
const MANY: usize = 64;
/// A batch of recvmmsg(2), with room for what Ethernet carries.
const RECEIVED: usize = 256;
const ROOM: usize = 2048;
const RECEIVE_BUFFER: usize = 8 << 20;

/// Reads a train and writes it, which the kernel cuts.
pub fn send_trains(to: &str) -> Result<(), String> {
    by_read(to, TRAIN, |socket, bytes| socket.send(bytes).map(drop), |socket| cut_into(socket, DATAGRAM))
}

/// Writes a train out of the file in memory.
pub fn send_mapped(to: &str) -> Result<(), String> {
    send_file(to).map_err(words)
}

fn send_file(to: &str) -> io::Result<()> {
    let (socket, mut file) = (connect(to)?, own(io::stdin().as_fd())?);
    cut_into(&socket, DATAGRAM)?;
    map(&file)?.chunks(TRAIN * DATAGRAM).try_for_each(|train| socket.send(train).map(drop))?;
    // As a reader leaves it, which is what tells that all was sent.
    file.seek(SeekFrom::End(0)).map(drop)
}

/// Reads a batch and sends it by one call.
pub fn send_batches(to: &str) -> Result<(), String> {
    let mut batch = Batch::new(MANY, DATAGRAM);
    by_read(to, MANY, |socket, bytes| batch.send(socket, bytes), |_| Ok(()))
}

fn by_read(
    to: &str,
    count: usize,
    mut send: impl FnMut(&UdpSocket, &[u8]) -> io::Result<()>,
    prepare: impl Fn(&UdpSocket) -> io::Result<()>,
) -> Result<(), String> {
    let mut all = || {
        let socket = connect(to)?;
        prepare(&socket)?;
        let (mut file, mut buffer) = (own(io::stdin().as_fd())?, vec![0; count * DATAGRAM]);
        loop {
            // A file gives all that is asked for but at its end.
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                n => send(&socket, &buffer[..n])?,
            }
        }
    };
    all().map_err(words)
}

/// Writes a file to stdout in pieces of a datagram's size.
pub fn produce_pieces(file: &str) -> Result<(), String> {
    let mut piece = [0; DATAGRAM];
    let mut produce = || {
        let (mut file, mut pipe) = (io::BufReader::new(File::open(file)?), own(io::stdout().as_fd())?);
        loop {
            match fill(&mut file, &mut piece)? {
                0 => return Ok(()),
                n => pipe.write_all(&piece[..n])?,
            }
        }
    };
    produce().map_err(words)
}

/// Until it is killed: receives a batch, writes it by one call.
pub fn receive(at: &str) -> Result<(), String> {
    keep(at).map_err(words)
}

fn keep(at: &str) -> io::Result<()> {
    let (socket, mut file) = (UdpSocket::bind(at)?, own(io::stdout().as_fd())?);
    set_receive_buffer(&socket, RECEIVE_BUFFER)?;
    let mut batch = Batch::new(RECEIVED, ROOM);
    loop {
        let count = batch.receive(&socket)?;
        let mut pieces: Vec<_> = (0..count).map(|at| IoSlice::new(batch.message(at).0)).collect();
        write_all(&mut file, &mut pieces)?;
    }
}

fn write_all(file: &mut File, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !pieces.is_empty() {
        match file.write_vectored(pieces)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => IoSlice::advance_slices(&mut pieces, n),
        }
    }
    Ok(())
}

fn connect(to: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    Ok(socket)
}

/// Without std's buffers.
fn own(fd: BorrowedFd<'_>) -> io::Result<File> {
    fd.try_clone_to_owned().map(File::from)
}
