//! A configuration as JSON: exactly that of a response. [reference §3.5]

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ConsumerConfig;

impl Serialize for ConsumerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields(serializer.serialize_map(None)?);
        fields.set("durable_name", &self.durable_name)?;
        fields.set("name", &self.name)?;
        fields.set("description", &self.description)?;
        fields.always("deliver_policy", &self.deliver_policy)?;
        fields.set("opt_start_seq", &self.start_sequence)?;
        fields.set("opt_start_time", &self.start_time)?;
        fields.always("ack_policy", &self.ack_policy)?;
        fields.set("ack_wait", &self.ack_wait)?;
        fields.set("max_deliver", &self.max_deliver)?;
        fields.set("backoff", &self.backoff)?;
        fields.set("filter_subject", &self.filter_subject)?;
        fields.set("filter_subjects", &self.filter_subjects)?;
        fields.always("replay_policy", &self.replay_policy)?;
        fields.set("rate_limit_bps", &self.rate_limit)?;
        fields.set("sample_freq", &self.sample_frequency)?;
        fields.set("max_waiting", &self.max_waiting)?;
        fields.set("max_ack_pending", &self.max_ack_pending)?;
        fields.set("flow_control", &self.flow_control)?;
        fields.set("headers_only", &self.headers_only)?;
        fields.set("max_batch", &self.max_batch)?;
        fields.set("max_expires", &self.max_expires)?;
        fields.set("max_bytes", &self.max_bytes)?;
        fields.set("deliver_subject", &self.deliver_subject)?;
        fields.set("deliver_group", &self.deliver_group)?;
        fields.set("idle_heartbeat", &self.idle_heartbeat)?;
        fields.set("inactive_threshold", &self.inactive_threshold)?;
        fields.always("num_replicas", &self.num_replicas)?;
        fields.set("mem_storage", &self.memory_storage)?;
        fields.set("direct", &self.direct)?;
        fields.set("sourcing", &self.sourcing)?;
        if !self.metadata.is_empty() {
            fields.always("metadata", &self.metadata)?;
        }
        fields.set("pause_until", &self.pause_until)?;
        fields.set("priority_groups", &self.priority_groups)?;
        fields.set("priority_policy", &self.priority_policy)?;
        fields.set("priority_timeout", &self.priority_timeout)?;
        fields.0.end()
    }
}

struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    /// A field that is there only if it says something.
    fn set<T: Serialize + Default + PartialEq>(&mut self, name: &'static str, value: &T) -> Result<(), M::Error> {
        if *value == T::default() { Ok(()) } else { self.always(name, value) }
    }

    fn always(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), M::Error> {
        self.0.serialize_entry(name, value)
    }
}
