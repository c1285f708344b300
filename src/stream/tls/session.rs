//! One TLS connection over a stream, driven without ever blocking.
//!
//! ```text
//!   read  ◀─ plaintext ◀─ rustls ◀─ incoming ◀─ under      one large read feeds many records
//!   write ──────────────▶ rustls ─────────────▶ under      a write is done when the last byte of its records is out
//! ```
//! rustls reads 4 KiB at a time when it is let: the buffer before it makes a system call per 256 KiB of that. Owns both
//! ends: ours is `close_notify`, then FIN; the peer's FIN without `close_notify` is no end but a cut (RFC 8446 §6.1).
//! What came before a failure or an end is always given first. No call works without bound: a peer that sends records
//! without payload gets one read of the socket a turn, and rustls refuses long rows of them. Refuses to judge
//! certificates (`trust`) and to word failures (`failure`).

#[cfg(test)]
mod tests;

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use rustls::{Connection, SupportedCipherSuite};

use super::failure::{Fault, HANDSHAKE, NOT_TLS, Scene};
use super::trust::Trial;
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::tls::Handshake;
use crate::net::{Context, Cut};
use crate::stream::buffer::Buffer;
use crate::stream::{Readiness, Stream};

/// How much plaintext one write turns into records: what the socket has not taken of them is kept in memory.
const PIECE: usize = 64 * 1024;

/// So many of the first bytes of a peer are kept until the handshake is over: one that speaks something else is
/// recognised by them.
const FIRST_BYTES: usize = 64;

/// Records that a connection may need beside those of payload: the end of the handshake, alerts.
const OTHER_RECORDS: u64 = 16;

