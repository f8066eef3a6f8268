//! What one reader has to get, in order: the other end of a connection, or an in-process subscription.
//!
//! Every expectation has a stamp, the point in the run's order at which the broker did it. A reader sees stamps rise:
//! that is order per publisher and more. What is passed over is lost, unless it was one of several ways to go.

use std::collections::BTreeMap;

/// Index of a [`Choice`](crate::model::Choice).
pub(crate) type ChoiceId = usize;

/// Something that a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A control line.
    Control(Control),
    /// A message, or (`is_status`) the word that nobody took it; with a choice only perhaps.
    Message { id: u64, is_status: bool, with_headers: bool, choice: Option<ChoiceId> },
}

/// A control line of the broker. PINGs are not foretold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    Info,
    Ok,
    Err(String),
    Pong,
}

/// What one subscription has had since it started, and, if it is a member of a queue group with a maximum, from when on
/// it may have no more than that.
#[derive(Debug, Clone, Copy)]
struct Count {
    start: u64,
    received: u64,
    limit: Option<(u64, u64)>,
}

/// The expectations of one reader.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    entries: BTreeMap<(u64, u64), Entry>,
    /// The reader's stream broke off, or it stopped reading: what is missing says nothing.
    pub(crate) is_broken: bool,
    /// The reader's queue is small: messages may be missing, and are counted.
    pub(crate) may_drop: bool,
    /// Messages passed over in a queue that may drop: those that were due, and those that were perhaps.
    missed: u64,
    perhaps_missed: u64,
    counts: BTreeMap<u64, Count>,
}

impl Inbox {
    pub(crate) fn new(may_drop: bool) -> Self {
        Self { may_drop, ..Self::default() }
    }

    pub(crate) fn expect_control(&mut self, stamp: u64, control: Control) {
        self.entries.insert((stamp, 0), Entry::Control(control));
    }

    pub(crate) fn expect_message(&mut self, stamp: u64, sid: u64, entry: Entry) {
        let before = self.entries.insert((stamp, sid), entry);
        assert!(before.is_none(), "one message, one subscription, one delivery");
    }

    /// A subscription starts.
    pub(crate) fn start(&mut self, stamp: u64, sid: u64) {
        self.counts.insert(sid, Count { start: stamp, received: 0, limit: None });
    }

    /// It wants no more than `max` messages in all.
    pub(crate) fn limit(&mut self, stamp: u64, sid: u64, max: u64) {
        if let Some(count) = self.counts.get_mut(&sid) {
            count.limit = Some((stamp, max));
        }
    }

    /// The next thing was a control line.
    pub(crate) fn receive_control(&mut self, control: &Control) {
        let next = self.entries.iter().find(|(_, entry)| matches!(entry, Entry::Control(_)));
        let Some((&key, entry)) = next else { panic!("{control:?} came unasked") };
        assert_eq!(*entry, Entry::Control(control.clone()), "another control line was due");
        self.entries.remove(&key);
        self.pass_over(key.0);
    }

    /// The next thing was a message; returns what was known of it.
    pub(crate) fn receive_message(&mut self, stamp: u64, sid: u64) -> Entry {
        let entry = self.entries.remove(&(stamp, sid));
        let entry = entry.unwrap_or_else(|| panic!("not due: sent twice, overtaken, or after its UNSUB"));
        self.pass_over(stamp);
        if let Some(count) = self.counts.get_mut(&sid).filter(|count| stamp > count.start) {
            count.received += 1;
            let is_allowed = count.limit.is_none_or(|(since, max)| stamp <= since || count.received <= max);
            assert!(is_allowed, "more messages than the subscription wanted");
        }
        entry
    }

    /// Nothing from before `stamp` comes any more.
    fn pass_over(&mut self, stamp: u64) {
        while let Some(first) = self.entries.first_entry().filter(|first| first.key().0 < stamp) {
            let key = *first.key();
            match first.remove() {
                Entry::Message { choice: Some(_), .. } => self.perhaps_missed += 1,
                Entry::Message { .. } if self.may_drop => self.missed += 1,
                entry => panic!("lost, or overtaken: {entry:?} at {key:?}"),
            }
        }
    }

    /// The reader has read everything.
    pub(crate) fn finish(&mut self) {
        if self.is_broken {
            self.entries.clear();
        }
        self.pass_over(u64::MAX);
    }

    /// Between how many and how many messages the queue must have dropped, once everything is read.
    pub(crate) fn missed(&self) -> (u64, u64) {
        (self.missed, self.missed + self.perhaps_missed)
    }
}
