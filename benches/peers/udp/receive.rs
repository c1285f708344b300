//! Datagrams at a fixed rate to a receiver that writes them to a file: how many it keeps.
//!
//! Of sockkit an account is wanted: what is in the file and what it says the kernel dropped is what was sent, to the
//! datagram. Only what the machine itself drops before a socket is looked for (proc(5), `softnet_stat`) it cannot
//! know.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::DATAGRAM;
use super::pace::{Offer, Offered, TRAIN};
use super::tools::says_the_least;
use crate::Bench;
use crate::bare::UDP_OFFER;
use crate::child::{Child, Ended, start};
use crate::payload::{fill, words};
use crate::place::{Medium, Place, listen};
use crate::sample::{Sample, float};
use crate::tools::{Flow, Rank, Tool, this_program};

const LIMIT: Duration = Duration::from_secs(60);
/// How long a receiver is looked at before it is measured.
const CHECK: Duration = Duration::from_millis(200);
/// How long a receiver does nothing that has nothing left to do.
const QUIET: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);
/// What a shell says, and socat, of what ended by the signal.
const INTERRUPTED: i32 = 128 + Signal::INT.as_raw();

/// With every datagram looked at.
pub fn check(bench: &Bench, tool: &Tool, rate: u64) -> Result<(), String> {
    measure(bench, tool, rate, Some(CHECK)).map(drop)
}

pub fn run(bench: &Bench, tool: &Tool, rate: u64) -> Result<Sample, String> {
    measure(bench, tool, rate, None)
}

fn measure(bench: &Bench, tool: &Tool, rate: u64, look: Option<Duration>) -> Result<Sample, String> {
    let time = look.unwrap_or(bench.options.offer);
    let file = page_by_page(bench, rate).map_err(|e| format!("prepare the file to write over: {e}"))?;
    let sample = receive(bench, tool, &file, &|to| Offer { to, rate, time })?;
    if look.is_some() {
        compare(&file, sample.bytes)?;
    }
    Ok(sample)
}

/// The one file of all runs, as long as what is offered in a round, at its beginning.
fn page_by_page(bench: &Bench, rate: u64) -> io::Result<File> {
    let path = bench.scratch.shared_path("received");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let datagrams = rate * u64::try_from(bench.options.offer.as_millis()).unwrap_or(u64::MAX) / 1000;
    let (there, wanted) = (file.seek(SeekFrom::End(0))?, datagrams * DATAGRAM as u64);
    // Written, not allocated: only that touches the pages.
    io::copy(&mut io::repeat(0).take(wanted.saturating_sub(there)), &mut file)?;
    file.rewind()?;
    Ok(file)
}

fn receive(bench: &Bench, tool: &Tool, file: &File, offer: &dyn Fn(String) -> Offer) -> Result<Sample, String> {
    let (place, receiver) = listen(&bench.scratch, Medium::Udp, LIMIT, |place| {
        let mut command = tool.listen(place, Flow::OneWay);
        command.stdout(file.try_clone().map_err(words)?);
        Ok(command)
    })?;
    let before = dropped_by_the_machine();
    let offered = send(&offer(place.bare().concat()));
    let settled = settle(&place, file, &receiver);
    let ended = receiver.interrupt()?;
    is_fine(tool, &ended)?;
    let (offered, ()) = (offered?, settled?);
    let bytes = written(file)?;
    let kept = whole(bytes)?;
    if tool.rank == Rank::Ours {
        let elsewhere = dropped_by_the_machine() - before;
        Statement { kept, dropped: dropped(&ended.said)?, sent: offered.datagrams, elsewhere }.verify(tool)?;
    }
    Ok(Sample {
        seconds: offered.seconds,
        bytes,
        count: kept,
        kept: float(kept) / float(offered.datagrams),
        offered: float(offered.datagrams) / offered.seconds,
        ..ended.account.sample()
    })
}

/// The offset is the descriptor's, which the receiver has as its stdout.
fn written(mut file: &File) -> Result<u64, String> {
    file.stream_position().map_err(words)
}

