//! The certificate that a server made for itself, in words: what it is for, and how it is reached.

use serde_json::json;

use super::wording::{Importance, Line};
use crate::event::tls::OwnCertificate;

/// The line for it, and below it a command for each of `ways`: the words for an address.
pub(super) fn line(importance: Importance, certificate: &OwnCertificate, ways: &[String]) -> Line {
    let OwnCertificate { names, fingerprint } = certificate;
    let commands: Vec<_> =
        ways.iter().map(|way| format!("sockkit connect --tls --tls-pin sha256:{fingerprint} {way}")).collect();
    let text = format!("self-signed certificate for {}: sha256:{fingerprint}", names.join(", "));
    let fields = json!({ "names": names, "fingerprint": format!("sha256:{fingerprint}"), "commands": commands });
    let more = commands.iter().map(|command| format!("reach it by: {command}")).collect();
    Line::new(importance, "self-signed", text, fields).with(more)
}
