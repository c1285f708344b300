//! What looks on while bytes move, and what is asked of them: dumps, logs, rate, ends by what came, hashes.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::web::Client;
use crate::support::wire::{client, read_all, read_exactly, refusing, server};
use crate::support::{Ended, assert_same, directory, file, peer, random, run, sockkit, start};

fn connect(address: SocketAddr, options: &[&str]) -> Command {
    let mut command = sockkit(["connect", &address.to_string()]);
    command.args(options);
    command
}

fn named(option: &str, path: &Path) -> String {
    format!("{option}={}", path.display())
}

/// A peer that sends `bytes` and its end, and gives what it received.
fn giving(bytes: Vec<u8>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    server(move |mut stream| {
        stream.write_all(&bytes).expect("the client listens");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    })
}

/// A peer that is asked by five bytes, answers in pieces, and stays until the client has ended.
fn staying(pieces: &'static [&'static [u8]]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    server(move |mut stream| {
        let mut asked = read_exactly(&stream, 5);
        for piece in pieces {
            stream.write_all(piece).expect("the client listens");
            // So that the pieces come in reads of their own; if they don't, the outcome is the same.
            std::thread::sleep(Duration::from_millis(50));
        }
        asked.extend(read_all(&stream));
        asked
    })
}

/// A question, and the answer to it once the whole of it has come.
fn answering(length: usize, answer: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    server(move |mut stream: TcpStream| {
        let question = read_exactly(&stream, length);
        stream.write_all(answer).expect("the client listens");
        question
    })
}

/// A row without its time, which must be a time.
#[track_caller]
fn untimed(row: &str) -> &str {
    let (time, rest) = row.split_at(11);
    assert!(time.trim_start().parse::<f64>().is_ok_and(|seconds| seconds < 90.0) && time.len() == 11, "{row}");
    rest
}

const DUMP: [&str; 4] = [
    " > 00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 30 0d 0a  |GET / HTTP/1.0..|",
    " > 00000010  0d 0a                                             |..|",
    " < 00000000  48 54 54 50 2f 31 2e 30  20 32 30 30 0d 0a 0d 0a  |HTTP/1.0 200....|",
    " < 00000010  00 ff 1b 5b 32 4a                                 |...[2J|",
];

const QUESTION: &[u8] = b"GET / HTTP/1.0\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.0 200\r\n\r\n\x00\xff\x1b[2J";

#[test]
fn the_dump_of_a_known_exchange() {
    let dir = directory();
    let path = dir.path().join("dump");
    for to_file in [false, true] {
        let (address, server) = answering(QUESTION.len(), ANSWER);
        let option = if to_file { named("--hex", &path) } else { "-x".into() };
        let ended = run(&mut connect(address, &[&option]), QUESTION).expect(0);
        assert_eq!(ended.stdout, ANSWER);
        let dump = if to_file { fs::read_to_string(&path).expect("it was made") } else { ended.stderr };
        assert_eq!(dump.lines().map(untimed).collect::<Vec<_>>(), DUMP);
        server.join().expect("the script ends");
    }
    assert_eq!(fs::metadata(&path).expect("it was made").permissions().mode() & 0o777, 0o600);
}

#[test]
fn under_json_a_dump_on_stderr_is_objects_and_one_in_a_file_is_not() {
    let dir = directory();
    let path = dir.path().join("dump");
    let (address, server) = answering(QUESTION.len(), b"\"");
    let ended = run(&mut connect(address, &["-x", "--json"]), QUESTION).expect(0);
    let rows: Vec<serde_json::Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect();
    let seen: Vec<_> = rows.iter().map(|row| (row["direction"].as_str(), row["offset"].as_u64())).collect();
    assert_eq!(seen, [(Some("sent"), Some(0)), (Some("sent"), Some(16)), (Some("received"), Some(0))]);
    assert!(rows.iter().all(|row| row["event"] == "hex") && rows[2]["hex"] == "22", "{}", ended.stderr);
    server.join().expect("the script ends");
    let (address, server) = answering(QUESTION.len(), ANSWER);
    run(&mut connect(address, &[&named("-x", &path), "--json"]), QUESTION).expect(0);
    let dump = fs::read_to_string(&path).expect("it was made");
    assert_eq!(dump.lines().map(untimed).collect::<Vec<_>>(), DUMP);
    server.join().expect("the script ends");
}

#[test]
fn a_dump_for_a_slow_reader_of_stderr_is_whole() {
    let bytes = random(1 << 20, 11);
    let (address, server) = giving(bytes.clone());
    let script = r#""$0" connect "$1" -x 2>&1 >/dev/null | { sleep 1; grep -c " < " ; }"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_sockkit"), &address.to_string()]).stdin(Stdio::null());
    let ended = start(shell.stdout(Stdio::piped()).stderr(Stdio::piped())).end().expect(0);
    // Each read begins a row, so there may be more of them than sixteenths.
    let rows: usize = ended.text().trim().parse().expect("grep counts");
    assert!((1 << 16..(1 << 16) + 1000).contains(&rows), "{rows}");
    server.join().expect("the script ends");
}

