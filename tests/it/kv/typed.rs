//! Values with a type: in buckets, in messages, in streams.

use std::collections::BTreeMap;

use bytes::Bytes;
use embus::jetstream::kv::{Change, FollowError, LoadError};
use embus::typed::{Codec, CodecError, PublishTypedError, ReplayTypedError};
use futures_util::{StreamExt, TryStreamExt};

use crate::kv::scene::{Scene, config};
use crate::support::{next, run};

/// Something that tests can do without a type of their own.
type Scores = BTreeMap<String, u32>;

fn scores(name: &str, score: u32) -> Scores {
    Scores::from([(name.to_owned(), score)])
}

#[test]
fn a_bucket_of_values() {
    run(async {
        let scene = Scene::new(config(5)).await;
        let bucket = scene.inside.clone().typed::<Scores>();
        let mut changes = bucket.watch_with_history(">").await.unwrap();
        assert_eq!(next(&mut changes).await.unwrap(), Change::Current);
        let first = bucket.create("a", &scores("Ada", 1)).await.unwrap();
        bucket.update("a", &scores("Ada", 2), first).await.unwrap();
        assert_eq!(scene.outside.get("a").await.unwrap().unwrap(), r#"{"Ada":2}"#);
        scene.outside.put("b", "no scores".into()).await.unwrap();
        bucket.delete("a").await.unwrap();

        for score in [1, 2] {
            let Change::Put { key, value, .. } = next(&mut changes).await.unwrap() else { panic!() };
            assert_eq!((key.as_str(), value), ("a", scores("Ada", score)));
        }
        let error = next(&mut changes).await.unwrap_err();
        let FollowError::Undecodable(bad) = error else { panic!("{error}") };
        assert_eq!((bad.key.as_str(), bad.revision), ("b", 3));
        assert!(matches!(next(&mut changes).await.unwrap(), Change::Removed { key, revision: 4, .. } if key == "a"));
        assert!(matches!(bucket.get("b").await.unwrap_err(), LoadError::Undecodable(_)));
        assert_eq!(bucket.keys().await.unwrap().try_collect::<Vec<_>>().await.unwrap(), ["b"]);
    });
}

#[test]
fn no_change_is_lost() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let mut workers = Vec::new();
        for _ in 0..8 {
            let bucket = scene.inside.clone().typed::<u64>();
            workers.push(tokio::spawn(async move {
                for _ in 0..25 {
                    bucket.modify("sum", |sum| sum.unwrap_or(0) + 1).await.unwrap();
                }
            }));
        }
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(scene.inside.clone().typed::<u64>().get("sum").await.unwrap(), Some(200));
    });
}

#[test]
fn messages_with_a_type() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let client = scene.broker.client();
        let mut received = client.subscribe("scores").await.unwrap().typed::<Scores>();
        client.publish_typed("scores", &scores("Ada", 1)).await.unwrap();
        client.publish("scores", "none".into()).await.unwrap();
        client.publish_typed("scores", &scores("Bo", 2)).await.unwrap();
        assert_eq!(next(&mut received).await.unwrap().value, scores("Ada", 1));
        let error = next(&mut received).await.unwrap_err();
        assert_eq!((&error.message.payload[..], error.to_string().contains("scores")), (&b"none"[..], true));
        let last = next(&mut received).await.unwrap();
        assert_eq!((last.value, last.message.subject.as_str()), (scores("Bo", 2), "scores"));
        received.get_mut().unsubscribe().await.unwrap();
        assert!(received.next().await.is_none());
        // A map with keys that are no text has no JSON.
        let odd = BTreeMap::from([(vec![1], 1)]);
        assert!(matches!(client.publish_typed("scores", &odd).await, Err(PublishTypedError::Encode(_))));
    });
}

/// Numbers as one byte.
struct Byte;

impl Codec<u8> for Byte {
    fn encode(&self, value: &u8) -> Result<Bytes, CodecError> {
        Ok(vec![*value].into())
    }

    fn decode(&self, bytes: &Bytes) -> Result<u8, CodecError> {
        let [byte] = bytes[..] else { return Err("not one byte".into()) };
        Ok(byte)
    }
}

#[test]
fn streams_with_a_type() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let stream = scene.context.create_stream("scores").await.unwrap();
        scene.context.publish_typed("scores", &scores("Ada", 1)).await.unwrap().await.unwrap();
        scene.context.publish("scores", Bytes::from_static(&[7])).await.unwrap().await.unwrap();
        let mut replay = stream.replay_last("scores", 2).await.unwrap().typed::<Scores>();
        let first = next(&mut replay).await.unwrap();
        assert_eq!((first.value, first.message.sequence), (scores("Ada", 1), 1));
        let error = next(&mut replay).await.unwrap_err();
        assert!(matches!(error, ReplayTypedError::Undecodable(error) if error.message.sequence == 2));
        scene.context.publish_typed("scores", &scores("Bo", 2)).await.unwrap().await.unwrap();
        assert_eq!(next(&mut replay).await.unwrap().value, scores("Bo", 2));

        let mut bytes = stream.replay_last("scores", 2).await.unwrap().with_codec::<u8, _>(Byte);
        assert_eq!(next(&mut bytes).await.unwrap().value, 7);
        scene.context.delete_stream("scores").await.unwrap();
        assert!(next(&mut bytes).await.is_err(), "two braces are not one byte");
        let error = next(&mut bytes).await.unwrap_err();
        assert!(matches!(error, ReplayTypedError::Replay(_)));
    });
}