/// A stream that is encrypted.
#[derive(Debug)]
pub struct Tls {
    under: Box<Stream>,
    connection: Connection,
    /// Bytes of the peer that rustls has not been given.
    incoming: Buffer,
    /// Plaintext that is encrypted, and of which the caller has not been told: not all of its records are out.
    owed: usize,
    /// The next read has something to tell that needs no byte of the peer: plaintext, the end, a failure.
    more: bool,
    /// The peer's end has come: a good one, or its FIN alone.
    end: Option<PeerEnd>,
    /// Our FIN is out.
    closed: bool,
    /// What broke the connection: every later call gives it again.
    broken: Option<Fault>,
    /// A failure of the stream below that no call has given yet: it is told once there, and here too.
    untold: Option<io::ErrorKind>,
    meter: Meter,
    first_bytes: Vec<u8>,
    /// How many bytes of the peer came in the handshake.
    received: u64,
    pub(super) start: Instant,
    /// A client's view of its server.
    pub(super) trial: Option<Arc<Trial>>,
    /// What the handshake of a client agreed on.
    pub(super) agreed: Option<Box<Handshake>>,
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
            closed: false,
            broken: None,
            untold: None,
            meter: Meter::default(),
            first_bytes: Vec::new(),
            received: 0,
            start: Instant::now(),
            trial: None,
            agreed: None,
        }
    }

    /// Waits for the end of the handshake, under `limit`.
    pub(super) fn shake_hands(&mut self, ctx: &Context<'_>, limit: Deadline) -> Result<(), Error> {
        while !self.advance().map_err(|e| self.read_error(&e))? {
            let read = self.is_handshaking().then(|| self.under.read_interest());
            let write = self.wants_flush().then(|| self.under.write_interest());
            let wanted = [read, write].into_iter().flatten();
            let mut interests: Vec<_> = wanted.filter_map(Readiness::interest).collect();
            if !interests.is_empty() {
                ctx.wait(&mut interests, limit).map_err(|cut| self.cut_short(cut))?;
            }
        }
        Ok(())
    }

    /// Goes on with the handshake as far as it can; tells whether it is over, and its last record out.
    pub fn advance(&mut self) -> io::Result<bool> {
        loop {
            // Why the peer takes nothing more is perhaps in an alert that has come: that is looked for first.
            let flushed = self.flush_some();
            if !self.is_handshaking() {
                return flushed.map(|()| !self.wants_flush());
            }
            match self.fetch() {
                Ok(()) => self.digest(),
                Err(e) if is_nothing_yet(&e) => return flushed.map(|()| false),
                Err(e) => return Err(e),
            }
            // Behind the last record of a handshake there may be data, their end, and a failure: those are for `read`.
            if self.is_handshaking() {
                match (&self.broken, self.end) {
                    (Some(fault), _) => return Err(fault.clone().into()),
                    (None, Some(_)) => return flushed.and_then(|()| Err(self.break_by(Fault::CutInHandshake))),
                    (None, None) => {}
                }
            }
        }
    }

    /// Whether the handshake is still to be finished.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether records wait for room in the socket.
    pub fn wants_flush(&self) -> bool {
        self.connection.wants_write() && !self.closed
    }

    /// Reads what is there; 0 is the peer's end, announced by `close_notify`.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_handshaking() {
            self.advance()?;
        }
        if self.is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (mut filled, mut fetched) = (0, false);
        loop {
            filled += self.take_plaintext(&mut buffer[filled..]);
            if filled == buffer.len() {
                self.more = true;
                return Ok(filled);
            }
            let is_over = self.broken.is_some() || self.end.is_some();
            if self.broken.is_some() || (self.incoming.is_empty() && (is_over || filled > 0 || fetched)) {
                self.more = is_over && filled > 0;
                return if filled > 0 { Ok(filled) } else { self.nothing_came() };
            }
            if self.incoming.is_empty() {
                self.more = false;
                self.fetch()?;
                fetched = true;
            }
            self.digest();
        }
    }

    /// What a read gives for which there is no plaintext.
    fn nothing_came(&mut self) -> io::Result<usize> {
        match (&self.broken, self.end) {
            (Some(fault), _) => Err(fault.clone().into()),
            (None, Some(PeerEnd::Notified)) => Ok(0),
            (None, Some(PeerEnd::Cut)) => Err(self.break_by(Fault::Cut)),
            (None, None) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// One read of the stream below.
    fn fetch(&mut self) -> io::Result<()> {
        if !self.incoming.is_empty() {
            return Ok(());
        }
        match self.under.read(self.incoming.space())? {
            // After a reset was told to whoever sent, a read gives 0: that is no end (tcp(7)).
            0 => match self.untold.take() {
                Some(kind) => return Err(kind.into()),
                None => self.end = self.end.or(Some(PeerEnd::Cut)),
            },
            n => self.incoming.filled(n),
        }
        if self.is_handshaking() {
            let room = FIRST_BYTES - self.first_bytes.len();
            self.first_bytes.extend(self.incoming.data().iter().take(room));
            self.received += self.incoming.data().len() as u64;
        }
        Ok(())
    }

    /// Has rustls take one piece of what came, and answers what must be answered.
    fn digest(&mut self) {
        let mut data = self.incoming.data();
        let offered = data.len();
        if offered == 0 {
            return;
        }
        let taken = self.connection.read_tls(&mut data);
        let used = offered - data.len();
        self.incoming.consume(used);
        match (taken, self.connection.process_new_packets()) {
            // What it has must be wrong, and mostly it says in what.
            (_, Err(error)) => self.broken_by(error),
            (Err(error), _) => self.broken_by(rustls::Error::General(error.to_string())),
            (Ok(0), _) => self.broken_by(rustls::Error::General("a record is too long".into())),
            (Ok(_), Ok(state)) => {
                self.more |= state.plaintext_bytes_to_read() > 0 || state.peer_has_closed();
                if state.peer_has_closed() {
                    // Whatever comes behind it is nobody's (RFC 8446 §6.1).
                    self.end = Some(PeerEnd::Notified);
                    self.incoming.clear();
                }
            }
        }
        // An answer, or the alert that tells the peer why. One that takes nothing gets it with our next write.
        if let Err(error) = self.flush_some() {
            self.untold.get_or_insert(error.kind());
        }
    }

    fn broken_by(&mut self, error: rustls::Error) {
        self.more = true;
        self.break_by(Fault::Protocol(error));
    }

    fn break_by(&mut self, fault: Fault) -> io::Error {
        self.broken.get_or_insert(fault).clone().into()
    }

    fn take_plaintext(&mut self, buffer: &mut [u8]) -> usize {
        // Its errors are what `digest` and `fetch` have seen already.
        self.connection.reader().read(buffer).unwrap_or(0)
    }

    /// Encrypts and sends. Whoever gets `WouldBlock`, or is told of a part, must come again with the bytes that are left,
    /// and perhaps more behind them: some are encrypted already, and will be told as written once all their records are
    /// out.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone().into());
        }
        if let Some(kind) = self.untold.take() {
            return Err(kind.into());
        }
        if self.is_handshaking() && !self.advance()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut told = 0;
        while told < bytes.len() {
            match self.write_piece(&bytes[told..]) {
                Ok(n) => told += n,
                Err(e) if told == 0 => return Err(e),
                Err(e) if is_nothing_yet(&e) => break,
                Err(e) => {
                    self.untold = Some(e.kind());
                    break;
                }
            }
        }
        Ok(told)
    }

    /// The same for what is one piece of it at the most.
    fn write_piece(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.owed == 0 {
            let piece = &bytes[..bytes.len().min(PIECE)];
            if self.keys_are_used_up_by(piece.len()) {
                return Err(self.break_by(Fault::Protocol(rustls::Error::EncryptError)));
            }
            self.owed = self.connection.writer().write(piece)?;
            self.meter.encrypted(self.owed);
            self.flush()?;
        }
        let told = self.owed.min(bytes.len());
        self.owed -= told;
        if self.owed == 0 {
            self.meter.told();
        }
        Ok(told)
    }

    /// Whether there is no key for `n` bytes more. TLS 1.3 renews its keys; in TLS 1.2 rustls ends the direction at that
    /// point, drops what is written and says nothing.
    fn keys_are_used_up_by(&self, n: usize) -> bool {
        let Some(SupportedCipherSuite::Tls12(suite)) = self.connection.negotiated_cipher_suite() else { return false };
        let records = self.meter.count + records_of(n);
        records + OTHER_RECORDS > suite.common.confidentiality_limit
    }

    /// Ends our direction: `close_notify`, then FIN. On `WouldBlock`, call it again.
    pub fn close_write(&mut self) -> io::Result<()> {
        // A second call queues no second alert.
        self.connection.send_close_notify();
        match self.flush() {
            // As with FIN alone: whoever has ended and is gone misses nothing.
            Err(e) if self.end.is_some() && is_gone(&e) && self.nothing_is_lost(&e) => {}
            other => other?,
        }
        self.under.close_write()?;
        self.closed = true;
        Ok(())
    }

    /// Whether a peer that is gone has had our payload. Where nobody can say, a reset tells that it has not, and of a
    /// broken pipe whoever asks for the error that waits is told more (unix(7)).
    fn nothing_is_lost(&self, error: &io::Error) -> bool {
        self.unacknowledged().map_or(error.kind() == io::ErrorKind::BrokenPipe, |payload| payload == 0)
    }

    /// Sends every record that waits, or gives `WouldBlock`.
    fn flush(&mut self) -> io::Result<()> {
        while self.wants_flush() {
            match self.connection.write_tls(&mut Wire(&mut self.under))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.meter.sent(n),
            }
        }
        Ok(())
    }

    /// Sends what there is room for.
    fn flush_some(&mut self) -> io::Result<()> {
        match self.flush() {
            Err(e) if is_nothing_yet(&e) => Ok(()),
            other => other,
        }
    }

    /// Bytes of ours, FIN included, that the peer's kernel has not acknowledged; `None` where nobody can say. What is not
    /// payload (handshake, tickets, `close_notify`) does not count: nobody misses it.
    pub fn unacknowledged(&self) -> Option<u64> {
        let fin = u64::from(self.closed);
        match self.under.unacknowledged()? {
            0 => Some(0),
            queue => Some(self.meter.payload_in(queue.saturating_sub(fin)) + fin),
        }
    }

    /// What to wait for before the next read.
    pub fn read_interest(&self) -> Readiness<'_> {
        if self.has_more() { Readiness::Always } else { self.under.read_interest() }
    }

    /// Whether a read has something to tell although poll sees nothing.
    pub fn has_more(&self) -> bool {
        self.more || !self.incoming.is_empty()
    }

    /// What a failed read means.
    pub fn read_error(&self, error: &io::Error) -> Error {
        match Fault::within(error) {
            Some(fault) => fault.explain(&self.scene(fault)),
            None if self.is_handshaking() => Error { operation: HANDSHAKE, ..self.under.read_error(error) },
            None => self.under.read_error(error),
        }
    }

    /// What a failed write means.
    pub fn write_error(&self, error: &io::Error) -> Error {
        match Fault::within(error) {
            Some(fault) => fault.explain(&self.scene(fault)),
            None if self.is_handshaking() => Error { operation: HANDSHAKE, ..self.under.write_error(error) },
            None => self.under.write_error(error),
        }
    }

    /// Where `fault` is met. It is one of what came, also when a write is what tells of it; only keys are used up by
    /// sending.
    fn scene(&self, fault: &Fault) -> Scene<'_> {
        let operation = match fault {
            _ if self.is_handshaking() => HANDSHAKE,
            Fault::Protocol(rustls::Error::EncryptError) => "send to",
            _ => "receive from",
        };
        Scene {
            peer: self.under.name(),
            operation,
            first_bytes: &self.first_bytes,
            received: self.received,
            trial: self.trial.as_deref(),
        }
    }

    /// A wait in the handshake came to nothing.
    pub(super) fn cut_short(&self, cut: Cut) -> Error {
        let error = cut.during(HANDSHAKE, self.under.name());
        if error.kind == Kind::TimedOut && self.received == 0 { error.hint(NOT_TLS) } else { error }
    }

    /// What a client's handshake agreed on.
    pub fn agreed(&self) -> Option<&Handshake> {
        self.agreed.as_deref()
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

/// What has gone out, as records and as the payload in them: the kernel's account is of records, the user's of payload.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    /// Bytes of records that the stream below has taken.
    out: u64,
    /// The same when payload was last told as written: what is behind it is no payload, or not told yet.
    told_at: u64,
    /// Payload that was told as written, and the bytes of its records.
    payload: u64,
    records: u64,
    /// The payload that is on its way, and where its records begin.
    piece: u64,
    piece_at: u64,
    /// How many records payload has become.
    count: u64,
}

