//! How names are looked up, and which local address a connecting socket takes.

use clap::Args;

use crate::address::{Endpoint, Family, Host, Port};
use crate::error::Error;
use crate::net::SocketConfig;
use crate::net::resolve::Lookup;

/// `-4 -6 -n`.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Addresses")]
pub struct FamilyArgs {
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Look up no names: addresses must be numeric
    #[arg(short = 'n', long)]
    numeric: bool,
}

impl FamilyArgs {
    /// How names are looked up; `datagram` for the services of UDP.
    pub fn lookup(&self, datagram: bool) -> Lookup {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
        Lookup { family, numeric_only: self.numeric, datagram }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("-4", self.ipv4), ("-6", self.ipv6), ("-n", self.numeric)])
    }
}

/// `--source`, `--source-port`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Addresses")]
pub struct SourceArgs {
    /// Connect from this local address; it fixes the family
    #[arg(short = 's', long, value_name = "IP", value_parser = source)]
    source: Option<Host>,
    /// Connect from this local port
    #[arg(short = 'p', long, value_name = "PORT", value_parser = port_number)]
    source_port: Option<u16>,
}

impl SourceArgs {
    /// Adds the source to `config`.
    pub fn with(&self, config: SocketConfig) -> SocketConfig {
        SocketConfig { source: self.source.clone(), source_port: self.source_port.map(Port::Number), ..config }
    }

    /// The options given here that a UNIX socket can't honour.
    pub fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        given([("--source", self.source.is_some()), ("--source-port", self.source_port.is_some())])
    }
}

/// The names of those options whose flag is set.
pub fn given<const N: usize>(options: [(&'static str, bool); N]) -> impl Iterator<Item = &'static str> {
    options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)
}

/// A UNIX socket has no port, family or route: an option about these would be ignored, so it is refused.
pub fn refuse_for_unix(endpoint: &Endpoint, mut inet_only: impl Iterator<Item = &'static str>) -> Result<(), Error> {
    match (endpoint, inet_only.next()) {
        (Endpoint::Unix(_), Some(option)) => Err(Error::usage(format!("{option} means nothing for {endpoint}"))),
        _ => Ok(()),
    }
}

fn source(text: &str) -> Result<Host, String> {
    match text.parse::<Host>().map_err(|e| e.to_string())? {
        host @ (Host::V4(_) | Host::V6 { .. }) => Ok(host),
        Host::Name(_) | Host::Any => Err("an IP address of this machine is needed, not a name".into()),
    }
}

fn port_number(text: &str) -> Result<u16, String> {
    match text.parse::<Port>().map_err(|e| e.to_string())? {
        Port::Number(number) => Ok(number),
        Port::Service(_) => Err("a number is needed".into()),
    }
}
