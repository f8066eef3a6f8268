//! Push consumers.

use std::time::Duration;

use futures_util::StreamExt;

use super::super::super::Stage;
use super::super::super::nats::jetstream::consumer::push::Config;
use super::super::super::nats::jetstream::consumer::{AckPolicy, PushConsumer};
use super::{numbered, publish};

fn config(stage: &Stage) -> Config {
    Config { deliver_subject: stage.client.new_inbox(), ..Default::default() }
}

#[tokio::test]
async fn messages_come_by_themselves() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 3).await;
    let consumer = stream.create_consumer(Config { durable_name: Some("C".into()), ..config(&stage) }).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for number in 1..=3 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number.to_string());
        message.double_ack().await.unwrap();
    }
    publish(&jetstream, 4..=10).await;
    for number in 4..=10 {
        assert_eq!(messages.next().await.unwrap().unwrap().payload, number.to_string());
    }
    let info = consumer.get_info().await.unwrap();
    assert!(info.push_bound);
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (3, 7));
}

#[tokio::test]
async fn a_durable_one_resumes_where_it_was() {
    let stage = Stage::start().await;
    let (_, stream) = numbered(&stage, 2).await;
    let consumer = stream.create_consumer(Config { durable_name: Some("C".into()), ..config(&stage) }).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    messages.next().await.unwrap().unwrap().double_ack().await.unwrap();
    drop(messages);
    drop(consumer);

    let changed = Config { durable_name: Some("C".into()), ack_wait: Duration::from_millis(50), ..config(&stage) };
    let consumer = loop {
        // The subject can only be changed once nobody listens on the old one.
        if let Ok(consumer) = stream.create_consumer(changed.clone()).await {
            break consumer;
        }
    };
    let mut messages = consumer.messages().await.unwrap();
    assert_eq!(messages.next().await.unwrap().unwrap().payload, "2");
}

#[tokio::test]
async fn a_group_shares_the_messages() {
    let stage = Stage::start().await;
    let (jetstream, stream) = numbered(&stage, 0).await;
    let group = Config { deliver_group: Some("G".into()), durable_name: Some("C".into()), ..config(&stage) };
    let first = stream.create_consumer(group).await.unwrap();
    let second: PushConsumer = stream.get_consumer("C").await.unwrap();
    let (mut first, mut second) = (first.messages().await.unwrap(), second.messages().await.unwrap());
    publish(&jetstream, 1..=50).await;
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let message = tokio::select! {
            message = first.next() => message,
            message = second.next() => message,
        };
        let message = message.unwrap().unwrap();
        message.ack().await.unwrap();
        seen.push(message.info().unwrap().stream_sequence);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(1..=50));
}

#[tokio::test]
async fn flow_control_lets_everything_through() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(super::config("S")).await.unwrap();
    let payload = vec![b'x'; 50_000];
    for _ in 0..200 {
        jetstream.publish("s.1", payload.clone().into()).await.unwrap().await.unwrap();
    }
    let controlled = Config {
        flow_control: true,
        idle_heartbeat: Duration::from_secs(5),
        ack_policy: AckPolicy::None,
        ..config(&stage)
    };
    let consumer = stream.create_consumer(controlled).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    for sequence in 1..=200 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!((message.info().unwrap().stream_sequence, message.payload.len()), (sequence, 50_000));
    }
}
