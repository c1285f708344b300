//! The senders and receivers of datagrams under comparison. The other end of each is the bench itself, but iperf3's.

use super::DATAGRAM;
use crate::bare;
use crate::place::Place;
use crate::tools::{Program, Rank, SOCKKIT, Tool, words};

/// What takes trains off the receiver, if it is asked to.
pub const GRO: &str = "--gro";
const OURS_GRO: &str = "sockkit --gro";

/// Those that send a file.
pub static SENDERS: &[Tool] = &[OURS, NC, NCAT, SOCAT, IPERF3, TRAINS, MAPPED, BATCHES];

/// Those that write what comes to a file.
pub static RECEIVERS: &[Tool] = &[
    OURS,
    Tool { name: OURS_GRO, listen: |place, _| receive(&[GRO], place), ..OURS },
    NC_LISTENS,
    NCAT,
    SOCAT,
    SOCAT_LARGE,
    RECEIVER,
];

/// The senders whose datagrams are of the size that is asked for.
pub const TO_THE_BYTE: &[&str] = &["ncat", "socat", "iperf3"];
/// The loops that send by trains.
pub const LOOPS: &[&str] = &[TRAINS.name, MAPPED.name];

/// What a sender finds at its stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    File,
    /// A pipe that gives one datagram's bytes a read (pipe(2), `O_DIRECT`), as another process writes them there.
    Pieces,
    /// Nothing: it makes its own, and counts them itself.
    Own,
}

impl Feed {
    pub fn of(tool: &Tool) -> Self {
        match tool.program {
            // It reads 8 KiB, and sends what one read gave.
            Program::Installed("ncat") => Self::Pieces,
            Program::Installed("iperf3") => Self::Own,
            _ => Self::File,
        }
    }
}

/// The size that a sender's datagrams have.
pub fn size(tool: &Tool) -> usize {
    match tool.program {
        // Its buffer, which it fills by several reads: nothing that it is fed with makes it send less.
        Program::Installed("nc.openbsd") => 16_384,
        _ => DATAGRAM,
    }
}

/// Whether what it says it has dropped is only the least that it was.
pub fn says_the_least(tool: &Tool) -> bool {
    tool.name == OURS_GRO
}

const OURS: Tool = Tool {
    name: SOCKKIT,
    rank: Rank::Ours,
    program: Program::Sockkit,
    version: &["--version"],
    listen: |place, _| receive(&[], place),
    connect: |place, _| words(&["udp-send", "--size", "1200"], place.sockkit()),
};

const NC: Tool = Tool {
    name: "nc.openbsd, 16,384 a datagram",
    rank: Rank::Peer,
    program: Program::Installed("nc.openbsd"),
    version: &["-h"],
    listen: |place, _| words(&["-l", "-d"], place.nc()),
    // With -N it would wait for ever for what comes back.
    connect: |place, _| words(&["-q", "0"], place.nc()),
};

const NC_LISTENS: Tool = Tool { name: "nc.openbsd", ..NC };

const NCAT: Tool = Tool {
    name: "ncat",
    rank: Rank::Peer,
    program: Program::Installed("ncat"),
    version: &["--version"],
    listen: |place, _| words(&["-l", "--recv-only"], place.nc()),
    connect: |place, _| words(&["--send-only"], place.nc()),
};

const SOCAT: Tool = Tool {
    name: "socat",
    rank: Rank::Peer,
    program: Program::Installed("socat"),
    version: &["-V"],
    listen: |place, _| socat_receives(place, ""),
    connect: |place, _| words(&["-u", "-b", "1200", "STDIN"], vec![place.socat("SENDTO")]),
};

/// As much as a user gets who is not root, by default.
const SOCAT_LARGE: Tool =
    Tool { name: "socat, rcvbuf=4194304", listen: |place, _| socat_receives(place, ",rcvbuf=4194304"), ..SOCAT };

/// How much it sends is said by the scenario.
const IPERF3: Tool = Tool {
    name: "iperf3",
    rank: Rank::Peer,
    program: Program::Installed("iperf3"),
    version: &["--version"],
    listen: |place, _| iperf(&["-s", "-1", "-B"], place),
    connect: |place, _| iperf(&["-J", "-u", "-b", "0", "-l", "1200", "-c"], place),
};

const TRAINS: Tool = Tool {
    name: "bare GSO loop",
    rank: Rank::Bare,
    program: Program::Bare,
    version: &[],
    listen: |_, _| Vec::new(),
    connect: |place, _| words(&[bare::UDP_TRAINS], place.bare()),
};

const MAPPED: Tool = Tool {
    name: "bare GSO loop, mmap",
    rank: Rank::Plain,
    connect: |place, _| words(&[bare::UDP_MAPPED], place.bare()),
    ..TRAINS
};

const BATCHES: Tool = Tool {
    name: "bare sendmmsg loop",
    rank: Rank::Plain,
    connect: |place, _| words(&[bare::UDP_BATCHES], place.bare()),
    ..TRAINS
};

const RECEIVER: Tool =
    Tool { name: "bare recvmmsg loop", listen: |place, _| words(&[bare::UDP_RECEIVE], place.bare()), ..TRAINS };

/// What it dropped is read from what it says.
fn receive(options: &[&str], place: &Place) -> Vec<String> {
    words(&["udp-recv", "--json"], words(options, place.sockkit()))
}

fn socat_receives(place: &Place, options: &str) -> Vec<String> {
    let Place::Udp(port) = place else { return Vec::new() };
    let address = format!("UDP4-RECV:{port},bind=127.0.0.1{options}");
    words(&["-u", "-b", "2000"], vec![address, "STDOUT".to_owned()])
}

/// Its two ends meet by TCP first.
fn iperf(options: &[&str], place: &Place) -> Vec<String> {
    let Place::Tcp(port) = place else { return Vec::new() };
    words(options, vec!["127.0.0.1".to_owned(), "-p".to_owned(), port.to_string()])
}
