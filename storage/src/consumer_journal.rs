//! What is known of a stream's consumers, on the disk: one file per stream that only grows until it is written anew.
//!
//! A [`ConsumerJournal`] is a synchronous state machine as a [`Log`](crate::log::Log) is: configurations, snapshots and
//! deltas of consumers are gathered in memory, and reach the disk through a [`JournalWrite`] that
//! [`take_write`](ConsumerJournal::take_write) hands out, any thread runs, and
//! [`finish_write`](ConsumerJournal::finish_write) takes back. What they mean is up to their owner.
//!
//! Whenever the file must not be relied on (it was read by a recovery, or a write to it failed), or when it has grown too
//! long, everything is written into a new one, the next *generation*, from what the owner knows. So nothing is ever
//! appended to bytes that are not known to be there, and no second sync is taken for proof of what a first one failed to
//! do. The order then is: write under a temporary name, sync, rename, sync the directory, remove the old file.
//!
//! Each file is drawn in `format`.

mod format;
mod gathered;
mod image;
mod keep;
mod recover;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::StorageError;
use crate::medium::{File, Medium};
use crate::record::Salt;
use format::Kind;
use gathered::{Gathered, Numbered};
pub use recover::Recovered;
pub use write::{JournalWrite, JournalWritten};
use write::{Rewrite, Work};

/// The consumers of one stream, as they rest on the disk.
///
/// The owner calls `put_config`, `delta`, `snapshot` and `delete` as things change; to write, it looks whether the journal
/// [`wants_rewrite`](Self::wants_rewrite), begins that if so, and takes a write. At most one is under way.
#[derive(Debug)]
pub struct ConsumerJournal {
    place: Arc<Place>,
    /// What is appended to; nothing if everything has to be written anew first.
    current: Option<Current>,
    /// Of each consumer: the last record that its next delta builds on.
    chain: BTreeMap<u64, u64>,
    /// What waits for a write. Nothing is kept while only a whole rewrite could take it.
    pending: Gathered,
    /// Everything there was when a rewrite was begun; `pending` came after that.
    base: Option<Gathered>,
    in_flight: bool,
    /// Whether what is on the disk is not known to stay there.
    dirty: bool,
    next_generation: u64,
    /// Older files, to be removed when a newer one is durable.
    stale: Vec<u64>,
}

/// The directory of a journal.
#[derive(Debug)]
struct Place {
    medium: Arc<dyn Medium>,
    dir: PathBuf,
    /// Whether syncs mean anything.
    persistent: bool,
}

/// The file that is appended to.
#[derive(Debug, Clone)]
struct Current {
    file: Arc<dyn File>,
    generation: u64,
    salt: Salt,
    /// Where the next record goes.
    end: u32,
    /// Where the part ends that was written at once.
    base_end: u32,
    /// Bytes that the file has, room for records to come included.
    allocated: u64,
    next_number: u64,
    /// Records up to this number are durable.
    durable_to: u64,
}

impl ConsumerJournal {
    /// Recovers the journal in a directory, which exists: what is known of each consumer, by id, and how many records
    /// damage took. Writes nothing but removes what an interrupted rewrite left; no journal is one without consumers.
    ///
    /// # Errors
    /// What the disk says, and [`StorageError::NewerFormat`]; damage is not an error.
    pub fn open(medium: Arc<dyn Medium>, dir: PathBuf) -> Result<(Self, Vec<Recovered>, u64), StorageError> {
        let persistent = medium.is_persistent();
        let place = Arc::new(Place { medium, dir, persistent });
        let found = recover::recover(&place)?;
        let journal = Self {
            dirty: persistent && !found.readable.is_empty(),
            place,
            current: None,
            chain: BTreeMap::new(),
            pending: Gathered::default(),
            base: None,
            in_flight: false,
            next_generation: found.next_generation,
            stale: found.readable,
        };
        Ok((journal, found.consumers, found.lost))
    }

    /// Notes a new consumer, or another configuration of one. Ids are the owner's; one that was deleted never comes again.
    pub fn put_config(&mut self, id: u64, config: &[u8]) {
        self.put(Kind::Config, id, config);
    }

    /// Notes a change of a consumer's state since the delta or snapshot before.
    pub fn delta(&mut self, id: u64, delta: &[u8]) {
        self.put(Kind::Delta, id, delta);
    }

