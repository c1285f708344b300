//! SIGINT, SIGTERM and SIGHUP as something that a poll can watch, and SIGUSR1 for those who answer it.
//!
//! Owns the handlers: each writes down its number and then a byte to a pipe, so that a poll that is about
//! to sleep wakes (a flag alone wakes nothing: the handlers are installed with `SA_RESTART`). A signal that
//! was ignored at start, as nohup does, stays ignored. What a signal means is refused here: a command decides.
//!
//! SIGUSR1 asks for a report and ends nothing: it has a socket of its own, which only those watch who answer. So it
//! cuts no wait short, and where nobody answers it keeps its default action.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level};

/// The handlers of one process, and the pipe that they write to.
#[derive(Debug)]
pub struct Signals {
    wake: OwnedFd,
    last: Arc<AtomicUsize>,
    second_kills: Arc<AtomicBool>,
    /// One byte for each report that was asked for.
    requests: OnceLock<OwnedFd>,
}

impl Signals {
    /// Installs the handlers.
    pub fn install() -> io::Result<Self> {
        let (wake, write) = super::fd::pipe()?;
        let signals = Signals { wake, last: Arc::default(), second_kills: Arc::default(), requests: OnceLock::new() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if !is_ignored(signal) {
                signals.watch(signal, write.try_clone()?)?;
            }
        }
        Ok(signals)
    }

    /// The order matters: the number must stand before the byte that wakes the reader.
    fn watch(&self, signal: i32, write: OwnedFd) -> io::Result<()> {
        flag::register_conditional_default(signal, Arc::clone(&self.second_kills))?;
        // Signal numbers are small and positive.
        flag::register_usize(signal, Arc::clone(&self.last), usize::try_from(signal).unwrap_or(0))?;
        low_level::pipe::register(signal, write)?;
        Ok(())
    }

    /// Readable from the first signal on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The last signal that came, if one did.
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.last.load(Ordering::SeqCst)).ok().filter(|&signal| signal != 0)
    }

    /// From now on SIGUSR1 asks for a report instead of killing.
    pub fn answer_report_requests(&self) -> io::Result<()> {
        if is_ignored(SIGUSR1) || self.requests.get().is_some() {
            return Ok(());
        }
        let (requests, write) = super::fd::socket_pair()?;
        low_level::pipe::register(SIGUSR1, write)?;
        // Whoever was quicker has the same.
        let _ = self.requests.set(requests);
        Ok(())
    }

    /// Readable while a report is asked for; `None` where nobody answers.
    pub fn report_requests(&self) -> Option<BorrowedFd<'_>> {
        self.requests.get().map(AsFd::as_fd)
    }

    /// Whether a report was asked for since the last call.
    pub fn take_report_request(&self) -> bool {
        let Some(requests) = self.report_requests() else { return false };
        let mut any = false;
        while super::fd::receive_now(requests, &mut [0; 64]).is_ok_and(|n| n > 0) {
            any = true;
        }
        any
    }

    /// From now on a further signal does at once what it does by default.
    pub fn next_one_kills(&self) {
        self.second_kills.store(true, Ordering::SeqCst);
    }
}

/// Readable once a child process has ended; [`super::fd::receive_now`] empties it.
pub(super) fn ended_children() -> io::Result<OwnedFd> {
    let (ended, write) = super::fd::socket_pair()?;
    low_level::pipe::register(SIGCHLD, write)?;
    Ok(ended)
}

/// Ends this process as `signal` does by default, so that the shell sees 128 + n. Returns only if it can't.
pub fn die_by(signal: i32) {
    // The only failure is a signal number that has no default action; the caller then exits with a code.
    let _ = low_level::emulate_default_handler(signal);
}

/// Ends this process as SIGPIPE does: std ignores that signal, the shell expects it of a filter.
pub fn die_by_broken_pipe() {
    die_by(SIGPIPE);
}

/// Whether a command that has no other end takes `signal` as its normal one.
pub fn is_polite_end(signal: i32) -> bool {
    signal == SIGINT || signal == SIGTERM
}

/// What `signal` is called, such as `SIGTERM`.
pub fn name(signal: i32) -> &'static str {
    low_level::signal_name(signal).unwrap_or("a signal")
}

/// Whether `signal` was set to be ignored before we touched it. See sigaction(2).
fn is_ignored(signal: i32) -> bool {
    #[expect(unsafe_code, reason = "sigaction with a null new action only fills the zeroed structure that it is given")]
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut current) == 0 && current.sa_sigaction == libc::SIG_IGN
    }
}
