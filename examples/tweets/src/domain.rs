//! Events go into a stream; a durable subscriber makes the timeline of them, in a bucket.
//!
//! The subscriber acknowledges an event when the timeline has it. Killed in between, it gets the event again: each tweet
//! notes which event it has seen last, and passes over what it has.

use std::collections::BTreeMap;
use std::time::Duration;

use embus_kv::typed::{Change, TryModifyError};
use example_support::token;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Bucket, bucket, nats};
use nats::jetstream::{self, AckKind, Message, consumer, kv};

/// The events, and what became of them.
#[derive(Debug, Clone)]
pub struct Tweets {
    context: jetstream::Context,
    timeline: Bucket<Tweet>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The tweet that it is about.
    pub id: String,
    /// What the tweet says; of a like, nothing.
    pub message: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub date: OffsetDateTime,
    /// Who did it.
    pub author: String,
}

/// A tweet as the timeline shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tweet {
    /// The event that began it.
    pub created: Event,
    /// How many like it.
    pub likes: u64,
    /// The last event that is counted in.
    pub seen: u64,
}

/// An event as it lies in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its bytes, which are JSON.
    pub data: String,
}

impl Tweets {
    /// Stream and bucket are made if they are not there.
    pub async fn open(client: nats::Client) -> Result<Self, nats::Error> {
        let context = jetstream::new(client);
        let config = jetstream::stream::Config {
            name: STREAM.to_owned(),
            description: Some("Tweets and likes".to_owned()),
            subjects: vec!["TWITTERCLONE.*".to_owned()],
            ..Default::default()
        };
        context.get_or_create_stream(config).await?;
        let timeline = bucket(&context, kv::Config { bucket: "timeline".to_owned(), ..Default::default() }).await?;
        Ok(Self { context, timeline })
    }

    /// Tells of a new tweet: its id, and the sequence of the event, which is on the disk.
    pub async fn tweet(&self, author: &str, message: &str) -> Result<(String, u64), nats::Error> {
        let id = token();
        let sequence = self.publish(CREATED, &id, author, message).await?;
        Ok((id, sequence))
    }

    /// Tells of a like; says nothing if there is no such tweet.
    pub async fn like(&self, id: &str, author: &str) -> Result<Option<u64>, nats::Error> {
        if !token::is_token(id) || !self.is_known(id).await? {
            return Ok(None);
        }
        self.publish(LIKED, id, author, "").await.map(Some)
    }

    async fn publish(&self, subject: &'static str, id: &str, author: &str, message: &str) -> Result<u64, nats::Error> {
        let event = Event {
            id: id.to_owned(),
            message: message.to_owned(),
            date: OffsetDateTime::now_utc(),
            author: author.to_owned(),
        };
        let ack = self.context.publish(subject, serde_json::to_vec(&event)?.into()).await?.await?;
        Ok(ack.sequence)
    }

