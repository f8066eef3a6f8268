//! One program on a bucket, whether that is in the process or behind async-nats.

use std::time::Duration;

use embus::jetstream::kv::{Change, Config, LoadError, SaveError, WriteError};
use embus_kv::Bucket;
use embus_kv::backend::Backend;
use embus_kv::remote::{Remote, RemoteError};
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::kv::scene::{Scene, config, expected, history};
use crate::support::{connect, next, run, within};

const SECOND: Duration = Duration::from_secs(1);

async fn remote(scene: &Scene) -> Remote {
    Remote::open(async_nats::jetstream::new(connect(&scene.broker).await), "b").await.unwrap()
}

/// What comes next, in a few words.
async fn told<E: std::fmt::Debug, S: Stream<Item = Result<Change<u64>, E>> + Unpin>(changes: &mut S) -> String {
    match next(changes).await {
        Ok(Change::Put { key, value, revision, .. }) => format!("{key}={value} at {revision}"),
        Ok(Change::Removed { key, revision, .. }) => format!("no {key} at {revision}"),
        Ok(Change::Current) => "current".to_owned(),
        Err(_) => "an error".to_owned(),
    }
}

/// The program; the bucket has marks that stay for a second.
async fn program<B: Backend + Clone>(bucket: Bucket<u64, B>) {
    let mut changes = bucket.watch_with_history(">").await.unwrap();
    assert_eq!(told(&mut changes).await, "current");
    assert_eq!(bucket.create("a", &1).await.unwrap(), 1);
    let error = bucket.create("a", &2).await.unwrap_err();
    assert!(matches!(error, SaveError::Write(WriteError::Exists)));
    assert_eq!(bucket.update("a", &2, 1).await.unwrap(), 2);
    let error = bucket.update("a", &3, 1).await.unwrap_err();
    assert!(matches!(error, SaveError::Write(WriteError::WrongRevision(_))));
    bucket.delete("a").await.unwrap();
    assert_eq!(bucket.get("a").await.unwrap(), None);
    assert_eq!(bucket.create("a", &4).await.unwrap(), 4);
    for line in ["a=1 at 1", "a=2 at 2", "no a at 3", "a=4 at 4"] {
        assert_eq!(told(&mut changes).await, line);
    }
    bucket.purge("a").await.unwrap();
    assert_eq!(bucket.create_with_ttl("t", &6, SECOND).await.unwrap(), 6);
    for line in ["no a at 5", "t=6 at 6", "no t at 7"] {
        assert_eq!(told(&mut changes).await, line);
    }
    assert_eq!(bucket.create("a", &8).await.unwrap(), 8);
    assert_eq!(bucket.modify("a", |a| a.unwrap() + 1).await.unwrap().value, 9);
    assert_eq!(bucket.modify("b.c", |b| b.unwrap_or(0) + 1).await.unwrap().value, 1);
    assert_eq!(bucket.entry("a").await.unwrap().map(|entry| (entry.value, entry.revision)), Some((9, 9)));
    let mut keys: Vec<String> = bucket.keys().await.unwrap().try_collect().await.unwrap();
    keys.sort();
    assert_eq!(keys, ["a", "b.c"]);

    let mut changes = bucket.watch_with_history("a").await.unwrap();
    assert_eq!([told(&mut changes).await, told(&mut changes).await], ["a=9 at 9", "current"]);
    let mut changes = bucket.watch_from_revision(">", 9).await.unwrap();
    for line in ["a=9 at 9", "b.c=1 at 10", "current"] {
        assert_eq!(told(&mut changes).await, line);
    }
    assert!(bucket.put("a b", &1).await.is_err() && bucket.watch("a*").await.is_err());
    assert!(matches!(bucket.get(".a").await, Err(LoadError::Read(_))));
}

fn marked() -> Config {
    Config { limit_markers: Some(SECOND), ..config(5) }
}

#[test]
fn a_program_inside() {
    run(async {
        let scene = Scene::new(marked()).await;
        program(scene.inside.clone().typed()).await;
    });
}

#[test]
fn the_same_program_outside() {
    run(async {
        let scene = Scene::new(marked()).await;
        Box::pin(program(Bucket::new(remote(&scene).await))).await;
    });
}

#[test]
fn a_remote_watch_is_complete_though_what_was_there_is_gone() {
    run(async {
        let scene = Scene::new(config(5)).await;
        for value in 1..=3 {
            scene.inside.put("a", value.to_string().into()).await.unwrap();
            scene.inside.put("b", value.to_string().into()).await.unwrap();
        }
        let bucket = Bucket::<u64, _>::new(remote(&scene).await);
        // Nothing but its own entries is waited for.
        let mut changes = bucket.watch_with_history("a").await.unwrap();
        assert_eq!([told(&mut changes).await, told(&mut changes).await], ["a=3 at 5", "current"]);
        let mut watch =
            embus_kv::watch::watch(bucket.raw(), [">"], embus_kv::backend::From::First, false).await.unwrap();
        scene.inside.stream.purge().await.unwrap();
        let is_current = async { while !matches!(next(&mut watch).await, Ok(embus_kv::watch::Event::Current)) {} };
        within("the moment when all has come", is_current).await;
        assert!(history(&scene.inside, "a").await.is_empty());
        let entries = embus_kv::watch::history(bucket.raw(), "a").await.unwrap();
        assert_eq!(within("the end of a history", entries.count()).await, 0);
    });
}

#[test]
fn a_remote_bucket_has_histories_and_revisions() {
    run(async {
        let scene = Scene::new(config(3)).await;
        let store = remote(&scene).await;
        for value in 1..=4 {
            embus_kv::write::put(&store, "a", value.to_string().into()).await.unwrap();
        }
        let entries: Vec<_> = embus_kv::watch::history(&store, "a").await.unwrap().try_collect().await.unwrap();
        let seen: Vec<_> = entries.iter().map(crate::kv::scene::told).collect();
        assert_eq!(seen, history(&scene.inside, "a").await);
        assert_eq!(seen.last(), Some(&expected("a", "4", 4, embus_kv::Operation::Put)));
        assert!(embus_kv::read::entry(&store, "a", Some(1)).await.unwrap().is_none());
        assert_eq!(embus_kv::read::entry(&store, "a", Some(3)).await.unwrap().unwrap().value, "3");
        assert!(embus_kv::read::entry(&store, "b", Some(3)).await.unwrap().is_none());
        assert!(embus_kv::read::entry(&store, "a", Some(0)).await.unwrap().is_none());

        let context = async_nats::jetstream::new(connect(&scene.broker).await);
        assert!(matches!(Remote::open(context.clone(), "none").await, Err(RemoteError::NoBucket(_))));
        assert!(matches!(Remote::open(context, "a.b").await, Err(RemoteError::InvalidName(_))));
    });
}
