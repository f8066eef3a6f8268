//! What accounts offer to each other and take, and what they are called.

use std::collections::BTreeSet;

use embus_protocol::filter::{covers, overlap, tokens};

use super::{Checks, GLOBAL};
use crate::config::{
    Config,
    account::Account,
    export::Export,
    import::{Import, Source},
};

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    for (name, account) in &config.accounts {
        let path = format!("accounts.{name}");
        if name == GLOBAL {
            checks.fault(&path, format!("{name:?} is a Reserved Account"));
        }
        if let Some(nkey) = &account.nkey {
            checks.key(&path, 'A', nkey, "Not a valid public nkey for an account:");
        }
        for mapping in &account.mappings {
            mapping.check(&format!("{path}.mappings.{}", mapping.source), checks);
        }
        check_exports(account, &path, checks);
        check_imports(name, account, &path, checks);
    }
    check_system(config, checks);
}

fn check_exports(account: &Account, path: &str, checks: &mut Checks<'_>) {
    for (index, export) in account.exports.iter().enumerate() {
        let path = format!("{path}.exports[{index}]");
        export.check(&path, checks);
        check_token_position(export, &path, checks);
        let kind = if export.stream.is_some() { "stream" } else { "service" };
        for importer in export.accounts.iter().flatten() {
            if !checks.has_account(importer) {
                checks.fault(&path, format!("{importer:?} account not defined for {kind} export"));
            }
        }
    }
}

/// The token that names the importing account has to be a wildcard. [nats-server: `account_token_position`]
fn check_token_position(export: &Export, path: &str, checks: &mut Checks<'_>) {
    let (Some(position), Some(subject)) = (export.account_token_position, export.subject()) else { return };
    let index = usize::from(position).checked_sub(1);
    let token = index.and_then(|index| tokens(subject.as_bytes()).nth(index));
    if position != 0 && token != Some(b"*") {
        checks.fault(path, format!("account_token_position {position} of {subject:?} is not a wildcard token '*'"));
    }
}

fn check_imports(name: &str, account: &Account, path: &str, checks: &mut Checks<'_>) {
    for (index, import) in account.imports.iter().enumerate() {
        let path = format!("{path}.imports[{index}]");
        import.check(&path, checks);
        let Some(source) = import.source() else { continue };
        let kind = Kind::of(import);
        if !checks.has_account(&source.account) {
            let text = format!("{:?} account not defined for {} import", source.account, kind.name());
            checks.fault(&path, text);
            continue;
        }
        let exporter = checks.account(&source.account);
        let error = if !exporter.is_some_and(|exporter| kind.is_offered(exporter, source, name)) {
            format!("{} import not authorized", kind.name())
        } else if source.account != name && kind.leads_back(checks, source, name) {
            "import forms a cycle".to_owned()
        } else {
            continue;
        };
        checks.fault(&path, format!("Error adding {} import {:?}: {error}", kind.name(), source.subject));
    }
}

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stream,
    Service,
}

impl Kind {
    fn of(import: &Import) -> Self {
        if import.stream.is_some() { Self::Stream } else { Self::Service }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Service => "service",
        }
    }

    /// Whether `exporter` offers this to the account `name`.
    fn is_offered(self, exporter: &Account, source: &Source, name: &str) -> bool {
        exporter.exports.iter().any(|export| {
            let subject = if self == Self::Stream { &export.stream } else { &export.service };
            let is_for = export.accounts.as_ref().is_none_or(|accounts| accounts.iter().any(|account| account == name));
            is_for && subject.as_ref().is_some_and(|subject| covers(subject.as_bytes(), source.subject.as_bytes()))
        })
    }

    /// Whether what `source` names comes, perhaps through other accounts, from the account `name` itself.
    fn leads_back(self, checks: &Checks<'_>, source: &Source, name: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![source];
        while let Some(source) = open.pop() {
            if source.account == name {
                return true;
            }
            // What was looked at once leads nowhere else.
            if !seen.insert((&source.account, &source.subject)) {
                continue;
            }
            let Some(account) = checks.account(&source.account) else { continue };
            let same = account.imports.iter().filter(|import| Self::of(import) == self);
            let met = same.filter(|import| overlap(local(import).as_bytes(), source.subject.as_bytes()));
            open.extend(met.filter_map(Import::source));
        }
        false
    }
}

/// The subjects under which an import is there. References to wildcards stand for any token.
fn local(import: &Import) -> String {
    let subject = import.source().map(|source| source.subject.as_str()).unwrap_or_default();
    match (&import.to, &import.prefix) {
        (Some(to), _) => {
            to.split('.').map(|token| if is_reference(token) { "*" } else { token }).collect::<Vec<_>>().join(".")
        }
        (None, Some(prefix)) => format!("{}.{subject}", prefix.trim_end_matches('.')),
        (None, None) => subject.to_owned(),
    }
}

fn is_reference(token: &str) -> bool {
    token.starts_with('$') || token.starts_with("{{")
}

/// Not as `$G`: clients would see what only operators may.
fn check_system(config: &Config, checks: &mut Checks<'_>) {
    let Some(system) = &config.system_account else { return };
    if config.no_system_account {
        checks.fault("no_system_account", "a system account is named, but there shall be none");
    }
    if system == GLOBAL {
        checks.fault("system_account", "the system account cannot be the global account");
    } else if !config.operator.is_on() && !checks.has_account(system) {
        checks.fault("system_account", format!("system account {system:?} is not defined"));
    } else if checks.account(system).is_some_and(|account| account.jetstream.is_some()) {
        checks.fault(&format!("accounts.{system}.jetstream"), "jetstream can not be enabled on the system account");
    }
}
