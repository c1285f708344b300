//! Who is asked without a proxy: the lists of `no_proxy` and --no-proxy.
//!
//! Owns their grammar: curl's, and what others have beyond it (`*` among other items, `*.NAME`, IPv6 in brackets, `:PORT`
//! behind any of them). Refuses to look names up: an address in the list is not the names that have it.

use std::net::IpAddr;
use std::str::FromStr;

use super::route::{normal, number};
use super::url::Url;
use crate::address::Network;
use crate::proto::escape;

/// A list of names, addresses and networks, between commas or spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bypass {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    who: Who,
    /// Only there; `None` is any port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Everybody,
    /// This one and all below it.
    Name(String),
    Network(Network),
}

impl Bypass {
    /// What is good in a list that was not written for us alone; as in curl, the rest means nothing.
    #[must_use]
    pub(super) fn lenient(list: &str) -> Self {
        Bypass { items: items(list).filter_map(|item| item.parse().ok()).collect() }
    }

    /// Whether `url` is asked without a proxy.
    #[must_use]
    pub(super) fn covers(&self, url: &Url) -> bool {
        let host = url.host().strip_suffix('.').unwrap_or(url.host());
        self.items.iter().any(|item| item.port.is_none_or(|port| port == url.port()) && item.who.is(host))
    }
}

impl FromStr for Bypass {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let items = items(list).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Bypass { items })
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ', '\t']).filter(|item| !item.is_empty())
}

impl FromStr for Item {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(who) = text.parse() {
            return Ok(Item { who, port: None });
        }
        let with_port = text.rsplit_once(':').and_then(|(who, port)| Some((who.parse().ok()?, number(port)?)));
        let (who, port) =
            with_port.ok_or_else(|| format!("\"{}\" is no name, address or network", escape(text.as_bytes())))?;
        Ok(Item { who, port: Some(port) })
    }
}

impl FromStr for Who {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "*" {
            return Ok(Who::Everybody);
        }
        let bare = text.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(text);
        if let Ok(network) = bare.parse() {
            return Ok(Who::Network(network));
        }
        // What holds a colon still holds a port.
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name);
        normal(name).filter(|_| !name.contains(':')).map(Who::Name).ok_or(())
    }
}

impl Who {
    /// Whether this is `host`, as [`Url::host`] has it, without a final dot.
    fn is(&self, host: &str) -> bool {
        let ip = host.parse::<IpAddr>().ok();
        match self {
            Who::Everybody => true,
            Who::Network(network) => ip.is_some_and(|ip| network.contains(ip)),
            Who::Name(name) => {
                let above = host.strip_suffix(name.as_str());
                ip.is_none() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_the_list() {
        let table = [
            ("", "h", false),
            ("*", "h", true),
            ("a, *", "https://[::1]/", true),
            ("local.com", "local.com", true),
            ("local.com", "LOCAL.com.:81", true),
            ("local.com", "www.local.com", true),
            ("local.com", "www.notlocal.com", false),
            ("www.local.com", "local.com", false),
            (".local.com", "local.com", true),
            ("*.local.com", "a.b.local.com", true),
            ("Local.COM.", "www.local.com", true),
            ("a,b c\td", "c", true),
            ("a,,b", "d", false),
            ("bücher.example", "http://xn--bcher-kva.example/", true),
            ("com", "example.com", true),
            ("example.com:81", "example.com", false),
            ("example.com:81", "www.example.com:81", true),
            ("example.com:443", "https://example.com/", true),
            ("127.0.0.1", "127.0.0.1:8080", true),
            ("127.0.0.1:80", "127.0.0.1:8080", false),
            ("127.0.0.1", "localhost", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8:81", "10.1.2.3:81", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("::1", "[::1]:81", true),
            ("[::1]", "[::1]:81", true),
            ("[::1]:81", "[::1]:81", true),
            ("[::1]:81", "[::1]", false),
            ("2001:db8::/32", "[2001:db8:1::1]", true),
            ("192.0.2.1", "[::ffff:192.0.2.1]", true),
            ("1", "127.0.0.1", false),
        ];
        for (list, url, wanted) in table {
            assert_eq!(Bypass::lenient(list).covers(&Url::parse(url).unwrap()), wanted, "{list} {url}");
        }
    }

    #[test]
    fn what_is_no_list() {
        for list in ["10.0.0.0/33", "a/b", "u@h", "h:0", "h:x", "http://h/", "10.0.0", "[::1", "a,10.0.0.1/x"] {
            assert!(list.parse::<Bypass>().is_err(), "{list}");
        }
        let half = Bypass::lenient("10.0.0.0/33,h");
        assert_eq!((half.covers(&Url::parse("h").unwrap()), half.items.len()), (true, 1));
    }
}
