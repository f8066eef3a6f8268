//! Objects that can't be put, or are not what was put.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use embus::jetstream::object_store::{Config, GetErrorKind, ObjectInfo, ObjectMetadata, PutErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::{Scene, bytes, read};
use crate::support::{run, within};

/// A reader that fails behind so many bytes.
struct Failing(usize);

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::Error::other("the source is gone")));
        }
        let len = self.0.min(buf.remaining());
        buf.put_slice(&vec![b'x'; len]);
        self.0 -= len;
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_was_not_put_to_its_end_leaves_nothing() {
    run(async {
        let scene = Scene::new().await;
        scene.objects.put("a", &mut &b"before"[..]).await.unwrap();
        let error = scene.objects.put("a", &mut Failing(3_000_000)).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::ReadChunks);
        assert!(error.to_string().contains("the source is gone"), "{error}");
        assert_eq!((scene.messages().await, read(&scene.objects, "a").await.unwrap()), (2, b"before".to_vec()));
    });
}

#[test]
fn a_description_that_is_no_message_leaves_nothing() {
    run(async {
        let scene = Scene::new().await;
        scene.objects.put("a", &mut &b"before"[..]).await.unwrap();
        // All that is said of an object is one message.
        let limit = scene.context.client().max_payload();
        let put = |len| {
            let metadata = [("note".to_owned(), "x".repeat(len))].into();
            let meta = ObjectMetadata { metadata, ..ObjectMetadata::from("a") };
            let objects = scene.objects.clone();
            async move { objects.put(meta, &mut &bytes(300_000)[..]).await }
        };
        let error = put(limit).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::PublishMetadata, "{error}");
        assert_eq!((scene.messages().await, read(&scene.objects, "a").await.unwrap()), (2, b"before".to_vec()));
        let info = put(limit - 1000).await.unwrap();
        assert_eq!((info.metadata["note"].len(), scene.messages().await), (limit - 1000, 4));
    });
}

#[test]
fn a_full_store_keeps_what_it_has() {
    run(async {
        let scene = Scene::new().await;
        let small = Config { bucket: "small".into(), max_bytes: 200_000, ..Config::default() };
        let small = scene.context.create_object_store(small).await.unwrap();
        small.put("a", &mut &bytes(100_000)[..]).await.unwrap();
        let error = small.put("a", &mut &bytes(400_000)[..]).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::PublishChunks);
        assert_eq!(read(&small, "a").await.unwrap(), bytes(100_000));
        // What was written of the other one is gone again.
        small.put("b", &mut &bytes(80_000)[..]).await.unwrap();
    });
}

#[test]
fn chunks_have_a_size() {
    run(async {
        let scene = Scene::new().await;
        let sized = |chunk_size| ObjectMetadata { chunk_size: Some(chunk_size), ..ObjectMetadata::from("a") };
        let error = scene.objects.put(sized(0), &mut &b"x"[..]).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::Other);
        let error = scene.objects.put(sized(usize::MAX), &mut &bytes(2 << 20)[..]).await.unwrap_err();
        assert_eq!(error.kind(), PutErrorKind::PublishChunks, "{error}");
        assert_eq!(scene.messages().await, 0);
        let info = scene.objects.put(sized(7), &mut &bytes(50)[..]).await.unwrap();
        assert_eq!((info.chunks, read(&scene.objects, "a").await.unwrap()), (8, bytes(50)));
    });
}

#[test]
fn other_bytes_than_were_put_are_an_error() {
    run(async {
        let scene = Scene::new().await;
        let info = scene.objects.put("a", &mut &b"abc"[..]).await.unwrap();
        scene.context.publish(format!("$O.b.C.{}", info.nuid), "d".into()).await.unwrap().await.unwrap();
        let lie = ObjectInfo { chunks: 2, size: 4, ..info };
        let name = "$O.b.M.YQ==";
        scene.context.publish(name, serde_json::to_vec(&lie).unwrap().into()).await.unwrap().await.unwrap();
        let error = read(&scene.objects, "a").await.unwrap_err();
        assert!(error.to_string().contains("wrong digest"), "{error}");
    });
}

#[test]
fn an_object_that_goes_while_it_is_read_is_an_error() {
    run(async {
        let scene = Scene::new().await;
        scene.objects.put("a", &mut &bytes(600_000)[..]).await.unwrap();
        let mut object = scene.objects.get("a").await.unwrap();
        let mut first = [0; 1000];
        object.read_exact(&mut first).await.unwrap();
        scene.objects.put("a", &mut &b"another one"[..]).await.unwrap();
        let error = within("the end of an object", object.read_to_end(&mut Vec::new())).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read(&scene.objects, "a").await.unwrap(), b"another one");
    });
}

#[test]
fn links_in_a_ring_lead_nowhere() {
    run(async {
        let scene = Scene::new().await;
        let info = scene.objects.put("a", &mut &b"x"[..]).await.unwrap();
        scene.objects.add_link("b", &info).await.unwrap();
        scene.objects.delete("a").await.unwrap();
        let back = ObjectInfo { name: "b".into(), ..info };
        scene.objects.add_link("a", &back).await.unwrap();
        let error = scene.objects.get("a").await.unwrap_err();
        assert_eq!(error.kind(), GetErrorKind::Other);
    });
}
