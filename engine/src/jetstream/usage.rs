//! What the streams of one storage type hold together, beside what they may hold. Every stream adds its share as it
//! changes; a publish asks before it stores. Atomics only: both happen with each message.

use crate::stream::core::Headroom;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all streams in memory, or of all on disk.
///
/// A stream reports what it counts as with [`set`](Self::set), and with a last `set(old, 0)` when it ends; in between
/// [`used`](Self::used) is their sum.
#[derive(Debug)]
pub struct Usage {
    used: AtomicU64,
    account_limit: u64,
    server_limit: u64,
}

impl Usage {
    /// Nothing yet. Limits are in bytes; the one of the account is `u64::MAX` without one.
    pub fn new(account_limit: u64, server_limit: u64) -> Self {
        Self { used: AtomicU64::new(0), account_limit, server_limit }
    }

    /// A stream that counted as `old` bytes counts as `new` from now on.
    #[inline]
    pub fn set(&self, old: u64, new: u64) {
        if new >= old {
            self.used.fetch_add(new - old, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(old - new, Ordering::Relaxed);
        }
    }

    /// Bytes of all streams together.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// What all streams together may hold before the broker stores no more.
    pub fn server_limit(&self) -> u64 {
        self.server_limit
    }

    /// Whether there is more than the limits allow: nothing is stored until that changes.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.used() > self.account_limit.min(self.server_limit)
    }

    /// What is left of it.
    #[inline]
    pub fn headroom(&self) -> Headroom {
        let used = self.used();
        let account_bytes = match self.account_limit {
            u64::MAX => u64::MAX,
            limit => limit.saturating_sub(used),
        };
        Headroom { server_full: used > self.server_limit, account_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_streams_add_up() {
        let usage = Usage::new(u64::MAX, 1000);
        usage.set(0, 10);
        usage.set(0, 7);
        usage.set(10, 3);
        assert_eq!(usage.used(), 10);
        usage.set(3, 0);
        usage.set(7, 0);
        assert_eq!(usage.used(), 0);
    }

    #[test]
    fn a_full_server_refuses_once_it_is_over() {
        let usage = Usage::new(u64::MAX, 10);
        usage.set(0, 10);
        assert!(!usage.is_over());
        assert!(!usage.headroom().server_full);
        usage.set(10, 11);
        assert!(usage.is_over());
        assert_eq!(usage.headroom(), Headroom { server_full: true, account_bytes: u64::MAX });
    }

    #[test]
    fn an_account_refuses_what_would_be_too_much() {
        let usage = Usage::new(10, 1000);
        usage.set(0, 6);
        assert_eq!(usage.headroom(), Headroom { server_full: false, account_bytes: 4 });
    }
}
