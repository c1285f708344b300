//! DNS over UDP (RFC 1035) with EDNS (RFC 6891): one question out, one answer in.
//!
//! Owns the message; [`name`] and [`record`] own its parts, `types` their numbers. Refuses to resolve: it follows no
//! alias and no referral, and a truncated answer stays truncated.
//!
//! ```
//! use sockkit::proto::dns::Query;
//!
//! let query: Query = "probe.test/A".parse()?;
//! let question = query.encode(0x1234);
//! assert_eq!(question[..12], [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
//! assert_eq!(question[12..28], b"\x05probe\x04test\x00\x00\x01\x00\x01"[..]);
//!
//! // The answer repeats the question, and refers to its name at byte 12.
//! let mut answer = question[..28].to_vec();
//! answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
//! answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x07");
//! let reply = query.decode(0x1234, &answer)?;
//! assert_eq!(reply.records[0].line(), "probe.test. 300 IN A 192.0.2.7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod name;
pub mod record;
mod types;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use name::Name;
pub use record::{Record, Section};

use super::escape;
use super::packet::{Field, Reader, Reason, Value, malformed};
use types::{extended_error_name, rcode_name, type_name, type_number};

/// Port of a server (RFC 1035 §4.2.1).
pub const PORT: u16 = 53;

/// What we say that we can take: IPv6's smallest MTU of 1280 bytes less 48 of headers (RFC 8200 §5), so without fragments.
const UDP_SIZE: u16 = 1232;

const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const RECURSION_DESIRED: u16 = 0x0100;
/// The bits of the header that are said when they are set (RFC 1035 §4.1.1, RFC 4035 §3.2).
const FLAGS: &[(u16, &str, &str)] = &[
    (0x0400, "aa", "authoritative"),
    (0x0200, "tc", "truncated"),
    (0x0080, "ra", "recursion available"),
    (0x0020, "ad", "authenticated"),
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    name: Name,
    kind: u16,
}

/// The servers of the root: every resolver knows them, and every other server says why it does not tell.
impl Default for Query {
    fn default() -> Self {
        Query { name: Name::root(), kind: types::NS }
    }
}

/// `NAME` or `NAME/TYPE`; a name alone asks for its IPv4 addresses, and `ADDRESS/PTR` for the name of an address.
impl FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, kind)) = text.rsplit_once('/') else {
            return Ok(Query { name: text.parse()?, kind: types::A });
        };
        let kind = type_number(kind)
            .ok_or("after NAME/ stands a type to ask for, such as A, AAAA, MX, TXT, PTR, ANY or TYPE731")?;
        match name.parse() {
            Ok(ip) if kind == types::PTR => Ok(Query { name: reversed(ip).parse()?, kind }),
            _ => Ok(Query { name: name.parse()?, kind }),
        }
    }
}

/// The name under which the name of an address stands (RFC 1035 §3.5, RFC 3596 §2.5).
fn reversed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            nibbles.chain(["ip6.arpa.".to_owned()]).collect()
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, type_name(self.kind))
    }
}

impl Query {
    /// The message that asks, with recursion desired and EDNS.
    pub fn encode(&self, id: u16) -> Vec<u8> {
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
        let mut message = words(&[id, RECURSION_DESIRED, 1, 0, 0, 1]);
        message.extend(self.name.wire());
        message.extend(words(&[self.kind, types::IN]));
        message.extend(Name::root().wire());
        message.extend(words(&[types::OPT, UDP_SIZE, 0, 0, 0]));
        message
    }

    /// The answer to the question that [`Query::encode`] made with `id`.
    pub fn decode(&self, id: u16, answer: &[u8]) -> Result<Reply, Reason> {
        let mut reader = Reader::new(answer);
        let header = Header::read(&mut reader)?;
        if header.id != id {
            return Err(Reason::Stray("its id is another one"));
        }
        header.check()?;
        self.check_question(&header, &mut reader)?;
        let mut reply = Reply { query: self.clone(), flags: header.flags, ..Reply::default() };
        for (section, count) in header.records() {
            for _ in 0..count {
                reply.take(section, &mut reader)?;
            }
        }
        reply.rcode |= header.flags & 0xf;
        reply.trailing = reader.left();
        Ok(reply)
    }

    /// The question comes back with the answer. A server that could not read it may leave it out.
    fn check_question(&self, header: &Header, reader: &mut Reader<'_>) -> Result<(), Reason> {
        match header.counts[0] {
            0 if header.flags & 0xf != 0 => return Ok(()),
            0 => return Err(malformed("it does not repeat the question")),
            1 => {}
            several => return Err(malformed(format!("it repeats {several} questions"))),
        }
        let name = Name::read(reader)?;
        let what = "the question";
        let same = (name, reader.u16(what)?, reader.u16(what)?) == (self.name.clone(), self.kind, types::IN);
        if same { Ok(()) } else { Err(Reason::Stray("it repeats another question")) }
    }
}

struct Header {
    id: u16,
    flags: u16,
    /// Questions, and the records of the three sections.
    counts: [u16; 4],
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Reason> {
        let what = "the header";
        let (id, flags) = (reader.u16(what)?, reader.u16(what)?);
        let counts = [reader.u16(what)?, reader.u16(what)?, reader.u16(what)?, reader.u16(what)?];
        Ok(Header { id, flags, counts })
    }

