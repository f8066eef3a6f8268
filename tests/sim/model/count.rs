//! What the broker's counters must show, as far as it is certain.

/// A number that lies between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl Between {
    pub(crate) fn add(&mut self, least: u64, most: u64) {
        self.least += least;
        self.most += most;
    }

    #[track_caller]
    pub(crate) fn check(self, name: &str, count: u64) {
        assert!((self.least..=self.most).contains(&count), "{name}: {count}, but it should be {self:?}");
    }
}

/// What went in and out.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) in_messages: u64,
    pub(crate) in_bytes: u64,
    pub(crate) out_messages: Between,
    pub(crate) out_bytes: Between,
}

impl Sums {
    pub(crate) fn count_in(&mut self, bytes: u64) {
        self.in_messages += 1;
        self.in_bytes += bytes;
    }

    /// So many messages and bytes were perhaps not counted as sent.
    pub(crate) fn forgive(&mut self, (messages, bytes): (u64, u64)) {
        self.out_messages.least -= messages;
        self.out_bytes.least -= bytes;
    }
}
