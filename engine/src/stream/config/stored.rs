//! What the store keeps of a stream beside its messages: its configuration, when it was created, and what limits took that
//! an update replaced.

use embus_storage::log::Evicted;
use embus_storage::message::Timestamp;
use serde::Serialize;

use super::{StreamConfig, is_default};
use crate::api::json::{self, fields};
use crate::api::time::Time;

/// A stream as its directory describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredStream {
    /// Its configuration.
    pub config: StreamConfig,
    /// When it was created.
    pub created: Timestamp,
    /// What limits took before this configuration came: it would not take that again.
    pub evicted: Option<Evicted>,
}

impl StoredStream {
    /// As the store keeps it.
    pub fn encode(&self) -> Vec<u8> {
        let (floor, last_sequence) = self.evicted.map_or((0, 0), |evicted| (evicted.floor, evicted.last_sequence));
        let evicted = Taken { floor, last_sequence };
        let stored = Stored { config: self.config.clone(), created: Some(Time::from(self.created)), evicted };
        json::to_string(&stored).into_bytes()
    }

    /// What [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let stored: Stored = json::decode(bytes).map_err(|error| error.description.into_owned())?;
        let created = stored.created.ok_or_else(|| "the time of creation is missing".to_owned())?;
        let Taken { floor, last_sequence } = stored.evicted;
        let evicted = (floor > 0).then_some(Evicted { floor, last_sequence });
        Ok(Self { config: stored.config, created: created.as_timestamp(), evicted })
    }
}

#[derive(Default, Serialize)]
struct Stored {
    config: StreamConfig,
    created: Option<Time>,
    #[serde(skip_serializing_if = "is_default")]
    evicted: Taken,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize)]
struct Taken {
    floor: u64,
    last_sequence: u64,
}

fields!(Stored, "embus.StoredStream", {
    "config" => config,
    "created" => created,
    "evicted" => evicted,
});

fields!(Taken, "embus.Evicted", {
    "floor" => floor,
    "last_sequence" => last_sequence,
});
