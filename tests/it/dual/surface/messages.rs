//! Publishing and subscribing.

use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::timeout;

use super::nats::header::{self, HeaderMap, HeaderName, HeaderValue};
use super::nats::subject::{SubjectError, ToSubject};
use super::nats::{Message, Subject};
use super::{PATIENCE, Stage, ended, next, rest, text};

#[tokio::test]
async fn a_message_arrives_as_it_was_published() {
    let stage = Stage::start().await;
    let mut subscriber = stage.peer.subscribe("greet.joe").await.unwrap();
    stage.broker.wait_for_interest("greet.joe").await;
    stage.client.publish("greet.joe", "hello".into()).await.unwrap();

    let Message { subject, reply, payload, headers, status, description, length } = next(&mut subscriber).await;
    assert_eq!(subject.as_str(), "greet.joe");
    assert_eq!(reply, None);
    assert_eq!(&payload[..], b"hello");
    assert_eq!(headers, None);
    assert_eq!((status, description), (None, None));
    assert_eq!(length, "greet.joe".len() + "hello".len());
}

#[tokio::test]
async fn all_ways_to_publish_carry_their_parts() {
    let stage = Stage::start().await;
    let mut subscriber = stage.peer.subscribe("parts").await.unwrap();
    stage.broker.wait_for_interest("parts").await;
    let mut headers = HeaderMap::new();
    headers.insert("Color", "red");

    stage.client.publish("parts", "1".into()).await.unwrap();
    stage.client.publish_with_reply("parts", "back.here", "2".into()).await.unwrap();
    stage.client.publish_with_headers("parts", headers.clone(), "3".into()).await.unwrap();
    stage.client.publish_with_reply_and_headers("parts", "back.there", headers.clone(), "4".into()).await.unwrap();
    stage.client.publish_with_headers("parts", HeaderMap::new(), "5".into()).await.unwrap();

    let expected = [
        ("1", None, false),
        ("2", Some("back.here"), false),
        ("3", None, true),
        ("4", Some("back.there"), true),
        ("5", None, false),
    ];
    for (payload, reply, colored) in expected {
        let message = next(&mut subscriber).await;
        assert_eq!(text(&message), payload);
        assert_eq!(message.reply.as_deref(), reply);
        assert_eq!(message.headers, colored.then(|| headers.clone()), "{payload}");
        let header_len = if colored { "NATS/1.0\r\nColor: red\r\n\r\n".len() } else { 0 };
        assert_eq!(message.length, "parts".len() + reply.map_or(0, str::len) + header_len + 1);
    }
}

#[tokio::test]
async fn headers_keep_order_case_and_many_values() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("headers").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.append("Color", "red");
    headers.append("Color", HeaderValue::from("blue"));
    headers.insert(HeaderName::from_static("color"), "other case".parse::<HeaderValue>().unwrap());
    headers.insert(header::NATS_MESSAGE_ID, HeaderValue::from(17_u64));
    stage.client.publish_with_headers("headers", headers.clone(), "".into()).await.unwrap();

    let received = next(&mut subscriber).await.headers.unwrap();
    assert_eq!(received, headers);
    assert_eq!(received.len(), 3);
    assert!(!received.is_empty());
    assert_eq!(received.get("Color").map(HeaderValue::as_str), Some("red"));
    assert_eq!(received.get_last("Color").map(HeaderValue::as_str), Some("blue"));
    assert_eq!(received.get_all("Color").map(ToString::to_string).collect::<Vec<_>>(), ["red", "blue"]);
    assert_eq!(received.get("color").map(HeaderValue::as_str), Some("other case"));
    assert_eq!(received.get(header::NATS_MESSAGE_ID).map(HeaderValue::as_str), Some("17"));
    assert_eq!(received.get("absent"), None);
    let names: Vec<String> = received.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names.len(), 3);
}

#[tokio::test]
async fn wildcards_match_tokens() {
    let stage = Stage::start().await;
    let mut one = stage.peer.subscribe("orders.*.new").await.unwrap();
    let mut tail = stage.peer.subscribe("orders.>").await.unwrap();
    stage.broker.wait_for_interest("orders.eu.new").await;
    stage.broker.wait_for_interest("orders.end").await;
    for subject in ["orders.eu.new", "orders", "orders.eu.old", "orders.us.new", "other.eu.new", "orders.a.b.new"] {
        stage.client.publish(subject, subject.into()).await.unwrap();
    }
    assert_eq!(text(&next(&mut one).await), "orders.eu.new");
    assert_eq!(text(&next(&mut one).await), "orders.us.new");
    for expected in ["orders.eu.new", "orders.eu.old", "orders.us.new", "orders.a.b.new"] {
        assert_eq!(text(&next(&mut tail).await), expected);
    }
    one.unsubscribe().await.unwrap();
    assert!(ended(&mut one).await);
}

