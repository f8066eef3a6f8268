//! What is known of the messages of one stream.

use std::collections::BTreeMap;

/// All messages that ever got a sequence, as far as somebody was told.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub(super) entries: BTreeMap<u64, Entry>,
    /// What was there when it was looked at last.
    pub(super) present: BTreeMap<u64, &'static str>,
    /// Somebody asked for a purge since then: it may yet take what comes.
    pub(super) is_purging: bool,
    /// The last sequence that was given out when everything was looked at.
    pub(super) last: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: usize,
    pub(super) subject: &'static str,
    pub(super) presence: Presence,
}

/// Whether a message is in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    /// Somebody gave a reason to remove it.
    Doubtful,
    Gone,
}

impl Stock {
    pub(super) fn is_here(&self, sequence: u64) -> bool {
        self.entries.get(&sequence).is_some_and(|entry| entry.presence == Presence::Here)
    }

    /// There is a reason for it to be gone.
    pub(super) fn doubt(&mut self, sequence: u64) {
        if let Some(entry) = self.entries.get_mut(&sequence).filter(|entry| entry.presence == Presence::Here) {
            entry.presence = Presence::Doubtful;
        }
    }

    pub(super) fn doubt_all(&mut self) {
        let sequences: Vec<u64> = self.entries.keys().copied().collect();
        for sequence in sequences {
            self.doubt(sequence);
        }
    }

    /// Somebody was told that a message has this sequence.
    pub(super) fn own(&mut self, sequence: u64, number: usize, subject: &'static str) {
        let presence = if self.is_purging { Presence::Doubtful } else { Presence::Here };
        let entry = self.entries.entry(sequence).or_insert(Entry { number, subject, presence });
        assert_eq!(entry.number, number, "sequence {sequence} was given to two messages");
    }

    /// Those that are there, as far as is known.
    pub(super) fn here(&self) -> impl Iterator<Item = (u64, &'static str)> {
        let here = self.entries.iter().filter(|(_, entry)| entry.presence == Presence::Here);
        here.map(|(sequence, entry)| (*sequence, entry.subject))
    }
}
