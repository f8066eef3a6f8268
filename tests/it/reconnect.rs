//! A client library rides out a restart of the broker at the same address.

use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use embus::Broker;
use tokio::sync::mpsc;

use crate::support::{STOP_DEADLINE, connect, connect_with, next, run, start_at_own_address, subscribe, text, within};

/// Options that try again at once, and a channel that tells what happens to the connection.
fn restless() -> (ConnectOptions, mpsc::UnboundedReceiver<Event>) {
    let (events, receiver) = mpsc::unbounded_channel();
    let options =
        ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(1)).event_callback(move |event| {
            let events = events.clone();
            async move { drop(events.send(event)) }
        });
    (options, receiver)
}

async fn wait_for(events: &mut mpsc::UnboundedReceiver<Event>, wanted: &Event) {
    let wait = async { while events.recv().await.expect("the client lives") != *wanted {} };
    within(&format!("event {wanted:?}"), wait).await;
}

#[test]
fn subscriptions_and_publishers_survive_a_restart() {
    run(async {
        let broker = start_at_own_address().await;
        let address = broker.local_addr().unwrap();
        let (options, mut events) = restless();
        let client = connect_with(&broker, options).await;
        wait_for(&mut events, &Event::Connected).await;
        let mut plain = subscribe(&broker, &client, "news.*").await;
        let mut queued = client.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        broker.wait_for_interest("jobs").await;

        for round in 0..3 {
            let before = broker_of(round, address, &broker).await;
            let publisher = connect(&before).await;
            before.wait_for_interest("news.1").await;
            before.wait_for_interest("jobs").await;
            publisher.publish("news.1", format!("news {round}").into()).await.unwrap();
            publisher.publish("jobs", format!("job {round}").into()).await.unwrap();
            assert_eq!(text(&next(&mut plain).await.payload), format!("news {round}"));
            assert_eq!(text(&next(&mut queued).await.payload), format!("job {round}"));
            before.shutdown(STOP_DEADLINE).await;
            wait_for(&mut events, &Event::Disconnected).await;
        }
    });
}

/// The broker of the first round, or one that is started anew at the same address.
async fn broker_of(round: usize, address: std::net::SocketAddr, first: &Broker) -> Broker {
    if round == 0 {
        return first.clone();
    }
    Broker::builder().listen(address.to_string()).start().await.expect("the address is free again")
}

#[test]
fn what_is_published_while_the_broker_is_away_arrives_later() {
    run(async {
        let broker = start_at_own_address().await;
        let address = broker.local_addr().unwrap();
        let (options, mut events) = restless();
        let client = connect_with(&broker, options).await;
        let mut subscriber = subscribe(&broker, &client, "kept").await;
        broker.shutdown(STOP_DEADLINE).await;
        wait_for(&mut events, &Event::Disconnected).await;
        client.publish("kept", "meanwhile".into()).await.unwrap();

        let broker = Broker::builder().listen(address.to_string()).start().await.unwrap();
        wait_for(&mut events, &Event::Connected).await;
        assert_eq!(text(&next(&mut subscriber).await.payload), "meanwhile");
        assert_eq!(broker.statistics().connections, 1);
    });
}
