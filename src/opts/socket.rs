//! Socket options, grouped by the sockets that honour them.

use std::time::Duration;

use clap::Args;

use super::address::given;
use super::values::{byte, duration, size};
use crate::net::SocketConfig;
use crate::net::options::Keepalive;

/// Options of every socket.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Socket options")]
pub struct SocketArgs {
    /// Time to live, hop limit: how many routers may pass it on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Type of service, traffic class: 0 to 255 or 0x..
    #[arg(long, value_name = "N", value_parser = byte)]
    tos: Option<u8>,
    /// Kernel send buffer, such as 64k
    #[arg(long, value_name = "SIZE", value_parser = size)]
    send_buffer: Option<usize>,
    /// Kernel receive buffer, such as 4M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    recv_buffer: Option<usize>,
    /// Send and receive through this interface only
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
}

impl SocketArgs {
    /// The configuration that these options ask for.
    pub fn config(&self) -> SocketConfig {
        SocketConfig {
            ttl: self.ttl,
            tos: self.tos,
            send_buffer: self.send_buffer,
            recv_buffer: self.recv_buffer,
            interface: self.interface.clone(),
            ..SocketConfig::default()
        }
    }

    /// How large the receive buffer is to be, if the user has said it.
    pub fn recv_buffer(&self) -> Option<usize> {
        self.recv_buffer
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--ttl", self.ttl.is_some()), ("--tos", self.tos.is_some()), ("--interface", self.interface.is_some())])
    }
}

/// Options of stream sockets.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Socket options")]
pub struct StreamArgs {
    /// Probe an idle connection, the first time after DUR
    #[arg(long, value_name = "DUR", num_args = 0..=1, require_equals = true, value_parser = keepalive, default_missing_value = "")]
    keepalive: Option<Keepalive>,
    /// Gather small pieces before sending (Nagle); without it they leave at once
    #[arg(long)]
    nagle: bool,
}

impl StreamArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        SocketConfig { keepalive: self.keepalive, no_delay: !self.nagle, ..config }
    }

    /// Whether the user has taken keepalive into his own hands.
    pub fn has_keepalive(&self) -> bool {
        self.keepalive.is_some()
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--keepalive", self.keepalive.is_some()), ("--nagle", self.nagle)])
    }
}

fn keepalive(text: &str) -> Result<Keepalive, String> {
    if text.is_empty() {
        return Ok(Keepalive::System);
    }
    let time = duration(text)?;
    // The kernel counts whole seconds, and refuses zero.
    if time < Duration::from_secs(1) { Err("at least 1 second".into()) } else { Ok(Keepalive::After(time)) }
}

/// Options of sockets that listen.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Socket options")]
pub struct ListenArgs {
    /// Bind although old connections of this port linger; the default
    #[arg(long, overrides_with = "no_reuse_address")]
    reuse_address: bool,
    /// Refuse to bind while old connections of this port linger
    #[arg(long)]
    no_reuse_address: bool,
    /// Share the port with other programs that ask for the same
    #[arg(long)]
    reuse_port: bool,
    /// How many clients the kernel keeps waiting
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(i32).range(0..))]
    backlog: i32,
}

impl ListenArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        let reuse_address = self.reuse_address || !self.no_reuse_address;
        SocketConfig { reuse_address, reuse_port: self.reuse_port, backlog: self.backlog, ..config }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([
            ("--reuse-address", self.reuse_address),
            ("--no-reuse-address", self.no_reuse_address),
            ("--reuse-port", self.reuse_port),
        ])
    }
}

/// `--reuse-address`, for whoever binds a stream socket without listening.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Socket options")]
pub struct ReuseArgs {
    /// Bind --source-port although an old connection from it lingers; the default
    #[arg(long, overrides_with = "no_reuse_address", requires = "source_port")]
    reuse_address: bool,
    /// Refuse to bind --source-port while an old connection from it lingers
    #[arg(long, requires = "source_port")]
    no_reuse_address: bool,
}

impl ReuseArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        SocketConfig { reuse_address: self.reuse_address || !self.no_reuse_address, ..config }
    }
}

/// Options of datagram sockets that receive.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Socket options")]
pub struct ShareArgs {
    /// Bind although another program has the address and asks for the same: for multicast groups
    #[arg(long)]
    reuse_address: bool,
    /// Share the port with other programs that ask for the same: each datagram goes to one of them
    #[arg(long)]
    reuse_port: bool,
}

impl ShareArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        SocketConfig { share_address: self.reuse_address, reuse_port: self.reuse_port, ..config }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--reuse-address", self.reuse_address), ("--reuse-port", self.reuse_port)])
    }
}
