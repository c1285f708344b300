//! Files that `get` writes: beside their place until they are whole, over nothing that was there, and with nothing left
//! of what never came.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::web::{Client, Request, answering, serving};
use crate::support::wire::{refusing, reset};
use crate::support::{
    Ended, HARD_LIMIT, Running, assert_same, directory, file, in_namespace, peer, python, random, run, sockkit, start,
};

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

fn get(words: &[&str]) -> Ended {
    run(sockkit(["get"]).args(words), b"")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}

/// What stands in `dir`, in order.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("ours").map(|entry| entry.expect("ours").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A server that answers each path in its way.
fn server() -> SocketAddr {
    answering(answer).0
}

fn answer(request: &Request, client: &mut Client) -> bool {
    match request.start().split_once(' ').map_or("", |(_, path)| path) {
        "/short" => {
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            return false;
        }
        "/stalled" => {
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            client.until_gone();
        }
        "/missing" => client.send("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry"),
        "/moved" => client.send("HTTP/1.1 302 Found\r\nLocation: /whole\r\nContent-Length: 5\r\n\r\nmoved"),
        "/nothing" => return false,
        "/empty" => client.answer(""),
        "/large" => client.answer(random(1 << 20, 1)),
        path => client.answer(path.trim_start_matches('/')),
    }
    true
}

/// A server that stops in the middle of its body, and what makes it go on.
fn pausing() -> (SocketAddr, Sender<()>) {
    let (go_on, wait) = channel();
    let wait: Mutex<Receiver<()>> = Mutex::new(wait);
    let (address, _requests) = answering(move |_, client| {
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
        // A test that failed has dropped the other end.
        let _ = wait.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT);
        client.send("half");
        true
    });
    (address, go_on)
}

/// Runs until half of the body is in the file.
fn until_half(words: &[&str]) -> Running {
    let running = start(sockkit(["get", "-vv"]).args(words));
    running.line("wrote 4 bytes to the local end");
    running
}

#[test]
fn a_file_gets_its_name_once_it_is_whole() {
    let dir = directory();
    let out = dir.path().join("out");
    let (address, go_on) = pausing();
    let running = until_half(&[&of(address, "/"), "-o", text(&out)]);
    assert_eq!(names(dir.path()), ["out.part"]);
    assert_eq!(fs::read(dir.path().join("out.part")).expect("there"), b"half");
    go_on.send(()).expect("it waits");
    let ended = running.end().expect(0);
    assert!(ended.stderr.contains("saved as"), "{}", ended.stderr);
    assert_eq!(names(dir.path()), ["out"]);
    assert_eq!(fs::read(&out).expect("made"), b"halfhalf");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&out), mode(&file(&dir, "usual", b"")));
}

#[test]
fn what_exists_is_refused_before_anybody_is_connected_to() {
    let dir = directory();
    let (old, part) = (file(&dir, "old", b"precious"), file(&dir, "new.part", b"half"));
    let ended = get(&[&of(refusing(), "/"), "-o", text(&old)]).expect(23);
    assert!(ended.stderr.contains("the file exists; --force"), "{}", ended.stderr);
    let ended = get(&[&of(refusing(), "/"), "-o", text(&dir.path().join("new"))]).expect(23);
    assert!(ended.stderr.contains("new.part: the file exists; --continue"), "{}", ended.stderr);
    // Of several the last one, too.
    let free = dir.path().join("free");
    get(&[&of(refusing(), "/"), &of(refusing(), "/"), "-o", text(&free), "-o", text(&old)]).expect(23);
    assert_eq!((fs::read(&old).expect("there"), fs::read(&part).expect("there")), (b"precious".into(), b"half".into()));
    assert_eq!(names(dir.path()), ["new.part", "old"]);
    for place in [dir.path().to_owned(), dir.path().join("no/such/place")] {
        get(&[&of(refusing(), "/"), "-o", text(&place)]).expect(23);
    }
}

