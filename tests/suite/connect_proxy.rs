//! `connect --proxy`: a session through the tunnel of an HTTP proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use crate::support::web::{Client, serving};
use crate::support::{assert_same, in_namespace, peer, random, run, sockkit, wire};

/// A proxy that is the target itself: it says `glued` with its reply, reads to the end, and gives all back.
fn proxy(reply: &'static str, glued: &'static str) -> SocketAddr {
    serving(move |mut client: Client| {
        let Some(head) = client.head() else { return };
        client.send(format!("{reply}\r\n\r\n{glued}"));
        let mut all = Vec::new();
        let _ = client.stream.read_to_end(&mut all);
        client.send(format!("{} {}\n", head.lines().next().unwrap_or_default(), all.len()));
        let _ = client.stream.write_all(&all).and_then(|()| client.stream.shutdown(Shutdown::Write));
    })
}

const OPEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7";

#[test]
fn a_session_goes_through_and_what_is_glued_belongs_to_it() {
    let data = random(3_000_000, 7);
    let proxy = proxy(OPEN, "220 hello\r\n").to_string();
    let ended = run(&mut sockkit(["connect", "-v", "--proxy", &proxy, "mail.example", "25"]), &data).expect(0);
    let wanted = format!("220 hello\r\nCONNECT mail.example:25 HTTP/1.1 {}\n", data.len());
    assert_same(&ended.stdout, &[wanted.as_bytes(), &data].concat());
    assert!(ended.stderr.contains(&format!("mail.example:25 through {proxy}")), "{}", ended.stderr);
}

#[test]
fn a_refusal_is_97_and_a_name_that_is_unknown_here_is_the_proxys() {
    let refusing = proxy("HTTP/1.1 403 No", "page").to_string();
    let ended = run(&mut sockkit(["connect", "--proxy", &refusing, "[::1]:25"]), b"secret").expect(97);
    assert!(ended.stderr.contains("to [::1]:25: it refuses: 403 No") && ended.stdout.is_empty(), "{}", ended.stderr);
    run(&mut sockkit(["connect", "--proxy", "no-such-name.invalid", "localhost", "25"]), b"").expect(5);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let table: [(&[&str], &str); 4] = [
        (&["--proxy", "socks5://user:hunter2@proxy", "h", "25"], "not supported"),
        (&["--proxy", "proxy", "unix:/s"], "--proxy means nothing for unix:/s"),
        (&["--proxy", "proxy", "h", "http"], "the number of a port"),
        (&["--proxy", "proxy", "-z", "h", "25"], "cannot be used with"),
    ];
    for (args, words) in table {
        let ended = run(&mut sockkit(["connect"].iter().chain(args)), b"").expect(2);
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn it_reads_no_variables() {
    let (address, server) = wire::server(|stream| wire::read_all(&stream));
    let mut command = sockkit(["connect", &address.to_string()]);
    run(command.env("http_proxy", "nobody.invalid").env("all_proxy", "nobody.invalid"), b"direct").expect(0);
    assert_eq!(server.join().expect("it has served"), b"direct");
}

/// As a proxy ncat listens on every address, whatever it is told, and ends both directions at the first end of one.
#[test]
fn ncat_is_a_proxy_for_it() {
    if peer("ncat").is_none() {
        return;
    }
    let script = "
        ncat -4 -v -l --proxy-type http --proxy-auth user:hunter2 127.0.0.1 3128 2>$D/ncat &
        $S echo-server -q --port-file $D/up 127.0.0.1 9001 &
        until grep -qs Listening $D/ncat && [ -s $D/up ]; do :; done
        mkfifo $D/typed; exec 3<>$D/typed; printf question >&3
        export SOCKKIT_PROXY_PASSWORD=hunter2
        $S connect -v --proxy user@127.0.0.1:3128 --until-match question 127.0.0.1 9001 <$D/typed
        code=$?; kill %1 %2; exit $code";
    let Some((ended, _)) = in_namespace(&[], script) else { return };
    let ended = ended.expect(0);
    assert_eq!(ended.text(), "question");
    assert!(ended.stderr.contains("127.0.0.1:9001 through 127.0.0.1:3128"), "{}", ended.stderr);
}
