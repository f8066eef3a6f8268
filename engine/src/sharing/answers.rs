//! Requests that went to another account and wait for their answers. There, whoever answers sees a reply subject that says
//! nothing of who asked; here it stands for the one that the requester gave.
//!
//! ```text
//! _R_.<of the import>.<of the request>
//! ```
//!
//! What is never answered goes when its time is over or when there is too much of it, the oldest first: a requester who
//! floods a service takes answers from nobody but those who ask by the same import.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;

use super::ResponseType;
use crate::clock::{Clock, Monotonic};
use crate::sync::Arc;

/// Requests by one import that wait for answers.
pub(crate) struct Answers {
    prefix: String,
    response: ResponseType,
    threshold: Duration,
    clock: Arc<dyn Clock>,
    pending: Mutex<Pending>,
}

struct Pending {
    by_token: HashMap<Box<[u8]>, Request>,
    /// Oldest first; one that was answered is still in here until its turn comes.
    order: VecDeque<Box<[u8]>>,
    bytes: usize,
    random: fastrand::Rng,
}

struct Request {
    reply: Box<[u8]>,
    until: Monotonic,
}

/// What requests of one import may take while they wait.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What one takes beside its reply subject: two tokens, two places.
const REQUEST_BYTES: usize = 128;

const TOKEN_DIGITS: usize = 12;
const PREFIX_DIGITS: usize = 6;

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Answers {
    pub(super) fn new(response: ResponseType, threshold: Duration, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let prefix = format!("_R_.{}.", String::from_utf8_lossy(&digits(&mut random, PREFIX_DIGITS)));
        let pending = Pending { by_token: HashMap::new(), order: VecDeque::new(), bytes: 0, random };
        Self { prefix, response, threshold, clock, pending: Mutex::new(pending) }
    }

    /// The filter of the subjects that answers come on.
    pub(super) fn filter(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// Where answers to a request come that are to go on to `reply`.
    pub(super) fn expect(&self, reply: &[u8]) -> Vec<u8> {
        let now = self.clock.monotonic();
        let mut pending = self.pending.lock();
        pending.make_room(now, REQUEST_BYTES + reply.len());
        let token = digits(&mut pending.random, TOKEN_DIGITS);
        pending.bytes += REQUEST_BYTES + reply.len();
        pending.order.push_back(token.as_slice().into());
        let request = Request { reply: reply.into(), until: now + self.threshold };
        pending.by_token.insert(token.as_slice().into(), request);
        [self.prefix.as_bytes(), &token].concat()
    }

    /// Nobody has the request: no answer will come.
    pub(super) fn forget(&self, subject: &[u8]) {
        if let Some(token) = subject.strip_prefix(self.prefix.as_bytes()) {
            self.pending.lock().remove(token);
        }
    }

    /// Where an answer would go on to.
    pub(super) fn look_up(&self, subject: &[u8]) -> Option<Box<[u8]>> {
        let token = subject.strip_prefix(self.prefix.as_bytes())?;
        let now = self.clock.monotonic();
        let pending = self.pending.lock();
        pending.by_token.get(token).filter(|request| request.until > now).map(|request| request.reply.clone())
    }

    /// Where an answer goes on to, if it is one that is waited for. One that is empty ends a row of them.
    pub(super) fn take(&self, subject: &[u8], is_empty: bool) -> Option<Box<[u8]>> {
        let token = subject.strip_prefix(self.prefix.as_bytes())?;
        let now = self.clock.monotonic();
        let mut pending = self.pending.lock();
        let request = pending.by_token.get_mut(token).filter(|request| request.until > now)?;
        if self.response == ResponseType::Singleton || is_empty {
            return pending.remove(token);
        }
        request.until = now + self.threshold;
        Some(request.reply.clone())
    }
}

impl Pending {
    fn remove(&mut self, token: &[u8]) -> Option<Box<[u8]>> {
        let reply = self.by_token.remove(token)?.reply;
        self.bytes -= REQUEST_BYTES + reply.len();
        Some(reply)
    }

    /// Forgets what is over, and if there is too much, what is oldest.
    fn make_room(&mut self, now: Monotonic, bytes: usize) {
        while let Some(oldest) = self.order.front() {
            let is_waited_for = self.by_token.get(oldest).is_some_and(|request| request.until > now);
            let is_full = self.bytes + bytes > MAX_BYTES || self.order.len() * REQUEST_BYTES > MAX_BYTES;
            if is_waited_for && !is_full {
                return;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.remove(&oldest);
            }
        }
    }
}

fn digits(random: &mut fastrand::Rng, count: usize) -> Vec<u8> {
    (0..count).map(|_| u8::try_from(random.alphanumeric()).unwrap_or(b'0')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Noon;

    fn answers(response: ResponseType, threshold: u64) -> Answers {
        Answers::new(response, Duration::from_secs(threshold), Arc::new(Noon), 1)
    }

    #[test]
    fn one_answer_comes_back() {
        let answers = answers(ResponseType::Singleton, 1);
        let (one, other) = (answers.expect(b"in.1"), answers.expect(b"in.2"));
        assert!(one.starts_with(b"_R_.") && one != other, "{}", String::from_utf8_lossy(&one));
        assert_eq!(answers.take(&one, false).as_deref(), Some(&b"in.1"[..]));
        assert_eq!(answers.take(&one, false), None);
        answers.forget(&other);
        assert_eq!(answers.take(&other, false), None);
        assert_eq!(answers.take(b"_R_.x.y", false), None);
        assert_eq!(answers.pending.lock().bytes, 0);
    }

    #[test]
    fn several_come_back_up_to_an_empty_one() {
        let answers = answers(ResponseType::Stream, 1);
        let subject = answers.expect(b"in");
        for is_empty in [false, false, true] {
            assert!(answers.take(&subject, is_empty).is_some());
        }
        assert_eq!(answers.take(&subject, false), None);
    }

    #[test]
    fn late_ones_do_not() {
        let answers = answers(ResponseType::Stream, 0);
        let subject = answers.expect(b"in");
        assert_eq!(answers.take(&subject, false), None);
        answers.expect(b"in");
        assert_eq!(answers.pending.lock().by_token.len(), 1);
    }

    #[test]
    fn what_waits_is_bounded() {
        let answers = answers(ResponseType::Singleton, 1000);
        let first = answers.expect(b"first");
        let reply = [b'x'; 4000];
        for _ in 0..MAX_BYTES / 4000 {
            answers.expect(&reply);
        }
        assert_eq!(answers.take(&first, false), None);
        assert!(answers.pending.lock().bytes <= MAX_BYTES);
        // Also where all are answered at once.
        for _ in 0..2 * MAX_BYTES / REQUEST_BYTES {
            let subject = answers.expect(b"");
            answers.take(&subject, false);
        }
        assert!(answers.pending.lock().order.len() <= MAX_BYTES / REQUEST_BYTES + 1);
    }
}
