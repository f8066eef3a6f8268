//! Many connections at once, and that nothing of them is left behind.

use async_nats::Client;
use embus::Broker;
use futures_util::future::{join_all, try_join_all};

use crate::support::{Raw, connect, eventually, next, raise_file_limit, run, start, subscribe, text, within};

const CLIENTS: usize = 200;

async fn connect_all(broker: &Broker) -> Vec<Client> {
    let url = broker.client_url().unwrap();
    let connecting = (0..CLIENTS).map(|_| async_nats::connect(&url));
    within("all connections", try_join_all(connecting)).await.unwrap()
}

#[test]
fn everybody_hears_everybody() {
    raise_file_limit();
    run(async {
        let broker = start().await;
        let clients = connect_all(&broker).await;
        let subscribing = clients.iter().map(|client| client.subscribe("all"));
        let mut subscribers = try_join_all(subscribing).await.unwrap();
        eventually("all are heard", || broker.statistics().subscriptions == CLIENTS).await;
        assert_eq!(broker.statistics().connections, CLIENTS);

        for (number, client) in clients.iter().enumerate() {
            client.publish("all", number.to_string().into()).await.unwrap();
        }
        let receiving = subscribers.iter_mut().map(|subscriber| async move {
            let mut heard = Vec::with_capacity(CLIENTS);
            for _ in 0..CLIENTS {
                heard.push(text(&next(subscriber).await.payload).parse::<usize>().unwrap());
            }
            heard.sort_unstable();
            heard
        });
        for heard in join_all(receiving).await {
            assert_eq!(heard, (0..CLIENTS).collect::<Vec<_>>());
        }
    });
}

#[test]
fn nothing_is_left_of_clients_that_went() {
    raise_file_limit();
    run(async {
        let broker = start().await;
        let clients = connect_all(&broker).await;
        let subscribing = clients.iter().map(|client| client.subscribe("mine.>"));
        let subscribers = try_join_all(subscribing).await.unwrap();
        eventually("all are heard", || broker.statistics().subscriptions == CLIENTS).await;
        drop(subscribers);
        drop(clients);
        eventually("all are gone", || broker.statistics().connections == 0).await;
        let statistics = broker.statistics();
        assert_eq!((statistics.subscriptions, statistics.interest.filters, statistics.buffered_bytes), (0, 0, 0));
        assert_eq!(statistics.total_connections, CLIENTS as u64);
        assert!(broker.connections().is_empty() && broker.subscriptions().is_empty());
    });
}

#[test]
fn connections_that_come_and_go_disturb_nobody() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut subscriber = subscribe(&broker, &client, "steady").await;
        let coming_and_going = async {
            for round in 0..100 {
                let mut raw = Raw::connect(&broker).await.plain().await;
                raw.send("SUB steady 1\r\nSUB steady q 2\r\nSUB > 3\r\n").await;
                if round % 2 == 0 {
                    raw.send("PUB elsewhere 3\r\nabc\r\n").await;
                    raw.fence().await;
                }
            }
        };
        let exchanging = async {
            for number in 0..500 {
                publisher.publish("steady", number.to_string().into()).await.unwrap();
                assert_eq!(text(&next(&mut subscriber).await.payload), number.to_string());
            }
        };
        tokio::join!(coming_and_going, exchanging);
        eventually("the guests are gone", || broker.statistics().connections == 2).await;
        assert_eq!(broker.statistics().subscriptions, 1);
    });
}
