//! What looks on while bytes move, and what the options ask of the bytes: observers, rate, end conditions, hashes.
//!
//! [`Taps`] is what a command asks for; each direction gets its [`Tap`] of it. Observers and hashes see bytes when the
//! sink has taken them: what a log holds is what was delivered, translated line ends included. Whoever wants to
//! see bytes turns the kernel's paths off ([`Tap::sees_bytes`]); counting needs no tap. Refuses to know what an
//! observer makes of the bytes.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::bucket::Bucket;
use super::pattern::Pattern;
use crate::error::{Error, Kind};
use crate::event::{Observe, Side};
use crate::proto::escape;

/// What a session is watched by and held to.
#[derive(Default)]
pub struct Taps<'a> {
    /// Told each piece that was taken.
    pub observers: Vec<Box<dyn Observe + 'a>>,
    /// Bytes a second, in each direction by itself.
    pub rate: Option<NonZeroU64>,
    /// End well once the peer has sent this; a session without it has failed.
    pub until_match: Option<Vec<u8>>,
    /// End well once this many bytes have come from the peer.
    pub max_bytes: Option<u64>,
    /// Tell the hash of each direction.
    pub sum: bool,
    /// The hash that what is received must have.
    pub expect_sha256: Option<[u8; 32]>,
    /// How many bytes must be received.
    pub expect_size: Option<u64>,
}

impl Taps<'_> {
    /// The tap of the direction whose bytes come from `from`.
    pub(super) fn tap(&self, from: Side) -> Tap<'_> {
        let incoming = from == Side::Peer;
        let hashed = self.sum || (incoming && self.expect_sha256.is_some());
        Tap {
            observers: &self.observers,
            from,
            bucket: self.rate.map(|rate| Bucket::new(rate, Instant::now())),
            pattern: self.until_match.clone().filter(|_| incoming).map(Pattern::new),
            left: self.max_bytes.filter(|_| incoming),
            hash: hashed.then(Sha256::new),
        }
    }

    /// The session is over: every observer writes what it holds back. The first failure counts.
    pub(super) fn ended(&self) -> Result<(), Error> {
        self.observers.iter().map(|observer| observer.ended()).fold(Ok(()), Result::and)
    }

    /// Whether a session that ended well is what was asked for.
    pub(super) fn judge(&self, incoming: &Tap<'_>, received: u64) -> Result<(), Error> {
        incoming.judge()?;
        self.judge_size(received)?;
        let (Some(wanted), Some(got)) = (self.expect_sha256, incoming.sha256()) else { return Ok(()) };
        let wanted = hexadecimal(&wanted);
        let reason = || format!("its SHA-256 is {got}, expected {wanted} (--expect-sha256)");
        if got == wanted { Ok(()) } else { Err(Error::new(Kind::Verdict, "check", RECEIVED, reason())) }
    }

    fn judge_size(&self, received: u64) -> Result<(), Error> {
        let kind = match self.expect_size {
            Some(wanted) if received < wanted => Kind::Short,
            Some(wanted) if received > wanted => Kind::Verdict,
            _ => return Ok(()),
        };
        let wanted = self.expect_size.unwrap_or(received);
        Err(Error::new(kind, "check", RECEIVED, format!("{received} bytes, expected {wanted} (--expect-size)")))
    }
}

const RECEIVED: &str = "what was received";

/// The tap of one direction.
pub(super) struct Tap<'a> {
    observers: &'a [Box<dyn Observe + 'a>],
    from: Side,
    bucket: Option<Bucket>,
    pattern: Option<Pattern>,
    /// How many bytes may still be delivered.
    left: Option<u64>,
    hash: Option<Sha256>,
}

