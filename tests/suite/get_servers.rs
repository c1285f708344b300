//! `get` beside curl against the servers that people run: nginx, Python's http.server, and one of Node's.
//!
//! The cases are drawn from a seed: server, options, and one to three targets over one command line.

use std::process::Command;

use crate::support::nginx::Nginx;
use crate::support::{Running, assert_same, directory, file, peer, python, random, run, sockkit, start};

/// What the files and bodies are long: around the borders of buffers, up to 16 MiB.
const LENGTHS: [usize; 16] = [
    0,
    1,
    7,
    100,
    1023,
    4096,
    16_383,
    16_384,
    65_535,
    65_537,
    131_072,
    262_145,
    1 << 20,
    3_000_017,
    9_999_999,
    16 << 20,
];

const CASES: u64 = 200;

/// A Node server: `/FRAMING/LENGTH`, `/status/N`, `/to/N`.
const NODE: &str = r#"
const http = require("http"), zlib = require("zlib");
const most = Buffer.alloc(16 << 20);
for (let i = 0; i < most.length; i++) most[i] = (i * i) % 251;
const server = http.createServer((request, response) => {
  const [, kind, n] = request.url.split("/"), accepts = request.headers["accept-encoding"] || "";
  request.resume();
  if (kind == "to") { response.writeHead(+n, { Location: "/length/100" }); return response.end("gone"); }
  if (kind == "status") { response.writeHead(+n); return response.end(n == 204 || n == 304 ? undefined : "status"); }
  if (kind == "method") return response.end(request.method);
  const bytes = most.subarray(0, +n);
  if (kind == "zipped" && accepts.includes("gzip")) {
    response.setHeader("Content-Encoding", "gzip");
    return zlib.gzip(bytes, (_, zipped) => response.end(zipped));
  }
  if (kind == "deflated" && accepts.includes("deflate")) {
    response.setHeader("Content-Encoding", "deflate");
    const stream = zlib.createDeflate(); stream.pipe(response); return stream.end(bytes);
  }
  if (kind == "closed") { response.setHeader("Connection", "close"); response.removeHeader("Transfer-Encoding"); response.useChunkedEncodingByDefault = false; }
  if (kind == "chunked" || kind == "closed") {
    const trailers = kind == "chunked" && request.httpVersion == "1.1" && request.method != "HEAD";
    if (trailers) response.setHeader("Trailer", "X-Sum");
    for (let at = 0; at < bytes.length; at += 70001) response.write(bytes.subarray(at, at + 70001));
    if (trailers) response.addTrailers({ "X-Sum": "1" });
    return response.end();
  }
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
});
server.listen(0, "127.0.0.1", () => console.error("listening on 127.0.0.1:" + server.address().port));
"#;

/// `python3 -m http.server` in this version of HTTP, on port 0, with a line that tells the address.
const PYTHON: &str = r#"
import functools, http.server, sys
handler = http.server.SimpleHTTPRequestHandler
handler.protocol_version = sys.argv[2]
handler.log_message = lambda *_: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=sys.argv[1]))
print("listening on 127.0.0.1:%d" % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
"#;

/// Numbers from a seed (`SplitMix64`).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % n as u64).expect("it is below n")
    }

    fn of<'c, T: ?Sized>(&mut self, choice: &[&'c T]) -> &'c T {
        choice[self.below(choice.len())]
    }

    fn length(&mut self) -> usize {
        LENGTHS[self.below(LENGTHS.len())]
    }
}

/// A server and the targets that it knows.
struct Server {
    _running: Box<dyn std::any::Any>,
    base: String,
    target: fn(&mut Draw) -> String,
    /// It answers requests for a range.
    ranges: bool,
    /// It answers POST.
    posts: bool,
}

fn nginx(root: &tempfile::TempDir) -> Option<Server> {
    let files = format!("alias {}/; ssi on; ssi_types *;", root.path().display());
    let redirects: String =
        [301, 302, 303, 307, 308].map(|n| format!("location /to/{n} {{ return {n} /files/100; }}\n")).concat();
    let locations = format!(
        "location /chunked/ {{ {files} }}
         location /closed/ {{ {files} chunked_transfer_encoding off; }}
         location /zipped/ {{ alias {root}/; gzip on; gzip_types *; gzip_min_length 1; }}
         location /files/ {{ alias {root}/; error_page 405 =200 $uri; }}
         location /status/204 {{ return 204; }}
         location /status/404 {{ return 404; }}
         location /status/503 {{ return 503 'busy'; }}
         {redirects}",
        root = root.path().display()
    );
    let nginx = Nginx::serving(root, &locations)?;
    let base = format!("http://127.0.0.1:{}", nginx.port);
    let target = |draw: &mut Draw| match draw.below(8) {
        0 => format!("/to/{}", draw.of(&["301", "302", "303", "307", "308"])),
        1 => format!("/status/{}", draw.of(&["204", "404", "503"])),
        _ => format!("/{}/{}", draw.of(&["files", "files", "chunked", "closed", "zipped"]), draw.length()),
    };
    Some(Server { _running: Box::new(nginx), base, target, ranges: true, posts: true })
}

