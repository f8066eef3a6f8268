//! A broker with streams, and async-nats connected to it.

use std::error::Error;
use std::path::Path;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, State, Stream};
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use embus::{Broker, Builder, StartError};
use serde_json::Value;

use crate::support::{STOP_DEADLINE, connect, listening, within};

/// A broker and a client of it.
pub(crate) struct Scene {
    pub(crate) broker: Broker,
    pub(crate) context: Context,
}

impl Scene {
    /// With streams in memory.
    pub(crate) async fn new() -> Self {
        Self::of(listening().start().await.unwrap()).await
    }

    /// With streams in a directory that nobody else has.
    pub(crate) async fn at(dir: &Path) -> Self {
        Self::of(stored(dir).start().await.unwrap()).await
    }

    pub(crate) async fn of(broker: Broker) -> Self {
        let context = jetstream::new(connect(&broker).await);
        Self { broker, context }
    }

    /// With streams in a directory that a broker before may be about to let go.
    pub(crate) async fn again_at(dir: &Path) -> Self {
        let start = async {
            loop {
                match stored(dir).start().await {
                    Ok(broker) => return broker,
                    Err(StartError::Store(error)) if error.to_string().contains("in use") => {
                        tokio::task::yield_now().await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        Self::of(within("the directory of a dropped broker", start).await).await
    }

    pub(crate) async fn stop(self) {
        self.broker.shutdown(STOP_DEADLINE).await;
    }

    /// Makes a stream.
    pub(crate) async fn stream(&self, config: Config) -> Stream {
        self.context.create_stream(config).await.unwrap()
    }

    /// A stream that is there.
    pub(crate) async fn get(&self, name: &str) -> Stream {
        self.context.get_stream(name).await.unwrap()
    }

    /// Publishes, and returns the sequence out of the acknowledgement.
    pub(crate) async fn publish(&self, subject: &str, payload: impl Into<Bytes>) -> u64 {
        self.send(subject, PublishMessage::build().payload(payload.into())).await.unwrap().sequence
    }

    /// Publishes, with headers.
    pub(crate) async fn send(&self, subject: &str, message: PublishMessage) -> Result<PublishAck, PublishError> {
        self.context.send_publish(subject.to_owned(), message).await.unwrap().await
    }

    /// Sends a request by hand.
    pub(crate) async fn request(&self, subject: &str, body: impl Into<Bytes>) -> Value {
        let reply = within("a reply", self.context.client().request(subject.to_owned(), body.into())).await.unwrap();
        serde_json::from_slice(&reply.payload).unwrap_or_else(|error| panic!("{subject}: {error}"))
    }

    /// Sends a request to the API, and returns the error's number; 0 if there is none.
    pub(crate) async fn api(&self, subject: &str, body: impl Into<Bytes>) -> u64 {
        let reply = self.request(&format!("$JS.API.{subject}"), body).await;
        reply["error"]["err_code"].as_u64().unwrap_or(0)
    }
}

/// A builder for a broker that listens and keeps its streams in this directory.
pub(crate) fn stored(dir: &Path) -> Builder {
    listening().store_dir(dir)
}

/// What a stream is configured to unless the test says otherwise.
pub(crate) fn config(name: &str, subjects: &[&str]) -> Config {
    let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
    Config { name: name.to_owned(), subjects, allow_direct: true, ..Config::default() }
}

/// The number of the API's error behind a client's.
#[track_caller]
pub(crate) fn code(error: &dyn Error) -> u64 {
    let api = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    api_code(api.unwrap_or_else(|| panic!("not an error of the API: {error}")))
}

/// The number of an API error.
pub(crate) fn api_code(error: &jetstream::Error) -> u64 {
    error.error_code().0
}

/// What is in a stream.
pub(crate) async fn state(stream: &Stream) -> State {
    stream.get_info().await.unwrap().state
}

/// Messages, first and last sequence.
pub(crate) async fn span(stream: &Stream) -> (u64, u64, u64) {
    let state = state(stream).await;
    (state.messages, state.first_sequence, state.last_sequence)
}

/// The sequences that are in a stream.
pub(crate) async fn sequences(stream: &Stream) -> Vec<u64> {
    let (_, first, last) = span(stream).await;
    let mut sequences = Vec::new();
    for sequence in first..=last {
        if stream.get_raw_message(sequence).await.is_ok() {
            sequences.push(sequence);
        }
    }
    sequences
}

/// Waits until the stream holds this many messages.
pub(crate) async fn wait_for_messages(stream: &Stream, messages: u64) {
    let all = async { while state(stream).await.messages != messages {} };
    within("the number of messages", all).await;
}
