//! Stopping: by `shutdown`, by token, by dropping the last handle; idempotent, bounded, and nothing left behind.

use std::fmt::Write;
use std::time::Duration;

use embus::client::PublishErrorKind;
use embus::statistics::CloseReason;
use embus::{Broker, Builder};
use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Raw, STOP_DEADLINE, assert_ended, connect, eventually, next, run, run_in_virtual_time, start, start_at_own_address,
    text, virtual_time, within,
};

#[test]
fn the_port_is_free_when_shutdown_returns() {
    run(async {
        let broker = start_at_own_address().await;
        let address = broker.local_addr().unwrap();
        let clients = [connect(&broker).await, connect(&broker).await];
        let raw = Raw::connect(&broker).await.plain().await;
        broker.shutdown(STOP_DEADLINE).await;
        TcpListener::bind(address).await.expect("the port is free");
        assert_eq!(raw.rest().await, "");
        assert_eq!(broker.statistics().connections, 0);
        drop(clients);
    });
}

#[test]
fn an_idle_broker_stops_quickly() {
    run(async {
        let broker = start().await;
        let _raw = Raw::connect(&broker).await.plain().await;
        let before = Instant::now();
        broker.shutdown(STOP_DEADLINE).await;
        assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    });
}

#[test]
fn shutdown_may_come_again_and_from_several_sides() {
    run(async {
        let broker = start().await;
        let _client = connect(&broker).await;
        let shutdowns = (0..10).map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move { broker.shutdown(STOP_DEADLINE).await })
        });
        for shutdown in within("all shutdowns", join_all(shutdowns)).await {
            shutdown.unwrap();
        }
        within("one more", broker.shutdown(STOP_DEADLINE)).await;
        within("the end", broker.stopped()).await;
    });
}

#[test]
fn a_dropped_shutdown_still_stops() {
    run(async {
        let broker = start().await;
        let raw = Raw::connect(&broker).await.plain().await;
        // Polled once, then dropped.
        let _ = broker.shutdown(STOP_DEADLINE).now_or_never();
        within("the end", broker.stopped()).await;
        assert_eq!(raw.rest().await, "");
    });
}

#[test]
fn what_waits_is_sent_before_the_end() {
    run(async {
        let broker = start().await;
        let client = broker.client();
        let reader = Raw::connect(&broker).await.plain().await.subscribed("last").await;
        let mut expected = String::new();
        for number in 0..5000 {
            let payload = number.to_string();
            write!(expected, "MSG last 1 {}\r\n{payload}\r\n", payload.len()).unwrap();
            client.publish("last", payload.into()).await.unwrap();
        }
        let reading = tokio::spawn(reader.rest());
        broker.shutdown(STOP_DEADLINE).await;
        assert!(reading.await.unwrap() == expected, "messages were lost at the end");
    });
}

#[test]
fn in_process_clients_end_after_what_waits_for_them() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let mut subscriber = client.subscribe("end").await.unwrap();
        let mut other = broker.client().subscribe("end").await.unwrap();
        client.publish("end", "waits".into()).await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        for subscriber in [&mut subscriber, &mut other] {
            assert_eq!(text(&next(subscriber).await.payload), "waits");
            assert_ended(subscriber).await;
        }
        assert_eq!(client.publish("end", "".into()).await.unwrap_err().kind(), PublishErrorKind::Send);
        assert!(client.subscribe("end").await.is_err());
        assert!(client.request("end", "".into()).await.is_err());
        let late = broker.client();
        assert!(late.publish("end", "".into()).await.is_err() && late.subscribe("end").await.is_err());
    });
}

#[test]
fn a_request_under_way_fails_when_the_broker_stops() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let _silent_service = client.subscribe("ask").await.unwrap();
        let before = Instant::now();
        let asking = tokio::spawn(async move { client.request("ask", "".into()).await });
        tokio::task::yield_now().await;
        broker.shutdown(STOP_DEADLINE).await;
        assert!(asking.await.unwrap().is_err());
        assert!(before.elapsed() < Duration::from_secs(1), "it failed by its own time limit, not by the end");
    });
}