fn scripted(running: Running, target: fn(&mut Draw) -> String, posts: bool) -> Server {
    let base = format!("http://{}", running.address());
    Server { _running: Box::new(running), base, target, ranges: false, posts }
}

fn pythons(root: &tempfile::TempDir, version: &str) -> Option<Server> {
    let running = start(&mut python(PYTHON, &[&root.path().to_string_lossy(), version])?);
    let target = |draw: &mut Draw| match draw.below(8) {
        0 => "/nothing".to_owned(),
        _ => format!("/{}", draw.length()),
    };
    Some(scripted(running, target, false))
}

fn node() -> Option<Server> {
    let running = start(peer("node")?.args(["-e", NODE]));
    let target = |draw: &mut Draw| match draw.below(8) {
        0 => format!("/to/{}", draw.of(&["301", "302", "303", "307", "308"])),
        1 => format!("/status/{}", draw.of(&["204", "304", "404", "500"])),
        2 => "/method/0".to_owned(),
        _ => format!("/{}/{}", draw.of(&["length", "chunked", "closed", "zipped", "deflated"]), draw.length()),
    };
    Some(scripted(running, target, true))
}

/// A file that has each of the ranges in [`options`].
fn whole_file(draw: &mut Draw) -> String {
    let long: Vec<_> = LENGTHS.into_iter().filter(|&length| length >= 100).collect();
    format!("/files/{}", long[draw.below(long.len())])
}

/// Options that both programs spell alike.
fn options(draw: &mut Draw, server: &Server) -> Vec<&'static str> {
    match draw.below(10) {
        0 => vec!["-I"],
        1 if server.posts => vec!["--data", "some=body"],
        2 | 3 if server.ranges => vec!["--range", draw.of(&["0-0", "0-99", "50-", "-30", "3-70000"])],
        4 | 5 => vec!["--compressed"],
        6 => vec!["--http1.0"],
        7 => vec!["-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
        _ => vec![],
    }
}

/// The bytes and the exit code of one of the two. The time of a head is not what is compared.
fn brought(command: &mut Command, words: &[String]) -> (Vec<u8>, i32) {
    let ended = run(command.args(words), b"");
    let code = ended.code();
    if words.iter().any(|word| word == "-I") {
        let heads = ended.text();
        let untimed = heads.split_inclusive('\n').filter(|line| !line.starts_with("Date:"));
        return (untimed.collect::<String>().into_bytes(), code);
    }
    (ended.stdout, code)
}

#[test]
fn the_same_as_curl_from_nginx_python_and_node() {
    let root = directory();
    for length in LENGTHS {
        file(&root, &length.to_string(), &random(length, length as u64));
    }
    let servers = [nginx(&root), pythons(&root, "HTTP/1.0"), pythons(&root, "HTTP/1.1"), node()];
    let servers: Vec<_> = servers.into_iter().flatten().collect();
    for seed in 0..CASES {
        let mut draw = Draw(seed);
        let server = &servers[draw.below(servers.len())];
        let options = options(&mut draw, server);
        // Where curl takes the whole or an error page for the part that was asked for, 33 is the answer here.
        let target = if options.contains(&"--range") { whole_file } else { server.target };
        let targets = (0..=draw.below(3)).map(|_| format!("{}{}", server.base, target(&mut draw)));
        let words: Vec<String> = targets.chain(options.iter().map(|&option| option.to_owned())).collect();
        let Some(mut curl) = peer("curl") else { return };
        let theirs = brought(curl.args(["-sL"]), &words);
        let ours = brought(sockkit(["get", "-w", "30"]).args(["--quiet"]), &words);
        println!("seed {seed}: {words:?}: {} bytes, exit code {}", theirs.0.len(), theirs.1);
        assert_eq!(ours.1, theirs.1);
        assert_same(&ours.0, &theirs.0);
    }
}
