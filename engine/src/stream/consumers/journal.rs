//! How the consumers of a stream reach the disk: what changed of them is gathered, written in the rounds in which the
//! stream commits, and on its own at the latest a while later. Somebody who waits for it has it written with the next
//! round, synced where the policy says so.

use embus_storage::consumer_journal::{ConsumerJournal, JournalWrite, JournalWritten};
use embus_storage::error::StorageError;
use embus_storage::message::Timestamp;

use super::index::Slot;
use super::{Consumers, Key, Member};
use crate::consumer::Consumer;
use crate::consumer::config::{ConsumerConfig, StoredConsumer};

/// What is to be written of the consumers of one stream.
#[derive(Default)]
pub(crate) struct Journal {
    /// Nothing where consumers end with the process.
    store: Option<ConsumerJournal>,
    /// Consumers that changed since they were last written.
    noted: Vec<Slot>,
    /// New consumers that nobody was told of yet.
    created: Created,
    /// When they are to be written, whatever happens until then.
    due: Option<Timestamp>,
    /// Consumers came, went, or are configured differently; or what was to be written was not.
    has_changed: bool,
    /// Somebody waits for what is gathered.
    is_wanted: bool,
    /// What was written last is not synced.
    is_unsynced: bool,
    /// A write failed: until then only somebody who waits has it tried again.
    retry_at: Timestamp,
    bytes: Vec<u8>,
}

/// New consumers on their way to being told of.
#[derive(Default)]
struct Created {
    /// Nobody waits for them yet.
    new: Vec<Key>,
    awaited: Vec<Key>,
    /// Who waits for them learns it after this round.
    in_round: Vec<Key>,
}

/// How long changes may wait that nobody waits for.
const DELAY_NANOS: Timestamp = 100_000_000;
/// How long a disk that failed is left alone.
const RETRY_NANOS: Timestamp = 250_000_000;
/// Memory for one consumer's changes that is kept.
const KEPT_BYTES: usize = 4096;

impl Journal {
    pub(crate) fn new(store: Option<ConsumerJournal>) -> Self {
        Self { store, ..Self::default() }
    }

    /// Where it is written, if anywhere.
    pub(super) fn store(&self) -> Option<&ConsumerJournal> {
        self.store.as_ref()
    }

    /// Whether a consumer outlives the process. One without a name of its own could not be found again.
    pub(super) fn keeps(&self, config: &ConsumerConfig) -> bool {
        self.store.is_some() && !config.memory_storage && (config.is_durable() || !config.name.is_empty())
    }

    /// When something is to be written.
    pub(in crate::stream) fn due(&self) -> Option<Timestamp> {
        self.due.map(|due| due.max(self.retry_at))
    }

    /// Nothing is to be written before then.
    pub(in crate::stream) fn hold_until(&mut self, at: Timestamp) {
        self.retry_at = self.retry_at.max(at);
    }

    /// Notes that a consumer changed.
    pub(super) fn note(&mut self, slot: Slot, now: Timestamp) {
        self.noted.push(slot);
        self.due.get_or_insert(now.saturating_add(DELAY_NANOS));
    }

    /// Notes that somebody waits for what has changed so far.
    pub(in crate::stream) fn want(&mut self) {
        self.is_wanted = self.store.is_some();
    }

    /// Whether somebody waits for what is not written yet.
    pub(in crate::stream) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether a consumer came, went, or is configured differently, or a write failed, and nothing was written since.
    pub(in crate::stream) fn is_behind(&self) -> bool {
        self.has_changed
    }

    /// Whether what was written last is not synced.
    pub(in crate::stream) fn is_unsynced(&self) -> bool {
        self.is_unsynced
    }

    /// Gathers what a consumer is configured to be.
    pub(super) fn put_config(&mut self, id: u64, consumer: &Consumer) {
        if let Some(store) = &mut self.store {
            store.put_config(id, &stored(consumer));
            (self.has_changed, self.is_wanted) = (true, true);
        }
    }

    /// Notes that a consumer is new: it goes again if who asked for it is told that it could not be written.
    pub(super) fn note_created(&mut self, consumer: Key) {
        self.created.new.push(consumer);
    }

