//! Child processes: a hard limit for each, an account of its CPU time and memory, and none left behind.
//!
//! Each leads a process group of its own, and what it has forked ends with it.
//!
//! Owns an unsafe call: wait4(2) is the only call that gives the account of one child, and
//! neither std nor rustix has it. A child's number is signalled only while it is in [`ALIVE`], that is before it
//! is reaped: nobody else's process can have it.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::payload::words;
use crate::sample::Sample;

/// How often the watchdog looks.
const WATCH: Duration = Duration::from_millis(200);

struct Alive {
    pid: Pid,
    until: Instant,
    expired: bool,
}

static ALIVE: Mutex<Vec<Alive>> = Mutex::new(Vec::new());
static DIRECTORY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Starts the watchdog, and sees to it that SIGINT and SIGTERM leave nothing behind.
pub fn guard() -> Result<(), String> {
    thread::spawn(|| {
        loop {
            thread::sleep(WATCH);
            kill_where(|alive| alive.until <= Instant::now());
        }
    });
    [SIGINT, SIGTERM].into_iter().try_for_each(|signal| at_signal(signal).map_err(words))
}

/// The directory that goes when a signal ends the run.
pub fn remove_at_a_signal(directory: &Path) {
    *lock(&DIRECTORY) = Some(directory.to_owned());
}

fn at_signal(signal: i32) -> std::io::Result<()> {
    let (mut wake, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal, write)?;
    thread::spawn(move || {
        if wake.read(&mut [0]).is_ok() {
            // Held to the end: nothing is started any more.
            let mut alive = lock(&ALIVE);
            kill(&mut alive, |_| true);
            lock(&DIRECTORY).take().map(std::fs::remove_dir_all);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

fn kill_where(condemned: impl Fn(&Alive) -> bool) {
    kill(&mut lock(&ALIVE), condemned);
}

fn kill(all: &mut [Alive], condemned: impl Fn(&Alive) -> bool) {
    for alive in all.iter_mut().filter(|alive| condemned(alive)) {
        alive.expired = true;
        // It may be a zombie already; it is not reaped, so the number is still its own.
        let _ = kill_process_group(alive.pid, Signal::KILL);
    }
}

/// A child that runs, and dies with this value.
pub struct Child {
    name: String,
    pid: Pid,
    /// Taken just before it was started.
    pub started: Instant,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    stderr: File,
    reaped: bool,
}

/// What a child that ended with 0 took.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// User and system time, in seconds.
    pub cpu: f64,
    /// The largest resident set, in MiB.
    pub peak: f64,
}

impl Account {
    pub fn sample(self) -> Sample {
        Sample { cpu: self.cpu, peak: self.peak, ..Sample::default() }
    }
}

/// A child that has ended, well or not.
#[derive(Clone, Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub account: Account,
    /// On its stderr.
    pub said: String,
}

/// Starts `command`, at most for `limit`. Takes it, so that no descriptor of it stays open here.
pub fn start(mut command: Command, limit: Duration) -> Result<Child, String> {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stderr = tempfile::tempfile().map_err(words)?;
    command.stderr(stderr.try_clone().map_err(words)?).process_group(0);
    let mut alive = lock(&ALIVE);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("start {name}: {e}"))?;
    let pid = Pid::from_child(&child);
    alive.push(Alive { pid, until: started + limit, expired: false });
    Ok(Child { name, pid, started, stdin: child.stdin.take(), stdout: child.stdout.take(), stderr, reaped: false })
}

impl Child {
    /// Ends its stdin and waits for its end. Anything but exit code 0 is an error with what it said.
    /// Its stdout stays open meanwhile: a tool whose reader is gone may rightly die of that.
    pub fn end(mut self) -> Result<Account, String> {
        drop(self.stdin.take());
        let (status, account, expired) = self.reap()?;
        if expired {
            return Err(format!("{} did not end within its limit; it said: {}", self.name, self.said()));
        }
        if !status.success() {
            return Err(format!("{}: {status}; it said: {}", self.name, self.said()));
        }
        Ok(account)
    }

    /// Ends it by SIGINT. What that end is worth is the caller's to say.
    pub fn interrupt(mut self) -> Result<Ended, String> {
        // If it has ended by itself, the status tells.
        let _ = kill_process(self.pid, Signal::INT);
        let (status, account, expired) = self.reap()?;
        let said = self.all_said();
        if expired {
            return Err(format!("{} did not end by SIGINT within its limit; it said: {}", self.name, self.said()));
        }
        Ok(Ended { status, account, said })
    }

    /// Ends a server by SIGTERM. Whether it ended as it should have is asked of its exit status.
    pub fn stop(mut self, is_fine: fn(ExitStatus) -> bool) -> Result<(), String> {
        // If it has ended by itself, the status tells.
        let _ = kill_process(self.pid, Signal::TERM);
        let (status, _, expired) = self.reap()?;
        if expired || !is_fine(status) {
            return Err(format!("{}, stopped by SIGTERM: {status}; it said: {}", self.name, self.said()));
        }
        Ok(())
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// The end is awaited without reaping, so that the watchdog can kill meanwhile; then reaped under the lock.
    /// Until then its number is its group's, and what it has left behind can be killed.
    fn reap(&mut self) -> Result<(ExitStatus, Account, bool), String> {
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        let mut alive = lock(&ALIVE);
        let _ = kill_process_group(self.pid, Signal::KILL);
        let (status, account) = wait4(self.pid)?;
        self.reaped = true;
        let place = alive.iter().position(|a| a.pid == self.pid);
        let expired = place.is_some_and(|place| alive.swap_remove(place).expired);
        Ok((status, account, expired))
    }

    fn said(&self) -> String {
        let text = self.all_said().into_bytes();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(300)..]).trim().to_owned();
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    fn all_said(&self) -> String {
        let (mut stderr, mut text) = (&self.stderr, Vec::new());
        // What cannot be read back is only a hint that is missing.
        let _ = stderr.rewind().and_then(|()| stderr.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            kill_where(|alive| alive.pid == self.pid);
            let _ = self.reap();
        }
    }
}

fn wait4(pid: Pid) -> Result<(ExitStatus, Account), String> {
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which zeros are valid.
    #[expect(unsafe_code, reason = "libc's struct has no constructor")]
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call.
    #[expect(unsafe_code, reason = "wait4(2) is in neither std nor rustix")]
    let reaped = unsafe { libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage) };
    if reaped < 0 {
        return Err(format!("wait4: {}", std::io::Error::last_os_error()));
    }
    Ok((ExitStatus::from_raw(status), account(&usage)))
}

#[expect(clippy::cast_precision_loss, reason = "seconds, microseconds and KiB stay far below 2^53")]
fn account(usage: &libc::rusage) -> Account {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Account { cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime), peak: usage.ru_maxrss as f64 / 1024.0 }
}

/// A panic elsewhere must not keep the children alive.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
