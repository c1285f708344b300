//! An echo server under test: started, watched from outside by proc(5), and stopped by a signal.
//!
//! Of a tool that forks a process a client neither time nor memory is told: its own process has hardly any.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use super::Load;
use crate::Bench;
use crate::child::Child;
use crate::payload::words;
use crate::place::{Medium, Place, listen};
use crate::sample::Sample;
use crate::tools::{Flow, Rank, Tool};

const OWN_THREAD: &str = "/proc/thread-self";
const LIMIT: Duration = Duration::from_secs(60);
/// What a shell gives unless it is told otherwise.
const USUAL_FILE_LIMIT: u64 = 1024;
/// Descriptors of the bench itself.
const OTHER_FILES: u64 = 100;
/// With the signal's number added to 128 a shell, and socat, say that a signal ended it.
const STOPPED: i32 = 128 + Signal::TERM.as_raw();

/// A server that runs, and dies with this value.
pub struct Server {
    child: Child,
    address: SocketAddr,
    rank: Rank,
}

impl Server {
    pub fn start(bench: &Bench, tool: &Tool, medium: Medium) -> Result<Self, String> {
        let (place, child) = listen(&bench.scratch, medium, LIMIT, |place| Ok(tool.listen(place, Flow::BothWays)))?;
        let (Place::Tcp(port) | Place::Udp(port)) = place else { return Err("an echo server has a port".to_owned()) };
        Ok(Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), rank: tool.rank })
    }

    /// Only its own raising of the limit gives it room for so many clients; the bench raises its own afterwards.
    pub fn start_with_usual_file_limit(bench: &Bench, tool: &Tool, clients: usize) -> Result<Self, String> {
        let limit = getrlimit(Resource::Nofile);
        let usual = Rlimit { current: Some(USUAL_FILE_LIMIT), ..limit };
        setrlimit(Resource::Nofile, usual).map_err(|e| e.to_string())?;
        let server = Self::start(bench, tool, Medium::Tcp);
        raise_file_limit(clients as u64 + OTHER_FILES)?;
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `load` came to, with the CPU time that the server and the load spent meanwhile.
    pub fn under(&self, load: impl FnOnce() -> Result<Load, String>) -> Result<Sample, String> {
        let (started, before, own_before) = (Instant::now(), self.cpu(), on_cpu(OWN_THREAD));
        let load = load()?;
        let busy = (on_cpu(OWN_THREAD) - own_before) / started.elapsed().as_secs_f64();
        let cpu = self.cpu() - before;
        Ok(Sample { cpu, busy, peak: self.peak(), ..load.sample() })
    }

    /// The CPU time a second while nothing happens for so long.
    pub fn idle(&self, time: Duration) -> f64 {
        let (started, before) = (Instant::now(), self.cpu());
        thread::sleep(time);
        (self.cpu() - before) / started.elapsed().as_secs_f64()
    }

    /// User and system time of its threads until now, in seconds; NaN of who forks.
    fn cpu(&self) -> f64 {
        if self.rank == Rank::Peer {
            return f64::NAN;
        }
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.pid())).into_iter().flatten().flatten();
        tasks.map(|task| on_cpu(task.path())).sum()
    }

    /// The largest resident set until now, in MiB; NaN of who forks. Not wait4's: that one starts with the bench's own.
    pub fn peak(&self) -> f64 {
        if self.rank == Rank::Peer {
            return f64::NAN;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        line.and_then(|kib| kib.trim().parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
    }

    /// Ours takes the signal as its normal end; to others it may be what kills them.
    pub fn stop(self) -> Result<(), String> {
        let is_fine: fn(ExitStatus) -> bool = match self.rank {
            Rank::Ours => |status| status.success(),
            Rank::Peer | Rank::Bare | Rank::Plain => |status| {
                let by_signal = status.signal() == Some(Signal::TERM.as_raw());
                status.success() || by_signal || status.code() == Some(STOPPED)
            },
        };
        self.child.stop(is_fine)
    }
}

/// The time on a CPU of the thread with this directory, in seconds.
fn on_cpu(thread: impl AsRef<Path>) -> f64 {
    // Nanoseconds on a CPU come first. A thread that has just ended has none.
    let text = fs::read_to_string(thread.as_ref().join("schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|time| time.parse::<f64>().ok()).map_or(0.0, |time| time / 1e9)
}

/// The soft limit of open files to the hard one, which has to be so much.
pub fn raise_file_limit(wanted: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|hard| hard < wanted) {
        return Err(format!("the hard limit of open files is below {wanted}"));
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).map_err(|e| words(e.into()))
}
