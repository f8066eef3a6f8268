//! Where a page comes from that wants to connect: browsers tell, and let no page tell otherwise.

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};

/// Whether a request's origin is one that is allowed. What is no page has none, and may come in. [nats-server: checkOrigin]
pub(super) fn is_allowed(headers: &HeaderMap, same_origin: bool, allowed: &[String], is_secure: bool) -> bool {
    let origin = headers.get(ORIGIN).or_else(|| headers.get("sec-websocket-origin"));
    let Some(origin) = origin.filter(|origin| !origin.is_empty()) else { return true };
    if !same_origin && allowed.is_empty() {
        return true;
    }
    let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_same = || host.and_then(|host| Origin::of(is_secure, host)).is_some_and(|own| own.has_place_of(&origin));
    let is_listed = || allowed.iter().filter_map(|text| Origin::parse(text)).any(|one| one == origin);
    (!same_origin || is_same()) && (allowed.is_empty() || is_listed())
}

/// `scheme://host:port`.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return None,
        };
        Self::of(is_secure, rest.strip_suffix('/').unwrap_or(rest))
    }

    /// `host` or `host:port`; the port is the scheme's if it is not there.
    fn of(is_secure: bool, place: &str) -> Option<Self> {
        let default = if is_secure { 443 } else { 80 };
        let split = place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let (host, port) = match split {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, default),
        };
        let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        is_host.then(|| Self { is_secure, host: host.to_ascii_lowercase(), port })
    }

    /// A proxy may end TLS: the host and the port are what counts.
    fn has_place_of(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &str, same: bool, list: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "nats.example:8080".parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        let list: Vec<_> = list.iter().map(|text| (*text).to_owned()).collect();
        is_allowed(&headers, same, &list, false)
    }

    #[test]
    fn without_rules_every_page_may_connect() {
        assert!(allowed("http://evil.example", false, &[]) && allowed("null", false, &[]));
        assert!(is_allowed(&HeaderMap::new(), true, &["http://a".into()], true));
    }

    #[test]
    fn the_same_origin_is_host_and_port() {
        assert!(allowed("http://NATS.example:8080", true, &[]));
        for other in
            ["http://nats.example", "http://nats.example:8080.evil.example", "null", "http://x@nats.example:8080"]
        {
            assert!(!allowed(other, true, &[]), "{other}");
        }
    }

    #[test]
    fn listed_origins_are_compared_whole() {
        let list = ["https://pages.example", "http://[::1]:3000/"];
        assert!(allowed("https://pages.example:443", false, &list) && allowed("http://[::1]:3000", false, &list));
        for other in
            ["http://pages.example", "https://pages.example.evil", "https://pages.example:8443", "http://[::1]"]
        {
            assert!(!allowed(other, false, &list), "{other}");
        }
        assert!(!allowed("https://pages.example", true, &list), "both have to hold");
    }
}
