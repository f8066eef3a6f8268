//! Drain: what was sent before is still read, and nothing is lost between members of a queue group.

use std::collections::BTreeSet;

use futures_util::StreamExt;

use crate::support::{assert_ended, connect, eventually, next, run, start, subscribe, text, within};

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
        client.drain().await.unwrap();
        for number in 50..100 {
            assert_eq!(text(&next(&mut subscriber).await.payload), number.to_string());
        }
        assert_ended(&mut subscriber).await;
        eventually("the connection is gone", || broker.statistics().connections == 1).await;
        assert_eq!(broker.statistics().subscriptions, 0);
    });
}

fn note(done: &mut BTreeSet<usize>, message: &async_nats::Message) {
    let number: usize = text(&message.payload).parse().unwrap();
    assert!(done.insert(number), "{number} was delivered twice");
}

#[test]
fn a_drained_queue_member_hands_over_without_loss() {
    const MESSAGES: usize = 3000;
    run(async {
        let broker = start().await;
        let (leaving, staying) = (connect(&broker).await, connect(&broker).await);
        let mut first = leaving.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        let mut second = staying.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        eventually("both serve", || broker.statistics().subscriptions == 2).await;
        let publisher = broker.client();
        let publishing = tokio::spawn(async move {
            for number in 0..MESSAGES {
                publisher.publish("jobs", number.to_string().into()).await.unwrap();
            }
        });
        let mut done = BTreeSet::new();
        note(&mut done, &next(&mut first).await);
        first.drain().await.unwrap();
        within("the end of the drained member", async {
            while let Some(message) = first.next().await {
                note(&mut done, &message);
            }
        })
        .await;
        publishing.await.unwrap();
        // Whatever the first did not get, the second has got or gets: exactly that and nothing more.
        let left = MESSAGES - done.len();
        for _ in 0..left {
            note(&mut done, &next(&mut second).await);
        }
        assert_eq!(done.len(), MESSAGES);
    });
}
