//! What a request to create or update a consumer comes to, beside the consumers that are there. [reference §3.4]

use super::check::{DEFAULT_THRESHOLD, MAX_NAME_BYTES};
use super::{AckPolicy, ConsumerConfig, DeliverPolicy, Others};
use crate::api::error::ApiError;
use crate::api::json::{FromJson, Refusal, Value};
use crate::stream::config::{Retention, StreamConfig};

/// What a request asks for if there is such a consumer, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// One that is there is updated.
    #[default]
    CreateOrUpdate,
    /// One that is there must be like this.
    Create,
    /// There must be one.
    Update,
}

impl FromJson for Action {
    fn go_type() -> String {
        "server.ConsumerAction".to_owned()
    }

    fn read(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        let raw = String::from_utf8_lossy(value.raw());
        *self = match &*raw {
            r#""""# => Self::CreateOrUpdate,
            r#""create""# => Self::Create,
            r#""update""# => Self::Update,
            "null" => *self,
            _ => return Err(Refusal::Text(format!("unknown consumer action: {raw}"))),
        };
        Ok(())
    }
}

/// The consumer of that name.
#[derive(Clone, Copy, Debug)]
pub struct Existing<'a> {
    /// What it is configured to be.
    pub config: &'a ConsumerConfig,
    /// Whether somebody listens to it.
    pub is_bound: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Make it.
    Create(ConsumerConfig),
    /// Change the one that is there.
    Update(ConsumerConfig),
    /// Nothing: it is there.
    Keep,
}

/// Decides what becomes of a checked configuration. `others` are the stream's other consumers; `max_consumers` is the most
/// that the account allows, −1 for any number. One for other streams to copy through is not counted, and shares a work
/// queue with whoever is there. [nats-server 2.15.1, probed: direct consumers]
///
/// # Errors
/// What the API answers.
pub fn plan(
    new: ConsumerConfig,
    action: Action,
    existing: Option<Existing<'_>>,
    others: Others,
    stream: &StreamConfig,
    max_consumers: i64,
) -> Result<Plan, ApiError> {
    let is_worker = stream.retention == Retention::WorkQueue && !new.direct;
    let Some(Existing { config: old, is_bound }) = existing else {
        if action == Action::Update {
            return Err(ApiError::consumer_does_not_exist());
        }
        // Anybody may call one direct: so many there may be again, and no more.
        let count = if new.direct { others.direct_count } else { others.count };
        check_count(count, stream, max_consumers)?;
        if is_worker {
            check_worker(&new)?;
            check_unique(&new, others)?;
        }
        return create(new).map(Plan::Create);
    };
    if old.is_like(&new) {
        return Ok(Plan::Keep);
    }
    if action == Action::Create {
        return Err(ApiError::consumer_already_exists());
    }
    if is_worker {
        // Differs from nats-server: it lets an update drop the filter although others have one.
        check_unique(&new, others)?;
    }
    old.check_update(new, is_bound).map(Plan::Update)
}

fn check_count(count: usize, stream: &StreamConfig, max_consumers: i64) -> Result<(), ApiError> {
    let is_full = |limit: i64| limit > 0 && usize::try_from(limit).is_ok_and(|limit| count >= limit);
    if is_full(stream.max_consumers) || is_full(max_consumers) {
        return Err(ApiError::maximum_consumers());
    }
    Ok(())
}

/// A work queue hands every message to one consumer and forgets it when that one is done.
fn check_worker(new: &ConsumerConfig) -> Result<(), ApiError> {
    if new.ack_policy != AckPolicy::Explicit {
        return Err(ApiError::consumer_work_queue_requires_explicit_ack());
    }
    if new.deliver_policy != DeliverPolicy::All {
        return Err(ApiError::consumer_work_queue_not_deliver_all());
    }
    Ok(())
}

fn check_unique(new: &ConsumerConfig, others: Others) -> Result<(), ApiError> {
    match new.filters().next() {
        None if others.count > 0 => Err(ApiError::consumer_work_queue_not_filtered()),
        Some(_) if others.meet => Err(ApiError::consumer_work_queue_not_unique()),
        _ => Ok(()),
    }
}

/// What a new consumer gets, and what the reference server finds out last.
fn create(mut new: ConsumerConfig) -> Result<ConsumerConfig, ApiError> {
    if new.inactive_threshold.is_zero() && !new.is_durable() {
        new.inactive_threshold = DEFAULT_THRESHOLD;
    }
    // There it is the name of a directory, where this fails; here it has to fit into subjects and one length for all.
    if new.name.len() > MAX_NAME_BYTES || new.name.contains('\0') {
        return Err(ApiError::consumer_create_failed("error creating store for consumer"));
    }
    Ok(new)
}
