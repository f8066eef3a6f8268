//! Handing out commits, one at a time, and taking their outcome in: what the log knows to be durable.

use std::sync::Arc;

use super::commit::{Commit, Committed};
use super::{Log, Position};
use crate::error::StorageError;
use crate::segment::{Slot, TailMark};

impl Log {
    /// Lets the next commit sync, whatever the policy: somebody will be told that what was changed is durable.
    pub fn await_sync(&mut self) {
        self.durable.is_awaited = true;
    }

    /// The work that makes what waits written, and synced if `sync` (or if the log always syncs); nothing if nothing waits
    /// (and, with `sync`, nothing is dirty) or a commit is under way.
    pub fn take_commit(&mut self, sync: bool) -> Option<Commit> {
        if self.failed.is_some() || self.in_flight.is_some() {
            return None;
        }
        let persistent = self.place.persistent;
        let sync = persistent && (sync || self.options.synced || self.durable.is_awaited || self.keeper.wants_sync());
        let changed = self.position != self.taken;
        let wanted = changed || (sync && self.durable.dirty);
        if !wanted {
            return None;
        }
        self.durable.is_awaited = false;
        // What cannot even be prepared is a commit that fails.
        let refused = self.flush().err();
        let reserve = persistent && !self.options.synced;
        let sync = sync || reserve && self.last_sequence > self.durable.reserved_to;
        let mark = self.next_mark(sync, reserve);
        let undone = self.undone_mark(&mark);
        let spare = std::mem::take(&mut self.spare);
        let chunks = Arc::new(self.pending.take(self.last_sequence, self.first_sequence, spare));
        self.taken = self.position;
        self.in_flight = Some(Arc::clone(&chunks));
        Some(Commit {
            place: Arc::clone(&self.place),
            refused,
            chunks,
            mark,
            removals: self.single.encode().into(),
            slot: self.durable.slot,
            undone,
            left: self.undone.clone(),
            sync,
            continued: std::mem::take(&mut self.continued),
            sync_names: self.durable.names_dirty,
            preallocate: persistent && self.options.synced,
            // A file may go only when what made its messages dead is durable.
            doomed: if sync || !persistent { std::mem::take(&mut self.doomed) } else { Vec::new() },
            position: self.position,
        })
    }

    fn next_mark(&self, sync: bool, reserve: bool) -> TailMark {
        let durable = &self.durable;
        let reserved_to = match reserve {
            true if sync || self.pending.active.create.is_some() => self.last_sequence.saturating_add(durable.reserve),
            true => durable.reserved_to,
            false => self.last_sequence,
        };
        TailMark {
            commit: durable.commits + 1,
            end: self.pending.active.end(),
            last_sequence: self.last_sequence,
            synced_sequence: durable.synced_sequence,
            synced_end: durable.synced_end,
            reserved_to,
            floor: self.first_sequence,
            synced_floor: durable.synced_floor,
            boot_id: durable.boot_id,
            given_to: self.last_sequence,
            continued: false,
            is_unnamed: durable.names_dirty,
        }
    }

    /// What is true if the commit with this mark comes to nothing: what the last one said, and that no sequence of this
    /// one is to be given out again.
    fn undone_mark(&self, mark: &TailMark) -> (TailMark, Box<[u8]>) {
        let Written { last_sequence, floor, removals } = &self.durable.written;
        (TailMark { last_sequence: *last_sequence, floor: *floor, ..*mark }, removals.clone())
    }

    /// Takes the outcome in. After a failure the log refuses changes until it is opened anew.
    pub fn finish_commit(&mut self, committed: Committed) -> Result<Position, StorageError> {
        self.undone = committed.undone;
        if let Err(error) = committed.result {
            // What was to be written stays readable from memory.
            self.failed = Some(error.clone());
            return Err(error);
        }
        self.recycle();
        self.doomed.extend(committed.kept);
        self.continued = committed.closed;
        let (mark, durable) = (&committed.mark, &mut self.durable);
        durable.commits = mark.commit;
        durable.written =
            Written { last_sequence: mark.last_sequence, floor: mark.floor, removals: committed.removals };
        durable.dirty = !committed.synced && self.place.persistent;
        durable.names_dirty &= !committed.synced;
        if committed.synced {
            (durable.synced_sequence, durable.synced_end) = (mark.last_sequence, mark.end);
            durable.synced_floor = mark.floor;
            if mark.reserved_to > durable.reserved_to {
                durable.reserve = (durable.reserve * 2).min(MAX_RESERVE);
            }
            durable.reserved_to = mark.reserved_to;
            durable.slot = durable.slot.other();
        }
        self.committed = committed.position;
        Ok(committed.position)
    }

    /// Keeps a buffer for the next commit if the log is busy; an idle one keeps none.
    fn recycle(&mut self) {
        let chunks = self.in_flight.take().and_then(Arc::into_inner);
        if self.pending.bytes() == 0 {
            self.pending.active.bytes = Vec::new();
        } else if let Some(mut chunk) = chunks.and_then(|mut chunks| chunks.pop()) {
            chunk.bytes.clear();
            chunk.bytes.shrink_to(MAX_SPARE_BYTES);
            self.spare = chunk.bytes;
        }
    }
}

/// What is durable of a log.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Number of the last commit.
    pub(super) commits: u64,
    /// What the last commit wrote.
    pub(super) written: Written,
    /// Where the next mark goes: the other one is durable.
    pub(super) slot: Slot,
    /// Everything up to this sequence is.
    pub(super) synced_sequence: u64,
    /// Everything up to this offset is, in the segment that the last commit wrote to.
    pub(super) synced_end: u64,
    /// No message below it is live, whatever happens.
    pub(super) synced_floor: u64,
    /// A durable mark says that sequences up to here may have been given out.
    pub(super) reserved_to: u64,
    /// How many sequences to reserve next: more each time, so that it rarely costs a sync.
    pub(super) reserve: u64,
    /// Whether something was written since the last sync.
    pub(super) dirty: bool,
    /// Whether the next commit has to sync.
    pub(super) is_awaited: bool,
    /// Whether the names of files, as a recovery found them, may not be durable.
    pub(super) names_dirty: bool,
    pub(super) boot_id: u128,
}

/// What a commit wrote, durable or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The sequence given out last.
    pub(super) last_sequence: u64,
    /// No message below it was live.
    pub(super) floor: u64,
    /// The removals that its mark repeats.
    pub(super) removals: Box<[u8]>,
}

/// Sequences that a log which is not always synced reserves at first.
pub(super) const MIN_RESERVE: u64 = 1024;
/// And at most: so many may be skipped after a power cut.
pub(super) const MAX_RESERVE: u64 = 1 << 20;
/// A buffer that is kept for the next commit has at most this capacity.
const MAX_SPARE_BYTES: usize = 1 << 20;
