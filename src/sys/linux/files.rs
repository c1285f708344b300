//! Regular files on Linux: a rename that overwrites nothing, and a word that a file keeps about itself.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, XattrFlags, fgetxattr, fremovexattr, fsetxattr, renameat_with};
use rustix::io::Errno;

/// The extended attribute that holds the word; those under `user.` are for everybody. See xattr(7).
const ATTRIBUTE: &str = "user.sockkit.validator";

/// The longest word that is read: ext4 has room for about as much.
const LONGEST: usize = 4096;

/// Gives the file `from` the name `to`, unless that is taken. See `RENAME_NOREPLACE` in renameat2(2): a file system may
/// not know it.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => crate::sys::files::rename_by_link(from, to),
        outcome => Ok(outcome?),
    }
}

/// Has the file keep `word`. Not every file system does.
pub fn remember(fd: BorrowedFd<'_>, word: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(fd, ATTRIBUTE, word, XattrFlags::empty())?)
}

/// What [`remember`] had it keep.
pub fn remembered(fd: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let mut word = vec![0; LONGEST];
    let length = fgetxattr(fd, ATTRIBUTE, &mut word[..]).ok()?;
    word.truncate(length);
    Some(word)
}

/// It need not keep that any longer.
pub fn forget(fd: BorrowedFd<'_>) {
    // It may have had nothing to forget.
    let _ = fremovexattr(fd, ATTRIBUTE);
}
