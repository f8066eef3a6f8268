//! How many entries a bucket keeps of a key.

use embus::jetstream::kv::{Config, Operation};

use crate::kv::scene::{Scene, config, expected, history};
use crate::support::run;

#[test]
fn a_history_is_as_long_as_it_was_asked_for() {
    run(async {
        let scene = Scene::new(config(1)).await;
        let Scene { context, .. } = &scene;
        for length in [1, 2, 63, 64] {
            let bucket = format!("of-{length}");
            let store = context.create_key_value(Config { bucket, ..config(length) }).await.unwrap();
            let length = u64::try_from(length).unwrap();
            for value in 1..=length + 3 {
                store.put("a", value.to_string().into()).await.unwrap();
            }
            let kept: Vec<_> =
                (4..=length + 3).map(|value| expected("a", &value.to_string(), value, Operation::Put)).collect();
            assert_eq!(history(&store, "a").await, kept);
            assert_eq!(store.status().await.unwrap().values(), length);
        }
    });
}

#[test]
fn a_shorter_history_applies_at_once() {
    run(async {
        let scene = Scene::new(config(10)).await;
        let Scene { context, inside, outside, .. } = &scene;
        for value in 1..=8 {
            inside.put("a", value.to_string().into()).await.unwrap();
        }
        context.update_key_value(config(2)).await.unwrap();
        let kept = [expected("a", "7", 7, Operation::Put), expected("a", "8", 8, Operation::Put)];
        assert_eq!(history(inside, "a").await, kept);
        assert!(inside.entry_for_revision("a", 6).await.unwrap().is_none());
        assert_eq!(outside.get("a").await.unwrap().as_deref(), Some(&b"8"[..]));
    });
}
