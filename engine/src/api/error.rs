//! The errors of the JetStream API: one table of (status, code, text). [reference §3.6]

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;

/// What a JetStream request or publish is answered when it is refused. Serializes to the `error` object of a response.
///
/// ```
/// use embus_engine::api::error::ApiError;
/// let error = ApiError::stream_not_found();
/// assert_eq!((error.code, error.err_code), (404, 10059));
/// assert_eq!(error.to_string(), "stream not found");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{description}")]
pub struct ApiError {
    /// The kind of failure, as HTTP numbers them.
    pub code: u16,
    /// What exactly went wrong; clients tell errors apart by it.
    pub err_code: u16,
    /// The same in words.
    pub description: Cow<'static, str>,
}

/// Errors whose text never changes.
macro_rules! fixed {
    ($($name:ident = $code:literal $err_code:literal $text:literal;)+) => {
        impl ApiError {
            $(
                #[doc = concat!($err_code, ": ", $text, ".")]
                pub const fn $name() -> Self {
                    Self { code: $code, err_code: $err_code, description: Cow::Borrowed($text) }
                }
            )+
        }
    };
}

/// Errors whose text is, or ends in, what the caller says.
macro_rules! worded {
    ($($name:ident = $code:literal $err_code:literal $prefix:literal;)+) => {
        impl ApiError {
            $(
                #[doc = concat!($err_code, ": `", $prefix, "…`.")]
                pub fn $name(text: impl Display) -> Self {
                    Self { code: $code, err_code: $err_code, description: Cow::Owned(format!(concat!($prefix, "{}"), text)) }
                }
            )+
        }
    };
}

// The account and the server.
fixed! {
    account_resources_exceeded = 400 10002 "resource limits exceeded for account";
    bad_request = 400 10003 "bad request";
    cluster_required = 503 10010 "JetStream clustering support required";
    insufficient_resources = 503 10023 "insufficient resources";
    maximum_consumers = 400 10026 "maximum consumers limit reached";
    maximum_streams = 400 10027 "maximum number of streams reached";
    memory_resources_exceeded = 500 10028 "insufficient memory resources available";
    account_not_found = 503 10035 "account not found";
    empty_request_required = 400 10038 "expected an empty request payload";
    not_enabled_for_account = 503 10039 "JetStream not enabled for account";
    storage_resources_exceeded = 500 10047 "insufficient storage resources available";
    not_enabled = 503 10076 "JetStream not enabled";
    max_bytes_required = 400 10113 "account requires a stream config to have max bytes set";
    max_stream_bytes_exceeded = 400 10122 "stream max bytes exceeds account limit max stream bytes";
    too_many_requests = 429 10167 "too many requests";
    required_api_level = 412 10185 "JetStream minimum api level required";
}

// Streams.
fixed! {
    stream_name_mismatch = 400 10056 "stream name in subject does not match request";
    stream_name_in_use = 400 10058 "stream name already in use with a different configuration";
    stream_not_found = 404 10059 "stream not found";
    stream_subject_overlap = 400 10065 "subjects overlap with an existing stream";
    stream_replicas_not_supported = 500 10074 "replicas > 1 not supported in non-clustered mode";
    stream_name_contains_separators = 400 10128 "Stream name can not contain path separators";
    stream_replicas_negative = 400 10133 "replicas count cannot be negative";
    stream_sealed = 400 10109 "invalid operation on sealed stream";
    stream_not_valid = 500 10096 "stream not valid";
    mirror_with_sources = 400 10031 "stream mirrors can not also contain other sources";
    mirror_with_subjects = 400 10034 "stream mirrors can not contain subjects";
    mirror_not_updatable = 400 10055 "stream mirror configuration can not be updated";
    mirror_with_first_sequence = 400 10143 "stream mirrors can not have first sequence configured";
    mirror_with_counters = 400 10173 "stream mirrors can not also calculate counters";
    mirror_with_atomic_publish = 400 10198 "stream mirrors can not also use atomic publishing";
    mirror_with_batch_publish = 400 10209 "stream mirrors can not also use batch publishing";
    mirror_with_schedules = 400 10186 "stream mirrors can not also schedule messages";
    source_with_schedules = 400 10187 "stream source can not also schedule messages";
}
worded! {
    invalid_json = 400 10025 "invalid JSON: ";
    stream_create_failed = 500 10049 "";
    stream_delete_failed = 500 10050 "";
    stream_general = 500 10051 "";
    stream_invalid_config = 500 10052 "";
    stream_limits = 500 10053 "";
    stream_restore_failed = 500 10062 "restore failed: ";
    stream_snapshot_failed = 500 10064 "snapshot failed: ";
    stream_update_failed = 500 10069 "";
    stream_offline = 500 10194 "stream is offline: ";
    stream_transform_source_invalid = 400 10155 "stream transform source: ";
    stream_transform_invalid = 400 10156 "stream transform: ";
    pedantic = 400 10157 "pedantic mode: ";
}

