//! Acknowledgements and redelivery.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};

use super::super::super::Stage;
use super::super::super::nats::jetstream::consumer::pull::Config;
use super::super::super::nats::jetstream::consumer::{AckPolicy, PullConsumer};
use super::super::super::nats::jetstream::{AckKind, Message};
use super::numbered;

async fn one(consumer: &PullConsumer) -> Message {
    let mut batch = consumer.batch().max_messages(1).expires(Duration::from_secs(20)).messages().await.unwrap();
    batch.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn a_delivery_says_where_it_comes_from() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 2).await;
    let consumer = stream.create_consumer(Config { name: Some("C".into()), ..Default::default() }).await.unwrap();
    let message = one(&consumer).await;
    let info = message.info().unwrap();
    assert_eq!((info.stream, info.consumer), ("S", "C"));
    assert_eq!((info.stream_sequence, info.consumer_sequence, info.delivered, info.pending), (1, 1, 1, 1));
    assert_eq!(info.published, stream.get_raw_message(1).await.unwrap().time);
}

#[tokio::test]
async fn refused_messages_come_again() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let consumer = stream.create_consumer(Config::default()).await.unwrap();
    one(&consumer).await.double_ack_with(AckKind::Nak(None)).await.unwrap();
    let again = one(&consumer).await;
    let info = again.info().unwrap();
    assert_eq!((info.stream_sequence, info.consumer_sequence, info.delivered), (1, 2, 2));
    again.double_ack_with(AckKind::Nak(Some(Duration::from_millis(20)))).await.unwrap();
    let again = one(&consumer).await;
    assert_eq!(again.info().unwrap().delivered, 3);
    again.double_ack().await.unwrap();
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.num_redelivered, info.ack_floor.stream_sequence), (0, 0, 1));
}

#[tokio::test]
async fn late_messages_come_again() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let config = Config { ack_wait: Duration::from_millis(50), max_deliver: 2, ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    for delivered in 1..=2 {
        assert_eq!(one(&consumer).await.info().unwrap().delivered, delivered);
    }
    let batch = consumer.batch().max_messages(1).expires(Duration::from_millis(300)).messages().await.unwrap();
    assert!(batch.try_collect::<Vec<_>>().await.unwrap().is_empty(), "two deliveries were allowed");
}

#[tokio::test]
async fn terminated_messages_do_not_come_again() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 2).await;
    let consumer = stream.create_consumer(Config::default()).await.unwrap();
    one(&consumer).await.double_ack_with(AckKind::Term).await.unwrap();
    assert_eq!(one(&consumer).await.info().unwrap().stream_sequence, 2);
    assert_eq!(consumer.get_info().await.unwrap().ack_floor.stream_sequence, 1);
}

#[tokio::test]
async fn one_acknowledgement_for_all() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 5).await;
    let config = Config { ack_policy: AckPolicy::All, ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let messages: Vec<_> = consumer.fetch().messages().await.unwrap().try_collect().await.unwrap();
    messages[3].double_ack().await.unwrap();
    let info = consumer.get_info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.ack_floor.stream_sequence, info.delivered.stream_sequence), (1, 4, 5));
}

#[tokio::test]
async fn a_message_and_its_acker_apart() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 1).await;
    let consumer = stream.create_consumer(Config::default()).await.unwrap();
    let (message, acker) = one(&consumer).await.split();
    assert_eq!(message.payload, "1");
    acker.double_ack().await.unwrap();
    assert_eq!(consumer.get_info().await.unwrap().num_ack_pending, 0);
}

#[tokio::test]
async fn a_message_from_elsewhere_has_nobody_to_tell() {
    let stage = Stage::start().await;
    let (jetstream, _) = numbered(&stage, 0).await;
    let mut plain = stage.client.subscribe("s.1").await.unwrap();
    stage.client.publish("s.1", "x".into()).await.unwrap();
    let message = Message { message: plain.next().await.unwrap(), context: jetstream };
    assert!(message.ack().await.is_err() && message.info().is_err());
}
