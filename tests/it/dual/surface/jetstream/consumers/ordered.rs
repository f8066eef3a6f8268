//! Ordered consumers.

use futures_util::StreamExt;

use super::super::super::Stage;
use super::super::super::nats::jetstream::consumer::{DeliverPolicy, pull, push};
use super::{numbered, publish};

#[tokio::test]
async fn pulled_in_order() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 300).await;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for number in 1..=300 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
    publish(&jetstream, 301..=320).await;
    for number in 301..=320 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
}

#[tokio::test]
async fn pushed_in_order() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 300).await;
    let config = push::OrderedConfig { deliver_subject: stage.client.new_inbox(), ..Default::default() };
    let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    for number in 1..=300 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
    publish(&jetstream, 301..=320).await;
    for number in 301..=320 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
}

#[tokio::test]
async fn one_that_was_deleted_is_made_anew() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 3).await;
    let policy = DeliverPolicy::ByStartSequence { start_sequence: 2 };
    let config = pull::OrderedConfig { deliver_policy: policy, name: Some("C".into()), ..Default::default() };
    let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    for number in 2..=3 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
    stream.delete_consumer("C").await.unwrap();
    publish(&jetstream, 4..=5).await;
    for number in 4..=5 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
}
