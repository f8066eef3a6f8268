//! What a log knows per subject: how many messages it holds, the first and the last. Small at millions of subjects.
//!
//! A subject with live messages has a small number, its [`SubjectId`], which is what the entries of the segments carry.
//! Names rest one behind the other in one arena, a hash table finds ids by name, and a slot per id holds the rest: 28
//! bytes and the name, and the table's five to twelve. An id is free again when the last message of its subject is gone.
//!
//! Removing the oldest message of a subject does not look for the next one: the slot then only bounds it, until
//! [`settle`](SubjectIndex::settle) finds it in the entries. The same goes for the newest one.

mod choice;
mod image;
mod matcher;
mod names;
mod slot;

use std::hash::BuildHasher;
use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};

use embus_protocol::filter;
use foldhash::quality::RandomState;
use hashbrown::HashTable;

use choice::Selections;
pub use choice::{Choice, Chosen};
pub use matcher::Matcher;
use names::Names;
use slot::Slot;

/// What is known of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectState {
    /// Live messages on it.
    pub count: u64,
    /// Sequence of its oldest live message.
    pub first: u64,
    /// Sequence of its newest live message.
    pub last: u64,
}

/// What is known of one subject without looking at its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectBounds {
    /// The subject.
    pub id: SubjectId,
    /// Of a stale `first` a lower bound, of a stale `last` an upper one.
    pub state: SubjectState,
    /// Whether `first` is but a bound.
    pub first_is_stale: bool,
    /// Whether `last` is but a bound.
    pub last_is_stale: bool,
}

/// The number of a subject that has live messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(pub(crate) u32);

/// Finds the messages of a subject among the live ones; how a stale first or last is settled.
pub trait Occurrences {
    /// The first live message of the subject at or behind `from`.
    fn next(&self, id: SubjectId, from: u64) -> Option<u64>;
    /// The last live message of the subject at or before `up_to`.
    fn previous(&self, id: SubjectId, up_to: u64) -> Option<u64>;
}

/// The subjects of one log.
#[derive(Default)]
pub struct SubjectIndex {
    names: Names,
    slots: Vec<Slot>,
    /// The first of the free slots, which form a list.
    free: Option<u32>,
    /// Ids by name. Seeded at random, so that nobody can choose subjects that collide; nothing ever depends on its order.
    table: HashTable<u32>,
    hasher: RandomState,
    /// The id that was asked for last: the same subject often comes again. Only a hint, its name decides.
    recent: AtomicU32,
    /// Which subjects the filters of recent reads match, as far as somebody asked.
    selections: Selections,
}

impl SubjectIndex {
    /// An empty one. It allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Subjects with live messages.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Counts a new message, whose sequence is above all others of its subject. Nothing if it is a new subject and
    /// there is no room for one more: 2³² subjects, or 4 GiB of names.
    pub fn append(&mut self, subject: &[u8], sequence: u64) -> Option<SubjectId> {
        let id = match self.id(subject) {
            Some(id) => id,
            None => self.intern(subject)?,
        };
        self.slots[id.0 as usize].append(sequence);
        Some(id)
    }

    /// Counts out a message that was counted in.
    pub fn remove(&mut self, id: SubjectId, sequence: u64) {
        let slot = &mut self.slots[id.0 as usize];
        slot.remove(sequence);
        if slot.count() == 0 {
            self.release(id);
        }
    }

    /// The id of a subject that has live messages.
    #[inline]
    pub fn id(&self, subject: &[u8]) -> Option<SubjectId> {
        let recent = self.recent.load(Ordering::Relaxed);
        let slot = self.slots.get(recent as usize).filter(|slot| slot.is_used());
        if slot.is_some_and(|slot| self.names.get(slot.name()) == subject) {
            return Some(SubjectId(recent));
        }
        let found = self.find(subject)?;
        self.recent.store(found.0, Ordering::Relaxed);
        Some(found)
    }

    fn find(&self, subject: &[u8]) -> Option<SubjectId> {
        let hash = self.hasher.hash_one(subject);
        self.table.find(hash, |&id| self.names.get(self.slots[id as usize].name()) == subject).copied().map(SubjectId)
    }

