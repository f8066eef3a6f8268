//! Who gets a message on one subject: the result of a match, ready to deliver from.

use std::ops::Range;

use embus_protocol::encode;

use crate::sink::Sink;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// One subscription to deliver to, with the start of its frame already written.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) subscription: Arc<Subscription>,
    /// Its part of the route's prefixes: `HMSG <subject> <sid> `, empty for in-process subscribers.
    prefix: Range<u32>,
}

/// The subscriptions that want one subject: each plain one gets the message, of each queue group one member does.
#[derive(Debug, Default)]
pub(crate) struct Route {
    plain: Vec<Destination>,
    /// Members of all queue groups, sorted by group.
    members: Vec<Destination>,
    groups: Vec<Range<usize>>,
    prefixes: Vec<u8>,
}

impl Route {
    /// Forgets everything but its memory.
    pub(crate) fn clear(&mut self) {
        self.plain.clear();
        self.members.clear();
        self.groups.clear();
        self.prefixes.clear();
    }

    /// Adds a subscription that wants `subject`.
    pub(crate) fn push(&mut self, subject: &[u8], subscription: &Arc<Subscription>) {
        let start = self.prefixes.len();
        if matches!(subscription.sink(), Sink::Wire(_)) {
            encode::msg_prefix(&mut self.prefixes, subject, subscription.sid().as_bytes());
        }
        let prefix = offset(start)..offset(self.prefixes.len());
        let list = if subscription.queue().is_some() { &mut self.members } else { &mut self.plain };
        list.push(Destination { subscription: Arc::clone(subscription), prefix });
    }

    /// Sorts the members by group; to be called once after the last `push`.
    pub(crate) fn finish(&mut self) {
        self.members.sort_by(|a, b| a.subscription.queue().cmp(&b.subscription.queue()));
        let mut start = 0;
        for group in self.members.chunk_by(|a, b| a.subscription.queue() == b.subscription.queue()) {
            self.groups.push(start..start + group.len());
            start += group.len();
        }
    }

    /// Plain subscriptions.
    #[inline]
    pub(crate) fn plain(&self) -> &[Destination] {
        &self.plain
    }

    /// The members of each queue group.
    #[inline]
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[Destination]> {
        self.groups.iter().map(|group| &self.members[group.clone()])
    }

    /// How many deliveries one message makes at most.
    #[inline]
    pub(crate) fn fan_out(&self) -> usize {
        self.plain.len() + self.groups.len()
    }

    /// How many subscriptions it holds on to.
    pub(crate) fn held(&self) -> usize {
        self.plain.len() + self.members.len()
    }

    /// The frame prefix of one destination: `HMSG <subject> <sid> `.
    #[inline]
    pub(crate) fn prefix(&self, destination: &Destination) -> &[u8] {
        &self.prefixes[destination.prefix.start as usize..destination.prefix.end as usize]
    }
}

/// Prefixes of one route stay far below 4 GiB: each is at most two control lines long, and a route that large would
/// have exhausted memory before. Saturating makes an impossible one fail loudly on use instead of aliasing another.
fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
