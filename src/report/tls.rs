//! TLS in words: what a handshake agreed on, and the certificates in it.
//!
//! Owns the block and its object, for the narration and for `--check`. What a peer says of itself is escaped here.

use serde_json::{Value, json};

use super::voice::words;
use super::wording::{Importance, Line, Worded};
use crate::event::Shown;
use crate::event::tls::{Certificate, Content, Handshake, Name, Own, Role, RootSource, Roots, Tls, Verdict};
use crate::proto::calendar::utc;
use crate::proto::escape;

/// The line for `event`, with the lines below it.
pub(super) fn line(importance: Importance, event: &Tls<'_>) -> Line {
    let (name, text, fields) = match event {
        Tls::Roots(roots) => self::roots(roots),
        Tls::Secrets(path) => secrets(*path),
        Tls::Started(peer, name) => started(*peer, *name),
        Tls::Agreed(handshake) => return block(importance, "tls", agreed(handshake), handshake),
        Tls::Refused(handshake) => return block(importance, "tls-refused", refused(handshake), handshake),
    };
    Line::new(importance, name, text, fields)
}

fn started(peer: Shown<'_>, name: Option<&str>) -> Worded {
    let told = name.map_or_else(String::new, |name| format!(", asking for {name}"));
    let text = format!("TLS handshake with {peer}{told}");
    ("tls-started", text, json!({ "peer": peer.to_string(), "server_name": name }))
}

fn roots(roots: &Roots) -> Worded {
    let source = match &roots.source {
        RootSource::File(path) => path.display().to_string(),
        RootSource::System => "the system's store".into(),
        RootSource::Bundled => "what is built in (Mozilla's list), since the system has nothing".into(),
    };
    let problems = match roots.problems.as_slice() {
        [] => String::new(),
        some => format!("; not read: {}", some.join(", ")),
    };
    let text = format!("whom to trust is said by {source}: {} certificates{problems}", roots.certificates);
    let fields = json!({ "source": source, "certificates": roots.certificates, "problems": roots.problems });
    ("tls-roots", text, fields)
}

fn secrets(path: Shown<'_>) -> Worded {
    let text = format!("SSLKEYLOGFILE: the secrets of this session go to {path}");
    ("tls-secrets", text, json!({ "path": path.to_string() }))
}

fn block(importance: Importance, name: &'static str, text: String, handshake: &Handshake) -> Line {
    let verdict = verdict_line(handshake);
    let more = certificate_lines(&handshake.chain).into_iter().chain(own_line(handshake)).chain(verdict);
    Line::new(importance, name, text, fields(handshake)).with(more.collect())
}

fn agreed(handshake: &Handshake) -> String {
    format!("{} with {} in {}", parts(handshake), handshake.peer, words(handshake.took))
}

fn refused(handshake: &Handshake) -> String {
    format!("handshake with {} broken off after {}: {}", handshake.peer, words(handshake.took), parts(handshake))
}

