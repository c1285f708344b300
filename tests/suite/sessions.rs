//! `udp-recv --echo`, `--exec` and `udp-send --replies`: answers, their bounds, and what is left of commands.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::held::held;
use crate::support::talk::Talk;
use crate::support::wire::eventually;
use crate::support::{HARD_LIMIT, Running, assert_same, directory, python, random, run, sockkit, start};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";
const TERM: i32 = 15;

/// A receiver that answers, at `address`.
fn server(address: &str, options: &[&str]) -> Running {
    start(sockkit(["udp-recv", address]).args(options))
}

/// A socket that sends to `server` alone, and does not wait for ever.
fn client(server: &Running) -> UdpSocket {
    let address = server.address();
    let socket = UdpSocket::bind(if address.is_ipv4() { V4 } else { V6 }).expect("a free port");
    socket.connect(address).expect("it is an address of this machine");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
    socket
}

/// What `client` gets for `datagram`.
fn ask(client: &UdpSocket, datagram: &[u8]) -> Vec<u8> {
    client.send(datagram).expect("there is room");
    answer(client)
}

fn answer(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let size = client.recv(&mut buffer).expect("an answer");
    buffer[..size].to_vec()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn has_v6() -> bool {
    let has = UdpSocket::bind(V6).is_ok();
    if !has {
        eprintln!("skipped: no IPv6 here");
    }
    has
}

#[test]
fn an_echo_gives_back_every_size() {
    for (address, largest) in [(V4, 65_507)].into_iter().chain(has_v6().then_some((V6, 65_527))) {
        let server = server(address, &["--echo", "--count", "5"]);
        let client = client(&server);
        for size in [0, 1, 1472, 1473, largest] {
            let datagram = random(size, 1);
            assert_same(&ask(&client, &datagram), &datagram);
        }
        server.end().expect(0);
    }
}

#[test]
fn an_ipv4_client_of_a_dual_stack_server_is_answered_and_shown_as_ipv4() {
    if !has_v6() {
        return;
    }
    let server = server("0", &["--exec", "echo $SOCKKIT_REMOTE_ADDR $SOCKKIT_REMOTE_PORT", "-v", "--count", "2"]);
    let port = server.address().port();
    for (from, to) in [(V4, "127.0.0.1"), (V6, "::1")] {
        let client = UdpSocket::bind(from).expect("a free port");
        client.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
        client.connect(SocketAddr::new(to.parse().expect("an address"), port)).expect("it is local");
        let own = client.local_addr().expect("it is bound");
        assert_eq!(text(&ask(&client, b"x")), format!("{to} {}\n", own.port()));
        server.line(&format!("a datagram of 1 bytes from {own}"));
    }
    server.end().expect(0);
}

#[test]
fn unix_clients_are_answered_too() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    for options in [
        ["--echo"].as_slice(),
        &["--exec", "cat; echo ${SOCKKIT_REMOTE_ADDR-none}${SOCKKIT_LOCAL_PORT-none}$SOCKKIT_PASSWORD$SOCKKIT_BEARER"],
    ] {
        let address = format!("unix:{}", path("server").display());
        let server = start(
            sockkit(["udp-recv", &address, "--count", "2"])
                .args(options)
                .env("SOCKKIT_REMOTE_ADDR", "of another sockkit")
                .env("SOCKKIT_PASSWORD", "hunter2")
                .env("SOCKKIT_BEARER", "hunter2"),
        );
        server.line("listening on ");
        let nameless = UnixDatagram::unbound().expect("a socket");
        nameless.send_to(b"who?", path("server")).expect("it receives");
        server.line("a sender without a name can't be answered");
        let client = UnixDatagram::bind(path("client")).expect("a new name");
        client.set_read_timeout(Some(HARD_LIMIT)).expect("a read timeout");
        client.send_to(b"hello\n", path("server")).expect("it receives");
        let mut buffer = [0; 100];
        let size = client.recv(&mut buffer).expect("an answer");
        let wanted = if options.len() == 1 { "hello\n" } else { "hello\nnonenone\n" };
        assert_eq!(text(&buffer[..size]), wanted);
        server.end().expect(0);
        std::fs::remove_file(path("client")).expect("it is ours");
    }
}

#[test]
fn a_command_gets_the_datagram_and_its_output_is_the_answer() {
    let server = server(V4, &["--exec", "cat", "--count", "3"]);
    let client = client(&server);
    for size in [1, 1473, 65_507] {
        let datagram = random(size, 2);
        assert_same(&ask(&client, &datagram), &datagram);
    }
    let ended = server.end().expect(0);
    // What came is on stdout, as without --exec.
    assert_eq!(ended.stdout.len(), 1 + 1473 + 65_507);
}

