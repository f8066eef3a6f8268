//! Starting: ready when it returns, or an error and nothing left running; many brokers side by side.

use std::time::{Duration, Instant};

use embus::{Broker, Builder, StartError, SyncPolicy};
use futures_util::FutureExt;
use tokio::net::TcpListener;

use crate::support::{Raw, STOP_DEADLINE, connect, next, run, start, start_at_own_address, subscribe, text};

#[test]
fn a_started_broker_is_ready() {
    run(async {
        let before = Instant::now();
        let broker = start().await;
        let mut raw = Raw::connect(&broker).await;
        assert_eq!(raw.fence().await, "");
        // A debug build on a busy machine; `cargo bench` holds a release build to the real goal.
        assert!(before.elapsed() < Duration::from_secs(2), "{:?} to the first PONG", before.elapsed());
    });
}

#[test]
fn a_broker_may_listen_at_several_addresses_or_none() {
    run(async {
        let broker = Broker::builder().listen("127.0.0.1:0").listen("127.0.0.1:0").start().await.unwrap();
        let addresses = broker.local_addrs().to_vec();
        assert_eq!(addresses.len(), 2);
        assert_ne!(addresses[0], addresses[1]);
        assert_eq!(broker.local_addr(), Some(addresses[0]));
        let first = async_nats::connect(addresses[0].to_string()).await.unwrap();
        let second = async_nats::connect(addresses[1].to_string()).await.unwrap();
        let mut subscriber = subscribe(&broker, &first, "across").await;
        second.publish("across", "hello".into()).await.unwrap();
        assert_eq!(text(&next(&mut subscriber).await.payload), "hello");

        let silent = Broker::builder().start().await.unwrap();
        assert!(silent.local_addrs().is_empty() && silent.client_url().is_none());
    });
}

#[test]
fn info_tells_name_and_address() {
    run(async {
        let broker = Broker::builder().server_name("meter").listen("127.0.0.1:0").start().await.unwrap();
        let info = connect(&broker).await.server_info();
        assert_eq!(info.server_name, "meter");
        assert_eq!((info.host.as_str(), info.port), ("127.0.0.1", broker.local_addr().unwrap().port()));
        assert_eq!(info.server_id, broker.server_info().server_id);
        assert!(info.server_id.starts_with('N') && info.server_id.len() == 56, "{}", info.server_id);
        assert!(info.headers && info.proto == 1 && info.max_payload == 1024 * 1024);
        assert_eq!(info.client_ip, "127.0.0.1");
    });
}

#[test]
fn a_taken_port_is_an_error_and_frees_the_others() {
    run(async {
        let occupant = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = occupant.local_addr().unwrap().to_string();
        // A port that was free a moment ago, where nobody else looks for one.
        let before = start_at_own_address().await;
        let free = before.local_addr().unwrap().to_string();
        before.shutdown(STOP_DEADLINE).await;
        let error = Broker::builder().listen(&free).listen(&taken).start().await.unwrap_err();
        assert!(matches!(&error, StartError::Listen { address, .. } if *address == taken), "{error}");
        assert!(error.to_string().contains(&taken), "{error}");
        let broker = Broker::builder().listen(&free).start().await.expect("the other address was let go");
        broker.shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn a_broker_does_not_take_anothers_port() {
    run(async {
        let broker = start().await;
        let address = broker.local_addr().unwrap().to_string();
        let error = Broker::builder().listen(&address).start().await.unwrap_err();
        assert!(matches!(error, StartError::Listen { .. }), "{error}");
        assert_eq!(Raw::connect(&broker).await.fence().await, "");
    });
}

#[test]
fn a_bad_address_is_an_error() {
    run(async {
        for address in ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:notaport", "127.0.0.1:65536"] {
            let error = Broker::builder().listen(address).start().await.unwrap_err();
            assert!(matches!(error, StartError::Address { .. }), "{address:?}: {error}");
        }
        // An address of another machine. [RFC 5737]
        let error = Broker::builder().listen("192.0.2.1:4222").start().await.unwrap_err();
        assert!(matches!(error, StartError::Listen { .. }), "{error}");
        let error = Broker::builder().monitor("127.0.0.1").start().await.unwrap_err();
        assert!(matches!(error, StartError::Monitor { .. }), "{error}");
        let broker = start().await;
        let error = Broker::builder().monitor(broker.local_addr().unwrap().to_string()).start().await.unwrap_err();
        assert!(matches!(error, StartError::Monitor { .. }), "{error}");
    });
}

/// Gives a builder a setting that it must refuse.
type Spoil = fn(Builder) -> Builder;

#[test]
fn settings_out_of_range_are_an_error() {
    let second = Duration::from_secs(1);
    let cases: [(&str, Spoil); 11] = [
        ("max_payload", |builder| builder.max_payload(2000).max_pending(1000)),
        ("max_payload", |builder| builder.max_payload(65 * 1024 * 1024).max_pending(1024 * 1024 * 1024)),
        ("max_control_line", |builder| builder.max_control_line(0)),
        ("max_control_line", |builder| builder.max_control_line(1024 * 1024)),
        ("ping_interval", |builder| builder.ping_interval(Duration::ZERO)),
        ("lame duck", |builder| builder.lame_duck(Duration::from_secs(1), Duration::from_secs(1))),
        ("domain", |builder| builder.jetstream_domain("a.b")),
        ("domain", |builder| builder.jetstream_domain("a b")),
        ("domain", |builder| builder.jetstream_domain("")),
        ("sync interval", |builder| builder.sync(SyncPolicy::Interval(Duration::ZERO))),
        ("store directory", |builder| builder.store_dir("")),
    ];
    run(async {
        for (name, spoil) in cases {
            let error = spoil(Broker::builder().listen("127.0.0.1:0")).start().await.unwrap_err();
            assert!(matches!(&error, StartError::Config(text) if text.contains(name)), "{name}: {error}");
        }
        let fine = Broker::builder().lame_duck(2 * second, second).ping_interval(second);
        fine.start().await.unwrap().shutdown(STOP_DEADLINE).await;
    });
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let error = Broker::builder().start().now_or_never().expect("it fails at once").unwrap_err();
    assert!(matches!(error, StartError::Runtime(_)), "{error}");
}

#[test]
fn many_brokers_in_one_process_know_nothing_of_each_other() {
    run(async {
        let mut worlds = Vec::new();
        for _ in 0..10 {
            let broker = start().await;
            let client = connect(&broker).await;
            let wire = subscribe(&broker, &client, "same.subject").await;
            let own = broker.client().subscribe("same.subject").await.unwrap();
            worlds.push((broker, client, wire, own));
        }
        for (number, (broker, client, ..)) in worlds.iter().enumerate() {
            client.publish("same.subject", format!("wire {number}").into()).await.unwrap();
            broker.wait_for_interest("same.subject").await;
        }
        for (number, (_, _, wire, own)) in worlds.iter_mut().enumerate() {
            assert_eq!(text(&next(wire).await.payload), format!("wire {number}"));
            assert_eq!(text(&next(own).await.payload), format!("wire {number}"));
        }
        // One goes; the others do not notice.
        let (gone, ..) = worlds.swap_remove(4);
        gone.shutdown(STOP_DEADLINE).await;
        for (broker, _, wire, own) in &mut worlds {
            broker.client().publish("same.subject", "still here".into()).await.unwrap();
            assert_eq!(text(&next(wire).await.payload), "still here");
            assert_eq!(text(&next(own).await.payload), "still here");
            assert_eq!(broker.statistics().traffic.in_msgs, 2);
        }
    });
}
