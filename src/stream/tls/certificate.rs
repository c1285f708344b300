//! A certificate → what it says (RFC 5280).
//!
//! Owns reading. Refuses to judge: a certificate that is nonsense is shown by its fingerprint, and one that lies is
//! repeated. Nothing is escaped here.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use crate::event::tls::{Certificate, Content, Name};

const DAY: i64 = 24 * 60 * 60;

/// Describes each certificate of `chain`.
pub(super) fn describe_all(chain: &[CertificateDer<'_>]) -> Vec<Certificate> {
    let now = seconds(SystemTime::now());
    chain.iter().map(|der| describe(der, now)).collect()
}

/// Describes `der`; `now` is in seconds since 1970.
pub(super) fn describe(der: &[u8], now: i64) -> Certificate {
    let parsed = parse_x509_certificate(der).ok();
    Certificate {
        fingerprint: hex(&sha256(der)),
        content: parsed.filter(|(rest, _)| rest.is_empty()).map(|(_, parsed)| content(&parsed, now)),
    }
}

/// The SHA-256 of the certificate `der`, and that of its public key if it can be read.
pub(super) fn fingerprints(der: &[u8]) -> (Hash, Option<Hash>) {
    let key = parse_x509_certificate(der).ok().map(|(_, parsed)| sha256(parsed.public_key().raw));
    (sha256(der), key)
}

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// Seconds since 1970, negative before.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let magnitude = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -magnitude(before.duration()), magnitude)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn content(parsed: &X509Certificate<'_>, now: i64) -> Content {
    let (subject, issuer) = (parsed.subject(), parsed.issuer());
    let validity = parsed.validity();
    let not_after = validity.not_after.timestamp();
    let usages = parsed.extended_key_usage().ok().flatten();
    Content {
        subject: subject.to_string(),
        names: names(parsed),
        issuer: issuer.to_string(),
        is_self_issued: subject.as_raw() == issuer.as_raw(),
        serial: hex(parsed.raw_serial()),
        not_before: validity.not_before.timestamp(),
        not_after,
        days_left: not_after.saturating_sub(now).div_euclid(DAY),
        key: key(parsed.public_key()),
        key_fingerprint: hex(&sha256(parsed.public_key().raw)),
        usages: usages.map_or_else(Vec::new, |usages| self::usages(usages.value)),
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<Name> {
    let found = parsed.subject_alternative_name().ok().flatten();
    found.map_or_else(Vec::new, |names| names.value.general_names.iter().map(name).collect())
}

fn name(name: &GeneralName<'_>) -> Name {
    match name {
        GeneralName::DNSName(text) => Name::Dns((*text).to_owned()),
        GeneralName::RFC822Name(text) => Name::Email((*text).to_owned()),
        GeneralName::URI(text) => Name::Uri((*text).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map_or_else(|| Name::Other(hex(bytes)), Name::Ip),
        GeneralName::DirectoryName(name) => Name::Other(name.to_string()),
        GeneralName::RegisteredID(oid) | GeneralName::OtherName(oid, _) => Name::Other(oid.to_string()),
        GeneralName::X400Address(_) => Name::Other("an X.400 address".into()),
        GeneralName::EDIPartyName(_) => Name::Other("an EDI party".into()),
        GeneralName::Invalid(_, bytes) => Name::Other(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
}

/// The algorithm, and the size in bits or the curve.
fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    if let Ok(PublicKey::RSA(key)) = info.parsed() {
        return format!("RSA {} bits", key.key_size());
    }
    let algorithm = info.algorithm.algorithm.to_id_string();
    let parameters = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    match (algorithm.as_str(), parameters.map(|oid| oid.to_id_string()).as_deref()) {
        // RFC 5480 §2.1.1.1
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => "ECDSA P-256".into(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => "ECDSA P-384".into(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => "ECDSA P-521".into(),
        ("1.2.840.10045.2.1", Some(curve)) => format!("ECDSA over {curve}"),
        // RFC 8410 §3
        ("1.3.101.112", _) => "Ed25519".into(),
        ("1.3.101.113", _) => "Ed448".into(),
        ("1.2.840.10040.4.1", _) => "DSA".into(),
        (other, _) => other.to_owned(),
    }
}

/// RFC 5280 §4.2.1.12.
fn usages(usages: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usages.any, "anything"),
        (usages.server_auth, "servers"),
        (usages.client_auth, "clients"),
        (usages.code_signing, "signing code"),
        (usages.email_protection, "mail"),
        (usages.time_stamping, "time stamps"),
        (usages.ocsp_signing, "answering OCSP"),
    ];
    let known = known.iter().filter(|(may, _)| *may).map(|(_, text)| (*text).to_owned());
    known.chain(usages.other.iter().map(ToString::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_has_its_fingerprint_still() {
        let described = describe(b"abc", 0);
        assert_eq!(described.fingerprint, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(described.content, None);
    }

    #[test]
    fn addresses_are_of_four_or_sixteen_bytes() {
        assert_eq!(address(&[127, 0, 0, 1]).as_deref(), Some("127.0.0.1"));
        assert_eq!(address(&[0; 16]).as_deref(), Some("::"));
        assert_eq!(address(&[1, 2, 3]), None);
    }
}
