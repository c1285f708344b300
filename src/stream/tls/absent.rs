//! What stands behind the door in a build without the cargo feature `tls`: nothing but a clear answer.

use std::io;
use std::os::fd::BorrowedFd;

use super::{Client, Failed, Server};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::Tell;
use crate::event::tls::{Handshake, OwnCertificate};
use crate::net::{Context, Cut};
use crate::stream::{Readiness, Stream};

/// There can be none.
#[derive(Debug)]
pub enum Tls {}

/// There can be none.
#[derive(Clone, Debug)]
pub enum ReadyClient {}

/// There can be none.
#[derive(Clone, Debug)]
pub enum PreparedServer {}

/// There can be none.
#[derive(Clone, Debug)]
pub enum ReadyServer {}

fn no_tls() -> Error {
    Error::new(Kind::Tls, "", "", "this sockkit was built without TLS").hint("build it with the cargo feature tls")
}

impl Client {
    /// Says that there is no TLS.
    pub fn prepare(&self) -> Result<ReadyClient, Error> {
        Err(no_tls())
    }
}

impl Server {
    /// Says that there is no TLS.
    pub fn prepare(&self, _: &dyn Tell) -> Result<PreparedServer, Error> {
        Err(no_tls())
    }
}

impl PreparedServer {
    /// Never called.
    pub fn for_names(self, _: impl FnOnce() -> Vec<String>) -> Result<(ReadyServer, Option<OwnCertificate>), Error> {
        match self {}
    }
}

impl ReadyClient {
    /// Never called.
    pub fn wrap(&self, _: &Context<'_>, _: Stream, _: &str, _: Deadline) -> Result<Stream, Error> {
        match *self {}
    }

    /// Never called.
    pub fn can_ask_for(&self, _: &str) -> Result<(), Error> {
        match *self {}
    }

    /// Never called.
    pub fn begin(&self, _: &Context<'_>, _: Stream, _: &str) -> Result<Box<Tls>, Error> {
        match *self {}
    }

    /// Never called.
    pub fn advance(&self, _: &Context<'_>, _: &mut Tls) -> Result<bool, Failed> {
        match *self {}
    }

    /// Never called.
    pub fn cut_short(&self, _: &Context<'_>, _: &Tls, _: Cut) -> Failed {
        match *self {}
    }
}

impl ReadyServer {
    /// Never called.
    pub fn wrap(&self, _: &Context<'_>, _: Stream, _: Deadline) -> Result<Stream, Error> {
        match *self {}
    }

    /// Never called.
    pub fn begin(&self, _: &Context<'_>, _: Stream, _: usize) -> Result<Tls, Error> {
        match *self {}
    }

    /// Never called.
    pub fn tell_agreed(&self, _: &Context<'_>, _: &Tls) {
        match *self {}
    }
}

#[allow(missing_docs, reason = "never called: the contract is that of the real one")]
impl Tls {
    pub fn advance(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn is_handshaking(&self) -> bool {
        match *self {}
    }

    pub fn wants_flush(&self) -> bool {
        match *self {}
    }

    pub fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub fn close_write(&mut self) -> io::Result<()> {
        match *self {}
    }

    pub fn unacknowledged(&self) -> Option<u64> {
        match *self {}
    }

    pub fn read_interest(&self) -> Readiness<'_> {
        match *self {}
    }

    pub fn has_more(&self) -> bool {
        match *self {}
    }

    pub fn read_error(&self, _: &io::Error) -> Error {
        match *self {}
    }

    pub fn write_error(&self, _: &io::Error) -> Error {
        match *self {}
    }

    pub fn agreed(&self) -> Option<&Handshake> {
        match *self {}
    }

    pub fn under(&self) -> &Stream {
        match *self {}
    }

    pub fn under_mut(&mut self) -> &mut Stream {
        match *self {}
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match *self {}
    }
}
