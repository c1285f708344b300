//! `get` over https: whom it believes, what an end without `close_notify` means, and what a connection is kept for.

use std::path::Path;

use crate::support::tls::{Ca, Leaf, LeafOptions};
use crate::support::{Ended, Running, directory, python, run, sockkit, start};
use tempfile::TempDir;

/// Serves connections one after the other, and the requests of each, by their paths. Prints each request line, the
/// connection that it came on and the name that was asked for.
const SERVER: &str = r#"
import socket, ssl, sys
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
ctx.set_alpn_protocols(["h2", "http/1.1"])
names = []
ctx.sni_callback = lambda tls, name, ctx: names.append(name)
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
print("listening on 127.0.0.1:%d" % port, file=sys.stderr, flush=True)
def serve(tls, nth):
    got = b""
    while True:
        while b"\r\n\r\n" not in got:
            piece = tls.recv(4096)
            if not piece: return
            got += piece
        head, got = got.split(b"\r\n\r\n", 1)
        path = head.split(b" ")[1]
        print(nth, tls.selected_alpn_protocol(), (names or [None])[-1], head.split(b"\r\n")[0].decode(), flush=True)
        if path == b"/whole": tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
        elif path == b"/open": tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"); tls.unwrap(); return
        elif path == b"/cut": tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nuntil the cut"); return
        elif path == b"/whole-cut": tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"); return
        elif path == b"/down": tls.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/whole\r\nContent-Length: 0\r\n\r\n" % port)
        elif path == b"/large": tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(i % 251 for i in range(3000000)))
for nth in range(9):
    raw, _ = listener.accept()
    try:
        tls = ctx.wrap_socket(raw, server_side=True)
        serve(tls, nth)
    except (OSError, ssl.SSLError) as error:
        print(nth, "failed", flush=True)
    raw.close()
    try: tls.close()
    except NameError: pass
"#;

/// An authority, and the server that it vouches for.
struct Place {
    ca: Ca,
    server: Running,
    port: String,
    /// Its files are read until the end.
    _dir: TempDir,
}

impl Place {
    /// A server whose certificate is for `names`; `None` without Python.
    fn of(names: &[&str]) -> Option<Self> {
        let dir = directory();
        let ca = Ca::new(&dir);
        let Leaf { chain, key, .. } = ca.leaf(LeafOptions::of(names));
        let server = start(&mut python(SERVER, &[text(&chain), text(&key)])?);
        let port = server.address().port().to_string();
        Some(Place { ca, server, port, _dir: dir })
    }

    /// `sockkit get ARGS` with `{}` for the server's port, trusting the authority. By IPv4 alone: that port of `::1` may
    /// be another test's.
    fn get(&self, args: &[&str]) -> Ended {
        let args: Vec<_> = args.iter().map(|arg| arg.replace("{}", &self.port)).collect();
        run(sockkit(["get", "-4", "--tls-ca", text(&self.ca.file)]).args(args), b"")
    }

    /// What the server has said of its requests up to now.
    fn requests(self) -> String {
        self.server.signal(15);
        self.server.end().text()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

#[test]
fn a_page_comes_from_a_server_that_is_trusted_for_the_host_of_the_url() {
    let Some(place) = Place::of(&["localhost"]) else { return };
    assert_eq!(place.get(&["https://localhost:{}/whole"]).expect(0).text(), "whole");
    let large: Vec<u8> = (0..3_000_000_u32).map(|i| u8::try_from(i % 251).expect("it is below 251")).collect();
    crate::support::assert_same(&place.get(&["https://localhost:{}/large"]).expect(0).stdout, &large);
    let refused = place.get(&["https://127.0.0.1:{}/whole"]).expect(60);
    assert!(refused.stderr.contains("localhost"), "{}", refused.stderr);
    let requests = place.requests();
    assert!(requests.starts_with("0 http/1.1 localhost GET /whole HTTP/1.1\n"), "{requests}");
    assert!(!requests.contains("127.0.0.1 GET"), "no request to whom is not believed: {requests}");
}

#[test]
fn however_the_host_is_reached_its_name_is_what_counts() {
    let Some(place) = Place::of(&["www.example.com"]) else { return };
    let resolve = ["--resolve", "www.example.com:{}:127.0.0.1", "https://www.example.com:{}/whole"];
    assert_eq!(place.get(&resolve).expect(0).text(), "whole");
    let detour = ["--connect-to", "www.example.com:443:127.0.0.1:{}", "https://www.example.com/whole"];
    assert_eq!(place.get(&detour).expect(0).text(), "whole");
    let other = ["--connect-to", "::127.0.0.1:{}", "https://other.example.com/whole"];
    place.get(&other).expect(60);
}

#[test]
fn an_unknown_authority_is_refused_unless_it_does_not_matter() {
    let Some(place) = Place::of(&["localhost"]) else { return };
    let url = format!("https://localhost:{}/whole", place.port);
    let empty = directory();
    let get = |args: &[&str]| run(sockkit(["get", "-4"]).args(args).arg(&url).env("SSL_CERT_DIR", empty.path()), b"");
    let refused = get(&[]).expect(60);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("Test CA"), "{}", refused.stderr);
    let careless = get(&["--insecure"]).expect(0);
    assert_eq!(careless.text(), "whole");
    assert!(careless.stderr.contains("--insecure"), "{}", careless.stderr);
}

#[test]
fn an_end_without_close_notify_is_a_cut_unless_the_length_says_that_all_is_there() {
    let Some(place) = Place::of(&["localhost"]) else { return };
    assert_eq!(place.get(&["https://localhost:{}/open"]).expect(0).text(), "until the end");
    let cut = place.get(&["https://localhost:{}/cut"]).expect(56);
    assert_eq!(cut.text(), "until the cut");
    assert!(cut.stderr.contains("truncated"), "{}", cut.stderr);
    assert_eq!(place.get(&["https://localhost:{}/whole-cut"]).expect(0).text(), "whole");
}

#[test]
fn two_pages_come_over_one_connection_and_one_handshake() {
    let Some(place) = Place::of(&["localhost"]) else { return };
    let both = place.get(&["-v", "https://localhost:{}/whole", "https://localhost:{}/whole"]).expect(0);
    assert_eq!(both.text(), "wholewhole");
    let requests = place.requests();
    assert_eq!(requests.lines().filter(|line| line.starts_with("0 ")).count(), 2, "{requests}");
}

#[test]
fn a_redirect_into_the_clear_is_refused() {
    let Some(place) = Place::of(&["localhost"]) else { return };
    let refused = place.get(&["https://localhost:{}/down"]).expect(8);
    assert!(refused.stderr.contains("http"), "{}", refused.stderr);
    assert!(!place.requests().contains("failed"), "nobody came in the clear");
}
