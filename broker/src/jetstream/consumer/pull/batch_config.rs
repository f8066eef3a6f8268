//! What one pull request asks for.

use std::time::Duration;

use bytes::Bytes;
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
