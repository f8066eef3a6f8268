//! Where a consumer begins: the policy and what it needs.

use crate::api::error::ApiError;
use crate::consumer::config::{ConsumerConfig, DeliverPolicy};

impl ConsumerConfig {
    pub(super) fn check_start(&self) -> Result<(), ApiError> {
        let policy = self.deliver_policy;
        let by_sequence = policy == DeliverPolicy::ByStartSequence;
        let by_time = policy == DeliverPolicy::ByStartTime;
        if by_sequence && self.start_sequence == 0 {
            return Err(refused(policy, "start sequence is not set"));
        }
        if by_time && self.start_time.is_none() {
            return Err(refused(policy, "start time is not set"));
        }
        if !by_sequence && self.start_sequence > 0 {
            // The word stands there twice in the reference server, too.
            let text = if by_time { "start start sequence is also set" } else { "start sequence is also set" };
            return Err(refused(policy, text));
        }
        if !by_time && self.start_time.is_some() {
            return Err(refused(policy, "start time is also set"));
        }
        if policy == DeliverPolicy::LastPerSubject && self.filters().next().is_none() {
            return Err(refused(policy, "filter subject is not set"));
        }
        Ok(())
    }
}

fn refused(policy: DeliverPolicy, what: &str) -> ApiError {
    let policy = match policy {
        DeliverPolicy::All => "all",
        DeliverPolicy::Last => "last",
        DeliverPolicy::New => "new",
        DeliverPolicy::ByStartSequence => "by start sequence",
        DeliverPolicy::ByStartTime => "by start time",
        DeliverPolicy::LastPerSubject => "last per subject",
    };
    ApiError::consumer_delivery_policy(format_args!("{policy}, but optional {what}"))
}
