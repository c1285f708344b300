//! Which proxy is asked.

use std::fmt;

use clap::Args;

use crate::error::Error;
use crate::opts::values::variable;
use crate::proto::http::Proxies;

/// `--proxy --no-proxy`.
#[derive(Args, Clone)]
#[command(next_help_heading = "Addresses")]
pub struct ProxyArgs {
    /// Ask this HTTP proxy, at port 1080 unless it says else; the password may be in `SOCKKIT_PROXY_PASSWORD` [default: `http_proxy`, `https_proxy`, `all_proxy`]
    // Text, not a Proxy: clap would repeat what it can't parse, password and all.
    #[arg(long, value_name = "[USER[:PASSWORD]@]HOST[:PORT]", conflicts_with = "unix_socket")]
    proxy: Option<String>,
    /// Ask no proxy for these names and all below them, addresses and networks, with or without :PORT; `*` is all [default: `no_proxy`]
    #[arg(long, alias = "noproxy", value_name = "LIST", conflicts_with = "unix_socket")]
    no_proxy: Option<String>,
}

impl ProxyArgs {
    /// The proxies of a run; where a UNIX socket stands in for everybody, there is none.
    pub fn proxies(&self, by_unix_socket: bool) -> Result<Proxies, Error> {
        if by_unix_socket {
            return Ok(Proxies::default());
        }
        Proxies::choose(self.proxy.as_deref(), self.no_proxy.as_deref(), variable).map_err(Error::usage)
    }
}

impl fmt::Debug for ProxyArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyArgs").finish_non_exhaustive()
    }
}
