//! Streams through in-process clients: what a program sees that holds the broker. What is the same with async-nats is
//! tested in `dual/surface/jetstream`.

use embus::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind, RequestErrorKind};
use embus::jetstream::stream::{Config, DirectGetErrorKind, DiscardPolicy, StorageType};
use embus::jetstream::{self, Context, ContextBuilder, EnsureStreamErrorKind, Ensured, ErrorCode};
use embus::{Broker, Builder, StartError};
use futures_util::StreamExt;
use futures_util::future::{join, join_all};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::{STOP_DEADLINE, next, run, within};

fn config(name: &str) -> Config {
    Config { name: name.to_owned(), subjects: vec![format!("{}.>", name.to_lowercase())], ..Config::default() }
}

fn durable(dir: &TempDir) -> Builder {
    Broker::builder().store_dir(dir.path())
}

async fn start() -> (Broker, Context) {
    let broker = Broker::builder().start().await.unwrap();
    let jetstream = jetstream::new(broker.client());
    (broker, jetstream)
}

#[test]
fn acknowledged_messages_survive_the_broker() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let broker = durable(&dir).stream(config("S")).start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        let mut acks = Vec::new();
        for n in 1..=100 {
            acks.push(jetstream.publish(format!("s.{n}"), n.to_string().into()).await.unwrap());
        }
        for (n, ack) in (1..).zip(acks) {
            assert_eq!(ack.await.unwrap().sequence, n);
        }
        let stream = jetstream.get_stream("S").await.unwrap();
        stream.delete_message(7).await.unwrap();
        let before = stream.get_info().await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        let broker = durable(&dir).start().await.unwrap();
        let stream = jetstream::new(broker.client()).get_stream("S").await.unwrap();
        let after = stream.cached_info();
        assert_eq!((&after.state, &after.config, after.created), (&before.state, &before.config, before.created));
        assert_eq!(after.state.messages, 99);
        let message = stream.get_last_raw_message_by_subject("s.100").await.unwrap();
        assert_eq!((message.sequence, &message.payload[..]), (100, &b"100"[..]));
        broker.shutdown(STOP_DEADLINE).await;

        let broker = durable(&dir).clear_store_on_start().start().await.unwrap();
        let error = jetstream::new(broker.client()).get_stream("S").await.unwrap_err();
        assert!(matches!(error.kind(), GetStreamErrorKind::JetStream(_)));
    });
}

#[test]
fn declared_streams_are_there_as_declared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let broker = durable(&dir).stream(config("S")).stream("T").start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        jetstream.publish("s.1", "kept".into()).await.unwrap().await.unwrap();
        jetstream.publish("T", "kept".into()).await.unwrap().await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        let larger = Config { max_messages: 10, discard: DiscardPolicy::New, ..config("S") };
        let broker = durable(&dir).stream(&larger).start().await.unwrap();
        let info = jetstream::new(broker.client()).get_stream("S").await.unwrap().cached_info().clone();
        assert_eq!((info.config.max_messages, info.config.discard, info.state.messages), (10, DiscardPolicy::New, 1));
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_declaration_that_can_not_hold_stops_the_start() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        durable(&dir).stream(config("S")).start().await.unwrap().shutdown(STOP_DEADLINE).await;

        let other = Config { storage: StorageType::Memory, ..config("S") };
        let error = durable(&dir).stream(other).start().await.unwrap_err();
        let StartError::Stream { name, source } = &error else { panic!("{error}") };
        assert_eq!(name, "S");
        assert!(matches!(source.kind(), EnsureStreamErrorKind::Immutable { field: "storage", .. }), "{source}");
        assert!(error.to_string().contains("cannot have stream \"S\" as declared: `storage` of a stream"), "{error}");

        for (bad, kind) in [
            (Config::from("a.b"), CreateStreamErrorKind::InvalidStreamName),
            (Config::default(), CreateStreamErrorKind::EmptyStreamName),
        ] {
            let error = durable(&dir).stream(bad).start().await.unwrap_err();
            let StartError::Stream { source, .. } = error else { panic!("{error}") };
            assert_eq!(source.kind(), EnsureStreamErrorKind::Refused(kind));
        }
        let error = Broker::builder().jetstream(false).stream("S").start().await.unwrap_err();
        assert!(matches!(error, StartError::Config(_)), "{error}");

        // The directory is free again.
        let broker = durable(&dir).stream(config("S")).start().await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn streams_are_ensured() {
    run(async {
        let (_broker, jetstream) = start().await;
        let small = Config { max_messages: 1, ..config("S") };
        assert!(matches!(jetstream.ensure_stream(&small).await.unwrap(), Ensured::Created(_)));
        assert!(matches!(jetstream.ensure_stream(&small).await.unwrap(), Ensured::Unchanged(_)));
        let ensured = jetstream.ensure_stream(Config { max_messages: 2, ..small.clone() }).await.unwrap();
        assert!(matches!(ensured, Ensured::Updated(_)));
        assert_eq!(ensured.stream().cached_info().config.max_messages, 2);
        assert_eq!(ensured.into_stream().get_info().await.unwrap().config.max_messages, 2);

        let error =
            jetstream.ensure_stream(Config { storage: StorageType::Memory, ..small.clone() }).await.unwrap_err();
        let EnsureStreamErrorKind::Immutable { field, error } = error.kind() else { panic!("{error}") };
        assert_eq!((field, error.error_code()), ("storage", ErrorCode::STREAM_INVALID_CONFIG));
        let error = jetstream.ensure_stream(Config { num_replicas: 3, ..config("T") }).await.unwrap_err();
        let EnsureStreamErrorKind::Refused(CreateStreamErrorKind::JetStream(error)) = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(error.error_code().0, 10074);
        assert_eq!(jetstream.get_stream("S").await.unwrap().cached_info().config.max_messages, 2);
    });
}

