//! SNMP's question for what a device calls itself and how long it has been up, and the answer: version 1 (RFC 1157)
//! and version 2c (RFC 1901, RFC 3416).
//!
//! Owns the message; `proto::ber` owns its encoding. Refuses version 3, and to look a name up in a MIB: only the two
//! objects that are asked for have names here.
//!
//! ```
//! use sockkit::proto::snmp::{Access, Version};
//!
//! let access = Access::new(Version::V2c, "public")?;
//! let mut answer = access.encode(0x1234_5678);
//! answer[13] = 0xa2; // a response that says neither
//! let reply = access.decode(0x1234_5678, &answer)?;
//! assert_eq!(reply.details(), ["sysDescr.0: null", "sysUpTime.0: null"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::net::Ipv4Addr;

pub use super::ber::Oid;

use super::packet::{Field, Reader, Reason, Value, digits, malformed};
use super::{ber, escape};

/// Port of an agent (RFC 3417 §3.2).
pub const PORT: u16 = 161;

const GET: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;

/// `sysDescr.0` and `sysUpTime.0` (RFC 3418): every agent has both.
const ASKED: &[(&str, &[u32])] =
    &[("sysDescr.0", &[1, 3, 6, 1, 2, 1, 1, 1, 0]), ("sysUpTime.0", &[1, 3, 6, 1, 2, 1, 1, 3, 0])];

/// RFC 3416 §3; the first six are those of version 1.
const ERRORS: &[&str] = &[
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
];

/// Which version is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1, for agents that know no other.
    V1,
    /// Version 2 with communities.
    V2c,
}

impl Version {
    fn number(self) -> u8 {
        match self {
            Version::V1 => 0,
            Version::V2c => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Version::V1 => "SNMPv1",
            Version::V2c => "SNMPv2c",
        }
    }
}

/// The version, and the community in whose name is asked: a password that travels in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    version: Version,
    community: String,
}

/// The community is nobody's business.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Access {
    /// Access as `community`, which may have 255 bytes; an error says so without repeating it.
    pub fn new(version: Version, community: &str) -> Result<Self, String> {
        let community = community.to_owned();
        if community.len() > 255 {
            return Err("a community has 255 bytes at the most".into());
        }
        Ok(Access { version, community })
    }

    /// The question with this number, of which agents take 31 bits.
    pub fn encode(&self, id: u32) -> Vec<u8> {
        let binding = |numbers: &[u32]| {
            let null = ber::element(ber::NULL, &[]);
            ber::element(ber::SEQUENCE, &[Oid::new(numbers).encode(), null].concat())
        };
        let bindings: Vec<u8> = ASKED.iter().flat_map(|(_, numbers)| binding(numbers)).collect();
        let bindings = ber::element(ber::SEQUENCE, &bindings);
        let no_error = ber::integer(0);
        let pdu = ber::element(GET, &[ber::integer(id), no_error.clone(), no_error, bindings].concat());
        let version = ber::integer(self.version.number().into());
        let community = ber::element(ber::OCTETS, self.community.as_bytes());
        ber::element(ber::SEQUENCE, &[version, community, pdu].concat())
    }

    /// The answer to the question with this number.
    pub fn decode(&self, id: u32, answer: &[u8]) -> Result<Reply, Reason> {
        let mut reader = Reader::new(answer);
        let mut message = ber::expect(&mut reader, ber::SEQUENCE, "the message")?;
        all_used(reader, "the message")?;
        let version = number(&mut message, "the version")?;
        if version != i64::from(self.version.number()) {
            return Err(malformed(format!("its version is {version}, and {} was asked", self.version.number())));
        }
        ber::expect(&mut message, ber::OCTETS, "the community")?;
        let mut pdu = match ber::next(&mut message, "the PDU")? {
            (RESPONSE, pdu) => pdu,
            (GET, _) => return Err(malformed("it is a request")),
            (other, _) => {
                return Err(malformed(format!("its PDU is of type {other:#04x}, and a response's is {RESPONSE:#04x}")));
            }
        };
        all_used(message, "the PDU")?;
        self.response(id, &mut pdu)
    }

    fn response(&self, id: u32, pdu: &mut Reader<'_>) -> Result<Reply, Reason> {
        if number(pdu, "the request's number")? != i64::from(id) {
            return Err(Reason::Stray("its number is another request's"));
        }
        let (status, index) = (number(pdu, "the error status")?, number(pdu, "the error index")?);
        let mut bindings = ber::expect(pdu, ber::SEQUENCE, "the list of values")?;
        all_used(*pdu, "the list of values")?;
        let mut values = Vec::new();
        while bindings.left() > 0 {
            let mut binding = ber::expect(&mut bindings, ber::SEQUENCE, "a value")?;
            let name = Oid::decode(ber::expect(&mut binding, ber::OBJECT, "a value's name")?)?;
            let (tag, content) = ber::next(&mut binding, "a value")?;
            all_used(binding, "a value")?;
            values.push((name, datum(tag, content)?));
        }
        Ok(Reply { version: self.version, status, index, values })
    }
}

fn number(reader: &mut Reader<'_>, what: &str) -> Result<i64, Reason> {
    ber::signed(ber::expect(reader, ber::INTEGER, what)?, what)
}

fn all_used(reader: Reader<'_>, what: &str) -> Result<(), Reason> {
    if reader.left() == 0 { Ok(()) } else { Err(malformed(format!("{} bytes follow {what}", reader.left()))) }
}

