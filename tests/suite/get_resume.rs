//! Parts of a resource: `--continue` makes whole what was cut off or leaves it as it was, `--range` gives what was asked
//! for or nothing.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use crate::support::web::{Client, Request, answering};
use crate::support::wire::refusing;
use crate::support::{Ended, assert_same, directory, file, peer, python, random, run, sockkit, start, sum};

const WHOLE: &[u8] = b"0123456789abcdef";
const TAG: &str = "\"v1\"";

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

fn get(words: &[&str]) -> Ended {
    run(sockkit(["get"]).args(words), b"")
}

/// Takes up `out`.
fn resume(address: SocketAddr, out: &Path) -> Ended {
    get(&["-v", "--continue", "-o", text(out), &of(address, "/")])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}

/// The name that a file has until it is whole.
fn part(out: &Path) -> PathBuf {
    PathBuf::from(format!("{}.part", out.display()))
}

/// Whether the files of `dir` can keep a validator.
fn remembers(dir: &Path) -> bool {
    let probe = dir.join("probe");
    fs::write(&probe, "").expect("ours");
    let set = "import os, sys; os.setxattr(sys.argv[1], 'user.sockkit.probe', b'x')";
    let works = python(set, &[text(&probe)]).is_some_and(|mut set| start(&mut set).end().code() == 0);
    fs::remove_file(probe).expect("ours");
    works && !cfg!(feature = "portable")
}

/// A server that answers every request with the same bytes, and closes; and the requests.
fn saying(answer: impl Into<Vec<u8>>) -> (SocketAddr, Receiver<Request>) {
    let answer = answer.into();
    answering(move |_, client| {
        client.send(&answer);
        false
    })
}

/// A server that knows ranges and versions; the first answer breaks off behind `first` bytes.
fn breaking_off(first: usize, fields: &'static str) -> (SocketAddr, Receiver<Request>) {
    answering(move |request, client| {
        let Some(range) = request.field("range") else {
            client.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", WHOLE.len()));
            client.send(&WHOLE[..first]);
            return false;
        };
        rest(range, client);
        true
    })
}

fn rest(range: &str, client: &mut Client) {
    let first: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().expect("N-");
    let (last, all) = (WHOLE.len() - 1, WHOLE.len());
    let head = format!("Content-Range: bytes {first}-{last}/{all}\r\nContent-Length: {}\r\n\r\n", all - first);
    client.send(format!("HTTP/1.1 206 Partial Content\r\n{head}"));
    client.send(&WHOLE[first..]);
}

