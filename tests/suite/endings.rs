//! How a session ends: by both ends, by a reset, by a limit, by a signal; and what is kept and said each time.

use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::wire::{accept, client, eventually, read_all, read_exactly, reset, server};
use crate::support::{HARD_LIMIT, assert_same, directory, random, run, sockkit, start};

const SECOND: Duration = Duration::from_secs(1);

/// The most that may pass at what is to happen at once, or behind a limit.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn an_answer_long_after_our_end_is_received_whole() {
    let answer = random(300_000, 1);
    let sent = answer.clone();
    let (address, peer) = server(move |mut stream| {
        let question = read_all(&stream);
        thread::sleep(SECOND);
        stream.write_all(&sent).expect("the client still listens");
        question
    });
    let ended = run(&mut sockkit(["connect", &address.to_string()]), b"question").expect(0);
    assert_same(&ended.stdout, &answer);
    assert_eq!(peer.join().expect("the script ends"), b"question");
}

#[test]
fn a_reset_is_56_and_what_came_before_is_kept() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"before the reset").expect("the client listens");
        read_exactly(&stream, 5);
        reset(stream);
    });
    let mut running = start(sockkit(["connect", &address.to_string()]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(b"hello").expect("it reads");
    let ended = running.end().expect(56);
    assert_eq!(ended.text(), "before the reset");
    assert!(ended.stderr.contains("reset") && ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
    peer.join().expect("the script ends");
}

#[test]
fn after_a_reset_the_count_of_ours_that_was_not_acknowledged_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    SockRef::from(&listener).set_recv_buffer_size(64 << 10).expect("it is a small size");
    let address = listener.local_addr().expect("it is bound").to_string();
    let mut running = start(sockkit(["connect", "-vv", &address]).stdin(Stdio::piped()));
    running.feed(random(32 << 20, 2));
    let (mut stream, _) = accept(&listener);
    stream.write_all(b"kept").expect("the client listens");
    // Nobody reads it: once so much has been written, the peer's kernel can't have acknowledged all of it.
    let mut written = 0;
    while written < 512 << 10 {
        written += bytes_told(&running.line(" bytes to the peer"));
    }
    reset(stream);
    let ended = running.end().expect(56);
    assert_eq!(ended.text(), "kept");
    // Without SIOCOUTQ only what never left this process is known, and that may be nothing.
    if cfg!(not(feature = "portable")) {
        let error = ended.stderr.lines().last().unwrap_or_default();
        let said = error.split("; ").find_map(|part| part.strip_suffix(" bytes of ours were not acknowledged"));
        let count: u64 = said.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no count: {}", ended.stderr));
        assert!(count > 0 && count < 32 << 20, "{count}");
    }
}

/// The number in `wrote 10 bytes to the peer`.
fn bytes_told(line: &str) -> u64 {
    let number = line.split("wrote ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no number: {line}"))
}

#[test]
fn a_client_that_resets_a_listener_is_56_too() {
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "-d"]).stdin(Stdio::null()));
    let mut stream = client(listener.address());
    stream.write_all(b"kept").expect("it listens");
    reset(stream);
    assert_eq!(listener.end().expect(56).text(), "kept");
}

#[test]
fn a_silent_peer_is_28_at_the_idle_limit_which_is_named() {
    // Long enough for a peer that is put off before it begins.
    let limit = 3 * SECOND;
    for option in ["-w", "--idle-timeout"] {
        let (address, peer) = server(|mut stream| {
            stream.write_all(b"a start").expect("the client listens");
            read_all_or_reset(&stream);
        });
        let began = Instant::now();
        let mut running = start(sockkit(["connect", &address.to_string(), option, "3"]).stdin(Stdio::piped()));
        let stdin = running.stdin();
        let ended = running.end().expect(28);
        assert!(began.elapsed() >= limit && began.elapsed() < limit + SOON, "{:?}", began.elapsed());
        assert_eq!(ended.text(), "a start");
        let name = if option == "-w" { "--timeout" } else { option };
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
        drop(stdin);
        peer.join().expect("the script ends");
    }
}

