//! A file that is written beside its place, as FILE.part, and takes its name once it is whole.
//!
//! Owns what may be overwritten and what may be taken up: a FILE or FILE.part that exists is refused unless the user says
//! what is to become of it, and a FILE that appears meanwhile is never overwritten by the rename. What is no regular file
//! is written as it is. Removes nothing but an empty FILE.part that it has made itself. Refuses to know what is written.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::output::{OutputFile, follow_links, given_number};
use crate::error::{Error, Kind, plain};
use crate::net::Context;
use crate::net::unix_path::identity;
use crate::sys::{self, fd, files};

/// What may become of files that exist.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// They may be overwritten.
    pub force: bool,
    /// What is there is the beginning of what comes.
    pub resume: bool,
}

/// What a path led to.
#[derive(Debug)]
pub enum Destination {
    /// A regular file, or a free name.
    Part(PartFile),
    /// A device, a FIFO, a descriptor.
    AsItIs(OutputFile),
}

/// A regular file on the way to its name.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    /// Where it is now.
    path: PathBuf,
    /// Where the links of the user's path lead to; the same as `path` for a FILE that is taken up in its place.
    target: PathBuf,
    state: State,
    force: bool,
    have: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// By us, in this run.
    Made,
    /// It was there, and what it holds goes when something comes for it.
    Old,
    /// It was there, and what it holds is the beginning.
    TakenUp,
    /// It has its name.
    Done,
}

impl Destination {
    /// Opens what `path` leads to, and writes nothing yet.
    ///
    /// # Errors
    /// What exists and may not be overwritten or taken up, and what can't be opened, are [`Kind::WriteLocal`].
    pub fn open(ctx: &Context<'_>, path: &Path, rights: Rights) -> Result<Self, Error> {
        let target = follow_links(path).map_err(|e| failed("open", path, &e))?;
        let found = fs::metadata(&target).ok();
        let is_file = given_number(path).is_none() && found.as_ref().is_none_or(Metadata::is_file);
        match is_file {
            true => PartFile::open(target, found.as_ref(), rights).map(Destination::Part),
            false if rights.resume => {
                Err(Error::usage(format!("--continue: {} is no file that could be taken up", path.display())))
            }
            false => OutputFile::open(ctx, path, rights.force).map(Destination::AsItIs),
        }
    }
}

impl PartFile {
    fn open(target: PathBuf, found: Option<&Metadata>, rights: Rights) -> Result<Self, Error> {
        let path = beside(&target);
        let is_begun = fs::symlink_metadata(&path).is_ok();
        if found.is_some() && rights.resume && !is_begun {
            return Self::existing(target.clone(), target, rights);
        }
        if found.is_some() && !rights.force {
            return Err(refused(&target, "the file exists", "--force overwrites it"));
        }
        if !is_begun {
            return Self::new(path, target, found, rights);
        }
        if !rights.force && !rights.resume {
            return Err(refused(&path, "the file exists", "--continue takes it up, --force starts over"));
        }
        Self::existing(path, target, rights)
    }

