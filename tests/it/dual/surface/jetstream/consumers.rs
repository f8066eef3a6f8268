//! Consumers: the same program against both.

mod acks;
mod manage;
mod ordered;
mod pull;
mod push;

use super::super::Stage;
use super::super::nats::jetstream::Context;
use super::super::nats::jetstream::stream::Stream;
use super::config;

/// A stream `S` with so many messages on `s.1`, `s.2`…, which say their numbers.
async fn numbered(stage: &Stage, count: usize) -> (Context, Stream) {
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(config("S")).await.unwrap();
    publish(&jetstream, 1..=count).await;
    (jetstream, stream)
}

async fn publish(jetstream: &Context, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        jetstream.publish(format!("s.{number}"), number.to_string().into()).await.unwrap().await.unwrap();
    }
}
