//! What `get` asks: methods, bodies, kept connections, redirects of all five kinds, and whom it connects to.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::web::{Client, Request, answering, cramped, serving};
use crate::support::{Ended, HARD_LIMIT, assert_same, directory, file, input, peer, random, run, sockkit, start};

fn get(urls: &[String], options: &[&str]) -> Ended {
    run(sockkit(["get"]).args(urls).args(options), b"")
}

fn of(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

fn all(requests: &Receiver<Request>) -> Vec<Request> {
    requests.try_iter().collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of this test is text")
}

/// Answers with the target.
fn echo(request: &Request, client: &mut Client) -> bool {
    client.answer(request.start().rsplit('/').next().unwrap_or_default());
    true
}

#[test]
fn several_urls_go_over_one_connection() {
    let (address, requests) = answering(echo);
    let urls = ["/a", "/b", "/c"].map(|path| of(address, path));
    let ended = get(&urls, &["-v"]).expect(0);
    assert_eq!(ended.text(), "abc");
    assert_eq!(ended.stderr.matches("once more").count(), 2, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("connected to").count(), 1, "{}", ended.stderr);
    let requests = all(&requests);
    assert_eq!(
        requests.iter().map(|r| (r.connection, r.start())).collect::<Vec<_>>(),
        [(0, "GET /a"), (0, "GET /b"), (0, "GET /c")]
    );
}

#[test]
fn origins_have_connections_of_their_own_and_each_is_kept() {
    let ((one, at_one), (two, at_two)) = (answering(echo), answering(echo));
    let urls = [of(one, "/a"), of(two, "/b"), of(one, "/c"), of(two, "/d")];
    assert_eq!(get(&urls, &[]).expect(0).text(), "abcd");
    for requests in [at_one, at_two] {
        assert_eq!(all(&requests).iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0]);
    }
}

#[test]
fn a_connection_that_is_not_kept_is_made_again() {
    let table = [
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false),
        ("HTTP/1.1 200 OK\r\n\r\nx", false),
        // Bytes that nobody asked for: they would be the answer to the next request.
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", true),
        ("HTTP/1.1 204 -\r\n\r\nx", true),
    ];
    for (reply, stays) in table {
        let answer = move |_: &Request, client: &mut Client| {
            client.send(reply);
            stays
        };
        let (address, requests) = answering(answer);
        let ended = get(&[of(address, "/1"), of(address, "/2")], &["-v"]).expect(0);
        let wanted = if reply.contains("204") { "" } else { "xx" };
        assert_eq!(ended.text(), wanted, "{reply}");
        assert_eq!(all(&requests).iter().map(|r| r.connection).collect::<Vec<_>>(), [0, 1], "{reply}");
        assert!(!stays || ended.stderr.contains("nobody asked for"), "{}", ended.stderr);
    }
}

/// A server that answers the first request of each connection and, told to `close_at_once`, closes; otherwise at the
/// sight of the second.
fn forgetful(close_at_once: bool) -> (SocketAddr, Receiver<Request>) {
    let (send, requests) = channel();
    let address = serving(move |mut client: Client| {
        let Some(request) = client.request() else { return };
        let _ = send.send(request);
        client.answer("x");
        if !close_at_once && let Some(request) = client.request() {
            let _ = send.send(request);
        }
    });
    (address, requests)
}

#[test]
fn a_server_that_closes_a_kept_connection_is_asked_again_where_that_is_safe() {
    for close_at_once in [true, false] {
        let (address, requests) = forgetful(close_at_once);
        let urls = [of(address, "/1"), of(address, "/2")];
        assert_eq!(get(&urls, &[]).expect(0).text(), "xx");
        assert_eq!(all(&requests).last().expect("two at least").connection, 1);
        // PUT comes to the same if it is done twice.
        get(&urls, &["-X", "PUT", "--data", "d"]).expect(0);
    }
    // Nobody knows whether a POST was carried out: it is not sent again.
    let (address, requests) = forgetful(false);
    let ended = get(&[of(address, "/1"), of(address, "/2")], &["--data", "d"]).expect(52);
    assert_eq!((ended.text().as_str(), all(&requests).len()), ("x", 2));
}

