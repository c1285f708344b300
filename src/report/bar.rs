//! The progress of a transfer: a bar on a terminal's stderr, or a plain line a second where that was asked for.
//!
//! The bar is drawn by indicatif, which hides itself where stderr is no terminal. Its smoothed rate looks fifteen
//! seconds back, so the rate shown is our own: bytes over the time since the start. Other lines go above the bar.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

use super::Voice;
use super::voice::words;
use super::wording::{Importance, Line};
use crate::proto::escape;

/// How often the bar is drawn, however fast the bytes come.
const TICK: Duration = Duration::from_millis(100);

/// So much of a name is shown: the bar needs the rest of the line.
const NAME: usize = 24;

/// How far plain lines are apart.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// When progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Never.
    Never,
    /// Where stderr is a terminal.
    OnTerminal,
    /// Also elsewhere, in lines.
    Always,
}

/// What is transferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span<'a> {
    /// Told apart from others by this.
    pub name: Option<&'a str>,
    /// So many bytes of it were there before.
    pub from: u64,
    /// The size of the whole, those included; unknown for a body that ends with the connection.
    pub total: Option<u64>,
}

/// The progress of one transfer, shown until it is dropped.
#[derive(Debug)]
pub struct Bar<'a> {
    voice: &'a Voice,
    span: Span<'a>,
    look: Look,
}

#[derive(Debug)]
enum Look {
    Hidden,
    Drawn(ProgressBar),
    Lines(Lines),
}

#[derive(Debug)]
struct Lines {
    start: Instant,
    /// How many lines have been said: one for each [`LINE_EVERY`] since the start.
    said: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Bar<'a> {
    /// Begins to show a transfer of `total` bytes, where that is known.
    pub fn new(voice: &'a Voice, when: When, total: Option<u64>) -> Self {
        Self::of(voice, when, Span { total, ..Span::default() })
    }

    /// Begins to show the transfer of `span`.
    pub fn of(voice: &'a Voice, when: When, span: Span<'a>) -> Self {
        let settings = voice.settings();
        let terminal = !settings.json && std::io::stderr().is_terminal();
        let look = match when {
            _ if settings.quiet => Look::Hidden,
            When::OnTerminal | When::Always if terminal => Look::Drawn(drawn(voice, &span)),
            When::Always => Look::Lines(Lines::starting_now()),
            When::OnTerminal | When::Never => Look::Hidden,
        };
        Bar { voice, span, look }
    }

    /// `bytes` have come so far, beside what was there before.
    pub fn at(&self, bytes: u64) {
        match &self.look {
            Look::Hidden => {}
            Look::Drawn(bar) => bar.set_position(self.span.from + bytes),
            Look::Lines(lines) => {
                lines.bytes.store(bytes, Ordering::Relaxed);
                if lines.is_due() {
                    self.voice.say(&lines.line(&self.span));
                }
            }
        }
    }
}

impl Drop for Bar<'_> {
    /// A bar goes; lines end with one that says how far it came.
    fn drop(&mut self) {
        match &self.look {
            Look::Hidden => {}
            Look::Drawn(bar) => {
                self.voice.hold(None);
                bar.finish_and_clear();
            }
            Look::Lines(lines) => self.voice.say(&lines.line(&self.span)),
        }
    }
}

fn drawn(voice: &Voice, span: &Span<'_>) -> ProgressBar {
    let bar = span.total.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_position(span.from);
    let template = match span.total {
        Some(_) => "{msg}{bar:30} {percent:>3}% {bytes}/{total_bytes} {mean_rate} {left}",
        None => "{msg}{spinner} {bytes} {mean_rate}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        let from = span.from;
        let mean_rate = move |state: &ProgressState, text: &mut dyn Write| mean_rate(state, from, text);
        let left = move |state: &ProgressState, text: &mut dyn Write| left(state, from, text);
        bar.set_style(style.with_key("mean_rate", mean_rate).with_key("left", left));
    }
    if let Some(name) = span.name {
        bar.set_message(format!("{} ", shortened(name)));
    }
    bar.enable_steady_tick(TICK);
    voice.hold(Some(bar.clone()));
    bar
}

