//! What is wanted of a body beyond its bytes: that it is decoded, no larger than so much, that it has this hash.
//!
//! Owns the order of these: what comes is counted, decoded, counted again and hashed as it is delivered. Whoever wants
//! nothing of it leaves the bytes to the kernel. Refuses to know status and head: the caller finds the coding there.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::super::taps::hexadecimal;
use crate::error::{Error, Kind};
use crate::proto::http::coding::{Coding, CodingError, Decoder, Limits, Piece};

/// What is wanted of one body.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose body it is, for errors: a URL.
    pub subject: String,
    /// The coding that is to be undone.
    pub coding: Coding,
    /// The most bytes that may come, and that may come of them. Without it, the limits of the decoder hold.
    pub most: Option<u64>,
    /// The SHA-256 of what is delivered.
    pub sha256: Option<[u8; 32]>,
    /// The hash, so far, of what the output holds already: the body is its rest.
    pub before: Option<Sha256>,
}

impl Wanted {
    /// The same of the rest of something; `beginning` is what there is of that.
    pub fn behind(self, beginning: &mut dyn Read) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            match beginning.read(&mut piece)? {
                0 => return Ok(Wanted { before: Some(hash), ..self }),
                n => hash.update(&piece[..n]),
            }
        }
    }

    /// Whether what the output holds already is all that is wanted.
    pub fn is_there(self) -> Result<(), Error> {
        Checks::of(self).map_or(Ok(()), |checks| checks.judge())
    }
}

/// Where the bytes are delivered to.
type Deliver<'d> = dyn FnMut(&[u8]) -> Result<(), Error> + 'd;

/// A body that is held to what is wanted.
pub(super) struct Checks {
    wanted: Wanted,
    came: Cap,
    decoder: Option<Decoder>,
    sink: Sink,
}

/// Where the bytes go behind the decoder.
struct Sink {
    delivered: Cap,
    /// Of what is delivered, if there is one to compare it with.
    hash: Option<Sha256>,
}

impl Checks {
    /// The checks of `wanted`; `None` if nobody has to see the bytes.
    pub(super) fn of(wanted: Wanted) -> Option<Self> {
        let is_coded = wanted.coding != Coding::Identity;
        if !is_coded && wanted.most.is_none() && wanted.sha256.is_none() {
            return None;
        }
        // Whoever names a limit of his own means that, be it the larger one.
        let output = if wanted.most.is_some() { u64::MAX } else { Limits::default().output };
        let limits = Limits { output, ..Limits::default() };
        Some(Checks {
            came: Cap(wanted.most),
            decoder: is_coded.then(|| Decoder::new(wanted.coding, limits)),
            sink: Sink {
                delivered: Cap(wanted.most),
                hash: wanted.sha256.map(|_| wanted.before.clone().unwrap_or_default()),
            },
            wanted,
        })
    }

    /// Takes what has come, and delivers what comes of it: all that there is up to the place of an error.
    pub(super) fn take(&mut self, bytes: &[u8], deliver: &mut Deliver<'_>) -> Result<(), Error> {
        let (mut within, more_came) = self.came.within(bytes);
        let is_over = match &mut self.decoder {
            None => self.sink.give(within, deliver)?,
            Some(decoder) => loop {
                match decoder.feed(&mut within) {
                    Ok(Piece::Data(data)) if self.sink.give(data, deliver)? => break true,
                    Ok(Piece::Data(_)) => {}
                    Ok(Piece::NeedMore) => break false,
                    Err(error) => return Err(broken(&self.wanted, &error)),
                }
            },
        };
        if is_over || more_came { Err(self.too_large()) } else { Ok(()) }
    }

    /// The body is complete: whether its coding is, and whether it has the hash.
    pub(super) fn judge(&self) -> Result<(), Error> {
        let ended = self.decoder.as_ref().map_or(Ok(()), Decoder::end_of_input);
        ended.map_err(|e| broken(&self.wanted, &e))?;
        let (Some(hash), Some(wanted)) = (&self.sink.hash, &self.wanted.sha256) else { return Ok(()) };
        let (got, wanted) = (hexadecimal(&hash.clone().finalize()), hexadecimal(wanted));
        let reason = || format!("its SHA-256 is {got}, expected {wanted} (--expect-sha256)");
        if got == wanted { Ok(()) } else { Err(Error::new(Kind::Verdict, "check", &self.wanted.subject, reason())) }
    }

    fn too_large(&self) -> Error {
        let most = self.wanted.most.unwrap_or_default();
        let reason = format!("the body has more than {most} bytes (--max-filesize)");
        Error::new(Kind::TooLarge, "get", &self.wanted.subject, reason)
    }
}

impl Sink {
    /// Delivers what may be delivered of `bytes`; tells whether there is more.
    fn give(&mut self, bytes: &[u8], deliver: &mut Deliver<'_>) -> Result<bool, Error> {
        let (within, is_over) = self.delivered.within(bytes);
        deliver(within)?;
        if let Some(hash) = &mut self.hash {
            hash.update(within);
        }
        Ok(is_over)
    }
}

fn broken(wanted: &Wanted, error: &CodingError) -> Error {
    let told = Error::new(error.kind(), "decode", &wanted.subject, error);
    match error {
        CodingError::TooLarge(_) => told.hint("without --compressed it comes as it is"),
        CodingError::Encoding(_) => told,
    }
}

