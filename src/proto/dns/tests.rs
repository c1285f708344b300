//! Answers of unbound 1.17.1 and dnsmasq 2.90, and what is made of them.

use proptest::prelude::*;

use super::*;
use crate::proto::packet::hex;

const ID: u16 = 0x1234;

/// What is asked, the answer, and what is said of it.
struct Case {
    query: &'static str,
    packet: &'static str,
    summary: &'static str,
    details: &'static [&'static str],
}

const EDNS: &str = "edns: version 0, takes 1232 bytes";
const SOA: &str = r"authority: probe.test. 300 IN SOA ns.probe.test. host\.master.probe.test. 7 7200 900 1209600 300";

const UNBOUND: &[Case] = &[
    Case {
        query: "probe.test/A",
        packet: "123485800001000200000001 0570726f626504746573740000010001 c00c000100010000012c0004c0000207
            c00c000100010000012c0004c0000208 00002904d0000000000000",
        summary: "probe.test. A: NOERROR, authoritative, recursion available, 2 answers",
        details: &["answer: probe.test. 300 IN A 192.0.2.7", "answer: probe.test. 300 IN A 192.0.2.8", EDNS],
    },
    Case {
        query: "PROBE.test./AAAA",
        packet: "123485800001000100000001 0570726f6265047465737400001c0001
            c00c001c00010000012c001020010db8000000000000000000000007 00002904d0000000000000",
        summary: "PROBE.test. AAAA: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: probe.test. 300 IN AAAA 2001:db8::7", EDNS],
    },
    Case {
        query: "probe.test/NS",
        packet: "123485800001000100000001 0570726f626504746573740000020001
            c00c0002000100000e100005026e73c00c 00002904d0000000000000",
        summary: "probe.test. NS: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: probe.test. 3600 IN NS ns.probe.test.", EDNS],
    },
    Case {
        query: "probe.test/MX",
        packet: "123485800001000100000001 0570726f6265047465737400000f0001
            c00c000f0001000002580009000a046d61696cc00c 00002904d0000000000000",
        summary: "probe.test. MX: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: probe.test. 600 IN MX 10 mail.probe.test.", EDNS],
    },
    Case {
        query: "probe.test/TXT",
        packet: "123485800001000100000001 0570726f626504746573740000100001 c00c001000010000003c0018
            0b763d73706631202d616c6c0b74776f202270617274732200002904d0000000000000",
        summary: "probe.test. TXT: NOERROR, authoritative, recursion available, 1 answer",
        details: &[r#"answer: probe.test. 60 IN TXT "v=spf1 -all" "two \"parts\"""#, EDNS],
    },
    Case {
        query: "www.probe.test/CNAME",
        packet: "123485800001000100000001 037777770570726f626504746573740000050001
            c00c000500010000012c0002c010 00002904d0000000000000",
        summary: "www.probe.test. CNAME: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: www.probe.test. 300 IN CNAME probe.test.", EDNS],
    },
    Case {
        query: "_ntp._udp.probe.test/SRV",
        packet: "123485800001000100000001 045f6e7470045f7564700570726f626504746573740000210001
            c00c002100010000012c001700010002007b0474696d650570726f6265047465737400 00002904d0000000000000",
        summary: "_ntp._udp.probe.test. SRV: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: _ntp._udp.probe.test. 300 IN SRV 1 2 123 time.probe.test.", EDNS],
    },
    Case {
        query: "7.2.0.192.in-addr.arpa/PTR",
        packet: "123485800001000100000001 0137013201300331393207696e2d61646472046172706100000c0001
            c00c000c00010000012c000c0570726f6265047465737400 00002904d0000000000000",
        summary: "7.2.0.192.in-addr.arpa. PTR: NOERROR, authoritative, recursion available, 1 answer",
        details: &["answer: 7.2.0.192.in-addr.arpa. 300 IN PTR probe.test.", EDNS],
    },
    Case {
        query: "odd.probe.test/TYPE731",
        packet: "123485800001000100000001 036f64640570726f626504746573740002db0001
            c00c02db00010000012c0006abcdef012345 00002904d0000000000000",
        summary: "odd.probe.test. TYPE731: NOERROR, authoritative, recursion available, 1 answer",
        details: &[r"answer: odd.probe.test. 300 IN TYPE731 \# 6 abcdef012345", EDNS],
    },
    Case {
        query: "odd.probe.test/CAA",
        packet: "123485800001000100000001 036f64640570726f626504746573740001010001
            c00c010100010000012c0010000569737375652263612e7465737422 00002904d0000000000000",
        summary: "odd.probe.test. CAA: NOERROR, authoritative, recursion available, 1 answer",
        details: &[r"answer: odd.probe.test. 300 IN CAA \# 16 000569737375652263612e7465737422", EDNS],
    },
    Case {
        query: "none.probe.test",
        packet: "123485830001000000010001 046e6f6e650570726f626504746573740000010001
            c011000600010000012c0027026e73c0110b686f73742e6d6173746572c0110000000700001c2000000384001275000000012c
            00002904d0000000000000",
        summary: "none.probe.test. A: NXDOMAIN, authoritative, recursion available, 0 answers",
        details: &[SOA, EDNS],
    },
    Case {
        query: "./NS",
        packet: "123481820001000000000001 0000020001 00002904d0000000000000",
        summary: ". NS: SERVFAIL, recursion available, 0 answers",
        details: &[EDNS],
    },
];

