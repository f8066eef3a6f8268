//! Reply subjects that a client may publish to because a request came to it. [nats-server: `allow_responses`]

use std::collections::{HashMap, VecDeque};

use embus_auth::Responses;

use crate::clock::Monotonic;

/// The grants of one client.
#[derive(Debug)]
pub(crate) struct Grants {
    rules: Responses,
    open: HashMap<Box<[u8]>, Grant>,
    /// In the order in which they end; some may have been used up, or given again, meanwhile.
    order: VecDeque<(Monotonic, Box<[u8]>)>,
    bytes: usize,
}

#[derive(Debug)]
struct Grant {
    left: Option<u64>,
    until: Monotonic,
}

/// Memory for the requests that one client has not answered; beyond it, the oldest may not be answered any more.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a grant costs beside its subject, which is held twice.
const BYTES_EACH: usize = 128;

impl Grants {
    pub(crate) fn new(rules: Responses) -> Self {
        Self { rules, open: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// A request with this reply subject goes to the client.
    pub(crate) fn give(&mut self, reply: &[u8], now: Monotonic) {
        let until = now + self.rules.ttl;
        self.open.insert(reply.into(), Grant { left: self.rules.max, until });
        self.order.push_back((until, reply.into()));
        self.bytes += cost(reply);
        self.forget(now);
    }

    /// Whether the client may publish to `subject` once more, and counts that.
    pub(crate) fn take(&mut self, subject: &[u8], now: Monotonic) -> bool {
        self.forget(now);
        let Some(grant) = self.open.get_mut(subject) else { return false };
        let Some(left) = &mut grant.left else { return true };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.open.remove(subject);
        }
        true
    }

    fn forget(&mut self, now: Monotonic) {
        while self.order.front().is_some_and(|(until, _)| *until <= now || self.bytes > MAX_BYTES) {
            let Some((until, subject)) = self.order.pop_front() else { return };
            self.bytes -= cost(&subject);
            // One that was given again ends with its last request.
            if self.open.get(&subject).is_some_and(|grant| grant.until == until) {
                self.open.remove(&subject);
            }
        }
    }
}

fn cost(subject: &[u8]) -> usize {
    2 * subject.len() + BYTES_EACH
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::new(Duration::from_secs(seconds))
    }

    fn grants(max: Option<u64>) -> Grants {
        Grants::new(Responses { max, ttl: Duration::from_secs(10) })
    }

    #[test]
    fn each_request_may_be_answered_as_often_as_the_rule_says() {
        let mut grants = grants(Some(2));
        grants.give(b"r.1", at(0));
        assert_eq!([(); 3].map(|()| grants.take(b"r.1", at(1))), [true, true, false]);
        assert!(!grants.take(b"r.2", at(1)));
    }

    #[test]
    fn any_number_means_until_the_time_is_over() {
        let mut grants = grants(None);
        grants.give(b"r.1", at(0));
        assert!((0..100).all(|_| grants.take(b"r.1", at(9))));
        assert!(!grants.take(b"r.1", at(10)));
    }

    #[test]
    fn a_second_request_gives_new_time() {
        let mut grants = grants(Some(1));
        grants.give(b"r.1", at(0));
        grants.give(b"r.1", at(5));
        assert!(grants.take(b"r.1", at(12)));
        assert!(!grants.take(b"r.1", at(12)));
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let mut grants = grants(Some(1));
        let reply = |number: usize| format!("{number:04000}").into_bytes();
        (0..4000).for_each(|number| grants.give(&reply(number), at(0)));
        assert!(grants.bytes <= MAX_BYTES);
        assert!(!grants.take(&reply(0), at(1)) && grants.take(&reply(3999), at(1)));
        grants.forget(at(10));
        assert_eq!((grants.bytes, grants.open.len(), grants.order.len()), (0, 0, 0));
    }
}