    /// The newest messages of these subjects, or what may be; 0 for those that are not there, perhaps. Whoever looks for
    /// many of them soon finds them in the processor's caches: a table of many subjects is not there, and here the waits
    /// for memory are one, where each search by itself is a chain of four.
    pub fn warm(&self, subjects: &[&[u8]; MAX_WARM]) -> [u64; MAX_WARM] {
        let candidate = |subject: &[u8]| self.table.iter_hash(self.hasher.hash_one(subject)).next().copied();
        let ids = subjects.map(|subject| if subject.is_empty() { None } else { candidate(subject) });
        let slots = ids.map(|id| id.map(|id| self.slots[id as usize]));
        let starts =
            slots.map(|slot| slot.filter(Slot::is_used).map(|slot| self.names.get(slot.name()).first().copied()));
        hint::black_box(starts);
        slots.map(|slot| slot.map_or(0, |slot| slot.state().last))
    }

    /// The name of a subject.
    pub fn name(&self, id: SubjectId) -> &[u8] {
        self.names.get(self.slots[id.0 as usize].name())
    }

    /// Live messages of a subject.
    pub fn count(&self, id: SubjectId) -> u64 {
        self.slots[id.0 as usize].count()
    }

    /// What is known of a subject: where a sequence is stale it is a bound, `first` a lower one and `last` an upper one.
    pub fn bounds(&self, id: SubjectId) -> SubjectState {
        self.slots[id.0 as usize].state()
    }

    /// Whether `first` of a subject is but a bound.
    pub fn first_is_stale(&self, id: SubjectId) -> bool {
        self.slots[id.0 as usize].first_is_stale()
    }

    /// Whether `last` of a subject is but a bound.
    pub fn last_is_stale(&self, id: SubjectId) -> bool {
        self.slots[id.0 as usize].last_is_stale()
    }

    /// What is known of a subject, exactly; remembered.
    pub fn settle(&mut self, id: SubjectId, messages: &impl Occurrences) -> SubjectState {
        let (first, last) = (self.settle_first(id, messages), self.settle_last(id, messages));
        SubjectState { first, last, ..self.bounds(id) }
    }

    /// The first live message of a subject; remembered.
    pub fn settle_first(&mut self, id: SubjectId, messages: &impl Occurrences) -> u64 {
        let slot = &mut self.slots[id.0 as usize];
        let bound = slot.state().first;
        if !slot.first_is_stale() {
            return bound;
        }
        let first = messages.next(id, bound).unwrap_or(bound);
        slot.settle_first(first);
        first
    }

    /// The last live message of a subject; remembered.
    pub fn settle_last(&mut self, id: SubjectId, messages: &impl Occurrences) -> u64 {
        let slot = &mut self.slots[id.0 as usize];
        let bound = slot.state().last;
        if !slot.last_is_stale() {
            return bound;
        }
        let last = messages.previous(id, bound).unwrap_or(bound);
        slot.settle_last(last);
        last
    }

    /// Takes the last live message of a subject from somebody who looked at all of them.
    pub fn set_last(&mut self, id: SubjectId, last: u64) {
        self.slots[id.0 as usize].settle_last(last);
    }

    /// Visits all subjects that `filter` matches, a literal one as it is, in order of their ids; ends early when `visit`
    /// says false. Ids stay valid until a message is appended or removed.
    pub fn visit(&self, filter: &[u8], visit: &mut dyn FnMut(SubjectId, &[u8]) -> bool) {
        if filter::is_literal(filter) {
            if let Some(id) = self.id(filter) {
                visit(id, filter);
            }
            return;
        }
        let matcher = Matcher::new(filter);
        for (id, slot) in (0..).zip(&self.slots) {
            if slot.is_used() {
                let name = self.names.get(slot.name());
                if matcher.matches(name) && !visit(SubjectId(id), name) {
                    return;
                }
            }
        }
    }

