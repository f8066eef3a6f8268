//! Listeners: sockets that are bound before the broker is ready, and the tasks that accept from them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::arrival::{Arrival, Listener};
use embus_engine::connection::{ConnectionKind, Peer};
use tokio::net::{TcpListener, TcpStream};

use crate::error::StartError;
use crate::shell::Shell;
#[cfg(feature = "tls")]
use crate::tls::Security;
#[cfg(feature = "websocket")]
use crate::websocket::{Door, WebSocketConfig};
use crate::wire::Owner;
use crate::wire::socket::SocketWire;

/// How long accepting pauses after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound TCP listener.
#[derive(Debug)]
pub(crate) struct TcpAcceptor {
    listener: TcpListener,
    pub(crate) local_addr: SocketAddr,
    /// What its clients are told of it; the host is the one that was asked for.
    pub(crate) told: Listener,
    #[cfg(feature = "tls")]
    security: Option<Arc<Security>>,
}

impl TcpAcceptor {
    /// Binds `address`, `host:port` with port 0 for any free one.
    pub(crate) async fn bind(address: &str) -> Result<Self, StartError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidInput => StartError::Address { address: address.to_owned(), source },
            _ => StartError::Listen { address: address.to_owned(), source },
        };
        check_form(address).map_err(failed)?;
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self {
            listener,
            local_addr,
            told: Listener { host, port: local_addr.port(), ..Listener::default() },
            #[cfg(feature = "tls")]
            security: None,
        })
    }

    /// Has it speak TLS, or not.
    #[cfg(feature = "tls")]
    pub(crate) fn secure(&mut self, security: Option<Arc<Security>>) {
        if let Some(security) = &security {
            security.describe(&mut self.told);
        }
        self.security = security;
    }

    /// Its TLS, if it has some.
    #[cfg(all(feature = "monitor", feature = "tls"))]
    pub(crate) fn security(&self) -> Option<Arc<Security>> {
        self.security.clone()
    }

    /// Accepts one; nothing after a failure.
    pub(crate) async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self.listener.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                pause(&error).await;
                None
            }
        }
    }

    /// The socket itself, for protocols other than NATS.
    #[cfg(feature = "monitor")]
    pub(crate) fn into_listener(self) -> TcpListener {
        self.listener
    }

    /// Accepts until dropped.
    pub(crate) async fn run(self, shell: Arc<Shell>) {
        let told = Arc::new(self.told.clone());
        loop {
            if let Some((stream, peer)) = self.accept().await {
                self.serve(&shell, stream, peer, Arc::clone(&told));
            }
        }
    }

    /// Accepts what speaks WebSocket, until dropped.
    #[cfg(feature = "websocket")]
    pub(crate) async fn run_websocket(self, config: WebSocketConfig, shell: Arc<Shell>) {
        let door = Arc::new(Door::new(
            config,
            self.told.clone(),
            #[cfg(feature = "tls")]
            self.security.clone(),
        ));
        loop {
            if let Some((stream, peer)) = self.accept().await {
                crate::websocket::serve(&shell, stream, peer, Arc::clone(&door));
            }
        }
    }

    fn serve(&self, shell: &Arc<Shell>, stream: TcpStream, peer: SocketAddr, told: Arc<Listener>) {
        let peer = Peer { kind: ConnectionKind::Tcp, host: peer.ip().to_string(), port: peer.port() };
        let arrival = Arrival { peer, listener: Some(told), credentials: None };
        #[cfg(feature = "tls")]
        if let Some(security) = &self.security {
            return crate::tls::enter(shell, stream, arrival, Arc::clone(security));
        }
        serve_tcp(shell, stream, arrival);
    }
}

/// Says what an address looks like, before a resolver says only that it does not know the name.
fn check_form(address: &str) -> io::Result<()> {
    let is_good = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && !host.contains("//") && port.parse::<u16>().is_ok());
    if is_good { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "the form is host:port")) }
}

fn serve_tcp(shell: &Arc<Shell>, stream: TcpStream, arrival: Arrival) {
    let owner = Arc::new(Owner::default());
    match SocketWire::tcp(stream, Arc::clone(&owner)) {
        Ok((wire, transport)) => shell.serve(wire, transport, owner, arrival),
        // The client is gone already.
        Err(error) => tracing::debug!(%error, peer = ?arrival.peer, "connection lost while accepting"),
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// A bound Unix socket; its file is removed at the end.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct UnixAcceptor {
    listener: tokio::net::UnixListener,
    path: PathBuf,
    /// Device and inode of the socket, to know it again.
    identity: Option<(u64, u64)>,
}

#[cfg(unix)]
impl UnixAcceptor {
    /// Binds `path`. A socket that a dead process left behind is replaced; any other file is not.
    pub(crate) async fn bind(path: PathBuf) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address: path.display().to_string(), source };
        remove_dead_socket(&path).await;
        let listener = tokio::net::UnixListener::bind(&path).map_err(failed)?;
        let identity = identity(&path);
        Ok(Self { listener, path, identity })
    }

    /// Accepts until dropped.
    pub(crate) async fn run(self, shell: Arc<Shell>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => self.serve(&shell, stream),
                Err(error) => pause(&error).await,
            }
        }
    }

    fn serve(&self, shell: &Arc<Shell>, stream: tokio::net::UnixStream) {
        let owner = Arc::new(Owner::default());
        let (wire, transport) = SocketWire::unix(stream, Arc::clone(&owner));
        let peer = Peer { kind: ConnectionKind::Unix, host: self.path.display().to_string(), port: 0 };
        shell.serve(wire, transport, owner, peer);
    }
}

#[cfg(unix)]
impl Drop for UnixAcceptor {
    /// Removes the socket, unless something else has taken its place: another broker's, or a file.
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            // Nothing to do if somebody removes it at the same moment.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(unix)]
async fn remove_dead_socket(path: &std::path::Path) {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let refused = matches!(tokio::net::UnixStream::connect(path).await,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused);
    if is_socket && refused {
        let _ = std::fs::remove_file(path);
    }
}
