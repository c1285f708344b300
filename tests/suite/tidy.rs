//! The house rules that a compiler does not know: who may import whom, headers, lengths, and what stands where.
//!
//! By text alone, comments and strings taken out. The table is the one in `src/lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and its level; a file may use rooms of lower levels, its own room, and at level 0 its neighbours.
const LEVELS: &[(&str, u8)] = &[
    ("address", 0),
    ("deadline", 0),
    ("error", 0),
    ("event", 0),
    ("proto", 0),
    ("times", 0),
    ("sys", 1),
    ("net", 2),
    ("stream", 3),
    ("relay", 4),
    ("serve", 4),
    ("report", 5),
    ("opts", 6),
    ("cmd", 7),
    ("cli", 7),
    ("lib", 7),
    ("main", 7),
];

/// Each crate and the rooms that may use it.
const CRATES: &[(&str, &[&str])] = &[
    ("ipnet", &["address"]),
    ("flate2", &["proto"]),
    ("httparse", &["proto"]),
    ("url", &["proto"]),
    ("rustix", &["sys"]),
    ("libc", &["sys"]),
    ("signal_hook", &["sys"]),
    ("socket2", &["net"]),
    ("rustls", &["stream"]),
    ("rustls_native_certs", &["stream"]),
    ("webpki_roots", &["stream"]),
    ("x509_parser", &["stream"]),
    ("rcgen", &["stream"]),
    ("sha2", &["relay", "stream"]),
    ("indicatif", &["report"]),
    ("humantime", &["report", "opts"]),
    ("serde_json", &["report"]),
    ("clap", &["opts", "cmd", "cli", "main"]),
    ("clap_complete", &["cmd"]),
    ("clap_mangen", &["cmd"]),
    ("anyhow", &["cmd", "cli", "main"]),
];

/// `report` writes to descriptors 1 and 2 and ends the process by a signal: both are calls of `sys`. Everything else
/// between those levels would be a shortcut.
const NOT_FOR_REPORT: &[&str] = &["net", "stream", "relay", "serve"];

const MAX_FUNCTION: usize = 100;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
    /// Without comments, strings and test modules.
    code: String,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&src, &src, &mut found);
    assert!(found.len() > 20, "the sources are where this test looks for them");
    found
}

fn collect(src: &Path, dir: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            collect(src, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is UTF-8");
            let inside = path.strip_prefix(src).expect("it was found there");
            let first = inside.iter().next().expect("a file has a name").to_string_lossy();
            let room = first.trim_end_matches(".rs").to_owned();
            let code = strip(&text);
            found.push(Source { path, room, text, code });
        }
    }
}

/// Blanks out comments, strings and characters, keeping the lines.
fn strip(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let skip = match rest {
            [b'/', b'/', ..] => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |n| n + 2),
            [b'r', b'"', ..] => find(&rest[2..], b"\"").map_or(rest.len(), |n| n + 3),
            [b'r', b'#', b'"', ..] => find(&rest[3..], b"\"#").map_or(rest.len(), |n| n + 5),
            [b'"', ..] => string_length(rest),
            [b'\'', b'\\', ..] => 2 + find(&rest[2..], b"'").map_or(0, |n| n + 1),
            [b'\'', _, b'\'', ..] => 3,
            _ => 0,
        };
        if skip == 0 {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(rest[..skip].iter().filter(|&&b| b == b'\n'));
            at += skip;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The names that follow `prefix` in the code, such as the rooms after `crate::`.
fn names_after<'c>(code: &'c str, prefix: &'c str) -> impl Iterator<Item = &'c str> {
    code.match_indices(prefix).map(move |(at, _)| {
        let rest = &code[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

fn level(room: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level)
}

fn mentions(code: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && before != '_' && before != ':'
    })
}

#[test]
fn no_room_imports_from_a_higher_level() {
    for source in sources() {
        let own = level(&source.room).unwrap_or_else(|| panic!("{:?} stands in no room of the map", source.path));
        for used in names_after(&source.code, "crate::") {
            let Some(theirs) = level(used) else { continue };
            let same_room = used == source.room;
            let neighbours = own == 0 && theirs == 0;
            let shortcut = source.room == "report" && NOT_FOR_REPORT.contains(&used);
            assert!(
                own == 7 || (!shortcut && (theirs < own || same_room || neighbours)),
                "{:?} of level {own} imports {used} of level {theirs}",
                source.path
            );
        }
    }
}

#[test]
fn each_crate_is_used_in_its_rooms_only() {
    for source in sources() {
        for (krate, rooms) in CRATES {
            let local_module = *krate == "url" && source.room == "proto";
            let allowed = rooms.contains(&source.room.as_str()) || local_module;
            assert!(allowed || !mentions(&source.code, krate), "{:?} uses {krate}", source.path);
        }
    }
}

#[test]
fn tls_stays_behind_its_door() {
    for source in sources().iter().filter(|source| !source.path.to_string_lossy().contains("/stream/tls/")) {
        for krate in ["rustls", "rustls_native_certs", "webpki_roots", "x509_parser", "rcgen"] {
            assert!(!mentions(&source.code, krate), "{:?} uses {krate}", source.path);
        }
    }
}

#[test]
fn every_file_opens_with_what_it_owns() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "{:?} has no //! header", source.path);
    }
}

#[test]
fn what_depends_on_the_system_stands_in_sys() {
    for source in sources().iter().filter(|source| source.room != "sys") {
        for needle in
            ["cfg(target", "cfg(unix", "cfg(any(target", "std::os::linux", "allow(unsafe_code", "expect(unsafe_code"]
        {
            assert!(!source.code.contains(needle), "{:?} has {needle}", source.path);
        }
        assert!(!source.code.contains("process::exit"), "{:?} ends the process", source.path);
    }
}

#[test]
fn main_is_short_and_no_function_is_long() {
    for source in sources() {
        if source.room == "main" {
            assert!(source.text.lines().count() <= 40, "main.rs has grown");
        }
        for (name, lines) in functions(&source.code) {
            assert!(lines <= MAX_FUNCTION, "{name} in {:?} has {lines} lines", source.path);
        }
    }
}

/// The name and length of each function that has a body.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let starts =
        code.match_indices("fn ").filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    starts.filter_map(|(at, _)| Some((names_after(&code[at..], "fn ").next()?, body_lines(&code[at..])?))).collect()
}

fn body_lines(function: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in function.char_indices() {
        match c {
            ';' if depth == 0 => return None,
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(function[..at + block_length(&function[at..])].lines().count()),
            _ => {}
        }
    }
    None
}

fn block_length(block: &str) -> usize {
    let mut depth = 0;
    for (at, c) in block.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    block.len()
}

#[test]
fn the_rules_see_what_they_are_for() {
    let code =
        strip("use crate::relay; // crate::cmd\nlet s = \"crate::cli\"; 'c'; '\\''; r\"crate::opts\"; socket2::Socket");
    assert_eq!(names_after(&code, "crate::").collect::<Vec<_>>(), ["relay"]);
    assert!(mentions(&code, "socket2") && !mentions("use crate::url::x", "url"));
    assert_eq!(functions("fn a(x: [u8; 2]) {\n\n}\ntrait T { fn b(); }"), [("a", 3)]);
}