#[test]
fn the_own_domain_is_in_reach() {
    run(async {
        let broker = Broker::builder().jetstream_domain("hub").start().await.unwrap();
        for jetstream in [
            jetstream::new(broker.client()),
            jetstream::with_domain(broker.client(), "hub"),
            jetstream::with_prefix(broker.client(), "$JS.hub.API"),
        ] {
            jetstream.create_stream(config("S")).await.unwrap();
            let ack = jetstream.publish("s.1", "x".into()).await.unwrap().await.unwrap();
            assert_eq!(ack.domain, "hub");
            assert_eq!(jetstream.query_account().await.unwrap().domain.as_deref(), Some("hub"));
        }
        let error = jetstream::with_domain(broker.client(), "leaf").create_stream("S").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "jetstream unavailable: requested JetStream resource does not exist: \
             the API of this broker does not answer on `$JS.leaf.API`"
        );
    });
}

#[test]
fn a_broker_without_streams_says_so() {
    run(async {
        let broker = Broker::builder().jetstream(false).start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        let error = jetstream.create_stream("S").await.unwrap_err();
        assert_eq!(error.kind(), CreateStreamErrorKind::JetStreamUnavailable);
        assert!(error.to_string().contains("the broker has no JetStream"), "{error}");
        let error = jetstream.publish("s", "x".into()).await.unwrap().await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::StreamNotFound);
        let stream = jetstream.get_stream_no_info("S").await.unwrap();
        assert!(matches!(stream.direct_get(1).await.unwrap_err().kind(), DirectGetErrorKind::ErrorResponse(..)));
    });
}

#[test]
fn after_the_end_everything_fails_and_nothing_hangs() {
    run(async {
        let (broker, jetstream) = start().await;
        let stream = jetstream.create_stream(config("S")).await.unwrap();
        let drained = jetstream::new(broker.client());
        drained.client().drain().await.unwrap();
        assert_eq!(drained.create_stream("T").await.unwrap_err().kind(), CreateStreamErrorKind::Response);
        assert_eq!(drained.publish("s.1", "x".into()).await.unwrap_err().kind(), PublishErrorKind::Other);

        broker.shutdown(STOP_DEADLINE).await;
        assert_eq!(stream.get_info().await.unwrap_err().kind(), RequestErrorKind::Other);
        assert!(stream.purge().await.is_err() && stream.delete_message(1).await.is_err());
        assert!(stream.get_raw_message(1).await.is_err());
        assert_eq!(jetstream.publish("s.1", "x".into()).await.unwrap_err().kind(), PublishErrorKind::Other);
    });
}

#[test]
fn acknowledgements_are_counted() {
    run(async {
        let broker = Broker::builder().start().await.unwrap();
        let none = ContextBuilder::new().max_ack_inflight(0).backpressure_on_inflight(false).build(broker.client());
        assert_eq!(none.publish("s.1", "x".into()).await.unwrap_err().kind(), PublishErrorKind::MaxAckPending);

        let one = ContextBuilder::new().max_ack_inflight(1).backpressure_on_inflight(false).build(broker.client());
        one.create_stream(config("S")).await.unwrap();
        for n in 1..=10 {
            assert_eq!(one.publish("s.1", "x".into()).await.unwrap().await.unwrap().sequence, n);
            // What no stream takes, and what can't be published, counts no more either.
            drop(one.publish("nowhere", "x".into()).await.unwrap());
            one.publish("", "x".into()).await.unwrap_err();
        }
        one.wait_for_acks().await;
    });
}