/// Until the peer is gone, in whichever way.
fn read_all_or_reset(mut stream: &std::net::TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

#[test]
fn a_link_that_is_slow_but_alive_has_no_timeout() {
    // Together the pauses are longer than the limit, each of them is much shorter.
    let (address, peer) = server(|mut stream| {
        for _ in 0..12 {
            thread::sleep(Duration::from_millis(400));
            stream.write_all(b".").expect("the client still listens");
        }
    });
    let ended = start(&mut sockkit(["connect", &address.to_string(), "--idle-timeout", "4"])).end().expect(0);
    assert_eq!(ended.text(), "............");
    peer.join().expect("the script ends");
}

#[test]
fn the_deadline_bounds_the_whole_run_although_bytes_move() {
    // Long enough for a peer that is put off before it begins.
    let deadline = 3 * SECOND;
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"what came is kept").expect("the client listens");
        while stream.write_all(b".").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let began = Instant::now();
    let ended = start(&mut sockkit(["connect", &address.to_string(), "--deadline", "3"])).end().expect(28);
    assert!(began.elapsed() >= deadline && began.elapsed() < deadline + SOON, "{:?}", began.elapsed());
    assert!(ended.stderr.contains("--deadline"), "{}", ended.stderr);
    assert!(ended.text().starts_with("what came is kept"), "{}", ended.text());
    peer.join().expect("the script ends");
}

#[test]
fn until_idle_ends_well_once_the_peer_is_quiet() {
    let (client_is_over, is_over) = channel::<()>();
    let (address, peer) = server(move |mut stream| {
        read_exactly(&stream, 8);
        stream.write_all(b"one ").expect("the client listens");
        thread::sleep(Duration::from_millis(150));
        stream.write_all(b"two").expect("the client listens");
        // It never ends by itself.
        let _ = is_over.recv();
    });
    let began = Instant::now();
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--until-idle", "3"]), b"question").expect(0);
    assert_eq!(ended.text(), "one two");
    assert!(began.elapsed() >= Duration::from_millis(3150), "{:?}", began.elapsed());
    drop(client_is_over);
    peer.join().expect("the script ends");
}

