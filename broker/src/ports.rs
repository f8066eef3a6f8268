//! All addresses that a broker listens on: first every one is bound, then all are served, so that a start that fails
//! leaves nothing running.

#[cfg(feature = "listen")]
use std::net::SocketAddr;
use std::sync::Arc;

use crate::builder::Builder;
use crate::error::StartError;
#[cfg(feature = "listen")]
use crate::listener::TcpAcceptor;
#[cfg(all(feature = "listen", unix))]
use crate::listener::UnixAcceptor;
use crate::shell::Shell;

/// Bound addresses that nobody is accepted on yet.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    #[cfg(feature = "listen")]
    tcp: Vec<TcpAcceptor>,
    #[cfg(all(feature = "listen", unix))]
    unix: Vec<UnixAcceptor>,
    #[cfg(feature = "monitor")]
    monitor: Option<(String, TcpAcceptor)>,
}

#[cfg(feature = "listen")]
impl Ports {
    /// Binds all addresses that the builder names.
    pub(crate) async fn bind(builder: &Builder) -> Result<Self, StartError> {
        let mut ports = Self::default();
        for address in &builder.listen {
            ports.tcp.push(TcpAcceptor::bind(address).await?);
        }
        #[cfg(unix)]
        for path in &builder.listen_unix {
            ports.unix.push(UnixAcceptor::bind(path.clone()).await?);
        }
        #[cfg(feature = "monitor")]
        if let Some(address) = &builder.monitor {
            let acceptor = TcpAcceptor::bind(address).await.map_err(StartError::of_monitor)?;
            ports.monitor = Some((address.clone(), acceptor));
        }
        Ok(ports)
    }

    /// Nobody has to log in: says so where that is open to more than this machine.
    pub(crate) fn warn_of_strangers(&self) {
        for acceptor in self.tcp.iter().filter(|acceptor| !acceptor.local_addr.ip().is_loopback()) {
            let address = acceptor.local_addr;
            tracing::warn!(%address, "open to everybody who reaches the address: no users are configured");
        }
    }

    /// The TCP addresses for clients.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.tcp.iter().map(|acceptor| acceptor.local_addr).collect()
    }

    /// Host and port of the first TCP listener, as INFO tells them.
    pub(crate) fn announced(&self) -> Option<(&str, u16)> {
        self.tcp.first().map(|acceptor| (acceptor.host.as_str(), acceptor.local_addr.port()))
    }

    /// The address for monitoring.
    #[cfg(feature = "monitor")]
    pub(crate) fn monitor_addr(&self) -> Option<SocketAddr> {
        self.monitor.as_ref().map(|(_, acceptor)| acceptor.local_addr)
    }

    /// Starts to accept.
    pub(crate) fn serve(self, shell: &Arc<Shell>) {
        for acceptor in self.tcp {
            shell.spawn_while_accepting(acceptor.run(Arc::clone(shell)));
        }
        #[cfg(unix)]
        for acceptor in self.unix {
            shell.spawn_while_accepting(acceptor.run(Arc::clone(shell)));
        }
        #[cfg(feature = "monitor")]
        if let Some((address, acceptor)) = self.monitor {
            crate::monitor::start(&address, acceptor, shell);
        }
    }
}

#[cfg(not(feature = "listen"))]
#[allow(clippy::unused_self, clippy::unused_async, reason = "the same signatures as with listeners")]
impl Ports {
    /// Nothing to bind: this build has no listeners.
    pub(crate) async fn bind(_: &Builder) -> Result<Self, StartError> {
        Ok(Self::default())
    }

    /// Nobody can reach it.
    pub(crate) fn warn_of_strangers(&self) {}

    /// No addresses.
    pub(crate) fn local_addrs(&self) -> Vec<std::net::SocketAddr> {
        Vec::new()
    }

    /// Nothing to announce.
    pub(crate) fn announced(&self) -> Option<(&str, u16)> {
        None
    }

    /// Nothing to accept.
    pub(crate) fn serve(self, _: &Arc<Shell>) {}
}
