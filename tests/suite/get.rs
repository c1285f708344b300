//! `get` against nginx, Python's http.server and servers made by hand: whole bodies, honest ends, no secret told.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::nginx::Nginx;
use crate::support::talk::Talk;
use crate::support::wire::{refusing, serve};
use crate::support::{Ended, HARD_LIMIT, assert_same, directory, file, peer, python, random, run, sockkit, start};

/// How a server made by hand goes on after its reply.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    Hold,
}

/// A server that gives connection after connection to `script`, each on a thread, and tells the requests.
fn server(script: impl Fn(usize, &str, TcpStream) + Send + Sync + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free");
    let (send, requests) = channel();
    let address = serve(listener, move |n, stream| {
        let request = request_of(&stream);
        let _ = send.send(request.clone());
        script(n, &request, stream);
    });
    (address, requests)
}

fn request_of(mut stream: &TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// A server that answers every request with the same bytes.
fn answering(reply: impl Into<Vec<u8>>, then: Then) -> SocketAddr {
    let reply = reply.into();
    let serve = move |_, _: &str, mut stream: TcpStream| {
        let _ = stream.write_all(&reply);
        finish(&stream, then);
    };
    server(serve).0
}

fn finish(mut stream: &TcpStream, then: Then) {
    match then {
        Then::Close => {
            let _ = stream.shutdown(Shutdown::Write);
        }
        Then::Reset => {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            return;
        }
        Then::Hold => {}
    }
    // Until the client has gone.
    let _ = stream.read_to_end(&mut Vec::new());
}

fn get(url: impl AsRef<str>, options: &[&str]) -> Ended {
    run(sockkit(["get", url.as_ref()]).args(options), b"")
}

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// Beside the files as they are, they come without a length under /chunked/ and /closed/.
fn nginx(root: &tempfile::TempDir) -> Option<Nginx> {
    let files = format!("alias {}/; ssi on; ssi_types *;", root.path().display());
    let locations = format!(
        "location /chunked/ {{ {files} }}
         location /closed/ {{ {files} chunked_transfer_encoding off; }}
         location /moved {{ return 301 /found; }}
         location /found {{ return 302 /data; }}"
    );
    Nginx::serving(root, &locations)
}

#[test]
fn a_body_of_every_framing_comes_whole_from_nginx() {
    let root = directory();
    let data = random(16 << 20, 1);
    file(&root, "data", &data);
    file(&root, "empty", b"");
    let Some(nginx) = nginx(&root) else { return };
    for path in ["data", "chunked/data", "closed/data", "moved"] {
        let got = get(format!("http://127.0.0.1:{}/{path}", nginx.port), &[]).expect(0);
        assert_same(&got.stdout, &data);
        if let Some(mut curl) = peer("curl") {
            let theirs = run(curl.args(["-sL", &format!("http://127.0.0.1:{}/{path}", nginx.port)]), b"").expect(0);
            assert_same(&got.stdout, &theirs.stdout);
        }
    }
    let base = format!("127.0.0.1:{}", nginx.port);
    assert!(get(format!("{base}/chunked/data"), &["-I"]).expect(0).text().starts_with("HTTP/1.1 200 OK\r\n"));
    let heads = ["Content-Length: 16777216", "Transfer-Encoding: chunked"].map(|field| format!("\r\n{field}\r\n"));
    assert!(get(format!("{base}/data"), &["-i"]).expect(0).text().contains(&heads[0]));
    assert!(get(format!("{base}/chunked/data"), &["-i"]).expect(0).text().contains(&heads[1]));
    let closed = get(format!("{base}/closed/data"), &["-i"]).expect(0).text();
    assert!(!heads.iter().any(|head| closed.contains(head)));
    assert_eq!(get(format!("{base}/empty"), &[]).expect(0).stdout, b"");
}

#[test]
fn nginx_answers_head_404_and_redirects() {
    let root = directory();
    file(&root, "data", b"some data");
    let Some(nginx) = nginx(&root) else { return };
    let base = format!("127.0.0.1:{}", nginx.port);
    let head = get(format!("{base}/data"), &["--head"]).expect(0).text();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 9\r\n") && head.ends_with("\r\n\r\n")
    );
    assert!(get(format!("{base}/nope"), &[]).expect(0).text().contains("404 Not Found"));
    let refused = get(format!("{base}/nope"), &["--fail"]).expect(22);
    assert_eq!(refused.stdout, b"");
    assert!(refused.stderr.contains("404 Not Found"), "{}", refused.stderr);
    // Every head on the way, as curl shows them; no body but the last.
    let all = get(format!("{base}/moved"), &["-i"]).expect(0).text();
    let heads: Vec<_> = all.lines().filter(|line| line.starts_with("HTTP/1.1 ")).collect();
    assert_eq!(heads.len(), 3, "{all}");
    assert!(all.ends_with("\r\n\r\nsome data"));
    let unfollowed = get(format!("{base}/moved"), &["--max-redirects", "0"]).expect(0);
    assert!(unfollowed.text().contains("301 Moved Permanently"));
}

