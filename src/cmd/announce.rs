//! Tells scripts and people where a listener can be reached, before the first client is taken.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Kind};
use crate::event::{Event, Serve};
use crate::net::{Context, SocketName};
use crate::opts::announce::AnnounceArgs;
use crate::sys::fd;

/// The fixed line on stderr, the descriptor and the file that the options name: a line for each of `names`.
pub(super) fn announce(ctx: &Context<'_>, names: &[&SocketName], args: &AnnounceArgs) -> Result<(), Error> {
    let lines = |line: fn(&SocketName) -> String| names.iter().map(|name| line(name) + "\n").collect::<String>();
    if let Some(path) = &args.port_file {
        let port = |name: &SocketName| name.port().map_or_else(|| name.to_string(), |port| port.to_string());
        write_whole(path, &lines(port)).map_err(|e| Error::io(Kind::WriteLocal, "write", path.display(), &e))?;
    }
    for name in names {
        ctx.tell(&Event::Serve(Serve::Listening(name)));
    }
    if let Some(number) = args.ready_fd {
        let write = fd::adopt(number).and_then(|mut file| file.write_all(lines(SocketName::to_string).as_bytes()));
        write.map_err(|e| Error::io(Kind::WriteLocal, "write to descriptor", number, &e))?;
        fd::close_adopted(number);
    }
    Ok(())
}

/// A script that waits for the file must never read half of it: written beside, under a name that nobody can
/// guess, and renamed.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{:016x}", unguessable()));
    let beside = Path::new(&beside);
    let mut file = fs::File::options().write(true).create_new(true).open(beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        // Ours, and of no use any more; the first error is the one to tell.
        let _ = fs::remove_file(beside);
    }
    written
}

/// The keys of std's hash maps are random for each process.
pub(super) fn unguessable() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
