//! What speaks against a certificate, in plain words with a hint.
//!
//! rustls says what kind of fault it found; which certificate has it, and by how much, is read from the chain.

use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError as Wrong, Error as Rustls};

use super::certificate;
use crate::event::tls::{Certificate, Content, Name};
use crate::proto::calendar::utc;
use crate::proto::escape;

/// Why `error` was found in `chain`, whose first certificate is to be for `name`, and what to try.
pub(super) fn words(error: &Rustls, chain: &[CertificateDer<'_>], name: &str) -> (String, Option<String>) {
    let now = certificate::seconds(SystemTime::now());
    let chain: Vec<_> = chain.iter().map(|der| certificate::describe(der, now)).collect();
    let contents: Vec<_> = chain.iter().map_while(|certificate| certificate.content.as_ref().map(escaped)).collect();
    let contents: Vec<_> = contents.iter().collect();
    let (Some(shown), Some(leaf)) = (chain.first(), contents.first()) else {
        return (format!("its certificate can't be read: {}", plain(error)), INSECURE.map(str::to_owned));
    };
    let (reason, hint) = match error {
        Rustls::InvalidCertificate(wrong) => match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } => expired(&contents, now),
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => not_yet(&contents, now),
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => for_another(leaf, name),
            Wrong::UnknownIssuer => unknown_issuer(shown, &contents),
            Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => purpose(leaf),
            // An authority's certificate that is none of the roots (webpki's word for it has no variant here).
            Wrong::Other(why) if why.to_string().contains("CaUsedAsEndEntity") => unknown_issuer(shown, &contents),
            Wrong::BadSignature | Wrong::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                another_key(shown, leaf)
            }
            _ => (format!("its certificate can't be used: {}", plain(error)), None),
        },
        _ => (format!("its certificate can't be used: {}", plain(error)), None),
    };
    (reason, hint.or_else(|| INSECURE.map(str::to_owned)))
}

