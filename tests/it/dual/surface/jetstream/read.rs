//! Single messages and details out of a stream.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::super::Stage;
use super::super::nats::StatusCode;
use super::super::nats::datetime::{self, DateTime};
use super::super::nats::jetstream::ErrorCode;
use super::super::nats::jetstream::stream::{Config, DirectGetErrorKind, LastRawMessageErrorKind, RawMessageErrorKind};
use super::{config, three_messages};

fn is_recent(time: DateTime) -> bool {
    (datetime::now() - time).abs() < Duration::from_secs(60)
}

#[tokio::test]
async fn a_stream_tells_what_it_holds() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    let info = stream.get_info().await.unwrap();
    assert!(is_recent(info.created));
    let held = &info.state;
    assert_eq!((held.messages, held.first_sequence, held.last_sequence), (3, 1, 3));
    assert_eq!((held.subjects_count, held.consumer_count, held.deleted_count), (2, 0, None));
    assert!(held.bytes > 0 && is_recent(held.first_timestamp) && held.first_timestamp <= held.last_timestamp);
    let leader = info.cluster.and_then(|cluster| cluster.leader);
    assert_eq!(leader, Some(stage.broker.server_info().server_name));
    assert!(info.mirror.is_none() && info.sources.is_empty());

    let empty = &stream.cached_info().state;
    assert_eq!((empty.messages, empty.first_sequence, empty.last_sequence), (0, 0, 0));
    assert_eq!(empty.first_timestamp, datetime::parse_rfc3339("0001-01-01T00:00:00Z").unwrap());
}

#[tokio::test]
async fn subjects_and_gaps_are_told_on_demand() {
    let stage = Stage::start().await;
    let (jetstream, stream) = three_messages(&stage).await;
    let subjects = stream.info_with_subjects("s.*").await.unwrap();
    assert_eq!(subjects.info.state.messages, 3);
    let mut subjects: Vec<(String, usize)> = subjects.try_collect().await.unwrap();
    subjects.sort();
    assert_eq!(subjects, [("s.a".to_owned(), 2), ("s.b".to_owned(), 1)]);
    let subjects = stream.info_with_subjects("s.b").await.unwrap();
    assert_eq!(subjects.try_collect::<Vec<_>>().await.unwrap(), [("s.b".to_owned(), 1)]);
    let subjects = stream.info_with_subjects("x").await.unwrap();
    assert!(subjects.try_collect::<Vec<_>>().await.unwrap().is_empty());

    jetstream.publish("s.c", "4".into()).await.unwrap().await.unwrap();
    stream.delete_message(2).await.unwrap();
    stream.delete_message(3).await.unwrap();
    let detailed = stream.info_builder().with_deleted(true).subjects("s.c").fetch().await.unwrap();
    assert_eq!(detailed.info.state.deleted, Some(vec![2, 3]));
    assert_eq!(detailed.info.state.deleted_count, Some(2));
    assert_eq!(detailed.try_collect::<Vec<_>>().await.unwrap(), [("s.c".to_owned(), 1)]);
    assert_eq!(stream.get_info().await.unwrap().state.deleted, None);
}

#[tokio::test]
async fn messages_are_read_through_the_api() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    let message = stream.get_raw_message(2).await.unwrap();
    assert_eq!((message.subject.as_str(), message.sequence, &message.payload[..]), ("s.b", 2, &b"2"[..]));
    assert!(is_recent(message.time) && message.headers.is_empty());

    assert_eq!(stream.get_last_raw_message_by_subject("s.a").await.unwrap().sequence, 3);
    assert_eq!(stream.get_last_raw_message_by_subject("s.*").await.unwrap().sequence, 3);
    assert_eq!(stream.get_next_raw_message_by_subject("s.a").await.unwrap().sequence, 1);
    assert_eq!(stream.get_first_raw_message_by_subject("s.a", 2).await.unwrap().sequence, 3);
    assert_eq!(stream.raw_message_builder().sequence(3).send().await.unwrap().sequence, 3);
    let next = stream.raw_message_builder().next_by_subject("s.*").sequence(2);
    assert_eq!(next.send().await.unwrap().sequence, 2);
}

#[tokio::test]
async fn messages_that_are_not_there() {
    let stage = Stage::start().await;
    let (jetstream, stream) = three_messages(&stage).await;
    let kind = stream.get_raw_message(9).await.unwrap_err().kind();
    assert_eq!(kind, RawMessageErrorKind::NoMessageFound);
    let kind = stream.get_last_raw_message_by_subject("s.x").await.unwrap_err().kind();
    assert_eq!(kind, LastRawMessageErrorKind::NoMessageFound);
    let kind = stream.get_last_raw_message_by_subject("s..x").await.unwrap_err().kind();
    assert_eq!(kind, LastRawMessageErrorKind::InvalidSubject);
    for builder in [
        stream.raw_message_builder(),
        stream.raw_message_builder().sequence(0),
        stream.raw_message_builder().sequence(1).last_by_subject("s.a"),
    ] {
        let LastRawMessageErrorKind::JetStream(error) = builder.send().await.unwrap_err().kind() else { panic!() };
        assert_eq!(error.error_code(), ErrorCode::BAD_REQUEST);
    }
    let nobody = jetstream.get_stream_no_info("T").await.unwrap();
    let LastRawMessageErrorKind::JetStream(error) = nobody.get_raw_message(1).await.unwrap_err().kind() else {
        panic!()
    };
    assert_eq!(error.error_code(), ErrorCode::STREAM_NOT_FOUND);
}

#[tokio::test]
async fn messages_are_read_directly() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    let message = stream.direct_get(2).await.unwrap();
    assert_eq!((message.subject.as_str(), message.sequence, &message.payload[..]), ("s.b", 2, &b"2"[..]));
    assert!(is_recent(message.time));

    assert_eq!(stream.direct_get_last_for_subject("s.a").await.unwrap().sequence, 3);
    assert_eq!(stream.direct_get_first_for_subject("s.a").await.unwrap().sequence, 1);
    assert_eq!(stream.direct_get_next_for_subject("s.a", Some(2)).await.unwrap().sequence, 3);
    assert_eq!(stream.direct_get_next_for_subject("s.*", None).await.unwrap().sequence, 1);
    let last = stream.direct_get_builder().last_by_subject("s.a").sequence(1);
    assert_eq!(last.send().await.unwrap().sequence, 3);

    let kind = stream.direct_get(9).await.unwrap_err().kind();
    assert_eq!(kind, DirectGetErrorKind::NotFound);
    let kind = stream.direct_get_last_for_subject("s.x").await.unwrap_err().kind();
    assert_eq!(kind, DirectGetErrorKind::NotFound);
    let kind = stream.direct_get_first_for_subject("s..x").await.unwrap_err().kind();
    assert_eq!(kind, DirectGetErrorKind::InvalidSubject);
    let kind = stream.direct_get_builder().send().await.unwrap_err().kind();
    assert_eq!(kind, DirectGetErrorKind::InvalidSubject);
}

#[tokio::test]
async fn direct_gets_must_be_allowed() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(Config { allow_direct: false, ..config("S") }).await.unwrap();
    jetstream.publish("s.a", "1".into()).await.unwrap().await.unwrap();
    let refused = DirectGetErrorKind::ErrorResponse(StatusCode::NO_RESPONDERS, "no responders".to_owned());
    assert_eq!(stream.direct_get(1).await.unwrap_err().kind(), refused);
    let nobody = jetstream.get_stream_no_info("T").await.unwrap();
    assert_eq!(nobody.direct_get(1).await.unwrap_err().kind(), refused);
}
