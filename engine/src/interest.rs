//! Who is interested in which subjects: the subject tree of one account, with a list of subscriptions per filter.

use std::collections::BTreeMap;

use embus_protocol::subject_tree::SubjectTree;

use crate::connection::INTERNAL;
use crate::sink::Sink;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// The subscriptions of one account.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    tree: SubjectTree<Subscribers>,
    /// Those of clients.
    subscriptions: usize,
    /// Those of the broker itself.
    internal: usize,
    /// Those that see what clients ask the broker for, but for the broker's own services.
    observers: usize,
}

/// The subscriptions to one filter. Most filters have one: that one costs no list.
#[derive(Debug)]
enum Subscribers {
    One(Arc<Subscription>),
    Many(Box<SubscriberLists>),
}

/// Several subscriptions to one filter: plain ones, and the members of each queue group by its name.
#[derive(Debug, Default)]
struct SubscriberLists {
    plain: Vec<Arc<Subscription>>,
    queues: BTreeMap<Box<[u8]>, Vec<Arc<Subscription>>>,
}

impl Interest {
    /// Adds a subscription.
    pub(crate) fn insert(&mut self, subscription: Arc<Subscription>) {
        self.note(&subscription, 1);
        let filter = Arc::clone(subscription.filter());
        match self.tree.get_mut(&filter) {
            Some(subscribers) => subscribers.push(subscription),
            None => {
                self.tree.get_or_insert_with(&filter, || Subscribers::One(subscription));
            }
        }
    }

    /// Takes a subscription out; says whether it was there.
    pub(crate) fn remove(&mut self, subscription: &Arc<Subscription>) -> bool {
        let Some(subscribers) = self.tree.get_mut(subscription.filter()) else { return false };
        let Some(empty) = subscribers.remove(subscription) else { return false };
        if empty {
            self.tree.remove(subscription.filter());
        }
        self.note(subscription, -1);
        true
    }

    /// Calls `visit` for each subscription that wants `subject`.
    pub(crate) fn for_each_match<'a>(&'a self, subject: &[u8], mut visit: impl FnMut(&'a Arc<Subscription>)) {
        self.tree.for_each_match(subject, |subscribers| subscribers.for_each(&mut visit));
    }

    /// Calls `visit` for each subscription with a wildcard that wants `prefix` and one more token, whichever that is;
    /// false where it depends on that token.
    pub(crate) fn for_each_match_below<'a>(
        &'a self,
        prefix: &[u8],
        mut visit: impl FnMut(&'a Arc<Subscription>),
    ) -> bool {
        self.tree.for_each_match_below(prefix, |subscribers| subscribers.for_each(&mut visit))
    }

    /// Whether somebody wants exactly this subject.
    #[inline]
    pub(crate) fn has_literal(&self, subject: &[u8]) -> bool {
        self.tree.has_literal(subject)
    }

    /// Whether anyone wants `subject`.
    pub(crate) fn has_match(&self, subject: &[u8]) -> bool {
        self.tree.has_match(subject)
    }

    /// How many subscriptions clients have.
    pub(crate) fn len(&self) -> usize {
        self.subscriptions
    }

    /// How many different filters there are, but for the broker's own. One that a client has, too, is not counted.
    pub(crate) fn filters(&self) -> usize {
        self.tree.len().saturating_sub(self.internal)
    }

    /// How many subscriptions see acknowledgements and requests that are recognised without them.
    pub(crate) fn observers(&self) -> usize {
        self.observers
    }

    fn note(&mut self, subscription: &Subscription, change: isize) {
        if sees_requests(subscription.filter()) && !matches!(subscription.sink(), Sink::Service(_)) {
            self.observers = self.observers.saturating_add_signed(change);
        }
        let is_internal = subscription.connection().id() == INTERNAL;
        let count = if is_internal { &mut self.internal } else { &mut self.subscriptions };
        *count = count.saturating_add_signed(change);
    }
}

/// Whether a filter may match subjects of the broker, other than those of its events.
fn sees_requests(filter: &[u8]) -> bool {
    if matches!(filter.first(), Some(b'*' | b'>')) {
        return true;
    }
    let Some(rest) = filter.strip_prefix(b"$JS") else { return false };
    !rest.starts_with(b".EVENT.")
}

impl Subscribers {
    fn push(&mut self, subscription: Arc<Subscription>) {
        if let Self::One(first) = self {
            let mut lists = Box::<SubscriberLists>::default();
            lists.push(Arc::clone(first));
            *self = Self::Many(lists);
        }
        if let Self::Many(lists) = self {
            lists.push(subscription);
        }
    }

    /// `Some(empty)` when `subscription` was here and is gone.
    fn remove(&mut self, subscription: &Arc<Subscription>) -> Option<bool> {
        match self {
            Self::One(only) => Arc::ptr_eq(only, subscription).then_some(true),
            Self::Many(lists) => lists.remove(subscription).then(|| lists.is_empty()),
        }
    }

    fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a Arc<Subscription>)) {
        match self {
            Self::One(only) => visit(only),
            Self::Many(lists) => {
                lists.plain.iter().for_each(&mut *visit);
                lists.queues.values().flatten().for_each(visit);
            }
        }
    }
}

impl SubscriberLists {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.queues.is_empty()
    }

    fn push(&mut self, subscription: Arc<Subscription>) {
        let list = match subscription.queue() {
            None => &mut self.plain,
            Some(queue) => self.queues.entry(queue.into()).or_default(),
        };
        subscription.set_position(list.len());
        list.push(subscription);
    }

    fn remove(&mut self, subscription: &Arc<Subscription>) -> bool {
        let Some(queue) = subscription.queue() else { return swap_out(&mut self.plain, subscription) };
        let Some(members) = self.queues.get_mut(queue) else { return false };
        let removed = swap_out(members, subscription);
        if members.is_empty() {
            self.queues.remove(queue);
        }
        removed
    }
}

/// Removes in constant time, however many subscribe to one subject: each subscription knows its place.
fn swap_out(list: &mut Vec<Arc<Subscription>>, subscription: &Arc<Subscription>) -> bool {
    let position = subscription.position();
    if !list.get(position).is_some_and(|held| Arc::ptr_eq(held, subscription)) {
        return false;
    }
    list.swap_remove(position);
    if let Some(moved) = list.get(position) {
        moved.set_position(position);
    }
    true
}

#[cfg(test)]
mod tests;
