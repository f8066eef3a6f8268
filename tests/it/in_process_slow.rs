//! In-process subscribers that do not keep up: the newest messages are lost to them, counted, and to nobody else.

use bytes::Bytes;
use futures_util::StreamExt;

use crate::support::{Raw, next, run, run_in_virtual_time, start, text, virtual_time};

/// Messages that may wait for one in-process subscriber, as the documentation says.
const MAX_WAITING: usize = 65_536;

const MIB: usize = 1024 * 1024;

#[test]
fn one_task_may_publish_far_more_than_it_reads() {
    const MESSAGES: usize = 100_000;
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let mut subscriber = client.subscribe("self").await.unwrap();
        for number in 0..MESSAGES {
            client.publish("self", number.to_string().into()).await.unwrap();
        }
        assert_eq!(subscriber.dropped(), (MESSAGES - MAX_WAITING) as u64);
        // What waits are the oldest, in order.
        for number in 0..MAX_WAITING {
            assert_eq!(text(&next(&mut subscriber).await.payload), number.to_string());
        }
        client.publish("self", "room again".into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await.payload), "room again");
        assert_eq!(broker.statistics().buffered_bytes, 0);
    });
}

#[test]
fn bytes_are_bounded_as_messages_are() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let subscriber = client.subscribe("self").await.unwrap();
        let payload = Bytes::from(vec![0; MIB]);
        for _ in 0..100 {
            client.publish("self", payload.clone()).await.unwrap();
        }
        assert!(subscriber.dropped() >= 100 - 64, "{} dropped", subscriber.dropped());
        assert!(broker.statistics().buffered_bytes <= 64 * MIB);
        drop(subscriber);
        assert_eq!(broker.statistics().buffered_bytes, 0);
    });
}

#[test]
fn a_reader_beside_a_stalled_one_gets_everything() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let client = broker.client();
        let stalled = broker.client().subscribe("both").await.unwrap();
        let mut good = broker.client().subscribe("both").await.unwrap();
        for number in 0..2 * MAX_WAITING {
            client.publish("both", number.to_string().into()).await.unwrap();
            assert_eq!(text(&next(&mut good).await.payload), number.to_string());
        }
        assert_eq!((good.dropped(), stalled.dropped()), (0, MAX_WAITING as u64));
    });
}

#[test]
fn wire_publishers_are_not_stopped_by_a_stalled_subscriber() {
    run(async {
        let broker = start().await;
        let stalled = broker.client().subscribe("w").await.unwrap();
        let mut raw = Raw::connect(&broker).await.plain().await;
        let burst = "PUB w 1\r\nx\r\n".repeat(1000);
        for _ in 0..100 {
            raw.send(&burst).await;
            assert_eq!(raw.fence().await, "");
        }
        assert_eq!(stalled.dropped(), (100_000 - MAX_WAITING) as u64);
        drop(broker);
        assert_eq!(stalled.count().await, MAX_WAITING);
    });
}

/// Stalled in-process subscribers may fill what the broker holds for all readers together; those who read must not be
/// the ones who pay.
#[test]
fn stalled_subscribers_cost_neither_wire_nor_in_process_readers() {
    run_in_virtual_time(async {
        let broker = virtual_time().max_buffered(4 * MIB).start().await.unwrap();
        let client = broker.client();
        let mut stalled = Vec::new();
        for _ in 0..3 {
            stalled.push(broker.client().subscribe("flood").await.unwrap());
        }
        let mut wire = Raw::duplex(&broker).await.plain().await.subscribed("calm").await;
        let mut own = broker.client().subscribe("calm").await.unwrap();
        let payload = Bytes::from(vec![b'x'; 32 * 1024]);
        for round in 0..500 {
            client.publish("flood", payload.clone()).await.unwrap();
            client.publish("calm", payload.clone()).await.unwrap();
            assert_eq!(next(&mut own).await.payload.len(), payload.len(), "round {round}");
            assert_eq!(wire.line().await, "MSG calm 1 32768\r\n", "round {round}");
            assert_eq!(wire.line().await.len(), payload.len() + 2);
            assert!(broker.statistics().buffered_bytes <= 4 * MIB);
        }
        assert_eq!((own.dropped(), broker.statistics().slow_consumers), (0, 0));
        assert!(stalled.iter().all(|subscriber| subscriber.dropped() > 0));
    });
}
