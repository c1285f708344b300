//! TLS as a client: whom it believes, what it refuses, and in which words.
//!
//! Every refusal is checked from both sides: what was to be sent must not have reached the server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::tls::{Ca, Key, Leaf, LeafOptions, Usage, self_signed};
use crate::support::wire::{self, loopback, refusing};
use crate::support::{Ended, Running, directory, file, peer, python, run, sockkit, start};
use tempfile::TempDir;

/// What must not reach a server that is not believed.
const PAYLOAD: &str = "the payload";

/// One client: the handshake, then all that it sends, which is answered in capitals. Says on stdout how it was.
const SERVER: &str = r#"
import json, socket, ssl, sys, warnings
warnings.simplefilter("ignore")
o = json.loads(sys.argv[1])
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(o["chain"], o["key"])
if "ciphers" in o: ctx.set_ciphers(o["ciphers"])
if "min" in o: ctx.minimum_version = getattr(ssl.TLSVersion, o["min"])
if "max" in o: ctx.maximum_version = getattr(ssl.TLSVersion, o["max"])
if "alpn" in o: ctx.set_alpn_protocols(o["alpn"])
if "ca" in o:
    ctx.load_verify_locations(o["ca"])
    ctx.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
seen = {"payload": "", "peer": None, "version": None, "alpn": None, "cipher": None, "error": None}
for _ in range(o.get("clients", 1)):
    raw, _ = listener.accept()
    try:
        tls = ctx.wrap_socket(raw, server_side=True)
        seen["version"], seen["alpn"], seen["cipher"] = tls.version(), tls.selected_alpn_protocol(), tls.cipher()[0]
        seen["peer"] = (tls.getpeercert() or {}).get("subject")
        data = b""
        while piece := tls.recv(4096):
            data += piece
        seen["payload"] += data.decode("latin1")
        tls.sendall(data.upper())
        tls.unwrap()
    except (OSError, ssl.SSLError) as error:
        seen["error"] = str(error)
    raw.close()
print(json.dumps(seen))
"#;

