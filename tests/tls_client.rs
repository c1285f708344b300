//! TLS as a client: whom it believes, what it refuses, and in which words.

mod support;

use std::process::Command;

use support::directory;
use support::tls::{Ca, Key, LeafOptions};

#[test]
fn what_the_helper_makes_is_what_openssl_verifies() {
    let dir = directory();
    let ca = Ca::new(&dir);
    let middle = ca.intermediate("Middle");
    for key in [Key::P256, Key::P384, Key::Ed25519, Key::Rsa] {
        let leaf = middle.leaf(LeafOptions { key, ..LeafOptions::of(&["localhost", "127.0.0.1"]) });
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-verify_ip", "127.0.0.1", "-CAfile"]).arg(&ca.file).arg("-untrusted");
        let verified = verify.args([&leaf.chain, &leaf.chain]).output().expect("openssl runs");
        assert!(verified.status.success(), "{key:?} {}", String::from_utf8_lossy(&verified.stderr));
    }
}
