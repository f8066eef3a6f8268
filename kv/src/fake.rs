//! A stream in memory for the tests of this crate. Its answers are there at once; what others do between two calls is
//! scripted.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use embus_protocol::headers::{HeaderMap, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use embus_protocol::subject::Subject;
use futures_core::Stream;
use futures_util::FutureExt;
use std::sync::Mutex;
use time::OffsetDateTime;

use crate::Operation;
use crate::backend::{Append, Backend, BackendError, Begun, Failure, From, Message, Messages, Stored, Watched};

/// What the stream holds, oldest first.
type Entries = Vec<(String, HeaderMap, Stored)>;
/// What somebody else does.
type Other = Box<dyn FnOnce(&mut Entries) + Send>;

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) entries: Mutex<Entries>,
    /// Done one by one, before each call that reads.
    pub(crate) others: Mutex<VecDeque<Other>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}")]
pub(crate) struct Broken(pub(crate) Failure);

impl BackendError for Broken {
    fn failure(&self) -> Failure {
        self.0
    }
}

impl Fake {
    /// Before some later read, somebody else does this.
    pub(crate) fn meanwhile(&self, other: impl FnOnce(&mut Entries) + Send + 'static) {
        self.others.lock().unwrap().push_back(Box::new(other));
    }

    pub(crate) fn headers(&self, revision: u64) -> HeaderMap {
        let entries = self.entries.lock().unwrap();
        entries.iter().find(|entry| entry.2.revision == revision).expect("it is there").1.clone()
    }
}

/// Appends without conditions.
pub(crate) fn add(entries: &mut Entries, append: Append) -> u64 {
    let Append { subject, headers, value } = append;
    let revision = entries.last().map_or(0, |entry| entry.2.revision) + 1;
    let operation = Operation::of(|name| headers.get(name.clone()).map(|value| value.as_str().as_bytes()));
    let stored = Stored { revision, created: OffsetDateTime::UNIX_EPOCH, operation, value };
    entries.push((subject, headers, stored));
    revision
}

impl Backend for Fake {
    type Error = Broken;
    type Messages = Kept;

    fn bucket(&self) -> &'static str {
        "b"
    }

    fn prefix(&self) -> &'static str {
        "$KV.b."
    }

    async fn append(&self, append: Append) -> Result<u64, Broken> {
        let mut entries = self.entries.lock().unwrap();
        let last = entries.iter().rev().find(|entry| entry.0 == append.subject).map_or(0, |entry| entry.2.revision);
        let expected = append.headers.get(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE).map(|value| value.as_str().to_owned());
        match expected {
            Some(expected) if expected != last.to_string() => Err(Broken(Failure::WrongRevision)),
            _ => Ok(add(&mut entries, append)),
        }
    }

    async fn last(&self, subject: &str) -> Result<Option<Stored>, Broken> {
        let mut entries = self.entries.lock().unwrap();
        if let Some(other) = self.others.lock().unwrap().pop_front() {
            other(&mut entries);
        }
        Ok(entries.iter().rev().find(|entry| entry.0 == subject).map(|entry| entry.2.clone()))
    }

    async fn at(&self, subject: &str, revision: u64) -> Result<Option<Stored>, Broken> {
        let entries = self.entries.lock().unwrap();
        let found = entries.iter().find(|entry| entry.2.revision == revision && entry.0 == subject);
        Ok(found.map(|entry| entry.2.clone()))
    }

    async fn watch(&self, watched: Watched) -> Result<Begun<Kept>, Broken> {
        assert_eq!(watched.from, From::First, "the tests ask for nothing else");
        let entries = self.entries.lock().unwrap();
        let pending = u64::try_from(entries.len()).unwrap();
        let messages = entries.iter().enumerate().map(|(at, (subject, _, stored))| {
            let pending = pending - 1 - u64::try_from(at).unwrap();
            Message { subject: Subject::from(subject.as_str()), stored: stored.clone(), pending }
        });
        Ok(Begun { messages: Kept(messages.collect()), pending, last_revision: pending })
    }
}

/// What was there.
pub(crate) struct Kept(VecDeque<Message>);

impl Stream for Kept {
    type Item = Result<Message, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

impl Messages for Kept {
    type Error = Broken;

    fn poll_idle(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What comes of a call that has nothing to wait for.
pub(crate) fn now<F: Future>(call: F) -> F::Output {
    call.now_or_never().expect("nothing is waited for")
}
