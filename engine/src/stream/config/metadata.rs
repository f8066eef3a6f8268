//! The metadata keys of the API: which level of it a stream needs, and which server answers. [reference §3.0]

use litemap::LiteMap;

use super::{PersistMode, StreamConfig};
use crate::api::VERSION;
use crate::engine::API_LEVEL;

/// Which level of the API the configuration needs; kept with it.
const REQUIRED_LEVEL: &str = "_nats.req.level";
/// Which version the answering server has; in responses only.
const SERVER_VERSION: &str = "_nats.ver";
/// Which level of the API the answering server has; in responses only.
const SERVER_LEVEL: &str = "_nats.level";

/// What clients say of a stream or a consumer, in the order of the keys. Each has one key at least, and most have no more:
/// a tree would take half a KiB for it.
pub type Metadata = LiteMap<String, String>;

/// Forgets what a client says about servers and states the level that the configuration needs.
pub(super) fn set_required_level(config: &mut StreamConfig) {
    let level = required_level(config);
    set_level(&mut config.metadata, level);
}

/// The same for whatever has metadata.
pub(crate) fn set_level(metadata: &mut Metadata, level: u8) {
    metadata.remove(SERVER_VERSION);
    metadata.remove(SERVER_LEVEL);
    if metadata.is_empty() {
        // Most have this key alone: no room for more.
        *metadata = Metadata::with_capacity(1);
    }
    metadata.insert(REQUIRED_LEVEL.to_owned(), level.to_string());
}

/// Adds what responses say about the server.
pub(crate) fn add_version(metadata: &mut Metadata) {
    metadata.insert(SERVER_VERSION.to_owned(), VERSION.to_owned());
    metadata.insert(SERVER_LEVEL.to_owned(), API_LEVEL.to_string());
}

/// The level of the API that brought the newest thing the configuration uses.
fn required_level(config: &StreamConfig) -> u8 {
    if config.allow_batch_publish {
        return 4;
    }
    let level_2 = config.allow_message_counter
        || config.allow_atomic_publish
        || config.allow_message_schedules
        || config.persist_mode == PersistMode::Async;
    if level_2 {
        return 2;
    }
    u8::from(config.allow_message_ttl || config.subject_delete_marker_ttl.0 > 0)
}
