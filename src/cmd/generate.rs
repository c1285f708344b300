//! `sockkit --generate KIND`: completion scripts and man pages, made from the same definitions as --help.
//!
//! The results are committed under completions/ and man/, and a test compares them.

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::examples;
use crate::cli::Cli;
use crate::error::Error;
use crate::report::{exit, print};

/// Everything that can be generated: shells, the main page, and a page a verb.
pub const KINDS: [&str; 12] = [
    "bash",
    "zsh",
    "fish",
    "powershell",
    "elvish",
    "man",
    "man-listen",
    "man-connect",
    "man-udp-send",
    "man-udp-recv",
    "man-get",
    "man-echo-server",
];

/// Accepts one of [`KINDS`].
pub fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(KINDS)
}

/// Prints it on standard output.
pub fn run(kind: &str) -> anyhow::Result<()> {
    let text = match (shell(kind), kind.strip_prefix("man")) {
        (Some(shell), _) => completions(shell)?,
        (None, Some(verb)) => page(verb.trim_start_matches('-'))?,
        (None, None) => return Err(Error::usage(format!("--generate knows no {kind:?}")).into()),
    };
    Ok(print(&text)?)
}

fn shell(kind: &str) -> Option<Shell> {
    Some(match kind {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "powershell" => Shell::PowerShell,
        "elvish" => Shell::Elvish,
        _ => return None,
    })
}

fn completions(shell: Shell) -> anyhow::Result<String> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sockkit", &mut text);
    Ok(String::from_utf8(text)?)
}

/// The page of `verb`, or of sockkit as a whole where that is empty.
fn page(verb: &str) -> anyhow::Result<String> {
    let mut whole = Cli::command();
    whole.build();
    let name = if verb.is_empty() { "sockkit".to_owned() } else { format!("sockkit-{verb}") };
    let found = if verb.is_empty() { Some(&whole) } else { whole.find_subcommand(verb) };
    let command = found.cloned().ok_or_else(|| Error::usage(format!("there is no verb {verb:?}")))?;
    // The examples have a section of their own here.
    let command = command.name(leak(name)).after_long_help("").after_help("");
    let mut text = Vec::new();
    let man = Man::new(command.clone()).date("");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if verb.is_empty() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    exit_status(&mut rest);
    example_section(&mut rest, examples::of(verb));
    see_also(&mut rest, verb, &whole);
    rest.to_writer(&mut text)?;
    Ok(String::from_utf8(text)?)
}

/// clap keeps names for as long as the program runs; this one makes at most one page.
fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::TABLE {
        roff.control("TP", []).text([bold(*code)]).text([roman(*meaning)]);
    }
}

fn example_section(roff: &mut Roff, examples: &[(&str, &str)]) {
    roff.control("SH", ["EXAMPLES"]);
    for (command, purpose) in examples {
        roff.control("TP", []).text([bold(*command)]).text([roman(*purpose)]);
    }
}

fn see_also(roff: &mut Roff, verb: &str, whole: &Command) {
    let pages = whole.get_subcommands().map(Command::get_name).filter(|name| *name != "help" && *name != verb);
    let others: Vec<_> = pages.map(|name| format!("sockkit-{name}(1)")).collect();
    let first = if verb.is_empty() { "" } else { "sockkit(1), " };
    roff.control("SH", ["SEE ALSO"]).text([roman(format!("{first}{}, nc(1), socat(1), tcp(7)", others.join(", ")))]);
}
