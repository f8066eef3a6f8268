//! Pulling: streams, fetches, batches.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};

use super::super::super::Stage;
use super::super::super::nats::jetstream::consumer::pull::{Config, MessagesErrorKind};
use super::super::super::nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use super::{numbered, publish};

fn durable(name: &str) -> Config {
    Config { durable_name: Some(name.to_owned()), ..Default::default() }
}

async fn payloads(consumer: &PullConsumer, count: usize) -> Vec<String> {
    let messages = consumer.fetch().max_messages(count).messages().await.unwrap();
    let messages: Vec<_> = messages.try_collect().await.unwrap();
    for message in &messages {
        message.ack().await.unwrap();
    }
    messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_stream_of_messages_goes_on() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 3).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for number in 1..=3 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number.to_string());
        assert_eq!(message.subject.as_str(), format!("s.{number}"));
        message.ack().await.unwrap();
    }
    publish(&jetstream, 4..=500).await;
    for number in 4..=500 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number.to_string());
        message.double_ack().await.unwrap();
    }
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.num_pending, info.num_ack_pending, info.ack_floor.stream_sequence), (0, 0, 500));
}

#[tokio::test]
async fn a_fetch_takes_what_is_there() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 5).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    assert_eq!(payloads(&consumer, 2).await, ["1", "2"]);
    assert_eq!(payloads(&consumer, 10).await, ["3", "4", "5"]);
    assert!(payloads(&consumer, 10).await.is_empty());
}

#[tokio::test]
async fn a_batch_waits_for_more() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 1).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let batch = consumer.batch().max_messages(2).expires(Duration::from_secs(20)).messages().await.unwrap();
    publish(&jetstream, 2..=3).await;
    let messages: Vec<_> = batch.try_collect().await.unwrap();
    let payloads: Vec<_> = messages.iter().map(|message| &message.payload[..]).collect();
    assert_eq!(payloads, [b"1", b"2"]);
}

#[tokio::test]
async fn a_sequence_of_batches() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 6).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let mut batches = consumer.sequence(3).unwrap();
    for expected in [[b"1", b"2", b"3"], [b"4", b"5", b"6"]] {
        let batch: Vec<_> = batches.next().await.unwrap().unwrap().try_collect().await.unwrap();
        assert!(batch.iter().map(|message| &message.payload[..]).eq(expected.iter().map(|text| &text[..])));
    }
}

#[tokio::test]
async fn bytes_can_be_limited() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 100).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let mut messages = consumer.stream().max_bytes_per_batch(1000).max_messages_per_batch(20).messages().await.unwrap();
    for number in 1..=100 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number.to_string());
        message.ack().await.unwrap();
    }
}

#[tokio::test]
async fn where_to_begin() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 3).await;
    let time = stream.get_raw_message(3).await.unwrap().time;
    jetstream.publish("s.1", "again".into()).await.unwrap().await.unwrap();
    let cases = [
        (DeliverPolicy::All, vec!["1", "2", "3", "again"]),
        (DeliverPolicy::Last, vec!["again"]),
        (DeliverPolicy::New, vec![]),
        (DeliverPolicy::ByStartSequence { start_sequence: 3 }, vec!["3", "again"]),
        (DeliverPolicy::ByStartTime { start_time: time }, vec!["3", "again"]),
    ];
    for (deliver_policy, expected) in cases {
        let consumer = stream.create_consumer(Config { deliver_policy, ..Default::default() }).await.unwrap();
        assert_eq!(payloads(&consumer, 10).await, expected, "{deliver_policy:?}");
    }
    let deliver_policy = DeliverPolicy::LastPerSubject;
    let config = Config { deliver_policy, filter_subject: "s.*".into(), ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    assert_eq!(payloads(&consumer, 10).await, ["2", "3", "again"]);
}

#[tokio::test]
async fn filters_choose() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 5).await;
    let one = Config { filter_subject: "s.2".into(), ..Default::default() };
    assert_eq!(payloads(&stream.create_consumer(one).await.unwrap(), 10).await, ["2"]);
    let several = Config { filter_subjects: vec!["s.4".into(), "s.1".into()], ..Default::default() };
    assert_eq!(payloads(&stream.create_consumer(several).await.unwrap(), 10).await, ["1", "4"]);
}

#[tokio::test]
async fn headers_alone() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let config = Config { headers_only: true, ack_policy: AckPolicy::None, ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.fetch().messages().await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    assert!(message.payload.is_empty());
    assert_eq!(message.headers.as_ref().unwrap().get("Nats-Msg-Size").unwrap().as_str(), "1");
}

#[tokio::test]
async fn a_deleted_consumer_is_an_error() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    messages.next().await.unwrap().unwrap().ack().await.unwrap();
    stream.delete_consumer("C").await.unwrap();
    let error = messages.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::ConsumerDeleted);
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn requests_over_the_limits_are_errors() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let config = Config { max_batch: 5, ..durable("C") };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(6).messages().await.unwrap();
    let error = messages.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), MessagesErrorKind::RequestLimitExceeded);
    assert_eq!(payloads(&consumer, 5).await, ["1"]);
}

#[tokio::test]
async fn two_share_the_work() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 40).await;
    let consumer = stream.create_consumer(durable("C")).await.unwrap();
    let same: PullConsumer = stream.get_consumer("C").await.unwrap();
    let mut seen = Vec::new();
    for consumer in [&consumer, &same, &consumer, &same] {
        seen.extend(payloads(consumer, 10).await);
    }
    let expected: Vec<_> = (1..=40).map(|number: usize| number.to_string()).collect();
    assert_eq!(seen, expected);
}
