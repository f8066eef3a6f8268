//! With the broker in this process.

use embus as nats;

#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "domain.rs"]
pub mod domain;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "pages.rs"]
mod pages;
#[expect(clippy::duplicate_mod, reason = "compiling it twice is the point")]
#[path = "web.rs"]
pub mod web;

#[cfg(test)]
use example_support::stage::embedded as stages;
use nats::jetstream::{Context, kv};

/// A bucket of values.
pub type Bucket<T> = kv::Bucket<T>;

/// The bucket as it is wanted, whatever was there before.
async fn bucket<T: serde::Serialize + serde::de::DeserializeOwned>(
    context: &Context,
    config: kv::Config,
) -> Result<Bucket<T>, nats::Error> {
    Ok(context.create_or_update_key_value(config).await?.typed())
}