const PYTHON: &str = r#"
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_GET(self):
        if self.path == "/chunked":
            self.send_response_only(103); self.send_header("Link", "</a>"); self.end_headers()
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for n in (1, 10, 100, 65536, 100000):
                self.wfile.write(b"%x;name=\"v; w\"\r\n" % n + bytes(i % 251 for i in range(n)) + b"\r\n")
            self.wfile.write(b"0\r\nX-Trailer: yes\r\n\r\n")
        elif self.path == "/closed":
            self.send_response(200); self.send_header("Connection", "close"); self.end_headers()
            self.wfile.write(bytes(i % 251 for i in range(100000)))
        elif self.path == "/relative/a":
            self.send_response(307); self.send_header("Location", "../final?x=1"); self.send_header("Content-Length", "0"); self.end_headers()
        else:
            body = (self.path + " " + self.headers["Host"]).encode()
            self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
            self.wfile.write(body)
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print("listening on 127.0.0.1:%d" % s.server_port, file=sys.stderr, flush=True)
s.serve_forever()
"#;

#[test]
fn a_python_server_is_understood_as_curl_does() {
    let Some(mut command) = python(PYTHON, &[]) else { return };
    let running = start(&mut command);
    let address = running.address();
    for path in ["/chunked", "/closed", "/relative/a", "/plain"] {
        let ours = get(of(address, path), &[]).expect(0);
        assert!(!ours.stdout.is_empty());
        let Some(mut curl) = peer("curl") else { continue };
        let theirs = run(curl.args(["-sL", &of(address, path)]), b"").expect(0);
        assert_same(&ours.stdout, &theirs.stdout);
    }
    assert_eq!(get(of(address, "/relative/a"), &[]).expect(0).text(), format!("/final?x=1 {address}"));
}

