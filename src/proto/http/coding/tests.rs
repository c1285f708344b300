//! Bodies in every coding, whole, cut and damaged. Owns no behaviour.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A member "hello" with these flags and this between the fixed header and the data.
fn hello_with(flags: u8, fields: &[u8]) -> Vec<u8> {
    let plain = gzip(b"hello");
    [&[0x1f, 0x8b, 8, flags], &plain[4..10], fields, &plain[10..]].concat()
}

fn decode(coding: Coding, limits: Limits, pieces: &[&[u8]]) -> (Vec<u8>, Result<(), CodingError>) {
    let mut decoder = Decoder::new(coding, limits);
    let mut out = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match decoder.feed(&mut input) {
                Ok(Piece::Data(data)) => {
                    assert!((1..=PIECE).contains(&data.len()));
                    out.extend_from_slice(data);
                }
                Ok(Piece::NeedMore) => {
                    assert!(input.is_empty());
                    break;
                }
                Err(error) => {
                    assert_eq!(decoder.end_of_input(), Err(error.clone()));
                    return (out, Err(error));
                }
            }
        }
    }
    assert_eq!(decoder.given(), out.len() as u64);
    (out, decoder.end_of_input())
}

fn whole(coding: Coding, bytes: &[u8]) -> (Vec<u8>, Result<(), CodingError>) {
    decode(coding, Limits::default(), &[bytes])
}

#[test]
fn codings() {
    let table: &[(&[&str], Coding)] = &[
        (&[], Coding::Identity),
        (&[""], Coding::Identity),
        (&["identity"], Coding::Identity),
        (&["gzip"], Coding::Gzip),
        (&["X-GZip "], Coding::Gzip),
        (&["identity, gzip"], Coding::Gzip),
        (&["identity", "deflate"], Coding::Deflate),
    ];
    let of = |values: &[&str]| Coding::of(values.iter().map(|v| v.as_bytes()));
    for (values, want) in table {
        assert_eq!(of(values), Ok(*want), "{values:?}");
    }
    let refused: &[(&[&str], &str)] = &[
        (&["br"], "\"br\" is not a coding"),
        (&["gzip;q=1"], "is not a coding"),
        (&["\x1b[2J"], r#""\x1b[2J" is not"#),
        (&["gzip, gzip"], "more than one layer: \"gzip, gzip\""),
        (&["deflate", "gzip"], "more than one layer"),
    ];
    for (values, want) in refused {
        let error = of(values).unwrap_err();
        assert!(error.to_string().contains(want), "{values:?}: {error}");
        assert_eq!(error.kind(), Kind::Encoding);
    }
}

#[test]
fn taken() {
    let long = b"abcdefghij".repeat(50_000);
    let header = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255];
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let header_crc = [&header[..], &crc.sum().to_le_bytes()[..2], &gzip(b"hello")[10..]].concat();
    let table: Vec<(Coding, Vec<u8>, &[u8])> = vec![
        (Coding::Identity, b"hello".to_vec(), b"hello"),
        (Coding::Identity, long.clone(), &long),
        (Coding::Gzip, gzip(b"hello"), b"hello"),
        (Coding::Gzip, gzip(b""), b""),
        (Coding::Gzip, vec![], b""),
        (Coding::Gzip, gzip(&long), &long),
        (Coding::Gzip, [gzip(b"hel"), gzip(b""), gzip(b"lo")].concat(), b"hello"),
        (Coding::Gzip, hello_with(8, b"name\0"), b"hello"),
        (Coding::Gzip, hello_with(16, b"\0"), b"hello"),
        (Coding::Gzip, hello_with(4, b"\0\0"), b"hello"),
        (Coding::Gzip, hello_with(1 | 4 | 8 | 16, b"\x03\0abcname\0comment\0"), b"hello"),
        (Coding::Gzip, header_crc, b"hello"),
        (Coding::Deflate, zlib(b"hello"), b"hello"),
        (Coding::Deflate, zlib(&long), &long),
        (Coding::Deflate, zlib(b""), b""),
        (Coding::Deflate, raw(b"hello"), b"hello"),
        (Coding::Deflate, raw(&long), &long),
        (Coding::Deflate, raw(b""), b""),
        (Coding::Deflate, vec![], b""),
    ];
    for (coding, bytes, want) in table {
        assert_eq!(whole(coding, &bytes), (want.to_vec(), Ok(())), "{coding:?} {}", bytes.escape_ascii());
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(decode(coding, Limits::default(), &single), (want.to_vec(), Ok(())), "{coding:?} byte by byte");
    }
}

