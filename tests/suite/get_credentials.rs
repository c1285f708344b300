//! Who asks: every way to log in, cookies, the program's name, conditions; where a secret is read from, and that no
//! mistake of the command line repeats it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::Receiver;

use crate::support::web::{Client, Request, answering};
use crate::support::{Ended, directory, file, python, run, sockkit, start};

/// user:hunter2
const BASIC: &str = "Basic dXNlcjpodW50ZXIy";

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test is text")
}

fn ok(_: &Request, client: &mut Client) -> bool {
    client.answer("ok");
    true
}

/// A server, and what it was asked.
struct Place {
    address: SocketAddr,
    requests: Receiver<Request>,
}

impl Place {
    fn new() -> Self {
        let (address, requests) = answering(ok);
        Place { address, requests }
    }

    /// The request that this makes of it; nothing of it is secret that is told.
    fn asked(&self, options: &[&str], environment: &[(&str, &str)]) -> Request {
        let mut command = sockkit(["get", "-vv", &of(self.address, "/")]);
        let ended = run(command.args(options).envs(environment.iter().copied()), b"").expect(0);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains(BASIC), "{}", ended.stderr);
        self.requests.try_recv().expect("it was asked")
    }
}

fn get(options: &[&str]) -> Ended {
    run(sockkit(["get"]).args(options), b"")
}

/// Options, environment, and what is sent.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Option<&'a str>);

#[test]
fn every_way_to_log_in() {
    let dir = directory();
    let user = file(&dir, "user", b"user:hunter2\n");
    let token = file(&dir, "token", b"hunter2\r\n");
    let netrc =
        file(&dir, ".netrc", b"machine other login x password y\nmachine 127.0.0.1 login user password hunter2");
    let nobody = file(&dir, "nobody", b"machine other login x password y");
    let (password, bearer) = (("SOCKKIT_PASSWORD", "hunter2"), ("SOCKKIT_BEARER", "hunter2"));
    let (home, token_sent) = (("HOME", text(dir.path())), Some("Bearer hunter2"));
    let table: &[Case<'_>] = &[
        (&[], &[], None),
        (&["-u", "user:hunter2"], &[], Some(BASIC)),
        (&["--user=user:hunter2"], &[password], Some(BASIC)),
        (&["-u", "user"], &[password], Some(BASIC)),
        (&["--user-file", text(&user)], &[], Some(BASIC)),
        (&["--bearer", "hunter2"], &[], token_sent),
        (&["--bearer-file", text(&token)], &[], token_sent),
        (&["--bearer-env"], &[bearer], token_sent),
        (&["--netrc"], &[home], Some(BASIC)),
        (&["--netrc-file", text(&netrc)], &[], Some(BASIC)),
        (&["--netrc-file", text(&nobody)], &[], None),
        (&["-H", "Authorization: Bearer hunter2"], &[], token_sent),
        // What is only there is not sent.
        (&[], &[password, bearer, home], None),
    ];
    let place = Place::new();
    for (options, environment, wanted) in table {
        let request = place.asked(options, environment);
        assert_eq!(request.field("authorization"), *wanted, "{options:?}");
        assert!(request.head.matches("uthorization").count() <= 1, "{}", request.head);
    }
}

#[test]
fn a_url_says_who_asks_and_its_request_does_not_repeat_it() {
    let dir = directory();
    let netrc =
        file(&dir, "netrc", b"machine 127.0.0.1 login other password x machine 127.0.0.1 login user password hunter2");
    let (address, requests) = answering(ok);
    let netrc = ["--netrc-file", text(&netrc)];
    let table: [(&str, &[&str], Option<&str>); 7] = [
        ("http://user:hunter2@", &[], Some(BASIC)),
        ("user:hunter2@", &[], Some(BASIC)),
        ("http://%75ser:hunter%32@", &[], Some(BASIC)),
        ("http://user@", &[], Some("Basic dXNlcjo=")),
        ("http://@", &[], None),
        ("http://user@", &netrc, Some(BASIC)),
        // Not in the file.
        ("http://use@", &netrc, Some("Basic dXNlOg==")),
    ];
    for (before, options, wanted) in table {
        for voice in ["-vv", "--json"] {
            let ended = get(&[&[&format!("{before}{address}/a@b"), voice], options].concat()).expect(0);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
            let request = requests.try_recv().expect("it was asked");
            assert_eq!(request.field("authorization"), wanted, "{before} {options:?}");
            assert_eq!((request.start(), request.field("host")), ("GET /a@b", Some(&*address.to_string())));
        }
    }
}

