//! STARTTLS, sans-IO: how a client and a server that speak in plain text agree to go on with TLS.
//!
//! Owns one dialogue a protocol, from the first byte of the connection to the server's go-ahead. Refuses to say anything
//! that is not needed for it, and to believe what comes behind the go-ahead: whoever sits between could have put it there,
//! and read as if it had come encrypted it would be trusted (CVE-2011-0411, CVE-2021-23222).
//!
//! ```text
//!                  ┌── Heard · Send · NeedMore ──┐
//!                  ▼                             │
//!  StartTls::new ─▶ feed ────────────────────────┴─▶ Ready       then the TLS handshake, and not one byte before it
//!                     └─▶ NotOffered · Refused · Glued · Malformed · TooLarge
//! ```
//!
//! ```
//! use sockkit::proto::starttls::{Protocol, StartTls, Step};
//!
//! let mut machine = StartTls::new(Protocol::Pop3, "pop.example");
//! let mut input: &[u8] = b"+OK hel";
//! assert_eq!(machine.feed(&mut input)?, Step::NeedMore);
//! let mut input: &[u8] = b"lo\r\n";
//! assert_eq!(machine.feed(&mut input)?, Step::Heard("+OK hello".into()));
//! let Step::Send(said) = machine.feed(&mut input)? else { panic!() };
//! assert_eq!((said.words, said.bytes), ("STLS".into(), b"STLS\r\n".to_vec()));
//! let mut input: &[u8] = b"+OK begin\r\n";
//! assert_eq!(machine.feed(&mut input)?, Step::Heard("+OK begin".into()));
//! assert_eq!(machine.feed(&mut input)?, Step::Ready);
//! # Ok::<(), sockkit::proto::starttls::StartTlsError>(())
//! ```

mod ftp;
mod imap;
mod ldap;
mod mysql;
mod pop3;
mod postgres;
mod reply;
mod smtp;
mod xmpp;

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use super::{escape, without_newline};

/// Bytes of the server between two things that we say: a greeting, a reply, all that stands before a tagged line.
pub const MAX_REPLY: usize = 64 * 1024;

/// Which protocol is spoken until TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Mail, on its way (RFC 3207).
    Smtp,
    /// Mail, in its box (RFC 9051 §6.2.1).
    Imap,
    /// Mail, fetched (RFC 2595 §4).
    Pop3,
    /// Files: the control connection (RFC 4217).
    Ftp,
    /// Directories (RFC 4511 §4.14).
    Ldap,
    /// The database.
    Postgres,
    /// The database, and `MariaDB`.
    Mysql,
    /// Messages, as a client (RFC 6120 §5).
    Xmpp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 8] = [
        Protocol::Smtp,
        Protocol::Imap,
        Protocol::Pop3,
        Protocol::Ftp,
        Protocol::Ldap,
        Protocol::Postgres,
        Protocol::Mysql,
        Protocol::Xmpp,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Ftp => "ftp",
            Protocol::Ldap => "ldap",
            Protocol::Postgres => "postgres",
            Protocol::Mysql => "mysql",
            Protocol::Xmpp => "xmpp",
        }
    }

    /// The port on which it is spoken with TLS from the first byte (IANA), if it has one.
    pub fn implicit_port(self) -> Option<u16> {
        match self {
            Protocol::Smtp => Some(465),
            Protocol::Imap => Some(993),
            Protocol::Pop3 => Some(995),
            Protocol::Ftp => Some(990),
            Protocol::Ldap => Some(636),
            Protocol::Xmpp => Some(5223),
            Protocol::Postgres | Protocol::Mysql => None,
        }
    }

    fn dialogue(self, name: &str) -> Box<dyn Dialogue> {
        match self {
            Protocol::Smtp => Box::<smtp::Smtp>::default(),
            Protocol::Imap => Box::<imap::Imap>::default(),
            Protocol::Pop3 => Box::<pop3::Pop3>::default(),
            Protocol::Ftp => Box::<ftp::Ftp>::default(),
            Protocol::Ldap => Box::new(ldap::Ldap),
            Protocol::Postgres => Box::new(postgres::Postgres),
            Protocol::Mysql => Box::new(mysql::Mysql),
            Protocol::Xmpp => Box::new(xmpp::Xmpp::new(name)),
        }
    }
}

/// As people write it.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Smtp => "SMTP",
            Protocol::Imap => "IMAP",
            Protocol::Pop3 => "POP3",
            Protocol::Ftp => "FTP",
            Protocol::Ldap => "LDAP",
            Protocol::Postgres => "PostgreSQL",
            Protocol::Mysql => "MySQL",
            Protocol::Xmpp => "XMPP",
        })
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        found.ok_or_else(|| Self::ALL.map(Protocol::name).join(", "))
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, but this is what the server has said, escaped. Feed the rest.
    Heard(String),
    /// Send this, then feed the rest.
    Send(Message),
    /// Read more; all that was given is used up.
    NeedMore,
    /// Begin the TLS handshake.
    Ready,
}

/// Something that we say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// The same for a reader.
    pub words: String,
}

impl Message {
    fn line(text: &str) -> Self {
        Message { bytes: format!("{text}\r\n").into_bytes(), words: text.into() }
    }
}

/// Why TLS can't begin. The texts inside are escaped already: safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartTlsError {
    /// The server does not have it: what it has (exit code 35).
    NotOffered(String),
    /// The server refuses this, in these words of its own (exit code 35).
    Refused(&'static str, String),
    /// These bytes came in plain text behind the go-ahead (exit code 35).
    Glued(String),
    /// The reply breaks the protocol (exit code 8).
    Malformed(String),
    /// More than [`MAX_REPLY`] bytes came (exit code 63).
    TooLarge,
}

