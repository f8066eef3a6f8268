//! Subjects that differ in their last token and lead to one subscription: the answers to a client, which hears all of them
//! on one filter, `_INBOX.<its own>.*`, and the keys of a stream. A cache of matches by subject would miss nearly every
//! time; what such subjects have in common is matched once.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::router::Router;
use crate::subscription::Subscription;
use crate::sync::Arc;

/// The prefixes that were asked for last. Direct mapped; valid while the account's interest is unchanged.
#[derive(Debug, Default)]
pub(crate) struct SingleRoutes {
    singles: Vec<Single>,
    hasher: FixedState,
    last: usize,
}

#[derive(Debug, Default)]
struct Single {
    router: u64,
    /// Interest generation in which it was matched; 0 means never.
    generation: u64,
    /// What its subjects begin with, without the dot before the last token.
    prefix: Vec<u8>,
    /// The subscription to all of them, if it is one that nobody else listens beside.
    only: Option<Arc<Subscription>>,
}

impl Single {
    #[inline]
    fn is(&self, router: u64, generation: u64, prefix: &[u8]) -> bool {
        self.generation == generation && self.router == router && self.prefix == prefix
    }

    fn fill(&mut self, router: &Router, generation: u64, prefix: &[u8]) {
        (self.router, self.generation) = (router.id(), generation);
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix);
        self.only = router.only_below(prefix).filter(|only| only.is_unlimited());
    }
}

impl SingleRoutes {
    /// The subscription that alone wants `subject`, if it wants whatever differs from it in the last token.
    #[inline]
    pub(crate) fn find(&mut self, router: &Router, subject: &[u8]) -> Option<&Arc<Subscription>> {
        let dot = memchr::memrchr(b'.', subject)?;
        let (prefix, token) = (&subject[..dot], &subject[dot + 1..]);
        if token.is_empty() || prefix.len() > MAX_PREFIX_BYTES {
            return None;
        }
        let generation = router.generation();
        if !self.singles.get(self.last).is_some_and(|last| last.is(router.id(), generation, prefix)) {
            self.last = self.look_up(router, generation, prefix);
        }
        let only = self.singles.get(self.last)?.only.as_ref()?;
        (!router.has_literal(subject)).then_some(only)
    }

    #[allow(clippy::cast_possible_truncation, reason = "only the low bits of the hash are used")]
    fn look_up(&mut self, router: &Router, generation: u64, prefix: &[u8]) -> usize {
        if self.singles.is_empty() {
            self.singles.resize_with(PREFIXES, Single::default);
        }
        let place = (self.hasher.hash_one(prefix) ^ router.id()) as usize & (PREFIXES - 1);
        let single = &mut self.singles[place];
        if !single.is(router.id(), generation, prefix) {
            single.fill(router, generation, prefix);
        }
        place
    }

    /// What was found last.
    #[inline]
    pub(crate) fn found(&self) -> Option<&Arc<Subscription>> {
        self.singles.get(self.last)?.only.as_ref()
    }

    /// Forgets everything, memory included.
    pub(crate) fn clear(&mut self) {
        (self.singles, self.last) = (Vec::new(), 0);
    }
}

/// Prefixes of one worker, a power of two: clients that publish to streams at the same time.
const PREFIXES: usize = 128;
/// Longer ones are rare, and would make it large.
const MAX_PREFIX_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{connection, subscription};

    fn sid<'a>(singles: &'a mut SingleRoutes, router: &Router, subject: &str) -> Option<&'a str> {
        let only = singles.find(router, subject.as_bytes())?;
        std::str::from_utf8(only.sid().as_bytes()).ok()
    }

    #[test]
    fn the_client_of_an_inbox_is_found_for_all_its_subjects() {
        let (router, client) = (Router::new(1, "A"), connection(1));
        let mut singles = SingleRoutes::default();
        assert_eq!(sid(&mut singles, &router, "in.a.1"), None);
        router.subscribe(subscription(&client, "7", "in.a.*", None));
        router.subscribe(subscription(&client, "8", "in.b.>", None));
        for token in ["1", "2", "*", ">", "x"] {
            assert_eq!(sid(&mut singles, &router, &format!("in.a.{token}")), Some("7"));
            assert_eq!(sid(&mut singles, &router, &format!("in.b.{token}")), Some("8"));
        }
        for subject in ["in.a", "in.a.", "in..1", "in.a.1.2", "in", ".", ""] {
            assert_eq!(sid(&mut singles, &router, subject), None, "{subject}");
        }
        assert_eq!(sid(&mut singles, &router, "in.b.1.2"), Some("8"));
    }

    #[test]
    fn whoever_listens_beside_is_not_passed_over() {
        let (router, client) = (Router::new(1, "A"), connection(1));
        let mut singles = SingleRoutes::default();
        router.subscribe(subscription(&client, "7", "in.a.*", None));
        assert_eq!(sid(&mut singles, &router, "in.a.1"), Some("7"));
        let others = [("in.a.1", None), ("in.*.*", None), (">", None), ("*.a.1", None), ("in.a.*", Some("group"))];
        for (filter, queue) in others {
            let other = subscription(&client, "9", filter, queue);
            router.subscribe(Arc::clone(&other));
            assert_eq!(sid(&mut singles, &router, "in.a.1"), None, "{filter}");
            router.unsubscribe(&other);
            assert_eq!(sid(&mut singles, &router, "in.a.1"), Some("7"));
        }
        router.subscribe(subscription(&client, "9", "in.q.*", Some("group")));
        assert_eq!(sid(&mut singles, &router, "in.q.1"), None);
    }

    #[test]
    fn accounts_are_kept_apart() {
        let (one, other, client) = (Router::new(1, "A"), Router::new(2, "B"), connection(1));
        let mut singles = SingleRoutes::default();
        one.subscribe(subscription(&client, "7", "in.a.*", None));
        other.subscribe(subscription(&client, "8", "in.b.*", None));
        assert_eq!(sid(&mut singles, &one, "in.a.1"), Some("7"));
        assert_eq!(sid(&mut singles, &other, "in.a.1"), None);
    }
}
