//! FTP: greeting, AUTH TLS on the control connection (RFC 4217 §4).

use super::reply::{Replies, Style};
use super::{Dialogue, Message, Next, StartTlsError, shown};

#[derive(Debug)]
pub(super) struct Ftp {
    replies: Replies,
    asked: bool,
}

impl Default for Ftp {
    fn default() -> Self {
        Ftp { replies: Replies::new(Style::CodeAround), asked: false }
    }
}

impl Dialogue for Ftp {
    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        heard.push(shown(message));
        let Some(reply) = self.replies.line(message)? else { return Ok(Next::Wait) };
        match (self.asked, reply.code) {
            // Service ready in a while: the greeting is still to come (RFC 959 §5.4).
            (false, 120) => Ok(Next::Wait),
            (false, 220) => {
                self.asked = true;
                Ok(Next::Say(Message::line("AUTH TLS")))
            }
            (true, 234) => Ok(Next::Ready),
            (false, _) => Err(reply.refusal("the connection")),
            (true, _) => Err(reply.refusal("AUTH TLS")),
        }
    }

    fn awaits(&self) -> &'static str {
        if self.asked { "wait for the answer to AUTH TLS of" } else { "wait for the FTP greeting of" }
    }
}
