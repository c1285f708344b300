//! A narrator that looks at each exchange of a run: it draws where the time of each went (`--timing`), and keeps what it
//! saw for whoever makes a table of it.
//!
//! Owns what is remembered of an exchange, and the drawing: bars across the width of a terminal, elsewhere the same lines
//! without them. Everything is passed on to the voice but the line that the drawing stands for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::Voice;
use super::wording::{Importance, Line, phases, timing_fields};
use crate::event::http::Timing;
use crate::event::{Event, Http, Open, Tell};
use crate::proto::escape;
use crate::sys::fd;

/// What every line of ours begins with.
const PREFIX: &str = "sockkit: ";

/// Columns of a line before its bar: two of indentation, a name of ten, a time of eleven and its unit, two between.
const BEFORE_BAR: usize = PREFIX.len() + 2 + 10 + 14 + 2;

/// A bar of fewer columns tells nothing.
const NARROWEST: usize = 10;

/// A bar of more columns is no easier to read.
const WIDEST: usize = 100;

/// What is shorter than a column.
const SLIVER: char = '▏';

/// The colours of the phases, in their order: SGR parameters.
const COLORS: [u8; 6] = [36, 32, 35, 33, 34, 37];

/// An exchange that is over, or has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The URL, cut short if it is long.
    pub url: String,
    /// Who was asked; empty if nobody could be reached.
    pub peer: String,
    /// The final status, if one came.
    pub status: Option<u16>,
    /// The reason phrase, escaped.
    pub reason: String,
    /// The size of the body, where it was taken to its end.
    pub bytes: Option<u64>,
    /// What its time went into.
    pub timing: Timing,
    /// Whether it came to its end.
    pub complete: bool,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The URL, cut short if it is long.
    pub url: String,
    /// Its exchange has come to its end: if the run failed all the same, that was for what the answer is.
    pub answered: bool,
}

/// What is known of the exchange that runs.
#[derive(Clone, Debug, Default)]
struct Running {
    method: String,
    url: String,
    peer: String,
    status: Option<u16>,
    reason: String,
    bytes: Option<u64>,
    answered: bool,
}

/// The narrator of a run of `get`.
#[derive(Debug)]
pub struct Glass<'a> {
    voice: &'a Voice,
    draws: bool,
    running: Mutex<Running>,
    /// The last exchanges, until somebody takes them; `None` where nobody does.
    seen: Option<Mutex<Vec<Seen>>>,
}

impl<'a> Glass<'a> {
    /// Looks on and passes everything to `voice`; `draws` each exchange, `keeps` it for [`Glass::take`].
    pub fn new(voice: &'a Voice, draws: bool, keeps: bool) -> Self {
        Glass { voice, draws, running: Mutex::default(), seen: keeps.then(Mutex::default) }
    }

    /// The exchanges since the last call.
    pub fn take(&self) -> Vec<Seen> {
        self.seen.as_ref().map_or_else(Vec::new, |seen| std::mem::take(&mut *locked(seen)))
    }

    /// The last request, whether or not anybody could be reached for it.
    pub fn asked(&self) -> Asked {
        let Running { method, url, answered, .. } = locked(&self.running).clone();
        Asked { method, url, answered }
    }

    /// Takes note of what the exchange that runs is about.
    fn note(&self, event: &Event<'_>) {
        let change: &dyn Fn(&mut Running) = match event {
            Event::Http(Http::Asked(method, url)) => &|running| {
                *running = Running { method: method.to_string(), url: url.to_string(), ..Running::default() };
            },
            Event::Open(Open::Connected(_, peer, _)) | Event::Http(Http::Reused(peer)) => {
                &|running| running.peer = peer.to_string()
            }
            Event::Http(Http::Answered(head, _)) => &|running| {
                running.status = Some(head.status);
                running.reason = escape(&head.reason);
            },
            Event::Http(Http::Body(bytes, _)) => &|running| running.bytes = Some(*bytes),
            // Such as each piece of a body: many a second, and nothing to remember.
            _ => return,
        };
        change(&mut locked(&self.running));
    }

