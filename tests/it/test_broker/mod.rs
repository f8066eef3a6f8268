//! Brokers for tests: how fast they start, how they are kept apart, their clock, their record, their faults.

mod consumers;
mod crash;
mod faults;
mod published;
mod start;
mod time;

use async_nats::jetstream::stream::{Config, Stream};
use async_nats::jetstream::{self, Context};
use embus::TestBroker;

use crate::jetstream::scene::config;
use crate::support::within;

/// A broker for a test as it comes.
async fn started() -> TestBroker {
    TestBroker::start().await.unwrap()
}

/// An official client's view of the streams.
async fn context(broker: &TestBroker) -> Context {
    jetstream::new(broker.async_nats().await.unwrap())
}

/// A stream `S` of `s.>`, made by an official client.
async fn stream(broker: &TestBroker) -> (Context, Stream) {
    stream_of(broker, config("S", &["s.>"])).await
}

async fn stream_of(broker: &TestBroker, config: Config) -> (Context, Stream) {
    let context = context(broker).await;
    let stream = context.create_stream(config).await.unwrap();
    (context, stream)
}

/// Publishes, and waits for the acknowledgement.
async fn publish(context: &Context, subject: &'static str, payload: &'static str) -> u64 {
    let ack = context.publish(subject, payload.into()).await.unwrap();
    within("an acknowledgement", ack.into_future()).await.unwrap().sequence
}
