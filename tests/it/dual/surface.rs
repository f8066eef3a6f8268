//! What core NATS code may do with a client, in terms of `nats`: async-nats or embus. Every test runs with both.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt, future, stream};
use tokio::time::timeout;

use super::nats::client::traits::{Publisher, Requester, TimeoutProvider};
use super::nats::client::{DrainError, FlushError, PublishError};
use super::nats::connection::State;
use super::nats::header::{self, HeaderMap, HeaderName, HeaderValue};
use super::nats::message::OutboundMessage;
use super::nats::subject::{SubjectError, ToSubject};
use super::nats::{
    self, Client, Message, PublishErrorKind, Request, RequestErrorKind, ServerInfo, Statistics, StatusCode, Subject,
    SubscribeErrorKind, Subscriber,
};
use super::{MAX_PAYLOAD, Stage};

/// How long a test waits for what has to come; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(10);

async fn next(subscriber: &mut Subscriber) -> Message {
    let next = timeout(PATIENCE, subscriber.next()).await.expect("a message arrives in time");
    next.expect("the subscription has not ended")
}

async fn ended(subscriber: &mut Subscriber) -> bool {
    timeout(PATIENCE, subscriber.next()).await.expect("the end comes in time").is_none()
}

/// The payloads of the messages that are still to come, as text.
async fn rest(subscriber: Subscriber) -> Vec<String> {
    let texts = subscriber.map(|message| text(&message)).collect();
    timeout(PATIENCE, texts).await.expect("the subscription ends in time")
}

fn text(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).expect("the tests send text")
}

/// Answers every request on `subject` with what it was asked, in capitals, and its headers.
async fn serve_capitals(stage: &Stage, subject: &'static str) {
    let mut requests = stage.peer.subscribe(subject).await.unwrap();
    stage.broker.wait_for_interest(subject).await;
    let service = stage.peer.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let (reply, answer) = (request.reply.clone().unwrap(), text(&request).to_uppercase());
            match request.headers {
                Some(headers) => service.publish_with_headers(reply, headers, answer.into()).await.unwrap(),
                None => service.publish(reply, answer.into()).await.unwrap(),
            }
        }
    });
}

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
async fn requests_are_answered() {
    let stage = Stage::start().await;
    serve_capitals(&stage, "capitals").await;

    let answer = stage.client.request("capitals", "hello".into()).await.unwrap();
    assert_eq!(text(&answer), "HELLO");
    assert_eq!(answer.status, None);
    assert_eq!(answer.headers, None);
    assert!(answer.subject.starts_with("_INBOX."));

    let mut headers = HeaderMap::new();
    headers.insert("Color", "red");
    let answer = stage.client.request_with_headers("capitals", headers.clone(), "again".into()).await.unwrap();
    assert_eq!(text(&answer), "AGAIN");
    assert_eq!(answer.headers, Some(headers));
}

#[tokio::test]
async fn a_request_can_be_built_from_parts() {
    let stage = Stage::start().await;
    serve_capitals(&stage, "capitals").await;
    let mut headers = HeaderMap::new();
    headers.insert("Color", "red");

    let request = Request::new()
        .payload("hello".into())
        .headers(headers.clone())
        .timeout(Some(PATIENCE))
        .inbox("my.own.inbox".to_owned());
    let answer = stage.client.send_request("capitals", request).await.unwrap();
    assert_eq!(answer.subject.as_str(), "my.own.inbox");
    assert_eq!(text(&answer), "HELLO");
    assert_eq!(answer.headers, Some(headers));

    let endless = Request { payload: Some("x".into()), timeout: Some(None), ..Request::default() };
    assert_eq!(text(&stage.client.send_request("capitals".to_owned(), endless).await.unwrap()), "X");
    assert!(stage.client.send_request("capitals", Request::new()).await.unwrap().payload.is_empty());
}

