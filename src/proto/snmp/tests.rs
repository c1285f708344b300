//! Answers of snmpd 5.9.3, and what is made of them.

use proptest::prelude::*;

use super::*;
use crate::proto::packet::hex;

const ID: u32 = 0x1234_5678;

const QUESTION: &str = "3037020101 04067075626c6963 a02a 020412345678 020100 020100
    301c 300c06082b060102010101000500 300c06082b060102010103000500";
const V2C: &str = "3044020101 04067075626c6963 a237 020412345678 020100 020100
    3029 301806082b06010201010100 040c612074657374206167656e74 300d06082b06010201010300 430108";
const V1: &str = "3044020100 04067075626c6963 a237 020412345678 020100 020100
    3029 301806082b06010201010100 040c612074657374206167656e74 300d06082b06010201010300 430108";
/// `sysDescr.5`, `sysObjectID.0`, an object that snmpd hides, and an address of its own.
const MIXED: &str = "3066020101 04067075626c6963 a259 020412345678 020100 020100
    304b 300c06082b060102010101058100 301606082b06010201010200 060a2b06010401bf0803020a
    300c06082b0601020101070081003015060d2b06010201041401017f000001 40047f000001";
/// A 64-bit counter, a 32-bit one and a gauge of the loopback interface.
const COUNTERS: &str = "3052020101 04067075626c6963 a245 020412345678 020100 020100
    3037 3010060b2b060102011f01010106014601 00 300f060a2b060102010202010a01410100
    3012060a2b06010201020201050142 0400989680";
/// What version 1 says of an object that is not there, and version 2c.
const NO_SUCH_NAME: &str = "3029020100 04067075626c6963 a21c 020412345678 020102 020101
    300e 300c06082b060102010163000500";
const NO_SUCH_OBJECT: &str = "3029020101 04067075626c6963 a21c 020412345678 020100 020100
    300e 300c06082b060102010163008000";

fn access(version: Version) -> Access {
    Access::new(version, "public").expect("it is short")
}

fn read(packet: &[u8]) -> Result<Reply, Reason> {
    access(Version::V2c).decode(ID, packet)
}

#[test]
fn the_question_is_the_one_that_snmpd_understood() {
    assert_eq!(access(Version::V2c).encode(ID), hex(QUESTION));
    assert_eq!(access(Version::V1).encode(ID)[4], 0);
    let long = Access::new(Version::V2c, &"x".repeat(255)).expect("it is just short enough").encode(ID);
    assert_eq!(long[..4], hex("3082 0131"));
    assert_eq!(long.len(), 4 + 0x131);
    assert!(Access::new(Version::V2c, &"x".repeat(256)).is_err());
    assert_eq!(read(&hex(QUESTION)), Err(malformed("it is a request")));
}

#[test]
fn recorded_answers() {
    let table: &[(Version, &str, &str, &[&str])] = &[
        (
            Version::V2c,
            V2C,
            "SNMPv2c, 2 values",
            &["sysDescr.0: \"a test agent\"", "sysUpTime.0: 0:00:00.08 (8 ticks)"],
        ),
        (Version::V1, V1, "SNMPv1, 2 values", &["sysDescr.0: \"a test agent\"", "sysUpTime.0: 0:00:00.08 (8 ticks)"]),
        (
            Version::V2c,
            MIXED,
            "SNMPv2c, 4 values",
            &[
                "1.3.6.1.2.1.1.1.5: no such instance",
                "1.3.6.1.2.1.1.2.0: 1.3.6.1.4.1.8072.3.2.10",
                "1.3.6.1.2.1.1.7.0: no such instance",
                "1.3.6.1.2.1.4.20.1.1.127.0.0.1: 127.0.0.1",
            ],
        ),
        (
            Version::V2c,
            COUNTERS,
            "SNMPv2c, 3 values",
            &["1.3.6.1.2.1.31.1.1.1.6.1: 0", "1.3.6.1.2.1.2.2.1.10.1: 0", "1.3.6.1.2.1.2.2.1.5.1: 10000000"],
        ),
        (Version::V1, NO_SUCH_NAME, "SNMPv1, error noSuchName about value 1", &["1.3.6.1.2.1.1.99.0: null"]),
        (Version::V2c, NO_SUCH_OBJECT, "SNMPv2c, 1 value", &["1.3.6.1.2.1.1.99.0: no such object"]),
    ];
    for (version, packet, summary, details) in table {
        let reply = access(*version).decode(ID, &hex(packet)).expect(summary);
        assert_eq!(reply.summary(), *summary);
        assert_eq!(reply.details(), *details, "{summary}");
    }
}