#[test]
fn nobody_who_reads_stderr_is_no_reason_to_stop() {
    let bytes = random(1 << 20, 12);
    let (address, server) = giving(bytes.clone());
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let ended = start(connect(address, &["-x"]).stderr(full)).end().expect(0);
    assert_same(&ended.stdout, &bytes);
    server.join().expect("the script ends");
}

#[test]
fn logs_hold_what_moved_and_are_their_owners_alone() {
    let dir = directory();
    let (received, sent) = (random(3 << 20, 1), random(2 << 20, 2));
    let (log_in, log_out) = (dir.path().join("in"), dir.path().join("out"));
    let (address, server) = giving(received.clone());
    let options = [named("--log-in", &log_in), named("--log-out", &log_out)];
    let ended = run(&mut connect(address, &[&options[0], &options[1]]), &sent).expect(0);
    assert_same(&ended.stdout, &received);
    assert_same(&fs::read(&log_in).expect("it was made"), &received);
    assert_same(&fs::read(&log_out).expect("it was made"), &sent);
    assert_same(&server.join().expect("the script ends"), &sent);
    for path in [&log_in, &log_out] {
        assert_eq!(fs::metadata(path).expect("it was made").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_log_has_what_was_sent_with_its_line_ends_translated() {
    let dir = directory();
    let log = dir.path().join("out");
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "-C", &named("--log-out", &log)]).stdin(Stdio::piped()));
    let stream = client(listener.address());
    let mut listener = listener;
    listener.feed(b"a\nb\n".to_vec());
    assert_eq!(read_all(&stream), b"a\r\nb\r\n");
    drop(stream);
    listener.end().expect(0);
    assert_eq!(fs::read(&log).expect("it was made"), b"a\r\nb\r\n");
}

#[test]
fn a_log_that_exists_is_23_before_connecting_unless_forced() {
    let dir = directory();
    for option in ["--log-in", "--log-out", "--hex"] {
        let path = file(&dir, option, b"precious");
        let ended = start(&mut connect(refusing(), &[&named(option, &path)])).end().expect(23);
        assert!(ended.stderr.contains("the file exists") && ended.stderr.contains("--force"), "{}", ended.stderr);
        start(&mut connect(refusing(), &[&named(option, &path), "--force"])).end().expect(7);
        assert_eq!(fs::read(&path).expect("it is there"), b"precious", "nothing came for it");
    }
    let path = dir.path().join("--log-in");
    let (address, server) = giving(b"new".to_vec());
    start(&mut connect(address, &[&named("--log-in", &path), "--force"])).end().expect(0);
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    server.join().expect("the script ends");
}

#[test]
fn a_log_that_nothing_came_for_goes_with_a_failure_and_stays_empty_otherwise() {
    let dir = directory();
    let path = dir.path().join("log");
    start(&mut connect(refusing(), &[&named("--log-in", &path)])).end().expect(7);
    assert!(!path.exists());
    let (address, server) = giving(Vec::new());
    start(&mut connect(address, &[&named("--log-in", &path)])).end().expect(0);
    assert_eq!(fs::read(&path).expect("it was made"), b"");
    server.join().expect("the script ends");
}

#[test]
fn two_options_for_one_file_are_refused() {
    let dir = directory();
    let path = dir.path().join("both");
    let options = [named("--log-in", &path), named("--log-out", &path)];
    let ended = start(&mut connect(refusing(), &[&options[0], &options[1]])).end().expect(2);
    assert!(ended.stderr.contains("two options"), "{}", ended.stderr);
    assert!(!path.exists());
}

