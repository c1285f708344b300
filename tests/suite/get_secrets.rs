//! Secrets over random chains of redirects, by the real binary: hosts, ports and schemes vary, each server writes down
//! what it was asked, and a secret of any kind is at its own origin each time, and nowhere else, stderr included.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::tls::{Ca, LeafOptions};
use crate::support::wire::serve;
use crate::support::{Ended, directory, file, random, run, sockkit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The same chains each time; another number gives others.
const SEED: u64 = 7;
/// Chains for each kind of secret.
const CHAINS: usize = 8;
const PASSWORD: &str = "hunter2";
/// user:hunter2
const BASIC: &str = "dXNlcjpodW50ZXIy";

const HOSTS: [&str; 4] = ["127.0.0.1", "localhost", "127.0.0.2", "::1"];

/// Scheme, host as a URL has it, port.
type Origin = (&'static str, &'static str, u16);

/// A request as a server wrote it down.
#[derive(Clone, Debug)]
struct Seen {
    /// Where the server is, and whether it was spoken to over TLS.
    scheme: &'static str,
    port: u16,
    head: String,
}

impl Seen {
    fn field(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The origin that the client believed to ask.
    fn origin(&self) -> (&'static str, String) {
        (self.scheme, self.field("host").concat())
    }

    fn shows_a_secret(&self) -> bool {
        is_secret(&self.head) || !self.field("authorization").is_empty() || !self.field("cookie").is_empty()
    }
}

fn is_secret(text: &str) -> bool {
    text.contains(PASSWORD) || text.contains(BASIC)
}

/// What the servers share: what they answer for a target, and what they were asked.
#[derive(Default)]
struct Book {
    answers: Mutex<HashMap<String, String>>,
    seen: Mutex<Vec<Seen>>,
}

impl Book {
    /// What was seen since the last look.
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().expect("no panic while it is held"))
    }

    /// Serves `stream` until the client ends.
    fn serve(&self, scheme: &'static str, port: u16, mut stream: impl Read + Write) {
        while let Some(head) = head(&mut stream) {
            let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = self.answers.lock().expect("no panic while it is held").get(&target).cloned();
            self.seen.lock().expect("no panic while it is held").push(Seen { scheme, port, head });
            let answer = answer.unwrap_or_else(|| "HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n".into());
            if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }
}

fn head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Two servers a scheme and an address, the authority that vouches for them, and the origins that lead there.
struct World {
    book: Arc<Book>,
    ca: Ca,
    origins: Vec<Origin>,
    /// `--resolve` for each port of localhost: which of its addresses a resolver names first is not for this test.
    resolve: Vec<String>,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = directory();
        let ca = Ca::new(&dir);
        let leaf = ca.leaf(LeafOptions::of(&["localhost", "127.0.0.1", "127.0.0.2", "::1"]));
        let config = Arc::new(config(&leaf.chain, &leaf.key));
        let book = Arc::new(Book::default());
        let (mut origins, mut resolve) = (Vec::new(), Vec::new());
        let hosts: [(IpAddr, &[&str]); 3] = [
            ([127, 0, 0, 1].into(), &["127.0.0.1", "localhost"]),
            ([127, 0, 0, 2].into(), &["127.0.0.2"]),
            (Ipv6Addr::LOCALHOST.into(), &["[::1]"]),
        ];
        for (address, names) in hosts {
            for scheme in ["http", "https", "http", "https"] {
                let tls = (scheme == "https").then(|| Arc::clone(&config));
                let port = listen(address, Arc::clone(&book), tls);
                origins.extend(names.iter().map(|&name| (scheme, name, port)));
                resolve.extend(names.contains(&"localhost").then(|| format!("localhost:{port}:127.0.0.1")));
            }
        }
        World { book, ca, origins, resolve, dir }
    }
}

fn config(chain: &Path, key: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect).expect("certificates");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.and_then(|b| b.with_no_client_auth().with_single_cert(chain, key)).expect("they belong together")
}

/// A server at a free port of `address`, with a thread for each client.
fn listen(address: IpAddr, book: Arc<Book>, tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    serve(listener, move |_, stream| match &tls {
        Some(config) => {
            let connection = ServerConnection::new(Arc::clone(config)).expect("the configuration is sound");
            book.serve("https", port, StreamOwned::new(connection, stream));
        }
        None => book.serve("http", port, stream),
    });
    port
}

