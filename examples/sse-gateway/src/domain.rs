//! Events of users in a stream, and consumers that come and go with those who look at them.

use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use time::OffsetDateTime;

use super::nats;
use nats::jetstream::{self, AckKind, Message, consumer};

/// The events of all users.
#[derive(Debug, Clone)]
pub struct Events {
    client: nats::Client,
    context: jetstream::Context,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the stream.
    pub sequence: u64,
    /// What it says.
    pub text: String,
    /// When it was stored.
    pub time: OffsetDateTime,
}

/// Which events somebody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Those to come.
    New,
    /// All.
    All,
    /// The last one and those to come.
    Last,
    /// Those behind this one: whoever lost the connection goes on there.
    After(u64),
}

impl Events {
    /// The stream is made if it is not there.
    pub async fn open(client: nats::Client) -> Result<Self, nats::Error> {
        let context = jetstream::new(client.clone());
        let config = jetstream::stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["events.*".to_owned()],
            max_age: Duration::from_secs(24 * 3600),
            max_bytes: 64 * 1024 * 1024,
            ..Default::default()
        };
        context.get_or_create_stream(config).await?;
        Ok(Self { client, context })
    }

    /// Stores an event of `user`; says its sequence when it is on the disk.
    pub async fn publish(&self, user: &str, text: String) -> Result<u64, nats::Error> {
        let ack = self.context.publish(subject(user), text.into()).await?.await?;
        Ok(ack.sequence)
    }

    /// The events of `user`, for as long as the stream is read: with it the consumer goes.
    pub async fn follow(
        &self,
        user: &str,
        start: Start,
    ) -> Result<impl Stream<Item = Result<Event, nats::Error>> + Send + use<>, nats::Error> {
        let config = consumer::pull::Config {
            filter_subject: subject(user),
            deliver_policy: start.into(),
            inactive_threshold: Duration::from_secs(1),
            ..Default::default()
        };
        let consumer = self.context.get_stream(STREAM).await?.create_consumer(config).await?;
        let messages = consumer.messages().await?;
        Ok(stream::try_unfold((messages, None), next_event))
    }

    /// How many consumers there are: now, and whenever one comes or goes.
    pub async fn consumers(&self) -> Result<impl Stream<Item = usize> + Send + use<>, nats::Error> {
        let stream = self.context.get_stream(STREAM).await?;
        let created = self.client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.CREATED.{STREAM}.>")).await?;
        let deleted = self.client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.DELETED.{STREAM}.>")).await?;
        let changes = stream::select(created, deleted).map(drop);
        let counts = stream::once(async {}).chain(changes).then(move |()| {
            let stream = stream.clone();
            async move { stream.get_info().await.map(|info| info.state.consumer_count) }
        });
        Ok(counts.filter_map(async |count| count.ok()))
    }
}

impl From<Start> for consumer::DeliverPolicy {
    fn from(start: Start) -> Self {
        match start {
            Start::New => Self::New,
            Start::All => Self::All,
            Start::Last => Self::Last,
            Start::After(sequence) => Self::ByStartSequence { start_sequence: sequence.saturating_add(1) },
        }
    }
}

/// An event is acknowledged when the next one is asked for: by then it is on its way to the browser.
async fn next_event(
    (mut messages, delivered): (consumer::pull::Stream, Option<Message>),
) -> Result<Option<(Event, (consumer::pull::Stream, Option<Message>))>, nats::Error> {
    if let Some(message) = delivered {
        message.ack_with(AckKind::Ack).await?;
    }
    let Some(message) = messages.try_next().await? else { return Ok(None) };
    let info = message.info()?;
    let event = Event {
        sequence: info.stream_sequence,
        text: String::from_utf8_lossy(&message.payload).into_owned(),
        time: info.published,
    };
    Ok(Some((event, (messages, Some(message)))))
}

/// Whether `user` can be one token of a subject.
pub fn is_user(user: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !user.is_empty() && user.len() <= MAX_USER_BYTES && user.bytes().all(is_plain)
}

fn subject(user: &str) -> String {
    format!("events.{user}")
}

const STREAM: &str = "Events";
const MAX_USER_BYTES: usize = 64;

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
