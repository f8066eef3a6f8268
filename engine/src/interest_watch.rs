//! Who wants to know when interest in a literal subject comes or goes: push consumers, which are active only while
//! somebody listens where they deliver to.

use std::fmt;
use std::sync::Weak;

use embus_protocol::filter_tree::FilterTree;
use parking_lot::Mutex;

use crate::stream::Key;
use crate::stream::Stream;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The watched subjects of one account.
#[derive(Default)]
pub(crate) struct InterestWatch {
    watchers: Mutex<FilterTree<Watcher>>,
    /// How many there are: read without the lock with every change of interest.
    len: AtomicUsize,
}

/// A consumer of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    pub(crate) stream: Weak<Stream>,
    pub(crate) consumer: Key,
}

impl PartialEq for Watcher {
    fn eq(&self, other: &Self) -> bool {
        self.consumer == other.consumer && Weak::ptr_eq(&self.stream, &other.stream)
    }
}

impl fmt::Debug for InterestWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterestWatch").field("len", &self.len).finish_non_exhaustive()
    }
}

impl InterestWatch {
    /// Tells `watcher` of changes from now on.
    pub(crate) fn insert(&self, subject: &[u8], watcher: Watcher) {
        self.watchers.lock().insert(subject, watcher);
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    /// Tells it no more.
    pub(crate) fn remove(&self, subject: &[u8], watcher: &Watcher) {
        if self.watchers.lock().remove(subject, watcher) {
            self.len.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Interest in these filters has come or gone. No lock may be held.
    pub(crate) fn changed<'a>(&self, filters: impl IntoIterator<Item = &'a [u8]>) {
        if self.len.load(Ordering::SeqCst) == 0 {
            return;
        }
        for watcher in self.affected(filters) {
            if let Some(stream) = watcher.stream.upgrade() {
                stream.on_interest(watcher.consumer);
            }
        }
    }

    fn affected<'a>(&self, filters: impl IntoIterator<Item = &'a [u8]>) -> Vec<Watcher> {
        let watchers = self.watchers.lock();
        let mut affected = Vec::new();
        for wanted in filters {
            watchers.visit_overlaps(wanted, |watcher| {
                affected.push(watcher.clone());
                true
            });
        }
        affected
    }
}
