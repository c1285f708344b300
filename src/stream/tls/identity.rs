//! Certificates and keys: read from PEM files (RFC 7468), or made for one run.
//!
//! Owns reading them and what is said when they can't be used. A key that is unreadable, or not that of its certificate, is
//! a mistake of the command line: it is found before anything is opened. Refuses to judge a certificate: that is its
//! reader's business.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, PrivatePkcs8KeyDer, pem};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error as Rustls, InconsistentKeys};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::certificate;
use super::choice::Shown;
use super::options::Identity;
use crate::error::{Error, Kind};
use crate::event::tls::OwnCertificate;
use crate::event::{Event, Tell};

/// A file that is larger is none of ours.
const LARGEST: u64 = 4 << 20;

/// How long a certificate of our own is valid: longer than a run, and no longer than browsers put up with.
const VALID: Duration = Duration::from_secs(397 * 24 * 60 * 60);

/// Clocks differ.
const VALID_BEFORE: Duration = Duration::from_secs(60 * 60);

/// The certificate and the key in these files, which must belong together.
pub(super) fn load(files: &Identity, provider: &CryptoProvider, tell: &dyn Tell) -> Result<Shown, Error> {
    let key = certified(files, provider)?;
    warn_if_others_may_read(&files.key, tell);
    Ok(Shown { names: names(&key.cert[0]), key })
}

/// The same without a word of the file's modes, and without the names.
pub(super) fn certified(files: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Error> {
    let (chain, key) = (certificates(&files.chain)?, private_key(&files.key)?);
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| does_not_match(files, &error))?;
    Ok(Arc::new(key))
}

fn does_not_match(files: &Identity, error: &Rustls) -> Error {
    let reason = match error {
        Rustls::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("it is not the key of the certificate in {}", files.chain.display())
        }
        Rustls::InvalidCertificate(CertificateError::BadEncoding) => {
            return unreadable(&files.chain, "the first certificate in it is malformed");
        }
        Rustls::InvalidCertificate(_) => {
            let why = "the first certificate in it is older than version 3 of X.509, or has extensions unknown here";
            return unreadable(&files.chain, why);
        }
        error => error.to_string(),
    };
    Error::new(Kind::Usage, "use the key in", files.key.display(), reason)
}

/// A key is as secret as the file that it is in.
fn warn_if_others_may_read(path: &Path, tell: &dyn Tell) {
    const OTHERS_MAY_READ: u32 = 0o004;
    let Ok(file) = path.metadata() else { return };
    if file.is_file() && file.permissions().mode() & OTHERS_MAY_READ != 0 {
        let path = path.display();
        let text = format!("every user of this machine may read the key in {path}; chmod o-r {path} stops that");
        tell.tell(&Event::Warning(&text));
    }
}

/// All certificates in `path`, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unreadable(path, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// The private key in `path`: PKCS#8, PKCS#1 or SEC1.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let plain = path.with_extension("plain.pem");
        match error {
            _ if is_encrypted(&text) => {
                unreadable(path, "the key in it is encrypted, and nobody is asked for its passphrase")
                    .hint(format_args!("openssl pkey -in {} -out {} decrypts it", path.display(), plain.display()))
            }
            pem::Error::NoItemsFound => unreadable(path, "there is no private key in it"),
            error => unreadable(path, error),
        }
    })
}

/// PKCS#8 says it in its label (RFC 7468 §11), the older forms in a header (RFC 1421 §4.6.1.1).
fn is_encrypted(text: &[u8]) -> bool {
    let signs: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    signs.iter().any(|sign| text.windows(sign.len()).any(|window| window == *sign))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(path)?.take(LARGEST).read_to_end(&mut text)?;
        Ok(text)
    };
    read().map_err(|e| unreadable(path, crate::error::plain(&e)))
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(Kind::Usage, "read", path.display(), reason)
}

/// The DNS names that a certificate is for; where it has none, its common name stands in, as it did before RFC 6125.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else { return Vec::new() };
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let names: Vec<_> = names
        .filter_map(|name| if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None })
        .collect();
    if !names.is_empty() {
        return names;
    }
    parsed.subject().iter_common_name().filter_map(|name| Some(name.as_str().ok()?.to_owned())).collect()
}

/// A certificate and its key, made now and for `names`, host names and addresses, of which those are left out that no
/// certificate can be for.
pub(super) fn self_signed(names: Vec<String>) -> Result<(Shown, OwnCertificate), Error> {
    let names: Vec<_> = names.into_iter().filter(|name| may_be_certified(name)).collect();
    let (der, key) = make(&names).map_err(|e| Error::new(Kind::Tls, "make", "a certificate", e))?;
    let fingerprint = certificate::hex(&certificate::fingerprints(&der).0);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let key = CertifiedKey::from_der(vec![der], key, &super::provider());
    let key = key.map_err(|e| Error::new(Kind::Tls, "use", "the certificate that was made", e))?;
    Ok((Shown { key: Arc::new(key), names: names.clone() }, OwnCertificate { names, fingerprint }))
}

fn make(names: &[String]) -> Result<(CertificateDer<'static>, Vec<u8>), rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(names)?;
    let now = SystemTime::now();
    (params.not_before, params.not_after) = ((now - VALID_BEFORE).into(), (now + VALID).into());
    params.distinguished_name = rcgen::DistinguishedName::new();
    let common = names.first().map_or("sockkit", String::as_str);
    params.distinguished_name.push(rcgen::DnType::CommonName, common);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let made = params.self_signed(&key)?;
    Ok((made.der().clone(), key.serialize_der()))
}

fn may_be_certified(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || DnsName::try_from(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_keys_are_known_by_their_marks() {
        let table: [(&[u8], bool); 4] = [
            (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF", true),
            (b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n", true),
            (b"-----BEGIN PRIVATE KEY-----\nMIIF", false),
            (b"", false),
        ];
        for (text, encrypted) in table {
            assert_eq!(is_encrypted(text), encrypted, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_certificate_of_our_own_is_for_what_can_be_certified() {
        let asked = ["localhost", "127.0.0.1", "::1", "no name", "", "host.example"].map(str::to_owned);
        let (shown, told) = self_signed(asked.to_vec()).expect("it can be made");
        assert_eq!(told.names, ["localhost", "127.0.0.1", "::1", "host.example"]);
        let der = &shown.key.cert[0];
        assert_eq!(names(der), ["localhost", "host.example"]);
        assert_eq!(told.fingerprint.len(), 64);
        let (_, parsed) = parse_x509_certificate(der).expect("it is well-formed");
        assert!(parsed.validity().is_valid());
        let (another, _) = self_signed(asked.to_vec()).expect("it can be made");
        assert_ne!(another.key.cert[0], *der, "each run has its own key");
    }
}
