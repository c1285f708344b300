//! Certificates for the tests of TLS: authorities, and what they sign, as PEM files in the test's own directory.
//!
//! ```text
//!  let ca = Ca::new(&dir);                                        ca.file: what --tls-ca wants
//!  let leaf = ca.leaf(LeafOptions::of(&["localhost"]));           leaf.chain, leaf.key: what a server wants
//!  let old = ca.leaf(LeafOptions { days: (-30, -12), ..LeafOptions::of(&["localhost"]) });
//! ```
//! RSA and Ed25519 keys come from the `openssl` program: ring makes none of the one, and of the other in a form of its own.

#![allow(clippy::needless_pass_by_value, reason = "the options stand in the call that they are for")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SerialNumber,
};

/// What kind of key a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    P256,
    P384,
    /// Made by the `openssl` program, like the next.
    Ed25519,
    /// 2048 bits.
    Rsa,
}

/// What a certificate may be used for (extended key usage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Server,
    Client,
    Any,
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct LeafOptions<'a> {
    /// Its subject's common name.
    pub subject: &'a str,
    /// DNS names and addresses of `subjectAltName`.
    pub names: &'a [&'a str],
    /// From when until when it is valid, in days from now.
    pub days: (i64, i64),
    pub key: Key,
    pub usage: Usage,
}

impl<'a> LeafOptions<'a> {
    /// A server's certificate for `names`, valid from yesterday for 90 days.
    pub fn of(names: &'a [&'a str]) -> Self {
        let subject = names.first().copied().unwrap_or("nobody");
        LeafOptions { subject, names, days: (-1, 89), key: Key::P256, usage: Usage::Server }
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate, and the intermediate ones behind it.
    pub chain: PathBuf,
    /// Its key (PKCS#8).
    pub key: PathBuf,
}

/// An authority that signs.
pub struct Ca {
    /// Its own certificate.
    pub file: PathBuf,
    directory: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What stands behind every certificate that it signs.
    intermediates: String,
    count: AtomicUsize,
}

impl Ca {
    /// A root called `Test CA`, whose files are in `directory`.
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self::named(directory, "Test CA")
    }

    /// A root of this name.
    pub fn named(directory: impl AsRef<Path>, name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(authority(name), generate(Key::P256)).expect("a root signs itself");
        Self::of(directory.as_ref(), name, issuer, String::new())
    }

    /// An authority of this name that this one has signed; what it signs comes with its own certificate behind.
    pub fn intermediate(&self, name: &str) -> Ca {
        let issuer = CertifiedIssuer::signed_by(authority(name), generate(Key::P256), &self.issuer);
        let issuer = issuer.expect("an authority may sign another");
        let intermediates = issuer.pem() + &self.intermediates;
        Self::of(&self.directory, name, issuer, intermediates)
    }

    fn of(directory: &Path, name: &str, issuer: CertifiedIssuer<'static, KeyPair>, intermediates: String) -> Self {
        let file = write(directory, &format!("{}.pem", name.replace(' ', "-")), &issuer.pem());
        Ca { file, directory: directory.to_owned(), issuer, intermediates, count: AtomicUsize::new(0) }
    }

    /// A certificate that this authority has signed.
    pub fn leaf(&self, options: LeafOptions<'_>) -> Leaf {
        let key = generate(options.key);
        let signed = params(&options).signed_by(&key, &self.issuer).expect("these options make a certificate");
        let chain = signed.pem() + &self.intermediates;
        let stem = self.file.file_stem().expect("it has a name").to_string_lossy();
        let stem = format!("{stem}-{}", self.count.fetch_add(1, Ordering::Relaxed));
        files(&self.directory, &stem, &chain, &key)
    }
}

/// A certificate signed by its own key, an authority (CA:TRUE, as `openssl req -x509` makes them) or none.
pub fn self_signed(directory: impl AsRef<Path>, options: LeafOptions<'_>, is_ca: bool) -> Leaf {
    let key = generate(options.key);
    let mut params = params(&options);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let signed = params.self_signed(&key).expect("these options make a certificate");
    let stem = format!("self-signed-{}-{is_ca}", options.subject);
    files(directory.as_ref(), &stem, &signed.pem(), &key)
}

fn params(options: &LeafOptions<'_>) -> CertificateParams {
    let names: Vec<_> = options.names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name = named(options.subject);
    (params.not_before, params.not_after) = (day(options.days.0), day(options.days.1));
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = match options.usage {
        Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Usage::Any => Vec::new(),
    };
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from_slice(&[0x4d, 0x2a]));
    (params.not_before, params.not_after) = (day(-365), day(3650));
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// So many days from now, and half an hour further away: nothing changes its count of whole days while a test runs.
fn day<T: From<SystemTime>>(days: i64) -> T {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let then = now.checked_add_signed(days * 86_400 + days.signum() * 1_800).expect("within the calendar");
    T::from(UNIX_EPOCH + Duration::from_secs(then))
}

fn generate(key: Key) -> KeyPair {
    let algorithm = match key {
        Key::P256 => &PKCS_ECDSA_P256_SHA256,
        Key::P384 => &PKCS_ECDSA_P384_SHA384,
        // Ring writes version 2 of PKCS#8 for these, which OpenSSL 3.0 does not read.
        Key::Ed25519 => return by_openssl(&["-algorithm", "ED25519"]),
        Key::Rsa => return by_openssl(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    };
    KeyPair::generate_for(algorithm).expect("ring makes such keys")
}

fn by_openssl(kind: &[&str]) -> KeyPair {
    let made = Command::new("openssl").arg("genpkey").args(kind).output().expect("openssl makes keys");
    KeyPair::from_pem(&String::from_utf8_lossy(&made.stdout)).expect("openssl writes PKCS#8")
}

fn files(directory: &Path, stem: &str, chain: &str, key: &KeyPair) -> Leaf {
    let chain = write(directory, &format!("{stem}.pem"), chain);
    let key = write(directory, &format!("{stem}.key"), &key.serialize_pem());
    Leaf { chain, key }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("the test's own directory can be written");
    path
}
