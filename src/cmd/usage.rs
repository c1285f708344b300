//! Errors of the command line itself, with the new spelling of what nc and ncat users type, and without the secrets
//! that clap would quote from it.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, Kind};
use crate::proto::http::masked;
use crate::report::exit::{Ending, ending};
use crate::report::{Settings, Voice, print};

/// What old habits are called here.
const HABITS: &[(&str, &str)] = &[
    ("-N", "-N is the default here: stdin's end is sent to the peer; --no-half-close turns that off"),
    ("-l", "listening is a verb: sockkit listen [HOST] PORT"),
    ("-u", "UDP has its own verbs: sockkit udp-send HOST PORT (--check is nc -zu), sockkit udp-recv [HOST] PORT"),
    ("-U", "UNIX sockets are addresses: unix:PATH"),
    ("-p", "the port is an argument here: sockkit listen [HOST] PORT"),
    ("-e", "running a program for each client is not built yet"),
    ("-c", "running a command for each client is not built yet"),
    ("-x", "-x is the hex dump of connect and listen; the proxy of connect and get is --proxy"),
    ("-t", "telnet negotiation is not built yet"),
    ("-C", "-C is --crlf of connect and listen; get takes up a download that was cut off by --continue"),
    ("-r", "get asks for a part by --range FIRST-LAST"),
    ("-i", "--idle-timeout DUR limits silence; get -i includes the head"),
];

/// nc's -q takes seconds; here they would be read as an address.
const QUIET_SECONDS: &str = "-q takes no number here, it means quiet: --until-idle DUR is nc's -q SECONDS";

/// Prints help where that was asked for, else the error of a command line that could not be understood.
pub fn explain(error: clap::Error) -> Ending {
    let error = &without_secrets(error);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match print(&rendered(error)) {
            Ok(()) => Ending::Code(0),
            Err(failure) => Voice::new(Settings::default()).failed(&failure),
        };
    }
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json {
        let first = error.to_string();
        let reason = first.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let worded = Error { hint: habit(error).map(str::to_owned), ..Error::usage(reason) };
        return Voice::new(Settings { json, ..Settings::default() }).failed(&worded);
    }
    // Standard error may be closed: then there is nobody to tell, and the code says it.
    let _ = error.print();
    if let Some(hint) = habit(error) {
        let _ = crate::sys::fd::write_all(crate::sys::fd::stderr(), format!("\n  hint: {hint}\n").as_bytes());
    }
    ending(Kind::Usage)
}

/// A URL may hold a password, wherever it was put by mistake; so may a value for a flag that takes its secret from
/// somewhere else.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        if let Some(ContextValue::String(text)) = error.get(kind) {
            let shown = match kind {
                ContextKind::InvalidValue if is_for_secret(&error) => MASK.into(),
                ContextKind::InvalidSubcommand => without_login(text),
                _ => without_user_info(text),
            };
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}

fn is_for_secret(error: &clap::Error) -> bool {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return false };
    ["--user", "--bearer", "--netrc", "--cookie"].iter().any(|name| option.starts_with(name))
}

const MASK: &str = "***";

fn without_user_info(word: &str) -> String {
    String::from_utf8_lossy(&masked(word.as_bytes())).into_owned()
}

/// The same for what stands in the place of a verb: a URL there may lack its scheme, as in `USER:PASSWORD@HOST/PATH`.
fn without_login(word: &str) -> String {
    let login = word.split(['/', '?', '#']).next().and_then(|authority| authority.rsplit_once('@'));
    match login {
        Some((login, _)) if login.contains(':') => [MASK, &word[login.len()..]].concat(),
        _ => without_user_info(word),
    }
}

/// Help in colour only where standard output is a terminal.
fn rendered(error: &clap::Error) -> String {
    use std::io::IsTerminal;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let text = error.render();
    if std::io::stdout().is_terminal() && !plain { text.ansi().to_string() } else { text.to_string() }
}

fn habit(error: &clap::Error) -> Option<&'static str> {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return Some("the verb comes first: sockkit connect HOST PORT, sockkit listen PORT");
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    HABITS.iter().find(|(old, _)| old == given).map(|(_, new)| *new)
}

/// Says why a run failed, once.
pub fn failed(voice: &Voice, error: &anyhow::Error) -> Ending {
    match error.downcast_ref::<Error>() {
        Some(error) if error.kind == Kind::Usage && error.hint.is_none() && has_quiet_seconds() => {
            voice.failed(&error.clone().hint(QUIET_SECONDS))
        }
        Some(error) => voice.failed(error),
        None => voice.failed(&Error::usage(format!("{error:#}"))),
    }
}

/// Whether a number follows -q on the command line.
fn has_quiet_seconds() -> bool {
    let args: Vec<_> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    args.windows(2).any(|pair| pair[0] == "-q" && pair[1].parse::<f64>().is_ok())
}
