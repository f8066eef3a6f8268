//! Publish and subscribe over TCP with async-nats: wildcards, queue groups, order, echo.

use std::collections::HashMap;

use async_nats::ConnectOptions;
use futures_util::StreamExt;

use crate::support::{Raw, arrived, connect, connect_with, next, run, start, subscribe, text, within};

#[test]
fn a_message_reaches_its_subscriber_whole() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut subscriber = subscribe(&broker, &client, "meter.7.volts").await;
        let sizes = [0, 1, 100, 4096, 16 * 1024 - 1, 16 * 1024, 64 * 1024, 1024 * 1024];
        for size in sizes {
            let payload: Vec<u8> = (0..=255).cycle().take(size).collect();
            publisher.publish("meter.7.volts", payload.clone().into()).await.unwrap();
            let message = next(&mut subscriber).await;
            assert_eq!(message.subject.as_str(), "meter.7.volts");
            assert!(message.payload == payload, "the payload of {size} bytes changed on its way");
        }
    });
}

/// Subscribes to `filter`, publishes to `subjects`, and holds what arrived against those that `expected` names.
async fn check(filter: &str, subjects: &[&str], expected: &[&str]) {
    let broker = start().await;
    let (publisher, client) = (connect(&broker).await, connect(&broker).await);
    let mut subscriber = client.subscribe(filter.to_owned()).await.unwrap();
    // Two tokens, none of them `b`: no filter of these tests wants it.
    let mut fence = subscribe(&broker, &client, "the.end").await;
    for subject in subjects {
        publisher.publish((*subject).to_owned(), (*subject).to_owned().into()).await.unwrap();
    }
    publisher.publish("the.end", "".into()).await.unwrap();
    next(&mut fence).await;
    assert_eq!(arrived(&mut subscriber).await, expected, "filter {filter}");
}

#[test]
fn wildcards_match_whole_tokens() {
    run(async {
        let subjects = ["a", "a.b", "a.b.c", "a.b.c.d", "a.x.c", "b.b.c", "ab", "a.bb"];
        check("a.b.c", &subjects, &["a.b.c"]).await;
        check("a.*.c", &subjects, &["a.b.c", "a.x.c"]).await;
        check("a.>", &subjects, &["a.b", "a.b.c", "a.b.c.d", "a.x.c", "a.bb"]).await;
        check("*.b.*", &subjects, &["a.b.c", "b.b.c"]).await;
        check("*", &subjects, &["a", "ab"]).await;
        check("*.*.>", &subjects, &["a.b.c", "a.b.c.d", "a.x.c", "b.b.c"]).await;
    });
}

#[test]
fn a_wildcard_inside_a_token_is_a_letter() {
    run(async {
        check("a*b", &["a*b", "axb", "ab"], &["a*b"]).await;
        check("a.b>", &["a.b>", "a.b", "a.bc"], &["a.b>"]).await;
    });
}

#[test]
fn overlapping_subscriptions_of_one_client_each_get_the_message() {
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let mut subscribers = Vec::new();
        for filter in ["o.1", "o.*", "o.>", ">"] {
            subscribers.push(client.subscribe(filter).await.unwrap());
        }
        let mut fence = subscribe(&broker, &client, "fence").await;
        publisher.publish("o.1", "once each".into()).await.unwrap();
        publisher.publish("fence", "".into()).await.unwrap();
        next(&mut fence).await;
        for subscriber in &mut subscribers[..3] {
            assert_eq!(arrived(subscriber).await, ["once each"]);
        }
        assert_eq!(text(&next(&mut subscribers[3]).await.payload), "once each");
        assert_eq!(next(&mut subscribers[3]).await.subject.as_str(), "fence");
    });
}

#[test]
fn each_queue_group_gets_a_message_once() {
    const MESSAGES: usize = 600;
    run(async {
        let broker = start().await;
        let publisher = connect(&broker).await;
        let clients = [connect(&broker).await, connect(&broker).await, connect(&broker).await];
        let mut members = Vec::new();
        for group in ["blue", "green"] {
            for client in &clients {
                members.push((group, client.queue_subscribe("jobs.*", group.to_owned()).await.unwrap()));
            }
        }
        let mut fences = Vec::new();
        for (index, client) in clients.iter().enumerate() {
            fences.push(subscribe(&broker, client, &format!("fence.{index}")).await);
        }
        for job in 0..MESSAGES {
            publisher.publish(format!("jobs.{job}"), job.to_string().into()).await.unwrap();
        }
        for (index, fence) in fences.iter_mut().enumerate() {
            publisher.publish(format!("fence.{index}"), "".into()).await.unwrap();
            next(fence).await;
        }
        let mut taken: HashMap<&str, Vec<usize>> = HashMap::new();
        for (group, member) in &mut members {
            let jobs = arrived(member).await;
            // A fair choice leaves one of three members with less than 100 of 600 once in 10^20 runs.
            assert!(jobs.len() >= 100, "a member of {group} got only {} of {MESSAGES}", jobs.len());
            taken.entry(group).or_default().extend(jobs.iter().map(|job| job.parse::<usize>().unwrap()));
        }
        for (group, mut jobs) in taken {
            jobs.sort_unstable();
            assert_eq!(jobs, (0..MESSAGES).collect::<Vec<_>>(), "group {group}");
        }
    });
}

#[test]
fn one_publishers_messages_keep_their_order_over_subjects_and_sizes() {
    const MESSAGES: usize = 2000;
    run(async {
        let broker = start().await;
        let (publisher, client) = (connect(&broker).await, connect(&broker).await);
        let subscriber = subscribe(&broker, &client, "order.>").await;
        let publishing = async {
            for index in 0..MESSAGES {
                // Every hundredth is large: those take another way through the broker.
                let padding = if index % 100 == 0 { 40_000 } else { index % 50 };
                let payload = format!("{index}:{}", "x".repeat(padding));
                publisher.publish(format!("order.{}", index % 7), payload.into()).await.unwrap();
            }
            publisher.flush().await.unwrap();
        };
        let receiving = async {
            let mut messages = subscriber.take(MESSAGES).enumerate();
            while let Some((index, message)) = messages.next().await {
                let payload = text(&message.payload);
                assert_eq!(payload.split_once(':').unwrap().0, index.to_string());
            }
        };
        within("all messages", async { tokio::join!(publishing, receiving) }).await;
    });
}

#[test]
fn a_client_without_echo_does_not_hear_itself() {
    run(async {
        let broker = start().await;
        let quiet = connect_with(&broker, ConnectOptions::new().no_echo()).await;
        let other = connect(&broker).await;
        let mut own = subscribe(&broker, &quiet, "room").await;
        let mut others = subscribe(&broker, &other, "room").await;
        quiet.publish("room", "from the quiet one".into()).await.unwrap();
        assert_eq!(text(&next(&mut others).await.payload), "from the quiet one");
        other.publish("room", "from the other".into()).await.unwrap();
        assert_eq!(text(&next(&mut own).await.payload), "from the other");
    });
}

#[test]
fn nothing_arrives_after_unsubscribe() {
    run(async {
        let broker = start().await;
        let client = broker.client();
        let mut raw = Raw::connect(&broker).await.plain().await.subscribed("news").await;
        client.publish("news", "one".into()).await.unwrap();
        raw.expect("MSG news 1 3\r\none\r\n").await;
        raw.send("UNSUB 1\r\n").await;
        assert_eq!(raw.fence().await, "");
        client.publish("news", "two".into()).await.unwrap();
        assert_eq!(raw.fence().await, "");
    });
}