impl Tap<'_> {
    /// Whether bytes must come through this process, in the pieces that are allowed.
    pub(super) fn sees_bytes(&self) -> bool {
        let limited = self.bucket.is_some() || self.left.is_some();
        limited || self.pattern.is_some() || self.hash.is_some() || !self.observers.is_empty()
    }

    /// How many bytes may be read while `waiting` of them are still to be written.
    pub(super) fn may_read(&self, waiting: usize) -> usize {
        if self.pattern.as_ref().is_some_and(Pattern::is_found) {
            return 0;
        }
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        left.saturating_sub(waiting)
    }

    /// The source has given `bytes`. An end is looked for here and not where they are taken: a slow sink would have more
    /// read behind it.
    pub(super) fn came(&mut self, bytes: &[u8]) {
        if let Some(pattern) = &mut self.pattern {
            pattern.saw(bytes);
        }
    }

    /// How many of the `waiting` bytes may be written now.
    pub(super) fn may_write(&self, waiting: usize) -> usize {
        self.bucket.as_ref().map_or(waiting, |bucket| bucket.allows(waiting, Instant::now()))
    }

    /// How long until some of the `waiting` bytes may be written; `None` if they may now.
    pub(super) fn wait(&self, waiting: usize) -> Option<Duration> {
        self.bucket.as_ref().filter(|_| waiting > 0)?.wait(waiting, Instant::now())
    }

    /// The sink has taken `bytes`.
    pub(super) fn took(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(bytes.len(), Instant::now());
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
        self.observers.iter().map(|observer| observer.saw(self.from, bytes)).fold(Ok(()), Result::and)
    }

    /// What was to come has come.
    pub(super) fn is_satisfied(&self) -> bool {
        self.left == Some(0) || self.pattern.as_ref().is_some_and(Pattern::is_found)
    }

    /// From now on nothing is held back: there is little time left.
    pub(super) fn hurry(&mut self) {
        self.bucket = None;
    }

    /// The hash of what was taken so far, if one is made.
    pub(super) fn sha256(&self) -> Option<String> {
        self.hash.clone().map(|hash| hexadecimal(&hash.finalize()))
    }

    fn judge(&self) -> Result<(), Error> {
        let Some(missing) = self.pattern.as_ref().filter(|pattern| !pattern.is_found()) else { return Ok(()) };
        let text = format!("\"{}\"", escape(missing.text()));
        Err(Error::new(Kind::Verdict, "wait for", text, "the session ended without it (--until-match)"))
    }
}

impl std::fmt::Debug for Tap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("from", &self.from).field("sees_bytes", &self.sees_bytes()).finish_non_exhaustive()
    }
}

/// `bytes` in hexadecimal digits, as sha256sum prints them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_taps_leaves_the_bytes_to_the_kernel() {
        assert!(!Taps::default().tap(Side::Peer).sees_bytes());
        // The size is counted anyway.
        assert!(!Taps { expect_size: Some(1), ..Taps::default() }.tap(Side::Peer).sees_bytes());
        let one_way = Taps { until_match: Some(b"x".to_vec()), expect_sha256: Some([0; 32]), ..Taps::default() };
        assert!(one_way.tap(Side::Peer).sees_bytes() && !one_way.tap(Side::Local).sees_bytes());
        let both = Taps { sum: true, ..Taps::default() };
        assert!(both.tap(Side::Peer).sees_bytes() && both.tap(Side::Local).sees_bytes());
    }

    #[test]
    fn max_bytes_counts_what_waits_too() {
        let taps = Taps { max_bytes: Some(10), ..Taps::default() };
        let mut tap = taps.tap(Side::Peer);
        assert_eq!((tap.may_read(0), tap.may_read(4), tap.may_read(10)), (10, 6, 0));
        tap.took(b"1234567").expect("nobody looks on");
        assert_eq!((tap.may_read(3), tap.is_satisfied()), (0, false));
        tap.took(b"890").expect("nobody looks on");
        assert!(tap.is_satisfied());
        assert_eq!(taps.tap(Side::Local).may_read(0), usize::MAX);
    }

    #[test]
    fn the_hash_is_sha256_of_the_pieces_in_their_order() {
        // FIPS 180-4's own examples: "abc", and nothing.
        let taps = Taps { sum: true, ..Taps::default() };
        let mut tap = taps.tap(Side::Local);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(tap.sha256().as_deref(), Some(empty));
        tap.took(b"a").expect("nobody looks on");
        tap.took(b"bc").expect("nobody looks on");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(tap.sha256().as_deref(), Some(abc));
    }

    #[test]
    fn short_and_long_are_told_apart() {
        let taps = Taps { expect_size: Some(5), ..Taps::default() };
        let judged = |received| taps.judge(&taps.tap(Side::Peer), received).map_err(|e| e.kind);
        assert_eq!(judged(5), Ok(()));
        assert_eq!((judged(4), judged(6)), (Err(Kind::Short), Err(Kind::Verdict)));
    }
}