#[test]
fn a_log_that_can_not_be_written_is_23_and_the_bytes_are_kept() {
    let bytes = random(300_000, 3);
    for option in ["--log-in", "--hex"] {
        let sent = bytes.clone();
        let (address, server) = server(move |mut stream| {
            // The session ends before the peer has said everything, or after: both are its right.
            let _ = stream.write_all(&sent);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let ended = start(&mut connect(address, &[&format!("{option}=/dev/full")])).end().expect(23);
        assert!(ended.stderr.contains("write /dev/full: no space left"), "{}", ended.stderr);
        assert!(!ended.stdout.is_empty() && bytes.starts_with(&ended.stdout), "{} bytes", ended.stdout.len());
        server.join().expect("the script ends");
    }
}

#[test]
fn two_mebibytes_at_one_a_second_take_two_seconds() {
    let bytes = random(2 << 20, 4);
    let (address, server) = giving(bytes.clone());
    let start = Instant::now();
    let ended = run(&mut connect(address, &["--rate", "1M"]), &bytes).expect(0);
    // A tenth of a second's worth goes at once. Both directions run side by side.
    assert!(start.elapsed() >= Duration::from_millis(1850), "{:?}", start.elapsed());
    assert_same(&ended.stdout, &bytes);
    assert_same(&server.join().expect("the script ends"), &bytes);
}

#[test]
fn a_rate_spends_no_processor_time_on_waiting() {
    // Glued to the answer of a proxy, all bytes are there when the session begins: none of its idle time is the peer's.
    let (proxy, server) = server(|stream| {
        let mut client = Client::new(stream);
        client.head().expect("the proxy is asked");
        client.send([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &random(2000, 5)].concat());
        client.stream.shutdown(Shutdown::Write).expect("it is connected");
        client.until_gone();
    });
    let began = Instant::now();
    let mut shell = Command::new("sh");
    let script = r#""$0" connect 127.0.0.1:9 --proxy "$1" --rate 1000 --idle-timeout 50ms >/dev/null && times"#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_sockkit"), &proxy.to_string()]).stdin(Stdio::null());
    let ended = start(shell.stdout(Stdio::piped()).stderr(Stdio::piped())).end().expect(0);
    assert!(began.elapsed() >= Duration::from_millis(1800), "{:?}", began.elapsed());
    let spent: f64 = ended.text().lines().nth(1).expect("the children's").split_whitespace().map(seconds).sum();
    assert!(spent < 0.5, "{spent} s of processor time: {}", ended.text());
    server.join().expect("the script ends");
}

/// `0m0.012s`, as the shell's `times` prints it.
fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').expect("minutes and seconds");
    minutes.parse::<f64>().expect("a number") * 60.0 + seconds.parse::<f64>().expect("a number")
}

const WHOLE: &[&[u8]] = &[b"220-wait\r\n220 ready\r\n"];
const SPLIT: &[&[u8]] = &[b"220-wait\r\n22", b"0 re", b"ady\r\n"];

#[test]
fn a_match_ends_well_although_the_peer_and_stdin_stay_open() {
    for pieces in [WHOLE, SPLIT] {
        let (address, server) = staying(pieces);
        let mut running = start(connect(address, &["--until-match", r"220 ready\r\n"]).stdin(Stdio::piped()));
        let mut stdin = running.stdin();
        stdin.write_all(b"hello").expect("it reads");
        let ended = running.end_within(Duration::from_secs(30)).expect(0);
        assert_eq!(ended.text(), "220-wait\r\n220 ready\r\n");
        assert_eq!(server.join().expect("the script ends"), b"hello");
        drop(stdin);
    }
}

/// Without SIOCOUTQ nobody knows when our bytes have left this machine.
#[test]
#[cfg(not(feature = "portable"))]
fn our_bytes_survive_a_match_that_leaves_the_peers_unread() {
    let question = random(200_000, 6);
    let (address, server) = server(move |mut stream| {
        stream.write_all(b"ok").expect("the client listens");
        // The client stops reading, and stays until we have taken what its kernel can't send yet.
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(&vec![b'.'; 100_000]).expect("the client takes it");
        std::thread::sleep(Duration::from_millis(300));
        // A reset could take them away, and would be read instead of the end.
        read_all(&stream)
    });
    let dir = directory();
    let path = file(&dir, "question", &question);
    start(connect(address, &["--until-match", "ok"]).stdin(crate::support::input(&path))).end().expect(0);
    let got = server.join().expect("all of what was read of our input arrived");
    assert_same(&got, &question);
}

#[test]
fn a_session_without_the_match_is_1_and_keeps_what_came() {
    let (address, server) = giving(b"421 not today\r\n".to_vec());
    let ended = start(&mut connect(address, &["--until-match", r"220\x20ready"])).end().expect(1);
    assert_eq!(ended.text(), "421 not today\r\n");
    assert!(ended.stderr.contains(r#"wait for "220 ready": the session ended without it"#), "{}", ended.stderr);
    server.join().expect("the script ends");
}

#[test]
fn max_bytes_writes_exactly_that_many() {
    let bytes = random(1 << 20, 7);
    for most in [1, 1000, 65_537, 700_000] {
        let sent = bytes.clone();
        let (address, server) = server(move |mut stream| {
            // Nobody takes the rest.
            let _ = stream.write_all(&sent);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let ended = start(&mut connect(address, &["--max-bytes", &most.to_string()])).end().expect(0);
        assert_same(&ended.stdout, &bytes[..most]);
        server.join().expect("the script ends");
    }
    let (address, server) = giving(bytes[..1000].to_vec());
    let ended = start(&mut connect(address, &["--max-bytes", "5G"])).end().expect(0);
    assert_same(&ended.stdout, &bytes[..1000]);
    server.join().expect("the script ends");
}

/// The sum that `sha256sum` prints, if this machine has it.
fn sha256sum(bytes: &[u8]) -> Option<String> {
    let ended = run(&mut peer("sha256sum")?, bytes).expect(0);
    ended.text().split_whitespace().next().map(str::to_owned)
}

fn exchange(received: &[u8], sent: &[u8], options: &[&str]) -> Ended {
    let (address, server) = giving(received.to_vec());
    let ended = run(&mut connect(address, options), sent);
    assert_same(&ended.stdout, received);
    assert_same(&server.join().expect("the script ends"), sent);
    ended
}

#[test]
fn sums_are_those_of_sha256sum() {
    let (received, sent) = (random(5 << 20, 8), random(3_000_001, 9));
    let (Some(of_received), Some(of_sent)) = (sha256sum(&received), sha256sum(&sent)) else { return };
    let said = exchange(&received, &sent, &["--sum", "-q"]).expect(0).stderr;
    let wanted = format!(
        "sockkit: sha256 {of_received}  received, 5242880 bytes\nsockkit: sha256 {of_sent}  sent, 3000001 bytes\n"
    );
    assert_eq!(said, wanted);
    let said = exchange(&received, &sent, &["--sum", "--json"]).expect(0).stderr;
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect();
    let fields: Vec<_> = lines.iter().map(|line| (line["event"].as_str(), line["sha256"].as_str())).collect();
    assert_eq!(fields, [(Some("sum"), Some(&*of_received)), (Some("sum"), Some(&*of_sent))]);
    assert_eq!((&lines[0]["direction"], &lines[0]["bytes"]), (&"received".into(), &5_242_880.into()));
}

/// SHA-256 of `abc`, FIPS 180-4.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn what_is_expected_is_0_or_1_or_18() {
    let other = "0".repeat(64);
    let table: [(&[&str], i32); 7] = [
        (&["--expect-sha256", ABC], 0),
        (&["--expect-sha256", &ABC.to_uppercase(), "--expect-size", "3"], 0),
        (&["--expect-sha256", &other], 1),
        (&["--expect-size", "3"], 0),
        (&["--expect-size", "4"], 18),
        (&["--expect-size", "2"], 1),
        (&["--expect-size", "5G", "--expect-sha256", &other], 18),
    ];
    for (options, code) in table {
        let ended = exchange(b"abc", b"not counted", options).expect(code);
        assert_eq!(ended.stderr.is_empty(), code == 0, "{options:?}: {}", ended.stderr);
    }
    let said = exchange(b"abc", b"", &["--expect-sha256", &other]).expect(1).stderr;
    assert!(said.contains(ABC) && said.contains(&other), "{said}");
    let said = exchange(b"abc", b"", &["--expect-size", "4"]).expect(18).stderr;
    assert!(said.contains("3 bytes, expected 4"), "{said}");
}

#[test]
fn a_file_that_is_not_what_was_expected_is_kept() {
    let dir = directory();
    let path = dir.path().join("file");
    let (address, server) = giving(b"abc".to_vec());
    let options = ["-o", &path.display().to_string(), "--expect-size", "4"];
    start(&mut connect(address, &options)).end().expect(18);
    assert_eq!(fs::read(&path).expect("it was made"), b"abc");
    server.join().expect("the script ends");
}

#[test]
fn the_listener_has_them_too_but_not_for_many_clients() {
    let listener = start(&mut sockkit(["listen", "127.0.0.1", "0", "-x", "--sum", "--until-match", "abc"]));
    let mut stream = client(listener.address());
    stream.write_all(b"abc").expect("it listens");
    let ended = listener.end().expect(0);
    assert_eq!(ended.text(), "abc");
    assert!(ended.stderr.contains("61 62 63") && ended.stderr.contains(ABC), "{}", ended.stderr);
    let sha256 = format!("--expect-sha256={ABC}");
    let options = ["-x", "--log-in=a", "--log-out=a", "--rate=1", "--until-match=a", "--max-bytes=1", "--sum", &sha256];
    for option in options.into_iter().chain(["--expect-size=1"]) {
        let ended = start(&mut sockkit(["listen", "-k", "127.0.0.1", "0", option])).end().expect(2);
        assert!(ended.stderr.contains("--keep-open"), "{}", ended.stderr);
        start(&mut sockkit(["connect", "-z", "127.0.0.1", "9", option])).end().expect(2);
    }
}

#[test]
fn values_that_can_not_be_are_usage_errors() {
    for option in
        ["--rate=0", "--rate=fast", "--until-match=", r"--until-match=\q", "--max-bytes=-1", "--expect-sha256=ab"]
    {
        start(&mut connect(refusing(), &[option])).end().expect(2);
    }
}