/// How many bytes may still pass, if that is limited.
struct Cap(Option<u64>);

impl Cap {
    /// The front of `bytes` that may pass, and whether there is more behind it.
    fn within<'b>(&mut self, bytes: &'b [u8]) -> (&'b [u8], bool) {
        let Some(left) = &mut self.0 else { return (bytes, false) };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
        *left -= most as u64;
        (&bytes[..most], most < bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Wanted =
        Wanted { subject: String::new(), coding: Coding::Identity, most: None, sha256: None, before: None };

    /// "hello" as zlib data (RFC 1950).
    const HELLO: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15";

    /// FIPS 180-4 of "hello" (sha256sum).
    const SUM: [u8; 32] = [
        0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16,
        0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24,
    ];

    /// What is delivered of `body`, taken in pieces of `size`, and what that comes to.
    fn come(wanted: &Wanted, body: &[u8], size: usize) -> (Vec<u8>, Result<(), Kind>) {
        let mut checks = Checks::of(wanted.clone()).expect("something is wanted");
        let mut out = Vec::new();
        let mut deliver = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        let taken = body.chunks(size).try_for_each(|piece| checks.take(piece, &mut deliver));
        let outcome = taken.and_then(|()| checks.judge()).map_err(|error| error.kind);
        (out, outcome)
    }

    #[test]
    fn whoever_wants_nothing_leaves_the_bytes_to_the_kernel() {
        assert!(Checks::of(NOTHING).is_none());
    }

    /// What is wanted, what comes, what is delivered of it, and the outcome.
    type Row<'a> = (Wanted, &'a [u8], &'a [u8], Result<(), Kind>);

    #[test]
    fn bodies_in_pieces_of_any_size() {
        let coded = Wanted { coding: Coding::Deflate, ..NOTHING };
        let summed = Wanted { sha256: Some(SUM), ..NOTHING };
        let both = Wanted { sha256: Some(SUM), ..coded.clone() };
        let most = |most, of: &Wanted| Wanted { most: Some(most), ..of.clone() };
        let bad = [HELLO, b"x"].concat();
        let table: Vec<Row<'_>> = vec![
            (coded.clone(), HELLO, b"hello", Ok(())),
            (coded.clone(), &HELLO[..9], b"hello", Err(Kind::Encoding)),
            (coded.clone(), b"hello", b"", Err(Kind::Encoding)),
            (coded.clone(), &bad, b"hello", Err(Kind::Encoding)),
            (summed.clone(), b"hello", b"hello", Ok(())),
            (summed.clone(), b"hell", b"hell", Err(Kind::Verdict)),
            (summed.clone(), HELLO, HELLO, Err(Kind::Verdict)),
            (both.clone(), HELLO, b"hello", Ok(())),
            (most(5, &NOTHING), b"hello", b"hello", Ok(())),
            (most(4, &NOTHING), b"hello", b"hell", Err(Kind::TooLarge)),
            (most(0, &NOTHING), b"", b"", Ok(())),
            (most(0, &NOTHING), b"x", b"", Err(Kind::TooLarge)),
            (most(13, &both), HELLO, b"hello", Ok(())),
            (most(3, &coded), HELLO, b"", Err(Kind::TooLarge)),
            (most(12, &coded), HELLO, b"hello", Err(Kind::TooLarge)),
        ];
        for (wanted, body, delivered, outcome) in table {
            for size in 1..=body.len().max(1) {
                assert_eq!(come(&wanted, body, size), (delivered.to_vec(), outcome), "{wanted:?} {size}");
            }
        }
    }

    #[test]
    fn the_hash_of_a_rest_is_that_of_the_whole() {
        let summed = Wanted { sha256: Some(SUM), ..NOTHING };
        for at in 0..=5 {
            let (beginning, rest) = b"hello".split_at(at);
            let wanted = summed.clone().behind(&mut &*beginning).unwrap();
            assert_eq!(come(&wanted, rest, 2), (rest.to_vec(), Ok(())), "{at}");
            assert_eq!(wanted.is_there().is_ok(), rest.is_empty(), "{at}");
        }
        assert!(NOTHING.behind(&mut &b"x"[..]).unwrap().is_there().is_ok());
    }

    #[test]
    fn what_decodes_to_too_much_is_delivered_up_to_there() {
        // A stored block (RFC 1951 §3.2.4) of ten bytes in 15.
        let stored = b"\x01\x0a\x00\xf5\xff0123456789";
        let wanted = Wanted { coding: Coding::Deflate, most: Some(15), ..NOTHING };
        assert_eq!(come(&wanted, stored, 4), (b"0123456789".to_vec(), Ok(())));
        let letters: &[u8] = b"\x4b\x4c\x84\x01\x00";
        let wanted = Wanted { most: Some(7), ..wanted };
        let (out, outcome) = come(&wanted, letters, 5);
        assert_eq!((&out[..], outcome), (&b"aaaaaaa"[..], Err(Kind::TooLarge)));
    }

    #[test]
    fn an_output_that_fails_ends_it() {
        let full = || Error::new(Kind::WriteLocal, "write", "", "full");
        for coding in [Coding::Identity, Coding::Deflate] {
            let mut checks = Checks::of(Wanted { coding, most: Some(100), ..NOTHING }).expect("it is limited");
            assert_eq!(checks.take(HELLO, &mut |_| Err(full())), Err(full()));
        }
    }
}
