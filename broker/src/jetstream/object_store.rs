//! Object stores, with the API of async-nats's `jetstream::object_store`: values of any size under a name. [ADR-20]
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::jetstream::{self, object_store};
//! use tokio::io::AsyncReadExt;
//!
//! let broker = embus::Broker::builder().start().await?;
//! let jetstream = jetstream::new(broker.client());
//! let maps = object_store::Config { bucket: "maps".into(), ..Default::default() };
//! let maps = jetstream.create_object_store(maps).await?;
//!
//! let info = maps.put("world", &mut &[7; 300_000][..]).await?;
//! assert_eq!((info.size, info.chunks), (300_000, 3));
//!
//! let mut world = Vec::new();
//! maps.get("world").await?.read_to_end(&mut world).await?;
//! assert_eq!(world, [7; 300_000]);
//! # Ok(())
//! # }
//! ```
//!
//! A store is a stream named `OBJ_` and its name: stores of official clients and of embus are the same. An object is a
//! message that describes it and one message per chunk, which are read straight from that stream. Where async-nats leaves
//! something open, this does not:
//!
//! - Whoever puts an object while somebody else does removes the chunks of the one that was replaced, and no others; what
//!   was written of one that could not be completed is removed.
//! - An object that is replaced or removed while it is read ends with an error; so does one whose bytes are not those that
//!   were put.
//! - Chunks are no larger than the broker takes messages, if nothing is said of their size.
//! - [`ObjectStore::update_metadata`] takes all fields, and a new name is taken before the old one is given up.

mod config;
mod info;
mod kinds;
mod links;
mod meta;
mod object;
mod put;
mod store;
#[cfg(all(test, feature = "test-util"))]
mod tests;
mod watch;

pub use self::config::Config;
pub(crate) use self::config::stream_of;
pub use self::info::{AsObjectInfo, ObjectInfo, ObjectLink, ObjectMetadata, ObjectOptions, UpdateMetadata};
pub use self::kinds::{
    AddLinkError, AddLinkErrorKind, DeleteError, DeleteErrorKind, GetError, GetErrorKind, InfoError, InfoErrorKind,
    ListError, ListErrorKind, ListerError, ListerErrorKind, PutError, PutErrorKind, SealError, SealErrorKind,
    UpdateMetadataError, UpdateMetadataErrorKind, WatchError, WatchErrorKind, WatcherError, WatcherErrorKind,
};
pub use self::object::Object;
pub use self::store::ObjectStore;
pub use self::watch::{List, Watch};