// Consumers.
fixed! {
    consumer_name_exists = 400 10013 "consumer name already in use";
    consumer_not_found = 404 10014 "consumer not found";
    consumer_durable_mismatch = 400 10017 "consumer name in subject does not match durable name in request";
    consumer_durable_not_set = 400 10018 "consumer expected to be durable but a durable name was not set";
    consumer_expected_ephemeral = 400 10020 "consumer expected to be ephemeral but a durable name was set in request";
    consumer_deliver_to_wildcards = 400 10079 "consumer deliver subject has wildcards";
    consumer_push_max_waiting = 400 10080 "consumer in push mode can not set max waiting";
    consumer_deliver_cycle = 400 10081 "consumer deliver subject forms a cycle";
    consumer_max_pending_requires_acks = 400 10082 "consumer requires ack policy for max ack pending";
    consumer_small_heartbeat = 400 10083 "consumer idle heartbeat needs to be >= 100ms";
    consumer_pull_requires_acks = 400 10084 "consumer in pull mode requires explicit ack policy on workqueue stream";
    consumer_pull_with_rate_limit = 400 10086 "consumer in pull mode can not have rate limit set";
    consumer_heartbeat_requires_push = 400 10088 "consumer idle heartbeat requires a push based consumer";
    consumer_flow_control_requires_push = 400 10089 "consumer flow control requires a push based consumer";
    consumer_direct_requires_push = 400 10090 "consumer direct requires a push based consumer";
    consumer_direct_requires_ephemeral = 400 10091 "consumer direct requires an ephemeral consumer";
    consumer_work_queue_requires_explicit_ack = 400 10098 "workqueue stream requires explicit ack";
    consumer_work_queue_not_filtered = 400 10099 "multiple non-filtered consumers not allowed on workqueue stream";
    consumer_work_queue_not_unique = 400 10100 "filtered consumer not unique on workqueue stream";
    consumer_work_queue_not_deliver_all = 400 10101 "consumer must be deliver all on workqueue stream";
    consumer_flow_control_needs_heartbeats = 400 10108 "consumer with flow control also needs heartbeats";
    consumer_invalid_deliver_subject = 400 10112 "invalid push consumer deliver subject";
    consumer_max_expires_too_small = 400 10115 "consumer max request expires needs to be >= 1ms";
    consumer_max_deliver_below_backoff = 400 10116 "max deliver is required to be > length of backoff values";
    consumer_replicas_exceed_stream = 400 10126 "consumer config replica count exceeds parent stream";
    consumer_name_contains_separators = 400 10127 "Consumer name can not contain path separators";
    consumer_filter_mismatch = 400 10131 "Consumer create request did not match filtered subject from create subject";
    consumer_durable_and_name_mismatch = 400 10132 "Consumer Durable and Name have to be equal if both are provided";
    consumer_replicas_must_match = 400 10134 "consumer config replicas must match interest retention stream's replicas";
    consumer_duplicate_filters = 400 10136 "consumer cannot have both FilterSubject and FilterSubjects specified";
    consumer_several_filters_in_subject = 400 10137 "consumer with multiple subject filters cannot use subject based API";
    consumer_overlapping_filters = 400 10138 "consumer subject filters cannot overlap";
    consumer_empty_filter = 400 10139 "consumer filter in FilterSubjects cannot be empty";
    consumer_already_exists = 400 10148 "consumer already exists";
    consumer_does_not_exist = 400 10149 "consumer does not exist";
    consumer_priority_policy_without_group = 400 10159 "Setting PriorityPolicy requires at least one PriorityGroup to be set";
    consumer_priority_group_unknown = 400 10160 "Provided priority group does not exist for this consumer";
    consumer_priority_group_empty = 400 10161 "Group name cannot be an empty string";
    consumer_priority_group_invalid = 400 10162 "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters";
    consumer_priority_groups_with_push = 400 10178 "priority groups can not be used with push consumers";
    consumer_ack_wait_negative = 400 10183 "consumer ack wait needs to be positive";
    consumer_backoff_negative = 400 10184 "consumer backoff needs to be positive";
    consumer_priority_groups_without_policy = 400 10196 "consumer can not have priority groups when policy is none";
    consumer_pinned_ttl_without_policy = 400 10197 "PinnedTTL cannot be set when PriorityPolicy is none";
    consumer_flow_acks_require_push = 400 10218 "flow control ack policy requires a push based consumer";
    consumer_flow_acks_require_flow_control = 400 10219 "flow control ack policy requires flow control";
    consumer_flow_acks_require_max_pending = 400 10220 "flow control ack policy requires max ack pending";
    consumer_flow_acks_with_ack_wait = 400 10221 "flow control ack policy requires unset ack wait";
    consumer_flow_acks_with_max_deliver = 400 10222 "flow control ack policy requires unset max deliver";
}
worded! {
    consumer_create_failed = 500 10012 "";
    consumer_delivery_policy = 400 10094 "consumer delivery policy is deliver ";
    consumer_sampling_invalid = 400 10095 "failed to parse consumer sampling configuration: ";
    consumer_name_too_long = 400 10102 "consumer name is too long, maximum allowed is ";
    consumer_description_too_long = 400 10107 "consumer description is too long, maximum allowed is ";
    consumer_max_pending_excess = 400 10121 "consumer max ack pending exceeds system limit of ";
    consumer_metadata_too_large = 400 10135 "consumer metadata exceeds maximum size of ";
    consumer_inactive_threshold_excess = 400 10153 "consumer inactive threshold exceeds system limit of ";
    consumer_invalid_reset = 400 10204 "invalid reset: ";
}

