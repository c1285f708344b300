//! A set of addresses: one, or all with the same first bits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// `ADDRESS` or `ADDRESS/BITS` (CIDR, RFC 4632). Bits of the address beyond those do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether `ip` belongs to it. An IPv4 address that came as an IPv6 one (`::ffff:1.2.3.4`) is the IPv4 one.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
        let network = one.or_else(|_| text.parse::<IpNet>()).map(Network);
        network.map_err(|_| "an IP address, or ADDRESS/BITS such as 192.0.2.0/24 or 2001:db8::/32".into())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_belongs_to_it() {
        let table = [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7/24", "192.0.2.200", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.7", false),
        ];
        for (network, ip, wanted) in table {
            let parsed: Network = network.parse().expect(network);
            assert_eq!(parsed.contains(ip.parse().expect(ip)), wanted, "{network} {ip}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in
            ["", "localhost", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "010.0.0.1", "::/129", "1.2.3.4:80", "/8"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
