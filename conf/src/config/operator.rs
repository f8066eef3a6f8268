//! Users that prove themselves by JWTs which an operator vouches for.

use std::{path::PathBuf, time::Duration};

use super::{
    read::{Field, OneOrMany, Read, Report, Section, fields},
    tls::Tls,
    unit::Limit,
    validate::Checks,
};
use crate::{Kind, Value};

/// `operator`, `resolver` and their like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operator {
    /// `operator`, `operators`, `root` and so on: JWTs of operators, or files that hold one.
    pub operators: Vec<String>,
    /// `trusted_keys`, `trusted`: public keys of operators, instead of their JWTs.
    pub trusted_keys: Vec<String>,
    /// `resolver`: where accounts are looked up.
    pub resolver: Option<Resolver>,
    /// `resolver_preload`: JWTs of accounts by their public keys.
    pub preload: Vec<(String, String)>,
    /// `resolver_pinned_accounts`: only users of these.
    pub pinned_accounts: Vec<String>,
    /// `resolver_tls`.
    pub resolver_tls: Option<Tls>,
    /// `default_sentinel`: the JWT of a user who shows none.
    pub default_sentinel: Option<String>,
}

/// Where the JWTs of accounts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolver {
    /// `MEMORY`: only from `resolver_preload`.
    Memory,
    /// `URL(…)`: from a web server.
    Url(String),
    /// A directory.
    Directory(DirectoryResolver),
}

/// A block for a `resolver`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryResolver {
    /// `type`: `full` or `cache`.
    pub kind: String,
    /// `dir`.
    pub dir: PathBuf,
    /// `limit`: how many accounts.
    pub limit: Option<Limit>,
    /// `interval`: between comparisons with other servers.
    pub interval: Option<Duration>,
    /// `allow_delete`.
    pub allow_delete: bool,
    /// `hard_delete`.
    pub hard_delete: bool,
    /// `ttl`: how long a cache keeps an account.
    pub ttl: Option<Duration>,
    /// `timeout`: of a lookup.
    pub timeout: Option<Duration>,
}

impl Operator {
    /// Takes a directive, if it is one of these.
    pub(super) fn field<'v, 'r>(&mut self, name: &str, field: Field<'v, 'r>) -> Option<Field<'v, 'r>> {
        match name {
            "operator" | "operators" | "root" | "roots" | "root_operator" | "root_operators" => {
                field.set_from::<OneOrMany, _>(&mut self.operators);
            }
            "trusted_keys" | "trusted" => field.set_from::<OneOrMany, _>(&mut self.trusted_keys),
            "resolver" | "account_resolver" | "accounts_resolver" => field.set(&mut self.resolver),
            "resolver_preload" => field.set(&mut self.preload),
            "resolver_pinned_accounts" => field.set_from::<OneOrMany, _>(&mut self.pinned_accounts),
            "resolver_tls" => field.set(&mut self.resolver_tls),
            "default_sentinel" => field.set(&mut self.default_sentinel),
            _ => return Some(field),
        }
        None
    }

    /// Whether JWTs decide who users are.
    pub fn is_on(&self) -> bool {
        !self.operators.is_empty() || !self.trusted_keys.is_empty()
    }

    pub(super) fn check(&self, checks: &mut Checks<'_>) {
        for key in &self.trusted_keys {
            checks.key("trusted_keys", 'O', key, "trust key is required to be a valid operator public nkey, not");
        }
        for (account, _) in &self.preload {
            checks.key("resolver_preload", 'A', account, "preload key is not a public account nkey");
        }
        if !self.trusted_keys.is_empty() && !self.operators.is_empty() {
            checks.fault("trusted_keys", "conflicting options for 'TrustedKeys' and 'TrustedOperators'");
        }
        if !self.preload.is_empty() && self.resolver.is_none() {
            checks.fault(
                "resolver_preload",
                "resolver preloads only available for account resolvers that are configured",
            );
        }
        if let Some(Resolver::Directory(resolver)) = &self.resolver {
            resolver.check(checks);
        }
        if let Some(tls) = &self.resolver_tls {
            tls.check("resolver_tls", checks);
        }
    }
}

impl Read for Resolver {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Text(text) => named(text).or_else(|| {
                report.fault(&value.position, "a resolver must be MEMORY, URL(...) or a map with a type and a dir");
                None
            }),
            Kind::Block(block) => {
                let mut resolver = DirectoryResolver::default();
                fields(&mut resolver, block, report);
                Some(Self::Directory(resolver))
            }
            _ => report.wrong(value, "a string or a map"),
        }
    }
}

fn named(text: &str) -> Option<Resolver> {
    if ["memory", "mem"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return Some(Resolver::Memory);
    }
    let inner =
        text.get(..4).filter(|start| start.eq_ignore_ascii_case("url(")).and_then(|_| text[4..].strip_suffix(')'));
    inner.map(|url| Resolver::Url(url.trim_matches(['"', '\'', ' ']).to_owned()))
}

impl Section for DirectoryResolver {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "type" => field.set(&mut self.kind),
            "dir" => field.set(&mut self.dir),
            "limit" => field.set(&mut self.limit),
            "interval" => field.set(&mut self.interval),
            "allow_delete" => field.set(&mut self.allow_delete),
            "hard_delete" => field.set(&mut self.hard_delete),
            "ttl" => field.set(&mut self.ttl),
            "timeout" => field.set(&mut self.timeout),
            _ => field.unknown(),
        }
    }
}

impl DirectoryResolver {
    fn check(&self, checks: &mut Checks<'_>) {
        if !["full", "cache"].iter().any(|kind| self.kind.eq_ignore_ascii_case(kind)) {
            checks.fault("resolver", format!("the type of a resolver must be full or cache, but is {:?}", self.kind));
        }
        if self.dir.as_os_str().is_empty() {
            checks.fault("resolver", "dir has no value and needs to point to a directory");
        }
    }
}
