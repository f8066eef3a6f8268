//! Messages removed.

use super::super::Stage;
use super::super::nats::jetstream::ErrorCode;
use super::super::nats::jetstream::stream::{Config, DeleteMessageErrorKind, PurgeErrorKind, Stream};
use super::{config, three_messages};

/// The sequences of the messages that are left of the first three.
async fn left(stream: &Stream) -> Vec<u64> {
    let mut left = Vec::new();
    for sequence in 1..=3 {
        if stream.get_raw_message(sequence).await.is_ok() {
            left.push(sequence);
        }
    }
    left
}

#[tokio::test]
async fn one_message() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    assert!(stream.delete_message(2).await.unwrap());
    assert_eq!(left(&stream).await, [1, 3]);
    for (sequence, code) in [(2, 10043), (9, 10057)] {
        let kind = stream.delete_message(sequence).await.unwrap_err().kind();
        let DeleteMessageErrorKind::JetStream(error) = kind else { panic!("{kind:?}") };
        assert_eq!(error.error_code(), ErrorCode(code), "{error}");
    }
}

#[tokio::test]
async fn all_messages() {
    let stage = Stage::start().await;
    let (_, mut stream) = three_messages(&stage).await;
    let purged = stream.purge().await.unwrap();
    assert_eq!((purged.success, purged.purged), (true, 3));
    let empty = &stream.info().await.unwrap().state;
    assert_eq!((empty.messages, empty.first_sequence, empty.last_sequence), (0, 4, 3));
}

#[tokio::test]
async fn some_messages() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    assert_eq!(stream.purge().filter("s.a").keep(1).await.unwrap().purged, 1);
    assert_eq!(left(&stream).await, [2, 3]);
    assert_eq!(stream.purge().sequence(3).filter("s.*").await.unwrap().purged, 1);
    assert_eq!(left(&stream).await, [3]);
    assert_eq!(stream.purge().filter("s.x").await.unwrap().purged, 0);
    #[allow(deprecated, reason = "it is there")]
    let purged = stream.purge_subject("s.a").await.unwrap();
    assert_eq!(purged.purged, 1);
}

#[tokio::test]
async fn below_a_sequence_or_all_but_a_number() {
    let stage = Stage::start().await;
    let (_, stream) = three_messages(&stage).await;
    assert_eq!(stream.purge().sequence(2).await.unwrap().purged, 1);
    assert_eq!(stream.purge().keep(1).await.unwrap().purged, 1);
    assert_eq!(left(&stream).await, [3]);
}

#[tokio::test]
async fn what_may_not_be_removed() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let fixed = Config { deny_delete: true, deny_purge: true, ..config("S") };
    let stream = jetstream.create_stream(fixed).await.unwrap();
    jetstream.publish("s.a", "1".into()).await.unwrap().await.unwrap();
    let kind = stream.delete_message(1).await.unwrap_err().kind();
    let DeleteMessageErrorKind::JetStream(error) = kind else { panic!("{kind:?}") };
    assert_eq!(error.error_code().0, 10057);
    let kind = stream.purge().await.unwrap_err().kind();
    let PurgeErrorKind::JetStream(error) = kind else { panic!("{kind:?}") };
    assert_eq!(error.error_code(), ErrorCode::STREAM_PURGE_FAILED);
    let nobody = jetstream.get_stream_no_info("T").await.unwrap();
    let kind = nobody.purge().await.unwrap_err().kind();
    let PurgeErrorKind::JetStream(error) = kind else { panic!("{kind:?}") };
    assert_eq!(error.error_code(), ErrorCode::STREAM_NOT_FOUND);
}
