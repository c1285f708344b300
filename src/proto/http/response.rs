//! One response from its first byte to its last: interim responses, head, body, end.
//!
//! Owns the order of things and what it means when the connection ends at each point of it (RFC 9112 §6.3, §8;
//! RFC 9110 §15.2 for interim responses). Refuses 101, since no upgrade is ever asked for, and an eleventh interim
//! response. Once it has failed it stays failed, with the same error.

use super::chunked::{Chunked, Piece, take};
use super::framing::Framing;
use super::head::{HeadReader, ResponseHead};
use super::method::Method;
use super::{HttpError, malformed};

/// The most interim responses (1xx) before the final one.
pub const MAX_INTERIM: usize = 10;

/// Reads one response, in pieces of any size.
#[derive(Clone, Debug)]
pub struct Response {
    method: Method,
    /// How many have come, and those that nobody has asked for yet.
    interim: usize,
    interim_heads: Vec<ResponseHead>,
    framing: Option<Framing>,
    received: u64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Head(HeadReader),
    Length { left: u64 },
    Chunked(Chunked),
    UntilClose,
    Done,
    Failed(HttpError),
}

/// What the front of the input was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// The head of the final response; comes once, before any data.
    Head(ResponseHead),
    /// A piece of the body, never empty: a part of the caller's own input, without its framing.
    Data(&'i [u8]),
    /// The input is used up; feed more when it comes, or call [`Response::end_of_input`].
    NeedMore,
    /// The body is complete. What is left in the input is not part of this response.
    Done,
}

/// How a response that is whole has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The response said where it ends, and that point was reached: it is whole even if TLS was cut without
    /// `close_notify`.
    Framed,
    /// Only the end of the connection ended the body: no one can tell whether it was cut (RFC 9112 §8).
    Closed,
}

impl Response {
    /// A reader for the answer to a request with `method`.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            interim: 0,
            interim_heads: Vec::new(),
            framing: None,
            received: 0,
            state: State::Head(HeadReader::default()),
        }
    }

    /// Takes what comes next from the front of `input` and leaves the rest there.
    ///
    /// Call it again, with an empty input too, until it gives [`Event::NeedMore`] or [`Event::Done`].
    ///
    /// # Errors
    /// [`HttpError::Malformed`] or [`HttpError::TooLarge`]. Data that was given before stays good.
    pub fn feed<'i>(&mut self, input: &mut &'i [u8]) -> Result<Event<'i>, HttpError> {
        let event = self.next(input);
        if let Err(error) = &event {
            self.state = State::Failed(error.clone());
        }
        event
    }

    /// Says what it means that the peer has ended its side, with all input fed before.
    ///
    /// # Errors
    /// [`HttpError::Empty`] before the first byte, [`HttpError::Malformed`] inside the head, behind an interim response
    /// or where a chunk is to begin, [`HttpError::Short`] inside a body of known length or inside a chunk, or the
    /// error that `feed` gave.
    pub fn end_of_input(&self) -> Result<End, HttpError> {
        match &self.state {
            State::Head(reader) if !reader.is_empty() => Err(malformed("the connection ended inside its head")),
            State::Head(_) if self.interim > 0 => Err(malformed("only interim responses came, no final one")),
            State::Head(_) => Err(HttpError::Empty),
            State::Length { left } => {
                let expected = self.received.checked_add(*left);
                Err(HttpError::Short { got: self.received, expected })
            }
            State::Chunked(chunked) => Err(chunked.cut(self.received)),
            State::UntilClose => Ok(End::Closed),
            State::Done => Ok(End::Framed),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// How the body's end will be known, and its length if that was announced; `None` before the head is complete.
    #[must_use]
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Bytes of body given out so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The interim responses (1xx) that came since the last call.
    pub fn take_interim(&mut self) -> Vec<ResponseHead> {
        std::mem::take(&mut self.interim_heads)
    }

    /// How many bytes come next that are body and nothing else, so that they need not be fed: at most `u64::MAX`, where
    /// the body ends with the connection; `None` where every byte must be looked at.
    #[must_use]
    pub fn plain(&self) -> Option<u64> {
        match &self.state {
            State::Length { left } => Some(*left),
            State::UntilClose => Some(u64::MAX),
            _ => None,
        }
    }

    /// So many of the [`Response::plain`] bytes have gone another way.
    pub fn passed(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
        if let State::Length { left } = &mut self.state {
            *left = left.saturating_sub(bytes);
            if *left == 0 {
                self.state = State::Done;
            }
        }
    }

    fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Event<'i>, HttpError> {
        match &mut self.state {
            State::Head(_) => self.head(input),
            State::Length { left } => {
                let most = *left;
                Ok(self.piece(input, most))
            }
            State::Chunked(chunked) => match chunked.feed(input)? {
                Piece::Data(data) => Ok(self.count(data)),
                Piece::NeedMore => Ok(Event::NeedMore),
                Piece::Done => {
                    self.state = State::Done;
                    Ok(Event::Done)
                }
            },
            State::UntilClose => Ok(self.piece(input, u64::MAX)),
            State::Done => Ok(Event::Done),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn head<'i>(&mut self, input: &mut &'i [u8]) -> Result<Event<'i>, HttpError> {
        while let State::Head(reader) = &mut self.state {
            let Some(head) = reader.feed(input)? else {
                break;
            };
            if !self.is_interim(&head)? {
                self.begin_body(Framing::of(self.method, &head)?);
                return Ok(Event::Head(head));
            }
            self.interim_heads.push(head);
        }
        Ok(Event::NeedMore)
    }

    fn is_interim(&mut self, head: &ResponseHead) -> Result<bool, HttpError> {
        match head.status {
            101 => {
                return Err(malformed("it switches protocols (101), which was not asked for"));
            }
            100..=199 => self.interim += 1,
            _ => return Ok(false),
        }
        if self.interim > MAX_INTERIM {
            return Err(HttpError::TooLarge(format!("over {MAX_INTERIM} interim responses")));
        }
        Ok(true)
    }

    fn begin_body(&mut self, framing: Framing) {
        self.framing = Some(framing);
        self.state = match framing {
            Framing::NoBody | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        };
    }

    fn piece<'i>(&mut self, input: &mut &'i [u8], most: u64) -> Event<'i> {
        let (data, rest) = take(input, most);
        if data.is_empty() {
            return Event::NeedMore;
        }
        *input = rest;
        self.passed(data.len() as u64);
        Event::Data(data)
    }

    fn count<'i>(&mut self, data: &'i [u8]) -> Event<'i> {
        // A close-delimited body has no bound; its count may stop at 16 EiB, the bytes do not.
        self.received = self.received.saturating_add(data.len() as u64);
        Event::Data(data)
    }
}

#[cfg(test)]
mod tests;