#[test]
fn force_overwrites_both_and_only_when_something_comes() {
    let dir = directory();
    let out = file(&dir, "out", b"the old one");
    let part = file(&dir, "out.part", b"half of an older one");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).expect("ours");
    let into = |path: &str, code| get(&[&of(server(), path), "--force", "-o", text(&out)]).expect(code);
    for (path, code) in [("/nothing", 52), ("/missing", 22)] {
        let ended = get(&[&of(server(), path), "--fail", "--force", "-o", text(&out)]).expect(code);
        assert!(!ended.stderr.contains("bytes are in"), "{}", ended.stderr);
        assert_eq!(fs::read(&out).expect("there"), b"the old one");
        assert_eq!(fs::read(&part).expect("there"), b"half of an older one");
    }
    into("/short", 18);
    assert_eq!(fs::read(&out).expect("it is in its place until there is a whole one"), b"the old one");
    assert_eq!(fs::read(&part).expect("there"), b"half");
    fs::remove_file(&part).expect("ours");
    into("/new", 0);
    assert_eq!(fs::read(&out).expect("there"), b"new");
    assert_eq!(fs::metadata(&out).expect("there").permissions().mode() & 0o777, 0o600, "what was private stays that");
    into("/empty", 0);
    assert_eq!(fs::read(&out).expect("there"), b"");
    // Heads count as what comes.
    fs::write(&part, "a long old beginning, which must not show behind what comes").expect("ours");
    get(&[&of(server(), "/new"), "-i", "--force", "-o", text(&out)]).expect(0);
    assert!(fs::read(&out).expect("there").ends_with(b"\r\n\r\nnew"));
    assert_eq!(names(dir.path()), ["out"]);
}

#[test]
fn what_came_before_a_failure_is_kept_beside_and_said() {
    // Half of it has to come within the limit that the rest exceeds.
    for (path, options, code) in [("/short", &[][..], 18), ("/stalled", &["--idle-timeout", "5s"], 28)] {
        let dir = directory();
        let out = dir.path().join("out");
        let ended = run(sockkit(["get", &of(server(), path), "-o", text(&out)]).args(options), b"").expect(code);
        assert_eq!(names(dir.path()), ["out.part"]);
        assert_eq!(fs::read(dir.path().join("out.part")).expect("kept"), b"half");
        let left = format!("; 4 bytes are in {}.part; --continue takes it up\n", out.display());
        assert!(ended.stderr.ends_with(&left), "{}", ended.stderr);
    }
    let dir = directory();
    let out = dir.path().join("out");
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let torn = serving(move |mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        // A reset would take along what has not been read.
        wait.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT).expect("it comes");
        reset(client.stream);
    });
    let running = until_half(&[&of(torn, "/"), "-o", text(&out)]);
    go_on.send(()).expect("it waits");
    assert!(running.end().expect(56).stderr.contains("; 4 bytes are in"));
    assert_eq!(fs::read(dir.path().join("out.part")).expect("kept"), b"half");
}

#[test]
fn ctrl_c_keeps_it_too() {
    let dir = directory();
    let out = dir.path().join("out");
    let running = until_half(&[&of(server(), "/stalled"), "-o", text(&out)]);
    running.signal(2);
    let ended = running.end().expect(130);
    assert_eq!(names(dir.path()), ["out.part"]);
    assert!(ended.stderr.contains("4 bytes are in") && ended.stderr.contains("--continue"), "{}", ended.stderr);
    // Before anything has come there is nothing to keep.
    let (address, requests) = answering(|_, client| {
        client.until_gone();
        false
    });
    let none = dir.path().join("none");
    let running = start(&mut sockkit(["get", &of(address, "/"), "-o", text(&none)]));
    requests.recv_timeout(HARD_LIMIT).expect("it asks");
    assert!(dir.path().join("none.part").exists());
    running.signal(2);
    assert_eq!(running.end().expect(130).stderr, "");
    assert_eq!(names(dir.path()), ["out.part"]);
}

#[test]
fn a_body_that_never_begins_leaves_nothing() {
    let dir = directory();
    let out = dir.path().join("out");
    for (path, code) in [("/missing", 22), ("/nothing", 52)] {
        get(&[&of(server(), path), "--fail", "-o", text(&out)]).expect(code);
        assert_eq!(names(dir.path()), [""; 0], "{path}");
    }
    get(&[&of(refusing(), "/"), "-o", text(&out)]).expect(7);
    get(&[&of(server(), "/moved"), "--max-redirects", "0", "--fail", "-o", text(&out)]).expect(0);
    assert_eq!(fs::read(&out).expect("the answer"), b"moved");
    fs::remove_file(&out).expect("ours");
    get(&[&of(server(), "/moved"), "-o", text(&out)]).expect(0);
    assert_eq!(fs::read(&out).expect("of the last answer alone"), b"whole");
    // Without --fail an error page is a body.
    let page = dir.path().join("page");
    get(&[&of(server(), "/missing"), "-o", text(&page)]).expect(0);
    assert_eq!(fs::read(&page).expect("made"), b"sorry");
}

