//! Lame duck: clients are told to go elsewhere, no new ones are taken, then all are closed one by one.

use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use embus::Broker;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::{
    Raw, STOP_DEADLINE, connect_with, eventually, listening, run, run_in_virtual_time, virtual_time, within,
};

/// What closing the clients one by one may take beyond the pauses.
const SLACK: Duration = Duration::from_secs(1);

#[test]
fn clients_of_protocol_1_are_told_at_once_and_others_are_not() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let mut modern = Raw::duplex(&broker).await.modern().await;
        let mut old = Raw::duplex(&broker).await.plain().await;
        assert_eq!(old.fence().await, "");
        let before = Instant::now();
        let ending = tokio::spawn({
            let broker = broker.clone();
            async move { broker.lame_duck().await }
        });
        let info = modern.line().await;
        assert!(info.starts_with("INFO {") && info.contains("\"ldm\":true"), "{info:?}");
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!(old.fence().await, "");
        // Both still work while the grace period lasts.
        modern.send("SUB a 1\r\n").await;
        assert_eq!(modern.fence().await, "");
        old.send("PUB a 2\r\nok\r\n").await;
        modern.expect("MSG a 1 2\r\nok\r\n").await;

        assert_eq!(modern.rest().await, "");
        assert!(before.elapsed() >= Duration::from_secs(10), "closed before the grace period was over");
        ending.await.unwrap();
    });
}

#[test]
fn it_takes_its_duration_and_no_longer() {
    run_in_virtual_time(async {
        let (grace, rest) = (Duration::from_secs(5), Duration::from_secs(55));
        let broker = virtual_time().lame_duck(grace + rest, grace).start().await.unwrap();
        let mut clients = Vec::new();
        for _ in 0..110 {
            clients.push(Raw::duplex(&broker).await.plain().await);
        }
        let before = Instant::now();
        let ends = clients.into_iter().map(|client| {
            tokio::spawn(async move {
                client.rest().await;
                before.elapsed()
            })
        });
        let ends: Vec<_> = ends.collect();
        broker.lame_duck().await;
        let elapsed = before.elapsed();
        assert!(elapsed + SLACK >= grace + rest && elapsed <= grace + rest + SLACK, "{elapsed:?}");
        let ends: Vec<_> = join_all(ends).await.into_iter().map(Result::unwrap).collect();
        assert!(ends.iter().all(|end| *end >= grace), "somebody was closed within the grace period");
        // Spread over the time, not all at once: in the middle of it about half are left.
        let early = ends.iter().filter(|end| **end < grace + rest / 2).count();
        assert!((50..=60).contains(&early), "{early} of 110 in the first half");
        within("the end", broker.stopped()).await;
    });
}

#[test]
fn without_clients_there_is_nothing_to_wait_for() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let _in_process = broker.client();
        let before = Instant::now();
        broker.lame_duck().await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    });
}

#[test]
fn few_clients_do_not_take_the_whole_duration() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let _clients = [Raw::duplex(&broker).await, Raw::duplex(&broker).await];
        let before = Instant::now();
        broker.lame_duck().await;
        assert!(before.elapsed() <= Duration::from_secs(13), "{:?}", before.elapsed());
    });
}

fn short() -> embus::Builder {
    listening().lame_duck(Duration::from_millis(200), Duration::from_millis(100))
}

#[test]
fn async_nats_is_told_and_nobody_new_is_taken() {
    run(async {
        let broker = short().start().await.unwrap();
        let (events, mut receiver) = mpsc::unbounded_channel();
        let options = ConnectOptions::new().max_reconnects(1).event_callback(move |event| {
            let events = events.clone();
            async move { drop(events.send(event)) }
        });
        let client = connect_with(&broker, options).await;
        client.flush().await.unwrap();
        // The first PING is answered: the client is as good as known.
        client.request("nobody", "".into()).await.unwrap_err();
        let ending = tokio::spawn({
            let broker = broker.clone();
            async move { broker.lame_duck().await }
        });
        let told = async { while receiver.recv().await.unwrap() != Event::LameDuckMode {} };
        within("the news", told).await;
        let address = broker.local_addr().unwrap();
        let refused = async { while TcpStream::connect(address).await.is_ok() {} };
        within("a refusal", refused).await;
        within("the end", ending).await.unwrap();
        eventually("all are gone", || broker.statistics().connections == 0).await;
    });
}

#[test]
fn a_shutdown_cuts_a_lame_duck_short() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = Raw::duplex(&broker).await;
        let before = Instant::now();
        // Polled once: everybody is told, nobody is closed.
        assert!(broker.lame_duck().now_or_never().is_none());
        broker.shutdown(STOP_DEADLINE).await;
        assert_eq!(client.rest().await, "");
        assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    });
}

#[test]
fn a_second_call_ends_with_the_first() {
    run_in_virtual_time(async {
        let broker: Broker = virtual_time().start().await.unwrap();
        let mut modern = Raw::duplex(&broker).await.modern().await;
        tokio::join!(broker.lame_duck(), broker.lame_duck(), async {
            let info = modern.line().await;
            assert!(info.contains("\"ldm\":true"), "{info:?}");
            assert_eq!(modern.rest().await, "", "told twice");
        });
    });
}
