//! A limit of bits per second, with a burst.

use embus_storage::message::Timestamp;

/// The rate of one push consumer.
#[derive(Debug)]
pub(super) struct Rate {
    bytes_per_second: u64,
    /// When everything sent so far is paid for.
    paid_at: Timestamp,
}

impl Rate {
    /// None if there is no limit.
    pub(super) fn new(bits_per_second: u64) -> Option<Self> {
        let bytes_per_second = (bits_per_second / 8).max(1);
        (bits_per_second > 0).then_some(Self { bytes_per_second, paid_at: Timestamp::MIN })
    }

    /// Whether so many bytes may be sent; when, if not.
    pub(super) fn check(&self, bytes: u64, now: Timestamp) -> Result<(), Timestamp> {
        // What is larger than a burst goes when nothing else is owed.
        let at = self.paid_after(bytes.min(BURST_BYTES), now).saturating_sub(self.nanos(BURST_BYTES));
        if at <= now { Ok(()) } else { Err(at) }
    }

    pub(super) fn spend(&mut self, bytes: u64, now: Timestamp) {
        self.paid_at = self.paid_after(bytes, now);
    }

    fn paid_after(&self, bytes: u64, now: Timestamp) -> Timestamp {
        self.paid_at.max(now).saturating_add(self.nanos(bytes))
    }

    fn nanos(&self, bytes: u64) -> i64 {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

/// The largest message by default. [nats-server: a burst is one message of maximal size]
const BURST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        assert!(Rate::new(0).is_none());
        let mut rate = Rate::new(8 << 20).unwrap();
        rate.spend(BURST_BYTES, 0);
        assert_eq!(rate.check(1 << 20, 0), Err(1_000_000_000));
        assert_eq!(rate.check(1 << 19, 0), Err(500_000_000));
        assert_eq!(rate.check(1 << 19, 500_000_000), Ok(()));
        rate.spend(1 << 19, 500_000_000);
        assert!(rate.check(1, 500_000_000).is_err());
        assert_eq!(rate.check(BURST_BYTES, 10_000_000_000), Ok(()));
        assert_eq!(rate.check(u64::MAX, 10_000_000_000), Ok(()));
    }
}