const DNSMASQ: &[Case] = &[
    Case {
        query: "www.alias.test/A",
        packet: "123485800001000200000001 0377777705616c6961730474657374 0000010001
            c00c00050001000000000011047265616c05616c696173047465737400 c02c00010001000000000004c0000209
            00002904d0000000000000",
        summary: "www.alias.test. A: NOERROR, authoritative, recursion available, 2 answers",
        details: &[
            "answer: www.alias.test. 0 IN CNAME real.alias.test.",
            "answer: real.alias.test. 0 IN A 192.0.2.9",
            EDNS,
        ],
    },
    Case {
        query: "example.com",
        packet: "123481850001000000000001 076578616d706c6503636f6d0000010001 00002904d0000000000006000f0002000e",
        summary: "example.com. A: REFUSED, recursion available, 0 answers",
        details: &[EDNS, "extended error 14: not ready"],
    },
];

fn query(text: &str) -> Query {
    text.parse().expect("it is a query")
}

fn cases() -> impl Iterator<Item = &'static Case> {
    UNBOUND.iter().chain(DNSMASQ)
}

#[test]
fn recorded_answers() {
    for case in cases() {
        let reply = query(case.query).decode(ID, &hex(case.packet)).expect(case.summary);
        assert_eq!(reply.summary(), case.summary);
        assert_eq!(reply.details(), case.details, "{}", case.summary);
    }
}

#[test]
fn no_part_of_an_answer_is_an_answer() {
    for case in cases() {
        let whole = hex(case.packet);
        for length in 0..whole.len() {
            let cut = query(case.query).decode(ID, &whole[..length]);
            assert!(matches!(cut, Err(Reason::Malformed(_))), "{} of {length} bytes: {cut:?}", case.summary);
        }
    }
}

#[test]
fn the_question_is_the_one_that_servers_understood() {
    let asked = "123401000001000000000001 0570726f626504746573740000010001 00002904d0000000000000";
    assert_eq!(query("probe.test").encode(ID), hex(asked));
    let root = "123401000001000000000001 0000020001 00002904d0000000000000";
    assert_eq!(Query::default().encode(ID), hex(root));
}