impl Meter {
    /// `n` bytes of payload have become records, which are still to be sent.
    fn encrypted(&mut self, n: usize) {
        (self.piece, self.piece_at) = (n as u64, self.out);
        self.count += records_of(n);
    }

    /// The stream below has taken `n` bytes.
    fn sent(&mut self, n: usize) {
        self.out += n as u64;
    }

    /// The payload that was on its way is told as written.
    fn told(&mut self) {
        self.payload += self.piece;
        self.records += self.out - self.piece_at;
        (self.told_at, self.piece, self.piece_at) = (self.out, 0, self.out);
    }

    /// How much payload, told as written, is in the last `queue` bytes of records; a part of a record counts as its
    /// share.
    fn payload_in(&self, queue: u64) -> u64 {
        let queue = queue.saturating_sub(self.out - self.told_at).min(self.records);
        let share = u128::from(queue) * u128::from(self.payload);
        // Payload is less than its records: it fits, and where there are no records there is no queue.
        u64::try_from(share.div_ceil(u128::from(self.records.max(1)))).unwrap_or(queue)
    }
}

/// How many records `n` bytes of payload become (RFC 8446 §5.1: 2^14 bytes at the most).
fn records_of(n: usize) -> u64 {
    n.div_ceil(1 << 14) as u64
}

/// Whether a call has only to be made again.
fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether the peer takes nothing any more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind as Io;
    matches!(error.kind(), Io::BrokenPipe | Io::ConnectionReset | Io::ConnectionAborted | Io::NotConnected)
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
