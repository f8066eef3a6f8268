//! In-process and wire clients of one broker: the same messages, by reference where nobody needs bytes.

use std::collections::BTreeSet;

use bytes::Bytes;
use embus::header::HeaderMap;
use futures_util::StreamExt;

use crate::support::{arrived, connect, next, run, start, subscribe, text};

#[test]
fn both_kinds_of_subscribers_get_the_same_in_the_same_order() {
    run(async {
        let broker = start().await;
        let (over_wire, in_process) = (connect(&broker).await, broker.client());
        let mut wire_reader = subscribe(&broker, &over_wire, "mix.>").await;
        let mut own_reader = in_process.subscribe("mix.>").await.unwrap();
        for number in 0..200 {
            let payload = Bytes::from(number.to_string());
            if number % 2 == 0 {
                in_process.publish(format!("mix.{number}"), payload).await.unwrap();
            } else {
                over_wire.publish(format!("mix.{number}"), payload).await.unwrap();
            }
            // In step, as two publishers owe each other no order.
            let (wire, own) = (next(&mut wire_reader).await, next(&mut own_reader).await);
            assert_eq!(wire.subject.as_str(), format!("mix.{number}"));
            assert_eq!(own.subject.as_str(), wire.subject.as_str());
            assert_eq!((text(&wire.payload), text(&own.payload)), (number.to_string(), number.to_string()));
            assert_eq!(wire.length, own.length);
        }
    });
}

#[test]
fn in_process_messages_travel_by_reference() {
    run(async {
        let broker = start().await;
        let client = broker.client();
        let mut subscribers = Vec::new();
        for _ in 0..3 {
            subscribers.push(broker.client().subscribe("shared").await.unwrap());
        }
        // A wire subscriber gets encoded bytes; that is nobody else's business.
        let wire_client = connect(&broker).await;
        let mut wire = subscribe(&broker, &wire_client, "shared").await;
        for size in [1, 1000, 100_000] {
            let payload = Bytes::from(vec![7; size]);
            client.publish("shared", payload.clone()).await.unwrap();
            for subscriber in &mut subscribers {
                assert_eq!(next(subscriber).await.payload.as_ptr(), payload.as_ptr());
            }
            assert_eq!(next(&mut wire).await.payload, payload);
        }
    });
}

#[test]
fn a_large_message_from_the_wire_is_held_once() {
    run(async {
        let broker = start().await;
        let mut first = broker.client().subscribe("large").await.unwrap();
        let mut second = broker.client().subscribe("large").await.unwrap();
        let payload = Bytes::from(vec![9; 500_000]);
        connect(&broker).await.publish("large", payload.clone()).await.unwrap();
        let (first, second) = (next(&mut first).await.payload, next(&mut second).await.payload);
        assert_eq!(first, payload);
        assert_eq!(first.as_ptr(), second.as_ptr());
    });
}

#[test]
fn a_wire_client_asks_an_in_process_service() {
    run(async {
        let broker = start().await;
        let service = broker.client();
        let mut requests = service.subscribe("upper").await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let mut headers = HeaderMap::new();
                headers.insert("Asked-By", request.headers.unwrap().get("Name").unwrap().as_str());
                let answer = text(&request.payload).to_uppercase();
                service.publish_with_headers(request.reply.unwrap(), headers, answer.into()).await.unwrap();
            }
        });
        let client = connect(&broker).await;
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Name", "joe");
        let answer = client.request_with_headers("upper", headers, "hello".into()).await.unwrap();
        assert_eq!(text(&answer.payload), "HELLO");
        assert_eq!(answer.headers.unwrap().get("Asked-By").unwrap().as_str(), "joe");
    });
}

#[test]
fn an_in_process_client_asks_a_wire_service() {
    run(async {
        let broker = start().await;
        let service = connect(&broker).await;
        let mut requests = subscribe(&broker, &service, "upper").await;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Asked-By", request.headers.unwrap().get("Name").unwrap().as_str());
                let answer = text(&request.payload).to_uppercase();
                service.publish_with_headers(request.reply.unwrap(), headers, answer.into()).await.unwrap();
            }
        });
        let mut headers = HeaderMap::new();
        headers.insert("Name", "ann");
        let answer = broker.client().request_with_headers("upper", headers, "hello".into()).await.unwrap();
        assert_eq!(text(&answer.payload), "HELLO");
        assert_eq!(answer.headers.unwrap().get("Asked-By").unwrap().as_str(), "ann");
    });
}

#[test]
fn a_queue_group_may_have_members_of_both_kinds() {
    const MESSAGES: usize = 300;
    run(async {
        let broker = start().await;
        let (over_wire, in_process) = (connect(&broker).await, broker.client());
        let mut wire_member = over_wire.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        broker.wait_for_interest("jobs").await;
        let mut own_member = in_process.queue_subscribe("jobs", "q".to_owned()).await.unwrap();
        let mut fence = subscribe(&broker, &over_wire, "fence").await;
        for number in 0..MESSAGES {
            in_process.publish("jobs", number.to_string().into()).await.unwrap();
        }
        in_process.publish("fence", "".into()).await.unwrap();
        next(&mut fence).await;
        let mut numbers: Vec<String> = arrived(&mut wire_member).await;
        let by_wire = numbers.len();
        own_member.drain().await.unwrap();
        while let Some(message) = own_member.next().await {
            numbers.push(text(&message.payload));
        }
        assert!((50..=MESSAGES - 50).contains(&by_wire), "an unfair share: {by_wire} of {MESSAGES}");
        assert_eq!(numbers.len(), MESSAGES);
        assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>().len(), MESSAGES);
    });
}
