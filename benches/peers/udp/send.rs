//! A file that goes out as datagrams, from the start of the sender to its end.
//!
//! How many there are is known from the file, of which all was read; the sink holds each that came to its size, and
//! before the rounds to its bytes.

use std::fs::File;
use std::io::Seek;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use serde_json::Value;

use super::sink::{Sink, Tally, Wanted};
use super::tools::{Feed, size};
use crate::Bench;
use crate::bare::UDP_PIECES;
use crate::child::{Account, Child, start};
use crate::payload::{remove, words};
use crate::place::{Medium, Place, listen};
use crate::sample::{Sample, float};
use crate::tools::{Flow, Tool, this_program};
use crate::transfer::limit;

/// Of a pipe: a slot of 4 KiB for each piece.
const PIPE: usize = 1 << 20;

/// With every byte compared.
pub fn check(bench: &Bench, tool: &Tool) -> Result<(), String> {
    measure(bench, tool, Wanted::bytes(size(tool), &bench.scratch.payload)?).map(drop)
}

pub fn run(bench: &Bench, tool: &Tool) -> Result<Sample, String> {
    measure(bench, tool, Wanted::sizes(size(tool), &bench.scratch.payload)?)
}

fn measure(bench: &Bench, tool: &Tool, wanted: Wanted) -> Result<Sample, String> {
    let feed = Feed::of(tool);
    if feed == Feed::Own {
        return by_its_own_count(bench, tool);
    }
    let count = wanted.count();
    let sink = Sink::open(wanted)?;
    let sent = send(bench, tool.connect(&sink.place, Flow::OneWay), feed);
    // The sender's failure is the first news.
    let (tally, (account, seconds)) = (sink.close(), sent?);
    let tally = tally?;
    verify(tally, count, bench.options.size)?;
    let kept = float(tally.datagrams) / float(count);
    Ok(Sample { count, kept, seconds, bytes: bench.options.size, ..account.sample() })
}

/// What was lost at the sink is no error; what was not has to be all of the file.
fn verify(tally: Tally, count: u64, size: u64) -> Result<(), String> {
    match tally.datagrams {
        0 => Err("no datagram came".to_owned()),
        n if n > count => Err(format!("{n} datagrams came instead of {count}")),
        n if n == count && tally.bytes != size => Err(format!("{} bytes came instead of {size}", tally.bytes)),
        _ => Ok(()),
    }
}

fn send(bench: &Bench, mut command: Command, feed: Feed) -> Result<(Account, f64), String> {
    let payload = File::open(&bench.scratch.payload).map_err(words)?;
    let mut feeder = None;
    if feed == Feed::Pieces {
        let (pieces, child) = pieces(bench)?;
        command.stdin(pieces);
        feeder = Some(child);
    } else {
        command.stdin(payload.try_clone().map_err(words)?);
    }
    let sender = start(command, limit(bench))?;
    let started = sender.started;
    let account = sender.end()?;
    let seconds = started.elapsed().as_secs_f64();
    match feeder {
        Some(feeder) => feeder.end().map(drop)?,
        None => is_read(payload, bench.options.size)?,
    }
    Ok((account, seconds))
}

fn pieces(bench: &Bench) -> Result<(OwnedFd, Child), String> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT).map_err(|e| words(e.into()))?;
    fcntl_setpipe_size(&write, PIPE).map_err(|e| words(e.into()))?;
    let mut command = this_program();
    command.arg(UDP_PIECES).arg(&bench.scratch.payload).stdin(Stdio::null()).stdout(write);
    Ok((read, start(command, limit(bench))?))
}

fn is_read(mut payload: File, size: u64) -> Result<(), String> {
    match payload.stream_position().map_err(words)? {
        position if position == size => Ok(()),
        position => Err(format!("stopped reading its stdin at {position} of {size}")),
    }
}

/// As many bytes as the file has, from its own memory; its own count and clock, without start and farewell.
fn by_its_own_count(bench: &Bench, tool: &Tool) -> Result<Sample, String> {
    let server = |place: &Place| Ok(tool.listen(place, Flow::OneWay));
    let (place, server) = listen(&bench.scratch, Medium::Tcp, limit(bench), server)?;
    let path = bench.scratch.path("report");
    let mut command = tool.connect(&place, Flow::OneWay);
    command.args(["-n", &bench.options.size.to_string()]).stdout(File::create(&path).map_err(words)?);
    let account = start(command, limit(bench))?.end()?;
    server.end()?;
    let report = std::fs::read(&path).map_err(words)?;
    remove(&path);
    let report: Value = serde_json::from_slice(&report).map_err(|e| e.to_string())?;
    let sum = &report["end"]["sum"];
    match (sum["packets"].as_u64(), sum["seconds"].as_f64(), sum["lost_percent"].as_f64()) {
        (Some(count), Some(seconds), Some(lost)) => {
            let kept = 1.0 - lost / 100.0;
            Ok(Sample { count, kept, seconds, bytes: bench.options.size, ..account.sample() })
        }
        _ => Err(format!("its report has no sum: {report}")),
    }
}
