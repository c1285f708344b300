//! The echo servers under comparison. The other end of each is the bench itself.

use crate::bare;
use crate::place::Place;
use crate::tools::{Flow, Program, Rank, SOCKKIT, Tool, words};

/// For streams.
pub static STREAM_SERVERS: &[Tool] = &[OURS, SOCAT, NCAT, LOOP];

/// For 10,000 clients: as many processes are nothing that a small machine could be asked for.
pub static CROWD_SERVERS: &[Tool] = &[OURS, LOOP];

/// Those that can keep what a client does not take; the bare loop knows only messages that fit.
pub static SERVERS_THAT_BUFFER: &[Tool] = &[OURS, SOCAT, NCAT];

/// For datagrams.
pub static DATAGRAM_SERVERS: &[Tool] = &[OURS_UDP, SOCAT_UDP, LOOP_UDP];

const OURS: Tool = Tool {
    name: SOCKKIT,
    rank: Rank::Ours,
    program: Program::Sockkit,
    version: &["--version"],
    listen: |place, _| words(&["echo-server"], place.sockkit()),
    connect: nobody,
};

const OURS_UDP: Tool = Tool { listen: |place, _| words(&["echo-server", "--udp"], place.sockkit()), ..OURS };

/// With a backlog: its own is 5, and a connection that finds it full waits a second.
const SOCAT: Tool = Tool {
    name: "socat",
    rank: Rank::Peer,
    program: Program::Installed("socat"),
    version: &["-V"],
    listen: |place, _| socat(place, "fork,reuseaddr,backlog=1024"),
    connect: nobody,
};

const SOCAT_UDP: Tool = Tool { listen: |place, _| socat(place, "fork"), ..SOCAT };

/// Its backlog is 10, and has no option.
const NCAT: Tool = Tool {
    name: "ncat",
    rank: Rank::Peer,
    program: Program::Installed("ncat"),
    version: &["--version"],
    listen: |place, _| words(&["-l", "-k", "--max-conns", "1000", "-e", "/bin/cat"], place.nc()),
    connect: nobody,
};

const LOOP: Tool = Tool {
    name: "bare epoll loop",
    rank: Rank::Bare,
    program: Program::Bare,
    version: &[],
    listen: |place, _| words(&[bare::ECHO], place.bare()),
    connect: nobody,
};

const LOOP_UDP: Tool =
    Tool { name: "bare recvfrom loop", listen: |place, _| words(&[bare::ECHO_UDP], place.bare()), ..LOOP };

fn socat(place: &Place, options: &str) -> Vec<String> {
    vec![format!("{},{options}", place.socat("LISTEN")), "PIPE".to_owned()]
}

fn nobody(_: &Place, _: Flow) -> Vec<String> {
    Vec::new()
}
