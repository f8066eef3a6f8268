//! Pull consumers read in the process where something is in the way: no reader waits for what never comes.

use std::time::Duration;

use embus::Broker;
use embus::jetstream::consumer::pull::{self, MessagesErrorKind};
use embus::jetstream::consumer::{AckPolicy, Consumer};
use embus::jetstream::stream::Config;
use embus::jetstream::{self, Context};
use futures_util::StreamExt;

use crate::support::{STOP_DEADLINE, run, within};

async fn consumer_of(broker: &Broker, config: pull::Config) -> (Context, Consumer<pull::Config>) {
    let context = jetstream::new(broker.client());
    let stream = Config { name: "S".to_owned(), subjects: vec!["s".to_owned()], ..Config::default() };
    let stream = context.create_stream(stream).await.unwrap();
    let config = pull::Config { ack_policy: AckPolicy::Explicit, ack_wait: Duration::from_millis(100), ..config };
    (context, stream.create_consumer(config).await.unwrap())
}

async fn publish(context: &Context, bytes: usize) {
    context.publish("s", vec![b'x'; bytes].into()).await.unwrap().await.unwrap();
}

#[test]
fn who_finds_no_place_to_wait_is_told_and_gets_one_later() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let config = pull::Config { max_waiting: 1, ..pull::Config::default() };
        let (context, consumer) = consumer_of(&broker, config).await;
        let mut first = consumer.messages().await.unwrap();
        assert!(futures_util::poll!(first.next()).is_pending());
        let mut second = consumer.messages().await.unwrap();
        let refused = within("a refusal", second.next()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), MessagesErrorKind::Other);
        assert!(format!("{refused:?}").contains("Exceeded MaxWaiting"), "{refused:?}");
        drop(first);
        publish(&context, 5).await;
        let message = loop {
            // The first one's place may be free a little later.
            if let Ok(message) = within("a message", second.next()).await.unwrap() {
                break message;
            }
        };
        message.ack().await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_message_that_is_larger_than_what_is_asked_for_is_told_of() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let (context, consumer) = consumer_of(&broker, pull::Config::default()).await;
        publish(&context, 2000).await;
        let mut messages = consumer.stream().max_bytes_per_batch(1000).messages().await.unwrap();
        for _ in 0..2 {
            let refused = within("a refusal", messages.next()).await.unwrap().unwrap_err();
            assert!(format!("{refused:?}").contains("Message Size Exceeds MaxBytes"), "{refused:?}");
        }
        let mut batch = consumer.fetch().max_bytes(1000).messages().await.unwrap();
        let refused = within("a refusal", batch.next()).await.unwrap().unwrap_err();
        assert!(refused.to_string().contains("Message Size Exceeds MaxBytes"), "{refused}");
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn what_finds_no_room_to_wait_in_is_told_of() {
    run(async {
        let broker = Broker::builder().max_payload(60_000).max_buffered(64 * 1024).start().await.unwrap();
        let (context, consumer) = consumer_of(&broker, pull::Config::default()).await;
        let mut messages = consumer.messages().await.unwrap();
        assert!(futures_util::poll!(messages.next()).is_pending());
        // Somebody who does not read holds a part of the room.
        let _unread = broker.client().subscribe("noise").await.unwrap();
        broker.client().publish("noise", "x".into()).await.unwrap();
        publish(&context, 50_000).await;
        let lost = within("a word of the loss", messages.next()).await.unwrap().unwrap_err();
        assert_eq!(lost.kind(), MessagesErrorKind::MissingHeartbeat);
        publish(&context, 5).await;
        let small = loop {
            match within("the next message", messages.next()).await.unwrap() {
                Ok(message) => break message,
                // The large one comes again and again.
                Err(lost) => assert_eq!(lost.kind(), MessagesErrorKind::MissingHeartbeat),
            }
        };
        assert_eq!(small.payload.len(), 5);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_batch_of_none_is_one_of_one() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let (context, consumer) = consumer_of(&broker, pull::Config::default()).await;
        publish(&context, 5).await;
        let batch = consumer.fetch().max_messages(0).messages().await.unwrap();
        assert_eq!(within("a batch", batch.count()).await, 1);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_fetch_does_not_wait_where_nothing_may_come() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let config = pull::Config { max_ack_pending: 2, ..pull::Config::default() };
        let (context, consumer) = consumer_of(&broker, config).await;
        for _ in 0..5 {
            publish(&context, 5).await;
        }
        let fetched = || async {
            let batch = consumer.fetch().max_messages(5).messages().await.unwrap();
            within("the end of a batch", batch.collect::<Vec<_>>()).await
        };
        let first = fetched().await;
        assert_eq!(first.len(), 2, "each once, though they are due again soon");
        for message in first {
            message.unwrap().double_ack().await.unwrap();
        }
        assert_eq!(fetched().await.len(), 2);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_fetch_with_a_time_waits_for_room() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let config = pull::Config { max_ack_pending: 1, ..pull::Config::default() };
        let (context, consumer) = consumer_of(&broker, config).await;
        publish(&context, 5).await;
        publish(&context, 6).await;
        let mut first = consumer.fetch().max_messages(1).messages().await.unwrap();
        let first = within("a message", first.next()).await.unwrap().unwrap();
        let mut second = consumer.fetch().max_messages(1).expires(STOP_DEADLINE).messages().await.unwrap();
        assert!(futures_util::poll!(second.next()).is_pending());
        first.double_ack().await.unwrap();
        assert_eq!(within("a message", second.next()).await.unwrap().unwrap().payload.len(), 6);
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn as_much_as_fits_into_the_bytes_comes() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let (context, consumer) = consumer_of(&broker, pull::Config::default()).await;
        for _ in 0..3 {
            publish(&context, 400).await;
        }
        let batch = consumer.fetch().max_bytes(1200).messages().await.unwrap();
        let fetched: Vec<_> = within("a batch", batch.collect()).await;
        assert_eq!((fetched.len(), fetched.iter().all(Result::is_ok)), (2, true));
        broker.shutdown(STOP_DEADLINE).await;
    });
}
