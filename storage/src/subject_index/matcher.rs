//! A filter that many names are held against.

use embus_protocol::filter;

/// A filter, prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    filter: Box<[u8]>,
    /// So many bytes at its head, whole tokens with their dots, stand for themselves: comparing them first turns most
    /// names away cheaply.
    literal: usize,
    is_literal: bool,
}

impl Matcher {
    /// Of a filter, literal or not.
    pub fn new(filter: &[u8]) -> Self {
        let is_literal = filter::is_literal(filter);
        let is_wildcard = |token: &&[u8]| matches!(*token, b"*" | b">");
        let head = filter::tokens(filter).take_while(|token| !is_wildcard(token)).map(|token| token.len() + 1).sum();
        Self { filter: filter.into(), literal: if is_literal { filter.len() } else { head }, is_literal }
    }

    /// The filter itself.
    pub fn filter(&self) -> &[u8] {
        &self.filter
    }

    /// Whether it matches `subject`; a literal filter matches the same bytes only.
    pub fn matches(&self, subject: &[u8]) -> bool {
        if self.is_literal {
            return *self.filter == *subject;
        }
        subject.starts_with(&self.filter[..self.literal]) && filter::matches(&self.filter, subject)
    }
}
