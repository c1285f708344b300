//! The programs that speak TLS, with their words.
//!
//! None of the peers checks the certificate: it is sockkit alone that does so unless it is told otherwise.

use std::sync::OnceLock;

use super::{certificate, key};
use crate::place::Place;
use crate::tools::{PLAIN_LOOP, Program, Rank, SOCKKIT, Tool, knows, words};

/// Those that move a stream. The loop is the plain one, over TCP: it tells how quiet the machine was.
pub static STREAM: &[Tool] = &[OURS, NCAT, SOCAT, SOCAT_LARGE, OPENSSL, PLAIN_LOOP];

/// Those that echo.
pub static SERVERS: &[Tool] = &[OUR_ECHO, SOCAT_ECHO];

const SUITES: &str = "--tls-suites";

const OURS: Tool = Tool {
    name: SOCKKIT,
    rank: Rank::Ours,
    program: Program::Sockkit,
    version: &["--version"],
    listen: |place, _| words(&["listen", "--tls", "--tls-cert", certificate(), "--tls-key", key()], place.sockkit()),
    connect: |place, _| {
        let plain = ["connect", "--tls", "--tls-ca", certificate()];
        words(&[plain.as_slice(), suite()].concat(), place.sockkit())
    },
};

const OUR_ECHO: Tool = Tool {
    listen: |place, _| {
        words(&["echo-server", "--tls", "--tls-cert", certificate(), "--tls-key", key()], place.sockkit())
    },
    connect: |_, _| Vec::new(),
    ..OURS
};

/// Its sender closes while the server's tickets are unread: the reset may take the end of the transfer from its
/// receiver, which ends with 1. Then it is left out.
const NCAT: Tool = Tool {
    name: "ncat --ssl",
    rank: Rank::Peer,
    program: Program::Installed("ncat"),
    version: &["--version"],
    listen: |place, _| {
        words(&["--ssl", "--ssl-cert", certificate(), "--ssl-key", key(), "--recv-only", "-l"], place.nc())
    },
    connect: |place, _| words(&["--ssl", "--send-only"], place.nc()),
};

const SOCAT: Tool = Tool {
    name: "socat OPENSSL",
    rank: Rank::Peer,
    program: Program::Installed("socat"),
    version: &["-V"],
    listen: |place, _| words(&["-u"], vec![socat_listen(place, ""), "STDOUT".to_owned()]),
    connect: |place, _| words(&["-u", "STDIN"], vec![socat_connect(place)]),
};

const SOCAT_LARGE: Tool = Tool {
    name: "socat -b 1048576 OPENSSL",
    listen: |place, flow| words(&["-b", "1048576"], (SOCAT.listen)(place, flow)),
    connect: |place, flow| words(&["-b", "1048576"], (SOCAT.connect)(place, flow)),
    ..SOCAT
};

/// With a backlog, as without TLS.
const SOCAT_ECHO: Tool = Tool {
    name: "socat",
    listen: |place, _| vec![socat_listen(place, ",fork,reuseaddr,backlog=1024"), "PIPE".to_owned()],
    connect: |_, _| Vec::new(),
    ..SOCAT
};

/// The server ends as soon as its stdin does: it gets one on which nothing ever comes.
const OPENSSL: Tool = Tool {
    name: "openssl s_client, s_server",
    rank: Rank::Peer,
    program: Program::Installed("bash"),
    version: &["-c", "exec openssl version"],
    listen: |place, _| {
        let script = "F=$(mktemp -u) && mkfifo $F && exec 3<>$F && rm $F && exec openssl \"$@\" <&3 3<&-";
        let server = ["-c", script, "openssl", "s_server", "-quiet", "-naccept", "1"];
        words(
            &[server.as_slice(), ["-cert", certificate(), "-key", key(), "-accept"].as_slice()].concat(),
            place.bare(),
        )
    },
    connect: |place, _| {
        let script = "exec openssl s_client -quiet -nocommands -no_ign_eof -connect \"$0\"";
        words(&["-c", script], place.bare())
    },
};

/// Known or not: without it ours are slower, if anything.
fn suite() -> &'static [&'static str] {
    static KNOWS: OnceLock<bool> = OnceLock::new();
    if *KNOWS.get_or_init(|| knows("connect", SUITES)) { &[SUITES, "TLS_AES_128_GCM_SHA256"] } else { &[] }
}

fn socat_listen(place: &Place, options: &str) -> String {
    let (certificate, key) = (certificate(), key());
    let port = place.port();
    format!("OPENSSL-LISTEN:{port},bind=127.0.0.1,cert={certificate},key={key},verify=0{options}")
}

fn socat_connect(place: &Place) -> String {
    format!("OPENSSL:127.0.0.1:{},verify=0", place.port())
}
