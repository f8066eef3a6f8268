//! Restarts and crashes: what was durable is there again, at the same address.

use embus::{SyncPolicy, TestBroker};
use futures_util::future::join_all;
use tokio::net::TcpStream;

use crate::jetstream::scene::span;
use crate::support::{next, run, within};
use crate::test_broker::{context, publish, started, stream};

#[test]
fn a_crash_keeps_what_was_acknowledged_after_a_sync() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        for _ in 0..3 {
            let publishes = (0..50).map(|_| publish(&context, "s.1", "x"));
            let before = span(&stream).await.2;
            let last = join_all(publishes).await.into_iter().max().unwrap();
            assert_eq!(last, before + 50);
            broker.crash().await.unwrap();
            broker.restart().await.unwrap();
            assert_eq!(within("the stream", Box::pin(span_again(&broker))).await, (last, 1, last));
        }
    });
}

#[test]
fn a_crash_takes_what_was_not_synced() {
    run(async {
        let broker = TestBroker::builder().sync(SyncPolicy::Os).start().await.unwrap();
        let (context, _) = stream(&broker).await;
        for _ in 0..10 {
            publish(&context, "s.1", "x").await;
        }
        broker.crash().await.unwrap();
        broker.restart().await.unwrap();
        let (messages, _, _) = span_again(&broker).await;
        assert!(messages < 10, "{messages} of 10 are there, and none was synced");
    });
}

#[test]
fn a_restart_in_good_order_keeps_everything() {
    run(async {
        for policy in [SyncPolicy::Always, SyncPolicy::Os] {
            let broker = TestBroker::builder().sync(policy).start().await.unwrap();
            let (context, _) = stream(&broker).await;
            for _ in 0..10 {
                publish(&context, "s.1", "x").await;
            }
            broker.restart().await.unwrap();
            assert_eq!(span_again(&broker).await, (10, 1, 10));
            broker.crash().await.unwrap();
            broker.restart().await.unwrap();
            assert_eq!(span_again(&broker).await.0, 10, "the end of the first run synced it");
        }
    });
}

#[test]
fn clients_come_back_to_the_same_address() {
    run(async {
        let broker = started().await;
        let (url, client) = (broker.url(), broker.async_nats().await.unwrap());
        let mut hears = client.subscribe("a").await.unwrap();
        broker.wait_for_interest("a").await;
        broker.crash().await.unwrap();
        let address = url.strip_prefix("nats://").unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens while it is down");
        assert!(broker.client().publish("a", "x".into()).await.is_err());
        broker.restart().await.unwrap();
        assert_eq!(broker.url(), url);
        within("the client", broker.wait_for_interest("a")).await;
        broker.client().publish("a", "x".into()).await.unwrap();
        assert_eq!(next(&mut hears).await.payload, "x");
    });
}

#[test]
fn one_that_is_down_can_be_crashed_again_and_dropped() {
    run(async {
        let broker = started().await;
        for _ in 0..2 {
            broker.crash().await.unwrap();
        }
        broker.restart().await.unwrap();
        broker.crash().await.unwrap();
        broker.shutdown().await;
    });
}

/// Messages, first and last sequence of the stream, asked by a new client.
async fn span_again(broker: &TestBroker) -> (u64, u64, u64) {
    span(&context(broker).await.get_stream("S").await.unwrap()).await
}