/// What the server sends, how it ends, which code that gives, what is on stdout by then, and a word of the message.
type Case = (&'static str, Then, i32, &'static str, &'static str);

const CASES: &[Case] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close, 0, "hello", ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Hold, 0, "hello", ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", Then::Hold, 0, "hello", ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Hold, 0, "", ""),
    ("HTTP/1.1 204 No Content\r\n\r\n", Then::Hold, 0, "", ""),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", Then::Hold, 0, "", ""),
    ("HTTP/1.0 200 OK\r\n\r\nhello", Then::Close, 0, "hello", ""),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
        Then::Close,
        0,
        "x",
        "",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n",
        Then::Hold,
        0,
        "abcde",
        "",
    ),
    ("HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nno", Then::Close, 0, "no", ""),
    // Short.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Then::Close, 18, "hel", "3 of 5 bytes"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Then::Close, 18, "", "0 of 5 bytes"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Then::Close, 8, "abc", "no last chunk"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Then::Close, 18, "ab", "inside a chunk"),
    // Reset.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Then::Reset, 56, "hel", "reset"),
    ("HTTP/1.1 200 OK\r\n\r\nhel", Then::Reset, 56, "hel", "reset"),
    ("HTTP/1.1 200 OK\r\n", Then::Reset, 56, "", "reset"),
    ("", Then::Reset, 56, "", "reset"),
    // Nothing.
    ("", Then::Close, 52, "", "sent nothing"),
    // Malformed.
    ("SSH-2.0-OpenSSH_9\r\n", Then::Hold, 8, "", "malformed"),
    ("HTTP/1.1 200 OK\r\nContent-Le", Then::Close, 8, "", "inside its head"),
    ("HTTP/1.1 100 Continue\r\n\r\n", Then::Close, 8, "", "interim"),
    ("HTTP/2 200 OK\r\n\r\n", Then::Hold, 8, "", "malformed"),
    ("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", Then::Hold, 8, "", "LF"),
    ("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", Then::Hold, 8, "", "folding"),
    ("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", Then::Hold, 8, "", "NUL"),
    ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Then::Hold, 8, "", "CR"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", Then::Hold, 8, "", "differ"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Then::Hold, 8, "", "both"),
    ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", Then::Hold, 8, "", "Content-Length"),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n+3\r\nabc\r\n",
        Then::Hold,
        8,
        "abc",
        "chunk size",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n", Then::Hold, 8, "", "chunk size"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000003\r\nabc", Then::Hold, 8, "", "digits"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", Then::Hold, 8, "abc", "chunk"),
    ("HTTP/1.1 101 Switching\r\n\r\n", Then::Hold, 8, "", "101"),
    // A redirect that can't be followed.
    ("HTTP/1.1 302 Found\r\nLocation: ftp://host/\r\n\r\n", Then::Close, 8, "", "ftp"),
    ("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", Then::Close, 8, "", "file"),
    ("HTTP/1.1 302 Found\r\nLocation: http://u:hunter2@host/\r\n\r\n", Then::Close, 8, "", "user info"),
    ("HTTP/1.1 302 Found\r\nLocation: http://\r\n\r\n", Then::Close, 8, "", "redirect refused"),
    ("HTTP/1.1 302 Found\r\nLocation: http://h:99999/\r\n\r\n", Then::Close, 8, "", "port"),
];

#[test]
fn every_reply_ends_as_it_should_and_says_why() {
    for (reply, then, code, stdout, word) in CASES {
        let ended = get(of(answering(*reply, *then), "/"), &["-vv", "-w", "20"]);
        let told = format!("{reply:?}: {} {}", ended.code(), ended.stderr);
        assert_eq!((ended.code(), ended.text().as_str()), (*code, *stdout), "{told}");
        assert!(ended.stderr.contains(word) && !ended.stderr.contains("hunter2"), "{told}");
        assert!(!ended.stderr.contains("panicked"), "{told}");
    }
}

#[test]
fn limits_on_the_head_are_kept() {
    let large = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(301 * 1024));
    let lines = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(1001));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(11);
    let extensions = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(17 * 1024));
    for reply in [large, lines, interim, extensions] {
        assert_eq!(get(of(answering(reply, Then::Hold), "/"), &["-w", "20"]).expect(63).stdout, b"");
    }
}

#[test]
fn a_redirect_loop_ends_with_its_chain() {
    let turn = |n: usize, _: &str, mut stream: TcpStream| {
        let _ = write!(stream, "HTTP/1.1 302 Found\r\nLocation: /{}\r\nContent-Length: 0\r\n\r\n", n + 1);
    };
    let (address, requests) = server(turn);
    let ended = get(of(address, "/0"), &["-o", "/dev/null"]).expect(47);
    for n in 0..=10 {
        assert!(ended.stderr.contains(&of(address, &format!("/{n}"))), "{}", ended.stderr);
    }
    assert_eq!(requests.try_iter().count(), 11);
    let (address, requests) = server(turn);
    get(of(address, "/0"), &["--max-redirects", "1"]).expect(47);
    assert_eq!(requests.try_iter().count(), 2);
}

