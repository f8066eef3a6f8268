//! What was published is noted down, and nobody notices.

use std::panic::AssertUnwindSafe;

use embus::TestBroker;
use embus::test_util::PublishedError;
use futures_util::{FutureExt, StreamExt};

use crate::support::{Raw, next, run, text};
use crate::test_broker::{publish, started, stream};

#[test]
fn everything_is_there_once_in_order_with_all_its_parts() {
    run(async {
        let broker = started().await;
        let (local, remote) = (broker.client(), broker.async_nats().await.unwrap());
        let mut subscriber = local.subscribe("orders.*").await.unwrap();
        let mut headers = embus::HeaderMap::new();
        headers.insert("Color", "red");
        local.publish_with_reply_and_headers("orders.1", "answers", headers, "local".into()).await.unwrap();
        local.publish("bills.1", "no order".into()).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Color", "blue");
        remote.publish_with_headers("orders.2", headers, "remote".into()).await.unwrap();
        let orders = broker.wait_for_published("orders.>", 2).await.unwrap();
        for (order, (payload, color)) in orders.iter().zip([("local", "red"), ("remote", "blue")]) {
            assert_eq!(
                (text(&order.payload).as_str(), order.headers.as_ref().unwrap().get("Color").unwrap().as_str()),
                (payload, color)
            );
            let heard = next(&mut subscriber).await;
            assert_eq!(
                (&heard.subject, &heard.payload, &heard.headers),
                (&order.subject, &order.payload, &order.headers)
            );
            assert_eq!((&heard.reply, heard.length), (&order.reply, order.length));
        }
        assert!(subscriber.next().now_or_never().is_none(), "nothing came twice");
        assert_eq!(broker.published("orders.>").len(), 2);
        assert_eq!(broker.published(">").len(), 3);
        broker.clear_published();
        assert!(broker.published(">").is_empty());
    });
}

#[test]
fn a_request_that_nobody_answers_is_told_so() {
    run(async {
        let broker = started().await;
        let local = broker.client().request("nobody", "local".into()).await.unwrap_err();
        assert_eq!(local.kind(), embus::RequestErrorKind::NoResponders);
        let remote = broker.async_nats().await.unwrap().request("nobody", "remote".into()).await.unwrap_err();
        assert_eq!(remote.kind(), async_nats::RequestErrorKind::NoResponders);
        let asked = broker.published("nobody");
        assert_eq!(asked.iter().map(|request| text(&request.payload)).collect::<Vec<_>>(), ["local", "remote"]);
        assert!(asked.iter().all(|request| request.reply.is_some()));
    });
}

#[test]
fn there_is_no_interest_because_of_it() {
    run(async {
        let broker = started().await;
        let before = broker.broker().statistics().subscriptions;
        broker.client().publish("a", "x".into()).await.unwrap();
        assert_eq!(broker.published("a").len(), 1);
        assert_eq!(broker.broker().statistics().subscriptions, before);
        assert!(broker.wait_for_interest("a").now_or_never().is_none());
    });
}

#[test]
fn what_the_broker_itself_publishes_is_there_and_what_it_delivers_is_not() {
    run(async {
        let broker = started().await;
        let advisories = broker.client().subscribe("$JS.EVENT.ADVISORY.>").await.unwrap();
        let (context, stream) = stream(&broker).await;
        publish(&context, "s.1", "x").await;
        drop(advisories);
        assert_eq!(broker.published("$JS.EVENT.ADVISORY.STREAM.CREATED.S").len(), 1);
        assert_eq!(broker.published("$JS.API.STREAM.CREATE.S").len(), 1);
        let config = async_nats::jetstream::consumer::pull::Config::default();
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        next(&mut messages).await.unwrap().ack().await.unwrap();
        broker.wait_for_published("$JS.ACK.S.>", 1).await.unwrap();
        assert_eq!(broker.published("s.>").len(), 1);
        let acknowledged = |message: &embus::Message| message.payload.starts_with(b"{\"stream\":\"S\"");
        assert_eq!(broker.published("_INBOX.>").iter().filter(|message| acknowledged(message)).count(), 1);
    });
}

#[test]
fn what_is_refused_was_not_published() {
    run(async {
        let broker = TestBroker::builder().configure(|broker| broker.max_payload(8)).start().await.unwrap();
        assert!(broker.client().publish("a", "123456789".into()).await.is_err());
        let mut remote = Raw::connect(&broker.broker()).await.plain().await;
        remote.send("PUB a 8\r\n12345678\r\nPUB a 9\r\n").await;
        assert_eq!(remote.line().await, "-ERR 'Maximum Payload Violation'\r\n");
        assert_eq!(broker.published("a").len(), 1);
    });
}

#[test]
fn more_than_is_kept_is_said_and_not_hidden() {
    run(async {
        let broker = TestBroker::builder().max_published_bytes(1000).start().await.unwrap();
        let client = broker.client();
        for _ in 0..100 {
            client.publish("a", "x".into()).await.unwrap();
        }
        assert_eq!(broker.try_published("b").unwrap_err(), PublishedError::Overflow { limit: 1000 });
        let waiting = broker.wait_for_published("a", 100).await;
        assert_eq!(waiting.unwrap_err(), PublishedError::Overflow { limit: 1000 });
        let panic = std::panic::catch_unwind(AssertUnwindSafe(|| broker.published("a"))).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("more than 1000 bytes were published"));
        broker.clear_published();
        client.publish("a", "x".into()).await.unwrap();
        assert_eq!(broker.published("a").len(), 1);
    });
}

#[test]
fn it_goes_on_over_a_restart() {
    run(async {
        let broker = started().await;
        broker.client().publish("a", "1".into()).await.unwrap();
        broker.restart().await.unwrap();
        broker.client().publish("a", "2".into()).await.unwrap();
        assert_eq!(broker.published("a").len(), 2);
    });
}
