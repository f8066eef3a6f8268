//! Object stores: what goes wrong, and stores seen from both sides.

mod crossing;
mod faults;
mod races;

use embus::jetstream::object_store::{Config, ObjectStore};
use embus::jetstream::{self, Context};
use embus::{Broker, Error};
use tokio::io::AsyncReadExt;

use crate::support::{listening, within};

/// A broker with the store `b`.
struct Scene {
    broker: Broker,
    context: Context,
    objects: ObjectStore,
}

impl Scene {
    async fn new() -> Self {
        let broker = listening().start().await.unwrap();
        let context = jetstream::new(broker.client());
        let objects = context.create_object_store(Config { bucket: "b".into(), ..Config::default() }).await.unwrap();
        Self { broker, context, objects }
    }

    /// Messages in the stream of the store.
    async fn messages(&self) -> u64 {
        self.context.get_stream("OBJ_b").await.unwrap().cached_info().state.messages
    }
}

async fn read(objects: &ObjectStore, name: &str) -> Result<Vec<u8>, Error> {
    let mut object = objects.get(name).await?;
    let mut bytes = Vec::new();
    within("the end of an object", object.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

/// Bytes that are all different.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| u8::try_from(place % 251).unwrap()).collect()
}
