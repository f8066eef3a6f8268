//! What may change in a configuration. [reference §3.4]

use super::check::DEFAULT_THRESHOLD;
use super::{ConsumerConfig, metadata};
use crate::api::error::ApiError;

impl ConsumerConfig {
    /// The configuration a consumer gets that has this one. Both are checked; `is_bound` says whether somebody listens to
    /// it.
    ///
    /// # Errors
    /// What the API answers.
    pub fn check_update(&self, mut new: Self, is_bound: bool) -> Result<Self, ApiError> {
        if let Some((_, text)) = LASTING.iter().find(|(is_violated, _)| is_violated(self, &new)) {
            return Err(ApiError::consumer_create_failed(text));
        }
        if is_bound && self.deliver_subject != new.deliver_subject {
            return Err(ApiError::consumer_name_exists());
        }
        self.keep_in(&mut new);
        Ok(new)
    }

    /// Whether a request to create `new` asks for what is there. Both are checked.
    pub fn is_like(&self, new: &Self) -> bool {
        let mut new = new.clone();
        self.keep_in(&mut new);
        *self == new
    }

    /// What an update does not touch: the pause has an endpoint of its own, and what was not durable when it was made
    /// still leaves when nobody uses it.
    fn keep_in(&self, new: &mut Self) {
        new.pause_until = self.pause_until;
        if new.inactive_threshold.is_zero() && !self.is_durable() {
            new.inactive_threshold = DEFAULT_THRESHOLD;
        }
        metadata::set_required_level(new);
    }
}

type Violates = fn(&ConsumerConfig, &ConsumerConfig) -> bool;

/// What can not change, in the order in which the reference server checks it.
const LASTING: [(Violates, &str); 13] = [
    (|old, new| old.deliver_policy != new.deliver_policy, "deliver policy can not be updated"),
    (|old, new| old.memory_storage != new.memory_storage, "storage type can not be updated"),
    (|old, new| old.direct != new.direct, "direct can not be updated"),
    (|old, new| old.sourcing != new.sourcing, "sourcing can not be updated"),
    (|old, new| old.start_sequence != new.start_sequence, "start sequence can not be updated"),
    (|old, new| old.start_time != new.start_time, "start time can not be updated"),
    (|old, new| old.ack_policy != new.ack_policy, "ack policy can not be updated"),
    (|old, new| old.replay_policy != new.replay_policy, "replay policy can not be updated"),
    (|old, new| old.idle_heartbeat != new.idle_heartbeat, "heart beats can not be updated"),
    (|old, new| old.flow_control != new.flow_control, "flow control can not be updated"),
    (|old, new| !old.is_push() && new.is_push(), "can not update pull consumer to push based"),
    (|old, new| old.is_push() && !new.is_push(), "can not update push consumer to pull based"),
    (|old, new| old.max_waiting != new.max_waiting, "max waiting can not be updated"),
];
