//! Where to connect for a URL, when that is not what its name resolves to.
//!
//! Owns the grammar of `--resolve` and `--connect-to` and how they come together: the second changes whom to ask, the
//! first which address that has, a UNIX socket stands in for everybody. Neither changes what is asked: the request, its
//! `Host` and the origin stay the URL's. Refuses to look anything up.

use std::net::IpAddr;
use std::str::FromStr;

use super::url::Url;
use crate::address::{AddressError, Endpoint, Host, HostPort, Port, UnixName};

/// `HOST:PORT:ADDR`: this address instead of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    host: String,
    port: u16,
    address: Host,
}

/// `HOST1:PORT1:HOST2:PORT2`: whoever would be connected to the first is connected to the second. An empty HOST1 or
/// PORT1 is any, an empty HOST2 or PORT2 the same as before; as in curl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    from: Place,
    to: Place,
}

/// A host and a port of which either may be left open.
type Place = (Option<String>, Option<u16>);

/// All detours of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// Everything is asked through this socket.
    pub unix: Option<UnixName>,
    /// The first that fits counts.
    pub connect_to: Vec<ConnectTo>,
    /// The first that fits counts, where not all are asked for.
    pub resolve: Vec<Resolve>,
}

impl Routes {
    /// Where to connect for `url`.
    ///
    /// # Errors
    /// Its name is one that the address grammar refuses.
    pub fn endpoint(&self, url: &Url) -> Result<Endpoint, AddressError> {
        if let Some(name) = &self.unix {
            return Ok(Endpoint::Unix(name.clone()));
        }
        let target = self.target(url)?;
        Ok(Endpoint::Inet(self.resolved(&target).unwrap_or(target)))
    }

    /// Whom to ask for `url`, before any lookup: what a proxy is told.
    ///
    /// # Errors
    /// Its name is one that the address grammar refuses.
    pub fn target(&self, url: &Url) -> Result<HostPort, AddressError> {
        let (host, port) = self.detour(url);
        Ok(HostPort { host: host.parse()?, port: Port::Number(port) })
    }

    /// Whether somebody else than the host of `url` is to be asked for it.
    #[must_use]
    pub fn is_detour(&self, url: &Url) -> bool {
        self.detour(url) != (url.host(), url.port())
    }

    /// What --resolve has for `target`, whoever that is.
    #[must_use]
    pub fn resolved(&self, target: &HostPort) -> Option<HostPort> {
        let Port::Number(port) = target.port else { return None };
        let host = self.fixed(&target.host.to_string(), port).next()?;
        Some(HostPort { host, port: Port::Number(port) })
    }

    /// The same where each address that `--resolve` gives counts, not the first alone.
    ///
    /// # Errors
    /// As [`Routes::endpoint`].
    pub fn endpoints(&self, url: &Url) -> Result<Vec<Endpoint>, AddressError> {
        let (host, port) = self.detour(url);
        let fixed = self.fixed(host, port).map(|host| Endpoint::Inet(HostPort { host, port: Port::Number(port) }));
        let fixed: Vec<_> = fixed.collect();
        if self.unix.is_some() || fixed.is_empty() { Ok(vec![self.endpoint(url)?]) } else { Ok(fixed) }
    }

    /// The same detours, and `address` for whom they lead `url` to.
    #[must_use]
    pub fn pinned(&self, url: &Url, address: Host) -> Routes {
        let (host, port) = self.detour(url);
        Routes { resolve: vec![Resolve { host: host.to_owned(), port, address }], ..self.clone() }
    }

    /// Host and port to look up for `url`.
    fn detour<'u>(&'u self, url: &'u Url) -> (&'u str, u16) {
        let (host, port) = (url.host(), url.port());
        match self.connect_to.iter().find(|one| one.is_for(host, port)) {
            Some(detour) => (detour.to.0.as_deref().unwrap_or(host), detour.to.1.unwrap_or(port)),
            None => (host, port),
        }
    }

    /// The addresses that `--resolve` gives for these, in their order.
    fn fixed(&self, host: &str, port: u16) -> impl Iterator<Item = Host> {
        self.resolve.iter().filter(move |one| one.host == host && one.port == port).map(|one| one.address.clone())
    }
}

