//! Wire clients that subscribe and never read: each is cut at its own bound, all together are held to one bound, and
//! nobody else pays for them.

use std::time::Duration;

use bytes::Bytes;
use embus::Broker;
use embus::statistics::CloseReason;
use tokio::time::Instant;

use crate::support::{
    Raw, connect, eventually, listening, next, run, run_in_virtual_time, subscribe, text, virtual_time,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn block() -> Bytes {
    Bytes::from(vec![b'x'; 64 * KIB])
}

#[test]
fn a_stalled_reader_is_cut_and_a_good_one_gets_everything() {
    run(async {
        let broker = listening().max_payload(64 * KIB).max_pending(MIB).start().await.unwrap();
        let stalled = Raw::connect_narrow(&broker).await.plain().await.subscribed("flood").await;
        let good = connect(&broker).await;
        let mut subscriber = subscribe(&broker, &good, "flood").await;
        let publisher = connect(&broker).await;
        let mut sent = 0;
        // In step with the good reader: it never falls behind, however slow the machine is. The system's buffers take
        // some MiB for the stalled one, then the broker's own bound counts.
        while broker.statistics().slow_consumers == 0 {
            assert!(sent < 64 * MIB, "the stalled reader was never cut");
            publisher.publish("flood", block()).await.unwrap();
            assert_eq!(next(&mut subscriber).await.payload.len(), 64 * KIB);
            sent += 64 * KIB;
            assert!(broker.statistics().buffered_bytes <= MIB + 64 * KIB);
        }
        assert!(sent > MIB, "cut after {sent} bytes already");

        eventually("the cut reader is gone", || broker.closed_connections().len() == 1).await;
        let closed = broker.closed_connections();
        assert_eq!(closed[0].reason, Some(CloseReason::SlowConsumerPendingBytes));
        assert_eq!(broker.statistics().slow_consumers, 1);
        assert_eq!(broker.statistics().subscriptions, 1);
        eventually("its bytes are free", || broker.statistics().buffered_bytes == 0).await;
        // There is no -ERR for slow consumers: the socket just ends.
        let rest = stalled.rest().await;
        assert!(rest.starts_with("MSG flood 1 65536\r\n") && !rest.contains("-ERR"));

        publisher.publish("flood", "on and on".into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await.payload), "on and on");
    });
}

#[test]
fn an_in_process_publisher_cuts_a_stalled_reader_too() {
    run_in_virtual_time(async {
        let broker = virtual_time().max_pending(MIB).start().await.unwrap();
        let stalled = Raw::duplex(&broker).await.plain().await.subscribed("flood").await;
        let client = broker.client();
        let mut subscriber = client.subscribe("flood").await.unwrap();
        for round in 0..40 {
            client.publish("flood", block()).await.unwrap();
            assert_eq!(next(&mut subscriber).await.payload.len(), 64 * KIB, "round {round}");
            assert!(broker.statistics().buffered_bytes <= MIB);
        }
        eventually("the cut is counted", || broker.statistics().slow_consumers == 1).await;
        assert_eq!(broker.statistics().buffered_bytes, 0);
        stalled.rest().await;
    });
}

/// The number of the connection that subscribed to `subject`.
fn cid_of(broker: &Broker, subject: &str) -> u64 {
    broker.subscriptions().iter().find(|subscription| subscription.subject == subject).expect("it subscribed").cid
}

#[test]
fn over_the_common_bound_the_largest_is_cut() {
    run_in_virtual_time(async {
        let broker = virtual_time().max_buffered(2 * MIB).max_pending(2 * MIB).start().await.unwrap();
        let mut stalled = Vec::new();
        for number in 0..9 {
            stalled.push(Raw::duplex(&broker).await.plain().await.subscribed(&format!("r.{number}")).await);
        }
        let largest = cid_of(&broker, "r.4");
        let client = broker.client();
        for _ in 0..12 {
            client.publish("r.4", block()).await.unwrap();
        }
        // The others get less each, but more than what is left together.
        'until_cut: loop {
            for number in [0, 1, 2, 3, 5, 6, 7, 8] {
                client.publish(format!("r.{number}"), block()).await.unwrap();
                assert!(broker.statistics().buffered_bytes <= 2 * MIB, "over the common bound");
                if broker.connections().iter().all(|connection| connection.cid != largest) {
                    break 'until_cut;
                }
            }
        }
        assert_eq!(broker.statistics().slow_consumers, 1);
        assert_eq!(broker.statistics().connections, 8);
        let closed = broker.closed_connections();
        assert_eq!((closed[0].cid, closed[0].reason), (largest, Some(CloseReason::SlowConsumerPendingBytes)));
    });
}

#[test]
fn many_stalled_readers_together_stay_within_the_common_bound() {
    run_in_virtual_time(async {
        let broker = virtual_time().max_buffered(4 * MIB).start().await.unwrap();
        let mut stalled = Vec::new();
        for _ in 0..100 {
            stalled.push(Raw::duplex(&broker).await.plain().await.subscribed("flood").await);
        }
        let mut good = Raw::duplex(&broker).await.plain().await.subscribed("calm").await;
        let mut publisher = Raw::duplex(&broker).await.plain().await;
        for round in 0..20 {
            let payload = "x".repeat(16 * KIB);
            publisher.send(format!("PUB flood {}\r\n{payload}\r\n", payload.len())).await;
            assert_eq!(publisher.fence().await, "");
            let buffered = broker.statistics().buffered_bytes;
            assert!(buffered <= 4 * MIB, "{buffered} bytes wait in round {round}");
            publisher.send("PUB calm 2\r\nok\r\n").await;
            good.expect("MSG calm 1 2\r\nok\r\n").await;
        }
        // 100 readers, 16 KiB for each in 20 rounds are 32 MiB; 4 and the pipes' 6.4 fit.
        let cut = broker.statistics().slow_consumers;
        assert!((1..=100).contains(&cut), "{cut} were cut");
        assert_eq!(good.fence().await, "");
        drop(stalled);
        eventually("all is free", || broker.statistics().buffered_bytes == 0).await;
    });
}

/// Far less may wait than is sent: without the producer's waits, the reader would be cut.
#[test]
fn a_producer_waits_for_a_reader_that_moves() {
    const MESSAGES: usize = 400;
    run_in_virtual_time(async {
        let broker = virtual_time().max_pending(MIB).start().await.unwrap();
        let mut reader = Raw::duplex(&broker).await.plain().await.subscribed("flow").await;
        let reading = tokio::spawn(async move {
            for _ in 0..MESSAGES {
                assert_eq!(reader.line().await, "MSG flow 1 65536\r\n");
                assert_eq!(reader.line().await.len(), 64 * KIB + 2);
            }
        });
        for _ in 0..MESSAGES {
            broker.client().publish("flow", block()).await.unwrap();
        }
        reading.await.unwrap();
        let statistics = broker.statistics();
        assert_eq!((statistics.slow_consumers, statistics.buffered_bytes), (0, 0));
        assert!(statistics.stalled_clients > 10, "{} waits", statistics.stalled_clients);
    });
}

#[test]
fn a_producer_does_not_wait_long_for_a_reader_that_stalls() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let stalled = Raw::duplex(&broker).await.plain().await.subscribed("flow").await;
        let before = Instant::now();
        for _ in 0..500 {
            broker.client().publish("flow", block()).await.unwrap();
        }
        // A wait of 10 ms or two show that the reader does not move.
        assert!(before.elapsed() < Duration::from_millis(40), "{:?}", before.elapsed());
        assert!((1..=3).contains(&broker.statistics().stalled_clients));
        drop(stalled);
    });
}
