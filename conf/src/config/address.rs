//! Hosts and ports.

use crate::{Kind, Value};

use super::read::{Read, Report};

/// A port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Any free one; written as -1.
    Any,
    /// This one.
    Number(u16),
}

impl Port {
    fn new(number: i64) -> Option<Self> {
        if number == -1 { Some(Self::Any) } else { u16::try_from(number).ok().map(Self::Number) }
    }
}

impl Read for Port {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let number = i64::read(value, report)?;
        let port = Self::new(number);
        if port.is_none() {
            report.fault(&value.position, format!("{} must be between -1 and 65535, but is {number}", report.name()));
        }
        port
    }
}

/// What `listen` and its like say: a port, with a host before it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: Option<String>,
    pub(super) port: Port,
}

impl Read for Address {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Integer(_) => Port::read(value, report).map(|port| Self { host: None, port }),
            Kind::Text(text) => match parse(text) {
                Ok(address) => Some(address),
                Err(error) => {
                    report.fault(&value.position, error);
                    None
                }
            },
            _ => report.wrong(value, "a port or host:port"),
        }
    }
}

fn parse(text: &str) -> Result<Address, String> {
    let split = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || bracketed(host).is_some());
    let (host, port) = split.ok_or_else(|| format!("could not parse address string {text:?}"))?;
    let port = port.trim().parse().ok().and_then(Port::new).ok_or_else(|| format!("could not parse port {port:?}"))?;
    let host = bracketed(host).unwrap_or(host);
    Ok(Address { host: (!host.is_empty()).then(|| host.to_owned()), port })
}

/// What stands between brackets.
fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, host: Option<&str>, port| {
            assert_eq!(parse(text), Ok(Address { host: host.map(str::to_owned), port }), "{text}");
        };
        check("localhost:4222", Some("localhost"), Port::Number(4222));
        check(":4222", None, Port::Number(4222));
        check("0.0.0.0:-1", Some("0.0.0.0"), Port::Any);
        check("[::1]:4222", Some("::1"), Port::Number(4222));
        for text in ["localhost", "::1:4222", "a:b", "a:70000", "a:-2", "a:", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
