//! Consumers made, changed, found, paused, removed.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::super::super::Stage;
use super::super::super::nats::jetstream::ErrorCode;
use super::super::super::nats::jetstream::consumer::pull::Config;
use super::super::super::nats::jetstream::consumer::{AckPolicy, PullConsumer, PushConsumer};
use super::super::super::nats::jetstream::context::ConsumerInfoErrorKind;
use super::super::super::nats::jetstream::stream::{
    ConsumerCreateStrictErrorKind, ConsumerErrorKind, ConsumerUpdateErrorKind,
};
use super::numbered;

fn durable(name: &str) -> Config {
    Config { durable_name: Some(name.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn what_is_known_of_one() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 3).await;
    let mut consumer = stream.create_consumer(durable("C")).await.unwrap();
    let info = consumer.cached_info().clone();
    assert_eq!((info.stream_name.as_str(), info.name.as_str()), ("S", "C"));
    assert_eq!((info.num_pending, info.num_ack_pending, info.num_waiting), (3, 0, 0));
    assert_eq!(info.config.ack_policy, AckPolicy::Explicit);
    assert_eq!(info.config.ack_wait, Duration::from_secs(30));
    assert_eq!((info.config.max_ack_pending, info.config.max_waiting, info.config.max_deliver), (1000, 512, -1));
    assert_eq!(consumer.info().await.unwrap().created, info.created);
    assert_eq!(stream.consumer_info("C").await.unwrap().name, "C");
    assert_eq!(stream.get_info().await.unwrap().state.consumer_count, 1);
}

#[tokio::test]
async fn made_once_changed_later() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let error = stream.update_consumer(durable("C")).await.unwrap_err();
    assert_eq!(error.kind(), ConsumerUpdateErrorKind::DoesNotExist);
    stream.create_consumer_strict(durable("C")).await.unwrap();
    stream.create_consumer_strict(durable("C")).await.unwrap();
    let other = Config { max_ack_pending: 5, ..durable("C") };
    let error = stream.create_consumer_strict(other.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ConsumerCreateStrictErrorKind::AlreadyExists);
    let changed = stream.update_consumer(other).await.unwrap();
    assert_eq!(changed.cached_info().config.max_ack_pending, 5);
    let impossible = Config { ack_policy: AckPolicy::None, ..durable("C") };
    let ConsumerErrorKind::JetStream(error) = stream.create_consumer(impossible).await.unwrap_err().kind() else {
        panic!("the broker refuses it");
    };
    assert_eq!(error.error_code(), ErrorCode::CONSUMER_CREATE);
}

#[tokio::test]
async fn found_or_not() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 1).await;
    let error = stream.consumer_info("C").await.unwrap_err();
    assert_eq!(error.kind(), ConsumerInfoErrorKind::NotFound);
    assert_eq!(stream.consumer_info("a.b").await.unwrap_err().kind(), ConsumerInfoErrorKind::InvalidName);
    let made: PullConsumer = stream.get_or_create_consumer("C", durable("C")).await.unwrap();
    let found: PullConsumer = stream.get_or_create_consumer("C", Config::default()).await.unwrap();
    assert_eq!(made.cached_info().created, found.cached_info().created);
    let found: PullConsumer = jetstream.get_consumer_from_stream("C", "S").await.unwrap();
    assert_eq!(found.cached_info().name, "C");
    assert!(
        stream.get_consumer::<super::super::super::super::nats::jetstream::consumer::push::Config>("C").await.is_err()
    );
    let wrong: Result<PushConsumer, _> = jetstream.get_consumer_from_stream("C", "S").await;
    assert!(matches!(wrong.unwrap_err().kind(), ConsumerErrorKind::InvalidConsumerType | ConsumerErrorKind::Other));
}

#[tokio::test]
async fn listed_and_deleted() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 1).await;
    for name in ["B", "A", "C"] {
        stream.create_consumer(durable(name)).await.unwrap();
    }
    let mut names: Vec<_> = stream.consumer_names().try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, ["A", "B", "C"]);
    assert!(stream.delete_consumer("A").await.unwrap().success);
    assert!(jetstream.delete_consumer_from_stream("C", "S").await.unwrap().success);
    let infos: Vec<_> = stream.consumers().try_collect().await.unwrap();
    assert!(infos.iter().map(|info| info.name.as_str()).eq(["B"]));
    // What async-nats says of success can't be printed.
    let error = stream.delete_consumer("A").await.err().unwrap();
    let ConsumerErrorKind::JetStream(error) = error.kind() else {
        panic!("there is none");
    };
    assert_eq!(error.error_code(), ErrorCode::CONSUMER_NOT_FOUND);
}

#[tokio::test]
async fn paused_and_resumed() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let until = consumer.cached_info().created + Duration::from_secs(3600);
    let paused = stream.pause_consumer("C", until).await.unwrap();
    assert!(paused.paused && paused.pause_remaining.unwrap() > Duration::from_secs(3000));
    assert!(consumer.get_info().await.unwrap().paused);
    let batch = consumer.batch().max_messages(1).expires(Duration::from_millis(100)).messages().await.unwrap();
    let none: Vec<_> = batch.try_collect().await.unwrap();
    assert!(none.is_empty());
    assert!(!stream.resume_consumer("C").await.unwrap().paused);
    let one: Vec<_> = consumer.fetch().messages().await.unwrap().try_collect().await.unwrap();
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn begun_anew() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 3).await;
    let mut consumer = stream.create_consumer(durable("C")).await.unwrap();
    let all: Vec<_> = consumer.fetch().messages().await.unwrap().try_collect().await.unwrap();
    all[2].double_ack().await.unwrap();
    assert_eq!(consumer.reset(Some(2)).await.unwrap().reset_seq, 2);
    let again: Vec<_> = consumer.fetch().messages().await.unwrap().try_collect().await.unwrap();
    assert!(again.iter().map(|message| message.info().unwrap().stream_sequence).eq([2, 3]));
    let info = consumer.info().await.unwrap();
    assert_eq!((info.delivered.consumer_sequence, info.num_ack_pending), (2, 2));
}
