//! Many filters, matched against a subject at once: the interest table of a router, and any other set of filters.
//!
//! Literal filters sit in a hash table, so one look-up finds them however many there are. Filters with wildcards sit
//! in a trie of flat arrays. Both are exact: the tree reports what [`filter::matches`] says of
//! each filter alone. A filter that is not valid may be stored and found again, but matches nothing.
//!
//! Work per match is bounded by the trie nodes whose path matches a prefix of the subject, memory beside them by the
//! number of its tokens; nothing recurses.

mod literals;
mod token;
mod trie;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::filter;
use literals::Literals;
use trie::Trie;

/// A map from filters to values, with a look-up of all filters that match a subject. Each filter has one value.
///
/// ```
/// use embus_protocol::subject_tree::SubjectTree;
///
/// let mut tree = SubjectTree::new();
/// tree.get_or_insert_with(&b"orders.*"[..].into(), || "any");
/// tree.get_or_insert_with(&b"orders.eu"[..].into(), || "europe");
/// let mut found = Vec::new();
/// tree.for_each_match(b"orders.eu", |value| found.push(*value));
/// found.sort();
/// assert_eq!(found, ["any", "europe"]);
/// ```
pub struct SubjectTree<T> {
    literals: Literals<T>,
    wildcards: Trie<T>,
    /// Filters that are not valid, kept apart so that a match never has to check what it found.
    inert: Literals<T>,
}

/// Where a filter is kept.
enum Kind {
    Literal,
    Wildcard,
    Inert,
}

impl<T> SubjectTree<T> {
    /// An empty tree; holds no memory until a filter comes.
    pub fn new() -> Self {
        Self { literals: Literals::new(), wildcards: Trie::new(), inert: Literals::new() }
    }

    /// The number of filters.
    pub fn len(&self) -> usize {
        self.literals.len() + self.wildcards.len() + self.inert.len()
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of exactly this filter.
    pub fn get(&self, filter: &[u8]) -> Option<&T> {
        match kind(filter) {
            Kind::Literal => self.literals.get(filter),
            Kind::Wildcard => self.wildcards.get(filter),
            Kind::Inert => self.inert.get(filter),
        }
    }

    /// The value of exactly this filter, to change.
    pub fn get_mut(&mut self, filter: &[u8]) -> Option<&mut T> {
        match kind(filter) {
            Kind::Literal => self.literals.get_mut(filter),
            Kind::Wildcard => self.wildcards.get_mut(filter),
            Kind::Inert => self.inert.get_mut(filter),
        }
    }

    /// The value of this filter, made by `make` if the filter is new. A literal filter is kept by reference
    /// count, not copied.
    pub fn get_or_insert_with(&mut self, filter: &Arc<[u8]>, make: impl FnOnce() -> T) -> &mut T {
        match kind(filter) {
            Kind::Literal => self.literals.get_or_insert_with(filter, make),
            Kind::Wildcard => self.wildcards.get_or_insert_with(filter, make),
            Kind::Inert => self.inert.get_or_insert_with(filter, make),
        }
    }

    /// Removes a filter and gives back its value; the room is used again.
    pub fn remove(&mut self, filter: &[u8]) -> Option<T> {
        match kind(filter) {
            Kind::Literal => self.literals.remove(filter),
            Kind::Wildcard => self.wildcards.remove(filter),
            Kind::Inert => self.inert.remove(filter),
        }
    }

    /// Calls `found` with the value of each filter that matches, the literal one first. The subject is taken
    /// literally; one with an empty token matches nothing.
    #[inline]
    pub fn for_each_match<'a>(&'a self, subject: &[u8], mut found: impl FnMut(&'a T)) {
        if let Some(value) = self.literals.get(subject) {
            found(value);
        }
        self.wildcards.for_each_match(subject, |value| {
            found(value);
            true
        });
    }

    /// Calls `found` with the value of each filter with a wildcard that matches every subject of `prefix` and one more
    /// token behind a dot; false where it depends on that token, and then what was found means nothing. A literal
    /// filter may match such a subject beside: see [`has_literal`](Self::has_literal).
    ///
    /// ```
    /// # let mut tree = embus_protocol::subject_tree::SubjectTree::new();
    /// tree.get_or_insert_with(&b"inbox.7.*"[..].into(), || "answers");
    /// let mut found = Vec::new();
    /// assert!(tree.for_each_match_below(b"inbox.7", |value| found.push(*value)));
    /// assert_eq!(found, ["answers"]);
    /// ```
    pub fn for_each_match_below<'a>(&'a self, prefix: &[u8], found: impl FnMut(&'a T)) -> bool {
        self.wildcards.for_each_match_below(prefix, found)
    }

    /// Whether there is a literal filter that matches.
    #[inline]
    pub fn has_literal(&self, subject: &[u8]) -> bool {
        self.literals.get(subject).is_some()
    }

    /// Whether any filter matches.
    pub fn has_match(&self, subject: &[u8]) -> bool {
        let mut matched = self.literals.get(subject).is_some();
        if !matched {
            self.wildcards.for_each_match(subject, |_| {
                matched = true;
                false
            });
        }
        matched
    }

    /// All filters with their values, in any order; for monitoring.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, &T)> {
        let texts = self.literals.iter().chain(self.inert.iter());
        let borrowed = texts.map(|(filter, value)| (Cow::Borrowed(filter), value));
        borrowed.chain(self.wildcards.iter().map(|(filter, value)| (Cow::Owned(filter), value)))
    }
}

fn kind(filter: &[u8]) -> Kind {
    if !filter::is_valid_filter(filter) {
        Kind::Inert
    } else if filter::is_literal(filter) {
        Kind::Literal
    } else {
        Kind::Wildcard
    }
}

impl<T> Default for SubjectTree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SubjectTree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectTree").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
