//! What the user sees: narration, warnings, errors, the progress bar, JSON, and the exit code.
//!
//! Owns standard error and everything that is put into words. Refuses to decide: it is told what happened.
//! All text is escaped here once more, so that no control byte from outside reaches a terminal.

mod account;
pub mod addresses;
pub mod answers;
pub mod bar;
pub mod checks;
pub mod exit;
pub mod hex;
mod intake;
mod lint;
mod own_certificate;
mod ping;
mod proxy;
pub mod repeats;
mod starttls;
mod tls;
mod verdicts;
mod voice;
pub mod watch;
pub mod waterfall;
mod wording;

pub use voice::{Color, Settings, Voice, print};
