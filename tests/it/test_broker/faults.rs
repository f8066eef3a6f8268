//! Faults on command: each does what it says, and ends when it is told to.

use std::time::Duration;

use async_nats::ConnectOptions;
use embus::TestBroker;
use embus::jetstream::{self, stream::Config};
use embus::test_util::FaultError;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use crate::jetstream::scene::{Scene, config, span};
use crate::support::{Raw, eventually, next, run, within};
use crate::test_broker::{publish, started, stream};

/// A stream that found its disk bad tries it again within this time.
const TRIAL: Duration = Duration::from_secs(2);

#[test]
fn a_client_that_is_cut_comes_back() {
    run(async {
        let broker = started().await;
        let (events, mut seen) = mpsc::unbounded_channel();
        let options = ConnectOptions::new().name("worker").event_callback(move |event| {
            let _ = events.send(event);
            async {}
        });
        let client = options.connect(broker.url()).await.unwrap();
        let mut hears = client.subscribe("a").await.unwrap();
        broker.wait_for_interest("a").await;
        broker.cut("worker").unwrap();
        for expected in [async_nats::Event::Connected, async_nats::Event::Disconnected, async_nats::Event::Connected] {
            assert_eq!(within("an event", seen.recv()).await.unwrap(), expected);
        }
        client.publish("a", "x".into()).await.unwrap();
        assert_eq!(next(&mut hears).await.payload, "x");
        broker.cut(&client).unwrap();
        assert_eq!(within("an event", seen.recv()).await.unwrap(), async_nats::Event::Disconnected);
    });
}

#[test]
fn an_in_process_client_that_is_cut_is_closed() {
    run(async {
        let broker = started().await;
        let (cut, other) = (broker.client(), broker.client());
        let mut hears = cut.subscribe("a").await.unwrap();
        broker.cut(&cut).unwrap();
        assert!(within("the end", hears.next()).await.is_none());
        other.publish("a", "x".into()).await.unwrap();
        assert_eq!(
            broker.cut(&cut).unwrap_err().to_string(),
            format!("no client {} is connected", cut.server_info().client_id)
        );
        assert_eq!(broker.cut("").unwrap_err(), FaultError::NoSuchClient(String::new()));
        assert_eq!(broker.slow_reader(77).unwrap_err(), FaultError::NoSuchClient("77".to_owned()));
    });
}

#[test]
fn a_slow_reader_on_the_wire_gets_everything_once_released() {
    run(async {
        let broker = started().await;
        let mut slow = Raw::connect(&broker.broker()).await.plain().await.subscribed("a").await;
        let id = broker.broker().connections()[0].cid;
        let (hold, twice) = (broker.slow_reader(id).unwrap(), broker.slow_reader(id).unwrap());
        let client = broker.client();
        let mut quick = client.subscribe("a").await.unwrap();
        for payload in ["1", "2"] {
            client.publish("a", payload.into()).await.unwrap();
            next(&mut quick).await;
        }
        // From another connection: it takes another way to the reader.
        let remote = broker.async_nats().await.unwrap();
        remote.publish("a", "3".into()).await.unwrap();
        next(&mut quick).await;
        hold.release();
        assert!(slow.line().now_or_never().is_none(), "two hold it");
        assert!(broker.broker().connections()[0].pending_bytes > 0);
        drop(twice);
        slow.expect("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n").await;
    });
}

#[test]
fn a_slow_reader_is_cut_when_too_much_waits() {
    run(async {
        let builder = TestBroker::builder().configure(|broker| broker.max_payload(1024).max_pending(2048));
        let broker = builder.start().await.unwrap();
        let slow = Raw::connect(&broker.broker()).await.plain().await.subscribed("a").await;
        let _hold = broker.slow_reader(broker.broker().connections()[0].cid).unwrap();
        for _ in 0..3 {
            broker.client().publish("a", vec![0; 1000].into()).await.unwrap();
        }
        slow.rest().await;
        eventually("the cut is counted", || broker.broker().statistics().slow_consumers == 1).await;
    });
}

#[test]
fn a_slow_reader_in_the_process_gets_everything_once_released() {
    run(async {
        let broker = started().await;
        let (reader, publisher) = (broker.client(), broker.client());
        let mut slow = reader.subscribe("a").await.unwrap();
        let mut quick = publisher.subscribe("a").await.unwrap();
        let hold = broker.slow_reader(&reader).unwrap();
        for payload in ["1", "2"] {
            publisher.publish("a", payload.into()).await.unwrap();
            assert_eq!(next(&mut quick).await.payload, payload);
        }
        assert!(slow.next().now_or_never().is_none());
        let reading = tokio::spawn(async move { (next(&mut slow).await.payload, next(&mut slow).await.payload) });
        hold.release();
        assert_eq!(reading.await.unwrap(), ("1".into(), "2".into()));
    });
}

#[test]
fn a_sync_that_fails_takes_only_what_was_not_acknowledged() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        publish(&context, "s.1", "kept").await;
        broker.fail_next_sync().await.unwrap();
        assert!(context.publish("s.1", "lost".into()).await.unwrap().await.is_err());
        broker.advance(TRIAL).await;
        publish(&context, "s.1", "kept").await;
        assert_eq!(span(&stream).await.0, 2);
    });
}

/// What a stream syncs by itself when it is made comes before.
#[test]
fn the_sync_that_fails_is_that_of_the_next_publish() {
    run(async {
        for _ in 0..20 {
            let config = Config { name: "S".into(), subjects: vec!["s".into()], ..Config::default() };
            let broker = TestBroker::builder().stream(config).start().await.unwrap();
            let context = jetstream::new(broker.client());
            broker.fail_next_sync().await.unwrap();
            assert!(context.publish("s", "lost".into()).await.unwrap().await.is_err());
            broker.shutdown().await;
        }
    });
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    run(async {
        let broker = started().await;
        let (context, stream) = stream(&broker).await;
        publish(&context, "s.1", "before").await;
        broker.fill_disk().unwrap();
        let refused = context.publish("s.1", "x".into()).await.unwrap().await.unwrap_err();
        assert!(refused.to_string().contains("no space left"), "{refused}");
        assert!(context.create_stream(config("T", &["t"])).await.is_err());
        broker.free_disk().unwrap();
        broker.advance(TRIAL).await;
        publish(&context, "s.1", "after").await;
        assert_eq!(span(&stream).await.0, 2);
        context.create_stream(config("T", &["t"])).await.unwrap();
    });
}

#[test]
fn a_real_disk_has_no_faults_on_command() {
    run(async {
        let broker = TestBroker::builder().temp_dir().start().await.unwrap();
        for refused in [broker.fail_next_sync().await, broker.fill_disk(), broker.free_disk(), broker.crash().await] {
            assert_eq!(refused.unwrap_err(), FaultError::RealDisk);
        }
        let scene = Scene::of(broker.broker()).await;
        scene.stream(config("S", &["s"])).await;
        scene.publish("s", "x").await;
        broker.restart().await.unwrap();
        let scene = Scene::of(broker.broker()).await;
        assert_eq!(span(&scene.get("S").await).await, (1, 1, 1));
        broker.shutdown().await;
    });
}
