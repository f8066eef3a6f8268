//! Which subjects a read wants.
//!
//! A read with a wildcard filter would have to hold each message's subject against it. What came of it is remembered per
//! filter and subject, two bits each, so that the next read (most filters belong to consumers, which read again and
//! again) tests a bit. Nothing is worked out before somebody asks, however many subjects there are.

use super::matcher::Matcher;
use super::names::Names;
use super::slot::Slot;
use super::{SubjectBounds, SubjectId};

/// What a read looks for.
#[derive(Debug)]
pub enum Choice<'a> {
    /// Every message.
    Any,
    /// No message.
    Nothing,
    /// The messages of one subject.
    One(SubjectId),
    /// The messages of the subjects that some filters match.
    Matching(Chosen<'a>),
}

/// The subjects that some filters match.
pub struct Chosen<'a> {
    selection: &'a mut Selection,
    names: &'a Names,
    slots: &'a [Slot],
}

impl Choice<'_> {
    /// Whether the subject is one of those.
    pub fn contains(&mut self, id: SubjectId) -> bool {
        match self {
            Self::Any => true,
            Self::Nothing => false,
            Self::One(one) => *one == id,
            Self::Matching(chosen) => chosen.contains(id),
        }
    }
}

impl Chosen<'_> {
    /// Whether the subject, one with live messages, is one of those.
    #[inline]
    pub fn contains(&mut self, SubjectId(id): SubjectId) -> bool {
        let (word, bit) = (id as usize / 64, 1_u64 << (id % 64));
        match self.selection.words.get(word) {
            Some([known, matching]) if known & bit != 0 => matching & bit != 0,
            _ => {
                let matches = self.selection.matches(self.names.get(self.slots[id as usize].name()));
                self.selection.learn(word, bit, matches);
                matches
            }
        }
    }
}

impl Chosen<'_> {
    /// Visits all of those subjects. What was not asked before is held against the filters now, once; then only those that
    /// match cost something.
    pub fn visit(&mut self, visit: &mut dyn FnMut(SubjectBounds)) {
        for (word, start) in (0..self.slots.len().div_ceil(64)).zip((0_u32..).step_by(64)) {
            self.learn(word);
            let [_, mut matching] = self.selection.words[word];
            while matching != 0 {
                let id = start + matching.trailing_zeros();
                matching &= matching - 1;
                if let Some(slot) = self.slots.get(id as usize).filter(|slot| slot.is_used()) {
                    visit(slot.bounds(SubjectId(id)));
                }
            }
        }
    }

    /// Sees to it that the answer is known for all ids of a word. One that is free is asked about when it is used again.
    fn learn(&mut self, word: usize) {
        let known = self.selection.words.get(word).map_or(0, |[known, _]| *known);
        if known == u64::MAX {
            return;
        }
        let slots = &self.slots[word * 64..self.slots.len().min(word * 64 + 64)];
        for (place, slot) in slots.iter().enumerate() {
            let bit = 1 << place;
            if known & bit == 0 {
                let matches = slot.is_used() && self.selection.matches(self.names.get(slot.name()));
                self.selection.learn(word, bit, matches);
            }
        }
    }
}

impl std::fmt::Debug for Chosen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Chosen").field(&self.selection.matchers).finish()
    }
}

/// What is known of a set of filters.
struct Selection {
    matchers: Box<[Matcher]>,
    /// A bit per id each: whether the answer is known, and what it is.
    words: Vec<[u64; 2]>,
}

impl Selection {
    fn is_for(&self, filters: &[&[u8]]) -> bool {
        self.matchers.len() == filters.len() && self.matchers.iter().zip(filters).all(|(ours, it)| ours.filter() == *it)
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.matchers.iter().any(|matcher| matcher.matches(name))
    }

    fn learn(&mut self, word: usize, bit: u64, matches: bool) {
        if self.words.len() <= word {
            self.words.resize(word + 1, [0; 2]);
        }
        let [known, matching] = &mut self.words[word];
        *known |= bit;
        *matching = if matches { *matching | bit } else { *matching & !bit };
    }
}

/// Recently used ones, the latest first.
#[derive(Default)]
pub(super) struct Selections {
    recent: Vec<Selection>,
}

impl Selections {
    pub(super) fn chosen<'a>(&'a mut self, filters: &[&[u8]], names: &'a Names, slots: &'a [Slot]) -> Chosen<'a> {
        match self.recent.iter().position(|selection| selection.is_for(filters)) {
            Some(place) => self.recent[..=place].rotate_right(1),
            None => self.start(filters),
        }
        Chosen { selection: &mut self.recent[0], names, slots }
    }

    /// The id stands for another subject now.
    pub(super) fn forget(&mut self, id: u32) {
        for selection in &mut self.recent {
            if let Some([known, _]) = selection.words.get_mut(id as usize / 64) {
                *known &= !(1 << (id % 64));
            }
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.recent.iter().map(|selection| selection.words.capacity() * size_of::<[u64; 2]>()).sum()
    }

    fn start(&mut self, filters: &[&[u8]]) {
        self.recent.truncate(MAX_SELECTIONS - 1);
        let matchers = filters.iter().map(|filter| Matcher::new(filter)).collect();
        self.recent.insert(0, Selection { matchers, words: Vec::new() });
    }
}

/// Sets of filters that are remembered per log: a quarter of a megabyte each at a million subjects.
const MAX_SELECTIONS: usize = 32;
