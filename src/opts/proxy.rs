//! The HTTP proxy on the way of a session.

use std::fmt;

use clap::Args;

use crate::address::{Endpoint, Port};
use crate::error::Error;
use crate::proto::http::Proxies;
use crate::stream::proxy::{Service, Through};

/// `--proxy` of verbs that connect to any kind of service.
#[derive(Args, Clone)]
#[command(next_help_heading = "Addresses")]
pub struct TunnelArgs {
    /// Have this HTTP proxy, at port 1080 unless it says else, make the connection (CONNECT); the password may be in `SOCKKIT_PROXY_PASSWORD`
    // Text, not a Proxy: clap would repeat what it can't parse, password and all.
    #[arg(long, value_name = "[USER[:PASSWORD]@]HOST[:PORT]", conflicts_with = "check")]
    proxy: Option<String>,
}

impl TunnelArgs {
    /// The way through the proxy to `endpoint`, if one is asked for. Unlike `get`, nobody expects the variables of the
    /// web to change where a session goes.
    pub fn through(&self, endpoint: &Endpoint) -> Result<Option<Through>, Error> {
        let Some(text) = self.proxy.as_deref() else { return Ok(None) };
        let proxy = Proxies::given(text, super::values::variable).map_err(Error::usage)?;
        match endpoint {
            Endpoint::Unix(_) => Err(Error::usage(format!("--proxy means nothing for {endpoint}"))),
            Endpoint::Inet(target) if matches!(target.port, Port::Service(_)) => {
                Err(Error::usage(format!("a proxy is told the number of a port, not {}", target.port)))
            }
            Endpoint::Inet(target) => {
                let (at, target) = (proxy.address().clone(), target.clone());
                Ok(Some(Through { proxy, named_by: "--proxy", service: Service::Tunnel, at, target }))
            }
        }
    }
}

impl fmt::Debug for TunnelArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelArgs").finish_non_exhaustive()
    }
}
