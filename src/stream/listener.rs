//! From an endpoint to a listening socket, and from that to clients.
//!
//! Owns which of a name's addresses is bound, the dual-stack wildcard, and the meaning of each error that
//! accept(2) may give. Refuses to count clients and to end: the command does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Remote, Stream};
use crate::address::{Endpoint, Family, Host};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, plain};
use crate::event::account::Opening;
use crate::event::{Event, Serve};
use crate::net::resolve::{Lookup, resolve};
use crate::net::unix_path::SocketFile;
use crate::net::{Context, Socket, SocketConfig, SocketName};
use crate::sys::fd::{is_out_of_resources, peek};
use crate::sys::poll::Interest;

/// How long no client is taken once descriptors or memory have run out: long enough to cost no CPU.
pub const OUT_OF_RESOURCES_PAUSE: Duration = Duration::from_millis(100);

/// How many clients may be connected without having said anything; further ones wait in the backlog.
const MAX_SILENT: usize = 64;

/// How to bind.
#[derive(Clone, Debug)]
pub struct Bind {
    /// How names are looked up.
    pub lookup: Lookup,
    /// The options of the listening socket and of each client's.
    pub config: SocketConfig,
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    name: SocketName,
    config: SocketConfig,
    said_out_of_resources: AtomicBool,
    _file: Option<SocketFile>,
}

/// What a look at the backlog gave.
#[derive(Debug)]
pub enum Taken {
    /// A client.
    Client(Stream),
    /// Nobody waits, or whoever did is gone.
    Nobody,
    /// No descriptor or memory for a client: look again after [`OUT_OF_RESOURCES_PAUSE`].
    NoRoom,
}

impl Listener {
    /// Binds and listens. Of a name's addresses it is the first that this machine has.
    pub fn bind(ctx: &Context<'_>, endpoint: &Endpoint, how: &Bind) -> Result<Self, Error> {
        let (socket, file) = match endpoint {
            Endpoint::Inet(target) => {
                let addresses = resolve(ctx, target, how.lookup, Deadline::NEVER)?;
                let only_v6 = how.lookup.family == Family::V6;
                let bind = |address| Socket::listen_inet(ctx, address, &how.config, only_v6);
                (bind_first(ctx, &target.host, &addresses, bind)?, None)
            }
            Endpoint::Unix(name) => Socket::listen_unix(ctx, name, &how.config)?,
        };
        let name = socket.local_name().map_err(|e| Error::io(Kind::Bind, "bind to", endpoint, &e))?;
        Ok(Listener {
            socket,
            name,
            config: how.config.clone(),
            said_out_of_resources: AtomicBool::new(false),
            _file: file,
        })
    }

    /// The address that it really has.
    pub fn name(&self) -> &SocketName {
        &self.name
    }

    /// Takes the client at the head of the backlog, without waiting; several threads may.
    pub fn take(&self, ctx: &Context<'_>) -> Result<Taken, Error> {
        match self.socket.accept(ctx, &self.config) {
            Ok((socket, peer)) => {
                let peer = if peer == SocketName::Unix(None) { self.name.clone() } else { peer };
                ctx.tell(&Event::Serve(Serve::Accepted(&peer)));
                Ok(Taken::Client(Stream::Socket(Remote::new(socket, peer, Opening::default()))))
            }
            Err(e) if is_out_of_resources(&e) => {
                self.say_out_of_resources(ctx, &e);
                Ok(Taken::NoRoom)
            }
            Err(e) if is_the_clients(&e) => {
                if e.kind() == io::ErrorKind::WouldBlock {
                    self.said_out_of_resources.store(false, Ordering::Relaxed);
                }
                Ok(Taken::Nobody)
            }
            Err(e) => Err(Error::io(Kind::Bind, "accept on", &self.name, &e)),
        }
    }

