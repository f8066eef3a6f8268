//! `$SYS.REQ.USER.INFO`: who a client is and what it may do, to itself. [reference §1.13]

use embus_auth::SubjectRules;
use embus_engine::Engine;
use embus_engine::connection::ClientId;
use embus_protocol::headers::block;
use serde::{Deserialize, Serialize};

/// The names are nats-server's.
#[derive(Debug, Serialize)]
pub(super) struct UserInfo {
    user: String,
    account: String,
    account_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Permissions>,
}

#[derive(Debug, Serialize)]
struct Permissions {
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Subjects>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<Subjects>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<Responses>,
}

#[derive(Debug, Serialize)]
struct Subjects {
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Responses {
    /// -1 is any number.
    max: i64,
    ttl: u64,
}

#[derive(Deserialize)]
struct Requester {
    #[serde(default)]
    id: u64,
    #[serde(default)]
    user: String,
}

/// What there is to tell a requester of `account`, who was introduced by the import that it asked by.
pub(super) fn render(engine: &Engine, account: &str, headers: &[u8]) -> Option<UserInfo> {
    let requester: Requester = serde_json::from_slice(block::value(headers, "Nats-Request-Info")?).ok()?;
    let permissions = engine.permissions(ClientId(requester.id));
    let permissions = permissions.map(|permissions| {
        let rules = permissions.rules();
        Permissions {
            publish: subjects(&rules.publish),
            subscribe: subjects(&rules.subscribe),
            responses: rules.responses.map(|responses| Responses {
                max: responses.max.map_or(-1, |max| i64::try_from(max).unwrap_or(i64::MAX)),
                ttl: super::format::nanoseconds(responses.ttl),
            }),
        }
    });
    let account = account.to_owned();
    Some(UserInfo { user: requester.user, account_name: account.clone(), account, permissions })
}

fn subjects(rules: &SubjectRules) -> Option<Subjects> {
    let is_there = rules.allow.is_some() || !rules.deny.is_empty();
    is_there.then(|| Subjects { allow: rules.allow.clone(), deny: rules.deny.clone() })
}
