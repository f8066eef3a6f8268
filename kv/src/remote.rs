//! A bucket behind async-nats's client: on a server of its own, or on a broker elsewhere.
//!
//! What works on a bucket in the process works on it as well, with the same answers: [`Bucket`](crate::Bucket) is generic
//! over where it is.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use embus_kv::Bucket;
//! use embus_kv::remote::Remote;
//!
//! let client = async_nats::connect("nats://localhost").await?;
//! let visits = Remote::open(async_nats::jetstream::new(client), "visits").await?;
//! let visits = Bucket::<u64, _>::new(visits);
//! visits.modify("front", |count| count.unwrap_or(0) + 1).await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod messages;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, RawMessageErrorKind, Stream};
use async_nats::{HeaderMap, HeaderName, HeaderValue};

use crate::Operation;
use crate::backend::{Append, Backend, Begun, From as Start, Stored, Watched};
use crate::key::is_valid_bucket_name;
use crate::shape::{prefix_of, stream_of};

pub use self::error::RemoteError;
pub use self::messages::RemoteMessages;

/// A bucket behind async-nats's client. A cheap handle.
///
/// ```
/// use embus_kv::Bucket;
/// use embus_kv::remote::Remote;
///
/// async fn visits(client: async_nats::Client) -> Result<Bucket<u64, Remote>, Box<dyn std::error::Error>> {
///     Ok(Bucket::new(Remote::open(async_nats::jetstream::new(client), "visits").await?))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Remote {
    context: Context,
    stream: Stream,
    bucket: String,
    prefix: String,
}

impl Remote {
    /// A bucket that is there. To make one, use async-nats's `create_key_value`.
    ///
    /// ```no_run
    /// # async fn example(client: async_nats::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use embus_kv::remote::Remote;
    ///
    /// let context = async_nats::jetstream::new(client);
    /// let users = Remote::open(context, "users").await?;
    /// embus_kv::write::put(&users, "7", "Ada".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RemoteError::NoBucket`] if there is none of that name.
    pub async fn open(context: Context, bucket: &str) -> Result<Self, RemoteError> {
        if !is_valid_bucket_name(bucket) {
            return Err(RemoteError::InvalidName(bucket.to_owned()));
        }
        let stream = context.get_stream(stream_of(bucket)).await.map_err(RemoteError::NoBucket)?;
        Ok(Self { context, stream, bucket: bucket.to_owned(), prefix: prefix_of(bucket) })
    }

    async fn find_last(&self, subject: &str) -> Result<Option<StreamMessage>, RemoteError> {
        if !self.stream.cached_info().config.allow_direct {
            return found(self.stream.get_last_raw_message_by_subject(subject).await);
        }
        found_directly(self.stream.direct_get_last_for_subject(subject).await)
    }

    async fn find_at(&self, revision: u64) -> Result<Option<StreamMessage>, RemoteError> {
        // No revision is 0; a request for it asks for nothing.
        if revision == 0 {
            return Ok(None);
        }
        if !self.stream.cached_info().config.allow_direct {
            return found(self.stream.get_raw_message(revision).await);
        }
        found_directly(self.stream.direct_get(revision).await)
    }
}

impl Backend for Remote {
    type Error = RemoteError;
    type Messages = RemoteMessages;

    fn bucket(&self) -> &str {
        &self.bucket
    }

    fn prefix(&self) -> &str {
        &self.prefix
    }

    async fn append(&self, append: Append) -> Result<u64, RemoteError> {
        let Append { subject, headers, value } = append;
        let sent = if headers.is_empty() {
            self.context.publish(subject, value).await
        } else {
            self.context.publish_with_headers(subject, translated(&headers), value).await
        };
        let ack = sent.map_err(RemoteError::NotSent)?.await.map_err(RemoteError::NotAppended)?;
        Ok(ack.sequence)
    }

    async fn last(&self, subject: &str) -> Result<Option<Stored>, RemoteError> {
        Ok(self.find_last(subject).await?.map(stored))
    }

    async fn at(&self, subject: &str, revision: u64) -> Result<Option<Stored>, RemoteError> {
        let found = self.find_at(revision).await?;
        Ok(found.filter(|message| message.subject.as_str() == subject).map(stored))
    }

    async fn watch(&self, watched: Watched) -> Result<Begun<RemoteMessages>, RemoteError> {
        let Watched { filters, from, keys_only } = watched;
        let (filter_subject, filter_subjects) = match &filters[..] {
            [filter] => (filter.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        let config = OrderedConfig {
            deliver_subject: self.context.client().new_inbox(),
            description: Some("kv watch consumer".to_owned()),
            filter_subject,
            filter_subjects,
            deliver_policy: policy(from),
            headers_only: keys_only,
            ..OrderedConfig::default()
        };
        let last_revision = self.stream.get_info().await.map_err(RemoteError::NotAsked)?.state.last_sequence;
        let consumer = self.stream.create_consumer(config).await.map_err(RemoteError::NotWatched)?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(RemoteError::NotRead)?;
        let messages = RemoteMessages::new(messages, self.stream.clone(), filters, from, last_revision);
        Ok(Begun { messages, pending, last_revision })
    }
}

fn policy(from: Start) -> DeliverPolicy {
    match from {
        Start::Now => DeliverPolicy::New,
        Start::Last => DeliverPolicy::LastPerSubject,
        Start::First => DeliverPolicy::All,
        Start::Revision(revision) => DeliverPolicy::ByStartSequence { start_sequence: revision.max(1) },
    }
}

/// The same headers as async-nats has them.
fn translated(headers: &embus_protocol::headers::HeaderMap) -> HeaderMap {
    let mut translated = HeaderMap::new();
    for (name, values) in headers {
        for value in values {
            translated.append(name.as_str(), value.as_str());
        }
    }
    translated
}

fn operation(headers: &HeaderMap) -> Operation {
    Operation::of(|name| {
        let name: HeaderName = name.as_str().parse().ok()?;
        headers.get(name).map(HeaderValue::as_str).map(str::as_bytes)
    })
}

fn stored(message: StreamMessage) -> Stored {
    let operation = operation(&message.headers);
    Stored { revision: message.sequence, created: message.time, operation, value: message.payload }
}

type DirectGetError = async_nats::jetstream::stream::DirectGetError;

fn found_directly(answer: Result<StreamMessage, DirectGetError>) -> Result<Option<StreamMessage>, RemoteError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(RemoteError::NotGot(error)),
    }
}

type RawMessageError = async_nats::jetstream::stream::RawMessageError;

fn found(answer: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, RemoteError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(RemoteError::NotFound(error)),
    }
}
