//! The echo servers that all others are measured against: what plain code of a page can reach.
//!
//! One thread; epoll, level-triggered; one buffer for all. A client that does not take an answer at once is dropped:
//! those of the bench that meet these loops never have more than one message on its way.

use std::net::SocketAddrV4;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{Errno, read, retry_on_intr, write};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, listen, recvfrom, sendto,
    socket_with, sockopt::set_socket_reuseaddr,
};

use super::server::raise_file_limit;

const LISTENER: u64 = u64::MAX;
const BACKLOG: i32 = 4096;
const EVENTS: usize = 256;
const BUFFER: usize = 64 * 1024;

/// Until it is killed.
pub fn streams(place: &str) -> Result<(), String> {
    raise_file_limit(0)?;
    echo_streams(address(place)?).map_err(|e| e.to_string())
}

/// Until it is killed.
pub fn datagrams(place: &str) -> Result<(), String> {
    echo_datagrams(address(place)?).map_err(|e| e.to_string())
}

fn address(place: &str) -> Result<SocketAddrV4, String> {
    place.parse().map_err(|_| format!("{place} is no address"))
}

fn echo_streams(address: SocketAddrV4) -> Result<(), Errno> {
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
    set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &address)?;
    listen(&listener, BACKLOG)?;
    let epoll = epoll::create(CreateFlags::empty())?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    // Each client at the place of its descriptor's number.
    let mut clients: Vec<Option<OwnedFd>> = Vec::new();
    let (mut events, mut buffer) = (Vec::with_capacity(EVENTS), vec![0; BUFFER]);
    loop {
        retry_on_intr(|| epoll::wait(&epoll, spare_capacity(&mut events), None))?;
        for event in events.drain(..) {
            match event.data.u64() {
                LISTENER => welcome(&listener, &epoll, &mut clients)?,
                place => echo(&mut clients[usize::try_from(place).unwrap_or(usize::MAX)], &mut buffer),
            }
        }
    }
}

fn welcome(listener: &OwnedFd, epoll: &OwnedFd, clients: &mut Vec<Option<OwnedFd>>) -> Result<(), Errno> {
    while let Ok(client) = accept_with(listener, SocketFlags::NONBLOCK) {
        let place = usize::try_from(client.as_raw_fd()).unwrap_or(usize::MAX);
        epoll::add(epoll, &client, EventData::new_u64(place as u64), EventFlags::IN)?;
        if place >= clients.len() {
            clients.resize_with(place + 1, || None);
        }
        clients[place] = Some(client);
    }
    Ok(())
}

fn echo(client: &mut Option<OwnedFd>, buffer: &mut [u8]) {
    let Some(fd) = client else { return };
    let is_through = match read(&*fd, &mut *buffer) {
        Ok(n @ 1..) => write(&*fd, &buffer[..n]) == Ok(n),
        _ => false,
    };
    if !is_through {
        *client = None;
    }
}

fn echo_datagrams(address: SocketAddrV4) -> Result<(), Errno> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::empty(), None)?;
    bind(&socket, &address)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let (_, n, sender) = retry_on_intr(|| recvfrom(&socket, &mut buffer[..], RecvFlags::empty()))?;
        if let Some(sender) = sender {
            sendto(&socket, &buffer[..n], SendFlags::empty(), &sender)?;
        }
    }
}