#[test]
fn what_has_not_changed_stays_as_it_is() {
    let dir = directory();
    let (address, _requests) = answering(|_, client| {
        client.send("HTTP/1.1 304 Not Modified\r\n\r\n");
        true
    });
    let condition = ["-H", "If-None-Match: \"v1\"", "--force", "-o"];
    let out = dir.path().join("out");
    run(sockkit(["get", &of(address, "/")]).args(condition).arg(&out), b"").expect(0);
    assert_eq!(names(dir.path()), [""; 0]);
    fs::write(&out, "of before").expect("ours");
    fs::write(dir.path().join("out.part"), "half").expect("ours");
    run(sockkit(["get", &of(address, "/")]).args(condition).arg(&out), b"").expect(0);
    assert_eq!(fs::read(&out).expect("there"), b"of before");
    assert_eq!(fs::read(dir.path().join("out.part")).expect("there"), b"half");
}

#[test]
fn a_file_that_appears_meanwhile_is_not_overwritten() {
    let dir = directory();
    let out = dir.path().join("out");
    let (address, go_on) = pausing();
    let running = until_half(&[&of(address, "/"), "-o", text(&out)]);
    fs::write(&out, "somebody else's").expect("ours");
    go_on.send(()).expect("it waits");
    let ended = running.end().expect(23);
    assert!(ended.stderr.contains("appeared meanwhile; the whole is in"), "{}", ended.stderr);
    assert_eq!(fs::read(&out).expect("there"), b"somebody else's");
    assert_eq!(fs::read(dir.path().join("out.part")).expect("kept"), b"halfhalf");
}

#[test]
fn a_part_that_was_replaced_is_not_ours_to_rename_or_remove() {
    let dir = directory();
    let out = dir.path().join("out");
    let part = dir.path().join("out.part");
    let (address, go_on) = pausing();
    let running = until_half(&[&of(address, "/"), "-o", text(&out)]);
    fs::remove_file(&part).expect("ours");
    fs::write(&part, "somebody else's").expect("ours");
    go_on.send(()).expect("it waits");
    assert!(running.end().expect(23).stderr.contains("moved or replaced"));
    assert_eq!(names(dir.path()), ["out.part"]);
    assert_eq!(fs::read(&part).expect("there"), b"somebody else's");
}

#[test]
fn a_link_is_followed_and_its_target_has_the_part_beside_it() {
    let dir = directory();
    let link = dir.path().join("link");
    fs::create_dir(dir.path().join("far")).expect("ours");
    symlink("far/target", &link).expect("ours");
    let (address, go_on) = pausing();
    let running = until_half(&[&of(address, "/"), "-o", text(&link)]);
    assert_eq!(names(&dir.path().join("far")), ["target.part"]);
    go_on.send(()).expect("it waits");
    running.end().expect(0);
    assert_eq!(fs::read(dir.path().join("far/target")).expect("made"), b"halfhalf");
    assert!(link.is_symlink() && names(dir.path()) == ["far", "link"]);
    // A part that is a link may lead anywhere.
    let precious = file(&dir, "precious", b"precious");
    symlink(&precious, dir.path().join("out.part")).expect("ours");
    for option in ["--force", "--continue"] {
        get(&[&of(server(), "/new"), option, "-o", text(&dir.path().join("out"))]).expect(23);
    }
    assert_eq!(fs::read(&precious).expect("there"), b"precious");
}

#[test]
fn a_full_disk_is_23_and_what_fitted_is_kept() {
    let url = of(([127, 0, 0, 1], 9).into(), "/");
    let script = format!(
        "mkdir $D/small; mount -t tmpfs -o size=256k none $D/small; head -c 1000000 /dev/zero > $D/body; \
         {{ printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\n'; cat $D/body; }} | \
         $S listen -q 127.0.0.1 9 --port-file $D/up > /dev/null 2>&1 & \
         until test -s $D/up; do :; done; $S get {url} -o $D/small/out; code=$?; \
         ls $D/small; wc -c < $D/small/out.part; exit $code"
    );
    let Some((ended, _)) = in_namespace(&[], &script) else { return };
    let ended = ended.expect(23);
    assert_eq!(ended.text(), "out.part\n262144\n");
    let said = &ended.stderr;
    assert!(said.contains("out.part: no space left on device; 262144 bytes are in") && said.contains("--continue"));
}

