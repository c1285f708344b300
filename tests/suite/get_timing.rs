//! `get --timing`: the phases add up, and agree with curl's figures on a server whose delays are known.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::support::web::serving;
use crate::support::{Ended, peer, run, sockkit, start};
use serde_json::Value;

/// How many questions of each tool are compared.
const ROUNDS: usize = 20;
/// How often each asks before they are said to disagree.
const PATIENCE: usize = 8 * ROUNDS;

#[cfg(feature = "tls")]
const SHAKE: Duration = Duration::from_millis(30);
const THINK: Duration = Duration::from_millis(40);
const PAUSE: Duration = Duration::from_millis(20);

/// curl's figures: seconds since the beginning.
const CURL: &str =
    "%{time_namelookup} %{time_connect} %{time_appconnect} %{time_pretransfer} %{time_starttransfer} %{time_total}";

/// What either tool says of one request, in the order of [`CURL`]. Each counts from the beginning: what else the machine
/// does makes none smaller.
type Figures = [f64; 6];

fn get(args: &[&str]) -> Ended {
    run(&mut sockkit([&["get"], args].concat()), b"")
}

/// The objects of this event on stderr.
fn events(ended: &Ended, name: &str) -> Vec<Value> {
    let lines = ended.stderr.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is an object"));
    lines.filter(|object| object["event"] == name).collect()
}

fn seconds(timing: &Value, phase: &str) -> f64 {
    timing[phase].as_f64().unwrap_or(0.0)
}

/// The phases one after the other; none may be missing in the sum.
fn figures(timing: &Value) -> Figures {
    let mut at = 0.0;
    let ends: BTreeMap<_, _> = ["resolve", "connect", "tls", "send", "first_byte", "body"]
        .into_iter()
        .map(|phase| {
            at += seconds(timing, phase);
            (phase, at)
        })
        .collect();
    assert!((at - seconds(timing, "total")).abs() < 0.001, "the phases add up to {at}: {timing}");
    // curl begins to send as soon as the connection stands.
    [ends["resolve"], ends["connect"], ends["tls"], ends["tls"], ends["first_byte"], ends["body"]]
}

fn theirs(curl: &Ended) -> Figures {
    let figures: Vec<f64> = curl.text().split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let mut figures: Figures = figures.try_into().expect("six were asked for");
    // Without TLS it says 0, where ours goes on from the phase before.
    figures[2] = if figures[2] == 0.0 { figures[1] } else { figures[2] };
    figures
}

/// Of the last rounds.
fn medians(all: &[Figures]) -> Figures {
    let last = &all[all.len() - ROUNDS..];
    std::array::from_fn(|at| {
        let mut figures: Vec<_> = last.iter().map(|figures| figures[at]).collect();
        figures.sort_by(f64::total_cmp);
        f64::midpoint(figures[(ROUNDS - 1) / 2], figures[ROUNDS / 2])
    })
}

/// Asks by both tools in turns, so that what else the machine does hits both, until their medians agree; gives
/// ours. What keeps the machine busy for seconds may slow one of them down more than the other, but not for ever.
///
/// Both are told the address of the name: to look one up takes us a thread, which waits for its turn on a busy machine,
/// while curl knows `localhost` by itself.
fn compare(scheme: &str, port: u16, our_args: &[&str], curl_args: &[&str]) -> Option<Figures> {
    let (url, known) = (&format!("{scheme}://localhost:{port}/"), &format!("localhost:{port}:127.0.0.1"));
    let (mut mine, mut curls) = (Vec::new(), Vec::new());
    let mut apart = None;
    for round in 1..=PATIENCE {
        let ours = ["--timing", "--json", "-o", "/dev/null", "--resolve", known, url];
        let ended = get(&[&ours, our_args].concat()).expect(0);
        mine.extend(events(&ended, "timing").iter().map(figures));
        assert_eq!(mine.len(), round, "one object a request");
        let mut curl = peer("curl")?;
        curl.args(["-s", "-o", "/dev/null", "-w", CURL, "--resolve", known, url]).args(curl_args);
        curls.push(theirs(&run(&mut curl, b"").expect(0)));
        if round >= ROUNDS {
            apart = disagreement(&medians(&mine), &medians(&curls));
            if apart.is_none() {
                return Some(medians(&mine));
            }
        }
    }
    panic!("{apart:?}")
}

/// Medians that are more than 5 ms and more than 10 % apart.
fn disagreement(mine: &Figures, curls: &Figures) -> Option<String> {
    let names = ["namelookup", "connect", "appconnect", "pretransfer", "starttransfer", "total"];
    names.into_iter().enumerate().find_map(|(at, name)| {
        let (ours, theirs) = (mine[at], curls[at]);
        let agree = (ours - theirs).abs() <= 0.005_f64.max(theirs * 0.1);
        (!agree).then(|| format!("{name}: {ours} s, curl says {theirs} s"))
    })
}

