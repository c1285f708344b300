//! STUN's binding request and its answer (RFC 8489): from which address a server sees us.
//!
//! Owns the message. Refuses authentication and everything that TURN and ICE build on it.
//!
//! ```
//! use sockkit::proto::stun::{decode, encode};
//!
//! let id = *b"sockkit-test";
//! assert_eq!(encode(id), b"\x00\x01\x00\x00\x21\x12\xa4\x42sockkit-test");
//!
//! // XOR-MAPPED-ADDRESS of 8 bytes: IPv4, port 32853 and 192.0.2.1, both masked by the cookie.
//! let answer = b"\x01\x01\x00\x0c\x21\x12\xa4\x42sockkit-test\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
//! assert_eq!(decode(id, answer)?.summary(), "mapped address 192.0.2.1:32853");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::escape;
use super::packet::{Field, Reader, Reason, Value, malformed};

/// Port of a server (RFC 8489 §18.6).
pub const PORT: u16 = 3478;

const COOKIE: u32 = 0x2112_a442;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

/// Attributes (RFC 8489 §18.3).
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const SOFTWARE: u16 = 0x8022;
const FINGERPRINT: u16 = 0x8028;

/// What the checksum of FINGERPRINT is masked with (RFC 8489 §14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// The question: a request without attributes, which servers of every age understand.
pub fn encode(id: [u8; 12]) -> Vec<u8> {
    let mut message = BINDING_REQUEST.to_be_bytes().to_vec();
    message.extend([0, 0]);
    message.extend(COOKIE.to_be_bytes());
    message.extend(id);
    message
}

/// The answer to the request with `id`.
pub fn decode(id: [u8; 12], answer: &[u8]) -> Result<Reply, Reason> {
    let mut reader = Reader::new(answer);
    let kind = header(id, &mut reader)?;
    let mut reply = Reply::default();
    while reader.left() > 0 {
        reply.take(id, answer, &mut reader)?;
    }
    match (kind, &reply.error, reply.mapped.or(reply.plain)) {
        (BINDING_SUCCESS, _, None) => Err(malformed("it has no mapped address")),
        (BINDING_ERROR, None, _) => Err(malformed("it is an error without an ERROR-CODE")),
        _ => Ok(reply),
    }
}

/// What a server says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// XOR-MAPPED-ADDRESS: where our question came from.
    pub mapped: Option<SocketAddr>,
    /// MAPPED-ADDRESS: the same unmasked, for old clients. What rewrites addresses on the way rewrites this one too.
    pub plain: Option<SocketAddr>,
    /// Why it gives none: 300 to 699, and words as they came.
    pub error: Option<(u16, Vec<u8>)>,
    /// The name of its program, as it came.
    pub software: Option<Vec<u8>>,
    /// The numbers of attributes that are not looked into.
    pub others: Vec<u16>,
}

/// Everything up to the attributes; gives the type of the message.
fn header(id: [u8; 12], reader: &mut Reader<'_>) -> Result<u16, Reason> {
    let what = "the header of 20 bytes";
    let (kind, length, cookie) = (reader.u16(what)?, reader.u16(what)?, reader.u32(what)?);
    let their_id: [u8; 12] = reader.array(what)?;
    if cookie != COOKIE {
        return Err(malformed("its magic cookie is not STUN's"));
    }
    if their_id != id {
        return Err(Reason::Stray("its transaction id is another one"));
    }
    match kind {
        BINDING_SUCCESS | BINDING_ERROR => {}
        BINDING_REQUEST => return Err(malformed("it is a request")),
        other => return Err(malformed(format!("its type is {other:#06x}"))),
    }
    if usize::from(length) != reader.left() {
        return Err(malformed(format!("it says that {length} bytes follow the header, and {} do", reader.left())));
    }
    Ok(kind)
}

