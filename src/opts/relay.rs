//! How a session's bytes are moved, and when it ends.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use crate::relay::{EndOn, Policy};
use crate::stream::stdio::{Input, InputKind};

/// The group of the options that name a file to be written: --force is for each of them.
pub(super) const FILES: &str = "files";

/// What goes into the session.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Session")]
#[allow(clippy::struct_excessive_bools, reason = "one flag of the command line each")]
pub struct SessionArgs {
    /// Read nothing from stdin, and send no FIN until the peer ends
    #[arg(short = 'd', long)]
    no_stdin: bool,
    /// Discard what the peer sends; end after stdin and the peer's FIN
    #[arg(long, conflicts_with_all = ["no_stdin", "output"])]
    send_only: bool,
    /// Send LF as CR LF
    #[arg(short = 'C', long, conflicts_with = "no_stdin")]
    crlf: bool,
    /// Send no FIN when stdin ends: the peer ends the session
    #[arg(long, conflicts_with = "no_stdin")]
    no_half_close: bool,
    /// Copy through a buffer instead of letting the kernel move the bytes (splice)
    #[arg(long)]
    no_splice: bool,
    /// Whose end is the end of the session [auto: both, or the peer's on a terminal]
    #[arg(long, value_name = "WHO", default_value = "auto")]
    end_on: EndOnArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EndOnArg {
    Auto,
    Both,
    Peer,
    Local,
}

/// Where what comes out of it goes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Session", group = ArgGroup::new(FILES).multiple(true))]
pub struct OutputArgs {
    /// Write what comes to FILE instead of stdout
    #[arg(short = 'o', long, value_name = "FILE", group = FILES)]
    output: Option<PathBuf>,
    /// Overwrite a FILE that exists
    #[arg(long, requires = FILES)]
    force: bool,
}

impl OutputArgs {
    /// The file that was named; `-` is stdout.
    pub fn path(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Whether a file that exists may be overwritten.
    pub fn may_overwrite(&self) -> bool {
        self.force
    }
}

impl SessionArgs {
    /// Where the bytes for the peer come from.
    pub fn input(&self) -> Input {
        if self.no_stdin { Input::Nothing } else { Input::Stdin }
    }

    /// Whether the peer's bytes are discarded.
    pub fn is_send_only(&self) -> bool {
        self.send_only
    }

    /// Whether line ends are translated.
    pub fn is_crlf(&self) -> bool {
        self.crlf
    }

    /// The policy for an input of this kind. `fin_without_input`: what a missing stdin means here, an end at once
    /// or "receive only".
    pub fn policy(&self, input: InputKind, fin_without_input: bool) -> Policy {
        let receive_only = self.no_stdin || (input == InputKind::Absent && !fin_without_input);
        let end_on = match self.end_on {
            EndOnArg::Auto if input == InputKind::Terminal => EndOn::Peer,
            EndOnArg::Auto | EndOnArg::Both => EndOn::Both,
            EndOnArg::Peer => EndOn::Peer,
            EndOnArg::Local => EndOn::Local,
        };
        Policy {
            half_close: !self.no_half_close && !receive_only,
            end_on,
            crlf: self.crlf,
            splice: !self.no_splice,
            ..Policy::default()
        }
    }
}
