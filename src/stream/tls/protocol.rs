//! Versions and cipher suites: what the user named → what rustls is to offer.

use std::fmt;

use rustls::crypto::CryptoProvider;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use super::options::{Protocol, Version};
use crate::error::Error;

impl Protocol {
    /// The versions from the oldest to the newest.
    pub(super) fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
        let (min, max) = (self.min.unwrap_or(Version::Tls12), self.max.unwrap_or(Version::Tls13));
        if min > max {
            return Err(Error::usage(format!("--tls-min {min} is newer than --tls-max {max}")));
        }
        let known = [(Version::Tls12, &version::TLS12), (Version::Tls13, &version::TLS13)];
        Ok(known.into_iter().filter(|(version, _)| (min..=max).contains(version)).map(|(_, known)| known).collect())
    }

    /// The versions in words.
    pub(super) fn range(&self) -> String {
        let (min, max) = (self.min.unwrap_or(Version::Tls12), self.max.unwrap_or(Version::Tls13));
        if min == max { format!("TLS {min}") } else { format!("TLS {min}-{max}") }
    }

    /// The cryptography with the named suites alone, in their order.
    pub(super) fn provider(&self) -> Result<CryptoProvider, Error> {
        let all = super::provider();
        if self.suites.is_empty() {
            return Ok(all);
        }
        let find = |wanted: &String| {
            let found = all.cipher_suites.iter().find(|suite| is_called(**suite, wanted));
            found.copied().ok_or_else(|| unknown(wanted, &all.cipher_suites))
        };
        let cipher_suites: Vec<_> = self.suites.iter().map(find).collect::<Result<_, _>>()?;
        let usable = |suite: &SupportedCipherSuite| self.versions().is_ok_and(|known| known.contains(&suite.version()));
        if !cipher_suites.iter().any(usable) {
            let names = self.suites.join(",");
            return Err(Error::usage(format!("--tls-suites {names}: none of them is one of {}", self.range())));
        }
        Ok(CryptoProvider { cipher_suites, ..all })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::Tls12 => "1.2",
            Version::Tls13 => "1.3",
        })
    }
}

/// A suite by its IANA name: rustls calls those of TLS 1.3 by names of its own.
pub(super) fn iana_name(suite: SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` to OpenSSL; those of TLS 1.3 have one name.
fn openssl_name(iana: &str) -> String {
    let Some((exchange, cipher)) = iana.split_once("_WITH_") else { return iana.to_owned() };
    let cipher =
        cipher.replace("AES_128", "AES128").replace("AES_256", "AES256").replace("POLY1305_SHA256", "POLY1305");
    format!("{}-{cipher}", exchange.trim_start_matches("TLS_")).replace('_', "-")
}

fn is_called(suite: SupportedCipherSuite, wanted: &str) -> bool {
    let iana = iana_name(suite);
    wanted.eq_ignore_ascii_case(&iana) || wanted.eq_ignore_ascii_case(&openssl_name(&iana))
}

fn unknown(wanted: &str, known: &[SupportedCipherSuite]) -> Error {
    let known: Vec<_> = known.iter().map(|suite| iana_name(*suite)).collect();
    Error::usage(format!("--tls-suites: {wanted} is none of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_two_names() {
        for (iana, openssl) in [
            ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(openssl_name(iana), openssl);
            let asked = |name: &str| Protocol { suites: vec![name.to_lowercase()], ..Protocol::default() };
            for name in [iana, openssl] {
                let chosen = asked(name).provider().expect(name).cipher_suites;
                assert_eq!(chosen.iter().map(|suite| iana_name(*suite)).collect::<Vec<_>>(), [iana]);
            }
        }
    }

    #[test]
    fn what_cannot_be_offered_is_a_usage_error() {
        let unknown = Protocol { suites: vec!["RC4-MD5".into()], ..Protocol::default() }.provider();
        let text = unknown.expect_err("there is none").to_string();
        assert!(text.starts_with("--tls-suites: RC4-MD5 is none of ") && text.contains("TLS_AES_128"), "{text}");
        let old = vec!["ECDHE-RSA-AES128-GCM-SHA256".into()];
        let text = Protocol { min: Some(Version::Tls13), suites: old, max: None }.provider();
        let text = text.expect_err("a suite of TLS 1.2").to_string();
        assert!(text.ends_with("none of them is one of TLS 1.3"), "{text}");
        let upside_down = Protocol { min: Some(Version::Tls13), max: Some(Version::Tls12), suites: Vec::new() };
        let text = upside_down.versions().expect_err("none is between").to_string();
        assert_eq!(text, "--tls-min 1.3 is newer than --tls-max 1.2");
    }
}