/// What chance gives, the same for the same seed.
struct Chance(std::vec::IntoIter<u8>);

impl Chance {
    /// One of 0 to `n` - 1, `n` being at most 256.
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.0.next().expect("there is enough of it")) * n / 256
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// A kind of secret, and where a request shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    User,
    UserFile,
    UserInfo,
    Bearer,
    Environment,
    Authorization,
    Cookie,
    CookieFile,
    CookieLine,
    Netrc,
    NetrcDefault,
}

const KINDS: [Kind; 11] = [
    Kind::User,
    Kind::UserFile,
    Kind::UserInfo,
    Kind::Bearer,
    Kind::Environment,
    Kind::Authorization,
    Kind::Cookie,
    Kind::CookieFile,
    Kind::CookieLine,
    Kind::Netrc,
    Kind::NetrcDefault,
];

impl Kind {
    /// The options that give it.
    fn options(self, dir: &tempfile::TempDir) -> Vec<String> {
        let words = |words: [&str; 2]| words.map(str::to_owned).to_vec();
        let at = |option: &str, text: &str| {
            let path = file(dir, option.trim_start_matches('-'), text.as_bytes());
            words([option, path.to_str().expect("a plain path")])
        };
        match self {
            Kind::User => words(["-u", "user:hunter2"]),
            Kind::UserFile => at("--user-file", "user:hunter2\n"),
            Kind::UserInfo => Vec::new(),
            Kind::Bearer => words(["--bearer", PASSWORD]),
            Kind::Environment => words(["-u", "user"]),
            Kind::Authorization => words(["-H", "authorization: Bearer hunter2"]),
            Kind::Cookie => words(["--cookie", "id=hunter2"]),
            Kind::CookieLine => words(["-H", "COOKIE: id=hunter2"]),
            // All the hosts are in the file, and still only the first one gets something.
            Kind::CookieFile => {
                let line = |host| format!("{host}\tTRUE\t/\tFALSE\t0\tid\thunter2\n");
                let jar = file(dir, "jar", HOSTS.map(line).concat().as_bytes());
                words(["--cookie", &format!("@{}", jar.display())])
            }
            Kind::Netrc => {
                at("--netrc-file", &HOSTS.map(|host| format!("machine {host} login user password hunter2\n")).concat())
            }
            Kind::NetrcDefault => at("--netrc-file", "default login user password hunter2"),
        }
    }

    /// The field and its value at home.
    fn shown(self) -> (&'static str, String) {
        match self {
            Kind::Bearer | Kind::Authorization => ("authorization", "Bearer hunter2".into()),
            Kind::Cookie | Kind::CookieFile | Kind::CookieLine => ("cookie", "id=hunter2".into()),
            _ => ("authorization", format!("Basic {BASIC}")),
        }
    }
}

/// One run: what is asked first, and where each redirect leads.
struct Chain {
    origins: Vec<Origin>,
    /// Redirects from https to http are followed.
    downgrade: bool,
}

impl Chain {
    /// Two to seven origins out of four, so that the first one comes again.
    fn random(world: &World, chance: &mut Chance) -> Self {
        let few: Vec<_> = (0..4).map(|_| chance.of(&world.origins)).collect();
        let length = 2 + chance.below(6);
        Chain { origins: (0..length).map(|_| chance.of(&few)).collect(), downgrade: chance.below(2) == 1 }
    }

    /// How many of its origins are asked: up to a step down that is refused.
    fn asked(&self) -> usize {
        let down = self.origins.windows(2).position(|pair| (pair[0].0, pair[1].0) == ("https", "http"));
        down.filter(|_| !self.downgrade).map_or(self.origins.len(), |at| at + 1)
    }

    /// Has the servers answer for it at /`name`/STEP.
    fn publish(&self, world: &World, name: &str, chance: &mut Chance) {
        let mut answers = world.book.answers.lock().expect("no panic while it is held");
        for step in 0..self.origins.len() {
            let answer = match self.origins.get(step + 1) {
                None => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".to_owned(),
                Some(&next) => {
                    let location = location(self.origins[step], next, &format!("/{name}/{}", step + 1), chance);
                    let status = chance.of(&[301, 302, 303, 307, 308]);
                    format!(
                        "HTTP/1.1 {status} -\r\nSet-Cookie: a=b\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
                    )
                }
            };
            answers.insert(format!("/{name}/{step}"), answer);
        }
    }
}

