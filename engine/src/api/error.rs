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
    consumer_not_found = 404 10014 "consumer not found";
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
    consumer_create_failed = 500 10012 "";
    stream_transform_source_invalid = 400 10155 "stream transform source: ";
    stream_transform_invalid = 400 10156 "stream transform: ";
    pedantic = 400 10157 "pedantic mode: ";
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
