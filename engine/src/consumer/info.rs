//! What a consumer looks like from outside at one moment. [reference §3.5]

use embus_storage::message::Timestamp;

use crate::consumer::config::ConsumerConfig;
use crate::sync::Arc;

/// A consumer at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerInfo {
    /// The name of its stream.
    pub stream_name: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// What it is configured to be.
    pub config: Arc<ConsumerConfig>,
    /// What changes while it works.
    pub state: ConsumerState,
    /// When this was true.
    pub now: Timestamp,
}

/// What changes while a consumer works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerState {
    /// The last delivery.
    pub delivered: SequenceInfo,
    /// Everything up to here is acknowledged.
    pub ack_floor: SequenceInfo,
    /// Messages that wait for their acknowledgement.
    pub num_ack_pending: u64,
    /// Those of them that were delivered more than once.
    pub num_redelivered: u64,
    /// Requests that wait at a pull consumer.
    pub num_waiting: u64,
    /// Messages that it wants and has not delivered yet.
    pub num_pending: u64,
    /// Whether somebody listens to a push consumer.
    pub push_bound: bool,
    /// Until when it is paused; 0 if it is not.
    pub paused_until: Timestamp,
    /// Its priority groups.
    pub priority_groups: Vec<PriorityGroupInfo>,
}

/// A place in the deliveries of a consumer and in its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceInfo {
    /// The number of the delivery.
    pub consumer_sequence: u64,
    /// The sequence of its message.
    pub stream_sequence: u64,
    /// When it came to be; 0 for never.
    pub last_active: Timestamp,
}

/// A priority group and who is pinned to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorityGroupInfo {
    /// Its name.
    pub group: String,
    /// The identifier of the client that alone gets messages; empty for none.
    pub pinned_client_id: String,
    /// Since when; 0 for never.
    pub pinned_time: Timestamp,
}
