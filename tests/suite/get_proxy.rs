//! `get` through HTTP proxies: those that read requests, those that open tunnels, and those that do neither.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::web::{Client, Request, answering, serving};
use crate::support::{Ended, peer, run, sockkit, wire};
use serde_json::Value;

/// "user:hunter2" in base64, which nobody but the proxy may see.
const SECRET: &str = "dXNlcjpodW50ZXIy";

fn get(args: &[&str]) -> Ended {
    run(&mut sockkit(["get"].iter().chain(args)), b"")
}

fn all(requests: &Receiver<Request>) -> Vec<Request> {
    requests.try_iter().collect()
}

/// `--proxy` for one at this address that wants to know who asks.
fn known(address: SocketAddr) -> String {
    format!("http://user:hunter2@{address}")
}

/// Answers as the origin would, with the target that was asked for.
fn echo(request: &Request, client: &mut Client) -> bool {
    client.answer(request.start().split_once(' ').map_or("", |(_, target)| target));
    true
}

/// Opens a tunnel to `origin` after this reply, whoever was asked for.
fn tunnel(client: &mut Client, reply: &[u8], origin: SocketAddr) {
    client.send(reply);
    let near = client.stream.try_clone().expect("a socket can be cloned");
    let far = TcpStream::connect(origin).expect("the origin listens");
    let (near2, far2) = (near.try_clone().expect("as above"), far.try_clone().expect("as above"));
    let back = thread::spawn(move || pump(far2, near2));
    pump(near, far);
    let _ = back.join();
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// A proxy that opens tunnels to `origin`.
fn tunnelling(reply: &'static str, origin: SocketAddr) -> (SocketAddr, Receiver<Request>) {
    answering(move |_, client| {
        tunnel(client, reply.as_bytes(), origin);
        false
    })
}

const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// What makes a tunnel of an http:// URL: its lines name another host than the one that is to be asked.
const DETOUR: [&str; 2] = ["--connect-to", "www.example.com:80:inner.example:8080"];

/// `get` of `/a` through a tunnel.
fn through(proxy: &str, options: &[&str]) -> Ended {
    get(&[&["http://www.example.com/a", "--proxy", proxy], &DETOUR[..], options].concat())
}

#[test]
fn a_proxy_reads_the_requests_of_http_urls() {
    let (proxy, requests) = answering(echo);
    let urls = ["http://www.example.com/a?b#c", "www.example.com/d", "http://[::1]:81/", "http://www.example.com:80/e"];
    let ended = get(&[&urls[..], &["-v", "--proxy", &known(proxy)]].concat()).expect(0);
    let targets = ["/a?b", "/d", "", "/e"].map(|path| format!("http://www.example.com{path}"));
    let targets = [&targets[0], &targets[1], "http://[::1]:81/", &targets[3]];
    assert_eq!(ended.text(), targets.concat());
    let requests = all(&requests);
    let hosts = ["www.example.com", "www.example.com", "[::1]:81", "www.example.com"];
    for ((request, target), host) in requests.iter().zip(targets).zip(hosts) {
        assert_eq!(request.start(), format!("GET {target}"));
        assert_eq!(request.field("host"), Some(host));
        assert_eq!(request.field("proxy-authorization"), Some(format!("Basic {SECRET}").as_str()));
    }
    // A connection is kept, and for one origin alone.
    assert_eq!(requests.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 1, 0]);
    for part in [
        format!("the proxy {proxy} (--proxy) passes on what is for www.example.com:80"),
        format!("[::1]:81 through {proxy}"),
    ] {
        assert!(ended.stderr.contains(&part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn every_method_and_a_body_go_through_it() {
    let (proxy, requests) = answering(|request, client| {
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        client.send(if request.start().starts_with("HEAD") { "" } else { "body" });
        true
    });
    let proxy = proxy.to_string();
    assert!(get(&["-I", "h.example", "--proxy", &proxy]).expect(0).text().starts_with("HTTP/1.1 200"));
    let posted = get(&["--data", "sent", "http://h.example/p", "--proxy", &proxy, "--http1.0"]).expect(0);
    assert_eq!(posted.text(), "body");
    let requests = all(&requests);
    assert_eq!((requests[0].start(), requests[0].field("proxy-authorization")), ("HEAD http://h.example/", None));
    assert!(requests[1].head.starts_with("POST http://h.example/p HTTP/1.0\r\n"), "{}", requests[1].head);
    assert_eq!(requests[1].body, b"sent");
}

#[test]
fn a_tunnel_leads_to_the_target_and_the_proxy_reads_no_more() {
    let (origin, asked) = answering(echo);
    let manners = [
        OPEN,
        "HTTP/1.0 200\r\n\r\n",
        "HTTP/1.1 100 -\r\n\r\nHTTP/1.1 103 -\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n",
        "HTTP/1.1 204 -\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for reply in manners {
        let (proxy, requests) = tunnelling(reply, origin);
        let urls = ["http://www.example.com/a", "http://www.example.com/b"];
        let ended = get(&[&urls[..], &DETOUR, &["-v", "--proxy", &known(proxy)]].concat()).expect(0);
        assert_eq!(ended.text(), "/a/b", "{reply}");
        let connects = all(&requests);
        assert_eq!(connects.iter().map(Request::start).collect::<Vec<_>>(), ["CONNECT inner.example:8080"], "{reply}");
        assert_eq!(connects[0].field("host"), Some("inner.example:8080"));
        assert!(connects[0].field("proxy-authorization").is_some_and(|value| value.ends_with(SECRET)));
        assert!(
            ended.stderr.contains(&format!("using the connection to inner.example:8080 through {proxy} once more"))
        );
    }
    for request in all(&asked) {
        assert_eq!(request.field("host"), Some("www.example.com"));
        assert_eq!(request.field("proxy-authorization"), None);
    }
}

#[test]
fn a_reply_may_come_byte_by_byte() {
    let (origin, _requests) = answering(echo);
    let (proxy, _connects) = answering(move |_, client| {
        client.stream.set_nodelay(true).expect("TCP has it");
        let (last, start) = OPEN.as_bytes().split_last().expect("it is not empty");
        for byte in start {
            client.send([*byte]);
        }
        tunnel(client, &[*last], origin);
        false
    });
    let proxy = proxy.to_string();
    assert_eq!(through(&proxy, &[]).expect(0).text(), "/a");
}

#[test]
fn what_is_glued_behind_the_reply_is_the_targets() {
    let glued = format!("{OPEN}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nglued");
    let (proxy, _requests) = answering(move |_, client| {
        client.send(&glued);
        client.head();
        false
    });
    let proxy = proxy.to_string();
    assert_eq!(through(&proxy, &[]).expect(0).text(), "glued");
}

#[test]
fn a_proxy_that_refuses_is_97_and_says_why() {
    let table = [
        ("403 No\u{202e}Way", "proxy", "it refuses: 403 No\\u{202e}Way"),
        ("502 Bad Gateway", "proxy", "502 Bad Gateway"),
        ("302 Found\r\nLocation: http://login.example/", "proxy", "302 Found"),
        ("407 Who", "proxy", "SOCKKIT_PROXY_PASSWORD"),
        ("407 Who\r\nProxy-Authenticate: Negotiate", "proxy", "it wants Negotiate"),
        ("407 Who", "user:hunter2@proxy", "does not accept the credentials"),
    ];
    for (reply, user, words) in table {
        let reply = format!("HTTP/1.1 {reply}\r\nContent-Length: 4\r\n\r\npage");
        let (proxy, _requests) = answering(move |_, client| {
            client.send(&reply);
            false
        });
        let proxy = user.replace("proxy", &proxy.to_string());
        let ended = through(&proxy, &[]).expect(97);
        assert!(ended.stderr.contains(words) && ended.stderr.contains("to inner.example:8080"), "{}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

/// A proxy that hears a request and then does this.
fn then(act: impl Fn(Client) + Send + Sync + 'static) -> String {
    let address = serving(move |mut client| {
        client.head();
        act(client);
    });
    address.to_string()
}

#[test]
fn a_proxy_that_misbehaves_has_its_code() {
    let endless = || {
        then(|mut client| {
            client.send("HTTP/1.1 200 OK\r\nX: ");
            while client.stream.write_all(&[b'x'; 4096]).is_ok() {}
        })
    };
    let table: [(String, i32, &str); 6] = [
        (then(drop), 97, "ended the connection"),
        (then(|client| wire::reset(client.stream)), 56, "reset"),
        (then(|mut client| client.send("HTTP/1.1 200 OK\r\n")), 8, "inside its head"),
        (then(|mut client| client.send("SSH-2.0-nobody\r\n")), 8, "begins with \"S\""),
        (then(|mut client| client.send("HTTP/1.1 100 -\r\n\r\n".repeat(11))), 63, "interim"),
        (endless(), 63, "too large"),
    ];
    for (proxy, code, words) in table {
        let ended = through(&proxy, &[]).expect(code);
        assert!(ended.stderr.contains(words) && ended.stderr.contains("the proxy"), "{}", ended.stderr);
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named_as_one() {
    let nobody = wire::refusing().to_string();
    for options in [&[][..], &DETOUR] {
        let get = |proxy: &str| get(&[&["http://www.example.com", "--proxy", proxy], options].concat());
        let ended = get(&nobody).expect(7);
        assert!(
            ended.stderr.contains("that is the proxy on the way to ") && ended.stderr.contains("as --proxy says"),
            "{}",
            ended.stderr
        );
        let ended = get("no-such-name.invalid:1").expect(5);
        assert!(ended.stderr.contains("resolve the proxy no-such-name.invalid"), "{}", ended.stderr);
    }
}

#[test]
fn a_silent_or_dripping_proxy_ends_at_the_limit_which_names_the_phase() {
    let silent = then(|mut client| client.until_gone());
    let dripping = then(|mut client| {
        client.send("HTTP/1.1 200 OK\r\nX: ");
        while client.stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    // The proxy has to be reached within the limit: that is long, and all are waited for at once.
    let (limit, length) = ("3", Duration::from_secs(3));
    let ends = |proxy: &str, option| {
        let began = Instant::now();
        let ended = through(proxy, &[option, limit]).expect(28);
        let took = began.elapsed();
        assert!(took >= length && took < Duration::from_secs(20), "{took:?}");
        assert!(ended.stderr.contains(&format!("wait for the proxy {proxy}: timed out")), "{}", ended.stderr);
    };
    thread::scope(|scope| {
        for proxy in [&silent, &dripping] {
            for option in ["--connect-timeout", "-w", "--deadline"] {
                scope.spawn(move || ends(proxy, option));
            }
        }
    });
}

#[test]
fn the_credentials_are_the_proxys_alone() {
    let (direct, at_direct) = answering(|_, client| {
        client.answer("the end");
        true
    });
    let (inner, at_inner) = answering(move |_, client| {
        client.send(format!("HTTP/1.1 302 -\r\nLocation: http://{direct}/3\r\nContent-Length: 0\r\n\r\n"));
        true
    });
    // It passes on what is for h.example, which redirects into a tunnel, and from there to whom no proxy leads.
    let (proxy, at_proxy) = answering(move |request, client| {
        if request.start().starts_with("CONNECT") {
            tunnel(client, OPEN.as_bytes(), inner);
            return false;
        }
        client.send("HTTP/1.1 302 -\r\nLocation: http://www.example.com/2\r\nContent-Length: 0\r\n\r\n");
        true
    });
    let (user, password) = (format!("http://user@{proxy}"), "hunter2");
    let options = ["http://h.example/1", "--no-proxy", "127.0.0.0/8", DETOUR[0], DETOUR[1]];
    let outcomes = [
        (&["-vv"][..], format!("{direct} is asked without the proxy")),
        (&["-vv", "--json"], "\"event\":\"proxy-bypassed\"".into()),
    ];
    for (more, bypassed) in outcomes {
        let by_url = get(&[&options[..], more, &["--proxy", &known(proxy)]].concat());
        let by_variable = run(
            sockkit(["get", "--proxy", &user]).args(options).args(more).env("SOCKKIT_PROXY_PASSWORD", password),
            b"",
        );
        let line = format!("proxy-authorization: Basic {SECRET}");
        let by_line = get(&[&options[..], more, &["--proxy", &proxy.to_string(), "-H", &line]].concat());
        let by_environment = run(
            sockkit(["get"]).args(options).args(more).env("http_proxy", &user).env("SOCKKIT_PROXY_PASSWORD", password),
            b"",
        );
        for ended in [by_url, by_variable, by_line, by_environment] {
            let ended = ended.expect(0);
            assert_eq!(ended.text(), "the end");
            let told = &ended.stderr;
            assert!(told.contains("Proxy-Authorization: ***") || told.contains("proxy-authorization: ***"), "{told}");
            assert!(!told.contains(SECRET) && !told.contains(password), "{told}");
            assert!(told.contains(&bypassed), "{told}");
        }
    }
    let at_proxy = all(&at_proxy);
    assert_eq!(at_proxy.len(), 16);
    assert!(at_proxy.iter().all(|request| request.field("proxy-authorization").is_some_and(|v| v.ends_with(SECRET))));
    let origins = [all(&at_inner), all(&at_direct)].concat();
    assert_eq!(origins.len(), 16);
    for request in origins {
        assert!(!request.head.to_lowercase().contains("proxy-auth") && !request.head.contains(SECRET), "{request:?}");
    }
}

#[test]
fn a_407_of_a_proxy_that_reads_requests_is_an_answer() {
    let (proxy, _requests) = answering(|_, client| {
        client.send("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 4\r\n\r\npage");
        true
    });
    let (proxy, known) = (proxy.to_string(), known(proxy));
    let ended = get(&["h.example", "--proxy", &proxy]).expect(0);
    assert_eq!(ended.text(), "page");
    assert!(ended.stderr.contains(&format!("the answer of the proxy {proxy}")), "{}", ended.stderr);
    assert!(ended.stderr.contains("SOCKKIT_PROXY_PASSWORD"), "{}", ended.stderr);
    let ended = get(&["h.example", "--proxy", &known, "--fail"]).expect(22);
    assert!(ended.stderr.contains("does not accept the credentials"), "{}", ended.stderr);
    // Nobody else's is taken for one.
    let ended = get(&[&proxy, "--no-proxy", "*"]).expect(0);
    assert!(!ended.stderr.contains("proxy"), "{}", ended.stderr);
}

/// Names and values.
type Variables<'a> = &'a [(&'a str, &'a str)];

#[test]
fn the_environment_counts_as_for_curl_and_options_go_before_it() {
    let (proxy, requests) = answering(echo);
    let (origin, _at_origin) = answering(|_, client| {
        client.answer("direct");
        true
    });
    let (proxy, url) = (proxy.to_string(), format!("http://{origin}/"));
    let table: [(Variables<'_>, &[&str], bool); 9] = [
        (&[("http_proxy", &proxy)], &[], true),
        (&[("all_proxy", &proxy)], &[], true),
        (&[("ALL_PROXY", &proxy), ("no_proxy", "")], &[], true),
        (&[("HTTP_PROXY", &proxy), ("https_proxy", &proxy), ("HTTPS_PROXY", &proxy)], &[], false),
        (&[("http_proxy", &proxy), ("no_proxy", "localhost,127.0.0.0/8")], &[], false),
        (&[("http_proxy", &proxy), ("NO_PROXY", "*")], &[], false),
        (&[("http_proxy", &proxy), ("no_proxy", "*")], &["--no-proxy", "example.com"], true),
        (&[("http_proxy", &proxy)], &["--no-proxy", "127.0.0.1"], false),
        (&[("http_proxy", "socks5://nobody"), ("no_proxy", "example.com")], &["--proxy", &proxy], true),
    ];
    for (variables, options, goes_through) in table {
        let wanted = if goes_through { url.as_str() } else { "direct" };
        let ended = run(sockkit(["get", &url]).args(options).envs(variables.iter().copied()), b"").expect(0);
        assert_eq!(ended.text(), wanted, "{variables:?} {options:?}");
        let Some(mut curl) = peer("curl") else { continue };
        let options = options.iter().map(|option| option.replace("no-proxy", "noproxy"));
        let curl = run(curl.args(["-s", &url]).args(options).envs(variables.iter().copied()), b"").expect(0);
        assert_eq!(curl.text(), wanted, "curl: {variables:?}");
    }
    drop(requests);
}

#[test]
fn it_asks_a_proxy_as_curl_does() {
    let (proxy, requests) = answering(|request, client| {
        client.answer(if request.start().starts_with("CONNECT") { "" } else { "x" });
        false
    });
    let proxy = known(proxy);
    let cases: [&[&str]; 4] = [
        &["http://www.example.com/a?b#c"],
        &["http://[::1]:81", "-X", "OPTIONS"],
        &["https://www.example.com/"],
        &["http://www.example.com", DETOUR[0], DETOUR[1]],
    ];
    let has_tls = cfg!(feature = "tls");
    for case in cases.into_iter().filter(|case| has_tls || !case[0].starts_with("https")) {
        let Some(mut curl) = peer("curl") else { return };
        run(curl.args(["-s", "--proxy", &proxy, "--max-time", "20"]).args(case), b"");
        get(&[case, &["--proxy", &proxy]].concat());
        let fields = |request: &Request| {
            let of = |name| request.field(name).map(str::to_owned);
            (request.head.lines().next().map(str::to_owned), of("host"), of("proxy-authorization"))
        };
        let requests = all(&requests);
        let (theirs, ours) = (fields(&requests[0]), fields(requests.last().expect("two at least")));
        assert_eq!(ours, theirs, "{case:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let table: [(&[&str], &str); 8] = [
        (&["--proxy", "https://user:hunter2@proxy"], "https:// proxies are not supported"),
        (&["--proxy", "socks5h://user:hunter2@proxy"], "socks5h:// proxies are not supported"),
        (&["--proxy", "user:hunter2"], "port"),
        (&["--proxy", ""], "no host"),
        (&["--proxy", "user@proxy"], "SOCKKIT_PROXY_PASSWORD"),
        (&["--no-proxy", "10.0.0.0/99"], "no name, address or network"),
        (&["--proxy", "proxy", "--unix-socket", "/s"], "cannot be used with"),
        (&["--no-proxy", "h", "--unix-socket", "/s"], "cannot be used with"),
    ];
    for (options, words) in table {
        let ended = get(&[&["http://h.example/"], options].concat()).expect(2);
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let ended =
        run(sockkit(["get", "http://h.example/"]).env("all_proxy", "socks5://user:hunter2@proxy"), b"").expect(2);
    assert!(ended.stderr.contains("all_proxy: socks5://") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn a_unix_socket_goes_before_the_environment() {
    let dir = crate::support::directory();
    let path = dir.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("the directory is ours");
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client comes");
        let mut request = vec![0; 4];
        client.read_exact(&mut request).expect("a request comes");
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        let _ = client.read_to_end(&mut request);
    });
    let mut command = sockkit(["get", "h.example", "--unix-socket", path.to_str().expect("it is text")]);
    assert_eq!(run(command.env("http_proxy", "nobody.invalid"), b"").expect(0).text(), "x");
    server.join().expect("it has served");
}

#[test]
fn resolve_is_about_who_is_looked_up_here() {
    let (proxy, requests) = answering(echo);
    let port = proxy.port();
    let resolve = format!("proxy.invalid:{port}:127.0.0.1");
    let by_name = format!("Proxy.Invalid:{port}");
    let options = ["--proxy", &by_name, "--resolve", &resolve, "--resolve", "h.example:80:192.0.2.1", "-n"];
    let ended = get(&[&["http://h.example/"], &options[..]].concat()).expect(0);
    assert_eq!(ended.text(), "http://h.example/");
    assert!(ended.stderr.contains("--resolve has no say about h.example:80"), "{}", ended.stderr);
    assert_eq!(all(&requests).len(), 1);
}

#[test]
fn the_time_that_a_proxy_takes_is_part_of_connecting() {
    const DELAY: Duration = Duration::from_millis(300);
    let (origin, _requests) = answering(echo);
    let (proxy, _connects) = answering(move |_, client| {
        thread::sleep(DELAY);
        tunnel(client, OPEN.as_bytes(), origin);
        false
    });
    let proxy = proxy.to_string();
    let began = Instant::now();
    let ended = through(&proxy, &["-v", "--json"]).expect(0);
    let took = began.elapsed();
    let lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let timing = lines.into_iter().find(|line| line["event"] == "timing").expect("-v tells it");
    let seconds = |name: &str| timing[name].as_f64().unwrap_or(0.0);
    let phases = ["resolve", "connect", "tls", "send", "first_byte", "body"];
    assert!((phases.map(seconds).iter().sum::<f64>() - seconds("total")).abs() < 0.001, "{timing}");
    assert!(seconds("connect") >= DELAY.as_secs_f64(), "{timing}");
    // Counted in another phase too, it would make more of them than the whole run took.
    assert!(seconds("total") <= took.as_secs_f64(), "{timing} {took:?}");
}

#[cfg(feature = "tls")]
mod encrypted {
    use super::*;
    use crate::support::tls::{Ca, LeafOptions};
    use crate::support::{Running, directory, python, start};

    /// Answers every request with "whole" and prints its head.
    const ORIGIN: &str = r#"
import socket, ssl, sys, threading
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
def serve(raw):
    try:
        tls = ctx.wrap_socket(raw, server_side=True)
        got = b""
        while True:
            while b"\r\n\r\n" not in got:
                piece = tls.recv(4096)
                if not piece: return
                got += piece
            head, got = got.split(b"\r\n\r\n", 1)
            print(head.decode(), flush=True)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
    except (OSError, ssl.SSLError): pass
while True: threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"#;

    /// An origin whose certificate is for www.example.com, and what vouches for it.
    struct Origin {
        ca: Ca,
        server: Running,
        address: SocketAddr,
        _dir: tempfile::TempDir,
    }

    impl Origin {
        fn new() -> Option<Self> {
            let dir = directory();
            let ca = Ca::new(&dir);
            let leaf = ca.leaf(LeafOptions::of(&["www.example.com"]));
            let [chain, key] = [&leaf.chain, &leaf.key].map(|path| path.to_str().expect("plain names"));
            let server = start(&mut python(ORIGIN, &[chain, key])?);
            let address = server.address();
            Some(Origin { ca, server, address, _dir: dir })
        }

        fn get(&self, args: &[&str]) -> Ended {
            run(sockkit(["get", "--tls-ca"]).arg(&self.ca.file).args(args), b"")
        }
    }

    #[test]
    fn https_goes_through_a_tunnel_and_the_certificate_is_the_origins() {
        let Some(origin) = Origin::new() else { return };
        let (proxy, requests) = tunnelling(OPEN, origin.address);
        let options = ["-vv", "--proxy", &known(proxy)];
        let urls = ["https://www.example.com/a", "https://www.example.com/b"];
        let ended = origin.get(&[&urls[..], &options].concat()).expect(0);
        assert_eq!(ended.text(), "wholewhole");
        assert!(ended.stderr.contains(&format!("www.example.com:443 through {proxy}")), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains(SECRET), "{}", ended.stderr);
        let connects = all(&requests);
        assert_eq!(connects.iter().map(Request::start).collect::<Vec<_>>(), ["CONNECT www.example.com:443"]);
        assert!(connects[0].field("proxy-authorization").is_some());
        // Whoever the proxy leads to has to be who was asked for.
        let refused = origin.get(&["https://other.example.com/c", "--proxy", &proxy.to_string()]).expect(60);
        assert!(refused.stderr.contains("other.example.com:443 through"), "{}", refused.stderr);
        origin.server.signal(15);
        let heard = origin.server.end().text();
        assert!(heard.contains("GET /a HTTP/1.1\nHost: www.example.com\n") || heard.contains("GET /a HTTP/1.1\r\n"));
        assert!(!heard.to_lowercase().contains("proxy") && !heard.contains("GET /c"), "{heard}");
    }

    #[test]
    fn the_proxy_of_https_urls_is_another_variable() {
        let Some(origin) = Origin::new() else { return };
        let (proxy, requests) = tunnelling(OPEN, origin.address);
        let command = |name: &str| {
            let mut command = sockkit(["get", "https://www.example.com/", "--tls-ca"]);
            command.arg(&origin.ca.file).env(name, proxy.to_string());
            command
        };
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy"] {
            assert_eq!(run(&mut command(name), b"").expect(0).text(), "whole", "{name}");
        }
        assert_eq!(all(&requests).len(), 3);
    }

    #[test]
    fn plain_text_of_the_target_is_no_handshake() {
        let glued = format!("{OPEN}plain text where TLS was expected\r\n");
        let proxy = then(move |mut client| {
            client.send(&glued);
            client.until_gone();
        });
        let ended = get(&["https://www.example.com/", "--proxy", &proxy]).expect(35);
        assert!(ended.stderr.contains("www.example.com:443 through"), "{}", ended.stderr);
    }
}
