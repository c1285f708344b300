//! Where in a stream of bytes the probes are that came back.
//!
//! An echo gives back the probes one after the other, so the place tells which one it is. Headers help where that fails:
//! a greeting before the first probe or bytes that went missing cost the probes that they touch, and no others.
//! Every decision is made on exactly one probe's worth of bytes, so that it is the same however the stream is split.

use super::probe::{HEADER, Probes, Recognised};

/// The bytes that have come and are not judged yet.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
    /// The newest probe that was found.
    found: u64,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A probe.
    Probe(Recognised),
    /// So many that belong to none.
    Foreign(usize),
}

impl Frames {
    /// More bytes have come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Judges the next bytes; `None` until there are enough. `last` is the newest probe that was sent.
    pub(super) fn next(&mut self, probes: &mut Probes, last: u64) -> Option<Frame> {
        let waiting = &self.bytes[self.start..];
        let frame = match waiting.get(..probes.size()) {
            _ if waiting.is_empty() => return None,
            None if self.found < last || probes.size() >= HEADER => return None,
            // More than was sent.
            None => Frame::Foreign(waiting.len()),
            Some(whole) => judge(whole, probes, self.found + 1, last),
        };
        self.start += match frame {
            Frame::Probe(probe) => {
                self.found = self.found.max(probe.seq);
                probes.size()
            }
            Frame::Foreign(n) => n,
        };
        Some(frame)
    }

    /// Whether what waits is the beginning of a probe, so that the peer is at work.
    pub(super) fn has_begun(&self, probes: &mut Probes, last: u64) -> bool {
        let waiting = &self.bytes[self.start..];
        let is_next =
            |probes: &mut Probes| probes.bytes(self.found + 1).starts_with(&waiting[..waiting.len().min(HEADER)]);
        !waiting.is_empty() && (is_next(probes) || probes.claimed(waiting, last).is_some())
    }

    /// Nothing more will come: takes what waits and belongs to no probe.
    pub(super) fn rest(&mut self, probes: &mut Probes, last: u64) -> usize {
        let rest = if self.has_begun(probes, last) { 0 } else { self.bytes.len() - self.start };
        self.start = self.bytes.len();
        rest
    }
}

/// What one probe's worth of bytes begins with, where probe `expected` is next.
fn judge(whole: &[u8], probes: &mut Probes, expected: u64, last: u64) -> Frame {
    let claimed = probes.claimed(whole, last);
    let is_due = expected <= last;
    for seq in is_due.then_some(expected).into_iter().chain(claimed) {
        if probes.bytes(seq) == whole {
            return Frame::Probe(Recognised { seq, intact: true });
        }
    }
    if let Some(at) = (1..whole.len()).find(|&at| probes.claimed(&whole[at..], last).is_some()) {
        return Frame::Foreign(at);
    }
    let by_place = is_due && (whole.len() < HEADER || probes.resembles(whole, expected));
    match by_place.then_some(expected).or(claimed) {
        Some(seq) => Frame::Probe(Recognised { seq, intact: false }),
        // A header may begin in what is kept.
        None => Frame::Foreign(whole.len().saturating_sub(HEADER - 1).max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 32;

    fn probes() -> Probes {
        Probes::of_run(0x5eed_f00d, SIZE)
    }

    fn bytes_of(seqs: impl IntoIterator<Item = u64>) -> Vec<u8> {
        seqs.into_iter().flat_map(|seq| probes().bytes(seq).to_vec()).collect()
    }

    /// What comes of `pieces` when nine probes were sent: probes, damaged ones negative, and foreign bytes.
    fn read(probes: &mut Probes, pieces: &[&[u8]]) -> (Vec<i64>, usize) {
        let (mut frames, mut seqs, mut foreign) = (Frames::default(), Vec::new(), 0);
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next(probes, 9) {
                match frame {
                    Frame::Foreign(n) => foreign += n,
                    Frame::Probe(Recognised { seq, intact }) => {
                        let seq = i64::try_from(seq).expect("it is small");
                        seqs.push(if intact { seq } else { -seq });
                    }
                }
            }
        }
        (seqs, foreign + frames.rest(probes, 9))
    }

    /// The same, whole and split at every byte.
    #[track_caller]
    fn reads_as(bytes: &[u8], seqs: &[i64], foreign: usize) {
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(read(&mut probes(), &[head, tail]), (seqs.to_vec(), foreign), "split at {at}");
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(read(&mut probes(), &single), (seqs.to_vec(), foreign), "byte by byte");
    }

    #[test]
    fn probes_come_one_after_the_other() {
        reads_as(&bytes_of(1..=9), &[1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
        reads_as(&bytes_of(1..=2)[..SIZE + 20], &[1], 0);
    }

    #[test]
    fn damage_touches_one_probe() {
        for at in 0..SIZE {
            let mut bytes = bytes_of(1..=3);
            bytes[SIZE + at] ^= 0x80;
            reads_as(&bytes, &[1, -2, 3], 0);
        }
    }

    #[test]
    fn bytes_before_a_probe_are_skipped() {
        for greeting in [b"Welcome!\n".as_slice(), &[0; SIZE], &[7; 5 * SIZE + 3]] {
            reads_as(&[greeting, &bytes_of(1..=3)].concat(), &[1, 2, 3], greeting.len());
        }
    }

    #[test]
    fn missing_bytes_cost_the_probes_that_they_touch() {
        reads_as(&bytes_of(1..=4)[5..], &[2, 3, 4], SIZE - 5);
        reads_as(&bytes_of([1, 3, 4]), &[1, 3, 4], 0);
        let holed = [&bytes_of([1]), &bytes_of([2])[..SIZE / 2], &bytes_of([3, 4])].concat();
        reads_as(&holed, &[1, 3, 4], SIZE / 2);
    }

    #[test]
    fn what_was_given_back_twice_is_the_same_probe_twice() {
        reads_as(&bytes_of([1, 2, 2, 1, 3]), &[1, 2, 2, 1, 3], 0);
    }

    #[test]
    fn other_bytes_are_foreign_to_the_last() {
        let page = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwhat do you want of me? nothing here";
        reads_as(page, &[], page.len());
        reads_as(b"no", &[], 2);
        reads_as(&[bytes_of(1..=9).as_slice(), b"and more"].concat(), &[1, 2, 3, 4, 5, 6, 7, 8, 9], 8);
    }

    #[test]
    fn small_probes_are_known_by_their_place() {
        for size in 1..HEADER {
            let small = || Probes::of_run(1, size);
            let mut bytes: Vec<u8> = (1..=9).flat_map(|seq| small().bytes(seq).to_vec()).collect();
            bytes[size * 4] ^= 1;
            bytes.extend([0, 0]);
            let single: Vec<_> = bytes.chunks(1).collect();
            for pieces in [&[bytes.as_slice()][..], &single] {
                assert_eq!(read(&mut small(), pieces), (vec![1, 2, 3, 4, -5, 6, 7, 8, 9], 2), "{size}");
            }
        }
    }

    #[test]
    fn a_beginning_is_told_from_something_else() {
        let begun = |bytes: &[u8]| {
            let mut frames = Frames::default();
            frames.push(bytes);
            frames.has_begun(&mut probes(), 9)
        };
        let whole = bytes_of([1]);
        assert!(begun(&whole[..1]) && begun(&whole[..8]) && begun(&whole[..31]) && begun(&bytes_of([4])[..9]));
        assert!(!begun(b"") && !begun(b"W") && !begun(b"Welcome to the machine"));
    }
}
