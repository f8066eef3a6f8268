//! Who wants to know when interest in a literal subject comes or goes: push consumers, which are active only while
//! somebody listens where they deliver to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Weak;

use embus_protocol::filter;
use parking_lot::Mutex;

use crate::stream::Key;
use crate::stream::Stream;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The watched subjects of one account.
#[derive(Default)]
pub(crate) struct InterestWatch {
    watchers: Mutex<BTreeMap<Box<[u8]>, Vec<Watcher>>>,
    /// How many there are: read without the lock with every change of interest.
    len: AtomicUsize,
}

/// A consumer of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    pub(crate) stream: Weak<Stream>,
    pub(crate) consumer: Key,
}

impl fmt::Debug for InterestWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterestWatch").field("len", &self.len).finish_non_exhaustive()
    }
}

impl InterestWatch {
    /// Tells `watcher` of changes from now on.
    pub(crate) fn insert(&self, subject: &[u8], watcher: Watcher) {
        self.watchers.lock().entry(subject.into()).or_default().push(watcher);
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    /// Tells a consumer of a stream no more.
    pub(crate) fn remove(&self, subject: &[u8], stream: &Weak<Stream>, consumer: Key) {
        let mut watchers = self.watchers.lock();
        let Some(list) = watchers.get_mut(subject) else { return };
        let before = list.len();
        list.retain(|held| held.consumer != consumer || !Weak::ptr_eq(&held.stream, stream));
        self.len.fetch_sub(before - list.len(), Ordering::SeqCst);
        if list.is_empty() {
            watchers.remove(subject);
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
            if filter::is_literal(wanted) {
                affected.extend(watchers.get(wanted).into_iter().flatten().cloned());
                continue;
            }
            let matching = watchers.iter().filter(|(subject, _)| filter::matches(wanted, subject));
            affected.extend(matching.flat_map(|(_, list)| list.iter().cloned()));
        }
        affected
    }
}
