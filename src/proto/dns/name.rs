//! Domain names: from the text that a user writes and from a message, where they may be compressed (RFC 1035 §4.1.4),
//! and as the text of zone files (§5.1).

use std::fmt;
use std::str::FromStr;

use crate::proto::packet::{Reader, Reason, malformed};

/// Length bytes and the root's included (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;
const MAX_LABEL: u8 = 63;

/// A name in the form of a message, without compression. Case is kept; it does not count when names are compared.
#[derive(Clone, Debug)]
pub struct Name {
    /// Labels with their length bytes, and the root's 0.
    wire: Vec<u8>,
}

impl Name {
    /// The root, `.`.
    pub fn root() -> Self {
        Name { wire: vec![0] }
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.wire == [0]
    }

    /// The bytes that stand for it in a message.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Reads a name. Each pointer must lead to before the place where the name, or the part that an earlier pointer
    /// led to, began: so there are no loops, and no more work than 255 bytes are worth.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Reason> {
        let mut wire = Vec::new();
        let mut part = *reader;
        let mut part_begins = reader.at();
        let mut behind_it = None;
        loop {
            match part.u8("a name")? {
                0 => break,
                length @ 1..=MAX_LABEL => {
                    wire.push(length);
                    wire.extend_from_slice(part.take(length.into(), "a name")?);
                }
                high @ 0xc0.. => {
                    let target = usize::from(high & 0x3f) << 8 | usize::from(part.u8("a name's pointer")?);
                    behind_it.get_or_insert(part);
                    if target >= part_begins {
                        return Err(malformed(format!("a name's pointer at byte {} leads forward", part.at() - 2)));
                    }
                    part_begins = target;
                    part = part.jumped(target);
                }
                other => return Err(malformed(format!("a name's label has the unknown type {:#04x}", other & 0xc0))),
            }
            if wire.len() >= MAX_NAME {
                return Err(malformed("a name is longer than 255 bytes"));
            }
        }
        wire.push(0);
        *reader = behind_it.unwrap_or(part);
        Ok(Name { wire })
    }

    fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.wire.as_slice();
        std::iter::from_fn(move || {
            let (&length, after) = rest.split_first().filter(|(length, _)| **length > 0)?;
            let (label, after) = after.split_at_checked(length.into())?;
            rest = after;
            Some(label)
        })
    }
}

/// ASCII letters of both cases are the same (RFC 4343); length bytes are below all letters.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

/// `probe.test`, `probe.test.`, `.`; in a label `\.` is a dot and `\DDD` the byte of that decimal number.
impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "." {
            return Ok(Name::root());
        }
        let mut wire = Vec::new();
        let mut label = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '.' => push_label(&mut wire, std::mem::take(&mut label))?,
                '\\' => label.push(escaped(&mut chars)?),
                c if c.is_ascii_graphic() => label.push(c as u8),
                c if c.is_ascii() => return Err(r"a space or control in a name is written \DDD, as in \032".into()),
                _ => return Err("a domain name is ASCII: write its xn-- form".into()),
            }
        }
        if !label.is_empty() || text.is_empty() {
            push_label(&mut wire, label)?;
        }
        wire.push(0);
        if wire.len() > MAX_NAME {
            Err("a domain name has 253 characters at the most".into())
        } else {
            Ok(Name { wire })
        }
    }
}

fn push_label(wire: &mut Vec<u8>, label: Vec<u8>) -> Result<(), String> {
    match u8::try_from(label.len()) {
        Ok(0) => return Err("a label (the part between two dots) is empty".into()),
        Ok(length @ ..=MAX_LABEL) => wire.push(length),
        _ => return Err("a label (the part between two dots) is longer than 63 bytes".into()),
    }
    wire.extend(label);
    Ok(())
}

fn escaped(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    let wrong =
        || r"a backslash in a name begins \DDD, three decimal digits up to 255, or \ and a character".to_owned();
    match chars.next() {
        Some(first @ '0'..='9') => {
            let digits: String = [first].into_iter().chain(chars.by_ref().take(2)).collect();
            let is_number = digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|_| is_number).ok_or_else(wrong)
        }
        Some(c) if c.is_ascii_graphic() => Ok(c as u8),
        _ => Err(wrong()),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            label.iter().try_for_each(|&byte| write_byte(f, byte, br#".\"();@$"#))?;
            f.write_str(".")?;
        }
        Ok(())
    }
}