#[test]
fn a_server_that_never_answers_twice_is_asked_twice_at_most() {
    let (address, requests) = answering(|request, client| {
        if request.connection == 0 && request.start() == "GET /1" {
            client.answer("x");
            return true;
        }
        false
    });
    get(&[of(address, "/1"), of(address, "/2")], &[]).expect(52);
    assert_eq!(all(&requests).iter().map(|r| r.connection).collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_redirect_to_the_same_origin_goes_over_the_same_connection() {
    let location = |body: String| {
        move |request: &Request, client: &mut Client| {
            match request.start() {
                "GET /here" => client.send(format!("HTTP/1.1 302 -\r\nLocation: /there\r\n{body}")),
                _ => client.answer("there"),
            }
            true
        }
    };
    let long = format!("Content-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let table = [
        ("Content-Length: 0\r\n\r\n".to_owned(), 0),
        ("Content-Length: 5\r\n\r\nmoved".to_owned(), 0),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n0\r\n\r\n".to_owned(), 0),
        ("Connection: close\r\nContent-Length: 5\r\n\r\nmoved".to_owned(), 1),
        // Not worth reading, or it never ends.
        (long, 1),
        ("Content-Length: 5\r\n\r\nmov".to_owned(), 1),
    ];
    for (body, connection) in table {
        let (address, requests) = answering(location(body.clone()));
        assert_eq!(get(&[of(address, "/here")], &["-w", "20"]).expect(0).text(), "there");
        assert_eq!(all(&requests)[1].connection, connection, "{body:.60}");
    }
}

#[test]
fn redirects_of_all_five_kinds_keep_or_change_the_method() {
    let (address, requests) = answering(|request, client| {
        match request.start().split_once(" /to/") {
            Some((_, status)) => {
                client.send(format!("HTTP/1.1 {status} -\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"));
            }
            None => client.answer(request.head.split(' ').next().unwrap_or_default()),
        }
        true
    });
    let table = [
        ("POST", [("301", "GET"), ("302", "GET"), ("303", "GET"), ("307", "POST"), ("308", "POST")]),
        ("PUT", [("301", "PUT"), ("302", "PUT"), ("303", "GET"), ("307", "PUT"), ("308", "PUT")]),
        ("PATCH", [("301", "PATCH"), ("302", "PATCH"), ("303", "GET"), ("307", "PATCH"), ("308", "PATCH")]),
        ("DELETE", [("301", "DELETE"), ("302", "DELETE"), ("303", "GET"), ("307", "DELETE"), ("308", "DELETE")]),
    ];
    for (method, wanted) in table {
        for (status, second) in wanted {
            let options = ["-X", method, "--data", "body", "-H", "Content-Language: en", "-H", "X-Own: yes"];
            let ended = get(&[of(address, &format!("/to/{status}"))], &options).expect(0);
            assert_eq!(ended.text(), second, "{method} {status}");
            let both = all(&requests);
            let (first, last) = (&both[0], &both[1]);
            assert_eq!((first.body.as_slice(), first.field("content-language")), (&b"body"[..], Some("en")));
            // The body goes with its method, and what the headers say of it goes with the body.
            let stays = method == second;
            assert_eq!(last.body, if stays { &b"body"[..] } else { b"" }, "{method} {status}");
            for name in ["content-type", "content-length", "content-language"] {
                assert_eq!(last.field(name).is_some(), stays, "{method} {status} {}", last.head);
            }
            assert_eq!(last.field("x-own"), Some("yes"));
        }
    }
    for (status, second) in [("301", "HEAD /end"), ("303", "HEAD /end"), ("307", "HEAD /end")] {
        get(&[of(address, &format!("/to/{status}"))], &["-I"]).expect(0);
        assert_eq!(all(&requests)[1].start(), second);
    }
}

#[test]
fn a_body_comes_from_the_command_line_a_file_or_stdin() {
    let (address, requests) = answering(echo);
    let url = of(address, "/x");
    let dir = directory();
    let data = random(3 << 20, 7);
    let (large, empty) = (file(&dir, "large", &data), file(&dir, "empty", b""));
    let form = Some("application/x-www-form-urlencoded");
    let sent = |options: &[&str], stdin: Stdio| {
        let ended = start(sockkit(["get", &url]).args(options).stdin(stdin)).end().expect(0);
        assert_eq!(ended.text(), "x");
        all(&requests).pop().expect("it asked")
    };
    let text = sent(&["--data", "a=b&c=d\n"], Stdio::null());
    assert_eq!((text.start(), text.field("content-type"), text.body.as_slice()), ("POST /x", form, &b"a=b&c=d\n"[..]));
    assert_eq!(text.field("content-length"), Some("8"));
    assert_eq!(text.field("expect"), None);
    let typed = sent(&["--data", "{}", "-H", "Content-Type: application/json", "-X", "PATCH"], Stdio::null());
    assert_eq!((typed.start(), typed.field("content-type")), ("PATCH /x", Some("application/json")));
    let from_file = sent(&["--data", &format!("@{}", large.display()), "-X", "PUT"], Stdio::null());
    assert_eq!(from_file.field("content-length"), Some("3145728"));
    assert_same(&from_file.body, &data);
    for stdin in ["-", "@-"] {
        let from_stdin = sent(&["--data", stdin], input(&large));
        assert_eq!(
            (from_stdin.field("content-length"), from_stdin.field("transfer-encoding")),
            (Some("3145728"), None)
        );
        assert_same(&from_stdin.body, &data);
    }
    for (option, stdin) in [(format!("@{}", empty.display()), Stdio::null()), ("-".into(), Stdio::null())] {
        let nothing = sent(&["--data", &option], stdin);
        assert_eq!((nothing.field("content-length"), nothing.body.len()), (Some("0"), 0));
    }
    // A pipe does not know its length.
    run(&mut sockkit(["get", &url, "--data", "-"]), &data).expect(0);
    let piped = all(&requests).pop().expect("it asked");
    assert_eq!((piped.field("content-length"), piped.field("transfer-encoding")), (None, Some("chunked")));
    assert_same(&piped.body, &data);
    // A length is told where one is expected, although there is no body (RFC 9110 §8.6).
    let bare = sent(&["-X", "post"], Stdio::null());
    assert_eq!((bare.start(), bare.field("content-length"), bare.field("content-type")), ("POST /x", Some("0"), None));
    for method in ["OPTIONS", "DELETE", "GET"] {
        let bare = sent(&["-X", method], Stdio::null());
        assert_eq!((bare.start(), bare.field("content-length")), (format!("{method} /x").as_str(), None));
    }
}

#[test]
fn a_piece_of_stdin_leaves_at_once() {
    let (send, seen) = channel();
    let address = serving(move |mut client| {
        let head = client.head().expect("a request");
        let mut piece = [0; 8];
        std::io::Read::read_exact(&mut client.stream, &mut piece).expect("the first piece");
        let _ = send.send((head, piece));
        std::io::Read::read_exact(&mut client.stream, &mut [0; 5]).expect("the last chunk");
        client.answer("ok");
    });
    let mut running = start(sockkit(["get", &of(address, "/"), "--data", "-"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(b"abc").expect("it reads");
    // stdin stays open: nothing is held back until its end.
    let (_, piece) = seen.recv_timeout(HARD_LIMIT).expect("the piece comes");
    assert_eq!(&piece, b"3\r\nabc\r\n");
    drop(stdin);
    assert_eq!(running.end().expect(0).text(), "ok");
}

#[test]
fn a_fifo_is_waited_for_and_sent_in_chunks() {
    let Some(mut mkfifo) = peer("mkfifo") else { return };
    let dir = directory();
    let fifo = dir.path().join("fifo");
    run(mkfifo.arg(&fifo), b"").expect(0);
    let (address, requests) = answering(echo);
    let running = start(&mut sockkit(["get", &of(address, "/x"), "--data", &format!("@{}", path(&fifo))]));
    // Opened for writing by nobody until here.
    std::fs::write(&fifo, "late").expect("it is read");
    assert_eq!(running.end().expect(0).text(), "x");
    let request = requests.recv_timeout(HARD_LIMIT).expect("it asked");
    assert_eq!((request.body.as_slice(), request.field("transfer-encoding")), (&b"late"[..], Some("chunked")));
}

#[test]
fn a_body_that_can_be_read_only_once_is_not_sent_by_half() {
    let (address, requests) = answering(|request, client| {
        match request.start().split_once(" /to/") {
            Some((_, status)) => {
                client.send(format!("HTTP/1.1 {status} -\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"));
            }
            None => client.answer(&request.body),
        }
        true
    });
    let dir = directory();
    let data = file(&dir, "data", b"from a file");
    let url = of(address, "/to/307");
    let piped = run(&mut sockkit(["get", &url, "--data", "-"]), b"once").expect(26);
    assert!(piped.stderr.contains("only once") && piped.stderr.contains("standard input"), "{}", piped.stderr);
    assert_eq!(all(&requests).len(), 1);
    // A redirect that leaves the body behind is followed, and a file is read again.
    assert_eq!(run(&mut sockkit(["get", &of(address, "/to/303"), "--data", "-"]), b"once").expect(0).text(), "");
    let again = start(sockkit(["get", &url, "--data", "-"]).stdin(input(&data))).end().expect(0);
    assert_eq!(again.text(), "from a file");
    // Several URLs are refused before the first is asked.
    all(&requests);
    let two = run(&mut sockkit(["get", &of(address, "/1"), &of(address, "/2"), "--data", "-"]), b"once").expect(26);
    assert!(two.stderr.contains("only once") && all(&requests).is_empty(), "{}", two.stderr);
}

#[test]
fn a_server_that_refuses_early_is_read_and_gets_no_more() {
    // It answers before the body is gone, however late.
    let refuse = |linger: bool| {
        cramped(move |mut client| {
            client.head().expect("a request");
            client.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big");
            if linger {
                client.until_gone();
            }
        })
    };
    let dir = directory();
    let large = file(&dir, "large", &random(32 << 20, 3));
    // One that reads on, and one whose close resets the connection.
    for linger in [true, false] {
        let address = refuse(linger);
        let upload = |options: &[&str]| {
            let data = format!("@{}", large.display());
            get(&[of(address, "/")], &[&["--data", &data, "-w", "20"], options].concat())
        };
        let ended = upload(&[]);
        assert!(ended.code() == 0 || (!linger && ended.code() == 56), "{} {}", ended.code(), ended.stderr);
        if ended.code() == 0 {
            assert_eq!(ended.text(), "too big");
            assert!(ended.stderr.contains("answered before it had taken the whole request"), "{}", ended.stderr);
        }
    }
    assert_eq!(get(&[of(refuse(true), "/")], &["--data", &format!("@{}", large.display()), "--fail"]).code(), 22);
}

#[test]
fn an_answer_may_come_while_the_body_still_goes_out() {
    // An echo of what comes, chunk by chunk, as some services do.
    let address = serving(|mut client| {
        client.head().expect("a request");
        client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut stream = client.stream.try_clone().expect("a duplicate");
        let mut tail = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        while !tail.ends_with(b"0\r\n\r\n") {
            let n = std::io::Read::read(&mut stream, &mut piece).expect("more comes");
            client.send(&piece[..n]);
            tail = [&tail[tail.len().saturating_sub(5)..], &piece[..n]].concat();
        }
    });
    let data = random(4 << 20, 5);
    let ended = run(&mut sockkit(["get", &of(address, "/"), "--data", "-", "-w", "20"]), &data).expect(0);
    assert_same(&ended.stdout, &data);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_file_that_ends_short_breaks_the_upload_and_the_peer_sees_it() {
    let (send, outcome) = channel();
    let (cut, is_cut) = channel::<()>();
    let is_cut = Mutex::new(is_cut);
    let address = cramped(move |mut client| {
        client.head().expect("a request");
        // Before that most of the file must not be on its way.
        is_cut.lock().expect("no panic while it is held").recv_timeout(HARD_LIMIT).expect("it is cut");
        let _ = send.send(std::io::Read::read_to_end(&mut client.stream, &mut Vec::new()).map_err(|e| e.kind()));
    });
    let dir = directory();
    let shrinking = file(&dir, "shrinking", &random(64 << 20, 4));
    let running =
        start(&mut sockkit(["get", &of(address, "/"), "-vv", "--data", &format!("@{}", shrinking.display())]));
    running.line("wrote");
    std::fs::OpenOptions::new().write(true).open(&shrinking).and_then(|f| f.set_len(1)).expect("ours");
    cut.send(()).expect("it waits");
    let ended = running.end().expect(26);
    assert!(ended.stderr.contains("shorter"), "{}", ended.stderr);
    assert_eq!(outcome.recv_timeout(HARD_LIMIT).expect("it ends"), Err(std::io::ErrorKind::ConnectionReset));
    for (data, word) in [("@/no/such/file", "no such file"), ("@/", "directory")] {
        let ended = get(&[of(address, "/")], &["--data", data]).expect(26);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[test]
fn detours_change_whom_it_connects_to_and_nothing_else() {
    let (address, requests) = answering(|request, client| {
        client.answer(request.field("host").unwrap_or_default());
        true
    });
    let port = address.port();
    let resolve = format!("no-such-name.invalid:{port}:127.0.0.1");
    let connect_to = format!("no-such-name.invalid:80:127.0.0.1:{port}");
    let any = format!("::localhost:{port}");
    let through = format!("no-such-name.invalid:80:other.invalid:{port}");
    let then = format!("other.invalid:{port}:127.0.0.1");
    let table: [(String, &[&str]); 4] = [
        (format!("no-such-name.invalid:{port}"), &["--resolve", &resolve, "-n"]),
        ("no-such-name.invalid".into(), &["--connect-to", &connect_to]),
        // That port of ::1 may be another test's.
        ("no-such-name.invalid".into(), &["-4", "--connect-to", &any]),
        ("no-such-name.invalid".into(), &["--connect-to", &through, "--resolve", &then]),
    ];
    for (host, options) in table {
        assert_eq!(get(&[format!("http://{host}/")], options).expect(0).text(), host, "{options:?}");
        assert_eq!(all(&requests).len(), 1);
    }
    // One that is not meant for this host.
    get(&["http://no-such-name.invalid/".into()], &["--resolve", "other.invalid:80:127.0.0.1"]).expect(6);
}

#[test]
fn a_unix_socket_stands_in_for_every_host() {
    let dir = directory();
    let socket = dir.path().join("socket");
    let listener = UnixListener::bind(&socket).expect("the directory is ours");
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if std::io::Read::read(&mut client, &mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let first = head.starts_with(b"GET /1 ");
            let reply = if first {
                "HTTP/1.1 302 -\r\nLocation: http://other.invalid/2\r\nContent-Length: 0\r\n\r\n"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            };
            let _ = client.write_all(reply.as_bytes());
        }
    });
    let url = ["http://no-such-name.invalid/1".to_owned()];
    assert_eq!(get(&url, &["--unix-socket", path(&socket)]).expect(0).text(), "ok");
    for options in [["-4"], ["-n"], ["--no-delay"]] {
        get(&url, &[&["--unix-socket", path(&socket)], &options[..]].concat()).expect(2);
    }
    get(&url, &["--unix-socket", path(&dir.path().join("nothing"))]).expect(7);
}

#[test]
fn http_1_0_is_one_request_a_connection() {
    let (address, requests) = answering(|_, client| {
        client.send("HTTP/1.0 200 OK\r\n\r\nbody");
        false
    });
    let urls = [of(address, "/1"), of(address, "/2")];
    assert_eq!(get(&urls, &["--http1.0"]).expect(0).text(), "bodybody");
    let asked = all(&requests);
    assert!(asked.iter().all(|r| r.head.lines().next().is_some_and(|line| line.ends_with(" HTTP/1.0"))));
    assert!(asked.iter().all(|r| r.field("connection").is_none() && r.field("host").is_some()));
    assert_eq!(asked.iter().map(|r| r.connection).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(get(&urls[..1], &["--http1.0", "--data", "abc"]).expect(0).text(), "body");
    assert_eq!(all(&requests)[0].field("content-length"), Some("3"));
    // Chunks are not known there.
    let piped = run(&mut sockkit(["get", &urls[0], "--http1.0", "--data", "-"]), b"x").expect(2);
    assert!(piped.stderr.contains("length of the body is unknown"), "{}", piped.stderr);
}

#[test]
fn heads_are_written_as_they_came_and_told_line_by_line() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let moved = "HTTP/1.1 301 Moved\r\nLocation: /end\r\nContent-Length: 4\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nX-Odd:   spaced  \r\nContent-Length: 4\r\n\r\n";
    let (address, _requests) = answering(move |request, client| {
        if request.start().ends_with("/start") {
            client.send(format!("{moved}gone"));
        } else {
            client.send(format!("{hints}{last}body"));
        }
        true
    });
    let url = [of(address, "/start")];
    let heads = format!("{moved}{hints}{last}");
    assert_eq!(get(&url, &["--raw-head"]).expect(0).text(), heads);
    assert_eq!(get(&url, &["-i"]).expect(0).text(), format!("{heads}body"));
    assert_eq!(get(&url, &["--raw-head", "--no-follow"]).expect(0).text(), moved);
    assert_eq!(get(&url, &["--no-follow"]).expect(0).text(), "gone");
    assert_eq!(get(&url, &["-L"]).expect(0).text(), "body");
    let told = get(&url, &["-v"]).expect(0).stderr;
    for line in
        ["> GET /start HTTP/1.1", "> Host: ", "< HTTP/1.1 301 Moved", "< HTTP/1.1 103 Early Hints", "< Link: </a>"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[test]
fn options_that_contradict_one_another_are_2() {
    let table: &[&[&str]] = &[
        &["-X", "TRACE"],
        &["-X", "CONNECT"],
        &["-X", "GET", "--data", "x"],
        &["-X", "OPTIONS", "--data", "x"],
        &["-I", "-X", "GET"],
        &["-I", "--data", "x"],
        &["-i", "--raw-head"],
        &["-I", "--raw-head"],
        &["-L", "--no-follow"],
        &["--no-follow", "--max-redirects", "3"],
        &["--resolve", "h:80"],
        &["--connect-to", "h:80:i"],
        &["--unix-socket", ""],
        &["--unix-socket", "/s", "--resolve", "h:80:127.0.0.1"],
        &["--unix-socket", "/s", "--connect-to", "h:80:i:80"],
        &["-H", "Transfer-Encoding: chunked", "--data", "x"],
    ];
    for options in table {
        let ended = get(&["http://localhost:1/".into()], options);
        assert_eq!(ended.code(), 2, "{options:?}: {}", ended.stderr);
    }
}

#[test]
fn the_time_of_each_exchange_is_told_by_phase() {
    let (address, _requests) = answering(|request, client| {
        thread::sleep(std::time::Duration::from_millis(100));
        echo(request, client)
    });
    let urls = [of(address, "/a"), of(address, "/b")];
    let told = get(&urls, &["-v"]).expect(0).stderr;
    assert!(
        told.contains("over a new connection: connect ") && told.contains("over a kept connection: send "),
        "{told}"
    );
    let json = get(&urls, &["-v", "--json"]).expect(0).stderr;
    let timings: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .filter(|object: &serde_json::Value| object["event"] == "timing")
        .collect();
    assert_eq!(timings.len(), 2, "{json}");
    for (n, timing) in timings.iter().enumerate() {
        let phase = |name: &str| timing[name].as_f64().unwrap_or(0.0);
        let sum: f64 = ["resolve", "connect", "tls", "send", "first_byte", "body"].map(phase).iter().sum();
        assert!((sum - phase("total")).abs() < 1e-6, "{timing}");
        // The server's pause begins somewhere in one of the two: it may have read the request before the client, put off
        // by the kernel right after its write, looks at the clock.
        assert!(phase("send") + phase("first_byte") >= 0.1 && phase("total") < 10.0, "{timing}");
        assert_eq!((&timing["kept"] == true, timing["connect"].is_null()), (n == 1, n == 1), "{timing}");
    }
}