impl Reply {
    /// One attribute. The first of a kind counts (RFC 8489 §14).
    fn take(&mut self, id: [u8; 12], message: &[u8], reader: &mut Reader<'_>) -> Result<(), Reason> {
        let start = reader.at();
        let (kind, length) = (reader.u16("an attribute")?, reader.u16("an attribute")?);
        let mut value = reader.part(length.into(), "an attribute")?;
        reader.take(usize::from(length).next_multiple_of(4) - usize::from(length), "the padding of an attribute")?;
        match kind {
            XOR_MAPPED_ADDRESS => keep(&mut self.mapped, unmasked(address(&mut value)?, id)),
            MAPPED_ADDRESS => keep(&mut self.plain, address(&mut value)?),
            ERROR_CODE => keep(&mut self.error, error(&mut value)?),
            SOFTWARE => keep(&mut self.software, words(value.rest())),
            FINGERPRINT => fingerprint(&mut value, &message[..start], reader.left())?,
            other => {
                value.rest();
                self.others.push(other);
            }
        }
        if value.left() > 0 {
            Err(malformed(format!("attribute {kind:#06x} is {} bytes too long", value.left())))
        } else {
            Ok(())
        }
    }

    /// `mapped address 192.0.2.1:32853`, or the error.
    pub fn summary(&self) -> String {
        match (&self.error, self.mapped.or(self.plain)) {
            (Some((code, reason)), _) => format!("error {code} {}", escape(reason)),
            (None, Some(mapped)) => format!("mapped address {mapped}"),
            // `decode` gives none without either.
            (None, None) => "no mapped address".into(),
        }
    }

    /// The rest of what it says, in lines.
    pub fn details(&self) -> Vec<String> {
        let rewritten = self.plain.filter(|plain| self.mapped.is_some_and(|mapped| mapped != *plain));
        let rewritten = rewritten.map(|plain| format!("rewritten on the way: MAPPED-ADDRESS says {plain}"));
        let software = self.software.iter().map(|name| format!("software: {}", escape(name)));
        let others: Vec<_> = self.others.iter().map(|number| format!("{number:#06x}")).collect();
        let others = (!others.is_empty()).then(|| format!("other attributes: {}", others.join(" ")));
        rewritten.into_iter().chain(software).chain(others).collect()
    }

    /// The same for a report.
    pub fn fields(&self) -> Vec<Field> {
        let address = |name, address: Option<SocketAddr>| address.map(|address| (name, Value::text(address)));
        let text = |bytes: &[u8]| Value::Text(escape(bytes));
        let error = self
            .error
            .iter()
            .flat_map(|(code, reason)| [("error_code", Value::Count((*code).into())), ("error_reason", text(reason))]);
        let software = self.software.iter().map(|name| ("software", text(name)));
        let mapped = address("mapped_address", self.mapped.or(self.plain));
        let plain = address("plain_mapped_address", self.plain);
        mapped.into_iter().chain(plain).chain(error).chain(software).collect()
    }
}

fn keep<T>(place: &mut Option<T>, value: T) {
    place.get_or_insert(value);
}

/// RFC 8489 §14.1.
fn address(value: &mut Reader<'_>) -> Result<SocketAddr, Reason> {
    let what = "a mapped address";
    let (_, family, port) = (value.u8(what)?, value.u8(what)?, value.u16(what)?);
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from(value.array(what)?)),
        2 => IpAddr::V6(Ipv6Addr::from(value.array(what)?)),
        other => return Err(malformed(format!("a mapped address has the unknown family {other}"))),
    };
    Ok(SocketAddr::new(ip, port))
}

/// RFC 8489 §14.2: the cookie masks the port and an IPv4 address, cookie and id an IPv6 address.
fn unmasked(masked: SocketAddr, id: [u8; 12]) -> SocketAddr {
    let [high, low, ..] = COOKIE.to_be_bytes();
    let ip = match masked.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ COOKIE)),
        IpAddr::V6(ip) => {
            let id = id.into_iter().fold(u128::from(COOKIE), |mask, byte| mask << 8 | u128::from(byte));
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ id))
        }
    };
    SocketAddr::new(ip, masked.port() ^ u16::from_be_bytes([high, low]))
}