    /// Waits for a client, under `limit`.
    pub fn accept(&self, ctx: &Context<'_>, limit: Deadline) -> Result<Stream, Error> {
        loop {
            ctx.wait(&mut [Interest::read(self.socket.as_fd())], limit)
                .map_err(|cut| cut.during("accept on", &self.name))?;
            match self.take(ctx)? {
                Taken::Client(stream) => return Ok(stream),
                Taken::Nobody => {}
                Taken::NoRoom => {
                    ctx.pause(OUT_OF_RESOURCES_PAUSE, limit).map_err(|cut| cut.during("accept on", &self.name))?;
                }
            }
        }
    }

    /// Waits for a client that says something: it counts at its first byte. Those that leave without one do not;
    /// others are taken beside those that are still silent.
    pub fn accept_speaking(&self, ctx: &Context<'_>, limit: Deadline) -> Result<Stream, Error> {
        let mut silent: Vec<Stream> = Vec::new();
        loop {
            let mut no_room = false;
            if silent.len() < MAX_SILENT {
                match self.take(ctx)? {
                    Taken::Client(stream) => silent.push(stream),
                    Taken::Nobody => {}
                    Taken::NoRoom => no_room = true,
                }
            }
            if let Some(speaker) = first_speaker(ctx, &mut silent) {
                return Ok(speaker);
            }
            let knock = (silent.len() < MAX_SILENT && !no_room).then(|| Interest::read(self.socket.as_fd()));
            let heard = silent.iter().filter_map(|stream| stream.read_interest().interest());
            let mut interests: Vec<_> = knock.into_iter().chain(heard).collect();
            let pause = if no_room { OUT_OF_RESOURCES_PAUSE } else { Duration::MAX };
            ctx.wait_at_most(&mut interests, limit, pause).map_err(|cut| cut.during("accept on", &self.name))?;
        }
    }

    /// Said once, until nobody waits any more: a place that comes free is taken at once by the next in the backlog.
    fn say_out_of_resources(&self, ctx: &Context<'_>, error: &io::Error) {
        if !self.said_out_of_resources.swap(true, Ordering::Relaxed) {
            ctx.tell(&Event::Serve(Serve::Paused(&plain(error))));
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Takes the first that has sent a byte out of the list, and drops those that left without one.
fn first_speaker(ctx: &Context<'_>, silent: &mut Vec<Stream>) -> Option<Stream> {
    let mut place = 0;
    while place < silent.len() {
        let Stream::Socket(remote) = &silent[place] else { return Some(silent.swap_remove(place)) };
        match peek(remote.socket.as_fd()) {
            Ok(Some(true)) => return Some(silent.swap_remove(place)),
            Ok(None) => place += 1,
            Ok(Some(false)) | Err(_) => {
                ctx.tell(&Event::Serve(Serve::Ignored(&remote.peer)));
                silent.swap_remove(place);
            }
        }
    }
    None
}

/// Tries the addresses in turn; only an address or a family that this machine has not leads to the next.
pub fn bind_first<T>(
    ctx: &Context<'_>,
    host: &Host,
    addresses: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut missing = None;
    for &address in addresses {
        match bind(address) {
            Ok(bound) => {
                if let (Some(error), Host::Any) = (&missing, host) {
                    ctx.warn(format_args!("IPv6 is missing on this machine, listening on IPv4 only ({error})"));
                }
                return Ok(bound);
            }
            // In use or not permitted is the answer: the next address would be a surprise.
            Err(error) if error.kind == Kind::NoSuchLocal => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| Error::new(Kind::Bind, "bind to", host, "no address")))
}

/// accept(2): these errors belong to the client that was to be taken; the next one may be fine.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind as Io;
    matches!(
        error.kind(),
        Io::WouldBlock
            | Io::Interrupted
            | Io::ConnectionAborted
            | Io::NetworkDown
            | Io::NetworkUnreachable
            | Io::HostUnreachable
    ) || crate::sys::fd::is_of_the_pending_client(error)
}
