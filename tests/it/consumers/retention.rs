//! Streams that keep messages only as long as consumers need them.

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Config, RetentionPolicy};

use crate::consumers::scene::{all, durable, fill, number};
use crate::jetstream::scene::{Scene, config, sequences, span, wait_for_messages};
use crate::support::run;

#[test]
fn a_work_queue_hands_each_message_out_once() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { retention: RetentionPolicy::WorkQueue, ..config("S", &["s.>"]) }).await;
        fill(&scene, 1..=40).await;
        let consumer = stream.create_consumer(durable("C")).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let workers = [consumer.clone(), consumer.clone()];
            for worker in workers {
                for message in all(worker.fetch().max_messages(5).messages().await.unwrap()).await {
                    seen.push(number(&message));
                    message.double_ack().await.unwrap();
                }
            }
        }
        assert_eq!(seen, (1..=40).collect::<Vec<_>>());
        assert_eq!(span(&stream).await, (0, 41, 40));
        scene.stop().await;
    });
}

#[test]
fn interest_keeps_a_message_until_all_are_done() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { retention: RetentionPolicy::Interest, ..config("S", &["s.>"]) }).await;
        fill(&scene, [1]).await;
        assert_eq!(span(&stream).await, (0, 2, 1), "nobody wants it");
        let first = stream.create_consumer(durable("A")).await.unwrap();
        let only_two = pull::Config { filter_subject: "s.2".to_owned(), ..durable("B") };
        let second = stream.create_consumer(only_two).await.unwrap();
        fill(&scene, 2..=3).await;
        for message in all(first.fetch().max_messages(10).messages().await.unwrap()).await {
            message.double_ack().await.unwrap();
        }
        wait_for_messages(&stream, 1).await;
        assert_eq!(sequences(&stream).await, [2]);
        for message in all(second.fetch().max_messages(10).messages().await.unwrap()).await {
            message.double_ack().await.unwrap();
        }
        wait_for_messages(&stream, 0).await;
        scene.stop().await;
    });
}

#[test]
fn a_consumer_that_goes_lets_go_of_what_it_kept() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(Config { retention: RetentionPolicy::Interest, ..config("S", &["s.>"]) }).await;
        let first = stream.create_consumer(durable("A")).await.unwrap();
        stream.create_consumer(durable("B")).await.unwrap();
        fill(&scene, 1..=3).await;
        for message in all(first.fetch().max_messages(2).messages().await.unwrap()).await {
            message.double_ack().await.unwrap();
        }
        assert_eq!(span(&stream).await.0, 3);
        stream.delete_consumer("B").await.unwrap();
        wait_for_messages(&stream, 1).await;
        assert_eq!(sequences(&stream).await, [3]);
        scene.stop().await;
    });
}
