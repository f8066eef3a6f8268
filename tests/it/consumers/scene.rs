//! A stream with messages, and what tests ask consumers of it.

use std::error::Error;
use std::fmt::Debug;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;

use crate::jetstream::scene::{Scene, config};
use crate::support::within;

/// A durable pull consumer with explicit acknowledgements.
pub(super) fn durable(name: &str) -> pull::Config {
    pull::Config { durable_name: Some(name.to_owned()), ack_policy: AckPolicy::Explicit, ..pull::Config::default() }
}

/// A stream `S` of `s.>` that holds `s.1` to `s.<count>` with these numbers as payloads.
pub(super) async fn filled(scene: &Scene, count: u64) -> Stream {
    let stream = scene.stream(config("S", &["s.>"])).await;
    fill(scene, 1..=count).await;
    stream
}

/// Publishes messages with numbers.
pub(super) async fn fill(scene: &Scene, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        scene.publish(&format!("s.{number}"), number.to_string()).await;
    }
}

/// The number in the payload.
pub(super) fn number(message: &Message) -> u64 {
    std::str::from_utf8(&message.payload).unwrap().parse().unwrap()
}

/// Sequence in the stream, number of the delivery, how often it was delivered, messages behind it.
pub(super) fn place(message: &Message) -> (u64, u64, i64, u64) {
    let info = message.info().unwrap();
    (info.stream_sequence, info.consumer_sequence, info.delivered, info.pending)
}

/// The next message of a stream of them.
pub(super) async fn next<E: Debug>(
    messages: &mut (impl futures_util::Stream<Item = Result<Message, E>> + Unpin),
) -> Message {
    within("the next message", messages.next()).await.expect("there is one more").unwrap()
}

/// All messages until the stream of them ends.
pub(super) async fn all<E: Into<Box<dyn Error + Send + Sync>> + Debug>(
    messages: impl futures_util::Stream<Item = Result<Message, E>>,
) -> Vec<Message> {
    let collected = async { messages.map(Result::unwrap).collect().await };
    within("the end of the messages", collected).await
}