#[test]
fn each_url_has_its_own() {
    let places = [Place::new(), Place::new(), Place::new()];
    let [one, two, three] = places.each_ref().map(|place| place.address);
    get(&[&format!("http://user:hunter2@{one}/"), &of(two, "/"), &format!("http://other:x@{three}/")]).expect(0);
    let sent = places.map(|place| place.requests.try_recv().expect("asked").field("authorization").map(str::to_owned));
    assert_eq!(sent, [Some(BASIC.to_owned()), None, Some("Basic b3RoZXI6eA==".to_owned())]);
    // One way to log in is for all that were asked for.
    let places = [Place::new(), Place::new()];
    get(&["-u", "user:hunter2", &of(places[0].address, "/"), &of(places[1].address, "/")]).expect(0);
    for place in places {
        assert_eq!(place.requests.try_recv().expect("asked").field("authorization"), Some(BASIC));
    }
}

#[test]
fn cookies_and_a_name() {
    let dir = directory();
    let cookies = file(&dir, "cookies", b"a=hunter2; b=2\n");
    let at_cookies = format!("@{}", text(&cookies));
    let place = Place::new();
    let sent = |options: &[&str]| place.asked(options, &[]).field("cookie").map(str::to_owned);
    assert_eq!(sent(&["--cookie", "a=hunter2"]).as_deref(), Some("a=hunter2"));
    assert_eq!(sent(&["--cookie", &at_cookies]).as_deref(), Some("a=hunter2; b=2"));
    assert_eq!(sent(&["--cookie", &at_cookies, "--cookie", "c=3"]).as_deref(), Some("a=hunter2; b=2; c=3"));
    assert_eq!(sent(&["-H", "Cookie: hunter2"]).as_deref(), Some("hunter2"));
    let host = place.address.ip().to_string();
    let line =
        |host: &str, path: &str, secure: &str, pair: &str| format!("{host}\tFALSE\t{path}\t{secure}\t0\t{pair}\n");
    let at_host = |path, secure, pair| line(&host, path, secure, pair);
    let lines = [at_host("/", "FALSE", "a\thunter2"), at_host("/", "TRUE", "s\t0"), at_host("/below", "FALSE", "b\t0")];
    let jar = ["# Netscape HTTP Cookie File\n", &lines.concat(), &line("other", "/", "FALSE", "o\t0")].concat();
    let jar = format!("@{}", text(&file(&dir, "jar", jar.as_bytes())));
    assert_eq!(sent(&["--cookie", &jar]).as_deref(), Some("a=hunter2"));
    assert_eq!(sent(&["--cookie", &jar, "--cookie", "c=3"]).as_deref(), Some("c=3; a=hunter2"));
    let named = |options: &[&str]| place.asked(options, &[]).field("user-agent").map(str::to_owned);
    assert_eq!(named(&["-A", "me/1 (x)"]).as_deref(), Some("me/1 (x)"));
    assert_eq!(named(&["--user-agent", "-"]).as_deref(), Some("-"));
    assert_eq!(named(&["-A", ""]), None);
    assert!(named(&[]).is_some_and(|name| name.starts_with("sockkit/")));
}

