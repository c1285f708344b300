//! Resource records: what a type's data says in the form of zone files (RFC 1035 §5.1), and as `\# LENGTH HEX` for
//! types that are not known here (RFC 3597 §5).

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::{Name, write_byte};
use super::types::{self, class_name, type_name};
use crate::proto::packet::{Field, Reader, Reason, Value, digits, malformed};

/// Where in an answer a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who knows more.
    Authority,
    /// What may be of use too.
    Additional,
}

impl Section {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Section::Answer => "answer",
            Section::Authority => "authority",
            Section::Additional => "additional",
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub section: Section,
    /// Whose record it is.
    pub name: Name,
    /// The number of its type.
    pub kind: u16,
    /// The number of its class.
    pub class: u16,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says, as zone files write it.
    pub data: String,
}

impl Record {
    /// `probe.test. 300 IN A 192.0.2.7`
    pub fn line(&self) -> String {
        let Record { name, kind, class, ttl, data, .. } = self;
        format!("{name} {ttl} {} {} {data}", class_name(*class), type_name(*kind))
    }

    /// The same for a report.
    pub fn value(&self) -> Value {
        let fields: [Field; 6] = [
            ("section", Value::text(self.section.name())),
            ("name", Value::text(&self.name)),
            ("ttl", Value::Count(self.ttl.into())),
            ("class", Value::text(class_name(self.class))),
            ("type", Value::text(type_name(self.kind))),
            ("data", Value::text(&self.data)),
        ];
        Value::Record(fields.into())
    }
}

/// The part of every record that stands before its data.
pub(super) struct Head {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// In the pseudo-record of EDNS these four bytes mean something else.
    pub(super) ttl: u32,
}

/// A record's head, and a reader of its data that sees what stands before it in the message.
pub(super) fn read<'a>(message: &mut Reader<'a>) -> Result<(Head, Reader<'a>), Reason> {
    let name = Name::read(message)?;
    let what = "a record";
    let (kind, class, ttl) = (message.u16(what)?, message.u16(what)?, message.u32(what)?);
    let length = message.u16(what)?;
    Ok((Head { name, kind, class, ttl }, message.part(length.into(), "a record's data")?))
}

/// What the data of a record of this head says; all of it must be used.
pub(super) fn data(head: &Head, mut data: Reader<'_>) -> Result<String, Reason> {
    let text = known(head, &mut data)?;
    if data.left() > 0 {
        let kind = type_name(head.kind);
        return Err(malformed(format!("{} bytes follow the data of the {kind} record of {}", data.left(), head.name)));
    }
    Ok(text)
}

fn known(head: &Head, data: &mut Reader<'_>) -> Result<String, Reason> {
    let what = "a record's data";
    Ok(match (head.class, head.kind) {
        (types::IN, types::A) => Ipv4Addr::from(data.array(what)?).to_string(),
        (types::IN, types::AAAA) => Ipv6Addr::from(data.array(what)?).to_string(),
        (types::IN, types::SRV) => {
            format!("{} {} {} {}", data.u16(what)?, data.u16(what)?, data.u16(what)?, Name::read(data)?)
        }
        (_, types::NS | types::CNAME | types::PTR) => Name::read(data)?.to_string(),
        (_, types::MX) => format!("{} {}", data.u16(what)?, Name::read(data)?),
        (_, types::SOA) => start_of_authority(data)?,
        (_, types::TXT) => texts(data)?,
        _ => unknown(data.rest()),
    })
}

/// The primary server, the mailbox of whoever answers for the zone, and five numbers (RFC 1035 §3.3.13).
fn start_of_authority(data: &mut Reader<'_>) -> Result<String, Reason> {
    let mut text = format!("{} {}", Name::read(data)?, Name::read(data)?);
    for _ in 0..5 {
        // Writing to a String cannot fail.
        let _ = write!(text, " {}", data.u32("a SOA record")?);
    }
    Ok(text)
}

/// One or more texts of up to 255 bytes (RFC 1035 §3.3.14).
fn texts(data: &mut Reader<'_>) -> Result<String, Reason> {
    let mut shown = String::new();
    loop {
        let length = data.u8("a TXT record")?;
        shown.push('"');
        for &byte in data.take(length.into(), "a text of a TXT record")? {
            // A space needs no escape between quotes.
            let _ = if byte == b' ' { shown.write_char(' ') } else { write_byte(&mut shown, byte, br#""\"#) };
        }
        shown.push('"');
        if data.left() == 0 {
            return Ok(shown);
        }
        shown.push(' ');
    }
}

fn unknown(bytes: &[u8]) -> String {
    let space = if bytes.is_empty() { "" } else { " " };
    format!("\\# {}{space}{}", bytes.len(), digits(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(class: u16, kind: u16, bytes: &[u8]) -> Result<String, String> {
        let head = Head { name: Name::root(), kind, class, ttl: 0 };
        data(&head, Reader::new(bytes)).map_err(|e| e.to_string())
    }

    #[test]
    fn data_of_every_known_type() {
        let table: &[(u16, u16, &[u8], &str)] = &[
            (1, 1, &[192, 0, 2, 7], "192.0.2.7"),
            // In another class an A record is something else (RFC 1035 §3.4.1).
            (3, 1, &[192, 0, 2, 7], "\\# 4 c0000207"),
            (1, 28, &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], "2001:db8::7"),
            (1, 2, b"\x02ns\x00", "ns."),
            (1, 5, b"\x00", "."),
            (3, 12, b"\x01a\x00", "a."),
            (1, 15, b"\x00\x0a\x01m\x00", "10 m."),
            (1, 33, b"\x00\x01\x00\x02\x00\x7b\x01t\x00", "1 2 123 t."),
            (
                1,
                6,
                b"\x01n\x00\x01h\x00\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\xff\xff\xff\xff",
                "n. h. 1 2 3 4 4294967295",
            ),
            (1, 16, b"\x05a b\"\\\x00\x03\xc3\xbf\x1b", r#""a b\"\\" "" "\195\191\027""#),
            (1, 731, b"\xab\xcd\xef", "\\# 3 abcdef"),
            (1, 65, b"", "\\# 0"),
        ];
        for (class, kind, bytes, want) in table {
            assert_eq!(shown(*class, *kind, bytes).as_deref(), Ok(*want), "type {kind}");
        }
    }

    #[test]
    fn data_that_does_not_fit_its_type_is_refused() {
        let table: &[(u16, &[u8], &str)] = &[
            (1, &[192, 0, 2], "it ends inside a record's data"),
            (1, &[192, 0, 2, 7, 0], "1 bytes follow the data of the A record of ."),
            (28, &[0; 4], "it ends inside a record's data"),
            (15, b"\x00\x0a", "it ends inside a name"),
            (2, b"\x01a\x00\x00\x00", "2 bytes follow the data of the NS record of ."),
            (6, b"\x00\x00\x00", "it ends inside a SOA record"),
            (16, b"", "it ends inside a TXT record"),
            (16, b"\x02a", "it ends inside a text of a TXT record"),
        ];
        for (kind, bytes, why) in table {
            assert_eq!(shown(1, *kind, bytes), Err(format!("the answer is malformed: {why}")), "type {kind}");
        }
    }
}