/// A server of Python's ssl with `leaf`, and further members of its options as JSON.
fn server(leaf: &Leaf, more: &str) -> Option<Running> {
    let (chain, key) = (leaf.chain.display(), leaf.key.display());
    let options = format!(r#"{{"chain": "{chain}", "key": "{key}"{more}}}"#);
    python(SERVER, &[&options]).map(|mut command| start(&mut command))
}

/// `sockkit connect --tls ARGS ADDRESS`, whose environment names no roots and no file for secrets.
fn client(address: SocketAddr, args: &[&str]) -> Command {
    let mut command = sockkit(["connect", "--tls"]);
    command.args(args).arg(address.to_string());
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").env_remove("SSLKEYLOGFILE");
    command
}

#[track_caller]
fn talk(address: SocketAddr, args: &[&str]) -> Ended {
    run(&mut client(address, args), PAYLOAD.as_bytes())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// A test's own authority and what it has signed.
struct Place {
    dir: TempDir,
    ca: Ca,
}

impl Place {
    fn new() -> Self {
        let dir = directory();
        Place { ca: Ca::new(&dir), dir }
    }

    fn ca(&self) -> &str {
        text(&self.ca.file)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Asserts that the client is refused with `code` and `words`, and that the server has seen nothing of the payload.
#[track_caller]
fn refused(leaf: &Leaf, more: &str, args: &[&str], code: i32, words: &[&str]) {
    let Some(server) = server(leaf, more) else { return };
    let ended = talk(server.address(), args).expect(code);
    for words in words {
        assert!(ended.stderr.contains(words), "{words:?} is not in {}", ended.stderr);
    }
    assert!(ended.stdout.is_empty(), "{}", ended.text());
    let seen = server.end().expect(0).text();
    assert!(seen.contains(r#""payload": """#), "{seen}");
}

const BOTH: &[&str] = &["localhost", "127.0.0.1"];

#[test]
fn what_the_helper_makes_is_what_openssl_verifies() {
    let place = Place::new();
    let middle = place.ca.intermediate("Middle");
    for key in [Key::P256, Key::P384, Key::Ed25519, Key::Rsa] {
        let leaf = middle.leaf(LeafOptions { key, ..LeafOptions::of(BOTH) });
        let Some(mut verify) = peer("openssl") else { return };
        verify.args(["verify", "-verify_ip", "127.0.0.1", "-CAfile"]).arg(&place.ca.file).arg("-untrusted");
        let verified = verify.args([&leaf.chain, &leaf.chain]).output().expect("openssl runs");
        assert!(verified.status.success(), "{key:?} {}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn a_known_authority_is_believed_with_every_kind_of_key_and_behind_an_intermediate() {
    let place = Place::new();
    let middle = place.ca.intermediate("Middle");
    for (key, words) in
        [(Key::P256, "ECDSA P-256"), (Key::P384, "ECDSA P-384"), (Key::Ed25519, "Ed25519"), (Key::Rsa, "RSA 2048 bits")]
    {
        let leaf = middle.leaf(LeafOptions { key, ..LeafOptions::of(BOTH) });
        let Some(server) = server(&leaf, "") else { return };
        let ended = talk(server.address(), &["-v", "--tls-ca", place.ca()]).expect(0);
        assert_eq!(ended.text(), PAYLOAD.to_uppercase());
        for line in
            [words, "certificate 1 of 2: CN=localhost", "certificate 2 of 2: CN=Middle", "89 days left", "trusted: "]
        {
            assert!(ended.stderr.contains(line), "{line}: {}", ended.stderr);
        }
        assert!(server.end().expect(0).text().contains(PAYLOAD));
    }
}

#[test]
fn an_unknown_authority_is_60_and_named() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let words =
        "its certificate (CN=localhost) was issued by CN=Test CA, who is unknown here and not shown by the peer";
    refused(&leaf, "", &[], 60, &[words, "--tls-ca FILE", "shake hands with 127.0.0.1:"]);
    let behind = place.ca.intermediate("Middle").leaf(LeafOptions::of(BOTH));
    refused(&behind, "", &[], 60, &["was issued by CN=Test CA, who is unknown here;"]);
}

#[test]
fn a_certificate_for_somebody_else_is_60() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let args = ["--tls-ca", place.ca(), "--tls-name", "b.example"];
    refused(&leaf, "", &args, 60, &["its certificate is for localhost, 127.0.0.1, not for b.example"]);
    let no_address = place.ca.leaf(LeafOptions::of(&["a.example"]));
    let words = ["its certificate is for a.example, not for the address 127.0.0.1", "--tls-name a.example"];
    refused(&no_address, "", &args[..2], 60, &words);
    let no_name = place.ca.leaf(LeafOptions { subject: "127.0.0.1", ..LeafOptions::of(&[]) });
    refused(&no_name, "", &args[..2], 60, &["its certificate names no host", "subject: CN=127.0.0.1"]);
}

#[test]
fn a_certificate_out_of_its_time_is_60_and_says_by_how_much() {
    let place = Place::new();
    let args = ["--tls-ca", place.ca()];
    let old = place.ca.leaf(LeafOptions { days: (-30, -12), ..LeafOptions::of(BOTH) });
    refused(&old, "", &args, 60, &["its certificate expired 12 days ago, on 20", "renewed"]);
    let early = place.ca.leaf(LeafOptions { days: (3, 30), ..LeafOptions::of(BOTH) });
    refused(&early, "", &args, 60, &["its certificate is not valid for another 3 days, until 20", "clock"]);
}

#[test]
fn a_certificate_for_another_use_is_60() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions { usage: Usage::Client, ..LeafOptions::of(BOTH) });
    refused(&leaf, "", &["--tls-ca", place.ca()], 60, &["its certificate is for clients, not for servers"]);
    let any = place.ca.leaf(LeafOptions { usage: Usage::Any, ..LeafOptions::of(BOTH) });
    let Some(server) = server(&any, "") else { return };
    talk(server.address(), &["--tls-ca", place.ca()]).expect(0);
}

#[test]
fn a_self_signed_certificate_is_refused_unless_it_is_the_one_that_was_named() {
    let place = Place::new();
    for is_ca in [true, false] {
        let leaf = self_signed(place.path(), LeafOptions::of(BOTH), is_ca);
        refused(
            &leaf,
            "",
            &[],
            60,
            &["its certificate is self-signed (CN=localhost), and unknown here", "--tls-pin sha256:"],
        );
        let own = ["--tls-ca", text(&leaf.chain)];
        let Some(server) = server(&leaf, "") else { return };
        assert_eq!(talk(server.address(), &own).expect(0).text(), PAYLOAD.to_uppercase(), "{is_ca}");
        refused(&leaf, "", &["--tls-ca", text(&leaf.chain), "--tls-name", "x.example"], 60, &["not for x.example"]);
        let old = LeafOptions { subject: "old", days: (-9, -2), ..LeafOptions::of(BOTH) };
        let old = self_signed(place.path(), old, is_ca);
        refused(&old, "", &["--tls-ca", text(&old.chain)], 60, &["expired 2 days ago"]);
    }
}

/// SHA-256 of a file's DER, and of the public key in it, as `openssl` prints them.
fn digests(leaf: &Leaf) -> Option<(String, String)> {
    let script = r#"openssl x509 -in "$0" -noout -fingerprint -sha256 | sed 's/.*=//'
        openssl x509 -in "$0" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"#;
    peer("openssl")?;
    let output = Command::new("sh").args(["-c", script]).arg(&leaf.chain).output().expect("sh runs");
    let text = String::from_utf8(output.stdout).expect("digits");
    text.trim().split_once('\n').map(|(whole, key)| (whole.to_owned(), key.to_owned()))
}

#[test]
fn a_pin_is_of_the_certificate_or_of_its_key_and_replaces_chain_and_name() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(&["a.example"]));
    let Some((whole, key)) = digests(&leaf) else { return };
    let wrong = format!("sha256:{}", "0".repeat(64));
    for pin in [format!("sha256:{whole}"), format!("sha256:{key}"), format!("sha256//{key}")] {
        let Some(server) = server(&leaf, "") else { return };
        let ended = talk(server.address(), &["--tls-pin", &wrong, "--tls-pin", &pin]).expect(0);
        assert_eq!((ended.text(), ended.stderr), (PAYLOAD.to_uppercase(), String::new()));
    }
    let hex = whole.replace(':', "").to_lowercase();
    refused(
        &leaf,
        "",
        &["--tls-pin", &wrong],
        60,
        &["is not the pinned one", &format!("it is sha256:{hex}, its key sha256:")],
    );
    let old = place.ca.leaf(LeafOptions { days: (-30, -12), ..LeafOptions::of(BOTH) });
    let Some((whole, _)) = digests(&old) else { return };
    let Some(server) = server(&old, "") else { return };
    let ended = talk(server.address(), &["--tls-pin", &format!("sha256:{whole}")]).expect(0);
    assert!(ended.stderr.contains("warning: ") && ended.stderr.contains("expired 12 days ago"), "{}", ended.stderr);
}

#[test]
fn insecure_goes_on_and_says_each_time_what_it_would_have_refused() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(&["a.example"]));
    let Some(first) = server(&leaf, "") else { return };
    let ended = talk(first.address(), &["--insecure"]).expect(0);
    assert_eq!(ended.text(), PAYLOAD.to_uppercase());
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("--insecure") && ended.stderr.contains("issued by CN=Test CA"), "{}", ended.stderr);
    let Some(second) = server(&leaf, "") else { return };
    let ended = talk(second.address(), &["--insecure", "--tls-ca", place.ca(), "--tls-name", "a.example"]).expect(0);
    assert!(ended.stderr.contains("though its certificate would do"), "{}", ended.stderr);
}