fn send(offer: &Offer) -> Result<Offered, String> {
    let mut command = this_program();
    command.arg(UDP_OFFER).arg(offer.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let (mut sender, mut said) = (start(command, LIMIT)?, String::new());
    if let Some(stdout) = &mut sender.stdout {
        stdout.read_to_string(&mut said).map_err(words)?;
    }
    sender.end()?;
    said.parse()
}

/// Until nothing is queued for it and it writes no more.
fn settle(place: &Place, file: &File, receiver: &Child) -> Result<(), String> {
    let (until, mut before) = (Instant::now() + PATIENCE, None);
    while !receiver.has_ended() {
        let now = written(file)?;
        if place.queue_is_empty() && before == Some(now) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{PATIENCE:?} after the last datagram it is still busy"));
        }
        before = Some(now);
        thread::sleep(QUIET);
    }
    Ok(())
}

/// Ours takes the signal as its normal end; others may die of it.
fn is_fine(tool: &Tool, ended: &Ended) -> Result<(), String> {
    let by_signal =
        |status: ExitStatus| status.signal() == Some(Signal::INT.as_raw()) || status.code() == Some(INTERRUPTED);
    if ended.status.success() || (tool.rank != Rank::Ours && by_signal(ended.status)) {
        return Ok(());
    }
    Err(format!("{}, stopped by SIGINT: {}; it said: {}", tool.name, ended.status, ended.said.trim()))
}

fn whole(bytes: u64) -> Result<u64, String> {
    match (bytes / DATAGRAM as u64, bytes % DATAGRAM as u64) {
        (0, _) => Err("it kept nothing".to_owned()),
        (datagrams, 0) => Ok(datagrams),
        (_, rest) => Err(format!("{bytes} bytes in its file are no whole datagrams: {rest} are left")),
    }
}

/// What became of all that was sent.
#[derive(Clone, Copy, Debug)]
struct Statement {
    kept: u64,
    /// As the receiver says.
    dropped: u64,
    sent: u64,
    /// Trains that the machine dropped meanwhile, of whomever.
    elsewhere: u64,
}

impl Statement {
    fn verify(self, tool: &Tool) -> Result<(), String> {
        let Self { kept, dropped, sent, elsewhere } = self;
        let known = sent.saturating_sub(elsewhere * TRAIN as u64);
        // The least that can be said of a loss is that there was one.
        let least = if says_the_least(tool) { known.min(kept + 1) } else { known };
        if (least..=sent).contains(&(kept + dropped)) {
            return Ok(());
        }
        Err(format!("{kept} kept and {dropped} said to be dropped are {} of {sent} that were sent", kept + dropped))
    }
}

/// Nothing is said where nothing was dropped.
fn dropped(said: &str) -> Result<u64, String> {
    let events = said.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|e| format!("it said {said:?}: {e}"))?;
    let lost = events.iter().filter(|event| event["event"] == "datagrams-lost");
    lost.map(|event| event["count"].as_u64().ok_or_else(|| format!("it said {event}"))).sum()
}

/// The second number of each CPU's line, in hex.
fn dropped_by_the_machine() -> u64 {
    let table = fs::read_to_string("/proc/net/softnet_stat").unwrap_or_default();
    let numbers = table.lines().filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok());
    numbers.sum()
}

/// Each begins with its number, and the rest is zeros: in order, each once, none changed.
fn compare(mut file: &File, bytes: u64) -> Result<(), String> {
    file.rewind().map_err(words)?;
    let (mut file, mut datagram) = (BufReader::new(file.take(bytes)), [0; DATAGRAM]);
    let mut next = 0;
    while fill(&mut file, &mut datagram).map_err(words)? > 0 {
        let (number, rest) = datagram.split_at(8);
        let number = u64::from_le_bytes(number.try_into().unwrap_or_default());
        if number < next || rest.iter().any(|&byte| byte != 0) {
            return Err(format!("datagram {number} is changed, or not where it belongs"));
        }
        next = number + 1;
    }
    Ok(())
}