/// RFC 8489 §14.8: hundreds in three bits of the third byte, the rest in the fourth.
fn error(value: &mut Reader<'_>) -> Result<(u16, Vec<u8>), Reason> {
    let [_, _, class, number] = value.array("an ERROR-CODE")?;
    let class = class & 7;
    if !(3..=6).contains(&class) || number > 99 {
        return Err(malformed(format!("an ERROR-CODE has the class {class} and the number {number}")));
    }
    Ok((u16::from(class) * 100 + u16::from(number), words(value.rest())))
}

/// Some servers count the padding of a text to its length.
fn words(text: &[u8]) -> Vec<u8> {
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    text[..end].to_vec()
}

/// RFC 8489 §14.7: the last attribute, over all that stands before it.
fn fingerprint(value: &mut Reader<'_>, covered: &[u8], left: usize) -> Result<(), Reason> {
    let theirs = value.u32("a FINGERPRINT")?;
    if left > 0 {
        Err(malformed("FINGERPRINT is not its last attribute"))
    } else if theirs != crc32(covered) ^ FINGERPRINT_MASK {
        Err(malformed("its FINGERPRINT does not fit it"))
    } else {
        Ok(())
    }
}

/// The CRC of ITU V.42, bit by bit: a few dozen bytes need no table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::packet::hex;

    const ID: [u8; 12] = *b"sockkit-test";

    /// coturn 4.6.1, asked by 127.0.0.1:58095.
    const COTURN: &str = "0101003c 2112a442 736f636b6b69742d74657374
        00200008 0001c3fd5e12a443 00010008 0001e2ef7f000001 802b0008 000114b97f000001
        80220014 436f7475726e2d342e362e312027476f72737427";
    /// The same, asked with an attribute that it does not know.
    const UNKNOWN: &str = "0111003c 2112a442 736f636b6b69742d74657374
        00090018 00000414556e6b6e6f776e20417474726962757465000000 000a0002 7fff0000
        80220014 436f7475726e2d342e362e312027476f72737427";
    /// RFC 5769 §2.2 and §2.3; their id.
    const RFC_V4: &str = "0101003c 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220 00200008 0001a147e112a643
        00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96";
    const RFC_V6: &str = "01010048 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f7220 00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";
    const RFC_ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 1, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    #[test]
    fn recorded_answers() {
        let table: &[([u8; 12], &str, &str, &[&str])] = &[
            (
                ID,
                COTURN,
                "mapped address 127.0.0.1:58095",
                &["software: Coturn-4.6.1 'Gorst'", "other attributes: 0x802b"],
            ),
            (
                ID,
                UNKNOWN,
                "error 420 Unknown Attribute",
                &["software: Coturn-4.6.1 'Gorst'", "other attributes: 0x000a"],
            ),
            (RFC_ID, RFC_V4, "mapped address 192.0.2.1:32853", &["software: test vector", "other attributes: 0x0008"]),
            (
                RFC_ID,
                RFC_V6,
                "mapped address [2001:db8:1234:5678:11:2233:4455:6677]:32853",
                &["software: test vector", "other attributes: 0x0008"],
            ),
        ];
        for (id, packet, summary, details) in table {
            let reply = decode(*id, &hex(packet)).expect(summary);
            assert_eq!(reply.summary(), *summary);
            assert_eq!(reply.details(), *details, "{summary}");
        }
    }

    /// A message of these attributes.
    fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).expect("it is short");
        let mut message = encode(ID);
        message[..2].copy_from_slice(&kind.to_be_bytes());
        message[2..4].copy_from_slice(&length.to_be_bytes());
        message.extend(attributes);
        message
    }

    #[test]
    fn only_an_old_servers_address_and_one_that_was_rewritten() {
        let plain = hex("00010008 000112347f000001");
        let masked = hex("00200008 0001c3fd5e12a443");
        let read =
            |attributes: &[&[u8]]| decode(ID, &message(BINDING_SUCCESS, &attributes.concat())).expect("it is whole");
        assert_eq!(read(&[&plain]).summary(), "mapped address 127.0.0.1:4660");
        let both = read(&[&plain, &masked]);
        assert_eq!(both.summary(), "mapped address 127.0.0.1:58095");
        assert_eq!(both.details(), ["rewritten on the way: MAPPED-ADDRESS says 127.0.0.1:4660"]);
        // The first of two counts.
        assert_eq!(read(&[&masked, &hex("00200008 0001000000000000")]).mapped, both.mapped);
    }

    #[test]
    fn malformed_answers() {
        let masked = "00200008 0001c3fd5e12a443";
        let success = |attributes: &str| message(BINDING_SUCCESS, &hex(attributes));
        let cut = success(masked);
        let mut other_id = success(masked);
        other_id[19] ^= 1;
        let mut old = success(masked);
        old[4] ^= 1;
        let mut forged = hex(RFC_V4);
        forged[30] ^= 1;
        let table: &[(Vec<u8>, Reason)] = &[
            (encode(ID), malformed("it is a request")),
            (other_id, Reason::Stray("its transaction id is another one")),
            (old, malformed("its magic cookie is not STUN's")),
            (message(0x0113, &[]), malformed("its type is 0x0113")),
            (message(0xc101, &[]), malformed("its type is 0xc101")),
            (cut[..28].to_vec(), malformed("it says that 12 bytes follow the header, and 8 do")),
            ([&cut[..], &[0]].concat(), malformed("it says that 12 bytes follow the header, and 13 do")),
            (success(""), malformed("it has no mapped address")),
            (message(BINDING_ERROR, &hex(masked)), malformed("it is an error without an ERROR-CODE")),
            (success("0020"), malformed("it ends inside an attribute")),
            (success("0020ffff 00"), malformed("it ends inside an attribute")),
            (success("80220001 41"), malformed("it ends inside the padding of an attribute")),
            (success("00200004 0001c3fd"), malformed("it ends inside a mapped address")),
            (success("00200008 0002c3fd5e12a443"), malformed("it ends inside a mapped address")),
            (success("00200008 0003c3fd5e12a443"), malformed("a mapped address has the unknown family 3")),
            (success("0020000c 0001c3fd5e12a44300000000"), malformed("attribute 0x0020 is 4 bytes too long")),
            (success("00090004 00000214"), malformed("an ERROR-CODE has the class 2 and the number 20")),
            (success("00090004 00000464"), malformed("an ERROR-CODE has the class 4 and the number 100")),
            (success("80280004 00000000"), malformed("its FINGERPRINT does not fit it")),
            (success(&format!("80280004 00000000 {masked}")), malformed("FINGERPRINT is not its last attribute")),
        ];
        for (packet, why) in table {
            assert_eq!(decode(ID, packet).as_ref(), Err(why), "{packet:02x?}");
        }
        assert_eq!(decode(RFC_ID, &forged), Err(malformed("its FINGERPRINT does not fit it")));
        for (id, packet) in [(ID, COTURN), (ID, UNKNOWN), (RFC_ID, RFC_V4), (RFC_ID, RFC_V6)] {
            let whole = hex(packet);
            for length in 0..whole.len() {
                assert!(matches!(decode(id, &whole[..length]), Err(Reason::Malformed(_))), "{length} bytes");
            }
        }
    }

    #[test]
    fn a_terminal_obeys_nothing() {
        let attributes = hex("00090008 000004001b5b324a 80220004 1b5d303b");
        let reply = decode(ID, &message(BINDING_ERROR, &attributes)).expect("it is whole");
        assert_eq!(
            (reply.summary().as_str(), reply.details()[0].as_str()),
            (r"error 400 \x1b[2J", r"software: \x1b]0;")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in prop_oneof![Just(BINDING_SUCCESS), Just(BINDING_ERROR)]) {
            let _ = decode(ID, &bytes);
            if let Ok(reply) = decode(ID, &message(kind, &bytes)) {
                prop_assert!(!reply.summary().is_empty());
                let _ = (reply.details(), reply.fields());
            }
        }
    }
}
