//! Several who put the same object at once.

use embus::jetstream::object_store::{InfoErrorKind, ObjectInfo, UpdateMetadata};
use futures_util::future::join_all;

use super::{Scene, bytes, read};
use crate::support::run;

#[test]
fn of_many_who_put_at_once_one_is_left_whole() {
    run(async {
        let scene = Scene::new().await;
        for _ in 0..5 {
            let puts = (1..=8).map(|number: usize| {
                let objects = scene.objects.clone();
                tokio::spawn(async move { objects.put("a", &mut &bytes(number * 150_000)[..]).await.unwrap() })
            });
            let put = join_all(puts).await;
            let known = scene.objects.info("a").await.unwrap();
            assert!(put.iter().any(|info| info.as_ref().unwrap().nuid == known.nuid));
            assert_eq!(read(&scene.objects, "a").await.unwrap(), bytes(known.size));
            // What describes it, and its chunks: none of those that were replaced.
            assert_eq!(scene.messages().await, known.chunks as u64 + 1);
        }
    });
}

#[test]
fn a_rename_that_was_interrupted_can_be_finished() {
    run(async {
        let scene = Scene::new().await;
        let info = scene.objects.put("a", &mut &b"bytes"[..]).await.unwrap();
        // As if the process had died between the two steps.
        let both = ObjectInfo { name: "b".into(), ..info };
        let body = serde_json::to_vec(&both).unwrap();
        scene.context.publish("$O.b.M.Yg==", body.into()).await.unwrap().await.unwrap();
        assert_eq!(read(&scene.objects, "a").await.unwrap(), read(&scene.objects, "b").await.unwrap());

        let renamed = UpdateMetadata { name: "b".into(), ..UpdateMetadata::default() };
        scene.objects.update_metadata("a", renamed).await.unwrap();
        assert_eq!(scene.objects.info("a").await.unwrap_err().kind(), InfoErrorKind::NotFound);
        scene.objects.put("a", &mut &b"another"[..]).await.unwrap();
        scene.objects.delete("a").await.unwrap();
        assert_eq!(read(&scene.objects, "b").await.unwrap(), b"bytes");
    });
}

#[test]
fn who_renames_what_others_put_harms_nobody() {
    run(async {
        let scene = Scene::new().await;
        for _ in 0..30 {
            scene.objects.put("a", &mut &bytes(1000)[..]).await.unwrap();
            let objects = scene.objects.clone();
            let renaming = tokio::spawn(async move {
                let renamed = UpdateMetadata { name: "b".into(), ..UpdateMetadata::default() };
                objects.update_metadata("a", renamed).await.is_ok()
            });
            scene.objects.put("a", &mut &bytes(2000)[..]).await.unwrap();
            let is_renamed = renaming.await.unwrap();
            // The rename came first, came last, or not about at all.
            let left = (read(&scene.objects, "a").await.ok(), read(&scene.objects, "b").await.ok());
            let (old, new) = (Some(bytes(1000)), Some(bytes(2000)));
            if is_renamed {
                assert!(left == (new.clone(), old) || left == (None, new));
                scene.objects.delete("b").await.unwrap();
            } else {
                assert_eq!(left, (new, None));
            }
        }
    });
}
