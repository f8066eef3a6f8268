//! What a configuration asks for, in the form in which it is looked at with every message.

use std::num::NonZeroU64;

use embus_protocol::filter;
use embus_storage::message::Timestamp;

use super::config::{AckPolicy, ConsumerConfig, PriorityPolicy};
use crate::api::time::Time;

/// A configuration, ready for use.
#[derive(Debug)]
pub(super) struct Rules {
    filters: Box<[Box<[u8]>]>,
    pub(super) acks: Acks,
    /// How long the first, second, … delivery waits; the last one counts for all further ones. Never empty.
    waits: Box<[i64]>,
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
    pub(super) fn new(config: &ConsumerConfig) -> Self {
        let acks = match config.ack_policy {
            AckPolicy::None => Acks::None,
            AckPolicy::Explicit => Acks::Each,
            AckPolicy::All => Acks::UpTo,
            AckPolicy::FlowControl => Acks::ByFlow,
        };
        Self {
            filters: config.filters().map(|filter| filter.as_bytes().into()).collect(),
            acks,
            waits: waits(config),
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
        match &self.filters[..] {
            [] => with(&[]),
            [one] => with(&[one]),
            many if many.len() <= FILTERS_ON_STACK => {
                let mut filters: [&[u8]; FILTERS_ON_STACK] = [&[]; FILTERS_ON_STACK];
                for (place, filter) in filters.iter_mut().zip(many) {
                    *place = filter;
                }
                with(&filters[..many.len()])
            }
            many => with(&many.iter().map(|filter| &**filter).collect::<Vec<_>>()),
        }
    }

    /// Whether it wants messages on this subject.
    pub(super) fn wants(&self, subject: &[u8]) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter::matches(filter, subject))
    }

    /// How long the delivery with this number waits for its acknowledgement.
    pub(super) fn wait(&self, deliveries: u64) -> i64 {
        let step = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(usize::MAX);
        self.waits[step.min(self.waits.len() - 1)]
    }

    /// Whether a message that was delivered so often may be delivered once more.
    pub(super) fn may_redeliver(&self, deliveries: u64) -> bool {
        self.max_deliver.is_none_or(|limit| deliveries < limit.get())
    }

    /// Whether the filters are the same.
    pub(super) fn has_same_filters(&self, other: &Self) -> bool {
        self.filters == other.filters
    }
}

fn waits(config: &ConsumerConfig) -> Box<[i64]> {
    if config.ack_policy == AckPolicy::FlowControl {
        // Whoever copies a stream begins anew where it misses something.
        return Box::new([i64::MAX]);
    }
    if config.backoff.is_empty() {
        let wait = if config.ack_wait.0 > 0 { config.ack_wait.0 } else { ACK_WAIT };
        return Box::new([wait]);
    }
    config.backoff.iter().map(|wait| wait.0.max(0)).collect()
}

fn inactive_threshold(config: &ConsumerConfig) -> Option<i64> {
    match config.inactive_threshold.0 {
        threshold if threshold > 0 => Some(threshold),
        _ if config.is_durable() => None,
        _ => Some(INACTIVE_THRESHOLD),
    }
}

const FILTERS_ON_STACK: usize = 16;
/// 30 seconds, in nanoseconds. [reference §3.4]
const ACK_WAIT: i64 = 30_000_000_000;
/// 5 seconds, in nanoseconds. [reference §5.7]
const INACTIVE_THRESHOLD: i64 = 5_000_000_000;
/// 2 minutes, in nanoseconds. [reference §5.5]
const PIN_TIMEOUT: i64 = 120_000_000_000;
