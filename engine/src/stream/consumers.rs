//! The consumers of a stream: found by name, waked when there is something for them, served, kept on the disk.
//!
//! They live behind the stream's lock. Whatever happens to one is followed by [`Consumers::settle`], which takes from it
//! what the rest of the stream wants to know: whether it waits for the next message, when it wants to be called, what
//! it is done with. Those that have something to do stand in a queue; the [pump](pump) serves them.

mod deadline;
mod gate;
mod inbound;
mod index;
mod journal;
mod manage;
mod notice;
mod plan;
mod pump;
mod purge;
mod reader;
mod recover;
mod relief;
mod removals;
mod retention;
mod slots;
mod unread;
mod wake;

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::task::Waker;

use embus_storage::log::{Log, RemovalMark};
use embus_storage::message::Timestamp;
use parking_lot::Mutex;

use crate::consumer::config::Neighbours;
use crate::consumer::{Consumer, Status};
use crate::stream::config::Retention;
use crate::stream::core::Core;
use crate::stream::core::Interest;
use crate::sync::Arc;

use index::{FilterIndex, FilterRef, Slot};
use notice::{Notice, What};
use removals::Settled;
use retention::{Removed, Sweep};

pub(super) use journal::Journal;
pub use manage::Reset;
pub(crate) use notice::{Notice as ConsumerNotice, What as ConsumerChange};
pub(crate) use pump::PumpSpace;
pub use reader::{ConsumerReader, ReaderEnd};
pub(crate) use recover::{FoundConsumers, keep_copy};
pub(super) use wake::Wakes;

/// The consumers of one stream.
pub(super) struct Consumers {
    members: Vec<Option<Box<Member>>>,
    free: Vec<Slot>,
    by_name: BTreeMap<Arc<str>, Slot>,
    neighbours: Neighbours,
    /// Behind a lock of its own: the state machine of the stream asks it, too. Nothing where no consumers are: most streams
    /// have none.
    index: Option<Arc<Mutex<FilterIndex>>>,
    /// Those that have something to do.
    ready: VecDeque<Slot>,
    /// How many wait for the next message.
    hungry: usize,
    due: BTreeSet<(Timestamp, Slot)>,
    /// Messages up to here are committed: none beyond is delivered.
    visible: u64,
    /// How often consumers were shown what there is.
    rounds: u64,
    /// Somebody serves the consumers.
    pumping: bool,
    /// Nothing is delivered any more.
    is_closed: bool,
    /// Statuses that the pump sends before all else.
    statuses: Vec<Status>,
    /// Programs that read by themselves and wait, and shall look now.
    called: Vec<Waker>,
    /// What happened that others may want to know.
    notices: Vec<Notice>,
    journal: Journal,
    last_id: u64,
    /// What was removed because nobody needs it any more, and is not committed yet.
    removed: Removed,
    /// Where messages may be that nobody needs any more.
    sweeps: Vec<Sweep>,
    /// Which removals stay for sure. Nothing where nothing is known, as where no consumers are.
    settled: Option<Box<Settled>>,
    /// How many have messages that wait for their acknowledgement.
    awaiting: usize,
    /// Of removals before it those consumers know that had messages waiting.
    mark: Option<RemovalMark>,
    /// Where those are gathered that a new message concerns.
    taken: Vec<(Slot, Option<u32>)>,
}

/// One consumer and what the stream knows of it.
#[allow(clippy::struct_excessive_bools, reason = "each says in which list of the stream it stands")]
struct Member {
    consumer: Consumer,
    name: Arc<str>,
    /// Its number in the journal; unique in its stream.
    id: u64,
    refs: Box<[FilterRef]>,
    is_ready: bool,
    is_hungry: bool,
    /// Whether messages of it wait for their acknowledgement.
    is_awaiting: bool,
    /// Whether the journal keeps it.
    is_stored: bool,
    /// Whether it stands in the journal's list of those that changed.
    is_noted: bool,
    armed: Option<Timestamp>,
    /// What is told when a destination of it has drained.
    relief: Option<Waker>,
    /// A program that reads by itself and waits.
    reader: Option<Waker>,
}

/// A consumer, for those who remember it longer than they hold the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    slot: Slot,
    id: u64,
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumers").field("len", &self.by_name.len()).finish_non_exhaustive()
    }
}

