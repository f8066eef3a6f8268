//! Consumers go on where they were when the broker ended, however it ended.

use std::path::Path;

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull;

use crate::consumers::scene::{all, durable, fill, filled, number};
use crate::jetstream::restart::copy;
use crate::jetstream::scene::Scene;
use crate::support::run;

/// What a killed broker leaves: its directory as it is while nobody does anything.
async fn killed(scene: Scene, dir: &Path, place: &str) -> Scene {
    let place = dir.join(place);
    copy(&dir.join("store"), &place);
    scene.stop().await;
    Scene::again_at(&place).await
}

async fn get(scene: &Scene, name: &str) -> Consumer<pull::Config> {
    scene.get("S").await.get_consumer(name).await.unwrap()
}

#[test]
fn a_confirmed_acknowledgement_survives() {
    for is_killed in [false, true] {
        run(async move {
            let dir = tempfile::tempdir().unwrap();
            let scene = Scene::at(&dir.path().join("store")).await;
            let stream = filled(&scene, 6).await;
            let consumer = stream.create_consumer(durable("C")).await.unwrap();
            for message in all(consumer.fetch().max_messages(4).messages().await.unwrap()).await {
                if number(&message) != 3 {
                    message.double_ack().await.unwrap();
                }
            }
            let scene = if is_killed {
                killed(scene, dir.path(), "copy").await
            } else {
                scene.stop().await;
                Scene::again_at(&dir.path().join("store")).await
            };
            let mut consumer = get(&scene, "C").await;
            let info = consumer.info().await.unwrap();
            assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (2, 1));
            assert_eq!((info.delivered.stream_sequence, info.num_pending), (4, 2));
            let rest = all(consumer.fetch().max_messages(10).messages().await.unwrap()).await;
            assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [5, 6]);
            scene.stop().await;
        });
    }
}

#[test]
fn consumers_that_were_deleted_stay_deleted() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let scene = Scene::at(&dir.path().join("store")).await;
        let stream = filled(&scene, 2).await;
        stream.create_consumer(durable("A")).await.unwrap();
        stream.create_consumer(durable("B")).await.unwrap();
        stream.create_consumer(pull::Config { memory_storage: true, ..durable("M") }).await.unwrap();
        stream.delete_consumer("A").await.unwrap();
        let scene = killed(scene, dir.path(), "copy").await;
        let stream = scene.get("S").await;
        assert!(stream.consumer_info("A").await.is_err());
        assert!(stream.consumer_info("M").await.is_err(), "it was in memory only");
        assert_eq!(stream.consumer_info("B").await.unwrap().num_pending, 2);
        fill(&scene, [3]).await;
        assert_eq!(all(get(&scene, "B").await.fetch().messages().await.unwrap()).await.len(), 3);
        scene.stop().await;
    });
}
