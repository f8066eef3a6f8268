//! Object stores: the same program against both.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::super::nats::jetstream::context::{CreateObjectStoreErrorKind, ObjectStoreErrorKind};
use super::super::nats::jetstream::object_store::{
    AddLinkErrorKind, Config, DeleteErrorKind, GetErrorKind, InfoErrorKind, ObjectInfo, ObjectLink, ObjectMetadata,
    ObjectOptions, ObjectStore, PutErrorKind, UpdateMetadata, UpdateMetadataErrorKind, Watch,
};
use super::super::{PATIENCE, Stage};

async fn store(stage: &Stage, name: &str) -> ObjectStore {
    stage.jetstream().create_object_store(Config { bucket: name.into(), ..Default::default() }).await.unwrap()
}

async fn read(store: &ObjectStore, name: &str) -> Vec<u8> {
    let mut object = store.get(name).await.unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, object.read_to_end(&mut bytes)).await.expect("it ends in time").unwrap();
    bytes
}

/// What a watch tells next: a name, and whether that object was deleted.
async fn next(watch: &mut Watch) -> (String, bool) {
    let info = timeout(PATIENCE, watch.try_next()).await.expect("it comes in time").unwrap().unwrap();
    (info.name, info.deleted)
}

async fn names(store: &ObjectStore) -> Vec<String> {
    let list = store.list().await.unwrap().try_collect::<Vec<ObjectInfo>>();
    let mut list: Vec<_> = timeout(PATIENCE, list).await.expect("it ends in time").unwrap();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list.into_iter().map(|info| info.name).collect()
}

#[tokio::test]
async fn objects_of_any_size() {
    let stage = Stage::start().await;
    let objects = store(&stage, "b").await;
    let said = ObjectMetadata { chunk_size: Some(32 * 1024), ..ObjectMetadata::from("any size") };
    for size in [0, 1, 32 * 1024, 32 * 1024 + 1, 1_000_000] {
        let bytes: Vec<u8> = (0..size).map(|place: usize| u8::try_from(place % 251).unwrap()).collect();
        let info = objects.put(said.clone(), &mut &bytes[..]).await.unwrap();
        assert_eq!((info.name.as_str(), info.bucket.as_str(), info.size), ("any size", "b", size));
        assert!(info.digest.is_some() && !info.deleted && info.modified.is_some());
        let known = objects.info("any size").await.unwrap();
        assert_eq!((known.size, known.chunks, known.nuid), (size, info.chunks, info.nuid));
        if size > 0 {
            assert_eq!(read(&objects, "any size").await, bytes);
        }
    }
}

#[tokio::test]
async fn what_is_said_of_an_object_is_kept() {
    let stage = Stage::start().await;
    let objects = store(&stage, "b").await;
    let metadata = HashMap::from([("colour".to_owned(), "red".to_owned())]);
    let said = ObjectMetadata {
        name: "a/ü".into(),
        description: Some("an object".into()),
        chunk_size: Some(3),
        metadata: metadata.clone(),
        headers: None,
    };
    objects.put(said, &mut &b"0123456789"[..]).await.unwrap();
    let object = objects.get("a/ü").await.unwrap();
    assert_eq!(object.info().description.as_deref(), Some("an object"));
    assert_eq!((object.info().size, &object.info().metadata), (10, &metadata));
    assert_eq!(object.info.options, Some(ObjectOptions { link: None, max_chunk_size: Some(3) }));
    assert_eq!(read(&objects, "a/ü").await, b"0123456789");

    let said = UpdateMetadata { name: "a/ü".into(), description: Some("changed".into()), ..Default::default() };
    objects.update_metadata("a/ü", said).await.unwrap();
    assert_eq!(objects.info("a/ü").await.unwrap().description.as_deref(), Some("changed"));
    let renamed = UpdateMetadata { name: "b".into(), ..Default::default() };
    objects.update_metadata("a/ü", renamed.clone()).await.unwrap();
    assert_eq!(objects.info("a/ü").await.unwrap_err().kind(), InfoErrorKind::NotFound);
    assert_eq!(read(&objects, "b").await, b"0123456789");
    objects.put("c", &mut &b"x"[..]).await.unwrap();
    let error = objects.update_metadata("c", renamed.clone()).await.unwrap_err();
    assert_eq!(error.kind(), UpdateMetadataErrorKind::NameAlreadyInUse);
    let error = objects.update_metadata("none", renamed).await.unwrap_err();
    assert_eq!(error.kind(), UpdateMetadataErrorKind::NotFound);
}