#[test]
fn the_phases_agree_with_curls_over_tcp() {
    let address = serving(|mut client| {
        let _ = client.stream.set_nodelay(true);
        while client.head().is_some() {
            thread::sleep(THINK);
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
            thread::sleep(PAUSE);
            client.send("last!");
        }
    });
    let Some(mine) = compare("http", address.port(), &[], &[]) else { return };
    // The delays themselves, from below. A busy machine may have a part of one counted to the phase before; from the
    // beginning on, it makes nothing shorter.
    assert!(mine[4] >= THINK.as_secs_f64(), "{mine:?}");
    assert!(mine[5] >= (THINK + PAUSE).as_secs_f64(), "{mine:?}");
}

#[cfg(feature = "tls")]
#[test]
fn the_phases_agree_with_curls_over_tls() {
    const SERVER: &str = r#"
import socket, ssl, sys, threading, time
shake, think, pause = [float(a) for a in sys.argv[3:6]]
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
def serve(raw):
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    time.sleep(shake)
    try:
        tls = ctx.wrap_socket(raw, server_side=True)
        got = b""
        while b"\r\n\r\n" not in got:
            piece = tls.recv(4096)
            if not piece: return
            got += piece
        time.sleep(think)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        time.sleep(pause)
        tls.sendall(b"last!")
        tls.recv(1)
    except OSError: pass
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;
    use crate::support::tls::{Ca, LeafOptions};
    let dir = crate::support::directory();
    let ca = Ca::new(&dir);
    let leaf = ca.leaf(LeafOptions::of(&["localhost"]));
    let text = |path: &std::path::Path| path.to_str().expect("it is UTF-8").to_owned();
    let delays = [SHAKE, THINK, PAUSE].map(|delay| delay.as_secs_f64().to_string());
    let [chain, key] = [&leaf.chain, &leaf.key].map(|path| text(path));
    let args = [&chain, &key, &delays[0], &delays[1], &delays[2]].map(String::as_str);
    let Some(mut server) = crate::support::python(SERVER, &args) else { return };
    let server = start(&mut server);
    let (ca, port) = (text(&ca.file), server.address().port());
    let Some(mine) = compare("https", port, &["--tls-ca", &ca], &["--cacert", &ca]) else { return };
    assert!(mine[2] >= SHAKE.as_secs_f64(), "{mine:?}");
    assert!(mine[4] >= (SHAKE + THINK).as_secs_f64(), "{mine:?}");
    assert!(mine[5] >= (SHAKE + THINK + PAUSE).as_secs_f64(), "{mine:?}");
}

#[test]
fn each_request_of_a_redirect_has_its_lines() {
    let address = serving(|mut client| {
        while let Some(request) = client.request() {
            if request.start() == "GET /a" {
                client.send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
            } else {
                client.answer("body");
            }
        }
    });
    let url = format!("http://{address}");
    let ended = get(&["--timing", &format!("{url}/a")]).expect(0);
    assert_eq!(ended.text(), "body");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[0], format!("sockkit: GET {url}/a: 302 Found, over a new connection to {address}"));
    let names = |lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| line.get(11..21).unwrap_or_default().trim().to_owned()).collect()
    };
    assert_eq!(names(&lines[1..6]), ["connect", "send", "first byte", "body", "total"], "{}", ended.stderr);
    assert_eq!(lines[6], format!("sockkit: GET {url}/b: 200 OK, 4 bytes, over a kept connection to {address}"));
    assert_eq!(names(&lines[7..]), ["send", "first byte", "body", "total"], "{}", ended.stderr);
    assert!(!ended.stderr.contains(['█', '\x1b']), "no bars and no colour where there is no terminal");
    // -q silences what nobody has asked for; -v does not say it twice.
    assert_eq!(get(&["--timing", "-q", &format!("{url}/b")]).expect(0).stderr.lines().count(), 6);
    let told = get(&["--timing", "-v", &format!("{url}/b")]).expect(0).stderr;
    assert!(told.contains("asking GET") && told.contains("answered 200") && !told.contains("took"), "{told}");
    let objects = events(&get(&["--timing", "--json", &format!("{url}/a")]).expect(0), "timing");
    let about = |object: &Value| (object["url"].clone(), object["status"].clone(), object["kept"].clone());
    let [first, second] = [("/a", 302, false), ("/b", 200, true)]
        .map(|(path, status, kept)| (format!("{url}{path}").into(), status.into(), kept.into()));
    assert_eq!(objects.iter().map(about).collect::<Vec<_>>(), [first, second]);
}

#[test]
fn a_request_that_fails_has_its_lines_too() {
    let address = serving(|mut client| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        client.until_gone();
    });
    let url = format!("http://{address}/");
    // The half comes long before the limit; both wait at the same time.
    let begin = |voice: &[&str]| start(sockkit(["get", "--timing", "-w", "4", &url]).args(voice));
    let [in_words, as_objects] = [begin(&[]), begin(&["--json"])].map(|running| running.end().expect(28));
    let told = in_words.stderr;
    assert!(told.starts_with(&format!("sockkit: GET {url}: 200 OK, failed, over a new")), "{told}");
    let timing = &events(&as_objects, "timing")[0];
    assert!(timing["complete"] == false && seconds(timing, "body") >= 3.99, "{timing}");
    figures(timing);
}
