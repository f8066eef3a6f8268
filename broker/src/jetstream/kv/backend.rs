//! A bucket's stream in this process: calls go to the stream itself, without JSON and without a message on the wire.

use std::borrow::Cow;

use embus_engine::api::fetch::Query;
use embus_engine::stream::Witness;
use embus_kv::Operation;
use embus_kv::backend::{Append, Backend, Begun, From as Start, Stored, Watched};
use embus_protocol::headers::block;
use embus_storage::message::StoredMessage;

use super::messages::StoreMessages;
use super::store::Store;
use super::store_kinds::StoreError;
use crate::jetstream::consumer::DeliverPolicy;
use crate::jetstream::consumer::pull::OrderedConfig;
use crate::jetstream::stream::datetime;

impl Backend for Store {
    type Error = StoreError;
    type Messages = StoreMessages;

    fn bucket(&self) -> &str {
        &self.name
    }

    fn prefix(&self) -> &str {
        &self.prefix
    }

    async fn append(&self, append: Append) -> Result<u64, StoreError> {
        let Append { subject, headers, value } = append;
        let context = &self.stream.context;
        let sent = if headers.is_empty() {
            context.publish(subject, value).await
        } else {
            context.publish_with_headers(subject, headers, value).await
        };
        let not_stored = |error| StoreError::not_acknowledged(error).of_bucket(&self.name);
        let ack = sent.map_err(StoreError::not_published)?.await.map_err(not_stored)?;
        Ok(ack.sequence)
    }

    async fn last(&self, subject: &str) -> Result<Option<Stored>, StoreError> {
        let found = self.fetch(&Query::Last(Cow::Borrowed(subject.as_bytes()))).await?;
        Ok(found.map(stored))
    }

    async fn at(&self, subject: &str, revision: u64) -> Result<Option<Stored>, StoreError> {
        let found = self.fetch(&Query::Sequence(revision)).await?;
        Ok(found.filter(|message| *message.subject == *subject.as_bytes()).map(stored))
    }

    async fn watch(&self, watched: Watched) -> Result<Begun<StoreMessages>, StoreError> {
        let Watched { mut filters, from, keys_only } = watched;
        let filter_subject = if filters.len() == 1 { filters.remove(0) } else { String::new() };
        let config = OrderedConfig {
            description: Some("kv watch consumer".to_owned()),
            filter_subject,
            filter_subjects: filters,
            deliver_policy: policy(from),
            headers_only: keys_only,
            ..OrderedConfig::default()
        };
        let last_revision = self.find_stream()?.look(|core| core.log().last_sequence());
        let consumer = self.stream.create_consumer(config).await?;
        let pending = consumer.cached_info().num_pending;
        Ok(Begun { messages: StoreMessages::new(consumer.messages().await?), pending, last_revision })
    }
}

impl Store {
    async fn fetch(&self, query: &Query<'_>) -> Result<Option<StoredMessage>, StoreError> {
        let stream = self.find_stream()?;
        Ok(self.stream.context.fetch(&stream, query).await?)
    }

    fn find_stream(&self) -> Result<Witness, StoreError> {
        self.stream.context.find(&self.stream_name).map_err(|error| StoreError::from(error).of_bucket(&self.name))
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

fn stored(message: StoredMessage) -> Stored {
    let StoredMessage { sequence, time, headers, payload, .. } = message;
    // Most have none.
    let operation =
        if headers.is_empty() { Operation::Put } else { Operation::of(|name| block::value(&headers, name.as_str())) };
    Stored { revision: sequence, created: datetime(time), operation, value: payload }
}
