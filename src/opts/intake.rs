//! Which datagrams are taken, how, and what is told of them.

use clap::Args;

use super::address::given;
use super::relay::FILES;
use super::taps::{DumpTo, dump_to};
use crate::address::Network;

/// The names of all of these, for options that can't go with any of them.
pub const INTAKE: [&str; 4] = ["allow", "gro", "stats", "hex"];

/// `--allow`, `--gro`, `--stats`, `--hex`.
#[derive(Args, Clone, Debug)]
pub struct IntakeArgs {
    /// Take only what comes from ADDRESS or ADDRESS/BITS; can be given more than once
    #[arg(long, value_name = "ADDRESS")]
    allow: Vec<Network>,
    /// Let the kernel hand over trains of datagrams (GRO), split again here: faster, but drops are counted in trains
    #[arg(long)]
    gro: bool,
    /// Say at the end, even with -q, what came: datagrams, bytes, rate, sizes, what was ignored, left unread or dropped;
    /// -v includes it
    #[arg(long)]
    stats: bool,
    /// Dump each datagram and its sender in hexadecimal, to stderr or FILE
    #[arg(short = 'x', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = dump_to(), value_hint = clap::ValueHint::AnyPath, group = FILES)]
    hex: Option<DumpTo>,
}

impl IntakeArgs {
    /// Whose datagrams are taken; empty is everybody's.
    pub fn allow(&self) -> Vec<Network> {
        self.allow.clone()
    }

    /// Whether the kernel may gather trains.
    pub fn gathers(&self) -> bool {
        self.gro
    }

    /// Whether the totals are asked for by name.
    pub fn stats(&self) -> bool {
        self.stats
    }

    /// Where the dump goes, if there is to be one.
    pub fn hex(&self) -> Option<&DumpTo> {
        self.hex.as_ref()
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--allow", !self.allow.is_empty()), ("--gro", self.gro)])
    }
}
