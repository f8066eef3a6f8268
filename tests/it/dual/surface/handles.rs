//! What the handles themselves promise: limits, errors, the end, statistics, sinks, traits.

use std::time::Duration;

use futures_util::{SinkExt, future, stream};
use tokio::time::timeout;

use super::nats::client::traits::{Publisher, Requester, TimeoutProvider};
use super::nats::client::{DrainError, FlushError, PublishError};
use super::nats::connection::State;
use super::nats::header::HeaderMap;
use super::nats::message::OutboundMessage;
use super::nats::{
    self, Client, Message, PublishErrorKind, Request, RequestErrorKind, ServerInfo, Statistics, Subject,
    SubscribeErrorKind, Subscriber,
};
use super::{MAX_PAYLOAD, PATIENCE, Stage, ended, next, serve_capitals, text};

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
