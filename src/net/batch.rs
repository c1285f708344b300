//! Datagrams in runs: as many of them in one call as the kernel and the path take.
//!
//! Owns the choice between segments (UDP GSO), many messages in one call (sendmmsg) and one at a time, and remembers
//! what was refused. Refuses to wait, and to give up: an error is the caller's to judge, and then nothing has left.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::AsFd;

use super::datagram::{DatagramSocket, LARGEST_V4};
use crate::sys::batch::{MOST_AT_ONCE, Refusal, can_segment, refusal, send_many, send_segments};

/// A shorter train is not worth its own call: among others, it would cut the run into small ones.
const SHORTEST_TRAIN: usize = 4;

/// How many bytes the longest train of datagrams of `size` bytes has. Who reads a multiple of it sends no short ones.
pub fn longest_train(size: usize) -> usize {
    size * (LARGEST_V4 / size.max(1)).clamp(1, MOST_AT_ONCE)
}

/// Datagrams that lie in one buffer, in the order in which they leave.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    bytes: &'a [u8],
    pieces: &'a [Range<usize>],
}

impl<'a> Run<'a> {
    /// Each of `pieces` is one datagram in `bytes`.
    pub fn new(bytes: &'a [u8], pieces: &'a [Range<usize>]) -> Self {
        Run { bytes, pieces }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The first `most` of them.
    #[must_use]
    pub fn first(self, most: usize) -> Self {
        Run { pieces: &self.pieces[..most.min(self.pieces.len())], ..self }
    }

    /// The size of each, in bytes.
    pub fn sizes(self) -> impl Iterator<Item = usize> + 'a {
        self.pieces.iter().map(Range::len)
    }

    /// How many at the front have one size, the last of them perhaps a smaller one, and fit into one call.
    fn train(self) -> usize {
        let mut sizes = self.sizes().take(MOST_AT_ONCE);
        let first = sizes.next().filter(|&size| size > 0).unwrap_or(LARGEST_V4);
        let (mut count, mut bytes) = (1, first);
        for size in sizes {
            bytes += size;
            if size == 0 || size > first || bytes > LARGEST_V4 {
                break;
            }
            count += 1;
            if size < first {
                break;
            }
        }
        count
    }

    /// As few slices as cover the run: pieces that touch are one.
    fn gathered(self, slices: &mut [IoSlice<'a>; MOST_AT_ONCE]) -> usize {
        let mut count = 0;
        let mut pieces = self.pieces.iter().cloned().peekable();
        while let Some(mut whole) = pieces.next() {
            while let Some(next) = pieces.next_if(|next| next.start == whole.end) {
                whole.end = next.end;
            }
            slices[count] = IoSlice::new(&self.bytes[whole]);
            count += 1;
        }
        count
    }
}

/// The way in which runs leave through one socket.
#[derive(Debug)]
pub struct Outbox {
    /// Segments of more bytes than this have been refused.
    largest_segment: usize,
}

impl Outbox {
    /// For `socket`.
    pub fn new(socket: &DatagramSocket) -> Self {
        Outbox { largest_segment: if can_segment(socket.as_fd()) { usize::MAX } else { 0 } }
    }

    /// Sends datagrams from the front of `run`, in one call that succeeds; gives how many. On an error none has left: it is
    /// that of the first one, or of one that left before ([`DatagramSocket::has_late_errors`]).
    pub fn send(&mut self, socket: &DatagramSocket, run: Run<'_>) -> io::Result<usize> {
        let train = run.train();
        let size = run.sizes().next().unwrap_or(0);
        if size <= self.largest_segment && train >= SHORTEST_TRAIN.min(run.len()).max(2) {
            match send_train(socket, run.first(train), size) {
                Ok(()) => return Ok(train),
                Err(error) => self.learn(size, error)?,
            }
        }
        send_each(socket, run)
    }

