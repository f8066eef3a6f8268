//! TLS of one listener while the broker runs.

use std::sync::Arc;
use std::time::Duration;

use embus_engine::arrival::Listener;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::config::{Handshake, TlsConfig};
use super::error::TlsError;
use super::rate::Rate;

/// What handshakes of one listener go by. The certificates may be exchanged at any time, for those that begin then.
pub(crate) struct Security {
    config: TlsConfig,
    current: Mutex<Arc<ServerConfig>>,
    /// Handshakes of all listeners that may be under way at once.
    pub(super) slots: Arc<Semaphore>,
    pub(super) rate: Rate,
}

/// Each holds some 70 KiB at most, what it has read of one message of the handshake and what it wants to write; a client
/// that has not begun one holds none.
const MAX_HANDSHAKES: usize = 1024;

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Security").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Security {
    /// Bounds the handshakes of all listeners of a broker.
    pub(crate) fn slots() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_HANDSHAKES))
    }

    /// Reads the files: not for a thread that must not block.
    pub(crate) fn new(config: TlsConfig, slots: Arc<Semaphore>) -> Result<Self, TlsError> {
        let current = Mutex::new(config.load()?);
        Ok(Self { rate: Rate::new(config.rate_limit), config, current, slots })
    }

    /// Reads the files anew, for handshakes that begin after [`exchange`](Self::exchange).
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.config.load()
    }

    pub(crate) fn exchange(&self, config: Arc<ServerConfig>) {
        *self.current.lock() = config;
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.lock()))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    pub(super) fn handshake(&self) -> Handshake {
        self.config.handshake
    }

    pub(super) fn is_optional(&self) -> bool {
        self.config.is_optional
    }

    /// Whether every client has to show a certificate.
    pub(super) fn verifies(&self) -> bool {
        self.config.verify
    }

    /// Whether a client with this key may come in.
    pub(super) fn is_pinned(&self, digest: Option<[u8; 32]>) -> bool {
        self.config.pinned.is_empty() || digest.is_some_and(|digest| self.config.pinned.contains(&digest))
    }

    /// What clients are told of it. [reference §1.2]
    pub(crate) fn describe(&self, listener: &mut Listener) {
        listener.tls_required = !self.config.is_optional;
        listener.tls_available = self.config.is_optional;
        listener.tls_verify = self.config.verify;
        listener.maps_certificates = self.config.map;
    }
}
