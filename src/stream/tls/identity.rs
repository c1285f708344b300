//! Certificates and keys in PEM files (RFC 7468).
//!
//! Owns reading them and what is said when they can't be. A key that is unreadable is a mistake of the command line: it
//! is found before anything is opened.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

use crate::error::{Error, Kind};

/// All certificates in `path`, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(unreadable(path, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(path, plain(&error))),
    }
}

/// The private key in `path`: PKCS#8, PKCS#1 or SEC1.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => unreadable(path, "there is no private key in it"),
        error => unreadable(path, plain(&error)),
    })
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(Kind::Usage, "read", path.display(), reason)
}

fn plain(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => crate::error::plain(error),
        error => error.to_string(),
    }
}
