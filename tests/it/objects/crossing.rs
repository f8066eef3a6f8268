//! One store, written on one side and read on the other; and by a broker that was started again.

use embus::Broker;
use embus::jetstream::{self, object_store as objects};
use futures_util::TryStreamExt;
use tokio::io::AsyncReadExt;

use super::{Scene, bytes, read};
use crate::support::{STOP_DEADLINE, connect, next, run, within};

#[test]
fn each_side_reads_what_the_other_wrote() {
    run(async {
        let scene = Scene::new().await;
        let outside = async_nats::jetstream::new(connect(&scene.broker).await).get_object_store("b").await.unwrap();
        let (large, other) = (bytes(700_000), bytes(300_001));
        let mut watch = scene.objects.watch().await.unwrap();
        outside.put("from outside", &mut &large[..]).await.unwrap();
        scene.objects.put("from inside", &mut &other[..]).await.unwrap();

        assert_eq!(read(&scene.objects, "from outside").await.unwrap(), large);
        let mut object = outside.get("from inside").await.unwrap();
        let mut found = Vec::new();
        within("the end of an object", object.read_to_end(&mut found)).await.unwrap();
        assert_eq!(found, other);
        assert_eq!(next(&mut watch).await.unwrap().name, "from outside");
        assert_eq!(next(&mut watch).await.unwrap().name, "from inside");

        outside.delete("from inside").await.unwrap();
        let list: Vec<_> = scene.objects.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(list.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["from outside"]);
        scene.objects.add_link("link", &list[0]).await.unwrap();
        let info = outside.info("link").await.unwrap();
        assert_eq!(info.options.unwrap().link.unwrap().name.as_deref(), Some("from outside"));
    });
}

#[test]
fn objects_are_there_after_a_restart() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let large = bytes(500_000);
        let start = || Broker::builder().store_dir(dir.path()).start();
        let config = objects::Config { bucket: "b".into(), compression: true, ..Default::default() };
        let broker = start().await.unwrap();
        let store = jetstream::new(broker.client()).create_object_store(config.clone()).await.unwrap();
        store.put("large", &mut &large[..]).await.unwrap();
        broker.shutdown(STOP_DEADLINE).await;

        let broker = start().await.unwrap();
        let store = jetstream::new(broker.client()).create_object_store(config).await.unwrap();
        assert_eq!(read(&store, "large").await.unwrap(), large);
        broker.shutdown(STOP_DEADLINE).await;
    });
}
