//! What a broker tells of itself: counters, connections, closed connections, subscriptions.

use async_nats::ConnectOptions;
use embus::statistics::{CloseReason, ConnectionKind};

use crate::support::{Raw, connect_with, eventually, next, run, run_in_virtual_time, start, subscribe, virtual_time};

#[test]
fn connections_tell_who_they_are_and_what_they_did() {
    run(async {
        let broker = start().await;
        let client = connect_with(&broker, ConnectOptions::new().name("meter reader")).await;
        let mut subscriber = subscribe(&broker, &client, "s").await;
        let own = broker.client();
        own.publish("s", "12345".into()).await.unwrap();
        next(&mut subscriber).await;
        client.publish("elsewhere", "123".into()).await.unwrap();
        eventually("all is counted", || broker.statistics().traffic.in_msgs == 2).await;

        let connections = broker.connections();
        assert_eq!(connections.len(), 2);
        let wire = connections.iter().find(|connection| connection.kind == ConnectionKind::Tcp).unwrap();
        assert_eq!((wire.name.as_str(), wire.lang.as_str(), wire.ip.as_str()), ("meter reader", "rust", "127.0.0.1"));
        assert!(!wire.version.is_empty() && wire.port > 0);
        assert_eq!(wire.cid, client.server_info().client_id);
        assert_eq!((wire.subscriptions, wire.account.as_str()), (1, "$G"));
        assert_eq!((wire.traffic.in_msgs, wire.traffic.in_bytes), (1, 3));
        assert_eq!((wire.traffic.out_msgs, wire.traffic.out_bytes), (1, 5));
        assert!(wire.stop.is_none() && wire.reason.is_none());
        assert!(wire.last_activity >= wire.start);
        let in_process = connections.iter().find(|connection| connection.kind == ConnectionKind::InProcess).unwrap();
        assert_eq!((in_process.traffic.in_msgs, in_process.traffic.in_bytes), (1, 5));
        assert_eq!(in_process.subscriptions, 0);
    });
}

#[test]
fn statistics_add_up_over_those_who_left() {
    run(async {
        let broker = start().await;
        let mut subscriber = broker.client().subscribe("s.*").await.unwrap();
        for number in 0..5 {
            let mut raw = Raw::connect(&broker).await.plain().await;
            raw.send(format!("PUB s.{number} 4\r\nabcd\r\n")).await;
            assert_eq!(raw.fence().await, "");
            next(&mut subscriber).await;
        }
        eventually("all are gone", || broker.closed_connections().len() == 5).await;
        let statistics = broker.statistics();
        assert_eq!((statistics.total_connections, statistics.subscriptions), (5, 1));
        assert_eq!((statistics.traffic.in_msgs, statistics.traffic.in_bytes), (5, 20));
        assert_eq!((statistics.traffic.out_msgs, statistics.traffic.out_bytes), (5, 20));
        assert_eq!((statistics.interest.filters, statistics.interest.inserts), (1, 1));
        assert_eq!(statistics.interest.matches, 5);
        assert_eq!((statistics.slow_consumers, statistics.stale_connections), (0, 0));

        for connection in broker.closed_connections() {
            assert_eq!(connection.reason, Some(CloseReason::ClientClosed));
            assert!(connection.stop.unwrap() >= connection.start);
            assert_eq!(connection.traffic.in_msgs, 1);
        }
    });
}

#[test]
fn subscriptions_show_filter_group_and_counts() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let mut raw = Raw::duplex(&broker).await.plain().await;
        raw.send("SUB a.* one\r\nSUB b.> workers two\r\nUNSUB two 5\r\nPUB a.1 0\r\n\r\nPUB b.1 0\r\n\r\n").await;
        raw.fence().await;
        let cid = broker.connections()[0].cid;
        let mut subscriptions = broker.subscriptions();
        subscriptions.sort_by(|a, b| a.subject.cmp(&b.subject));
        let [plain, queue] = &subscriptions[..] else { panic!("{subscriptions:?}") };
        assert_eq!((plain.subject.as_str(), plain.sid.as_str(), plain.queue.as_deref()), ("a.*", "one", None));
        assert_eq!((plain.msgs, plain.max, plain.cid), (1, 0, cid));
        assert_eq!((queue.subject.as_str(), queue.sid.as_str()), ("b.>", "two"));
        assert_eq!(queue.queue.as_deref(), Some("workers"));
        assert_eq!((queue.msgs, queue.max, queue.account.as_str()), (1, 5, "$G"));
    });
}

#[test]
fn a_subscription_that_had_all_it_wanted_is_gone() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        let mut raw = Raw::duplex(&broker).await.plain().await;
        raw.send("SUB a 1\r\nUNSUB 1 2\r\n").await;
        for _ in 0..3 {
            raw.send("PUB a 0\r\n\r\n").await;
        }
        assert_eq!(raw.fence().await, "MSG a 1 0\r\n\r\nMSG a 1 0\r\n\r\n");
        assert_eq!(broker.statistics().subscriptions, 0);
        assert!(broker.subscriptions().is_empty());
    });
}

#[test]
fn the_memory_of_closed_connections_is_bounded() {
    run_in_virtual_time(async {
        let broker = virtual_time().start().await.unwrap();
        for _ in 0..1100 {
            drop(Raw::duplex(&broker).await);
        }
        eventually("all are gone", || broker.connections().is_empty()).await;
        let closed = broker.closed_connections();
        assert_eq!(closed.len(), 1000);
        assert!(closed.iter().any(|connection| connection.cid == 1100), "the latest are kept");
        assert!(closed.iter().all(|connection| connection.cid > 50), "the oldest are forgotten");
        assert_eq!(broker.statistics().total_connections, 1100);
    });
}
