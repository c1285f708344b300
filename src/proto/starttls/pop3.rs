//! POP3: greeting, STLS (RFC 1939 §3, RFC 2595 §4).

use super::{Dialogue, Message, Next, StartTlsError, malformed, quoted, shown};
use crate::proto::without_newline;

#[derive(Debug, Default)]
pub(super) struct Pop3 {
    asked: bool,
}

impl Dialogue for Pop3 {
    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        heard.push(shown(message));
        let line = without_newline(message);
        match (line.split(|&b| b == b' ').next().unwrap_or_default(), self.asked) {
            (b"+OK", true) => Ok(Next::Ready),
            (b"+OK", false) => {
                self.asked = true;
                Ok(Next::Say(Message::line("STLS")))
            }
            (b"-ERR", true) => Err(StartTlsError::Refused("STLS", quoted(line))),
            (b"-ERR", false) => Err(StartTlsError::Refused("the connection", quoted(line))),
            _ => Err(malformed(format!("{} is neither +OK nor -ERR", quoted(line)))),
        }
    }

    fn awaits(&self) -> &'static str {
        if self.asked { "wait for the answer to STLS of" } else { "wait for the POP3 greeting of" }
    }
}
