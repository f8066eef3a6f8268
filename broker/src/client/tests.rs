//! What only an in-process client promises: cancellation, fairness, the shared inbox. What it has in common with
//! async-nats is tested against both, in `tests/it/dual`.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use embus_engine::STALL_LIMIT;
use futures_util::future::{join, join_all};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::message::OutboundMessage;
use super::{Client, PublishErrorKind, Request, RequestErrorKind, SubscribeErrorKind};
use crate::Broker;

async fn broker() -> Broker {
    Broker::builder().start().await.unwrap()
}

fn brief() -> Request {
    Request::new().timeout(Some(Duration::from_millis(10)))
}

/// How many times `step` runs on a single thread before another task gets to run.
async fn steps_until_others_run<F: Future<Output = ()>>(mut step: impl FnMut() -> F) -> usize {
    LocalSet::new()
        .run_until(async move {
            let ran = Rc::new(Cell::new(false));
            let other = Rc::clone(&ran);
            tokio::task::spawn_local(async move { other.set(true) });
            let mut steps = 0;
            while !ran.get() && steps < 10_000 {
                step().await;
                steps += 1;
            }
            steps
        })
        .await
}

#[tokio::test]
async fn publishing_lets_other_tasks_run() {
    let broker = broker().await;
    let client = &broker.client();
    let steps = steps_until_others_run(|| async { client.publish("a", Bytes::new()).await.unwrap() }).await;
    assert!(steps < 1000, "{steps} publishes in a row");
}

#[tokio::test]
async fn reading_lets_other_tasks_run() {
    let broker = broker().await;
    let client = broker.client();
    let subscriber = &tokio::sync::Mutex::new(client.subscribe("a").await.unwrap());
    for _ in 0..10_000 {
        client.publish("a", Bytes::new()).await.unwrap();
    }
    let steps = steps_until_others_run(|| async { drop(subscriber.lock().await.next().await) }).await;
    assert!(steps < 1000, "{steps} messages in a row");
}

#[tokio::test]
async fn requests_that_fail_at_once_let_other_tasks_run() {
    let broker = broker().await;
    let client = &broker.client();
    let steps = steps_until_others_run(|| async { drop(client.request("nobody", Bytes::new()).await) }).await;
    assert!(steps < 1000, "{steps} requests in a row");
}

#[tokio::test]
async fn sinking_lets_other_tasks_run() {
    let broker = broker().await;
    let client = &broker.client();
    let message = OutboundMessage { subject: "a".into(), reply: None, payload: Bytes::new(), headers: None };
    let steps = steps_until_others_run(|| {
        let (mut sink, message) = (client.clone(), message.clone());
        async move { sink.send(message).await.unwrap() }
    });
    let steps = steps.await;
    assert!(steps < 1000, "{steps} messages in a row");
}

#[tokio::test]
async fn a_publish_is_done_at_its_first_poll() {
    let broker = broker().await;
    let client = broker.client();
    let mut subscriber = client.subscribe("a").await.unwrap();
    // More than a task's share of the processor: later polls find it used up and would wait.
    for _ in 0..1000 {
        drop(client.publish("a", "x".into()).now_or_never());
    }
    for _ in 0..1000 {
        assert_eq!(&subscriber.next().await.unwrap().payload[..], b"x");
    }
}

#[tokio::test]
async fn a_subscription_is_registered_when_subscribe_returns() {
    let broker = broker().await;
    let (client, peer) = (broker.client(), broker.client());
    let mut subscriber = client.subscribe("a").now_or_never().unwrap().unwrap();
    peer.publish("a", "x".into()).now_or_never().unwrap().unwrap();
    assert_eq!(&subscriber.next().now_or_never().unwrap().unwrap().payload[..], b"x");
}