#[test]
fn names_from_urls() {
    let dir = directory();
    let here = |words: &[&str]| run(sockkit(["get", "-O"]).args(words).current_dir(&dir), b"");
    let address = server();
    here(&[&of(address, "/a%20b?c=d"), &of(address, "/x/y")]).expect(0);
    assert_eq!(names(dir.path()), ["a b", "y"]);
    assert_eq!(fs::read(dir.path().join("y")).expect("made"), b"x/y");
    // The name is the user's URL's, whatever that redirects to; and one name, never a path.
    here(&[&of(address, "/moved"), &of(address, "/..%2f..%2fup")]).expect(0);
    assert_eq!(names(dir.path()), ["_._.._up", "a b", "moved", "y"]);
    assert_eq!(fs::read(dir.path().join("moved")).expect("made"), b"whole");
    for path in ["", "/", "/dir/", "/?query"] {
        let ended = here(&[&of(address, path)]).expect(2);
        assert!(ended.stderr.contains("-o FILE"), "{}", ended.stderr);
    }
    assert!(here(&[&of(refusing(), "/a/x"), &of(refusing(), "/b/x")]).expect(2).stderr.contains("two URLs"));
    here(&[&of(refusing(), "/y")]).expect(23);
    here(&[&of(refusing(), "/z"), "-o", "z"]).expect(2);
}

#[test]
fn directories_are_made_where_that_was_asked_for() {
    let dir = directory();
    let out = dir.path().join("a/b/out");
    let url = of(server(), "/whole");
    get(&[&url, "-o", text(&out)]).expect(23);
    get(&[&url, "--create-dirs", "-o", text(&out)]).expect(0);
    assert_eq!(fs::read(&out).expect("made"), b"whole");
    let below_a_file = out.join("c/d");
    let ended = get(&[&url, "--create-dirs", "-o", text(&below_a_file)]).expect(23);
    assert!(ended.stderr.contains("make the directory"), "{}", ended.stderr);
    get(&[&url, "--create-dirs"]).expect(2);
}

#[test]
fn one_file_for_all_or_one_each() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let address = server();
    let (one, two) = (of(address, "/one"), of(address, "/two"));
    get(&[&one, &two, "-o", text(&at("all"))]).expect(0);
    assert_eq!(fs::read(at("all")).expect("made"), b"onetwo");
    let ended = get(&[&one, &two, "-o", text(&at("1")), "-o", text(&at("2"))]).expect(0);
    assert_eq!((fs::read(at("1")).expect("made"), fs::read(at("2")).expect("made")), (b"one".into(), b"two".into()));
    assert_eq!(ended.text(), "");
    assert_eq!(get(&[&one, &two, &one, "-o", "-", "-o", text(&at("3")), "-o", "-"]).expect(0).text(), "oneone");
    assert_eq!(fs::read(at("3")).expect("made"), b"two");
    for outputs in [&["4", "5"][..], &["4", "4", "5"]] {
        let outputs: Vec<_> = outputs.iter().flat_map(|name| ["-o".into(), at(name).display().to_string()]).collect();
        run(sockkit(["get", &one, &two, &one]).args(&outputs), b"").expect(2);
    }
    assert_eq!(names(dir.path()), ["1", "2", "3", "all"]);
}

#[test]
fn the_first_that_fails_is_the_last_and_the_whole_ones_stay() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let address = server();
    let urls = ["/one", "/short", "/three"].map(|path| of(address, path));
    let outputs = ["1", "2", "3"].map(|name| format!("-o{}", at(name).display()));
    let ended = run(sockkit(["get"]).args(&urls).args(&outputs), b"").expect(18);
    assert_eq!(names(dir.path()), ["1", "2.part"]);
    assert!(ended.stderr.contains("4 bytes are in") && ended.stderr.contains("2.part"), "{}", ended.stderr);
    // Of one file for all nobody could say whose rest is missing.
    let ended = run(sockkit(["get", "-o", text(&at("all"))]).args(&urls), b"").expect(18);
    assert_eq!(fs::read(at("all.part")).expect("kept"), b"onehalf");
    assert!(ended.stderr.ends_with("7 bytes are in {}\n".replace("{}", text(&at("all.part"))).as_str()));
}