impl ConnectTo {
    fn is_for(&self, host: &str, port: u16) -> bool {
        self.from.0.as_deref().is_none_or(|mine| mine == host) && self.from.1.is_none_or(|mine| mine == port)
    }
}

impl FromStr for Resolve {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "write it HOST:PORT:ADDR, with an IPv6 HOST in brackets";
        let (host, rest) = cut_host(text).ok_or(SHAPE)?;
        let (port, address) = rest.split_once(':').ok_or(SHAPE)?;
        let address = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        let address = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Host::V4(address),
            Ok(IpAddr::V6(address)) => Host::V6 { address, zone: None },
            Err(_) => return Err("ADDR is an IPv4 or IPv6 address"),
        };
        Ok(Resolve { host: normal(host).ok_or(HOST)?, port: number(port).ok_or(PORT)?, address })
    }
}

impl FromStr for ConnectTo {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "write it HOST1:PORT1:HOST2:PORT2, with IPv6 addresses in brackets";
        let (host1, rest) = cut_host(text).ok_or(SHAPE)?;
        let (port1, rest) = rest.split_once(':').ok_or(SHAPE)?;
        let (host2, port2) = cut_host(rest).ok_or(SHAPE)?;
        let host = |text: &str| if text.is_empty() { Ok(None) } else { normal(text).map(Some).ok_or(HOST) };
        let port = |text: &str| if text.is_empty() { Ok(None) } else { number(text).map(Some).ok_or(PORT) };
        Ok(ConnectTo { from: (host(host1)?, port(port1)?), to: (host(host2)?, port(port2)?) })
    }
}

const HOST: &str = "HOST is a name or an address, IPv6 in brackets";
const PORT: &str = "PORT is a number from 1 to 65535";

/// The host in front of a colon, and what follows that.
fn cut_host(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':')? };
    Some((&text[..end], text[end..].strip_prefix(':')?))
}

/// The name as a URL's would be compared: lower case, punycode, without brackets.
pub(super) fn normal(host: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    // Whatever is more than a host (`a/b`, `a?b`) has moved into the target.
    (url.target() == "/").then(|| url.host().to_owned())
}