#[test]
fn a_header_of_the_users_goes_out_and_secrets_stay_at_home() {
    let (other, heard_elsewhere) = server(|_, _, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=hunter2\r\nContent-Length: 2\r\n\r\nok");
    });
    let location = of(other, "/there");
    let (home, heard_at_home) = server(move |_, _, mut stream| {
        let _ = write!(stream, "HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    });
    let secrets =
        ["-H", "Authorization: Bearer hunter2", "-H", "Cookie: b=hunter2", "-H", "X-Own: yes", "-H", "Accept:"];
    for voice in [&["-vv"][..], &["-vv", "--json"]] {
        let ended = get(of(home, "/here"), &[&secrets[..], voice].concat()).expect(0);
        assert_eq!(ended.text(), "ok");
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("Authorization: ***") && ended.stderr.contains("Set-Cookie: ***"),
            "{}",
            ended.stderr
        );
        let (here, there) = (heard_at_home.recv().expect("asked"), heard_elsewhere.recv().expect("asked"));
        assert!(
            here.starts_with("GET /here HTTP/1.1\r\n") && here.contains("Authorization: Bearer hunter2\r\n"),
            "{here}"
        );
        assert!(here.contains(&format!("Host: {home}\r\n")) && !here.contains("Connection: "), "{here}");
        assert!(there.contains("X-Own: yes\r\n") && !there.contains("hunter2") && !there.contains("Accept"), "{there}");
    }
}

#[test]
fn mistakes_of_the_command_line_are_2_and_repeat_no_password() {
    let header = |text: &'static str| vec!["http://localhost:1/", "-H", text];
    let table = [
        vec!["http://user:hunter2@other@localhost:1/"],
        vec!["user:hunter2%@localhost"],
        vec!["http://user:hunter2@localhost/", "-u", "user:hunter2"],
        vec!["http://user:hunter2@local host/"],
        vec!["http://local\u{202e}host/"],
        vec!["ftp://localhost/"],
        vec!["http://"],
        vec!["http://localhost:99999/"],
        vec!["http://0x7f.1/"],
        vec!["http://localhost:1/\r\nX: y"],
        vec!["http://a_very.long.name/", "-n"],
        vec!["http://localhost:1/", "--retry-for", "1"],
        vec!["http://localhost:1/", "--force"],
        vec!["http://localhost:1/", "--max-redirects", "many"],
        header("hunter2"),
        header("A: hunter2\r\nB: c"),
        header("A B: hunter2"),
        header("Content-Length: 5"),
    ];
    for args in table {
        let ended = run(sockkit(["get"]).args(&args), b"");
        assert_eq!(ended.code(), 2, "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.is_empty(), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn where_nobody_answers() {
    let nobody = refusing();
    assert!(get(of(nobody, "/"), &[]).expect(7).stderr.contains("refused"));
    assert!(get("http://no-such-name.invalid/", &[]).expect(6).stderr.contains("no-such-name.invalid"));
    let dir = directory();
    let out = dir.path().join("out");
    get(of(nobody, "/"), &["-o", path(&out)]).expect(7);
    assert!(!out.exists());
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of this test is text")
}

#[test]
fn a_time_limit_names_its_phase() {
    let silent = answering("", Then::Hold);
    let half = answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Hold);
    // Each comes to its phase long before its limit, and all wait at the same time.
    let runs = [
        (silent, "-w", "head", ""),
        (silent, "--idle-timeout", "head", ""),
        (silent, "--deadline", "head", ""),
        (half, "-w", "body", "half"),
        (half, "--deadline", "body", "half"),
    ]
    .map(|(address, option, phase, stdout)| {
        let began = Instant::now();
        (began, start(&mut sockkit(["get", &of(address, "/"), option, "5"])), phase, stdout)
    });
    for (began, running, phase, stdout) in runs {
        let ended = running.end().expect(28);
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(20), "{took:?}");
        assert!(ended.stderr.contains(phase) && ended.stderr.contains("5 s"), "{}", ended.stderr);
        assert_eq!(ended.text(), stdout);
    }
    // A backlog that is full swallows the SYN.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).and_then(|()| listener.listen(0)).expect("it listens");
    let full = listener.local_addr().ok().and_then(|a| a.as_socket()).expect("an address");
    let _fill: Vec<_> = (0..4).map(|_| TcpStream::connect_timeout(&full, Duration::from_millis(200))).collect();
    let ended = get(of(full, "/"), &["--connect-timeout", "0.5"]).expect(28);
    assert!(ended.stderr.contains("connect to") && ended.stderr.contains("--connect-timeout"), "{}", ended.stderr);
}

#[test]
fn the_deadline_ends_what_drips_and_what_floods() {
    let dripping = |head: &'static str, drop: &'static [u8], pause: u64| {
        let serve = move |_, _: &str, mut stream: TcpStream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(drop).is_ok() {
                thread::sleep(Duration::from_millis(pause));
            }
        };
        server(serve).0
    };
    let flood: &[u8] = &[b'x'; 16_000];
    // Each comes to its phase long before the deadline, and all wait at the same time.
    let runs = [
        (dripping("HTTP/1.1 200 OK\r\n\r\n", b"x", 20), "body"),
        (dripping("HTTP/1.1 200 OK\r\nA: ", b"x", 20), "head"),
        (dripping("HTTP/1.1 200 OK\r\n\r\n", flood, 0), "body"),
    ]
    .map(|(address, phase)| {
        // What drips is never idle for long.
        let options = ["-w", "30", "--deadline", "4", "-o", "/dev/null"];
        (Instant::now(), start(sockkit(["get", &of(address, "/")]).args(options)), phase)
    });
    for (began, running, phase) in runs {
        let ended = running.end().expect(28);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(ended.stderr.contains(phase) && ended.stderr.contains("--deadline"), "{}", ended.stderr);
    }
}

