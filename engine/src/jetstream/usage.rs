//! What the streams of one storage type hold together, beside what they may hold. Every stream adds its share as it
//! changes, once per turn; a publish asks before it stores, and says what its stream has not reported yet. Atomics only.

use std::path::PathBuf;

use embus_storage::medium::Medium;

use crate::stream::core::Headroom;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all streams of an account in memory, or of all on disk.
///
/// A stream reports what it counts as with [`set`](Self::set), and with a last `set(old, 0)` when it ends; in between
/// [`used`](Self::used) is their sum.
#[derive(Debug)]
pub struct Usage {
    used: AtomicU64,
    account_limit: u64,
    server: Arc<ServerUsage>,
}

/// The same of all accounts together.
#[derive(Debug)]
pub struct ServerUsage {
    used: AtomicU64,
    limit: AtomicU64,
    /// Where the limit is a share of what the disk has: the disk.
    disk: Option<Disk>,
}

/// A directory on a disk.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) medium: Arc<dyn Medium>,
    pub(crate) dir: PathBuf,
}

impl Usage {
    /// Nothing yet, of an account that is alone. Limits are in bytes; the one of the account is `u64::MAX` without one.
    pub fn new(account_limit: u64, server_limit: u64) -> Self {
        Self::within(account_limit, Arc::new(ServerUsage::new(server_limit)))
    }

    /// Nothing yet, beside other accounts.
    pub(crate) fn within(account_limit: u64, server: Arc<ServerUsage>) -> Self {
        Self { used: AtomicU64::new(0), account_limit, server }
    }

    /// A stream that counted as `old` bytes counts as `new` from now on.
    #[inline]
    pub fn set(&self, old: u64, new: u64) {
        for used in [&self.used, &self.server.used] {
            if new >= old {
                used.fetch_add(new - old, Ordering::Relaxed);
            } else {
                used.fetch_sub(old - new, Ordering::Relaxed);
            }
        }
    }

    /// Bytes of all streams of the account together.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// What all streams of all accounts may hold before the broker stores no more.
    pub fn server_limit(&self) -> u64 {
        self.server.limit()
    }

    /// Reckons the limit anew where it depends on what else is on the disk.
    pub(crate) fn refresh(&self) {
        self.server.look_at_disk(self.server.used());
    }

    /// What is left for messages to come of a stream that counts as `own` bytes now and last reported `counted`.
    #[inline]
    pub fn headroom(&self, counted: u64, own: u64) -> Headroom {
        let with_own = |used: u64| used.saturating_add(own).saturating_sub(counted);
        let all = with_own(self.server.used());
        Headroom {
            server_full: all > self.server_limit() && self.server.is_still_full(all),
            account_bytes: self.account_limit.saturating_sub(with_own(self.used())),
        }
    }
}

impl ServerUsage {
    pub(crate) fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit: AtomicU64::new(limit), disk: None }
    }

    /// Nothing yet, and `used` bytes to come on a disk of which all streams may have the usual share.
    pub(crate) fn on_disk(disk: Disk, used: u64) -> Self {
        let usage = Self { disk: Some(disk), ..Self::new(UNKNOWN_DISK) };
        usage.look_at_disk(used);
        usage
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    // Differs from nats-server, which takes its share of what is free at the start, once: a store that fills most of its
    // disk would refuse every message after a restart, and go on doing so when there is room again.
    fn look_at_disk(&self, used: u64) {
        let free = self.disk.as_ref().and_then(|disk| disk.medium.free_bytes(&disk.dir).ok());
        if let Some(free) = free {
            self.limit.store(most_of(free.saturating_add(used)), Ordering::Relaxed);
        }
    }

    #[cold]
    fn is_still_full(&self, used: u64) -> bool {
        self.look_at_disk(used);
        used > self.limit()
    }
}

/// For a disk that does not say what it has free. [reference §10]
const UNKNOWN_DISK: u64 = 1 << 40;

/// The share of a machine that streams may have by default. [reference §10]
pub(crate) fn most_of(bytes: u64) -> u64 {
    bytes / 4 * 3
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
        assert!(!usage.headroom(0, 0).server_full);
        assert!(usage.headroom(10, 11).server_full);
        usage.set(10, 11);
        assert!(usage.headroom(11, 11).server_full);
    }

    #[test]
    fn accounts_share_what_the_server_has() {
        let server = Arc::new(ServerUsage::new(10));
        let (one, other) = (Usage::within(8, Arc::clone(&server)), Usage::within(u64::MAX, server));
        one.set(0, 4);
        other.set(0, 7);
        assert_eq!((one.used(), other.used()), (4, 7));
        assert_eq!(one.headroom(4, 4), Headroom { server_full: true, account_bytes: 4 });
        other.set(7, 0);
        assert_eq!(one.headroom(4, 5), Headroom { server_full: false, account_bytes: 3 });
    }

    #[test]
    fn an_account_refuses_what_would_be_too_much() {
        let usage = Usage::new(10, 1000);
        usage.set(0, 6);
        assert_eq!(usage.headroom(6, 6), Headroom { server_full: false, account_bytes: 4 });
        assert_eq!(usage.headroom(6, 9), Headroom { server_full: false, account_bytes: 1 });
    }
}
