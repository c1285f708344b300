//! Whom a client believes: the roots, the pins, and the judgement on what one peer shows.
//!
//! ```text
//!  Roots ─▶ Judge (one a run) ─▶ Trial (one a connection): what rustls asks, and what came to light
//! ```
//! Owns the verdict and its record: what a lenient judge would have refused is known too. Refuses to word it
//! (`failure`).

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error as Rustls, RootCertStore, SignatureScheme};

use super::certificate::{self, Hash};
use super::failure::Asked;
use super::identity;
use crate::error::{Error, Kind};
use crate::event::tls::{Content, Own, RootSource};

/// The certificates that are trusted.
pub(super) struct Roots {
    store: RootCertStore,
    /// A server that shows one of these is the one that the user named: no chain is needed.
    exact: Vec<CertificateDer<'static>>,
    /// Where they are from.
    pub(super) told: crate::event::tls::Roots,
}

impl Roots {
    /// The roots of `ca`, else of the system, else those that are built in.
    pub(super) fn load(ca: Option<&Path>) -> Result<Self, Error> {
        ca.map_or_else(Self::of_system, Self::of_file)
    }

    fn of_file(path: &Path) -> Result<Self, Error> {
        let exact = identity::certificates(path)?;
        let mut store = RootCertStore::empty();
        for certificate in &exact {
            store.add(certificate.clone()).map_err(|e| Error::new(Kind::Usage, "read", path.display(), e))?;
        }
        Ok(Self::from(store, exact, RootSource::File(path.to_owned()), Vec::new()))
    }

    fn of_system() -> Result<Self, Error> {
        let found = rustls_native_certs::load_native_certs();
        let problems: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs.iter().cloned());
        if !store.is_empty() {
            return Ok(Self::from(store, found.certs, RootSource::System, problems));
        }
        // Whoever names the roots wants no others.
        if let Some(name) = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some())
        {
            let reason = if problems.is_empty() { "there is no certificate in it".into() } else { problems.join(", ") };
            return Err(Error::new(Kind::Usage, "read the roots of", name, reason));
        }
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Ok(Self::from(store, Vec::new(), RootSource::Bundled, problems))
    }

    fn from(
        store: RootCertStore,
        exact: Vec<CertificateDer<'static>>,
        source: RootSource,
        problems: Vec<String>,
    ) -> Self {
        let told = crate::event::tls::Roots { source, certificates: store.len(), problems };
        Roots { store, exact, told }
    }
}

/// What is demanded of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// A chain to a root, its dates, and the name.
    Chain,
    /// To be, or to be for, one of these: SHA-256 of the certificate or of its public key.
    Pin(Vec<Hash>),
    /// Nothing. What is signed in the handshake must still be signed by the key that was shown.
    Nothing,
}

/// Judges servers.
#[derive(Debug)]
pub(super) struct Judge {
    strict: Arc<WebPkiServerVerifier>,
    exact: Vec<CertificateDer<'static>>,
    demand: Demand,
}

impl Judge {
    /// A judge who believes `roots` and insists on `demand`.
    pub(super) fn new(roots: Roots, demand: Demand, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.store), Arc::clone(provider)).build();
        let strict = built.map_err(|e| Error::new(Kind::Tls, "load", "the roots", e))?;
        Ok(Judge { strict, exact: roots.exact, demand })
    }

    /// What is demanded.
    pub(super) fn demand(&self) -> &Demand {
        &self.demand
    }

    /// What speaks against the chain, whatever is demanded.
    fn objection(
        &self,
        (leaf, others): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Rustls> {
        if self.exact.iter().any(|known| known == leaf) {
            return known_itself(leaf, name).err();
        }
        self.strict.verify_server_cert(leaf, others, name, &[], now).err()
    }

    /// Whether what is demanded is there, given the `objection` to everything else.
    fn decide(&self, leaf: &CertificateDer<'_>, objection: Option<&Rustls>) -> Result<(), Rustls> {
        match (&self.demand, objection) {
            (Demand::Chain, Some(objection)) => Err(objection.clone()),
            (Demand::Pin(pins), _) => {
                let (whole, key) = certificate::fingerprints(leaf);
                let fits = pins.iter().any(|pin| *pin == whole || Some(*pin) == key);
                let wrong = CertificateError::ApplicationVerificationFailure;
                if fits { Ok(()) } else { Err(Rustls::InvalidCertificate(wrong)) }
            }
            _ => Ok(()),
        }
    }
}

/// The server's own certificate is a root: webpki refuses an authority's (`CaUsedAsEndEntity`), curl and OpenSSL do not
/// (`X509_V_FLAG_PARTIAL_CHAIN`). Its dates, its usage and its name count as ever.
fn known_itself(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Rustls> {
    let parsed = ParsedCertificate::try_from(leaf)?;
    let now = certificate::seconds(SystemTime::now());
    let content = certificate::describe(leaf, now).content.ok_or(CertificateError::BadEncoding)?;
    if now > content.not_after {
        return Err(CertificateError::Expired.into());
    }
    if now < content.not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if !serves(&content) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&parsed, name)
}

fn serves(content: &Content) -> bool {
    content.usages.is_empty() || content.usages.iter().any(|usage| usage == "servers" || usage == "anything")
}

/// One connection's peer before the judge: rustls asks it, and it remembers.
#[derive(Debug)]
pub(super) struct Trial {
    judge: Arc<Judge>,
    identity: Option<Arc<CertifiedKey>>,
    asked: Asked,
    seen: Mutex<Seen>,
}

/// What came to light of a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The certificates that it showed, its own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// What speaks against them, whether it counts or not.
    pub(super) objection: Option<Rustls>,
    /// What became of a certificate of ours.
    pub(super) own: Own,
}

impl Trial {
    /// A trial before `judge`; `identity` is what we show of ourselves, `asked` what we ask for.
    pub(super) fn new(judge: Arc<Judge>, identity: Option<Arc<CertifiedKey>>, asked: Asked) -> Self {
        Trial { judge, identity, asked, seen: Mutex::default() }
    }

    /// What was asked for.
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The judge.
    pub(super) fn judge(&self) -> &Judge {
        &self.judge
    }

    /// What has come to light so far.
    pub(super) fn seen(&self) -> Seen {
        self.record().clone()
    }

    fn record(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Trial {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        let objection = self.judge.objection((leaf, others), name, now);
        let decision = self.judge.decide(leaf, objection.as_ref());
        let mut seen = self.record();
        seen.chain = [leaf].into_iter().chain(others).map(|der| der.clone().into_owned()).collect();
        seen.objection = objection;
        decision.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        self.judge.strict.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        self.judge.strict.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.strict.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Trial {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let identity = self.identity.clone().filter(|identity| identity.key.choose_scheme(schemes).is_some());
        self.record().own = if identity.is_some() { Own::Shown } else { Own::Missing };
        identity
    }

    fn has_certs(&self) -> bool {
        // Without one too: what was asked is to be known. rustls then answers with an empty list, as it must.
        true
    }
}