fn parts(handshake: &Handshake) -> String {
    let alpn = handshake.alpn.as_ref().map(|name| format!("ALPN {}", escape(name)));
    let parts = [
        Some(handshake.version.clone()),
        Some(handshake.cipher_suite.clone()),
        handshake.group.clone(),
        alpn,
        handshake.resumed.then(|| "resumed".to_owned()),
    ];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The block of each certificate.
pub(super) fn certificate_lines(chain: &[Certificate]) -> Vec<String> {
    let total = chain.len();
    chain.iter().enumerate().flat_map(|(n, certificate)| one(n + 1, total, certificate)).collect()
}

fn one(n: usize, total: usize, certificate: &Certificate) -> Vec<String> {
    let fingerprint = format!("  fingerprint sha256:{}", certificate.fingerprint);
    let Some(content) = &certificate.content else {
        return vec![format!("certificate {n} of {total} can't be read"), fingerprint];
    };
    let names: Vec<_> = content.names.iter().map(|name| escape(name.text().as_bytes())).collect();
    let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
    vec![
        format!("certificate {n} of {total}: {}", nobody_if_empty(&content.subject)),
        format!("  for {names}"),
        format!("  issued by {}, serial {}", nobody_if_empty(&content.issuer), content.serial),
        format!("  valid from {} until {}, {}", utc(content.not_before), utc(content.not_after), days(content)),
        format!("  key {}, sha256:{}", content.key, content.key_fingerprint),
        fingerprint,
    ]
}

fn nobody_if_empty(name: &str) -> String {
    if name.is_empty() { "nobody".into() } else { escape(name.as_bytes()) }
}

/// How long it is good for.
pub(super) fn days(content: &Content) -> String {
    match content.days_left {
        ..0 => "which is past".into(),
        0 => "less than a day left".into(),
        1 => "1 day left".into(),
        n => format!("{n} days left"),
    }
}

fn own_line(handshake: &Handshake) -> Option<String> {
    match handshake.own {
        Own::NotAsked => None,
        Own::Missing => Some("the peer asked for a certificate of ours: there is none that would do".into()),
        Own::Shown => Some("the peer asked for a certificate of ours, and was shown it".into()),
    }
}

fn verdict_line(handshake: &Handshake) -> Option<String> {
    Some(match &handshake.verdict {
        Verdict::Trusted if handshake.role == Role::Client => {
            "trusted: issued by who is known here, and for the right name".into()
        }
        Verdict::Trusted => "trusted: issued by who is known here".into(),
        Verdict::Pinned(None) => "pinned, and it would be trusted without that".into(),
        Verdict::Pinned(Some(why)) => {
            format!("pinned, so nothing else counts; without that it would be refused: {why}")
        }
        Verdict::Unchecked(None) => "not checked (--insecure), though it would be trusted".into(),
        Verdict::Unchecked(Some(why)) => format!("not checked (--insecure); it would be refused: {why}"),
        Verdict::Refused(why) => format!("refused: {why}"),
        Verdict::NotAsked => return None,
    })
}

/// The verdict in a word or two, for a line that has other things to say.
pub(super) fn short_verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Trusted => "trusted".into(),
        Verdict::Pinned(_) => "pinned".into(),
        Verdict::Unchecked(None) => "not checked".into(),
        Verdict::Unchecked(Some(why)) => format!("not checked: {why}"),
        Verdict::Refused(why) => format!("refused: {why}"),
        Verdict::NotAsked => "no certificate asked for".into(),
    }
}

/// All that is known of a handshake.
fn fields(handshake: &Handshake) -> Value {
    let mut fields = summary(handshake);
    fields["chain"] = chain(&handshake.chain);
    fields
}

/// The same without the certificates.
pub(super) fn summary(handshake: &Handshake) -> Value {
    let (verdict, reason) = match &handshake.verdict {
        Verdict::Trusted => ("trusted", None),
        Verdict::Pinned(why) => ("pinned", why.as_ref()),
        Verdict::Unchecked(why) => ("unchecked", why.as_ref()),
        Verdict::Refused(why) => ("refused", Some(why)),
        Verdict::NotAsked => ("not asked", None),
    };
    let own = match handshake.own {
        Own::NotAsked => "not asked",
        Own::Missing => "missing",
        Own::Shown => "shown",
    };
    json!({
        "peer": handshake.peer,
        "role": if handshake.role == Role::Client { "client" } else { "server" },
        "server_name": handshake.server_name,
        "version": handshake.version,
        "cipher_suite": handshake.cipher_suite,
        "group": handshake.group,
        "alpn": handshake.alpn.as_ref().map(|name| escape(name)),
        "resumed": handshake.resumed,
        "seconds": handshake.took.as_secs_f64(),
        "verdict": verdict,
        "reason": reason,
        "client_certificate": own,
        "days_left": handshake.ends_first().map(|content| content.days_left),
    })
}

/// Certificates as objects.
pub(super) fn chain(chain: &[Certificate]) -> Value {
    chain.iter().map(certificate).collect()
}

