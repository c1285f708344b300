//! echo-server: what comes goes back, whatever the others do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::wire::eventually;
use crate::support::{HARD_LIMIT, Running, assert_same, directory, peer, random, run, sockkit, start};

const INT: i32 = 2;
const TERM: i32 = 15;
const CONT: i32 = 18;
const STOP: i32 = 19;

fn server(args: &[&str]) -> (Running, SocketAddr) {
    let all = ["echo-server"].iter().chain(args).chain(&["127.0.0.1", "0"]);
    let running = start(&mut sockkit(all));
    let address = running.address();
    (running, address)
}

fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
    stream.set_write_timeout(Some(HARD_LIMIT)).expect("it can be set");
    stream
}

/// Sends `bytes`, ends, and gives what came back until the server's end.
fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = client(address);
    let mut answer = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(bytes).expect("the server reads");
            stream.shutdown(Shutdown::Write).expect("it is connected");
        });
        (&stream).read_to_end(&mut answer).expect("the server answers and ends");
    });
    answer
}

#[test]
fn everything_before_the_clients_end_comes_back() {
    let (server, address) = server(&[]);
    for (size, seed) in [(0, 1), (1, 2), (65_537, 3), (5_000_000, 4)] {
        let bytes = random(size, seed);
        assert_same(&exchange(address, &bytes), &bytes);
    }
    server.signal(INT);
    let ended = server.end().expect(0);
    let counts = "4 clients, ";
    assert!(ended.stderr.contains(counts), "{}", ended.stderr);
    assert!(ended.stderr.contains("5065538 bytes received, 5065538 bytes sent"), "{}", ended.stderr);
}

#[test]
fn two_hundred_clients_at_once_each_get_their_own() {
    let (server, address) = server(&[]);
    // All are connected before the first sends anything.
    let clients: Vec<_> = (0..200).map(|_| client(address)).collect();
    for (seed, mut stream) in (0..).zip(&clients) {
        stream.write_all(&random(1000, seed)).expect("the server reads");
    }
    for (seed, mut stream) in (0..).zip(&clients) {
        let mut answer = vec![0; 1000];
        stream.read_exact(&mut answer).expect("the server answers");
        assert_same(&answer, &random(1000, seed));
    }
    drop(clients);
    server.signal(TERM);
    assert!(server.end().expect(0).stderr.contains("200 clients"));
}

#[test]
fn a_client_that_reads_nothing_disturbs_nobody_and_costs_no_memory() {
    let (server, address) = server(&[]);
    let greedy = client(address);
    greedy.set_nonblocking(true).expect("it can be set");
    let block = random(1 << 20, 1);
    let mut offered = 0;
    // Until the kernel's buffers on both ways are full.
    let end = Instant::now() + Duration::from_secs(5);
    while offered < 32 << 20 && Instant::now() < end {
        match (&greedy).write(&block) {
            Ok(n) => offered += n,
            Err(_) => break,
        }
    }
    assert_same(&exchange(address, &block), &block);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid)).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("0 kB", str::trim).to_owned();
    let kilobytes: u64 = peak.trim_end_matches(" kB").parse().expect("a number of kB");
    assert!(kilobytes < 24 << 10, "{peak}");
}

#[test]
fn a_client_that_resets_ends_alone_and_is_named() {
    let (server, address) = server(&[]);
    let other = client(address);
    let rude = client(address);
    (&rude).write_all(b"x").expect("the server reads");
    (&rude).read_exact(&mut [0]).expect("the server answers");
    let name = rude.local_addr().expect("it is bound").to_string();
    socket2::SockRef::from(&rude).set_linger(Some(Duration::ZERO)).expect("it can be set");
    drop(rude);
    assert!(server.line("reset").contains(&name));
    (&other).write_all(b"still here").expect("the server reads");
    let mut answer = [0; 10];
    (&other).read_exact(&mut answer).expect("the server answers");
    assert_eq!(&answer, b"still here");
}

#[test]
fn clients_over_the_limit_wait_their_turn() {
    let (_server, address) = server(&["-m", "1"]);
    let first = client(address);
    (&first).write_all(b"1").expect("the server reads");
    (&first).read_exact(&mut [0]).expect("the server answers");
    let second = client(address);
    (&second).write_all(b"2").expect("the kernel takes it");
    second.set_read_timeout(Some(Duration::from_millis(300))).expect("it can be set");
    assert!((&second).read(&mut [0]).is_err(), "it must not be served yet");
    drop(first);
    second.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
    let mut answer = [0];
    (&second).read_exact(&mut answer).expect("the server answers");
    assert_eq!(&answer, b"2");
}

