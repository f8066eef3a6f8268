//! What is to be written of the consumers of a stream. Nothing is yet: they end with the process.

use crate::consumer::Consumer;
use crate::consumer::config::ConsumerConfig;

use super::index::Slot;
use embus_storage::message::Timestamp;

/// What is to be written of the consumers of one stream.
#[derive(Default)]
pub(crate) struct Journal;

impl Journal {
    /// Whether a consumer outlives the process.
    pub(super) fn keeps(&self, _: &ConsumerConfig) -> bool {
        false
    }

    /// When something is to be written.
    pub(super) fn due(&self) -> Option<Timestamp> {
        None
    }

    /// Notes that a consumer changed.
    pub(super) fn note(&mut self, _: Slot, _: Timestamp) {}

    /// Notes that somebody waits for what has changed so far.
    pub(super) fn want(&mut self) {}

    /// Gathers what a consumer is configured to be.
    pub(super) fn put_config(&mut self, _: u64, _: &Consumer) {}

    /// Gathers that a consumer is no more.
    pub(super) fn delete(&mut self, _: u64) {}
}