#[test]
fn the_last_answer_is_waited_for() {
    let server = server(V4, &["--exec", "sleep 0.3; echo late", "--count", "1"]);
    assert_eq!(text(&ask(&client(&server), b"x")), "late\n");
    server.end().expect(0);
    let server = held(V4, &["--exec", "sleep 0.3; echo late", "--until-idle", "0.1"]);
    let client = client(&server.running);
    client.send(b"x").expect("there is room");
    let server = server.begin();
    assert_eq!(text(&answer(&client)), "late\n");
    server.end().expect(0);
}

#[test]
fn a_command_that_says_nothing_fails_or_says_too_much_harms_nobody() {
    let server = server(V4, &["--exec", "read word; eval \"$word\"", "--count", "6"]);
    let client = client(&server);
    client.send(b"true").expect("there is room");
    assert_eq!(text(&ask(&client, b"echo but; exit 3")), "but\n");
    server.line("ended with code 3");
    client.send(b"kill -9 $$").expect("there is room");
    server.line("ended with SIGKILL");
    client.send(b"head -c 65508 /dev/zero").expect("there is room");
    server.line("--exec said more than one datagram holds, 65507 bytes");
    assert_eq!(ask(&client, b"head -c 65507 /dev/zero").len(), 65_507);
    // This one never looks at what it is given.
    assert_eq!(text(&ask(&client, b"exec < /dev/null; echo fine")), "fine\n");
    server.end().expect(0);
    let server = self::server(V4, &["--exec", "/nowhere/to/be/found"]);
    self::client(&server).send(b"x").expect("there is room");
    server.line("ended with code 127");
    server.signal(TERM);
    server.end().expect(0);
}

#[test]
fn what_a_peer_sends_reaches_the_command_on_its_stdin_alone() {
    let server = server(V4, &["--exec", "env; printf '%s' \"$*\"", "--count", "1"]);
    let client = client(&server);
    let seen = text(&ask(&client, b"$(touch /tmp/secret-of-the-peer)"));
    let own = client.local_addr().expect("it is bound");
    let wanted = [
        "SOCKKIT_REMOTE_ADDR=127.0.0.1".to_owned(),
        format!("SOCKKIT_REMOTE_PORT={}", own.port()),
        "SOCKKIT_LOCAL_ADDR=127.0.0.1".to_owned(),
        format!("SOCKKIT_LOCAL_PORT={}", client.peer_addr().expect("it is connected").port()),
    ];
    for line in wanted {
        assert!(seen.lines().any(|other| other == line), "{line}: {seen}");
    }
    assert!(!seen.contains("secret-of-the-peer"), "{seen}");
    server.end().expect(0);
}

#[test]
fn a_command_starts_with_three_descriptors_and_no_signal_blocked() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let parent = "import os, signal, sys
os.dup2(os.open('/dev/null', os.O_RDONLY), 9, inheritable=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGCHLD])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])";
    // A shell that waits for another program may block signals meanwhile: the mask is asked of the one that it becomes.
    let exec = "ls /proc/$$/fd; exec grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let words = [env!("CARGO_BIN_EXE_sockkit"), "udp-recv", V4, "--count", "1", "--exec", exec];
    let Some(mut command) = python(parent, &words) else { return };
    let server = start(&mut command);
    let seen = text(&ask(&client(&server), b""));
    let fields: Vec<_> = seen.split_whitespace().collect();
    // A shell may keep one of its own, marked to be closed: 9 was ours.
    assert!(fields.starts_with(&["0", "1", "2"]) && !fields.contains(&"9"), "{seen}");
    let mask = |name: &str| {
        let at = fields.iter().position(|field| *field == name).expect("the kernel tells it");
        u64::from_str_radix(fields[at + 1], 16).expect("hex digits")
    };
    // SIGPIPE is 13.
    assert_eq!((mask("SigBlk:"), mask("SigIgn:") & (1 << 12)), (0, 0), "{seen}");
    // That it ended is seen although our parent had blocked the signal that tells.
    let ended = server.end().expect(0);
    assert!(!ended.stderr.contains("--exec-timeout") && !ended.stderr.contains("took longer"), "{}", ended.stderr);
}

#[test]
fn no_more_commands_run_at_once_than_allowed() {
    let directory = directory();
    let count = "mkdir run.$$; ls -d run.* | wc -l; sleep 0.05; rmdir run.$$";
    let mut command = sockkit(["udp-recv", V4, "--count", "12", "--max-children", "3", "--exec", count]);
    let server = start(command.current_dir(&directory));
    let client = client(&server);
    for _ in 0..12 {
        client.send(b"x").expect("there is room");
    }
    let most = (0..12).map(|_| text(&answer(&client)).trim().parse::<u32>().expect("a number")).max();
    assert!(most.is_some_and(|most| (1..=3).contains(&most)), "{most:?}");
    server.end().expect(0);
}