impl Consumers {
    /// None yet; all messages are committed.
    pub(super) fn new(core: &Core, journal: Journal) -> Self {
        Self {
            members: Vec::new(),
            free: Vec::new(),
            by_name: BTreeMap::new(),
            neighbours: Neighbours::new(core.config().retention == Retention::WorkQueue),
            index: None,
            ready: VecDeque::new(),
            hungry: 0,
            due: BTreeSet::new(),
            visible: core.log().last_sequence(),
            rounds: 0,
            pumping: false,
            is_closed: false,
            statuses: Vec::new(),
            called: Vec::new(),
            notices: Vec::new(),
            journal,
            last_id: 0,
            removed: Removed::default(),
            sweeps: Vec::new(),
            settled: None,
            awaiting: 0,
            mark: None,
            taken: Vec::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    fn slot(&self, name: &str) -> Option<Slot> {
        self.by_name.get(name).copied()
    }

    fn member(&self, slot: Slot) -> Option<&Member> {
        self.members.get(slot as usize)?.as_deref()
    }

    fn member_mut(&mut self, slot: Slot) -> Option<&mut Member> {
        self.members.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The consumer that somebody remembers, if it is still there.
    fn find(&mut self, key: Key) -> Option<&mut Member> {
        self.member_mut(key.slot).filter(|member| member.id == key.id)
    }

    /// Adds a consumer; it is served as soon as the pump runs.
    fn insert(&mut self, name: Arc<str>, id: u64, consumer: Consumer, is_stored: bool) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.members.push(None);
            Slot::try_from(self.members.len() - 1).unwrap_or(Slot::MAX)
        });
        let refs = self.index.get_or_insert_default().lock().insert(slot, consumer.config().filters());
        self.by_name.insert(Arc::clone(&name), slot);
        self.neighbours.insert(slot, consumer.config());
        self.members[slot as usize] = Some(Box::new(Member {
            consumer,
            name,
            id,
            refs,
            is_ready: false,
            is_hungry: false,
            is_awaiting: false,
            is_stored,
            is_noted: false,
            armed: None,
            relief: None,
            reader: None,
        }));
        self.last_id = self.last_id.max(id);
        self.make_ready(slot);
        slot
    }

    /// Takes a consumer out.
    fn take(&mut self, slot: Slot) -> Option<Box<Member>> {
        let member = self.members.get_mut(slot as usize)?.take()?;
        self.by_name.remove(&member.name);
        self.neighbours.remove(slot, member.consumer.config());
        if self.by_name.is_empty() {
            self.index = None;
        } else if let Some(index) = &self.index {
            index.lock().remove(slot, &member.refs);
        }
        self.hungry -= usize::from(member.is_hungry);
        self.awaiting -= usize::from(member.is_awaiting);
        if let Some(armed) = member.armed {
            self.due.remove(&(armed, slot));
        }
        // Whoever finds the slot in a list of before finds it empty, or another consumer that has nothing to do.
        self.free.push(slot);
        Some(member)
    }

    /// Puts a consumer in the queue of those that have something to do.
    fn make_ready(&mut self, slot: Slot) {
        let Some(member) = self.member_mut(slot) else { return };
        if !std::mem::replace(&mut member.is_ready, true) {
            self.ready.push_back(slot);
        }
    }

    /// Whether the pump has something to do; what was removed meanwhile may be that.
    #[inline]
    pub(super) fn wants_pump(&mut self, log: &Log) -> bool {
        self.see_removals(log);
        let is_ready = !self.is_closed && !self.ready.is_empty();
        let has_news = !self.statuses.is_empty() || !self.notices.is_empty() || !self.called.is_empty();
        !self.pumping && (is_ready || has_news)
    }

    /// When the first of them wants to be called. Nothing is written while the stream is busy.
    pub(super) fn next_deadline(&self, is_busy: bool) -> Option<Timestamp> {
        let due = self.due.first().map(|(deadline, _)| *deadline);
        [due, self.journal.due().filter(|_| !is_busy)].into_iter().flatten().min()
    }

    /// The state machine of the stream was made anew from what is on the disk. What consumers are done with as it was
    /// removed, and what is there again, is before them again.
    pub(super) fn reopened(&mut self, before: &Log, core: &mut Core, now: Timestamp) {
        self.set_interest(core);
        self.settle_all(core.log());
        self.remove_again(core);
        let last_sequence = core.log().last_sequence();
        self.advance(core.log(), last_sequence);
        let is_queue = core.config().retention == Retention::WorkQueue;
        for slot in (0..self.members.len()).filter_map(|slot| Slot::try_from(slot).ok()) {
            let Some(member) = self.member_mut(slot) else { continue };
            let mut has_more = member.consumer.handle_undone(before, core.log_mut(), now);
            if is_queue {
                // A sync that failed may have taken removals along that were committed without it.
                let is_back = |sequence| before.subject_of(sequence).is_none();
                has_more |= member.consumer.take_back_done(is_back, core.log_mut(), now);
            }
            if has_more {
                self.make_ready(slot);
                self.settle(slot, core, now);
            }
        }
    }

