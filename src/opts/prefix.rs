//! How borders of datagrams are kept in a file (`--length-prefix`).

use clap::ValueEnum;

use crate::serve::cutter::Prefix;

/// The type of the length in front of each datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrefixArg {
    /// Two bytes in network order
    U16,
    /// Four bytes in network order
    U32,
}

impl From<PrefixArg> for Prefix {
    fn from(arg: PrefixArg) -> Self {
        match arg {
            PrefixArg::U16 => Prefix::U16,
            PrefixArg::U32 => Prefix::U32,
        }
    }
}
