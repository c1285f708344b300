//! Which certificate a client is shown: one for the name that it asks for (SNI, RFC 6066 §3), else the first.
//!
//! Owns the rule of names: a whole one before a wildcard, `*` for exactly one label, the leftmost (RFC 6125 §6.4.3). A
//! certificate with whose key the client can do nothing is passed over.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// A certificate with its key, and the names that it is for.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
}

/// All that there are; the first is the default.
#[derive(Debug)]
pub(super) struct Choice(pub(super) Vec<Shown>);

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let usable: Vec<_> = self.0.iter().filter(|shown| shown.key.key.choose_scheme(schemes).is_some()).collect();
        let names: Vec<_> = usable.iter().map(|shown| shown.names.as_slice()).collect();
        // One that the client can't use makes rustls say so.
        let chosen = usable.get(choose(&names, hello.server_name())).copied().or(self.0.first())?;
        Some(Arc::clone(&chosen.key))
    }
}

/// The place of the certificate for `asked` among those with these names; 0 where none is for it.
fn choose(certificates: &[&[String]], asked: Option<&str>) -> usize {
    let Some(asked) = asked else { return 0 };
    let place = |is_for: fn(&str, &str) -> bool| {
        certificates.iter().position(|names| names.iter().any(|name| is_for(name, asked)))
    };
    place(str::eq_ignore_ascii_case).or_else(|| place(is_wildcard_for)).unwrap_or(0)
}

fn is_wildcard_for(pattern: &str, name: &str) -> bool {
    let (Some(parent), Some((label, rest))) = (pattern.strip_prefix("*."), name.split_once('.')) else { return false };
    !label.is_empty() && !parent.is_empty() && parent.eq_ignore_ascii_case(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let certificates =
            [names(&["first.test"]), names(&["*.b.test", "c.test"]), names(&["a.b.test"]), names(&["*"])];
        let certificates: Vec<_> = certificates.iter().map(Vec::as_slice).collect();
        let table = [
            (None, 0),
            (Some("first.test"), 0),
            (Some("FIRST.Test"), 0),
            (Some("c.test"), 1),
            (Some("x.b.test"), 1),
            (Some("X.B.TEST"), 1),
            // The whole name goes before the wildcard, wherever it stands.
            (Some("a.b.test"), 2),
            // A wildcard is one label: not none, not two, not a part of one.
            (Some("b.test"), 0),
            (Some("x.a.b.test"), 0),
            (Some(".b.test"), 0),
            (Some("localhost"), 0),
            (Some("unknown.test"), 0),
        ];
        for (asked, place) in table {
            assert_eq!(choose(&certificates, asked), place, "{asked:?}");
        }
        assert_eq!(choose(&[], Some("a.test")), 0);
    }
}
