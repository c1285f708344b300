//! `sockkit --generate KIND`: completion scripts and man pages, made from the same definitions as --help.

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::report::print;

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// bash completions
    Bash,
    /// zsh completions
    Zsh,
    /// fish completions
    Fish,
    /// PowerShell completions
    #[value(name = "powershell")]
    PowerShell,
    /// elvish completions
    Elvish,
    /// sockkit.1
    Man,
}

/// Prints it on standard output.
pub fn run(kind: Kind) -> anyhow::Result<()> {
    let shell = match kind {
        Kind::Bash => Shell::Bash,
        Kind::Zsh => Shell::Zsh,
        Kind::Fish => Shell::Fish,
        Kind::PowerShell => Shell::PowerShell,
        Kind::Elvish => Shell::Elvish,
        Kind::Man => todo!(),
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sockkit", &mut text);
    Ok(print(&String::from_utf8(text)?)?)
}
