//! The progress of a transfer: a bar on a terminal's stderr, or a plain line a second where that was asked for.
//!
//! The bar is drawn by indicatif, which hides itself where stderr is no terminal. Its smoothed rate looks fifteen
//! seconds back, so the rate shown is our own: bytes over the time since the start. Other lines go above the bar.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

use super::Voice;
use super::voice::words;
use super::wording::{Importance, Line};

/// How often the bar is drawn, however fast the bytes come.
const TICK: Duration = Duration::from_millis(100);

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

/// The progress of one transfer, shown until it is dropped.
#[derive(Debug)]
pub struct Bar<'a> {
    voice: &'a Voice,
    total: Option<u64>,
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
    /// Begins to show. `total` is unknown for a body that ends with the connection.
    pub fn new(voice: &'a Voice, when: When, total: Option<u64>) -> Self {
        let settings = voice.settings();
        let terminal = !settings.json && std::io::stderr().is_terminal();
        let look = match when {
            _ if settings.quiet => Look::Hidden,
            When::OnTerminal | When::Always if terminal => Look::Drawn(drawn(voice, total)),
            When::Always => Look::Lines(Lines::starting_now()),
            When::OnTerminal | When::Never => Look::Hidden,
        };
        Bar { voice, total, look }
    }

    /// `bytes` have come so far.
    pub fn at(&self, bytes: u64) {
        match &self.look {
            Look::Hidden => {}
            Look::Drawn(bar) => bar.set_position(bytes),
            Look::Lines(lines) => {
                lines.bytes.store(bytes, Ordering::Relaxed);
                if lines.is_due() {
                    self.voice.say(&lines.line(self.total));
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
            Look::Lines(lines) => self.voice.say(&lines.line(self.total)),
        }
    }
}

fn drawn(voice: &Voice, total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match total {
        Some(_) => "{bar:30} {percent:>3}% {bytes}/{total_bytes} {mean_rate} {eta} left",
        None => "{spinner} {bytes} {mean_rate}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("mean_rate", mean_rate));
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

    fn line(&self, total: Option<u64>) -> Line {
        let (bytes, took) = (self.bytes.load(Ordering::Relaxed), self.start.elapsed());
        let rate = rate(bytes, took);
        let of = total.map_or_else(String::new, |total| format!(" of {}", HumanBytes(total)));
        let text = format!("{}{of} in {}, {}/s", HumanBytes(bytes), words(took), HumanBytes(rate));
        let fields = json!({ "bytes": bytes, "total": total, "seconds": took.as_secs_f64(), "rate": rate });
        Line::new(Importance::Announcement, "progress", text, fields)
    }
}

fn mean_rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // A bar that can't be drawn is no failure of the download.
    let _ = write!(text, "{}/s", HumanBytes(rate(state.pos(), state.elapsed())));
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
