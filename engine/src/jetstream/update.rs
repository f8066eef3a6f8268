//! Streams that are to go on differently.

use embus_storage::error::StorageError;
use embus_storage::stream_dir::StreamDir;

use super::JetStream;
use super::changes::{Changes, Place};
use crate::api::advisory::StreamAction;
use crate::api::error::ApiError;
use crate::stream::Stream;
use crate::stream::config::{ConsumerLimits, StoredStream, StreamConfig};
use crate::sync::Arc;

impl JetStream {
    /// Gives a stream another configuration: written to the disk first, in effect when this returns, new limits
    /// included. What those remove is as durable as [`Stream::after_commit`] says. Blocks.
    ///
    /// # Errors
    /// What the API answers: 10059 without such a stream, then the rules of updates, then limits, then subjects of other
    /// streams (10065), then its consumers and the disk (10069). The stream goes on as it was. [reference §3.2]
    pub fn update(&self, config: StreamConfig, pedantic: bool) -> Result<Arc<Stream>, ApiError> {
        let (mut changes, engine) = self.change()?;
        let stream = self.registry.get(&config.name).ok_or_else(|| changes.absent(&config.name))?;
        let old = stream.config();
        let new = old.check_update(config, pedantic, &self.stream_limits())?;
        if new == *old {
            drop(changes);
            // Nothing changes, and all the same it is told. [nats-server: stream update]
            self.advise(&engine, stream.name(), StreamAction::Modify);
            return Ok(stream);
        }
        let admission = self.shared.admission.lock();
        self.room(&engine).check_changed(&old, &new, self.registry.reserved_beside(&new.name))?;
        self.check_others(&new)?;
        check_consumers(&stream, &new)?;
        let place = changes.places.get(&*new.name).ok_or_else(ApiError::stream_not_found)?;
        let new = Arc::new(new);
        let change = Change { stream: &stream, dir: place.dir(), old: &old };
        if let Err(error) = change.apply(&new) {
            if !change.take_back() {
                changes.unsettled.insert(Arc::clone(stream.shared_name()));
            }
            return Err(ApiError::stream_update_failed(error));
        }
        if new.retention != old.retention {
            stream.follow_retention();
        }
        self.registry.set_config(stream.name(), new);
        drop(admission);
        stream.refresh_interest();
        drop(changes);
        self.advise(&engine, stream.name(), StreamAction::Modify);
        Ok(stream)
    }
}

impl JetStream {
    /// Writes configurations again of which the disk may hold another than the one that is in effect: updates that were
    /// refused, and could not be taken back at the time.
    pub(super) fn settle(&self, changes: &mut Changes) {
        let Changes { unsettled, places, .. } = changes;
        unsettled.retain(|name| {
            let (Some(stream), Some(dir)) = (self.registry.get(name), places.get(name).and_then(Place::dir)) else {
                return false;
            };
            dir.write_config(&stored(&stream, &stream.config())).is_err()
        });
    }
}

/// What the store is to keep of a stream that gets this configuration. Limits take without a word what they would take again:
/// those that come next might not.
fn stored(stream: &Stream, config: &StreamConfig) -> Vec<u8> {
    let evicted = stream.look(|core| core.log().evicted());
    StoredStream { config: config.clone(), created: stream.created(), evicted }.encode()
}

/// Consumers that are there must fit the limits that new ones must fit. Unlike nats-server, it names them sorted.
fn check_consumers(stream: &Stream, new: &StreamConfig) -> Result<(), ApiError> {
    let limits = new.consumer_limits;
    if limits == ConsumerLimits::default() {
        return Ok(());
    }
    let mut violating = stream.consumer_configs();
    violating.retain(|(_, config)| !limits.allow(config.inactive_threshold, config.max_ack_pending));
    if violating.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = violating.iter().map(|(name, _)| name.as_str()).collect();
    Err(ApiError::stream_update_failed(format_args!("change to limits violates consumers: {}", names.join(", "))))
}

/// A change of one stream that is under way.
struct Change<'a> {
    stream: &'a Arc<Stream>,
    dir: Option<&'a StreamDir>,
    old: &'a Arc<StreamConfig>,
}

impl Change<'_> {
    /// Writes the configuration, then lets it take effect.
    fn apply(&self, new: &Arc<StreamConfig>) -> Result<(), StorageError> {
        self.write(new).and_then(|()| self.put(new))
    }

    /// Lets the old configuration stand again; says whether it does so on the disk.
    fn take_back(&self) -> bool {
        let stream = self.stream.name();
        if let Err(error) = self.put(self.old) {
            tracing::warn!(stream, %error, "a stream could not go on as it was before an update");
        }
        let written = self.write(self.old);
        if let Err(error) = &written {
            tracing::warn!(stream, %error, "an update failed; it is in effect after the next start, unless the disk recovers");
        }
        written.is_ok()
    }

    fn write(&self, config: &StreamConfig) -> Result<(), StorageError> {
        self.dir.map_or(Ok(()), |dir| dir.write_config(&stored(self.stream, config)))
    }

    fn put(&self, config: &Arc<StreamConfig>) -> Result<(), StorageError> {
        let now = self.stream.now();
        self.stream.with(|core| core.update(Arc::clone(config), now))
    }
}