    /// Whether the timeline has a tweet. One that was published a moment ago may still be on its way there.
    async fn is_known(&self, id: &str) -> Result<bool, nats::Error> {
        let mut changes = self.timeline.watch_with_history(id).await?;
        let arrival = async {
            while let Some(change) = changes.try_next().await? {
                if matches!(change, Change::Put { .. }) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        tokio::time::timeout(ARRIVAL_TIMEOUT, arrival).await.unwrap_or(Ok(false))
    }

    /// The tweets, the newest first: as they are now, and after each change.
    pub async fn timeline(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<Tweet>, nats::Error>> + Send + use<>, nats::Error> {
        let changes = self.timeline.watch_with_history(">").await?.map_err(nats::Error::from);
        let state = (changes, BTreeMap::new(), false);
        Ok(stream::try_unfold(state, async |(mut changes, mut tweets, mut is_current)| {
            while let Some(change) = changes.try_next().await? {
                match change {
                    Change::Put { key, value, .. } => drop(tweets.insert(key, value)),
                    Change::Removed { key, .. } => drop(tweets.remove(&key)),
                    Change::Current => is_current = true,
                }
                if is_current {
                    let mut newest: Vec<Tweet> = tweets.values().cloned().collect();
                    newest.sort_by_key(|tweet| std::cmp::Reverse(tweet.created.date));
                    return Ok(Some((newest, (changes, tweets, is_current))));
                }
            }
            Ok(None)
        }))
    }

    /// The events themselves, from the `after`-th on.
    pub async fn log(
        &self,
        after: u64,
    ) -> Result<impl Stream<Item = Result<Stored, nats::Error>> + Send + use<>, nats::Error> {
        let config = consumer::pull::OrderedConfig {
            deliver_policy: consumer::DeliverPolicy::ByStartSequence { start_sequence: after.saturating_add(1) },
            ..Default::default()
        };
        let messages = self.context.get_stream(STREAM).await?.create_consumer(config).await?.messages().await?;
        Ok(messages.map(|message| {
            let message = message?;
            let sequence = message.info()?.stream_sequence;
            let data = String::from_utf8_lossy(&message.payload).into_owned();
            Ok(Stored { sequence, subject: message.subject.to_string(), data })
        }))
    }

    async fn deliveries(&self) -> Result<consumer::push::Messages, nats::Error> {
        let config = consumer::push::Config {
            durable_name: Some(SUBSCRIBER.to_owned()),
            deliver_subject: format!("deliver.{SUBSCRIBER}"),
            ack_policy: consumer::AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // In the order of the stream, even when something comes again: what a tweet has seen is one number.
            max_ack_pending: 1,
            ..Default::default()
        };
        let consumer = self.context.get_stream(STREAM).await?.get_or_create_consumer(SUBSCRIBER, config).await?;
        Ok(consumer.messages().await?)
    }

    /// Counts an event in, once, however often it comes. What is no event is passed over: anybody may publish.
    async fn apply(&self, message: &Message) -> Result<(), nats::Error> {
        let sequence = message.info()?.stream_sequence;
        let Ok(event) = serde_json::from_slice::<Event>(&message.payload) else { return Ok(()) };
        if !token::is_token(&event.id) {
            return Ok(());
        }
        let counted = |tweet| count_in(tweet, &message.subject, &event, sequence).ok_or(Uncounted);
        match self.timeline.try_modify(&event.id, counted).await {
            Ok(_) | Err(TryModifyError::Declined(_)) => Ok(()),
            Err(TryModifyError::Modify(error)) => Err(error.into()),
        }
    }
}

/// An event that changes nothing.
#[derive(Debug)]
struct Uncounted;

/// What an event makes of a tweet; nothing, if it is counted in already or about a tweet that nobody made.
fn count_in(tweet: Option<Tweet>, subject: &str, event: &Event, sequence: u64) -> Option<Tweet> {
    match tweet {
        None if subject == CREATED => Some(Tweet { created: event.clone(), likes: 0, seen: sequence }),
        Some(tweet) if subject == LIKED && tweet.seen < sequence => {
            Some(Tweet { likes: tweet.likes + 1, seen: sequence, ..tweet })
        }
        _ => None,
    }
}

/// Builds the timeline for as long as the program runs; begins anew whatever happens.
pub async fn subscribe(tweets: Tweets) {
    loop {
        if let Err(error) = follow(&tweets).await {
            eprintln!("the timeline stands still: {error}");
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn follow(tweets: &Tweets) -> Result<(), nats::Error> {
    let mut deliveries = tweets.deliveries().await?;
    while let Some(message) = deliveries.next().await {
        let message = message?;
        tweets.apply(&message).await?;
        message.ack_with(AckKind::Ack).await?;
    }
    Ok(())
}

const STREAM: &str = "TWITTERCLONE";
const CREATED: &str = "TWITTERCLONE.tweet_created";
const LIKED: &str = "TWITTERCLONE.tweet_liked";
const SUBSCRIBER: &str = "go-event-subscriber";
const ACK_WAIT: Duration = Duration::from_secs(2);
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(1);
const RETRY_DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
