//! Child processes: a shell command as the leader of a process group of its own.
//!
//! Owns what a child starts with: descriptors 0 to 2 and no other, an empty signal mask, SIGPIPE as by default (std
//! sees to that), none of our secrets in its environment. Owns its end too: until it is reaped its number stays taken, so that a signal to its group never
//! reaches strangers. Refuses to know what the command is for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Variables that hold secrets for us, and are no child's business.
const SECRETS: [&str; 2] = ["SOCKKIT_PASSWORD", "SOCKKIT_BEARER"];

/// A child that has not been reaped. Dropped, its whole group is killed.
#[derive(Debug)]
pub struct Process {
    /// None once it is reaped.
    child: Option<Child>,
}

/// A child and our ends of its pipes; none of ours blocks.
#[derive(Debug)]
pub struct Spawned {
    /// The child.
    pub process: Process,
    /// What is written here it reads from descriptor 0.
    pub stdin: OwnedFd,
    /// What it writes to descriptor 1 is read here.
    pub stdout: OwnedFd,
}

impl Process {
    /// Runs `/bin/sh -c command` with pipes as descriptors 0 and 1, our descriptor 2, and each variable of `environment`
    /// set, or taken away where there is no value.
    pub fn shell(command: &str, environment: &[(&str, Option<String>)]) -> io::Result<Spawned> {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        for name in SECRETS {
            shell.env_remove(name);
        }
        for (name, value) in environment {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        #[expect(unsafe_code, reason = "between fork and exec it makes one system call, on memory of its own")]
        unsafe {
            shell.pre_exec(unmask_signals);
        }
        let mut child = shell.spawn()?;
        let both = (child.stdin.take(), child.stdout.take());
        let process = Process { child: Some(child) };
        let (Some(stdin), Some(stdout)) = both else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let (stdin, stdout) = (OwnedFd::from(stdin), OwnedFd::from(stdout));
        super::fd::set_nonblocking(stdin.as_fd())?;
        super::fd::set_nonblocking(stdout.as_fd())?;
        Ok(Spawned { process, stdin, stdout })
    }

    /// Whether the child itself has ended; it stays to be reaped. See `WNOWAIT` in waitid(2).
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error is that there is nothing to wait for.
        self.pid().is_none_or(|pid| waitid(WaitId::Pid(pid), options).map_or(true, |status| status.is_some()))
    }

    /// Asks the child and what it started to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left of the group, and takes how the child ended.
    pub fn reap(mut self) -> io::Result<ExitStatus> {
        self.kill()
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.child.take().ok_or(io::ErrorKind::NotFound)?.wait()
    }

    /// While the child is not reaped, its number names no other group. That the group is gone is no error.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill_process_group(pid, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.as_ref()?.id()).ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A mask that our own parent left would last over exec. See `pthread_sigmask(3)`.
fn unmask_signals() -> io::Result<()> {
    change_mask(libc::SIG_SETMASK, None)
}

/// Changes the mask of this thread by the set of one signal or of none. Makes no allocation and takes no lock.
fn change_mask(how: libc::c_int, signal: Option<libc::c_int>) -> io::Result<()> {
    #[expect(unsafe_code, reason = "the set is ours and filled by the first calls; the old mask is not asked for")]
    let code = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        if let Some(signal) = signal {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut())
    };
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// Tells when children end.
#[derive(Debug)]
pub struct Watch(OwnedFd);

impl Watch {
    /// Begins to watch. Descriptors that our own parent left us are from now on not passed on to children.
    pub fn new() -> io::Result<Self> {
        super::close_on_exec_from(3);
        let ended = super::signals::ended_children()?;
        // Our own parent may have left it blocked: then nothing would tell.
        change_mask(libc::SIG_UNBLOCK, Some(libc::SIGCHLD))?;
        Ok(Watch(ended))
    }

    /// Forgets the ends so far.
    pub fn clear(&self) {
        while super::fd::receive_now(self.0.as_fd(), &mut [0; 64]).is_ok_and(|n| n > 0) {}
    }
}

/// Readable once a child has ended since the last [`Watch::clear`].
impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
