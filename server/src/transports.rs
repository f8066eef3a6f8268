//! Where else and how clients and others reach the server: TLS, WebSocket, and the ports for other servers.

use embus::Builder;
use embus_conf::{Cluster, Config, LeafNodes, Port, Tls, WebSocket};

use crate::{
    args::Flags,
    places::Places,
    tls::{self, TlsFault},
    websocket,
};

/// What the file and the flags say of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Transports {
    pub(crate) tls: Option<Tls>,
    pub(crate) allow_non_tls: bool,
    /// Whether monitoring is over TLS.
    pub(crate) is_monitor_secure: bool,
    pub(crate) websocket: Option<WebSocket>,
    pub(crate) leafnodes: Option<LeafNodes>,
    pub(crate) cluster: Option<Cluster>,
    /// `--cluster`, which goes before what the file says.
    pub(crate) cluster_url: Option<String>,
}

impl Transports {
    /// The file with the flags put over it.
    pub(crate) fn new(flags: &Flags, config: &mut Config) -> Self {
        let mut cluster = config.cluster.take();
        if flags.cluster.is_some() || flags.cluster_name.is_some() {
            let cluster = cluster.get_or_insert_default();
            cluster.name = flags.cluster_name.clone().or(cluster.name.take());
        }
        let is_on = |port: &Option<Port>| port.is_some_and(|port| port != Port::Number(0));
        Self {
            tls: tls::overridden(config.tls.take(), flags),
            allow_non_tls: config.allow_non_tls,
            is_monitor_secure: flags.https_port.is_some_and(|port| port != 0) || is_on(&config.monitor.https_port),
            websocket: config.websocket.take().filter(|websocket| is_on(&websocket.port)),
            leafnodes: config.leafnodes.take(),
            // Without a port it only has a name, and other servers nothing to connect to.
            cluster: cluster.filter(|cluster| is_on(&cluster.port) || flags.cluster.is_some()),
            cluster_url: flags.cluster.clone(),
        }
    }

    /// Whether a user may be one by a certificate only.
    pub(crate) fn maps_certificates(&self) -> bool {
        let websocket = self.websocket.as_ref().and_then(|websocket| websocket.tls.as_ref());
        self.tls.iter().chain(websocket).any(|tls| tls.verify_and_map)
    }

    /// Tells the broker where to listen, and what to speak there.
    pub(crate) fn apply(&self, mut builder: Builder, places: &Places) -> Result<Builder, TlsFault> {
        let tls = self.tls.as_ref().map(tls::config).transpose()?;
        builder = builder.listen(places.clients.to_string());
        if let Some(address) = &places.monitor {
            builder = match &tls {
                Some(tls) if self.is_monitor_secure => builder.monitor_tls(address.to_string(), tls.clone()),
                None if self.is_monitor_secure => return Err(TlsFault::NoCertificate),
                _ => builder.monitor(address.to_string()),
            };
        }
        if let Some(tls) = tls {
            builder = builder.tls(if self.allow_non_tls { tls.optional() } else { tls });
        }
        if let (Some(websocket), Some(address)) = (&self.websocket, &places.websocket) {
            builder = builder.listen_websocket(address.to_string(), websocket::config(websocket)?);
        }
        if let Some(address) = &places.leafnodes {
            builder = builder.listen_leafnodes(address.to_string());
        }
        let name = self.cluster.as_ref().and_then(|cluster| cluster.name.clone());
        Ok(match &places.cluster {
            Some(address) => builder.listen_cluster(address.to_string(), name),
            None => builder,
        })
    }
}
