//! Where to listen, and what callers are told of it: lines of the log, and the file of ports.

use std::net::SocketAddr;

use embus::Broker;
use embus_conf::Port;
use tracing::{info, warn};

use crate::{
    listen::{self, Address, InvalidPort},
    ports_file::{Ports, url},
    settings::Settings,
};

/// All addresses.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) clients: Address,
    pub(crate) monitor: Option<Address>,
    pub(crate) websocket: Option<Address>,
    pub(crate) leafnodes: Option<Address>,
    pub(crate) cluster: Option<Address>,
}

/// An address that cannot be one. The texts are those of nats-server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("Error listening on port: {address}, {:?}", .error.to_string())]
    Clients { address: String, error: InvalidPort },
    #[error("Can't start monitoring: can't listen to the monitor port: {0}")]
    Monitor(InvalidPort),
    #[error("Can't listen for {0}: {1}")]
    Other(&'static str, InvalidPort),
    #[error("could not parse cluster listen URL {0:?}: the form is nats://host:port")]
    Cluster(String),
}

impl Places {
    pub(crate) fn of(settings: &Settings) -> Result<Self, PlaceError> {
        let port = if settings.port == 0 { i64::from(embus::DEFAULT_PORT) } else { settings.port };
        let clients = Address::new(&settings.host, port).map_err(|error| {
            let mut address = String::new();
            // Writing to a string does not fail.
            let _ = listen::join(&mut address, &settings.host, port);
            PlaceError::Clients { address, error }
        })?;
        let monitor = match settings.monitor_port {
            0 => None,
            port => Some(Address::new(&settings.monitor_host, port).map_err(PlaceError::Monitor)?),
        };
        let transports = &settings.transports;
        let at = |host: &Option<String>, port: Option<Port>, default| {
            Address::of(host.as_deref().unwrap_or(&settings.host), port.unwrap_or(Port::Number(default)))
        };
        let cluster = transports.cluster.as_ref().map(|cluster| at(&cluster.host, cluster.port, CLUSTER_PORT));
        let cluster = match &transports.cluster_url {
            Some(url) => Some(parse(url)?),
            None => cluster,
        };
        Ok(Self {
            clients,
            monitor,
            websocket: transports.websocket.as_ref().map(|websocket| at(&websocket.host, websocket.port, 0)),
            leafnodes: transports
                .leafnodes
                .as_ref()
                .map(|leafnodes| at(&leafnodes.host, leafnodes.port, LEAFNODE_PORT)),
            cluster,
        })
    }

    /// The words for a listener that could not be had, and where it was to be.
    pub(crate) fn failed(&self, address: &str) -> Option<(&'static str, &Address)> {
        let others = [
            ("Unable to listen for websocket connections", &self.websocket),
            ("Error listening on leafnode port", &self.leafnodes),
            ("Error listening on router port", &self.cluster),
        ];
        let given = others.into_iter().filter_map(|(words, place)| Some((words, place.as_ref()?)));
        given.into_iter().find(|(_, place)| place.to_string() == address && self.clients.to_string() != address)
    }

    /// Logs where the broker is, and lists it for the ports file.
    pub(crate) fn tell(&self, broker: &Broker, settings: &Settings) -> Ports {
        let mut ports = Ports::default();
        let secure = |is_secure, plain: &'static str, secure| if is_secure { secure } else { plain };
        let transports = &settings.transports;
        if let (Some(place), Some(address)) = (&self.monitor, broker.monitor_addr()) {
            let scheme = secure(transports.is_monitor_secure, "http", "https");
            info!("Starting {scheme} monitor on {}", place.with_port(address.port()));
            ports.monitoring.push(url(scheme, address));
        }
        if let (Some(place), Some(address)) = (&self.websocket, broker.websocket_addrs().first()) {
            let is_secure = broker.websocket_url().is_some_and(|url| url.starts_with("wss"));
            let scheme = secure(is_secure, "ws", "wss");
            info!("Listening for websocket clients on {scheme}://{}", place.with_port(address.port()));
            if !is_secure {
                warn!("WebSocket is without TLS: whoever is on the way can read it");
            }
            ports.websocket.push(url(scheme, *address));
        }
        let tell_link = |place: &Option<Address>, address: Option<SocketAddr>, what: &str, list: &mut Vec<String>| {
            if let (Some(place), Some(address)) = (place, address) {
                info!("Listening for {what} connections on {}", place.with_port(address.port()));
                list.push(url("nats", address));
            }
        };
        tell_link(&self.leafnodes, broker.leafnode_addr(), "leafnode", &mut ports.leafnodes);
        tell_link(&self.cluster, broker.cluster_addr(), "route", &mut ports.cluster);
        if let Some(address) = broker.local_addr() {
            info!("Listening for client connections on {}", self.clients.with_port(address.port()));
            let is_secure = broker.server_info().tls_required;
            if is_secure {
                info!("TLS required for client connections");
            }
            ports.nats.push(url(secure(is_secure, "nats", "tls"), address));
        }
        if let Some(cluster) = broker.server_info().cluster {
            info!("Cluster name is {cluster}");
        }
        ports
    }
}

/// `nats://host:port`, as `--cluster` takes it. Credentials would be for routes.
fn parse(url: &str) -> Result<Address, PlaceError> {
    let fault = || PlaceError::Cluster(url.to_owned());
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').ok_or_else(fault)?;
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || host.contains(['@', '/']) {
        return Err(fault());
    }
    Address::new(host, port.parse().map_err(|_| fault())?).map_err(|error| PlaceError::Other("routes", error))
}

/// [nats-server: `leafnodes.port`]
const LEAFNODE_PORT: u16 = 7422;
/// What `--cluster_name` alone does not open; a block with an address names its own. [nats-server: none]
const CLUSTER_PORT: u16 = 0;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn cluster_urls() {
        let check = |url: &str, expected: &str| assert_eq!(parse(url).unwrap().to_string(), expected, "{url}");
        check("nats://127.0.0.1:6222", "127.0.0.1:6222");
        check("nats-route://[::1]:-1/", "[::1]:0");
        check("localhost:6222", "localhost:6222");
        for url in ["nats://localhost", "nats://:1", "", "nats://a:b@host:1", "nats://host:70000", "nats://host:x"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