#[tokio::test]
async fn many_requests_wait_at_once_and_get_their_own_answers() {
    const REQUESTS: usize = 100;
    let stage = Stage::start().await;
    let mut requests = stage.peer.subscribe("reversed").await.unwrap();
    stage.broker.wait_for_interest("reversed").await;
    let service = stage.peer.clone();
    tokio::spawn(async move {
        let held: Vec<Message> = requests.by_ref().take(REQUESTS).collect().await;
        for request in held.into_iter().rev() {
            service.publish(request.reply.unwrap(), request.payload).await.unwrap();
        }
    });
    let asked = (0..REQUESTS).map(|number| stage.client.request("reversed", number.to_string().into()));
    let answers = timeout(PATIENCE, future::try_join_all(asked)).await.unwrap().unwrap();
    let numbers: Vec<String> = answers.iter().map(text).collect();
    assert_eq!(numbers, (0..REQUESTS).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_first_answer_counts() {
    let stage = Stage::start().await;
    let mut requests = stage.peer.subscribe("twice").await.unwrap();
    stage.broker.wait_for_interest("twice").await;
    let service = stage.peer.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            for answer in ["first", "second"] {
                service.publish(request.reply.clone().unwrap(), answer.into()).await.unwrap();
            }
        }
    });
    for _ in 0..10 {
        assert_eq!(text(&stage.client.request("twice", "".into()).await.unwrap()), "first");
    }
}