#[test]
fn an_acknowledgement_can_wait_in_another_task_or_not_at_all() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let broker = durable(&dir).start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        let stream = jetstream.create_stream(config("S")).await.unwrap();
        drop(jetstream.publish("s.1", "nobody waits".into()).await.unwrap());
        let ack = jetstream.publish("s.2", "another task waits".into()).await.unwrap();
        let ack = tokio::spawn(async move { ack.await }).await.unwrap().unwrap();
        assert_eq!(ack.sequence, 2);
        assert_eq!(stream.get_raw_message(1).await.unwrap().payload, "nobody waits");
        broker.shutdown(STOP_DEADLINE).await;
    });
}

/// Differs from async-nats, which waits for an acknowledgement until its time is over.
#[test]
fn streams_that_acknowledge_nothing_and_messages_that_only_subscribers_take() {
    run(async {
        let (broker, jetstream) = start().await;
        jetstream.create_stream(Config { no_ack: true, ..config("S") }).await.unwrap();
        assert_eq!(jetstream.publish("s.1", "x".into()).await.unwrap().await.unwrap().sequence, 1);

        let mut subscriber = broker.client().subscribe("plain").await.unwrap();
        let error = jetstream.publish("plain", "x".into()).await.unwrap().await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::StreamNotFound);
        let message = subscriber.next().await.unwrap();
        assert_eq!((&message.payload[..], message.reply), (&b"x"[..], None));
    });
}

#[test]
fn streams_are_the_same_inside_and_outside() {
    run(async {
        let broker = Broker::builder().listen("127.0.0.1:0").start().await.unwrap();
        let inside = jetstream::new(broker.client());
        let remote = async_nats::connect(broker.client_url().unwrap()).await.unwrap();
        let outside = async_nats::jetstream::new(remote.clone());
        let mut subscriber = remote.subscribe("s.*").await.unwrap();
        broker.wait_for_interest("s.wire").await;
        let stream = inside.create_stream(Config { allow_direct: true, ..config("S") }).await.unwrap();

        assert_eq!(inside.publish("s.in", "1".into()).await.unwrap().await.unwrap().sequence, 1);
        assert_eq!(outside.publish("s.out", "2".into()).await.unwrap().await.unwrap().sequence, 2);
        assert_eq!(next(&mut subscriber).await.payload, "1");
        assert_eq!(next(&mut subscriber).await.payload, "2");

        let theirs = outside.get_stream("S").await.unwrap();
        let ours = stream.get_info().await.unwrap();
        assert_eq!(theirs.cached_info().state.bytes, ours.state.bytes);
        assert_eq!(theirs.cached_info().created, ours.created);
        assert_eq!(theirs.cached_info().state.last_timestamp, ours.state.last_timestamp);
        let (theirs, ours) = (theirs.direct_get(1).await.unwrap(), stream.direct_get(1).await.unwrap());
        assert_eq!((theirs.payload, theirs.time), (ours.payload, ours.time));
        // The place of a message is in its fields; only the wire needs headers for it.
        assert!(theirs.headers.get("Nats-Sequence").is_some() && ours.headers.is_empty());
    });
}

/// Each request that is queued or under way when the broker stops is answered: what it did is there, or it is refused.
#[test]
fn requests_under_way_at_the_end_are_answered() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let broker = durable(&dir).stream(config("S")).start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        for n in 0..20 {
            jetstream.publish(format!("s.{n}"), "kept".into()).await.unwrap().await.unwrap();
        }
        let stream = jetstream.get_stream("S").await.unwrap();
        let created: Vec<_> = (0..200).map(|n| jetstream.create_stream(config(&format!("N{n}")))).collect();
        let purged: Vec<_> = (0..20).map(|n| stream.purge().filter(format!("s.{n}")).into_future()).collect();
        // The same over the wire's subjects, where an answer is a message.
        let client = broker.client();
        let asked: Vec<_> = (0..200).map(|_| client.request("$JS.API.STREAM.PURGE.S", "".into())).collect();
        let requests = join(join_all(created), join(join_all(purged), join_all(asked)));
        let stop = async {
            tokio::task::yield_now().await;
            let before = Instant::now();
            broker.shutdown(STOP_DEADLINE).await;
            before.elapsed()
        };
        let (answers, elapsed) = within("all answers and the end", join(requests, stop)).await;
        assert!(elapsed < STOP_DEADLINE, "{elapsed:?}");

        let (created, (purged, _)) = answers;
        let broker = durable(&dir).start().await.unwrap();
        let jetstream = jetstream::new(broker.client());
        for (n, answer) in created.iter().enumerate().filter(|(_, answer)| answer.is_ok()) {
            assert!(jetstream.get_stream(format!("N{n}")).await.is_ok(), "{answer:?}");
        }
        let stream = jetstream.get_stream("S").await.unwrap();
        for (n, answer) in purged.iter().enumerate().filter(|(_, answer)| answer.is_ok()) {
            assert!(stream.get_last_raw_message_by_subject(&format!("s.{n}")).await.is_err(), "{answer:?}");
        }
        broker.shutdown(STOP_DEADLINE).await;
    });
}
