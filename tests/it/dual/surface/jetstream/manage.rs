//! Streams made, changed, found, listed and removed.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::super::Stage;
use super::super::nats::jetstream::context::{
    AccountErrorKind, ContextBuilder, CreateStreamErrorKind, GetStreamByNameErrorKind, GetStreamErrorKind,
    RequestErrorKind,
};
use super::super::nats::jetstream::response::Response;
use super::super::nats::jetstream::stream::{Config, Info, StorageType};
use super::super::nats::jetstream::{self, ErrorCode};
use super::{config, three_messages};

#[tokio::test]
async fn streams_are_made_once() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(config("S")).await.unwrap();
    assert_eq!(stream.cached_info().config.subjects, ["s.>"]);
    assert!(stream.cached_info().cluster.is_none());
    // With the same configuration it is the same; with another it is not.
    jetstream.create_stream(config("S")).await.unwrap();
    let error = jetstream.create_stream(Config { max_messages: 7, ..config("S") }).await.unwrap_err();
    let CreateStreamErrorKind::JetStream(error) = error.kind() else { panic!("{error}") };
    assert_eq!((error.code(), error.error_code()), (400, ErrorCode::STREAM_NAME_EXIST));
    assert_eq!(
        error.to_string(),
        "stream name already in use with a different configuration (code 400, error code 10058)"
    );

    let existing = jetstream.get_or_create_stream(Config { max_messages: 7, ..config("S") }).await.unwrap();
    assert_eq!(existing.cached_info().config.max_messages, -1);
    let new = jetstream.get_or_create_stream("T").await.unwrap();
    assert_eq!(new.cached_info().config.subjects, ["T"]);
}

#[tokio::test]
async fn names_that_are_none() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    assert_eq!(jetstream.create_stream("").await.unwrap_err().kind(), CreateStreamErrorKind::EmptyStreamName);
    assert_eq!(jetstream.get_stream("").await.unwrap_err().kind(), GetStreamErrorKind::EmptyName);
    assert_eq!(jetstream.delete_stream("").await.map(drop).unwrap_err().kind(), GetStreamErrorKind::EmptyName);
    for bad in ["a.b", "a b", "*", "a>"] {
        assert_eq!(jetstream.create_stream(bad).await.unwrap_err().kind(), CreateStreamErrorKind::InvalidStreamName);
        assert_eq!(
            jetstream.update_stream(&Config::from(bad)).await.unwrap_err().kind(),
            CreateStreamErrorKind::InvalidStreamName
        );
        assert_eq!(jetstream.get_stream(bad).await.unwrap_err().kind(), GetStreamErrorKind::InvalidStreamName);
        assert_eq!(jetstream.get_stream_no_info(bad).await.unwrap_err().kind(), GetStreamErrorKind::InvalidStreamName);
    }
    let error = jetstream.create_stream("a/b").await.unwrap_err();
    let CreateStreamErrorKind::JetStream(error) = error.kind() else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorCode::STREAM_NAME_CONTAINS_PATH_SEPARATORS);
}

#[tokio::test]
async fn streams_that_are_not_there() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let not_found = |kind| {
        let GetStreamErrorKind::JetStream(error) = kind else { panic!("{kind:?}") };
        assert_eq!((error.code(), error.error_code()), (404, ErrorCode::STREAM_NOT_FOUND));
    };
    not_found(jetstream.get_stream("S").await.unwrap_err().kind());
    not_found(jetstream.delete_stream("S").await.map(drop).unwrap_err().kind());
    let error = jetstream.update_stream(config("S")).await.unwrap_err();
    assert_eq!(error.kind(), CreateStreamErrorKind::NotFound);

    let mut handle = jetstream.create_stream(config("S")).await.unwrap();
    assert!(jetstream.delete_stream("S").await.unwrap().success);
    let error = handle.info().await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Other);
    assert!(error.to_string().contains("stream not found (code 404, error code 10059)"), "{error}");
    let nobody = jetstream.get_stream_no_info("S").await.unwrap();
    assert_eq!(nobody.get_info().await.unwrap_err().kind(), RequestErrorKind::Other);
}

#[tokio::test]
async fn streams_change() {
    let stage = Stage::start().await;
    let (jetstream, mut stream) = three_messages(&stage).await;
    let info = jetstream.update_stream(Config { max_messages: 2, ..config("S") }).await.unwrap();
    assert_eq!((info.config.max_messages, info.state.messages, info.state.first_sequence), (2, 2, 2));
    assert_eq!(stream.cached_info().config.max_messages, -1);
    assert_eq!(stream.info().await.unwrap().config.max_messages, 2);

    let error = jetstream.update_stream(Config { storage: StorageType::Memory, ..config("S") }).await.unwrap_err();
    let CreateStreamErrorKind::JetStream(error) = error.kind() else { panic!("{error}") };
    assert_eq!(error.error_code(), ErrorCode::STREAM_INVALID_CONFIG);

    let made = jetstream.create_or_update_stream(config("T")).await.unwrap();
    assert_eq!(made.config.name, "T");
    let changed = jetstream.create_or_update_stream(Config { max_bytes: 1000, ..config("T") }).await.unwrap();
    assert_eq!((changed.config.max_bytes, changed.created), (1000, made.created));
}

