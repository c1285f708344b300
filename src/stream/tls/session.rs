//! One TLS connection over a stream, driven without ever blocking.
//!
//! ```text
//!   read  ◀─ plaintext ◀─ rustls ◀─ incoming ◀─ under      one large read feeds many records
//!   write ──────────────▶ rustls ─────────────▶ under      a write is done when the last byte of its records is out
//! ```
//! rustls reads 4 KiB at a time when it is let: the buffer before it makes a system call per 256 KiB of that. Owns both
//! ends: ours is `close_notify`, then FIN; the peer's FIN without `close_notify` is no end but a cut (RFC 8446 §6.1).
//! Refuses to judge certificates (`trust`) and to word failures (`failure`).

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustls::Connection;

use super::failure::Fault;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::net::Context;
use crate::stream::buffer::Buffer;
use crate::stream::{Readiness, Stream};

/// How much plaintext one write turns into records: what the socket has not taken of them is kept in memory.
const PIECE: usize = 64 * 1024;

/// So many of the first bytes of a peer are kept until the handshake is over: one that speaks something else is
/// recognised by them.
const FIRST_BYTES: usize = 64;

/// A stream that is encrypted.
#[derive(Debug)]
pub struct Tls {
    under: Box<Stream>,
    connection: Connection,
    /// Bytes of the peer that rustls has not been given.
    incoming: Buffer,
    /// Plaintext that is encrypted, and of which the caller has not been told: not all of its records are out.
    owed: usize,
    /// There may be plaintext that needs no byte of the peer.
    more: bool,
    /// The peer's end has come: a good one, or its FIN alone.
    end: Option<PeerEnd>,
    /// What broke the connection: every later call gives it again.
    broken: Option<Fault>,
    first_bytes: Vec<u8>,
    pub(super) start: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PeerEnd {
    Notified,
    Cut,
}

impl Tls {
    /// A connection over `under` whose handshake is still to come, and a buffer of `capacity` before it.
    pub(super) fn over(under: Stream, mut connection: Connection, capacity: usize) -> Self {
        // A write is never told before its records are out: this is the bound, not rustls' own.
        connection.set_buffer_limit(None);
        Tls {
            under: Box::new(under),
            connection,
            incoming: Buffer::holding(capacity),
            owed: 0,
            more: false,
            end: None,
            broken: None,
            first_bytes: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Waits for the end of the handshake, under `limit`.
    pub(super) fn shake_hands(&mut self, ctx: &Context<'_>, limit: Deadline) -> Result<(), Error> {
        while !self.advance().map_err(|e| self.read_error(&e))? {
            let write = self.wants_flush().then(|| self.under.write_interest());
            let wanted = [Some(self.under.read_interest()), write].into_iter().flatten();
            let mut interests: Vec<_> = wanted.filter_map(Readiness::interest).collect();
            if !interests.is_empty() {
                ctx.wait(&mut interests, limit).map_err(|cut| cut.during("shake hands with", self.under.name()))?;
            }
        }
        Ok(())
    }

    /// Goes on with the handshake as far as it can; tells whether it is over.
    pub fn advance(&mut self) -> io::Result<bool> {
        loop {
            self.flush_some()?;
            if !self.connection.is_handshaking() {
                return Ok(!self.wants_flush());
            }
            match self.fetch() {
                Ok(()) => self.digest()?,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
            if self.end.is_some() {
                return Err(self.break_by(Fault::CutInHandshake));
            }
        }
    }

    /// Whether the handshake is still to be finished.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether records wait for room in the socket.
    pub fn wants_flush(&self) -> bool {
        self.connection.wants_write()
    }

    /// Reads what is there; 0 is the peer's end, announced by `close_notify`.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.connection.is_handshaking() && !self.advance()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut filled = 0;
        loop {
            filled += self.take_plaintext(&mut buffer[filled..]);
            self.more = filled == buffer.len();
            if self.more {
                return Ok(filled);
            }
            match self.next_records(filled) {
                Ok(true) => {}
                Ok(false) => return Ok(filled),
                Err(e) if filled > 0 => {
                    // What came before the failure is given first; the failure is kept.
                    self.more = e.kind() != io::ErrorKind::WouldBlock;
                    return Ok(filled);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Gives rustls more to decrypt; `false` when there is no more for now, or ever. Once there is something to give
    /// (`filled`), the socket is not asked again.
    fn next_records(&mut self, filled: usize) -> io::Result<bool> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone().into());
        }
        if self.incoming.is_empty() {
            match self.end {
                Some(PeerEnd::Notified) => return Ok(false),
                Some(PeerEnd::Cut) => return Err(self.break_by(Fault::Cut)),
                None if filled > 0 => return Ok(false),
                None => self.fetch()?,
            }
        }
        self.digest().map(|()| true)
    }

    /// One read of the stream below.
    fn fetch(&mut self) -> io::Result<()> {
        if !self.incoming.is_empty() {
            return Ok(());
        }
        match self.under.read(self.incoming.space())? {
            0 => self.end = self.end.or(Some(PeerEnd::Cut)),
            n => self.incoming.filled(n),
        }
        if self.connection.is_handshaking() {
            let room = FIRST_BYTES - self.first_bytes.len();
            self.first_bytes.extend(self.incoming.data().iter().take(room));
        }
        Ok(())
    }

    /// Has rustls take one piece of what came, and answers what must be answered.
    fn digest(&mut self) -> io::Result<()> {
        let mut data = self.incoming.data();
        let offered = data.len();
        if offered > 0 {
            let taken = self.connection.read_tls(&mut data);
            let used = offered - data.len();
            self.incoming.consume(used);
            if let Some(why) = taken.map_or_else(|e| Some(e.to_string()), |n| (n == 0).then(String::new)) {
                return self.refuse(why);
            }
        }
        match self.connection.process_new_packets() {
            Ok(state) => {
                if state.peer_has_closed() {
                    self.end = Some(PeerEnd::Notified);
                    self.incoming.clear();
                }
                // A peer that takes nothing gets the answer with our next write.
                match self.flush_some() {
                    Err(e) if e.kind() != io::ErrorKind::WouldBlock && !self.is_handshaking() => Ok(()),
                    other => other,
                }
            }
            Err(error) => {
                // The alert tells the peer why; whether it can still be told makes no difference here.
                let _ = self.flush_some();
                Err(self.break_by(Fault::Protocol(error)))
            }
        }
    }

    /// rustls takes no more bytes: what it has must be wrong, and mostly it says in what.
    fn refuse(&mut self, why: String) -> io::Result<()> {
        let error = self.connection.process_new_packets().err().unwrap_or(rustls::Error::General(why));
        Err(self.break_by(Fault::Protocol(error)))
    }

    fn break_by(&mut self, fault: Fault) -> io::Error {
        self.broken.get_or_insert(fault).clone().into()
    }

    fn take_plaintext(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            // Its errors are what `digest` and `fetch` have seen already.
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(n) if n > 0 => filled += n,
                _ => break,
            }
        }
        filled
    }

    /// Encrypts and sends. Whoever gets `WouldBlock` must come again with the same bytes, and perhaps more behind
    /// them: some are encrypted already, and will be told as written once all their records are out.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone().into());
        }
        if self.connection.is_handshaking() && !self.advance()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.flush()?;
        if self.owed == 0 {
            self.owed = self.connection.writer().write(&bytes[..bytes.len().min(PIECE)])?;
            self.flush()?;
        }
        let told = self.owed.min(bytes.len());
        self.owed -= told;
        Ok(told)
    }