#[test]
fn versions_and_suites_are_those_that_were_asked_for() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    for (args, wanted) in [
        (&["--tls-max", "1.2"][..], r#""version": "TLSv1.2""#),
        (&["--tls-min", "1.3"], r#""version": "TLSv1.3""#),
        (&["--tls-suites", "TLS_CHACHA20_POLY1305_SHA256"], r#""cipher": "TLS_CHACHA20_POLY1305_SHA256""#),
        (&["--tls-suites", "ECDHE-ECDSA-AES128-GCM-SHA256"], r#""cipher": "ECDHE-ECDSA-AES128-GCM-SHA256""#),
    ] {
        let Some(server) = server(&leaf, "") else { return };
        talk(server.address(), &[args, &["--tls-ca", place.ca()]].concat()).expect(0);
        let seen = server.end().expect(0).text();
        assert!(seen.contains(wanted), "{args:?}: {seen}");
    }
}

#[test]
fn without_a_version_or_a_suite_in_common_it_is_35() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let ca = ["--tls-ca", place.ca()];
    let old = r#", "ciphers": "DEFAULT@SECLEVEL=0", "min": "TLSv1", "max": "TLSv1_1""#;
    let words = ["no protocol version in common: we speak TLS 1.2-1.3", "the peer's alert says \"protocol version\""];
    refused(&leaf, old, &ca, 35, &words);
    let old = r#", "max": "TLSv1_2""#;
    refused(
        &leaf,
        old,
        &[&ca[..], &["--tls-min", "1.3"]].concat(),
        35,
        &["we speak TLS 1.3,", "--tls-min and --tls-max"],
    );
    let other = r#", "max": "TLSv1_2", "ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384""#;
    let args = [&ca[..], &["--tls-suites", "ECDHE-ECDSA-AES128-GCM-SHA256"]].concat();
    refused(&leaf, other, &args, 35, &["no cipher suite, group or kind of certificate in common", "--tls-suites"]);
}

#[test]
fn a_server_that_wants_a_certificate_gets_one_or_it_is_35() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let own = place.ca.leaf(LeafOptions { usage: Usage::Client, ..LeafOptions::of(&["client.example"]) });
    let stranger = Ca::named(place.path(), "Other CA").leaf(LeafOptions::of(&["stranger.example"]));
    for version in ["TLSv1_2", "TLSv1_3"] {
        let wants = format!(r#", "max": "{version}", "ca": "{}""#, place.ca());
        let ca = ["--tls-ca", place.ca()];
        refused(&leaf, &wants, &ca, 35, &["it wants a client certificate", "--tls-cert FILE"]);
        let wrong = ["--tls-cert", text(&stranger.chain), "--tls-key", text(&stranger.key)];
        refused(
            &leaf,
            &wants,
            &[ca, [wrong[0], wrong[1]], [wrong[2], wrong[3]]].concat(),
            35,
            &["the peer refuses our certificate: the authority that issued the certificate is unknown to it"],
        );
        let Some(server) = server(&leaf, &wants) else { return };
        let right = ["--tls-cert", text(&own.chain), "--tls-key", text(&own.key)];
        let ended = talk(server.address(), &[&ca[..], &right, &["-v"]].concat()).expect(0);
        assert!(ended.stderr.contains("asked for a certificate of ours, and was shown it"), "{}", ended.stderr);
        let seen = server.end().expect(0).text();
        assert!(seen.contains("client.example"), "{seen}");
    }
}

#[test]
fn our_own_certificate_is_checked_before_anything_is_opened() {
    let place = Place::new();
    let one = place.ca.leaf(LeafOptions::of(&["one.example"]));
    let other = place.ca.leaf(LeafOptions::of(&["other.example"]));
    let nothing = place.path().join("nothing");
    for (chain, key, words) in [
        (&one.chain, &other.key, "it is not the key of the certificate in"),
        (&one.chain, &nothing, "no such file"),
        (&nothing, &one.key, "no such file"),
        (&one.key, &one.key, "there is no certificate in it"),
        (&one.chain, &one.chain, "there is no private key in it"),
    ] {
        let ended = talk(refusing(), &["--tls-cert", text(chain), "--tls-key", text(key)]).expect(2);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn the_application_protocol_is_agreed_on_or_35() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let args = ["-v", "--tls-ca", place.ca(), "--tls-alpn", "x,http/1.1"];
    let Some(knows) = server(&leaf, r#", "alpn": ["http/1.1", "h2"]"#) else { return };
    let ended = talk(knows.address(), &args).expect(0);
    assert!(ended.stderr.contains("ALPN http/1.1"), "{}", ended.stderr);
    assert!(knows.end().text().contains(r#""alpn": "http/1.1""#));
    let Some(ignores) = server(&leaf, "") else { return };
    let ended = talk(ignores.address(), &args[1..]).expect(0);
    assert!(ended.stderr.contains("offered were x, http/1.1: going on without"), "{}", ended.stderr);
}

#[test]
fn a_server_that_refuses_our_application_protocols_is_35_and_sees_no_payload() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let Some(mut command) = peer("openssl") else { return };
    command.args(["s_server", "-accept", "127.0.0.1:0", "-alpn", "spdy", "-naccept", "1", "-cert"]);
    command.arg(&leaf.chain).arg("-key").arg(&leaf.key);
    // Its port is in a line on stdout, which is sent where the tests read lines.
    let mut server = Command::new("sh");
    server.args(["-c", r#"exec "$@" 1>&2"#, "sh"]).arg(command.get_program()).args(command.get_args());
    // It ends with its standard input.
    server.stdin(Stdio::piped()).stderr(Stdio::piped());
    let server = start(&mut server);
    let line = server.line("ACCEPT 127.0.0.1:");
    let address: SocketAddr = line.trim_start_matches("ACCEPT ").parse().expect("an address");
    let ended = talk(address, &["--tls-ca", place.ca(), "--tls-alpn", "h2,http/1.1"]).expect(35);
    assert!(ended.stderr.contains("none of the application protocols offered (h2, http/1.1)"), "{}", ended.stderr);
    assert!(!server.end().stderr.contains(PAYLOAD));
}

/// A server that sends `first` once something has come, or at once, and gives all that came until the client ended.
fn raw_server(first: &'static [u8], at_once: bool) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    wire::server(move |mut client| {
        let mut seen = vec![0; 4096];
        let n = if at_once { 0 } else { client.read(&mut seen).expect("the hello") };
        seen.truncate(n);
        client.write_all(first).expect("it fits");
        // A client that is gone already may have reset the connection.
        let _ = client.shutdown(Shutdown::Write);
        let _ = client.read_to_end(&mut seen);
        seen
    })
}

#[test]
fn a_peer_that_speaks_something_else_is_35_and_what_it_says_is_shown() {
    for (first, at_once, words) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            false,
            r#"the peer speaks HTTP, not TLS: "HTTP/1.1 400 Bad Request\r\n"#,
        ),
        (b"220 mail.example ESMTP\r\n", true, r#"the peer speaks SMTP, not TLS: "220 mail.example"#),
        (b"SSH-2.0-\x1b[2Jx\r\n", true, r#"the peer speaks SSH, not TLS: "SSH-2.0-\x1b[2Jx"#),
        (b"?", true, r#"the peer does not speak TLS: "?""#),
    ] {
        let (address, server) = raw_server(first, at_once);
        let ended = talk(address, &["--insecure"]).expect(35);
        let hint = if words.contains("SMTP") { "; --starttls smtp asks" } else { "; try it without --tls" };
        assert!(ended.stderr.contains(words) && ended.stderr.contains(hint), "{}", ended.stderr);
        let seen = server.join().expect("the server's thread");
        assert!(!String::from_utf8_lossy(&seen).contains(PAYLOAD));
    }
}

#[test]
fn a_handshake_that_is_cut_is_35_and_says_where() {
    for (first, words) in [
        (&b""[..], "ended the connection in the handshake, without a byte; perhaps it does not speak TLS"),
        (b"\x16\x03\x03", "ended the connection in the handshake, after 3 bytes"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "the peer broke off: an internal error"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "the peer does not serve the name"),
    ] {
        let (address, server) = raw_server(first, false);
        let ended = talk(address, &["--insecure"]).expect(35);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        server.join().expect("the server's thread");
    }
}

#[test]
fn a_peer_that_is_silent_in_the_handshake_is_28_at_the_limit_which_is_named() {
    for option in ["--timeout", "--connect-timeout"] {
        let listener = TcpListener::bind((loopback(), 0)).expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let began = Instant::now();
        // Long enough for the connection, which comes before it.
        let ended = talk(address, &[option, "2"]).expect(28);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let words = format!("shake hands with {address}: ");
        assert!(ended.stderr.contains(&words) && ended.stderr.contains(option), "{}", ended.stderr);
        assert!(ended.stderr.contains("perhaps it does not speak TLS"), "{}", ended.stderr);
    }
}

#[test]
fn the_roots_are_those_that_the_environment_names() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let Some(server) = server(&leaf, "") else { return };
    let mut trusting = client(server.address(), &["-v"]);
    let ended = run(trusting.env("SSL_CERT_FILE", &place.ca.file), PAYLOAD.as_bytes()).expect(0);
    assert!(ended.stderr.contains("1 certificates"), "{}", ended.stderr);
    let mut nothing = client(refusing(), &[]);
    let ended = run(nothing.env("SSL_CERT_FILE", place.path().join("nothing")), b"").expect(2);
    assert!(ended.stderr.contains("SSL_CERT_FILE"), "{}", ended.stderr);
    // Without --tls nobody looks for roots.
    let mut plain = sockkit(["connect", &refusing().to_string()]);
    run(plain.env("SSL_CERT_FILE", place.path().join("nothing")), b"").expect(7);
}

#[test]
fn secrets_are_logged_for_their_owner_alone() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let Some(server) = server(&leaf, "") else { return };
    let log = place.path().join("secrets");
    let mut command = client(server.address(), &["-v", "--tls-ca", place.ca()]);
    let ended = run(command.env("SSLKEYLOGFILE", &log), PAYLOAD.as_bytes()).expect(0);
    assert!(ended.stderr.contains(&format!("go to {}", log.display())), "{}", ended.stderr);
    let text = std::fs::read_to_string(&log).expect("it was written");
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
    assert_eq!(log.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_handshake_is_one_object_under_json() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let Some(server) = server(&leaf, "") else { return };
    let ended = talk(server.address(), &["-v", "--json", "--tls-ca", place.ca(), "--tls-name", "localhost"]).expect(0);
    assert_eq!(ended.text(), PAYLOAD.to_uppercase());
    let object = ended.stderr.lines().find(|line| line.contains(r#""event":"tls""#)).expect("it is told");
    for part in [
        r#""version":"TLS 1.3""#,
        r#""verdict":"trusted""#,
        r#""server_name":"localhost""#,
        r#""subject":"CN=localhost""#,
        r#"{"type":"ip","value":"127.0.0.1"}"#,
        r#""issuer":"CN=Test CA""#,
        r#""key":"ECDSA P-256""#,
        r#""days_left":89"#,
        r#""usages":["servers"]"#,
    ] {
        assert!(object.contains(part), "{part}: {object}");
    }
}

#[test]
fn what_a_certificate_says_is_escaped() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions { subject: "\x1b]0;x\x07\u{202e}", ..LeafOptions::of(&["a.example"]) });
    let Some(first) = server(&leaf, "") else { return };
    let ended = talk(first.address(), &["-v"]).expect(60);
    let Some(second) = server(&leaf, "") else { return };
    let checked = run(&mut client(second.address(), &["-z", "--cert", "--insecure", "--json"]), b"").expect(0);
    for text in [ended.stderr, checked.stderr.clone(), checked.text()] {
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
        assert!(text.contains("x1b]0;x"), "{text}");
    }
}

#[test]
fn options_that_would_be_ignored_are_usage_errors() {
    for args in [
        &["connect", "--tls-ca", "x", "h:1"][..],
        &["connect", "--tls", "--insecure", "--tls-pin", "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "h:1"],
        &["connect", "--tls", "--tls-key", "x", "h:1"],
        &["connect", "--tls", "--cert", "h:1"],
        &["connect", "-z", "--min-days", "3", "h:1"],
        &["connect", "--tls", "--tls-min", "1.1", "h:1"],
        &["connect", "--tls", "--tls-min", "1.3", "--tls-max", "1.2", "h:1"],
        &["connect", "--tls", "--tls-suites", "RC4-MD5", "h:1"],
        &["connect", "--tls", "--tls-pin", "sha256:123", "h:1"],
        &["connect", "--tls", "--tls-name", "a b", "h:1"],
        &["connect", "--tls", "--tls-alpn", "h2,,x", "h:1"],
        &["connect", "--tls", "unix:/nowhere"],
    ] {
        run(&mut sockkit(args), b"").expect(2);
    }
    let ended = run(&mut sockkit(["connect", "--tls", "--tls-suites", "RC4-MD5", "h:1"]), b"");
    assert!(ended.stderr.contains("RC4-MD5 is none of TLS_AES_256_GCM_SHA384, "), "{}", ended.stderr);
}

#[track_caller]
fn checked(address: SocketAddr, args: &[&str], code: i32) -> Ended {
    let ended = run(client(address, &["-z"]).args(args), b"").expect(code);
    assert!(ended.text().starts_with(&format!("{address}: ")), "{}", ended.text());
    ended
}

#[test]
fn a_check_includes_the_handshake() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions { days: (-1, 20), ..LeafOptions::of(BOTH) });
    let Some(server) = server(&leaf, r#", "clients": 5"#) else { return };
    let address = server.address();
    let ca = ["--tls-ca", place.ca()];
    let line = checked(address, &ca, 0).text();
    assert!(
        line.contains(": open, ") && line.contains("; TLS 1.3 in ") && line.ends_with(", trusted, 20 days left\n"),
        "{line}"
    );
    let text = checked(address, &[&ca[..], &["--cert"]].concat(), 0).text();
    assert!(
        text.contains("\n  certificate 1 of 1: CN=localhost\n") && text.contains("    issued by CN=Test CA"),
        "{text}"
    );
    checked(address, &[&ca[..], &["--min-days", "20"]].concat(), 0);
    let text = checked(address, &[&ca[..], &["--min-days", "21"]].concat(), 1).text();
    assert!(text.ends_with("20 days left, fewer than the 21 of --min-days\n"), "{text}");
    let text = checked(address, &["--cert"], 60).text();
    assert!(text.contains(": not trusted (its certificate (CN=localhost) was issued by CN=Test CA"), "{text}");
    assert!(text.contains("\n  certificate 1 of 1: CN=localhost\n"), "what is refused is shown too: {text}");
    let json = run(client(refusing(), &["-z", "--json"]).args(ca), b"").expect(7).text();
    assert!(json.contains(r#""state":"refused""#), "{json}");
    let (plain, thread) = raw_server(b"220 x\r\n", true);
    let text = checked(plain, &ca, 35).text();
    assert!(text.contains(": no TLS (the peer speaks SMTP, not TLS"), "{text}");
    thread.join().expect("the server's thread");
}

#[test]
fn a_silent_port_holds_up_no_other_in_a_check() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let Some(server) = server(&leaf, "") else { return };
    let open = server.address();
    // Two that take connections and say nothing: their limits run side by side, and are long enough for the third.
    let silent: Vec<_> = (0..2).map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port")).collect();
    let ports: Vec<_> = silent.iter().map(|one| one.local_addr().expect("it is bound").port()).collect();
    let list = format!("{},{},{}", ports[0], ports[1], open.port());
    let began = Instant::now();
    let mut command = sockkit(["connect", "--tls", "-z", "-w", "10", "--tls-ca", place.ca(), "127.0.0.1", &list]);
    let ended = run(&mut command, b"").expect(1);
    assert!(began.elapsed() < Duration::from_millis(19_900), "{:?}", began.elapsed());
    let lines: Vec<_> = ended.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(
        lines.iter().filter(|line| line.contains(": timed out (TLS handshake: ") && line.contains("--timeout")).count(),
        2,
        "{lines:?}"
    );
    assert_eq!(lines.iter().filter(|line| line.ends_with("trusted, 89 days left")).count(), 1, "{lines:?}");
    let seen = server.end().expect(0).text();
    assert!(seen.contains(r#""version": "TLSv1.3""#) && seen.contains(r#""payload": """#), "{seen}");
}

#[test]
fn a_bundle_may_hold_several_authorities() {
    let place = Place::new();
    let other = Ca::named(place.path(), "Other CA");
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let bundle = [&other.file, &place.ca.file].map(|path| std::fs::read_to_string(path).expect("it is ours")).concat();
    let bundle = file(&place.dir, "bundle.pem", bundle.as_bytes());
    let Some(server) = server(&leaf, "") else { return };
    talk(server.address(), &["--tls-ca", text(&bundle)]).expect(0);
    let empty = file(&place.dir, "empty.pem", b"");
    for path in [text(&empty), "/nowhere.pem"] {
        let ended = talk(refusing(), &["--tls-ca", path]).expect(2);
        assert!(ended.stderr.contains(path), "{}", ended.stderr);
    }
}

/// Sends half of what it has, then what it was given, past TLS, and its FIN alone.
const CUTS: &str = r#"
import socket, ssl, sys
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
tls = ctx.wrap_socket(listener.accept()[0], server_side=True)
tls.sendall(b"half")
raw = socket.socket(fileno=tls.detach())
raw.sendall(bytes.fromhex(sys.argv[3]))
raw.shutdown(socket.SHUT_WR)
while raw.recv(4096): pass
"#;

#[test]
fn a_session_that_breaks_is_not_called_a_handshake() {
    let place = Place::new();
    let leaf = place.ca.leaf(LeafOptions::of(BOTH));
    let garbage = format!("1703030014{}", "31".repeat(20));
    for (behind, words) in [("", "may be truncated"), (garbage.as_str(), "receive from ")] {
        let Some(mut command) = python(CUTS, &[text(&leaf.chain), text(&leaf.key), behind]) else { return };
        let server = start(&mut command);
        let ended = talk(server.address(), &["--no-half-close", "--tls-ca", place.ca()]).expect(56);
        assert_eq!(ended.text(), "half");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("shake hands"), "{}", ended.stderr);
    }
}
