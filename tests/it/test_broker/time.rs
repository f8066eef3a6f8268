//! `advance` drives whatever the broker does by the time, at once and without any sleep.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use embus::TestBroker;
use embus::clock::{Clock, ManualClock};
use embus::statistics::CloseReason;
use futures_util::StreamExt;

use crate::jetstream::scene::{config, sequences, span};
use crate::support::{Raw, STOP_DEADLINE, eventually, next, run, within};
use crate::test_broker::{publish, started, stream, stream_of};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const ALMOST_AN_HOUR: Duration = Duration::from_secs(60 * 60 - 1);

#[test]
fn max_age() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream_of(&broker, Config { max_age: HOUR, ..config("S", &["s.>"]) }).await;
        publish(&context, "s.1", "x").await;
        broker.advance(ALMOST_AN_HOUR).await;
        publish(&context, "s.2", "y").await;
        assert_eq!(span(&stream).await, (2, 1, 2));
        broker.advance(SECOND).await;
        assert_eq!(span(&stream).await, (1, 2, 2));
        broker.advance(HOUR).await;
        assert_eq!(span(&stream).await, (0, 3, 2));
    });
}

#[test]
fn the_time_to_live_of_a_message() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream_of(&broker, Config { allow_message_ttl: true, ..config("S", &["s.>"]) }).await;
        for time_to_live in ["1h", "never", "2h"] {
            let message = PublishMessage::build().payload("x".into()).header("Nats-TTL", time_to_live);
            context.send_publish("s.1", message).await.unwrap().await.unwrap();
        }
        broker.advance(HOUR).await;
        assert_eq!(sequences(&stream).await, [2, 3]);
        broker.advance(HOUR).await;
        assert_eq!(sequences(&stream).await, [2]);
    });
}

#[test]
fn a_message_that_is_not_acknowledged_comes_again() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        let config = pull::Config {
            durable_name: Some("C".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: HOUR,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        publish(&context, "s.1", "x").await;
        let mut messages = consumer.messages().await.unwrap();
        let first = within("the message", messages.next()).await.unwrap().unwrap();
        assert_eq!(first.info().unwrap().delivered, 1);
        broker.clock().advance(HOUR);
        let second = within("the same message", messages.next()).await.unwrap().unwrap();
        assert_eq!(second.info().unwrap().delivered, 2);
    });
}

#[test]
fn a_consumer_that_nobody_uses_leaves() {
    run(async {
        let broker = started().await;
        let (_, stream) = stream(&broker).await;
        let config = pull::Config { name: Some("C".to_owned()), inactive_threshold: HOUR, ..pull::Config::default() };
        stream.create_consumer(config).await.unwrap();
        broker.advance(ALMOST_AN_HOUR).await;
        assert_eq!(stream.get_info().await.unwrap().state.consumer_count, 1);
        broker.advance(SECOND).await;
        assert_eq!(stream.get_info().await.unwrap().state.consumer_count, 0);
    });
}

#[test]
fn a_request_for_messages_expires() {
    run(async {
        let broker = started().await;
        let (_, stream) = stream(&broker).await;
        let consumer = stream.create_consumer(pull::Config::default()).await.unwrap();
        let name = consumer.cached_info().name.clone();
        let asking = broker.client();
        let mut answers = asking.subscribe("answers").await.unwrap();
        let request = format!("$JS.API.CONSUMER.MSG.NEXT.S.{name}");
        asking.publish_with_reply(request, "answers", r#"{"batch":1,"expires":60000000000}"#.into()).await.unwrap();
        broker.clock().advance(HOUR);
        assert_eq!(next(&mut answers).await.status, Some(embus::StatusCode::TIMEOUT));
    });
}

#[test]
fn the_duplicate_window() {
    run(async {
        let broker = started().await;
        let (context, _) = stream_of(&broker, Config { duplicate_window: HOUR, ..config("S", &["s.>"]) }).await;
        let again = async || {
            let message = PublishMessage::build().payload("x".into()).message_id("1");
            let ack = context.send_publish("s.1", message).await.unwrap().await.unwrap();
            (ack.sequence, ack.duplicate)
        };
        assert_eq!(again().await, (1, false));
        broker.advance(ALMOST_AN_HOUR).await;
        assert_eq!(again().await, (1, true));
        broker.advance(SECOND).await;
        assert_eq!(again().await, (2, false));
    });
}

#[test]
fn pings() {
    run(async {
        let builder = TestBroker::builder().configure(|broker| broker.ping_interval(HOUR).ping_max(2));
        let broker = builder.start().await.unwrap();
        let mut silent = Raw::connect(&broker.broker()).await.plain().await;
        let living = broker.async_nats().await.unwrap();
        let id = living.server_info().client_id;
        for _ in 0..2 {
            broker.clock().advance(HOUR);
            assert_eq!(silent.line_with_pings().await, "PING\r\n");
            eventually("the other one answers", || {
                let connections = broker.broker().connections();
                let living = connections.iter().find(|connection| connection.cid == id).unwrap();
                living.last_activity >= broker.clock().wall()
            })
            .await;
        }
        broker.clock().advance(HOUR);
        assert_eq!(silent.line_with_pings().await, "-ERR 'Stale Connection'\r\n");
        assert_eq!(silent.rest().await, "");
        living.publish("still", "here".into()).await.unwrap();
        broker.wait_for_published("still", 1).await.unwrap();
        eventually("the cut is counted", || broker.broker().statistics().stale_connections == 1).await;
    });
}

#[test]
fn the_write_deadline() {
    run(async {
        let broker = started().await;
        let dead = Raw::connect(&broker.broker()).await.plain().await.subscribed("a").await;
        let id = broker.broker().connections()[0].cid;
        let _slow = broker.slow_reader(id).unwrap();
        broker.client().publish("a", "x".into()).await.unwrap();
        // The broker looks at the time once its task has seen that the reader takes nothing.
        eventually("the reader is cut", || {
            broker.clock().advance(HOUR);
            broker.broker().statistics().slow_consumers == 1
        })
        .await;
        dead.rest().await;
        eventually("the end is noted", || broker.broker().closed_connections().len() == 1).await;
        let reason = broker.broker().closed_connections()[0].reason;
        assert_eq!(reason, Some(CloseReason::SlowConsumerWriteDeadline));
    });
}

#[test]
fn the_grace_period_of_a_lame_duck() {
    run(async {
        let broker = started().await;
        let mut client = Raw::connect(&broker.broker()).await.modern().await;
        let ending = tokio::spawn({
            let broker = broker.broker();
            async move { broker.lame_duck().await }
        });
        assert!(client.line().await.contains("\"ldm\":true"));
        assert_eq!(client.fence().await, "", "it is in its grace period");
        // Its task may not have come to wait yet.
        let over = async {
            while !ending.is_finished() {
                broker.clock().advance(HOUR);
                tokio::task::yield_now().await;
            }
        };
        within("the end of the broker", over).await;
        client.rest().await;
    });
}

#[test]
fn two_brokers_on_one_clock() {
    run(async {
        let clock = ManualClock::new();
        let one = TestBroker::builder().clock(clock.clone()).start().await.unwrap();
        let other = TestBroker::builder().clock(clock.clone()).start().await.unwrap();
        let mut clients = Vec::new();
        for broker in [&one, &other] {
            clients.push(Raw::connect(&broker.broker()).await.plain().await);
        }
        clock.advance(HOUR);
        for client in &mut clients {
            assert_eq!(client.line_with_pings().await, "PING\r\n");
        }
        one.broker().shutdown(STOP_DEADLINE).await;
    });
}
