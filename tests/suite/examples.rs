//! Every example of README.md and of --help is run as it stands there.
//!
//! Each runs in a network and mount namespace of its own, in which `localhost` and `www.example.com` are this
//! machine, /tmp is empty, and the servers that the example talks to are started first. An example that no case
//! knows fails the test, and so does a case that no page shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{run, sockkit, start};

/// How an example is run.
enum Case {
    /// It ends by itself with 0, after this preparation; then this check must hold.
    Ends(&'static str, &'static str),
    /// The same, with this typed into it.
    Typed(&'static str, &'static str, &'static str),
    /// It waits for somebody: it runs while this is done, which must succeed, and is then told to end.
    Serves(&'static str),
}

use Case::{Ends, Serves, Typed};

const ECHO: &str = "sockkit echo-server -q --udp 7 --port-file up & ready up";
const SINK: &str = "sockkit listen -kq 9001 --port-file up < /dev/null > sunk & ready up; printf 'a\\nb\\n' > file";
const ONCE: &str = "printf answer | sockkit listen -q 9001 --port-file up > sunk & ready up";
const WEB: &str = "mkdir -p www; echo page > www/index.html; \
    python3 -m http.server --directory www 80 > /dev/null 2>&1 & python3 -m http.server --directory www 8080 > /dev/null 2>&1 & \
    sockkit connect -qz --retry-for 20 localhost 80 > /dev/null; sockkit connect -qz --retry-for 20 localhost 8080 > /dev/null";

/// A web server that gives parts, and the first of them.
const PARTS: &str = "printf 0123456789 > disk.img.part; python3 -c \"\nimport http.server\n\
    class H(http.server.BaseHTTPRequestHandler):\n  def do_GET(s):\n    \
    a, b = s.headers['Range'][6:].split('-'); b = b or '999'; part = (b'0123456789' * 100)[int(a):int(b) + 1]\n    \
    s.send_response(206); s.send_header('Content-Range', 'bytes %s-%s/1000' % (a, b))\n    \
    s.send_header('Content-Length', str(len(part))); s.end_headers(); s.wfile.write(part)\n\
    l = http.server.HTTPServer(('', 8080), H); print('up', file=open('up', 'w')); l.serve_forever()\n\" & ready up";
const UDP_9001: &str = "sockkit udp-recv -q --count 1 9001 --port-file up > sunk & ready up";
const UNIX: &str =
    "printf answer | sockkit listen -q unix:/tmp/demo.sock --port-file up > sunk & ready up; echo x > request";
const LINES: &str =
    "printf 'a\\nb\\n' > lines; sockkit udp-recv --lines --count 2 9001 --port-file up > sunk & ready up";

/// A clock that is ahead of ours.
const NTP: &str = "python3 -c \"\nimport socket, struct, time\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 123)); print('up', file=open('up', 'w'))\n\
    while True:\n  \
    q, sender = s.recvfrom(99); now = struct.pack('!Q', int((time.time() + 2208988800 + 95) * 2**32))\n  \
    s.sendto(bytes([0x24, 1]) + bytes(22) + q[40:48] + now + now, sender)\n\" & ready up";

/// A mail server with a certificate that is its own authority.
const MAIL: &str = "printf '[req]\ndistinguished_name=n\nx509_extensions=x\n[n]\n[x]\nsubjectAltName=DNS:localhost\n' > conf; \
    openssl req -x509 -nodes -newkey rsa:2048 -config conf -subj /CN=localhost -keyout key.pem -out ca.pem 2> /dev/null; \
    python3 -c \"\nimport socket, ssl\n\
    l = socket.create_server(('127.0.0.1', 25)); print('up', file=open('up', 'w')); s, _ = l.accept()\n\
    s.sendall(b'220 hi\\r\\n'); s.recv(99); s.sendall(b'250-hi\\r\\n250 STARTTLS\\r\\n'); s.recv(99); s.sendall(b'220 go\\r\\n')\n\
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('ca.pem', 'key.pem')\n\
    s = c.wrap_socket(s, server_side=True); s.recv(99); s.sendall(b'221 bye\\r\\n'); s.unwrap()\n\" & ready up";

/// A web server over TLS whose certificate is its own authority, which is trusted here.
const SECURE: &str = "printf '[req]\ndistinguished_name=n\nx509_extensions=x\n[n]\n[x]\nsubjectAltName=DNS:localhost,DNS:www.example.com\n' > conf; \
    openssl req -x509 -nodes -newkey rsa:2048 -days 30 -config conf -subj /CN=localhost -keyout key.pem -out ca.pem 2> /dev/null; \
    export SSL_CERT_FILE=$PWD/ca.pem; mkdir www; echo page > www/index.html; python3 -c \"\nimport http.server, os, ssl\n\
    os.chdir('www'); l = http.server.HTTPServer(('127.0.0.1', 443), http.server.SimpleHTTPRequestHandler)\n\
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('../ca.pem', '../key.pem')\n\
    l.socket = c.wrap_socket(l.socket, server_side=True); print('up', file=open('../up', 'w')); l.serve_forever()\n\" 2> /dev/null & ready up";

/// A server that shows its page to me:secret alone.
const PRIVATE: &str = "echo me:secret > login; python3 -c \"\nimport base64, http.server\n\
    class H(http.server.BaseHTTPRequestHandler):\n\
    \x20def do_GET(self):\n\
    \x20 known = self.headers['Authorization'] == 'Basic ' + base64.b64encode(b'me:secret').decode()\n\
    \x20 self.send_response(200 if known else 401); self.end_headers(); self.wfile.write(b'for your eyes' if known else b'no')\n\
    l = http.server.HTTPServer(('127.0.0.1', 8080), H); print('up', file=open('up', 'w')); l.handle_request()\n\" 2> /dev/null & ready up";

/// The page of 8080 is there, and newer than the server's.
const NOT_CHANGED: &str = "mkdir -p www; echo page > www/index.html; touch -d 2001-01-01 www/index.html; echo 'page as it was' > page.html; \
    python3 -m http.server --directory www 8080 > /dev/null 2>&1 & sockkit connect -qz --retry-for 20 localhost 8080 > /dev/null";
/// A proxy that answers by itself.
const PROXY: &str = "python3 -c \"\nimport http.server\n\
    class Proxy(http.server.BaseHTTPRequestHandler):\n\
    \x20def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'instead of ' + self.path.encode())\n\
    l = http.server.HTTPServer(('127.0.0.1', 3128), Proxy); print('up', file=open('up', 'w')); l.serve_forever()\n\" 2> /dev/null & ready up";

/// Each example and its case.
const CASES: &[(&str, Case)] = &[
    // The README's blocks.
    (
        "cargo build --release && { printf 'hello over TCP\\n' | target/release/sockkit connect -v --retry-for 5 localhost 9001 & target/release/sockkit listen -v 9001; wait; }",
        Ends("mkdir -p target/release; ln -sf \"$SOCKKIT\" target/release/sockkit; cargo() { true; }", ""),
    ),
    (
        "sockkit listen -d 9001 > copy &\nsockkit connect --retry-for 5 localhost 9001 < file && echo \"it has arrived\"\nwait",
        Ends("head -c 3000000 /dev/urandom > file", "cmp file copy && grep -q 'it has arrived' out"),
    ),
    (
        "sockkit connect -z --retry-for 30 localhost 5432 && echo \"the database is up\"",
        Ends("sockkit listen -kq 5432 < /dev/null &", "grep -q 'is up' out"),
    ),
    (
        "printf 'PING\\r\\n' | sockkit connect --until-idle 500ms localhost 6379",
        Ends(
            "{ printf '+PONG\\r\\n'; sleep 600; } | sockkit listen -q --no-half-close 6379 --port-file up & ready up; \
             typing_until PONG",
            "grep -q PONG out",
        ),
    ),
    ("sockkit listen 9001", Serves("echo hello | sockkit connect --retry-for 20 localhost 9001; grep -q hello out")),
    ("sockkit connect localhost 9001", Ends(ONCE, "grep -q answer out")),
    (
        "{ printf 'HTTP/1.0 200 OK\\r\\n\\r\\n'; cat file; } | sockkit listen --send-only 8000",
        Serves("until sockkit get -o got http://localhost:8000/ 2> /dev/null; do rm -f got; done; cmp file got"),
    ),
    (
        "if sockkit connect -q -z -w 2 localhost 22 > /dev/null; then echo open; else echo \"not open: $?\"; fi",
        Ends("true", "grep -q 'not open: 7' out"),
    ),
    (
        "sockkit listen -d 127.0.0.1 0 --port-file port > received &\nwhile [ ! -s port ]; do sleep 0.01; done\necho hello | sockkit connect 127.0.0.1 \"$(cat port)\"\nwait",
        Ends("true", "grep -q hello received"),
    ),
    (
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sockkit connect -x localhost 80 > page",
        Ends(WEB, "grep -q page page && grep -q '200 OK' err"),
    ),
    (
        "sockkit listen -d --expect-sha256 \"$(sha256sum < file | cut -d' ' -f1)\" 9001 > copy &\nsockkit connect --retry-for 5 --stats localhost 9001 < file\nwait",
        Ends("head -c 3000000 /dev/urandom > file", "cmp file copy && grep -q 3000000 err"),
    ),
    ("sockkit connect -z --tls --cert --min-days 14 localhost 443", Ends(SECURE, "grep -q 'CN=localhost' out")),
    (
        "sockkit listen --tls --tls-self-signed 9001 > copy",
        Serves(
            "until grep -q sha256: err; do sleep 0.01; done; \
             echo hello | sockkit connect --tls --tls-pin \"$(grep -o 'sha256:[0-9a-f]*' err | head -1)\" localhost 9001; \
             until grep -q hello copy; do sleep 0.01; done",
        ),
    ),
    ("sockkit get -v https://www.example.com", Ends(SECURE, "grep -q page out && grep -q 'TLS 1.3' err")),
    (
        "sockkit get http://www.example.com/ http://www.example.com/index.html",
        Ends(WEB, "[ \"$(grep -c page out)\" = 2 ]"),
    ),
    ("sockkit udp-send --wait 1 localhost 7 ping", Ends(ECHO, "grep -q ping out")),
    (
        "sockkit echo-server -v --greeting 'Welcome!\\n' --reply 'Hello, {}!\\n' --delay 1s --exit-word exit 9001",
        Serves(
            "echo Bob | sockkit connect --retry-for 20 localhost 9001 > got; grep -q Welcome! got && grep -q 'Hello, Bob!' got",
        ),
    ),
    (
        "sockkit connect -v localhost 9001",
        Ends(
            "sockkit echo-server -q --greeting Welcome! --max-messages 1 --close-after 8 9001 --port-file up & ready up",
            "grep -q Welcome! out",
        ),
    ),
    (
        "sockkit echo-server -v --udp --reply 'Hello, {}!\\n' 9001",
        Serves(
            "until sockkit udp-send --wait 1 localhost 9001 Bob > got 2> /dev/null; do :; done; grep -q 'Hello, Bob!' got; grep -q 127.0.0.1 err",
        ),
    ),
    (
        "sockkit udp-send -v --wait 1 localhost 9001 Bob",
        Ends(
            "sockkit echo-server -q --udp --reply 'Hello, {}!' 9001 --port-file up & ready up",
            "grep -q 'Hello, Bob!' out",
        ),
    ),
    (
        "sockkit echo-server -v --print --reply 'Hello world!\\n' --max-messages 1 9001",
        Serves(
            "echo hi | sockkit connect --retry-for 20 localhost 9001 | grep -q 'Hello world!'; until grep -q hi out; do :; done",
        ),
    ),
    (
        "echo 'is anybody there?' | sockkit connect -v localhost 9001",
        Ends(
            "sockkit echo-server -q --print --reply 'Hello world!' --max-messages 1 9001 --port-file up > printed & ready up",
            "grep -q 'Hello world!' out && until grep -qx 'is anybody there?' printed; do :; done",
        ),
    ),
    (
        "sockkit echo-server -v --greeting 'Server: Welcome!\\n' --prompt \"Server: What's your name?\" --reply 'Server: Hello {}!\\n' --exit-word exit --farewell 'Server: Good bye!\\n' 9001",
        Serves("echo exit | sockkit connect --retry-for 20 localhost 9001 > got; grep -q 'name?Server: Good bye!' got"),
    ),
    (
        "sockkit echo-server -v --greeting 'hello\\n' --reply '' --max-messages 1 9001",
        Serves("echo bye | sockkit connect --retry-for 20 localhost 9001 > got; echo hello | cmp - got"),
    ),
    (
        "printf 'bye\\n' | sockkit connect -v localhost 9001",
        Ends(
            "sockkit echo-server -q --greeting hello --reply '' --max-messages 1 9001 --port-file up & ready up",
            "grep -q hello out",
        ),
    ),
    (
        "sockkit echo-server --delay 30ms..70ms --chunk 1..7 --close-before-reply 10% --seed 42 9001",
        Serves("echo hello | sockkit connect --retry-for 20 localhost 9001 | grep -q hello"),
    ),
    (
        "sockkit echo-server --greeting 'hi\\n' --reply 'hello {}\\n' --exit-word bye 7000",
        Serves("echo Bob | sockkit connect --retry-for 20 localhost 7000 | grep -q 'hello Bob'"),
    ),
    (
        "sockkit echo-server --chunk 1..7 --reset-after 1000 7000",
        Serves("echo hello | sockkit connect --retry-for 20 localhost 7000 | grep -q hello"),
    ),
    (
        "sockkit echo-server --tls --tls-self-signed 7000",
        Serves("echo hello | sockkit connect --tls --insecure --retry-for 20 localhost 7000 | grep -q hello"),
    ),
    (
        "sockkit listen -k --tls --tls-self-signed 9001",
        Serves("echo hello | sockkit connect --tls --insecure --retry-for 20 localhost 9001"),
    ),
    // The verbs, and what others call them.
    (
        "sockkit listen 9001 > received",
        Serves("echo hello | sockkit connect --retry-for 20 localhost 9001; until grep -q hello received; do :; done"),
    ),
    ("sockkit connect localhost 9001 < file", Ends(SINK, "until cmp -s file sunk; do :; done")),
    ("sockkit udp-send localhost 9001 hello", Ends(UDP_9001, "until grep -q hello sunk; do :; done")),
    (
        "sockkit udp-recv --lines 9001",
        Serves("until grep -q hello out; do sockkit udp-send localhost 9001 hello; done"),
    ),
    ("sockkit get www.example.com", Ends(WEB, "grep -q page out")),
    ("sockkit echo-server 7000", Serves("echo hello | sockkit connect --retry-for 20 localhost 7000 | grep -q hello")),
    (
        "sockkit listen -k 9001",
        Serves(
            "echo one | sockkit connect --retry-for 20 -d localhost 9001 & echo hello | sockkit connect --end-on local --retry-for 20 localhost 9001; until grep -q hello out; do :; done",
        ),
    ),
    (
        "sockkit connect --until-idle 1 localhost 9001",
        Typed(
            "",
            "{ printf answer; sleep 600; } | sockkit listen -q --no-half-close 9001 --port-file up & ready up; \
             typing_until answer",
            "grep -q answer out",
        ),
    ),
    ("sockkit connect -d localhost 9001", Ends(ONCE, "grep -q answer out")),
    ("sockkit connect --send-only localhost 9001", Ends(ONCE, "! grep -q answer out")),
    ("sockkit connect -C localhost 9001", Ends(ONCE, "grep -q answer out")),
    (
        "sockkit connect -z localhost 20-25",
        Ends(
            "for port in 20 21 22 23 24 25; do sockkit listen -kq $port --port-file up$port < /dev/null & ready up$port; done",
            "test $(grep -c open out) = 6",
        ),
    ),
    ("sockkit connect -w 3 localhost 9001", Ends(ONCE, "grep -q answer out")),
    ("sockkit connect -s 127.0.0.1 -p 4000 localhost 9001", Ends(ONCE, "grep -q answer out")),
    ("sockkit connect unix:/tmp/demo.sock", Ends(UNIX, "grep -q answer out")),
    (
        "sockkit listen unix:/tmp/demo.sock",
        Serves("echo hello | sockkit connect --retry-for 20 unix:/tmp/demo.sock; until grep -q hello out; do :; done"),
    ),
    ("sockkit udp-recv 9001", Serves("until grep -q hello out; do sockkit udp-send localhost 9001 hello; done")),
    ("sockkit get -i http://localhost:8080/", Ends(WEB, "grep -q '200 OK' out && grep -q page out")),
    // --help.
    (
        "sockkit connect -z localhost 22,80,443",
        Ends(
            "for port in 22 80 443; do sockkit listen -kq $port --port-file up$port < /dev/null & ready up$port; done",
            "test $(grep -c open out) = 3",
        ),
    ),
    (
        "sockkit listen 127.0.0.1 0 --port-file port > received",
        Serves(
            "ready port; echo hello | sockkit connect 127.0.0.1 $(cat port); until grep -q hello received; do :; done",
        ),
    ),
    ("printf 'hello\\n' | sockkit connect localhost 7", Ends(ECHO, "grep -q hello out")),
    (
        "sockkit connect --retry-for 30s -z localhost 5432",
        Ends("sockkit listen -kq 5432 < /dev/null &", "grep -q open out"),
    ),
    ("sockkit connect -w 5 unix:/tmp/demo.sock < request", Ends(UNIX, "grep -q answer out")),
    ("sockkit connect -v localhost 80 < /dev/null", Ends(WEB, "")),
    (
        "printf 'QUIT\\r\\n' | sockkit connect -v --starttls smtp --tls-ca ca.pem localhost 25",
        Ends(MAIL, "grep -q '^221 bye' out && grep -q '< 220 go' err"),
    ),
    (
        "sockkit connect --ping --count 5 --interval 0.2 localhost 7",
        Ends(ECHO, "grep -q '^5 sent, 5 received, 0 lost' out && grep -q '^64 bytes from 127.0.0.1:7: seq=5 ' out"),
    ),
    (
        "sockkit udp-send --ping --count 100 --interval 10ms localhost 7",
        Ends(ECHO, "grep -q '^100 sent, 100 received, 0 lost' out"),
    ),
    ("sockkit udp-send --wait 2 localhost 7 ping", Ends(ECHO, "grep -q ping out")),
    ("sockkit udp-send --probe ntp localhost", Ends(NTP, "grep -q 'stratum 1, offset +9' out")),
    ("sockkit udp-send --wait 2 --replies 1 localhost 7 ping", Ends(ECHO, "grep -q ping out")),
    (
        "sockkit udp-send --multicast-interface lo --ttl 1 239.1.2.3 9001 hello",
        Ends(
            "sockkit udp-recv -q --count 1 --join 239.1.2.3%lo 9001 --port-file up > sunk & ready up",
            "until grep -q hello sunk; do :; done",
        ),
    ),
    (
        "sockkit udp-recv --exec 'tr a-z A-Z' 9001",
        Serves("until sockkit udp-send --wait 0.3 localhost 9001 hello | grep -q HELLO; do :; done"),
    ),
    (
        "sockkit udp-recv --lines --join 239.1.2.3%lo 9001",
        Serves(
            "until grep -q hello out; do sockkit udp-send --multicast-interface lo 239.1.2.3 9001 hello 2> /dev/null; done",
        ),
    ),
    ("sockkit udp-send --lines localhost 9001 < lines", Ends(LINES, "until cmp -s lines sunk; do :; done")),
    (
        "sockkit udp-send --size 1200 --rate 10M localhost 9001 < file",
        Ends(
            "head -c 5000 /dev/urandom > file; sockkit udp-recv -q --count 5 9001 --port-file up > sunk & ready up",
            "until cmp -s file sunk; do :; done",
        ),
    ),
    (
        "sockkit udp-send --check -w 2 localhost 7,13",
        Ends(
            "for port in 7 13; do sockkit echo-server -q --udp $port --port-file up$port & ready up$port; done",
            "test $(grep -c open out) = 2",
        ),
    ),
    ("sockkit udp-send --mtu localhost 7", Ends(ECHO, "grep -q '65507 bytes' out")),
    (
        "sockkit udp-recv --count 1 9001 > datagram",
        Serves("until grep -q hello datagram; do sockkit udp-send localhost 9001 hello; done"),
    ),
    (
        "sockkit udp-recv --reply ok 9001",
        Serves("until sockkit udp-send --wait 0.3 localhost 9001 hello | grep -q ok; do :; done"),
    ),
    (
        "sockkit udp-send --interactive --exit-word Q localhost 9001",
        Typed(
            "hello\\nQ\\n",
            "sockkit udp-recv -q --reply answer 9001 --port-file up > /dev/null & ready up",
            "grep -qx answer out",
        ),
    ),
    (
        "printf 'one\\ntwo\\n' | sockkit udp-send --interactive localhost 7",
        Ends(ECHO, "printf 'one\\ntwo\\n' | cmp - out"),
    ),
    (
        "sockkit udp-recv --interactive 9001",
        Typed(
            "answer\\n",
            "until sockkit udp-send --wait 20 --replies 1 localhost 9001 hello > got 2> /dev/null; do :; done &",
            "until grep -q answer got; do :; done; grep -q ': hello' out",
        ),
    ),
    (
        "sockkit get -v --proxy http://localhost:3128 http://www.example.com/",
        Ends(PROXY, "grep -q 'instead of http://www.example.com/' out && grep -q 'the proxy localhost:3128' err"),
    ),
    ("sockkit get -I http://localhost:8080/", Ends(WEB, "grep -q '200 OK' out && ! grep -q page out")),
    ("sockkit get --fail -o page.html http://localhost:8080/", Ends(WEB, "grep -q page page.html")),
    ("sockkit get --user-file login http://localhost:8080/private", Ends(PRIVATE, "grep -q 'for your eyes' out")),
    (
        "sockkit get --time-cond page.html -o page.html --force http://localhost:8080/",
        Ends(NOT_CHANGED, "grep -qx 'page as it was' page.html"),
    ),
    (
        "sockkit get --timing -o page.html http://localhost:8080/",
        Ends(WEB, "grep -q page page.html && grep -q 'first byte .* ms' err && grep -q 'total .* ms' err"),
    ),
    (
        "sockkit get --repeat 20 http://localhost:8080/",
        Ends(WEB, "grep -q '20 answered, 0 failed' out && ! grep -q page out"),
    ),
    (
        "sockkit get --all http://localhost:8080/",
        Ends(WEB, "grep -q '^127.0.0.1:8080 *200 ' out && ! grep -q page out"),
    ),
    ("sockkit get -O http://localhost:8080/index.html", Ends(WEB, "grep -q page index.html")),
    (
        "sockkit get --continue -o disk.img http://localhost:8080/disk.img",
        Ends(PARTS, "test $(wc -c < disk.img) = 1000 && ! test -e disk.img.part"),
    ),
    ("sockkit get --range 0-99 http://localhost:8080/disk.img", Ends(PARTS, "test $(wc -c < out) = 100")),
    (
        "sockkit get --continue -O http://localhost:8080/disk.img",
        Ends(PARTS, "test $(wc -c < disk.img) = 1000 && ! test -e disk.img.part"),
    ),
    (
        "sockkit get --proxy localhost:3128 http://www.example.com/",
        Ends(PROXY, "grep -q 'instead of http://www.example.com/' out"),
    ),
    (
        "sockkit get --lint -o page.html http://localhost:8080/",
        Ends(WEB, "grep -q page page.html && grep -q 'lint of GET http://localhost:8080/:' err"),
    ),
    (
        "sockkit get --compressed --retry 3 --expect-status 2xx http://localhost:8080/",
        Ends(WEB, "grep -q page out && ! sockkit get --expect-status 3xx http://localhost:8080/"),
    ),
    (
        "sockkit echo-server --udp 127.0.0.1 7000",
        Serves("until sockkit udp-send --wait 0.3 127.0.0.1 7000 hello | grep -q hello; do :; done"),
    ),
];

/// What every script begins with: the namespace's own loopback, names and /tmp.
const PRELUDE: &str = r#"
set -u
ip link set lo up
# The binary may stand below /tmp, which is about to be another one.
exec 9< "$SOCKKIT"
mount -t tmpfs none /tmp
mkdir /tmp/bin /tmp/work
cat <&9 > /tmp/bin/sockkit
exec 9<&-
chmod +x /tmp/bin/sockkit
SOCKKIT=/tmp/bin/sockkit
printf '127.0.0.1 localhost www.example.com\n' > /tmp/hosts
mount --bind /tmp/hosts /etc/hosts
PATH="/tmp/bin:$PATH"
cd /tmp/work
ready() { while [ ! -s "$1" ]; do sleep 0.01; done; }
# From now on what is printed into a program ends once its answer has come: no short patience is over before that.
typing_until() { SEEN=$1; printf() { builtin printf "$@"; until grep -qs "$SEEN" out; do sleep 0.01; done; }; }
end() { kill $(jobs -p) 2> /dev/null; exit "$1"; }
"#;

fn script(example: &str, case: &Case) -> String {
    match case {
        Ends(before, check) => ends(example, "< /dev/null", before, check),
        Typed(typed, before, check) => ends(example, &format!("< <(printf '{typed}')"), before, check),
        Serves(meanwhile) => format!(
            "{PRELUDE}printf 'a file\\n' > file\n{{\n{example}\n}} > out 2> err < /dev/null &\n{{ {meanwhile}; }} || {{ cat out err; end 1; }}\nend 0\n"
        ),
    }
}

fn ends(example: &str, input: &str, before: &str, check: &str) -> String {
    let check = if check.is_empty() { "true" } else { check };
    format!(
        "{PRELUDE}{before}\n{{\n{example}\n}} > out 2> err {input} || {{ echo \"code $?\"; cat out err; end 1; }}\n{{ {check}; }} || {{ cat out err; end 1; }}\nend 0\n"
    )
}

/// A shell in new namespaces, where they are allowed.
fn isolated() -> Option<Command> {
    let mut probe = crate::support::peer("unshare")?;
    let allowed = run(probe.args(["-r", "-n", "-m", "--pid", "--fork", "true"]), b"").status.success();
    assert!(allowed || std::env::var_os("CI").is_none(), "namespaces must be allowed in CI");
    if !allowed {
        eprintln!("skipped: this user may not make namespaces");
        return None;
    }
    let mut command = crate::support::peer("unshare")?;
    command.args(["-r", "-n", "-m", "--pid", "--fork", "--kill-child", "bash", "-c"]);
    command.env("SOCKKIT", env!("CARGO_BIN_EXE_sockkit"));
    Some(command)
}

fn play(cases: impl Iterator<Item = &'static (&'static str, Case)>) {
    // The portable half can't forbid fragmentation.
    let has_all = !cfg!(feature = "portable");
    for (example, case) in cases.filter(|(example, _)| has_all || !example.contains("--mtu")) {
        let Some(mut shell) = isolated() else { return };
        eprintln!("running: {example}");
        let ended = start(shell.arg(script(example, case))).end();
        assert!(ended.status.success(), "{}{}", ended.text(), ended.stderr);
    }
}

#[test]
fn the_examples_that_end_do_what_they_promise() {
    play(CASES.iter().filter(|(_, case)| !matches!(case, Serves(_))));
}

#[test]
fn the_examples_that_serve_do_what_they_promise() {
    play(CASES.iter().filter(|(_, case)| matches!(case, Serves(_))));
}

#[test]
fn every_example_has_its_case_and_every_case_its_page() {
    let shown: BTreeSet<String> = readme_examples().into_iter().chain(help_examples()).collect();
    let known: BTreeSet<String> = CASES.iter().map(|(example, _)| (*example).to_owned()).collect();
    let unknown: Vec<_> = shown.difference(&known).collect();
    let stale: Vec<_> = known.difference(&shown).collect();
    assert!(unknown.is_empty() && stale.is_empty(), "without a case: {unknown:#?}\non no page: {stale:#?}");
}

/// The `sh` blocks, and the commands of ours in the tables.
fn readme_examples() -> Vec<String> {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let blocks = blocks.filter(|block| *block != "cargo test").map(str::to_owned);
    let rows = readme.lines().filter(|line| line.starts_with('|'));
    let commands = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|code| code.starts_with("sockkit "));
    blocks.chain(commands.map(str::to_owned)).collect()
}

/// The examples at the end of each --help.
fn help_examples() -> Vec<String> {
    let verbs =
        [vec![], vec!["listen"], vec!["connect"], vec!["udp-send"], vec!["udp-recv"], vec!["get"], vec!["echo-server"]];
    let mut found = Vec::new();
    for mut words in verbs {
        words.push("--help");
        let help = run(&mut sockkit(words), b"").expect(0).text();
        let examples = help.split("Examples:\n").nth(1).expect("each verb has examples").to_owned();
        found.extend(
            examples.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   ")).map(|l| l.trim().to_owned()),
        );
    }
    found
}

#[test]
fn the_readme_shows_the_whole_exit_table() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README");
    for (code, meaning) in sockkit::report::exit::TABLE {
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "{code}");
    }
}
