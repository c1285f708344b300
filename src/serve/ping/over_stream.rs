//! Probes through a connection: one after the other, back in the same order.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::carrier::{Arrival, Came, Carrier, Sending};
use super::frames::{Frame, Frames};
use super::probe::Probes;
use crate::error::Error;
use crate::stream::Stream;
use crate::sys::poll::{Interest, poll};

/// What one read may bring.
const PIECE: usize = 64 * 1024;

/// How long the peer has to end after us. Answers that met a closed socket would show it a reset.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A connection, and where in its two directions the probes are.
pub(super) struct OverStream {
    stream: Stream,
    probes: Probes,
    frames: Frames,
    piece: Vec<u8>,
    /// When the last read was made.
    read_at: Instant,
    /// The probe that is going out: how much of it is gone, and since when.
    sending: Option<(usize, Instant)>,
}

impl OverStream {
    pub(super) fn new(stream: Stream, probes: Probes) -> Self {
        let frames = Frames::default();
        OverStream { stream, probes, frames, piece: vec![0; PIECE], read_at: Instant::now(), sending: None }
    }

    /// What the bytes that have been read are.
    fn judge(&mut self, last: u64) -> Option<Arrival> {
        self.frames.next(&mut self.probes, last).map(|frame| match frame {
            Frame::Foreign(n) => Arrival::Foreign(n, None),
            Frame::Probe(probe) => Arrival::Probe(Came {
                seq: probe.seq,
                intact: probe.intact,
                bytes: self.probes.size(),
                at: self.read_at,
                from: None,
            }),
        })
    }
}

impl Carrier for OverStream {
    fn send(&mut self, seq: u64) -> Result<Sending, Error> {
        let (before, since) = self.sending.unwrap_or((0, Instant::now()));
        let mut gone = before;
        loop {
            match self.stream.write(&self.probes.bytes(seq)[gone..]) {
                Ok(n) => gone += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.sending = (gone > 0).then_some((gone, since));
                    return Ok(Sending::Blocked { moved: gone > before });
                }
                Err(e) => return Err(self.stream.write_error(&e)),
            }
            if gone == self.probes.size() {
                self.sending = None;
                return Ok(Sending::Done(since));
            }
        }
    }

    fn receive(&mut self, last: u64) -> Result<Option<Arrival>, Error> {
        if let Some(arrival) = self.judge(last) {
            return Ok(Some(arrival));
        }
        let read = self.stream.read(&mut self.piece);
        self.read_at = Instant::now();
        match read {
            Ok(0) => Ok(Some(Arrival::End)),
            Ok(n) => {
                self.frames.push(&self.piece[..n]);
                let part = self.frames.has_begun(&mut self.probes, last).then_some(Arrival::Part);
                Ok(self.judge(last).or(part))
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(self.stream.read_error(&e)),
        }
    }

    fn rest(&mut self, last: u64) -> usize {
        self.frames.rest(&mut self.probes, last)
    }

    fn interest(&self, blocked: bool) -> Option<Interest<'_>> {
        self.stream.reader_watch().map(|fd| Interest::new(fd, true, blocked))
    }

    fn name(&self) -> String {
        self.stream.name()
    }

    fn is_group(&self) -> bool {
        false
    }

    fn end(&mut self) -> io::Result<()> {
        let end = Instant::now() + LAST_WORDS;
        self.stream.close_write()?;
        loop {
            match self.stream.read(&mut self.piece) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            poll(&mut self.interest(false).into_iter().collect::<Vec<_>>(), None, Some(left))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::stream::scripted::{Read, Scripted, Write};

    const SIZE: usize = 24;

    fn probes() -> Probes {
        Probes::of_run(0x0bad_cafe, SIZE)
    }

    fn bytes(seqs: std::ops::RangeInclusive<u64>) -> Vec<u8> {
        seqs.flat_map(|seq| probes().bytes(seq).to_vec()).collect()
    }

    fn over(script: Scripted) -> OverStream {
        OverStream::new(Stream::Scripted(script), probes())
    }

    fn taken(carrier: &OverStream) -> &[u8] {
        if let Stream::Scripted(script) = &carrier.stream { &script.taken } else { &[] }
    }

    /// Everything that comes until the peer's end: probes as their numbers, foreign bytes as zeros.
    fn all(carrier: &mut OverStream) -> Vec<u64> {
        let mut found = Vec::new();
        loop {
            match carrier.receive(9).expect("the script does not fail") {
                Some(Arrival::Probe(came)) => found.push(came.seq),
                Some(Arrival::Foreign(n, _)) => found.extend(vec![0; n]),
                Some(Arrival::End) => return found,
                Some(Arrival::Part) | None => {}
                Some(Arrival::Refused { error, .. }) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn answers_are_found_however_they_are_split() {
        let all_bytes = bytes(1..=3);
        for at in 0..=all_bytes.len() {
            let (head, tail) = all_bytes.split_at(at);
            let reads = [Read::Bytes(head.to_vec()), Read::Block, Read::Bytes(tail.to_vec())];
            // A read of nothing is an end.
            let reads = reads.into_iter().filter(|read| !matches!(read, Read::Bytes(bytes) if bytes.is_empty()));
            assert_eq!(all(&mut over(Scripted::giving(reads))), [1, 2, 3], "split at {at}");
        }
    }

    #[test]
    fn a_probe_that_is_taken_in_pieces_is_sent_when_it_is_whole() {
        for first in 1..SIZE {
            let mut carrier = over(Scripted::default().taking([Write::Block, Write::Take(first), Write::Block]));
            assert_eq!(carrier.send(1), Ok(Sending::Blocked { moved: false }));
            assert_eq!(carrier.send(1), Ok(Sending::Blocked { moved: true }));
            let began = carrier.sending.expect("a part is gone").1;
            assert_eq!(carrier.send(1), Ok(Sending::Done(began)));
            assert!(matches!(carrier.send(2), Ok(Sending::Done(at)) if at >= began));
            assert_eq!(taken(&carrier), bytes(1..=2));
        }
    }

    #[test]
    fn a_part_of_a_probe_is_a_sign_of_life_and_a_part_of_something_else_is_not() {
        let mut carrier = over(Scripted::giving([Read::Bytes(bytes(1..=1)[..9].to_vec()), Read::Block]));
        assert!(matches!(carrier.receive(1), Ok(Some(Arrival::Part))));
        let mut carrier = over(Scripted::giving([Read::Bytes(b"Welcome!\n".to_vec()), Read::Block]));
        assert!(matches!(carrier.receive(1), Ok(None)));
        assert_eq!(carrier.rest(1), 9);
    }

    #[test]
    fn a_reset_is_one_in_either_direction() {
        let reset = ErrorKind::ConnectionReset;
        let mut carrier = over(Scripted::giving([Read::Fail(reset)]).taking([Write::Fail(reset)]));
        assert_eq!(carrier.send(1).map_err(|e| e.kind), Err(Kind::Reset));
        assert_eq!(carrier.receive(1).map(|_| ()).map_err(|e| e.kind), Err(Kind::Reset));
    }
}