pub(super) fn number(port: &str) -> Option<u16> {
    port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())?.filter(|&port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str, connect_to: &[&str], resolve: &[&str]) -> String {
        let routes = Routes {
            unix: None,
            connect_to: connect_to.iter().map(|text| text.parse().unwrap()).collect(),
            resolve: resolve.iter().map(|text| text.parse().unwrap()).collect(),
        };
        routes.endpoint(&Url::parse(url).unwrap()).unwrap().to_string()
    }

    #[test]
    fn detours() {
        let table: [(&str, &[&str], &[&str], &str); 14] = [
            ("h", &[], &[], "h:80"),
            ("https://h/", &[], &[], "h:443"),
            ("h", &[], &["h:80:127.0.0.1"], "127.0.0.1:80"),
            ("H:81", &[], &["h:80:127.0.0.1", "h:81:127.0.0.2"], "127.0.0.2:81"),
            ("h", &[], &["h:80:::1"], "[::1]:80"),
            ("h", &[], &["h:80:[::1]"], "[::1]:80"),
            ("[::1]", &[], &["[::1]:80:127.0.0.1"], "127.0.0.1:80"),
            ("bücher.example", &[], &["BÜCHER.example:80:127.0.0.1"], "127.0.0.1:80"),
            ("h", &["h:80:i:81"], &[], "i:81"),
            ("h", &["h:81:i:81", "::j:"], &[], "j:80"),
            ("h:82", &["h::i:"], &[], "i:82"),
            ("h", &["::[::1]:8080"], &[], "[::1]:8080"),
            ("h", &["h:80:i:81"], &["i:81:127.0.0.1"], "127.0.0.1:81"),
            ("h", &["h:80:i:81"], &["h:80:127.0.0.1"], "i:81"),
        ];
        for (url, connect_to, resolve, want) in table {
            assert_eq!(to(url, connect_to, resolve), want, "{url} {connect_to:?} {resolve:?}");
        }
        let unix = Routes { unix: Some(UnixName::Path("/s".into())), ..Routes::default() };
        assert_eq!(unix.endpoint(&Url::parse("h").unwrap()).unwrap().to_string(), "unix:/s");
    }

    #[test]
    fn one_host_may_have_several_addresses() {
        let resolve = ["h:80:127.0.0.1", "i:80:127.0.0.9", "h:80:::1", "h:80:127.0.0.2"];
        let routes = Routes { resolve: resolve.map(|text| text.parse().unwrap()).into(), ..Routes::default() };
        let all = |routes: &Routes, url: &str| -> Vec<_> {
            routes.endpoints(&Url::parse(url).unwrap()).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(all(&routes, "h"), ["127.0.0.1:80", "[::1]:80", "127.0.0.2:80"]);
        assert_eq!((all(&routes, "i"), all(&routes, "h:81")), (vec!["127.0.0.9:80".into()], vec!["h:81".into()]));
        let url = Url::parse("h").unwrap();
        let pinned = routes.pinned(&url, Host::V4([127, 0, 0, 5].into()));
        assert_eq!((all(&pinned, "h"), all(&pinned, "i")), (vec!["127.0.0.5:80".into()], vec!["i:80".into()]));
        let detoured = Routes { connect_to: vec!["h:80:i:81".parse().unwrap()], ..Routes::default() };
        assert_eq!(all(&detoured.pinned(&url, Host::V4([127, 0, 0, 5].into())), "h"), ["127.0.0.5:81"]);
    }

    #[test]
    fn what_a_proxy_is_told_is_not_resolved() {
        let routes = Routes {
            connect_to: vec!["h:80:i:81".parse().unwrap()],
            resolve: vec!["i:81:127.0.0.1".parse().unwrap(), "proxy:3128:::1".parse().unwrap()],
            unix: None,
        };
        let (detour, plain) = (Url::parse("h").unwrap(), Url::parse("https://[::1]/").unwrap());
        assert_eq!((routes.target(&detour).unwrap().to_string().as_str(), routes.is_detour(&detour)), ("i:81", true));
        assert_eq!(
            (routes.target(&plain).unwrap().to_string().as_str(), routes.is_detour(&plain)),
            ("[::1]:443", false)
        );
        let same = Routes { connect_to: vec!["::H:80".parse().unwrap()], ..Routes::default() };
        assert!(!same.is_detour(&detour) && same.is_detour(&plain));
        let proxy = HostPort { host: "proxy".parse().unwrap(), port: Port::Number(3128) };
        assert_eq!(routes.resolved(&proxy).unwrap().to_string(), "[::1]:3128");
        assert_eq!(routes.resolved(&HostPort { port: Port::Number(3129), ..proxy }), None);
    }

    #[test]
    fn refused() {
        for text in
            ["", "h", "h:80", "h:80:", "h:80:name", "h::127.0.0.1", "h:0:127.0.0.1", "h:+1:127.0.0.1", ":80:::1"]
        {
            assert!(text.parse::<Resolve>().is_err(), "{text}");
        }
        for text in ["", "h", "h:80", "h:80:i", "h:x:i:80", "h:80:i:65536", "a/b:80:i:80", "h:80:u@i:80", "[::1:80:i:1"]
        {
            assert!(text.parse::<ConnectTo>().is_err(), "{text}");
        }
    }
}
