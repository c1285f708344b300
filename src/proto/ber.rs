//! The Basic Encoding Rules as far as SNMP (X.690, RFC 3417 §8) and LDAP (RFC 4511 §5.1) use them: definite lengths,
//! small tags. Owns elements, numbers and object identifiers; refuses to know what a message is made of.

use std::fmt;

use crate::proto::packet::{Reader, Reason, malformed};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;

/// The identifier `tag`, the length and `content`.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let used = &length[length.iter().take_while(|&&byte| byte == 0).count()..];
    let mut whole = vec![tag];
    match used {
        [] => whole.push(0),
        [short @ ..0x80] => whole.push(*short),
        // No more than eight bytes, so this stays one.
        long => {
            whole.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            whole.extend(long);
        }
    }
    whole.extend(content);
    whole
}

/// A whole number that is not negative: a zero in front keeps its first bit from being a sign.
pub(super) fn integer(number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let skipped = bytes.iter().take_while(|&&byte| byte == 0).count().min(3);
    let sign: &[u8] = if bytes[skipped] >= 0x80 { &[0] } else { &[] };
    element(INTEGER, &[sign, &bytes[skipped..]].concat())
}

/// The next element: its tag, and a reader of its content.
pub(super) fn next<'a>(reader: &mut Reader<'a>, what: &str) -> Result<(u8, Reader<'a>), Reason> {
    let tag = reader.u8(what)?;
    if tag & 0x1f == 0x1f {
        return Err(malformed(format!("the tag of {what} is longer than one byte")));
    }
    let length = length(reader, what)?;
    Ok((tag, reader.part(length, what)?))
}

/// The content of the next element, which must be of this tag.
pub(super) fn expect<'a>(reader: &mut Reader<'a>, tag: u8, what: &str) -> Result<Reader<'a>, Reason> {
    match next(reader, what)? {
        (found, content) if found == tag => Ok(content),
        (found, _) => Err(malformed(format!("the tag of {what} is {found:#04x}, not {tag:#04x}"))),
    }
}

/// One byte, or up to four behind their number. What does not fit in the packet is refused by whoever takes it.
fn length(reader: &mut Reader<'_>, what: &str) -> Result<usize, Reason> {
    let count = match reader.u8(what)? {
        short @ ..0x80 => return Ok(short.into()),
        0x80 => return Err(malformed(format!("the length of {what} is left open"))),
        long => usize::from(long & 0x7f),
    };
    if count > 4 {
        return Err(malformed(format!("the length of {what} has {count} bytes")));
    }
    let bytes = reader.take(count, what)?;
    Ok(bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
}

/// A signed number of up to eight bytes.
pub(super) fn signed(mut content: Reader<'_>, what: &str) -> Result<i64, Reason> {
    match content.rest() {
        [] => Err(malformed(format!("{what} has no bytes"))),
        bytes if bytes.len() > 8 => Err(malformed(format!("{what} has {} bytes", bytes.len()))),
        bytes => {
            let sign = if bytes[0] >= 0x80 { -1 } else { 0 };
            Ok(bytes.iter().fold(sign, |number, &byte| number << 8 | i64::from(byte)))
        }
    }
}

/// A number that is never negative, of up to eight bytes behind a zero that keeps the first bit from being a sign.
/// Agents leave that zero out now and then.
pub(super) fn unsigned(mut content: Reader<'_>, what: &str) -> Result<u64, Reason> {
    let bytes = content.rest();
    match bytes.strip_prefix(&[0]).unwrap_or(bytes) {
        _ if bytes.is_empty() => Err(malformed(format!("{what} has no bytes"))),
        long if long.len() > 8 => Err(malformed(format!("{what} has {} bytes", bytes.len()))),
        fits => Ok(fits.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))),
    }
}

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// At most this many numbers (RFC 2578 §3.5).
    const MAX: usize = 128;

    /// The name of these numbers, of which the first two are those of a branch.
    pub(super) fn new(numbers: &[u32]) -> Self {
        Oid(numbers.to_vec())
    }

    /// Its element. The first two numbers share one (X.690 §8.19.4).
    pub(super) fn encode(&self) -> Vec<u8> {
        let (branch, rest) = self.0.split_at(self.0.len().min(2));
        let first = branch.iter().fold(0, |first, number| first * 40 + number);
        let mut content = Vec::new();
        for &number in std::iter::once(&first).chain(rest) {
            let sevens = (0..5).rev().map(|nth| number >> (7 * nth)).skip_while(|high| *high == 0).collect::<Vec<_>>();
            let last = sevens.len().saturating_sub(1);
            content.extend(sevens.iter().enumerate().map(|(nth, high)| low_seven(*high) | u8::from(nth < last) << 7));
            content.extend(sevens.is_empty().then_some(0));
        }
        element(OBJECT, &content)
    }

    pub(super) fn decode(mut content: Reader<'_>) -> Result<Self, Reason> {
        let what = "an object identifier";
        let mut numbers = Vec::new();
        while content.left() > 0 || numbers.is_empty() {
            let number = base_128(&mut content, what)?;
            if numbers.is_empty() {
                let branch = (number / 40).min(2);
                numbers.extend([branch, number - branch * 40]);
            } else {
                numbers.push(number);
            }
            if numbers.len() > Self::MAX {
                return Err(malformed(format!("{what} has more than {} numbers", Self::MAX)));
            }
        }
        Ok(Oid(numbers))
    }

    /// Its numbers.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.0
    }
}

