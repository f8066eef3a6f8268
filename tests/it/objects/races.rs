//! Several who put the same object at once.

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
