//! The port for clients.

use crate::config::{
    address::{Address, Port},
    read::Field,
};

/// Where clients connect to: `listen`, `port`, `host`, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listen {
    /// `host`, `net`: the address to listen on; all without one.
    pub host: Option<String>,
    /// `port`: 4222 without one.
    pub port: Option<Port>,
    /// `client_advertise`: what clients are told instead of the address.
    pub advertise: Option<String>,
    /// `proxy_protocol`: connections begin with the header of a proxy.
    pub proxy_protocol: bool,
}

/// `listen: host:port` and its like; a port alone leaves the host as it is.
pub(super) fn set(field: Field<'_, '_>, host: &mut Option<String>, port: &mut Option<Port>) {
    let mut address = None::<Address>;
    field.set(&mut address);
    if let Some(address) = address {
        *port = Some(address.port);
        *host = address.host.or_else(|| host.take());
    }
}