#[test]
fn what_was_cut_off_is_taken_up_under_the_version_that_began_it() {
    let dir = directory();
    let dated = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:50:00 GMT\r\n";
    let table = [
        ("ETag: \"v1\"\r\n", Some(TAG)),
        ("ETag: W/\"v1\"\r\n", None),
        ("", None),
        (dated, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
    ];
    let remembers = remembers(dir.path());
    for (n, (fields, validator)) in table.into_iter().enumerate() {
        let out = dir.path().join(n.to_string());
        let (address, requests) = breaking_off(5, fields);
        get(&["-o", text(&out), &of(address, "/")]).expect(18);
        assert_eq!(fs::read(part(&out)).expect("kept"), &WHOLE[..5]);
        let ended = resume(address, &out).expect(0);
        let asked = requests.iter().nth(1).expect("two were sent");
        assert_eq!(asked.field("range"), Some("bytes=5-"));
        let known = validator.filter(|_| remembers);
        assert_eq!(asked.field("if-range"), known, "{fields:?}");
        let nothing_known = ended.stderr.contains("nothing is known of their version");
        assert_eq!(nothing_known, known.is_none(), "{}", ended.stderr);
        assert_eq!(fs::read(&out).expect("whole"), WHOLE);
        assert!(!part(&out).exists());
        if let Some(mut list) = python("import os, sys; print(os.listxattr(sys.argv[1]))", &[text(&out)]) {
            assert_eq!(start(&mut list).end().expect(0).text(), "[]\n", "a whole file keeps no word of ours");
        }
    }
}

#[test]
fn a_hash_is_that_of_the_whole_file() {
    let dir = directory();
    let out = dir.path().join("out");
    let expecting =
        |address, sum: &str| get(&["--continue", "--expect-sha256", sum, "-o", text(&out), &of(address, "/")]);
    let (address, _requests) = breaking_off(5, "");
    get(&["-o", text(&out), &of(address, "/")]).expect(18);
    expecting(address, &sum(&WHOLE[5..])).expect(1);
    assert!(!out.exists());
    assert_eq!(fs::read(part(&out)).expect("kept"), WHOLE);
    // Nothing is missing any more.
    let (complete, _requests) =
        saying("HTTP/1.1 416 No More\r\nContent-Range: bytes */16\r\nContent-Length: 0\r\n\r\n");
    expecting(complete, &sum(b"")).expect(1);
    assert!(!out.exists());
    expecting(complete, &sum(WHOLE)).expect(0);
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
    let (address, _requests) = breaking_off(7, "");
    get(&["--force", "-o", text(&out), &of(address, "/")]).expect(18);
    fs::remove_file(&out).expect("ours");
    expecting(address, &sum(WHOLE)).expect(0);
}

/// What was decoded is no part of what the server has.
#[test]
fn a_decoded_part_is_not_taken_up() {
    let dir = directory();
    let out = dir.path().join("out");
    let (address, _requests) = saying("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 9\r\n\r\nhalf");
    let ended = get(&["--compressed", "-o", text(&out), &of(address, "/")]).expect(18);
    assert!(ended.stderr.ends_with(&format!("4 bytes are in {}\n", part(&out).display())), "{}", ended.stderr);
}

#[test]
fn a_resource_that_has_changed_is_begun_anew() {
    let dir = directory();
    let out = dir.path().join("out");
    file(&dir, "out.part", b"of an older version, and longer than the new one");
    let (address, _requests) = saying("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    let ended = resume(address, &out).expect(0);
    assert!(ended.stderr.contains("begun anew"), "{}", ended.stderr);
    assert_eq!(fs::read(&out).expect("whole"), b"new");
    // Without a word about it, if it was not asked for.
    fs::remove_file(&out).expect("ours");
    let ended = resume(address, &out).expect(0);
    assert!(!ended.stderr.contains("begun anew"), "{}", ended.stderr);
}

#[test]
fn answers_that_do_not_fit_leave_the_part_as_it_is() {
    let ranged = |range: &str, rest: &str| {
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {range}\r\nContent-Length: {rest}\r\n\r\nxxxxx")
    };
    let table = [
        (ranged("4-15/16", "12"), 8, "was asked for"),
        (ranged("0-15/16", "16"), 8, "was asked for"),
        (ranged("5-15/16", "10"), 8, "10 bytes are announced"),
        (ranged("5-15/16", "12"), 8, "12 bytes are announced"),
        (ranged("5-99/16", "95"), 8, "Content-Range"),
        ("HTTP/1.1 206 OK\r\nContent-Length: 5\r\n\r\nxxxxx".into(), 8, "without Content-Range"),
        (
            "HTTP/1.1 416 No\r\nContent-Range: bytes */3\r\nContent-Length: 5\r\n\r\nxxxxx".into(),
            33,
            "it has 3 bytes now",
        ),
        ("HTTP/1.1 416 No\r\nContent-Length: 5\r\n\r\nxxxxx".into(), 33, "nothing behind"),
        ("HTTP/1.1 404 Not\x20Found\r\nContent-Length: 5\r\n\r\nxxxxx".into(), 22, "404 Not Found"),
        ("HTTP/1.1 500 \r\nContent-Length: 5\r\n\r\nxxxxx".into(), 22, "500"),
        ("HTTP/1.1 304 Not Modified\r\n\r\n".into(), 22, "304"),
        ("bad".into(), 8, "malformed"),
        (String::new(), 52, "nothing"),
    ];
    for (answer, code, said) in table {
        let dir = directory();
        let out = dir.path().join("out");
        file(&dir, "out.part", &WHOLE[..5]);
        let ended = resume(saying(answer.as_str()).0, &out).expect(code);
        assert!(ended.stderr.contains(said), "{answer:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("5 bytes are in"), "{answer:?}: {}", ended.stderr);
        assert_eq!(fs::read(part(&out)).expect("there"), &WHOLE[..5], "{answer:?}");
        assert!(!out.exists(), "{answer:?}");
    }
    let dir = directory();
    file(&dir, "out.part", &WHOLE[..5]);
    resume(refusing(), &dir.path().join("out")).expect(7);
    assert_eq!(fs::read(dir.path().join("out.part")).expect("there"), &WHOLE[..5]);
}

#[test]
fn a_part_of_another_version_is_refused() {
    let dir = directory();
    if !remembers(dir.path()) {
        return;
    }
    let out = dir.path().join("out");
    get(&["-o", text(&out), &of(breaking_off(5, "ETag: \"v1\"\r\n").0, "/")]).expect(18);
    for (fields, code) in [("ETag: \"v2\"\r\n", 33), ("ETag: \"v1\"\r\n", 0)] {
        let head = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-15/16\r\nContent-Length: 11\r\n";
        let ended = resume(saying(format!("{head}{fields}\r\n56789abcdef")).0, &out).expect(code);
        assert_eq!(ended.stderr.contains("it has changed"), code == 33, "{}", ended.stderr);
        assert_eq!(part(&out).exists(), code == 33);
    }
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
}

#[test]
fn a_part_that_is_whole_already_gets_its_name() {
    let dir = directory();
    let out = dir.path().join("out");
    file(&dir, "out.part", WHOLE);
    let whole = "HTTP/1.1 416 No\r\nContent-Range: bytes */16\r\nContent-Length: 5\r\n\r\nsorry";
    let ended = resume(saying(whole).0, &out).expect(0);
    assert!(ended.text().is_empty());
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
    assert!(!part(&out).exists());
    // And a FILE that is whole stays what it is.
    resume(saying(whole).0, &out).expect(0);
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
}

#[test]
fn a_server_that_gives_less_than_the_rest_is_asked_again() {
    let dir = directory();
    let out = dir.path().join("out");
    file(&dir, "out.part", &WHOLE[..5]);
    let less = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-7/16\r\nContent-Length: 3\r\n\r\n567";
    let ended = resume(saying(less).0, &out).expect(18);
    assert!(
        ended.stderr.contains("8 of 16 bytes are there") && ended.stderr.contains("--continue"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read(part(&out)).expect("there"), &WHOLE[..8]);
    resume(breaking_off(0, "").0, &out).expect(0);
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
    // Nor is a rest that breaks off the end of it.
    let short = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-15/16\r\nContent-Length: 11\r\n\r\n567";
    let second = dir.path().join("second");
    file(&dir, "second.part", &WHOLE[..5]);
    resume(saying(short).0, &second).expect(18);
    assert_eq!(fs::read(part(&second)).expect("there"), &WHOLE[..8]);
    let unknown = "HTTP/1.1 206 OK\r\nContent-Range: bytes 8-15/*\r\n\r\n89abcdef";
    resume(saying(unknown).0, &second).expect(0);
    assert_eq!(fs::read(&second).expect("whole"), WHOLE);
}

#[test]
fn a_file_of_the_users_is_taken_up_where_it_is_and_never_destroyed() {
    let dir = directory();
    let out = file(&dir, "out", &WHOLE[..5]);
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
    let ended = resume(saying(whole).0, &out).expect(33);
    assert!(ended.stderr.contains("stays as it is; --force"), "{}", ended.stderr);
    assert_eq!(fs::read(&out).expect("there"), &WHOLE[..5]);
    resume(breaking_off(0, "").0, &out).expect(0);
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
    get(&["--continue", "--force", "-o", text(&out), &of(saying(whole).0, "/")]).expect(0);
    assert_eq!(fs::read(&out).expect("there"), b"new");
    assert!(!part(&out).exists());
    // Both: one of them would be lost.
    file(&dir, "out.part", &WHOLE[..5]);
    assert!(resume(refusing(), &out).expect(23).stderr.contains("--force"));
    let (address, _requests) = breaking_off(0, "");
    get(&["--continue", "--force", "-o", text(&out), &of(address, "/")]).expect(0);
    assert_eq!(fs::read(&out).expect("whole"), WHOLE);
}

#[test]
fn where_there_is_nothing_the_whole_is_asked_for() {
    let dir = directory();
    for beginning in [None, Some(b"")] {
        let out = dir.path().join(format!("{beginning:?}"));
        beginning.map(|bytes| fs::write(part(&out), bytes));
        let (address, requests) = saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
        resume(address, &out).expect(0);
        assert_eq!(requests.iter().next().expect("one was sent").field("range"), None);
        assert_eq!(fs::read(&out).expect("whole"), b"whole");
    }
}

#[test]
fn an_error_page_that_broke_off_is_not_the_beginning_of_anything() {
    let dir = directory();
    if !remembers(dir.path()) {
        return;
    }
    let out = dir.path().join("out");
    get(&["-o", text(&out), &of(saying("HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nsorr").0, "/")]).expect(18);
    get(&["-i", "--force", "-o", text(&out), &of(saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe").0, "/")])
        .expect(18);
    let (address, requests) = saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
    resume(address, &out).expect(0);
    assert_eq!(requests.iter().next().expect("one was sent").field("range"), None);
    assert_eq!(fs::read(&out).expect("whole"), b"whole");
}

#[test]
fn what_can_not_be_taken_up_is_a_usage_error() {
    let dir = directory();
    let (out, url) = (dir.path().join("out"), of(refusing(), "/"));
    let file = ["-o", text(&out)];
    let table: &[&[&str]] = &[
        &["--continue", &url],
        &["--continue", "-o", "-", &url],
        &["--continue", "-o", "/dev/null", &url],
        &["--continue", file[0], file[1], &url, &url],
        &["--continue", file[0], file[1], "-i", &url],
        &["--continue", file[0], file[1], "-I", &url],
        &["--continue", file[0], file[1], "--compressed", &url],
        &["--continue", file[0], file[1], "--data", "x", &url],
        &["--continue", file[0], file[1], "--range", "0-5", &url],
        &["--continue", file[0], file[1], "-H", "Range: bytes=0-5", &url],
        &["--continue", file[0], file[1], "-H", "if-range: x", &url],
        &["--range", "5", &url],
        &["--range", "9-5", &url],
        &["--range", "0-5", "-I", &url],
        &["--range", "0-5", "-X", "PUT", &url],
        &["--range", "0-5", "-H", "Range: bytes=0-5", &url],
    ];
    for words in table {
        let ended = get(words).expect(2);
        assert!(!ended.stderr.is_empty(), "{words:?}");
    }
    assert!(fs::read_dir(dir.path()).expect("ours").next().is_none());
}

#[test]
fn a_range_is_given_or_refused() {
    let part = |range: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 206 OK\r\nContent-Range: bytes {range}\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n01234";
    let several = "HTTP/1.1 206 OK\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n--x and so on";
    let table = [
        ("0-2", part("0-2/5", "012"), 0, "012"),
        ("1-", part("1-4/5", "1234"), 0, "1234"),
        ("-2", part("3-4/5", "34"), 0, "34"),
        ("3-9", part("3-4/5", "34"), 0, "34"),
        ("0-1,-1", several.into(), 0, "--x and so on"),
        ("0-", whole.into(), 0, "01234"),
        ("0-2", part("1-3/5", "123"), 8, ""),
        ("0-2", part("0-2/5", "0123"), 8, ""),
        ("0-2", several.into(), 8, ""),
        ("0-2", whole.into(), 33, ""),
        ("1-", whole.into(), 33, ""),
        ("0-1,-1", whole.into(), 33, ""),
        ("9-", "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\nContent-Length: 2\r\n\r\nno".into(), 33, ""),
        ("9-", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno".into(), 0, "no"),
    ];
    for (range, answer, code, body) in table {
        let (address, requests) = saying(answer);
        let ended = get(&["--range", range, &of(address, "/")]).expect(code);
        assert_eq!(ended.text(), body, "{range}: {}", ended.stderr);
        let asked = requests.iter().next().expect("one was sent");
        assert_eq!(asked.field("range"), Some(format!("bytes={range}").as_str()));
    }
    // Nothing is left of a refused one.
    let dir = directory();
    get(&["--range", "1-", "-o", text(&dir.path().join("out")), &of(saying(whole).0, "/")]).expect(33);
    assert!(fs::read_dir(dir.path()).expect("ours").next().is_none());
}

#[test]
fn progress_begins_at_what_is_there() {
    let dir = directory();
    file(&dir, "out.part", &WHOLE[..10]);
    let (address, _requests) = breaking_off(0, "");
    let out = dir.path().join("out");
    let ended = get(&["--progress=always", "--continue", "-o", text(&out), &of(address, "/")]).expect(0);
    assert!(ended.stderr.contains("16 B of 16 B"), "{}", ended.stderr);
}

/// Serves `root` by nginx; gives its address.
fn nginx(root: &tempfile::TempDir) -> Option<(crate::support::Running, SocketAddr)> {
    let at = root.path().display();
    for _ in 0..20 {
        // A port that was free a moment ago; another test may take it, then the next one is tried.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port is free");
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr notice;
             events {{ worker_connections 64; }}
             http {{
               access_log off; default_type application/octet-stream;
               client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;
               uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;
               server {{ listen {address}; root {at}; }}
             }}"
        );
        let config = file(root, "nginx.conf", config.as_bytes());
        let mut command = peer("nginx")?;
        let running = start(command.args(["-e", "stderr", "-c"]).arg(config).arg("-p").arg(root.path()));
        while running.is_running() {
            if running.stderr().contains("using the \"") && std::net::TcpStream::connect(address).is_ok() {
                return Some((running, address));
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    panic!("nginx found no port in 20 tries")
}

#[test]
fn against_nginx() {
    let (root, dir) = (directory(), directory());
    let body = random(3 << 20, 1);
    file(&root, "data", &body);
    let Some((_nginx, address)) = nginx(&root) else { return };
    let url = of(address, "/data");
    for range in ["0-99", "100000-2999999", "3000000-", "-1", "5-5"] {
        let ours = get(&["--range", range, &url]).expect(0);
        if let Some(mut curl) = peer("curl") {
            assert_same(&ours.stdout, &run(curl.args(["-s", "-r", range, &url]), b"").expect(0).stdout);
        }
    }
    let multipart = get(&["--range", "0-1,5-6", &url]).expect(0);
    assert!(multipart.text().contains("Content-Range: bytes 5-6/3145728"), "{}", multipart.text());
    assert!(get(&["--range", "3145728-", &url]).expect(33).stderr.contains("it has 3145728 bytes"));
    for have in [1, 131_072, body.len() - 1, body.len()] {
        let out = dir.path().join(have.to_string());
        fs::write(part(&out), &body[..have]).expect("ours");
        resume(address, &out).expect(22);
        get(&["--continue", "-o", text(&out), &url]).expect(0);
        assert_same(&fs::read(&out).expect("whole"), &body);
    }
}
