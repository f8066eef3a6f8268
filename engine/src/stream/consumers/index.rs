//! Which consumers want a subject, and which of them wait for the next message on it.
//!
//! A consumer that waits costs a publish on another subject nothing, and one that does not wait costs nothing at all: each
//! filter knows those that wait apart from all that have it.

use embus_protocol::subject_tree::SubjectTree;

use super::slots::Slots;
use crate::sync::Arc;

/// The place of a consumer in its stream while it is there.
pub(super) type Slot = u32;

/// All filters of the consumers of a stream.
#[derive(Default)]
pub(super) struct FilterIndex {
    tree: SubjectTree<u32>,
    filters: Vec<Filter>,
    free: Vec<u32>,
    /// Consumers that want everything.
    all: Filter,
}

/// Who has one filter.
#[derive(Default)]
struct Filter {
    text: Option<Arc<[u8]>>,
    members: Slots,
    /// Some of the members, perhaps more than really wait.
    waiting: Slots,
}

/// A filter of one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FilterRef {
    /// Nothing for all subjects.
    id: Option<u32>,
    /// Whether the consumer is noted there as waiting.
    is_noted: bool,
}

impl FilterIndex {
    /// Adds a consumer; without filters it wants everything.
    pub(super) fn insert<'a>(&mut self, slot: Slot, filters: impl Iterator<Item = &'a str>) -> Box<[FilterRef]> {
        let mut refs: Vec<_> = filters.map(|filter| self.insert_one(slot, filter.as_bytes())).collect();
        if refs.is_empty() {
            self.all.members.push(slot);
            refs.push(FilterRef { id: None, is_noted: false });
        }
        refs.into()
    }

    fn insert_one(&mut self, slot: Slot, text: &[u8]) -> FilterRef {
        let text: Arc<[u8]> = text.into();
        let Self { tree, filters, free, .. } = self;
        let id = *tree.get_or_insert_with(&text, || {
            let id = free.pop().unwrap_or_else(|| {
                filters.push(Filter::default());
                u32::try_from(filters.len() - 1).unwrap_or(u32::MAX)
            });
            filters[id as usize] = Filter { text: Some(Arc::clone(&text)), ..Filter::default() };
            id
        });
        filters[id as usize].members.push(slot);
        FilterRef { id: Some(id), is_noted: false }
    }

    /// Takes a consumer out.
    pub(super) fn remove(&mut self, slot: Slot, refs: &[FilterRef]) {
        for filter in refs {
            let entry = self.entry(filter.id);
            entry.members.remove(slot);
            entry.waiting.remove(slot);
            let Some(id) = filter.id else { continue };
            if self.filters[id as usize].members.as_slice().is_empty()
                && let Some(text) = self.filters[id as usize].text.take()
            {
                self.filters[id as usize] = Filter::default();
                self.tree.remove(&text);
                self.free.push(id);
            }
        }
    }

    fn entry(&mut self, id: Option<u32>) -> &mut Filter {
        match id {
            Some(id) => &mut self.filters[id as usize],
            None => &mut self.all,
        }
    }

    /// Notes that a consumer waits for the next message on its subjects.
    pub(super) fn wait(&mut self, slot: Slot, refs: &mut [FilterRef]) {
        for filter in refs.iter_mut().filter(|filter| !filter.is_noted) {
            self.entry(filter.id).waiting.push(slot);
            filter.is_noted = true;
        }
    }

    /// Takes out whoever may wait for a message on `subject`. A consumer may come more than once, and may not wait any
    /// more; the caller tells each that is taken out that its reference to the filter is gone.
    pub(super) fn take_waiting(&mut self, subject: &[u8], taken: &mut Vec<(Slot, Option<u32>)>) {
        self.all.waiting.take_all(|slot| taken.push((slot, None)));
        let Self { tree, filters, .. } = self;
        tree.for_each_match(subject, |id| {
            filters[*id as usize].waiting.take_all(|slot| taken.push((slot, Some(*id))));
        });
    }

    /// Whether any consumer wants messages on `subject`.
    pub(super) fn wants(&self, subject: &[u8]) -> bool {
        !self.all.members.as_slice().is_empty() || self.tree.has_match(subject)
    }

    /// Calls `visit` for each consumer that wants messages on `subject`; perhaps more than once for one.
    pub(super) fn for_each(&self, subject: &[u8], mut visit: impl FnMut(Slot)) {
        self.all.members.as_slice().iter().copied().for_each(&mut visit);
        self.tree.for_each_match(subject, |id| {
            self.filters[*id as usize].members.as_slice().iter().copied().for_each(&mut visit);
        });
    }
}

/// Notes that a consumer is no longer noted at a filter.
pub(super) fn forget(refs: &mut [FilterRef], id: Option<u32>) {
    refs.iter_mut().filter(|filter| filter.id == id).for_each(|filter| filter.is_noted = false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(index: &mut FilterIndex, subject: &str) -> Vec<Slot> {
        let mut taken = Vec::new();
        index.take_waiting(subject.as_bytes(), &mut taken);
        let mut slots: Vec<_> = taken.into_iter().map(|(slot, _)| slot).collect();
        slots.sort_unstable();
        slots
    }

    #[test]
    fn only_those_that_wait_on_the_subject_are_taken() {
        let mut index = FilterIndex::default();
        let mut eu = index.insert(0, ["a.eu"].into_iter());
        let _us = index.insert(1, ["a.us"].into_iter());
        let mut any = index.insert(2, ["a.*"].into_iter());
        let mut all = index.insert(3, std::iter::empty());
        for (slot, refs) in [(0, &mut eu), (2, &mut any), (3, &mut all)] {
            index.wait(slot, refs);
        }
        assert_eq!(waiting(&mut index, "b"), [3]);
        assert_eq!(waiting(&mut index, "a.us"), [2]);
        assert_eq!(waiting(&mut index, "a.eu"), [0]);
        assert!(waiting(&mut index, "a.eu").is_empty());
    }

    #[test]
    fn a_consumer_that_waits_again_is_noted_once() {
        let mut index = FilterIndex::default();
        let mut refs = index.insert(7, ["a", "b"].into_iter());
        index.wait(7, &mut refs);
        let mut taken = Vec::new();
        index.take_waiting(b"a", &mut taken);
        for (_, id) in taken {
            forget(&mut refs, id);
        }
        index.wait(7, &mut refs);
        assert_eq!(waiting(&mut index, "b"), [7]);
        assert_eq!(waiting(&mut index, "a"), [7]);
    }

    #[test]
    fn a_filter_ends_with_its_last_consumer() {
        let mut index = FilterIndex::default();
        let (first, second) = (index.insert(0, ["a"].into_iter()), index.insert(1, ["a"].into_iter()));
        index.remove(0, &first);
        assert!(index.wants(b"a"));
        index.remove(1, &second);
        assert!(!index.wants(b"a"));
        let _third = index.insert(2, ["b"].into_iter());
        assert!(index.wants(b"b") && !index.wants(b"a"));
        assert_eq!(index.filters.len(), 1, "the room is used again");
    }
}
