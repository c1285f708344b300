//! SMTP: greeting, EHLO, STARTTLS (RFC 3207, RFC 5321).

use super::reply::{Replies, Reply};
use super::{Dialogue, Message, Next, StartTlsError, brief, shown};

/// What we call ourselves. Nobody judges it before there is mail, and after TLS has begun EHLO is said again
/// (RFC 3207 §4.2).
const EHLO: &str = "EHLO localhost";

#[derive(Debug, Default)]
pub(super) struct Smtp {
    replies: Replies,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Greeting,
    Ehlo,
    StartTls,
}

impl Dialogue for Smtp {
    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        heard.push(shown(message));
        let Some(reply) = self.replies.line(message)? else { return Ok(Next::Wait) };
        match (self.state, reply.code) {
            (State::Greeting, 220) => {
                self.state = State::Ehlo;
                Ok(Next::Say(Message::line(EHLO)))
            }
            (State::Ehlo, 250) => {
                offers(&reply)?;
                self.state = State::StartTls;
                Ok(Next::Say(Message::line("STARTTLS")))
            }
            (State::StartTls, 220) => Ok(Next::Ready),
            (State::Greeting, _) => Err(reply.refusal("the connection")),
            (State::Ehlo, _) => Err(reply.refusal("EHLO")),
            (State::StartTls, _) => Err(reply.refusal("STARTTLS")),
        }
    }

    fn awaits(&self) -> &'static str {
        match self.state {
            State::Greeting => "wait for the SMTP greeting of",
            State::Ehlo => "wait for the answer to EHLO of",
            State::StartTls => "wait for the answer to STARTTLS of",
        }
    }
}

/// Whether STARTTLS is among the service extensions; the first line is the server's name.
fn offers(reply: &Reply) -> Result<(), StartTlsError> {
    let extensions = || reply.texts.iter().skip(1).map(|text| text.split(|&b| b == b' ').next().unwrap_or_default());
    if extensions().any(|keyword| keyword.eq_ignore_ascii_case(b"STARTTLS")) {
        return Ok(());
    }
    let names = brief(&extensions().collect::<Vec<_>>().join(&b", "[..]));
    Err(StartTlsError::NotOffered(match names.as_str() {
        "" => "its answer to EHLO has no extensions".into(),
        names => format!("its answer to EHLO has no STARTTLS, but {names}"),
    }))
}
