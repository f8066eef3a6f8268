//! What comes out of watches and lists of objects.

use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use embus_kv::{Entry, watch};
use futures_core::Stream;

use super::ObjectInfo;
use super::kinds::{WatcherError, WatcherErrorKind};
use crate::jetstream::kv::{StoreError, StoreMessages};

/// What happens to objects of a store: each change once, those that were deleted included. However slowly it is read, it
/// goes on without a gap; it ends with an error when the store is gone.
#[derive(Debug)]
pub struct Watch {
    pub(super) inner: watch::Watch<StoreMessages>,
}

impl Stream for Watch {
    type Item = Result<ObjectInfo, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().inner.poll_entry(cx).map(|entry| entry.map(object))
    }
}

/// All objects of a store but those that were deleted, each once; it ends.
#[derive(Debug)]
pub struct List {
    inner: watch::History<StoreMessages>,
    /// One that changes meanwhile comes again.
    told: HashSet<String>,
}

impl List {
    pub(super) fn new(inner: watch::History<StoreMessages>) -> Self {
        Self { inner, told: HashSet::new() }
    }
}

impl Stream for List {
    type Item = Result<ObjectInfo, WatcherError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match ready!(Pin::new(&mut this.inner).poll_next(cx)).map(object) {
                Some(Ok(info)) if info.deleted || !this.told.insert(info.name.clone()) => {}
                other => return Poll::Ready(other),
            }
        }
    }
}

fn object(entry: Result<Entry, StoreError>) -> Result<ObjectInfo, WatcherError> {
    let entry = entry.map_err(|error| WatcherError::with_source(WatcherErrorKind::ConsumerError, error))?;
    serde_json::from_slice(&entry.value).map_err(|error| WatcherError::with_source(WatcherErrorKind::Other, error))
}
