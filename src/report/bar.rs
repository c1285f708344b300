//! The progress bar of a download, on a terminal's stderr.
//!
//! Drawn by indicatif, which hides itself where stderr is no terminal. Its smoothed rate looks fifteen seconds
//! back, so the rate shown is our own: bytes over the time since the start. Other lines go above the bar.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};

use super::Voice;

/// How often the bar is drawn, however fast the bytes come.
const TICK: Duration = Duration::from_millis(100);

/// A bar that is up until it is dropped.
#[derive(Debug)]
pub struct Bar<'a> {
    voice: &'a Voice,
    bar: ProgressBar,
}

impl<'a> Bar<'a> {
    /// Puts a bar up. `total` is unknown for a body that ends with the connection.
    pub fn new(voice: &'a Voice, total: Option<u64>) -> Self {
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
        Bar { voice, bar }
    }

    /// `bytes` more have been written.
    pub fn add(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.voice.hold(None);
        self.bar.finish_and_clear();
    }
}

fn mean_rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for the eye"
    )]
    let rate = (state.pos() as f64 / state.elapsed().as_secs_f64().max(1e-3)) as u64;
    // A bar that can't be drawn is no failure of the download.
    let _ = write!(text, "{}/s", HumanBytes(rate));
}
