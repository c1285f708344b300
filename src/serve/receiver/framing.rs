//! What keeps datagrams apart in the output.

use crate::error::{Error, Kind};
use crate::serve::cutter::Prefix;
use crate::serve::local::Local;

/// How the borders of datagrams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Borders {
    /// This follows each; nothing does where it is empty.
    After(Vec<u8>),
    /// Its length goes before each.
    Before(Prefix),
}

impl Borders {
    /// Puts `datagram` into the output. One that is too large for its length's width is an error, and not put.
    pub(super) fn put(&self, local: &mut Local, datagram: &[u8]) -> Result<(), Error> {
        match self {
            Borders::After(separator) => {
                local.put(datagram);
                local.put(separator);
            }
            Borders::Before(prefix) => {
                let mut digits = [0; 4];
                let length = prefix.write(datagram.len(), &mut digits);
                local.put(length.ok_or_else(|| too_large(datagram.len(), *prefix))?);
                local.put(datagram);
            }
        }
        Ok(())
    }
}

/// Only a UNIX datagram can be.
fn too_large(size: usize, prefix: Prefix) -> Error {
    let width = 8 * prefix.width();
    let reason = format!("the {size} bytes of a datagram are more than the length of --length-prefix u{width} can say");
    let error = Error::new(Kind::TooLarge, "write", "standard output", reason);
    if prefix == Prefix::U16 { error.hint("--length-prefix u32 can") } else { error }
}
