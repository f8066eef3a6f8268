//! Where the monitor meets the broker: its data come from the engine, its tasks are the broker's.

use std::sync::Arc;

use embus_engine::{
    Engine,
    jetstream::JetStream,
    statistics::{ConnectionSnapshot, Statistics, SubscriptionSnapshot},
};
use embus_protocol::limits::AUTH_TIMEOUT;

use super::{Facts, Source, pages::Monitor, serve::serve};
use crate::{listener::TcpAcceptor, shell::Shell};

/// Serves monitoring at `acceptor` as long as the broker lives, lame duck mode included; `address` is what the port was
/// asked for.
pub(crate) fn start(address: &str, acceptor: TcpAcceptor, shell: &Arc<Shell>) {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let (tasks, stop) = (shell.tasks.tracker().clone(), shell.tasks.stop_signal().clone());
    let engine = Arc::clone(&shell.engine);
    let monitor = Arc::new(Monitor::new(engine, host.to_owned(), acceptor.local_addr, tasks.clone()));
    shell.tasks.spawn(serve(acceptor.into_listener(), monitor, tasks, stop));
}

impl Source for Engine {
    fn facts(&self) -> Facts {
        Facts {
            info: self.info(),
            is_accepting: !self.is_lame_duck() && !self.is_stopping(),
            limits: self.limits().clone(),
            auth_timeout: AUTH_TIMEOUT,
        }
    }

    fn statistics(&self) -> Statistics {
        self.statistics()
    }

    fn connections(&self) -> Vec<ConnectionSnapshot> {
        self.connections()
    }

    fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        self.closed_connections()
    }

    fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        self.subscriptions()
    }

    fn jetstream(&self) -> Option<Arc<JetStream>> {
        self.jetstream().cloned()
    }
}
