//! Directives as plain structs, one file per block.

mod account;
mod account_jetstream;
mod address;
mod authorization;
mod cluster;
mod export;
mod identity;
mod import;
mod jetstream;
mod lame_duck;
mod leafnodes;
mod limits;
mod listen;
mod logging;
mod mapping;
mod monitor;
mod operator;
mod permissions;
mod read;
mod tls;
mod top;
mod unit;
mod user;
mod validate;
mod websocket;

use std::path::{Path, PathBuf};

use crate::{ConfigError, Document, Surroundings, System};

pub use account::{Account, AccountLimits, AccountTrace};
pub use account_jetstream::{AccountJetStream, ClusterTraffic};
pub use address::Port;
pub use authorization::{AuthCallout, Authorization};
pub use cluster::Cluster;
pub use export::{Export, Latency, ResponseType};
pub use identity::Identity;
pub use import::{Import, Source};
pub use jetstream::{BatchLimits, Cipher, JetStream, JetStreamLimits, Sync};
pub use lame_duck::LameDuck;
pub use leafnodes::LeafNodes;
pub use limits::{Limits, WriteTimeout};
pub use listen::Listen;
pub use logging::Logging;
pub use mapping::{Destination, Mapping};
pub use monitor::Monitor;
pub use operator::{DirectoryResolver, Operator, Resolver};
pub use permissions::{Permissions, ResponsePermission, SubjectPermission};
pub use read::Directive;
pub use tls::{Certificate, HandshakeFirst, Tls, TlsVersion};
pub use unit::Limit;
pub use user::{ConnectionType, User};
pub use websocket::WebSocket;

/// Everything that a server can be told before it starts.
///
/// What is not given is `None`, empty or false: the server knows the defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// What the server is called.
    pub identity: Identity,
    /// The port for clients.
    pub listen: Listen,
    /// Bounds on clients.
    pub limits: Limits,
    /// Who may connect.
    pub authorization: Option<Authorization>,
    /// `no_auth_user`: who clients are that do not log in.
    pub no_auth_user: Option<String>,
    /// `accounts`, by name, in the order of the file.
    pub accounts: Vec<(String, Account)>,
    /// `system_account`, `system`: the account for the server's own messages; `$SYS` without it.
    pub system_account: Option<String>,
    /// `no_system_account`, `no_system`, `no_sys_acc`: there is none.
    pub no_system_account: bool,
    /// JWTs.
    pub operator: Operator,
    /// `mappings`, `maps`, of clients that are in no account.
    pub mappings: Vec<Mapping>,
    /// `tls`, of the clients and of `https`.
    pub tls: Option<Tls>,
    /// `allow_non_tls`: clients may do without.
    pub allow_non_tls: bool,
    /// `jetstream`; there is none without it.
    pub jetstream: Option<JetStream>,
    /// `store_dir` outside of `jetstream`.
    pub store_dir: Option<PathBuf>,
    /// `websocket`, `ws`.
    pub websocket: Option<WebSocket>,
    /// `leafnodes`, `leaf`.
    pub leafnodes: Option<LeafNodes>,
    /// `cluster`.
    pub cluster: Option<Cluster>,
    /// Monitoring over HTTP.
    pub monitor: Monitor,
    /// What is logged.
    pub logging: Logging,
    /// How the server goes away.
    pub lame_duck: LameDuck,
    /// `pid_file`, `pidfile`.
    pub pid_file: Option<PathBuf>,
    /// `ports_file_dir`.
    pub ports_file_dir: Option<PathBuf>,
    /// Directives for what embus does not have: whoever starts a server refuses them by name.
    pub refused: Vec<Directive>,
    /// Every directive that was given, in the order of the file; those of blocks come before those in them.
    pub given: Vec<Directive>,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with what is wrong: the first fault of the syntax, or all faults of the directives.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::read(&Document::open(path, &System)?)
    }

    /// Reads `text` as if it stood in a file at `path`.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn parse(path: impl AsRef<Path>, text: &str, surroundings: &dyn Surroundings) -> Result<Self, ConfigError> {
        Self::read(&Document::parse(path, text, surroundings)?)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`ConfigError::Faults`] with all that is wrong with it, [`validate`](Self::validate) included.
    pub fn read(document: &Document) -> Result<Self, ConfigError> {
        let mut report = read::Report::default();
        let mut config = Self::default();
        read::fields(&mut config, document.root(), &mut report);
        (config.given, config.refused) = (report.given, report.refused);
        let mut faults = report.faults;
        faults.extend(config.validate());
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Faults(faults)) }
    }
}

#[cfg(test)]
mod tests;
