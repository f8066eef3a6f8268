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
    current: Mutex<Arc<Current>>,
    /// Handshakes of all listeners that may be under way at once.
    pub(super) slots: Arc<Semaphore>,
    pub(super) rate: Rate,
}

/// What handshakes that begin now go by.
struct Current {
    config: TlsConfig,
    rustls: Arc<ServerConfig>,
}

/// Each holds some 70 KiB at most, what it has read of one message of the handshake and what it wants to write; a client
/// that has not begun one holds none.
const MAX_HANDSHAKES: usize = 1024;

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Security").field("config", &self.current().config).finish_non_exhaustive()
    }
}

impl Security {
    /// Bounds the handshakes of all listeners of a broker.
    pub(crate) fn slots() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MAX_HANDSHAKES))
    }

    /// Reads the files: not for a thread that must not block.
    pub(crate) fn new(config: TlsConfig, slots: Arc<Semaphore>) -> Result<Self, TlsError> {
        let (rate, rustls) = (Rate::new(config.rate_limit), config.load()?);
        Ok(Self { rate, current: Mutex::new(Arc::new(Current { config, rustls })), slots })
    }

    /// Reads the files anew, for handshakes that begin after [`exchange`](Self::exchange).
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.current().config.load()
    }

    pub(crate) fn exchange(&self, rustls: Arc<ServerConfig>) {
        let config = self.current().config.clone();
        *self.current.lock() = Arc::new(Current { config, rustls });
    }

    /// Goes by what another one goes by, which is [of the same form](TlsConfig::has_form_of).
    pub(crate) fn take_over(&self, other: &Self) {
        let current = other.current();
        self.rate.set_limit(current.config.rate_limit);
        *self.current.lock() = current;
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.lock())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current().rustls))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.current().config.timeout
    }

    pub(super) fn handshake(&self) -> Handshake {
        self.current().config.handshake
    }

    pub(super) fn is_optional(&self) -> bool {
        self.current().config.is_optional
    }

    /// Whether every client has to show a certificate.
    pub(super) fn verifies(&self) -> bool {
        self.current().config.verify
    }

    /// Whether a client with this key may come in.
    pub(super) fn is_pinned(&self, digest: Option<[u8; 32]>) -> bool {
        let pinned = &self.current().config.pinned;
        pinned.is_empty() || digest.is_some_and(|digest| pinned.contains(&digest))
    }

    /// What clients are told of it. [reference §1.2]
    pub(crate) fn describe(&self, listener: &mut Listener) {
        let config = &self.current().config;
        listener.tls_required = !config.is_optional;
        listener.tls_available = config.is_optional;
        listener.tls_verify = config.verify;
        listener.maps_certificates = config.map;
    }
}