impl fmt::Display for StartTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered(what) => write!(f, "the server does not offer TLS: {what}"),
            Self::Refused(what, said) => write!(f, "the server refuses {what}: {said}"),
            Self::Glued(bytes) => {
                write!(f, "plain text came behind the server's go-ahead, where anybody could have put it: {bytes}")
            }
            Self::Malformed(why) => write!(f, "the server's reply is malformed: {why}"),
            Self::TooLarge => write!(f, "the server's reply is over {MAX_REPLY} bytes"),
        }
    }
}

impl std::error::Error for StartTlsError {}

impl From<super::packet::Reason> for StartTlsError {
    fn from(reason: super::packet::Reason) -> Self {
        match reason {
            super::packet::Reason::Malformed(why) => Self::Malformed(why),
            super::packet::Reason::Stray(why) => Self::Malformed(why.into()),
        }
    }
}

fn malformed(why: impl Into<String>) -> StartTlsError {
    StartTlsError::Malformed(why.into())
}

/// The server's own words, escaped; a hostile reply must not fill the screen.
fn brief(bytes: &[u8]) -> String {
    const SHOWN: usize = 200;
    match bytes.get(..SHOWN) {
        Some(start) if bytes.len() > SHOWN => escape(start) + "…",
        _ => escape(bytes),
    }
}

/// The same in quotation marks.
fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", brief(bytes))
}

/// One protocol's part: where a message of the server ends, and what it means.
trait Dialogue: fmt::Debug {
    /// What we say before the server has said anything.
    fn opening(&self) -> Option<Message> {
        None
    }

    /// Whether `message`, which has grown by one byte since the last question, is whole.
    fn is_whole(&mut self, message: &[u8]) -> Result<bool, StartTlsError> {
        Ok(message.ends_with(b"\n"))
    }

    /// What a whole message of the server brings; it is told to the reader of `heard` in words.
    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError>;

    /// What is waited for, as an operation on the server.
    fn awaits(&self) -> &'static str;
}

/// A line as a reader sees it.
fn shown(line: &[u8]) -> String {
    escape(without_newline(line))
}

enum Next {
    /// More of the server's words are needed.
    Wait,
    Say(Message),
    /// The server has given its go-ahead.
    Ready,
    /// The same, but it waits for this first.
    SayAndGo(Message),
}

/// The client's side of the dialogue that ends with the server's go-ahead.
#[derive(Debug)]
pub struct StartTls {
    dialogue: Box<dyn Dialogue>,
    /// The part of a message that has come.
    message: Vec<u8>,
    /// Bytes of the server since we last said something.
    taken: usize,
    steps: VecDeque<Result<Step, StartTlsError>>,
    agreed: bool,
}

impl StartTls {
    /// A dialogue in `protocol` with a server that was reached by the name `name`.
    pub fn new(protocol: Protocol, name: &str) -> Self {
        let dialogue = protocol.dialogue(name);
        let steps = dialogue.opening().map(|opening| Ok(Step::Send(opening))).into_iter().collect();
        StartTls { dialogue, message: Vec::new(), taken: 0, steps, agreed: false }
    }

    /// Takes what it needs from the front of `input`, leaves the rest there, and says what to do next.
    ///
    /// # Errors
    /// TLS can't begin; the machine is of no use after that.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Step, StartTlsError> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return step;
            }
            if self.agreed {
                return nothing_behind(input).map(|()| Step::Ready);
            }
            let Some(message) = self.collect(input)? else { return Ok(Step::NeedMore) };
            self.answer(&message, input);
        }
    }

    /// What is waited for, as an operation on the server: `wait for the SMTP greeting of`.
    pub fn awaits(&self) -> &'static str {
        self.dialogue.awaits()
    }

    /// The next whole message, once all of it has come.
    fn collect(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, StartTlsError> {
        let given = *input;
        for (at, &byte) in given.iter().enumerate() {
            self.taken += 1;
            if self.taken > MAX_REPLY {
                return Err(StartTlsError::TooLarge);
            }
            self.message.push(byte);
            if self.dialogue.is_whole(&self.message)? {
                *input = &given[at + 1..];
                return Ok(Some(std::mem::take(&mut self.message)));
            }
        }
        *input = &[];
        Ok(None)
    }

    /// Queues what follows from `message`, behind which `rest` has come.
    fn answer(&mut self, message: &[u8], rest: &[u8]) {
        let mut heard = Vec::new();
        let next = self.dialogue.hear(message, &mut heard);
        self.steps.extend(heard.into_iter().map(|words| Ok(Step::Heard(words))));
        let step = match next {
            Ok(Next::Wait) => None,
            Ok(Next::Say(message)) => Some(Ok(Step::Send(message))),
            Ok(Next::Ready) => {
                self.agreed = true;
                None
            }
            Ok(Next::SayAndGo(message)) => {
                self.agreed = true;
                Some(nothing_behind(rest).map(|()| Step::Send(message)))
            }
            Err(error) => Some(Err(error)),
        };
        self.taken = if matches!(step, Some(Ok(_))) { 0 } else { self.taken };
        self.steps.extend(step);
    }
}

fn nothing_behind(rest: &[u8]) -> Result<(), StartTlsError> {
    if rest.is_empty() { Ok(()) } else { Err(StartTlsError::Glued(quoted(rest))) }
}

#[cfg(test)]
mod tests;
