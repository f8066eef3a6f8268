//! The HTTP monitoring port: `/`, `/varz`, `/connz`, `/subsz` and `/healthz`.
//!
//! Owns the listener's accept loop, the bounds on who may ask and how much, and the JSON pages, whose field names are
//! those of nats-server [nats-server: monitoring]. Everything shown comes from snapshots taken through [`Source`];
//! nothing here changes the broker. Never parses anything of the NATS protocol and never shows a secret.
//!
//! A page that can be long (`/connz`, `/subsz`) is rendered on the runtime's blocking pool, few at a time, so that
//! asking for a million subscriptions costs the clients of the broker nothing but one core for a moment.

mod connz;
mod format;
mod healthz;
mod index;
mod pages;
mod process;
mod query;
mod response;
mod serve;
mod sort;
mod subsz;
#[cfg(test)]
mod tests;
mod varz;

use pages::Monitor;
use serve::serve;

use std::sync::Arc;
use std::time::Duration;

use embus_engine::{
    limits::Limits,
    statistics::{ConnectionSnapshot, Statistics, SubscriptionSnapshot},
};
use embus_protocol::info::ServerInfo;
use embus_protocol::limits::AUTH_TIMEOUT;

use crate::listener::TcpAcceptor;
use crate::shell::Shell;

/// Serves the pages on a bound port until the broker stops; `asked_for` is the address as it was configured.
pub(crate) fn start(asked_for: &str, acceptor: TcpAcceptor, shell: &Arc<Shell>) {
    let host = asked_for.rsplit_once(':').map_or(asked_for, |(host, _)| host).to_owned();
    let address = acceptor.local_addr;
    let tracker = shell.tasks.tracker().clone();
    let source: Arc<dyn Source> = Arc::clone(shell) as Arc<dyn Source>;
    let monitor = Arc::new(Monitor::new(source, host, address, tracker.clone()));
    let stop = shell.tasks.stop_signal().clone();
    shell.tasks.spawn(serve(acceptor.into_listener(), monitor, tracker, stop));
}

impl Source for Shell {
    fn facts(&self) -> Facts {
        Facts {
            info: self.engine.info(),
            is_accepting: !self.accepting.is_cancelled(),
            limits: self.engine.limits().clone(),
            auth_timeout: AUTH_TIMEOUT,
        }
    }
    fn statistics(&self) -> Statistics {
        self.engine.statistics()
    }
    fn connections(&self) -> Vec<ConnectionSnapshot> {
        self.engine.connections()
    }
    fn closed_connections(&self) -> Vec<ConnectionSnapshot> {
        self.engine.closed_connections()
    }
    fn subscriptions(&self) -> Vec<SubscriptionSnapshot> {
        self.engine.subscriptions()
    }
}

/// What the monitor asks the broker for; the broker is the one implementation outside tests.
pub(crate) trait Source: Send + Sync + 'static {
    /// Identity, limits and state of the server.
    fn facts(&self) -> Facts;
    /// Totals since the start.
    fn statistics(&self) -> Statistics;
    /// The connections that are open now, in any order.
    fn connections(&self) -> Vec<ConnectionSnapshot>;
    /// The connections that closed lately, in any order; the broker bounds how many it remembers.
    fn closed_connections(&self) -> Vec<ConnectionSnapshot>;
    /// The subscriptions that exist now, in any order.
    fn subscriptions(&self) -> Vec<SubscriptionSnapshot>;
}

/// What rarely changes about a server.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The INFO a client would get now.
    pub(crate) info: ServerInfo,
    /// False as soon as lame duck mode or the shutdown began: `/healthz` then reports an error.
    pub(crate) is_accepting: bool,
    /// What one broker allows.
    pub(crate) limits: Limits,
    /// Time a client has for its CONNECT when the server asks for a login.
    pub(crate) auth_timeout: Duration,
}
