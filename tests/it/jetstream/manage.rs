//! Streams are made, changed, found, listed and deleted; the account counts them.

use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Source, StorageType};
use futures_util::TryStreamExt;
use serde_json::json;

use crate::jetstream::scene::{Scene, api_code, code, config, span};
use crate::support::{listening, next, run, subscribe};

/// The API's error number of a stream that was not made.
async fn refusal(scene: &Scene, config: Config) -> u64 {
    match scene.context.create_stream(config).await.unwrap_err().kind() {
        CreateStreamErrorKind::JetStream(error) => api_code(&error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_is_what_was_asked_for() {
    run(async {
        let scene = Scene::new().await;
        let asked = Config {
            description: Some("all orders".into()),
            max_messages: 10,
            max_bytes: 4096,
            max_messages_per_subject: 5,
            max_message_size: 512,
            discard: DiscardPolicy::New,
            storage: StorageType::Memory,
            num_replicas: 1,
            allow_rollup: true,
            metadata: [("team".to_owned(), "sales".to_owned())].into(),
            ..config("ORDERS", &["orders.>", "returns.*"])
        };
        let stream = scene.stream(asked.clone()).await;
        let mut got = stream.cached_info().config.clone();
        assert_eq!(got.metadata.remove("team").as_deref(), Some("sales"));
        assert!(got.metadata.keys().all(|key| key.starts_with("_nats.")), "{:?}", got.metadata);
        assert_eq!((got.max_consumers, got.duplicate_window.as_secs()), (-1, 120));
        let echoed = Config {
            max_consumers: got.max_consumers,
            duplicate_window: got.duplicate_window,
            compression: got.compression.clone(),
            metadata: got.metadata.clone(),
            ..asked
        };
        assert_eq!(got, echoed);
        assert_eq!(span(&stream).await, (0, 0, 0));
    });
}

#[test]
fn the_same_again_is_no_error_and_another_is() {
    run(async {
        let scene = Scene::new().await;
        scene.stream(config("A", &["a.*"])).await;
        scene.publish("a.1", "kept").await;
        let again = scene.stream(config("A", &["a.*"])).await;
        assert_eq!(span(&again).await, (1, 1, 1));
        assert_eq!(refusal(&scene, config("A", &["a.>"])).await, 10058);
        assert_eq!(refusal(&scene, config("B", &["a.5"])).await, 10065);
        assert_eq!(refusal(&scene, config("B", &["b", "a.>"])).await, 10065);
        assert_eq!(refusal(&scene, config("B", &["b.1", "b.*"])).await, 10052);
        assert_eq!(refusal(&scene, Config { num_replicas: 3, ..config("B", &["b"]) }).await, 10074);
        assert_eq!(scene.context.get_or_create_stream("A").await.unwrap().cached_info().state.messages, 1);
    });
}

#[test]
fn what_is_not_there_yet_is_refused() {
    run(async {
        let scene = Scene::new().await;
        let mirror = Config { mirror: Some(Source { name: "A".into(), ..Source::default() }), ..Config::default() };
        let mirror = Config { name: "M".into(), ..mirror };
        assert_ne!(refusal(&scene, mirror).await, 0);
        let counters = Config { allow_message_counter: true, ..config("C", &["c"]) };
        assert_ne!(refusal(&scene, counters).await, 0);
        assert_eq!(scene.context.query_account().await.unwrap().streams, 0);
    });
}

#[test]
fn an_update_changes_what_may_change() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a"])).await;
        for number in 0..5 {
            scene.publish("a", format!("{number}")).await;
        }
        let narrower = Config { max_messages: 2, ..config("A", &["a", "b"]) };
        let info = scene.context.update_stream(&narrower).await.unwrap();
        assert_eq!((info.config.max_messages, info.config.subjects.len()), (2, 2));
        assert_eq!(span(&stream).await, (2, 4, 5));
        assert_eq!(scene.publish("b", "").await, 6);
        let elsewhere = Config { storage: StorageType::Memory, ..narrower.clone() };
        assert!(scene.context.update_stream(elsewhere).await.is_err());
        assert_eq!(span(&stream).await, (2, 5, 6));
        let error = scene.context.update_stream(config("NONE", &["n"])).await.unwrap_err();
        assert!(error.to_string().contains("not found"), "{error}");
        // Subjects that are given up are free for others, and not captured any more.
        scene.context.update_stream(config("A", &["a"])).await.unwrap();
        scene.stream(config("B", &["b"])).await;
        assert_eq!(scene.publish("b", "").await, 1);
    });
}

