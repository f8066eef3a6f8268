//! A port that stays a test's own while its broker is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use crate::error::StartError;

/// A free port of the loopback interface. The socket is bound and never listens: clients are refused while the broker is
/// down, and the system gives the port to nobody else, another test's broker least of all.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    /// Elsewhere a port cannot be bound twice, and has to be left to luck between stop and start.
    #[cfg(unix)]
    _socket: TcpSocket,
}

impl Port {
    /// Takes a free port.
    pub(super) fn reserve() -> Result<Self, StartError> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::bind(any).map_err(|source| StartError::Listen { address: any.to_string(), source })
    }

    fn bind(any: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // The listener has it, too; both need it, as long as this one does not listen.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(any)?;
        Ok(Self {
            address: socket.local_addr()?,
            #[cfg(unix)]
            _socket: socket,
        })
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }
}