    /// Visits the subjects with ids from `place` on, at most so many; returns where it goes on, if it does.
    pub fn visit_some(&self, place: usize, max: usize, visit: &mut dyn FnMut(&[u8], SubjectBounds)) -> Option<usize> {
        let end = place.saturating_add(max).min(self.slots.len());
        let ids = u32::try_from(place).ok()?..;
        for (id, slot) in ids.zip(self.slots.get(place..end)?).filter(|(_, slot)| slot.is_used()) {
            visit(self.names.get(slot.name()), slot.bounds(SubjectId(id)));
        }
        (end < self.slots.len()).then_some(end)
    }

    /// What a read with these filters (none: any) looks for.
    pub fn choose(&mut self, filters: &[&[u8]]) -> Choice<'_> {
        match filters {
            [] => Choice::Any,
            [filter] if filter::is_literal(filter) => self.id(filter).map_or(Choice::Nothing, Choice::One),
            _ if self.is_empty() => Choice::Nothing,
            _ => Choice::Matching(self.selections.chosen(filters, &self.names, &self.slots)),
        }
    }

    /// Bytes that it takes in memory.
    pub fn memory(&self) -> usize {
        self.names.memory()
            + self.slots.capacity() * size_of::<Slot>()
            + self.table.allocation_size()
            + self.selections.memory()
    }

    /// Gives a new subject its id. Its first message is counted next.
    fn intern(&mut self, subject: &[u8]) -> Option<SubjectId> {
        let name = self.names.push(subject)?;
        let id = match self.free {
            Some(id) => id,
            None => self.push_slot()?,
        };
        self.free = self.free.and_then(|id| self.slots[id as usize].next_free());
        self.slots[id as usize] = Slot::new(name);
        self.insert(id);
        self.selections.forget(id);
        Some(SubjectId(id))
    }

    fn push_slot(&mut self) -> Option<u32> {
        let id = u32::try_from(self.slots.len()).ok().filter(|&id| id <= LAST_ID)?;
        names::reserve(&mut self.slots, 1);
        self.slots.push(Slot::unused(None));
        Some(id)
    }

    fn insert(&mut self, id: u32) {
        let Self { names, slots, table, hasher, .. } = self;
        let hash_of = |id: &u32| hasher.hash_one(names.get(slots[*id as usize].name()));
        table.insert_unique(hash_of(&id), id, hash_of);
    }

    /// Takes the id back from a subject without messages.
    fn release(&mut self, SubjectId(id): SubjectId) {
        let name = self.slots[id as usize].name();
        let hash = self.hasher.hash_one(self.names.get(name));
        if let Ok(entry) = self.table.find_entry(hash, |&found| found == id) {
            entry.remove();
        }
        self.slots[id as usize] = Slot::unused(self.free);
        self.free = Some(id);
        self.names.forget(name);
        if self.table.is_empty() {
            self.clear();
        } else {
            self.shrink();
        }
    }

    /// Starts anew. The memory of a few subjects is kept: in a work queue the last one comes and goes all the time.
    fn clear(&mut self) {
        if self.memory() > MAX_IDLE_BYTES {
            *self = Self { hasher: self.hasher.clone(), ..Self::default() };
        }
        self.names.clear();
        self.slots.clear();
        self.free = None;
    }

    /// Gives memory back when much of it holds nothing any more. Each time costs a pass over what is there, and comes
    /// only after as many removals.
    fn shrink(&mut self) {
        if self.names.is_wasteful() {
            self.names.compact(self.slots.iter_mut().filter(|slot| slot.is_used()));
        }
        if self.table.capacity() > MIN_SHRINK && self.table.len() < self.table.capacity() / 8 {
            let Self { names, slots, table, hasher, .. } = self;
            table.shrink_to(table.len() * 2, |id| hasher.hash_one(names.get(slots[*id as usize].name())));
        }
    }
}

impl std::fmt::Debug for SubjectIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectIndex").field("subjects", &self.len()).finish_non_exhaustive()
    }
}

/// So many subjects are brought into the caches at once.
pub const MAX_WARM: usize = 32;
/// The numbers above it mark entries without a message.
const LAST_ID: u32 = u32::MAX - 16;
/// What an index without subjects may keep.
const MAX_IDLE_BYTES: usize = 1024;
/// Tables below this many places are not worth shrinking.
const MIN_SHRINK: usize = 1024;

#[cfg(test)]
mod tests;