/// The next URL in one of the forms that a server may write it in.
fn location(now: Origin, next: Origin, target: &str, chance: &mut Chance) -> String {
    let (scheme, host, port) = next;
    match chance.below(3) {
        0 if now == next => target.to_owned(),
        1 if now.0 == scheme => format!("//{host}:{port}{target}"),
        2 => format!("{}://{}:{port}{target}", scheme.to_uppercase(), host.to_uppercase()),
        _ => format!("{scheme}://{host}:{port}{target}"),
    }
}

/// The first URL of a chain, asked with a secret of this kind.
fn get(world: &World, kind: Kind, chain: &Chain, name: &str, voice: &[&str]) -> Ended {
    let (scheme, host, port) = chain.origins[0];
    let info = if kind == Kind::UserInfo { "user:hunter2@" } else { "" };
    let mut command = sockkit(["get", &format!("{scheme}://{info}{host}:{port}/{name}/0")]);
    // Without https there is nothing that could not be downgraded, and nobody to trust: both are taken all the same.
    command.arg("--tls-ca").arg(&world.ca.file).args(kind.options(&world.dir)).args(voice);
    command.args(chain.downgrade.then_some("--allow-downgrade"));
    command.args(world.resolve.iter().flat_map(|one| ["--resolve", one]));
    if kind == Kind::Environment {
        command.env("SOCKKIT_PASSWORD", PASSWORD);
    }
    run(&mut command, b"")
}

/// What the chains came to: without requests of each kind the test would prove nothing.
#[derive(Debug, Default)]
struct Tally {
    at_home: usize,
    back_home: usize,
    elsewhere: usize,
    refused: usize,
}

#[test]
fn no_chain_of_redirects_carries_a_secret_to_another_origin() {
    let world = World::new();
    let mut chance = Chance(random(64 * 1024, SEED).into_iter());
    let mut tally = Tally::default();
    for (kind, nth) in KINDS.iter().flat_map(|&kind| (0..CHAINS).map(move |nth| (kind, nth))) {
        let chain = Chain::random(&world, &mut chance);
        let name = format!("{kind:?}-{nth}");
        chain.publish(&world, &name, &mut chance);
        let voice: &[&str] = [&["-vv"][..], &["--json"], &["-vv", "--json"]][nth % 3];
        let ended = get(&world, kind, &chain, &name, voice);
        let (asked, seen) = (chain.asked(), world.book.take());
        let told = format!("{name} {:?} {seen:#?} {}", chain.origins, ended.stderr);
        assert!(!is_secret(&ended.stderr) && !is_secret(&ended.text()), "{told}");
        assert_eq!(seen.len(), asked, "{told}");
        let steps_down = chain.origins[..asked].windows(2).any(|pair| (pair[0].0, pair[1].0) == ("https", "http"));
        assert_eq!(ended.stderr.contains("from https to http: anybody"), steps_down, "{told}");
        if asked == chain.origins.len() {
            assert_eq!((ended.code(), ended.text().as_str()), (0, "done"), "{told}");
        } else {
            assert_eq!(ended.code(), 8, "{told}");
            assert!(ended.stderr.contains("https to http") && ended.stderr.contains("--allow-downgrade"), "{told}");
            tally.refused += 1;
        }
        for (step, (request, &origin)) in seen.iter().zip(&chain.origins).enumerate() {
            assert_eq!(request.origin(), (origin.0, format!("{}:{}", origin.1, origin.2)), "{told}");
            assert_eq!(request.port, origin.2, "{told}");
            if origin == chain.origins[0] {
                let (field, value) = kind.shown();
                assert_eq!(request.field(field), [value.as_str()], "step {step} of {told}");
                tally.at_home += 1;
                tally.back_home += usize::from(step > 0 && chain.origins[step - 1] != origin);
            } else {
                assert!(!request.shows_a_secret(), "step {step} of {told}");
                let said = ["not sent there", "\"withheld\""].iter().any(|words| ended.stderr.contains(words));
                assert_eq!(said, voice.contains(&"-vv"), "{told}");
                tally.elsewhere += 1;
            }
        }
    }
    let Tally { at_home, back_home, elsewhere, refused } = tally;
    assert!(at_home > 80 && back_home > 10 && elsewhere > 80 && refused > 5, "{tally:?}");
}