#[test]
fn streams_are_found_by_name_and_subject() {
    run(async {
        let scene = Scene::new().await;
        for name in ["C", "A", "B"] {
            scene.stream(config(name, &[&format!("{}.*", name.to_lowercase())])).await;
        }
        let mut names: Vec<String> = scene.context.stream_names().try_collect().await.unwrap();
        names.sort();
        assert_eq!(names, ["A", "B", "C"]);
        let mut listed: Vec<_> = scene.context.streams().try_collect().await.unwrap();
        listed.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        assert_eq!(
            listed.iter().map(|info| info.config.subjects[0].as_str()).collect::<Vec<_>>(),
            ["a.*", "b.*", "c.*"]
        );
        assert_eq!(scene.context.stream_by_subject("b.7").await.unwrap(), "B");
        assert!(scene.context.stream_by_subject("d.7").await.is_err());
        let reply = scene.request("$JS.API.STREAM.NAMES", r#"{"offset":2}"#).await;
        assert_eq!((&reply["total"], &reply["offset"], &reply["streams"]), (&json!(3), &json!(2), &json!(["C"])));
        let reply = scene.request("$JS.API.STREAM.NAMES", r#"{"subject":"*.1"}"#).await;
        assert_eq!(reply["streams"], json!(["A", "B", "C"]));
        match scene.context.get_stream("D").await.unwrap_err().kind() {
            GetStreamErrorKind::JetStream(error) => assert_eq!((error.code(), api_code(&error)), (404, 10059)),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_deleted_stream_is_gone_with_everything() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        scene.stream(config("A", &["a"])).await;
        scene.publish("a", "x").await;
        assert!(scene.context.delete_stream("A").await.unwrap().success);
        assert!(scene.context.delete_stream("A").await.is_err());
        assert!(scene.context.get_stream("A").await.is_err());
        let error = scene.context.publish("a", "nobody".into()).await.unwrap().await.unwrap_err();
        assert_eq!(error.kind(), async_nats::jetstream::context::PublishErrorKind::StreamNotFound);
        let anew = scene.stream(config("A", &["a"])).await;
        assert_eq!(span(&anew).await, (0, 0, 0));
        assert_eq!(scene.publish("a", "y").await, 1);
        scene.stop().await;
    });
}

#[test]
fn subjects_are_counted() {
    run(async {
        let scene = Scene::new().await;
        let stream = scene.stream(config("A", &["a.>"])).await;
        for subject in ["a.x", "a.y", "a.x", "a.z.1"] {
            scene.publish(subject, "").await;
        }
        let info = stream.get_info().await.unwrap();
        assert_eq!(info.state.subjects_count, 3);
        let counted = stream.info_with_subjects("a.*").await.unwrap();
        let mut counted: Vec<(String, usize)> = counted.try_collect().await.unwrap();
        counted.sort();
        assert_eq!(counted, [("a.x".to_owned(), 2), ("a.y".to_owned(), 1)]);
    });
}

#[test]
fn the_account_counts_what_it_has() {
    run(async {
        let scene =
            Scene::of(listening().max_file_store(1 << 20).max_memory_store(1 << 20).start().await.unwrap()).await;
        scene.stream(Config { max_bytes: 1 << 19, ..config("A", &["a"]) }).await;
        scene.stream(Config { storage: StorageType::Memory, ..config("B", &["b"]) }).await;
        scene.publish("a", "12345").await;
        scene.publish("b", "12345").await;
        assert_eq!(scene.api("STREAM.INFO.NONE", "").await, 10059);
        let account = scene.context.query_account().await.unwrap();
        assert_eq!((account.streams, account.consumers, account.domain.as_deref()), (2, 0, None));
        assert_eq!((account.storage, account.memory), (30 + 1 + 5, 16 + 1 + 5));
        assert_eq!((account.reserved_storage, account.reserved_memory), (1 << 19, 0));
        assert!(account.requests.total >= 3 && account.requests.errors == 1, "{:?}", account.requests);
        // No room for another reservation of that size and a byte.
        let error = refusal(&scene, Config { max_bytes: (1 << 19) + 1, ..config("C", &["c"]) }).await;
        assert!([10028, 10047].contains(&error), "{error}");
    });
}

#[test]
fn the_account_has_limits() {
    run(async {
        let limited = listening().max_streams(2).max_consumers(1).max_ack_pending(10).max_bytes_required(true);
        let limited = limited.max_account_memory(1 << 19).max_account_storage(1 << 19);
        let limited = limited.max_memory_stream_bytes(1 << 18).max_file_stream_bytes(1 << 18);
        let scene = Scene::of(limited.start().await.unwrap()).await;
        let account = scene.context.query_account().await.unwrap();
        let limits = account.limits;
        assert_eq!((limits.max_streams, limits.max_consumers, limits.max_ack_pending), (Some(2), Some(1), 10));
        assert_eq!((limits.max_memory, limits.max_storage), (Some(1 << 19), Some(1 << 19)));
        assert_eq!((limits.memory_max_stream_bytes, limits.storage_max_stream_bytes), (Some(1 << 18), Some(1 << 18)));
        assert!(limits.max_bytes_required);

        assert_eq!(refusal(&scene, config("A", &["a"])).await, 10113);
        for storage in [StorageType::File, StorageType::Memory] {
            let large = Config { max_bytes: (1 << 18) + 1, storage, ..config("A", &["a"]) };
            assert_eq!(refusal(&scene, large).await, 10122);
        }
        let stream = scene.stream(Config { max_bytes: 1 << 18, ..config("A", &["a"]) }).await;
        let pull = |name: &str, max_ack_pending| async_nats::jetstream::consumer::pull::Config {
            durable_name: Some(name.to_owned()),
            max_ack_pending,
            ..Default::default()
        };
        assert!(stream.create_consumer(pull("C", 11)).await.is_err());
        stream.create_consumer(pull("C", 10)).await.unwrap();
        assert!(stream.create_consumer(pull("D", 10)).await.is_err());
        scene.stream(Config { max_bytes: 1 << 18, ..config("B", &["b"]) }).await;
        assert_eq!(refusal(&scene, Config { max_bytes: 1, ..config("C", &["c"]) }).await, 10027);
    });
}

#[test]
fn a_full_store_refuses_until_there_is_room() {
    run(async {
        let scene = Scene::of(listening().max_file_store(10_000).start().await.unwrap()).await;
        let stream = scene.stream(config("A", &["a"])).await;
        let error = loop {
            match scene.context.publish("a", vec![7; 1000].into()).await.unwrap().await {
                Ok(ack) => assert!(ack.sequence <= 10),
                Err(error) => break error,
            }
        };
        assert_eq!(code(&error), 10023);
        stream.purge().await.unwrap();
        scene.publish("a", "room").await;
    });
}

#[test]
fn advisories_tell_of_streams() {
    run(async {
        let scene = Scene::new().await;
        let client = scene.context.client();
        let mut advisories = subscribe(&scene.broker, &client, "$JS.EVENT.ADVISORY.STREAM.>").await;
        scene.stream(config("A", &["a"])).await;
        scene.context.update_stream(config("A", &["a", "b"])).await.unwrap();
        scene.context.delete_stream("A").await.unwrap();
        for (action, verb) in [("create", "CREATED"), ("modify", "UPDATED"), ("delete", "DELETED")] {
            let message = next(&mut advisories).await;
            assert_eq!(message.subject.as_str(), format!("$JS.EVENT.ADVISORY.STREAM.{verb}.A"));
            let advisory: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!((&advisory["stream"], &advisory["action"]), (&json!("A"), &json!(action)));
        }
    });
}
