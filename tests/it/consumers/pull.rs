//! Pull consumers.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull;

use crate::consumers::scene::{all, durable, fill, filled, next, number, place};
use crate::jetstream::scene::Scene;
use crate::support::{run, within};

#[test]
fn fetched_messages_are_acknowledged_once() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 10).await;
        let mut consumer = stream.create_consumer(durable("C")).await.unwrap();
        let messages = all(consumer.fetch().max_messages(6).messages().await.unwrap()).await;
        assert_eq!(messages.iter().map(number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(place(&messages[5]), (6, 6, 1, 4));
        assert_eq!(messages[5].subject.as_str(), "s.6");
        for message in &messages {
            message.double_ack().await.unwrap();
        }
        let rest = all(consumer.fetch().max_messages(100).messages().await.unwrap()).await;
        assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [7, 8, 9, 10]);
        let info = consumer.info().await.unwrap();
        assert_eq!((info.num_ack_pending, info.num_pending), (4, 0));
        assert_eq!((info.ack_floor.stream_sequence, info.delivered.stream_sequence), (6, 10));
        scene.stop().await;
    });
}

#[test]
fn a_stream_of_messages_goes_on_live() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 3).await;
        let consumer = stream.create_consumer(durable("C")).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for expected in 1..=3 {
            let message = next(&mut messages).await;
            assert_eq!(number(&message), expected);
            message.ack().await.unwrap();
        }
        for expected in 4..=40 {
            fill(&scene, [expected]).await;
            let message = next(&mut messages).await;
            assert_eq!(number(&message), expected);
            message.ack().await.unwrap();
        }
        scene.stop().await;
    });
}

#[test]
fn many_messages_come_in_order() {
    run(async {
        const COUNT: u64 = 5000;
        let scene = Scene::new().await;
        let stream = filled(&scene, 1).await;
        for number in 2..=COUNT {
            let ack = scene.context.publish(format!("s.{number}"), number.to_string().into()).await.unwrap();
            if number == COUNT {
                ack.await.unwrap();
            }
        }
        let consumer = stream.create_consumer(durable("C")).await.unwrap();
        let mut messages = consumer.stream().max_messages_per_batch(500).messages().await.unwrap();
        for expected in 1..=COUNT {
            let message = next(&mut messages).await;
            assert_eq!(number(&message), expected);
            message.ack().await.unwrap();
        }
        scene.stop().await;
    });
}

#[test]
fn only_what_the_filter_wants_comes() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 5).await;
        let config = pull::Config { filter_subject: "s.4".to_owned(), ..durable("C") };
        let consumer = stream.create_consumer(config).await.unwrap();
        let messages = all(consumer.fetch().max_messages(10).messages().await.unwrap()).await;
        assert_eq!(messages.iter().map(number).collect::<Vec<_>>(), [4]);
        assert_eq!(place(&messages[0]), (4, 1, 1, 0));
        scene.stop().await;
    });
}

#[test]
fn what_is_refused_comes_again() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 2).await;
        let consumer = stream.create_consumer(durable("C")).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        let first = next(&mut messages).await;
        first.ack_with(AckKind::Nak(None)).await.unwrap();
        next(&mut messages).await.ack().await.unwrap();
        let again = next(&mut messages).await;
        assert_eq!((number(&again), place(&again)), (1, (1, 3, 2, 0)));
        again.double_ack_with(AckKind::Term).await.unwrap();
        scene.stop().await;
    });
}

#[test]
fn what_is_not_acknowledged_in_time_comes_again() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 1).await;
        let config = pull::Config { ack_wait: Duration::from_millis(50), ..durable("C") };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        assert_eq!(place(&next(&mut messages).await), (1, 1, 1, 0));
        let again = next(&mut messages).await;
        assert_eq!(place(&again), (1, 2, 2, 0));
        again.double_ack().await.unwrap();
        scene.stop().await;
    });
}

#[test]
fn a_consumer_that_goes_ends_the_messages_with_an_error() {
    run(async {
        use futures_util::StreamExt;
        let scene = Scene::new().await;
        let stream = filled(&scene, 1).await;
        let consumer = stream.create_consumer(durable("C")).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        next(&mut messages).await.double_ack().await.unwrap();
        stream.delete_consumer("C").await.unwrap();
        let end = within("the end", messages.next()).await.expect("an error");
        assert_eq!(end.unwrap_err().kind(), pull::MessagesErrorKind::ConsumerDeleted);
        scene.stop().await;
    });
}

#[test]
fn an_ordered_consumer_sees_everything_once() {
    run(async {
        let scene = Scene::new().await;
        let stream = filled(&scene, 100).await;
        let consumer = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for expected in 1..=100 {
            assert_eq!(number(&next(&mut messages).await), expected);
        }
        fill(&scene, 101..=110).await;
        for expected in 101..=110 {
            assert_eq!(number(&next(&mut messages).await), expected);
        }
        scene.stop().await;
    });
}
