//! Permissions, ready to be asked.
//!
//! A literal subject is asked by the tree of the filters. What a subscription may ask for is decided filter by filter: it
//! has to lie wholly within what is allowed, and what is denied is taken out subject by subject when something is
//! delivered to it.

use std::sync::Arc;

use embus_protocol::filter;
use embus_protocol::subject_tree::SubjectTree;

use crate::rules::{Entry, PermissionRules, Responses, RuleError, SubjectRules};

/// What one user may do.
#[derive(Debug, Default)]
pub struct Permissions {
    rules: PermissionRules,
    publish_allow: Option<Filters>,
    publish_deny: Filters,
    subscribe_allow: Option<Filters>,
    subscribe_deny: Filters,
}

/// One list.
#[derive(Debug, Default)]
struct Filters {
    /// Entries without a queue group, to be matched.
    plain: SubjectTree<()>,
    /// The same, to be compared with other filters.
    list: Vec<Box<[u8]>>,
    queues: Vec<QueueFilter>,
}

/// An entry that speaks of a queue group; both sides may have wildcards.
#[derive(Debug)]
struct QueueFilter {
    filter: Box<[u8]>,
    queue: Box<[u8]>,
}

/// The same rules are the same permissions.
impl PartialEq for Permissions {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Permissions {
    /// Makes rules ready.
    ///
    /// # Errors
    /// [`RuleError`] for the first entry that is not a rule.
    pub fn new(rules: PermissionRules) -> Result<Self, RuleError> {
        let (publish_allow, publish_deny) = lists(&rules.publish)?;
        let (subscribe_allow, subscribe_deny) = lists(&rules.subscribe)?;
        if let Some(entry) = rules.publish.entries().find(|entry| entry.trim().contains(char::is_whitespace)) {
            return Err(RuleError::QueueInPublish(entry.clone()));
        }
        // Who may only answer may publish nothing else. [reference §1.10]
        let publish_allow = publish_allow.or_else(|| rules.responses.map(|_| Filters::default()));
        Ok(Self { rules, publish_allow, publish_deny, subscribe_allow, subscribe_deny })
    }

    /// The rules as they were written.
    pub fn rules(&self) -> &PermissionRules {
        &self.rules
    }

    /// How far answers go beyond [`may_publish`](Self::may_publish).
    pub fn responses(&self) -> Option<&Responses> {
        self.rules.responses.as_ref()
    }

    /// Whether a message to this literal subject is allowed, answers aside.
    pub fn may_publish(&self, subject: &[u8]) -> bool {
        self.publish_allow.as_ref().is_none_or(|allow| allow.plain.has_match(subject))
            && !self.publish_deny.plain.has_match(subject)
    }

    /// Whether messages to all subjects that match `filter` are allowed.
    pub fn may_publish_all(&self, filter: &[u8]) -> bool {
        self.publish_allow.as_ref().is_none_or(|allow| allow.covers(filter))
            && !self.publish_deny.list.iter().any(|denied| filter::overlap(denied, filter))
    }

    /// Whether a subscription to this filter, in this queue group, is allowed.
    ///
    /// Differs from nats-server, which allows `foo.>` to who is allowed `foo.*`: here a filter has to lie within one of
    /// those that are allowed.
    pub fn may_subscribe(&self, filter: &[u8], queue: Option<&[u8]>) -> bool {
        self.subscribe_allow.as_ref().is_none_or(|allow| allow.allow(filter, queue))
            && !self.subscribe_deny.deny(filter, queue)
    }

    /// Whether a message to this literal subject may go to such a subscription.
    #[inline]
    pub fn may_receive(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        self.subscribe_deny.is_empty() || !self.subscribe_deny.matches(subject, queue)
    }

    /// Whether some messages may be kept from a subscription that is allowed.
    pub fn filters_deliveries(&self) -> bool {
        !self.subscribe_deny.is_empty()
    }
}

impl Filters {
    fn new(entries: &[String]) -> Result<Self, RuleError> {
        let mut filters = Self::default();
        for entry in entries {
            filters.push(Entry::parse(entry)?);
        }
        Ok(filters)
    }

    fn push(&mut self, entry: Entry<'_>) {
        let filter = entry.filter.as_bytes();
        if let Some(queue) = entry.queue {
            return self.queues.push(QueueFilter { filter: filter.into(), queue: queue.as_bytes().into() });
        }
        self.plain.get_or_insert_with(&Arc::from(filter), || ());
        self.list.push(filter.into());
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty() && self.queues.is_empty()
    }

    /// Where an entry names queue groups, the subscription's has to be one of them, whatever else is allowed.
    /// [reference §1.10]
    fn allow(&self, filter: &[u8], queue: Option<&[u8]>) -> bool {
        let Some(queue) = queue else { return self.covers(filter) };
        let mut named = self.queues.iter().filter(|entry| filter::covers(&entry.filter, filter)).peekable();
        if named.peek().is_none() {
            return self.covers(filter);
        }
        named.any(|entry| filter::matches(&entry.queue, queue))
    }

    fn deny(&self, filter: &[u8], queue: Option<&[u8]>) -> bool {
        self.covers(filter)
            || queue.is_some_and(|queue| {
                let covering = |entry: &&QueueFilter| filter::covers(&entry.filter, filter);
                self.queues.iter().filter(covering).any(|entry| filter::matches(&entry.queue, queue))
            })
    }

    /// Whether a message to `subject`, whatever its tokens look like, meets an entry.
    fn matches(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        self.plain.has_match(subject)
            || queue.is_some_and(|queue| {
                let matching = |entry: &&QueueFilter| filter::matches(&entry.filter, subject);
                self.queues.iter().filter(matching).any(|entry| filter::matches(&entry.queue, queue))
            })
    }

    fn covers(&self, filter: &[u8]) -> bool {
        // Most subscriptions are literal.
        if filter::is_literal(filter) {
            return self.plain.has_match(filter);
        }
        self.list.iter().any(|wide| filter::covers(wide, filter))
    }
}

impl SubjectRules {
    fn entries(&self) -> impl Iterator<Item = &String> {
        self.allow.iter().flatten().chain(&self.deny)
    }
}

fn lists(rules: &SubjectRules) -> Result<(Option<Filters>, Filters), RuleError> {
    let allow = rules.allow.as_deref().map(Filters::new).transpose()?;
    Ok((allow, Filters::new(&rules.deny)?))
}

#[cfg(test)]
mod tests;
