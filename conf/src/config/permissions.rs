//! What a user may publish and subscribe to.

use std::time::Duration;

use super::{
    read::{Field, OneOrMany, Read, Report, Section, fields},
    validate::Checks,
};
use crate::{Kind, Value};

/// A `permissions` block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Permissions {
    /// `publish`, `pub`, `import`.
    pub publish: SubjectPermission,
    /// `subscribe`, `sub`, `export`.
    pub subscribe: SubjectPermission,
    /// `allow_responses`: publishing to the reply of what was received.
    pub allow_responses: Option<ResponsePermission>,
}

/// Subjects, with wildcards; those of subscriptions may have a queue behind a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectPermission {
    /// `allow`: only these; all without it.
    pub allow: Option<Vec<String>>,
    /// `deny`: none of these.
    pub deny: Vec<String>,
}

/// How often and how long a reply may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponsePermission {
    /// `max`, `max_msgs`: -1 is any number.
    pub max_messages: i64,
    /// `expires`, `ttl`.
    pub expires: Duration,
}

impl Default for ResponsePermission {
    /// [nats-server: `allow_responses: true`]
    fn default() -> Self {
        Self { max_messages: 1, expires: Duration::from_secs(120) }
    }
}

impl From<Subjects> for SubjectPermission {
    fn from(Subjects(permission): Subjects) -> Self {
        permission
    }
}

impl From<Responses> for Option<ResponsePermission> {
    fn from(Responses(permission): Responses) -> Self {
        permission
    }
}

impl Section for Permissions {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "publish" | "pub" | "import" => field.set_from::<Subjects, _>(&mut self.publish),
            "subscribe" | "sub" | "export" => field.set_from::<Subjects, _>(&mut self.subscribe),
            "allow_responses" | "publish_allow_responses" => field.set_from::<Responses, _>(&mut self.allow_responses),
            _ => field.unknown(),
        }
    }
}

impl Section for SubjectPermission {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "allow" => field.set_from::<OneOrMany, _>(self.allow.get_or_insert_default()),
            "deny" => field.set_from::<OneOrMany, _>(&mut self.deny),
            _ => field.unknown(),
        }
    }
}

/// A block, or what is allowed without one.
struct Subjects(SubjectPermission);

impl Read for Subjects {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        let mut permission = SubjectPermission::default();
        match &value.kind {
            Kind::Block(block) => fields(&mut permission, block, report),
            _ => permission.allow = Some(OneOrMany::read(value, report)?.0),
        }
        Some(Self(permission))
    }
}

/// `true`, or a block.
struct Responses(Option<ResponsePermission>);

impl Read for Responses {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        match &value.kind {
            Kind::Boolean(allowed) => Some(Self(allowed.then(ResponsePermission::default))),
            Kind::Block(block) => {
                let mut permission = ResponsePermission::default();
                fields(&mut permission, block, report);
                Some(Self(Some(permission)))
            }
            _ => report.wrong(value, "a boolean or a map"),
        }
    }
}

impl Section for ResponsePermission {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "max" | "max_msgs" | "max_messages" | "max_responses" => field.set(&mut self.max_messages),
            "expires" | "expiration" | "ttl" => field.set(&mut self.expires),
            _ => field.unknown(),
        }
    }
}

impl Permissions {
    pub(super) fn check(&self, path: &str, checks: &mut Checks<'_>) {
        for subject in self.publish.all() {
            checks.subject(path, subject);
        }
        for entry in self.subscribe.all() {
            let mut parts = entry.split_ascii_whitespace();
            let (subject, queue, rest) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
            checks.subject(path, subject);
            match (queue, rest) {
                (_, Some(_)) => checks.fault(path, format!("permission {entry:?} has more than a subject and a queue")),
                (Some(queue), None) => checks.subject(path, queue),
                (None, None) => {}
            }
        }
    }
}

impl SubjectPermission {
    fn all(&self) -> impl Iterator<Item = &String> {
        self.allow.iter().flatten().chain(&self.deny)
    }
}
