//! Listeners: sockets that are bound before the broker is ready, and the tasks that accept from them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use embus_engine::connection::{ConnectionKind, Peer};
use tokio::net::{TcpListener, TcpStream};

use crate::error::StartError;
use crate::shell::Shell;
use crate::wire::Owner;
use crate::wire::socket::SocketWire;

/// How long accepting pauses after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound TCP listener.
#[derive(Debug)]
pub(crate) struct TcpAcceptor {
    listener: TcpListener,
    pub(crate) local_addr: SocketAddr,
    /// The host as it was asked for: INFO tells that one.
    pub(crate) host: String,
}

impl TcpAcceptor {
    /// Binds `address`, `host:port` with port 0 for any free one.
    pub(crate) async fn bind(address: &str) -> Result<Self, StartError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidInput => StartError::Address { address: address.to_owned(), source },
            _ => StartError::Listen { address: address.to_owned(), source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        Ok(Self { listener, local_addr, host: host.trim_matches(['[', ']']).to_owned() })
    }

    /// The socket itself, for protocols other than NATS.
    #[cfg(feature = "monitor")]
    pub(crate) fn into_listener(self) -> TcpListener {
        self.listener
    }

    /// Accepts until dropped.
    pub(crate) async fn run(self, shell: Arc<Shell>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => serve_tcp(&shell, stream, peer),
                Err(error) => pause(&error).await,
            }
        }
    }
}

fn serve_tcp(shell: &Arc<Shell>, stream: TcpStream, peer: SocketAddr) {
    let owner = Arc::new(Owner::default());
    let peer = Peer { kind: ConnectionKind::Tcp, host: peer.ip().to_string(), port: peer.port() };
    match SocketWire::tcp(stream, Arc::clone(&owner)) {
        Ok((wire, transport)) => shell.serve(wire, transport, owner, peer),
        // The client is gone already.
        Err(error) => tracing::debug!(%error, ?peer, "connection lost while accepting"),
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
}

#[cfg(unix)]
impl UnixAcceptor {
    /// Binds `path`. A socket that a dead process left behind is replaced; any other file is not.
    pub(crate) async fn bind(path: PathBuf) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address: path.display().to_string(), source };
        remove_dead_socket(&path).await;
        let listener = tokio::net::UnixListener::bind(&path).map_err(failed)?;
        Ok(Self { listener, path })
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
    fn drop(&mut self) {
        // Nothing to do if somebody removed it before.
        let _ = std::fs::remove_file(&self.path);
    }
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
