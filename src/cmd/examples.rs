//! The examples of --help and of the man pages, once for both. A test runs each of them.

/// A command line and what it is for.
pub type Example = (&'static str, &'static str);

/// Of sockkit as a whole.
pub const SOCKKIT: &[Example] = &[
    ("sockkit listen 9001 > received", "wait on port 9001 for one client, and keep what it sends"),
    ("sockkit connect localhost 9001 < file", "send a file; 0 means that the peer's kernel has acknowledged all of it"),
    ("sockkit connect -z localhost 22,80,443", "which of these ports are open?"),
    ("sockkit get www.example.com", "fetch a page"),
];

/// Of `listen`.
pub const LISTEN: &[Example] = &[
    ("sockkit listen 9001 > received", "receive one file"),
    ("sockkit listen 127.0.0.1 0 --port-file port > received", "on any free port, told to a script"),
    ("sockkit listen -k 9001", "gather the lines of many clients"),
    ("sockkit listen unix:/tmp/demo.sock", "on a UNIX socket"),
    (
        "sockkit listen -k --tls --tls-self-signed 9001",
        "encrypted; says how a client can trust the certificate that is made for it",
    ),
];

/// Of `connect`.
pub const CONNECT: &[Example] = &[
    ("printf 'hello\\n' | sockkit connect localhost 7", "send a line, print the answer"),
    ("sockkit connect --retry-for 30s -z localhost 5432", "wait until a service is up"),
    ("sockkit connect -w 5 unix:/tmp/demo.sock < request", "over a UNIX socket, giving up after 5 s of silence"),
    ("sockkit connect -v localhost 80 < /dev/null", "watch a connection come and go"),
    (
        "printf 'QUIT\\r\\n' | sockkit connect -v --starttls smtp --tls-ca ca.pem localhost 25",
        "begin TLS in the way of a mail server, and watch it",
    ),
    ("sockkit connect --ping --count 5 --interval 0.2 localhost 7", "how long does an echo over TCP take?"),
];

/// Of `udp-send`.
pub const UDP_SEND: &[Example] = &[
    ("sockkit udp-send localhost 9001 hello", "send one datagram of five bytes"),
    ("sockkit udp-send --wait 2 localhost 7 ping", "send one, and print what comes back within 2 s"),
    ("sockkit udp-send --wait 2 --replies 1 localhost 7 ping", "the same, and end with the first reply"),
    ("sockkit udp-send --lines localhost 9001 < lines", "a datagram a line"),
    (
        "sockkit udp-send --multicast-interface lo --ttl 1 239.1.2.3 9001 hello",
        "to a multicast group, through this interface",
    ),
    (
        "sockkit udp-send --size 1200 --rate 10M localhost 9001 < file",
        "a file in datagrams of 1,200 bytes, 10 MiB a second",
    ),
    (
        "sockkit udp-send --ping --count 100 --interval 10ms localhost 7",
        "how many datagrams get lost, and how long do they take?",
    ),
    ("sockkit udp-send --interactive --exit-word Q localhost 9001", "chat by hand, until Q is typed"),
    ("printf 'one\\ntwo\\n' | sockkit udp-send --interactive localhost 7", "ask line by line, print an answer a line"),
    ("sockkit udp-send --probe ntp localhost", "how far is its clock from ours?"),
    ("sockkit udp-send --check -w 2 localhost 7,13", "which of these ports answer, and who says what of the others?"),
    ("sockkit udp-send --mtu localhost 7", "how large may a datagram to this echo service be?"),
];

/// Of `udp-recv`.
pub const UDP_RECV: &[Example] = &[
    ("sockkit udp-recv --lines 9001", "print each datagram on a line of its own"),
    ("sockkit udp-recv --count 1 9001 > datagram", "receive one, byte for byte"),
    ("sockkit udp-recv --reply ok 9001", "answer each sender"),
    ("sockkit udp-recv --exec 'tr a-z A-Z' 9001", "answer with what a command makes of each datagram"),
    ("sockkit udp-recv --lines --join 239.1.2.3%lo 9001", "join a multicast group, through this interface"),
    ("sockkit udp-recv --interactive 9001", "see who sends what, and answer the last one by hand"),
];

/// Of `get`.
pub const GET: &[Example] = &[
    ("sockkit get www.example.com", "print a page"),
    ("sockkit get -I http://localhost:8080/", "print the head only"),
    ("sockkit get -v --proxy http://localhost:3128 http://www.example.com/", "through a proxy, and watch it"),
    ("sockkit get --fail -o page.html http://localhost:8080/", "into a file; 22 when the server says no"),
    ("sockkit get --user-file login http://localhost:8080/private", "log in with the NAME:PASSWORD in the file login"),
    (
        "sockkit get --time-cond page.html -o page.html --force http://localhost:8080/",
        "once more, if it has changed since then",
    ),
    ("sockkit get --timing -o page.html http://localhost:8080/", "where does the time go?"),
    ("sockkit get --repeat 20 http://localhost:8080/", "how long does it take, over new connections and kept ones?"),
    ("sockkit get --all http://localhost:8080/", "does every address of this name answer alike?"),
    ("sockkit get -O http://localhost:8080/index.html", "into a file named as the URL ends"),
    ("sockkit get --continue -o disk.img http://localhost:8080/disk.img", "fetch what is missing behind disk.img.part"),
    ("sockkit get --range 0-99 http://localhost:8080/disk.img", "the first 100 bytes alone"),
    ("sockkit get --lint -o page.html http://localhost:8080/", "does the server keep to the standards?"),
    ("sockkit get --compressed --retry 3 --expect-status 2xx http://localhost:8080/", "gzip, patience, 1 if not 2xx"),
];

/// Of `echo-server`.
pub const ECHO_SERVER: &[Example] = &[
    ("sockkit echo-server 7000", "give back what comes, to everybody"),
    ("sockkit echo-server --udp 127.0.0.1 7000", "over UDP too, for this machine only"),
    ("sockkit echo-server --greeting 'hi\\n' --reply 'hello {}\\n' --exit-word bye 7000", "a partner to talk to"),
    ("sockkit echo-server --chunk 1..7 --reset-after 1000 7000", "one that misbehaves"),
    ("sockkit echo-server --tls --tls-self-signed 7000", "over TLS"),
];

/// The examples of `verb`; of sockkit as a whole where that is empty.
pub fn of(verb: &str) -> &'static [Example] {
    match verb {
        "listen" => LISTEN,
        "connect" => CONNECT,
        "udp-send" => UDP_SEND,
        "udp-recv" => UDP_RECV,
        "get" => GET,
        "echo-server" => ECHO_SERVER,
        _ => SOCKKIT,
    }
}

/// The examples as --help ends with them.
pub fn help(verb: &str) -> String {
    let lines: Vec<_> = of(verb).iter().map(|(command, purpose)| format!("  {command}\n      {purpose}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}
