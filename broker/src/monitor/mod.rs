//! The HTTP monitoring port: `/`, `/varz`, `/connz`, `/subsz`, `/jsz`, `/accountz`, `/accstatz`,
//! `/healthz` and `/metrics`.
//!
//! Owns the listener's accept loop, the bounds on who may ask and how much, and the JSON pages, whose field names are
//! those of nats-server [nats-server: monitoring]. Everything shown comes from snapshots taken through [`Source`];
//! nothing here changes the broker. Never parses anything of the NATS protocol and never shows a secret.
//!
//! A page that can be long (`/connz`, `/subsz`, `/jsz`) is rendered on the runtime's blocking pool, few at a time, so that
//! asking for a million subscriptions costs the clients of the broker nothing but one core for a moment.

mod accountz;
mod accstatz;
mod connz;
mod format;
mod healthz;
mod index;
mod jsz;
mod links;
mod metrics;
mod pages;
mod process;
mod query;
mod reload;
mod requests;
mod response;
mod serve;
mod sort;
mod start;
mod statsz;
mod subsz;
#[cfg(test)]
mod tests;
mod user_info;
mod varz;

pub use reload::ReloadRequest;
pub(crate) use reload::ReloadRequests;
pub(crate) use start::{start, start_system};

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use embus_engine::{
    Limits,
    jetstream::{JetStream, JetStreamFacts},
    statistics::{AccountSnapshot, ConnectionSnapshot, Statistics, SubscriptionSnapshot},
};
use embus_protocol::info::ServerInfo;

use crate::metrics::Metrics;

/// What the monitor asks the broker for; the engine is the one implementation outside tests.
trait Source: Send + Sync + 'static {
    /// Identity, limits and state of the server.
    fn facts(&self) -> Facts;
    /// All numbers at once.
    fn metrics(&self) -> Metrics;
    /// Totals since the start.
    fn statistics(&self) -> Statistics;
    /// The connections that are open now, in any order.
    fn connections(&self) -> Vec<ConnectionSnapshot>;
    /// The connections that closed lately, in any order; the broker bounds how many it remembers.
    fn closed_connections(&self) -> Vec<ConnectionSnapshot>;
    /// The subscriptions that exist now, in any order.
    fn subscriptions(&self) -> Vec<SubscriptionSnapshot>;
    /// The accounts now, by name.
    fn accounts(&self) -> Vec<AccountSnapshot>;
    /// What streams are kept with, if there are any to have.
    fn jetstream(&self) -> Option<JetStreamFacts>;
    /// The streams of all accounts that have some, by the accounts' names.
    fn jetstreams(&self) -> Vec<Arc<JetStream>>;
}

/// What rarely changes about a server.
#[derive(Clone, Debug)]
struct Facts {
    /// The INFO a client would get now.
    info: ServerInfo,
    /// False as soon as lame duck mode or the shutdown began: `/healthz` then reports an error.
    is_accepting: bool,
    /// What one broker allows.
    limits: Limits,
    /// The name of the account of the server itself.
    system_account: String,
    /// Time a client has for its CONNECT when the server asks for a login.
    auth_timeout: Duration,
    /// When the configuration was read, and the digest of its file.
    loaded: (SystemTime, String),
}
