//! A server made by hand that answers with many small chunks.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use crate::payload::words;

const SIZE: usize = 100;
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sat, 01 Aug 2026 12:00:00 GMT\r\n\
    Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const LAST: &[u8] = b"0\r\n\r\n";

/// How the response is written.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    AtOnce,
    /// A write for the head and for each chunk, none of them held back for the next: what a server does whose
    /// program makes the body bit by bit.
    InPieces,
}

/// What is written, piece by piece.
pub struct Chunks(Vec<Vec<u8>>);

impl Chunks {
    /// Bytes in 10,000 of them.
    pub const LENGTH: u64 = 10_000 * SIZE as u64;

    pub fn of(body: &Path) -> Result<Self, String> {
        let body = fs::read(body).map_err(words)?;
        let chunks = body.chunks(SIZE).map(|data| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat());
        Ok(Self([HEAD.to_vec()].into_iter().chain(chunks).chain([LAST.to_vec()]).collect()))
    }

    /// Answers this many clients, one after the other, in a thread of its own, and gives the URL.
    pub fn serve(self, manner: Manner, clients: usize) -> Result<String, String> {
        let pieces = match manner {
            Manner::AtOnce => vec![self.0.concat()],
            Manner::InPieces => self.0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(words)?;
        let url = format!("http://{}/chunks", listener.local_addr().map_err(words)?);
        thread::spawn(move || {
            for client in listener.incoming().take(clients).map_while(Result::ok) {
                // A client that goes away says so itself, by its exit code.
                let _ = answer(client, &pieces);
            }
        });
        Ok(url)
    }
}

/// Until the client closes: what it has not read yet must not be lost by a reset.
fn answer(mut client: TcpStream, pieces: &[Vec<u8>]) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
    while !asked.ends_with(b"\r\n\r\n") {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            n => asked.extend_from_slice(&buffer[..n]),
        }
    }
    pieces.iter().try_for_each(|piece| client.write_all(piece))?;
    while client.read(&mut buffer)? > 0 {}
    Ok(())
}
