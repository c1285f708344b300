//! The controlling terminal, for a line that nobody is to see.
//!
//! Owns that its echo is back afterwards, however the reading ends: whoever waits for the line does so where a signal
//! ends the wait and not the process. Refuses to know what the line is for. See termios(3), tty(4).

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::fd;

/// The terminal without its echo. Dropped, it is as it was.
#[derive(Debug)]
pub struct Unseen {
    terminal: OwnedFd,
    before: Termios,
}

impl Unseen {
    /// Takes the echo from the controlling terminal, and throws away what was typed before.
    pub fn open() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).custom_flags(fd::NONBLOCK_NOCTTY).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // The end of the line is seen: the cursor stands at a line's beginning afterwards.
        quiet.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Unseen { terminal: terminal.into(), before })
    }

    /// Writes `prompt`.
    pub fn say(&self, prompt: &str) -> io::Result<()> {
        fd::write_all(self.terminal.as_fd(), prompt.as_bytes())
    }

    /// The line that is there, without its end; `None` if the terminal has ended. To be called once it is readable:
    /// a terminal gives whole lines.
    pub fn line(&self) -> io::Result<Option<Vec<u8>>> {
        // The longest line that Linux takes, its end included.
        let mut line = [0; 4096];
        let n = fd::read(self.terminal.as_fd(), &mut line)?;
        let line = line[..n].strip_suffix(b"\n").unwrap_or(&line[..n]);
        Ok((n > 0).then(|| line.to_vec()))
    }
}

impl AsFd for Unseen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
