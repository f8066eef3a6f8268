//! How a consumer is written down, and how it comes back. [CONSUMERS: the journal lies beside the log of its stream]

use embus_storage::error::StorageError;

use super::changes::{self, Change};
use super::config::{ConsumerConfig, DeliverPolicy};
use super::cursor::Cursor;
use super::progress::Progress;
use super::rules::{Acks, Rules};
use super::snapshot::{self, Image};
use super::step::Scene;
use super::{Consumer, ConsumerSetting};
use crate::sync::Arc;

impl Consumer {
    /// The consumer that a snapshot and the changes behind it tell of. It is never ahead of its stream: what the stream
    /// lost was not delivered, and what it does not hold any more is done.
    ///
    /// # Errors
    /// What the disk said.
    pub fn recover<'a>(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        snapshot: Option<&[u8]>,
        deltas: impl Iterator<Item = &'a [u8]>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        Self::recover_damaged(setting, config, snapshot, deltas, std::iter::empty(), scene)
    }

    /// The same where damage took some of the changes: `behind` are those behind what is lost. A message whose delivery may
    /// be among the lost is delivered again, unless something later says that it is done.
    ///
    /// # Errors
    /// What the disk said.
    pub fn recover_damaged<'a>(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        snapshot: Option<&[u8]>,
        deltas: impl Iterator<Item = &'a [u8]>,
        behind: impl Iterator<Item = &'a [u8]>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        let rules = Rules::new(&config);
        let mut image = snapshot.and_then(snapshot::read);
        for delta in deltas {
            changes::read(delta, |change| apply(&mut image, change, &rules));
        }
        for delta in behind {
            changes::read(delta, |change| {
                let last = scene.log.last_sequence();
                deliver_before(
                    &mut image,
                    &change,
                    last,
                    |sequence| scene.log.subject_of(sequence).is_some_and(|subject| rules.wants(subject)),
                    &rules,
                );
                apply(&mut image, change, &rules);
            });
        }
        let Some(Image { next, start, resume, mut progress }) = image else {
            return Self::begin_lost(setting, config, scene);
        };
        let last = scene.log.last_sequence();
        let behind = (last + 1).max(start);
        let mut cursor = Cursor::at(next.min(behind), scene.log);
        cursor.start = start;
        if let Some(resume) = resume {
            cursor.find_latest(resume.min(last), &rules, scene.log)?;
        }
        let log = &*scene.log;
        progress.clamp(behind - 1, |sequence| log.subject_of(sequence).is_some());
        Ok(Self::assemble(setting, config, rules, cursor, progress, scene))
    }

    /// Nothing is known of where it was: it begins where it must have begun.
    fn begin_lost(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        let rules = Rules::new(&config);
        let cursor = match config.deliver_policy {
            DeliverPolicy::New | DeliverPolicy::Last => {
                let start = scene.log.sequence_at(setting.created)?;
                Cursor::at(start.max(1), scene.log)
            }
            _ => Cursor::begin(&config, &rules, scene.log)?,
        };
        let progress = Progress::begin(cursor.start);
        Ok(Self::assemble(setting, config, rules, cursor, progress, scene))
    }

    /// Whether something changed since it was last written down.
    #[inline]
    pub fn is_dirty(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Appends what changed since the last call, or since the last snapshot. Says whether there was something.
    pub fn write_delta(&mut self, out: &mut Vec<u8>) -> bool {
        if self.changes.is_empty() {
            return false;
        }
        let Self { changes, progress, cursor, .. } = self;
        let (next, start, resume) = (cursor.next_sequence(), cursor.start, cursor.resume());
        changes.take(progress, next, |out| snapshot::write(next, start, resume, progress, out), out);
        true
    }

    /// Appends its whole state; what changes afterwards is in the next delta.
    pub fn write_snapshot(&mut self, out: &mut Vec<u8>) {
        let Self { progress, cursor, .. } = self;
        snapshot::write(cursor.next_sequence(), cursor.start, cursor.resume(), progress, out);
        self.changes.clear();
    }
}