    /// Whoever made the new consumers waits from now on.
    pub(in crate::stream) fn await_created(&mut self) {
        self.created.awaited.append(&mut self.created.new);
    }

    /// Those who wait by now are told after this round.
    pub(in crate::stream) fn begin_telling(&mut self) {
        self.created.in_round.append(&mut self.created.awaited);
    }

    /// They are told that the consumers are there.
    pub(in crate::stream) fn finish_telling(&mut self) {
        self.created.in_round.clear();
    }

    /// The consumers that nobody was told of.
    pub(super) fn take_created(&mut self) -> Vec<Key> {
        let Created { mut new, mut awaited, mut in_round } = std::mem::take(&mut self.created);
        in_round.append(&mut awaited);
        in_round.append(&mut new);
        in_round
    }

    /// Gathers that a consumer never was. Nobody waits for that.
    pub(super) fn take_back(&mut self, id: u64) {
        if let Some(store) = &mut self.store {
            store.delete(id);
            self.has_changed = true;
            self.due.get_or_insert(self.retry_at);
        }
    }

    /// Gathers that a consumer is no more.
    pub(super) fn delete(&mut self, id: u64) {
        if let Some(store) = &mut self.store {
            store.delete(id);
            (self.has_changed, self.is_wanted) = (true, true);
        }
    }

    /// Takes in how a write went. After a failure everything is to be written anew, a while later.
    pub(in crate::stream) fn finish(&mut self, written: JournalWritten, now: Timestamp) -> Result<(), StorageError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let result = store.finish_write(written);
        self.is_unsynced = result.is_ok() && store.is_dirty();
        if result.is_err() {
            self.has_changed = true;
            self.retry_at = now.saturating_add(RETRY_NANOS);
            self.due.get_or_insert(self.retry_at);
        }
        result
    }
}

/// The configuration of a consumer as it is kept.
fn stored(consumer: &Consumer) -> Vec<u8> {
    let setting = consumer.setting();
    StoredConsumer::new(setting.name.to_string(), (**consumer.config()).clone(), setting.created).to_bytes()
}

impl Consumers {
    pub(in crate::stream) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(in crate::stream) fn journal_mut(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// What is to be written now, if anything. `always` has a write synced that somebody waits for; `all` writes what
    /// could wait, too, and syncs all.
    pub(in crate::stream) fn take_journal_write(
        &mut self,
        always: bool,
        all: bool,
        now: Timestamp,
    ) -> Option<JournalWrite> {
        let Self { journal, members, .. } = self;
        let is_due = journal.due().is_some_and(|due| due <= now);
        if !journal.is_wanted && !is_due && !all {
            return None;
        }
        journal.due = None;
        let is_synced = always && std::mem::take(&mut journal.is_wanted);
        journal.is_wanted = false;
        let has_news = std::mem::take(&mut journal.has_changed) || !journal.noted.is_empty();
        let store = journal.store.as_mut()?;
        // What somebody waits for may be there, and only not be known to stay.
        if has_news || (is_synced && store.is_dirty()) {
            gather(store, &mut journal.noted, members, &mut journal.bytes);
        }
        store.take_write(all || is_synced)
    }
}

/// Has the journal take in what changed of the consumers: all there is of all of them, where it is to be written anew.
fn gather(
    store: &mut ConsumerJournal,
    noted: &mut Vec<Slot>,
    members: &mut [Option<Box<Member>>],
    bytes: &mut Vec<u8>,
) {
    let is_whole = store.wants_rewrite();
    for slot in noted.drain(..) {
        let Some(member) = members.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
        bytes.clear();
        if std::mem::take(&mut member.is_noted) && !is_whole && member.consumer.write_delta(bytes) {
            store.delta(member.id, bytes);
        }
    }
    bytes.shrink_to(KEPT_BYTES);
    if is_whole {
        store.begin_rewrite(members.iter_mut().flatten().filter(|member| member.is_stored).map(whole));
    }
}

/// All that is kept of a consumer.
fn whole(member: &mut Box<Member>) -> (u64, Vec<u8>, Option<Vec<u8>>) {
    let mut snapshot = Vec::new();
    member.consumer.write_snapshot(&mut snapshot);
    (member.id, stored(&member.consumer), Some(snapshot))
}
