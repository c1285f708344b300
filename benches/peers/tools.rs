//! The programs under comparison as values: what each is called, and its words for listening and connecting.
//!
//! Each gets the options with which its own manual moves a file: no lookups, a half-close at the end of stdin.
//! Nothing is tuned that its user would not write, but for `socat -b`, which is a row of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::bare;
use crate::place::Place;
use crate::tls;
use crate::udp::tools::GRO;

/// The row that the bars are about.
pub const SOCKKIT: &str = "sockkit";

/// A program with its words.
pub struct Tool {
    pub name: &'static str,
    pub rank: Rank,
    pub program: Program,
    /// What prints its version, for the page.
    pub version: &'static [&'static str],
    pub listen: fn(&Place, Flow) -> Vec<String>,
    pub connect: fn(&Place, Flow) -> Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    Ours,
    Peer,
    /// The loop that ratios are to: measured twice a round.
    Bare,
    /// Another one beside it.
    Plain,
}

/// Which of the two ends have something to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The connecting end alone.
    OneWay,
    BothWays,
}

pub enum Program {
    Sockkit,
    /// The bench itself, in one of the roles of [`bare`].
    Bare,
    /// Found in PATH.
    Installed(&'static str),
}

/// Those that move streams over TCP and UNIX sockets.
pub static STREAM: &[Tool] = &[
    Tool {
        name: SOCKKIT,
        rank: Rank::Ours,
        program: Program::Sockkit,
        version: &["--version"],
        listen: |place, _| words(&["listen"], place.sockkit()),
        connect: |place, _| words(&["connect"], place.sockkit()),
    },
    Tool {
        name: "sockkit --no-splice",
        rank: Rank::Ours,
        program: Program::Sockkit,
        version: &["--version"],
        listen: |place, _| words(&["listen", NO_SPLICE], place.sockkit()),
        connect: |place, _| words(&["connect", NO_SPLICE], place.sockkit()),
    },
    Tool {
        name: "nc.openbsd",
        rank: Rank::Peer,
        program: Program::Installed("nc.openbsd"),
        version: &["-h"],
        listen: |place, flow| words(&["-l", if flow == Flow::OneWay { "-d" } else { "-N" }], place.nc()),
        connect: |place, _| words(&["-N"], place.nc()),
    },
    Tool {
        name: "ncat",
        rank: Rank::Peer,
        program: Program::Installed("ncat"),
        version: &["--version"],
        listen: |place, flow| words(&one_way(&["-l"], "--recv-only", flow), place.nc()),
        connect: |place, flow| words(&one_way(&[], "--send-only", flow), place.nc()),
    },
    Tool {
        name: "socat",
        rank: Rank::Peer,
        program: Program::Installed("socat"),
        version: &["-V"],
        listen: |place, flow| socat(&[], &place.socat("LISTEN"), flow, Side::Listens),
        connect: |place, flow| socat(&[], &place.socat("CONNECT"), flow, Side::Connects),
    },
    Tool {
        name: "socat -b 1048576",
        rank: Rank::Peer,
        program: Program::Installed("socat"),
        version: &["-V"],
        listen: |place, flow| socat(&["-b", "1048576"], &place.socat("LISTEN"), flow, Side::Listens),
        connect: |place, flow| socat(&["-b", "1048576"], &place.socat("CONNECT"), flow, Side::Connects),
    },
    PLAIN_LOOP,
];

/// Over TCP and UNIX sockets, as they are.
pub const PLAIN_LOOP: Tool = Tool {
    name: "bare 1 MiB loop",
    rank: Rank::Bare,
    program: Program::Bare,
    version: &[],
    listen: |place, _| words(&[bare::LISTEN], place.bare()),
    connect: |place, _| words(&[bare::CONNECT], place.bare()),
};

const NO_SPLICE: &str = "--no-splice";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Listens,
    Connects,
}

impl Tool {
    /// Stdin and stdout are /dev/null unless they are set to something else.
    pub fn listen(&self, place: &Place, flow: Flow) -> Command {
        self.command((self.listen)(place, flow))
    }

    pub fn connect(&self, place: &Place, flow: Flow) -> Command {
        self.command((self.connect)(place, flow))
    }