    fn check(&self) -> Result<(), Reason> {
        match self.flags {
            flags if flags & RESPONSE == 0 => Err(malformed("it is a question")),
            flags if flags & OPCODE != 0 => Err(malformed(format!("its opcode is {}", (flags & OPCODE) >> 11))),
            _ => Ok(()),
        }
    }

    fn records(&self) -> [(Section, u16); 3] {
        let [_, answer, authority, additional] = self.counts;
        [(Section::Answer, answer), (Section::Authority, authority), (Section::Additional, additional)]
    }
}

/// An answer. Whatever its response code, the server is there and speaks DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// What was asked for.
    pub query: Query,
    /// The second word of the header.
    pub flags: u16,
    /// The response code, with the upper bits that EDNS adds.
    pub rcode: u16,
    /// The records of all sections, without EDNS's pseudo-record.
    pub records: Vec<Record>,
    /// What EDNS says, if the server has it.
    pub edns: Option<Edns>,
    /// Bytes after the last record, which mean nothing.
    pub trailing: usize,
}

/// What the pseudo-record of EDNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns {
    /// 0 is the only one there is.
    pub version: u8,
    /// The largest datagram that the server takes.
    pub size: u16,
    /// Why there is no better answer: a code and words, as they came (RFC 8914).
    pub errors: Vec<(u16, Vec<u8>)>,
}

impl Reply {
    fn take(&mut self, section: Section, message: &mut Reader<'_>) -> Result<(), Reason> {
        let (head, data) = record::read(message)?;
        if head.kind == types::OPT && section == Section::Additional {
            return self.take_edns(&head, data);
        }
        let data = record::data(&head, data)?;
        self.records.push(Record { section, name: head.name, kind: head.kind, class: head.class, ttl: head.ttl, data });
        Ok(())
    }

    /// RFC 6891 §6.1: the class is a size, and the TTL the upper bits of the response code, a version and flags.
    fn take_edns(&mut self, head: &record::Head, mut data: Reader<'_>) -> Result<(), Reason> {
        const EXTENDED_ERROR: u16 = 15;
        if self.edns.is_some() || !head.name.is_root() {
            return Err(malformed("it has a second EDNS record, or one with a name"));
        }
        let [high, version, ..] = head.ttl.to_be_bytes();
        let mut errors = Vec::new();
        while data.left() > 0 {
            let (code, length) = (data.u16("an EDNS option")?, data.u16("an EDNS option")?);
            let mut option = data.part(length.into(), "an EDNS option")?;
            if code == EXTENDED_ERROR {
                errors.push((option.u16("an extended error")?, option.rest().to_vec()));
            }
        }
        self.rcode |= u16::from(high) << 4;
        self.edns = Some(Edns { version, size: head.class, errors });
        Ok(())
    }

    /// `probe.test. A: NOERROR, recursion available, 2 answers`
    pub fn summary(&self) -> String {
        let flags = self.flags().map(|(_, words)| format!(", {words}"));
        let answers = self.records.iter().filter(|record| record.section == Section::Answer).count();
        let s = if answers == 1 { "" } else { "s" };
        format!("{}: {}{}, {answers} answer{s}", self.query, rcode_name(self.rcode), flags.collect::<String>())
    }

    /// A line for each record, and what EDNS says.
    pub fn details(&self) -> Vec<String> {
        let records = self.records.iter().map(|record| format!("{}: {}", record.section.name(), record.line()));
        let edns = self.edns.iter().map(|edns| format!("edns: version {}, takes {} bytes", edns.version, edns.size));
        let errors = self.errors().map(|(code, text)| {
            let text = escape(text);
            let colon = if text.is_empty() { "" } else { ": " };
            format!("extended error {code}: {}{colon}{text}", extended_error_name(code))
        });
        let trailing = (self.trailing > 0).then(|| format!("{} bytes follow the last record", self.trailing));
        records.chain(edns).chain(errors).chain(trailing).collect()
    }

    /// The same for a report.
    pub fn fields(&self) -> Vec<Field> {
        let edns = self.edns.iter().map(|edns| {
            let fields = [("version", Value::Count(edns.version.into())), ("size", Value::Count(edns.size.into()))];
            ("edns", Value::Record(fields.into()))
        });
        let errors = self.errors().map(|(code, text)| {
            Value::Record(vec![("code", Value::Count(code.into())), ("text", Value::Text(escape(text)))])
        });
        let mut fields = vec![
            ("name", Value::text(&self.query.name)),
            ("type", Value::text(type_name(self.query.kind))),
            ("status", Value::text(rcode_name(self.rcode))),
            ("flags", Value::List(self.flags().map(|(short, _)| Value::text(short)).collect())),
            ("records", Value::List(self.records.iter().map(Record::value).collect())),
        ];
        fields.extend(edns);
        fields.push(("extended_errors", Value::List(errors.collect())));
        fields
    }

    fn flags(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        FLAGS.iter().filter(|(bit, ..)| self.flags & bit != 0).map(|(_, short, words)| (*short, *words))
    }

    fn errors(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.edns.iter().flat_map(|edns| edns.errors.iter().map(|(code, text)| (*code, text.as_slice())))
    }
}

#[cfg(test)]
mod tests;