fn certificate(certificate: &Certificate) -> Value {
    let Some(content) = &certificate.content else { return json!({ "sha256": certificate.fingerprint }) };
    let name = |name: &Name| {
        let kind = match name {
            Name::Dns(_) => "dns",
            Name::Ip(_) => "ip",
            Name::Email(_) => "email",
            Name::Uri(_) => "uri",
            Name::Other(_) => "other",
        };
        json!({ "type": kind, "value": escape(name.text().as_bytes()) })
    };
    json!({
        "subject": escape(content.subject.as_bytes()),
        "names": content.names.iter().map(name).collect::<Value>(),
        "issuer": escape(content.issuer.as_bytes()),
        "serial": content.serial,
        "not_before": utc(content.not_before),
        "not_after": utc(content.not_after),
        "days_left": content.days_left,
        "key": content.key,
        "key_sha256": content.key_fingerprint,
        "usages": content.usages,
        "sha256": certificate.fingerprint,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn content() -> Content {
        Content {
            subject: "CN=a\u{1b}[2J".into(),
            names: vec![Name::Dns("a.example".into()), Name::Ip("::1".into())],
            issuer: "CN=Test\u{202e}CA".into(),
            is_self_issued: false,
            serial: "4d2a".into(),
            not_before: 0,
            not_after: 86_400,
            days_left: 1,
            key: "ECDSA P-256".into(),
            key_fingerprint: "cd".into(),
            usages: vec!["servers".into()],
        }
    }

    fn handshake(verdict: Verdict) -> Handshake {
        let read = Certificate { fingerprint: "ab".into(), content: Some(content()) };
        Handshake {
            peer: "[::1]:443".into(),
            role: Role::Client,
            server_name: Some("a.example".into()),
            version: "TLS 1.3".into(),
            cipher_suite: "TLS_AES_128_GCM_SHA256".into(),
            group: Some("X25519".into()),
            alpn: Some(b"h2\n".to_vec()),
            resumed: false,
            took: Duration::from_micros(1500),
            chain: vec![read, Certificate { fingerprint: "ef".into(), content: None }],
            verdict,
            own: Own::Missing,
        }
    }

    #[test]
    fn a_handshake_is_one_block() {
        let line = line(Importance::Step, &Tls::Agreed(&handshake(Verdict::Trusted)));
        assert_eq!(line.text, r"TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ALPN h2\n with [::1]:443 in 1.5 ms");
        let wanted = [
            r"certificate 1 of 2: CN=a\x1b[2J",
            "  for a.example, ::1",
            r"  issued by CN=Test\u{202e}CA, serial 4d2a",
            "  valid from 1970-01-01 00:00:00 UTC until 1970-01-02 00:00:00 UTC, 1 day left",
            "  key ECDSA P-256, sha256:cd",
            "  fingerprint sha256:ab",
            "certificate 2 of 2 can't be read",
            "  fingerprint sha256:ef",
            "the peer asked for a certificate of ours: there is none that would do",
            "trusted: issued by who is known here, and for the right name",
        ];
        assert_eq!(line.more, wanted);
    }

    #[test]
    fn the_object_has_all_of_it() {
        let object = fields(&handshake(Verdict::Unchecked(Some("it is old".into()))));
        for (key, wanted) in [
            ("/version", json!("TLS 1.3")),
            ("/alpn", json!("h2\\n")),
            ("/verdict", json!("unchecked")),
            ("/reason", json!("it is old")),
            ("/days_left", json!(1)),
            ("/chain/0/subject", json!("CN=a\\x1b[2J")),
            ("/chain/0/names/1", json!({ "type": "ip", "value": "::1" })),
            ("/chain/0/not_after", json!("1970-01-02 00:00:00 UTC")),
            ("/chain/1", json!({ "sha256": "ef" })),
        ] {
            assert_eq!(object.pointer(key), Some(&wanted), "{key}");
        }
    }
}
