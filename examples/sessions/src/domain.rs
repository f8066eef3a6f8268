//! Publish and subscribe, declared streams and sessions on NATS.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{StreamExt, TryStreamExt};

use super::{Bucket, bucket, nats};
use crate::pubsub::{Error, PubSub, Subscription};
use crate::session::{Change, Data, Store, apply};
use nats::jetstream::{self, consumer, kv, stream};

/// A client, and the streams that keep what is published.
#[derive(Debug, Clone)]
pub struct Nats {
    client: nats::Client,
    context: jetstream::Context,
}

/// A stream as a program wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// Its name.
    pub name: String,
    /// Which subjects it keeps, with wildcards.
    pub subjects: Vec<String>,
    /// How many messages it keeps.
    pub max_messages: i64,
    /// How long it keeps them.
    pub max_age: Duration,
}

/// Sessions in a bucket: they outlive a restart, and are forgotten when nothing changed them for some time.
#[derive(Debug)]
pub struct BucketStore(Bucket<Data>);

impl Nats {
    /// With the streams that the program declares.
    pub async fn open(client: nats::Client, streams: &[StreamConfig]) -> Result<Self, Error> {
        let nats = Self { context: jetstream::new(client.clone()), client };
        for stream in streams {
            nats.ensure_stream(stream).await?;
        }
        Ok(nats)
    }

    /// The stream as it is wanted, whatever was there before.
    pub async fn ensure_stream(&self, config: &StreamConfig) -> Result<(), Error> {
        let StreamConfig { name, subjects, max_messages, max_age } = config.clone();
        let config = stream::Config { name, subjects, max_messages, max_age, ..Default::default() };
        self.context.create_or_update_stream(config).await?;
        Ok(())
    }

    /// Sessions that are forgotten when nothing changed them for `lifetime`.
    pub async fn sessions(&self, lifetime: Duration) -> Result<BucketStore, Error> {
        let config = kv::Config { bucket: "sessions".to_owned(), max_age: lifetime, ..Default::default() };
        Ok(BucketStore(bucket(&self.context, config).await?))
    }

    /// The client itself, for what the trait does not have.
    pub fn client(&self) -> &nats::Client {
        &self.client
    }

    /// The streams themselves.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.context
    }

    async fn last(&self, subject: &str, limit: usize) -> Result<Vec<Bytes>, Error> {
        let Ok(name) = self.context.stream_by_subject(subject).await else { return Ok(Vec::new()) };
        let config = consumer::pull::Config {
            filter_subject: subject.to_owned(),
            ack_policy: consumer::AckPolicy::None,
            inactive_threshold: Duration::from_secs(5),
            ..Default::default()
        };
        let consumer = self.context.get_stream(name).await?.create_consumer(config).await?;
        let mut last = VecDeque::new();
        let mut left = consumer.cached_info().num_pending;
        while left > 0 {
            let asked = usize::try_from(left)?.min(BATCH);
            let mut batch = consumer.fetch().max_messages(asked).messages().await?;
            left = 0;
            while let Some(message) = batch.try_next().await? {
                left = message.info()?.pending;
                last.push_back(message.payload.clone());
                if last.len() > limit {
                    last.pop_front();
                }
            }
        }
        Ok(last.into())
    }
}

impl PubSub for Nats {
    fn publish<'a>(&'a self, subject: &'a str, data: Bytes) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Ok(self.client.publish(subject.to_owned(), data).await?) })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Subscription, Error>> {
        Box::pin(async move {
            let messages = self.client.subscribe(subject.to_owned()).await?;
            // Only then does a server know of it, too.
            self.client.flush().await?;
            Ok(messages.map(|message| message.payload).boxed())
        })
    }

    fn replay<'a>(&'a self, subject: &'a str, limit: usize) -> BoxFuture<'a, Result<Vec<Bytes>, Error>> {
        Box::pin(self.last(subject, limit))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(self.client.drain().await?) })
    }
}

impl Store for BucketStore {
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Data>, Error>> {
        Box::pin(async move { Ok(self.0.get(token).await?) })
    }

    fn change<'a>(&'a self, token: &'a str, changes: Vec<Change>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let carry_out = |data: Option<Data>| {
                let mut data = data.unwrap_or_default();
                apply(&mut data, changes.clone());
                data
            };
            self.0.modify(token, carry_out).await?;
            Ok(())
        })
    }

    fn remove<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Ok(self.0.purge(token).await?) })
    }
}

/// How many messages are asked for at once.
const BATCH: usize = 500;

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
