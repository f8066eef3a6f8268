//! Key-value buckets over a stream. [ADR-8]
//!
//! A bucket is a stream whose subjects are keys: an entry is a message, its revision the message's sequence, and a key is
//! removed by a message that says so. What this crate knows is how: which names are keys, what the stream is configured
//! to be, which headers a change carries, when a key may be created, and when a watch has told all that was there. The
//! stream itself is behind the four calls of [`Backend`](backend::Backend).
//!
//! The crate starts no runtime, opens no socket and reads no clock.
//!
//! | module | noun |
//! |---|---|
//! | [`key`] | keys, patterns of them, names of buckets |
//! | [`shape`] | what the stream of a bucket is configured to be |
//! | [`operation`], [`entry`], [`ttl`] | what an entry does, what it is, how long it stays |
//! | [`backend`] | what is needed of the stream |
//! | [`mod@write`], [`read`], [`watch`] | the logic over it |
//! | [`typed`], [`codec`] | values with a type, and the form that they are kept in |
//! | `remote` | with the feature of that name: a bucket behind async-nats's client |
//! | [`error`], [`refusal`] | why it fails; what a bucket's configuration does not allow |

pub mod backend;
pub mod codec;
pub mod entry;
pub mod error;
#[cfg(test)]
mod fake;
pub mod key;
pub mod operation;
pub mod read;
pub mod refusal;
#[cfg(feature = "remote")]
pub mod remote;
pub mod shape;
pub mod ttl;
pub mod typed;
pub mod watch;
pub mod write;

pub use codec::{Codec, Json};
pub use entry::Entry;
pub use operation::{Operation, ParseOperationError};
pub use refusal::Refusal;
pub use typed::Bucket;
