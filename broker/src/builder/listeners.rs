//! Where a broker listens: addresses, and what is spoken there.

use super::Builder;
#[cfg(feature = "tls")]
use crate::tls::TlsConfig;

/// Where to listen, and how.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) address: String,
    /// Its own TLS.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<TlsConfig>>,
}

impl Address {
    pub(crate) fn of(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Builder {
    /// Listens for clients on `host:port`; port 0 takes a free one. May be called several times.
    ///
    /// Whoever reaches the address may use the broker, unless it has [users](Self::user): an address beyond this machine
    /// without them is warned of.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen.push(Address::of(address));
        self
    }

    /// Has all addresses that are [listened](Self::listen) on speak TLS. See [`tls`](crate::tls).
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use embus::tls::TlsConfig;
    ///
    /// let tls = TlsConfig::from_files("server.pem", "server.key");
    /// let broker = embus::Broker::builder().listen("0.0.0.0:4222").tls(tls).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(Box::new(tls));
        self
    }

    /// Listens for clients on `host:port` with a TLS of its own.
    #[cfg(feature = "tls")]
    pub fn listen_tls(mut self, address: impl Into<String>, tls: TlsConfig) -> Self {
        self.listen.push(Address { tls: Some(Box::new(tls)), ..Address::of(address) });
        self
    }

    /// Listens for clients on a Unix socket. The file is removed when the broker stops.
    #[cfg(unix)]
    pub fn listen_unix(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.listen_unix.push(path.into());
        self
    }

    /// Serves `/varz`, `/connz`, `/subsz` and `/healthz` over HTTP on `host:port`.
    #[cfg(feature = "monitor")]
    pub fn monitor(mut self, address: impl Into<String>) -> Self {
        self.monitor = Some(Box::new(Address::of(address)));
        self
    }

    /// Serves the same over HTTPS, instead. Nobody is asked for a certificate.
    #[cfg(all(feature = "monitor", feature = "tls"))]
    pub fn monitor_tls(mut self, address: impl Into<String>, tls: TlsConfig) -> Self {
        let tls = Some(Box::new(tls.without_verification()));
        self.monitor = Some(Box::new(Address { tls, ..Address::of(address) }));
        self
    }

    /// Listens for clients that speak WebSocket on `host:port`. May be called several times. See
    /// [`websocket`](crate::websocket).
    #[cfg(feature = "websocket")]
    pub fn listen_websocket(mut self, address: impl Into<String>, config: crate::websocket::WebSocketConfig) -> Self {
        self.websockets.push((address.into(), config));
        self
    }

    /// Opens a port for leaf nodes on `host:port`. It greets them, and refuses each with the reason: links to other servers
    /// are not supported yet. This is for what looks for the port.
    pub fn listen_leafnodes(mut self, address: impl Into<String>) -> Self {
        self.links.leafnodes = Some(address.into());
        self
    }

    /// Is alone in a cluster: opens a port for other servers on `host:port` and refuses each with the reason. Clients are
    /// told the cluster's name; without one it is the server's id.
    pub fn listen_cluster(mut self, address: impl Into<String>, name: Option<String>) -> Self {
        self.links.cluster = Some((address.into(), name));
        self
    }

    /// Whether anything speaks TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn has_tls(&self) -> bool {
        let is_own = self.tls.is_some() || self.listen.iter().any(|address| address.tls.is_some());
        #[cfg(feature = "monitor")]
        let is_own = is_own || self.monitor.as_ref().is_some_and(|address| address.tls.is_some());
        #[cfg(feature = "websocket")]
        let is_own = is_own || self.websockets.iter().any(|(_, config)| config.tls.is_some());
        is_own
    }

    /// A login may take a second longer than the handshake before it. [reference §1.5]
    #[cfg(feature = "tls")]
    pub(crate) fn leave_time_for_handshakes(&mut self) {
        if let Some(tls) = &self.tls {
            self.auth.timeout.get_or_insert(tls.timeout.saturating_add(std::time::Duration::from_secs(1)));
        }
    }
}

/// Ports for other servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    pub(crate) leafnodes: Option<String>,
    pub(crate) cluster: Option<(String, Option<String>)>,
}

impl Links {
    /// What INFO tells of the cluster, and whether the name was made up.
    pub(crate) fn cluster_name(&self, server_id: &str) -> (Option<String>, bool) {
        match &self.cluster {
            Some((_, Some(name))) => (Some(name.clone()), false),
            Some((_, None)) => (Some(server_id.to_owned()), true),
            None => (None, false),
        }
    }
}
