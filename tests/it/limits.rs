//! Limits that cost only who breaks them: payload, connections, subscriptions, control line.

use embus::PublishErrorKind;
use embus::statistics::CloseReason;

use crate::support::{Raw, connect, eventually, listening, next, run, subscribe, text};

#[test]
fn max_payload_is_announced_and_holds() {
    run(async {
        let broker = listening().max_payload(1000).start().await.unwrap();
        let client = connect(&broker).await;
        assert_eq!(client.server_info().max_payload, 1000);
        let mut subscriber = subscribe(&broker, &client, "size").await;
        client.publish("size", vec![b'x'; 1000].into()).await.unwrap();
        assert_eq!(next(&mut subscriber).await.payload.len(), 1000);

        // async-nats checks before it sends; a client that does not is refused.
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send(format!("PUB size 1001\r\n{}\r\n", "x".repeat(1001))).await;
        assert_eq!(raw.rest().await, "-ERR 'Maximum Payload Violation'\r\n");
        eventually("the refusal is noted", || {
            broker.closed_connections().iter().any(|gone| gone.reason == Some(CloseReason::MaximumPayloadExceeded))
        })
        .await;

        let error = broker.client().publish("size", vec![b'x'; 1001].into()).await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
        client.publish("size", "still here".into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await.payload), "still here");
    });
}

#[test]
fn headers_count_towards_max_payload() {
    run(async {
        let broker = listening().max_payload(100).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await.modern().await;
        raw.send(format!("HPUB size 12 101\r\nNATS/1.0\r\n\r\n{}\r\n", "x".repeat(89))).await;
        assert_eq!(raw.rest().await, "-ERR 'Maximum Payload Violation'\r\n");
    });
}

#[test]
fn one_connection_too_many_is_told_so() {
    run(async {
        let broker = listening().max_connections(2).start().await.unwrap();
        let first = Raw::connect(&broker).await.plain().await;
        let mut second = Raw::connect(&broker).await.plain().await;
        // In-process clients take nobody's place.
        let _in_process = [broker.client(), broker.client(), broker.client()];
        let third = Raw::connect(&broker).await;
        assert_eq!(third.rest().await, "-ERR 'maximum connections exceeded'\r\n");

        drop(first);
        eventually("the first one's place is free", || broker.statistics().connections == 1).await;
        let mut fourth = Raw::connect(&broker).await.plain().await;
        assert_eq!(fourth.fence().await, "");
        assert_eq!(second.fence().await, "");
        assert_eq!(broker.statistics().connections, 2);
    });
}

#[test]
fn one_subscription_too_many_is_refused_and_the_connection_stays() {
    run(async {
        let broker = listening().max_subscriptions(2).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await.plain().await;
        raw.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n").await;
        assert_eq!(raw.fence().await, "-ERR 'maximum subscriptions exceeded'\r\n");
        raw.send("UNSUB 1\r\nSUB c 3\r\nPUB c 2\r\nok\r\n").await;
        assert_eq!(raw.fence().await, "MSG c 3 2\r\nok\r\n");

        let client = broker.client();
        let held = [client.subscribe("a").await.unwrap(), client.subscribe("b").await.unwrap()];
        assert!(client.subscribe("c").await.is_err());
        drop(held);
        client.subscribe("c").await.unwrap();
    });
}

#[test]
fn a_control_line_at_the_limit_passes_and_one_byte_more_does_not() {
    run(async {
        let broker = listening().max_control_line(64).start().await.unwrap();
        let mut raw = Raw::connect(&broker).await;
        // `<subject> 1` is 64 bytes long.
        let subject = "s".repeat(62);
        raw.send(format!("SUB {subject} 1\r\n")).await;
        assert_eq!(raw.fence().await, "+OK\r\n");
        raw.send(format!("SUB {subject}s 1\r\n")).await;
        assert_eq!(raw.rest().await, "-ERR 'maximum control line exceeded'\r\n");
    });
}