#[tokio::test]
async fn a_request_that_nobody_serves_fails_at_once() {
    let stage = Stage::start().await;
    let error = stage.client.request("nobody.here", "".into()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    let request = Request::new().inbox("my.inbox".into());
    let error = stage.client.send_request("nobody.here", request).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn the_status_of_no_responders_reaches_a_plain_subscriber() {
    let stage = Stage::start().await;
    let mut inbox = stage.client.subscribe("my.inbox").await.unwrap();
    stage.client.publish_with_reply("nobody.here", "my.inbox", "".into()).await.unwrap();
    let message = next(&mut inbox).await;
    assert_eq!(message.status, Some(StatusCode::NO_RESPONDERS));
    assert_eq!(message.status.unwrap(), 503);
    assert!(message.payload.is_empty());
}

#[tokio::test]
async fn a_request_that_is_not_answered_times_out() {
    let stage = Stage::start().await;
    let _silent = stage.peer.subscribe("silence").await.unwrap();
    stage.broker.wait_for_interest("silence").await;
    for request in [Request::new(), Request::new().inbox("my.inbox".into())] {
        let request = request.timeout(Some(Duration::from_millis(20)));
        let error = stage.client.send_request("silence", request).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn a_message_above_max_payload_is_refused() {
    let stage = Stage::start().await;
    let (client, limit) = (&stage.client, stage.client.max_payload());
    assert_eq!(limit, MAX_PAYLOAD);
    let mut subscriber = client.subscribe("large").await.unwrap();
    let (fits, large) = (vec![b'x'; limit], vec![b'x'; limit + 1]);
    let mut headers = HeaderMap::new();
    headers.insert("A", "1");

    let refused = client.publish("large", large.clone().into()).await.unwrap_err();
    assert_eq!(refused.kind(), PublishErrorKind::MaxPayloadExceeded);
    let refused = client.publish_with_headers("large", headers, fits.clone().into()).await.unwrap_err();
    assert_eq!(refused.kind(), PublishErrorKind::MaxPayloadExceeded, "headers count");
    let refused = client.request("large", large.into()).await.unwrap_err();
    assert_eq!(refused.kind(), RequestErrorKind::MaxPayloadExceeded);

    client.publish("large", fits.into()).await.unwrap();
    assert_eq!(next(&mut subscriber).await.payload.len(), limit);
}

#[tokio::test]
async fn bad_names_are_refused() {
    let stage = Stage::start().await;
    let client = &stage.client;
    for bad in ["", "a b", "a\tb", "a\r\nPING"] {
        let refused = client.publish(bad, "".into()).await.unwrap_err();
        assert_eq!(refused.kind(), PublishErrorKind::InvalidSubject, "{bad:?}");
        let refused = client.publish_with_reply("fine", bad, "".into()).await.unwrap_err();
        assert_eq!(refused.kind(), PublishErrorKind::InvalidSubject, "{bad:?}");
        let refused = client.request(bad, "".into()).await.unwrap_err();
        assert_eq!(refused.kind(), RequestErrorKind::InvalidSubject, "{bad:?}");
        let refused = client.queue_subscribe("fine", bad.to_owned()).await.unwrap_err();
        assert_eq!(refused.kind(), SubscribeErrorKind::InvalidQueueName, "{bad:?}");
    }
    for bad in ["", "a b", ".a", "a.", "a..b"] {
        let refused = client.subscribe(bad).await.unwrap_err();
        assert_eq!(refused.kind(), SubscribeErrorKind::InvalidSubject, "{bad:?}");
        let refused = client.queue_subscribe(bad, "group".into()).await.unwrap_err();
        assert_eq!(refused.kind(), SubscribeErrorKind::InvalidSubject, "{bad:?}");
    }
    client.publish("publish.to..nobody", "".into()).await.unwrap();
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
async fn a_dropped_subscriber_no_longer_serves() {
    let stage = Stage::start().await;
    let subscriber = stage.client.subscribe("gone").await.unwrap();
    drop(subscriber);
    let error = stage.client.request("gone", "".into()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn a_drained_client_ends_its_subscribers_and_sends_no_more() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("work").await.unwrap();
    stage.client.publish("work", "last".into()).await.unwrap();
    assert_eq!(text(&next(&mut subscriber).await), "last");
    stage.client.drain().await.unwrap();
    assert!(ended(&mut subscriber).await);
    // async-nats lets go of its connection a moment after its subscribers have ended.
    let refused = async {
        loop {
            match stage.client.publish("work", "late".into()).await {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    let refused = timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(refused.kind(), PublishErrorKind::Send);
    assert!(stage.client.subscribe("work").await.is_err_and(|error| error.kind() == SubscribeErrorKind::Other));
    assert!(stage.client.request("work", "".into()).await.is_err_and(|error| error.kind() == RequestErrorKind::Other));
    assert!(stage.client.flush().await.is_err());
    assert!(stage.client.drain().await.is_err());
    assert!(stage.peer.publish("work", "".into()).await.is_ok(), "another client is not concerned");
}

#[tokio::test]
async fn flush_works_on_every_handle() {
    let stage = Stage::start().await;
    stage.client.publish("a", "".into()).await.unwrap();
    stage.client.flush().await.unwrap();
    stage.client.clone().flush().await.unwrap();
}

#[tokio::test]
async fn statistics_count_both_ways() {
    use std::sync::atomic::Ordering::Relaxed;
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("counted").await.unwrap();
    for _ in 0..5 {
        stage.client.publish("counted", "12345678".into()).await.unwrap();
    }
    for _ in 0..5 {
        next(&mut subscriber).await;
    }
    let statistics: std::sync::Arc<Statistics> = stage.client.statistics();
    assert_eq!(statistics.in_messages.load(Relaxed), 5);
    assert_eq!(statistics.out_messages.load(Relaxed), 5);
    assert!(statistics.in_bytes.load(Relaxed) >= 40);
    assert!(statistics.out_bytes.load(Relaxed) >= 40);
    assert_eq!(statistics.connects.load(Relaxed), 1);
}

#[tokio::test]
async fn a_client_knows_its_server() {
    let stage = Stage::start().await;
    let client = &stage.client;
    let info: ServerInfo = client.server_info();
    assert_eq!(info.max_payload, MAX_PAYLOAD);
    assert!(!info.server_id.is_empty() && !info.version.is_empty() && info.headers);
    assert_ne!(info.client_id, stage.peer.server_info().client_id);
    assert_eq!(client.try_server_info().map(|info| info.server_id), Some(info.server_id));
    assert!(client.is_server_compatible(2, 10, 0));
    assert!(!client.is_server_compatible(99, 0, 0));
    assert_eq!(client.timeout(), Some(Duration::from_secs(10)));
    assert_eq!(client.connection_state(), State::Connected);
    assert_eq!(client.connection_state().to_string(), "connected");
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
async fn a_client_is_a_sink() {
    let stage = Stage::start().await;
    let mut subscriber = stage.client.subscribe("sunk").await.unwrap();
    let message = |payload: &'static str| OutboundMessage {
        subject: Subject::from_static("sunk"),
        reply: None,
        payload: payload.into(),
        headers: None,
    };
    let mut sink = stage.client.clone();
    sink.send(message("1")).await.unwrap();
    sink.feed(message("2")).await.unwrap();
    sink.flush().await.unwrap();
    let mut more = stream::iter([Ok(message("3")), Ok(message("4"))]);
    sink.send_all(&mut more).await.unwrap();
    let large = OutboundMessage { payload: vec![0; MAX_PAYLOAD + 1].into(), ..message("") };
    assert_eq!(sink.send(large).await.unwrap_err().kind(), PublishErrorKind::MaxPayloadExceeded);
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(text(&next(&mut subscriber).await), expected);
    }
    sink.close().await.unwrap();
    stage.client.publish("sunk", "5".into()).await.unwrap();
    assert_eq!(text(&next(&mut subscriber).await), "5");
}

#[tokio::test]
async fn code_can_be_generic_over_the_traits() {
    async fn ask_over<C: Publisher + nats::client::traits::Subscriber + Requester + TimeoutProvider>(client: &C) {
        assert_eq!(client.timeout(), Some(Duration::from_secs(10)));
        let mut requests = nats::client::traits::Subscriber::subscribe(client, "ask").await.unwrap();
        let answering = async {
            let request = next(&mut requests).await;
            let subject = request.reply.unwrap();
            let message = OutboundMessage { subject, reply: None, payload: "yes".into(), headers: None };
            client.publish_message(message).await.unwrap();
        };
        let (answer, ()) = future::join(Requester::send_request(client, "ask", Request::new()), answering).await;
        assert_eq!(text(&answer.unwrap()), "yes");
        Publisher::publish_with_reply(client, "ask", "back", "".into()).await.unwrap();
        assert_eq!(next(&mut requests).await.reply.as_deref(), Some("back"));
    }
    ask_over(&Stage::start().await.client).await;
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

#[tokio::test]
async fn errors_travel_as_boxed_errors() {
    async fn all(client: &Client) -> Result<(), nats::Error> {
        client.publish("fine", "".into()).await?;
        client.subscribe("fine").await?.unsubscribe().await?;
        client.flush().await?;
        client.request("nobody.here", "".into()).await?;
        Ok(())
    }
    let stage = Stage::start().await;
    let error = all(&stage.client).await.unwrap_err();
    let error = error.downcast::<nats::RequestError>().unwrap();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    assert!(error.to_string().starts_with("no responders"));

    let refused: PublishError = stage.client.publish("", "".into()).await.unwrap_err();
    assert_eq!(refused.to_string(), "invalid subject: invalid subject format");
    assert!(std::error::Error::source(&refused).is_some());
    assert_eq!(nats::RequestError::from(RequestErrorKind::TimedOut).to_string(), "request timed out");
    assert_eq!(nats::error::Error::new(PublishErrorKind::Send).kind(), PublishErrorKind::Send);
}

#[tokio::test]
async fn handles_and_futures_may_move_between_threads() {
    fn shareable<T: Send + Sync + 'static>() {}
    fn movable<T: Send + 'static>() {}
    shareable::<Client>();
    shareable::<Message>();
    shareable::<nats::PublishError>();
    shareable::<nats::UnsubscribeError>();
    shareable::<DrainError>();
    shareable::<FlushError>();
    movable::<Subscriber>();

    let stage = Stage::start().await;
    serve_capitals(&stage, "capitals").await;
    let client = stage.client.clone();
    let asked = tokio::spawn(async move { client.request("capitals", "a".into()).await });
    assert_eq!(text(&asked.await.unwrap().unwrap()), "A");
}