    fn over(&self, timing: &Timing, complete: bool) {
        locked(&self.running).answered = complete;
        let Running { method, url, peer, status, reason, bytes, .. } = locked(&self.running).clone();
        let seen = Seen { method, url, peer, status, reason, bytes, timing: *timing, complete };
        if self.draws {
            self.draw(&seen);
        }
        if let Some(all) = &self.seen {
            locked(all).push(seen);
        }
    }

    fn draw(&self, seen: &Seen) {
        if self.voice.settings().json {
            return self.voice.say(&Line::new(Importance::Asked, "timing", String::new(), fields(seen)));
        }
        let width = fd::columns(fd::stderr()).map(usize::from);
        self.voice.say_ready(&drawing(seen, width, self.voice.is_colored()));
    }
}

impl Tell for Glass<'_> {
    fn tell(&self, event: &Event<'_>) {
        if !self.draws && self.seen.is_none() {
            return self.voice.tell(event);
        }
        self.note(event);
        let over = match event {
            Event::Http(Http::Timed(timing)) => Some((timing, true)),
            Event::Http(Http::Failed(timing)) => Some((timing, false)),
            _ => None,
        };
        if over.is_none() || !self.draws {
            self.voice.tell(event);
        }
        if let Some((timing, complete)) = over {
            self.over(timing, complete);
        }
    }

    fn wants_steps(&self) -> bool {
        self.voice.wants_steps()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fields(seen: &Seen) -> Value {
    let mut fields = timing_fields(&seen.timing, seen.complete);
    fields["method"] = json!(seen.method);
    fields["url"] = json!(seen.url);
    fields["peer"] = json!(seen.peer);
    fields["status"] = json!(seen.status);
    fields["bytes"] = json!(seen.bytes);
    fields
}

/// Whom was asked for what, and what came of it.
fn headline(seen: &Seen) -> String {
    let answer = match seen.status {
        Some(status) => format!("{status} {}", seen.reason).trim_end().to_owned(),
        None => "no answer".into(),
    };
    let size = seen.bytes.map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
    let failed = if seen.complete { "" } else { ", failed" };
    let connection = if seen.timing.kept { "kept" } else { "new" };
    let Seen { method, url, peer, .. } = seen;
    format!("{method} {url}: {answer}{size}{failed}, over a {connection} connection to {peer}")
}

/// The lines of an exchange, escaped; with bars if the terminal is `width` columns wide.
fn drawing(seen: &Seen, width: Option<usize>, colored: bool) -> String {
    let bars = width.and_then(|width| width.checked_sub(BEFORE_BAR + 1)).filter(|&bars| bars >= NARROWEST);
    let bars = bars.map(|bars| bars.min(WIDEST));
    let total = seen.timing.total();
    let mut text = format!("{PREFIX}{}\n", escape(headline(seen).as_bytes()));
    let mut start = Duration::ZERO;
    for ((name, took), color) in phases(&seen.timing).into_iter().zip(COLORS) {
        let Some(took) = took else { continue };
        let bar = bars.map_or_else(String::new, |bars| bar(Span { start, took, total }, bars));
        let bar = if colored && !bar.is_empty() { format!("\x1b[{color}m{bar}\x1b[0m") } else { bar };
        text += row(&label(name), took, &bar).trim_end();
        text.push('\n');
        start += took;
    }
    text + row("total", total, "").trim_end() + "\n"
}

/// The name of a phase as it is shown.
pub(super) fn label(name: &str) -> String {
    if name == "tls" { "TLS".into() } else { name.replace('_', " ") }
}

fn row(name: &str, took: Duration, bar: &str) -> String {
    format!("{PREFIX}  {name:<10}{:>11.3} ms  {bar}", took.as_secs_f64() * 1e3)
}

/// A cell of a table: milliseconds with microseconds, right-aligned behind a space.
pub(super) fn millis(time: Duration) -> String {
    format!(" {:>8.3}", time.as_secs_f64() * 1e3)
}

/// A phase within its exchange.
#[derive(Clone, Copy)]
struct Span {
    start: Duration,
    took: Duration,
    total: Duration,
}

/// A bar of `columns` columns for the whole: what is before the phase is blank. No phase that took any time is left
/// without a mark.
fn bar(span: Span, columns: usize) -> String {
    let (from, to) = (column(span.start, span.total, columns), column(span.start + span.took, span.total, columns));
    let marks = match to - from {
        0 if span.took.is_zero() => String::new(),
        0 => SLIVER.to_string(),
        n => "█".repeat(n),
    };
    let from = from.min(columns.saturating_sub(1));
    format!("{}{marks}", " ".repeat(from))
}

/// Where a moment lies: rounded, so that one phase begins where the one before it ends.
fn column(at: Duration, total: Duration, columns: usize) -> usize {
    let (at, total) = (at.as_nanos(), total.as_nanos().max(1));
    usize::try_from((at * columns as u128 + total / 2) / total).unwrap_or(columns).min(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Settings;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn seen() -> Seen {
        Seen {
            method: "GET".into(),
            url: "http://h/".into(),
            peer: "127.0.0.1:80".into(),
            status: Some(200),
            reason: "OK".into(),
            bytes: Some(5),
            timing: Timing {
                kept: false,
                resolve: Some(ms(10)),
                connect: Some(ms(20)),
                tls: None,
                send: Duration::from_micros(9),
                first_byte: ms(30),
                body: ms(40),
            },
            complete: true,
        }
    }

    #[test]
    fn without_a_terminal_there_are_plain_aligned_lines() {
        let wanted = "\
sockkit: GET http://h/: 200 OK, 5 bytes, over a new connection to 127.0.0.1:80
sockkit:   resolve        10.000 ms
sockkit:   connect        20.000 ms
sockkit:   send            0.009 ms
sockkit:   first byte     30.000 ms
sockkit:   body           40.000 ms
sockkit:   total         100.009 ms
";
        assert_eq!(drawing(&seen(), None, false), wanted);
        // Too narrow for bars.
        assert_eq!(drawing(&seen(), Some(40), false), wanted);
    }

    #[test]
    fn bars_follow_one_another_within_the_width() {
        let text = drawing(&seen(), Some(BEFORE_BAR + 1 + 20), false);
        let bars: Vec<_> = text.lines().skip(1).map(|line| line.chars().skip(BEFORE_BAR).collect::<String>()).collect();
        assert_eq!(bars, ["██", "  ████", "      ▏", "      ██████", "            ████████", ""]);
        for width in 30..300 {
            let text = drawing(&seen(), Some(width), false);
            assert!(text.lines().skip(1).all(|line| line.chars().count() < width.max(44)), "{width}:\n{text}");
        }
        let colored = drawing(&seen(), Some(120), true);
        assert!(colored.contains("\x1b[36m█") && colored.matches("\x1b[0m").count() == 5, "{colored}");
    }

    #[test]
    fn no_phase_of_an_exchange_leaves_the_bar() {
        for total in [0_u64, 1, 7, 1000, u64::MAX / 4] {
            for start in [0, total / 3, total] {
                let [start, took, total] = [start, total - start, total].map(Duration::from_nanos);
                assert!(bar(Span { start, took, total }, 20).chars().count() <= 20);
            }
        }
    }

    #[test]
    fn what_is_seen_is_kept_until_it_is_taken() {
        let voice = Voice::new(Settings { quiet: true, ..Settings::default() });
        let glass = Glass::new(&voice, false, true);
        let timing = seen().timing;
        glass.tell(&Event::Http(Http::Asked(&"GET", &"http://h/")));
        glass.tell(&Event::Open(Open::Connected(&"x", &"127.0.0.1:80", ms(1))));
        glass.tell(&Event::Http(Http::Body(5, ms(1))));
        glass.tell(&Event::Http(Http::Timed(&timing)));
        glass.tell(&Event::Http(Http::Asked(&"GET", &"http://i/")));
        glass.tell(&Event::Http(Http::Failed(&timing)));
        let taken = glass.take();
        assert_eq!(taken[0], Seen { status: None, reason: String::new(), ..seen() });
        assert_eq!((taken[1].url.as_str(), taken[1].bytes, taken[1].complete), ("http://i/", None, false));
        assert_eq!((taken.len(), glass.take().len()), (2, 0));
        assert_eq!(glass.asked(), Asked { method: "GET".into(), url: "http://i/".into(), answered: false });
        assert_eq!(headline(&taken[1]), "GET http://i/: no answer, failed, over a new connection to ");
    }
}
