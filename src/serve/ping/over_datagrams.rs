//! Probes as datagrams: each may be lost, come twice, or come after a later one.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::Instant;

use super::carrier::{Arrival, Came, Carrier, Sending};
use super::probe::Probes;
use crate::error::{Error, Kind};
use crate::serve::place::Target;
use crate::sys::fd::{is_out_of_resources, is_too_large};
use crate::sys::poll::Interest;

/// A call that only reports what became of earlier datagrams is made again, so often at the most: nobody can
/// tell such a report from an error of the call itself.
const TRIES: usize = 3;

/// A socket that sends to one peer or to a group.
pub(super) struct OverDatagrams<'a> {
    target: &'a Target,
    probes: Probes,
    buffer: Vec<u8>,
    /// Why a datagram did not get there, and whether it may be the newest, until the loop is told.
    refused: Option<(Error, bool)>,
}

impl<'a> OverDatagrams<'a> {
    pub(super) fn new(target: &'a Target, probes: Probes) -> Result<Self, Error> {
        let largest = target.socket.largest().unwrap_or(usize::MAX);
        if probes.size() > largest {
            return Err(too_large(target, probes.size(), format_args!(", which holds {largest} at the most")));
        }
        Ok(OverDatagrams { target, probes, buffer: Vec::new(), refused: None })
    }

    /// A probe that met nobody is lost, and the next one may meet somebody.
    fn refuse(&mut self, error: &io::Error, is_newest: bool) {
        self.refused = Some((self.target.send_failed(error), is_newest));
    }

    fn failed(&self, error: &io::Error) -> Error {
        if is_too_large(error) {
            return too_large(self.target, self.probes.size(), format_args!(""));
        }
        self.target.send_failed(error)
    }

    fn is_of_the_way(&self, error: &io::Error) -> bool {
        use ErrorKind as Io;
        let kinds = [Io::ConnectionRefused, Io::HostUnreachable, Io::NetworkUnreachable, Io::NetworkDown];
        self.target.socket.has_late_errors() && kinds.contains(&error.kind())
    }
}

fn too_large(target: &Target, size: usize, limit: std::fmt::Arguments<'_>) -> Error {
    let reason = format!("--size {size} is too much for one datagram to {}{limit}", target.name);
    Error::usage(reason)
}

impl Carrier for OverDatagrams<'_> {
    fn send(&mut self, seq: u64) -> Result<Sending, Error> {
        let at = Instant::now();
        for tries in 1..=TRIES {
            match self.target.socket.send(self.probes.bytes(seq)) {
                Ok(()) => break,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Sending::Blocked { moved: false }),
                Err(e) if is_out_of_resources(&e) => return Ok(Sending::NoBuffers),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if self.is_of_the_way(&e) => self.refuse(&e, tries == TRIES),
                Err(e) => return Err(self.failed(&e)),
            }
        }
        // One that can't even leave is as lost as one that was lost on the way.
        Ok(Sending::Done(at))
    }

    fn receive(&mut self, last: u64) -> Result<Option<Arrival>, Error> {
        loop {
            if let Some((error, is_newest)) = self.refused.take() {
                return Ok(Some(Arrival::Refused { error, is_newest }));
            }
            let (bytes, sender) = match self.target.socket.receive(&mut self.buffer) {
                Ok(came) => came,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if self.is_of_the_way(&e) => {
                    self.refuse(&e, true);
                    continue;
                }
                Err(e) => return Err(Error::io(Kind::Reset, "receive from", &self.target.name, &e)),
            };
            let at = Instant::now();
            let from = self.is_group().then(|| sender.name());
            return Ok(Some(match self.probes.recognise(&self.buffer[..bytes], last) {
                Some(probe) => Arrival::Probe(Came { seq: probe.seq, intact: probe.intact, bytes, at, from }),
                None => Arrival::Foreign(bytes, from),
            }));
        }
    }

    fn rest(&mut self, _: u64) -> usize {
        0
    }

    fn interest(&self, blocked: bool) -> Option<Interest<'_>> {
        Some(Interest::new(self.target.socket.as_fd(), true, blocked))
    }

    fn name(&self) -> String {
        self.target.name.to_string()
    }

    fn is_group(&self) -> bool {
        self.target.socket.is_group()
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
