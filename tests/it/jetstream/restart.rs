//! A broker ends, another starts on the same directory: everything that was answered is there.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Compression, Config, StorageType};
use embus::SyncPolicy;

use crate::jetstream::scene::{Scene, config, sequences, span, state, stored, wait_for_messages};
use crate::support::run;

/// Copies a directory of streams. From under a broker that nobody publishes to, this is what a killed one leaves; what it
/// is sweeping away meanwhile may be gone or not.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let Some(entries) = unless_gone(fs::read_dir(from)) else { return };
    for entry in entries {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            unless_gone(fs::copy(&path, &target));
        }
    }
}

fn unless_gone<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        other => Some(other.unwrap()),
    }
}

/// How a broker ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Shutdown,
    Dropped,
    Killed,
}

/// Ends the broker and starts another on what it left.
async fn restart(scene: Scene, dir: &Path, how: End, round: usize) -> (Scene, std::path::PathBuf) {
    let mut place = dir.to_path_buf();
    match how {
        End::Shutdown => scene.stop().await,
        End::Dropped => drop(scene),
        End::Killed => {
            place = dir.parent().unwrap().join(format!("copy-{round}"));
            copy(dir, &place);
            scene.stop().await;
        }
    }
    (Scene::again_at(&place).await, place)
}

#[test]
fn everything_is_there_after_a_restart() {
    for how in [End::Shutdown, End::Dropped, End::Killed] {
        run(async move {
            let dir = tempfile::tempdir().unwrap();
            let mut place = dir.path().join("store");
            let mut scene = Scene::at(&place).await;
            fill(&scene).await;
            for round in 0..3 {
                (scene, place) = restart(scene, &place, how, round).await;
                check(&scene, round as u64).await;
            }
            scene.stop().await;
        });
    }
}

async fn fill(scene: &Scene) {
    let log = Config { compression: Some(Compression::S2), ..config("LOG", &["log.*"]) };
    let stream = scene.stream(log.clone()).await;
    for number in 1..=20 {
        let message = PublishMessage::build().payload(format!("{number}").into()).message_id(format!("id {number}"));
        scene.send(&format!("log.{}", number % 3), message).await.unwrap();
    }
    stream.delete_message(5).await.unwrap();
    stream.purge().filter("log.0").keep(2).await.unwrap();
    stream.purge().sequence(3).await.unwrap();
    scene.context.update_stream(Config { description: Some("changed".into()), ..log }).await.unwrap();
    let kv = scene.stream(Config { max_messages_per_subject: 1, ..config("KV", &["kv.*"]) }).await;
    for number in 0..30 {
        scene.publish(&format!("kv.{}", number % 4), format!("{number}")).await;
    }
    assert_eq!(span(&kv).await, (4, 27, 30));
    scene.stream(Config { storage: StorageType::Memory, ..config("MEM", &["mem"]) }).await;
    scene.publish("mem", "gone").await;
    scene.stream(config("EMPTY", &["empty"])).await.purge().sequence(1000).await.unwrap();
    scene.stream(config("GONE", &["gone"])).await;
    scene.publish("gone", "x").await;
    scene.context.delete_stream("GONE").await.unwrap();
}

/// What [`fill`] made, and one message for every restart before.
async fn check(scene: &Scene, round: u64) {
    let log = scene.get("LOG").await;
    let mut left = vec![4, 7, 8, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20];
    left.extend(21..21 + round);
    assert_eq!(sequences(&log).await, left);
    assert_eq!(log.cached_info().config.description.as_deref(), Some("changed"));
    for number in &left[..13] {
        let message = log.direct_get(*number).await.unwrap();
        assert_eq!(
            (message.payload, message.subject.to_string()),
            (format!("{number}").into(), format!("log.{}", number % 3))
        );
    }
    // Whether they are still there or not, ids count.
    for number in [1, 5, 20] {
        let again = PublishMessage::build().message_id(format!("id {number}"));
        let ack = scene.send("log.9", again).await.unwrap();
        assert!(ack.duplicate && ack.sequence == number, "{ack:?}");
    }
    assert_eq!(scene.publish("log.9", "after").await, 21 + round);

    let kv = scene.get("KV").await;
    assert_eq!(span(&kv).await, (4, 27, 30));
    for key in 0..4_u64 {
        let number = if key < 2 { 28 + key } else { 24 + key };
        assert_eq!(kv.direct_get_last_for_subject(format!("kv.{key}")).await.unwrap().payload, number.to_string());
    }
    assert!(scene.context.get_stream("GONE").await.is_err());
    assert_eq!(span(&scene.get("EMPTY").await).await, (0, 1000 + round, 999 + round));
    assert_eq!(scene.publish("empty", "").await, 1000 + round);
    scene.get("EMPTY").await.purge().await.unwrap();
}

#[test]
fn a_stream_in_memory_is_gone_with_its_broker() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        scene.stream(Config { storage: StorageType::Memory, ..config("M", &["m"]) }).await;
        scene.publish("m", "gone").await;
        scene.stop().await;
        let scene = Scene::at(dir.path()).await;
        if let Ok(stream) = scene.context.get_stream("M").await {
            assert_eq!(span(&stream).await.0, 0);
        }
        scene.stop().await;
    });
}

#[test]
fn every_policy_keeps_what_a_process_acknowledged() {
    for policy in [SyncPolicy::Always, SyncPolicy::Interval(Duration::from_secs(60)), SyncPolicy::Os] {
        run(async move {
            let dir = tempfile::tempdir().unwrap();
            let (place, copied) = (dir.path().join("store"), dir.path().join("copy"));
            let scene = Scene::of(stored(&place).sync(policy).start().await.unwrap()).await;
            scene.stream(config("A", &["a"])).await;
            for number in 1..=50 {
                assert_eq!(scene.publish("a", format!("{number}")).await, number);
            }
            copy(&place, &copied);
            let scene = Scene::of(stored(&copied).sync(policy).start().await.unwrap()).await;
            let stream = scene.get("A").await;
            assert_eq!(span(&stream).await, (50, 1, 50));
            assert_eq!(stream.get_raw_message(50).await.unwrap().payload, "50");
            // No power was cut: nothing is skipped.
            assert_eq!(scene.publish("a", "next").await, 51, "{policy:?}");
            scene.stop().await;
        });
    }
}

#[test]
fn time_passes_while_no_broker_runs() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        let stream = scene.stream(Config { allow_message_ttl: true, ..config("A", &["a"]) }).await;
        for time_to_live in ["1s", "1h", "1s"] {
            let message = PublishMessage::build().header("Nats-TTL", time_to_live);
            scene.send("a", message).await.unwrap();
        }
        assert_eq!(state(&stream).await.messages, 3);
        scene.stop().await;
        let scene = Scene::at(dir.path()).await;
        let stream = scene.get("A").await;
        wait_for_messages(&stream, 1).await;
        assert_eq!(span(&stream).await, (1, 2, 3));
        scene.stop().await;
    });
}

#[test]
fn a_store_can_be_cleared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(dir.path()).await;
        scene.stream(config("A", &["a"])).await;
        scene.publish("a", "x").await;
        scene.stop().await;
        let scene = Scene::of(stored(dir.path()).clear_store_on_start().start().await.unwrap()).await;
        assert!(scene.context.get_stream("A").await.is_err());
        assert_eq!(span(&scene.stream(config("A", &["a"])).await).await, (0, 0, 0));
        scene.stop().await;
    });
}
