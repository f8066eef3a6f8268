//! What is known of a stream in detail: its subjects, and the sequences without a message.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::vec;

use embus_engine::api::error::ApiError;
use embus_protocol::filter;
use embus_storage::log::Log;
use futures_core::Stream;

use super::info::{Info, Snapshot};
use crate::jetstream::context::Context;
use crate::jetstream::failure::Failure;
use crate::jetstream::stream::InfoError;

/// Asks for details of a stream; see [`Stream::info_builder`](super::Stream::info_builder).
#[derive(Debug)]
#[must_use = "nothing is asked before `fetch`"]
pub struct StreamInfoBuilder {
    context: Context,
    name: String,
    deleted: bool,
    subjects: String,
}

impl StreamInfoBuilder {
    pub(super) fn new(context: Context, name: String) -> Self {
        Self { context, name, deleted: false, subjects: String::new() }
    }

    /// Whether to list the sequences that have no message.
    pub fn with_deleted(mut self, deleted: bool) -> Self {
        self.deleted = deleted;
        self
    }

    /// Lists the subjects that match.
    pub fn subjects<S: Into<String>>(mut self, subject: S) -> Self {
        self.subjects = subject.into();
        self
    }

    /// Asks.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// See [`RequestErrorKind`](crate::jetstream::context::RequestErrorKind).
    pub async fn fetch(self) -> Result<InfoWithSubjects, InfoError> {
        Ok(self.fetched().await?)
    }

    async fn fetched(self) -> Result<InfoWithSubjects, Failure> {
        let Self { context, name, deleted, subjects } = self;
        // A walk through a large stream takes its time.
        let found = context.blocking(move |jetstream| {
            let stream = jetstream.get(&name).ok_or_else(ApiError::stream_not_found)?.witness();
            let consumers = stream.consumer_count();
            let details = stream.look(|core| Details {
                snapshot: Snapshot::of(core, consumers),
                subjects: Subjects::collect(core.log(), subjects.as_bytes()),
                deleted: if deleted { all_deleted(core.log()) } else { Vec::new() },
            });
            Ok::<_, ApiError>((stream, details))
        });
        let (stream, Details { snapshot, subjects, deleted }) = found.await??;
        let mut info = context.finish_info(&stream, snapshot).await?;
        info.state.deleted = (!deleted.is_empty()).then_some(deleted);
        Ok(InfoWithSubjects { info, subjects: subjects.into_iter() })
    }
}

struct Details {
    snapshot: Snapshot,
    subjects: Subjects,
    deleted: Vec<u64>,
}

/// What is known of a stream, and as an asynchronous iterator the subjects that were asked for, with the number of
/// messages of each.
pub struct InfoWithSubjects {
    /// What is known of the stream.
    pub info: Info,
    subjects: IntoIter,
}

impl Stream for InfoWithSubjects {
    type Item = Result<(String, usize), InfoError>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.get_mut().subjects.next().map(Ok))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.subjects.entries.size_hint()
    }
}

impl fmt::Debug for InfoWithSubjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfoWithSubjects").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Subjects with the number of their messages. The names lie one behind the other, so that a million of them is copied
/// while publishers hardly wait.
#[derive(Debug, Default)]
struct Subjects {
    names: Vec<u8>,
    /// Where a name ends, and how many messages it has.
    entries: Vec<(usize, u64)>,
}

impl Subjects {
    fn collect(log: &Log, filter: &[u8]) -> Self {
        let mut subjects = Self::default();
        if filter::is_valid_filter(filter) {
            log.subject_counts(filter, &mut |name, count| {
                subjects.names.extend_from_slice(name);
                subjects.entries.push((subjects.names.len(), count));
                true
            });
        }
        subjects
    }

    fn into_iter(self) -> IntoIter {
        IntoIter { names: self.names, start: 0, entries: self.entries.into_iter() }
    }
}

struct IntoIter {
    names: Vec<u8>,
    start: usize,
    entries: vec::IntoIter<(usize, u64)>,
}

impl Iterator for IntoIter {
    type Item = (String, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (end, count) = self.entries.next()?;
        let name = &self.names[std::mem::replace(&mut self.start, end)..end];
        Some((String::from_utf8_lossy(name).into_owned(), usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

/// Sequences that are listed at most; the count counts all. [reference §3.1]
const MAX_DELETED: usize = 1_000_000;

fn all_deleted(log: &Log) -> Vec<u64> {
    let mut deleted = Vec::new();
    log.deleted(&mut |start, end| {
        let room = MAX_DELETED - deleted.len();
        deleted.extend((start..=end).take(room));
        deleted.len() < MAX_DELETED
    });
    deleted
}