#[test]
fn until_idle_waits_for_stdin() {
    let (address, peer) = server(|stream| read_all(&stream));
    let mut running = start(sockkit(["connect", &address.to_string(), "--until-idle", "100ms"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    thread::sleep(Duration::from_millis(400));
    stdin.write_all(b"late").expect("it still reads");
    drop(stdin);
    running.end().expect(0);
    assert_eq!(peer.join().expect("the script ends"), b"late");
}

#[test]
fn a_peer_that_half_closes_first_still_gets_everything() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"done early").expect("the client listens");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    });
    let mut running = start(sockkit(["connect", "-v", &address.to_string()]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    running.line("the peer has ended");
    let ours = random(3 << 20, 3);
    stdin.write_all(&ours).expect("it still reads");
    drop(stdin);
    assert_eq!(running.end().expect(0).text(), "done early");
    assert_same(&peer.join().expect("the script ends"), &ours);
}

/// Keepalive answers for a program that is gone only every 15 s: here its kernel does, when our bytes reach it.
#[test]
fn bytes_for_a_peer_that_is_gone_are_a_reset() {
    let (address, peer) = server(drop);
    let mut running = start(sockkit(["connect", "-v", &address.to_string()]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    running.line("the peer has ended");
    peer.join().expect("the script ends");
    stdin.write_all(b"for nobody").expect("it still reads");
    running.end().expect(56);
}

#[test]
fn our_last_bytes_reach_a_peer_whose_own_bytes_we_never_read() {
    // --end-on local ends while the peer is still sending: closing with unread input would be a reset, and the
    // peer's kernel would throw our bytes away.
    let (written, is_written) = channel();
    let (address, peer) = server(move |mut stream| {
        stream.write_all(&random(200_000, 4)).expect("it fits the buffers");
        written.send(()).expect("the test waits for it");
        thread::sleep(Duration::from_millis(300));
        read_all(&stream)
    });
    let ours = random(100_000, 5);
    let mut running = start(sockkit(["connect", &address.to_string(), "--end-on", "local"]).stdin(Stdio::piped()));
    // Ours come second: a peer that is put off before it writes would write to somebody who has left.
    is_written.recv_timeout(HARD_LIMIT).expect("the script goes on");
    running.feed(ours.clone());
    running.end().expect(0);
    assert_same(&peer.join().expect("no reset reaches the peer"), &ours);
}

#[test]
fn end_on_peer_ends_although_stdin_stays_open() {
    let (address, peer) = server(|mut stream| stream.write_all(b"that was it").expect("the client listens"));
    let mut running = start(sockkit(["connect", &address.to_string(), "--end-on", "peer"]).stdin(Stdio::piped()));
    let stdin = running.stdin();
    assert_eq!(running.end().expect(0).text(), "that was it");
    drop(stdin);
    peer.join().expect("the script ends");
}

#[test]
fn end_on_both_waits_for_stdin_although_the_peer_has_ended() {
    let (address, peer) = server(|stream| {
        stream.shutdown(Shutdown::Write).expect("it is connected");
        read_all(&stream)
    });
    let mut running = start(sockkit(["connect", "-v", &address.to_string(), "--end-on", "both"]).stdin(Stdio::piped()));
    let stdin = running.stdin();
    running.line("the peer has ended");
    thread::sleep(Duration::from_millis(300));
    assert!(running.is_running());
    drop(stdin);
    running.end().expect(0);
    assert!(peer.join().expect("the script ends").is_empty());
}

#[test]
fn no_half_close_sends_no_fin_and_the_peer_ends_the_session() {
    let (address, peer) = server(|mut stream| {
        let question = read_exactly(&stream, 8);
        stream.set_read_timeout(Some(Duration::from_millis(400))).expect("not zero");
        let more = std::io::Read::read(&mut stream, &mut [0]);
        stream.write_all(b"answer").expect("the client listens");
        (question, more.map_err(|e| e.kind()))
    });
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--no-half-close"]), b"question").expect(0);
    assert_eq!(ended.text(), "answer");
    let (question, more) = peer.join().expect("the script ends");
    assert_eq!(question, b"question");
    assert_eq!(more, Err(std::io::ErrorKind::WouldBlock), "an end came although none was to be sent");
}

#[test]
fn no_stdin_reads_nothing_and_sends_no_fin_until_the_peer_ends() {
    let (address, peer) = server(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("not zero");
        let early = std::io::Read::read(&mut stream, &mut [0]).map_err(|e| e.kind());
        stream.write_all(b"download").expect("the client listens");
        stream.shutdown(Shutdown::Write).expect("it is connected");
        stream.set_read_timeout(Some(HARD_LIMIT)).expect("not zero");
        (early, read_all(&stream))
    });
    let ended = run(&mut sockkit(["connect", &address.to_string(), "-d"]), b"not to be read").expect(0);
    assert_eq!(ended.text(), "download");
    let (early, late) = peer.join().expect("the script ends");
    assert_eq!((early, late.len()), (Err(std::io::ErrorKind::WouldBlock), 0));
}

#[test]
fn send_only_discards_and_ends_after_stdin_and_the_peers_fin() {
    let (address, peer) = server(|mut stream| {
        stream.write_all(&random(1 << 20, 6)).expect("somebody reads it");
        let question = read_all(&stream);
        thread::sleep(Duration::from_millis(300));
        question
    });
    let began = Instant::now();
    let ended = run(&mut sockkit(["connect", &address.to_string(), "--send-only"]), b"only this").expect(0);
    assert!(ended.stdout.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(300), "the peer's FIN is waited for");
    assert_eq!(peer.join().expect("the script ends"), b"only this");
}

#[test]
fn crlf_translates_each_lf_once() {
    let (address, peer) = server(|stream| read_all(&stream));
    run(&mut sockkit(["connect", &address.to_string(), "-C"]), b"a\nb\r\n\n\rc").expect(0);
    assert_eq!(peer.join().expect("the script ends"), b"a\r\nb\r\n\r\n\rc");
}

#[test]
fn crlf_doubles_a_large_input_of_nothing_but_newlines() {
    let (address, peer) = server(|stream| read_all(&stream));
    run(&mut sockkit(["connect", &address.to_string(), "-C"]), &vec![b'\n'; 1 << 20]).expect(0);
    assert_same(&peer.join().expect("the script ends"), &b"\r\n".repeat(1 << 20));
}

#[test]
fn sigint_and_sigterm_die_by_the_signal_and_keep_what_came() {
    for (signal, code) in [(2, 130), (15, 143), (1, 129)] {
        let (address, peer) = server(|mut stream| {
            stream.write_all(b"kept").expect("the client listens");
            read_all_or_reset(&stream);
        });
        let mut running = start(sockkit(["connect", "-vv", &address.to_string()]).stdin(Stdio::piped()));
        let stdin = running.stdin();
        running.line("wrote 4 bytes to the local end");
        running.signal(signal);
        let ended = running.end_within(SOON);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(signal));
        assert_eq!(ended.expect(code).text(), "kept");
        drop(stdin);
        peer.join().expect("the script ends");
    }
}

#[test]
fn a_signal_that_was_ignored_at_start_stays_ignored() {
    let (address, peer) = server(|mut stream| {
        read_exactly(&stream, 1);
        stream.write_all(b"still here").expect("the client listens");
    });
    let binary = env!("CARGO_BIN_EXE_sockkit");
    let script = format!("trap '' HUP; exec {binary} connect -v {address}");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = start(&mut shell);
    let mut stdin = running.stdin();
    running.line("connected to");
    running.signal(1);
    stdin.write_all(b"x").expect("it reads");
    drop(stdin);
    assert_eq!(running.end().expect(0).text(), "still here");
    peer.join().expect("the script ends");
}

#[test]
fn sigterm_removes_the_socket_file() {
    let dir = directory();
    let path = dir.path().join("s");
    let listener =
        start(&mut sockkit(["listen".as_ref(), format!("unix:{}", path.display()).as_ref() as &std::ffi::OsStr]));
    listener.line("listening on ");
    assert!(path.exists());
    listener.signal(15);
    listener.end_within(SOON).expect(143);
    assert!(!path.exists());
}

#[test]
fn stop_and_continue_in_mid_transfer_lose_nothing() {
    let (ours, theirs) = (random(24 << 20, 7), random(24 << 20, 8));
    let sent = theirs.clone();
    let (address, peer) = server(move |stream| {
        let mut writer = stream.try_clone().expect("a descriptor is free");
        let sender = thread::spawn(move || {
            for piece in sent.chunks(1 << 18) {
                writer.write_all(piece).expect("the client reads");
                thread::sleep(Duration::from_millis(5));
            }
            writer.shutdown(Shutdown::Write).expect("it is connected");
        });
        let got = read_all(&stream);
        sender.join().expect("the sender ends");
        got
    });
    let mut running = start(sockkit(["connect", &address.to_string()]).stdin(Stdio::piped()));
    running.feed(ours.clone());
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(40));
        running.signal(19);
        thread::sleep(Duration::from_millis(40));
        running.signal(18);
    }
    assert_same(&running.end().expect(0).stdout, &theirs);
    assert_same(&peer.join().expect("the script ends"), &ours);
}

