//! What one pull request asks for.

use std::time::Duration;

use bytes::Bytes;
use embus_engine::consumer::{Priority, PullRequest};
use embus_protocol::subject::Subject;
use serde::Serialize;

use crate::jetstream::consumer::Info;
use crate::jetstream::consumer::config::is_default;

/// One pull request. [ADR-13, ADR-42]
#[derive(Debug, Default, Serialize, Clone, PartialEq, Eq)]
pub struct BatchConfig {
    /// How many messages.
    pub batch: usize,
    /// How long it waits for them.
    #[serde(skip_serializing_if = "Option::is_none", with = "serde_nanos")]
    pub expires: Option<Duration>,
    /// Whether it ends when there is nothing more.
    #[serde(skip_serializing_if = "is_default")]
    pub no_wait: bool,
    /// How many bytes; any number if zero.
    #[serde(skip_serializing_if = "is_default")]
    pub max_bytes: usize,
    /// How often the consumer says that it is there when there is nothing to send.
    #[serde(with = "serde_nanos", skip_serializing_if = "is_default")]
    pub idle_heartbeat: Duration,
    /// From how many messages that wait it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_pending: Option<usize>,
    /// From how many missing acknowledgements it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ack_pending: Option<usize>,
    /// Its priority group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its priority, 0 to 9; 0 is served first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<usize>,
}

/// A pull request of a client that may be pinned.
#[derive(Serialize)]
struct Request<'a> {
    #[serde(flatten)]
    batch: &'a BatchConfig,
    #[serde(rename = "id", skip_serializing_if = "Option::is_none")]
    pin_id: Option<&'a str>,
}

impl BatchConfig {
    /// The request as it is sent.
    pub(super) fn to_body(&self, pin_id: Option<&str>) -> serde_json::Result<Bytes> {
        Ok(serde_json::to_vec(&Request { batch: self, pin_id })?.into())
    }

    /// The request as the engine takes it; nothing if it is one that the API refuses.
    pub(super) fn to_engine(&self, pin_id: Option<&str>, inbox: &Subject) -> Option<PullRequest> {
        let number = |number: usize| i64::try_from(number).ok();
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).ok();
        let expires = nanos(self.expires.unwrap_or_default())?;
        let idle_heartbeat = nanos(self.idle_heartbeat)?;
        if idle_heartbeat > expires / 2 {
            return None;
        }
        let priority = Priority {
            group: self.group.clone().unwrap_or_default(),
            min_pending: number(self.min_pending.unwrap_or_default())?,
            min_ack_pending: number(self.min_ack_pending.unwrap_or_default())?,
            pin_id: pin_id.unwrap_or_default().to_owned(),
            priority: number(self.priority.unwrap_or_default())?,
        };
        Some(PullRequest {
            reply: Bytes::copy_from_slice(inbox.as_bytes()),
            batch: number(self.batch)?,
            expires,
            no_wait: self.no_wait,
            max_bytes: number(self.max_bytes)?,
            idle_heartbeat,
            priority: Some(priority),
            is_told: true,
        })
    }

    /// For an ordered consumer, within what it allows.
    pub(super) fn ordered(info: &Info) -> Self {
        let expires = allowed_expires(info);
        Self {
            batch: allowed_batch(ORDERED_BATCH, info),
            expires: Some(expires),
            idle_heartbeat: DEFAULT_IDLE_HEARTBEAT.min(expires / 2),
            ..Self::default()
        }
    }
}

/// The default, or less if the consumer allows less.
pub(super) fn allowed_batch(batch: usize, info: &Info) -> usize {
    let allowed = usize::try_from(info.config.max_batch).ok().filter(|&allowed| allowed > 0);
    allowed.map_or(batch, |allowed| batch.min(allowed))
}

/// The default, or less if the consumer allows less.
pub(super) fn allowed_expires(info: &Info) -> Duration {
    let allowed = info.config.max_expires;
    if allowed.is_zero() { DEFAULT_EXPIRES } else { DEFAULT_EXPIRES.min(allowed) }
}

// The numbers of async-nats.
pub(super) const DEFAULT_BATCH: usize = 200;
pub(super) const DEFAULT_EXPIRES: Duration = Duration::from_secs(30);
pub(super) const DEFAULT_IDLE_HEARTBEAT: Duration = Duration::from_secs(15);
const ORDERED_BATCH: usize = 500;
