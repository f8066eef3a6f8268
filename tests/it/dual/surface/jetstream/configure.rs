//! Configurations: what is asked for and what is told.

use std::collections::HashMap;
use std::time::Duration;

use super::super::Stage;
use super::super::nats::jetstream::context::CreateStreamErrorKind;
use super::super::nats::jetstream::stream::{
    Compression, Config, ConsumerLimits, DiscardPolicy, External, PersistenceMode, Placement, Republish,
    RetentionPolicy, Source, StorageType, StreamConsumerSource, SubjectTransform,
};

#[tokio::test]
async fn what_is_not_set_is_chosen() {
    let stage = Stage::start().await;
    let stream = stage.jetstream().create_stream("S").await.unwrap();
    let mut config = stream.cached_info().config.clone();
    let level = config.metadata.remove("_nats.req.level");
    assert_eq!(level.as_deref(), Some("0"));
    assert!(config.metadata.keys().all(|key| key.starts_with("_nats.")), "{:?}", config.metadata);
    config.metadata.clear();
    let expected = Config {
        name: "S".to_owned(),
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        subjects: vec!["S".to_owned()],
        max_consumers: -1,
        max_message_size: -1,
        num_replicas: 1,
        duplicate_window: Duration::from_secs(120),
        compression: Some(Compression::None),
        ..Default::default()
    };
    assert_eq!(config, expected);
}

#[tokio::test]
async fn what_is_set_is_kept() {
    let stage = Stage::start().await;
    let config = Config {
        name: "S".to_owned(),
        max_bytes: 1 << 20,
        max_messages: 1000,
        max_messages_per_subject: 10,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        subjects: vec!["s.a".to_owned(), "s.b.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_consumers: 4,
        max_age: Duration::from_secs(3600),
        max_message_size: 1024,
        storage: StorageType::File,
        num_replicas: 1,
        no_ack: false,
        duplicate_window: Duration::from_secs(60),
        description: Some("orders of today".to_owned()),
        deny_delete: true,
        republish: Some(Republish { source: ">".to_owned(), destination: "copy.>".to_owned(), headers_only: true }),
        allow_direct: true,
        subject_transform: Some(SubjectTransform { source: "s.a".to_owned(), destination: "t.a".to_owned() }),
        compression: Some(Compression::S2),
        consumer_limits: Some(ConsumerLimits { inactive_threshold: Duration::from_secs(60), max_ack_pending: 100 }),
        first_sequence: Some(42),
        placement: None,
        persist_mode: None,
        allow_message_ttl: true,
        metadata: HashMap::from([("owner".to_owned(), "me".to_owned())]),
        ..Default::default()
    };
    let stream = stage.jetstream().create_stream(&config).await.unwrap();
    let mut kept = stream.cached_info().config.clone();
    kept.metadata.retain(|key, _| !key.starts_with("_nats."));
    assert_eq!(kept, config);
    let empty = &stream.cached_info().state;
    assert_eq!((empty.first_sequence, empty.last_sequence), (42, 41));

    let quick = Config { persist_mode: Some(PersistenceMode::Async), ..Config::from("Q") };
    let stream = stage.jetstream().create_stream(quick).await.unwrap();
    assert_eq!(stream.cached_info().config.persist_mode, Some(PersistenceMode::Async));
}

#[tokio::test]
async fn what_is_not_possible_is_refused() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let source = || Source {
        name: "O".to_owned(),
        external: Some(External { api_prefix: "x".to_owned(), delivery_prefix: None }),
        consumer: Some(StreamConsumerSource::new("c", "d")),
        ..Default::default()
    };
    let base = || Config::from("S");
    for (config, code) in [
        (Config { num_replicas: 3, ..base() }, 10074),
        (Config { subjects: vec!["a b".to_owned()], ..base() }, 10052),
        (Config { max_age: Duration::from_nanos(1), ..base() }, 10052),
        (Config { discard_new_per_subject: true, ..base() }, 10052),
        (Config { template_owner: "x".to_owned(), ..base() }, 10025),
        (Config { placement: Some(Placement { cluster: Some("c".to_owned()), tags: vec![] }), ..base() }, 0),
    ] {
        match (jetstream.create_stream(&config).await, code) {
            (Ok(_), 0) => assert!(jetstream.delete_stream("S").await.unwrap().success),
            (Err(error), _) => {
                let CreateStreamErrorKind::JetStream(error) = error.kind() else { panic!("{error}: {config:?}") };
                assert!(code == 0 || error.error_code().0 == code, "{error}: {config:?}");
            }
            (Ok(_), _) => panic!("taken: {config:?}"),
        }
    }
    let doubled = Source { domain: Some("hub".to_owned()), ..source() };
    let error = jetstream.create_stream(Config { mirror: Some(doubled), ..base() }).await.unwrap_err();
    assert_eq!(error.kind(), CreateStreamErrorKind::DomainAndExternalSet);
}