    /// Ends our direction: `close_notify`, then FIN. On `WouldBlock`, call it again.
    pub fn close_write(&mut self) -> io::Result<()> {
        // A second call queues no second alert.
        self.connection.send_close_notify();
        self.flush()?;
        self.under.close_write()
    }

    /// Sends every record that waits, or gives `WouldBlock`.
    fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut Wire(&mut self.under))?;
        }
        Ok(())
    }

    /// Sends what there is room for.
    fn flush_some(&mut self) -> io::Result<()> {
        match self.flush() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    /// What to wait for before the next read.
    pub fn read_interest(&self) -> Readiness<'_> {
        if self.has_more() { Readiness::Always } else { self.under.read_interest() }
    }

    /// Whether a read may give something although poll sees nothing.
    pub fn has_more(&self) -> bool {
        self.more || !self.incoming.is_empty()
    }

    /// What a failed read means.
    pub fn read_error(&self, error: &io::Error) -> Error {
        match Fault::within(error) {
            Some(fault) => fault.explain(&self.under.name(), &self.first_bytes),
            None => self.under.read_error(error),
        }
    }

    /// What a failed write means.
    pub fn write_error(&self, error: &io::Error) -> Error {
        match Fault::within(error) {
            Some(fault) => fault.explain(&self.under.name(), &self.first_bytes),
            None => self.under.write_error(error),
        }
    }

    /// The stream below.
    pub fn under(&self) -> &Stream {
        &self.under
    }

    /// The stream below, to be changed.
    pub fn under_mut(&mut self) -> &mut Stream {
        &mut self.under
    }

    /// What rustls knows of the connection.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The descriptor to watch.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.under.reader_watch()
    }
}

/// The stream below as rustls wants to write to it: the records of a piece in one call.
struct Wire<'a>(&'a mut Stream);

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