impl Lines {
    fn starting_now() -> Self {
        Lines { start: Instant::now(), said: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    fn is_due(&self) -> bool {
        let now = self.start.elapsed().as_secs() / LINE_EVERY.as_secs();
        self.said.swap(now, Ordering::Relaxed) < now
    }

    fn line(&self, span: &Span<'_>) -> Line {
        let Span { name, from, total } = *span;
        let (bytes, took) = (self.bytes.load(Ordering::Relaxed), self.start.elapsed());
        let (rate, bytes) = (rate(bytes, took), from + bytes);
        let of = total.map_or_else(String::new, |total| format!(" of {}", HumanBytes(total)));
        let who = name.map_or_else(String::new, |name| format!("{name}: "));
        let text = format!("{who}{}{of} in {}, {}/s", HumanBytes(bytes), words(took), HumanBytes(rate));
        let mut fields = json!({ "bytes": bytes, "total": total, "seconds": took.as_secs_f64(), "rate": rate });
        if let Some(name) = name {
            fields["file"] = json!(name);
        }
        Line::new(Importance::Announcement, "progress", text, fields)
    }
}

/// The bytes a second since the start, for a transfer of which the first `from` were there before.
fn mean_rate(state: &ProgressState, from: u64, text: &mut dyn Write) {
    // A bar that can't be drawn is no failure of the download.
    let _ = write!(text, "{}/s", HumanBytes(rate(state.pos().saturating_sub(from), state.elapsed())));
}

/// The time that the rest takes at that rate.
fn left(state: &ProgressState, from: u64, text: &mut dyn Write) {
    let rate = rate(state.pos().saturating_sub(from), state.elapsed());
    let rest = state.len().unwrap_or_default().saturating_sub(state.pos());
    if let Some(seconds) = rest.checked_div(rate) {
        let _ = write!(text, "{:#} left", HumanDuration(Duration::from_secs(seconds)));
    }
}

/// The end of a long name, where what differs is.
fn shortened(name: &str) -> String {
    let name = escape(name.as_bytes());
    let length = name.chars().count();
    if length <= NAME { name } else { format!("…{}", name.chars().skip(length - NAME + 1).collect::<String>()) }
}

/// Bytes a second.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for the eye"
)]
fn rate(bytes: u64, took: Duration) -> u64 {
    (bytes as f64 / took.as_secs_f64().max(1e-3)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("a.iso"), "a.iso");
        assert_eq!(shortened(&"x".repeat(NAME)), "x".repeat(NAME));
        let long = shortened("a-directory/of/many/levels/12.iso");
        assert!(long.ends_with("/of/many/levels/12.iso") && long.starts_with('…'), "{long}");
        assert_eq!(long.chars().count(), NAME);
        assert_eq!(shortened("a\x1b[2J"), r"a\x1b[2J");
    }

    #[test]
    fn a_line_counts_what_was_there_and_measures_what_came() {
        let before = Instant::now().checked_sub(Duration::from_secs(10)).expect("this machine is up for longer");
        let lines = Lines { start: before, ..Lines::starting_now() };
        lines.bytes.store(10 * 1024, Ordering::Relaxed);
        let line = lines.line(&Span { name: Some("f"), from: 90 * 1024, total: Some(200 * 1024) });
        let took = Duration::from_secs_f64(line.fields["seconds"].as_f64().expect("a number"));
        assert!(took >= Duration::from_secs(10), "{took:?}");
        let wanted = format!("f: 100.00 KiB of 200.00 KiB in {}, ", words(took));
        assert!(line.text.starts_with(&wanted), "{} instead of {wanted}", line.text);
        assert_eq!((&line.fields["bytes"], &line.fields["file"]), (&json!(102_400), &json!("f")));
        assert_eq!(rate(10 * 1024, Duration::from_secs(10)), 1024);
        assert_eq!(line.fields["rate"], json!(rate(10 * 1024, took)));
    }
}
