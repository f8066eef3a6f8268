//! What was published: noted down where publishers pass, without being a subscriber.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use embus_engine::service::{OwnedRequest, Request};
use embus_engine::tap::Tap;
use embus_engine::{Headers, Message as EngineMessage};
use embus_protocol::filter;
use embus_protocol::subject::Subject;
use parking_lot::Mutex;

use super::error::PublishedError;
use crate::message::Message;

/// The messages of one test broker, also over restarts.
#[derive(Debug)]
pub(super) struct Record {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Arc<OwnedRequest>>,
    bytes: usize,
    /// A message did not fit: from there on none is kept.
    is_full: bool,
    /// How often it was cleared.
    clears: u64,
    waiting: Vec<Waker>,
}

/// What a message costs beyond its bytes, so that empty ones are bounded, too.
const OVERHEAD_BYTES: usize = size_of::<OwnedRequest>() + size_of::<Arc<OwnedRequest>>();

/// How far somebody who waits has looked.
#[derive(Debug, Default)]
struct Progress {
    clears: u64,
    looked_at: usize,
    found: Vec<Arc<OwnedRequest>>,
}

impl Record {
    /// An empty one that keeps `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Everything on subjects that match `filter`.
    pub(super) fn matching(&self, filter: &str) -> Result<Vec<Message>, PublishedError> {
        check(filter)?;
        let mut progress = Progress::default();
        self.look(&self.state.lock(), filter, &mut progress)?;
        Ok(progress.found.iter().map(|message| to_message(message)).collect())
    }

    /// The first `count` of them, once they have come.
    pub(super) async fn wait_for(&self, filter: &str, count: usize) -> Result<Vec<Message>, PublishedError> {
        check(filter)?;
        let mut progress = Progress::default();
        poll_fn(|cx| self.poll_count(filter, count, &mut progress, cx)).await?;
        Ok(progress.found.iter().take(count).map(|message| to_message(message)).collect())
    }

    fn poll_count(
        &self,
        filter: &str,
        count: usize,
        progress: &mut Progress,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PublishedError>> {
        let mut state = self.state.lock();
        let looked = self.look(&state, filter, progress);
        if progress.found.len() >= count {
            return Poll::Ready(Ok(()));
        }
        if looked.is_ok() && !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        if looked.is_ok() { Poll::Pending } else { Poll::Ready(looked) }
    }

    /// Looks at what has come since the last look.
    fn look(&self, state: &State, filter: &str, progress: &mut Progress) -> Result<(), PublishedError> {
        if progress.clears != state.clears {
            *progress = Progress { clears: state.clears, ..Progress::default() };
        }
        let is_wanted = |message: &&Arc<OwnedRequest>| filter::matches(filter.as_bytes(), message.as_request().subject);
        let new = state.messages.get(progress.looked_at..).unwrap_or_default();
        progress.found.extend(new.iter().filter(is_wanted).cloned());
        progress.looked_at = state.messages.len();
        if state.is_full { Err(PublishedError::Overflow { limit: self.limit }) } else { Ok(()) }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        let waiting = std::mem::take(&mut state.waiting);
        *state = State { clears: state.clears + 1, waiting, ..State::default() };
    }
}

impl State {
    fn push(&mut self, message: &Request<'_>, limit: usize) {
        let parts = [Some(message.subject), message.reply, Some(message.headers), Some(message.payload)];
        let len = parts.into_iter().flatten().map(<[u8]>::len).sum::<usize>() + OVERHEAD_BYTES;
        if self.is_full || self.bytes.saturating_add(len) > limit {
            self.is_full = true;
            return;
        }
        self.bytes += len;
        self.messages.push(Arc::new(message.to_owned()));
    }
}

impl Tap for Record {
    fn published(&self, message: &Request<'_>) {
        let waiting = {
            let mut state = self.state.lock();
            state.push(message, self.limit);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

fn check(filter: &str) -> Result<(), PublishedError> {
    if filter::is_valid_filter(filter.as_bytes()) { Ok(()) } else { Err(PublishedError::Filter(filter.to_owned())) }
}

/// The message as subscribers get it.
fn to_message(noted: &OwnedRequest) -> Message {
    let request = noted.as_request();
    let headers = match request.headers {
        b"" => Headers::None,
        block => Headers::Block(Bytes::copy_from_slice(block)),
    };
    let (subject, reply) = (subject_of(request.subject), request.reply.map(subject_of));
    let message = EngineMessage::new(subject, reply, headers, Bytes::copy_from_slice(request.payload));
    // Headers that nobody understands are left out, as subscribers have it.
    Message::from_engine(message, &mut 0)
}

/// Subjects of the wire may be any bytes, those of a Rust program are text.
fn subject_of(bytes: &[u8]) -> Subject {
    Subject::from(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(record: &Record, subject: &str, payload: &[u8]) {
        record.published(&Request { subject: subject.as_bytes(), reply: None, headers: b"", payload });
    }

    #[test]
    fn what_does_not_fit_is_an_error_until_it_is_cleared() {
        let record = Record::new(2 * OVERHEAD_BYTES + 10);
        note(&record, "a", b"1");
        note(&record, "b", b"2");
        assert_eq!(record.matching("a").unwrap().len(), 1);
        note(&record, "a", b"3");
        assert_eq!(record.matching("a").unwrap_err(), PublishedError::Overflow { limit: record.limit });
        assert_eq!(record.state.lock().messages.len(), 2);
        record.clear();
        assert!(record.matching(">").unwrap().is_empty());
        note(&record, "a", b"4");
        assert_eq!(record.matching("a").unwrap()[0].payload, "4");
    }

    #[test]
    fn who_waits_counts_only_what_came_after_it_was_cleared() {
        let record = Record::new(1024);
        let (mut progress, mut cx) = (Progress::default(), Context::from_waker(Waker::noop()));
        note(&record, "a", b"1");
        assert!(record.poll_count("a", 2, &mut progress, &mut cx).is_pending());
        record.clear();
        note(&record, "a", b"2");
        assert!(record.poll_count("a", 2, &mut progress, &mut cx).is_pending());
        note(&record, "a", b"3");
        assert!(record.poll_count("a", 2, &mut progress, &mut cx).is_ready());
        assert_eq!(to_message(&progress.found[0]).payload, "2");
    }
}
