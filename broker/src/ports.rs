//! All addresses that a broker listens on: first every one is bound, then all are served, so that a start that fails
//! leaves nothing running.

#[cfg(feature = "listen")]
use std::net::SocketAddr;
use std::sync::Arc;

use embus_engine::arrival::Listener;

use crate::builder::Builder;
#[cfg(feature = "monitor")]
use crate::builder::listeners::Address;
use crate::error::StartError;
#[cfg(feature = "listen")]
use crate::links::{self, Link};
#[cfg(feature = "listen")]
use crate::listener::TcpAcceptor;
#[cfg(all(feature = "listen", unix))]
use crate::listener::UnixAcceptor;
use crate::shell::Shell;
use crate::tasks::Tasks;
#[cfg(feature = "tls")]
use crate::tls::{Secured, Security};
#[cfg(feature = "websocket")]
use crate::websocket::WebSocketConfig;

/// Bound addresses that nobody is accepted on yet.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    #[cfg(feature = "listen")]
    tcp: Vec<TcpAcceptor>,
    #[cfg(all(feature = "listen", unix))]
    unix: Vec<UnixAcceptor>,
    #[cfg(feature = "monitor")]
    monitor: Option<(String, TcpAcceptor)>,
    #[cfg(feature = "listen")]
    links: Vec<(TcpAcceptor, Link)>,
    #[cfg(feature = "websocket")]
    websockets: Vec<(TcpAcceptor, WebSocketConfig)>,
    #[cfg(feature = "tls")]
    securities: Vec<Arc<Security>>,
}

#[cfg(feature = "listen")]
impl Ports {
    /// Binds all addresses that the builder names.
    pub(crate) async fn bind(builder: &Builder, tasks: &Tasks) -> Result<Self, StartError> {
        let mut ports = Self::default();
        #[cfg(feature = "tls")]
        let security = Secured::load(builder, tasks).await?;
        #[cfg(not(feature = "tls"))]
        let _ = tasks;
        for address in &builder.listen {
            ports.tcp.push(TcpAcceptor::bind(&address.address).await?);
        }
        #[cfg(unix)]
        for path in &builder.listen_unix {
            ports.unix.push(UnixAcceptor::bind(path.clone()).await?);
        }
        let cluster = builder.links.cluster.as_ref().map(|(address, _)| address);
        for (address, link) in [(builder.links.leafnodes.as_ref(), Link::Leaf), (cluster, Link::Route)] {
            if let Some(address) = address {
                ports.links.push((TcpAcceptor::bind(address).await?, link));
            }
        }
        #[cfg(feature = "websocket")]
        for (address, config) in &builder.websockets {
            ports.websockets.push((TcpAcceptor::bind(address).await?, config.clone()));
        }
        #[cfg(feature = "monitor")]
        if let Some(Address { address, .. }) = builder.monitor.as_deref() {
            let acceptor = TcpAcceptor::bind(address).await.map_err(StartError::of_monitor)?;
            ports.monitor = Some((address.clone(), acceptor));
        }
        #[cfg(feature = "tls")]
        ports.secure(security);
        Ok(ports)
    }

    #[cfg(feature = "tls")]
    fn secure(&mut self, secured: Secured) {
        self.securities = secured.all().cloned().collect();
        for (acceptor, security) in self.tcp.iter_mut().zip(secured.clients) {
            acceptor.secure(security);
        }
        #[cfg(feature = "websocket")]
        for ((acceptor, _), security) in self.websockets.iter_mut().zip(secured.websockets) {
            acceptor.secure(security);
        }
        #[cfg(feature = "monitor")]
        if let Some((_, acceptor)) = &mut self.monitor {
            acceptor.secure(secured.monitor);
        }
    }

    /// What speaks TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn securities(&self) -> Vec<Arc<Security>> {
        self.securities.clone()
    }

    /// Nobody has to log in: says so where that is open to more than this machine.
    pub(crate) fn warn_of_strangers(&self) {
        let all = self.local_addrs().into_iter();
        #[cfg(feature = "websocket")]
        let all = all.chain(self.websockets.iter().map(|(acceptor, _)| acceptor.local_addr));
        for address in all.filter(|address| !address.ip().is_loopback()) {
            tracing::warn!(%address, "open to everybody who reaches the address: no users are configured");
        }
    }

    /// The TCP addresses for clients.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.tcp.iter().map(|acceptor| acceptor.local_addr).collect()
    }

    /// What INFO tells of the first TCP listener.
    pub(crate) fn announced(&self) -> Option<&Listener> {
        self.tcp.first().map(|acceptor| &acceptor.told)
    }

    /// The address for one kind of servers.
    pub(crate) fn link_addr(&self, link: Link) -> Option<SocketAddr> {
        self.links.iter().find(|(_, kind)| *kind == link).map(|(acceptor, _)| acceptor.local_addr)
    }

    /// The addresses for WebSocket, and whether each speaks TLS.
    #[cfg(feature = "websocket")]
    pub(crate) fn websocket_addrs(&self) -> Vec<(SocketAddr, bool)> {
        self.websockets.iter().map(|(acceptor, _)| (acceptor.local_addr, acceptor.told.tls_required)).collect()
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
        for (acceptor, link) in self.links {
            shell.spawn_while_accepting(links::serve(acceptor, link, Arc::clone(shell)));
        }
        #[cfg(feature = "websocket")]
        for (acceptor, config) in self.websockets {
            shell.spawn_while_accepting(acceptor.run_websocket(config, Arc::clone(shell)));
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
    pub(crate) async fn bind(_: &Builder, _: &Tasks) -> Result<Self, StartError> {
        Ok(Self::default())
    }

    /// Nobody can reach it.
    pub(crate) fn warn_of_strangers(&self) {}

    /// No addresses.
    pub(crate) fn local_addrs(&self) -> Vec<std::net::SocketAddr> {
        Vec::new()
    }

    /// Nothing to announce.
    pub(crate) fn announced(&self) -> Option<&Listener> {
        None
    }

    /// Nothing to accept.
    pub(crate) fn serve(self, _: &Arc<Shell>) {}
}