#[test]
fn a_file_is_written_and_none_is_clobbered() {
    let whole = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close);
    let dir = directory();
    let new = dir.path().join("new");
    assert_eq!(get(of(whole, "/"), &["-o", path(&new)]).expect(0).stdout, b"");
    assert_eq!(std::fs::read(&new).expect("it was made"), b"hello");
    // It is there now: refused before anything is asked.
    let (asked, requests) = server(|_, _, _| {});
    assert!(get(of(asked, "/"), &["-o", path(&new)]).expect(23).stderr.contains("--force"));
    assert!(requests.try_recv().is_err());
    std::fs::write(&new, "longer than hello").expect("ours");
    get(of(whole, "/"), &["-o", path(&new), "--force"]).expect(0);
    assert_eq!(std::fs::read(&new).expect("there"), b"hello");
    // A link is followed; the file that it leads to is made.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("target", &link).expect("a link can be made");
    get(of(whole, "/"), &["-o", path(&link)]).expect(0);
    assert_eq!(std::fs::read(dir.path().join("target")).expect("made"), b"hello");
    assert!(link.is_symlink());
}

#[test]
fn a_file_for_which_nothing_came_does_not_stay() {
    let dir = directory();
    let out = dir.path().join("out");
    let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry";
    get(of(answering(refused, Then::Close), "/"), &["--fail", "-o", path(&out)]).expect(22);
    get(of(answering("", Then::Close), "/"), &["-o", path(&out)]).expect(52);
    assert!(!out.exists());
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    get(of(answering(empty, Then::Close), "/"), &["-o", path(&out)]).expect(0);
    assert_eq!(std::fs::read(&out).expect("an empty body is a body"), b"");
    std::fs::remove_file(&out).expect("ours");
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    get(of(answering(short, Then::Close), "/"), &["-o", path(&out)]).expect(18);
    assert_eq!(std::fs::read(out.with_extension("part")).expect("what came is kept"), b"hel");
}