// Publishing.
fixed! {
    message_too_large = 400 10054 "message size exceeds maximum allowed";
    expected_stream_mismatch = 400 10060 "expected stream does not match";
    wrong_last_sequence_constant = 400 10164 "wrong last sequence";
    headers_too_large = 400 10097 "header size exceeds maximum allowed of 64k";
    message_ttl_invalid = 400 10165 "invalid per-message TTL";
    message_ttl_disabled = 400 10166 "per-message TTL is disabled";
    counter_disabled = 400 10168 "message counters is disabled";
    counter_increment_missing = 400 10169 "message counter increment is missing";
    counter_with_payload = 400 10170 "message counter has payload";
    counter_increment_invalid = 400 10171 "message counter increment is invalid";
    atomic_publish_disabled = 400 10174 "atomic publish is disabled";
    schedules_disabled = 400 10188 "message schedules is disabled";
    expected_last_sequence_missing = 400 10193 "missing sequence for expected last sequence per subject";
    batch_publish_disabled = 400 10205 "batch publish is disabled";
    scheduler_invalid = 400 10212 "message schedules invalid scheduler";
    stream_source_header_not_allowed = 400 10227 "message stream source header is not allowed";
}
worded! {
    wrong_last_message_id = 400 10070 "wrong last msg ID: ";
    wrong_last_sequence = 400 10071 "wrong last sequence: ";
    store_failed = 503 10077 "";
    stream_rollup_failed = 500 10111 "";
}

// Reading and removing.
fixed! {
    no_message_found = 404 10037 "no message found";
}
worded! {
    message_delete_failed = 500 10057 "";
    stream_purge_failed = 500 10110 "";
}

impl ApiError {
    /// 10043: sequence {seq} not found.
    pub fn sequence_not_found(sequence: u64) -> Self {
        Self { code: 400, err_code: 10043, description: Cow::Owned(format!("sequence {sequence} not found")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    #[test]
    fn serializes_to_the_error_object() {
        assert_eq!(
            json::to_string(&ApiError::stream_replicas_not_supported()),
            r#"{"code":500,"err_code":10074,"description":"replicas \u003e 1 not supported in non-clustered mode"}"#,
        );
    }

    #[test]
    fn texts_with_a_parameter() {
        assert_eq!(ApiError::wrong_last_sequence(7).to_string(), "wrong last sequence: 7");
        assert_eq!(ApiError::sequence_not_found(3).to_string(), "sequence 3 not found");
        assert_eq!(ApiError::stream_invalid_config("detected cycle").to_string(), "detected cycle");
    }
}
