//! IMAP: greeting, CAPABILITY, STARTTLS with a tag (RFC 9051 §6.1.1, §6.2.1, §7.1).

use super::{Dialogue, Message, Next, StartTlsError, brief, malformed, quoted, shown};
use crate::proto::without_newline;

#[derive(Debug, Default)]
pub(super) struct Imap {
    state: State,
    /// What the server says that it can do.
    capabilities: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Greeting,
    Capability,
    StartTls,
}

impl State {
    /// What is asked, and the tag under which the answer comes.
    fn request(self) -> (&'static str, &'static [u8]) {
        match self {
            State::Greeting => ("the connection", b"*"),
            State::Capability => ("CAPABILITY", b"a1"),
            State::StartTls => ("STARTTLS", b"a2"),
        }
    }
}

impl Dialogue for Imap {
    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        heard.push(shown(message));
        let line = without_newline(message);
        let mut words = line.split(|&b| b == b' ');
        let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_ascii_uppercase());
        let (request, awaited) = self.state.request();
        match (tag, &status[..]) {
            (b"*", b"BYE") => Err(StartTlsError::Refused(request, quoted(line))),
            // Whoever is known already can't begin TLS any more (RFC 9051 §11.1).
            (b"*", b"PREAUTH") if self.state == State::Greeting => Err(StartTlsError::Refused("TLS", quoted(line))),
            (tag, b"OK") if tag == awaited => self.advance(),
            (tag, b"NO" | b"BAD") if tag == awaited => Err(StartTlsError::Refused(request, quoted(line))),
            (b"*", _) if self.state != State::Greeting => {
                if self.state == State::Capability && status == b"CAPABILITY" {
                    self.capabilities.extend(words.map(<[u8]>::to_vec));
                }
                Ok(Next::Wait)
            }
            _ => Err(malformed(format!("{} is no answer to {request}", quoted(line)))),
        }
    }

    fn awaits(&self) -> &'static str {
        match self.state {
            State::Greeting => "wait for the IMAP greeting of",
            State::Capability => "wait for the capabilities of",
            State::StartTls => "wait for the answer to STARTTLS of",
        }
    }
}

impl Imap {
    /// The answer that was waited for has come, and it is a good one.
    fn advance(&mut self) -> Result<Next, StartTlsError> {
        match self.state {
            State::Greeting => {
                self.state = State::Capability;
                Ok(Next::Say(Message::line("a1 CAPABILITY")))
            }
            State::Capability if self.capabilities.iter().any(|name| name.eq_ignore_ascii_case(b"STARTTLS")) => {
                self.state = State::StartTls;
                Ok(Next::Say(Message::line("a2 STARTTLS")))
            }
            State::Capability => {
                let names = brief(&self.capabilities.join(&b", "[..]));
                Err(StartTlsError::NotOffered(format!("STARTTLS is not among its capabilities: {names}")))
            }
            State::StartTls => Ok(Next::Ready),
        }
    }
}