#[test]
fn an_idle_client_is_dropped_and_the_limit_is_named() {
    let (server, address) = server(&["--idle-timeout", "300ms"]);
    let mut silent = client(address);
    assert_eq!(silent.read(&mut [0]).expect("the server ends it"), 0);
    assert!(server.line("--idle-timeout").contains(&silent.local_addr().expect("it is bound").to_string()));
}

#[test]
fn out_of_descriptors_is_said_once_and_survived() {
    let Some(mut shell) = peer("bash") else { return };
    let run = format!("ulimit -n 40; exec {} echo-server 127.0.0.1 0", env!("CARGO_BIN_EXE_sockkit"));
    let server = start(shell.args(["-c", &run]));
    let address = server.address();
    // All wait before it looks: once it has found that nobody waits any more, it would say it again.
    server.signal(STOP);
    let crowd: Vec<_> = (0..60).map(|_| client(address)).collect();
    server.signal(CONT);
    server.line("no client can be taken");
    // Whoever leaves makes room for one who waits.
    for mut stream in crowd {
        stream.write_all(b"x").expect("the kernel takes it");
        stream.read_exact(&mut [0]).unwrap_or_else(|e| panic!("{e}: {} {}", server.is_running(), server.stderr()));
    }
    assert_eq!(server.stderr().matches("no client can be taken").count(), 1, "{}", server.stderr());
}