#[test]
fn devices_and_fifos_are_written_as_they_are() {
    let whole = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close);
    assert!(get(of(whole, "/"), &["-o", "/dev/full"]).expect(23).stderr.contains("/dev/full"));
    get(of(whole, "/"), &["-o", "/dev/null"]).expect(0);
    assert_eq!(get(of(whole, "/"), &["-o", "/dev/stdout"]).expect(0).text(), "hello");
    assert_eq!(get(of(whole, "/"), &["-o", "-"]).expect(0).text(), "hello");
    let Some(mut mkfifo) = peer("mkfifo") else { return };
    let dir = directory();
    let fifo = dir.path().join("fifo");
    run(mkfifo.arg(&fifo), b"").expect(0);
    let running = start(&mut sockkit(["get", &of(whole, "/"), "-o", path(&fifo)]));
    assert_eq!(std::fs::read(&fifo).expect("the other end"), b"hello");
    running.end().expect(0);
    assert!(fifo.exists());
}

#[test]
fn a_full_standard_output_is_23() {
    let whole = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended = run(sockkit(["get", &of(whole, "/")]).stdout(full), b"").expect(23);
    assert!(ended.stderr.contains("standard output"), "{}", ended.stderr);
}

#[test]
fn a_standard_output_that_was_closed_is_23_once_data_comes() {
    let Some(mut shell) = peer("sh") else { return };
    let whole = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close);
    let empty = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close);
    let closed = [env!("CARGO_BIN_EXE_sockkit"), "get"].join(" ");
    run(shell.arg("-c").arg(format!("{closed} {} >&-", of(whole, "/"))), b"").expect(23);
    let Some(mut shell) = peer("sh") else { return };
    run(shell.arg("-c").arg(format!("{closed} {} >&- 2>&- <&-", of(empty, "/"))), b"").expect(0);
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let waits = "HTTP/1.1 200 OK\r\n\r\nthe first bytes";
    for reply in [waits, ""] {
        let mut command = sockkit(["get", &of(answering(reply, Then::Hold), "/")]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("piped");
        let mut first = vec![0; reply.split("\r\n\r\n").nth(1).map_or(0, str::len)];
        stdout.read_exact(&mut first).expect("the body begins");
        let began = Instant::now();
        drop(stdout);
        let ended = child.wait_with_output().expect("ours");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(13), "{:?}", ended.status);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(ended.stderr, b"");
    }
}

#[test]
fn a_reader_behind_a_socket_that_has_gone_ends_it_too() {
    let address = answering("", Then::Hold);
    let port = address.port().to_string();
    // Only the hang-up tells of it: a poll that wakes for it and does nothing about it would spin.
    for args in [&["get", &of(address, "/")][..], &["connect", "-d", "127.0.0.1", &port]] {
        let (near, far) = UnixStream::pair().expect("a pair can be made");
        let running = start(sockkit(args.iter().chain(&["-v"])).stdout(Stdio::from(OwnedFd::from(far))));
        running.line("connected to");
        drop(near);
        running.end_within(Duration::from_secs(1)).expect(141);
    }
}

#[test]
fn a_reader_that_pauses_loses_nothing_and_memory_stays_flat() {
    let body = random(32 << 20, 2);
    let reply = [&b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n"[..], &body].concat();
    let mut command = sockkit(["get", &of(answering(reply, Then::Close), "/")]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = child.stdout.take().expect("piped");
    let mut got = vec![0; 1];
    stdout.read_exact(&mut got).expect("the body begins");
    thread::sleep(Duration::from_millis(300));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|kib| kib.trim().trim_end_matches(" kB"));
    assert!(peak.is_none_or(|kib| kib.parse::<u64>().expect("a number") < 24 * 1024), "{status}");
    stdout.read_to_end(&mut got).expect("the rest comes");
    assert_same(&got, &body);
    assert!(child.wait().expect("ours").success());
}

#[test]
fn a_signal_keeps_what_came() {
    let dir = directory();
    let out = dir.path().join("out");
    let half = answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Hold);
    let running = start(&mut sockkit(["get", &of(half, "/"), "-o", path(&out), "-vv"]));
    running.line("wrote 4 bytes to the local end");
    running.signal(15);
    running.end().expect(128 + 15);
    assert_eq!(std::fs::read(out.with_extension("part")).expect("it stays"), b"half");
}

