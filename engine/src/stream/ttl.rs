//! How long a single message stays: the values of `Nats-TTL`, and what a stream knows of messages that have one.
//! [reference §4.3, ADR-43]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use embus_storage::message::Timestamp;

use super::go_duration;

/// What a `Nats-TTL` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeToLive {
    /// So many seconds, at least one.
    Seconds(i64),
    /// For ever, whatever `max_age` says.
    Never,
}

impl TimeToLive {
    /// Reads whole seconds without a sign, a span of at least one second in Go's words, of which parts of a second
    /// don't count, or `never`.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        if value.eq_ignore_ascii_case(b"never") {
            return Some(Self::Never);
        }
        let seconds = if value.iter().all(u8::is_ascii_digit) {
            // More than a span of time in nanoseconds can hold is no TTL.
            let seconds: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
            seconds.checked_mul(SECOND)? / SECOND
        } else {
            go_duration::parse(value)? / SECOND
        };
        (seconds >= 1).then_some(Self::Seconds(seconds))
    }
}

/// The messages of a stream that expire on their own, or never do. Those that are removed otherwise stay known here
/// until their time comes or until somebody [prunes](Expiries::prune): a sequence is never given out again.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    /// Ascending.
    never: Vec<u64>,
    /// Pruning is worth it beyond so many.
    prune_at: usize,
}

impl Expiries {
    /// Notes a message stored at `time`; sequences come in ascending order.
    pub(crate) fn note(&mut self, sequence: u64, time_to_live: TimeToLive, time: Timestamp) {
        match time_to_live {
            TimeToLive::Seconds(seconds) => {
                self.note_due(sequence, time.saturating_add(seconds.saturating_mul(SECOND)));
            }
            TimeToLive::Never => self.note_never(sequence),
        }
    }

    /// Notes when a message expires.
    pub(crate) fn note_due(&mut self, sequence: u64, due: Timestamp) {
        self.due.push(Reverse((due, sequence)));
    }

    /// Notes that a message never expires.
    pub(crate) fn note_never(&mut self, sequence: u64) {
        // A recovery may tell of one twice.
        if let Err(place) = self.never.binary_search(&sequence) {
            self.never.insert(place, sequence);
        }
    }

    /// Whether `max_age` does not apply to a message.
    pub(crate) fn is_never(&self, sequence: u64) -> bool {
        self.never.binary_search(&sequence).is_ok()
    }

    /// When the next message expires.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// The message that expires first, if its time has come.
    pub(crate) fn first_due(&self, now: Timestamp) -> Option<u64> {
        self.due.peek().filter(|Reverse((due, _))| *due <= now).map(|Reverse((_, sequence))| *sequence)
    }

    /// Forgets the message that expires first.
    pub(crate) fn forget_first_due(&mut self) {
        self.due.pop();
    }

    /// Whether so many messages are known that [`prune`](Self::prune) pays.
    pub(crate) fn wants_pruning(&self) -> bool {
        self.due.len() + self.never.len() > self.prune_at.max(MIN_PRUNED)
    }

    /// Forgets the messages that are not live any more.
    pub(crate) fn prune(&mut self, mut is_live: impl FnMut(u64) -> bool) {
        self.due.retain(|Reverse((_, sequence))| is_live(*sequence));
        self.never.retain(|sequence| is_live(*sequence));
        self.due.shrink_to_fit();
        self.never.shrink_to_fit();
        self.prune_at = 2 * (self.due.len() + self.never.len());
    }

    /// Messages that expire, in ascending order of their sequences.
    pub(crate) fn all_due(&self) -> Vec<(u64, Timestamp)> {
        let mut all = self.due.iter().map(|Reverse((due, sequence))| (*sequence, *due)).collect::<Vec<_>>();
        all.sort_unstable();
        all
    }

    /// Messages that never expire, in ascending order.
    pub(crate) fn all_never(&self) -> &[u64] {
        &self.never
    }
}

pub(crate) const SECOND: i64 = 1_000_000_000;

/// Below, the dead may stay.
const MIN_PRUNED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<TimeToLive>) {
        assert_eq!(TimeToLive::parse(value.as_bytes()), expected, "{value:?}");
    }

    #[test]
    fn reads_what_nats_server_reads() {
        for (value, seconds) in [
            ("1", 1),
            ("90", 90),
            ("1s", 1),
            ("1.5s", 1),
            ("1500ms", 1),
            ("1h30m", 5400),
            (".5m", 30),
            ("+1m", 60),
            ("9223372036", 9_223_372_036),
        ] {
            check(value, Some(TimeToLive::Seconds(seconds)));
        }
        for value in ["never", "Never", "NEVER"] {
            check(value, Some(TimeToLive::Never));
        }
        for value in ["", "0", "0s", "999ms", "-5", "+5", "5 ", "\t5", "-1h", "1us", "1d", "1e3", "0x10", "9223372037"]
        {
            check(value, None);
        }
    }

    #[test]
    fn expires_in_order_of_time() {
        let mut expiries = Expiries::default();
        expiries.note(1, TimeToLive::Seconds(5), 0);
        expiries.note(2, TimeToLive::Seconds(1), 0);
        expiries.note(3, TimeToLive::Never, 0);
        expiries.note(4, TimeToLive::Seconds(i64::MAX), 0);
        assert_eq!(expiries.next(), Some(SECOND));
        assert_eq!(expiries.first_due(SECOND - 1), None);
        assert_eq!(expiries.first_due(SECOND), Some(2));
        expiries.forget_first_due();
        assert_eq!(expiries.first_due(5 * SECOND), Some(1));
        expiries.forget_first_due();
        assert_eq!(expiries.next(), Some(i64::MAX));
        assert!(expiries.is_never(3) && !expiries.is_never(4));
    }

    #[test]
    fn prunes_the_dead() {
        let mut expiries = Expiries::default();
        for sequence in 1..=1000 {
            expiries.note(sequence, TimeToLive::Seconds(60), 0);
        }
        expiries.note(1001, TimeToLive::Never, 0);
        assert!(expiries.wants_pruning());
        expiries.prune(|sequence| sequence > 900);
        assert_eq!((expiries.all_due().len(), expiries.all_never()), (100, &[1001][..]));
        assert!(!expiries.wants_pruning());
    }
}