#[test]
fn what_cannot_be_is_2_and_repeats_no_secret() {
    let dir = directory();
    let user = file(&dir, "user", b"hunter2\n");
    let two_lines = file(&dir, "two-lines", b"user:hunter2\nother:hunter2\n");
    let long = file(&dir, "long", "x".repeat(70_000).as_bytes());
    let binary = file(&dir, "binary", b"user:hunter2\xff");
    let netrc = file(&dir, "netrc", b"machine h login user password \"hunter2");
    let jar = file(&dir, "jar", b"# Netscape HTTP Cookie File\nh\tFALSE\t/\tFALSE\tnever\ta\thunter2\n");
    let jar = format!("@{}", text(&jar));
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port is free");
    let (url, known) = (of(free, "/"), format!("http://user:hunter2@{free}/"));
    let table: &[&[&str]] = &[
        &[&url, "-u", "user"],
        &[&url, "-u", "user:hunter2\nX: y"],
        &[&url, "-u"],
        &[&url, "--bearer", "hunter2 2"],
        &[&url, "--bearer", ""],
        &[&url, "--bearer-env"],
        &[&url, "--user-file", text(&user)],
        &[&url, "--user-file", text(&two_lines)],
        &[&url, "--user-file", text(&long)],
        &[&url, "--bearer-file", text(&binary)],
        &[&url, "--netrc-file", text(&netrc)],
        &[&url, "--cookie", "hunter2"],
        &[&url, "--cookie", "a=hunter2\r\nX: y"],
        &[&url, "--cookie", &jar],
        &[&url, "-A", "hunter2\r\nX: y"],
        &[&url, "--time-cond", ""],
        // Twice.
        &[&url, "-u", "user:hunter2", "--bearer", "hunter2"],
        &[&url, "--netrc", "--bearer", "hunter2"],
        &[&url, "-u", "user:hunter2", "-H", "Authorization: hunter2"],
        &[&url, "--netrc", "-H", "authorization: hunter2"],
        &[&url, "--cookie", "a=hunter2", "-H", "Cookie: hunter2"],
        &[&url, "-A", "me", "-H", "User-Agent: hunter2"],
        &[&url, "--time-cond", "2026-11-21", "-H", "If-Modified-Since: hunter2"],
        &[&known, "-u", "user:hunter2"],
        &[&known, "--bearer", "hunter2"],
        &[&known, "-H", "Authorization: hunter2"],
        // What clap would quote.
        &["--max-redirects", &known, &url],
        &["--resolve", &known, &url],
        &["--no-such-option=hunter2", &url],
        &["--bearer-env=hunter2", &url],
        &["--netrc=hunter2", &url],
        &["--bearer", "hunter2", "--bearer", "hunter2", &url],
        &["-I", "--data", "hunter2", &url],
        &["--data", "hunter2", "--data", "hunter2", &url],
        &["--no-follow", "--allow-downgrade", &url],
    ];
    for args in table {
        for json in [&[][..], &["--json"]] {
            let ended = get(&[json, args].concat());
            assert_eq!(ended.code(), 2, "{args:?}: {}", ended.stderr);
            assert!(!ended.stderr.contains("hunter2") && !ended.stderr.is_empty(), "{args:?}: {}", ended.stderr);
        }
    }
    // Without its verb.
    for args in [&[&*known][..], &["--json", &known], &["user:hunter2@localhost/"]] {
        let ended = run(&mut sockkit(args), b"").expect(2);
        assert!(!ended.stderr.contains("hunter2") && ended.stderr.contains("***@"), "{}", ended.stderr);
    }
    let missing = get(&[&url, "-u", "user"]).stderr;
    assert!(missing.contains("SOCKKIT_PASSWORD") && missing.contains("--user-file"), "{missing}");
}

#[test]
fn a_file_that_cannot_be_read_is_26_and_nobody_is_asked() {
    let place = Place::new();
    let (url, dir) = (of(place.address, "/"), directory());
    let missing = dir.path().join("missing");
    let (path, at) = (text(&missing), format!("@{}", text(&missing)));
    for options in [["--user-file", path], ["--bearer-file", path], ["--netrc-file", path], ["--cookie", &at]] {
        assert!(get(&[&[&*url], &options[..]].concat()).expect(26).stderr.contains("missing"));
    }
    assert!(place.requests.try_recv().is_err());
    run(sockkit(["get", &url, "--netrc"]).env("HOME", dir.path()), b"").expect(26);
    run(sockkit(["get", &url, "--netrc"]).env_remove("HOME"), b"").expect(2);
}

/// Answers with 304 unless what is there is older than 2026.
fn unless_modified(request: &Request, client: &mut Client) -> bool {
    match request.field("if-modified-since") {
        Some(date) if date >= "Thu, 01 Jan 2026 00:00:00 GMT" && date.contains(" 2026 ") => {
            client.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n");
        }
        _ => client.answer("new"),
    }
    true
}

