//! TLS as a client: what is demanded of the peer.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use super::values::sha256;
use crate::proto::starttls;
use crate::stream::starttls::StartTls;
use crate::stream::tls::{Client, Identity, Protocol, Version};

/// The group of the options each of which asks for TLS: what the others are about.
const TLS: &str = "tls";

/// TLS as a client.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS", group = ArgGroup::new(TLS).multiple(true))]
pub struct TlsClientArgs {
    /// Encrypt with TLS; the peer's certificate must be trusted here and be for HOST
    #[arg(id = "tls-at-once", long = "tls", group = TLS)]
    tls: bool,
    /// Ask the peer for TLS in the plain text of PROTO first, then encrypt as --tls does
    #[arg(long, value_name = "PROTO", group = TLS, value_parser = protocol())]
    starttls: Option<starttls::Protocol>,
    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca: Option<PathBuf>,
    /// Trust only who has this certificate or this public key, whatever its name: sha256: and its SHA-256 in hex or base64
    #[arg(long, value_name = "PIN", requires = "tls", value_parser = pin, conflicts_with = "tls_ca")]
    tls_pin: Vec<[u8; 32]>,
    /// The name that the certificate must be for, and that the server is told (SNI) [default: HOST]
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Option<String>,
    /// Go on whatever certificate the peer shows: whoever is on the way can read and change everything
    #[arg(long, requires = "tls", conflicts_with = "tls_pin")]
    insecure: bool,
    /// Show this certificate, with its chain, to a server that asks for one; a PEM file
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert: Option<PathBuf>,
    /// The private key of it [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Offer these application protocols (ALPN), such as h2,http/1.1
    #[arg(long, value_name = "LIST", requires = "tls", value_delimiter = ',', value_parser = protocol_name)]
    tls_alpn: Vec<String>,
    #[command(flatten)]
    protocol: TlsProtocolArgs,
}

impl TlsClientArgs {
    /// What is asked for; `None` without --tls and --starttls.
    pub fn client(&self) -> Option<Client> {
        let identity = |chain: &PathBuf| Identity {
            chain: chain.clone(),
            key: self.tls_key.clone().unwrap_or_else(|| chain.clone()),
        };
        (self.tls || self.starttls.is_some()).then(|| Client {
            ca: self.tls_ca.clone(),
            pins: self.tls_pin.clone(),
            name: self.tls_name.clone(),
            insecure: self.insecure,
            identity: self.tls_cert.as_ref().map(identity),
            alpn: protocols(&self.tls_alpn),
            protocol: self.protocol.protocol(),
        })
    }

    /// How the peer is asked for it first. What the certificate must be for is what the peer is asked for too.
    pub fn starttls(&self) -> Option<StartTls> {
        self.starttls.map(|protocol| StartTls { protocol, name: self.tls_name.clone() })
    }
}

/// A protocol by its name.
fn protocol() -> impl TypedValueParser<Value = starttls::Protocol> {
    PossibleValuesParser::new(starttls::Protocol::ALL.map(starttls::Protocol::name))
        .try_map(|name| name.parse::<starttls::Protocol>())
}

/// The protocol itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct TlsProtocolArgs {
    /// The oldest version that will do: 1.2 or 1.3 [default: 1.2]
    #[arg(id = "tls_min", long = "tls-min", value_name = "VERSION", requires = "tls", value_parser = version)]
    min: Option<Version>,
    /// The newest version that will do: 1.2 or 1.3 [default: 1.3]
    #[arg(id = "tls_max", long = "tls-max", value_name = "VERSION", requires = "tls", value_parser = version)]
    max: Option<Version>,
    /// Only these cipher suites, by their IANA or OpenSSL names, the preferred one first
    #[arg(id = "tls_suites", long = "tls-suites", value_name = "LIST", requires = "tls", value_delimiter = ',')]
    suites: Vec<String>,
}

impl TlsProtocolArgs {
    /// What is asked for.
    pub fn protocol(&self) -> Protocol {
        Protocol { min: self.min, max: self.max, suites: self.suites.clone() }
    }
}

/// What a check tells of certificates.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "TLS")]
pub struct CertificateArgs {
    /// With -z: show the certificates too
    #[arg(long, requires_all = ["check", "tls"])]
    pub cert: bool,
    /// With -z: a certificate that ends within N days is a negative answer
    #[arg(long, value_name = "N", requires_all = ["check", "tls"])]
    pub min_days: Option<u32>,
}

/// Names of application protocols as they travel (RFC 7301 §3.1).
pub(super) fn protocols(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// A name of an application protocol: its length is one byte (RFC 7301 §3.1).
pub(super) fn protocol_name(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("an application protocol has a name".into()),
        1..=255 => Ok(text.to_owned()),
        n => Err(format!("{n} bytes are too long for the name of an application protocol: 255 fit")),
    }
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "1.2" => Ok(Version::Tls12),
        "1.3" => Ok(Version::Tls13),
        _ => Err("versions are 1.2 and 1.3; older ones are not safe, and not spoken here".into()),
    }
}

/// `sha256:` and 64 hexadecimal digits, with or without colons as OpenSSL prints them, or base64 as curl's
/// `sha256//` has it.
fn pin(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "sha256: and a SHA-256 in 64 hexadecimal digits or in base64".to_owned();
    let digest = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256//")).ok_or_else(wrong)?;
    sha256(&digest.replace(':', "")).ok().or_else(|| base64(digest)).ok_or_else(wrong)
}

/// 32 bytes in the base64 of RFC 4648 §4 or §5, with or without the final `=`.
fn base64(text: &str) -> Option<[u8; 32]> {
    let text = text.strip_suffix('=').unwrap_or(text);
    let value = |byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().map(value).collect::<Option<_>>()?;
    let bits =
        |quad: &[u8]| quad.iter().fold(0_u32, |all, digit| all << 6 | u32::from(*digit)) << (6 * (4 - quad.len()));
    let bytes = digits.chunks(4).flat_map(|quad| bits(quad).to_be_bytes().into_iter().skip(1).take(quad.len() - 1));
    // 43 digits are 258 bits: the last two are nothing.
    (digits.len() == 43).then(|| bytes.collect::<Vec<_>>().try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_hex_or_base64() {
        // printf abc | openssl dgst -sha256 [-binary | base64]
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let wanted = sha256(hex).expect("64 digits");
        let colons: Vec<_> =
            hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        for text in [
            format!("sha256:{hex}"),
            format!("sha256:{}", colons.join(":")),
            "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".into(),
            "sha256//ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".into(),
            "sha256:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0".into(),
        ] {
            assert_eq!(pin(&text), Ok(wanted), "{text}");
        }
        let short = format!("sha256:{}", &hex[1..]);
        for text in ["", hex, &short, "sha256:", "sha256:ungWv48B", "md5:900150983cd24fb0d6963f7d28e17f72"] {
            assert!(pin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_protocols_have_a_length() {
        assert_eq!(protocol_name("h2"), Ok("h2".into()));
        assert!(protocol_name("").is_err());
        assert!(protocol_name(&"x".repeat(255)).is_ok());
        assert!(protocol_name(&"x".repeat(256)).is_err());
    }
}
