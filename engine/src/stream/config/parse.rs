//! A configuration as requests and the store spell it.

use embus_storage::message::Timestamp;

use super::{
    ConsumerLimits, External, Placement, Republish, Source, SourceConsumer, StoredStream, StreamConfig, Transform,
};
use crate::api::error::ApiError;
use crate::api::json::{self, FromJson, Record, Refusal, Value, fields};

impl StreamConfig {
    /// What a create or update request asks for, and whether it asks to refuse values that would be silently corrected.
    ///
    /// # Errors
    /// 10025 `invalid JSON: …`.
    pub fn from_request(body: &[u8]) -> Result<(Self, bool), ApiError> {
        json::decode(body).map(|request: Request| (request.config, request.pedantic))
    }

    /// What the store keeps of a stream that has it.
    pub fn to_stored(&self, created: Timestamp) -> Vec<u8> {
        StoredStream { config: self.clone(), created, evicted: None }.encode()
    }
}

/// What clients may send.
#[derive(Default)]
struct Request {
    config: StreamConfig,
    pedantic: bool,
}

impl Record for Request {
    const GO_TYPE: &'static str = "server.StreamConfigRequest";

    fn field(&mut self, name: &str, value: Value<'_>) -> Option<Result<(), Refusal>> {
        match name {
            "pedantic" => Some(self.pedantic.read(value)),
            _ => self.config.field(name, value),
        }
    }
}

fields!(StreamConfig, "server.StreamConfig", {
    "name" => name,
    "description" => description,
    "subjects" => subjects,
    "retention" => retention,
    "max_consumers" => max_consumers via json::int,
    "max_msgs" => max_messages,
    "max_bytes" => max_bytes,
    "max_age" => max_age,
    "max_msgs_per_subject" => max_messages_per_subject,
    "max_msg_size" => max_message_size,
    "discard" => discard,
    "discard_new_per_subject" => discard_new_per_subject,
    "storage" => storage,
    "num_replicas" => num_replicas via json::int,
    "no_ack" => no_ack,
    "duplicate_window" => duplicate_window,
    "placement" => placement,
    "mirror" => mirror,
    "sources" => sources via read_sources,
    "compression" => compression,
    "first_seq" => first_sequence,
    "subject_transform" => subject_transform,
    "republish" => republish,
    "allow_direct" => allow_direct,
    "mirror_direct" => mirror_direct,
    "sealed" => sealed,
    "deny_delete" => deny_delete,
    "deny_purge" => deny_purge,
    "allow_rollup_hdrs" => allow_rollup,
    "consumer_limits" => consumer_limits,
    "allow_msg_ttl" => allow_message_ttl,
    "subject_delete_marker_ttl" => subject_delete_marker_ttl,
    "allow_msg_counter" => allow_message_counter,
    "allow_atomic" => allow_atomic_publish,
    "allow_msg_schedules" => allow_message_schedules,
    "persist_mode" => persist_mode,
    "allow_batched" => allow_batch_publish,
    "metadata" => metadata,
});

fields!(Placement, "server.Placement", {
    "cluster" => cluster,
    "tags" => tags,
    "preferred" => preferred,
});

fields!(Source, "server.StreamSource", {
    "name" => name,
    "opt_start_seq" => start_sequence,
    "opt_start_time" => start_time,
    "filter_subject" => filter_subject,
    "subject_transforms" => subject_transforms,
    "external" => external,
    "consumer" => consumer,
});

fields!(External, "server.ExternalStream", {
    "api" => api_prefix,
    "deliver" => delivery_prefix,
});

fields!(SourceConsumer, "server.StreamConsumerSource", {
    "name" => name,
    "deliver_subject" => deliver_subject,
});

fields!(Transform, "server.SubjectTransformConfig", {
    "src" => source,
    "dest" => destination,
});

fields!(Republish, "server.RePublish", {
    "src" => source,
    "dest" => destination,
    "headers_only" => headers_only,
});

fields!(ConsumerLimits, "server.StreamConsumerLimits", {
    "inactive_threshold" => inactive_threshold,
    "max_ack_pending" => max_ack_pending via json::int,
});

/// Pointers in Go, which shows in its texts.
fn read_sources(sources: &mut Vec<Option<Source>>, value: Value<'_>) -> Result<(), Refusal> {
    json::read_items(sources, value, || "[]*server.StreamSource".to_owned())
}