    /// Why it is not there, if it is not.
    pub fn missing(&self) -> Option<String> {
        match self.program {
            Program::Installed(name) if find(name).is_none() => Some("not installed".to_owned()),
            Program::Sockkit if self.wants_what_is_not_known() => Some("the option does not exist".to_owned()),
            _ => None,
        }
    }

    fn wants_what_is_not_known(&self) -> bool {
        [("connect", NO_SPLICE), ("udp-recv", GRO)]
            .into_iter()
            .any(|(verb, option)| self.name.contains(option) && !knows(verb, option))
    }

    /// The line of its own that names its version.
    pub fn version(&self) -> Option<String> {
        if self.version.is_empty() {
            return None;
        }
        let mut command = self.command(words(self.version, Vec::new()));
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find(|line| line.chars().any(|c| c.is_ascii_digit()))?;
        Some(line.trim().to_owned())
    }

    fn command(&self, words: Vec<String>) -> Command {
        let mut command = match self.program {
            Program::Sockkit => Command::new(env!("CARGO_BIN_EXE_sockkit")),
            Program::Bare => this_program(),
            Program::Installed(name) => Command::new(find(name).unwrap_or_else(|| name.into())),
        };
        command.args(words).envs(tls::environment()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// The bench itself, for one of the roles of [`bare`].
pub fn this_program() -> Command {
    // /proc is there: without it nothing here would know who listens.
    Command::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()))
}

impl Place {
    pub fn sockkit(&self) -> Vec<String> {
        match self {
            Self::Tcp(port) | Self::Udp(port) => vec!["127.0.0.1".to_owned(), port.to_string()],
            Self::Unix(path) => vec![format!("unix:{}", path.display())],
        }
    }

    /// The numeric words of nc, which are ncat's.
    pub fn nc(&self) -> Vec<String> {
        match self {
            Self::Tcp(port) => vec!["-n".to_owned(), "127.0.0.1".to_owned(), port.to_string()],
            Self::Udp(port) => vec!["-nu".to_owned(), "127.0.0.1".to_owned(), port.to_string()],
            Self::Unix(path) => vec!["-U".to_owned(), path.display().to_string()],
        }
    }

    pub fn socat(&self, does: &str) -> String {
        match self {
            Self::Tcp(port) if does == "LISTEN" => format!("TCP4-LISTEN:{port},bind=127.0.0.1"),
            Self::Tcp(port) => format!("TCP4-{does}:127.0.0.1:{port}"),
            Self::Udp(port) if does == "LISTEN" => format!("UDP4-LISTEN:{port},bind=127.0.0.1"),
            Self::Udp(port) => format!("UDP4-{does}:127.0.0.1:{port}"),
            Self::Unix(path) => format!("UNIX-{does}:{}", path.display()),
        }
    }

    /// The number of the port; a path has none.
    pub fn port(&self) -> u16 {
        match self {
            Self::Tcp(port) | Self::Udp(port) => *port,
            Self::Unix(_) => 0,
        }
    }

    pub fn bare(&self) -> Vec<String> {
        match self {
            Self::Tcp(port) | Self::Udp(port) => vec![format!("127.0.0.1:{port}")],
            Self::Unix(path) => vec![format!("unix:{}", path.display())],
        }
    }
}

pub fn words(first: &[&str], rest: Vec<String>) -> Vec<String> {
    first.iter().map(ToString::to_string).chain(rest).collect()
}

fn one_way<'a>(first: &[&'a str], option: &'a str, flow: Flow) -> Vec<&'a str> {
    first.iter().copied().chain((flow == Flow::OneWay).then_some(option)).collect()
}

/// -u is its one-way mode; -t bounds the wait for the other direction's end, half a second unless said.
fn socat(options: &[&str], address: &str, flow: Flow, side: Side) -> Vec<String> {
    let mode: &[&str] = if flow == Flow::OneWay { &["-u"] } else { &["-t", "60"] };
    let ends = match (flow, side) {
        (Flow::OneWay, Side::Listens) => [address, "STDOUT"],
        (Flow::OneWay, Side::Connects) => ["STDIN", address],
        (Flow::BothWays, _) => ["STDIO", address],
    };
    [options, mode, &ends].concat().into_iter().map(str::to_owned).collect()
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether this sockkit has the option.
pub fn knows(verb: &str, option: &str) -> bool {
    let help = Command::new(env!("CARGO_BIN_EXE_sockkit")).args([verb, "--help"]).output();
    help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(option))
}