/// Subscribes a reader that takes nothing and leaves more for it than its pipe holds.
async fn stick(broker: &Broker) -> Raw {
    let stuck = Raw::duplex(broker).await.plain().await.subscribed("stuck").await;
    for _ in 0..10 {
        broker.client().publish("stuck", vec![b'x'; 64 * 1024].into()).await.unwrap();
    }
    stuck
}

#[test]
fn a_stuck_reader_holds_the_end_up_no_longer_than_the_deadline() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let stuck = stick(&broker).await;
        let before = Instant::now();
        broker.shutdown(Duration::from_millis(300)).await;
        let elapsed = before.elapsed();
        assert!((300..310).contains(&elapsed.as_millis()), "{elapsed:?}");
        assert_eq!(broker.statistics().connections, 0);
        assert_eq!(broker.statistics().buffered_bytes, 0);
        drop(stuck);
    });
}

#[test]
fn a_long_deadline_is_not_spent_on_a_stuck_reader() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let _stuck = stick(&broker).await;
        let before = Instant::now();
        broker.shutdown(Duration::from_secs(3600)).await;
        assert!(before.elapsed() <= Duration::from_secs(2), "{:?}", before.elapsed());
        let closed = broker.closed_connections();
        assert_eq!(closed[0].reason, Some(CloseReason::ServerShutdown));
    });
}

#[test]
fn a_client_that_keeps_publishing_does_not_keep_the_broker_alive() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.plain().await;
        let flood = "PUB nowhere 10\r\n0123456789\r\n".repeat(1000);
        let flooding = tokio::spawn(async move { while raw.try_send(&flood).await.is_ok() {} });
        eventually("the flood runs", || broker.statistics().traffic.in_msgs > 10_000).await;
        let before = Instant::now();
        broker.shutdown(STOP_DEADLINE).await;
        assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
        flooding.await.unwrap();
    });
}

fn with_token() -> (Builder, CancellationToken) {
    let token = CancellationToken::new();
    (Broker::builder().listen("127.0.0.1:0").cancellation_token(token.clone()), token)
}

#[test]
fn a_token_stops_the_broker() {
    run(async {
        let (builder, token) = with_token();
        let broker = builder.start().await.unwrap();
        let raw = Raw::connect(&broker).await.plain().await;
        let mut subscriber = broker.client().subscribe("a").await.unwrap();
        token.cancel();
        within("the end", broker.stopped()).await;
        assert_eq!(raw.rest().await, "");
        assert_ended(&mut subscriber).await;
        TcpListener::bind(broker.local_addr().unwrap()).await.expect("the port is free");
    });
}

#[test]
fn a_broker_leaves_the_token_alone() {
    run(async {
        let (builder, token) = with_token();
        builder.start().await.unwrap().shutdown(STOP_DEADLINE).await;
        assert!(!token.is_cancelled());
    });
}

#[test]
fn a_token_that_is_cancelled_before_stops_at_once() {
    run(async {
        let (builder, token) = with_token();
        token.cancel();
        let broker = builder.start().await.unwrap();
        within("the end", broker.stopped()).await;
    });
}

#[test]
fn the_last_handle_stops_everything_when_dropped() {
    run(async {
        let broker = start().await;
        let address = broker.local_addr().unwrap();
        let raw = Raw::connect(&broker).await.plain().await;
        let client = broker.client();
        let mut subscriber = client.subscribe("a").await.unwrap();
        let other_handle = broker.clone();
        drop(broker);
        client.publish("a", "one handle is left".into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await.payload), "one handle is left");

        drop(other_handle);
        assert_eq!(raw.rest().await, "");
        assert_ended(&mut subscriber).await;
        assert!(client.publish("a", "".into()).await.is_err());
        let gone = async { while TcpListener::bind(address).await.is_err() {} };
        within("the free port", gone).await;
    });
}

#[test]
fn a_broker_may_be_dropped_outside_of_its_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (broker, mut subscriber) = runtime.block_on(async {
        let broker = start().await;
        let subscriber = broker.client().subscribe("a").await.unwrap();
        (broker, subscriber)
    });
    drop(runtime);
    drop(broker);
    assert!(subscriber.next().now_or_never().expect("it has ended").is_none());
}