/// A byte of a name or a text as zone files write it: what is in `special` behind a backslash, what is not printable
/// ASCII as `\DDD`.
pub(super) fn write_byte(f: &mut impl fmt::Write, byte: u8, special: &[u8]) -> fmt::Result {
    match byte {
        byte if special.contains(&byte) => write!(f, "\\{}", char::from(byte)),
        b'!'..=b'~' => f.write_char(char::from(byte)),
        _ => write!(f, "\\{byte:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let same = [
            ".",
            "probe.test.",
            "_ntp._udp.probe.test.",
            r"a\.b.c.",
            r"a\\b.",
            r"sp\032ace.",
            r"x\255\000.",
            r"0/26.2.",
        ];
        for text in same {
            assert_eq!(text.parse::<Name>().map(|name| name.to_string()).as_deref(), Ok(text));
        }
        let others = [("a", "a."), (r"\097b", "ab."), (r"a\;b", r"a\;b."), ("a@b", r"a\@b.")];
        for (text, shown) in others {
            assert_eq!(text.parse::<Name>().map(|name| name.to_string()).as_deref(), Ok(shown));
        }
        let long = "x".repeat(63);
        assert!(format!("{long}.{long}.{long}.{}", "x".repeat(61)).parse::<Name>().is_ok());
        assert!(format!("{long}.{long}.{long}.{}", "x".repeat(62)).parse::<Name>().is_err());
        for text in
            ["", "..", ".a", "a..b", &format!("{long}x"), "a b", "é", r"a\", r"\25", r"\256", r"\2x5", r"\é", "\u{7f}"]
        {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
    }

    #[test]
    fn case_does_not_count() {
        let name = |text: &str| text.parse::<Name>().expect("it is a name");
        assert_eq!(name("Probe.TEST"), name("probe.test."));
        assert_ne!(name("a.b"), name(r"a\.b"));
    }

    fn read(packet: &[u8], at: usize) -> Result<(String, usize), String> {
        let mut reader = Reader::new(packet).jumped(at);
        Name::read(&mut reader).map(|name| (name.to_string(), reader.at())).map_err(|e| e.to_string())
    }

    #[test]
    fn compressed() {
        let packet = b"\x04test\x00\x05probe\xc0\x00\x03www\xc0\x06\xc0\x0e!";
        for (at, name, behind) in
            [(0, "test.", 6), (6, "probe.test.", 14), (14, "www.probe.test.", 20), (20, "www.probe.test.", 22)]
        {
            assert_eq!(read(packet, at), Ok((name.into(), behind)), "at {at}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let too_long: Vec<u8> = [[63; 64]; 4].concat().into_iter().chain([0]).collect();
        let longest = [&[63; 64][..], &[63; 64], &[63; 64], &[61; 62], &[0]].concat();
        assert!(read(&longest, 0).is_ok_and(|(_, behind)| behind == 255));
        let table: &[(&[u8], usize, &str)] = &[
            (b"", 0, "it ends inside a name"),
            (b"\x04tes", 0, "it ends inside a name"),
            (b"\x04test", 0, "it ends inside a name"),
            (b"\x00\xc0", 1, "it ends inside a name's pointer"),
            // To itself, to a name that leads back here, and to a part of itself.
            (b"\xc0\x00", 0, "a name's pointer at byte 0 leads forward"),
            (b"\xc0\x02\xc0\x00", 2, "a name's pointer at byte 0 leads forward"),
            (b"\x01a\xc0\x00", 0, "a name's pointer at byte 2 leads forward"),
            (b"\x40\x00", 0, "a name's label has the unknown type 0x40"),
            (b"\x80\x00", 0, "a name's label has the unknown type 0x80"),
            (&too_long, 0, "a name is longer than 255 bytes"),
        ];
        for (packet, at, why) in table {
            assert_eq!(read(packet, *at), Err(format!("the answer is malformed: {why}")), "{packet:?}");
        }
    }
}
