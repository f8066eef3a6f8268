//! What is done to a consumer from outside: changed, paused, unpinned, reset, looked at, closed.

use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use super::config::{ConsumerConfig, DeliverPolicy};
use super::cursor::Cursor;
use super::event::UnpinReason;
use super::info::{ConsumerState, PriorityGroupInfo, SequenceInfo};
use super::progress::Progress;
use super::rules::Rules;
use super::snapshot::MAX_SEQUENCE;
use super::status::Status;
use super::step::{Closing, Scene};
use super::{Consumer, Demand};
use crate::api::time::Time;
use crate::sync::Arc;

/// Why a consumer is not reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetError {
    /// Its configuration says that it begins at a later sequence.
    BelowStartSequence,
    /// Its configuration says that it begins at a later time.
    BelowStartTime,
    /// Its deliver policy does not allow it.
    NotAllowed,
    /// The disk could not tell.
    Storage,
}

impl Consumer {
    /// Takes another configuration, which was checked against the old one.
    ///
    /// # Errors
    /// What the disk said.
    pub fn update(&mut self, config: Arc<ConsumerConfig>, scene: &mut Scene<'_>) -> Result<(), StorageError> {
        self.observe(scene);
        let rules = Rules::new(&config);
        let has_same_filters = rules.has_same_filters(&self.rules);
        self.rules = rules;
        self.config = config;
        if !has_same_filters {
            self.cursor.refilter(&self.rules, scene.log)?;
            self.is_caught_up = false;
        }
        self.configure_demand();
        if let Demand::Push(push) = &mut self.demand {
            push.update(&self.config);
        }
        self.held_until = None;
        self.check_pause(scene.now);
        Ok(())
    }

    /// Stops deliveries until then; 0 and a time that is over let them go on. Its configuration says it from now on.
    pub fn pause(&mut self, until: Timestamp, scene: &mut Scene<'_>) {
        let config = self.config.paused((until != 0).then(|| Time::from(until))).into_shared();
        self.rules = Rules::new(&config);
        self.config = config;
        self.check_pause(scene.now);
    }

    /// Until when it is paused, if it is.
    pub fn paused_until(&self) -> Option<Timestamp> {
        self.is_paused.then_some(self.rules.pause_until)
    }

    /// Pins nobody any more, because somebody asked for it. Says whether somebody was pinned.
    pub fn unpin(&mut self, group: &str) -> bool {
        match &mut self.demand {
            Demand::Pull { pin, .. } if pin.group() == group => pin.unpin(UnpinReason::Admin, &mut self.events),
            _ => false,
        }
    }

    /// Begins anew at a sequence, with nothing delivered; 0 stands for the first one that is not acknowledged. Says where
    /// that is.
    pub fn reset(&mut self, sequence: u64, scene: &mut Scene<'_>) -> Result<u64, ResetError> {
        let start = match sequence {
            0 => self.progress.floor.stream + 1,
            _ => self.check_reset(sequence, scene)?,
        };
        self.cursor = Cursor::at(start, scene.log);
        self.progress = Progress::begin(start);
        self.passed = None;
        self.note_passed(self.cursor.place(), scene.log);
        self.is_caught_up = false;
        self.held_until = None;
        self.changes.whole();
        self.observe(scene);
        Ok(start)
    }

    fn check_reset(&self, sequence: u64, scene: &mut Scene<'_>) -> Result<u64, ResetError> {
        if sequence >= MAX_SEQUENCE {
            return Err(ResetError::NotAllowed);
        }
        match self.config.deliver_policy {
            DeliverPolicy::ByStartSequence if sequence < self.config.start_sequence => {
                Err(ResetError::BelowStartSequence)
            }
            DeliverPolicy::All | DeliverPolicy::ByStartSequence => Ok(sequence),
            DeliverPolicy::ByStartTime => {
                let start = self.config.start_time.map_or(0, Time::as_timestamp);
                let first = scene.log.sequence_at(start).map_err(|_| ResetError::Storage)?;
                if sequence < first { Err(ResetError::BelowStartTime) } else { Ok(sequence) }
            }
            _ => Err(ResetError::NotAllowed),
        }
    }

    /// Its stream was purged: what waits and is gone is forgotten without a word, and it follows the stream's first
    /// message. Without this call the same happens at the next poll, with events and without the latter.
    pub fn handle_purge(&mut self, scene: &mut Scene<'_>) {
        let log = &*scene.log;
        let gone = self.progress.pending.iter().filter(|entry| log.subject_of(entry.sequence).is_none());
        for entry in gone.copied().collect::<Vec<_>>() {
            if let Some(slot) = self.progress.pending.find(entry.sequence, entry.consumer_sequence) {
                self.note_gone(entry, scene.log);
                self.progress.settle(slot, scene.now);
            }
        }
        // What has gone is counted out from where it was.
        self.observe(scene);
        if self.cursor.follow_purge(scene.log) {
            self.progress.skip_to(self.cursor.next_sequence() - 1);
        }
        self.changes.whole();
    }

    /// What it looks like now.
    pub fn info(&mut self, scene: &mut Scene<'_>) -> ConsumerState {
        self.observe(scene);
        let Progress { pending, delivered, consumer_sequence, delivered_at, floor, acked_at } = &self.progress;
        let mut state = ConsumerState {
            delivered: SequenceInfo {
                consumer_sequence: *consumer_sequence,
                stream_sequence: *delivered,
                last_active: *delivered_at,
            },
            ack_floor: SequenceInfo {
                consumer_sequence: floor.consumer,
                stream_sequence: floor.stream,
                last_active: *acked_at,
            },
            num_ack_pending: pending.len(),
            num_redelivered: pending.redelivered(),
            num_pending: self.cursor.pending(),
            paused_until: self.paused_until().unwrap_or(0),
            ..ConsumerState::default()
        };
        match &mut self.demand {
            Demand::Pull { requests, pin } => {
                requests.prune(scene, &mut self.outbox);
                state.num_waiting = requests.len() as u64;
                let (id, since) = pin.state().unwrap_or_default();
                let pinned_client_id = String::from_utf8_lossy(id).into_owned();
                let group = self.config.priority_groups.first().cloned();
                state.priority_groups.extend(group.map(|group| PriorityGroupInfo {
                    group,
                    pinned_client_id,
                    pinned_time: since,
                }));
            }
            Demand::Push(push) => {
                push.look(scene);
                state.push_bound = push.is_active();
            }
        }
        state
    }

    /// What to send to those who wait, at the end.
    pub fn close(&mut self, why: Closing) -> Vec<Status> {
        let Demand::Pull { requests, .. } = &mut self.demand else { return Vec::new() };
        // Requests that had ended and were not told yet come first.
        let mut statuses: Vec<_> = self.outbox.drain(..).collect();
        statuses.extend(requests.close(|reply, left| match why {
            Closing::Deleted => Status::consumer_deleted(reply),
            Closing::Shutdown => Status::server_shutdown(reply, left),
        }));
        statuses
    }
}
