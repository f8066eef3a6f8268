//! What is known of the messages of one stream.

use std::collections::BTreeMap;

/// All messages that ever got a sequence, as far as somebody was told.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    entries: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: usize,
    pub(crate) subject: &'static str,
    pub(crate) presence: Presence,
    /// Somebody asked to remove it since all was looked at last: consumers that saw it gone go back to it if it is not.
    pub(crate) is_doubted: bool,
}

/// Whether a message is in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    /// Somebody asked to remove it, and does not know whether it was done.
    Doubtful,
    /// It is there, but the end of the power took a removal of it back that was told: consumers may be over with it.
    Back,
    Gone,
}

impl Stock {
    pub(crate) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(&sequence)
    }

    pub(crate) fn is_here(&self, sequence: u64) -> bool {
        self.presence(sequence) == Presence::Here
    }

    pub(crate) fn presence(&self, sequence: u64) -> Presence {
        self.entries.get(&sequence).map_or(Presence::Gone, |entry| entry.presence)
    }

    pub(crate) fn set(&mut self, sequence: u64, presence: Presence) {
        if let Some(entry) = self.entries.get_mut(&sequence) {
            entry.presence = presence;
            entry.is_doubted |= presence == Presence::Doubtful;
        }
    }

    /// Everything was looked at: nobody goes back any more.
    pub(crate) fn settle(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.is_doubted = false);
    }

    /// Somebody was told that a message has this sequence.
    pub(crate) fn own(&mut self, sequence: u64, number: usize, subject: &'static str) {
        let entry = self.entries.entry(sequence).or_insert(Entry {
            number,
            subject,
            presence: Presence::Here,
            is_doubted: false,
        });
        assert_eq!(entry.number, number, "sequence {sequence} was given to two messages");
        let before = self.entries.range(..sequence).next_back();
        assert!(before.is_none_or(|(_, before)| before.number < number), "{number} at {sequence} is out of order");
        let behind = self.entries.range(sequence + 1..).next();
        assert!(behind.is_none_or(|(_, behind)| behind.number > number), "{number} at {sequence} is out of order");
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        self.range(0, u64::MAX)
    }

    /// From the first to below the second.
    pub(crate) fn range(&self, from: u64, below: u64) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        let range = if from < below { from..below } else { 0..0 };
        self.entries.range(range).map(|(sequence, entry)| (*sequence, entry))
    }
}
