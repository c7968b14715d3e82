//! Which addresses a call may go to. Everything that is not the public internet is refused unless
//! the operator allowed it; names are no concern here, only what they resolve to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Cidr;

/// Ranges of IPv4 that no vendor lives in: base, bits, what it is.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        "a cloud's metadata service",
    ),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same for IPv6, ranges that carry an IPv4 address aside.
const V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 96, "unspecified or loopback"),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        "a local NAT64",
    ),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "a sink"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "a tunnel"),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "for documentation",
    ),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnel"),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "for documentation",
    ),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "reserved"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// The prefix under which a network translates to IPv4.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// What calls may reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    allowed: Vec<Cidr>,
}

impl Addresses {
    /// The public internet, and these ranges.
    pub(crate) fn allowing(allowed: Vec<Cidr>) -> Self {
        Self { allowed }
    }

    /// Nothing where a call may go there, else what the address is.
    pub(crate) fn refused(&self, address: IpAddr) -> Option<&'static str> {
        let seen = carried(address);
        let what = match seen {
            IpAddr::V4(ip) => within(V4, ip.to_bits().into(), 32, |ip| ip.to_bits().into()),
            IpAddr::V6(ip) => within(V6, ip.to_bits(), 128, |ip| ip.to_bits()),
        }?;
        let allowed = |ip| self.allowed.iter().any(|range| range.contains(ip));
        (!allowed(address) && !allowed(seen)).then_some(what)
    }
}

/// The IPv4 address that an IPv6 one stands for, or the address itself.
fn carried(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if same(ip.to_bits(), NAT64.0.to_bits(), NAT64.1, 128) => {
            let [.., a, b, c, d] = ip.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

fn within<A: Copy>(
    table: &[(A, u32, &'static str)],
    ip: u128,
    width: u32,
    number: impl Fn(A) -> u128,
) -> Option<&'static str> {
    let held = table
        .iter()
        .find(|(base, bits, _)| same(ip, number(*base), *bits, width));
    held.map(|(_, _, what)| *what)
}

/// Whether the first `bits` of two addresses are the same.
fn same(a: u128, b: u128, bits: u32, width: u32) -> bool {
    (a ^ b) >> (width - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed
            .iter()
            .map(|range| Cidr::parse(range).expect("a test names real ranges"));
        let addresses = Addresses::allowing(allowed.collect());
        let address = address.parse().expect("a test names real addresses");
        addresses.refused(address).is_some()
    }

    #[test]
    fn what_is_not_the_public_internet_is_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(refused(&[], address), "{address}");
        }
    }

    #[test]
    fn the_public_internet_is_not_refused() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(!refused(&[], address), "{address}");
        }
    }

    #[test]
    fn an_operator_allows_ranges_and_nothing_beside_them() {
        assert!(!refused(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(!refused(&["127.0.0.0/8"], "::ffff:127.0.0.1"));
        assert!(refused(&["127.0.0.0/8"], "::1"));
        assert!(refused(&["127.0.0.0/8"], "10.0.0.1"));
        assert!(!refused(&["10.0.0.0/8"], "64:ff9b::10.0.0.1"));
        assert!(!refused(&["::1"], "::1"));
        assert!(!refused(&["fd00::/8"], "fd12::1"));
    }
}
