//! Names of UNIX sockets: a path, or an abstract name (unix(7)).
//!
//! Refuses to look whether a file is there.

use std::fmt;
use std::path::PathBuf;

use super::AddressError;
use super::error::escaped;

/// What a UNIX address holds on Linux: `sun_path` is 108 bytes, one of them the path's final NUL
/// or the abstract name's first one (unix(7)).
const UNIX_NAME_MAX: usize = 107;

/// The name of a UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnixName {
    Path(PathBuf),
    /// Linux's names without a file, without the NUL that marks them (unix(7)).
    Abstract(Vec<u8>),
}

/// For people: a name with control bytes shows them escaped, and does not parse back.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, bytes) = match self {
            Self::Path(path) => ("", path.as_os_str().as_encoded_bytes()),
            Self::Abstract(name) => ("@", name.as_slice()),
        };
        write!(f, "unix:{mark}")?;
        for chunk in bytes.utf8_chunks() {
            f.write_str(&escaped(chunk.valid()))?;
            let mut invalid = chunk.invalid().iter();
            invalid.try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

// ---- UNIX names ----

/// `name` is `text` less `unix:`.
pub(super) fn parse_unix(text: &str, name: &str) -> Result<UnixName, AddressError> {
    let (kind, body) = match name.strip_prefix('@') {
        Some(body) => ("abstract name", body),
        None => ("path", name),
    };
    let refuse = |reason: String| Err(AddressError::new(text, reason));
    if body.is_empty() {
        return refuse(format!("the UNIX socket's {kind} is empty"));
    }
    if body.contains('\0') {
        return refuse(format!("the UNIX socket's {kind} holds a NUL"));
    }
    if body.len() > UNIX_NAME_MAX {
        let len = body.len();
        let limit = format!("{len} bytes, and the limit is {UNIX_NAME_MAX}");
        return refuse(format!("the UNIX socket's {kind} is {limit}"));
    }
    Ok(match name.strip_prefix('@') {
        Some(name) => UnixName::Abstract(name.into()),
        None => UnixName::Path(name.into()),
    })
}
