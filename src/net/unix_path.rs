//! The file that a bound UNIX socket leaves in the file system.
//!
//! Owns replacing a stale one and removing ours. Refuses to touch anything else: a file, a directory, a
//! link, or a socket that somebody still listens on.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::address::UnixName;
use crate::error::{Error, Kind};

/// Makes the name free to bind to. See unix(7): a socket's file outlives its program.
pub(super) fn clear_stale(name: &UnixName) -> Result<(), Error> {
    let UnixName::Path(path) = name else { return Ok(()) };
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(Error::new(
            Kind::Bind,
            "bind to",
            name,
            "something that is no socket has this name; it stays untouched",
        ));
    }
    if !is_stale(path) {
        return Err(Error::new(Kind::Bind, "bind to", name, "another program listens there"));
    }
    fs::remove_file(path).map_err(|e| Error::io(Kind::Bind, "remove the stale socket", name, &e))
}

/// Nobody is bound to it: the kernel refuses whoever knocks. Any other answer means a living owner. Knocking with
/// a datagram socket tells without disturbing: one bound to streams turns it away by its type (`EPROTOTYPE`),
/// while a stream would be accepted as a client, and a listener that serves just one would have had it.
fn is_stale(path: &Path) -> bool {
    let knock = || UnixDatagram::unbound()?.connect(path);
    knock().is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
}

/// The socket file that we made: removed when this is dropped, if it is still that file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// For a name that we have just bound; `None` for an abstract one.
    pub(super) fn of(name: &UnixName) -> Option<Self> {
        let UnixName::Path(path) = name else { return None };
        Some(SocketFile { path: path.clone(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // It may have gone in between; then there is nothing left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode of what `path` names, links not followed; `None` if there is nothing.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()))
}
