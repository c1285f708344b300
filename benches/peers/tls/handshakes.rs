//! Clients that come, shake hands, bring one message, and go when its echo is complete.
//!
//! They believe whatever certificate there is and look at no signature, and no session goes on: on two cores they have
//! one, and what they do there is to be less than what the server does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, version};

use crate::echo::Load;
use crate::echo::clients::{BUFFER, place, wait};
use crate::echo::message::{MESSAGE, message};
use crate::payload::words;

/// A full backlog costs a second, then two, then four.
const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: usize = 64;

/// `count` connections, `at_a_time` of them at once, or as many as there is time for. Those that are still on their
/// way then are seen through, but count no more.
pub fn load(server: SocketAddr, at_a_time: usize, count: usize, time: Duration) -> Result<Load, String> {
    let mut door = Door::new(server)?;
    let mut events = Vec::with_capacity(EVENTS);
    let mut times = Vec::with_capacity(count);
    let mut seconds = None;
    let started = Instant::now();
    let mut guests = (0..at_a_time).map(|place| door.open(place).map(Some)).collect::<Result<Vec<_>, _>>()?;
    while guests.iter().any(Option::is_some) {
        wait(&door.epoll, &mut events, PATIENCE)?;
        if events.is_empty() {
            return Err(format!("handshakes were not over within {PATIENCE:?}"));
        }
        for event in events.drain(..) {
            let place = place(event);
            let Some(guest) = &mut guests[place] else { continue };
            if !guest.turn()? {
                continue;
            }
            let now = Instant::now();
            if seconds.is_none() {
                times.push(now - guest.came);
            }
            guest.leave();
            // It is closed before the next one comes.
            guests[place] = None;
            if times.len() < count && now < started + time {
                guests[place] = Some(door.open(place)?);
            } else {
                seconds.get_or_insert((now - started).as_secs_f64());
            }
        }
    }
    Ok(Load { seconds: seconds.unwrap_or(f64::NAN), times, resent: 0 })
}

/// Where guests come in.
struct Door {
    server: SocketAddr,
    epoll: OwnedFd,
    config: Arc<ClientConfig>,
    next: u32,
}

struct Guest {
    number: u32,
    stream: TcpStream,
    tls: ClientConnection,
    message: [u8; MESSAGE],
    is_sent: bool,
    got: usize,
    came: Instant,
}

impl Door {
    fn new(server: SocketAddr) -> Result<Self, String> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|e| words(e.into()))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&version::TLS13]).map_err(|e| e.to_string())?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Blind)).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self { server, epoll, config: Arc::new(config), next: 0 })
    }

    fn open(&mut self, place: usize) -> Result<Guest, String> {
        let (number, came) = (self.next, Instant::now());
        self.next += 1;
        let stream = TcpStream::connect_timeout(&self.server, PATIENCE).map_err(words)?;
        stream.set_nodelay(true).map_err(words)?;
        stream.set_nonblocking(true).map_err(words)?;
        let name = ServerName::IpAddress(self.server.ip().into());
        let tls = ClientConnection::new(Arc::clone(&self.config), name).map_err(|e| e.to_string())?;
        let mut guest = Guest { number, stream, tls, message: message(number, 0), is_sent: false, got: 0, came };
        guest.flush()?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&self.epoll, &guest.stream, EventData::new_u64(place as u64), flags).map_err(|e| words(e.into()))?;
        Ok(guest)
    }
}

impl Guest {
    /// Whether its echo is complete.
    fn turn(&mut self) -> Result<bool, String> {
        loop {
            match self.tls.read_tls(&mut self.stream) {
                Ok(0) => return Err(self.says("the server closed it before the echo was complete")),
                Ok(_) => self.tls.process_new_packets().map(drop).map_err(|e| self.says(&e.to_string()))?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.says(&words(error))),
            }
        }
        if !self.is_sent && !self.tls.is_handshaking() {
            self.tls.writer().write_all(&self.message).map_err(words)?;
            self.is_sent = true;
        }
        self.flush()?;
        let mut buffer = [0; BUFFER];
        match self.tls.reader().read(&mut buffer) {
            Ok(n @ 1..) if self.message[self.got..].starts_with(&buffer[..n]) => self.got += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(_) => return Err(self.says("its message did not come back as it was sent")),
            Err(error) => return Err(self.says(&words(error))),
        }
        Ok(self.got == MESSAGE)
    }

    fn flush(&mut self) -> Result<(), String> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.stream).map_err(|e| format!("connection {}: {e}", self.number))?;
        }
        Ok(())
    }

    /// What becomes of its end is the server's.
    fn leave(&mut self) {
        self.tls.send_close_notify();
        let _ = self.flush();
    }

    fn says(&self, what: &str) -> String {
        format!("connection {}: {what}", self.number)
    }
}

/// Looks at nothing: whom it talks to is the bench's own server.
#[derive(Debug)]
struct Blind;

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
