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
    /// Subscriptions of imports: the message goes on in other accounts.
    crossings: Vec<Arc<Subscription>>,
    prefixes: Vec<u8>,
    /// `HMSG <subject> ` for a long subject: once, and not in every prefix.
    head: Vec<u8>,
}

impl Route {
    /// Forgets everything but its memory.
    pub(crate) fn clear(&mut self) {
        self.plain.clear();
        self.members.clear();
        self.groups.clear();
        self.crossings.clear();
        self.prefixes.clear();
        self.head.clear();
        if self.prefixes.capacity() > KEPT_PREFIX_BYTES || self.plain.capacity() > KEPT_DESTINATIONS {
            *self = Self::default();
        }
    }

    /// Adds a subscription that wants `subject`, if its client may have that: who may not is no member of a queue group
    /// either.
    pub(crate) fn push(&mut self, subject: &[u8], subscription: &Arc<Subscription>) {
        if !subscription.may_receive(subject) {
            return;
        }
        let start = self.prefixes.len();
        match subscription.sink() {
            Sink::Wire(_) => self.push_prefix(subject, subscription.sid().as_bytes()),
            Sink::Crossing(_) => return self.crossings.push(Arc::clone(subscription)),
            _ => {}
        }
        let prefix = offset(start)..offset(self.prefixes.len());
        let list = if subscription.queue().is_some() { &mut self.members } else { &mut self.plain };
        list.push(Destination { subscription: Arc::clone(subscription), prefix });
    }

    fn push_prefix(&mut self, subject: &[u8], sid: &[u8]) {
        if subject.len() <= MAX_REPEATED_SUBJECT_BYTES {
            return encode::msg_prefix(&mut self.prefixes, subject, sid);
        }
        if self.head.is_empty() {
            self.head.extend_from_slice(b"HMSG ");
            self.head.extend_from_slice(subject);
            self.head.push(b' ');
        }
        self.prefixes.extend_from_slice(sid);
        self.prefixes.push(b' ');
    }

    /// Bytes of memory that a route of this size should not keep for long.
    pub(crate) fn is_oversized(&self) -> bool {
        self.prefixes.len() > KEPT_PREFIX_BYTES || self.held() > KEPT_DESTINATIONS
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
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[Destination]> + Clone {
        self.groups.iter().map(|group| &self.members[group.clone()])
    }

    /// The one subscription, if there is but one and it is a wire client's.
    #[inline]
    pub(crate) fn only_wire(&self) -> Option<&Arc<Subscription>> {
        match (&self.plain[..], &self.groups[..], &self.crossings[..]) {
            ([only], [], []) => Some(&only.subscription).filter(|only| matches!(only.sink(), Sink::Wire(_))),
            _ => None,
        }
    }

    /// How many deliveries one message makes at most.
    #[inline]
    pub(crate) fn fan_out(&self) -> usize {
        self.plain.len() + self.groups.len() + self.crossings.len()
    }

    /// How many subscriptions it holds on to.
    pub(crate) fn held(&self) -> usize {
        self.plain.len() + self.members.len() + self.crossings.len()
    }

    /// Subscriptions of imports.
    #[inline]
    pub(crate) fn crossings(&self) -> &[Arc<Subscription>] {
        &self.crossings
    }

    /// All subscriptions of this account.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.plain.iter().chain(&self.members).map(|destination| &destination.subscription)
    }

    /// Writes the start of one destination's frame, `HMSG <subject> <sid> ` or the same from the `M` on.
    #[inline]
    pub(crate) fn write_prefix(&self, destination: &Destination, with_headers: bool, out: &mut Vec<u8>) {
        let skip = usize::from(!with_headers);
        let own = &self.prefixes[destination.prefix.start as usize..destination.prefix.end as usize];
        if self.head.is_empty() {
            out.extend_from_slice(&own[skip..]);
        } else {
            out.extend_from_slice(&self.head[skip..]);
            out.extend_from_slice(own);
        }
    }
}

/// A subject up to this length stands in every prefix: one copy less per delivery.
const MAX_REPEATED_SUBJECT_BYTES: usize = 256;

/// A route beyond either of these is dropped at the end of the turn instead of being kept for the next.
const KEPT_PREFIX_BYTES: usize = 1024 * 1024;
const KEPT_DESTINATIONS: usize = 16 * 1024;

/// Prefixes of one route stay far below 4 GiB, which ten million subscriptions to one subject would take. Saturating
/// makes an impossible one fail loudly on use instead of aliasing another.
fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
