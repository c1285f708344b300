//! The numbers of DNS that have names: types, classes, response codes, extended errors (IANA's "Domain Name System
//! Parameters").

use std::borrow::Cow;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const PTR: u16 = 12;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;
pub(super) const OPT: u16 = 41;

pub(super) const IN: u16 = 1;

const TYPES: &[(u16, &str)] = &[
    (A, "A"),
    (NS, "NS"),
    (CNAME, "CNAME"),
    (SOA, "SOA"),
    (PTR, "PTR"),
    (13, "HINFO"),
    (MX, "MX"),
    (TXT, "TXT"),
    (AAAA, "AAAA"),
    (29, "LOC"),
    (SRV, "SRV"),
    (35, "NAPTR"),
    (39, "DNAME"),
    (OPT, "OPT"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
];

const CLASSES: &[(u16, &str)] = &[(IN, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

/// RFC 8914 §5.2.
const EXTENDED_ERRORS: &[(u16, &str)] = &[
    (0, "other"),
    (1, "unsupported DNSKEY algorithm"),
    (2, "unsupported DS digest type"),
    (3, "stale answer"),
    (4, "forged answer"),
    (5, "DNSSEC indeterminate"),
    (6, "DNSSEC bogus"),
    (7, "signature expired"),
    (8, "signature not yet valid"),
    (9, "DNSKEY missing"),
    (10, "RRSIGs missing"),
    (11, "no zone key bit set"),
    (12, "NSEC missing"),
    (13, "cached error"),
    (14, "not ready"),
    (15, "blocked"),
    (16, "censored"),
    (17, "filtered"),
    (18, "prohibited"),
    (19, "stale NXDOMAIN answer"),
    (20, "not authoritative"),
    (21, "not supported"),
    (22, "no reachable authority"),
    (23, "network error"),
    (24, "invalid data"),
];

/// `MX`, or `TYPE731` for what has no name (RFC 3597 §5).
pub(super) fn type_name(number: u16) -> Cow<'static, str> {
    name(TYPES, number).unwrap_or_else(|| format!("TYPE{number}").into())
}

/// The number of a type that is written as [`type_name`] gives it, in either case. A pseudo-type can't be asked for.
pub(super) fn type_number(text: &str) -> Option<u16> {
    let known = TYPES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| *number);
    let digits = || text.get(..4).filter(|start| start.eq_ignore_ascii_case("TYPE")).map(|_| &text[4..]);
    let number = known.or_else(|| digits()?.parse().ok().filter(|_| digits().is_some_and(is_plain)));
    number.filter(|number| *number != OPT)
}

fn is_plain(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit())
}

/// `IN`, or `CLASS9` for what has no name.
pub(super) fn class_name(number: u16) -> Cow<'static, str> {
    name(CLASSES, number).unwrap_or_else(|| format!("CLASS{number}").into())
}

/// `NXDOMAIN`, or `RCODE12` for what has no name.
pub(super) fn rcode_name(number: u16) -> Cow<'static, str> {
    name(RCODES, number).unwrap_or_else(|| format!("RCODE{number}").into())
}

/// What an extended error is about, or `code 99` for what has no name.
pub(super) fn extended_error_name(number: u16) -> Cow<'static, str> {
    name(EXTENDED_ERRORS, number).unwrap_or_else(|| format!("code {number}").into())
}

fn name(table: &'static [(u16, &'static str)], number: u16) -> Option<Cow<'static, str>> {
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!((type_name(15), type_name(731)), ("MX".into(), "TYPE731".into()));
        for (text, number) in [
            ("mx", Some(15)),
            ("HTTPS", Some(65)),
            ("type731", Some(731)),
            ("TYPE0", Some(0)),
            ("TYPE65535", Some(65535)),
        ] {
            assert_eq!(type_number(text), number, "{text}");
        }
        for text in ["", "MXX", "TYPE", "TYPE65536", "TYPE+1", "TYP1", "731", "OPT", "TYPE41", "éééé"] {
            assert_eq!(type_number(text), None, "{text}");
        }
        assert_eq!((class_name(1), class_name(9)), ("IN".into(), "CLASS9".into()));
        assert_eq!((rcode_name(3), rcode_name(12)), ("NXDOMAIN".into(), "RCODE12".into()));
        assert_eq!((extended_error_name(14), extended_error_name(99)), ("not ready".into(), "code 99".into()));
    }

    #[test]
    fn no_number_is_named_twice() {
        for table in [TYPES, CLASSES, RCODES, EXTENDED_ERRORS] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
