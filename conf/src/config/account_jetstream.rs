//! What an account may have of `JetStream`.

use super::{
    read::{Field, Read, Report, Section, word},
    unit::{Limit, StoreLimit},
};
use crate::Value;

/// A `jetstream` block of an account; what is not given is not bounded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountJetStream {
    /// `max_memory`, `max_mem`, `mem`, `memory`, in bytes.
    pub max_memory: Option<Limit>,
    /// `max_store`, `max_file`, `disk`, `store`, in bytes.
    pub max_storage: Option<Limit>,
    /// `max_streams`, `streams`.
    pub max_streams: Option<Limit>,
    /// `max_consumers`, `consumers`.
    pub max_consumers: Option<Limit>,
    /// `max_bytes_required`, `max_stream_bytes`, `max_bytes`: streams must say how much they may hold.
    pub max_bytes_required: bool,
    /// `memory_max_stream_bytes`, `mem_max_stream_bytes`.
    pub memory_max_stream_bytes: Option<Limit>,
    /// `disk_max_stream_bytes`, `store_max_stream_bytes`.
    pub storage_max_stream_bytes: Option<Limit>,
    /// `max_ack_pending`.
    pub max_ack_pending: Option<Limit>,
    /// `cluster_traffic`.
    pub cluster_traffic: ClusterTraffic,
}

/// Whose connections carry what servers say to each other about an account's streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClusterTraffic {
    /// Those of the system account.
    #[default]
    System,
    /// Those of the account itself.
    Owner,
}

impl Section for AccountJetStream {
    fn field(&mut self, name: &str, field: Field<'_, '_>) {
        match name {
            "max_memory" | "max_mem" | "mem" | "memory" => field.set_from::<StoreLimit, _>(&mut self.max_memory),
            "max_store" | "max_file" | "disk" | "store" => field.set_from::<StoreLimit, _>(&mut self.max_storage),
            "max_streams" | "streams" => field.set(&mut self.max_streams),
            "max_consumers" | "consumers" => field.set(&mut self.max_consumers),
            "max_bytes_required" | "max_stream_bytes" | "max_bytes" => field.set(&mut self.max_bytes_required),
            "memory_max_stream_bytes" | "mem_max_stream_bytes" => {
                field.set_from::<StoreLimit, _>(&mut self.memory_max_stream_bytes);
            }
            "disk_max_stream_bytes" | "store_max_stream_bytes" => {
                field.set_from::<StoreLimit, _>(&mut self.storage_max_stream_bytes);
            }
            "max_ack_pending" => field.set(&mut self.max_ack_pending),
            "cluster_traffic" => field.set(&mut self.cluster_traffic),
            _ => field.unknown(),
        }
    }
}

impl Read for ClusterTraffic {
    fn read(value: &Value, report: &mut Report) -> Option<Self> {
        word(value, report, &[("system", Self::System), ("owner", Self::Owner)])
    }
}
