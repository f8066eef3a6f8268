//! As a client of a NATS server.

use async_nats as nats;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "domain.rs"]
pub mod domain;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "web.rs"]
pub mod web;

use embus_kv::remote::Remote;
#[cfg(test)]
use example_support::stage::remote as stages;
use nats::jetstream::{Context, kv};

/// A bucket of values.
pub type Bucket<T> = embus_kv::Bucket<T, Remote>;

/// The bucket as it is wanted, whatever was there before.
async fn bucket<T>(context: &Context, config: kv::Config) -> Result<Bucket<T>, nats::Error> {
    let name = context.create_or_update_key_value(config).await?.name;
    Ok(Bucket::new(Remote::open(context.clone(), &name).await?))
}