/// A number in groups of seven bits, all but the last with their high bit set.
fn base_128(content: &mut Reader<'_>, what: &str) -> Result<u32, Reason> {
    let mut number: u32 = 0;
    loop {
        let byte = content.u8(what)?;
        if number > u32::MAX >> 7 {
            return Err(malformed(format!("a number in {what} has more than 32 bits")));
        }
        number = number << 7 | u32::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok(number);
        }
    }
}

fn low_seven(number: u32) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if nth == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::packet::hex;

    #[test]
    fn lengths() {
        for (length, head) in [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100")] {
            let whole = element(OCTETS, &vec![7; length]);
            assert_eq!(whole[..whole.len() - length], hex(head));
            let mut reader = Reader::new(&whole);
            assert_eq!(next(&mut reader, "it").map(|(tag, content)| (tag, content.left())), Ok((OCTETS, length)));
        }
        let table = [
            ("", "it ends inside it"),
            ("04", "it ends inside it"),
            ("0401", "it ends inside it"),
            ("048201", "it ends inside it"),
            ("0484ffffffff00", "it ends inside it"),
            ("04850000000000", "the length of it has 5 bytes"),
            ("0480", "the length of it is left open"),
            ("1f8101", "the tag of it is longer than one byte"),
        ];
        for (bytes, why) in table {
            assert_eq!(next(&mut Reader::new(&hex(bytes)), "it").map(|(tag, _)| tag), Err(malformed(why)), "{bytes}");
        }
        let wrong = expect(&mut Reader::new(&hex("0400")), INTEGER, "it").map(|_| ());
        assert_eq!(wrong, Err(malformed("the tag of it is 0x04, not 0x02")));
    }

    #[test]
    fn numbers() {
        for (number, bytes) in [(0, "020100"), (127, "02017f"), (128, "02020080"), (0x8000_0000, "02050080000000")] {
            assert_eq!(integer(number), hex(bytes));
        }
        let bytes = |bytes: &str| hex(bytes);
        for (text, number) in [("ff", -1), ("80", -128), ("0080", 128), ("7fffffffffffffff", i64::MAX)] {
            assert_eq!(signed(Reader::new(&bytes(text)), "it"), Ok(number));
        }
        for (text, number) in [("00", 0), ("ff", 255), ("00ffffffffffffffff", u64::MAX), ("ffffffffffffffff", u64::MAX)]
        {
            assert_eq!(unsigned(Reader::new(&bytes(text)), "it"), Ok(number));
        }
        assert!(signed(Reader::new(&[]), "it").is_err() && signed(Reader::new(&[0; 9]), "it").is_err());
        assert!(unsigned(Reader::new(&[]), "it").is_err() && unsigned(Reader::new(&[1; 9]), "it").is_err());
    }

    #[test]
    fn object_identifiers() {
        let table: &[(&[u32], &str)] = &[
            (&[1, 3, 6, 1, 2, 1, 1, 1, 0], "06082b06010201010100"),
            (&[2, 999, 3], "0603883703"),
            (&[1, 3, 8072, u32::MAX], "06082bbf088fffffff7f"),
            (&[0, 0], "060100"),
        ];
        for (numbers, bytes) in table {
            let oid = Oid::new(numbers);
            assert_eq!(oid.encode(), hex(bytes), "{oid}");
            assert_eq!(Oid::decode(Reader::new(&hex(bytes)[2..])), Ok(oid));
        }
        assert_eq!(Oid::new(&[1, 3, 6]).to_string(), "1.3.6");
        for bytes in ["", "80", "2b81", "2b9080808000"] {
            assert!(Oid::decode(Reader::new(&hex(bytes))).is_err(), "{bytes}");
        }
        assert!(Oid::decode(Reader::new(&[1; 127])).is_ok() && Oid::decode(Reader::new(&[1; 128])).is_err());
    }
}