#[tokio::test]
async fn a_slow_subscriber_loses_the_newest_and_counts_them() {
    let broker = broker().await;
    let client = broker.client();
    let mut subscriber = client.subscribe("a").await.unwrap();
    let limit = super::subscriber::QUEUE_BOUNDS.messages;
    for number in 0..limit + 10 {
        drop(client.publish("a", number.to_string().into()).now_or_never());
    }
    assert_eq!(subscriber.dropped(), 10);
    subscriber.drain().await.unwrap();
    let read: Vec<_> = subscriber.by_ref().collect().await;
    assert_eq!(read.len(), limit);
    assert_eq!(&read[limit - 1].payload[..], (limit - 1).to_string().as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_publisher_waits_for_a_reader_that_is_far_behind_but_not_for_long() {
    let broker = broker().await;
    let client = broker.client();
    let mut subscriber = client.subscribe("a").await.unwrap();
    let (large, begin) = (Bytes::from(vec![0; 300 * 1024]), Instant::now());
    client.publish("a", large.clone()).await.unwrap();
    let waited = begin.elapsed();
    assert!((STALL_LIMIT..STALL_LIMIT * 2).contains(&waited), "{waited:?}");
    client.publish("a", large).await.unwrap();
    assert_eq!(begin.elapsed(), waited, "a reader that does not move holds nobody up again");
    assert!(subscriber.next().await.is_some() && subscriber.next().await.is_some());
    assert_eq!(subscriber.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_ready_again_when_the_reader_has_read() {
    let broker = broker().await;
    let mut client = broker.client();
    let (mut subscriber, begin) = (client.subscribe("a").await.unwrap(), Instant::now());
    let payload = Bytes::from(vec![0; 300 * 1024]);
    let message = OutboundMessage { subject: "a".into(), reply: None, payload, headers: None };
    client.start_send_unpin(message.clone()).unwrap();
    assert!(SinkExt::flush(&mut client).now_or_never().is_none());
    assert!(client.feed(message).now_or_never().is_none());
    assert!(subscriber.next().await.is_some());
    SinkExt::flush(&mut client).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn an_abandoned_request_holds_nobody_up() {
    let broker = broker().await;
    let (client, service) = (broker.client(), broker.client());
    let mut requests = service.subscribe("ask").await.unwrap();
    let mut context = Context::from_waker(Waker::noop());

    let mut kept = Box::pin(client.request("ask", "kept".into()));
    assert!(kept.poll_unpin(&mut context).is_pending());
    let mut dropped = Box::pin(client.request("ask", "dropped".into()));
    assert!(dropped.poll_unpin(&mut context).is_pending());
    drop(dropped);

    let answering = async {
        for _ in 0..3 {
            let request = requests.next().await.unwrap();
            service.publish(request.reply.unwrap(), request.payload).await.unwrap();
        }
    };
    let (answer, ()) = join(client.request("ask", "polled".into()), answering).await;
    assert_eq!(&answer.unwrap().payload[..], b"polled");
    let Poll::Ready(answer) = kept.poll_unpin(&mut context) else { panic!("the answer is there") };
    assert_eq!(&answer.unwrap().payload[..], b"kept");
}

#[tokio::test]
async fn a_late_answer_does_not_reach_a_later_request() {
    let broker = broker().await;
    let (client, service) = (broker.client(), broker.client());
    let mut requests = service.subscribe("ask").await.unwrap();
    let late = client.send_request("ask", brief()).await.unwrap_err();
    assert_eq!(late.kind(), RequestErrorKind::TimedOut);
    let first = requests.next().await.unwrap().reply.unwrap();

    let answering = async {
        let second = requests.next().await.unwrap().reply.unwrap();
        let prefix = second.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(first.rsplit_once('.').unwrap().0, prefix, "both use one inbox");
        for odd in
            [first.to_string(), format!("{prefix}.odd"), format!("{prefix}.{}", u64::MAX), format!("{prefix}.-1")]
        {
            service.publish(odd, "wrong".into()).await.unwrap();
        }
        service.publish(second, "right".into()).await.unwrap();
    };
    let (answer, ()) = join(client.request("ask", Bytes::new()), answering).await;
    assert_eq!(&answer.unwrap().payload[..], b"right");
}

#[tokio::test]
async fn the_inbox_lives_as_long_as_a_handle_of_the_client() {
    let broker = broker().await;
    let (client, peer) = (broker.client(), broker.client());
    let mut requests = peer.subscribe("ask").await.unwrap();
    drop(client.send_request("ask", brief()).await);
    let inbox = requests.next().await.unwrap().reply.unwrap();
    let subscriber = client.subscribe("still.here").await.unwrap();

    let handle = client.clone();
    drop(client);
    let error = peer.send_request(inbox.clone(), brief()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::TimedOut, "somebody listens");
    drop(handle);
    let error = peer.send_request(inbox, brief()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);

    let mut subscriber = subscriber;
    peer.publish("still.here", "x".into()).await.unwrap();
    assert_eq!(&subscriber.next().await.unwrap().payload[..], b"x", "subscribers outlive their client");
}

#[tokio::test]
async fn draining_fails_requests_that_wait() {
    let broker = broker().await;
    let (client, peer) = (broker.client(), broker.client());
    let _silent = peer.subscribe("ask").await.unwrap();
    let waiting = join_all((0..3).map(|_| client.request("ask", Bytes::new())));
    let (failed, drained) = join(waiting, client.drain()).await;
    drained.unwrap();
    assert!(failed.into_iter().all(|failed| failed.unwrap_err().kind() == RequestErrorKind::Other));
    assert_eq!(client.connection_state(), super::state::State::Disconnected);
}

#[tokio::test]
async fn stopping_the_broker_closes_its_clients() {
    let broker = broker().await;
    let client = broker.client();
    let mut subscriber = client.subscribe("a").await.unwrap();
    client.publish("a", "x".into()).await.unwrap();
    broker.shutdown(Duration::from_secs(1)).await;
    assert!(subscriber.next().await.is_some() && subscriber.next().await.is_none());
    assert_eq!(client.publish("a", Bytes::new()).await.unwrap_err().kind(), PublishErrorKind::Send);
    assert_eq!(client.subscribe("a").await.unwrap_err().kind(), SubscribeErrorKind::Other);
    assert!(subscriber.unsubscribe().await.is_err());
}

#[tokio::test]
async fn a_closed_sink_closes_its_own_handle_only() {
    let broker = broker().await;
    let client = broker.client();
    let message = OutboundMessage { subject: "a".into(), reply: None, payload: Bytes::new(), headers: None };
    let mut sink = client.clone();
    SinkExt::close(&mut sink).await.unwrap();
    assert_eq!(sink.send(message.clone()).await.unwrap_err().kind(), PublishErrorKind::Send);
    client.clone().send(message.clone()).await.unwrap();
    let torn = OutboundMessage { reply: Some("a\r\n".into()), ..message };
    assert_eq!(client.clone().send(torn).await.unwrap_err().kind(), PublishErrorKind::InvalidSubject);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_of_many_threads_share_the_inbox() {
    let broker = broker().await;
    let client = broker.client();
    for _ in 0..2 {
        let service = broker.client();
        let mut requests = service.queue_subscribe("echo", "services".into()).await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                service.publish(request.reply.unwrap(), request.payload).await.unwrap();
            }
        });
    }
    let tasks = (0..8_u64).map(|task| tokio::spawn(ask_many(client.clone(), task)));
    for asked in join_all(tasks).await {
        asked.unwrap();
    }
}

/// Asks in turn; some requests are dropped after their first poll, so that slots are used anew all the time.
async fn ask_many(client: Client, task: u64) {
    for number in 0..500_u64 {
        if number % 3 == 0 {
            drop(client.request("echo", Bytes::new()).now_or_never());
        }
        let question = Bytes::from(format!("{task} {number}"));
        let answer = client.request("echo", question.clone()).await.unwrap();
        assert_eq!(answer.payload, question);
    }
}
