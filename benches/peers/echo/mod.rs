//! Echo servers under load: many clients, churn, a crowd, clients that misbehave, datagrams.
//!
//! Each sample has a server of its own, started for it and stopped by SIGTERM. The load is made in the bench's own
//! thread, by an epoll loop that does no more than it must: on two cores it has one, and the server the other.
//! Every byte that comes back is compared.

pub mod bare;
mod bullies;
mod churn;
pub mod clients;
mod datagrams;
pub mod message;
pub mod server;
pub mod tools;

use std::time::Duration;

use crate::Bench;
use crate::place::Medium;
use crate::sample::{Measure, Sample, p99};
use crate::tools::Tool;

use bullies::Bullies;
use churn::churn as connections;
use clients::Clients;
use datagrams::Sockets;
use server::Server;

/// Clients of an ordinary load.
pub const CLIENTS: usize = 100;
/// Clients of a crowd.
pub const CROWD: usize = 10_000;
/// Connections at a time.
const AT_A_TIME: usize = 50;
/// How long nobody says anything.
const SILENCE: Duration = Duration::from_secs(2);
/// The load before the clock counts, as a part of what is counted.
const WARM_UP: u32 = 10;
/// How often the bullies come and go in a sample.
const TURNS: u32 = 2;

/// What a load came to.
pub struct Load {
    pub seconds: f64,
    /// How long each message, connection or round trip took.
    pub times: Vec<Duration>,
    pub resent: u64,
}

impl Load {
    fn sample(self) -> Sample {
        let (seconds, count, resent) = (self.seconds, self.times.len() as u64, self.resent);
        Sample { seconds, count, resent, p99: p99(self.times), ..Sample::default() }
    }
}

/// Clients of which each sends its next message when the echo of the one before is complete.
pub fn messages(bench: &Bench, tool: &Tool, time: Duration) -> Result<Sample, String> {
    let server = Server::start(bench, tool, Medium::Tcp)?;
    let mut clients = Clients::connect(server.address(), CLIENTS)?;
    clients.load(time / WARM_UP)?;
    let sample = server.under(|| clients.load(time))?;
    drop(clients);
    server.stop()?;
    Ok(sample)
}

/// Connections that bring one message each.
pub fn churn(bench: &Bench, tool: &Tool, time: Duration) -> Result<Sample, String> {
    let server = Server::start(bench, tool, Medium::Tcp)?;
    let churn = |count, time| connections(server.address(), AT_A_TIME, count, time);
    churn(bench.options.connections / 10, time / WARM_UP)?;
    let sample = server.under(|| churn(bench.options.connections, time))?;
    server.stop()?;
    Ok(sample)
}

/// As [`messages`], by a crowd; then its silence, and at the end a sign of life of each.
pub fn crowd(bench: &Bench, tool: &Tool, time: Duration) -> Result<Sample, String> {
    let server = Server::start_with_usual_file_limit(bench, tool, CROWD)?;
    let mut clients = Clients::connect(server.address(), CROWD)?;
    clients.load(time / WARM_UP)?;
    let sample = server.under(|| clients.load(time))?;
    let idle = server.idle(SILENCE);
    clients.load(Duration::ZERO)?;
    let sample = Sample { idle, peak: server.peak(), ..sample };
    drop(clients);
    server.stop()?;
    Ok(sample)
}

/// As [`messages`], with and without the bullies by turns; the rate is the one with them.
pub fn bullies(bench: &Bench, tool: &Tool, time: Duration) -> Result<Sample, String> {
    let server = Server::start(bench, tool, Medium::Tcp)?;
    let mut clients = Clients::connect(server.address(), CLIENTS)?;
    clients.load(time / WARM_UP)?;
    let before = server.peak();
    let (mut alone, mut bullied) = (Sample::default(), Sample::default());
    for _ in 0..TURNS {
        alone = add(alone, server.under(|| clients.load(time / TURNS))?);
        let gang = Bullies::come(server.address())?;
        bullied = add(bullied, server.under(|| clients.load(time / TURNS))?);
        gang.go()?;
    }
    let kept = Measure::PerSecond.of(&bullied) / Measure::PerSecond.of(&alone);
    let peak = server.peak();
    drop(clients);
    server.stop()?;
    Ok(Sample { kept, growth: peak - before, peak, ..bullied })
}

fn add(a: Sample, b: Sample) -> Sample {
    let (seconds, cpu) = (a.seconds + b.seconds, a.cpu + b.cpu);
    Sample { seconds, cpu, count: a.count + b.count, ..b }
}

/// UDP sockets of which each sends its next datagram when the one before is back.
pub fn datagrams(bench: &Bench, tool: &Tool, sockets: usize, time: Duration) -> Result<Sample, String> {
    let server = Server::start(bench, tool, Medium::Udp)?;
    let mut sockets = Sockets::connect(server.address(), sockets)?;
    sockets.load(time / WARM_UP)?;
    let sample = server.under(|| sockets.load(time))?;
    server.stop()?;
    Ok(sample)
}