#[test]
fn what_has_not_changed_is_not_written() {
    let (address, requests) = answering(unless_modified);
    let (url, dir) = (of(address, "/"), directory());
    let page = dir.path().join("page");
    let asked = |options: &[&str]| get(&[&[&*url], options].concat()).expect(0);
    let sent = || requests.try_recv().expect("it was asked").field("if-modified-since").map(str::to_owned);
    let moment = Some("Thu, 05 Mar 2026 06:07:08 GMT".to_owned());
    for date in ["Thu, 05 Mar 2026 06:07:08 GMT", "2026-03-05T06:07:08Z", "2026-03-05 06:07:08"] {
        assert_eq!((asked(&["--time-cond", date]).text(), sent()), (String::new(), moment.clone()));
    }
    // Nothing came, so nothing is made.
    asked(&["--time-cond", "2026-03-05", "-o", text(&page)]);
    assert!(!page.exists() && sent().is_some_and(|date| date.contains("05 Mar 2026 00:00:00")));
    // Not there yet: all is asked for.
    let fresh = asked(&["--time-cond", text(&page), "-o", text(&page)]);
    assert!(sent().is_none() && fresh.stderr.contains("--time-cond"), "{}", fresh.stderr);
    assert_eq!(std::fs::read(&page).expect("it came"), b"new");
    let written = |seconds| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&page).and_then(|file| file.set_modified(time)).expect("ours");
    };
    // 2026-03-05T06:07:08Z, and in 2025: the one is kept, the other is not.
    for (seconds, wanted) in [(1_772_690_828, "old"), (1_741_154_828, "new")] {
        std::fs::write(&page, "old").expect("ours");
        written(seconds);
        asked(&["--time-cond", text(&page), "-o", text(&page), "--force"]);
        assert!(sent().is_some_and(|date| date.ends_with("06:07:08 GMT") || date.contains("05 Mar 2025")));
        assert_eq!(std::fs::read_to_string(&page).expect("it stays"), wanted);
    }
    // The opposite.
    let place = Place::new();
    let request = place.asked(&["--time-cond", "-2026-03-05"], &[]);
    assert_eq!(request.field("if-unmodified-since"), Some("Thu, 05 Mar 2026 00:00:00 GMT"));
    assert_eq!(request.field("if-modified-since"), None);
    let absent = format!("-{}", text(&dir.path().join("absent")));
    get(&[&of(place.address, "/"), "--time-cond", &absent]).expect(26);
}

#[test]
fn a_real_server_understands_the_condition() {
    let dir = directory();
    let page = file(&dir, "page", b"page");
    let serve = "import functools, http.server, sys
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), h)
print('listening on 127.0.0.1:%d' % s.server_port, file=sys.stderr, flush=True)
s.serve_forever()";
    let Some(mut server) = python(serve, &[text(dir.path())]) else { return };
    let server = start(&mut server);
    let url = of(server.address(), "/page");
    assert_eq!(get(&[&url, "--time-cond", "2001-01-01"]).expect(0).text(), "page");
    let unchanged = get(&[&url, "--time-cond", text(&page), "-v"]).expect(0);
    assert!(unchanged.stdout.is_empty() && unchanged.stderr.contains("304"), "{}", unchanged.stderr);
}

/// Runs a program at a terminal of its own, types a line once it is asked for one, and prints what the terminal showed,
/// and whether it echoed when the line was asked for and after the program's end. A line `^C` is typed as that.
const AT_A_TERMINAL: &str = r#"
import fcntl, os, pty, select, sys, termios
terminal, side = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(side, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2: os.dup2(side, fd)
    os.execv(sys.argv[2], sys.argv[2:])
echoes = lambda: bool(termios.tcgetattr(side)[3] & termios.ECHO)
shown, status = b"", None
while b"password of" not in shown:
    shown += os.read(terminal, 4096)
asked = echoes()
os.write(terminal, b"\x03" if sys.argv[1] == "^C" else sys.argv[1].encode() + b"\n")
while True:
    if select.select([terminal], [], [], 0.02)[0]: shown += os.read(terminal, 4096)
    elif status is not None: break
    else:
        done, ended = os.waitpid(pid, os.WNOHANG)
        if done: status = ended
print("echo %s then %s, ended %d, shown %r" % (asked, echoes(), os.waitstatus_to_exitcode(status), shown))
"#;

#[test]
fn a_password_is_asked_for_at_the_terminal_and_not_shown() {
    let place = Place::new();
    let url = of(place.address, "/");
    let binary = env!("CARGO_BIN_EXE_sockkit");
    let Some(mut typed) = python(AT_A_TERMINAL, &["hunter2", binary, "get", "-vv", "-u", "user", &url]) else { return };
    let shown = run(&mut typed, b"").expect(0).text();
    assert!(shown.starts_with("echo False then True, ended 0,") && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("password of user: "), "{shown}");
    assert_eq!(place.requests.try_recv().expect("asked").field("authorization"), Some(BASIC));
    let Some(mut left) = python(AT_A_TERMINAL, &["^C", binary, "get", "-u", "user", &url]) else { return };
    let shown = run(&mut left, b"").expect(0).text();
    assert!(shown.starts_with("echo False then True, ended -2,"), "{shown}");
    assert!(place.requests.try_recv().is_err());
}
