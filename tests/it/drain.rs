//! Drain: what was sent before is still read, and nothing is lost between members of a queue group.

use std::collections::BTreeSet;

use crate::support::{Raw, arrived, assert_ended, connect, eventually, next, run, start, subscribe, text};

#[test]
fn a_drained_client_reads_out_what_was_sent_before_and_leaves() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut subscriber = subscribe(&broker, &client, "d").await;
        for number in 0..100 {
            publisher.publish("d", number.to_string().into()).await.unwrap();
        }
        // All of it is at the subscriber's door when the last has come.
        for number in 0..50 {
            assert_eq!(text(&next(&mut subscriber).await.payload), number.to_string());
        }
        publisher.flush().await.unwrap();
        eventually("all is delivered", || broker.statistics().traffic.out_msgs == 100).await;
        // A round trip on the subscriber's connection: all has arrived before the answer. What has not, async-nats may
        // drop when it drains.
        client.request("nobody", "".into()).await.unwrap_err();
        client.drain().await.unwrap();
        for number in 50..100 {
            assert_eq!(text(&next(&mut subscriber).await.payload), number.to_string());
        }
        assert_ended(&mut subscriber).await;
        eventually("the connection is gone", || broker.statistics().connections == 1).await;
        assert_eq!(broker.statistics().subscriptions, 0);
    });
}

/// By hand, as async-nats does not wait for what is still on its way.
#[test]
fn a_queue_member_that_leaves_hands_over_without_loss() {
    const MESSAGES: usize = 3000;
    run(async {
        let broker = start().await;
        let mut leaving = Raw::connect(&broker).await.plain().await;
        leaving.send("SUB jobs q 1\r\n").await;
        assert_eq!(leaving.fence().await, "");
        let client = connect(&broker).await;
        let mut staying = client.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        eventually("both serve", || broker.statistics().subscriptions == 2).await;
        let (local, wire) = (broker.client(), connect(&broker).await);
        let publishing = tokio::spawn(async move {
            for number in (0..MESSAGES).step_by(2) {
                local.publish("jobs", number.to_string().into()).await.unwrap();
                wire.publish("jobs", (number + 1).to_string().into()).await.unwrap();
            }
            wire.flush().await.unwrap();
        });
        let mut done = BTreeSet::new();
        leaving.line().await;
        note(&mut done, &leaving.line().await);
        leaving.send("UNSUB 1\r\n").await;
        // Each message is two lines, MSG and payload.
        let rest = leaving.fence().await;
        publishing.await.unwrap();
        assert_eq!(leaving.fence().await, "", "nothing comes behind the answer to the PING behind UNSUB");
        for payload in rest.lines().skip(1).step_by(2) {
            note(&mut done, payload);
        }
        // What the first did not get, the second has got or gets: exactly that.
        for _ in done.len()..MESSAGES {
            note(&mut done, &text(&next(&mut staying).await.payload));
        }
        assert!(arrived(&mut staying).await.is_empty());
    });
}

fn note(done: &mut BTreeSet<usize>, payload: &str) {
    let number = payload.trim_end().parse().unwrap();
    assert!(done.insert(number), "{number} was delivered twice");
}
