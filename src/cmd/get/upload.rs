//! The body of the requests: opened once, sent with each request that has one.
//!
//! Owns that it begins at its beginning each time, and that a body that can't is never sent by half. Refuses to send.

use std::io;

use super::glass::Survey;
use super::plan::Plan;
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::opts::http::Data;
use crate::proto::http::{Content, Version};
use crate::relay::Body;
use crate::stream::Stream;
use crate::stream::stdio::{Input, InputKind, Output, Stdio};

/// A file of unknown size (one of /proc, or an empty one) that has less than this is read at once.
const SMALL: usize = 64 * 1024;

/// The body, and whether it has been begun.
pub(super) struct Upload {
    source: Source,
    begun: bool,
}

enum Source {
    None,
    Bytes(Vec<u8>),
    Stream(Stream, Option<u64>),
}

impl Upload {
    /// Opens what --data names, before anybody is connected to.
    pub(super) fn open(ctx: &Context<'_>, plan: &Plan) -> Result<Self, Error> {
        let source = match &plan.ask.data {
            Data::None => Source::None,
            Data::Text(text) => Source::Bytes(text.clone()),
            Data::File(path) => Source::of(Stdio::reading(ctx, path)?)?,
            Data::Stdin => Source::of(Stdio::open(Input::Stdin, Output::Discard)?)?,
        };
        let upload = Upload { source, begun: false };
        if upload.content() == Content::Chunked && plan.ask.version == Version::Http10 {
            return Err(Error::usage("--http1.0: the length of the body is unknown, and HTTP/1.0 needs it")
                .hint("put it into a file, and send that with --data @FILE"));
        }
        let several = (plan.urls.len() > 1).then_some("for several URLs");
        if let Some(why) = plan.survey.and_then(Survey::asks_again).or(several).filter(|_| !upload.can_begin_again()) {
            return Err(upload.spent(why));
        }
        Ok(upload)
    }

    /// How the request tells of it.
    pub(super) fn content(&self) -> Content {
        match &self.source {
            Source::None => Content::None,
            Source::Bytes(bytes) => Content::Length(bytes.len() as u64),
            Source::Stream(_, Some(length)) => Content::Length(*length),
            Source::Stream(_, None) => Content::Chunked,
        }
    }

    /// Whether it can be sent once more.
    pub(super) fn can_begin_again(&self) -> bool {
        match &self.source {
            Source::None | Source::Bytes(_) => true,
            Source::Stream(stream, _) => stream.can_rewind(),
        }
    }

    /// Whether it can be sent: what can't be sent once more can until it has been begun.
    pub(super) fn can_begin(&self) -> bool {
        !self.begun || self.can_begin_again()
    }

    /// The whole body, from its beginning.
    pub(super) fn body(&mut self) -> Result<Body<'_>, Error> {
        let begun = std::mem::replace(&mut self.begun, true);
        match &mut self.source {
            Source::None => Ok(Body::None),
            Source::Bytes(bytes) => Ok(Body::Bytes(bytes)),
            Source::Stream(stream, length) => {
                if begun {
                    stream.rewind().map_err(|e| stream.read_error(&e))?;
                }
                Ok(Body::Stream(stream, *length))
            }
        }
    }

    /// The error of a body that is needed a second time, `why`.
    pub(super) fn spent(&self, why: &str) -> Error {
        let name = if let Source::Stream(stream, _) = &self.source { stream.name() } else { String::new() };
        let reason = format!("it can be read only once, and is needed again {why}");
        Error::new(Kind::ReadLocal, "read", name, reason).hint("put it into a file, and send that with --data @FILE")
    }
}

impl Source {
    fn of(stdio: Stdio) -> Result<Self, Error> {
        let (absent, length) = (stdio.input_kind() == InputKind::Absent, stdio.input_left());
        let stream = Stream::Stdio(stdio);
        match length {
            _ if absent => Ok(Source::Bytes(Vec::new())),
            None if stream.can_rewind() => Source::unsized_file(stream),
            length => Ok(Source::Stream(stream, length)),
        }
    }

    /// A regular file never blocks: what is small is known as soon as it is read.
    fn unsized_file(mut stream: Stream) -> Result<Self, Error> {
        let failed = |stream: &Stream, e: &io::Error| stream.read_error(e);
        let (mut bytes, mut piece) = (Vec::new(), vec![0; SMALL]);
        while bytes.len() < SMALL {
            match stream.read(&mut piece).map_err(|e| failed(&stream, &e))? {
                0 => return Ok(Source::Bytes(bytes)),
                n => bytes.extend_from_slice(&piece[..n]),
            }
        }
        stream.rewind().map_err(|e| failed(&stream, &e))?;
        Ok(Source::Stream(stream, None))
    }
}
