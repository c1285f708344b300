//! Multicast: the groups that a receiver joins, and the way of what a sender sends to one.

use clap::Args;

use super::address::given;
use crate::address::{Interface, Membership};
use crate::net::SocketConfig;

/// `--join`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Multicast")]
pub struct JoinArgs {
    /// Join this group, and no other: with SOURCE@ take only what that host sends to it, with %INTERFACE only what comes
    /// in there; can be given more than once
    #[arg(long, value_name = "[SOURCE@]GROUP[%INTERFACE]")]
    join: Vec<Membership>,
}

impl JoinArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        SocketConfig { groups: self.join.clone(), ..config }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--join", !self.join.is_empty())])
    }
}

/// `--multicast-interface`, `--no-multicast-loop`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Multicast")]
pub struct MulticastArgs {
    /// Send to the group through this interface, by its name or an address of it [the route's]
    #[arg(long, value_name = "NAME|ADDR")]
    multicast_interface: Option<Interface>,
    /// Send to the group's members on other machines only
    #[arg(long)]
    no_multicast_loop: bool,
}

impl MulticastArgs {
    /// Adds these options to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        let multicast_interface = self.multicast_interface.clone();
        SocketConfig { multicast_interface, multicast_loop: !self.no_multicast_loop, ..config }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([
            ("--multicast-interface", self.multicast_interface.is_some()),
            ("--no-multicast-loop", self.no_multicast_loop),
        ])
    }
}
