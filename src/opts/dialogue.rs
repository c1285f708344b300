//! A dialogue instead of an echo: what is said when, and what ends a session.

use clap::{ArgGroup, Args};

use super::address::given;
use super::values::{Bytes, template};
use crate::serve::partner::dialogue::{Dialogue, Template};

/// What makes the server close: --farewell is said then.
const CLOSINGS: &str = "closings";

/// Texts, and what a message is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Dialogue", group = ArgGroup::new(CLOSINGS).multiple(true))]
pub struct DialogueArgs {
    /// Say TEXT to each client that connects; every TEXT may contain \n \r \t \0 \xNN \\
    #[arg(long, value_name = "TEXT")]
    greeting: Option<Bytes>,
    /// Say TEXT before each message
    #[arg(long, value_name = "TEXT")]
    prompt: Option<Bytes>,
    /// Answer each message with TEXT instead of itself; {} is the message, {{ and }} are braces, '' answers nothing
    #[arg(long, value_name = "TEXT", value_parser = template)]
    reply: Option<Template>,
    /// Say TEXT before closing by --exit-word or --max-messages
    #[arg(long, value_name = "TEXT", requires = CLOSINGS)]
    farewell: Option<Bytes>,
    /// Close when a message is exactly WORD; can be given more than once
    #[arg(long, value_name = "WORD", group = CLOSINGS)]
    exit_word: Vec<Bytes>,
    /// Close after the answer to the Nth message
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), group = CLOSINGS)]
    max_messages: Option<u64>,
    /// A message is one line, whatever one read brings
    #[arg(long)]
    lines: bool,
    /// Write each message to stdout, one escaped line each
    #[arg(long)]
    print: bool,
}

impl DialogueArgs {
    /// The script that these options make.
    pub fn dialogue(&self) -> Dialogue {
        let text = |text: &Option<Bytes>| text.clone().map(|text| text.0).unwrap_or_default();
        Dialogue {
            greeting: text(&self.greeting),
            prompt: text(&self.prompt),
            reply: self.reply.clone(),
            farewell: text(&self.farewell),
            exit_words: self.exit_word.iter().map(|word| word.0.clone()).collect(),
            max_messages: self.max_messages,
            lines: self.lines,
        }
    }

    /// Whether messages are written to standard output.
    pub fn prints(&self) -> bool {
        self.print
    }

    /// The options given here.
    pub fn given(&self) -> impl Iterator<Item = &'static str> {
        given([
            ("--greeting", self.greeting.is_some()),
            ("--prompt", self.prompt.is_some()),
            ("--reply", self.reply.is_some()),
            ("--farewell", self.farewell.is_some()),
            ("--exit-word", !self.exit_word.is_empty()),
            ("--max-messages", self.max_messages.is_some()),
            ("--lines", self.lines),
            ("--print", self.print),
        ])
    }
}
