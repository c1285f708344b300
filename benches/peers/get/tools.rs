//! The HTTP clients under comparison, with the words that name their output.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::bare;
use crate::tools::{Program, Rank, SOCKKIT, Tool};

pub const CURL: &str = "curl";
pub const WGET: &str = "wget";
/// Both.
pub const CLIENTS: &[&str] = &[CURL, WGET];

/// For a body of known length.
pub static OF_LENGTH: &[Tool] = &[OURS, CURL_GETS, WGET_GETS, SPLICES];

/// For a body in chunks.
pub static OF_CHUNKS: &[Tool] = &[OURS, CURL_GETS, WGET_GETS, Tool { name: "bare read loop", ..SPLICES }];

const OURS: Tool = Tool {
    name: SOCKKIT,
    rank: Rank::Ours,
    program: Program::Sockkit,
    version: &["--version"],
    listen: |_, _| Vec::new(),
    connect: |_, _| vec!["get".to_owned()],
};

/// Without its meter, which it draws when its output is no terminal.
const CURL_GETS: Tool = Tool {
    name: CURL,
    rank: Rank::Peer,
    program: Program::Installed(CURL),
    connect: |_, _| vec!["-s".to_owned()],
    ..OURS
};

/// Without its report.
const WGET_GETS: Tool =
    Tool { name: WGET, program: Program::Installed(WGET), connect: |_, _| vec!["-q".to_owned()], ..CURL_GETS };

const SPLICES: Tool = Tool {
    name: "bare splice loop",
    rank: Rank::Bare,
    program: Program::Bare,
    version: &[],
    connect: |_, _| vec![bare::GET.to_owned()],
    ..OURS
};

/// The words for a file, or for stdout; none from who knows stdout alone.
pub fn output_words(tool: &Tool, file: Option<&Path>) -> Vec<OsString> {
    let option = match tool.program {
        Program::Bare => return Vec::new(),
        Program::Installed(WGET) => "-O",
        Program::Installed(_) | Program::Sockkit => "-o",
    };
    vec![option.into(), file.unwrap_or(Path::new("-")).into()]
}

/// Without the proxies that the user's environment may name: all of them honour these.
pub fn without_proxies(command: &mut Command) -> &mut Command {
    ["http_proxy", "all_proxy", "ALL_PROXY"].into_iter().fold(command, Command::env_remove)
}
