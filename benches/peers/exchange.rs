//! Small exchanges with an echo server of the bench's own: how long a byte takes, and how long a process takes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::child::start;
use crate::payload::words;
use crate::place::Place;
use crate::sample::{Sample, float, median_time};
use crate::tools::{Flow, Tool};

const LIMIT: Duration = Duration::from_secs(30);
/// Round trips before the clock counts: the first ones find cold caches, and TCP still in its quick-ack mode.
const WARM_UP: usize = 100;
const GREETING: &[u8] = b"hello\n";

/// The median time of one byte from stdin through `connect` to the server and back to stdout.
pub fn ping_pong(bench: &Bench, tool: &Tool) -> Result<Sample, String> {
    let mut command = tool.connect(&echo_server(1)?, Flow::BothWays);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = start(command, LIMIT)?;
    let mut times = Vec::with_capacity(bench.options.round_trips);
    for n in 0..WARM_UP + bench.options.round_trips {
        let time = match (&mut child.stdin, &mut child.stdout) {
            (Some(stdin), Some(stdout)) => round_trip(stdin, stdout, n)?,
            _ => return Err("its stdin and stdout are no pipes".to_owned()),
        };
        times.push(time);
    }
    let account = child.end()?;
    let seconds = median_time(&times[WARM_UP..]);
    Ok(Sample { seconds, bytes: times.len() as u64, cpu: account.cpu, peak: account.peak, ..Sample::default() })
}

fn round_trip(stdin: &mut impl Write, stdout: &mut impl Read, n: usize) -> Result<Duration, String> {
    let byte = [b'a' + u8::try_from(n % 26).unwrap_or(0)];
    let mut answer = [0];
    let started = Instant::now();
    stdin.write_all(&byte).map_err(words)?;
    stdout.read_exact(&mut answer).map_err(words)?;
    let time = started.elapsed();
    if answer == byte { Ok(time) } else { Err(format!("byte {n} came back as another")) }
}

/// The median time from the start of a process to its end, six bytes sent and received in between.
pub fn start_up(bench: &Bench, tool: &Tool) -> Result<Sample, String> {
    let place = echo_server(bench.options.starts)?;
    let runs = (0..bench.options.starts).map(|_| greet(tool, &place)).collect::<Result<Vec<_>, _>>()?;
    let times: Vec<_> = runs.iter().map(|(time, _)| *time).collect();
    let cpu = runs.iter().map(|(_, sample)| sample.cpu).sum::<f64>() / float(runs.len() as u64);
    let peak = runs.iter().map(|(_, sample)| sample.peak).fold(0.0, f64::max);
    Ok(Sample { seconds: median_time(&times), bytes: GREETING.len() as u64, cpu, peak, ..Sample::default() })
}

fn greet(tool: &Tool, place: &Place) -> Result<(Duration, Sample), String> {
    let (stdin, mut feed) = std::io::pipe().map_err(words)?;
    feed.write_all(GREETING).map_err(words)?;
    drop(feed);
    let mut command = tool.connect(place, Flow::BothWays);
    command.stdin(stdin).stdout(Stdio::piped());
    let mut child = start(command, LIMIT)?;
    let (started, mut answer) = (child.started, Vec::new());
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_end(&mut answer).map_err(words)?;
    }
    let account = child.end()?;
    let time = started.elapsed();
    if answer != GREETING {
        return Err(format!("{:?} came back", String::from_utf8_lossy(&answer)));
    }
    Ok((time, Sample { cpu: account.cpu, peak: account.peak, ..Sample::default() }))
}

/// Answers this many clients, one after the other, in a thread of its own.
fn echo_server(clients: usize) -> Result<Place, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(words)?;
    let port = listener.local_addr().map_err(words)?.port();
    thread::spawn(move || {
        for mut client in listener.incoming().take(clients).map_while(Result::ok) {
            let mut buffer = [0; 4096];
            let _ = client.set_nodelay(true);
            // A client that goes away says so itself, by its exit code.
            while let Ok(n @ 1..) = client.read(&mut buffer) {
                if client.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
        }
    });
    Ok(Place::Tcp(port))
}
