//! The narrator: decides which lines are said, how they look, and writes them.
//!
//! Standard error may be closed, full or gone: then a line is lost, and the work goes on.

use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use super::exit::{Ending, ending};
use super::wording::{Importance, Line, importance, is_about_a_guest, line};
use crate::deadline::Seconds;
use crate::error::{Error, Kind};
use crate::event::{Event, Tell};
use crate::proto::escape;
use crate::sys::fd;
use crate::sys::poll::{Interest, poll};
use crate::sys::startup;

/// A reader of standard error that takes nothing for this long loses the line: the session must not wait for it.
const STDERR_PATIENCE: Duration = Duration::from_millis(200);

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What `-v -q --json --color` ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How often `-v` was given.
    pub verbose: u8,
    /// `-q`.
    pub quiet: bool,
    /// `--json`.
    pub json: bool,
    /// `--color`.
    pub color: Color,
}

/// The narrator of a run.
#[derive(Debug)]
pub struct Voice {
    settings: Settings,
    colored: bool,
    start: Instant,
    bar: Mutex<Option<ProgressBar>>,
    introduces_guests: AtomicBool,
}

impl Voice {
    /// A narrator whose clock starts now.
    pub fn new(settings: Settings) -> Self {
        Voice {
            settings,
            colored: is_colored(settings.color),
            start: Instant::now(),
            bar: Mutex::new(None),
            introduces_guests: AtomicBool::new(false),
        }
    }

    /// What was asked for.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// How long the run has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// From now on comings and goings are said without -v too: who converses wants to know with whom.
    pub fn introduce_guests(&self) {
        self.introduces_guests.store(true, Ordering::Relaxed);
    }

    /// Lets `write` use standard error with no bar in its way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Every line goes above this bar while it is up.
    pub(super) fn hold(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Says why the run failed, once, and gives the way in which the process is to end.
    pub fn failed(&self, error: &Error) -> Ending {
        let ending = ending(error.kind);
        if matches!(ending, Ending::Code(_)) && !error.is_said() {
            self.write(&error_line(error, ending));
        }
        ending
    }

    /// A line on standard output that is this run's result: `text`, or `fields` under --json.
    pub(super) fn result(&self, text: &str, fields: &Value) -> Result<(), Error> {
        self.results(&[text.to_owned()], fields)
    }

    /// The same for a result of several lines, which are one object too.
    pub(super) fn results(&self, lines: &[String], fields: &Value) -> Result<(), Error> {
        if self.settings.json {
            return print(&format!("{fields}\n"));
        }
        print(&lines.iter().map(|line| escape(line.as_bytes()) + "\n").collect::<String>())
    }

    /// Whether colour is wanted on standard error.
    pub(super) fn is_colored(&self) -> bool {
        self.colored
    }

    /// Writes lines to standard error that are escaped and coloured already.
    pub(super) fn say_ready(&self, text: &str) {
        self.aside(|| to_stderr(text));
    }

    fn wants(&self, importance: Importance) -> bool {
        match importance {
            Importance::Always | Importance::Asked => true,
            Importance::Announcement => !self.settings.quiet,
            Importance::Step => self.settings.verbose >= 1 && !self.settings.quiet,
            Importance::Detail => self.settings.verbose >= 2 && !self.settings.quiet,
        }
    }

    /// Says `line` if the user wants lines of its importance.
    pub(super) fn say(&self, line: &Line) {
        if self.wants(line.importance) {
            self.write(line);
        }
    }

    fn write(&self, line: &Line) {
        let text = if self.settings.json { self.as_json(line) } else { self.as_text(line) };
        self.aside(|| to_stderr(&text));
    }

    fn as_json(&self, line: &Line) -> String {
        let mut object = Map::new();
        object.insert("event".into(), json!(line.name));
        object.insert("time".into(), json!(round(self.start.elapsed())));
        object.extend(line.fields.clone());
        format!("{}\n", Value::Object(object))
    }

    fn as_text(&self, line: &Line) -> String {
        let lines = [&line.text].into_iter().chain(&line.more);
        lines.map(|text| self.text_line(line.importance, &escape(text.as_bytes()))).collect()
    }

    fn text_line(&self, importance: Importance, text: &str) -> String {
        let time = match importance {
            Importance::Step | Importance::Detail => format!("[{:>8.3} s] ", self.start.elapsed().as_secs_f64()),
            Importance::Always | Importance::Asked | Importance::Announcement => String::new(),
        };
        match (self.colored, importance) {
            (true, Importance::Always) => format!("sockkit: \x1b[31m{text}\x1b[0m\n"),
            (true, Importance::Step | Importance::Detail) => format!("sockkit: \x1b[2m{time}{text}\x1b[0m\n"),
            _ => format!("sockkit: {time}{text}\n"),
        }
    }
}

impl Tell for Voice {
    fn tell(&self, event: &Event<'_>) {
        let introduced = self.introduces_guests.load(Ordering::Relaxed) && is_about_a_guest(event);
        let importance = if introduced { Importance::Announcement } else { importance(event) };
        if self.wants(importance) {
            self.write(&Line { importance, ..line(event) });
        }
    }

    fn wants_steps(&self) -> bool {
        self.wants(Importance::Step)
    }
}

fn error_line(error: &Error, ending: Ending) -> Line {
    let code = if let Ending::Code(code) = ending { code } else { 0 };
    let fields = json!({
        "operation": error.operation, "subject": error.subject, "reason": error.reason, "hint": error.hint, "code": code,
    });
    Line::new(Importance::Always, "error", error.to_string(), fields)
}

/// Seconds with milliseconds and microseconds, no more: the rest is noise.
fn round(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

fn is_colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

fn to_stderr(text: &str) {
    let mut interest = [Interest::write(fd::stderr())];
    let polled = poll(&mut interest, None, Some(STDERR_PATIENCE));
    if polled.is_ok() && interest[0].ready.write {
        let _ = fd::write(fd::stderr(), text.as_bytes());
    }
}

/// Writes `text` to standard output. One that was closed at start, full or without a reader is an error.
pub fn print(text: &str) -> Result<(), Error> {
    let failed = |kind, reason: &dyn Display| Error::new(kind, "write", "standard output", reason);
    if startup::was_closed(1) {
        return Err(failed(Kind::WriteLocal, &"it was closed when this program was started"));
    }
    fd::write_all(fd::stdout(), text.as_bytes()).map_err(|e| match e.kind() {
        std::io::ErrorKind::BrokenPipe => failed(Kind::OutputGone, &"nobody reads it any more"),
        _ => failed(Kind::WriteLocal, &crate::error::plain(&e)),
    })
}

/// A duration for people: microseconds for what is quick, else seconds.
pub(super) fn words(time: Duration) -> String {
    match time {
        t if t < Duration::from_millis(1) => format!("{} µs", t.as_micros()),
        t if t < Duration::from_secs(1) => format!("{:.1} ms", t.as_secs_f64() * 1e3),
        // humantime prints every unit that is not zero: whole seconds are enough for what took minutes.
        t if t >= Duration::from_secs(60) => humantime::format_duration(Duration::from_secs(t.as_secs())).to_string(),
        t => Seconds(t).to_string(),
    }
}
