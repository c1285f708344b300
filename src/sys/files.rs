//! Calls on regular files that every POSIX system has.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// `O_NOFOLLOW`: a link in the last place of the path is an error.
pub const NO_FOLLOW: i32 = libc::O_NOFOLLOW;

/// Takes the lock of a file until it is closed; tells whether another program had it. See flock(2). Where the file
/// system has no locks, nobody has it.
pub fn is_locked_by_another(fd: BorrowedFd<'_>) -> bool {
    flock(fd, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}

/// Gives the file `from` the name `to`, unless that is taken: a second name, and then the first one goes. On a file
/// system without second names somebody else may be quicker between the look and the rename.
pub(super) fn rename_by_link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_to_rename_overwrites() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let at = |name: &str| dir.path().join(name);
        for (n, rename) in [rename_by_link, crate::sys::rename_new].into_iter().enumerate() {
            let (from, free, taken) = (at(&format!("from{n}")), at(&format!("free{n}")), at(&format!("taken{n}")));
            fs::write(&from, "new").expect("the directory is ours");
            fs::write(&taken, "old").expect("the directory is ours");
            assert_eq!(rename(&from, &taken).map_err(|e| e.kind()), Err(io::ErrorKind::AlreadyExists));
            assert_eq!(fs::read(&taken).expect("there"), b"old");
            rename(&from, &free).expect("the name is free");
            assert_eq!(fs::read(&free).expect("there"), b"new");
            assert!(!from.exists());
        }
    }

    #[test]
    fn a_lock_is_for_one() {
        use std::os::fd::AsFd;
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let again = fs::File::open(file.path()).expect("it is there");
        assert!(!is_locked_by_another(file.as_fd()));
        assert!(is_locked_by_another(again.as_fd()));
        drop(file.into_file());
        assert!(!is_locked_by_another(again.as_fd()));
    }
}