/// Has everything wait that a change supposes to have been delivered and that nothing is known of.
fn deliver_before(
    image: &mut Option<Image>,
    change: &Change<'_>,
    last: u64,
    is_wanted: impl Fn(u64) -> bool,
    rules: &Rules,
) {
    let Some(Image { next, progress, .. }) = image else { return };
    let (end, time) = match *change {
        Change::Delivered { start, time, .. } => (start, time),
        Change::Done { start, count, time } => (start.saturating_add(count), time),
        Change::DoneUpTo { sequence, time }
        | Change::Redelivered { sequence, time }
        | Change::Waits { sequence, until: time } => (sequence.saturating_add(1), time),
        Change::Moved { .. } | Change::Whole(_) => return,
    };
    for sequence in progress.delivered.saturating_add(1)..end.min(last.saturating_add(1)) {
        if is_wanted(sequence) {
            progress.deliver(sequence, time, rules.acks);
        }
    }
    *next = (*next).max(progress.delivered + 1);
}

/// Changes what is known; what does not fit changes nothing.
fn apply(image: &mut Option<Image>, change: Change<'_>, rules: &Rules) {
    if let Change::Whole(bytes) = change {
        *image = snapshot::read(bytes).or(image.take());
        return;
    }
    let Some(Image { next, progress, .. }) = image else { return };
    match change {
        Change::Delivered { start, count, time } => {
            for sequence in start..start.saturating_add(count) {
                if sequence > progress.delivered {
                    progress.deliver(sequence, time, rules.acks);
                }
            }
            *next = (*next).max(progress.delivered + 1);
        }
        Change::Redelivered { sequence, time } => match progress.pending.find(sequence, 0) {
            Some(slot) => {
                let deliveries = u64::from(progress.pending.get(slot).deliveries) + 1;
                progress.redeliver(slot, time, time.saturating_add(rules.wait(deliveries)));
            }
            None => progress.consumer_sequence += 1,
        },
        Change::Done { start, count, time } => {
            for sequence in start..start.saturating_add(count) {
                if let Some(slot) = progress.pending.find(sequence, 0) {
                    progress.settle(slot, time);
                }
            }
        }
        Change::DoneUpTo { sequence, time } => progress.settle_up_to(sequence, time, |_| {}),
        Change::Waits { sequence, until } => {
            if let Some(slot) = progress.pending.find(sequence, 0) {
                progress.pending.wait_until(slot, until);
            }
        }
        Change::Moved { delivered, consumer_sequence, floor, next: moved_to, time } => {
            if rules.acks == Acks::None {
                *progress = Progress { delivered, consumer_sequence, floor, delivered_at: time, ..Progress::default() };
                *next = moved_to.max(1);
            }
        }
        Change::Whole(_) => {}
    }
}

impl Consumer {
    /// A new consumer, where its deliver policy says.
    ///
    /// # Errors
    /// What the disk said.
    pub fn new(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        scene: &mut Scene<'_>,
    ) -> Result<Self, StorageError> {
        let rules = Rules::new(&config);
        let cursor = Cursor::begin(&config, &rules, scene.log)?;
        let progress = Progress::begin(cursor.start);
        Ok(Self::assemble(setting, config, rules, cursor, progress, scene))
    }

    fn assemble(
        setting: ConsumerSetting,
        config: Arc<ConsumerConfig>,
        rules: Rules,
        cursor: Cursor,
        progress: Progress,
        scene: &mut Scene<'_>,
    ) -> Self {
        let mut consumer = Self::with(setting, config, rules, cursor, progress, scene.now);
        consumer.note_passed(consumer.first_place(), scene.log);
        consumer.configure_demand();
        consumer.check_pause(scene.now);
        consumer.observe(scene);
        consumer
    }
}
