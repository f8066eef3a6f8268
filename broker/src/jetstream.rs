//! Streams: messages that are kept, with the API of async-nats's `jetstream`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use embus::jetstream;
//!
//! let broker = embus::Broker::builder().start().await?;
//! let jetstream = jetstream::new(broker.client());
//! let orders = jetstream::stream::Config {
//!     name: "ORDERS".into(),
//!     subjects: vec!["orders.>".into()],
//!     max_messages: 10_000,
//!     ..Default::default()
//! };
//! let stream = jetstream.create_stream(orders).await?;
//!
//! let ack = jetstream.publish("orders.eu.1", "two chairs".into()).await?.await?;
//! assert_eq!((ack.stream.as_str(), ack.sequence), ("ORDERS", 1));
//! assert_eq!(stream.get_raw_message(1).await?.payload, "two chairs");
//! # Ok(())
//! # }
//! ```
//!
//! Without [`Builder::store_dir`](crate::Builder::store_dir), file streams are kept in memory, too.
//!
//! Calls go straight to the streams, without JSON and without a message. What is different from async-nats follows from
//! that: a publish that no stream takes fails at once, also where plain subscribers got the message; a stream with
//! `no_ack` acknowledges in-process publishers all the same; stored copies have no reply subject; and the headers of a
//! [direct get](stream::Stream::direct_get) are those of the message alone, as its fields tell the rest. Everything
//! here needs a tokio runtime with its timer enabled.

pub mod account;
mod ack;
mod acker;
mod codes;
pub mod consumer;
pub mod context;
mod delivery;
pub(crate) mod ensure;
mod errors;
mod failure;
pub mod kv;
pub mod message;
pub mod object_store;
pub mod publish;
pub mod response;
pub mod stream;

use crate::Client;

pub use self::context::{Context, ContextBuilder};
pub use self::ensure::{EnsureStreamError, EnsureStreamErrorKind, Ensured};
pub use self::errors::{Error, ErrorCode};
pub use self::message::{AckKind, Message};

/// A context of the broker's streams.
pub fn new(client: Client) -> Context {
    ContextBuilder::new().build(client)
}

/// A context for the streams of a domain. There is one broker in reach: in a context of any domain but
/// [its own](crate::Builder::jetstream_domain), all calls but publishes fail with an error that says so.
pub fn with_domain<T: AsRef<str>>(client: Client, domain: T) -> Context {
    ContextBuilder::new().domain(domain.as_ref()).build(client)
}

/// A context for streams behind an API prefix: `$JS.API`, or `$JS.<domain>.API` with the broker's own domain. In a context
/// of any other, all calls but publishes fail with an error that says so.
pub fn with_prefix(client: Client, prefix: &str) -> Context {
    ContextBuilder::new().api_prefix(prefix).build(client)
}

/// Whether this can be the name of a stream. [async-nats: `is_valid_name`]
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'.' | b'*' | b'>'))
}

/// Whether a request may ask for this subject or filter. [async-nats: `is_valid_subject`]
pub(crate) fn is_valid_subject(subject: &str) -> bool {
    !subject.is_empty()
        && !subject.starts_with('.')
        && !subject.ends_with('.')
        && !subject.contains("..")
        && !subject.contains([' ', '\r', '\n', '\t'])
}
