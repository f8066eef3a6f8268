//! What is wrong with a configuration as a whole.

mod accounts;
mod operators;
mod users;

use std::collections::BTreeMap;

use embus_protocol::{filter::is_valid_filter, transform::SubjectTransform};

use super::{Account, Config, Port, authorization::Listener};
use crate::{Fault, Position};

/// Faults while they are collected.
pub(super) struct Checks<'a> {
    positions: BTreeMap<&'a str, &'a Position>,
    accounts: BTreeMap<&'a str, &'a Account>,
    faults: Vec<Fault>,
}

impl Config {
    /// All that is wrong with it, whether it comes from a file or was filled by a program.
    ///
    /// ```
    /// let mut config = embus_conf::Config::default();
    /// config.identity.name = Some("two words".into());
    /// assert_eq!(config.validate().len(), 1);
    /// ```
    pub fn validate(&self) -> Vec<Fault> {
        let mut checks = Checks::of(self);
        self.check_sections(&mut checks);
        self.check_stores(&mut checks);
        users::check(self, &mut checks);
        accounts::check(self, &mut checks);
        operators::check(self, &mut checks);
        checks.faults
    }

    fn check_sections(&self, checks: &mut Checks<'_>) {
        self.identity.check(checks);
        self.limits.check(checks);
        self.lame_duck.check(checks);
        self.operator.check(checks);
        for mapping in &self.mappings {
            mapping.check(&format!("mappings.{}", mapping.source), checks);
        }
        self.tls.iter().for_each(|tls| tls.check("tls", checks));
        self.jetstream.iter().for_each(|jetstream| jetstream.check(checks));
        self.websocket.iter().for_each(|websocket| websocket.check(checks));
        self.leafnodes.iter().for_each(|leafnodes| leafnodes.check(checks));
        self.cluster.iter().for_each(|cluster| cluster.check(checks));
        if let Some(authorization) = &self.authorization {
            authorization.check("authorization", Listener::Clients, checks);
        }
        if self.monitor.https_port.is_some_and(|port| port != Port::Number(0)) && self.tls.is_none() {
            checks.fault("https_port", "https requires a tls block");
        }
    }

    /// `store_dir` may stand outside of `jetstream`, too.
    fn check_stores(&self, checks: &mut Checks<'_>) {
        let inner = self.jetstream.as_ref().and_then(|jetstream| jetstream.store_dir.as_ref());
        if let (Some(outer), Some(inner)) = (&self.store_dir, inner)
            && outer != inner
        {
            checks.fault("jetstream.store_dir", "Duplicate 'store_dir' configuration");
        }
    }
}

impl<'a> Checks<'a> {
    fn of(config: &'a Config) -> Self {
        let mut positions = BTreeMap::new();
        for directive in &config.given {
            positions.entry(directive.path.as_str()).or_insert(&directive.position);
        }
        let accounts = config.accounts.iter().map(|(name, account)| (name.as_str(), account)).collect();
        Self { positions, accounts, faults: Vec::new() }
    }

    /// Something is wrong with the directive at `path`.
    pub(super) fn fault(&mut self, path: &str, text: impl Into<String>) {
        let position = self.position(path).cloned();
        self.faults.push(Fault::new(position, text));
    }

    /// Where the directive stands, or the nearest one around it.
    fn position(&self, path: &str) -> Option<&'a Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.positions.get(path) {
                return Some(position);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The first of these directives that was given.
    fn first(&self, paths: &[&'static str]) -> Option<&'static str> {
        paths.iter().copied().find(|path| self.positions.contains_key(path))
    }

    /// The account with this name, if somebody configured it.
    fn account(&self, name: &str) -> Option<&'a Account> {
        self.accounts.get(name).copied()
    }

    /// Whether there is such an account. Two are always there.
    fn has_account(&self, name: &str) -> bool {
        self.accounts.contains_key(name) || [GLOBAL, SYSTEM].contains(&name)
    }

    /// A subject, with wildcards or not.
    pub(super) fn subject(&mut self, path: &str, subject: &str) {
        let has_space = subject.contains(|c: char| c.is_whitespace() || c == '\0');
        if has_space || !is_valid_filter(subject.as_bytes()) {
            self.fault(path, format!("subject {subject:?} is not a valid subject"));
        }
    }

    /// What `source` becomes.
    pub(super) fn transform(&mut self, path: &str, source: &str, destination: &str, text: &str) {
        if let Err(error) = SubjectTransform::compile(source, destination) {
            self.fault(path, format!("{text}: {error}"));
        }
    }

    /// A public key of this kind.
    pub(super) fn key(&mut self, path: &str, kind: char, key: &str, text: &str) {
        if !key.starts_with(kind) || nkeys::from_public_key(key).is_err() {
            self.fault(path, format!("{text} {key:?}"));
        }
    }
}

/// The account of those who are in no other. [nats-server: `$G`]
const GLOBAL: &str = "$G";
/// The account of the server itself, if no other is named. [nats-server: `$SYS`]
const SYSTEM: &str = "$SYS";
