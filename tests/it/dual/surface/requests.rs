//! Requests and their answers.

use std::time::Duration;

use futures_util::{StreamExt, future};
use tokio::time::timeout;

use super::nats::{HeaderMap, Message, Request, RequestErrorKind, StatusCode};
use super::{PATIENCE, Stage, next, serve_capitals, text};

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
async fn a_dropped_subscriber_no_longer_serves() {
    let stage = Stage::start().await;
    let subscriber = stage.client.subscribe("gone").await.unwrap();
    drop(subscriber);
    let error = stage.client.request("gone", "".into()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
}