#[test]
fn a_command_that_takes_too_long_is_ended_and_the_next_has_its_turn() {
    let exec = "trap '' TERM; read word; [ \"$word\" = fast ] || sleep 1000; echo done";
    // For the fast one the limit must be long.
    let server = server(V4, &["--max-children", "1", "--exec-timeout", "5", "--count", "2", "--exec", exec]);
    let client = client(&server);
    client.send(b"slow\n").expect("there is room");
    assert_eq!(text(&ask(&client, b"fast\n")), "done\n");
    server.line("--exec took longer than 5 s (--exec-timeout) and is ended");
    server.end().expect(0);
}

/// Whether a process of the group runs. One that is dead and that nobody has reaped yet does not; see proc(5).
fn lives(group: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
    let mut stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats.any(|stat| {
        let fields: Vec<_> = stat.rsplit(')').next().into_iter().flat_map(str::split_whitespace).collect();
        fields.get(2) == Some(&group) && !matches!(fields.first(), Some(&"Z" | &"X"))
    })
}

/// A process that was killed needs a moment to die.
#[track_caller]
fn dies(group: &str) {
    eventually(&format!("the group {group} is dead"), || !lives(group));
}

#[test]
fn nothing_of_a_command_is_left_once_we_end() {
    let exec = "trap '' TERM; (trap '' TERM; sleep 1000) & echo $$ >&2; sleep 1000";
    for (signal, code) in [(TERM, 0), (2, 0), (1, 129)] {
        let server = server(V4, &["--exec", exec]);
        let client = client(&server);
        client.send(b"x").expect("there is room");
        let group = loop {
            let line = server.line("");
            if line.parse::<u32>().is_ok() {
                break line;
            }
        };
        assert!(lives(&group));
        let start = Instant::now();
        server.signal(signal);
        server.end().expect(code);
        dies(&group);
        // Its time of grace is a second.
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

#[test]
fn what_a_command_leaves_behind_is_killed_with_its_end() {
    let exec = "(trap '' TERM; exec > /dev/null; sleep 1000) & echo $$";
    let server = server(V4, &["--exec", exec, "--count", "1"]);
    let group = text(&ask(&client(&server), b"x"));
    server.end().expect(0);
    dies(group.trim());
}

#[test]
fn a_sender_ends_with_the_last_reply_that_it_asked_for() {
    let server = server(V4, &["--echo"]);
    let address = server.address().to_string();
    let send = |options: &[&str], words: &[&str]| {
        run(sockkit(["udp-send", "--wait", "60"]).args(options).arg(&address).args(words), b"")
    };
    let start = Instant::now();
    assert_eq!(send(&["--replies", "1"], &["a"]).expect(0).text(), "a");
    assert_eq!(send(&["--replies", "3"], &["a", "b", "c"]).expect(0).text(), "abc");
    // With an endless count the replies are the only end.
    assert_eq!(send(&["--replies", "2", "--count", "0", "--interval", "1ms"], &["a"]).expect(0).text(), "aa");
    assert!(start.elapsed() < Duration::from_secs(50));
    server.signal(TERM);
    server.end().expect(0);
}

#[test]
fn fewer_replies_than_asked_for_are_an_error() {
    let server = server(V4, &["--echo"]);
    let address = server.address().to_string();
    let options = ["udp-send", "--wait", "0.3", "--replies", "3"];
    // The wait begins with the end of the input: both replies have come by then.
    let mut asking = Talk::start(sockkit(options).args(["--lines", &address]));
    for word in ["a", "b"] {
        asking.say(format!("{word}\n"));
        asking.hear(word);
    }
    asking.hang_up();
    let ended = asking.end().expect(28);
    assert_eq!(ended.text(), "");
    assert!(ended.stderr.contains("2 of 3 replies came"), "{}", ended.stderr);
    let silent = UdpSocket::bind(V4).expect("a free port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let ended = run(sockkit(options).args([address.as_str(), "a"]), b"").expect(28);
    assert!(!ended.stderr.contains("replies came"), "{}", ended.stderr);
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let refused: &[&[&str]] = &[
        &["udp-recv", "0", "--echo", "--reply", "x"],
        &["udp-recv", "0", "--echo", "--exec", "cat"],
        &["udp-recv", "0", "--reply", "x", "--exec", "cat"],
        &["udp-recv", "0", "--interactive", "--echo"],
        &["udp-recv", "0", "--interactive", "--exec", "cat"],
        &["udp-recv", "0", "--max-children", "2"],
        &["udp-recv", "0", "--exec-timeout", "2"],
        &["udp-recv", "0", "--exec", "cat", "--max-children", "0"],
        &["udp-recv", "0", "--exec", "cat", "--exec-timeout", "0"],
        &["udp-send", "localhost:9", "--replies", "1", "x"],
        &["udp-send", "localhost:9", "--wait", "1", "--replies", "0", "x"],
        &["udp-send", "localhost:9", "--wait", "1", "--replies", "1", "--interactive"],
    ];
    for words in refused {
        assert_eq!(run(&mut sockkit(*words), b"").code(), 2, "{words:?}");
    }
}