    /// Notes the whole state of a consumer: what was noted before of it, but for its configuration, does not count.
    pub fn snapshot(&mut self, id: u64, snapshot: &[u8]) {
        self.put(Kind::Snapshot, id, snapshot);
    }

    /// Notes that a consumer is gone.
    pub fn delete(&mut self, id: u64) {
        self.put(Kind::Delete, id, &[]);
    }

    /// Whether nothing can be written before a rewrite is begun, or one is due because the file has grown. False while a
    /// write is under way, or when a rewrite waits to be taken.
    pub fn wants_rewrite(&self) -> bool {
        let is_due = |current: &Current| current.end - current.base_end > current.base_end.max(MIN_GROWTH_BYTES);
        self.base.is_none() && !self.in_flight && self.current.as_ref().is_none_or(is_due)
    }

    /// Begins a rewrite: the next write makes a new file of everything there is, which is what is handed in here, of each
    /// consumer its id, its configuration and its state. What was noted before is part of that, and written no more.
    pub fn begin_rewrite<C: AsRef<[u8]>, S: AsRef<[u8]>>(
        &mut self,
        consumers: impl IntoIterator<Item = (u64, C, Option<S>)>,
    ) {
        let mut base = Gathered::default();
        for (id, config, snapshot) in consumers {
            base.push(Kind::Config, id, config.as_ref());
            if let Some(snapshot) = snapshot {
                base.push(Kind::Snapshot, id, snapshot.as_ref());
            }
        }
        self.base = Some(base);
        self.pending = Gathered::default();
    }

    /// The work that writes all that was noted, durably if `sync` (a rewrite is always durable). Nothing if there is
    /// nothing to do, a write is under way, or a rewrite has to be begun first.
    pub fn take_write(&mut self, sync: bool) -> Option<JournalWrite> {
        if self.in_flight {
            return None;
        }
        let sync = sync && self.place.persistent;
        let work = if let Some(base) = self.base.take() { self.rewrite(base) } else { self.append(sync)? };
        self.in_flight = true;
        Some(JournalWrite { place: Arc::clone(&self.place), work, sync })
    }

    /// Takes the outcome in.
    ///
    /// # Errors
    /// Why the write failed: nothing of what it was to write counts. The journal is good again once it was rewritten.
    pub fn finish_write(&mut self, written: JournalWritten) -> Result<(), StorageError> {
        self.in_flight = false;
        self.stale = written.stale.unwrap_or_else(|| std::mem::take(&mut self.stale));
        match written.result {
            Ok(current) => {
                self.dirty = self.place.persistent && current.durable_to + 1 < current.next_number;
                self.current = Some(current);
                Ok(())
            }
            Err(error) => {
                self.stale.extend(self.current.take().map(|current| current.generation));
                self.dirty = self.place.persistent;
                if self.base.is_none() {
                    self.pending = Gathered::default();
                }
                Err(error)
            }
        }
    }

    /// Whether something that was written, or was found by the recovery, is not known to be durable. What waits for a write
    /// does not count.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Bytes that wait for a write.
    pub fn pending_bytes(&self) -> usize {
        self.pending.bytes() + self.base.as_ref().map_or(0, Gathered::bytes)
    }

    fn put(&mut self, kind: Kind, id: u64, body: &[u8]) {
        let must_rewrite = self.current.is_none() && !self.in_flight;
        if must_rewrite && self.base.is_none() {
            // It will be part of what the rewrite is made of.
            return;
        }
        self.pending.push(kind, id, body);
    }

    fn append(&mut self, sync: bool) -> Option<Work> {
        let current = self.current.clone()?;
        if self.pending.is_empty() && !(sync && self.dirty) {
            return None;
        }
        let records = self.number(current.next_number);
        Some(Work::Append { current, records })
    }

    fn rewrite(&mut self, base: Gathered) -> Work {
        self.chain.clear();
        let base = base.number(1, &mut self.chain);
        let records = self.number(base.next_number());
        let generation = self.next_generation;
        self.next_generation = generation.saturating_add(1);
        let mut stale = std::mem::take(&mut self.stale);
        stale.extend(self.current.take().map(|current| current.generation));
        Work::Rewrite(Rewrite { base, records, generation, stale })
    }

    /// Takes what waits, numbered.
    fn number(&mut self, first: u64) -> Numbered {
        std::mem::take(&mut self.pending).number(first, &mut self.chain)
    }
}

/// Files grow by at least this before they are written anew, and by at least as much as they began with.
const MIN_GROWTH_BYTES: u32 = 1 << 20;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;
