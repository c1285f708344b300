//! Transfers and handshakes over TLS: one certificate for every server, and one suite for everybody who lets it be chosen.
//!
//! Owns what the tools' command lines name: the files are made by the `openssl` program before the first of them runs.

mod handshakes;
pub mod tools;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::Bench;
use crate::echo::server::Server;
use crate::payload::words;
use crate::place::Medium;
use crate::sample::Sample;
use crate::tools::Tool;
use crate::transfer::{self, Transfer};

/// Handshakes at a time.
const AT_A_TIME: usize = 50;

/// The load before the clock counts, as a part of what is counted.
const WARM_UP: u32 = 10;

static FILES: OnceLock<Files> = OnceLock::new();

/// Certificate and key of every server, and the settings of whoever uses OpenSSL's library.
struct Files {
    certificate: String,
    key: String,
    settings: String,
}

/// openssl(5): what no option of ncat and socat can say.
const SETTINGS: &str = "\
openssl_conf = all
[all]
ssl_conf = uses
[uses]
system_default = default
[default]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
[req]
distinguished_name = name
[name]
";

/// As [`transfer::check`], once there is a certificate.
pub fn check(bench: &Bench, tool: &Tool, transfer: Transfer) -> Result<(), String> {
    prepare(bench)?;
    transfer::check(bench, tool, transfer)
}

/// Connections of which each shakes hands, brings one message, and goes when its echo is complete.
pub fn handshakes(bench: &Bench, tool: &Tool, time: Duration) -> Result<Sample, String> {
    prepare(bench)?;
    let server = Server::start(bench, tool, Medium::Tcp)?;
    let load = |count, time| handshakes::load(server.address(), AT_A_TIME, count, time);
    load(bench.options.connections / 10, time / WARM_UP)?;
    let sample = server.under(|| load(bench.options.connections, time))?;
    server.stop()?;
    Ok(sample)
}

fn prepare(bench: &Bench) -> Result<(), String> {
    if FILES.get().is_none() {
        let path = |name| bench.scratch.path(name).display().to_string();
        let files = Files { certificate: path("certificate"), key: path("key"), settings: path("settings") };
        fs::write(&files.settings, SETTINGS).map_err(words)?;
        make(&files)?;
        // Nobody else sets it: there is one thread here.
        let _ = FILES.set(files);
    }
    Ok(())
}

fn make(files: &Files) -> Result<(), String> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-config", &files.settings]);
    openssl.args(["-keyout", &files.key, "-out", &files.certificate]).stdin(Stdio::null());
    let made = openssl.output().map_err(|e| format!("start openssl: {e}"))?;
    let is_there = made.status.success() && Path::new(&files.certificate).is_file();
    if is_there { Ok(()) } else { Err(format!("openssl: {}", String::from_utf8_lossy(&made.stderr))) }
}

/// What is set for every program: only those that use OpenSSL's library look at it.
pub fn environment() -> Option<(&'static str, &'static str)> {
    FILES.get().map(|files| ("OPENSSL_CONF", files.settings.as_str()))
}

fn certificate() -> &'static str {
    FILES.get().map_or("", |files| &files.certificate)
}

fn key() -> &'static str {
    FILES.get().map_or("", |files| &files.key)
}
