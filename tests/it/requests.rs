//! Request and reply over TCP with async-nats, and what a requester hears when nobody serves.

use async_nats::{Client, ConnectOptions, RequestErrorKind};
use embus::Broker;
use futures_util::{StreamExt, future};

use crate::support::{Raw, connect, connect_with, eventually, next, run, start, subscribe, text, within};

/// Answers requests on `subject`, as a member of a queue group, with the requests' own payload and the server's name.
async fn serve(broker: &Broker, client: &Client, subject: &'static str, name: &'static str) {
    let mut requests = client.queue_subscribe(subject, "servers".to_owned()).await.unwrap();
    broker.wait_for_interest(subject).await;
    let client = client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let answer = format!("{}@{name}", text(&request.payload));
            client.publish(request.reply.unwrap(), answer.into()).await.unwrap();
        }
    });
}

/// A client that waits for its answers as long as it takes: the test's own limit ends it.
async fn patient(broker: &Broker) -> Client {
    connect_with(broker, ConnectOptions::new().request_timeout(None)).await
}

#[test]
fn every_request_gets_its_own_answer() {
    run(async {
        let broker = start().await;
        for name in ["one", "two", "three"] {
            serve(&broker, &connect(&broker).await, "echo", name).await;
        }
        let clients = [patient(&broker).await, patient(&broker).await];
        let requests = (0..200).map(|number: usize| {
            let client = &clients[number % 2];
            async move {
                let answer = client.request("echo", number.to_string().into()).await.unwrap();
                assert!(text(&answer.payload).starts_with(&format!("{number}@")), "{answer:?}");
            }
        });
        within("all answers", future::join_all(requests)).await;
    });
}

#[test]
fn nobody_to_answer_is_known_at_once() {
    run(async {
        let broker = start().await;
        let client = patient(&broker).await;
        let error = within("the refusal", client.request("nobody.here", "?".into())).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    });
}

#[test]
fn a_server_that_left_no_longer_counts() {
    run(async {
        let broker = start().await;
        let client = patient(&broker).await;
        let server = connect(&broker).await;
        serve(&broker, &server, "echo", "short-lived").await;
        client.request("echo", "1".into()).await.unwrap();
        server.drain().await.unwrap();
        eventually("the server's interest is gone", || {
            broker.subscriptions().iter().all(|subscription| subscription.subject != "echo")
        })
        .await;
        let error = within("the refusal", client.request("echo", "2".into())).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    });
}

#[test]
fn an_answer_may_come_in_many_messages() {
    run(async {
        let broker = start().await;
        let (client, server) = (connect(&broker).await, connect(&broker).await);
        let mut requests = subscribe(&broker, &server, "count").await;
        let inbox = client.new_inbox();
        let mut answers = subscribe(&broker, &client, &inbox).await;
        client.publish_with_reply("count", inbox, "3".into()).await.unwrap();
        let reply = next(&mut requests).await.reply.unwrap();
        for part in ["1", "2", "3"] {
            server.publish(reply.clone(), part.into()).await.unwrap();
        }
        for part in ["1", "2", "3"] {
            assert_eq!(text(&next(&mut answers).await.payload), part);
        }
    });
}

#[test]
fn the_status_of_no_responders_is_the_reference_servers() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.modern().await;
        raw.send("SUB in.* 2\r\nPUB nobody in.3 0\r\n\r\n").await;
        raw.expect("HMSG in.3 2 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n").await;
        // Without a subscription on the reply subject there is nobody to tell, nor without a reply subject.
        raw.send("PUB nobody elsewhere 0\r\n\r\nPUB nobody 0\r\n\r\n").await;
        assert_eq!(raw.fence().await, "");
    });
}

#[test]
fn a_client_that_did_not_ask_for_no_responders_hears_nothing() {
    run(async {
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await.plain().await.subscribed("in.*").await;
        raw.send("PUB nobody in.3 0\r\n\r\n").await;
        assert_eq!(raw.fence().await, "");
    });
}