/// RFC 2578 §7.1, and the exceptions of RFC 3416 §3.
fn datum(tag: u8, mut content: Reader<'_>) -> Result<Datum, Reason> {
    let what = "a value";
    Ok(match tag {
        ber::INTEGER => Datum::Integer(ber::signed(content, what)?),
        ber::OCTETS => Datum::Octets(content.rest().to_vec()),
        ber::NULL => Datum::Nothing("null"),
        ber::OBJECT => Datum::Object(Oid::decode(content)?),
        0x40 if content.left() == 4 => Datum::Address(content.array(what)?.into()),
        0x41 | 0x42 | 0x46 => Datum::Count(ber::unsigned(content, what)?),
        0x43 => Datum::Ticks(ber::unsigned(content, what)?),
        0x80 => Datum::Nothing("no such object"),
        0x81 => Datum::Nothing("no such instance"),
        0x82 => Datum::Nothing("end of the view"),
        other => Datum::Other(other, content.rest().to_vec()),
    })
}

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    version: Version,
    /// 0, or why it does not tell.
    pub status: i64,
    /// Which of the values was at fault, from 1.
    pub index: i64,
    /// Names and values.
    pub values: Vec<(Oid, Datum)>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// A number with a sign.
    Integer(i64),
    /// A counter or a gauge.
    Count(u64),
    /// Hundredths of a second.
    Ticks(u64),
    /// A text, or any bytes.
    Octets(Vec<u8>),
    /// The name of an object.
    Object(Oid),
    /// An IPv4 address.
    Address(Ipv4Addr),
    /// There is none, for this reason.
    Nothing(&'static str),
    /// A tag that is not known here, and the bytes.
    Other(u8, Vec<u8>),
}

impl Reply {
    /// `SNMPv2c, 2 values`, or the error.
    pub fn summary(&self) -> String {
        let version = self.version.name();
        match (self.status, self.values.len()) {
            (0, 1) => format!("{version}, 1 value"),
            (0, count) => format!("{version}, {count} values"),
            (_, _) if self.index > 0 => format!("{version}, error {} about value {}", self.error(), self.index),
            _ => format!("{version}, error {}", self.error()),
        }
    }

    /// A line for each value.
    pub fn details(&self) -> Vec<String> {
        self.values.iter().map(|(name, datum)| format!("{}: {}", label(name), datum.words())).collect()
    }

    /// The same for a report.
    pub fn fields(&self) -> Vec<Field> {
        let values = self.values.iter().map(|(name, datum)| {
            Value::Record(vec![
                ("name", Value::text(label(name))),
                ("oid", Value::text(name)),
                ("value", datum.value()),
            ])
        });
        let values = Value::List(values.collect());
        let error = (self.status != 0).then(|| ("error", Value::Text(self.error())));
        let version = ("version", Value::text(self.version.name()));
        [version].into_iter().chain(error).chain([("values", values)]).collect()
    }

    fn error(&self) -> String {
        let name = usize::try_from(self.status).ok().and_then(|status| ERRORS.get(status));
        name.map_or_else(|| self.status.to_string(), ToString::to_string)
    }
}

/// The name of an object that was asked for, else its numbers.
fn label(name: &Oid) -> String {
    let known = ASKED.iter().find(|(_, numbers)| *numbers == name.numbers());
    known.map_or_else(|| name.to_string(), |(label, _)| (*label).to_owned())
}

impl Datum {
    fn words(&self) -> String {
        match self {
            Datum::Integer(number) => number.to_string(),
            Datum::Count(number) => number.to_string(),
            Datum::Ticks(ticks) => format!("{} ({ticks} ticks)", uptime(*ticks)),
            Datum::Octets(bytes) => octets(bytes),
            Datum::Object(oid) => oid.to_string(),
            Datum::Address(ip) => ip.to_string(),
            Datum::Nothing(why) => (*why).to_owned(),
            Datum::Other(tag, bytes) => format!("tag {tag:#04x}, 0x{}", digits(bytes)),
        }
    }

    fn value(&self) -> Value {
        match self {
            Datum::Integer(number) => Value::Integer(*number),
            Datum::Count(number) | Datum::Ticks(number) => Value::Count(*number),
            Datum::Octets(bytes) if is_text(bytes) => Value::Text(escape(bytes)),
            other => Value::Text(other.words()),
        }
    }
}

/// A text in quotes; what is none, such as a hardware address, in hexadecimal digits.
fn octets(bytes: &[u8]) -> String {
    if is_text(bytes) { format!("\"{}\"", escape(bytes)) } else { format!("0x{}", digits(bytes)) }
}

fn is_text(bytes: &[u8]) -> bool {
    let is_printed = |c: char| c.is_ascii_whitespace() || !super::is_hidden(c);
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_printed))
}

/// `3 days 4:05:06.07`
fn uptime(ticks: u64) -> String {
    let (seconds, hundredths) = (ticks / 100, ticks % 100);
    let (minutes, hours, days) = (seconds / 60 % 60, seconds / 3600 % 24, seconds / 86_400);
    let days = match days {
        0 => String::new(),
        1 => "1 day ".into(),
        days => format!("{days} days "),
    };
    format!("{days}{hours}:{minutes:02}:{:02}.{hundredths:02}", seconds % 60)
}

#[cfg(test)]
mod tests;
