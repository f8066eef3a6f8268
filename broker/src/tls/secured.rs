//! TLS of all listeners that a builder names: all files are read before an address is bound, and read anew together.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::config::TlsConfig;
use super::error::TlsError;
use super::security::Security;
use crate::builder::Builder;
use crate::tasks::Tasks;

/// One for each listener, where there is TLS.
#[derive(Debug, Default)]
pub(crate) struct Secured {
    pub(crate) clients: Vec<Option<Arc<Security>>>,
    #[cfg(feature = "websocket")]
    pub(crate) websockets: Vec<Option<Arc<Security>>>,
    #[cfg(feature = "monitor")]
    pub(crate) monitor: Option<Arc<Security>>,
}

impl Secured {
    /// Reads all files, on a thread that may block.
    pub(crate) async fn load(builder: &Builder, tasks: &Tasks) -> Result<Self, TlsError> {
        let shared = builder.tls.clone();
        let clients: Vec<_> = builder.listen.iter().map(|address| address.tls.clone().or(shared.clone())).collect();
        #[cfg(feature = "websocket")]
        let websockets: Vec<_> =
            builder.websockets.iter().map(|(_, config)| config.tls.clone().map(Box::new)).collect();
        #[cfg(feature = "monitor")]
        let monitor = builder.monitor.as_ref().and_then(|address| address.tls.clone());
        let load = move || {
            let slots = Security::slots();
            let all = |list: Vec<_>| list.into_iter().map(|tls| secure(tls, &slots)).collect::<Result<_, _>>();
            Ok(Self {
                clients: all(clients)?,
                #[cfg(feature = "websocket")]
                websockets: all(websockets)?,
                #[cfg(feature = "monitor")]
                monitor: secure(monitor, &slots)?,
            })
        };
        tasks.run_blocking(load).await.unwrap_or_else(|| Err(not_loaded()))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Security>> {
        let all = self.clients.iter().flatten();
        #[cfg(feature = "websocket")]
        let all = all.chain(self.websockets.iter().flatten());
        #[cfg(feature = "monitor")]
        let all = all.chain(&self.monitor);
        all
    }
}

fn secure(tls: Option<Box<TlsConfig>>, slots: &Arc<Semaphore>) -> Result<Option<Arc<Security>>, TlsError> {
    tls.map(|tls| Security::new(*tls, Arc::clone(slots)).map(Arc::new)).transpose()
}

/// Reads all files anew; takes all of them, or changes nothing.
pub(crate) async fn reload(securities: Vec<Arc<Security>>, tasks: &Tasks) -> Result<(), TlsError> {
    let reload = move || {
        let loaded = securities.iter().map(|security| security.load()).collect::<Result<Vec<_>, _>>()?;
        for (security, config) in securities.iter().zip(loaded) {
            security.exchange(config);
        }
        Ok(())
    };
    tasks.run_blocking(reload).await.unwrap_or_else(|| Err(not_loaded()))
}

/// Nobody came to read the files: there must not be a listener without TLS for that.
fn not_loaded() -> TlsError {
    TlsError::config("the files could not be read: the runtime ends")
}
