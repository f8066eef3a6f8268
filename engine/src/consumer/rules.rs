//! What a configuration asks for, in the form in which it is looked at with every message.

use std::num::NonZeroU64;

use embus_protocol::filter;
use embus_storage::message::Timestamp;

use super::config::{AckPolicy, ConsumerConfig, PriorityPolicy};
use crate::api::time::Time;
use crate::sync::Arc;

/// A configuration, ready for use.
#[derive(Debug)]
pub(super) struct Rules {
    /// Filters and waits are read from it.
    config: Arc<ConsumerConfig>,
    pub(super) acks: Acks,
    /// How long a delivery waits for its acknowledgement, where that is the same for all of them.
    wait: Option<i64>,
    /// Nothing for any number.
    pub(super) max_deliver: Option<NonZeroU64>,
    /// `u64::MAX` for any number.
    pub(super) max_ack_pending: u64,
    pub(super) headers_only: bool,
    /// How many of a hundred acknowledgements are measured.
    pub(super) sample_percent: u64,
    /// How long it stays while nobody uses it.
    pub(super) inactive_threshold: Option<i64>,
    pub(super) pause_until: Timestamp,
    pub(super) priority: PriorityPolicy,
    /// How long a pinned client may be silent.
    pub(super) pin_timeout: i64,
}

/// What an acknowledgement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acks {
    /// There are none: what is delivered is done.
    None,
    /// This message is done.
    Each,
    /// This message and all before it are done.
    UpTo,
    /// The same, as answers to flow control say it.
    ByFlow,
}

impl Rules {
    pub(super) fn new(config: &Arc<ConsumerConfig>) -> Self {
        let acks = match config.ack_policy {
            AckPolicy::None => Acks::None,
            AckPolicy::Explicit => Acks::Each,
            AckPolicy::All => Acks::UpTo,
            AckPolicy::FlowControl => Acks::ByFlow,
        };
        Self {
            config: Arc::clone(config),
            acks,
            wait: wait(config),
            max_deliver: u64::try_from(config.max_deliver).ok().and_then(NonZeroU64::new),
            max_ack_pending: match u64::try_from(config.max_ack_pending) {
                Ok(limit) if limit > 0 && acks != Acks::None => limit,
                _ => u64::MAX,
            },
            headers_only: config.headers_only,
            sample_percent: config.sample_percent().unwrap_or(0),
            inactive_threshold: inactive_threshold(config),
            pause_until: config.pause_until.map_or(0, Time::as_timestamp),
            priority: config.priority_policy,
            pin_timeout: if config.priority_timeout.0 > 0 { config.priority_timeout.0 } else { PIN_TIMEOUT },
        }
    }

    /// Calls `with` with the filters as the log wants them; none means all.
    #[inline]
    pub(super) fn with_filters<R>(&self, with: impl FnOnce(&[&[u8]]) -> R) -> R {
        let mut filters = self.config.filters().map(str::as_bytes);
        let Some(first) = filters.next() else { return with(&[]) };
        let Some(second) = filters.next() else { return with(&[first]) };
        with(&[first, second].into_iter().chain(filters).collect::<Vec<_>>())
    }

    /// Whether it wants messages on this subject.
    pub(super) fn wants(&self, subject: &[u8]) -> bool {
        let mut filters = self.config.filters().map(str::as_bytes).peekable();
        filters.peek().is_none() || filters.any(|filter| filter::matches(filter, subject))
    }

    /// How long the delivery with this number waits for its acknowledgement.
    pub(super) fn wait(&self, deliveries: u64) -> i64 {
        self.wait.unwrap_or_else(|| {
            let backoff = &self.config.backoff;
            let step = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(usize::MAX);
            backoff.get(step).or(backoff.last()).map_or(ACK_WAIT, |wait| wait.0.max(0))
        })
    }

    /// Whether a message that was delivered so often may be delivered once more.
    pub(super) fn may_redeliver(&self, deliveries: u64) -> bool {
        self.max_deliver.is_none_or(|limit| deliveries < limit.get())
    }

    /// Whether the filters are the same.
    pub(super) fn has_same_filters(&self, other: &Self) -> bool {
        self.config.filters().eq(other.config.filters())
    }
}

fn wait(config: &ConsumerConfig) -> Option<i64> {
    if config.ack_policy == AckPolicy::FlowControl {
        // Whoever copies a stream begins anew where it misses something.
        return Some(i64::MAX);
    }
    let wait = if config.ack_wait.0 > 0 { config.ack_wait.0 } else { ACK_WAIT };
    config.backoff.is_empty().then_some(wait)
}

fn inactive_threshold(config: &ConsumerConfig) -> Option<i64> {
    match config.inactive_threshold.0 {
        threshold if threshold > 0 => Some(threshold),
        _ if config.is_durable() => None,
        _ => Some(INACTIVE_THRESHOLD),
    }
}

/// 30 seconds, in nanoseconds. [reference §3.4]
const ACK_WAIT: i64 = 30_000_000_000;
/// 5 seconds, in nanoseconds. [reference §5.7]
const INACTIVE_THRESHOLD: i64 = 5_000_000_000;
/// 2 minutes, in nanoseconds. [reference §5.5]
const PIN_TIMEOUT: i64 = 120_000_000_000;
