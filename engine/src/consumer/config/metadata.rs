//! Which level of the API a consumer needs, kept in its metadata. [reference §3.0]

use super::{AckPolicy, ConsumerConfig, PriorityPolicy};
use crate::stream::config::metadata::{self, Metadata};

/// Forgets what a client says about servers and states the level that the configuration needs.
pub(super) fn set_required_level(config: &mut ConsumerConfig) {
    let level = required_level(config);
    metadata::set_level(&mut config.metadata, level);
}

/// Adds what responses say about the server.
pub(super) fn add_version(metadata: &mut Metadata) {
    metadata::add_version(metadata);
}

/// The level of the API that brought the newest thing the configuration uses.
fn required_level(config: &ConsumerConfig) -> u8 {
    if config.ack_policy == AckPolicy::FlowControl {
        return 4;
    }
    let has_pause = config.pause_until.is_some_and(|until| !until.is_zero());
    u8::from(has_pause || config.priority_policy != PriorityPolicy::None || !config.priority_timeout.is_zero())
}
