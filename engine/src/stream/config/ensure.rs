//! How two configurations differ, for programs that want a stream to be there.

use super::StreamConfig;

impl StreamConfig {
    /// The first field that differs, as the API calls it. Both are complete.
    pub fn differing_field(&self, other: &Self) -> Option<&'static str> {
        macro_rules! first_difference {
            ($($name:literal => $field:ident),+ $(,)?) => {
                [$(($name, self.$field == other.$field)),+].into_iter().find(|(_, is_equal)| !is_equal)
            };
        }
        let difference = first_difference! {
            "name" => name,
            "description" => description,
            "subjects" => subjects,
            "retention" => retention,
            "max_consumers" => max_consumers,
            "max_msgs" => max_messages,
            "max_bytes" => max_bytes,
            "max_age" => max_age,
            "max_msgs_per_subject" => max_messages_per_subject,
            "max_msg_size" => max_message_size,
            "discard" => discard,
            "storage" => storage,
            "num_replicas" => num_replicas,
            "no_ack" => no_ack,
            "duplicate_window" => duplicate_window,
            "placement" => placement,
            "mirror" => mirror,
            "sources" => sources,
            "compression" => compression,
            "first_seq" => first_sequence,
            "subject_transform" => subject_transform,
            "republish" => republish,
            "allow_direct" => allow_direct,
            "mirror_direct" => mirror_direct,
            "discard_new_per_subject" => discard_new_per_subject,
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
        };
        difference.map(|(name, _)| name)
    }
}
