//! The file that `--output` names.
//!
//! Owns what may be overwritten: a new file is made, an existing regular one is refused without --force, and
//! anything else that exists (a device, a FIFO, /dev/fd/N) is opened and written as it is. Removes nothing that
//! sockkit did not make: a file made here and never written to goes again when the run fails, and one that was
//! there keeps its bytes until there is something to put in their place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::end::End;
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::net::unix_path::identity;
use crate::sys::fd::{self, Access};

/// A FIFO can only be opened for writing once somebody reads it; nothing tells when that is.
const FIFO_PAUSE: Duration = Duration::from_millis(20);

/// How many links a path may lead through before it counts as a loop; the kernel's own number.
const MAX_LINKS: usize = 40;

/// An output file, opened before anything is sent to anybody.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    /// Where the links that `path` may consist of lead to.
    target: PathBuf,
    fd: OwnedFd,
    opened: Opened,
    /// Something came for it, or its end did.
    begun: bool,
}

/// What the path led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// A file that we made.
    New,
    /// A regular file that was there (--force).
    Existing,
    /// A device or FIFO, opened non-blocking for us alone.
    Special,
    /// A descriptor that somebody gave us.
    Given,
}

/// What may become of the file.
#[derive(Clone, Copy, Debug)]
struct How {
    /// An existing regular file may be overwritten.
    force: bool,
    /// The mode of a new one, before the umask.
    mode: u32,
}

impl OutputFile {
    /// Opens `path` for writing; with `force`, over an existing regular file.
    pub fn open(ctx: &Context<'_>, path: &Path, force: bool) -> Result<Self, Error> {
        Self::open_as(ctx, path, How { force, mode: 0o666 })
    }

    /// The same for what is nobody else's business, such as a log: a new file is its owner's alone.
    pub fn open_private(ctx: &Context<'_>, path: &Path, force: bool) -> Result<Self, Error> {
        Self::open_as(ctx, path, How { force, mode: 0o600 })
    }

    fn open_as(ctx: &Context<'_>, path: &Path, how: How) -> Result<Self, Error> {
        let failed = |e: &io::Error| Error::io(Kind::WriteLocal, "open", path.display(), e);
        let target = follow_links(path).map_err(|e| failed(&e))?;
        let (fd, opened) = match given_number(path) {
            Some(number) => (fd::adopt(number).map_err(|e| failed(&e))?.into(), Opened::Given),
            None => open_target(ctx, path, &target, how)?,
        };
        Ok(OutputFile { path: path.to_owned(), target, fd, opened, begun: false })
    }

    /// The file at `path`, which somebody else has opened and cares for; with `is_old`, what it holds goes when something
    /// comes for it.
    pub(super) fn of(path: PathBuf, fd: OwnedFd, is_old: bool) -> Self {
        let opened = if is_old { Opened::Existing } else { Opened::Given };
        OutputFile { target: path.clone(), path, fd, opened, begun: false }
    }

    /// The path as the user gave it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// There is something to write, or nothing was to come: from now on the file is the new one.
    pub fn begin(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) && self.opened == Opened::Existing {
            File::from(self.fd.try_clone()?).set_len(0)?;
        }
        Ok(())
    }

    /// The direction to write to.
    pub(super) fn end(&self) -> io::Result<End> {
        let fd = self.fd.try_clone()?;
        if self.opened == Opened::Special { End::own(fd, Access::Write) } else { End::open(fd, Access::Write) }
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        let is_ours = || fd::identity(self.fd.as_fd()).is_ok_and(|ours| Some(ours) == identity(&self.target));
        if self.opened == Opened::New && !self.begun && is_ours() {
            // Made by us, and nothing came for it: as if we had never been here.
            let _ = fs::remove_file(&self.target);
        }
    }
}

/// /dev/stdout and /dev/fd/N are names of descriptors; a socket among them can't be opened by path.
pub(super) fn given_number(path: &Path) -> Option<i32> {
    match path.to_str()? {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        text => text.strip_prefix("/dev/fd/").or_else(|| text.strip_prefix("/proc/self/fd/"))?.parse().ok(),
    }
}

fn open_target(ctx: &Context<'_>, path: &Path, target: &Path, how: How) -> Result<(OwnedFd, Opened), Error> {
    let failed = |e: &io::Error| Error::io(Kind::WriteLocal, "open", path.display(), e);
    match OpenOptions::new().write(true).create_new(true).mode(how.mode).open(target) {
        Ok(file) => return Ok((file.into(), Opened::New)),
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&e)),
        Err(_) => {}
    }
    let found = fs::metadata(target).map_err(|e| failed(&e))?;
    if !found.is_file() {
        return open_special(ctx, target).map(|fd| (fd, Opened::Special));
    }
    if !how.force {
        return Err(
            Error::new(Kind::WriteLocal, "open", path.display(), "the file exists").hint("--force overwrites it")
        );
    }
    let file = OpenOptions::new().write(true).open(target).map_err(|e| failed(&e))?;
    Ok((file.into(), Opened::Existing))
}

/// `O_EXCL` refuses a link, even one whose target is free: so the target is what gets opened.
pub(super) fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many links"))
}

fn open_special(ctx: &Context<'_>, path: &Path) -> Result<OwnedFd, Error> {
    let failed = |e: &io::Error| Error::io(Kind::WriteLocal, "open", path.display(), e);
    loop {
        match OpenOptions::new().write(true).custom_flags(fd::NONBLOCK_NOCTTY).open(path) {
            Ok(file) => return Ok(file.into()),
            Err(e) if fd::has_no_reader_yet(&e) && is_fifo(path) => {
                ctx.pause(FIFO_PAUSE, Deadline::NEVER).map_err(|cut| cut.during("open", path.display()))?;
            }
            Err(e) => return Err(failed(&e)),
        }
    }
}

fn is_fifo(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo())
}
