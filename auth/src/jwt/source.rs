//! Networks that users may come from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Whether a client at this address may be the user. Without an address it is in no network. An entry that is no network
/// lets nobody in.
pub(super) fn is_within(networks: &[String], address: Option<IpAddr>) -> bool {
    if networks.is_empty() {
        return true;
    }
    let parsed: Result<Vec<IpNet>, _> = networks.iter().map(|network| network.trim().parse()).collect();
    // A client that came to an IPv6 socket over IPv4 is where it says in IPv4.
    let address = address.map(|address| address.to_canonical());
    match (parsed, address) {
        (Ok(networks), Some(address)) => networks.iter().any(|network| network.contains(&address)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(networks: &[&str], address: Option<&str>, expected: bool) {
        let networks: Vec<_> = networks.iter().map(|network| (*network).to_owned()).collect();
        let address = address.map(|address| address.parse().unwrap());
        assert_eq!(is_within(&networks, address), expected, "{networks:?} {address:?}");
    }

    #[test]
    fn one_of_the_networks_has_the_address() {
        check(&[], None, true);
        check(&["10.0.0.0/8", "127.0.0.1/32"], Some("127.0.0.1"), true);
        check(&["10.0.0.0/8"], Some("10.255.0.1"), true);
        check(&["10.0.0.0/8"], Some("11.0.0.1"), false);
        check(&["10.0.0.0/8"], Some("::ffff:10.0.0.1"), true);
        check(&["2001:db8::/32"], Some("2001:db8::1"), true);
        check(&["2001:db8::/32"], Some("10.0.0.1"), false);
    }

    #[test]
    fn what_cannot_be_compared_is_outside() {
        check(&["10.0.0.0/8"], None, false);
        check(&["10.0.0.0/8", "nonsense"], Some("10.0.0.1"), false);
        check(&["10.0.0.1"], Some("10.0.0.1"), false);
    }
}