#[test]
fn what_is_asked_for() {
    for (text, shown) in [
        ("probe.test", "probe.test. A"),
        ("probe.test./mx", "probe.test. MX"),
        ("./NS", ". NS"),
        ("0/26.2.0.192.in-addr.arpa/PTR", "0/26.2.0.192.in-addr.arpa. PTR"),
        ("a/TYPE731", "a. TYPE731"),
        ("192.0.2.7/PTR", "7.2.0.192.in-addr.arpa. PTR"),
        ("192.0.2.7/A", "192.0.2.7. A"),
        ("2001:db8::7/ptr", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR"),
    ] {
        assert_eq!(text.parse::<Query>().map(|query| query.to_string()).as_deref(), Ok(shown));
    }
    for text in ["", "/A", "a/", "a/B", "a/OPT", "a..b/A", "a b", "a/A/A/"] {
        assert!(text.parse::<Query>().is_err(), "{text}");
    }
}

/// An answer to `probe.test/A` with these flags, counts and records behind the question.
fn answer(flags: u16, counts: [u16; 3], records: &[u8]) -> Vec<u8> {
    let [answer, authority, additional] = counts;
    let header = [ID, flags, 1, answer, authority, additional];
    let header: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
    [&header, &b"\x05probe\x04test\x00\x00\x01\x00\x01"[..], records].concat()
}

fn read(packet: &[u8]) -> Result<Reply, Reason> {
    query("probe.test/A").decode(ID, packet)
}

#[test]
fn malformed_answers() {
    let ok = 0x8180;
    let mut other_id = answer(ok, [0; 3], b"");
    other_id[0] = 0;
    let mut other_name = answer(ok, [0; 3], b"");
    other_name[13] = b'b';
    let mut other_type = answer(ok, [0; 3], b"");
    other_type[25] = 28;
    let mut two_questions = answer(ok, [0; 3], b"");
    two_questions[5] = 2;
    let mut none = answer(ok, [0; 3], b"")[..12].to_vec();
    none[5] = 0;
    let opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
    let table: &[(Vec<u8>, Reason)] = &[
        (query("probe.test/A").encode(ID), malformed("it is a question")),
        (answer(0xa980, [0; 3], b""), malformed("its opcode is 5")),
        (other_id, Reason::Stray("its id is another one")),
        (other_name, Reason::Stray("it repeats another question")),
        (other_type, Reason::Stray("it repeats another question")),
        (two_questions, malformed("it repeats 2 questions")),
        (none.clone(), malformed("it does not repeat the question")),
        // Counts that nothing stands behind.
        (answer(ok, [u16::MAX; 3], b""), malformed("it ends inside a name")),
        (answer(ok, [1, 0, 0], b"\x00\x00\x01\x00\x01\x00"), malformed("it ends inside a record")),
        (
            answer(ok, [1, 0, 0], b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\xff\xff\x01"),
            malformed("it ends inside a record's data"),
        ),
        // A record whose data's name runs on beyond the data.
        (
            answer(ok, [1, 0, 0], b"\x00\x00\x02\x00\x01\x00\x00\x00\x00\x00\x02\x01a\x00"),
            malformed("it ends inside a name"),
        ),
        (
            answer(ok, [0, 0, 2], &[&opt[..], opt].concat()),
            malformed("it has a second EDNS record, or one with a name"),
        ),
        (
            answer(ok, [0, 0, 1], &[&b"\x01a"[..], opt].concat()),
            malformed("it has a second EDNS record, or one with a name"),
        ),
        (
            answer(ok, [0, 0, 1], b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x0f\x00\x01"),
            malformed("it ends inside an EDNS option"),
        ),
    ];
    for (packet, why) in table {
        assert_eq!(read(packet).as_ref(), Err(why), "{packet:02x?}");
    }
    // A server that could not even read the question.
    none[3] |= 1;
    assert_eq!(
        read(&none).map(|reply| reply.summary()).as_deref(),
        Ok("probe.test. A: FORMERR, recursion available, 0 answers")
    );
}

#[test]
fn flags_edns_and_what_follows() {
    let opt = b"\x00\x00\x29\x10\x00\x01\x00\x80\x00\x00\x0e\x00\x0f\x00\x05\x00\x16\x1b[m\x00\x03\x00\x01!";
    let reply = read(&answer(0x8620, [0, 0, 1], &[&opt[..], b"??"].concat())).expect("it is whole");
    assert_eq!(reply.summary(), "probe.test. A: BADVERS, authoritative, truncated, authenticated, 0 answers");
    let details = [
        "edns: version 0, takes 4096 bytes",
        r"extended error 22: no reachable authority: \x1b[m",
        "2 bytes follow the last record",
    ];
    assert_eq!(reply.details(), details);
    assert_eq!(reply.fields()[3], ("flags", Value::List(["aa", "tc", "ad"].map(Value::text).into())));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, flags: u16, counts: [u16; 3]) {
        let _ = read(&bytes);
        if let Ok(reply) = read(&answer(flags | 0x8000, counts, &bytes)) {
            prop_assert!(reply.records.len() <= bytes.len() / 11);
            let _ = (reply.summary(), reply.details(), reply.fields());
        }
    }

    #[test]
    fn a_changed_answer_does_not_make_it_panic(nth in 0..UNBOUND.len(), changes: Vec<(prop::sample::Index, u8)>) {
        let case = &UNBOUND[nth];
        let mut packet = hex(case.packet);
        for (at, byte) in changes {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        if let Ok(reply) = query(case.query).decode(ID, &packet) {
            let _ = (reply.summary(), reply.details(), reply.fields());
        }
    }
}