/// What is wrong with the dates of the first of `chain`, if anything.
pub(super) fn dates(chain: &[CertificateDer<'_>]) -> Option<String> {
    let now = certificate::seconds(SystemTime::now());
    let leaf = certificate::describe(chain.first()?, now).content?;
    if leaf.not_after < now {
        return Some(expired(&[&leaf], now).0);
    }
    (leaf.not_before > now).then(|| not_yet(&[&leaf], now).0)
}

/// None of the pins is that of `chain`.
pub(super) fn wrong_pin(chain: &[CertificateDer<'_>]) -> (String, Option<String>) {
    let Some(leaf) = chain.first() else { return ("it showed no certificate".into(), None) };
    let (whole, key) = certificate::fingerprints(leaf);
    let key = key.map_or_else(String::new, |key| format!(", its key sha256:{}", certificate::hex(&key)));
    let reason = format!("its certificate is not the pinned one: it is sha256:{}{key}", certificate::hex(&whole));
    (
        reason,
        Some("whoever is there now is not who was there when the pin was taken, unless its key was renewed".into()),
    )
}

/// What a peer says of itself, fit to print.
fn escaped(content: &Content) -> Content {
    let printable = |text: &str| escape(text.as_bytes());
    let name = |name: &Name| match name {
        Name::Dns(text) => Name::Dns(printable(text)),
        Name::Ip(text) => Name::Ip(printable(text)),
        other => other.clone(),
    };
    Content {
        subject: printable(&content.subject),
        names: content.names.iter().map(name).collect(),
        issuer: printable(&content.issuer),
        ..content.clone()
    }
}

/// What to try when nothing better is known.
const INSECURE: Option<&str> = Some("--insecure goes on without a check");

/// rustls' own words, as far as there are no better ones.
fn plain(error: &Rustls) -> String {
    match error {
        Rustls::InvalidCertificate(Wrong::Other(why)) => why.0.to_string(),
        Rustls::InvalidCertificate(wrong) => wrong.to_string(),
        other => other.to_string(),
    }
}

type Said = (String, Option<String>);

fn expired(chain: &[&Content], now: i64) -> Said {
    let Some(which) = chain.iter().find(|content| content.not_after < now) else {
        return ("its certificate has expired".into(), None);
    };
    let ago = span(now.saturating_sub(which.not_after));
    let hint = format!("{} has to be renewed there; --insecure goes on without a check", whose(chain, which));
    (format!("{} expired {ago} ago, on {}", whose(chain, which), utc(which.not_after)), Some(hint))
}

fn not_yet(chain: &[&Content], now: i64) -> Said {
    let Some(which) = chain.iter().find(|content| content.not_before > now) else {
        return ("its certificate is not valid yet".into(), None);
    };
    let left = span(which.not_before.saturating_sub(now));
    let hint = "is the clock of this machine right?".to_owned();
    (format!("{} is not valid for another {left}, until {}", whose(chain, which), utc(which.not_before)), Some(hint))
}

/// The peer's own, or one of those behind it.
fn whose(chain: &[&Content], which: &Content) -> String {
    if chain.first().is_some_and(|leaf| std::ptr::eq(*leaf, which)) {
        "its certificate".into()
    } else {
        format!("the certificate of {} behind its own", which.subject)
    }
}

fn for_another(leaf: &Content, name: &str) -> Said {
    let wanted = match ServerName::try_from(name) {
        Ok(ServerName::IpAddress(_)) => format!("the address {name}"),
        _ => name.to_owned(),
    };
    let hosts: Vec<_> = leaf.names.iter().filter(|name| matches!(name, Name::Dns(_) | Name::Ip(_))).collect();
    let Some(first) = hosts.first() else {
        let reason = format!("its certificate names no host, so it is not for {wanted} (subject: {})", leaf.subject);
        return (reason, None);
    };
    let all: Vec<_> = hosts.iter().take(MANY).map(|name| name.text()).collect();
    let more = if hosts.len() > MANY { format!(" and {} more", hosts.len() - MANY) } else { String::new() };
    let hint = format!("--tls-name {} if that is who it should be", first.text());
    (format!("its certificate is for {}{more}, not for {wanted}", all.join(", ")), Some(hint))
}

/// So many names are listed; there are certificates for hundreds.
const MANY: usize = 8;

/// The last issuer on the way up through what was shown is the unknown one.
fn unknown_issuer(shown: &Certificate, chain: &[&Content]) -> Said {
    let leaf = chain[0];
    let pin = format!("--tls-pin sha256:{} trusts this very certificate, if it is the right one", shown.fingerprint);
    if leaf.is_self_issued {
        return (format!("its certificate is self-signed ({}), and unknown here", leaf.subject), Some(pin));
    }
    let mut top = leaf;
    for _ in 0..chain.len() {
        match chain.iter().find(|content| content.subject == top.issuer) {
            Some(issuer) if !issuer.is_self_issued => top = issuer,
            _ => break,
        }
    }
    let missing = if chain.len() == 1 { " and not shown by the peer" } else { "" };
    let hint = format!("--tls-ca FILE trusts the certificates in FILE; {pin}");
    (
        format!("its certificate ({}) was issued by {}, who is unknown here{missing}", leaf.subject, top.issuer),
        Some(hint),
    )
}

/// There is a root of the issuer's name, and its key is another.
fn another_key(shown: &Certificate, leaf: &Content) -> Said {
    if leaf.is_self_issued {
        return unknown_issuer(shown, &[leaf]);
    }
    (format!("its certificate is not signed by the {} that is known here", leaf.issuer), None)
}

fn purpose(leaf: &Content) -> Said {
    let usages = if leaf.usages.is_empty() { "something else".to_owned() } else { leaf.usages.join(", ") };
    (format!("its certificate is for {usages}, not for servers"), None)
}

/// Seconds in their largest whole unit.
fn span(seconds: i64) -> String {
    let (n, unit) = match seconds {
        s if s >= 86_400 => (s / 86_400, "day"),
        s if s >= 3600 => (s / 3600, "hour"),
        s if s >= 60 => (s / 60, "minute"),
        s => (s.max(1), "second"),
    };
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(subject: &str, issuer: &str, names: &[&str]) -> Content {
        Content {
            subject: subject.into(),
            names: names.iter().map(|&name| Name::Dns(name.into())).collect(),
            issuer: issuer.into(),
            is_self_issued: subject == issuer,
            serial: "01".into(),
            not_before: 1000,
            not_after: 2000,
            days_left: 0,
            key: "Ed25519".into(),
            key_fingerprint: String::new(),
            usages: Vec::new(),
        }
    }

    #[test]
    fn time_is_said_in_its_largest_unit() {
        for (seconds, wanted) in [
            (0, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (7199, "1 hour"),
            (86_400, "1 day"),
            (1_100_000, "12 days"),
        ] {
            assert_eq!(span(seconds), wanted);
        }
    }

    #[test]
    fn the_one_that_is_out_of_its_time_is_named() {
        let (leaf, middle) = (content("L", "M", &[]), Content { not_after: 500, ..content("M", "R", &[]) });
        let (text, _) = expired(&[&leaf, &middle], 1900);
        assert_eq!(text, "the certificate of M behind its own expired 23 minutes ago, on 1970-01-01 00:08:20 UTC");
        let (text, _) = expired(&[&leaf, &middle], 5600);
        assert_eq!(text, "its certificate expired 1 hour ago, on 1970-01-01 00:33:20 UTC");
        let (text, _) = not_yet(&[&leaf], 10);
        assert_eq!(text, "its certificate is not valid for another 16 minutes, until 1970-01-01 00:16:40 UTC");
    }

    #[test]
    fn names_are_told_apart() {
        let said = |names: &[&str], asked| for_another(&content("CN=x", "y", names), asked).0;
        assert_eq!(said(&["a.example"], "b.example"), "its certificate is for a.example, not for b.example");
        assert_eq!(said(&["a", "b"], "::1"), "its certificate is for a, b, not for the address ::1");
        assert_eq!(said(&[], "b"), "its certificate names no host, so it is not for b (subject: CN=x)");
        let many: Vec<_> = (0..20).map(|n| format!("n{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(said(&many, "b").contains("n7 and 12 more, not for b"), "{}", said(&many, "b"));
    }

    #[test]
    fn the_unknown_issuer_is_the_last_one_on_the_way_up() {
        let shown = Certificate { fingerprint: "ab".into(), content: None };
        let (leaf, middle, root) = (content("L", "M", &[]), content("M", "R", &[]), content("R", "R", &[]));
        let said = |chain: &[&Content]| unknown_issuer(&shown, chain).0;
        assert_eq!(
            said(&[&leaf]),
            "its certificate (L) was issued by M, who is unknown here and not shown by the peer"
        );
        assert_eq!(said(&[&leaf, &middle]), "its certificate (L) was issued by R, who is unknown here");
        assert_eq!(said(&[&leaf, &middle, &root]), "its certificate (L) was issued by R, who is unknown here");
        assert_eq!(said(&[&root]), "its certificate is self-signed (R), and unknown here");
        let (one, other) = (content("A", "B", &[]), content("B", "A", &[]));
        assert!(said(&[&one, &other]).contains("who is unknown here"), "a ring is no way up");
    }
}