#[tokio::test]
async fn lists_and_watches() {
    let stage = Stage::start().await;
    let objects = store(&stage, "b").await;
    assert_eq!(names(&objects).await, Vec::<String>::new());
    let mut watch = objects.watch().await.unwrap();
    for name in ["x", "y", "z"] {
        objects.put(name, &mut name.as_bytes()).await.unwrap();
        assert_eq!(next(&mut watch).await, (name.to_owned(), false));
    }
    objects.delete("y").await.unwrap();
    assert_eq!(next(&mut watch).await, ("y".to_owned(), true));
    assert_eq!(names(&objects).await, ["x", "z"]);
    assert_eq!(objects.get("y").await.unwrap_err().kind(), GetErrorKind::NotFound);
    assert!(objects.info("y").await.unwrap().deleted);
    assert_eq!(objects.delete("none").await.unwrap_err().kind(), DeleteErrorKind::NotFound);
    let mut known = objects.watch_with_history().await.unwrap();
    assert_eq!(next(&mut known).await, ("x".to_owned(), false));
}

#[tokio::test]
async fn links() {
    let stage = Stage::start().await;
    let (objects, others) = (store(&stage, "b").await, store(&stage, "c").await);
    let target = others.put("target", &mut &b"bytes"[..]).await.unwrap();
    let link = objects.add_link("link", &target).await.unwrap();
    let leads = ObjectLink { name: Some("target".into()), bucket: "c".into() };
    assert_eq!(link.options.unwrap().link, Some(leads));
    assert_eq!(read(&objects, "link").await, b"bytes");
    let object = others.get("target").await.unwrap();
    others.add_link("near", &object).await.unwrap();
    assert_eq!(read(&others, "near").await, b"bytes");

    objects.add_bucket_link("all", "c").await.unwrap();
    assert_eq!(objects.get("all").await.unwrap_err().kind(), GetErrorKind::BucketLink);
    objects.put("real", &mut &b"x"[..]).await.unwrap();
    let near = others.info("near").await.unwrap();
    let nameless = ObjectInfo { name: String::new(), ..target.clone() };
    let deleted = ObjectInfo { deleted: true, ..target.clone() };
    for (name, to, kind) in [
        ("", &target, AddLinkErrorKind::EmptyName),
        ("l", &nameless, AddLinkErrorKind::ObjectRequired),
        ("l", &deleted, AddLinkErrorKind::Deleted),
        ("l", &near, AddLinkErrorKind::LinkToLink),
        ("real", &target, AddLinkErrorKind::AlreadyExists),
    ] {
        assert_eq!(objects.add_link(name, to).await.unwrap_err().kind(), kind, "{name}");
    }
    assert_eq!(objects.add_bucket_link("", "c").await.unwrap_err().kind(), AddLinkErrorKind::EmptyName);
    assert_eq!(objects.add_bucket_link("real", "c").await.unwrap_err().kind(), AddLinkErrorKind::AlreadyExists);
}

#[tokio::test]
async fn stores_as_a_whole() {
    let stage = Stage::start().await;
    let jetstream = stage.jetstream();
    let config = Config {
        bucket: "whole".into(),
        description: Some("a store".into()),
        max_age: Duration::from_secs(3600),
        max_bytes: 1024 * 1024,
        compression: true,
        ..Default::default()
    };
    jetstream.create_object_store(config).await.unwrap();
    let stream = jetstream.get_stream("OBJ_whole").await.unwrap();
    assert_eq!(stream.cached_info().config.subjects, ["$O.whole.C.>", "$O.whole.M.>"]);
    let mut found = jetstream.get_object_store("whole").await.unwrap();
    found.put("a", &mut &b"a"[..]).await.unwrap();
    found.seal().await.unwrap();
    assert!(found.put("b", &mut &b"b"[..]).await.is_err());
    assert_eq!(read(&found, "a").await, b"a");
    jetstream.delete_object_store("whole").await.unwrap();

    let error = jetstream.get_object_store("whole").await.err().unwrap();
    assert_eq!(error.kind(), ObjectStoreErrorKind::GetStore);
    let error = jetstream.get_object_store("a.b").await.err().unwrap();
    assert_eq!(error.kind(), ObjectStoreErrorKind::InvalidBucketName);
    let error =
        jetstream.create_object_store(Config { bucket: "a b".into(), ..Default::default() }).await.err().unwrap();
    assert_eq!(error.kind(), CreateObjectStoreErrorKind::InvalidStoreName);
}

#[tokio::test]
async fn an_object_needs_a_name() {
    let stage = Stage::start().await;
    let objects = store(&stage, "b").await;
    assert_eq!(objects.put("", &mut &b"x"[..]).await.unwrap_err().kind(), PutErrorKind::InvalidName);
    assert_eq!(objects.info("").await.unwrap_err().kind(), InfoErrorKind::InvalidName);
    assert_eq!(objects.get("").await.unwrap_err().kind(), GetErrorKind::InvalidName);
    assert_eq!(objects.delete("").await.unwrap_err().kind(), DeleteErrorKind::InvalidName);
}
