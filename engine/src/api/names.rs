//! `STREAM.NAMES` and `STREAM.LIST`: streams by name, in pages. [reference §3.0: paging]

use std::ops::Range;

use crate::api::error::ApiError;
use crate::api::json;
use crate::api::request::Call;
use crate::api::response::{Object, Outcome};
use crate::api::state::Snapshot;
use crate::jetstream::JetStream;
use crate::sync::Arc;

/// Names in one answer. [reference §3.0]
pub(super) const NAMES_LIMIT: usize = 1024;

/// Streams in one answer. [reference §3.0]
pub(super) const LIST_LIMIT: usize = 256;

#[derive(Debug, Default)]
struct NamesRequest {
    offset: i64,
    subject: String,
}
json::fields!(NamesRequest, "server.JSApiStreamNamesRequest", {
    "offset" => offset via json::int,
    "subject" => subject,
});

#[derive(Debug, Default)]
struct ListRequest {
    offset: i64,
    subject: String,
}
json::fields!(ListRequest, "server.JSApiStreamListRequest", {
    "offset" => offset via json::int,
    "subject" => subject,
});

pub(super) fn names(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: NamesRequest = call.optional()?;
    let names = jetstream.names(filter(&request.subject));
    let page = Page::new(names.len(), request.offset, NAMES_LIMIT);
    let found = &names[page.range()];
    // Without any, Go writes what it did not allocate. [reference §3.0]
    Ok(Outcome::Ready(page.object().with("streams", &(!found.is_empty()).then_some(found))))
}

pub(super) fn list(jetstream: &Arc<JetStream>, call: &Call<'_>) -> Result<Outcome, ApiError> {
    let request: ListRequest = call.optional()?;
    let streams = jetstream.list(filter(&request.subject));
    let page = Page::new(streams.len(), request.offset, LIST_LIMIT);
    let streams: Vec<_> = streams[page.range()].iter().map(crate::stream::Stream::witness).collect();
    let entry = |stream| Snapshot::take(stream).object(false).with_some("domain", jetstream.domain());
    let entries = streams.iter().map(|stream| entry(stream).with_time("ts", stream.now()).to_json());
    let entries = format!("[{}]", entries.collect::<Vec<_>>().join(","));
    Ok(Outcome::AfterCommit(streams, Ok(page.object().with_raw("streams", &entries))))
}

fn filter(subject: &str) -> Option<&str> {
    (!subject.is_empty()).then_some(subject)
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    total: usize,
    offset: usize,
    limit: usize,
}

impl Page {
    /// Offsets beyond the ends count as the ends.
    pub(super) fn new(total: usize, offset: i64, limit: usize) -> Self {
        let offset = usize::try_from(offset.max(0)).unwrap_or(usize::MAX).min(total);
        Self { total, offset, limit }
    }

    /// What is on it.
    pub(super) fn range(self) -> Range<usize> {
        self.offset..self.total.min(self.offset.saturating_add(self.limit))
    }

    /// The members that answers with pages begin with.
    pub(super) fn object(self) -> Object {
        Object::new().with("total", &self.total).with("offset", &self.offset).with("limit", &self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let page = |total, offset| Page::new(total, offset, 2);
        assert_eq!(page(5, 0).range(), 0..2);
        assert_eq!(page(5, 4).range(), 4..5);
        assert_eq!(page(5, 9).range(), 5..5);
        assert_eq!(page(5, -3).range(), 0..2);
        assert_eq!(page(5, i64::MAX).range(), 5..5);
        assert_eq!(page(5, 9).object().to_json(), r#"{"total":5,"offset":5,"limit":2}"#);
    }
}
