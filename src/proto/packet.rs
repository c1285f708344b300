//! What the decoders of single packets share: a cursor that can't leave its packet, the reasons for which an answer
//! is refused, and the values that an answer gives to whoever prints it.
//!
//! Refuses to trust a length: every one is held against what is left, and nothing is allocated from it.

use std::fmt::{self, Write};

/// Why a packet is not the answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It answers somebody else's question, or a forged one: the true answer may still come.
    Stray(&'static str),
    /// It breaks its protocol. The text is about our own words and numbers; bytes from outside are escaped in it.
    Malformed(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Stray(why) => write!(f, "not an answer to this question: {why}"),
            Reason::Malformed(why) => write!(f, "the answer is malformed: {why}"),
        }
    }
}

impl std::error::Error for Reason {}

/// The reason of an answer that breaks its protocol.
pub(super) fn malformed(why: impl Into<String>) -> Reason {
    Reason::Malformed(why.into())
}

/// A named value of an answer, for a report.
pub type Field = (&'static str, Value);

/// What a report prints without knowing the protocol. What came from outside is escaped in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number that can't be negative.
    Count(u64),
    /// A number that can.
    Integer(i64),
    /// A measure, such as seconds.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// Several of a kind.
    List(Vec<Value>),
    /// Several with names.
    Record(Vec<Field>),
}

impl Value {
    /// Words for anything that has some.
    pub(super) fn text(shown: impl fmt::Display) -> Self {
        Value::Text(shown.to_string())
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut shown, byte| {
        // Writing to a String cannot fail.
        let _ = write!(shown, "{byte:02x}");
        shown
    })
}

/// Reads a packet from front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Self {
        Reader { packet, at: 0 }
    }

    /// How many bytes are behind the cursor.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are before it.
    pub(super) fn left(&self) -> usize {
        self.packet.len().saturating_sub(self.at)
    }

    /// The same packet, read from `at`.
    pub(super) fn jumped(self, at: usize) -> Self {
        Reader { at, ..self }
    }

    /// Splits the next `count` bytes off, as a reader that still sees what stands before them, and nothing after.
    pub(super) fn part(&mut self, count: usize, what: &str) -> Result<Self, Reason> {
        let start = self.at;
        self.take(count, what)?;
        Ok(Reader { packet: &self.packet[..self.at], at: start })
    }

    /// The next `count` bytes; `what` they are is said if they are not there.
    pub(super) fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], Reason> {
        let rest = self.packet.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| malformed(format!("it ends inside {what}")))?;
        self.at += count;
        Ok(taken)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.packet.get(self.at..).unwrap_or_default();
        self.at = self.packet.len();
        rest
    }

    pub(super) fn u8(&mut self, what: &str) -> Result<u8, Reason> {
        self.array(what).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, what: &str) -> Result<u16, Reason> {
        self.array(what).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, Reason> {
        self.array(what).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, Reason> {
        self.array(what).map(u64::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Reason> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }
}

/// The bytes of a packet that a test was given in hexadecimal digits; spaces and line ends are for the reader.
#[cfg(test)]
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two hex digits");
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_never_leaves_its_packet() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((reader.u8("one"), reader.u16("two"), reader.at(), reader.left()), (Ok(1), Ok(0x0203), 3, 4));
        assert_eq!(reader.take(5, "the five"), Err(malformed("it ends inside the five")));
        assert_eq!(reader.take(usize::MAX, "all").unwrap_err(), malformed("it ends inside all"));
        let mut part = reader.part(2, "a part").expect("there are four");
        assert_eq!((part.left(), part.u32("four").is_err(), part.u16("two")), (2, true, Ok(0x0405)));
        assert_eq!(part.jumped(1).u16("two"), Ok(0x0203));
        assert_eq!((reader.rest(), reader.rest()), (&[6, 7][..], &[][..]));
        assert!(reader.jumped(99).u8("one").is_err() && reader.jumped(99).rest().is_empty());
    }

    #[test]
    fn reasons_in_plain_words() {
        assert_eq!(malformed("why").to_string(), "the answer is malformed: why");
        assert_eq!(Reason::Stray("why").to_string(), "not an answer to this question: why");
    }
}
