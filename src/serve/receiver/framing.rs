//! What keeps datagrams apart in the output.

use crate::error::{Error, Kind};
use crate::serve::local::Local;

/// How the borders of datagrams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Borders {
    /// This follows each; nothing does where it is empty.
    After(Vec<u8>),
    /// Its length goes before each.
    Before(Width),
}

/// How a length is written: in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
}

impl Borders {
    /// Puts `datagram` into the output. One that is too large for its length's width is an error, and not put.
    pub(super) fn put(&self, local: &mut Local, datagram: &[u8]) -> Result<(), Error> {
        match self {
            Borders::After(separator) => {
                local.put(datagram);
                local.put(separator);
            }
            Borders::Before(Width::U16) => {
                let length = u16::try_from(datagram.len()).map_err(|_| too_large(datagram.len(), "u16"))?;
                local.put(&length.to_be_bytes());
                local.put(datagram);
            }
            Borders::Before(Width::U32) => {
                let length = u32::try_from(datagram.len()).map_err(|_| too_large(datagram.len(), "u32"))?;
                local.put(&length.to_be_bytes());
                local.put(datagram);
            }
        }
        Ok(())
    }
}

/// Only a UNIX datagram can be.
fn too_large(size: usize, width: &str) -> Error {
    let reason = format!("the {size} bytes of a datagram are more than the length of --length-prefix {width} can say");
    let error = Error::new(Kind::TooLarge, "write", "standard output", reason);
    if width == "u16" { error.hint("--length-prefix u32 can") } else { error }
}
