//! What core NATS code may do with a client, in terms of `nats`: async-nats or embus. Every test runs with both.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod handles;
mod jetstream;
mod messages;
mod requests;

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;

use super::nats::{self, Message, Subscriber};
use super::{MAX_PAYLOAD, Stage};

/// How long a test waits for what has to come; only a failing test waits that long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn next(subscriber: &mut Subscriber) -> Message {
    let next = timeout(PATIENCE, subscriber.next()).await.expect("a message arrives in time");
    next.expect("the subscription has not ended")
}

pub(super) async fn ended(subscriber: &mut Subscriber) -> bool {
    timeout(PATIENCE, subscriber.next()).await.expect("the end comes in time").is_none()
}

/// The payloads of the messages that are still to come, as text.
pub(super) async fn rest(subscriber: Subscriber) -> Vec<String> {
    let texts = subscriber.map(|message| text(&message)).collect();
    timeout(PATIENCE, texts).await.expect("the subscription ends in time")
}

pub(super) fn text(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).expect("the tests send text")
}

/// Answers every request on `subject` with what it was asked, in capitals, and its headers.
pub(super) async fn serve_capitals(stage: &Stage, subject: &'static str) {
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
