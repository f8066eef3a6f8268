//! `INFO`: what the account uses and may use. [reference §10]

use serde::Serialize;

use crate::api::response::{Object, Outcome};
use crate::engine::API_LEVEL;
use crate::jetstream::{AccountInfo, JetStream};
use crate::sync::Arc;

/// Answers with what counts now; a body is ignored.
pub(super) fn info(jetstream: &Arc<JetStream>) -> Outcome {
    Outcome::Ready(object(&jetstream.account()))
}

fn object(account: &AccountInfo) -> Object {
    Object::new()
        .with("memory", &account.memory)
        .with("storage", &account.storage)
        .with("reserved_memory", &account.reserved_memory)
        .with("reserved_storage", &account.reserved_storage)
        .with("streams", &account.streams)
        .with("consumers", &account.consumers)
        .with("limits", &Limits::of(account))
        .with_some("domain", account.domain.as_deref())
        .with("api", &Api::of(account))
}

/// -1 where nothing is limited.
#[derive(Serialize)]
struct Limits {
    max_memory: i64,
    max_storage: i64,
    max_streams: i64,
    max_consumers: i64,
    max_ack_pending: i64,
    memory_max_stream_bytes: i64,
    storage_max_stream_bytes: i64,
    max_bytes_required: bool,
}

impl Limits {
    fn of(account: &AccountInfo) -> Self {
        let limits = &account.limits;
        Self {
            max_memory: limit(limits.max_memory),
            max_storage: limit(limits.max_storage),
            max_streams: limit(limits.max_streams),
            max_consumers: limit(limits.max_consumers),
            max_ack_pending: limit(limits.max_ack_pending),
            memory_max_stream_bytes: limit(limits.memory_max_stream_bytes),
            storage_max_stream_bytes: limit(limits.storage_max_stream_bytes),
            max_bytes_required: limits.max_bytes_required,
        }
    }
}

fn limit<T>(limit: Option<T>) -> i64
where
    i64: TryFrom<T>,
{
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

#[derive(Serialize)]
struct Api {
    level: u64,
    total: u64,
    errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inflight: Option<u64>,
}

impl Api {
    /// Requests count once they are answered, so this one does not. [nats-server: account info]
    fn of(account: &AccountInfo) -> Self {
        let others = account.api_inflight.saturating_sub(1);
        Self {
            level: API_LEVEL,
            total: account.api_total.saturating_sub(account.api_inflight),
            errors: account.api_errors,
            inflight: (others > 0).then_some(others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jetstream::AccountLimits;

    fn account() -> AccountInfo {
        AccountInfo {
            memory: 84,
            storage: 0,
            reserved_memory: 1000,
            reserved_storage: 0,
            streams: 1,
            consumers: 0,
            limits: AccountLimits::default(),
            domain: None,
            api_total: 3,
            api_errors: 1,
            api_inflight: 1,
        }
    }

    #[test]
    fn without_limits() {
        assert_eq!(
            object(&account()).to_json(),
            r#"{"memory":84,"storage":0,"reserved_memory":1000,"reserved_storage":0,"streams":1,"consumers":0,"limits":{"max_memory":-1,"max_storage":-1,"max_streams":-1,"max_consumers":-1,"max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":-1,"max_bytes_required":false},"api":{"level":5,"total":2,"errors":1}}"#
        );
    }

    #[test]
    fn with_limits_and_domain() {
        let limits = AccountLimits { max_memory: Some(u64::MAX), max_streams: Some(3), ..AccountLimits::default() };
        let account = AccountInfo { limits, domain: Some("hub".to_owned()), api_inflight: 3, ..account() };
        let json = object(&account).to_json();
        assert!(json.contains(r#""max_memory":9223372036854775807,"max_storage":-1,"max_streams":3"#), "{json}");
        assert!(json.ends_with(r#","domain":"hub","api":{"level":5,"total":0,"errors":1,"inflight":2}}"#), "{json}");
    }
}
