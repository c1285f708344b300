//! The load of a receiver: datagrams at a rate that does not depend on it, from a process of its own.
//!
//! They go out in short trains, evenly: one call a datagram does not reach a million a second on a small machine.
//! Over loopback the kernel cuts them for a receiver in the sender's own time (udp(7), `UDP_SEGMENT`).

use std::fmt;
use std::io;
use std::net::UdpSocket;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::DATAGRAM;
use super::calls::cut_into;
use crate::payload::words;
use crate::sample::float;

/// Datagrams a call.
pub const TRAIN: usize = 16;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Offer {
    pub to: String,
    /// Datagrams a second.
    pub rate: u64,
    pub time: Duration,
}

/// What went out.
#[derive(Clone, Copy, Debug)]
pub struct Offered {
    pub datagrams: u64,
    pub seconds: f64,
}

impl Offer {
    /// Whole trains.
    fn trains(&self) -> u64 {
        let milliseconds = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        (self.rate.saturating_mul(milliseconds) / 1000).div_ceil(TRAIN as u64)
    }
}

/// One word, for a process of the bench.
impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.to, self.rate, self.time.as_millis())
    }
}

impl FromStr for Offer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(',').collect();
        let (Some(to), Some(rate), Some(time)) = (parts.first(), number(&parts, 1), number(&parts, 2)) else {
            return Err(format!("{text} is no offer"));
        };
        Ok(Self { to: (*to).to_owned(), rate, time: Duration::from_millis(time) })
    }
}

impl FromStr for Offered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split_whitespace().collect();
        match (number(&parts, 0), number(&parts, 1)) {
            (Some(datagrams), Some(microseconds)) => Ok(Self { datagrams, seconds: float(microseconds) / 1e6 }),
            _ => Err(format!("the sender said {text:?}")),
        }
    }
}

fn number(parts: &[&str], at: usize) -> Option<u64> {
    parts.get(at)?.parse().ok()
}

/// Sends it all, and prints how much that was and how many microseconds it took.
pub fn offer(offer: &str) -> Result<(), String> {
    let offer: Offer = offer.parse()?;
    let time = send(&offer).map_err(words)?;
    println!("{} {}", offer.trains() * TRAIN as u64, time.as_micros());
    Ok(())
}

/// Who is late sends at once, and so keeps the rate if it can be kept at all.
fn send(offer: &Offer) -> io::Result<Duration> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(&offer.to)?;
    cut_into(&socket, DATAGRAM)?;
    let mut train = vec![0; TRAIN * DATAGRAM];
    let started = Instant::now();
    for n in 0..offer.trains() {
        number_each(&mut train, n * TRAIN as u64);
        let due = started + Duration::from_nanos(n * TRAIN as u64 * 1_000_000_000 / offer.rate);
        while Instant::now() < due {
            // A sleep is 50 µs too long.
            std::hint::spin_loop();
        }
        socket.send(&train)?;
    }
    Ok(started.elapsed())
}

/// Each datagram begins with its number.
fn number_each(train: &mut [u8], first: u64) {
    for (number, datagram) in (first..).zip(train.chunks_exact_mut(DATAGRAM)) {
        datagram[..8].copy_from_slice(&number.to_le_bytes());
    }
}