#[test]
fn progress_names_the_file_where_there_are_several() {
    let dir = directory();
    let address = server();
    let urls = ["/one", "/three"].map(|path| of(address, path));
    let run_in =
        |words: &[&str]| run(sockkit(["get", "--progress=always"]).args(words).current_dir(&dir), b"").expect(0);
    let both = run_in(&[&urls[0], &urls[1], "-O"]).stderr;
    assert!(both.contains("one: 3 B of 3 B") && both.contains("three: 5 B of 5 B"), "{both}");
    let single = run_in(&[&urls[0], "-o", "x"]).stderr;
    assert!(single.contains("sockkit: 3 B of 3 B"), "{single}");
    let json = run_in(&[&urls[0], &urls[1], "--json", "-o", "y", "-o", "z"]).stderr;
    assert!(json.contains(r#""file":"y""#) && json.contains(r#""file":"z""#), "{json}");
}

#[test]
fn a_large_plain_body_reaches_its_part_through_the_kernel() {
    if cfg!(feature = "portable") {
        return;
    }
    let Some(mut strace) = peer("strace") else { return };
    let dir = directory();
    let (trace, out) = (dir.path().join("trace"), dir.path().join("out"));
    strace.args(["-f", "-e", "trace=splice", "-o", text(&trace), env!("CARGO_BIN_EXE_sockkit"), "get"]);
    start(strace.args([&of(server(), "/large"), "-o", text(&out)])).end().expect(0);
    assert_same(&fs::read(&out).expect("made"), &random(1 << 20, 1));
    assert!(fs::read_to_string(&trace).expect("strace wrote it").contains("splice("));
}

/// Runs sockkit (argv 1) with the words behind it and a terminal as its stdout; prints the exit code and what was seen.
const ON_A_TERMINAL: &str = "\
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE)
os.close(theirs)
seen = b''
try:
    while piece := os.read(ours, 65536):
        seen += piece
except OSError:
    pass
print(child.wait(), seen, child.stderr.read().decode())
";

#[test]
fn a_terminal_gets_text_unless_it_was_named() {
    let (address, _requests) = answering(|request, client| {
        let is_text = request.start() == "GET /text";
        client.answer(if is_text { "ü\t\x1b[0m".as_bytes() } else { b"\x7fELF\0\x01" });
        true
    });
    let seen = |path: &str, options: &[&str]| {
        let url = of(address, path);
        let words = [&[env!("CARGO_BIN_EXE_sockkit"), "get", url.as_str()][..], options].concat();
        Some(start(&mut python(ON_A_TERMINAL, &words)?).end().expect(0).text())
    };
    let Some(text) = seen("/text", &[]) else { return };
    assert!(text.starts_with(r"0 b'\xc3\xbc\t\x1b[0m'"), "{text}");
    let refused = seen("/binary", &[]).expect("it is there");
    assert!(refused.starts_with("23 b''") && refused.contains("-o FILE") && refused.contains("-o -"), "{refused}");
    for options in [&["-o", "-"][..], &["-o", "/dev/stdout"]] {
        let shown = seen("/binary", options).expect("it is there");
        assert!(shown.starts_with(r"0 b'\x7fELF\x00\x01'"), "{shown}");
    }
    let heads = seen("/binary", &["-I"]).expect("it is there");
    assert!(heads.contains("200 OK"), "{heads}");
    // Nobody looks at a pipe.
    assert_eq!(get(&[&of(address, "/binary")]).expect(0).stdout, b"\x7fELF\0\x01");
}

#[test]
fn a_second_program_does_not_write_to_the_same_part() {
    let dir = directory();
    let out = dir.path().join("out");
    let (address, go_on) = pausing();
    let first = until_half(&[&of(address, "/"), "-o", text(&out)]);
    for option in ["--continue", "--force"] {
        let ended = get(&[&of(refusing(), "/"), option, "-o", text(&out)]).expect(23);
        assert!(ended.stderr.contains("another program writes to it"), "{}", ended.stderr);
    }
    go_on.send(()).expect("it waits");
    first.end().expect(0);
    assert_eq!(names(dir.path()), ["out"]);
    assert_eq!(fs::read(&out).expect("made"), b"halfhalf");
}
