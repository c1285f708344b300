//! The bytes of a probe, and which probe some bytes are.
//!
//! A probe begins with four bytes that are this run's own, by which strangers' and stale bytes are told from answers,
//! and the low half of its sequence number. Noise follows that is another for every probe, so that what was damaged,
//! cut or mixed up is seen. Below [`HEADER`] bytes there is only the noise: then the place in the stream must tell.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What a probe begins with: big-endian, 4 bytes of the run and 4 of the sequence number.
pub(super) const HEADER: usize = 8;

/// A damaged datagram is looked for among so many of the newest probes.
const NEAR: usize = 64;

/// The probes of one run.
#[derive(Debug)]
pub(super) struct Probes {
    run: u32,
    /// The bytes of the probe that was asked for last.
    bytes: Vec<u8>,
    /// Its sequence number; 0 is none.
    seq: u64,
}

/// The probe that some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) seq: u64,
    /// Whether not a bit is different.
    pub(super) intact: bool,
}

impl Probes {
    /// Probes of `size` bytes, told from those of every other run.
    pub(super) fn new(size: usize) -> Self {
        // The only source of randomness that std has: its keys are the system's.
        let random = RandomState::new().build_hasher().finish();
        Self::of_run((random >> 32) as u32, size)
    }

    /// The probes of the run with this mark.
    pub(super) fn of_run(run: u32, size: usize) -> Self {
        Probes { run, bytes: vec![0; size], seq: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of probe `seq`; the first one is 1.
    pub(super) fn bytes(&mut self, seq: u64) -> &[u8] {
        if self.seq != seq {
            self.seq = seq;
            fill(&mut self.bytes, self.run, seq);
        }
        &self.bytes
    }

    /// The probe that `datagram` is, of those up to `last`; `None` is somebody else's. One whose header is damaged is
    /// known by the rest of it.
    pub(super) fn recognise(&mut self, datagram: &[u8], last: u64) -> Option<Recognised> {
        let claimed = self.claimed(datagram, last);
        if let Some(seq) = claimed.filter(|&seq| self.bytes(seq) == datagram) {
            return Some(Recognised { seq, intact: true });
        }
        self.closest(datagram, claimed, last).or(claimed).map(|seq| Recognised { seq, intact: false })
    }

    /// The sequence number that these bytes begin with, if they are of this run and no later than `last`.
    pub(super) fn claimed(&self, bytes: &[u8], last: u64) -> Option<u64> {
        let (header, _) = bytes.split_first_chunk::<HEADER>()?;
        let [a, b, c, d, low @ ..] = *header;
        if u32::from_be_bytes([a, b, c, d]) != self.run {
            return None;
        }
        // The newest one with this low half.
        let back = low_half(last).wrapping_sub(u32::from_be_bytes(low));
        last.checked_sub(back.into()).filter(|&seq| seq > 0)
    }

    /// Whether more than three quarters of `bytes` are those of probe `seq`.
    pub(super) fn resembles(&mut self, bytes: &[u8], seq: u64) -> bool {
        self.differing(bytes, seq) * 4 < bytes.len()
    }

    /// How many of `bytes` are not those of probe `seq`.
    fn differing(&mut self, bytes: &[u8], seq: u64) -> usize {
        self.bytes(seq).iter().zip(bytes).filter(|(ours, theirs)| ours != theirs).count()
    }

    fn closest(&mut self, bytes: &[u8], claimed: Option<u64>, last: u64) -> Option<u64> {
        if bytes.len() != self.size() {
            return None;
        }
        let candidates = claimed.into_iter().chain((1..=last).rev().take(NEAR));
        let closest = candidates.min_by_key(|&seq| self.differing(bytes, seq))?;
        self.resembles(bytes, closest).then_some(closest)
    }
}

fn low_half(seq: u64) -> u32 {
    let [.., a, b, c, d] = seq.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Noise from splitmix64, whose every state gives eight good bytes, and the header over it.
fn fill(bytes: &mut [u8], run: u32, seq: u64) {
    let mut state = seq.rotate_left(32) ^ u64::from(run);
    for piece in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        piece.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..piece.len()]);
    }
    if let Some((header, _)) = bytes.split_first_chunk_mut::<HEADER>() {
        let (run, seq) = (run.to_be_bytes(), low_half(seq).to_be_bytes());
        header[..4].copy_from_slice(&run);
        header[4..].copy_from_slice(&seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u32 = 0x5eed_f00d;

    fn probe(size: usize, seq: u64) -> Vec<u8> {
        Probes::of_run(RUN, size).bytes(seq).to_vec()
    }

    fn recognised(size: usize, bytes: &[u8], last: u64) -> Option<(u64, bool)> {
        Probes::of_run(RUN, size).recognise(bytes, last).map(|found| (found.seq, found.intact))
    }

    #[test]
    fn a_probe_is_recognised_at_every_size() {
        for size in [8, 9, 15, 16, 64, 1500, 65_507] {
            for seq in [1, 2, 99, 100] {
                assert_eq!(recognised(size, &probe(size, seq), 100), Some((seq, true)), "{size} {seq}");
            }
        }
    }

    #[test]
    fn the_sequence_number_outlives_its_32_bits() {
        let last = (7 << 32) + 2;
        for seq in [last, last - 1, last - 2, last - 3, last - 60_000] {
            assert_eq!(recognised(64, &probe(64, seq), last), Some((seq, true)), "{seq}");
        }
        assert_eq!(Probes::of_run(RUN, 64).claimed(&probe(64, 5), 4), None, "not sent yet");
        assert_eq!(Probes::of_run(RUN, 64).claimed(&probe(64, 0), 4), None, "there is no probe 0");
    }

    #[test]
    fn a_damaged_byte_is_seen_wherever_it_is() {
        for (size, seqs) in [(16, [37, 90]), (64, [40, 64]), (1500, [60, 100])] {
            for (seq, at) in seqs.into_iter().flat_map(|seq| (0..size).map(move |at| (seq, at))) {
                let mut bytes = probe(size, seq);
                bytes[at] ^= 1;
                assert_eq!(recognised(size, &bytes, 100), Some((seq, false)), "byte {at} of {size}, probe {seq}");
            }
        }
    }

    #[test]
    fn another_size_is_damage_and_another_content_is_not_ours() {
        let whole = probe(64, 3);
        assert_eq!(recognised(64, &whole[..63], 5), Some((3, false)));
        assert_eq!(recognised(64, &[whole.as_slice(), b"!"].concat(), 5), Some((3, false)));
        let other_run = Probes::of_run(RUN + 1, 64).bytes(3).to_vec();
        let greeting = [b"Hello, ".as_slice(), &whole[7..]].concat();
        assert_eq!(recognised(64, &greeting, 5), Some((3, false)), "most of it is ours");
        let shifted = [b"Hello, ".as_slice(), &whole].concat();
        for foreign in [other_run.as_slice(), b"", b"no", &whole[..7], &shifted, &[0; 64]] {
            assert_eq!(recognised(64, foreign, 5), None, "{foreign:?}");
        }
    }

    #[test]
    fn two_runs_differ() {
        assert_ne!(Probes::new(64).bytes(1), Probes::new(64).bytes(1));
    }
}
