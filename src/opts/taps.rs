//! What looks on while the bytes of a session move, and what is asked of them.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueHint};

use super::relay::FILES;
use super::values::{Bytes, amount, pattern, rate, sha256};
use crate::relay::Taps;

/// The names of all of these, for options that can't go with any of them.
pub const TAPS: [&str; 9] =
    ["hex", "log_in", "log_out", "rate", "until_match", "max_bytes", "sum", "expect_sha256", "expect_size"];

/// Observers, rate, end conditions, hashes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Watching the bytes")]
pub struct TapArgs {
    /// Dump both directions in hexadecimal, to stderr or FILE
    #[arg(short = 'x', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = dump_to(), value_hint = ValueHint::AnyPath, group = FILES)]
    hex: Option<DumpTo>,
    /// Write a copy of what is received to FILE
    #[arg(long, value_name = "FILE", group = FILES)]
    log_in: Option<PathBuf>,
    /// Write a copy of what is sent to FILE
    #[arg(long, value_name = "FILE", group = FILES)]
    log_out: Option<PathBuf>,
    /// At most so many bytes a second each way, such as 100k; a tenth of a second's worth may go at once
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    rate: Option<NonZeroU64>,
    /// End well once the peer has sent TEXT (\n, \r, \t, \0, \xNN work); 1 if it does not
    #[arg(long, value_name = "TEXT", value_parser = pattern)]
    until_match: Option<Bytes>,
    /// End well once so much has come from the peer, such as 10M
    #[arg(long, value_name = "SIZE", value_parser = amount)]
    max_bytes: Option<u64>,
    /// Print the SHA-256 of each direction at the end
    #[arg(long)]
    sum: bool,
    /// Fail (1) unless what is received has this SHA-256
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    expect_sha256: Option<[u8; 32]>,
    /// Fail unless so much is received: 18 if less, 1 if more
    #[arg(long, value_name = "SIZE", value_parser = amount)]
    expect_size: Option<u64>,
}

/// Where the hex dump goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpTo {
    /// Standard error.
    Stderr,
    /// A file.
    File(PathBuf),
}

impl DumpTo {
    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            DumpTo::Stderr => None,
            DumpTo::File(path) => Some(path),
        }
    }
}

pub(super) fn dump_to() -> impl TypedValueParser<Value = DumpTo> {
    OsStringValueParser::new().map(|file| if file.is_empty() { DumpTo::Stderr } else { DumpTo::File(file.into()) })
}

impl TapArgs {
    /// What is asked of the bytes; nobody looks on yet.
    pub fn taps(&self) -> Taps<'static> {
        Taps {
            observers: Vec::new(),
            rate: self.rate,
            until_match: self.until_match.as_ref().map(|text| text.0.clone()),
            max_bytes: self.max_bytes,
            sum: self.sum,
            expect_sha256: self.expect_sha256,
            expect_size: self.expect_size,
        }
    }

    /// Where the dump goes, if there is to be one.
    pub fn hex(&self) -> Option<&DumpTo> {
        self.hex.as_ref()
    }

    /// The copy of what is received.
    pub fn log_in(&self) -> Option<&Path> {
        self.log_in.as_deref()
    }

    /// The copy of what is sent.
    pub fn log_out(&self) -> Option<&Path> {
        self.log_out.as_deref()
    }
}
