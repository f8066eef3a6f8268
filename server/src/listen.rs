//! Addresses to listen at, and why listening failed, in the words harnesses look for.

use std::{error::Error, fmt, io};

/// A host and a port as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    /// 0 is any free port.
    pub(crate) port: u16,
}

impl Address {
    /// Checks the number of a port; -1 is any free one.
    pub(crate) fn new(host: &str, port: i64) -> Result<Self, InvalidPort> {
        let port = if port == -1 { Ok(0) } else { u16::try_from(port).map_err(|_| InvalidPort(port)) };
        Ok(Self { host: host.to_owned(), port: port? })
    }

    /// As the file has it.
    pub(crate) fn of(host: &str, port: embus_conf::Port) -> Self {
        let port = match port {
            embus_conf::Port::Any => 0,
            embus_conf::Port::Number(port) => port,
        };
        Self { host: host.to_owned(), port }
    }

    /// The same host with the port that was got.
    pub(crate) fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.host, self.port)
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn join(f: &mut impl fmt::Write, host: &str, port: impl fmt::Display) -> fmt::Result {
    if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
}

/// A port below -1 or above 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("listen tcp: address {0}: invalid port")]
pub(crate) struct InvalidPort(i64);

/// Why there is no listener at `address`, worded as nats-server's log has it.
pub(crate) fn reason(address: &Address, error: &(dyn Error + 'static)) -> String {
    let Some(cause) = io_error(error) else { return format!("listen tcp {address}: {error}") };
    match cause.kind() {
        io::ErrorKind::AddrInUse => format!("listen tcp {address}: bind: address already in use"),
        io::ErrorKind::AddrNotAvailable => format!("listen tcp {address}: bind: cannot assign requested address"),
        io::ErrorKind::PermissionDenied => format!("listen tcp {address}: bind: permission denied"),
        // What is left when no system call failed is the resolver.
        _ if cause.raw_os_error().is_none() => format!("listen tcp: lookup {}: no such host", address.host),
        _ => format!("listen tcp {address}: {cause}"),
    }
}

/// The error of the operating system at the bottom of `error`.
fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_were_given() {
        assert_eq!(Address::new("0.0.0.0", -1).unwrap().with_port(7).to_string(), "0.0.0.0:7");
        assert_eq!(Address::new("::1", 4222).unwrap().to_string(), "[::1]:4222");
        assert_eq!(
            Address::new("localhost", 70_000).unwrap_err().to_string(),
            "listen tcp: address 70000: invalid port"
        );
        assert!(Address::new("localhost", -2).is_err());
    }

    #[test]
    fn failures_are_worded_for_harnesses() {
        let address = Address::new("127.0.0.1", 4222).unwrap();
        let check = |error: io::Error, text: &str| assert_eq!(reason(&address, &error), text);
        check(io::ErrorKind::AddrInUse.into(), "listen tcp 127.0.0.1:4222: bind: address already in use");
        check(io::ErrorKind::PermissionDenied.into(), "listen tcp 127.0.0.1:4222: bind: permission denied");
        check(io::Error::other("failed to lookup"), "listen tcp: lookup 127.0.0.1: no such host");
    }
}
