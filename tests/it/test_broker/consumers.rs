//! What time does to consumers: when messages come again, when deliveries go on, how fast old messages follow each other.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{AckPolicy, Consumer, ReplayPolicy, pull};
use embus::TestBroker;
use embus::clock::Clock;
use futures_util::{StreamExt, TryStreamExt};

use crate::support::{run, within};
use crate::test_broker::{publish, started, stream};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn durable() -> pull::Config {
    pull::Config { durable_name: Some("C".to_owned()), ack_policy: AckPolicy::Explicit, ..pull::Config::default() }
}

/// How often each message has been delivered that is there for the asking.
async fn fetch(consumer: &Consumer<pull::Config>) -> Vec<i64> {
    let messages = within("messages", consumer.fetch().max_messages(10).messages()).await.unwrap();
    let messages: Vec<_> = within("messages", messages.try_collect()).await.unwrap();
    messages.iter().map(|message| message.info().unwrap().delivered).collect()
}

#[test]
fn each_delivery_waits_as_long_as_the_backoff_says() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        let config = pull::Config { backoff: vec![MINUTE, HOUR], max_deliver: 3, ..durable() };
        let consumer = stream.create_consumer(config).await.unwrap();
        publish(&context, "s.1", "x").await;
        assert_eq!(fetch(&consumer).await, [1]);
        for (wait, deliveries) in [(MINUTE, 2), (HOUR, 3)] {
            broker.advance(wait.saturating_sub(SECOND)).await;
            assert!(fetch(&consumer).await.is_empty());
            broker.advance(SECOND).await;
            assert_eq!(fetch(&consumer).await, [deliveries]);
        }
        broker.advance(10 * HOUR).await;
        assert!(fetch(&consumer).await.is_empty(), "it was delivered as often as it may be");
    });
}

/// 2100-01-01, in seconds since 1970.
const NEXT_CENTURY: Duration = Duration::from_secs(4_102_444_800);

async fn pause_until_next_century(broker: &TestBroker) {
    let body = r#"{"pause_until":"2100-01-01T00:00:00Z"}"#;
    let answer = broker.client().request("$JS.API.CONSUMER.PAUSE.S.C", body.into()).await.unwrap();
    let answer = String::from_utf8_lossy(&answer.payload).into_owned();
    assert!(answer.contains(r#""paused":true"#), "{answer}");
}

#[test]
fn a_paused_consumer_goes_on_when_its_time_has_come() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        let consumer = stream.create_consumer(durable()).await.unwrap();
        pause_until_next_century(&broker).await;
        publish(&context, "s.1", "x").await;
        let mut messages = consumer.messages().await.unwrap();
        let now = broker.clock().wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        broker.advance(NEXT_CENTURY.saturating_sub(now + SECOND)).await;
        let info = stream.consumer_info("C").await.unwrap();
        assert_eq!((info.num_pending, info.num_ack_pending), (1, 0), "nothing is delivered yet");
        broker.advance(SECOND).await;
        within("the message", messages.next()).await.unwrap().unwrap();
    });
}

#[test]
fn old_messages_follow_each_other_as_they_came() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        for (subject, wait) in [("s.1", HOUR), ("s.2", MINUTE), ("s.3", HOUR)] {
            publish(&context, subject, "x").await;
            broker.advance(wait).await;
        }
        let config = pull::Config { replay_policy: ReplayPolicy::Original, ..durable() };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for (wait, pending) in [(HOUR, 2), (MINUTE, 1)] {
            within("a message", messages.next()).await.unwrap().unwrap();
            broker.advance(wait.saturating_sub(SECOND)).await;
            assert_eq!(stream.consumer_info("C").await.unwrap().num_pending, pending);
            broker.advance(SECOND).await;
        }
        within("the last message", messages.next()).await.unwrap().unwrap();
    });
}
