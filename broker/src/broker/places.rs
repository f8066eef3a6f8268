//! Where a running broker is reached.

use std::net::SocketAddr;

use super::Broker;

impl Broker {
    /// Where clients connect to: `nats://host:port` of the first listener, `tls://host:port` if it asks for TLS; `None` when
    /// nothing listens on TCP.
    pub fn client_url(&self) -> Option<String> {
        let scheme = if self.server_info().tls_required { "tls" } else { "nats" };
        Some(url(scheme, self.local_addr()?))
    }

    /// Where clients connect to that speak WebSocket: `ws://host:port` of the first such listener, or `wss://host:port`;
    /// `None` when there is none.
    #[cfg(feature = "websocket")]
    pub fn websocket_url(&self) -> Option<String> {
        let (address, is_secure) = self.inner.websockets.first()?;
        Some(url(if *is_secure { "wss" } else { "ws" }, *address))
    }

    /// The addresses of all listeners for WebSocket, in the order they were asked for.
    #[cfg(feature = "websocket")]
    pub fn websocket_addrs(&self) -> Vec<SocketAddr> {
        self.inner.websockets.iter().map(|(address, _)| *address).collect()
    }

    /// The address of the port for leaf nodes.
    #[cfg(feature = "listen")]
    pub fn leafnode_addr(&self) -> Option<SocketAddr> {
        self.inner.link_addrs[0]
    }

    /// The address of the port for other servers of a cluster.
    #[cfg(feature = "listen")]
    pub fn cluster_addr(&self) -> Option<SocketAddr> {
        self.inner.link_addrs[1]
    }

    /// The address of the first TCP listener.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.inner.local_addrs.first().copied()
    }

    /// The addresses of all TCP listeners, in the order they were asked for.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.inner.local_addrs
    }

    /// The address of the HTTP monitoring port.
    #[cfg(feature = "monitor")]
    pub fn monitor_addr(&self) -> Option<SocketAddr> {
        self.inner.monitor_addr
    }

    /// Reads all files of certificates and keys anew; handshakes that begin then go by them. Connections stay as they are.
    ///
    /// # Errors
    /// [`TlsError`](crate::tls::TlsError) when one cannot be read or does not fit; nothing has changed then.
    #[cfg(feature = "tls")]
    pub async fn reload_tls(&self) -> Result<(), crate::tls::TlsError> {
        crate::tls::reload(self.inner.securities.clone(), &self.inner.shell.tasks).await
    }
}

/// All addresses are reached at the one that every machine has.
fn url(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        return format!("{scheme}://{loopback}:{}", address.port());
    }
    format!("{scheme}://{address}")
}