/// An answer with one value of this tag.
fn answer(tag: u8, content: &[u8]) -> Vec<u8> {
    let binding = ber::element(ber::SEQUENCE, &[Oid::new(ASKED[0].1).encode(), ber::element(tag, content)].concat());
    let bindings = ber::element(ber::SEQUENCE, &binding);
    let pdu = ber::element(RESPONSE, &[ber::integer(ID), ber::integer(0), ber::integer(0), bindings].concat());
    let community = ber::element(ber::OCTETS, b"public");
    ber::element(ber::SEQUENCE, &[ber::integer(1), community, pdu].concat())
}

#[test]
fn values_in_words() {
    let table: &[(u8, &[u8], &str)] = &[
        (0x02, &[0xff, 0x38], "-200"),
        (0x04, b"Linux box\r\n#1", r#""Linux box\r\n#1""#),
        (0x04, b"\x00\x11\x22\x33\x44\x55", "0x001122334455"),
        (0x04, b"\x1b[2J", "0x1b5b324a"),
        (0x04, b"", r#""""#),
        (0x05, b"", "null"),
        (0x40, &[192, 0, 2, 7], "192.0.2.7"),
        (0x40, &[192, 0, 2], "tag 0x40, 0xc00002"),
        (0x41, &[0, 0xff, 0xff, 0xff, 0xff], "4294967295"),
        (0x43, &[0x05, 0x26, 0x5c, 0x07], "10 days 0:00:00.07 (86400007 ticks)"),
        (0x44, &[1, 2], "tag 0x44, 0x0102"),
        (0x46, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
        (0x82, b"", "end of the view"),
    ];
    for (tag, content, words) in table {
        let reply = read(&answer(*tag, content)).expect(words);
        assert_eq!(reply.details(), [format!("sysDescr.0: {words}")]);
    }
    assert_eq!((uptime(0), uptime(8_640_000)), ("0:00:00.00".into(), "1 day 0:00:00.00".into()));
}

#[test]
fn malformed_answers() {
    let changed = |at: usize, byte: u8| {
        let mut packet = hex(V2C);
        packet[at] = byte;
        packet
    };
    let table: &[(Vec<u8>, Reason)] = &[
        (changed(0, 0x31), malformed("the tag of the message is 0x31, not 0x30")),
        (changed(4, 3), malformed("its version is 3, and 1 was asked")),
        (changed(4, 0), malformed("its version is 0, and 1 was asked")),
        (changed(5, 2), malformed("the tag of the community is 0x02, not 0x04")),
        (changed(13, 0xa8), malformed("its PDU is of type 0xa8, and a response's is 0xa2")),
        (changed(18, 0), Reason::Stray("its number is another request's")),
        (changed(6, 0x7f), malformed("it ends inside the community")),
        (changed(1, 0x43), malformed("1 bytes follow the message")),
        (changed(14, 0x36), malformed("1 bytes follow the PDU")),
        (changed(28, 0x28), malformed("1 bytes follow the list of values")),
        (changed(27, 0x31), malformed("the tag of the list of values is 0x31, not 0x30")),
        (changed(32, 0x89), malformed("the length of a value's name has 9 bytes")),
    ];
    for (packet, why) in table {
        assert_eq!(read(packet).as_ref(), Err(why));
    }
    for packet in [V2C, MIXED, COUNTERS, NO_SUCH_OBJECT] {
        let whole = hex(packet);
        for length in 0..whole.len() {
            assert!(matches!(read(&whole[..length]), Err(Reason::Malformed(_))), "{length} bytes");
        }
    }
}

#[test]
fn the_community_is_not_shown() {
    let secret = Access::new(Version::V1, "hidden-word").expect("it is short");
    assert!(!format!("{secret:?}").contains("hidden"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, tag: u8, at in 0_usize..70, byte: u8) {
        let _ = read(&bytes);
        let mut packet = hex(V2C);
        packet[at] = byte;
        for packet in [packet, answer(tag, &bytes)] {
            if let Ok(reply) = read(&packet) {
                let shown = [vec![reply.summary()], reply.details()].concat().join("");
                prop_assert!(!shown.chars().any(crate::proto::is_hidden));
                prop_assert!(!reply.fields().is_empty());
            }
        }
    }
}