#[test]
fn datagrams_are_answered_on_the_same_port() {
    let (server, address) = server(&["--udp"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
    for size in [0, 1, 1472, 9000, 65_507] {
        let bytes = random(size, 9);
        socket.send_to(&bytes, address).expect("it can be sent");
        let mut answer = vec![0; 65_536];
        let (n, from) = socket.recv_from(&mut answer).expect("the server answers");
        assert_eq!(from, address);
        assert_same(&answer[..n], &bytes);
    }
    assert_eq!(exchange(address, b"and streams"), b"and streams");
    server.signal(INT);
    assert!(server.end().expect(0).stderr.contains("5 datagrams answered"));
}

#[test]
fn other_netcats_get_their_bytes_back() {
    let (_server, address) = server(&["--udp"]);
    let port = address.port().to_string();
    let to = format!("TCP:127.0.0.1:{port}");
    let peers: [(&str, &[&str]); 3] =
        [("nc", &["-N", "127.0.0.1", &port]), ("ncat", &["127.0.0.1", &port]), ("socat", &["-t", "30", "-", &to])];
    for (program, args) in peers {
        let Some(mut command) = peer(program) else { continue };
        let bytes = random(3_000_000, 5);
        assert_same(&run(command.args(args), &bytes).expect(0).stdout, &bytes);
    }
}

#[test]
fn a_unix_socket_echoes_too_and_its_file_goes() {
    let dir = directory();
    let path = dir.path().join("echo.sock");
    let address = format!("unix:{}", path.display());
    let server = start(&mut sockkit(["echo-server", &address]));
    server.line("listening on unix:");
    assert_eq!(run(&mut sockkit(["connect", &address]), b"over a path").expect(0).text(), "over a path");
    let refused = run(&mut sockkit(["echo-server", "--udp", &address]), b"").expect(2);
    assert!(refused.stderr.contains("--udp"), "{}", refused.stderr);
    server.signal(TERM);
    server.end().expect(0);
    assert!(!path.exists());
}

#[test]
fn json_tells_the_totals_and_quiet_tells_nothing() {
    let (server, address) = {
        let running = start(&mut sockkit(["--json", "echo-server", "127.0.0.1", "0"]));
        let line = running.line("listening");
        let address = line.split('"').find(|part| part.starts_with("127.")).expect("the address").to_owned();
        (running, address.parse().expect("an address"))
    };
    exchange(address, b"abc");
    server.signal(INT);
    let ended = server.end().expect(0);
    let totals = ended.stderr.lines().last().expect("there are totals");
    for field in [r#""event":"totals""#, r#""clients":1"#, r#""received":3"#, r#""sent":3"#] {
        assert!(totals.contains(field), "{totals}");
    }
    let dir = directory();
    let port = dir.path().join("port");
    let port_file = port.to_str().expect("it is UTF-8");
    let quiet = start(sockkit(["-q", "echo-server", "127.0.0.1", "0", "--port-file", port_file]).stdin(Stdio::null()));
    while !port.exists() {
        assert!(quiet.is_running());
        thread::yield_now();
    }
    quiet.signal(INT);
    assert_eq!(quiet.end().expect(0).stderr, "");
}

#[test]
fn the_deadline_of_the_run_ends_it() {
    let ended = start(&mut sockkit(["echo-server", "--deadline", "0.3", "127.0.0.1", "0"])).end().expect(28);
    assert!(ended.stderr.contains("--deadline"), "{}", ended.stderr);
}

#[test]
fn several_addresses_of_every_kind_are_served_by_one_process() {
    let dir = directory();
    let unix = format!("unix:{}", dir.path().join("s").display());
    let ports = dir.path().join("ports");
    let args = ["echo-server", "--udp", "127.0.0.1:0", "[::1]:0", &unix];
    let server = start(sockkit(args).arg("--port-file").arg(&ports));
    let (v4, v6) = (server.address(), server.address());
    server.line("listening on unix:");
    for address in [v4, v6] {
        assert_eq!(exchange(address, b"tcp"), b"tcp");
        let socket = UdpSocket::bind((address.ip(), 0)).expect("a free port");
        socket.set_read_timeout(Some(HARD_LIMIT)).expect("it can be set");
        socket.send_to(b"udp", address).expect("it is sent");
        let mut answer = [0; 8];
        assert_eq!(socket.recv_from(&mut answer).expect("the server answers"), (3, address));
    }
    assert_eq!(run(&mut sockkit(["connect", &unix]), b"unix").expect(0).text(), "unix");
    let written = std::fs::read_to_string(ports).expect("it was written before the lines were said");
    assert_eq!(written, format!("{}\n{}\n{unix}\n", v4.port(), v6.port()));
    server.signal(INT);
    let ended = server.end().expect(0);
    assert!(ended.stderr.contains("3 clients, "), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 datagrams answered"), "{}", ended.stderr);
    // Beside others, an address is one word; one port that is taken ends it all.
    run(&mut sockkit(["echo-server", "127.0.0.1", "0", "0"]), b"").expect(2);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    let ended = run(&mut sockkit(["echo-server", "127.0.0.1:0", &taken]), b"").expect(45);
    assert!(ended.stderr.contains(&taken) && !ended.stderr.contains("listening"), "{}", ended.stderr);
}

#[test]
fn the_counts_are_told_while_it_runs() {
    const USR1: i32 = 10;
    let (server, address) = server(&[]);
    let staying = client(address);
    (&staying).write_all(b"abc").expect("the server reads");
    (&staying).read_exact(&mut [0; 3]).expect("the server answers");
    // A client may have its answer a moment before that is counted.
    eventually("all is counted", || {
        server.signal(USR1);
        server.line("1 clients here now").contains("1 messages, 3 bytes received, 3 bytes sent")
    });
    server.signal(INT);
    server.end().expect(0);
    let (often, _) = self::server(&["--stats-every", "20ms"]);
    often.line("0 clients here now");
    often.line("0 clients here now");
    run(&mut sockkit(["echo-server", "--stats-every", "0", "0"]), b"").expect(2);
}

#[test]
fn the_limit_of_clients_is_exact_over_all_loops() {
    let (server, address) = server(&["-m", "3"]);
    // Whatever comes of the crowd's race, the house was full.
    let full: Vec<_> = (0..3).map(|_| client(address)).collect();
    for mut stream in &full {
        stream.write_all(b"x").expect("the server reads");
    }
    for mut stream in &full {
        stream.read_exact(&mut [0]).expect("the server answers");
    }
    drop(full);
    thread::scope(|scope| {
        for seed in 0..12 {
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_same(&exchange(address, &random(999, seed)), &random(999, seed));
                }
            });
        }
    });
    server.signal(INT);
    let ended = server.end().expect(0);
    assert!(ended.stderr.contains("243 clients, 3 at once at most, 0 failed"), "{}", ended.stderr);
}

#[test]
fn at_the_end_a_slow_client_still_gets_what_it_sent() {
    let (server, address) = server(&[]);
    let slow = client(address);
    let bytes = random(3 << 20, 7);
    slow.set_nonblocking(true).expect("it can be set");
    let mut offered = 0;
    while offered < bytes.len() {
        match (&slow).write(&bytes[offered..]) {
            Ok(n) => offered += n,
            Err(_) => break,
        }
    }
    slow.set_nonblocking(false).expect("it can be set");
    // The server has something in hand for it; what it has not read by the signal is nobody's promise.
    (&slow).read_exact(&mut [0]).expect("the server answers");
    server.signal(TERM);
    let mut answer = Vec::new();
    (&slow).read_to_end(&mut answer).expect("an end, not a reset");
    assert_same(&answer, &bytes[1..=answer.len()]);
    drop(slow);
    let ended = server.end().expect(0);
    assert!(ended.stderr.contains(&format!("{} bytes sent", answer.len() + 1)), "{}", ended.stderr);
}
