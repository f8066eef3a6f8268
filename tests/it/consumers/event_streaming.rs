//! The event streaming of a tutorial: a stream with `NAME.*`, publishers that wait for their acknowledgement, a durable
//! push subscriber that acknowledges by hand, and a consumer for each HTTP client that leaves nothing behind.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull, push};
use futures_util::StreamExt;

use crate::consumers::scene::{next, number};
use crate::jetstream::scene::{Scene, config};
use crate::support::{run, within};

/// Publishes events with these numbers; each has the sequence of its number.
async fn publish(scene: &Scene, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert_eq!(scene.publish("ORDERS.created", number.to_string()).await, number);
    }
}

fn subscriber() -> push::Config {
    push::Config {
        durable_name: Some("billing".to_owned()),
        deliver_subject: "deliver.billing".to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(1),
        ..push::Config::default()
    }
}

#[test]
fn a_durable_push_subscriber_resumes_at_the_next_event_after_a_restart() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let scene = Scene::at(&store).await;
        let stream = scene.stream(config("ORDERS", &["ORDERS.*"])).await;
        publish(&scene, 1..=5).await;
        let mut messages = stream.create_consumer(subscriber()).await.unwrap().messages().await.unwrap();
        for expected in 1..=3 {
            let message = next(&mut messages).await;
            assert_eq!(number(&message), expected);
            message.double_ack().await.unwrap();
        }
        drop(messages);
        scene.stop().await;
        let scene = Scene::again_at(&store).await;
        publish(&scene, 6..=7).await;
        let stream = scene.get("ORDERS").await;
        // As at the first start: what is there already is found.
        let consumer = stream.get_or_create_consumer("billing", subscriber()).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 4 {
            let message = next(&mut messages).await;
            message.double_ack().await.unwrap();
            seen.push(number(&message));
        }
        // Those that were at the subscriber when the broker ended come once their time to be acknowledged is over.
        seen.sort_unstable();
        assert_eq!(seen, [4, 5, 6, 7]);
        assert_eq!(stream.consumer_info("billing").await.unwrap().ack_floor.stream_sequence, 7);
        scene.stop().await;
    });
}

#[test]
fn a_consumer_for_each_http_client_leaves_nothing_behind() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("ORDERS", &["ORDERS.*"])).await;
        publish(&scene, 1..=3).await;
        let mut deleted =
            scene.context.client().subscribe("$JS.EVENT.ADVISORY.CONSUMER.DELETED.ORDERS.*").await.unwrap();
        let policies =
            [(DeliverPolicy::New, vec![4]), (DeliverPolicy::All, vec![1, 2, 3, 4]), (DeliverPolicy::Last, vec![3, 4])];
        let mut clients = Vec::new();
        for (deliver_policy, expected) in policies {
            let inactive_threshold = Duration::from_secs(1);
            let ack_policy = AckPolicy::None;
            let config = pull::Config { deliver_policy, inactive_threshold, ack_policy, ..pull::Config::default() };
            let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
            clients.push((messages, expected));
        }
        publish(&scene, [4]).await;
        for (messages, expected) in &mut clients {
            for expected in expected {
                assert_eq!(number(&next(messages).await), *expected);
            }
        }
        assert_eq!(stream.get_info().await.unwrap().state.consumer_count, 3);
        drop(clients);
        for _ in 0..3 {
            within("the end of a consumer", deleted.next()).await.unwrap();
        }
        assert_eq!(stream.get_info().await.unwrap().state.consumer_count, 0);
        scene.stop().await;
    });
}
