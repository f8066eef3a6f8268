//! Accounts: separate spaces of subjects.

use super::{
    account_jetstream::AccountJetStream,
    export::Export,
    import::Import,
    mapping::{Mapping, Mappings},
    permissions::Permissions,
    read::{Field, Read, Report, Section, fields},
    unit::Limit,
    user::User,
};
use crate::{Kind, Value};

/// One account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// `nkey`: its public key.
    pub nkey: Option<String>,
    /// `users`.
    pub users: Vec<User>,
    /// `jetstream`: it has none without it.
    pub jetstream: Option<AccountJetStream>,
    /// `exports`.
    pub exports: Vec<Export>,
    /// `imports`.
    pub imports: Vec<Import>,
    /// `default_permissions`: of users that have none of their own.
    pub default_permissions: Option<Permissions>,
    /// `mappings`, `maps`.
    pub mappings: Vec<Mapping>,
    /// `limits`.
    pub limits: AccountLimits,
    /// `msg_trace`, `trace_dest`.
    pub trace: Option<AccountTrace>,
}

/// A `limits` block of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountLimits {
    /// `max_connections`, `max_conn`.
    pub max_connections: Option<Limit>,
    /// `max_subscriptions`, `max_subs`.
    pub max_subscriptions: Option<Limit>,
    /// `max_payload`, `max_pay`, in bytes.
    pub max_payload: Option<Limit>,
    /// `max_leafnodes`, `max_leafs`.
    pub max_leafnodes: Option<Limit>,
}

/// Where traces of messages go that ask for one in the way of OpenTelemetry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountTrace {
    /// `dest`.
    pub destination: String,
    /// `sampling`, in percent.
    pub sampling: u16,
}

impl Section for Account {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "nkey" => field.set(&mut self.nkey),
            "users" => field.set(&mut self.users),
            "jetstream" => field.set_from::<Switch<AccountJetStream>, _>(&mut self.jetstream),
            "exports" => field.set(&mut self.exports),
            "imports" => field.set(&mut self.imports),
            "default_permissions" => field.set(&mut self.default_permissions),
            "mappings" | "maps" => field.set_from::<Mappings, _>(&mut self.mappings),
            "limits" => field.extend(&mut self.limits),
            "msg_trace" | "trace_dest" => field.set(&mut self.trace),
            _ => field.unknown(),
        }
    }
}

impl Section for AccountLimits {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "max_connections" | "max_conn" => field.set(&mut self.max_connections),
            "max_subscriptions" | "max_subs" => field.set(&mut self.max_subscriptions),
            "max_payload" | "max_pay" => field.set(&mut self.max_payload),
            "max_leafnodes" | "max_leafs" => field.set(&mut self.max_leafnodes),
            _ => field.unknown(),
        }
    }
}

impl Read for AccountTrace {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let mut trace = TraceFields { destination: String::new(), sampling: Percent(100) };
        match &value.kind {
            Kind::Text(destination) => trace.destination.clone_from(destination),
            Kind::Block(block) => fields(&mut trace, block, report),
            _ => return report.wrong(value, "a string or a map"),
        }
        Some(Self { destination: trace.destination, sampling: trace.sampling.0 })
    }
}

struct TraceFields {
    destination: String,
    sampling: Percent,
}

impl Section for TraceFields {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "dest" => field.set(&mut self.destination),
            "sampling" => field.set(&mut self.sampling),
            _ => field.unknown(),
        }
    }
}

/// A number up to 100, with `%` behind it or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Percent(pub(super) u16);

impl Read for Percent {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let number = match &value.kind {
            Kind::Integer(number) => u16::try_from(*number).ok(),
            Kind::Text(text) => text.strip_suffix('%').unwrap_or(text).parse().ok(),
            _ => return report.wrong(value, "a percentage"),
        };
        let percent = number.filter(|number| *number <= 100);
        if percent.is_none() {
            report.fault(&value.position, format!("{} must be between 0 and 100 percent", report.name()));
        }
        percent.map(Self)
    }
}

/// `true` or `enabled` for a block with nothing in it, `false` or `disabled` for none. [nats-server: `jetstream`]
pub(super) struct Switch<T>(pub(super) Option<T>);

impl<T: Section + Default> Read for Switch<T> {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let is = |text: &str, words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match &value.kind {
            Kind::Boolean(on) => Some(Self(on.then(T::default))),
            Kind::Text(text) if is(text, ["enabled", "enable"]) => Some(Self(Some(T::default()))),
            Kind::Text(text) if is(text, ["disabled", "disable"]) => Some(Self(None)),
            Kind::Block(_) => T::read(value, report).map(Some).map(Self),
            _ => report.wrong(value, "true, false, enabled, disabled or a map"),
        }
    }
}

impl<T> From<Switch<T>> for Option<T> {
    fn from(Switch(value): Switch<T>) -> Self {
        value
    }
}