#[tokio::test]
async fn a_queue_group_gets_each_message_once() {
    const MESSAGES: usize = 200;
    let stage = Stage::start().await;
    let first = stage.peer.queue_subscribe("jobs.*", "workers".to_owned()).await.unwrap();
    let second = stage.peer.queue_subscribe("jobs.>", "workers".into()).await.unwrap();
    let mut plain = stage.peer.subscribe("jobs.*").await.unwrap();
    stage.peer.flush().await.unwrap();
    stage.broker.wait_for_interest("jobs.1").await;
    // On the peer's own connection, so that all three are known to be registered before the first job comes.
    stage.peer.publish("jobs.ready", "".into()).await.unwrap();
    assert_eq!(next(&mut plain).await.subject.as_str(), "jobs.ready");
    for number in 0..MESSAGES {
        stage.client.publish(format!("jobs.{number}"), number.to_string().into()).await.unwrap();
    }
    for number in 0..MESSAGES {
        assert_eq!(text(&next(&mut plain).await), number.to_string());
    }
    // Whatever went to the group came before what `plain` got last.
    let mut members = stream::select(first, second);
    let mut numbers = Vec::new();
    while numbers.len() < MESSAGES {
        let message = timeout(PATIENCE, members.next()).await.unwrap().unwrap();
        numbers.extend(text(&message).parse::<usize>());
    }
    assert!(members.next().now_or_never().is_none(), "no message came twice");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_publisher_is_received_in_order() {
    const MESSAGES: usize = 5000;
    let stage = Stage::start().await;
    let mut subscriber = stage.peer.subscribe("count").await.unwrap();
    stage.broker.wait_for_interest("count").await;
    let publisher = stage.client.clone();
    let publishing = tokio::spawn(async move {
        for number in 0..MESSAGES {
            publisher.publish("count", number.to_string().into()).await.unwrap();
        }
    });
    for number in 0..MESSAGES {
        assert_eq!(text(&next(&mut subscriber).await), number.to_string());
    }
    publishing.await.unwrap();
}

#[tokio::test]
async fn a_subscription_ends_after_the_wanted_number() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("some").await.unwrap();
    subscriber.unsubscribe_after(3).await.unwrap();
    for number in 0..6 {
        stage.client.publish("some", number.to_string().into()).await.unwrap();
    }
    assert_eq!(rest(subscriber).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn the_wanted_number_counts_from_the_beginning() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("some").await.unwrap();
    for number in 0..4 {
        stage.client.publish("some", number.to_string().into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await), number.to_string());
    }
    subscriber.unsubscribe_after(2).await.unwrap();
    assert!(ended(&mut subscriber).await);
}

#[tokio::test]
async fn a_drained_subscriber_yields_what_waits_and_ends() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("work").await.unwrap();
    for number in 0..3 {
        stage.client.publish("work", number.to_string().into()).await.unwrap();
    }
    subscriber.drain().await.unwrap();
    assert_eq!(rest(subscriber).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn inboxes_are_unique_and_work() {
    let stage = Stage::start().await;
    let (one, two) = (stage.client.new_inbox(), stage.client.new_inbox());
    assert_ne!(one, two);
    assert!(one.starts_with("_INBOX.") && one.len() > "_INBOX.".len() + 20);
    let mut subscriber = stage.client.subscribe(one.clone()).await.unwrap();
    stage.client.publish(one, "here".into()).await.unwrap();
    assert_eq!(text(&next(&mut subscriber).await), "here");
}

#[tokio::test]
async fn subjects_can_be_anything_that_becomes_one() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe(String::from("any.*")).await.unwrap();
    stage.client.publish(Subject::from("any.subject"), "".into()).await.unwrap();
    stage.client.publish("any.str", "".into()).await.unwrap();
    stage.client.publish(format!("any.{}", "string"), "".into()).await.unwrap();
    for expected in ["any.subject", "any.str", "any.string"] {
        assert_eq!(next(&mut subscriber).await.subject.to_string(), expected);
    }
    assert_eq!("any".to_subject(), Subject::from_static("any"));
    assert_eq!(Subject::validated("a..b"), Err(SubjectError::InvalidFormat));
}
