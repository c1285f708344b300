//! Whom to connect to for a URL.

use clap::Args;

use crate::address::{AddressError, Endpoint, UnixName};
use crate::error::Error;
use crate::proto::http::{ConnectTo, Resolve, Routes};

/// `--unix-socket --resolve --connect-to`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Addresses")]
pub struct RouteArgs {
    /// Connect to this UNIX socket, whatever host the URL names; @NAME is an abstract one
    #[arg(long, value_name = "PATH", value_parser = unix_name, conflicts_with_all = ["resolve", "connect_to"])]
    unix_socket: Option<UnixName>,
    /// The address of HOST, where PORT is asked for, instead of a lookup; of several the first counts, with --all each
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    resolve: Vec<Resolve>,
    /// Connect to HOST2 PORT2 instead of HOST1 PORT1; an empty one is any, or the same
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    connect_to: Vec<ConnectTo>,
}

impl RouteArgs {
    /// The detours.
    pub fn routes(&self) -> Routes {
        Routes { unix: self.unix_socket.clone(), connect_to: self.connect_to.clone(), resolve: self.resolve.clone() }
    }

    /// Refuses the options of `inet_only` where a UNIX socket is all that is connected to.
    pub fn refuse_for_unix(&self, inet_only: impl Iterator<Item = &'static str>) -> Result<(), Error> {
        let Some(name) = &self.unix_socket else { return Ok(()) };
        crate::opts::address::refuse_for_unix(&Endpoint::Unix(name.clone()), inet_only)
    }
}

fn unix_name(text: &str) -> Result<UnixName, AddressError> {
    match format!("unix:{text}").parse()? {
        Endpoint::Unix(name) => Ok(name),
        Endpoint::Inet(_) => unreachable!("unix: makes a UNIX address"),
    }
}
