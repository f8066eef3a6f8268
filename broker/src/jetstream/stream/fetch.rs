//! One message out of a stream: what direct gets and raw gets share.

use std::sync::Arc;

use bytes::Bytes;
use embus_engine::api::fetch::Query;
use embus_engine::stream::Stream as EngineStream;
use embus_protocol::headers::{HeaderMap, block};
use embus_protocol::subject::Subject;
use embus_storage::message::StoredMessage;

use super::info::datetime;
use super::store_failed;
use crate::jetstream::context::{Context, RequestError, RequestErrorKind};
use crate::jetstream::failure::Failure;
use crate::jetstream::message::StreamMessage;

/// A get of a message with headers: a [`StreamMessage`].
#[derive(Debug)]
pub struct WithHeaders;

/// A get of a message without headers: a [`StreamValue`].
#[derive(Debug)]
pub struct WithoutHeaders;

/// The content of a message.
#[derive(Debug, Clone)]
pub struct StreamValue {
    /// That content.
    pub data: Bytes,
}

/// What can be made of a stored message.
pub(super) trait FromStored: Sized {
    fn from_stored(message: StoredMessage) -> Result<Self, Failure>;
}

impl FromStored for StreamMessage {
    fn from_stored(message: StoredMessage) -> Result<Self, Failure> {
        let headers = if message.headers.is_empty() {
            HeaderMap::new()
        } else {
            let malformed = |error| RequestError::with_source(RequestErrorKind::Other, error);
            block::parse(&message.headers).map_err(malformed)?.1
        };
        Ok(Self {
            subject: Subject::from(&*String::from_utf8_lossy(&message.subject)),
            sequence: message.sequence,
            headers,
            payload: message.payload,
            time: datetime(message.time),
        })
    }
}

impl FromStored for StreamValue {
    fn from_stored(message: StoredMessage) -> Result<Self, Failure> {
        Ok(Self { data: message.payload })
    }
}

impl Context {
    /// The message that a query finds, once a power cut can't take it back.
    pub(crate) async fn fetch(
        &self,
        stream: &Arc<EngineStream>,
        query: &Query<'_>,
    ) -> Result<Option<StoredMessage>, Failure> {
        let mut tries = 0..MAX_RETRIES;
        loop {
            let witness = stream.witness();
            let found = query.find(stream).map_err(store_failed)?;
            let kept = if found.is_settled { Ok(()) } else { self.committed(&witness).await };
            match kept {
                Ok(()) => return query.read(stream, found.place).map_err(store_failed),
                // What was taken back is looked for anew: something else may be there instead. A disk that fails on is
                // not asked for ever.
                Err(Failure::Api(_)) if tries.next().is_some() => {}
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// How often a message is looked for anew: the disk fails, then the log is read, and then it may not be readable.
const MAX_RETRIES: u32 = 2;