    /// With the rights of the file that it will replace: what is private stays that.
    fn new(path: PathBuf, target: PathBuf, found: Option<&Metadata>, rights: Rights) -> Result<Self, Error> {
        let file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| failed("open", &path, &e))?;
        let part = PartFile { file, path, target, state: State::Made, force: rights.force, have: 0 };
        part.lock()?;
        if let Some(found) = found {
            let set = part.file.set_permissions(Permissions::from_mode(found.permissions().mode() & 0o777));
            set.map_err(|e| failed("open", &part.path, &e))?;
        }
        Ok(part)
    }

    /// A FILE.part that is a link may lead anywhere: it is not followed.
    fn existing(path: PathBuf, target: PathBuf, rights: Rights) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(files::NO_FOLLOW | fd::NONBLOCK_NOCTTY);
        let mut file = options.open(&path).map_err(|e| failed("open", &path, &e))?;
        let found = file.metadata().map_err(|e| failed("open", &path, &e))?;
        if !found.is_file() {
            return Err(refused(&path, "it is no regular file", "-o can name another FILE"));
        }
        let is_of_use = rights.resume && sys::remembered(file.as_fd()).is_none_or(|word| !word.is_empty());
        let have = if is_of_use { found.len() } else { 0 };
        file.seek(SeekFrom::Start(have)).map_err(|e| failed("open", &path, &e))?;
        let state = if have == 0 { State::Old } else { State::TakenUp };
        let part = PartFile { file, path, target, state, force: rights.force, have };
        part.lock()?;
        Ok(part)
    }

    /// Two that write to one file would make it neither's.
    fn lock(&self) -> Result<(), Error> {
        if files::is_locked_by_another(self.file.as_fd()) {
            return Err(refused(&self.path, "another program writes to it", "wait for its end"));
        }
        Ok(())
    }

    /// Where it is now, FILE.part as a rule.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose name it takes or has.
    pub fn place(&self) -> &Path {
        &self.target
    }

    /// Whether it waits for its name, where [`PartFile::path`] says, with bytes that belong to it.
    pub fn is_begun(&self) -> bool {
        let has_its_own = self.have > 0 || !self.is_untouched();
        self.state != State::Done && has_its_own && self.size() > 0 && self.is_ours()
    }

    /// How many bytes of an earlier run it begins with.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Whether nothing has come for it.
    pub fn is_untouched(&self) -> bool {
        fd::position(self.file.as_fd()) == Some(self.have)
    }

    /// How many bytes it holds now.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Whether a FILE of the user's is itself what is taken up, which only --force may destroy.
    pub fn is_in_place(&self) -> bool {
        self.path == self.target
    }

    /// Whether FILE and FILE.part may be overwritten.
    pub fn may_start_over(&self) -> bool {
        self.force || !self.is_in_place()
    }

    /// What the server called the version of the resource that it begins with.
    pub fn validator(&self) -> Option<String> {
        sys::remembered(self.file.as_fd()).and_then(|word| String::from_utf8(word).ok())
    }

    /// What follows is the beginning: what earlier runs left goes now. `validator` is remembered of what comes; an empty
    /// one says that no other run can take it up. Without one, and where the file system can't, nothing is known of it.
    pub fn begin_anew(&mut self, validator: Option<&[u8]>) -> Result<(), Error> {
        let fd = self.file.as_fd();
        if std::mem::take(&mut self.have) > 0 {
            fd::go_to(fd, 0).map_err(|e| failed("write", &self.path, &e))?;
        }
        // Heads of the answer may stand there already.
        if fd::position(fd) == Some(0) {
            self.file.set_len(0).map_err(|e| failed("write", &self.path, &e))?;
        }
        if validator.is_none_or(|word| sys::remember(fd, word).is_err()) {
            sys::forget(fd);
        }
        Ok(())
    }

    /// To write to, from the end of what it has.
    pub fn output(&self) -> Result<OutputFile, Error> {
        let fd = self.file.try_clone().map_err(|e| failed("open", &self.path, &e))?.into();
        Ok(OutputFile::of(self.path.clone(), fd, self.state == State::Old))
    }

    /// It is whole: it takes its name. One that has been taken meanwhile is left to whoever has it.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.state = State::Done;
        if !self.is_in_place() {
            self.rename()?;
        }
        sys::forget(self.file.as_fd());
        Ok(())
    }

    fn rename(&self) -> Result<(), Error> {
        if !self.is_ours() {
            return Err(refused(&self.path, "somebody has moved or replaced it", "it was whole"));
        }
        let renamed =
            if self.force { fs::rename(&self.path, &self.target) } else { sys::rename_new(&self.path, &self.target) };
        renamed.map_err(|e| {
            let reason = match e.kind() {
                io::ErrorKind::AlreadyExists => "a file of that name has appeared meanwhile".into(),
                _ => plain(&e),
            };
            refused(&self.target, &reason, &format!("the whole is in {}", self.path.display()))
        })
    }

    /// Whether its path still leads to it.
    fn is_ours(&self) -> bool {
        fd::identity(self.file.as_fd()).is_ok_and(|ours| Some(ours) == identity(&self.path))
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.state == State::Made && self.size() == 0 && self.is_ours() {
            // Made by us, and nothing came for it: as if we had never been here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// FILE.part
fn beside(target: &Path) -> PathBuf {
    let mut path = OsString::from(target);
    path.push(".part");
    path.into()
}

fn refused(path: &Path, reason: &str, hint: &str) -> Error {
    Error::new(Kind::WriteLocal, "write", path.display(), reason).hint(hint)
}

fn failed(operation: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::io(Kind::WriteLocal, operation, path.display(), error)
}