    /// More messages are committed.
    #[inline]
    pub(super) fn advance(&mut self, log: &Log, visible: u64) {
        let from = std::mem::replace(&mut self.visible, visible);
        if self.hungry > 0 {
            self.offer(log, from.saturating_add(1), visible);
        }
    }

    /// Tells those who wait for a message of the first that is for them.
    fn offer(&mut self, log: &Log, from: u64, up_to: u64) {
        let mut taken = std::mem::take(&mut self.taken);
        for sequence in from.max(log.first_sequence())..=up_to {
            if self.hungry == 0 {
                break;
            }
            let Some(subject) = log.subject_of(sequence) else { continue };
            if let Some(index) = &self.index {
                index.lock().take_waiting(subject, &mut taken);
            }
            for (slot, filter) in taken.drain(..) {
                self.offer_to(slot, filter, sequence, log);
            }
        }
        self.taken = taken;
    }

    fn offer_to(&mut self, slot: Slot, filter: Option<u32>, sequence: u64, log: &Log) {
        let Some(member) = self.member_mut(slot) else { return };
        index::forget(&mut member.refs, filter);
        if !std::mem::replace(&mut member.is_hungry, false) {
            return;
        }
        member.consumer.offer(sequence, log);
        self.hungry -= 1;
        self.make_ready(slot);
    }

    /// Takes from a consumer what the rest of the stream wants to know, after anything happened to it.
    fn settle(&mut self, slot: Slot, core: &mut Core, now: Timestamp) {
        let Some(member) = self.members.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let is_hungry = member.consumer.is_hungry();
        if is_hungry && !member.is_hungry {
            self.hungry += 1;
            if let Some(index) = &self.index {
                index.lock().wait(slot, &mut member.refs);
            }
        } else if !is_hungry && member.is_hungry {
            self.hungry -= 1;
        }
        member.is_hungry = is_hungry;
        let is_awaiting = member.consumer.ack_pending() > 0;
        if is_awaiting != std::mem::replace(&mut member.is_awaiting, is_awaiting) {
            self.awaiting = if is_awaiting { self.awaiting + 1 } else { self.awaiting - 1 };
        }
        if member.consumer.is_held() {
            self.settled.get_or_insert_default().held.insert(slot);
        }
        arm(&mut self.due, slot, member);
        while let Some(event) = member.consumer.take_event() {
            self.notices.push(Notice { consumer: Arc::clone(&member.name), what: What::Event(event) });
        }
        if member.is_stored && !member.is_noted && member.consumer.is_dirty() {
            member.is_noted = true;
            self.journal.note(slot, now);
        }
        self.remove_settled(slot, core);
    }

    /// Tells the stream's state machine what is wanted. To be called when consumers come or go, and for a new one.
    /// Consumers want to learn what is removed.
    pub(super) fn set_interest(&self, core: &mut Core) {
        core.log_mut().watch_removals(self.len() > 0);
        let wanted = self.index.as_ref().map(|index| Wanted(Arc::clone(index)));
        core.set_interest(wanted.map(|wanted| Box::new(wanted) as Box<dyn Interest>));
    }
}

/// Sets the deadline of a consumer, if it has an earlier one: a later one is found when the earlier one has come.
fn arm(due: &mut BTreeSet<(Timestamp, Slot)>, slot: Slot, member: &mut Member) {
    let Some(deadline) = member.consumer.next_deadline() else { return };
    if member.armed.is_some_and(|armed| armed <= deadline) {
        return;
    }
    if let Some(armed) = member.armed.replace(deadline) {
        due.remove(&(armed, slot));
    }
    due.insert((deadline, slot));
}

/// What the consumers of a stream want, for its state machine.
struct Wanted(Arc<Mutex<FilterIndex>>);

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wanted")
    }
}

impl Interest for Wanted {
    fn wants(&self, subject: &[u8]) -> bool {
        self.0.lock().wants(subject)
    }
}
