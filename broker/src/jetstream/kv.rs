//! Key-value buckets, with the API of async-nats's `jetstream::kv`. [ADR-8]
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::jetstream::{self, kv};
//! use futures_util::StreamExt;
//!
//! let broker = embus::Broker::builder().start().await?;
//! let jetstream = jetstream::new(broker.client());
//! let users = jetstream.create_key_value(kv::Config { bucket: "users".into(), history: 5, ..Default::default() }).await?;
//!
//! let mut changes = users.watch("*.name").await?;
//! let revision = users.put("7.name", "Ada".into()).await?;
//! users.update("7.name", "Ada L.".into(), revision).await?;
//! assert_eq!(users.get("7.name").await?.as_deref(), Some(&b"Ada L."[..]));
//! assert_eq!(changes.next().await.expect("it goes on")?.value, "Ada");
//! # Ok(())
//! # }
//! ```
//!
//! A bucket is a stream named `KV_` and its name: buckets of official clients and of embus are the same. Calls go straight
//! to that stream. Where async-nats leaves something open, this does not:
//!
//! - [`Store::create`] works over what was deleted, purged or has expired, with a time to live, too.
//! - A [`Watch`] tells when all has come that was there at its beginning, also when there was nothing
//!   ([`Watch::is_current`], [`Watch::events`]). However slowly it is read, it goes on without a gap.
//! - [`Store::status`] asks the stream, and `a..b` is no key.

pub mod bucket;

mod backend;
mod config;
mod ensure;
mod entry_kinds;
mod messages;
mod store;
mod store_kinds;
mod watch;
mod write_kinds;

pub use embus_kv::error::{ReadError, WriteError};
pub use embus_kv::key::InvalidKey;
pub use embus_kv::refusal::LastRevision;
pub use embus_kv::shape::InvalidBucket;
pub use embus_kv::ttl::InvalidTtl;
pub use embus_kv::typed::{
    Change, Changed, Changes, FollowError, LoadError, ModifyError, SaveError, TryModifyError, Undecodable, Versioned,
};
pub use embus_kv::{Entry, Operation, ParseOperationError, Refusal};

pub use self::config::Config;
pub(crate) use self::ensure::declare;
pub use self::ensure::{EnsureBucketError, EnsureBucketErrorKind};
pub use self::entry_kinds::{
    EntryError, EntryErrorKind, HistoryError, HistoryErrorKind, StatusError, StatusErrorKind, WatchError,
    WatchErrorKind, WatcherError, WatcherErrorKind,
};
pub use self::messages::StoreMessages;
pub use self::store::Store;
pub(crate) use self::store_kinds::NoBucket;
pub use self::store_kinds::{StoreError, StoreErrorKind};
pub use self::watch::{Event, Events, History, Keys, Watch};
pub use self::write_kinds::{
    CreateError, CreateErrorKind, DeleteError, DeleteErrorKind, PurgeError, PurgeErrorKind, PutError, PutErrorKind,
    UpdateError, UpdateErrorKind,
};

/// A bucket whose values are `T`s: JSON, unless a [codec](crate::typed::Codec) says otherwise. Beyond async-nats.
///
/// The same type of `embus-kv` works over async-nats (its feature `remote`), so that a program keeps its code when its
/// buckets move out of the process.
///
/// | method of [`embus_kv::Bucket`] | what it does |
/// |---|---|
/// | [`put`](embus_kv::Bucket::put), [`create`](embus_kv::Bucket::create), [`create_with_ttl`](embus_kv::Bucket::create_with_ttl), [`update`](embus_kv::Bucket::update) | gives a key a value, whatever it had; if it has none; if its last entry has a revision |
/// | [`modify`](embus_kv::Bucket::modify) | makes a value of the one that is there; no change is lost |
/// | [`get`](embus_kv::Bucket::get), [`entry`](embus_kv::Bucket::entry) | the value of a key; with its revision |
/// | [`keys`](embus_kv::Bucket::keys) | all keys that have a value |
/// | [`delete`](embus_kv::Bucket::delete), [`delete_expect_revision`](embus_kv::Bucket::delete_expect_revision), [`purge`](embus_kv::Bucket::purge) | removes a key; with its history |
/// | [`watch`](embus_kv::Bucket::watch), [`watch_with_history`](embus_kv::Bucket::watch_with_history), [`watch_from_revision`](embus_kv::Bucket::watch_from_revision) | what happens to keys |
/// | [`raw`](embus_kv::Bucket::raw) | the [`Store`] under it |
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use embus::jetstream::{self, kv};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Player {
///     name: String,
///     score: u32,
/// }
///
/// let config = kv::Config { bucket: "players".into(), ..Default::default() };
/// let broker = embus::Broker::builder().bucket(config).start().await?;
/// let players = jetstream::new(broker.client()).get_key_value("players").await?.typed::<Player>();
/// players.put("7", &Player { name: "Ada".into(), score: 1 }).await?;
///
/// // Calls that come at the same time all count.
/// let ada = players.modify("7", |ada| ada.map(|ada| Player { score: ada.score + 1, ..ada }).unwrap()).await?;
/// assert_eq!((ada.value.score, ada.revision), (2, 2));
/// assert_eq!(players.get("8").await?, None);
/// # Ok(())
/// # }
/// ```
pub type Bucket<T, C = embus_kv::Json> = embus_kv::Bucket<T, Store, C>;
