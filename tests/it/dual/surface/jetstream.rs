//! Streams: the same program against both.

mod configure;
mod consumers;
mod kv;
mod manage;
mod objects;
mod publish;
mod read;
mod remove;

use super::Stage;
use super::nats::jetstream::stream::{Config, Stream};
use super::nats::jetstream::{self, Context};

impl Stage {
    fn jetstream(&self) -> Context {
        jetstream::new(self.client.clone())
    }
}

/// `name` with the subjects `name.>`, in small letters.
fn config(name: &str) -> Config {
    let subjects = vec![format!("{}.>", name.to_lowercase())];
    Config { name: name.to_owned(), subjects, allow_direct: true, ..Default::default() }
}

/// A stream `S` with three messages on `s.a`, `s.b` and `s.a`: `1` to `3`.
async fn three_messages(stage: &Stage) -> (Context, Stream) {
    let jetstream = stage.jetstream();
    let stream = jetstream.create_stream(config("S")).await.unwrap();
    for (subject, payload) in [("s.a", "1"), ("s.b", "2"), ("s.a", "3")] {
        jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
    }
    (jetstream, stream)
}