#[test]
fn verbose_tells_the_exchange_escaped() {
    let reply = "HTTP/1.1 200 \x1b[31mOK\r\nA: b\u{202e}c\r\nContent-Length: 2\r\n\r\nok";
    let odd = get(of(answering(reply, Then::Close), "/p?q"), &["-v"]);
    // ESC in a reason phrase is malformed (RFC 9112 §4); it must not reach the terminal either way.
    assert_eq!(odd.code(), 8);
    assert!(!odd.stderr.contains('\x1b') && odd.stderr.contains("> GET /p?q HTTP/1.1"), "{}", odd.stderr);
    let reply = "HTTP/1.1 200 OK\r\nA: b\u{202e}c\r\nContent-Length: 2\r\n\r\nok";
    let told = get(of(answering(reply, Then::Close), "/"), &["-v"]).expect(0).stderr;
    assert!(told.contains("< HTTP/1.1 200 OK") && told.contains(r"< A: b\u{202e}c"), "{told}");
    assert!(told.contains("body complete: 2 bytes"), "{told}");
}

#[test]
fn progress_is_said_where_it_was_asked_for() {
    let whole = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::Close);
    assert_eq!(get(of(whole, "/"), &[]).expect(0).stderr, "");
    assert_eq!(get(of(whole, "/"), &["-o", "/dev/null"]).expect(0).stderr, "");
    assert_eq!(get(of(whole, "/"), &["--progress=always", "-q"]).expect(0).stderr, "");
    let said = get(of(whole, "/"), &["--progress=always"]).expect(0);
    assert!(said.stderr.contains("5 B of 5 B") && said.text() == "hello", "{}", said.stderr);
    let json = get(of(whole, "/"), &["--progress=always", "--json"]).expect(0).stderr;
    assert!(json.contains(r#""event":"progress""#) && json.contains(r#""total":5"#), "{json}");
    // A line a second, also while nothing comes.
    let stalled = answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::Hold);
    let running = start(&mut sockkit(["get", &of(stalled, "/"), "--progress=always", "--json", "-o", "/dev/null"]));
    let lines = [(); 2].map(|()| running.line(r#""event":"progress""#));
    let seconds = lines.map(|line| {
        let object: serde_json::Value = serde_json::from_str(&line).expect("an object a line");
        assert_eq!((&object["bytes"], &object["total"]), (&4.into(), &9.into()), "{line}");
        object["seconds"].as_f64().expect("it is told when")
    });
    assert!(seconds[0] >= 1.0 && seconds[1] >= 2.0 && seconds[1] < 8.0, "{seconds:?}");
    // The last one says how far it came.
    running.signal(15);
    let told = running.end().expect(128 + 15).stderr;
    assert!(told.matches(r#""event":"progress""#).count() >= 3, "{told}");
}

#[test]
fn a_bar_is_drawn_on_a_terminal() {
    let (is_drawn, drawn) = channel::<()>();
    let drawn = Mutex::new(drawn);
    let slow = server(move |n, _, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
        if n == 0 {
            // The rest must not come before the bar has shown this half.
            let _ = drawn.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT);
        } else {
            // Time for a bar that there should not be.
            thread::sleep(Duration::from_millis(500));
        }
        let _ = stream.write_all(b"half");
    });
    let dir = directory();
    let out = dir.path().join("out");
    let on_terminal = |options: &str| {
        let command = format!("{} get {} {options}", env!("CARGO_BIN_EXE_sockkit"), of(slow.0, "/"));
        let mut script = peer("script")?;
        script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm");
        Some(Talk::start(&mut script))
    };
    let Some(mut terminal) = on_terminal(&format!("-o {}", out.display())) else { return };
    terminal.until("4 B/8 B");
    is_drawn.send(()).expect("the server waits");
    assert!(terminal.end().expect(0).text().contains('%'));
    assert_eq!(std::fs::read(&out).expect("made"), b"halfhalf");
    let plain = on_terminal(&format!("--progress=never --force -o {}", out.display())).expect("it is there");
    assert_eq!(plain.end().expect(0).text(), "");
}