    /// A refusal of segments says nothing about the datagrams: they can still leave one by one, where IP may fragment
    /// them. Any other error is theirs.
    fn learn(&mut self, size: usize, error: io::Error) -> io::Result<()> {
        self.largest_segment = match refusal(&error) {
            Some(Refusal::Size) => size - 1,
            Some(Refusal::Any) => 0,
            None => return Err(error),
        };
        Ok(())
    }
}

fn send_train(socket: &DatagramSocket, train: Run<'_>, size: usize) -> io::Result<()> {
    let mut slices = [IoSlice::new(&[]); MOST_AT_ONCE];
    let count = train.gathered(&mut slices);
    let size = u16::try_from(size).map_err(|_| io::ErrorKind::Unsupported)?;
    send_segments(socket.as_fd(), socket.destination(), &slices[..count], size)
}

fn send_each(socket: &DatagramSocket, run: Run<'_>) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); MOST_AT_ONCE];
    for (slice, piece) in slices.iter_mut().zip(run.pieces) {
        *slice = IoSlice::new(&run.bytes[piece.clone()]);
    }
    match run.len().min(MOST_AT_ONCE) {
        0 => Ok(0),
        1 => socket.send(&slices[0]).map(|()| 1),
        count => send_many(socket.as_fd(), socket.destination(), &slices[..count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of datagrams of these sizes, each `gap` bytes after the one before.
    fn pieces(sizes: &[usize], gap: usize) -> Vec<Range<usize>> {
        let mut at = 0;
        let piece = |&size: &usize| {
            let piece = at..at + size;
            at += size + gap;
            piece
        };
        sizes.iter().map(piece).collect()
    }

    #[test]
    fn a_train_is_of_one_size_and_a_shorter_one_is_its_last() {
        let table: [(&[usize], usize); 12] = [
            (&[5], 1),
            (&[5, 5, 5], 3),
            (&[5, 5, 3, 5], 3),
            (&[5, 5, 6], 2),
            (&[5, 6], 1),
            (&[5, 5, 0, 5], 2),
            (&[0, 0, 5], 1),
            (&[1200; 60], 54),
            (&[1; 100], 64),
            (&[32_753; 3], 2),
            (&[32_754, 32_754], 1),
            (&[65_527, 1], 1),
        ];
        for (sizes, train) in table {
            assert_eq!(Run::new(&[], &pieces(sizes, 0)).train(), train, "{sizes:?}");
        }
    }

    #[test]
    fn a_multiple_of_the_longest_train_is_all_long_trains() {
        for size in [1, 7, 1200, 1472, 9000, 32_753, 32_754, 65_507, 65_527, 200_000] {
            let bytes = longest_train(size);
            let pieces = pieces(&vec![size; 3 * bytes / size], 0);
            let run = Run::new(&[], &pieces);
            assert_eq!((run.train() * size, bytes % size), (bytes, 0), "{size}");
        }
        assert_eq!((longest_train(1200), longest_train(0)), (64_800, 0));
    }

    #[test]
    fn pieces_that_touch_are_gathered() {
        let bytes: Vec<_> = (0..40).collect();
        for (gap, count) in [(0, 1), (1, 4)] {
            let pieces = pieces(&[9, 9, 9, 4], gap);
            let mut slices = [IoSlice::new(&[]); MOST_AT_ONCE];
            assert_eq!(Run::new(&bytes, &pieces).gathered(&mut slices), count);
            let wanted: Vec<_> = pieces.iter().flat_map(|piece| bytes[piece.clone()].to_vec()).collect();
            let gathered: Vec<_> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            assert_eq!(gathered, wanted);
        }
    }

    #[test]
    fn what_was_refused_is_not_tried_again() {
        let mut outbox = Outbox { largest_segment: usize::MAX };
        // EINVAL, which is 22 in every Unix.
        let too_large = io::Error::from_raw_os_error(22);
        assert!(outbox.learn(1473, too_large).is_ok() && outbox.largest_segment == 1472);
        assert!(outbox.learn(1000, io::ErrorKind::ConnectionRefused.into()).is_err());
        assert_eq!(outbox.largest_segment, 1472);
        assert!(outbox.learn(1000, io::ErrorKind::Unsupported.into()).is_ok() && outbox.largest_segment == 0);
    }
}
