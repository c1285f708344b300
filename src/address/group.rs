//! Multicast groups that are joined, and interfaces that are sent through.
//!
//! Owns `[SOURCE@]GROUP[%INTERFACE]`: a source makes it source-specific (RFC 4607). Refuses to ask whether an
//! interface exists.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::AddressError;
use super::error::escaped;
use super::host::zone_fault;

/// A group that a receiver joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub group: IpAddr,
    /// Only what this host sends to it is wanted.
    pub source: Option<IpAddr>,
    /// An interface's name or index; without one the system chooses.
    pub interface: Option<String>,
}

impl FromStr for Membership {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        read(text).map_err(|reason| refused(text, reason))
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.iter().try_for_each(|source| write!(f, "{source}@"))?;
        self.group.fmt(f)?;
        self.interface.iter().try_for_each(|name| write!(f, "%{}", escaped(name)))
    }
}

/// An interface of this machine, as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interface {
    /// Its name or its index.
    Name(String),
    /// An address that it has.
    Address(IpAddr),
}

impl FromStr for Interface {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) if zone_fault(text).is_some() => Err(refused(text, "an interface's name or address is needed")),
            Err(_) => Ok(Self::Name(text.to_owned())),
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&escaped(name)),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Here a source stands before the '@', no password.
fn refused(text: &str, reason: &str) -> AddressError {
    AddressError { text: Some(text.to_owned()), reason: reason.to_owned(), hint: None }
}

fn read(text: &str) -> Result<Membership, &'static str> {
    let (source, rest) = match text.split_once('@') {
        Some((source, rest)) => (Some(source), rest),
        None => (None, text),
    };
    let (group, interface) = match rest.split_once('%') {
        Some((group, interface)) => (group, Some(interface)),
        None => (rest, None),
    };
    let group: IpAddr = group.parse().map_err(|_| "a group is a numeric multicast address, without a port")?;
    let source: Option<IpAddr> =
        source.map(str::parse).transpose().map_err(|_| "the source before '@' is no IP address")?;
    if !group.is_multicast() {
        return Err("this is no multicast address (224.0.0.0/4, ff00::/8)");
    }
    interface.and_then(zone_fault).map_or(Ok(()), Err)?;
    source.map_or(Ok(()), |source| check_source(source, group))?;
    Ok(Membership { group, source, interface: interface.map(str::to_owned) })
}

fn check_source(source: IpAddr, group: IpAddr) -> Result<(), &'static str> {
    if source.is_ipv4() != group.is_ipv4() {
        Err("source and group are of different families")
    } else if source.is_multicast() || source.is_unspecified() {
        Err("the source before '@' is no host's address")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_read_and_show_the_same() {
        let good = [
            "239.1.2.3",
            "224.0.0.251%eth0",
            "10.0.0.1@232.1.1.1",
            "10.0.0.1@232.1.1.1%2",
            "ff15::1",
            "ff02::fb%wlan0",
            "fe80::1@ff35::1%eth0.7",
        ];
        for text in good {
            assert_eq!(text.parse::<Membership>().map(|m| m.to_string()).as_deref(), Ok(text));
        }
        let whole: Membership = "10.0.0.1@232.1.1.1%eth0".parse().expect("it is one");
        let [source, group] = ["10.0.0.1", "232.1.1.1"].map(|ip| ip.parse::<IpAddr>().expect("an address"));
        assert_eq!(whole, Membership { group, source: Some(source), interface: Some("eth0".into()) });
    }

    #[test]
    fn what_is_no_membership_is_refused_with_its_reason() {
        let bad = [
            ("", "numeric multicast address"),
            ("127.0.0.1", "no multicast address"),
            ("::1", "no multicast address"),
            ("255.255.255.255", "no multicast address"),
            ("239.1.2.3:9001", "without a port"),
            ("[ff15::1]:9001", "without a port"),
            ("all-systems.mcast.net", "numeric multicast address"),
            ("239.1.2.03", "numeric multicast address"),
            ("@239.1.2.3", "no IP address"),
            ("::1@239.1.2.3", "different families"),
            ("10.0.0.1@ff15::1", "different families"),
            ("239.0.0.1@239.1.2.3", "no host's address"),
            ("0.0.0.0@239.1.2.3", "no host's address"),
            ("10.0.0.1@10.0.0.2@239.1.2.3", "numeric multicast address"),
            ("239.1.2.3%", "zone after '%' is empty"),
            ("239.1.2.3%a b", "no interface name"),
            ("239.1.2.3%a%b", "no interface name"),
            ("239.1.2.3%abcdefghijklmnop", "longer than 15"),
        ];
        for (text, reason) in bad {
            let error = text.parse::<Membership>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn interfaces() {
        let address = |text: &str| Ok(Interface::Address(text.parse().expect("an address")));
        let good = [("10.0.0.1", address("10.0.0.1")), ("::1", address("::1"))];
        for (text, interface) in good {
            assert_eq!(text.parse(), interface, "{text}");
        }
        for name in ["eth0", "2", "br-lan", "1.2.3"] {
            assert_eq!(name.parse(), Ok(Interface::Name(name.into())));
        }
        for text in ["", "a b", "a/b", "abcdefghijklmnop", "fe80::1%eth0", "10.0.0.1:80"] {
            assert!(text.parse::<Interface>().is_err(), "{text}");
        }
    }
}
