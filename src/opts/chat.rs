//! A chat by hand over datagrams.

use std::time::Duration;

use clap::Args;

use super::values::Bytes;
use crate::deadline::Bound;
use crate::serve::chat::Chat;

/// `--interactive`, `--exit-word`.
#[derive(Args, Clone, Debug)]
pub struct ChatArgs {
    /// Chat by hand
    #[arg(long)]
    interactive: bool,
    /// A typed line that ends the chat
    #[arg(long, value_name = "WORD", requires = "interactive", value_parser = exit_word)]
    exit_word: Vec<Bytes>,
}

impl ChatArgs {
    /// Whether a chat is asked for.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// The chat that is asked for, under these limits.
    pub fn chat(&self, wait: Option<Duration>, idle: Option<Bound>) -> Option<Chat> {
        let exit_words = self.exit_word.iter().map(|word| word.0.clone()).collect();
        self.interactive.then_some(Chat { exit_words, wait, idle })
    }
}

/// With a newline in it, it would never be typed.
fn exit_word(text: &str) -> Result<Bytes, String> {
    let word: Bytes = text.parse()?;
    if word.0.contains(&b'\n') { Err("a line that is typed has no newline in it".into()) } else { Ok(word) }
}