#[tokio::test]
async fn subjects_have_one_stream() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    jetstream.create_stream(config("S")).await.unwrap();
    let overlapping = Config { subjects: vec!["s.*".to_owned()], ..config("T") };
    let error = jetstream.create_stream(overlapping).await.unwrap_err();
    let CreateStreamErrorKind::JetStream(error) = error.kind() else { panic!("{error}") };
    assert_eq!(error.error_code(), ErrorCode::STREAM_SUBJECT_OVERLAP);

    assert_eq!(jetstream.stream_by_subject("s.x").await.unwrap(), "S");
    assert_eq!(jetstream.stream_by_subject("s.*").await.unwrap(), "S");
    let kind = async |subject: &str| jetstream.stream_by_subject(subject).await.unwrap_err().kind();
    assert_eq!(kind("t.x").await, GetStreamByNameErrorKind::NotFound);
    assert_eq!(kind("a..b").await, GetStreamByNameErrorKind::InvalidSubject);
}

#[tokio::test]
async fn streams_are_listed() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    assert_eq!(jetstream.stream_names().try_collect::<Vec<_>>().await.unwrap(), [""; 0]);
    assert!(jetstream.streams().try_collect::<Vec<_>>().await.unwrap().is_empty());
    for name in ["A", "B", "C"] {
        jetstream.create_stream(config(name)).await.unwrap();
    }
    jetstream.publish("b.1", "x".into()).await.unwrap().await.unwrap();
    let mut names: Vec<String> = jetstream.stream_names().try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, ["A", "B", "C"]);
    let mut infos: Vec<Info> = jetstream.streams().try_collect().await.unwrap();
    infos.sort_by(|a, b| a.config.name.cmp(&b.config.name));
    let messages: Vec<_> = infos.iter().map(|info| (info.config.name.as_str(), info.state.messages)).collect();
    assert_eq!(messages, [("A", 0), ("B", 1), ("C", 0)]);
}

#[tokio::test]
async fn the_account_counts_streams() {
    let stage = Stage::start().await;
    let (jetstream, _) = three_messages(&stage).await;
    let account = jetstream.query_account().await.unwrap();
    assert_eq!((account.streams, account.consumers, account.domain), (1, 0, None));
    assert!(account.storage > 0 && account.memory == 0);
    assert!(account.requests.level > 0);
    assert_eq!((account.limits.max_streams, account.limits.max_memory), (None, None));
    assert_eq!((account.limits.max_ack_pending, account.limits.storage_max_stream_bytes), (-1, Some(-1)));
}

#[tokio::test]
async fn another_domain_is_out_of_reach() {
    let stage = Stage::start().await;
    for jetstream in [
        jetstream::with_domain(stage.client.clone(), "hub"),
        jetstream::with_prefix(stage.client.clone(), "MY.API"),
        ContextBuilder::new().domain("hub").timeout(Duration::from_secs(9)).build(stage.client.clone()),
    ] {
        let error = jetstream.create_stream("S").await.unwrap_err();
        assert_eq!(error.kind(), CreateStreamErrorKind::JetStreamUnavailable);
        let error = jetstream.query_account().await.unwrap_err();
        assert_eq!(error.kind(), AccountErrorKind::JetStreamUnavailable);
        assert_eq!(jetstream.get_stream("S").await.unwrap_err().kind(), GetStreamErrorKind::Request);
    }
    let own = jetstream::with_prefix(stage.client.clone(), "$JS.API");
    own.create_stream("S").await.unwrap();
}

#[tokio::test]
async fn requests_as_json() {
    let stage = Stage::start().await;
    let (jetstream, stream) = three_messages(&stage).await;
    let response: Response<Info> = jetstream.request("STREAM.INFO.S", &()).await.unwrap();
    let Response::Ok(info) = response else { panic!("an error") };
    assert_eq!(info.state, stream.get_info().await.unwrap().state);
    let response: Response<Info> = jetstream.request("STREAM.INFO.T", &()).await.unwrap();
    let Response::Err { error } = response else { panic!("no error") };
    assert_eq!(error.error_code(), ErrorCode::STREAM_NOT_FOUND);
    let elsewhere = jetstream::with_prefix(stage.client.clone(), "MY.API");
    let error = elsewhere.request::<_, _, Response<Info>>("INFO", &()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::NoResponders);
}
