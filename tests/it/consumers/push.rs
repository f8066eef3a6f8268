//! Push consumers.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, push};

use crate::consumers::scene::{fill, filled, next, number, place};
use crate::jetstream::scene::Scene;
use crate::support::run;

fn durable(name: &str) -> push::Config {
    push::Config {
        durable_name: Some(name.to_owned()),
        deliver_subject: format!("deliver.{name}"),
        ack_policy: AckPolicy::Explicit,
        ..push::Config::default()
    }
}

#[test]
fn a_durable_resumes_at_the_next_unacknowledged_message() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 5).await;
        let config = push::Config { ack_wait: Duration::from_millis(200), ..durable("P") };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for expected in 1..=3 {
            let message = next(&mut messages).await;
            assert_eq!(number(&message), expected);
            message.double_ack().await.unwrap();
        }
        drop(messages);
        let mut messages = consumer.messages().await.unwrap();
        let mut seen = [next(&mut messages).await, next(&mut messages).await].map(|message| number(&message));
        seen.sort_unstable();
        assert_eq!(seen, [4, 5]);
        scene.stop().await;
    });
}

#[test]
fn messages_go_to_a_subscriber_live() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 0).await;
        let consumer = stream.create_consumer(durable("P")).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for expected in 1..=20 {
            fill(&scene, [expected]).await;
            let message = next(&mut messages).await;
            assert_eq!((number(&message), place(&message)), (expected, (expected, expected, 1, 0)));
            message.ack().await.unwrap();
        }
        scene.stop().await;
    });
}

#[test]
fn a_group_shares_the_messages() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 0).await;
        let config = push::Config { deliver_group: Some("workers".to_owned()), ..durable("P") };
        let consumer = stream.create_consumer(config).await.unwrap();
        let (mut first, mut second) = (consumer.messages().await.unwrap(), consumer.messages().await.unwrap());
        fill(&scene, 1..=50).await;
        let mut seen = Vec::new();
        while seen.len() < 50 {
            let message = tokio::select! {
                message = next(&mut first) => message,
                message = next(&mut second) => message,
            };
            message.ack().await.unwrap();
            seen.push(number(&message));
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=50).collect::<Vec<_>>());
        scene.stop().await;
    });
}

#[test]
fn an_ordered_consumer_sees_everything_once() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 200).await;
        let config = push::OrderedConfig {
            deliver_subject: scene.context.client().new_inbox(),
            ..push::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for expected in 1..=200 {
            assert_eq!(number(&next(&mut messages).await), expected);
        }
        fill(&scene, 201..=210).await;
        for expected in 201..=210 {
            assert_eq!(number(&next(&mut messages).await), expected);
        }
        scene.stop().await;
    });
}