#[test]
fn what_ends_inside_is_an_error() {
    let two = [gzip(b"hel"), gzip(b"lo")].concat();
    let border = gzip(b"hel").len();
    for (coding, bytes) in [(Coding::Gzip, two), (Coding::Deflate, zlib(b"hello")), (Coding::Deflate, raw(b"hello"))] {
        for at in (1..bytes.len()).filter(|&at| coding == Coding::Deflate || at != border) {
            let (out, end) = whole(coding, &bytes[..at]);
            assert!(b"hello".starts_with(&out[..]));
            assert_eq!(end, Err(broken("the body ends inside its compressed data")), "{coding:?} at {at}");
        }
    }
}

#[test]
fn refused() {
    let flip = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        bytes
    };
    let table: Vec<(Coding, Vec<u8>, &str)> = vec![
        (Coding::Gzip, b"hello".to_vec(), "not gzip"),
        (Coding::Gzip, zlib(b"hello"), "not gzip"),
        (Coding::Gzip, b"\x1f\x8b\x07".to_vec(), "not gzip"),
        (Coding::Gzip, hello_with(0x20, b""), "flags"),
        (Coding::Gzip, hello_with(2, b"\0\0"), "header is damaged"),
        (Coding::Gzip, flip(gzip(b"hello"), 8), "checksum differs"),
        (Coding::Gzip, flip(gzip(b"hello"), 1), "length differs"),
        (Coding::Gzip, [gzip(b"hello"), b"x".to_vec()].concat(), "behind the end"),
        (Coding::Gzip, [gzip(b"hello"), b"\0".to_vec()].concat(), "behind the end"),
        (Coding::Gzip, [gzip(b"hello"), b"\x1f\x8b\x09".to_vec()].concat(), "behind the end"),
        (Coding::Gzip, [&gzip(b"")[..10], b"\xff\xff\xff"].concat(), "damaged"),
        (Coding::Deflate, flip(zlib(b"hello"), 1), "damaged"),
        (Coding::Deflate, [zlib(b"hello"), b"x".to_vec()].concat(), "behind the end"),
        (Coding::Deflate, [raw(b"hello"), b"x".to_vec()].concat(), "behind the end"),
        (Coding::Deflate, [raw(b""), b"x".to_vec()].concat(), "behind the end"),
        // A preset dictionary (FDICT), and data that is no deflate of either form.
        (Coding::Deflate, b"\x78\xbb\0\0\0\0\x03\0".to_vec(), "damaged"),
        (Coding::Deflate, b"\xff\xff\xff\xff".to_vec(), "damaged"),
        (Coding::Deflate, gzip(b"hello"), "damaged"),
    ];
    for (coding, bytes, want) in table {
        let single: Vec<_> = bytes.chunks(1).collect();
        for pieces in [&[&bytes[..]][..], &single] {
            let error = decode(coding, Limits::default(), pieces).1.unwrap_err();
            assert!(error.to_string().contains(want), "{} {error} / {want}", bytes.escape_ascii());
            assert_eq!(error.kind(), Kind::Encoding);
        }
    }
}

#[test]
fn both_caps_hold_and_what_came_before_is_kept() {
    let zeros = gzip(&vec![0; 1 << 20]);
    let with = |output, ratio, free| decode(Coding::Gzip, Limits { output, ratio, free }, &[&zeros]);
    let all = 1 << 20;
    assert_eq!(with(all, 2000, 0).1, Ok(()));
    assert_eq!(with(all, 1, all).1, Ok(()));
    for (limits, want) in [((all - 1, 2000, 0), "over 1048575 bytes"), ((all, 100, 0), "over 100 times its size")] {
        let (out, end) = with(limits.0, limits.1, limits.2);
        let error = end.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert!((out.len() as u64) < limits.0 && error.kind() == Kind::TooLarge);
    }
    // Not even a whole body's worth of headers may be sent.
    let name = hello_with(8, &[&vec![b'x'; gzip_name_limit() + 1][..], b"\0"].concat());
    assert_eq!(whole(Coding::Gzip, &name).1.unwrap_err().kind(), Kind::TooLarge);
}

fn gzip_name_limit() -> usize {
    64 * 1024
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_cut_gives_the_same(
        members in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
        kind in 0..3,
        cuts: Vec<Index>,
        damage: Option<(Index, u8)>,
    ) {
        let (coding, mut bytes) = match kind {
            0 => (Coding::Gzip, members.iter().flat_map(|m| gzip(m)).collect::<Vec<_>>()),
            1 => (Coding::Deflate, zlib(&members.concat())),
            _ => (Coding::Deflate, raw(&members.concat())),
        };
        if let Some((at, flipped)) = damage {
            let at = at.index(bytes.len());
            bytes[at] ^= flipped;
        }
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<_> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let (cut, end) = decode(coding, Limits::default(), &pieces);
        let (uncut, wanted_end) = whole(coding, &bytes);
        prop_assert_eq!(&end, &wanted_end);
        // How much is given before an error is met depends on the cut.
        prop_assert!(end.is_err() || cut == uncut);
        prop_assert!(damage.is_some_and(|(_, flipped)| flipped != 0) || cut == members.concat());
    }
}