#[test]
fn a_connection_is_closed_when_the_listener_ends() {
    // The peer of a listener whose stdin is /dev/null ("receive only") ends the session itself.
    let listener = start(&mut sockkit(["listen", "127.0.0.1", "0"]));
    let stream = client(listener.address());
    (&stream).write_all(b"all of it").expect("it listens");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("not zero");
    let early = std::io::Read::read(&mut (&stream), &mut [0]).map_err(|e| e.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock), "no FIN before the client's");
    stream.set_read_timeout(Some(HARD_LIMIT)).expect("not zero");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    assert!(read_all(&stream).is_empty());
    assert_eq!(listener.end().expect(0).text(), "all of it");
}

#[test]
fn a_listener_in_mid_session_is_seen_to_end_by_a_signal() {
    let listener = start(sockkit(["listen", "-v", "127.0.0.1", "0"]).stdin(Stdio::piped()));
    let stream = client(listener.address());
    listener.line("accepted");
    listener.signal(15);
    listener.end_within(SOON).expect(143);
    eventually("the client sees the end", || (&stream).write_all(b"x").is_err());
}

/// A UNIX socket has no acknowledgements to look at: there only the reset tells.
#[test]
fn bytes_that_a_unix_peer_left_unread_are_a_reset() {
    let dir = directory();
    let path = dir.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("the directory is ours");
    let address = format!("unix:{}", path.display());
    let mut running = start(sockkit(["connect", "-vv", &address]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    let (stream, _) = listener.accept().expect("a client comes");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    running.line("the peer has ended");
    stdin.write_all(b"for nobody").expect("it still reads");
    running.line("wrote 10 bytes to the peer");
    drop(stream);
    // Its own input ends later: a program that another test is just starting may hold the stream for a moment.
    running.end().expect(56);
    drop(stdin);
}
