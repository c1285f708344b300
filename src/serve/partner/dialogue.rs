//! What is said when, and what a message is answered: the script of a dialogue, without its course.

use crate::proto::without_newline;

/// The texts of a session and what ends it. The default says nothing, and gives each message back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialogue {
    /// Said to each client that connects.
    pub greeting: Vec<u8>,
    /// Said before each message.
    pub prompt: Vec<u8>,
    /// What each message is answered; without it the message itself, its newline included.
    pub reply: Option<Template>,
    /// Said before the server closes because of an exit word or of `max_messages`.
    pub farewell: Vec<u8>,
    /// Each of these messages ends the session.
    pub exit_words: Vec<Vec<u8>>,
    /// The session ends after the answer to this message, counted from 1.
    pub max_messages: Option<u64>,
    /// A message is one line instead of what one read brings.
    pub lines: bool,
}

impl Dialogue {
    /// Whether this message, trimmed, ends the session.
    pub(super) fn is_exit(&self, message: &[u8]) -> bool {
        self.exit_words.iter().any(|word| word == message)
    }

    /// The answer to a message as it came; `None` if there is none at all, which an empty one is not.
    pub(super) fn answer(&self, message: Vec<u8>) -> Option<Vec<u8>> {
        match &self.reply {
            None => Some(message),
            Some(reply) if reply.is_silent() => None,
            Some(reply) => Some(reply.with(without_newline(&message))),
        }
    }
}

/// A text with places for the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// What a template is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes that are said as they are.
    Text(Vec<u8>),
    /// The message.
    Message,
}

impl Template {
    /// A template of these parts, in their order. An answer is as long as they are, with every message in it: whoever
    /// reads a template from outside limits the number of its parts.
    pub fn new(parts: Vec<Part>) -> Self {
        Template(parts)
    }

    /// Whether nothing is said at all, whatever the message.
    fn is_silent(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(text) if text.is_empty()))
    }

    fn with(&self, message: &[u8]) -> Vec<u8> {
        let bytes = |part| match part {
            &Part::Message => message,
            Part::Text(text) => text,
        };
        self.0.iter().map(bytes).collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let text = |text: &[u8]| Part::Text(text.to_vec());
        let hello = Template::new(vec![text(b"<"), Part::Message, text(b"|"), Part::Message, text(b">\n")]);
        let bare = Template::new(vec![Part::Message]);
        let nothing = Template::new(vec![text(b"")]);
        let assert_answer = |reply: Option<&Template>, message: &[u8], answer: Option<&[u8]>| {
            let dialogue = Dialogue { reply: reply.cloned(), ..Dialogue::default() };
            assert_eq!(dialogue.answer(message.to_vec()).as_deref(), answer, "{message:?}");
        };
        assert_answer(None, b"x\r\n", Some(b"x\r\n"));
        assert_answer(None, b"", Some(b""));
        assert_answer(Some(&hello), b"x\r\n", Some(b"<x|x>\n"));
        assert_answer(Some(&hello), b"\xff{}\0", Some(b"<\xff{}\0|\xff{}\0>\n"));
        assert_answer(Some(&bare), b"\n", Some(b""));
        assert_answer(Some(&nothing), b"x", None);
        assert_answer(Some(&Template::default()), b"x", None);
    }

    #[test]
    fn exit_words_are_exact() {
        let dialogue = Dialogue { exit_words: vec![b"exit".to_vec(), b"".to_vec()], ..Dialogue::default() };
        for (message, ends) in [(&b"exit"[..], true), (b"", true), (b"Exit", false), (b"exit ", false), (b"exi", false)]
        {
            assert_eq!(dialogue.is_exit(message), ends, "{message:?}");
        }
    }
}
